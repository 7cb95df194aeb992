/*
 * retry_test.c: delays of every attempt, and policies that are none.
 */
#include "run/retry.h"

#include <check.h>

#include "store/tempstore.h"

static skafu_retry_policy policy_of(skafu_retry_policy given)
{
	skafu_retry_policy policy;

	given.size = sizeof given;
	went(skafu__retry_read(&given, &policy, fault));
	return policy;
}

START_TEST(defaults)
{
	skafu_retry_policy policy;

	went(skafu__retry_read(NULL, &policy, fault));
	ck_assert_uint_eq(policy.attempts_max, 5);
	ck_assert_int_eq(skafu__retry_delay(&policy, 1, 99), 100000000);
	ck_assert_int_eq(skafu__retry_delay(&policy, 2, 99), 200000000);
	ck_assert_int_eq(skafu__retry_delay(&policy, 4, 99), 800000000);
	ck_assert_int_eq(skafu__retry_delay(&policy, 5, 99), -1);
	ck_assert_int_eq(skafu__retry_delay(&policy, 6, 99), -1);
}
END_TEST

START_TEST(growth_ends)
{
	skafu_retry_policy policy = policy_of((skafu_retry_policy){.attempts_max = UINT32_MAX, .delay_ns = 3});

	ck_assert_int_eq(skafu__retry_delay(&policy, 4, 0), 24);
	ck_assert_int_eq(skafu__retry_delay(&policy, 4000000, 0), 60000000000);
	policy.delay_ns_max = UINT64_MAX;
	ck_assert_int_gt(skafu__retry_delay(&policy, 4000000, 0), 0);
	policy = policy_of((skafu_retry_policy){.backoff = SKAFU_BACKOFF_CONSTANT, .delay_ns = 7, .attempts_max = 9});
	ck_assert_int_eq(skafu__retry_delay(&policy, 8, 0), 7);
}
END_TEST

START_TEST(jitter_shortens)
{
	skafu_retry_policy policy = policy_of((skafu_retry_policy){.delay_ns = 1000, .jitter_percent = 30});
	int64_t shortest = INT64_MAX;
	int64_t longest = 0;

	seeded("jitter_shortens");
	for (int i = 0; i < 10000; i++) {
		int64_t delay = skafu__retry_delay(&policy, 1, random_u64());
		shortest = delay < shortest ? delay : shortest;
		longest = delay > longest ? delay : longest;
	}
	ck_assert_int_eq(shortest, 700);
	ck_assert_int_eq(longest, 1000);
	policy.jitter_percent = 100;
	ck_assert_int_eq(skafu__retry_delay(&policy, 1, 1000), 0);
}
END_TEST

START_TEST(what_is_no_policy)
{
	skafu_retry_policy policy = {.size = sizeof policy, .backoff = 2};
	skafu_retry_policy out;

	refused(SKAFU_EINVAL, skafu__retry_read(&policy, &out, fault));
	policy = (skafu_retry_policy){.size = sizeof policy, .then = 3};
	refused(SKAFU_EINVAL, skafu__retry_read(&policy, &out, fault));
	policy = (skafu_retry_policy){.size = sizeof policy, .jitter_percent = 101};
	refused(SKAFU_EINVAL, skafu__retry_read(&policy, &out, fault));
	policy = (skafu_retry_policy){.size = sizeof policy, .reserved = 1};
	refused(SKAFU_EOPTION, skafu__retry_read(&policy, &out, fault));
	policy = (skafu_retry_policy){.size = 0};
	refused(SKAFU_EOPTION, skafu__retry_read(&policy, &out, fault));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, defaults);
	tcase_add_test(tests, growth_ends);
	tcase_add_test(tests, jitter_shortens);
	tcase_add_test(tests, what_is_no_policy);
}

int main(void)
{
	return tempstore_main("retry", add);
}

/*
 * replayrow_test.c: the rows of a session are read as they were written, and bytes of strangers do no harm.
 */
#include "run/replayrow.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

static struct skafu__buf value;

static struct skafu__replay_plan a_plan(void)
{
	struct skafu__replay_plan plan = {.state = SKAFU_REPLAY_FAILED, .flags = 5, .copies = 1, .masks = 1,
					  .from = 3, .to = 77, .rate_max = 12, .revision = 9, .started_ns = -4,
					  .ended_ns = 5, .code = -7, .target_count = 2, .birth = {1, 2, 3},
					  .rule = "{\"a\":[1]}", .message = "it broke"};
	plan.targets[0] = (struct skafu__replay_target){SKAFU_CONSUMER_KIND_PROJECTION, "one"};
	plan.targets[1] = (struct skafu__replay_target){SKAFU_CONSUMER_KIND_REACTION, "another"};
	return plan;
}

static void setup(void)
{
	struct skafu__replay_plan plan = a_plan();

	skafu__buf_init(&value, skafu__sys_current(), SIZE_MAX);
	ck_assert_int_eq(skafu__replay_plan_encode(&plan, &value), 0);
}

static void teardown(void)
{
	skafu__buf_done(&value);
}

START_TEST(a_plan_comes_back)
{
	struct skafu__replay_plan plan = a_plan(), found;

	went(skafu__replay_plan_decode(value.bytes, value.length, &found, fault));
	ck_assert_uint_eq(found.state, plan.state);
	ck_assert_uint_eq(found.flags, plan.flags);
	ck_assert_uint_eq(found.from, plan.from);
	ck_assert_uint_eq(found.to, plan.to);
	ck_assert_uint_eq(found.rate_max, plan.rate_max);
	ck_assert_uint_eq(found.revision, plan.revision);
	ck_assert_int_eq(found.started_ns, plan.started_ns);
	ck_assert_int_eq(found.ended_ns, plan.ended_ns);
	ck_assert_int_eq(found.code, plan.code);
	ck_assert_mem_eq(found.birth, plan.birth, 16);
	ck_assert_str_eq(found.rule, plan.rule);
	ck_assert_str_eq(found.message, plan.message);
	ck_assert_uint_eq(found.target_count, 2);
	ck_assert_str_eq(found.targets[1].name, "another");
	ck_assert_uint_eq(found.targets[0].kind, SKAFU_CONSUMER_KIND_PROJECTION);
}
END_TEST

START_TEST(cut_and_changed_plans)
{
	struct skafu__replay_plan found;
	uint8_t bytes[512];

	ck_assert_uint_lt(value.length, sizeof bytes);
	for (size_t length = 0; length < value.length; length++) {
		uint8_t *exact = malloc(length + 1);
		memcpy(exact, value.bytes, length);
		ck_assert_int_lt(skafu__replay_plan_decode(exact, length, &found, fault), 0);
		free(exact);
	}
	for (uint32_t seed = 0; seed < 20000; seed++) {
		memcpy(bytes, value.bytes, value.length);
		srand(seed);
		for (int i = 0; i < 3; i++)
			bytes[(size_t)rand() % value.length] = (uint8_t)rand();
		(void)skafu__replay_plan_decode(bytes, value.length, &found, fault);
	}
	value.bytes[0] = 2;
	refused(SKAFU_ENEWER, skafu__replay_plan_decode(value.bytes, value.length, &found, fault));
}
END_TEST

START_TEST(a_progress_comes_back)
{
	struct skafu__replay_progress progress = {.sequence = 5, .partial = 7, .partial_targets = 2,
						  .generation_count = 2, .matched = 3, .succeeded = 4, .failed = 1,
						  .rate = 1000, .generations = {8, 9}};
	struct skafu__replay_progress found;
	uint8_t bytes[SKAFU__REPLAY_PROGRESS_BYTES_MAX];
	size_t length = skafu__replay_progress_encode(&progress, bytes);

	went(skafu__replay_progress_decode(bytes, length, &found, fault));
	ck_assert_mem_eq(&found, &progress, sizeof found);
	for (size_t cut = 1; cut < length; cut++)
		refused(SKAFU_EDAMAGED, skafu__replay_progress_decode(bytes, cut, &found, fault));
	bytes[2] = 0xff;
	refused(SKAFU_EDAMAGED, skafu__replay_progress_decode(bytes, length, &found, fault));
}
END_TEST

START_TEST(later_ids_come_first)
{
	static const uint8_t early[16] = {1}, late[16] = {2};
	uint8_t a[SKAFU__REPLAY_KEY_BYTES], b[SKAFU__REPLAY_KEY_BYTES], id[16];
	uint32_t part = 9;

	skafu__replay_key(early, SKAFU__REPLAY_PLAN, a);
	skafu__replay_key(late, SKAFU__REPLAY_PROGRESS, b);
	ck_assert_int_gt(memcmp(a, b, sizeof a), 0);
	went(skafu__replay_key_read(b, sizeof b, id, &part, fault));
	ck_assert_mem_eq(id, late, 16);
	ck_assert_uint_eq(part, SKAFU__REPLAY_PROGRESS);
	refused(SKAFU_EDAMAGED, skafu__replay_key_read(b, 3, id, &part, fault));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_plan_comes_back);
	tcase_add_test(tests, cut_and_changed_plans);
	tcase_add_test(tests, a_progress_comes_back);
	tcase_add_test(tests, later_ids_come_first);
}

int main(void)
{
	return tempstore_main("replayrow", add);
}

/*
 * statecache_test.c: the budget holds, the oldest goes, the newer stays, and memory that runs out costs a state only.
 */
#include "model/statecache.h"

#include <check.h>
#include <string.h>

#include "base/failing.h"
#include "model/decider.h"
#include "util/suite.h"

static struct skafu__decider decider;
static struct failing failing;
static struct skafu__statecache cache;

static void begin(void)
{
	failing_init(&failing);
	memset(&decider, 0, sizeof decider);
	decider.state.bytes = 1000;
	skafu__statecache_init(&cache, &failing.sys, 10000);
}

static void end(void)
{
	skafu__statecache_done(&cache);
	ck_assert_int_eq(failing.live, 0);
}

static struct skafu__hot *hot_at(uint64_t version)
{
	struct skafu__hot *hot = skafu__hot_new(&failing.sys, &decider);

	ck_assert_ptr_nonnull(hot);
	hot->state = skafu__alloc_zeroed(&failing.sys, 1, 1000);
	hot->version = version;
	return hot;
}

static void put(const char *key, uint64_t version)
{
	struct skafu__hot *hot = hot_at(version);

	skafu__statecache_put(&cache, key, strlen(key), hot);
	skafu__hot_release(hot);
}

static uint64_t get(const char *key)
{
	struct skafu__hot *hot = skafu__statecache_get(&cache, key, strlen(key));
	uint64_t version = hot ? hot->version : 0;

	skafu__hot_release(hot);
	return version;
}

START_TEST(newer_stays)
{
	put("a", 2);
	put("a", 1);
	ck_assert_uint_eq(get("a"), 2);
	put("a", 3);
	ck_assert_uint_eq(get("a"), 3);
	ck_assert_uint_eq(get("b"), 0);
	skafu__statecache_drop(&cache, "a", 1);
	skafu__statecache_drop(&cache, "a", 1);
	ck_assert_uint_eq(get("a"), 0);
	ck_assert_uint_eq(cache.bytes, 0);
}
END_TEST

START_TEST(the_oldest_goes)
{
	char key[2] = "a";

	for (int i = 0; i < 26; i++) {
		key[0] = (char)('a' + i);
		put(key, 1);
		ck_assert_uint_eq(get("a"), 1); /* used all the time */
		ck_assert_uint_le(cache.bytes, cache.bytes_max);
	}
	ck_assert_uint_eq(get("b"), 0);
	ck_assert_uint_eq(get("z"), 1);
	decider.state.bytes = 20000; /* larger than everything */
	put("huge", 1);
	ck_assert_uint_eq(get("huge"), 0);
	ck_assert_uint_eq(get("z"), 1);
}
END_TEST

START_TEST(held_states_outlive_the_cache)
{
	put("a", 5);
	struct skafu__hot *hot = skafu__statecache_get(&cache, "a", 1);
	skafu__statecache_drop(&cache, "a", 1);
	ck_assert_uint_eq(hot->version, 5);
	skafu__hot_release(hot);
	skafu__hot_release(NULL);
}
END_TEST

START_TEST(without_memory)
{
	for (long left = 0; left < 4; left++) {
		struct skafu__hot *hot = hot_at(1);

		failing.left = left;
		skafu__statecache_put(&cache, "k", 1, hot);
		failing.left = -1;
		skafu__hot_release(hot);
		ck_assert_uint_eq(get("k"), left == 3);
	}
	failing.left = 0;
	ck_assert_ptr_null(skafu__hot_new(&failing.sys, &decider));
	failing.left = -1;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("statecache");
	TCase *tests = tcase_create("statecache");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, newer_stays);
	tcase_add_test(tests, the_oldest_goes);
	tcase_add_test(tests, held_states_outlive_the_cache);
	tcase_add_test(tests, without_memory);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

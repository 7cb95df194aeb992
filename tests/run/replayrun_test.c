/*
 * replayrun_test.c: projections as targets, and the pace of a session.
 */
#include "run/replayrun.h"

#include <check.h>
#include <string.h>
#include <time.h>

#include "run/replaykit.h"

static struct replaykit kit;

static void setup(void)
{
	replaykit_open(&kit);
}

static void teardown(void)
{
	replaykit_close(&kit);
}

START_TEST(a_view_is_tried_and_thrown_away)
{
	skafu_replay_opts opts = replaykit_opts("totals", 0);

	opts.from = 51;
	opts.to = 150;
	kit.fail_at = 60;
	replaykit_replay(&kit, &opts);
	skafu_replay_info info = replaykit_info(&kit);
	ck_assert_uint_eq(info.state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(info.done, 100);
	ck_assert_uint_eq(info.succeeded, 99);
	ck_assert_uint_eq(info.failed, 1);
	ck_assert_int_eq(replaykit_total(&kit, "Ordered"), REPLAYKIT_ORDERS);
}
END_TEST

START_TEST(a_rule_holds_for_a_view)
{
	skafu_replay_opts opts = replaykit_opts("totals", 0);

	opts.rule = "{\"eventType\":[\"Reserved\"]}";
	replaykit_replay(&kit, &opts);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, REPLAYKIT_ORDERS);
	ck_assert_uint_eq(kit.counted, REPLAYKIT_ORDERS);
}
END_TEST

START_TEST(a_view_is_rebuilt_and_put_in_use)
{
	skafu_replay_opts opts = replaykit_opts("totals", SKAFU_REPLAY_REEMIT);
	uint32_t counted = kit.counted;

	replaykit_replay(&kit, &opts);
	skafu_replay_info info = replaykit_info(&kit);
	ck_assert_uint_eq(info.state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(info.succeeded, 1);
	ck_assert_uint_eq(kit.counted, counted + 3 * REPLAYKIT_ORDERS);
	ck_assert_int_eq(replaykit_total(&kit, "Ordered"), REPLAYKIT_ORDERS);
}
END_TEST

START_TEST(a_rebuild_that_fails_fails_the_session)
{
	skafu_replay_opts opts = replaykit_opts("totals", SKAFU_REPLAY_REEMIT);

	kit.fail_at = 60;
	replaykit_replay(&kit, &opts);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_FAILED);
	ck_assert_int_eq(replaykit_total(&kit, "Ordered"), REPLAYKIT_ORDERS);
}
END_TEST

START_TEST(a_rate_is_kept)
{
	skafu_replay_opts opts = replaykit_opts("reserve", 0);
	int64_t begin = skafu__sys_current()->monotonic_ns();

	opts.rate_max = 500; /* 100 records, of which the first 50 at once */
	opts.to = REPLAYKIT_ORDERS;
	replaykit_replay(&kit, &opts);
	ck_assert_int_ge(skafu__sys_current()->monotonic_ns() - begin, INT64_C(90000000));
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, REPLAYKIT_ORDERS);
}
END_TEST

START_TEST(the_pace_of_old_is_kept)
{
	skafu_replay_opts opts = replaykit_opts("reserve", SKAFU_REPLAY_ORIGINAL_PACE);
	skafu_record *record = NULL;
	struct timespec pause = {.tv_nsec = 120000000};
	int64_t took, begin;

	nanosleep(&pause, NULL);
	opts.to = kit_order(&kit.base, "late");
	opts.from = REPLAYKIT_ORDERS;
	went(skafu_get(kit.base.store, opts.to, &record, fault));
	took = record->recorded_ns;
	skafu_record_free(record);
	went(skafu_get(kit.base.store, opts.from, &record, fault));
	took -= record->recorded_ns;
	skafu_record_free(record);
	begin = skafu__sys_current()->monotonic_ns();
	replaykit_replay(&kit, &opts);
	ck_assert_int_ge(skafu__sys_current()->monotonic_ns() - begin, took);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, 2);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_view_is_tried_and_thrown_away);
	tcase_add_test(tests, a_rule_holds_for_a_view);
	tcase_add_test(tests, a_view_is_rebuilt_and_put_in_use);
	tcase_add_test(tests, a_rebuild_that_fails_fails_the_session);
	tcase_add_test(tests, a_rate_is_kept);
	tcase_add_test(tests, the_pace_of_old_is_kept);
}

int main(void)
{
	return tempstore_main("replayrun", add);
}

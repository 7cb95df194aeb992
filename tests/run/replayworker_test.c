/*
 * replayworker_test.c: an engine finds sessions, and one at a time carries one on, until it is paused from elsewhere.
 */
#include "run/replayworker.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

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

static skafu_engine *another;

START_TEST(two_engines_share_nothing)
{
	skafu_replay_opts opts = replaykit_opts("reserve", SKAFU_REPLAY_REEMIT);

	went(skafu_engine_open(kit.base.model, NULL, &another, fault));
	for (int i = 0; i < 4; i++)
		went(skafu_replay_start(i & 1 ? another : kit.base.engine, &opts, kit.id, fault));
	for (int i = 0; i < 200; i++) {
		ck_assert_int_ge(skafu_engine_step(kit.base.engine, 7, fault), 0);
		ck_assert_int_ge(skafu_engine_step(another, 5, fault), 0);
	}
	skafu_engine_close(another);
	kit_run(&kit.base);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(replaykit_count(&kit, "Reserved"), 5 * REPLAYKIT_ORDERS);
}
END_TEST

START_TEST(a_pause_from_elsewhere_stops_it)
{
	skafu_replay_opts opts = replaykit_opts("reserve", 0);

	opts.rate_max = 1000;
	went(skafu_engine_open(kit.base.model, NULL, &another, fault));
	went(skafu_replay_start(kit.base.engine, &opts, kit.id, fault));
	ck_assert_int_ge(skafu_engine_step(kit.base.engine, 10, fault), 0);
	went(skafu_replay_pause(another, kit.id, fault));
	kit_run(&kit.base);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_PAUSED);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, kit.base.handled);
	went(skafu_replay_resume(another, kit.id, NULL, fault));
	went(skafu_engine_drain(another, UINT64_C(5000000000), fault));
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, REPLAYKIT_ORDERS);
	skafu_engine_close(another);
}
END_TEST

START_TEST(one_that_another_carries_on_keeps_nobody_busy)
{
	skafu_replay_opts opts = replaykit_opts("reserve", 0);
	uint64_t wait = 0;

	opts.rate_max = 1;
	went(skafu_engine_open(kit.base.model, NULL, &another, fault));
	went(skafu_replay_start(kit.base.engine, &opts, kit.id, fault));
	ck_assert_int_ge(skafu_engine_step(kit.base.engine, 10, fault), 0);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_ge(skafu_engine_step(another, 10, fault), 0);
		usleep(30000);
	}
	ck_assert_int_eq(skafu_engine_step(another, 10, fault), 0);
	went(skafu_engine_timeout(another, &wait, fault));
	ck_assert_uint_gt(wait, 0);
	skafu_engine_close(another);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, two_engines_share_nothing);
	tcase_add_test(tests, a_pause_from_elsewhere_stops_it);
	tcase_add_test(tests, one_that_another_carries_on_keeps_nobody_busy);
}

int main(void)
{
	return tempstore_main("replayworker", add);
}

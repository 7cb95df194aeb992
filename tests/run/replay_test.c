/*
 * replay_test.c: replays as a host steers them: pause, resume, cancel, and what is attached to a session.
 */
#include "skafu_run.h"

#include <check.h>
#include <string.h>

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

START_TEST(paused_resumed_cancelled)
{
	skafu_replay_opts opts = replaykit_opts("reserve", 0);
	skafu_engine *engine = kit.base.engine;

	opts.rate_max = 2000;
	went(skafu_replay_start(engine, &opts, kit.id, fault));
	ck_assert_int_ge(skafu_engine_step(engine, 10, fault), 0);
	went(skafu_replay_pause(engine, kit.id, fault));
	went(skafu_replay_pause(engine, kit.id, fault));
	uint64_t done = replaykit_info(&kit).done;
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_PAUSED);
	kit_run(&kit.base);
	ck_assert_uint_eq(replaykit_info(&kit).done, done);
	went(skafu_replay_resume(engine, kit.id, NULL, fault));
	kit_run(&kit.base);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, REPLAYKIT_ORDERS);
	refused(SKAFU_EINVAL, skafu_replay_pause(engine, kit.id, fault));
	refused(SKAFU_EINVAL, skafu_replay_resume(engine, kit.id, NULL, fault));
	refused(SKAFU_EINVAL, skafu_replay_cancel(engine, kit.id, fault));
	went(skafu_replay_start(engine, &opts, kit.id, fault));
	went(skafu_replay_cancel(engine, kit.id, fault));
	went(skafu_replay_cancel(engine, kit.id, fault));
	kit_run(&kit.base);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_CANCELLED);
	ck_assert_uint_eq(replaykit_info(&kit).done, 0);
}
END_TEST

START_TEST(unknown_sessions)
{
	static const uint8_t other[16] = {1};
	skafu_engine *engine = kit.base.engine;

	refused(SKAFU_ENOTFOUND, skafu_replay_pause(engine, other, fault));
	refused(SKAFU_ENOTFOUND, skafu_replay_resume(engine, other, NULL, fault));
	refused(SKAFU_ENOTFOUND, skafu_replay_cancel(engine, other, fault));
	refused(SKAFU_EINVAL, skafu_replay_cancel(engine, NULL, fault));
	refused(SKAFU_EINVAL, skafu_replay_cancel(NULL, other, fault));
}
END_TEST

START_TEST(a_store_is_given_again_after_a_restart)
{
	skafu_store *other = memory_store();
	skafu_store *wrong = memory_store();
	skafu_replay_opts opts = replaykit_opts(NULL, 0);

	opts.target_store = other;
	opts.rate_max = 1000;
	opts.user = &kit.base;
	opts.free_user = kit_freed;
	went(skafu_replay_start(kit.base.engine, &opts, kit.id, fault));
	ck_assert_int_ge(skafu_engine_step(kit.base.engine, 10, fault), 0);
	kit.base.freed = 0;
	replaykit_reopen(&kit);
	ck_assert_uint_eq(kit.base.freed, 2); /* of the session, and of the reaction */
	kit_run(&kit.base);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_RUNNING);
	opts.target_store = wrong;
	refused(SKAFU_EINVAL, skafu_replay_resume(kit.base.engine, kit.id, &opts, fault));
	ck_assert_uint_eq(kit.base.freed, 3);
	opts.target_store = other;
	went(skafu_replay_resume(kit.base.engine, kit.id, &opts, fault));
	kit_run(&kit.base);
	ck_assert_uint_eq(kit.base.freed, 4);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(kit_count(other, SKAFU_KIND_EVENT, NULL), 3 * REPLAYKIT_ORDERS);
	skafu_store_close(other);
	skafu_store_close(wrong);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, paused_resumed_cancelled);
	tcase_add_test(tests, unknown_sessions);
	tcase_add_test(tests, a_store_is_given_again_after_a_restart);
}

int main(void)
{
	return tempstore_main("replay", add);
}

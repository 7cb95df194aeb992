/*
 * replaysession_test.c: a session goes on in another engine, and without memory it only waits.
 */
#include "run/replaysession.h"

#include <check.h>
#include <string.h>

#include "base/failing.h"
#include "fault/actors.h"
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

static void runs_a_while(const char *target)
{
	skafu_replay_opts opts = replaykit_opts(target, SKAFU_REPLAY_REEMIT);

	/* So slow that it has not come to its end when this thread stood still for half a second. */
	opts.rate_max = actors_slack() > 1 ? 50 : 200;
	went(skafu_replay_start(kit.base.engine, &opts, kit.id, fault));
	for (int i = 0; i < 500 && replaykit_info(&kit).done < 5; i++)
		ck_assert_int_eq(skafu_engine_run(kit.base.engine, 10000000, fault), SKAFU_ETIMEOUT);
	ck_assert_uint_gt(replaykit_info(&kit).done, 0);
	ck_assert_uint_lt(replaykit_info(&kit).done, REPLAYKIT_ORDERS);
}

START_TEST(a_reaction_goes_on_in_another_engine)
{
	runs_a_while("reserve");
	replaykit_reopen(&kit);
	kit_run(&kit.base);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, REPLAYKIT_ORDERS);
	ck_assert_uint_eq(replaykit_count(&kit, "Reserved"), 2 * REPLAYKIT_ORDERS);
}
END_TEST

/* What it had in memory is made again. */
START_TEST(a_process_goes_on_in_another_engine)
{
	runs_a_while("count");
	replaykit_reopen(&kit);
	kit_run(&kit.base);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, REPLAYKIT_ORDERS);
	ck_assert_uint_eq(replaykit_count(&kit, "Paid"), 2 * REPLAYKIT_ORDERS);
	ck_assert_int_eq(kit.last_number, 15);
}
END_TEST

START_TEST(an_engine_without_the_target_leaves_it)
{
	static const char *const others[] = {"count"};
	skafu_engine_opts only = {.size = sizeof only, .consumers = others, .consumer_count = 1};

	runs_a_while("reserve");
	kit_stop(&kit.base);
	went(skafu_engine_open(kit.base.model, &only, &kit.base.engine, fault));
	kit_run(&kit.base);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_RUNNING);
	refused(SKAFU_ENOTFOUND, skafu_replay_start(kit.base.engine,
						    &(skafu_replay_opts){.size = sizeof(skafu_replay_opts),
									 .targets = (const char *const[]){"reserve"},
									 .target_count = 1},
						    kit.id, fault));
}
END_TEST

/* A part of a session without memory: whatever fails, it is done in the end, and nothing is there twice. */
START_TEST(memory_runs_out)
{
	static const char *const targets[] = {"reserve", "count", "totals"};
	skafu_replay_opts opts = replaykit_opts(NULL, SKAFU_REPLAY_REEMIT);
	skafu_store *other = memory_store();
	static struct failing failing;
	uint32_t sessions = 0, refusals = 0;

	opts.targets = targets;
	opts.target_count = 2;
	opts.to = 20;
	failing_init(&failing);
	replaykit_close(&kit);
	skafu__sys_override(&failing.sys);
	replaykit_open(&kit);
	opts.target_store = other;
	for (long left = 0; left < 600; left += 1 + left / 16) {
		failing.left = left;
		int32_t rc = skafu_replay_start(kit.base.engine, &opts, kit.id, NULL);
		if (rc == 0)
			rc = skafu_engine_drain(kit.base.engine, UINT64_C(50000000), NULL);
		refusals += rc != 0;
		failing.left = -1;
		kit_run(&kit.base);
	}
	skafu_replay_list *list = NULL;
	const skafu_replay_info *info = NULL;
	went(skafu_replay_list_open(kit.base.store, SKAFU_NO_LIMIT, &list, fault));
	while (skafu_replay_list_next(list, &info, fault) == 1) {
		ck_assert_msg(info->state == SKAFU_REPLAY_DONE, "state %u: %s", info->state, info->message);
		ck_assert_uint_eq(info->failed, 0);
		sessions++;
	}
	skafu_replay_list_free(list);
	ck_assert_uint_gt(refusals, 10);
	ck_assert_uint_eq(replaykit_count(&kit, "Reserved"), REPLAYKIT_ORDERS + 20 * sessions);
	ck_assert_uint_eq(replaykit_count(&kit, "Paid"), REPLAYKIT_ORDERS + 20 * sessions);
	ck_assert_uint_eq(kit_count(other, SKAFU_KIND_EVENT, NULL), 20);
	replaykit_close(&kit);
	ck_assert_int_eq(failing.live, 0);
	skafu__sys_override(NULL);
	skafu_store_close(other);
	replaykit_open(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_reaction_goes_on_in_another_engine);
	tcase_add_test(tests, a_process_goes_on_in_another_engine);
	tcase_add_test(tests, an_engine_without_the_target_leaves_it);
	tcase_add_test(tests, memory_runs_out);
}

int main(void)
{
	return tempstore_main("replaysession", add);
}

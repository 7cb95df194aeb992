/*
 * replaysession_test.c: a session goes on in another engine, and without memory it only waits.
 */
#include "run/replaysession.h"

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

static void runs_a_while(const char *target)
{
	skafu_replay_opts opts = replaykit_opts(target, SKAFU_REPLAY_REEMIT);

	opts.rate_max = 500;
	went(skafu_replay_start(kit.base.engine, &opts, kit.id, fault));
	for (int i = 0; i < 50 && replaykit_info(&kit).done < 5; i++)
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

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_reaction_goes_on_in_another_engine);
	tcase_add_test(tests, a_process_goes_on_in_another_engine);
	tcase_add_test(tests, an_engine_without_the_target_leaves_it);
}

int main(void)
{
	return tempstore_main("replaysession", add);
}

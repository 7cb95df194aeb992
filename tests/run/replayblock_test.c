/*
 * replayblock_test.c: records through reactions and processes: what is kept, what is counted, what is left alone.
 */
#include "run/replayblock.h"

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

START_TEST(output_is_discarded)
{
	skafu_replay_opts opts = replaykit_opts("reserve", 0);
	uint32_t muted = kit.base.muted;

	replaykit_replay(&kit, &opts);
	skafu_replay_info info = replaykit_info(&kit);
	ck_assert_uint_eq(info.state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(info.total, 3 * REPLAYKIT_ORDERS);
	ck_assert_uint_eq(info.done, info.total);
	ck_assert_uint_eq(info.matched, REPLAYKIT_ORDERS);
	ck_assert_uint_eq(info.succeeded, REPLAYKIT_ORDERS);
	ck_assert_uint_eq(info.failed, 0);
	ck_assert_int_ne(info.ended_ns, 0);
	ck_assert_uint_eq(kit.base.handled, REPLAYKIT_ORDERS);
	ck_assert_uint_eq(kit.base.muted, muted + REPLAYKIT_ORDERS);
	ck_assert_uint_eq(replaykit_count(&kit, "Reserved"), REPLAYKIT_ORDERS);
}
END_TEST

START_TEST(output_is_kept_once_a_session)
{
	skafu_replay_opts opts = replaykit_opts("reserve", SKAFU_REPLAY_REEMIT);
	uint32_t muted = kit.base.muted;

	replaykit_replay(&kit, &opts);
	ck_assert_uint_eq(replaykit_count(&kit, "Reserved"), 2 * REPLAYKIT_ORDERS);
	replaykit_replay(&kit, &opts);
	ck_assert_uint_eq(replaykit_info(&kit).total, 4 * REPLAYKIT_ORDERS);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, REPLAYKIT_ORDERS);
	ck_assert_uint_eq(replaykit_count(&kit, "Reserved"), 3 * REPLAYKIT_ORDERS);
	ck_assert_uint_eq(kit.base.muted, muted + 2 * REPLAYKIT_ORDERS);
}
END_TEST

START_TEST(a_failure_is_counted)
{
	skafu_replay_opts opts = replaykit_opts("reserve", SKAFU_REPLAY_REEMIT);

	kit.base.fails = 3;
	replaykit_replay(&kit, &opts);
	ck_assert_uint_eq(replaykit_info(&kit).state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, REPLAYKIT_ORDERS - 3);
	ck_assert_uint_eq(replaykit_info(&kit).failed, 3);
	ck_assert_uint_eq(replaykit_count(&kit, "Reserved"), 2 * REPLAYKIT_ORDERS - 3);
}
END_TEST

START_TEST(a_part_of_the_log)
{
	skafu_replay_opts opts = replaykit_opts("reserve", 0);

	opts.from = 11;
	opts.to = 20;
	replaykit_replay(&kit, &opts);
	ck_assert_uint_eq(replaykit_info(&kit).total, 10);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, 10);
	opts.rule = "{\"streamId\":[\"order-0\"]}";
	opts.from = 1;
	opts.to = 14;
	replaykit_replay(&kit, &opts);
	ck_assert_uint_eq(replaykit_info(&kit).matched, 2);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, 2);
}
END_TEST

START_TEST(a_process_begins_anew)
{
	skafu_replay_opts opts = replaykit_opts("count", SKAFU_REPLAY_REEMIT);

	replaykit_replay(&kit, &opts);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, REPLAYKIT_ORDERS);
	ck_assert_uint_eq(kit.acted, REPLAYKIT_ORDERS);
	/* The last order is the 15th of its stream, also in the replay, and the live one counts on. */
	ck_assert_int_eq(kit.last_number, 15);
	ck_assert_uint_eq(replaykit_count(&kit, "Paid"), 2 * REPLAYKIT_ORDERS);
	kit_order(&kit.base, "order-1");
	kit_run(&kit.base);
	ck_assert_int_eq(kit.last_number, 16);
}
END_TEST

START_TEST(all_targets_see_a_record_before_the_next)
{
	static const char *const targets[] = {"reserve", "count", "totals"};
	skafu_replay_opts opts = replaykit_opts(NULL, 0);

	opts.targets = targets;
	opts.target_count = 3;
	replaykit_replay(&kit, &opts);
	skafu_replay_info info = replaykit_info(&kit);
	ck_assert_uint_eq(info.state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(info.succeeded, 5 * REPLAYKIT_ORDERS);
	ck_assert_uint_eq(kit.counted, 3 * REPLAYKIT_ORDERS);
}
END_TEST

/* The stream that the output would go to is closed for ever. */
START_TEST(what_cannot_be_recorded_is_a_failure)
{
	skafu_replay_opts opts = replaykit_opts("reserve", SKAFU_REPLAY_REEMIT);
	skafu_batch *batch = batch_of(kit.base.store);

	went(skafu_batch_tombstone_stream(batch, "stock/order-3", fault));
	appended_by(kit.base.store, batch);
	replaykit_replay(&kit, &opts);
	skafu_replay_info info = replaykit_info(&kit);
	ck_assert_uint_eq(info.state, SKAFU_REPLAY_DONE);
	ck_assert_uint_eq(info.failed, 14);
	ck_assert_uint_eq(info.succeeded, REPLAYKIT_ORDERS - 14);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, output_is_discarded);
	tcase_add_test(tests, output_is_kept_once_a_session);
	tcase_add_test(tests, a_failure_is_counted);
	tcase_add_test(tests, a_part_of_the_log);
	tcase_add_test(tests, a_process_begins_anew);
	tcase_add_test(tests, all_targets_see_a_record_before_the_next);
	tcase_add_test(tests, what_cannot_be_recorded_is_a_failure);
}

int main(void)
{
	return tempstore_main("replayblock", add);
}

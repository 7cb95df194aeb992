/*
 * replayorder_test.c: what is asked of a replay is refused, or becomes a plan.
 */
#include "run/replayorder.h"

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

static int32_t start(const skafu_replay_opts *opts)
{
	return skafu_replay_start(kit.base.engine, opts, kit.id, fault);
}

START_TEST(bad_input_is_refused)
{
	skafu_replay_opts opts = replaykit_opts("nobody", 0);

	refused(SKAFU_ENOTFOUND, start(&opts));
	message_names("nobody");
	opts = replaykit_opts("domain:nowhere", 0);
	refused(SKAFU_ENOTFOUND, start(&opts));
	opts = replaykit_opts(NULL, 0);
	refused(SKAFU_EINVAL, start(&opts));
	opts.target_store = kit.base.store;
	refused(SKAFU_EINVAL, start(&opts));
	opts = replaykit_opts("reserve", SKAFU_REPLAY_DRY_RUN | SKAFU_REPLAY_REEMIT);
	refused(SKAFU_EINVAL, start(&opts));
	opts = replaykit_opts("reserve", SKAFU_REPLAY_UPCAST);
	refused(SKAFU_EINVAL, start(&opts));
	opts = replaykit_opts("reserve", 0x8000u);
	refused(SKAFU_EOPTION, start(&opts));
	opts = replaykit_opts("reserve", 0);
	opts.rule = "{";
	refused(SKAFU_EPATTERN, start(&opts));
	refused(SKAFU_EINVAL, skafu_replay_start(kit.base.engine, &opts, NULL, fault));
}
END_TEST

START_TEST(empty_ranges_are_refused)
{
	skafu_replay_opts opts = replaykit_opts("reserve", 0);

	opts.from = 5000;
	refused(SKAFU_EINVAL, start(&opts));
	opts.from = 20;
	opts.to = 10;
	refused(SKAFU_EINVAL, start(&opts));
	opts.to = 5000;
	refused(SKAFU_EINVAL, start(&opts));
	opts = replaykit_opts("reserve", SKAFU_REPLAY_RECORDED_TO);
	opts.recorded_to_ns = 1;
	refused(SKAFU_EINVAL, start(&opts));
}
END_TEST

START_TEST(a_view_is_kept_of_the_whole_log_only)
{
	skafu_replay_opts opts = replaykit_opts("totals", SKAFU_REPLAY_REEMIT);

	opts.from = 2;
	refused(SKAFU_EINVAL, start(&opts));
	opts.from = 1;
	opts.to = 5;
	refused(SKAFU_EINVAL, start(&opts));
	opts.to = 0;
	opts.rule = "{\"eventType\":[\"Ordered\"]}";
	refused(SKAFU_EINVAL, start(&opts));
}
END_TEST

START_TEST(a_domain_is_all_that_it_runs)
{
	skafu_replay_opts opts = replaykit_opts("domain:shop", 0);
	struct skafu__replay_plan plan;

	went(skafu__replay_order_read(kit.base.engine, &opts, &plan, fault));
	ck_assert_uint_eq(plan.target_count, 2);
	ck_assert_uint_eq(plan.from, 1);
	ck_assert_uint_eq(plan.to, 3 * REPLAYKIT_ORDERS);
	opts = replaykit_opts("domain:stock", 0);
	went(skafu__replay_order_read(kit.base.engine, &opts, &plan, fault));
	ck_assert_uint_eq(plan.target_count, 1);
	ck_assert_uint_eq(plan.targets[0].kind, SKAFU_CONSUMER_KIND_REACTION);
	ck_assert_str_eq(plan.targets[0].name, "reserve");
}
END_TEST

START_TEST(a_time_is_a_range_of_sequences)
{
	skafu_replay_opts opts = replaykit_opts("reserve", SKAFU_REPLAY_RECORDED_FROM | SKAFU_REPLAY_RECORDED_TO);
	struct skafu__replay_plan plan;
	skafu_record *record = NULL;

	went(skafu_get(kit.base.store, 50, &record, fault));
	opts.recorded_from_ns = opts.recorded_to_ns = record->recorded_ns;
	skafu_record_free(record);
	went(skafu__replay_order_read(kit.base.engine, &opts, &plan, fault));
	ck_assert_uint_eq(plan.from, 1);
	ck_assert_uint_eq(plan.to, REPLAYKIT_ORDERS); /* they were one commit */
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, bad_input_is_refused);
	tcase_add_test(tests, empty_ranges_are_refused);
	tcase_add_test(tests, a_view_is_kept_of_the_whole_log_only);
	tcase_add_test(tests, a_domain_is_all_that_it_runs);
	tcase_add_test(tests, a_time_is_a_range_of_sequences);
}

int main(void)
{
	return tempstore_main("replayorder", add);
}

/*
 * replaylist_test.c: what the store says about replays.
 */
#include "skafu_run.h"

#include <check.h>
#include <string.h>

#include "run/replaykit.h"
#include "run/replayrow.h"

static struct replaykit kit;

static void setup(void)
{
	replaykit_open(&kit);
}

static void teardown(void)
{
	replaykit_close(&kit);
}

START_TEST(the_newest_first)
{
	skafu_replay_opts opts = replaykit_opts("reserve", SKAFU_REPLAY_DRY_RUN);
	skafu_replay_list *list = NULL;
	const skafu_replay_info *info = NULL;
	uint32_t count = 0;

	for (int i = 0; i < 3; i++)
		replaykit_replay(&kit, &opts);
	went(skafu_replay_list_open(kit.base.store, SKAFU_NO_LIMIT, &list, fault));
	while (skafu_replay_list_next(list, &info, fault) == 1) {
		if (count++ == 0)
			ck_assert_mem_eq(info->id, kit.id, 16);
		ck_assert_uint_eq(info->state, SKAFU_REPLAY_DONE);
		ck_assert_uint_eq(info->remaining_ns, 0);
	}
	skafu_replay_list_free(list);
	ck_assert_uint_eq(count, 3);
	went(skafu_replay_list_open(kit.base.store, 1, &list, fault));
	ck_assert_int_eq(skafu_replay_list_next(list, &info, fault), 1);
	ck_assert_int_eq(skafu_replay_list_next(list, &info, fault), 0);
	skafu_replay_list_free(list);
	skafu_replay_list_free(NULL);
}
END_TEST

/* A hostile row whose end is out of reach: the time that is left is long, and no number out of range. */
START_TEST(what_is_left_is_bounded)
{
	static const struct skafu__buf absent = {0};
	static const uint8_t id[16] = {3};
	struct skafu__replay_plan plan = {.state = SKAFU_REPLAY_RUNNING, .from = 1, .to = UINT64_MAX - 1};
	struct skafu__replay_progress progress = {.rate = 1};
	skafu_replay_info info = {.size = sizeof info};
	skafu_batch *batch = batch_of(kit.base.store);

	went(skafu__replay_put_plan(batch, id, &absent, &plan, fault));
	went(skafu__replay_put_progress(batch, id, NULL, &progress, fault));
	appended_by(kit.base.store, batch);
	went(skafu_replay_info_get(kit.base.store, id, &info, fault));
	ck_assert_uint_eq(info.remaining_ns, INT64_MAX);
}
END_TEST

START_TEST(figures_while_it_runs)
{
	skafu_replay_opts opts = replaykit_opts("reserve", 0);

	opts.rate_max = 100; /* some of it in a tenth of a second, all of it in seconds: machines stall */
	went(skafu_replay_start(kit.base.engine, &opts, kit.id, fault));
	ck_assert_int_eq(skafu_engine_run(kit.base.engine, 100000000, fault), SKAFU_ETIMEOUT);
	went(skafu_replay_pause(kit.base.engine, kit.id, fault));
	skafu_replay_info info = replaykit_info(&kit);
	ck_assert_uint_gt(info.done, 0);
	ck_assert_uint_lt(info.done, info.total);
	ck_assert_uint_eq(info.sequence, info.done);
	ck_assert_uint_gt(info.rate, 0);
	ck_assert_uint_gt(info.remaining_ns, 0);
	ck_assert_int_eq(info.ended_ns, 0);
	ck_assert_int_gt(info.started_ns, 0);
}
END_TEST

START_TEST(bad_input)
{
	skafu_replay_info info = {.size = sizeof info};
	skafu_replay_list *list = NULL;
	static const uint8_t other[16] = {1};

	refused(SKAFU_ENOTFOUND, skafu_replay_info_get(kit.base.store, other, &info, fault));
	refused(SKAFU_EINVAL, skafu_replay_info_get(kit.base.store, NULL, &info, fault));
	refused(SKAFU_EINVAL, skafu_replay_list_open(NULL, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_replay_list_next(NULL, NULL, fault));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_newest_first);
	tcase_add_test(tests, what_is_left_is_bounded);
	tcase_add_test(tests, figures_while_it_runs);
	tcase_add_test(tests, bad_input);
}

int main(void)
{
	return tempstore_main("replaylist", add);
}

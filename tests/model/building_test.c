/*
 * building_test.c: generations: conditions, threads that end in a handler, a log that was put back, sweeping.
 */
#include "model/building.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/viewkit.h"
#include "store/viewrow.h"
#include "util/suite.h"

static struct fixture bank;
static struct viewkit kit;

static void begin(void)
{
	memset(&kit, 0, sizeof kit);
	fixture_open(&bank);
	viewkit_define_events(&bank);
}

static void end(void)
{
	fixture_close(&bank);
}

static struct fixture meddler;
static struct viewkit meddling;

/* While a batch is handled, another model steps the same projection. */
static void meddle(struct viewkit *own, const skafu_record *event)
{
	if (event->sequence != 3)
		return;
	own->each = NULL;
	ck_assert_int_eq(skafu_projection_step(meddler.model, "balances", 2, &meddler.error), 1);
}

START_TEST(a_batch_is_lost_and_no_count)
{
	kit.form = (enum viewkit_form)_i;
	kit.each = meddle;
	memset(&meddling, 0, sizeof meddling);
	memset(&meddler, 0, sizeof meddler);
	viewkit_add(&bank, &kit, 1);
	meddler.store = bank.store;
	ck_assert_int_eq(skafu_model_open(bank.store, NULL, &meddler.model, &bank.error), 0);
	viewkit_define_events(&meddler);
	viewkit_add(&meddler, &meddling, 1);
	for (int i = 0; i < 6; i++)
		viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=6");
	ck_assert_uint_gt(kit.events + meddling.events, 6);
	skafu_model_close(meddler.model);
}
END_TEST

/* Failing on rows that another has moved since is no failure. */
START_TEST(a_failure_on_old_rows_halts_nobody)
{
	kit.each = meddle;
	kit.fail_at = 3;
	kit.fail_code = SKAFU_EHOST;
	memset(&meddling, 0, sizeof meddling);
	memset(&meddler, 0, sizeof meddler);
	viewkit_add(&bank, &kit, 1);
	meddler.store = bank.store;
	ck_assert_int_eq(skafu_model_open(bank.store, NULL, &meddler.model, &bank.error), 0);
	viewkit_define_events(&meddler);
	viewkit_add(&meddler, &meddling, 1);
	for (int i = 0; i < 6; i++)
		viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(skafu_projection_step(bank.model, "balances", 2, &bank.error), 1);
	ck_assert_int_eq(viewkit_step(&bank, 2), 0);
	ck_assert_uint_eq(viewkit_info(&bank).state, SKAFU_VIEW_LIVE);
	ck_assert_str_eq(viewkit_rows(&bank), "a=6");
	skafu_model_close(meddler.model);
}
END_TEST

static void *step_in_a_thread(void *arg)
{
	(void)arg;
	skafu_projection_step(bank.model, "balances", 100, NULL);
	return NULL;
}

START_TEST(a_thread_ends_in_a_handler)
{
	pthread_t thread;

	kit.form = (enum viewkit_form)_i;
	kit.fail_at = 3;
	kit.end_thread = 1;
	viewkit_add(&bank, &kit, 1);
	for (int i = 0; i < 6; i++)
		viewkit_deposit(&bank, "a", 1);
	pthread_create(&thread, NULL, step_in_a_thread, NULL);
	pthread_join(thread, NULL);
	kit.fail_at = 0;
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=6");
}
END_TEST

static int32_t call_back(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	skafu_view *view = NULL;

	(void)event;
	(void)edit;
	*(int32_t *)user = skafu_view_open(bank.model, "balances", 0, 0, &view, error);
	skafu_error_clear(error);
	return 0;
}

START_TEST(calling_back_is_refused)
{
	int32_t answer = 0;
	skafu_projection_def def = {.size = sizeof def, .domain = "bank", .name = "balances", .each = call_back,
				    .user = &answer};

	ck_assert_int_eq(skafu_model_add_projection(bank.model, &def, &bank.error), 0);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(skafu_projection_step(bank.model, "balances", 1, &bank.error), 1);
	ck_assert_int_eq(answer, SKAFU_EMISUSE);
}
END_TEST

/* A mark that the log does not bear out, as when an older copy of it was put in place. */
START_TEST(a_log_that_was_put_back)
{
	struct skafu__views *views;
	struct skafu__viewtxn txn;
	struct skafu__built built;

	viewkit_add(&bank, &kit, 1);
	viewkit_deposit(&bank, "a", 1);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_int_eq(skafu__projection_views(bank.model, &views, &bank.error), 0);
	skafu__built_init(&built, &bank.model->sys);
	ck_assert_int_eq(skafu__viewenv_write(views, INT64_MAX, &txn, &bank.error), 0);
	ck_assert_int_eq(skafu__built_load_in(&txn, "balances", &built, &bank.error), 0);
	if (_i)
		built.live.sequence = 5;
	else
		built.live.anchor[0] ^= 1;
	ck_assert_int_eq(skafu__viewmark_put(&txn, built.place.live, &built.live, &bank.error), 0);
	ck_assert_int_eq(skafu__viewenv_commit(&txn, &bank.error), 0);
	skafu__built_done(&built);
	viewkit_redefine(&bank, &kit, 1); /* another process */
	kit.events = 0;
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_uint_eq(kit.events, 2);
	ck_assert_str_eq(viewkit_rows(&bank), "a=2");
}
END_TEST

static uint64_t stored_rows(void)
{
	struct skafu__views *views;
	struct skafu__viewtxn txn;
	MDB_stat stat;

	ck_assert_int_eq(skafu__projection_views(bank.model, &views, &bank.error), 0);
	ck_assert_int_eq(skafu__viewenv_read(views, &txn, &bank.error), 0);
	mdb_stat(txn.txn, skafu__viewenv_table(views, SKAFU__VIEW_ROW), &stat);
	skafu__viewenv_end(&txn);
	return stat.ms_entries;
}

START_TEST(old_generations_are_swept)
{
	static struct viewkit newer = {.factor = 2};
	char stream[24];

	viewkit_add(&bank, &kit, 1);
	for (int i = 0; i < 50; i++) {
		snprintf(stream, sizeof stream, "s%d", i);
		viewkit_deposit(&bank, stream, 1);
	}
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_uint_eq(stored_rows(), 50);
	viewkit_redefine(&bank, &newer, 2);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_uint_eq(stored_rows(), 50);
}
END_TEST

/* Two programs with the same version: the one that was started last wins, and the other leaves it alone. */
START_TEST(the_later_program_wins)
{
	static struct viewkit other = {.factor = 10};
	skafu_projection_def def = viewkit_def(&other);

	viewkit_add(&bank, &kit, 1);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	memset(&meddler, 0, sizeof meddler);
	meddler.store = bank.store;
	ck_assert_int_eq(skafu_model_open(bank.store, NULL, &meddler.model, &bank.error), 0);
	viewkit_define_events(&meddler);
	def.rule = "{\"eventType\":[\"Deposited\"]}";
	ck_assert_int_eq(skafu_model_add_projection(meddler.model, &def, &bank.error), 0);
	ck_assert_int_eq(viewkit_step(&meddler, 100), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=10");
	viewkit_deposit(&bank, "a", 1);
	kit.events = 0;
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_uint_eq(kit.events, 0);
	ck_assert_int_eq(viewkit_step(&meddler, 100), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=20");
	skafu_model_close(meddler.model);
}
END_TEST

static void hold_or_keep(uint32_t flags)
{
	skafu_projection_def def = viewkit_def(&kit);

	def.flags = flags;
	ck_assert_int_eq(skafu_model_add_projection(bank.model, &def, &bank.error), 0);
}

/* Rows that were made of what is hidden now are made anew beside, whatever the definition says of holding, and their
 * bytes go; effects are not told again. */
START_TEST(what_is_hidden_is_built_anew)
{
	static const uint32_t flags[] = {0, SKAFU_PROJECTION_HOLD};

	kit.form = VIEWKIT_EACH;
	kit.effects = 1;
	hold_or_keep(flags[_i]);
	for (int i = 0; i < 4; i++) {
		viewkit_deposit(&bank, "a", 1);
		viewkit_deposit(&bank, "b", 1);
	}
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=4 b=4");
	ck_assert_uint_eq(kit.allowed, 8);
	fixture_hide(&bank, FIXTURE_TRUNCATE, "a", 3);
	ck_assert_str_eq(viewkit_rows(&bank), "a=4 b=4"); /* nobody stepped it, and any freshness will do */
	ck_assert_str_eq(viewkit_fresh_rows(&bank), "a=2 b=4");
	fixture_hide(&bank, FIXTURE_DELETE, "a", 4);
	viewkit_deposit(&bank, "b", 1);
	ck_assert_int_eq(viewkit_step(&bank, 2), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "b=5");
	ck_assert_uint_eq(kit.allowed, 9);
	fixture_hide(&bank, FIXTURE_ERASE, NULL, 2);
	ck_assert_int_eq(viewkit_step(&bank, 1), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "b=4");
	kit.events = 0;
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_uint_eq(kit.events, 0); /* once is enough */
	ck_assert_uint_eq(stored_rows(), 1);
}
END_TEST

START_TEST(what_is_kept_stays)
{
	hold_or_keep(SKAFU_PROJECTION_KEEP_HIDDEN);
	for (int i = 0; i < 4; i++)
		viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	fixture_hide(&bank, FIXTURE_TRUNCATE, "a", 3);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_str_eq(viewkit_fresh_rows(&bank), "a=5");
	ck_assert_int_eq(skafu_projection_rebuild(bank.model, "balances", &bank.error), 0);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=3");
}
END_TEST

/* Hides that come faster than a view is built do not keep it from ever being ready. */
START_TEST(hidden_again_and_again)
{
	viewkit_add(&bank, &kit, 1);
	for (int i = 0; i < 20; i++)
		viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	for (uint64_t i = 1; i <= 15; i++) {
		fixture_hide(&bank, FIXTURE_ERASE, NULL, i);
		ck_assert_int_ge(skafu_projection_step(bank.model, "balances", 4, &bank.error), 0);
	}
	ck_assert_int_lt(strtol(strchr(viewkit_rows(&bank), '=') + 1, NULL, 10), 20);
	ck_assert_int_eq(viewkit_step(&bank, 4), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=5");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("building");
	TCase *tests = tcase_create("building");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_loop_test(tests, a_batch_is_lost_and_no_count, 0, 3);
	tcase_add_test(tests, a_failure_on_old_rows_halts_nobody);
	tcase_add_loop_test(tests, a_thread_ends_in_a_handler, 0, 3);
	tcase_add_test(tests, calling_back_is_refused);
	tcase_add_loop_test(tests, a_log_that_was_put_back, 0, 2);
	tcase_add_test(tests, old_generations_are_swept);
	tcase_add_test(tests, the_later_program_wins);
	tcase_add_loop_test(tests, what_is_hidden_is_built_anew, 0, 2);
	tcase_add_test(tests, what_is_kept_stays);
	tcase_add_test(tests, hidden_again_and_again);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

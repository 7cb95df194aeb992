/*
 * trial_test.c: a projection over a part of the log, into a view that nobody sees.
 */
#include "model/trial.h"

#include <check.h>
#include <string.h>

#include "model/viewkit.h"
#include "util/suite.h"

static struct fixture bank;
static struct viewkit kit;
static struct skafu__trial trial;

static void begin(void)
{
	memset(&kit, 0, sizeof kit);
	fixture_open(&bank);
	viewkit_define_events(&bank);
	viewkit_add(&bank, &kit, 1);
	for (int i = 0; i < 20; i++)
		viewkit_deposit(&bank, i & 1 ? "anna" : "bert", 1);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
}

static void end(void)
{
	skafu__trial_done(&trial);
	fixture_close(&bank);
}

static void try_from(uint64_t sequence)
{
	skafu__trial_init(&trial, bank.model, skafu__projection_find(bank.model, "balances"), sequence, NULL);
}

static int32_t advance(uint64_t limit, uint32_t events_max)
{
	return skafu__trial_advance(&trial, limit, events_max, INT64_MAX, &bank.error);
}

START_TEST(a_part_of_the_log)
{
	try_from(4);
	ck_assert_int_eq(advance(14, 3), 1);
	ck_assert_uint_eq(trial.succeeded, 3);
	while (advance(14, 3) == 1)
		;
	ck_assert_uint_eq(trial.sequence, 14);
	ck_assert_uint_eq(trial.succeeded, 10);
	ck_assert_uint_eq(trial.failed, 0);
	ck_assert_int_eq(advance(14, 3), 0);
}
END_TEST

START_TEST(a_failure_is_passed)
{
	kit.fail_at = 7;
	kit.fail_code = SKAFU_EHOST;
	try_from(0);
	while (advance(20, 100) == 1)
		;
	ck_assert_uint_eq(trial.sequence, 20);
	ck_assert_uint_eq(trial.succeeded, 19);
	ck_assert_uint_eq(trial.failed, 1);
	ck_assert_int_eq(trial.code, SKAFU_EHOST);
}
END_TEST

START_TEST(the_view_in_use_is_as_it_was)
{
	viewkit_step(&bank, 5);
	kit.effects = 1;
	kit.allowed = 0;
	try_from(0);
	while (advance(20, 100) == 1)
		;
	ck_assert_uint_eq(trial.succeeded, 20);
	ck_assert_uint_eq(kit.allowed, 0);
	ck_assert_str_eq(viewkit_fresh_rows(&bank), "anna=10 bert=10");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trial");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, a_part_of_the_log);
	tcase_add_test(tests, a_failure_is_passed);
	tcase_add_test(tests, the_view_in_use_is_as_it_was);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

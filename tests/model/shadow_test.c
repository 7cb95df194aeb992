/*
 * shadow_test.c: what hosts ask of a projection: steps, halts, rebuilds beside, comparison, exchange.
 */
#include "skafu_model.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "model/viewkit.h"
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

static void refused(int32_t rc, int32_t code, const char *words)
{
	ck_assert_int_eq(rc, code);
	if (!strstr(bank.error.message, words))
		ck_abort_msg("\"%s\" is not in: %s", words, bank.error.message);
}

START_TEST(steps_in_every_form)
{
	kit.form = (enum viewkit_form)_i;
	viewkit_add(&bank, &kit, 1);
	for (int i = 1; i <= 10; i++)
		viewkit_deposit(&bank, i % 2 ? "a" : "b", i);
	ck_assert_int_eq(skafu_projection_step(bank.model, "balances", 4, &bank.error), 1);
	ck_assert_str_eq(viewkit_rows(&bank), "a=4 b=6");
	ck_assert_uint_eq(viewkit_info(&bank).sequence, 4);
	ck_assert_uint_eq(viewkit_info(&bank).lag, 6);
	ck_assert_int_eq(skafu_projection_step(bank.model, "balances", 100, &bank.error), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=25 b=30");
	ck_assert_int_eq(skafu_projection_step(bank.model, "balances", 100, &bank.error), 0);
	ck_assert_uint_eq(viewkit_info(&bank).rows, 2);
	ck_assert_uint_eq(viewkit_info(&bank).state, SKAFU_VIEW_LIVE);
	ck_assert_int_ne(viewkit_info(&bank).pid, 0);
	ck_assert_uint_eq(kit.events, 10);
}
END_TEST

/* Events before the one that fails are in the view; it says why it stands; it goes on when told. */
START_TEST(halts_at_the_event_that_fails)
{
	kit.form = (enum viewkit_form)_i;
	kit.fail_at = 7;
	kit.fail_code = SKAFU_EHOST;
	viewkit_add(&bank, &kit, 1);
	for (int i = 1; i <= 10; i++)
		viewkit_deposit(&bank, "a", 1);
	refused(viewkit_step(&bank, 100), SKAFU_EHOST, "event 7: the kit fails");
	ck_assert_str_eq(viewkit_rows(&bank), "a=6");
	ck_assert_uint_eq(viewkit_info(&bank).state, SKAFU_VIEW_HALTED);
	kit.fail_at = 0;
	kit.events = 0;
	refused(viewkit_step(&bank, 100), SKAFU_EHOST, "event 7: the kit fails");
	ck_assert_uint_eq(kit.events, 0);
	ck_assert_int_eq(skafu_projection_resume(bank.model, "balances", &bank.error), 0);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=10");
	ck_assert_uint_eq(viewkit_info(&bank).state, SKAFU_VIEW_LIVE);
}
END_TEST

START_TEST(new_version_takes_the_place_of_the_old)
{
	static struct viewkit newer = {.factor = 10};

	viewkit_add(&bank, &kit, 1);
	for (int i = 1; i <= 20; i++)
		viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	viewkit_redefine(&bank, &newer, 2);
	ck_assert_str_eq(viewkit_rows(&bank), "a=20");
	ck_assert_uint_eq(viewkit_info(&bank).state, SKAFU_VIEW_STALE);
	ck_assert_int_eq(skafu_projection_step(bank.model, "balances", 5, &bank.error), 1);
	ck_assert_str_eq(viewkit_rows(&bank), "a=20");
	ck_assert_uint_eq(viewkit_info(&bank).shadow_version, 2);
	ck_assert_uint_eq(viewkit_info(&bank).shadow_sequence, 5);
	/* Another process goes on with it. */
	viewkit_redefine(&bank, &newer, 2);
	newer.events = 0;
	ck_assert_int_eq(viewkit_step(&bank, 5), 0);
	ck_assert_uint_eq(newer.events, 15);
	ck_assert_str_eq(viewkit_rows(&bank), "a=200");
	ck_assert_uint_eq(viewkit_info(&bank).version, 2);
	ck_assert_uint_eq(viewkit_info(&bank).shadow_version, 0);
	ck_assert_uint_eq(viewkit_info(&bank).rows, 1);
}
END_TEST

/* An older program leaves a newer version alone, and reads it. */
START_TEST(old_version_keeps_off)
{
	static struct viewkit newer = {.factor = 10};

	viewkit_add(&bank, &newer, 2);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	viewkit_redefine(&bank, &kit, 1);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_uint_eq(kit.events, 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=10");
	ck_assert_uint_eq(viewkit_info(&bank).version, 2);
}
END_TEST

START_TEST(held_until_promoted)
{
	static struct viewkit newer = {.factor = 10};
	skafu_projection_def def;
	uint64_t differences = 0;

	viewkit_add(&bank, &kit, 1);
	viewkit_deposit(&bank, "a", 1);
	viewkit_deposit(&bank, "b", 0);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	fixture_reopen_model(&bank);
	viewkit_define_events(&bank);
	def = viewkit_def(&newer);
	def.version = 2;
	def.flags = SKAFU_PROJECTION_HOLD;
	ck_assert_int_eq(skafu_model_add_projection(bank.model, &def, &bank.error), 0);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=1 b=0");
	ck_assert_uint_eq(viewkit_info(&bank).shadow_sequence, 2);
	ck_assert_int_eq(skafu_projection_compare(bank.model, "balances", NULL, NULL, &differences, &bank.error), 0);
	ck_assert_uint_eq(differences, 1);
	refused(skafu_projection_promote(bank.model, "balances", 0, &bank.error), SKAFU_EROW, "1 rows");
	ck_assert_int_eq(skafu_projection_promote(bank.model, "balances", 1, &bank.error), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=10 b=0");
	ck_assert_str_eq(viewkit_fresh_rows(&bank), "a=20 b=0");
	refused(skafu_projection_promote(bank.model, "balances", 1, &bank.error), SKAFU_ENOTFOUND,
		"nothing is built");
}
END_TEST

START_TEST(rebuilt_beside_and_discarded)
{
	viewkit_add(&bank, &kit, 1);
	for (int i = 1; i <= 9; i++)
		viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	kit.factor = 3; /* a bug is repaired without a new version */
	ck_assert_int_eq(skafu_projection_rebuild(bank.model, "balances", &bank.error), 0);
	ck_assert_int_eq(skafu_projection_step(bank.model, "balances", 4, &bank.error), 1);
	ck_assert_str_eq(viewkit_rows(&bank), "a=9");
	ck_assert_int_eq(skafu_projection_discard(bank.model, "balances", &bank.error), 0);
	ck_assert_uint_eq(viewkit_info(&bank).shadow_version, 0);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=9");
	ck_assert_int_eq(skafu_projection_rebuild(bank.model, "balances", &bank.error), 0);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 4), 0);
	ck_assert_str_eq(viewkit_rows(&bank), "a=30");
	refused(skafu_projection_discard(bank.model, "balances", &bank.error), SKAFU_ENOTFOUND, "nothing is built");
}
END_TEST

/* Effects are told once: not again by a version that is built beside, and on from where the old one was. */
START_TEST(effects_are_muted_while_rebuilding)
{
	static struct viewkit newer = {.effects = 1};
	uint8_t first[16];

	kit.effects = 1;
	viewkit_add(&bank, &kit, 1);
	viewkit_deposit(&bank, "a", 1);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_uint_eq(kit.allowed, 2);
	memcpy(first, kit.effect, sizeof first);
	viewkit_redefine(&bank, &newer, 2);
	viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	ck_assert_uint_eq(newer.allowed, 1);
	ck_assert_int_ne(memcmp(first, newer.effect, sizeof first), 0);
}
END_TEST

START_TEST(refusals)
{
	skafu_projection_info info = {.size = sizeof info};

	viewkit_add(&bank, &kit, 1);
	refused(skafu_projection_step(bank.model, "none", 1, &bank.error), SKAFU_ENOTFOUND, "none");
	refused(skafu_projection_step(bank.model, "balances", 0, &bank.error), SKAFU_EINVAL, "events_max");
	refused(skafu_projection_step(bank.model, NULL, 1, &bank.error), SKAFU_EINVAL, "projection");
	refused(skafu_projection_info_get(bank.model, "none", &info, &bank.error), SKAFU_ENOTFOUND, "none");
	info.size = 4;
	refused(skafu_projection_info_get(bank.model, "balances", &info, &bank.error), SKAFU_EOPTION, "size");
	refused(skafu_projection_compare(bank.model, "balances", NULL, NULL, NULL, &bank.error), SKAFU_ENOTFOUND,
		"nothing is built");
	ck_assert_int_eq(skafu_projection_step(NULL, "balances", 1, &bank.error), SKAFU_EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shadow");
	TCase *tests = tcase_create("shadow");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_loop_test(tests, steps_in_every_form, 0, 3);
	tcase_add_loop_test(tests, halts_at_the_event_that_fails, 0, 3);
	tcase_add_test(tests, new_version_takes_the_place_of_the_old);
	tcase_add_test(tests, old_version_keeps_off);
	tcase_add_test(tests, held_until_promoted);
	tcase_add_test(tests, rebuilt_beside_and_discarded);
	tcase_add_test(tests, effects_are_muted_while_rebuilding);
	tcase_add_test(tests, refusals);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

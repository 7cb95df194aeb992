/*
 * told_test.c: what is told is kept once, belongs to the right model, and is not half kept when memory runs out.
 */
#include <check.h>
#include <string.h>

#include "base/failing.h"
#include "test/house.h"
#include "test/told.h"
#include "util/suite.h"

static struct house house;
static skafu_scenario *scenario;

static void setup(void)
{
	scenario = house_scenario(&house, 0, NULL);
}

static void teardown(void)
{
	skafu_scenario_free(scenario);
}

static void tell(uint32_t kind, const void *object, const char *name, const char *text, uint64_t number, int32_t code)
{
	const struct skafu_test_note note = {kind, code, number, object, name, text};

	skafu__kit_told(scenario, &note);
}

START_TEST(types_of_this_model)
{
	const struct skafu__kit_type *type = skafu__kit_type(scenario, "Asked");

	ck_assert_str_eq(type->domain, "house");
	ck_assert_uint_eq(type->version, 2u << 16);
	ck_assert_ptr_null(skafu__kit_type(scenario, "Other"));
	tell(SKAFU__TESTHOOK_TYPE, &house, "Other", "house", 1, 0); /* of another model */
	ck_assert_ptr_null(skafu__kit_type(scenario, "Other"));
	tell(SKAFU__TESTHOOK_TYPE, scenario->model, "Old", NULL, 0, 0); /* an upcaster takes it */
	ck_assert_ptr_null(skafu__kit_type(scenario, "Old")->domain);
	tell(SKAFU__TESTHOOK_TYPE, scenario->model, "Old", "house", 5, 0);
	tell(SKAFU__TESTHOOK_TYPE, scenario->model, "Old", NULL, 0, 0);
	ck_assert_str_eq(skafu__kit_type(scenario, "Old")->domain, "house");
	ck_assert_uint_eq(skafu__kit_type(scenario, "Old")->version, 5);
	ck_assert_uint_eq(scenario->type_count, 6);
	skafu__kit_forget_types(scenario);
	ck_assert_ptr_null(skafu__kit_type(scenario, "Old"));
}
END_TEST

START_TEST(effects_once_for_each_key)
{
	tell(SKAFU__TESTHOOK_EFFECT, "0123456789abcdef", "c", "e", 1, 0);
	tell(SKAFU__TESTHOOK_EFFECT, "0123456789abcdef", "c", "e", 1, 0);
	tell(SKAFU__TESTHOOK_EFFECT, "0123456789abcdeg", "c", "e", 1, 0);
	tell(SKAFU__TESTHOOK_EFFECT, NULL, "c", "e", 0, 0);
	ck_assert_uint_eq(scenario->effect_count, 2);
	ck_assert_uint_eq(scenario->muted, 1);
	skafu__kit_forget_effects(scenario);
	ck_assert_uint_eq(scenario->effect_count, 0);
}
END_TEST

START_TEST(failures_once_for_each_input_and_code)
{
	tell(SKAFU__TESTHOOK_FAILED, NULL, "c", "why", 1, SKAFU_EHOST);
	tell(SKAFU__TESTHOOK_FAILED, NULL, "c", "why", 1, SKAFU_EHOST);
	tell(SKAFU__TESTHOOK_FAILED, NULL, "c", "why", 1, SKAFU_EINVAL);
	tell(SKAFU__TESTHOOK_FAILED, NULL, "d", NULL, 1, SKAFU_EHOST);
	tell(SKAFU__TESTHOOK_FAILED, NULL, "c", "why", 2, SKAFU_EHOST);
	ck_assert_uint_eq(scenario->failure_count, 4);
	ck_assert_str_eq(scenario->failures[2].message, "");
	skafu__kit_forget_failures(scenario, 1);
	ck_assert_uint_eq(scenario->failure_count, 1);
}
END_TEST

START_TEST(a_scope_that_nobody_asked_for)
{
	tell(SKAFU__TESTHOOK_SCOPE, NULL, NULL, NULL, 0, 0);
	ck_assert_uint_eq(scenario->scope.was_asked, 0);
	house_given(scenario, "s", "Waited", NULL);
	scenario->scope.is_wanted = 1;
	tell(SKAFU__TESTHOOK_SCOPE, NULL, NULL, NULL, 0, 0); /* one that reads nothing */
	ck_assert_uint_eq(scenario->scope.is_missing, 1);
	ck_assert_uint_eq(scenario->scope.missing, 1);
}
END_TEST

START_TEST(no_memory_is_no_half_of_a_story)
{
	static struct failing failing; /* it stays below the scenario until that is freed */

	for (long nth = 0; nth < 3; nth++) {
		failing_init(&failing);
		ck_assert_int_eq(skafu_test_hook_enter(NULL), 0);
		skafu__sys_override(&failing.sys);
		ck_assert_int_eq(skafu_test_hook_enter(&scenario->machine.hook), 0); /* above the failing table */
		failing.left = nth;
		scenario->failed = 0;
		if (_i == 0)
			tell(SKAFU__TESTHOOK_EFFECT, "0123456789abcdef", "c", "e", 1, 0);
		else if (_i == 1)
			tell(SKAFU__TESTHOOK_FAILED, NULL, "c", "why", 1, SKAFU_EHOST);
		else
			tell(SKAFU__TESTHOOK_TYPE, scenario->model, "New", nth == 2 ? NULL : "house", 1, 0);
		failing.left = -1;
		ck_assert_int_eq(scenario->failed, _i == 2 && nth == 2 ? 0 : SKAFU_ENOMEM);
		if (scenario->failed)
			ck_assert_int_eq(skafu_scenario_then_nothing(scenario, NULL), SKAFU_ENOMEM);
		ck_assert_uint_eq(scenario->effect_count + scenario->failure_count, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("told");
	TCase *tests = tcase_create("told");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, types_of_this_model);
	tcase_add_test(tests, effects_once_for_each_key);
	tcase_add_test(tests, failures_once_for_each_input_and_code);
	tcase_add_test(tests, a_scope_that_nobody_asked_for);
	tcase_add_loop_test(tests, no_memory_is_no_half_of_a_story, 0, 3);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

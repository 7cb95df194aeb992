/*
 * then_test.c: every check, when it holds and what it says when it does not.
 */
#include <check.h>
#include <string.h>

#include "test/house.h"
#include "util/suite.h"

static struct house house;
static skafu_scenario *scenario;
static skafu_error *error;

static void setup(void)
{
	ck_assert_int_eq(skafu_error_new(&error), 0);
	scenario = house_scenario(&house, 0, NULL);
}

static void teardown(void)
{
	skafu_scenario_free(scenario);
	skafu_error_free(error);
}

static int32_t then_event(const skafu_new_record *event)
{
	return skafu_scenario_then_event(scenario, event, error);
}

/* ---- events ---- */

START_TEST(another_event)
{
	const skafu_new_record event = house_event("s", "Rang", NULL);

	house_when(scenario, "s", "Ask", "{\"n\":1}");
	house_says(scenario, then_event(&event), "Expected the event Rang of stream s,\n"
						 "found the event Asked of stream s with {\"n\":1}\n"
						 "  type: expected Rang, found Asked");
	house_then(scenario, "Answered"); /* what was looked at is off the list */
	ck_assert_str_eq(skafu_scenario_report(scenario), "");
}
END_TEST

START_TEST(a_command_instead_of_an_event)
{
	const skafu_new_record event = house_event(NULL, NULL, NULL);
	const skafu_command command = house_command(NULL, "Note", NULL);

	house_when(scenario, "s", "Ask", NULL);
	house_says(scenario, skafu_scenario_then_command(scenario, &command, error),
		   "Expected the command Note,\n"
		   "found the event Asked of stream s with {}\n"
		   "  kind: expected command, found event\n"
		   "  type: expected Note, found Asked");
	ck_assert_int_eq(then_event(&event), 0);
	house_says(scenario, then_event(&event), "Expected an event,\n"
						 "found the command Note of stream notes with {}\n"
						 "  kind: expected event, found command");
}
END_TEST

START_TEST(nothing_came_since_it_was_refused)
{
	house_when(scenario, "s", "Ask", "{\"n\":\"no\"}");
	const skafu_new_record event = house_event("s", "Asked", "{}");
	house_says(scenario, then_event(&event),
		   "Expected the event Asked of stream s with {}, found that nothing more came.\n"
		   "  The command was refused: The answer is no. (no)");
}
END_TEST

START_TEST(nothing_came_since_a_handler_failed)
{
	const skafu_new_record event = house_event(NULL, "Answered", NULL);

	house.fails = 100;
	house_when(scenario, "s", "Ask", NULL);
	house_then(scenario, "Asked");
	house_says(scenario, then_event(&event), "Expected the event Answered, found that nothing more came.\n"
						 "  answer failed: the house is asleep (SKAFU_EHOST)");
}
END_TEST

START_TEST(an_expectation_that_nothing_can_meet)
{
	const skafu_new_record event = house_event("s", "Asked", "{broken");
	const skafu_command command = house_command("s", "Ask", "[1,]");
	skafu_command other = house_command("s", "Ask", NULL);

	ck_assert_int_eq(then_event(&event), SKAFU_EJSON);
	ck_assert_int_eq(skafu_scenario_then_command(scenario, &command, error), SKAFU_EJSON);
	ck_assert_int_eq(then_event(NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_command(scenario, NULL, error), SKAFU_EINVAL);
	other.size = 4;
	ck_assert_int_eq(skafu_scenario_then_command(scenario, &other, error), SKAFU_EINVAL);
}
END_TEST

/* ---- nothing ---- */

START_TEST(more_than_nothing)
{
	house_when(scenario, "s", "Ask", NULL);
	house_says(scenario, skafu_scenario_then_nothing(scenario, NULL),
		   "Expected nothing more, found:\n"
		   "  the event Asked of stream s with {}\n"
		   "  the event Answered of stream answers with {\"to\":\"you\"}\n"
		   "  the command Note of stream notes with {}\n"
		   "  the effect mail of answer");
	ck_assert_int_eq(skafu_scenario_then_nothing(scenario, NULL), 0);
	ck_assert_str_eq(skafu_scenario_report(scenario), "");
}
END_TEST

START_TEST(much_more_than_nothing)
{
	house_when(scenario, "s", "Ask", NULL);
	house_when(scenario, "s", "Ask", NULL);
	ck_assert_int_eq(skafu_scenario_then_nothing(scenario, NULL), 1);
	ck_assert_ptr_nonnull(strstr(skafu_scenario_report(scenario), "\n  and 3 more"));
}
END_TEST

/* ---- effects ---- */

START_TEST(another_effect_and_none)
{
	house_when(scenario, "s", "Ask", NULL);
	house_says(scenario, skafu_scenario_then_effect(scenario, "answer", "letter", NULL),
		   "Expected the effect letter of answer,\nfound the effect mail of answer");
	house_says(scenario, skafu_scenario_then_effect(scenario, "answer", "mail", NULL),
		   "Expected the effect mail of answer, found that no more effects came.");
	ck_assert_int_eq(skafu_scenario_then_effect(scenario, NULL, "mail", error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_effect(scenario, "answer", NULL, error), SKAFU_EINVAL);
}
END_TEST

START_TEST(an_effect_that_is_held_back)
{
	house_when(scenario, "s", "Ask", NULL);
	ck_assert_int_eq(skafu_scenario_then_effect(scenario, "answer", "mail", NULL), 0);
	ck_assert_int_eq(skafu_consumer_rewind(skafu_scenario_model(scenario), "answer", 0, NULL), 0);
	ck_assert_int_eq(skafu_scenario_when_time(scenario, skafu_scenario_now(scenario), NULL), 0);
	house_says(scenario, skafu_scenario_then_effect(scenario, "answer", "mail", NULL),
		   "Expected the effect mail of answer, found that no more effects came.\n"
		   "  Effects were asked for and held back, since their input had been handled before: 1");
}
END_TEST

/* ---- refusals and failures ---- */

START_TEST(refusals)
{
	house_says(scenario, skafu_scenario_then_refused(scenario, "no", NULL),
		   "Expected that the command is refused as no, found that the last `when` executed no command.");
	house_when(scenario, "s", "Ask", NULL);
	house_says(scenario, skafu_scenario_then_refused(scenario, "no", NULL),
		   "Expected that the command is refused as no, found that it was accepted, with 1 events.");
	house_when(scenario, "s", "Ask", "\"no\"");
	ck_assert_int_eq(skafu_scenario_then_refused(scenario, "no", NULL), 0);
	house_says(scenario, skafu_scenario_then_refused(scenario, "yes", NULL),
		   "Expected that the command is refused as yes, found that it was refused as no: The answer is no.");
	ck_assert_int_eq(skafu_scenario_then_refused(scenario, NULL, error), SKAFU_EINVAL);
}
END_TEST

START_TEST(failures)
{
	house_when(scenario, "s", "Ask", NULL);
	house_says(scenario, skafu_scenario_then_failed(scenario, "answer", SKAFU_EHOST, NULL),
		   "Expected that answer fails with SKAFU_EHOST, found that no handler failed.");
	house.fails = 100;
	house_when(scenario, "s", "Ask", NULL);
	ck_assert_int_eq(skafu_scenario_then_failed(scenario, "answer", SKAFU_EHOST, NULL), 0);
	house_says(scenario, skafu_scenario_then_failed(scenario, "answer", SKAFU_EINVAL, NULL),
		   "Expected that answer fails with SKAFU_EINVAL, found that others failed:\n"
		   "  answer at record 5: the house is asleep (SKAFU_EHOST)");
	ck_assert_int_eq(skafu_scenario_then_failed(scenario, "answer", 0, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_failed(scenario, NULL, SKAFU_EHOST, error), SKAFU_EINVAL);
}
END_TEST

/* ---- rows ---- */

static int32_t then_row(const char *key, const char *value)
{
	return skafu_scenario_then_row(scenario, "asked", NULL, key, strlen(key), value, value ? strlen(value) : 0,
				       error);
}

START_TEST(rows)
{
	house_given(scenario, "s", "Asked", NULL);
	ck_assert_int_eq(then_row("s", "{\"n\":1e0, \"stream\":\"\\u0073\"}"), 0);
	ck_assert_int_eq(then_row("t", NULL), 0);
	house_says(scenario, then_row("s", NULL), "Expected no row in table main of asked under s,\n"
						  "found {\"stream\":\"s\",\"n\":1}");
	house_says(scenario, then_row("t", "{}"), "Expected a row in table main of asked under t with {},\n"
						  "found no such row.");
	house_says(scenario, then_row("s", "{\"n\":2}"),
		   "Expected a row in table main of asked under s with {\"n\":2},\n"
		   "found {\"stream\":\"s\",\"n\":1}\n"
		   "  at /n: expected 2, found 1\n"
		   "  at /stream: nothing expected, found \"s\"");
	house_says(scenario, then_row("s", "other"), "Expected a row in table main of asked under s with other,\n"
						     "found {\"stream\":\"s\",\"n\":1}");
	ck_assert_int_eq(then_row("", "{}"), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_row(scenario, "asked", NULL, "s", 1, NULL, 1, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_row(scenario, NULL, NULL, "s", 1, NULL, 0, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_row(scenario, "unheard", NULL, "s", 1, NULL, 0, error),
			 SKAFU_ENOTFOUND);
}
END_TEST

START_TEST(a_projection_that_fails)
{
	const skafu_new_record event = house_event("s", "Asked", "\"poison\"");

	ck_assert_int_eq(skafu_scenario_when_event(scenario, &event, NULL), 0);
	ck_assert_msg(skafu_scenario_then_failed(scenario, "asked", SKAFU_EHOST, NULL) == 0, "%s",
		      skafu_scenario_report(scenario));
	ck_assert_int_eq(then_row("s", "{}"), SKAFU_EHOST); /* it is halted: there is nothing to compare with */
}
END_TEST

/* ---- processes ---- */

static int32_t then_talk(const char *instance, uint32_t state)
{
	return skafu_scenario_then_process(scenario, "talk", instance, state, error);
}

START_TEST(processes)
{
	house_given(scenario, "s", "Asked", NULL);
	ck_assert_int_eq(then_talk("s", SKAFU_PROCESS_RUNNING), 0);
	house_says(scenario, then_talk("s", SKAFU_PROCESS_FAILED),
		   "Expected instance s of process talk to be failed, found it running");
	house_says(scenario, then_talk("t", SKAFU_PROCESS_RUNNING),
		   "Expected instance t of process talk to be running, found it not there");
	house_given(scenario, "s", "Rang", NULL);
	ck_assert_int_eq(then_talk("s", SKAFU_PROCESS_COMPLETED), 0);
	ck_assert_int_eq(then_talk("s", 0), SKAFU_EINVAL);
	ck_assert_int_eq(then_talk("s", 6), SKAFU_EINVAL);
	ck_assert_int_eq(then_talk(NULL, SKAFU_PROCESS_RUNNING), SKAFU_EINVAL);
}
END_TEST

START_TEST(a_process_that_is_set_aside)
{
	const skafu_new_record event = house_event("s", "Asked", "\"hang\"");

	ck_assert_int_eq(skafu_scenario_when_event(scenario, &event, NULL), 0);
	ck_assert_int_eq(then_talk("s", SKAFU_PROCESS_ASIDE), 0);
	ck_assert_int_eq(then_talk("s", SKAFU_PROCESS_RUNNING), 1);
	ck_assert_ptr_nonnull(strstr(skafu_scenario_report(scenario),
				     "Expected instance s of process talk to be running, found it aside: the line is "
				     "dead"));
}
END_TEST

START_TEST(without_a_scenario)
{
	const skafu_new_record event = house_event("s", "Asked", NULL);

	ck_assert_int_eq(skafu_scenario_then_event(NULL, &event, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_nothing(NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_refused(NULL, "no", NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_failed(NULL, "answer", SKAFU_EHOST, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_effect(NULL, "answer", "mail", NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_then_process(NULL, "talk", "s", 1, NULL), SKAFU_EINVAL);
	ck_assert_str_eq(skafu_scenario_report(NULL), "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("then");
	TCase *tests = tcase_create("then");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, another_event);
	tcase_add_test(tests, a_command_instead_of_an_event);
	tcase_add_test(tests, nothing_came_since_it_was_refused);
	tcase_add_test(tests, nothing_came_since_a_handler_failed);
	tcase_add_test(tests, an_expectation_that_nothing_can_meet);
	tcase_add_test(tests, more_than_nothing);
	tcase_add_test(tests, much_more_than_nothing);
	tcase_add_test(tests, another_effect_and_none);
	tcase_add_test(tests, an_effect_that_is_held_back);
	tcase_add_test(tests, refusals);
	tcase_add_test(tests, failures);
	tcase_add_test(tests, rows);
	tcase_add_test(tests, a_projection_that_fails);
	tcase_add_test(tests, processes);
	tcase_add_test(tests, a_process_that_is_set_aside);
	tcase_add_test(tests, without_a_scenario);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

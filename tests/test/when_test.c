/*
 * when_test.c: given and when: what runs, when it is at rest, what a second time adds, what a scope leaves out.
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
	scenario = house_scenario(&house, SKAFU_SCENARIO_REPEAT, NULL);
}

static void teardown(void)
{
	skafu_scenario_free(scenario);
	skafu_error_free(error);
	ck_assert_uint_eq(house.freed, 1);
}

static void then_command(const char *type)
{
	const skafu_command command = house_command(NULL, type, NULL);

	ck_assert_int_eq(skafu_scenario_then_command(scenario, &command, NULL), 0);
}

static void then_nothing(void)
{
	ck_assert_msg(skafu_scenario_then_nothing(scenario, NULL) == 0, "%s", skafu_scenario_report(scenario));
}

START_TEST(a_command_and_all_that_comes_of_it)
{
	house_when(scenario, "s", "Ask", "{\"n\":1}");
	house_then(scenario, "Asked");
	house_then(scenario, "Answered");
	then_command("Note");
	ck_assert_int_eq(skafu_scenario_then_effect(scenario, "answer", "mail", NULL), 0);
	then_nothing();
	ck_assert_uint_eq(house.handled, 2); /* given twice */
}
END_TEST

START_TEST(what_is_given_is_not_expected)
{
	house_given(scenario, "s", "Asked", NULL);
	then_nothing();
	ck_assert_uint_eq(house.handled, 2);
	house_when(scenario, "s", "Ask", NULL);
	house_then(scenario, "Asked");
}
END_TEST

START_TEST(an_event_itself_is_not_what_came_of_it)
{
	const skafu_new_record event = house_event("s", "Asked", NULL);

	house_when(scenario, "s", "Ask", NULL);
	ck_assert_int_eq(skafu_scenario_when_event(scenario, &event, NULL), 0);
	house_then(scenario, "Asked"); /* of the first, still waiting */
	house_then(scenario, "Answered");
	then_command("Note");
	house_then(scenario, "Answered");
	then_command("Note");
	ck_assert_int_eq(skafu_scenario_then_effect(scenario, "answer", "mail", NULL), 0);
	ck_assert_int_eq(skafu_scenario_then_effect(scenario, "answer", "mail", NULL), 0);
	then_nothing();
}
END_TEST

START_TEST(an_unknown_type_is_refused)
{
	const skafu_new_record event = house_event("s", "Aksed", NULL);

	ck_assert_int_eq(skafu_scenario_given(scenario, &event, error), SKAFU_EDEFINITION);
	ck_assert_str_eq(skafu_error_message(error), "the model has no event type Aksed; define it, or correct the "
						     "name");
	ck_assert_int_eq(skafu_scenario_when_event(scenario, &event, error), SKAFU_EDEFINITION);
	ck_assert_int_eq(skafu_scenario_given(scenario, NULL, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_when_event(scenario, NULL, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_when(scenario, NULL, error), SKAFU_EINVAL);
	then_nothing();
}
END_TEST

START_TEST(given_events_are_those_of_the_model)
{
	skafu_record *record = NULL;

	house_given(scenario, "s", "Waited", NULL);
	ck_assert_int_eq(skafu_get(skafu_model_store(skafu_scenario_model(scenario)), 1, &record, NULL), 0);
	ck_assert_str_eq(record->source, "house");
	ck_assert_uint_eq(record->event_version, 2u << 16);
	ck_assert_int_eq(record->recorded_ns, INT64_C(1735689600000000000));
	skafu_record_free(record);
}
END_TEST

START_TEST(time_fires_timers_and_may_go_back)
{
	int64_t start = skafu_scenario_now(scenario);

	house_when(scenario, "s", "Wait", NULL);
	house_then(scenario, "Waited");
	then_nothing();
	ck_assert_int_eq(skafu_scenario_when_time(scenario, start + INT64_C(59999999999), NULL), 0);
	then_nothing();
	ck_assert_int_eq(skafu_scenario_set_clock(scenario, start - 1, NULL), 0);
	ck_assert_int_eq(skafu_scenario_now(scenario), start - 1);
	ck_assert_int_eq(skafu_scenario_when_time(scenario, start - 1, NULL), 0);
	then_nothing();
	ck_assert_int_eq(skafu_scenario_when_time(scenario, start + INT64_C(60000000000), NULL), 0);
	house_then(scenario, "Rang");
	then_nothing();
}
END_TEST

START_TEST(attempts_of_a_handler_take_no_time)
{
	house.fails = 4; /* the fifth attempt succeeds */
	house_when(scenario, "s", "Ask", NULL);
	house_then(scenario, "Asked");
	house_then(scenario, "Answered");
	ck_assert_int_eq(skafu_scenario_then_failed(scenario, "answer", SKAFU_EHOST, NULL), 0);
	ck_assert_int_eq(skafu_scenario_now(scenario), INT64_C(1735689600000000000));
}
END_TEST

START_TEST(what_leads_to_itself_ends_far_from_its_cause)
{
	house.loops = 1;
	house_when(scenario, "s", "Wait", NULL);
	ck_assert_msg(skafu_scenario_then_failed(scenario, "wait", SKAFU_ELIMIT, NULL) == 0, "%s",
		      skafu_scenario_report(scenario));
}
END_TEST

static int32_t never(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *why)
{
	(void)user;
	(void)event;
	(void)turn;
	(void)why;
	return SKAFU_EHOST;
}

START_TEST(what_never_rests_is_said)
{
	const skafu_command command = house_command("s", "Ask", NULL);
	const skafu_retry_policy retry = {.size = sizeof(retry), .attempts_max = UINT32_MAX,
					  .backoff = SKAFU_BACKOFF_CONSTANT};
	const skafu_reaction_def def = {.size = sizeof(def), .domain = "house", .name = "stubborn", .react = never,
					.retry = &retry};

	ck_assert_int_eq(skafu_model_add_reaction(skafu_scenario_model(scenario), &def, NULL), 0);
	ck_assert_int_eq(skafu_scenario_when(scenario, &command, error), SKAFU_ELIMIT);
	ck_assert_msg(strstr(skafu_error_message(error), "does not come to rest"), "%s", skafu_error_message(error));
}
END_TEST

START_TEST(a_second_time_that_adds_is_found)
{
	const skafu_new_record event = house_event("s", "Asked", NULL);

	house.forgets = 1;
	house_says(scenario, skafu_scenario_when_event(scenario, &event, NULL),
		   "Expected that reactions and processes add nothing when they are given their input again; found:\n"
		   "  the event Answered of stream answers\n"
		   "  the command Note of stream notes");
}
END_TEST

/* ---- scope ---- */

static int32_t enrol(void)
{
	static const char *const tags[] = {"course:1"};
	skafu_command command = house_command(NULL, "Enrol", NULL);

	command.tags = tags;
	command.tag_count = 1;
	return skafu_scenario_when(scenario, &command, NULL);
}

static void given_enrolled(void)
{
	static const char *const tags[] = {"course:1", "student:2"};
	skafu_new_record event = house_event("enrolments", "Enrolled", NULL);

	event.tags = tags;
	event.tag_count = 2;
	ck_assert_int_eq(skafu_scenario_given(scenario, &event, NULL), 0);
}

START_TEST(a_scope_that_selects_what_is_given)
{
	given_enrolled();
	given_enrolled();
	ck_assert_int_eq(enrol(), 0);
	ck_assert_int_eq(skafu_scenario_then_refused(scenario, "full", NULL), 0);
	then_nothing();
}
END_TEST

START_TEST(a_scope_that_leaves_out_what_is_given)
{
	given_enrolled();
	house.is_blind = 1;
	house_says(scenario, enrol(), "Expected that the scope of the decider selects what is given; found "
			    "that it leaves "
				      "out the event Enrolled of stream enrolments, with the tags course:1, "
						    "student:2");
	house_then(scenario, "Enrolled");
}
END_TEST

START_TEST(any_scope_will_do_when_asked)
{
	skafu_scenario_free(scenario);
	scenario = house_scenario(&house, SKAFU_SCENARIO_ANY_SCOPE, NULL);
	given_enrolled();
	house.is_blind = 1;
	ck_assert_int_eq(enrol(), 0);
}
END_TEST

/* ---- the same seed ---- */

static void digest(skafu_scenario *of, char *out, size_t room)
{
	skafu_store *store = skafu_model_store(skafu_scenario_model(of));
	const skafu_read_opts opts = {.size = sizeof(opts), .kinds = SKAFU_KINDS_ALL};
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	size_t at = 0;

	ck_assert_int_eq(skafu_read(store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, NULL), 0);
	while (skafu_cursor_next(cursor, &record, NULL) == 1) {
		char *json = NULL;
		size_t length = 0;

		ck_assert_int_eq(skafu_record_to_json(record, &json, &length, NULL), 0);
		ck_assert_uint_lt(at + length, room);
		memcpy(out + at, json, length);
		at += length;
		skafu_text_free(json);
	}
	out[at] = 0;
	skafu_cursor_free(cursor);
}

START_TEST(the_same_seed_is_the_same_run)
{
	static char one[20000], two[20000];
	static struct house other; /* outlives the test: the scenario is freed after it */
	skafu_scenario *second = house_scenario(&other, SKAFU_SCENARIO_REPEAT, NULL);

	house.fails = other.fails = 2;
	house_when(scenario, "s", "Ask", NULL);
	house_when(second, "s", "Ask", NULL); /* both at once, in one thread */
	house_when(scenario, "t", "Ask", NULL);
	house_when(second, "t", "Ask", NULL);
	digest(scenario, one, sizeof(one));
	digest(second, two, sizeof(two));
	ck_assert_uint_gt(strlen(one), 1000);
	ck_assert_str_eq(one, two);
	skafu_scenario_free(second);
	house_when(scenario, "u", "Ask", NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("when");
	TCase *tests = tcase_create("when");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_command_and_all_that_comes_of_it);
	tcase_add_test(tests, what_is_given_is_not_expected);
	tcase_add_test(tests, an_event_itself_is_not_what_came_of_it);
	tcase_add_test(tests, an_unknown_type_is_refused);
	tcase_add_test(tests, given_events_are_those_of_the_model);
	tcase_add_test(tests, time_fires_timers_and_may_go_back);
	tcase_add_test(tests, attempts_of_a_handler_take_no_time);
	tcase_add_test(tests, what_leads_to_itself_ends_far_from_its_cause);
	tcase_add_test(tests, what_never_rests_is_said);
	tcase_add_test(tests, a_second_time_that_adds_is_found);
	tcase_add_test(tests, a_scope_that_selects_what_is_given);
	tcase_add_test(tests, a_scope_that_leaves_out_what_is_given);
	tcase_add_test(tests, any_scope_will_do_when_asked);
	tcase_add_test(tests, the_same_seed_is_the_same_run);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

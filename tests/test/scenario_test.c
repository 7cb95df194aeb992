/*
 * scenario_test.c: a scenario begins, ends and restarts; storage fails at each of its operations in turn, and memory.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/failing.h"
#include "store/tempstore.h"
#include "test/house.h"
#include "util/suite.h"

static struct house house;
static skafu_scenario *scenario;
static skafu_error *error;
static struct tempstore temp;
static char *const path = temp.path;

static void setup(void)
{
	ck_assert_int_eq(skafu_error_new(&error), 0);
	tempstore_make(&temp);
	scenario = NULL;
}

static void teardown(void)
{
	skafu_scenario_free(scenario);
	tempstore_done(&temp);
	skafu_error_free(error);
}

static int32_t ask(void)
{
	const skafu_command command = house_command("s", "Ask", NULL);

	return skafu_scenario_when(scenario, &command, error);
}

static int32_t restart(void)
{
	return skafu_scenario_restart(scenario, house_define, &house, error);
}

/* ---- begin ---- */

START_TEST(bad_options)
{
	skafu_scenario_opts opts = {.size = sizeof(opts) - 4};

	ck_assert_int_eq(skafu_scenario_new(&opts, &scenario, error), SKAFU_EOPTION);
	opts.size = sizeof(opts);
	opts.flags = 0x80;
	ck_assert_int_eq(skafu_scenario_new(&opts, &scenario, error), SKAFU_EOPTION);
	opts.flags = 0;
	opts.start_ns = 1;
	ck_assert_int_eq(skafu_scenario_new(&opts, &scenario, error), SKAFU_EOPTION);
	ck_assert_int_eq(skafu_scenario_new(NULL, NULL, error), SKAFU_EINVAL);
	opts.start_ns = 0;
	opts.path = "/nowhere/at/all";
	ck_assert_int_lt(skafu_scenario_new(&opts, &scenario, error), 0);
	ck_assert_ptr_null(scenario);
}
END_TEST

START_TEST(a_store_that_is_there_is_not_fresh)
{
	static struct house other; /* outlives the test: the scenario is freed after it */
	const skafu_scenario_opts opts = {.size = sizeof(opts), .path = path};
	skafu_scenario *second = NULL;

	scenario = house_scenario(&other, 0, path);
	ck_assert_int_eq(skafu_scenario_new(&opts, &second, error), SKAFU_EEXISTS);
	ck_assert_str_eq(skafu_store_path(skafu_model_store(skafu_scenario_model(scenario))), path);
}
END_TEST

START_TEST(the_clock_begins_where_it_is_set)
{
	const skafu_scenario_opts opts = {.size = sizeof(opts), .flags = SKAFU_SCENARIO_START, .start_ns = 0};

	ck_assert_int_eq(skafu_scenario_new(&opts, &scenario, NULL), 0);
	ck_assert_int_eq(skafu_scenario_now(scenario), 0);
	ck_assert_int_eq(skafu_time_now(), 0); /* also for the code under test */
	skafu_scenario_free(scenario);
	scenario = NULL;
	ck_assert_int_gt(skafu_time_now(), INT64_C(1600000000000000000));
	ck_assert_int_eq(skafu_scenario_now(NULL), 0);
}
END_TEST

START_TEST(the_engine_is_lent)
{
	skafu_engine *engine = NULL;
	skafu_engine *again = NULL;

	scenario = house_scenario(&house, 0, NULL);
	ck_assert_int_eq(skafu_scenario_engine(scenario, &engine, error), 0);
	ck_assert_int_eq(skafu_scenario_engine(scenario, &again, error), 0);
	ck_assert_ptr_eq(engine, again);
	ck_assert_int_eq(skafu_scenario_engine(scenario, NULL, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_engine(NULL, &engine, error), SKAFU_EINVAL);
	ck_assert_ptr_null(skafu_scenario_model(NULL));
}
END_TEST

START_TEST(two_scenarios_have_two_clocks)
{
	static struct house other; /* outlives the test: the scenario is freed after it */
	skafu_scenario *second = house_scenario(&other, 0, NULL);

	scenario = house_scenario(&house, 0, NULL);
	ck_assert_int_eq(skafu_scenario_set_clock(second, 42, error), 0);
	ck_assert_int_eq(skafu_time_now(), 42);
	ck_assert_ptr_nonnull(skafu_scenario_model(scenario));
	ck_assert_int_eq(skafu_time_now(), INT64_C(1735689600000000000));
	skafu_scenario_free(second);
	ck_assert_int_eq(skafu_time_now(), INT64_C(1735689600000000000));
	ck_assert_int_eq(ask(), 0);
	house_then(scenario, "Asked");
}
END_TEST

/* ---- faults ---- */

START_TEST(what_cannot_be_armed)
{
	scenario = house_scenario(&house, 0, NULL);
	ck_assert_int_eq(skafu_scenario_fail(scenario, 0, 1, 1, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_fail(scenario, 8, 1, 1, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_fail(scenario, SKAFU_FAULT_READ, 0, 1, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_fail(scenario, SKAFU_FAULT_CRASH, 1, 1, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_scenario_fail(scenario, SKAFU_FAULT_READ, 0, 0, error), 0);
	ck_assert_int_eq(skafu_scenario_fail(NULL, SKAFU_FAULT_READ, 1, 1, error), SKAFU_EINVAL);
	ck_assert_uint_eq(skafu_scenario_operations(scenario, 0), 0);
	ck_assert_uint_eq(skafu_scenario_operations(NULL, SKAFU_FAULT_READ), 0);
	ck_assert_int_eq(restart(), SKAFU_EINVAL);
}
END_TEST

START_TEST(space_comes_back)
{
	scenario = house_scenario(&house, 0, NULL);
	house_given(scenario, "s", "Waited", NULL);
	ck_assert_int_eq(skafu_scenario_fail(scenario, SKAFU_FAULT_SPACE, 1, 1, error), 0);
	ck_assert_int_eq(ask(), SKAFU_ENOSPACE);
	ck_assert_int_eq(skafu_scenario_then_nothing(scenario, error), 0);
	ck_assert_int_eq(ask(), 0);
	house_then(scenario, "Asked");
	ck_assert_uint_gt(skafu_scenario_operations(scenario, SKAFU_FAULT_SPACE), 2);
}
END_TEST

START_TEST(conflicts_are_decided_again_until_they_are_too_many)
{
	static const char *const tags[] = {"course:1"};
	skafu_command command = house_command(NULL, "Enrol", NULL);

	command.tags = tags;
	command.tag_count = 1;
	scenario = house_scenario(&house, 0, NULL);
	ck_assert_int_eq(skafu_scenario_fail(scenario, SKAFU_FAULT_APPEND, 1, 3, error), 0);
	ck_assert_int_eq(skafu_scenario_when(scenario, &command, error), 0);
	house_then(scenario, "Enrolled");
	ck_assert_int_eq(skafu_scenario_then_nothing(scenario, error), 0);
	ck_assert_int_eq(skafu_scenario_fail(scenario, SKAFU_FAULT_APPEND, 1, UINT64_MAX, error), 0);
	ck_assert_int_eq(skafu_scenario_when(scenario, &command, error), SKAFU_EMATCH);
	ck_assert_int_eq(skafu_scenario_then_nothing(scenario, error), 0);
}
END_TEST

/* A wait for what never comes ends by the clock of the scenario, which the wait itself moves: no step is idle. */
static void await_in_vain(void)
{
	skafu_engine_stats before = {.size = sizeof(before)};
	skafu_engine_stats after = {.size = sizeof(after)};
	skafu_engine *engine = NULL;
	skafu_record *record = NULL;

	ck_assert_int_eq(skafu_scenario_engine(scenario, &engine, error), 0);
	ck_assert_int_eq(skafu_engine_stats_get(engine, &before, error), 0);
	ck_assert_int_eq(skafu_engine_await(engine, "never", "{\"source\":[\"nobody\"]}", 1000000000, &record, error),
			 SKAFU_ETIMEOUT);
	ck_assert_int_eq(skafu_engine_stats_get(engine, &after, error), 0);
	ck_assert_uint_lt(after.steps - before.steps, 100);
}

/* Whatever fails, nothing is lost and nothing is doubled after a restart; each n in turn. */
static uint64_t fail_nth(uint32_t kind, uint64_t nth, uint32_t *failed)
{
	const skafu_new_record any = house_event(NULL, NULL, NULL);
	const skafu_command note = house_command(NULL, "Note", NULL);
	uint64_t operations;
	int32_t rc;

	scenario = house_scenario(&house, 0, path);
	house_given(scenario, "t", "Asked", NULL);
	ck_assert_int_eq(skafu_scenario_fail(scenario, kind, nth, 1, error), 0);
	rc = ask();
	operations = skafu_scenario_operations(scenario, kind);
	*failed += rc != 0;
	ck_assert_int_eq(restart(), 0);
	ck_assert_msg(skafu_scenario_when_time(scenario, skafu_scenario_now(scenario), error) == 0, "%s",
		      skafu_error_message(error));
	/* All of it is there, once, or none. */
	if (rc == 0 || skafu_scenario_then_process(scenario, "talk", "s", SKAFU_PROCESS_RUNNING, error) == 0) {
		house_then(scenario, "Asked");
		house_then(scenario, "Answered");
		ck_assert_int_eq(skafu_scenario_then_effect(scenario, "answer", "mail", error), 0);
	} else {
		ck_assert_int_eq(skafu_scenario_then_event(scenario, &any, error), 1);
	}
	if (rc == 0)
		ck_assert_int_eq(skafu_scenario_then_command(scenario, &note, error), 0);
	await_in_vain();
	skafu_scenario_free(scenario);
	scenario = NULL;
	tempstore_remove(path);
	return operations;
}

static void fail_each(uint32_t kind)
{
	uint32_t failed = 0;
	uint64_t nth = 1;

	while (fail_nth(kind, nth, &failed) >= nth)
		nth++;
	ck_assert_uint_gt(failed, 0);
	ck_assert_uint_gt(nth, 3);
}

START_TEST(each_storage_operation_fails_in_turn)
{
	static const uint32_t faults[] = {SKAFU_FAULT_READ, SKAFU_FAULT_WRITE, SKAFU_FAULT_SYNC, SKAFU_FAULT_SPACE,
					  SKAFU_FAULT_CRASH};

	fail_each(faults[_i]);
}
END_TEST

static uint64_t fail_allocation(uint64_t nth, uint32_t *failed)
{
	scenario = house_scenario(&house, 0, NULL);
	ck_assert_int_eq(skafu_scenario_fail(scenario, SKAFU_FAULT_MEMORY, nth, 1, error), 0);
	*failed += ask() == SKAFU_ENOMEM;
	uint64_t operations = skafu_scenario_operations(scenario, SKAFU_FAULT_MEMORY);
	skafu_scenario_free(scenario);
	scenario = NULL;
	return operations;
}

START_TEST(memory_fails_in_turn)
{
	uint32_t failed = 0;
	uint64_t nth = 1;

	while (fail_allocation(nth, &failed) >= nth)
		nth += nth < 20 ? 1 : 7;
	ck_assert_uint_gt(failed, 20);
}
END_TEST

/* ---- restart ---- */

START_TEST(what_was_recorded_survives)
{
	scenario = house_scenario(&house, 0, path);
	ck_assert_int_eq(ask(), 0);
	house_then(scenario, "Asked");
	ck_assert_int_eq(restart(), 0);
	house_then(scenario, "Answered"); /* recorded, and not checked yet */
	ck_assert_int_eq(skafu_scenario_when_time(scenario, skafu_scenario_now(scenario), error), 0);
	ck_assert_int_eq(skafu_scenario_then_process(scenario, "talk", "s", SKAFU_PROCESS_RUNNING, error), 0);
	ck_assert_int_eq(restart(), 0);
	ck_assert_int_eq(skafu_scenario_restart(scenario, NULL, NULL, error), SKAFU_EINVAL);
}
END_TEST

START_TEST(a_crash_before_the_answer)
{
	scenario = house_scenario(&house, 0, path);
	house_given(scenario, "t", "Waited", NULL);
	/* The decision is written; the answer of the reaction is not. */
	ck_assert_int_eq(skafu_scenario_fail(scenario, SKAFU_FAULT_CRASH, 2, 1, error), 0);
	ck_assert_int_lt(ask(), 0);
	ck_assert_int_lt(ask(), 0); /* until the restart nothing succeeds */
	ck_assert_int_eq(restart(), 0);
	ck_assert_int_eq(skafu_scenario_when_time(scenario, skafu_scenario_now(scenario), error), 0);
	house_then(scenario, "Asked");
	house_then(scenario, "Answered");
	ck_assert_int_eq(skafu_scenario_then_effect(scenario, "answer", "mail", NULL), 0);
	ck_assert_int_eq(skafu_scenario_then_effect(scenario, "answer", "mail", NULL), 1); /* told once */
}
END_TEST

static int32_t define_nothing(void *user, skafu_model *model, skafu_error *why)
{
	(void)user;
	(void)model;
	skafu_error_set(why, SKAFU_EHOST, "not today");
	return SKAFU_EHOST;
}

START_TEST(a_restart_that_fails_can_be_tried_again)
{
	scenario = house_scenario(&house, 0, path);
	ck_assert_int_eq(skafu_scenario_restart(scenario, define_nothing, NULL, error), SKAFU_EHOST);
	ck_assert_int_eq(ask(), SKAFU_EMISUSE);
	ck_assert_ptr_null(skafu_scenario_model(scenario));
	ck_assert_int_eq(restart(), 0);
	ck_assert_int_eq(ask(), 0);
}
END_TEST

/* ---- the kit's own memory ---- */

static int32_t whole_run(void)
{
	const skafu_scenario_opts opts = {.size = sizeof(opts)};
	const skafu_new_record rang = house_event(NULL, "Rang", NULL);
	const skafu_command asking = house_command("s", "Ask", NULL);
	int32_t rc = skafu_scenario_new(&opts, &scenario, error);

	if (rc == 0)
		rc = house_define(&house, skafu_scenario_model(scenario), error);
	if (rc == 0)
		rc = skafu_scenario_when(scenario, &asking, error);
	if (rc == 0)
		rc = skafu_scenario_then_event(scenario, &rang, error);
	skafu_scenario_free(scenario);
	scenario = NULL;
	return rc;
}

START_TEST(no_memory_for_the_kit)
{
	static struct failing failing; /* what the kit put in front of it stays until the program ends */
	int32_t rc = SKAFU_ENOMEM;
	long nth;

	failing_init(&failing);
	for (nth = 0; rc != 1 && nth < 5000; nth += nth < 40 ? 1 : 13) {
		skafu__sys_override(&failing.sys);
		failing.left = nth;
		memset(&house, 0, sizeof(house));
		rc = whole_run();
		ck_assert_msg(rc < 0 || rc == 1, "%ld: %d", nth, (int)rc);
		skafu__sys_override(NULL);
	}
	ck_assert_int_eq(rc, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("scenario");
	TCase *tests = tcase_create("scenario");

	/* Hundreds of stores: what is flushed need not reach a disk. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, bad_options);
	tcase_add_test(tests, a_store_that_is_there_is_not_fresh);
	tcase_add_test(tests, the_clock_begins_where_it_is_set);
	tcase_add_test(tests, the_engine_is_lent);
	tcase_add_test(tests, two_scenarios_have_two_clocks);
	tcase_add_test(tests, what_cannot_be_armed);
	tcase_add_test(tests, space_comes_back);
	tcase_add_test(tests, conflicts_are_decided_again_until_they_are_too_many);
	tcase_add_loop_test(tests, each_storage_operation_fails_in_turn, 0, 5);
	tcase_add_test(tests, memory_fails_in_turn);
	tcase_add_test(tests, what_was_recorded_survives);
	tcase_add_test(tests, a_crash_before_the_answer);
	tcase_add_test(tests, a_restart_that_fails_can_be_tried_again);
	tcase_add_test(tests, no_memory_for_the_kit);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

/*
 * errorbus_test.c: errors become records of the document's form, alike ones in a storm become one, and a log that
 * cannot be written loses none that there is room for.
 */
#include "run/errorbus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/model.h"
#include "store/tempstore.h"

static struct tempstore temp;
static skafu_model *model;
static struct skafu__errorbus *bus;

/* A monotonic clock that tests move. */
static struct skafu__sys sys;
static int64_t passed_ns;

static int64_t moved_monotonic(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + passed_ns;
}

static void setup(void)
{
	passed_ns = 0;
	skafu__sys_override(NULL);
	sys = *skafu__sys_current();
	sys.monotonic_ns = moved_monotonic;
	skafu__sys_override(&sys);
	tempstore_new(&temp);
	went(skafu_model_open(temp.store, NULL, &model, fault));
	went(skafu__errorbus_of(model, &bus, fault));
}

static void teardown(void)
{
	skafu_model_close(model);
	tempstore_done(&temp);
	skafu__sys_override(NULL);
}

static skafu_error_report_def report(const char *code)
{
	skafu_error_report_def def = {.size = sizeof def, .code = code, .message = "Project name already exists",
				      .source = "project", .service = "project-management"};
	return def;
}

static uint32_t count_errors(void)
{
	const skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ERRORS};
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	uint32_t count = 0;
	went(skafu_read(temp.store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1)
		count++;
	skafu_cursor_free(cursor);
	return count;
}

/* The exported form of the newest record. */
static char *newest(void)
{
	skafu_record *record = NULL;
	char *text = NULL;
	size_t length;
	went(skafu_get(temp.store, head_of(temp.store), &record, fault));
	went(skafu_record_to_json(record, &text, &length, fault));
	skafu_record_free(record);
	return text;
}

static void has(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "%s is not in %s", part, text);
}

START_TEST(an_error_has_the_form_of_the_document)
{
	skafu_error_report_def def = report("VALIDATION_ERROR");
	def.function = "create-project";
	def.user_id = "user-123";
	def.stack_trace = "a\nb";
	def.correlation = "req-12345";
	def.can_retry = 1;
	def.severity = SKAFU_SEVERITY_CRITICAL;
	went(skafu_error_report(model, &def, fault));
	char *text = newest();
	has(text, "\"eventType\":\"ErrorOccurred\"");
	has(text, "\"source\":\"project\"");
	has(text, "\"correlationId\":\"req-12345\"");
	has(text, "\"severity\":\"CRITICAL\"");
	has(text, "\"data\":{\"errorCode\":\"VALIDATION_ERROR\",\"errorMessage\":\"Project name already exists\","
		  "\"context\":{\"service\":\"project-management\",\"function\":\"create-project\","
		  "\"userId\":\"user-123\"},\"stackTrace\":\"a\\nb\",\"canRetry\":true}");
	skafu_text_free(text);
}
END_TEST

START_TEST(what_is_left_out_is_filled_in)
{
	const skafu_error_report_def def = {.size = sizeof def, .code = "X", .message = "m"};
	went(skafu_error_report(model, &def, fault));
	char *text = newest();
	has(text, "\"source\":\"default\"");
	has(text, "\"severity\":\"ERROR\"");
	has(text, "\"canRetry\":false");
	skafu_text_free(text);
}
END_TEST

START_TEST(a_storm_becomes_one_record_with_a_count)
{
	const skafu_error_report_def def = report("DOWN"), other = report("OTHER");
	for (int i = 0; i < 1000; i++)
		went(skafu_error_report(model, &def, fault));
	ck_assert_uint_eq(count_errors(), SKAFU__ERRORBUS_STORM);
	went(skafu_error_report(model, &other, fault));
	ck_assert_uint_eq(count_errors(), SKAFU__ERRORBUS_STORM + 1);
	ck_assert_int_lt(skafu__errorbus_due_ns(bus), INT64_MAX);
	passed_ns += INT64_C(1100000000);
	skafu__errorbus_flush(bus);
	ck_assert_uint_eq(count_errors(), SKAFU__ERRORBUS_STORM + 2);
	char *text = newest();
	has(text, "\"occurrences\":{\"count\":984,\"first\":\"");
	skafu_text_free(text);
	ck_assert_int_eq(skafu__errorbus_due_ns(bus), INT64_MAX);
	went(skafu_error_report(model, &def, fault));
	ck_assert_uint_eq(count_errors(), SKAFU__ERRORBUS_STORM + 3);
}
END_TEST

START_TEST(closing_the_model_records_what_a_storm_amounts_to)
{
	const skafu_error_report_def def = report("DOWN");
	for (int i = 0; i < 20; i++)
		went(skafu_error_report(model, &def, fault));
	skafu_model_close(model);
	model = NULL;
	ck_assert_uint_eq(count_errors(), SKAFU__ERRORBUS_STORM + 1);
}
END_TEST



static int32_t report_many(const char *code, int count)
{
	int32_t rc = 0;
	for (int i = 0; rc == 0 && i < count; i++) {
		char name[32];
		snprintf(name, sizeof name, "%s%d", code, i);
		const skafu_error_report_def def = report(name);
		rc = skafu_error_report(model, &def, fault);
	}
	return rc;
}

/* A process that holds the writer's lock keeps errors from being appended: they wait, and come later in order. */
START_TEST(errors_wait_while_the_log_cannot_be_written)
{

	went(skafu__control_lock(&temp.store->control, INT64_MAX, fault));
	skafu__control_poison(&temp.store->control);
	skafu__control_unlock(&temp.store->control);
	went(report_many("WAIT", 5));
	ck_assert_uint_eq(count_errors(), 0);
	ck_assert_uint_eq(skafu__errorbus_waiting(bus), 5);
	ck_assert_int_lt(skafu__errorbus_due_ns(bus), INT64_MAX);
	skafu__control_forgive(&temp.store->control);
	passed_ns += INT64_C(1100000000);
	skafu__errorbus_flush(bus);
	ck_assert_uint_eq(skafu__errorbus_waiting(bus), 0);
	ck_assert_uint_eq(count_errors(), 5);
	char *text = newest();
	has(text, "WAIT4");
	skafu_text_free(text);
}
END_TEST

START_TEST(the_ring_is_bounded)
{
	went(skafu__control_lock(&temp.store->control, INT64_MAX, fault));
	skafu__control_poison(&temp.store->control);
	skafu__control_unlock(&temp.store->control);
	went(report_many("LOST", 2000));
	ck_assert_uint_eq(skafu__errorbus_waiting(bus) + skafu__errorbus_lost(bus), 2000);
	ck_assert_uint_le(skafu__errorbus_waiting(bus), 1024);
	skafu__control_forgive(&temp.store->control);
}
END_TEST

START_TEST(bad_reports_are_refused_and_change_nothing)
{
	skafu_error_report_def def = report("X");
	char *long_text = malloc(70000);
	memset(long_text, 'x', 69999);
	long_text[69999] = '\0';
	refused(SKAFU_EINVAL, skafu_error_report(model, NULL, fault));
	refused(SKAFU_EINVAL, skafu_error_report(NULL, &def, fault));
	def.code = NULL;
	refused(SKAFU_EINVAL, skafu_error_report(model, &def, fault));
	def = report("X");
	def.message = NULL;
	refused(SKAFU_EINVAL, skafu_error_report(model, &def, fault));
	def = report("X");
	def.message = "\xff";
	refused(SKAFU_EUTF8, skafu_error_report(model, &def, fault));
	def = report("X");
	def.stack_trace = long_text;
	refused(SKAFU_ELIMIT, skafu_error_report(model, &def, fault));
	def = report("X");
	def.severity = 9;
	refused(SKAFU_EINVAL, skafu_error_report(model, &def, fault));
	def = report("X");
	def.correlation = "";
	refused(SKAFU_EINVAL, skafu_error_report(model, &def, fault));
	ck_assert_uint_eq(head_of(temp.store), 0);
	free(long_text);
}
END_TEST

/* What the library itself reports is cut and cleaned instead. */
START_TEST(foreign_bytes_do_not_keep_an_error_from_the_log)
{
	char message[6000];
	memset(message, 'm', sizeof message - 1);
	message[sizeof message - 1] = '\0';
	message[10] = '\xfe';
	message[11] = '\x01';
	const struct skafu__error_fields fields = {.severity = SKAFU_SEVERITY_ERROR, .code = "C", .message = message};
	went(skafu__errorbus_report(bus, &fields, fault));
	ck_assert_uint_eq(count_errors(), 1);
	ck_assert_uint_eq(skafu__errorbus_waiting(bus), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, an_error_has_the_form_of_the_document);
	tcase_add_test(tests, what_is_left_out_is_filled_in);
	tcase_add_test(tests, a_storm_becomes_one_record_with_a_count);
	tcase_add_test(tests, closing_the_model_records_what_a_storm_amounts_to);
	tcase_add_test(tests, errors_wait_while_the_log_cannot_be_written);
	tcase_add_test(tests, the_ring_is_bounded);
	tcase_add_test(tests, bad_reports_are_refused_and_change_nothing);
	tcase_add_test(tests, foreign_bytes_do_not_keep_an_error_from_the_log);
}

int main(void)
{
	return tempstore_main("errorbus", add);
}

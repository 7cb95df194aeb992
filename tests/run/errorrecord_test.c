/*
 * errorrecord_test.c: copies are cut and cleaned, and hold all that the fields say; records say it as JSON.
 */
#include "run/errorrecord.h"

#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

static const struct skafu__sys *sys;

static void setup(void)
{
	sys = skafu__sys_current();
}

START_TEST(a_copy_is_independent_of_what_it_copies)
{
	char code[] = "CODE", message[] = "what happened";
	uint8_t cause[16] = {1, 2, 3};
	const struct skafu__error_fields fields = {
		.severity = 2, .code = code, .message = message, .causation = cause};
	struct skafu__errorrecord_copy *copy = skafu__errorrecord_copy_new(sys, &fields);
	code[0] = message[0] = 'X';
	cause[0] = 9;
	ck_assert_str_eq(copy->fields.code, "CODE");
	ck_assert_str_eq(copy->fields.message, "what happened");
	ck_assert_ptr_null(copy->fields.source);
	ck_assert_uint_eq(copy->fields.causation[0], 1);
	ck_assert_uint_ge(copy->bytes, sizeof *copy + 5 + 14);
	skafu__free(sys, copy);
}
END_TEST

START_TEST(long_texts_are_cut_at_a_character)
{
	char code[300];
	memset(code, 'a', sizeof code);
	memcpy(code + 254, "\xc3\xa9", 2); /* its second byte would be number 256 */
	code[299] = '\0';
	const struct skafu__error_fields fields = {.code = code};
	struct skafu__errorrecord_copy *copy = skafu__errorrecord_copy_new(sys, &fields);
	ck_assert_uint_eq(strlen(copy->fields.code), 254);
	skafu__free(sys, copy);
}
END_TEST

START_TEST(bytes_that_are_no_text_are_replaced)
{
	const struct skafu__error_fields fields = {.code = "a\xff\x01z", .message = "line 1\nline 2"};
	struct skafu__errorrecord_copy *copy = skafu__errorrecord_copy_new(sys, &fields);
	ck_assert_str_eq(copy->fields.code, "a??z");
	ck_assert_str_eq(copy->fields.message, "line 1\nline 2");
	skafu__free(sys, copy);
}
END_TEST

static void *no_memory(void *user, size_t bytes)
{
	(void)user;
	(void)bytes;
	return NULL;
}

START_TEST(without_memory_there_is_no_copy)
{
	struct skafu__sys poor = *sys;
	const struct skafu__error_fields fields = {.code = "C"};
	poor.allocate = no_memory;
	ck_assert_ptr_null(skafu__errorrecord_copy_new(&poor, &fields));
}
END_TEST

START_TEST(a_record_says_what_the_fields_say)
{
	skafu_store *store = memory_store();
	skafu_batch *batch = batch_of(store);
	skafu_record *record = NULL;
	const struct skafu__error_fields fields = {
		.severity = SKAFU_SEVERITY_WARNING, .source = "sales", .code = "A\"B", .message = "m", .service = "s",
		.count = 7, .first_ns = 1000000000, .last_ns = 2000000000, .correlation = "c-1"};
	went(skafu__errorrecord_add(batch, sys, &fields, fault));
	appended_by(store, batch);
	went(skafu_get(store, 1, &record, fault));
	ck_assert_uint_eq(record->kind, SKAFU_KIND_ERROR);
	ck_assert_uint_eq(record->severity, SKAFU_SEVERITY_WARNING);
	ck_assert_int_eq(record->time_ns, 2000000000);
	ck_assert_str_eq(record->type, "ErrorOccurred");
	ck_assert_str_eq(record->correlation, "c-1");
	static const char data[] =
		"{\"errorCode\":\"A\\\"B\",\"errorMessage\":\"m\","
		"\"context\":{\"service\":\"s\",\"function\":\"\",\"userId\":\"\"},"
		"\"stackTrace\":\"\",\"canRetry\":false,"
		"\"occurrences\":{\"count\":7,\"first\":\"1970-01-01T00:00:01Z\","
		"\"last\":\"1970-01-01T00:00:02Z\"}}";
	ck_assert_uint_eq(record->data_length, sizeof data - 1);
	ck_assert_mem_eq(record->data, data, sizeof data - 1);
	skafu_record_free(record);
	skafu_store_close(store);
}
END_TEST

START_TEST(a_record_that_the_store_refuses_leaves_the_batch_alone)
{
	skafu_store *store = memory_store();
	skafu_batch *batch = batch_of(store);
	const struct skafu__error_fields fields = {.severity = 9, .code = "C", .message = "m"};
	refused(SKAFU_EINVAL, skafu__errorrecord_add(batch, sys, &fields, fault));
	ck_assert_uint_eq(skafu_batch_count(batch), 0);
	skafu_batch_free(batch);
	skafu_store_close(store);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, a_copy_is_independent_of_what_it_copies);
	tcase_add_test(tests, long_texts_are_cut_at_a_character);
	tcase_add_test(tests, bytes_that_are_no_text_are_replaced);
	tcase_add_test(tests, without_memory_there_is_no_copy);
	tcase_add_test(tests, a_record_says_what_the_fields_say);
	tcase_add_test(tests, a_record_that_the_store_refuses_leaves_the_batch_alone);
}

int main(void)
{
	return tempstore_main("errorrecord", add);
}

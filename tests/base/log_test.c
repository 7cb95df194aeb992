/*
 * log_test.c: the log sink.
 */
#include "base/log.h"

#include <check.h>
#include <string.h>

#include "util/suite.h"

static char seen_text[4096];
static int32_t seen_level;
static int seen_calls;
static int freed;

static void sink(void *user, int32_t level, const char *text)
{
	ck_assert_ptr_eq(user, &freed);
	seen_level = level;
	seen_calls++;
	strcpy(seen_text, text);
}

static void free_sink(void *user)
{
	ck_assert_ptr_eq(user, &freed);
	freed++;
}

START_TEST(silence)
{
	struct skafu__log log = {0};

	skafu__log(NULL, SKAFU_LOG_ERROR, "x");
	skafu__log(&log, SKAFU_LOG_ERROR, "x");
	skafu__log_done(&log);
	skafu__log_done(NULL);
	ck_assert_int_eq(seen_calls, 0);
}
END_TEST

START_TEST(one_line)
{
	struct skafu__log log = {sink, &freed, NULL};

	skafu__log(&log, SKAFU_LOG_NOTICE, "%s is %d", "it", 5);
	ck_assert_str_eq(seen_text, "it is 5");
	ck_assert_int_eq(seen_level, SKAFU_LOG_NOTICE);
	skafu__log(&log, SKAFU_LOG_DEBUG, "a\nb\tc\x1b[1m\x7f\xc3\xa9\n");
	ck_assert_str_eq(seen_text, "a b c [1m \xc3\xa9");
	skafu__log(&log, SKAFU_LOG_DEBUG, "%s", "");
	ck_assert_str_eq(seen_text, "");
	ck_assert_int_eq(seen_calls, 3);
}
END_TEST

START_TEST(long_lines_are_cut_at_a_character)
{
	struct skafu__log log = {sink, &freed, NULL};
	char text[3000];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	skafu__log(&log, SKAFU_LOG_ERROR, "%s", text);
	ck_assert_uint_eq(strlen(seen_text), 1023);
	memcpy(text + 1022, "\xc3\xa9", 2);
	skafu__log(&log, SKAFU_LOG_ERROR, "%s", text);
	ck_assert_uint_eq(strlen(seen_text), 1022);
	text[1023] = '\0';
	text[1022] = 'y'; /* exactly the room there is */
	skafu__log(&log, SKAFU_LOG_ERROR, "%s", text);
	ck_assert_str_eq(seen_text, text);
}
END_TEST

START_TEST(freed_once)
{
	struct skafu__log log = {sink, &freed, free_sink};
	int calls = seen_calls;

	skafu__log_done(&log);
	skafu__log_done(&log);
	ck_assert_int_eq(freed, 1);
	skafu__log(&log, SKAFU_LOG_ERROR, "late");
	ck_assert_int_eq(seen_calls, calls);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, silence);
	tcase_add_test(tcase, one_line);
	tcase_add_test(tcase, long_lines_are_cut_at_a_character);
	tcase_add_test(tcase, freed_once);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}

/*
 * clock_test.c: times as text.  Dates are compared with gmtime_r() of libc, and every day of the range is visited.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sys.h"
#include "skafu_base.h"
#include "util/suite.h"

#define SECOND INT64_C(1000000000)

static int64_t parse(const char *text)
{
	int64_t time_ns = 77;

	if (skafu_time_parse(text, &time_ns) != SKAFU_OK)
		ck_abort_msg("%s", text);
	return time_ns;
}

static void refuse(const char *text)
{
	int64_t time_ns = 77;

	ck_assert_msg(skafu_time_parse(text, &time_ns) == SKAFU_EINVAL, "%s", text);
	ck_assert_int_eq(time_ns, 77);
}

static void round_trip(int64_t time_ns)
{
	char text[SKAFU_TIME_TEXT_BYTES];

	skafu_time_format(time_ns, text);
	if (parse(text) != time_ns)
		ck_abort_msg("%" PRId64 " %s", time_ns, text);
}

START_TEST(known_texts)
{
	char text[SKAFU_TIME_TEXT_BYTES];
	static const struct {
		int64_t time_ns;
		const char *text;
	} known[] = {
		{0, "1970-01-01T00:00:00Z"},
		{-1, "1969-12-31T23:59:59.999999999Z"},
		{1, "1970-01-01T00:00:00.000000001Z"},
		{1000, "1970-01-01T00:00:00.000001Z"},
		{1000000, "1970-01-01T00:00:00.001Z"},
		{-SECOND, "1969-12-31T23:59:59Z"},
		{-SECOND - 1000000, "1969-12-31T23:59:58.999Z"},
		{INT64_C(1737196200123456789), "2025-01-18T10:30:00.123456789Z"},
		{INT64_C(1737196200100000000), "2025-01-18T10:30:00.100Z"},
		{951782400 * SECOND, "2000-02-29T00:00:00Z"},
		{INT64_C(-2203891200) * SECOND, "1900-03-01T00:00:00Z"},
		{INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
		{INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		skafu_time_format(known[i].time_ns, text);
		ck_assert_str_eq(text, known[i].text);
		ck_assert_int_eq(parse(known[i].text), known[i].time_ns);
	}
}
END_TEST

START_TEST(every_day_of_the_range)
{
	for (int64_t day = -106751; day <= 106751; day++) {
		time_t seconds = (time_t)(day * 86400 + (day * 7919 % 86400 + 86400) % 86400);
		char expected[SKAFU_TIME_TEXT_BYTES];
		char text[SKAFU_TIME_TEXT_BYTES];
		struct tm tm;

		gmtime_r(&seconds, &tm);
		strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm);
		skafu_time_format(seconds * SECOND, text);
		if (strcmp(text, expected) != 0 || parse(text) != seconds * SECOND)
			ck_abort_msg("%s", expected);
		round_trip(seconds * SECOND + 86399 * INT64_C(11574074));
	}
}
END_TEST

START_TEST(random_round_trips)
{
	const char *given = getenv("SKAFU_TEST_SEED");
	uint64_t state = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);

	printf("seed %" PRIu64 "\n", state);
	for (int i = 0; i < 300000; i++) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		round_trip((int64_t)(state ^ state >> 29));
	}
	for (int64_t near = 0; near < 2000; near++) {
		round_trip(INT64_MAX - near);
		round_trip(INT64_MIN + near);
		round_trip(near - 1000);
	}
}
END_TEST

START_TEST(accepted_forms)
{
	ck_assert_int_eq(parse("1970-01-01T01:00:00+01:00"), 0);
	ck_assert_int_eq(parse("1969-12-31T18:29:00-05:31"), 0);
	ck_assert_int_eq(parse("1970-01-01T00:00:00-00:00"), 0);
	ck_assert_int_eq(parse("1970-01-01t00:00:01z"), SECOND);
	ck_assert_int_eq(parse("1970-01-01T23:59:00+23:59"), 0);
	ck_assert_int_eq(parse("1970-01-01T00:00:00.1Z"), 100000000);
	ck_assert_int_eq(parse("1970-01-01T00:00:00.12Z"), 120000000);
	ck_assert_int_eq(parse("1970-01-01T00:00:00.12345678+00:00"), 123456780);
	/* A leap second counts as the second after it, also when the offset moves it. */
	ck_assert_int_eq(parse("2016-12-31T23:59:60Z"), parse("2017-01-01T00:00:00Z"));
	ck_assert_int_eq(parse("2016-12-31T23:59:60.5Z"), parse("2017-01-01T00:00:00.5Z"));
	ck_assert_int_eq(parse("1990-12-31T15:59:60-08:00"), parse("1991-01-01T00:00:00Z"));
	/* At the ends of the range, from the other side of it. */
	ck_assert_int_eq(parse("2262-04-12T00:47:16.854775807+01:00"), INT64_MAX);
	ck_assert_int_eq(parse("1677-09-20T23:12:43.145224192-01:00"), INT64_MIN);
}
END_TEST

START_TEST(refused_forms)
{
	static const char *const texts[] = {
		"", "1970", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01T00:00Z", "1970-01-01 00:00:00Z",
		" 1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z ", "1970-01-01T00:00:00ZZ", "1970-1-01T00:00:00Z",
		"1970-01-1T00:00:00Z", "+1970-01-01T00:00:00Z", "-970-01-01T00:00:00Z", "1970-00-01T00:00:00Z",
		"1970-13-01T00:00:00Z", "1970-01-00T00:00:00Z", "1970-01-32T00:00:00Z", "1970-04-31T00:00:00Z",
		"1970-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2000-02-30T00:00:00Z",
		"1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z", "1970-01-01T00:00:61Z", "1970-01-01T00:00:60Z",
		"2016-12-31T23:58:60Z", "2016-12-30T23:59:60Z", "2016-12-31T23:59:60+01:00",
		"1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.1234567890Z", "1970-01-01T00:00:00,1Z",
		"1970-01-01T00:00:00.1", "1970-01-01T00:00:00+1:00", "1970-01-01T00:00:00+0100",
		"1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00+00:60", "1970-01-01T00:00:00+00:0",
		"1970-01-01T00:00:00+00:000", "1970-01-01T00:00:00+", "1970/01/01T00:00:00Z", "1970-01-01T00.00.00Z",
		"2262-04-11T23:47:16.854775808Z", "2262-04-11T23:47:17Z", "1677-09-21T00:12:43.145224191Z",
		"1677-09-21T00:12:42Z", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
		"1970-01-01T00:00:00\xe2\x88\x92\060\061:00", "l970-01-01T00:00:00Z",
		"1970-01-01T0\xef\xbc\x90:00:00Z",
	};
	int64_t time_ns;

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		refuse(texts[i]);
	ck_assert_int_eq(skafu_time_parse(NULL, &time_ns), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_time_parse("1970-01-01T00:00:00Z", NULL), SKAFU_EINVAL);
}
END_TEST

/* Every cut of a good text is refused, without a read past its end. */
START_TEST(cut_texts)
{
	static const char whole[] = "2025-01-18T10:30:00.123456789+01:30";

	for (size_t length = 0; length < sizeof whole - 1; length++) {
		char *text = calloc(1, length + 1);

		memcpy(text, whole, length);
		refuse(text);
		free(text);
	}
	ck_assert_int_eq(parse(whole), INT64_C(1737190800123456789));
}
END_TEST

static int64_t hand_clock(void)
{
	return 42;
}

START_TEST(now)
{
	struct skafu__sys sys = *skafu__sys_current();
	int64_t real = skafu_time_now();

	ck_assert_int_le(llabs(real / SECOND - time(NULL)), 2);
	sys.wall_ns = hand_clock;
	sys.wall_tick_ns = hand_clock;
	skafu__sys_override(&sys);
	ck_assert_int_eq(skafu_time_now(), 42);
	skafu__sys_override(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tcase = tcase_create("clock");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, known_texts);
	tcase_add_test(tcase, every_day_of_the_range);
	tcase_add_test(tcase, random_round_trips);
	tcase_add_test(tcase, accepted_forms);
	tcase_add_test(tcase, refused_forms);
	tcase_add_test(tcase, cut_texts);
	tcase_add_test(tcase, now);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}

/*
 * sse_test.c: every line end, every cut.
 */
#include "sse.h"

#include <string.h>

#include "app/kit.h"

static int32_t write_down(void *user, const char *event, const char *data, size_t length)
{
	struct text *out = user;

	text_add_format(out, "<%s:%.*s>", event, (int)length, data);
	return strcmp(event, "stop") == 0 ? SKAFU_EINTERRUPTED : SKAFU_OK;
}

static void assert_parsed(const char *stream, size_t length, const char *expected)
{
	for (size_t piece = 1; piece <= length; piece++) {
		struct text out = {0};
		struct sse sse = {.on_event = write_down, .user = &out};

		for (size_t at = 0; at < length; at += piece)
			ck_assert_int_eq(sse_feed(&sse, stream + at, length - at < piece ? length - at : piece),
					 SKAFU_OK);
		ck_assert_str_eq(text_string(&out), expected);
		sse_free(&sse);
		text_free(&out);
	}
}

START_TEST(events)
{
	static const char *const cases[][2] = {
		{"data: a\n\n", "<message:a>"},
		{"event: x\ndata: a\ndata: b\n\n", "<x:a\nb>"},
		{"data: a\r\n\r\ndata: b\r\rdata: c\n\n", "<message:a><message:b><message:c>"},
		{": comment\nid: 7\nretry: 1\ndata\n\n", "<message:>"},
		{"event: x\n\ndata:a:b\n\n", "<message:a:b>"},
		{"data:  two\n\n", "<message: two>"},
		{"dataset: a\nevent\n\n", ""},
		{"data: unfinished\n", ""},
		{"\n\n\n", ""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_parsed(cases[i][0], strlen(cases[i][0]), cases[i][1]);
	assert_parsed("data: a\0b\n\n", 11, "<message:a>"); /* printed up to its NUL */
}
END_TEST

START_TEST(ends_early)
{
	struct text out = {0};
	struct sse sse = {.on_event = write_down, .user = &out};
	static const char stream[] = "event: stop\ndata: a\n\ndata: b\n\n";
	int32_t rc = SKAFU_OK;

	ck_assert_int_eq(sse_feed(&sse, stream, sizeof stream - 1), SKAFU_EINTERRUPTED);
	ck_assert_str_eq(text_string(&out), "<stop:a>");
	for (int i = 0; i < 2000 && rc == SKAFU_OK; i++)
		rc = sse_feed(&sse,
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			      576);
	ck_assert_int_eq(rc, SKAFU_ELIMIT);
	ck_assert_uint_le(sse.line.length, SSE_EVENT_BYTES);
	sse_free(&sse);
	text_free(&out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sse");
	TCase *tcase = tcase_create("sse");

	tcase_add_test(tcase, events);
	tcase_add_test(tcase, ends_early);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

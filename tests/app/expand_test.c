/*
 * expand_test.c: the language of the templates, what it refuses, and noise.
 */
#include "expand.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/kit.h"
#include "filter.h"

static const struct value items[] = {
	{"name", "OrderBook"}, {"yes", "true"},    {"no", "false"},
	{"empty", ""},         {"license", "MIT"}, {"tag", "{{name}}"},
};
static const struct values values = {items, sizeof items / sizeof *items};

static void assert_expands(const char *source, const char *expected)
{
	struct text out = {0};
	struct faults faults = {0};

	expand(source, strlen(source), &values, "t", &out, &faults);
	if (faults.count != 0)
		ck_abort_msg("%s: %s", source, faults.items[0].text);
	ck_assert_str_eq(text_string(&out), expected);
	expand(source, strlen(source), &values, "t", NULL, &faults);
	ck_assert_uint_eq(faults.count, 0);
	text_free(&out);
}

static void assert_fault(const char *source, size_t line, const char *says)
{
	struct faults faults = {0};

	expand(source, strlen(source), &values, "t", NULL, &faults);
	if (faults.count != 1)
		ck_abort_msg("%s: %zu faults", source, faults.count);
	ck_assert_msg(strstr(faults.items[0].text, says) != NULL, "%s: %s", source, faults.items[0].text);
	ck_assert_uint_eq(faults.items[0].line, line);
	faults_free(&faults);
}

START_TEST(variables_and_filters)
{
	assert_expands("", "");
	assert_expands("plain { } }} text", "plain { } }} text");
	assert_expands("<{{name}}{{ name }}>", "<OrderBookOrderBook>");
	assert_expands("{{name|snake}} {{ name | kebab | upper }}", "order_book ORDER-BOOK");
	assert_expands("{{name.snake.upper}}.c", "ORDER_BOOK.c");
	assert_expands("{{tag}}", "{{name}}");
	assert_expands("{{\"{{\"}}x{{\"}}\"}}", "{{x}}");
	assert_expands("${{ github.ref }} ${{name}}", "${{ github.ref }} ${{name}}");
	assert_expands("{{empty}}", "");
}
END_TEST

START_TEST(conditions)
{
	assert_expands("{{#if yes}}a{{else}}b{{/if}}", "a");
	assert_expands("{{#if no}}a{{else}}b{{/if}}", "b");
	assert_expands("{{#if !no}}a{{/if}}{{#if empty}}b{{end}}", "a");
	assert_expands("{{#if license == \"MIT\"}}a{{/if}}{{#if license != \"MIT\"}}b{{/if}}", "a");
	assert_expands("{{#if yes}}{{#if no}}a{{else}}b{{/if}}c{{else}}{{#if yes}}d{{/if}}{{/if}}", "bc");
	assert_expands("{{#if no}}{{#if yes}}a{{else}}b{{/if}}{{/if}}c", "c");
	assert_expands("x\n  {{#if yes}}\n  a\n  {{else}}\n  b\n  {{/if}}  \ny\n", "x\n  a\ny\n");
	assert_expands("x {{#if yes}}\na\n{{/if}}", "x \na\n");
}
END_TEST

START_TEST(faults_have_lines)
{
	assert_fault("a\n{{nobody}}", 2, "no variable \"nobody\"");
	assert_fault("{{#if no}}\n{{nobody}}\n{{/if}}", 2, "no variable");
	assert_fault("{{name | shout}}", 1, "no filter \"shout\"");
	assert_fault("a\n\n{{name\n}}", 3, "not closed");
	assert_fault("{{", 1, "not closed");
	assert_fault("\n{{#if yes}}", 2, "has no {{/if}}");
	assert_fault("\n{{/if}}", 2, "belongs to no");
	assert_fault("{{else}}", 1, "belongs to no");
	assert_fault("{{#if yes}}{{else}}\n{{else}}{{/if}}", 2, "belongs to no");
	assert_fault("{{#if license == MIT}}{{/if}}", 1, "in quotes");
	assert_fault("{{#if nobody}}{{/if}}", 1, "no variable");
	assert_fault("{{}}", 1, "no variable");
}
END_TEST

START_TEST(depth_and_size_have_limits)
{
	struct text source = {0};
	struct text out = {.limit = 10};
	struct faults faults = {0};

	for (int i = 0; i < 16; i++)
		text_add_string(&source, "{{#if yes}}");
	for (int i = 0; i < 16; i++)
		text_add_string(&source, "{{/if}}");
	assert_expands(source.bytes, "");
	text_clear(&source);
	for (int i = 0; i < 10000; i++)
		text_add_string(&source, "{{#if yes}}");
	assert_fault(source.bytes, 1, "nested more than");
	expand("{{name}}{{name}}", 16, &values, "t", &out, &faults);
	ck_assert_uint_eq(faults.count, 1);
	faults_free(&faults);
	text_clear(&source);
	for (int i = 0; i < 10000; i++)
		text_add_string(&source, "{{x}}\n");
	expand(source.bytes, source.length, &values, "t", NULL, &faults);
	ck_assert_uint_eq(faults.count, 10000);
	ck_assert_uint_eq(faults.kept, FAULTS_KEPT);
	kit_assert_error(faults_result(&faults, kit_error), SKAFU_EINVAL);
	kit_assert_says("t:1: there is no variable \"x\" (and 9999 more).");
	faults_free(&faults);
	text_free(&source);
	text_free(&out);
}
END_TEST

START_TEST(spellings)
{
	static const char *const cases[][3] = {
		{"snake", "HTTPServer2Go", "http_server2_go"},
		{"kebab", " my  odd--name_", "my-odd-name"},
		{"camel", "order book", "orderBook"},
		{"pascal", "order-book", "OrderBook"},
		{"upper", "aB-c", "AB-C"},
		{"lower", "aB-C", "ab-c"},
		{"snake", "", ""},
		{"json", "a\"b\\", "a\\\"b\\\\"},
		{"html", "<a b='\"&\">", "&lt;a b=&#39;&quot;&amp;&quot;&gt;"},
		{"kebab", "---", ""},
		{"pascal", "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa9"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct text out = {0};

		ck_assert_int_eq(filter_apply(cases[i][0], cases[i][1], &out), SKAFU_OK);
		ck_assert_str_eq(text_string(&out), cases[i][2]);
		text_free(&out);
	}
	ck_assert_int_eq(filter_apply("shout", "a", &(struct text){0}), SKAFU_ENOTFOUND);
}
END_TEST

/* Tags in any order: no crash, no hang, no output beyond what was put in; the sanitizers watch. */
START_TEST(noise)
{
	static const char *const pieces[] = {
		"{{", "}}", "#if ", "yes", "else", "/if", "{{#if yes}}", "{{/if}}", "{{else}}", "\n",
		" ",  "|",  "\"",   "==",  "!",    "$",   "name",        "snake",   "{{name}}", "end"};
	unsigned seed = (unsigned)time(NULL);

	srand(seed);
	for (int round = 0; round < 3000; round++) {
		struct text source = {0};
		struct text out = {0};
		struct faults faults = {0};

		for (int i = rand() % 40; i >= 0; i--)
			text_add_string(&source, pieces[(size_t)rand() % (sizeof pieces / sizeof *pieces)]);
		expand(source.bytes, source.length, &values, "t", &out, &faults);
		ck_assert_msg(out.length <= source.length * 9, "seed %u", seed);
		text_free(&source);
		text_free(&out);
		faults_free(&faults);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("expand");
	TCase *tcase = tcase_create("expand");

	tcase_add_checked_fixture(tcase, kit_begin, kit_end);
	tcase_add_test(tcase, variables_and_filters);
	tcase_add_test(tcase, conditions);
	tcase_add_test(tcase, faults_have_lines);
	tcase_add_test(tcase, depth_and_size_have_limits);
	tcase_add_test(tcase, spellings);
	tcase_add_test(tcase, noise);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

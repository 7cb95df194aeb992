/*
 * render_test.c: projects from templates: what becomes of each file, what a hostile template gets, all or nothing.
 */
#include "render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/kit.h"

#define VARIABLES                                                                                                    \
	"\"variables\":{\"name\":{\"description\":\"d\",\"pattern\":\"^[a-z]+$\"},"                                  \
	"\"where\":{\"description\":\"d\",\"default\":\"w\"},"                                                       \
	"\"ci\":{\"type\":\"boolean\",\"description\":\"d\",\"default\":false}}"
#define A_VARIABLE "{\"variables\":{\"a\":{\"description\":\"d\","
#define HEAD "{\"name\":\"t\",\"version\":\"1.0.0\",\"description\":\"d\",\"test\":[\"true\"]," VARIABLES

static void write_manifest(const char *rest)
{
	char json[2048];

	snprintf(json, sizeof json, HEAD "%s}", rest);
	kit_write("t/template.json", json);
}

static int32_t render(const char *name, const char *where, struct render_report *report)
{
	struct value items[] = {{"name", name}, {"where", where}};
	struct values values = {items, 2};

	return render_project(kit_path("t"), &values, kit_path("out"), report, NULL, kit_error);
}

static void assert_nothing_left(void)
{
	ck_assert_uint_eq(kit_count(""), 1); /* the template alone */
}

/* Is the template invalid, and does one of its faults say this? */
static void assert_invalid(const char *says)
{
	struct faults faults = {0};
	int found = 0;

	kit_assert_ok(render_validate(kit_path("t"), &faults, kit_error));
	for (size_t i = 0; i < faults.kept; i++)
		found = found || strstr(faults.items[i].text, says) != NULL;
	if (!found)
		ck_abort_msg("%zu faults, none says \"%s\" but %s", faults.count, says,
			     faults.count > 0 ? faults.items[0].text : "");
	faults_free(&faults);
}

START_TEST(becomes_a_project)
{
	struct render_report report;
	struct faults faults = {0};
	struct stat status;
	char *content;

	write_manifest(",\"files\":[{\"path\":\"ci.yml\",\"if\":\"ci\"},{\"path\":\"raw\",\"verbatim\":true}]");
	kit_write("t/files/{{name}}/{{name.upper}}.txt", "Hello {{name}}\n");
	kit_write("t/files/raw", "{{name}}");
	kit_write("t/files/ci.yml", "x");
	kit_write("t/files/{{#if ci}}a{{end}}/b", "x");
	kit_write_bytes("t/files/run.sh", "#!/bin/sh\n", 10, 0755);
	kit_write_bytes("t/files/picture", "\x89\0{{", 4, 0644);
	kit_assert_ok(render_validate(kit_path("t"), &faults, kit_error));
	kit_assert_ok(faults_result(&faults, kit_error));
	kit_assert_ok(render("order", "w", &report));
	ck_assert_uint_eq(report.files, 4);
	ck_assert_uint_eq(report.left_out, 2);
	content = kit_read("out/order/ORDER.txt");
	ck_assert_str_eq(content, "Hello order\n");
	free(content);
	content = kit_read("out/raw");
	ck_assert_str_eq(content, "{{name}}");
	free(content);
	content = kit_read("out/picture");
	ck_assert_mem_eq(content, "\x89\0{{", 4);
	free(content);
	ck_assert_int_eq(stat(kit_path("out/run.sh"), &status), 0);
	ck_assert_uint_ne(status.st_mode & 0100, 0);
	ck_assert_int_eq(stat(kit_path("out/raw"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 0111, 0);
	ck_assert_uint_eq(kit_count("out"), 4);
	ck_assert_uint_eq(kit_count(""), 2);
}
END_TEST

START_TEST(never_overwrites)
{
	char *content;

	write_manifest("");
	kit_write("t/files/a", "{{name}}");
	kit_write("out/mine", "mine");
	kit_assert_error(render("order", "w", NULL), SKAFU_EEXISTS);
	kit_assert_says("name another target");
	ck_assert_uint_eq(kit_count("out"), 1);
	ck_assert_uint_eq(kit_count(""), 2);
	ck_assert_int_eq(unlink(kit_path("out/mine")), 0);
	kit_assert_ok(render("order", "w", NULL)); /* an empty folder is no obstacle */
	content = kit_read("out/a");
	ck_assert_str_eq(content, "order");
	free(content);
	ck_assert_int_eq(unlink(kit_path("out/a")) | rmdir(kit_path("out")), 0);
	kit_write("out", "a file");
	kit_assert_error(render("order", "w", NULL), SKAFU_EEXISTS);
	ck_assert_int_eq(unlink(kit_path("out")), 0);
	ck_assert_int_eq(symlink("t", kit_path("out")), 0);
	kit_assert_error(render("order", "w", NULL), SKAFU_EEXISTS);
	ck_assert_int_eq(unlink(kit_path("out")), 0);
	assert_nothing_left();
}
END_TEST

START_TEST(paths_of_values_stay_inside)
{
	static const char *const bad[] = {"..",         "../../etc", "/etc", "a/../../b", ".git",
					  ".GIT/hooks", "a\\b",      "",     "."};

	write_manifest("");
	kit_write("t/files/{{where}}/hook", "x");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		kit_assert_error(render("order", bad[i], NULL), SKAFU_EINVAL);
		assert_nothing_left();
	}
	kit_assert_error(render("order", "a\nb", NULL), SKAFU_EINVAL);
	kit_assert_error(render("Order", "w", NULL), SKAFU_EINVAL);
	kit_assert_says("does not match");
	kit_assert_ok(render("order", "a/b", NULL)); /* a folder in a value is fine */
	ck_assert(kit_exists("out/a/b/hook"));
}
END_TEST

START_TEST(hostile_templates)
{
	write_manifest("");
	kit_write("secret", "secret");
	ck_assert_int_eq(mkdir(kit_path("t/files"), 0755), 0);
	assert_invalid("no file in the folder");
	ck_assert_int_eq(symlink("../../secret", kit_path("t/files/link")), 0);
	assert_invalid("link");
	/* The folder of the files itself leads elsewhere. */
	ck_assert_int_eq(rename(kit_path("t/files"), kit_path("elsewhere")), 0);
	ck_assert_int_eq(symlink("../elsewhere", kit_path("t/files")), 0);
	ck_assert_int_eq(unlink(kit_path("elsewhere/link")), 0);
	assert_invalid("link");
	ck_assert_int_eq(unlink(kit_path("t/files")), 0);
	ck_assert_int_eq(rename(kit_path("elsewhere"), kit_path("t/files")), 0);
	ck_assert_int_eq(symlink("../../secret", kit_path("t/files/link")), 0);
	kit_assert_error(render("order", "w", NULL), SKAFU_EINVAL);
	ck_assert_int_eq(unlink(kit_path("t/files/link")), 0);
	ck_assert_int_eq(mkfifo(kit_path("t/files/pipe"), 0600), 0);
	assert_invalid("no regular file");
	ck_assert_int_eq(unlink(kit_path("t/files/pipe")), 0);
	kit_write("t/files/.git/config", "x");
	assert_invalid("\".git\"");
	kit_assert_error(render("order", "w", NULL), SKAFU_EINVAL);
	ck_assert_int_eq(unlink(kit_path("t/files/.git/config")) | rmdir(kit_path("t/files/.git")), 0);
	kit_write("t/files/{{nobody}}", "{{#if name}}");
	assert_invalid("no variable \"nobody\"");
	assert_invalid("has no {{/if}}");
	ck_assert_int_eq(unlink(kit_path("t/files/{{nobody}}")), 0);
	kit_write("t/files/{{name}}", "1");
	kit_write("t/files/order", "2");
	kit_assert_error(render("order", "w", NULL), SKAFU_EINVAL);
	kit_assert_says("Two files of the template become order.");
	ck_assert_uint_eq(kit_count(""), 2);
}
END_TEST

START_TEST(limits)
{
	char name[64];

	write_manifest("");
	for (int i = 0; i <= RENDER_FILES; i++) {
		snprintf(name, sizeof name, "t/files/d%d/f%d", i % 20, i);
		kit_write(name, "");
	}
	assert_invalid("too many files");
	kit_assert_error(render("order", "w", NULL), SKAFU_EINVAL);
	assert_nothing_left();
}
END_TEST

START_TEST(large_files)
{
	write_manifest("");
	kit_write("t/files/large", "");
	ck_assert_int_eq(truncate(kit_path("t/files/large"), (off_t)RENDER_FILE_BYTES + 1), 0);
	assert_invalid("has more than");
	kit_assert_error(render("order", "w", NULL), SKAFU_EINVAL);
	assert_nothing_left();
}
END_TEST

START_TEST(manifests)
{
	static const char *const cases[][2] = {
		{"", "not a JSON object"},
		{"[]", "not a JSON object"},
		{"{}", "\"name\" is not a text"},
		{HEAD "} x", "not a JSON object"},
		{HEAD ",\"files\":[{\"path\":\"absent\"}]}", "which is not there"},
		{HEAD ",\"files\":{}}", "\"files\" is not an array"},
		{HEAD ",\"hook\":\"rm\"}", "nothing is known about \"hook\""},
		{HEAD ",\"files\":[{\"path\":\"a\",\"if\":\"nobody\"}]}", "no variable \"nobody\""},
		{"{\"name\":\"../t\",\"version\":\"1\",\"test\":[],\"variables\":{}}", "\"name\" is not 1 to 64"},
		{"{\"name\":\"t\",\"version\":\"1\",\"test\":[],\"variables\":{}}", "\"version\" is not of the form"},
		{"{\"name\":\"t\",\"test\":[],\"variables\":[]}", "\"variables\" is not an object"},
		{"{\"name\":\"t\",\"test\":[],\"variables\":{}}", "\"test\" is not a command"},
		{"{\"test\":[7],\"variables\":{}}", "a word of \"test\""},
		{"{\"variables\":{\"a b\":{}}}", "cannot be the name of a variable"},
		{"{\"variables\":{\"a\":7}}", "is not an object"},
		{A_VARIABLE "\"type\":\"list\"}}}", "is no type"},
		{A_VARIABLE "\"type\":\"choice\"}}}", "needs \"choices\""},
		{A_VARIABLE "\"pattern\":\"(\"}}}", "malformed or not allowed"},
		{A_VARIABLE "\"pattern\":\"((a{9}){9}){9}\"}}}", "malformed or not allowed"},
		{A_VARIABLE "\"pattern\":\"(a)\\\\1\"}}}", "malformed or not allowed"},
		{A_VARIABLE "\"pattern\":\"^b$\",\"default\":\"a\"}}}", "does not match"},
		{A_VARIABLE "\"type\":\"integer\",\"default\":1.5}}}", "not a whole number"},
		{A_VARIABLE "\"type\":\"boolean\",\"default\":\"yes\"}}}", "neither true nor"},
		{A_VARIABLE "\"default\":[]}}}", "is no text, number"},
		{"{\"variables\":{\"a\":{\"description\":\"d\"},\"a\":{\"description\":\"d\"}}}", "is there twice"},
	};

	kit_write("t/files/a", "");
	assert_invalid("it is missing");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		kit_write("t/template.json", cases[i][0]);
		assert_invalid(cases[i][1]);
		ck_assert_int_lt(render("order", "w", NULL), 0);
	}
	assert_nothing_left();
}
END_TEST

START_TEST(values_are_checked)
{
	struct value items[] = {{"name", "order"}, {"ci", "maybe"}, {"other", "x"}};
	struct values values = {items, 3};
	struct faults faults = {0};

	write_manifest("");
	kit_write("t/files/a", "");
	kit_assert_error(render_project(kit_path("t"), &values, kit_path("out"), NULL, &faults, kit_error),
			 SKAFU_EINVAL);
	ck_assert_uint_eq(faults.count, 2);
	ck_assert_str_eq(faults.items[0].where, "ci");
	ck_assert_str_eq(faults.items[1].text, "the template has no such variable");
	faults_free(&faults);
	values.count = 0;
	kit_assert_error(render_project(kit_path("t"), &values, kit_path("out"), NULL, NULL, kit_error),
			 SKAFU_EINVAL);
	kit_assert_says("name: the template needs a value for it.");
	kit_assert_error(render_project(kit_path("no"), &values, kit_path("out"), NULL, NULL, kit_error),
			 SKAFU_EINVAL);
	items[1].text = "true";
	values.count = 2;
	kit_assert_error(render_project(kit_path("t"), &values, kit_path("a/b"), NULL, NULL, kit_error),
			 SKAFU_ENOTFOUND);
	kit_assert_error(render_project(kit_path("t"), &values, "/", NULL, NULL, kit_error), SKAFU_EINVAL);
	assert_nothing_left();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("render");
	TCase *tcase = tcase_create("render");

	tcase_add_checked_fixture(tcase, kit_begin, kit_end);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, becomes_a_project);
	tcase_add_test(tcase, never_overwrites);
	tcase_add_test(tcase, paths_of_values_stay_inside);
	tcase_add_test(tcase, hostile_templates);
	tcase_add_test(tcase, limits);
	tcase_add_test(tcase, large_files);
	tcase_add_test(tcase, manifests);
	tcase_add_test(tcase, values_are_checked);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

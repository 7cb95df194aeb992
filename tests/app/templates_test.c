/*
 * templates_test.c: every template of the application is valid, becomes a project with all of its choices and with
 * none, and the project passes its own tests where its tools are on this machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/kit.h"
#include "process.h"
#include "render.h"

static const char *const names[] = {"c-library",    "c-service",      "go-service",
				    "node-service", "python-service", "static-site"};
#define NAMES (int)(sizeof names / sizeof *names)

static const char *template_path(int i)
{
	static char path[128];

	snprintf(path, sizeof path, "examples/skafu/templates/%s", names[i]);
	return path;
}

static void render(int i, const struct values *values, const char *target)
{
	struct faults faults = {0};
	struct render_report report = {0};

	kit_assert_ok(render_validate(template_path(i), &faults, kit_error));
	kit_assert_ok(faults_result(&faults, kit_error));
	kit_assert_ok(render_project(template_path(i), values, kit_path(target), &report, NULL, kit_error));
	ck_assert_uint_ge(report.files, 6);
}

START_TEST(with_all_choices)
{
	/* What breaks a careless template: quotes, a backslash, markup, characters of other scripts. */
	struct value items[] = {{"name", "order-book2"},
				{"description", "It's \"<good>\" & \\ \xc3\xa9t\xc3\xa9"},
				{"author", "Ada \"the first\" <ada@example.com>"}};
	struct values values = {items, 3};

	render(_i, &values, "order-book2");
	ck_assert(kit_exists("order-book2/LICENSE"));
	ck_assert(kit_exists("order-book2/README.md"));
	ck_assert(kit_exists("order-book2/.gitignore"));
	ck_assert(kit_exists("order-book2/.github/workflows/ci.yml"));
}
END_TEST

START_TEST(without_choices)
{
	struct value items[] = {{"name", "plain"}, {"ci", "false"}, {"license", "ISC"}};
	struct values values = {items, 3};
	char *license;

	render(_i, &values, "plain");
	ck_assert(!kit_exists("plain/.github"));
	license = kit_read("plain/LICENSE");
	ck_assert_int_eq(strncmp(license, "ISC License\n\nCopyright (c) 2026 the authors\n\n", 45), 0);
	free(license);
}
END_TEST

static int is_here(const char *program)
{
	const char *const command[] = {program, strcmp(program, "go") == 0 ? "version" : "--version", NULL};
	struct process process = {.command = command};
	struct text output = {0};
	int status;
	int32_t rc = process_run(&process, &output, &status, NULL);

	text_free(&output);
	return rc == SKAFU_OK;
}

START_TEST(passes_its_own_tests)
{
	struct value items[] = {{"name", "order-book2"}, {"description", "It's \"<good>\" & \\ \xc3\xa9t\xc3\xa9"}};
	struct values values = {items, 2};
	char home[512];
	char cache[512];
	const char *const environment[] = {
		home, "LC_ALL=C", "GOFLAGS=-mod=mod", "GOPROXY=off", cache, "CFLAGS=-O0 -Werror", NULL};
	struct faults faults = {0};
	struct text output = {0};
	struct manifest *manifest;
	int status = -1;

	kit_assert_ok(manifest_read(template_path(_i), &manifest, &faults, kit_error));
	render(_i, &values, "order-book2");
	snprintf(home, sizeof home, "HOME=%s", kit_folder);
	snprintf(cache, sizeof cache, "GOCACHE=%s/tests/gocache",
		 getenv("BUILD") != NULL ? getenv("BUILD") : kit_folder);
	if (manifest_test(manifest)[0][0] == '.' || is_here(manifest_test(manifest)[0])) {
		struct process process = {.command = manifest_test(manifest),
					  .environment = environment,
					  .folder = kit_path("order-book2"),
					  .timeout_ms = 240000};

		kit_assert_ok(process_run(&process, &output, &status, kit_error));
		ck_assert_msg(status == 0, "%s: exit %d\n%s", names[_i], status, text_string(&output));
	} else {
		printf("%s: %s is not here\n", names[_i], manifest_test(manifest)[0]);
	}
	text_free(&output);
	manifest_free(manifest);
}
END_TEST

/* Their checks have teeth: a broken project fails its own test. */
START_TEST(the_site_checks_its_links)
{
	const char *const command[] = {"./check.sh", NULL};
	struct value items[] = {{"name", "order-book2"}};
	struct values values = {items, 1};
	struct text output = {0};
	int status = 0;

	render(NAMES - 1, &values, "site");
	kit_write("site/site/about.html", "<!DOCTYPE html>\n<a href=\"gone.html\">\n<img src=\"mark.svg\">\n");
	kit_assert_ok(process_run(&(struct process){.command = command, .folder = kit_path("site")}, &output, &status,
				  kit_error));
	ck_assert_int_eq(status, 1);
	ck_assert_ptr_nonnull(strstr(output.bytes, "links to gone.html"));
	ck_assert_ptr_nonnull(strstr(output.bytes, "without alt"));
	ck_assert_ptr_nonnull(strstr(output.bytes, "has no title"));
	text_free(&output);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("templates");
	TCase *tcase = tcase_create("templates");

	tcase_add_checked_fixture(tcase, kit_begin, kit_end);
	tcase_set_timeout(tcase, 250);
	tcase_add_loop_test(tcase, with_all_choices, 0, NAMES);
	tcase_add_loop_test(tcase, without_choices, 0, NAMES);
	tcase_add_loop_test(tcase, passes_its_own_tests, 0, NAMES);
	tcase_add_test(tcase, the_site_checks_its_links);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

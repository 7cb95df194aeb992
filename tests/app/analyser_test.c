/*
 * analyser_test.c: each rule finds what it is about, at its file and line, and nothing in the templates.
 */
#include "analyser.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/kit.h"
#include "render.h"
#include "scan.h"

static struct analysis analysis;

static void analyse(void)
{
	analysis_free(&analysis);
	kit_assert_ok(analyser_run(kit_path("p"), &analysis, kit_error));
}

static const struct finding *find(const char *rule)
{
	for (size_t i = 0; i < analysis.kept; i++) {
		if (strcmp(analysis.findings[i].rule->name, rule) == 0)
			return &analysis.findings[i];
	}
	return NULL;
}

static void assert_found(const char *rule, const char *path, size_t line)
{
	const struct finding *finding = find(rule);

	if (finding == NULL)
		ck_abort_msg("%s was not found", rule);
	ck_assert_str_eq(finding->path, path);
	ck_assert_uint_eq(finding->line, line);
	ck_assert_uint_gt(strlen(finding->rule->advice), 10);
}

/* A file alone, and what the analyser says of it. */
static void assert_file(const char *path, const char *content, const char *rule, size_t line)
{
	char whole[256];

	snprintf(whole, sizeof whole, "p/%s", path);
	kit_write(whole, content);
	analyse();
	if (rule != NULL)
		assert_found(rule, path, line);
	unlink(kit_path(whole));
}

static void write_good_project(void)
{
	kit_write("p/LICENSE", "MIT License\n\nPermission is hereby granted, free of charge, to any person\n");
	kit_write("p/README.md",
		  "# Good\n\nThis is a project that has everything that a project should have, so that the\n"
		  "analyser has nothing to say about it. It is built with make, tested with make check,\n"
		  "and read with pleasure by everybody.\n");
	kit_write("p/.gitignore", "/build/\n");
	kit_write("p/.github/workflows/ci.yml", "steps:\n  - uses: actions/checkout@v4\n");
	kit_write("p/src/a.c", "int a;\nint b;\n");
	kit_write("p/tests/a_test.c", "int c;\n");
}

START_TEST(nothing_to_say)
{
	struct text json = {0};
	cJSON *parsed;

	write_good_project();
	analyse();
	if (analysis.kept > 0)
		ck_abort_msg("%s: %s", analysis.findings[0].rule->name, analysis.findings[0].text);
	ck_assert_uint_eq(analysis_score(&analysis), 100);
	ck_assert_str_eq(analysis.licence, "MIT");
	ck_assert_uint_eq(analysis.files, 6);
	ck_assert_uint_eq(analysis.lines, 3 + 5 + 1 + 2 + 2 + 1);
	kit_assert_ok(analysis_write(&analysis, ANALYSER_NAME, ANALYSER_NOTE, &json, kit_error));
	parsed = cJSON_Parse(json.bytes);
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(parsed, "analyser")), "offline");
	ck_assert_ptr_nonnull(strstr(cJSON_GetStringValue(cJSON_GetObjectItem(parsed, "note")), "no model"));
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(
				 cJSON_GetArrayItem(cJSON_GetObjectItem(parsed, "languages"), 1), "name")),
			 "Markdown");
	cJSON_Delete(parsed);
	text_free(&json);
}
END_TEST

START_TEST(what_is_missing)
{
	struct text json = {0};

	kit_write("p/a.c", "int a;\n");
	analyse();
	assert_found("no-licence", "", 0);
	assert_found("no-readme", "", 0);
	assert_found("no-tests", "", 0);
	assert_found("no-ci", "", 0);
	assert_found("no-gitignore", "", 0);
	ck_assert_uint_eq(analysis_score(&analysis), 100 - 4 * 8 - 2);
	kit_assert_ok(analysis_write(&analysis, ANALYSER_NAME, ANALYSER_NOTE, &json, kit_error));
	ck_assert_ptr_nonnull(strstr(json.bytes, "{\"rule\":\"no-licence\",\"severity\":\"WARNING\",\"finding\":"));
	text_free(&json);
}
END_TEST

/* Put together here, so that this file does not look as if it held secrets. */
#define AWS                                                                                                          \
	"AK"                                                                                                         \
	"IA"                                                                                                         \
	"Z7QXW3PLMNB4VCXZ"
#define GITHUB                                                                                                       \
	"gh"                                                                                                         \
	"p_"                                                                                                         \
	"0123456789abcdefghijABCDEFGHIJ012345"
#define PRIVATE                                                                                                      \
	"-----BEGIN RSA PRI"                                                                                         \
	"VATE KEY-----"

START_TEST(secrets)
{
	struct text json = {0};

	write_good_project();
	assert_file("a.py", "x = 1\nkey = '" AWS "'\n", "secret", 2);
	kit_assert_ok(analysis_write(&analysis, ANALYSER_NAME, ANALYSER_NOTE, &json, kit_error));
	ck_assert_ptr_null(strstr(json.bytes, AWS));
	ck_assert_ptr_nonnull(strstr(json.bytes, "an AWS access key"));
	text_free(&json);
	assert_file("a.py", "\n\n" GITHUB "\n", "secret", 3);
	assert_file("deploy.pem", PRIVATE "\n", "secret", 1);
	assert_file("a.js", "const password = \"correct horse\".trim();\n", NULL, 0);
	ck_assert_ptr_null(find("password"));
	assert_file("a.js", "const password = \"correct-horse\";\n", "password", 1);
	assert_file("a.json", "{\n \"api_key\": \"a1b2c3d4e5f6\"\n}\n", "password", 2);
	assert_file(".env", "A=1\n", "env-file", 0);
	assert_file("conf/.env.production", "A=1\n", "env-file", 0);
	assert_file(".env.example", "A=\n", NULL, 0);
	ck_assert_ptr_null(find("env-file"));
	assert_file("id_ed25519", "x\n", "key-file", 0);
}
END_TEST

START_TEST(no_false_alarms)
{
	static const char *const harmless[] = {
		"AKIAIOSFODNN7EXAMPLE",         "ghp_short",
		"MAKIAVELLI0123456789ABCDEFG",  "password = os.environ[\"DB_PASSWORD\"]",
		"password: \"${DB_PASSWORD}\"", "secret = \"your-secret-here\"",
		"token = \"<token>\"",          "token = \"\"",
		"-----BEGIN CERTIFICATE-----",  "the secret: a good cup of tea",
	};

	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
		ck_assert_msg(scan_secret(harmless[i]) == NULL, "%s", harmless[i]);
		ck_assert_msg(!scan_password(harmless[i]), "%s", harmless[i]);
	}
	ck_assert(!scan_conflict("<<<<<<<"));
	ck_assert(!scan_piped_download("curl -o file https://example.com | tee log"));
	ck_assert(!scan_piped_download("curl https://example.com | shasum"));
	ck_assert(scan_piped_download("curl -fsSL https://example.com/i.sh | sudo sh -s"));
	ck_assert(scan_piped_download("wget -O- https://example.com | bash"));
	ck_assert_int_eq(scan_marks("a todo, a TO"
				    "DOS and a TO"
				    "DO: FIX"
				    "ME"),
			 2);
}
END_TEST

START_TEST(versions)
{
	static const char *const images[][2] = {
		{"FROM debian", "x"},   {"FROM debian:latest", "x"}, {"from localhost:5000/debian AS b", "x"},
		{"FROM debian:12", ""}, {"FROM scratch", ""},        {"FROM a@sha256:00", ""},
		{"FROM $BASE", ""},     {"COPY FROM debian", ""},    {"FROM localhost:5000/debian:12", ""},
	};

	for (size_t i = 0; i < sizeof images / sizeof *images; i++)
		ck_assert_msg(scan_loose_image(images[i][0]) == (images[i][1][0] == 'x'), "%s", images[i][0]);
	ck_assert(!scan_loose_requirement("# a comment"));
	ck_assert(!scan_loose_requirement("-r other.txt"));
	ck_assert(!scan_loose_requirement("flask==3.0.0  # good"));
	ck_assert(scan_loose_requirement("flask>=3"));
	ck_assert(scan_loose_dependency("    \"left-pad\": \"^1.2.0\","));
	ck_assert(scan_loose_dependency("    \"left-pad\": \"latest\""));
	ck_assert(!scan_loose_dependency("    \"left-pad\": \"1.2.0\","));
	ck_assert(!scan_loose_dependency("    \"description\": \"> what it is\","));
	ck_assert(scan_loose_action("  - uses: a/b@main"));
	ck_assert(!scan_loose_action("  - uses: a/b@maintenance-1"));
	ck_assert(!scan_loose_action("  - uses: a/b@v1"));
	write_good_project();
	assert_file("requirements.txt", "flask==3.0.0\nrequests\n", "loose-version", 2);
	assert_file("Dockerfile", "# x\nFROM debian\n", "loose-image", 2);
	assert_file(".github/workflows/cd.yml", "steps:\n- uses: a/b@master\n", "loose-action", 2);
	assert_file("package.json", "{\"dependencies\": {\n\"a\": \"^1.0.0\"\n}}\n", "no-lock", 2);
	kit_write("p/package-lock.json", "{}\n");
	assert_file("package.json", "{\"dependencies\": {\n\"a\": \"^1.0.0\"\n}}\n", NULL, 0);
	ck_assert_ptr_null(find("no-lock"));
	assert_file("go.mod", "module x\n\nrequire y v1\n", "no-lock", 0);
	assert_file("install.sh", "set -e\ncurl https://example.com | sh\n", "piped-download", 2);
}
END_TEST

START_TEST(files_and_work)
{
	write_good_project();
	assert_file("a.c", "int a;\n<<<<<<< HEAD\n", "conflict", 2);
	assert_file("a.o", "x", "generated-file", 0);
	assert_file("node_modules/x/index.js", "x", "generated-file", 0);
	assert_file("a.c",
		    "int a;\n/* FIX"
		    "ME */\n",
		    "marks", 2);
	assert_file("a.c",
		    "/* FIX"
		    "ME */\n/* XX"
		    "X */\n/* TO"
		    "DO */\n/* HA"
		    "CK */\n",
		    "unfinished-work", 1);
	assert_file("run", "#!/bin/sh\n", "not-executable", 1);
	kit_write_bytes("p/x.c", "int a;\n", 7, 0755);
	ck_assert_int_eq(symlink("/etc/passwd", kit_path("p/link")), 0);
	kit_write("p/large", "");
	ck_assert_int_eq(truncate(kit_path("p/large"), (off_t)ANALYSER_LARGE_BYTES + 1), 0);
	analyse();
	assert_found("odd-executable", "x.c", 0);
	assert_found("link", "link", 0);
	assert_found("large-file", "large", 0);
	kit_write("p/LICENSE", "Copyright [year] [fullname]\n");
	analyse();
	assert_found("unknown-licence", "LICENSE", 0);
	assert_found("unfinished-licence", "LICENSE", 0);
	assert_file("README.md", "# x\n", "short-readme", 0);
	kit_write_bytes("p/binary.c", "\0\0" AWS, 22, 0644); /* not looked into */
	analyse();
	ck_assert_ptr_null(find("secret"));
}
END_TEST

START_TEST(limits)
{
	struct text content = {0};

	for (int i = 0; i < 2 * ANALYSIS_FINDINGS; i++)
		text_add_string(&content, AWS "\n");
	kit_write("p/a", content.bytes);
	analyse();
	ck_assert_uint_eq(analysis.kept, ANALYSIS_FINDINGS);
	ck_assert_uint_eq(analysis.counts[SEVERITY_CRITICAL], 2 * ANALYSIS_FINDINGS);
	ck_assert_uint_eq(analysis_score(&analysis), 0);
	kit_assert_error(analyser_run(kit_path("absent"), &analysis, kit_error), SKAFU_ENOTFOUND);
	text_free(&content);
}
END_TEST

/* What the application makes has nothing that its own analyser would warn of. */
START_TEST(the_templates_are_clean)
{
	static const char *const names[] = {"c-library",    "c-service",      "go-service",
					    "node-service", "python-service", "static-site"};
	char folder[128];
	struct value items[] = {{"name", "order-book"}};
	struct values values = {items, 1};

	snprintf(folder, sizeof folder, "examples/skafu/templates/%s", names[_i]);
	kit_assert_ok(render_project(folder, &values, kit_path("p"), NULL, NULL, kit_error));
	analyse();
	for (size_t i = 0; i < analysis.kept; i++)
		printf("%s: %s %s:%zu %s\n", names[_i], analysis.findings[i].rule->name, analysis.findings[i].path,
		       analysis.findings[i].line, analysis.findings[i].text);
	ck_assert_uint_eq(analysis_score(&analysis), 100);
}
END_TEST

static void end(void)
{
	analysis_free(&analysis);
	kit_end();
}

int main(void)
{
	Suite *suite = suite_create("analyser");
	TCase *tcase = tcase_create("analyser");

	tcase_add_checked_fixture(tcase, kit_begin, end);
	tcase_add_test(tcase, nothing_to_say);
	tcase_add_test(tcase, what_is_missing);
	tcase_add_test(tcase, secrets);
	tcase_add_test(tcase, no_false_alarms);
	tcase_add_test(tcase, versions);
	tcase_add_test(tcase, files_and_work);
	tcase_add_test(tcase, limits);
	tcase_add_loop_test(tcase, the_templates_are_clean, 0, 6);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

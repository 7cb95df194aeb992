/*
 * constant_test.c: the table of constants, compared with the public headers as they are written.
 */
#include <check.h>
#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skafu_base.h"
#include "util/suite.h"

/* Is this a macro with a number?  Guards have no value, SKAFU_API is an attribute, texts begin with a quote. */
static int is_constant(const char *name, const char *value)
{
	if (strncmp(name, "SKAFU_", 6) != 0 || strcmp(name, "SKAFU_API") == 0)
		return 0;
	return strchr(name, '(') == NULL && *value != '\0' && *value != '"' && strncmp(value, "/*", 2) != 0;
}

/* Compare the value where it is a plain number, with or without brackets and suffix. */
static void check_value(const char *name, const char *value, int64_t actual)
{
	const char *at = value + (*value == '(');
	char *end;
	long long expected;

	if (strncmp(value, "UINT64_MAX", 10) == 0) {
		ck_assert_msg(actual == -1, "%s", name);
		return;
	}
	if (!isdigit((unsigned char)*at) && *at != '-')
		return;
	expected = strtoll(at, &end, 0);
	end += strspn(end, "uUlL)");
	end += strspn(end, " \t");
	if (*end == '\0' || strncmp(end, "/*", 2) == 0)
		ck_assert_msg(actual == expected, "%s is %lld", name, (long long)actual);
}

static int check_header(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];
	int found = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof line, file)) {
		char name[128];
		int value_at = 0;
		int64_t actual = 0;

		if (sscanf(line, " # define %127s %n", name, &value_at) != 1 &&
		    sscanf(line, " #define %127s %n", name, &value_at) != 1)
			continue;
		line[strcspn(line, "\r\n")] = '\0';
		if (value_at == 0 || (size_t)value_at > strlen(line) || !is_constant(name, line + value_at))
			continue;
		ck_assert_msg(skafu_constant(name, &actual) == SKAFU_OK, "%s of %s is missing", name, path);
		check_value(name, line + value_at, actual);
		found++;
	}
	fclose(file);
	return found;
}

START_TEST(every_header)
{
	glob_t headers;
	int found = 0;

	if (glob("include/skafu*.h", 0, NULL, &headers) != 0) {
		printf("skipped: run from the root of the repository\n");
		return;
	}
	for (size_t i = 0; i < headers.gl_pathc; i++)
		found += check_header(headers.gl_pathv[i]);
	globfree(&headers);
	printf("%d constants\n", found);
	ck_assert_int_ge(found, 50);
}
END_TEST

START_TEST(some_values)
{
	int64_t value = 77;

	ck_assert_int_eq(skafu_constant("SKAFU_ENOMEM", &value), SKAFU_OK);
	ck_assert_int_eq(value, -100);
	ck_assert_int_eq(skafu_constant("SKAFU_ID_BYTES", &value), SKAFU_OK);
	ck_assert_int_eq(value, 16);
	ck_assert_int_eq(skafu_constant("SKAFU_WAIT_FOREVER", &value), SKAFU_OK);
	ck_assert_uint_eq((uint64_t)value, SKAFU_WAIT_FOREVER);
}
END_TEST

START_TEST(no_such_constant)
{
	static const char *const names[] = {"", "SKAFU_", "SKAFU_E", "SKAFU_EXXXXX", "skafu_ok", "SKAFU_OK ", "A",
					    "Z", "SKAFU_API", "SKAFU_BASE_H", "SKAFU_VERSION_STRING"};
	int64_t value = 77;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ck_assert_int_eq(skafu_constant(names[i], &value), SKAFU_ENOTFOUND);
	ck_assert_int_eq(skafu_constant(NULL, &value), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_constant("SKAFU_OK", NULL), SKAFU_EINVAL);
	ck_assert_int_eq(value, 77);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("constant");
	TCase *tcase = tcase_create("constant");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, every_header);
	tcase_add_test(tcase, some_values);
	tcase_add_test(tcase, no_such_constant);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}

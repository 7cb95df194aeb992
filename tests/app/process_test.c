/*
 * process_test.c: output, status, environment, deadline.
 */
#include "process.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/kit.h"

static int32_t run(const char *script, const char *const *environment, uint32_t timeout_ms, struct text *output,
		   int *status)
{
	const char *const command[] = {"sh", "-c", script, NULL};
	struct process process = {command, environment, kit_folder, timeout_ms, 100};

	return process_run(&process, output, status, kit_error);
}

START_TEST(output_and_status)
{
	struct text output = {0};
	int status = -1;

	kit_assert_ok(run("echo out; echo err >&2; pwd; exit 3", NULL, 0, &output, &status));
	ck_assert_int_eq(status, 3);
	ck_assert_ptr_nonnull(strstr(output.bytes, "out\nerr\n"));
	ck_assert_ptr_nonnull(strstr(output.bytes, kit_folder));
	kit_assert_ok(run("kill -9 $$", NULL, 0, &output, &status));
	ck_assert_int_eq(status, 128 + 9);
	text_clear(&output);
	kit_assert_ok(run("yes | head -c 300000; exit 0", NULL, 0, &output, &status));
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(output.length, 100);
	text_free(&output);
}
END_TEST

START_TEST(environment_is_clean)
{
	const char *const environment[] = {"A=1", NULL};
	struct text output = {0};
	int status;

	setenv("SKAFU_TEST_SECRET", "secret", 1);
	kit_assert_ok(run("env; cat", environment, 0, &output, &status));
	ck_assert_ptr_null(strstr(output.bytes, "SECRET"));
	ck_assert_ptr_nonnull(strstr(output.bytes, "A=1\n"));
	text_free(&output);
}
END_TEST

START_TEST(deadline_kills_the_children_too)
{
	struct text output = {0};
	int status = -7;

	kit_assert_error(run("(sleep 60; touch alive) & echo started; sleep 60", NULL, 100, &output, &status),
			 SKAFU_ETIMEOUT);
	ck_assert_str_eq(output.bytes, "started\n");
	ck_assert_int_eq(status, -7);
	/* One that closes its output and stays. */
	kit_assert_error(run("exec >/dev/null 2>&1; sleep 60", NULL, 100, &output, &status), SKAFU_ETIMEOUT);
	text_free(&output);
}
END_TEST

/* Not under valgrind: there posix_spawn() forks, and does not hear of an exec that failed. */
START_TEST(what_cannot_start)
{
	const char *const command[] = {"no-such-program-here", NULL};
	const char *const true_command[] = {"true", NULL};
	struct process absent = {.command = command};
	struct process nowhere = {.command = true_command, .folder = kit_path("nowhere")};
	struct text output = {0};
	int status;

	if (getenv("SKAFU_TEST_SCALE"))
		return;
	kit_assert_error(process_run(&absent, &output, &status, kit_error), SKAFU_ENOTFOUND);
	kit_assert_says("no-such-program-here cannot be started");
	kit_assert_error(process_run(&nowhere, &output, &status, kit_error), SKAFU_ENOTFOUND);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("process");
	TCase *tcase = tcase_create("process");

	tcase_add_checked_fixture(tcase, kit_begin, kit_end);
	tcase_add_test(tcase, output_and_status);
	tcase_add_test(tcase, environment_is_clean);
	tcase_add_test(tcase, deadline_kills_the_children_too);
	tcase_add_test(tcase, what_cannot_start);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

/*
 * files_test.c: listing with limits, reading and writing that no link can lead astray, paths.
 */
#include "files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/kit.h"

static const struct file_limits plenty = {100, 1 << 20, 8, NULL};

START_TEST(lists_in_the_order_of_bytes)
{
	static const char *const skip[] = {"left_out", NULL};
	struct file_limits limits = {100, 1 << 20, 8, skip};
	struct file_list list;

	kit_write("b/two", "22");
	kit_write("a", "1");
	kit_write("b/one", "");
	kit_write("left_out/x", "x");
	ck_assert_int_eq(symlink("a", kit_path("link")), 0);
	kit_assert_ok(files_list(kit_folder, &limits, &list, kit_error));
	ck_assert_uint_eq(list.count, 4);
	ck_assert_uint_eq(list.bytes, 3);
	ck_assert_str_eq(list.entries[0].path, "a");
	ck_assert_str_eq(list.entries[1].path, "b/one");
	ck_assert_str_eq(list.entries[2].path, "b/two");
	ck_assert_uint_eq(list.entries[2].size, 2);
	ck_assert(S_ISLNK(list.entries[3].mode));
	files_list_free(&list);
}
END_TEST

START_TEST(listing_has_limits)
{
	struct file_list list;

	kit_write("1/2/3/a", "12345");
	kit_write("b", "12345");
	kit_assert_error(files_list(kit_folder, &(struct file_limits){1, 100, 8, NULL}, &list, kit_error),
			 SKAFU_ELIMIT);
	kit_assert_error(files_list(kit_folder, &(struct file_limits){9, 9, 8, NULL}, &list, kit_error),
			 SKAFU_ELIMIT);
	kit_assert_error(files_list(kit_folder, &(struct file_limits){9, 100, 2, NULL}, &list, kit_error),
			 SKAFU_ELIMIT);
	kit_assert_ok(files_list(kit_folder, &(struct file_limits){2, 10, 3, NULL}, &list, kit_error));
	files_list_free(&list);
	kit_assert_error(files_list(kit_path("absent"), &plenty, &list, kit_error), SKAFU_ENOTFOUND);
}
END_TEST

START_TEST(writing_never_replaces)
{
	char *content;

	kit_write("a/b", "first");
	kit_assert_error(files_write(kit_folder, "a/b", "x", 1, 0644, kit_error), SKAFU_EEXISTS);
	content = kit_read("a/b");
	ck_assert_str_eq(content, "first");
	free(content);
	kit_assert_error(files_write(kit_folder, "a/b/c", "x", 1, 0644, kit_error), SKAFU_EIO);
	kit_assert_error(files_write(kit_folder, "a//c", "x", 1, 0644, kit_error), SKAFU_EIO);
}
END_TEST

START_TEST(links_lead_nowhere)
{
	struct text content = {0};

	kit_write("outside/secret", "secret");
	kit_write("inside/plain", "plain");
	ck_assert_int_eq(symlink("../outside", kit_path("inside/door")), 0);
	ck_assert_int_eq(symlink("../outside/secret", kit_path("inside/window")), 0);
	ck_assert_int_eq(mkfifo(kit_path("inside/pipe"), 0600), 0);
	ck_assert_int_lt(files_read(kit_path("inside"), "door/secret", 100, &content, kit_error), 0);
	ck_assert_int_lt(files_read(kit_path("inside"), "window", 100, &content, kit_error), 0);
	kit_assert_error(files_read(kit_path("inside"), "pipe", 100, &content, kit_error), SKAFU_EINVAL);
	ck_assert_int_lt(files_write(kit_path("inside"), "door/new", "x", 1, 0644, kit_error), 0);
	ck_assert_int_lt(files_write(kit_path("inside"), "window", "x", 1, 0644, kit_error), 0);
	ck_assert(!kit_exists("outside/new"));
	ck_assert_uint_eq(content.length, 0);
	files_remove(kit_path("inside"));
	ck_assert(kit_exists("outside/secret"));
	ck_assert(!kit_exists("inside"));
	text_free(&content);
}
END_TEST

START_TEST(reading_has_a_limit)
{
	struct text content = {0};

	kit_write("a", "12345");
	kit_assert_error(files_read(kit_folder, "a", 4, &content, kit_error), SKAFU_ELIMIT);
	ck_assert_uint_eq(content.length, 0);
	kit_assert_ok(files_read(kit_folder, "a", 5, &content, kit_error));
	kit_assert_ok(files_read(kit_folder, "a", 5, &content, kit_error));
	ck_assert_str_eq(content.bytes, "1234512345");
	kit_assert_error(files_read(kit_folder, "absent", 5, &content, kit_error), SKAFU_ENOTFOUND);
	text_free(&content);
}
END_TEST

START_TEST(folders)
{
	kit_assert_ok(files_make_folder(kit_path("x/y/z"), kit_error));
	kit_assert_ok(files_make_folder(kit_path("x/y/z"), kit_error));
	kit_assert_ok(files_sync_folder(kit_path("x"), kit_error));
	kit_write("f", "");
	kit_assert_error(files_make_folder(kit_path("f"), kit_error), SKAFU_EEXISTS);
	ck_assert_int_lt(files_make_folder(kit_path("f/g"), kit_error), 0);
	kit_assert_error(files_make_folder("", kit_error), SKAFU_EINVAL);
	kit_assert_error(files_sync_folder(kit_path("absent"), kit_error), SKAFU_ENOTFOUND);
}
END_TEST

START_TEST(paths)
{
	static const char *const bad[] = {
		"",       "/",    "/etc/passwd", ".",   "..",   "../a",         "a/..",
		"a/../b", "a//b", "a/",          "./a", ".git", ".git/hooks/x", "a/.GIT/config",
		"a\nb",   "a\\b", "a\x7f"};
	static const char *const good[] = {"a",   "a/b",  ".gitignore", ".github/workflows/ci.yml",
					   "...", "a..b", "\xc3\xa9"};
	char long_name[300];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(files_path_fault(bad[i]) != NULL, "%s", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(files_path_fault(good[i]) == NULL, "%s", good[i]);
	memset(long_name, 'a', sizeof long_name);
	long_name[256] = '\0';
	ck_assert_ptr_nonnull(files_path_fault(long_name));
	long_name[255] = '\0';
	ck_assert_ptr_null(files_path_fault(long_name));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("files");
	TCase *tcase = tcase_create("files");

	tcase_add_checked_fixture(tcase, kit_begin, kit_end);
	tcase_add_test(tcase, lists_in_the_order_of_bytes);
	tcase_add_test(tcase, listing_has_limits);
	tcase_add_test(tcase, writing_never_replaces);
	tcase_add_test(tcase, links_lead_nowhere);
	tcase_add_test(tcase, reading_has_a_limit);
	tcase_add_test(tcase, folders);
	tcase_add_test(tcase, paths);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

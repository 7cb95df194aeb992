/*
 * error_test.c: the error object.
 */
#include "base/error.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "base/failing.h"
#include "util/suite.h"

START_TEST(life)
{
	struct failing failing;
	skafu_error *error = (skafu_error *)&failing;

	failing_init(&failing);
	ck_assert_int_eq(skafu_error_new(NULL), SKAFU_EINVAL);
	skafu__sys_override(&failing.sys);
	failing.left = 0;
	ck_assert_int_eq(skafu_error_new(&error), SKAFU_ENOMEM);
	ck_assert_ptr_eq(error, (skafu_error *)&failing);
	failing.left = -1;
	ck_assert_int_eq(skafu_error_new(&error), SKAFU_OK);
	ck_assert_int_eq(failing.live, 1);
	skafu__sys_override(NULL);
	ck_assert_int_eq(skafu_error_code(error), SKAFU_OK);
	ck_assert_str_eq(skafu_error_message(error), "");
	skafu_error_free(error); /* with the allocator it came from, though the table is another one now */
	ck_assert_int_eq(failing.live, 0);
	skafu_error_free(NULL);
}
END_TEST

static void fill_particulars(skafu_error *error)
{
	skafu__error_set_sequence(error, 11);
	skafu__error_set_version(error, 12);
	skafu__error_set_condition(error, 13);
	skafu__error_set_item(error, 14);
	skafu__error_set_batch(error, 15);
	skafu__error_set_pid(error, 16);
	skafu__error_set_hosts(error);
}

static void assert_particulars(const skafu_error *error, unsigned present)
{
	ck_assert_uint_eq(skafu_error_sequence(error), present * 11);
	ck_assert_uint_eq(skafu_error_version(error), present * 12);
	ck_assert_uint_eq(skafu_error_condition(error), present * 13);
	ck_assert_uint_eq(skafu_error_item(error), present * 14);
	ck_assert_uint_eq(skafu_error_batch(error), present * 15);
	ck_assert_int_eq(skafu_error_pid(error), (int64_t)present * 16);
	ck_assert_uint_eq(error ? error->is_hosts : 0, error ? present : 0);
}

START_TEST(particulars)
{
	skafu_error error;

	skafu_error_clear(&error);
	assert_particulars(&error, 0);
	ck_assert_int_eq(skafu__fail(&error, SKAFU_EMATCH, "%s %d", "seen", 5), SKAFU_EMATCH);
	fill_particulars(&error);
	assert_particulars(&error, 1);
	ck_assert_str_eq(skafu_error_message(&error), "seen 5");
	ck_assert_int_eq(skafu__fail(&error, SKAFU_EBUSY, "other"), SKAFU_EBUSY);
	assert_particulars(&error, 0);
	ck_assert_int_eq(skafu_error_code(&error), SKAFU_EBUSY);
	fill_particulars(&error);
	ck_assert_int_eq(skafu__fail_os(&error, EIO, "pread of %s", "log"), SKAFU_EIO);
	ck_assert_int_eq(skafu_error_os(&error), EIO);
	assert_particulars(&error, 0);
	skafu_error_clear(&error);
	ck_assert_int_eq(skafu_error_os(&error), 0);
	ck_assert_int_eq(skafu_error_code(&error), SKAFU_OK);
	ck_assert_str_eq(skafu_error_message(&error), "");
}
END_TEST

START_TEST(nobody_listens)
{
	ck_assert_int_eq(skafu__fail(NULL, SKAFU_EMATCH, "%s", "x"), SKAFU_EMATCH);
	ck_assert_int_eq(skafu__fail_os(NULL, ENOSPC, "x"), SKAFU_ENOSPACE);
	ck_assert_int_eq(skafu__fail_memory(NULL), SKAFU_ENOMEM);
	fill_particulars(NULL);
	assert_particulars(NULL, 0);
	skafu_error_clear(NULL);
	skafu_error_set(NULL, SKAFU_EHOST, "x");
	ck_assert_int_eq(skafu_error_code(NULL), SKAFU_OK);
	ck_assert_int_eq(skafu_error_os(NULL), 0);
	ck_assert_str_eq(skafu_error_message(NULL), "");
}
END_TEST

START_TEST(errno_becomes_a_code)
{
	static const struct {
		int errno_value;
		int32_t code;
	} pairs[] = {
		{ENOSPC, SKAFU_ENOSPACE}, {EDQUOT, SKAFU_ENOSPACE}, {EFBIG, SKAFU_ENOSPACE}, {EACCES, SKAFU_EACCESS},
		{EPERM, SKAFU_EACCESS}, {EROFS, SKAFU_EREADONLY}, {ENOENT, SKAFU_ENOTFOUND},
		{ENOTDIR, SKAFU_ENOTFOUND}, {EEXIST, SKAFU_EEXISTS}, {ENOTEMPTY, SKAFU_EEXISTS},
		{ENOMEM, SKAFU_ENOMEM}, {EIO, SKAFU_EIO}, {EMFILE, SKAFU_EIO}, {0, SKAFU_EIO}, {99999, SKAFU_EIO},
	};
	skafu_error error;

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		ck_assert_int_eq(skafu__fail_os(&error, pairs[i].errno_value, "opening '%s'", "a/b"), pairs[i].code);
		ck_assert_int_eq(skafu_error_code(&error), pairs[i].code);
		ck_assert_int_eq(skafu_error_os(&error), pairs[i].errno_value);
	}
	skafu__fail_os(&error, ENOSPC, "opening '%s'", "a/b");
	ck_assert_str_eq(error.message, "opening 'a/b': no space is left on the device (errno 28)");
	skafu__fail_os(&error, 99999, "opening '%s'", "a/b");
	ck_assert_str_eq(error.message, "opening 'a/b': the system call failed (errno 99999)");
	ck_assert_int_eq(skafu__fail_memory(&error), SKAFU_ENOMEM);
	ck_assert_int_eq(skafu_error_code(&error), SKAFU_ENOMEM);
	ck_assert_uint_gt(strlen(error.message), 10);
}
END_TEST

START_TEST(long_messages_are_cut_at_a_character)
{
	char text[3000];
	skafu_error error;

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = '\0';
	skafu_error_set(&error, SKAFU_EHOST, text);
	ck_assert_uint_eq(strlen(error.message), 1023);
	skafu__fail(&error, SKAFU_EHOST, "%s", text);
	ck_assert_uint_eq(strlen(error.message), 1023);
	memcpy(text + 1021, "\xe2\x82\xac", 3); /* its last byte has no room */
	skafu_error_set(&error, SKAFU_EHOST, text);
	ck_assert_uint_eq(strlen(error.message), 1021);
	skafu__fail(&error, SKAFU_EHOST, "%s", text);
	ck_assert_uint_eq(strlen(error.message), 1021);
	text[1023] = 'x';
	text[1024] = '\0';
	text[1020] = '\xe2';
	text[1021] = '\x82';
	text[1022] = '\xac'; /* fits exactly */
	skafu_error_set(&error, SKAFU_EHOST, text);
	ck_assert_uint_eq(strlen(error.message), 1023);
	memset(text, 'x', sizeof text - 1);
	ck_assert_int_eq(skafu__fail_os(&error, ENOSPC, "%s", text), SKAFU_ENOSPACE);
	ck_assert_ptr_nonnull(strstr(error.message, "(errno 28)")); /* the words survive a path of any length */
}
END_TEST

START_TEST(own_message_as_argument)
{
	skafu_error error;

	skafu__fail(&error, SKAFU_EIO, "page 7");
	skafu__fail(&error, SKAFU_EDAMAGED, "reading: %s; restore a backup", skafu_error_message(&error));
	ck_assert_str_eq(error.message, "reading: page 7; restore a backup");
	skafu_error_set(&error, SKAFU_EHOST, error.message + 9);
	ck_assert_str_eq(error.message, "page 7; restore a backup");
	skafu_error_set(&error, SKAFU_EBUSY, NULL);
	ck_assert_str_eq(error.message, skafu_result_text(SKAFU_EBUSY));
}
END_TEST

START_TEST(copy)
{
	skafu_error from;
	skafu_error to;

	skafu_error_clear(&to);
	skafu__fail(&from, SKAFU_EROW, "row 3");
	fill_particulars(&from);
	ck_assert_int_eq(skafu__error_copy(&to, &from, SKAFU_EROW), SKAFU_EROW);
	ck_assert_int_eq(to.code, SKAFU_EROW);
	ck_assert_str_eq(to.message, "row 3");
	assert_particulars(&to, 1);
	ck_assert_int_eq(skafu__error_copy(&to, &to, SKAFU_EROW), SKAFU_EROW);
	ck_assert_str_eq(to.message, "row 3");
	ck_assert_int_eq(skafu__error_copy(&to, NULL, SKAFU_EIO), SKAFU_EIO);
	ck_assert_int_eq(to.code, SKAFU_EIO);
	ck_assert_str_eq(to.message, skafu_result_text(SKAFU_EIO));
	assert_particulars(&to, 0);
	ck_assert_int_eq(skafu__error_copy(NULL, &from, SKAFU_EROW), SKAFU_EROW);
	ck_assert_int_eq(skafu__error_copy(&to, &from, SKAFU_OK), SKAFU_OK);
	ck_assert_int_eq(to.code, SKAFU_EIO); /* success leaves the object alone */
	ck_assert_int_eq(skafu__error_copy(&to, &from, SKAFU_EDAMAGED), SKAFU_EDAMAGED);
	ck_assert_int_eq(to.code, SKAFU_EDAMAGED);
	ck_assert_str_eq(to.message, "row 3");
	skafu_error_clear(&from);
	ck_assert_int_eq(skafu__error_copy(&to, &from, SKAFU_EGONE), SKAFU_EGONE);
	ck_assert_str_eq(to.message, skafu_result_text(SKAFU_EGONE));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("error");
	TCase *tcase = tcase_create("error");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, life);
	tcase_add_test(tcase, particulars);
	tcase_add_test(tcase, nobody_listens);
	tcase_add_test(tcase, errno_becomes_a_code);
	tcase_add_test(tcase, long_messages_are_cut_at_a_character);
	tcase_add_test(tcase, own_message_as_argument);
	tcase_add_test(tcase, copy);
	return suite_run(suite);
}

/*
 * wording_test.c: texts grow, end, are cut and fail; values are shown as people read them.
 */
#include <check.h>
#include <string.h>

#include "base/failing.h"
#include "test/wording.h"
#include "util/suite.h"

static struct skafu__kit_text text;

static void setup(void)
{
	memset(&text, 0, sizeof(text));
}

static void teardown(void)
{
	skafu__kit_text_done(&text);
	ck_assert_ptr_null(text.bytes);
}

START_TEST(it_grows_and_is_cleared)
{
	for (int i = 0; i < 1000; i++)
		skafu__kit_text_say(&text, "%d,", i);
	ck_assert_uint_eq(text.length, 3890);
	ck_assert_int_eq(memcmp(text.bytes, "0,1,2,", 6), 0);
	ck_assert_str_eq(text.bytes + text.length - 4, "999,");
	skafu__kit_text_clear(&text);
	ck_assert_str_eq(text.bytes, "");
}
END_TEST

START_TEST(it_is_cut_and_has_not_failed)
{
	static char much[50000];

	memset(much, 'x', sizeof(much));
	skafu__kit_text_put(&text, much, sizeof(much));
	skafu__kit_text_put(&text, much, sizeof(much));
	ck_assert_uint_eq(text.length, SKAFU__KIT_TEXT_BYTES_MAX);
	ck_assert_int_eq(text.failed, 0);
	ck_assert_uint_eq(strlen(text.bytes), SKAFU__KIT_TEXT_BYTES_MAX);
}
END_TEST

START_TEST(no_memory_is_remembered)
{
	struct failing failing;

	failing_init(&failing);
	failing.left = 0;
	skafu__sys_override(&failing.sys);
	skafu__kit_text_say(&text, "a");
	ck_assert_int_eq(text.failed, SKAFU_ENOMEM);
	ck_assert_ptr_null(skafu__kit_copy("a"));
	failing.left = -1;
	skafu__kit_text_clear(&text);
	skafu__kit_text_say(&text, "b");
	ck_assert_int_eq(text.failed, 0);
	ck_assert_str_eq(text.bytes, "b");
	skafu__kit_text_done(&text);
	ck_assert_int_eq(failing.live, 0);
	skafu__sys_override(NULL);
}
END_TEST

static const char *shown(const void *value, size_t length)
{
	skafu__kit_text_clear(&text);
	skafu__kit_text_value(&text, value, length);
	return text.bytes;
}

START_TEST(values_as_people_read_them)
{
	const uint8_t counter[8] = {0x2a};
	char wide[1000];

	ck_assert_str_eq(shown("abc", 3), "abc");
	ck_assert_str_eq(shown("", 0), "no bytes");
	ck_assert_str_eq(shown("\x01\xff", 2), "the bytes 01ff");
	ck_assert_str_eq(shown(counter, 8), "the bytes 2a00000000000000 (as a counter: 42)");
	memset(wide, 'w', sizeof(wide));
	ck_assert_uint_eq(strlen(shown(wide, sizeof(wide))), SKAFU__KIT_VALUE_BYTES_MAX + 5);
	wide[500] = '\n';
	ck_assert_uint_eq(strlen(shown(wide, sizeof(wide))), SKAFU__KIT_VALUE_BYTES_MAX + 5 + 10);
}
END_TEST

START_TEST(arrays_grow)
{
	uint64_t *array = NULL;
	size_t room = 0;

	for (size_t i = 0; i < 100; i++) {
		ck_assert_int_eq(skafu__kit_grow((void **)&array, &room, i, sizeof(*array)), 0);
		array[i] = i;
	}
	ck_assert_uint_eq(room, 128);
	ck_assert_uint_eq(array[99], 99);
	skafu__kit_memory(array, 0);
}
END_TEST

START_TEST(failures_have_a_sentence)
{
	skafu_error *error = NULL;

	ck_assert_int_eq(skafu_error_new(&error), 0);
	ck_assert_int_eq(skafu__kit_fail(error, SKAFU_EINVAL, "%s is %d", "it", 3), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_error_code(error), SKAFU_EINVAL);
	ck_assert_str_eq(skafu_error_message(error), "it is 3");
	ck_assert_int_eq(skafu__kit_fail(NULL, SKAFU_EINVAL, "x"), SKAFU_EINVAL);
	skafu_error_free(error);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wording");
	TCase *tests = tcase_create("wording");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, it_grows_and_is_cleared);
	tcase_add_test(tests, it_is_cut_and_has_not_failed);
	tcase_add_test(tests, no_memory_is_remembered);
	tcase_add_test(tests, values_as_people_read_them);
	tcase_add_test(tests, arrays_grow);
	tcase_add_test(tests, failures_have_a_sentence);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

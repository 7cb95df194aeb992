/*
 * writer_test.c: puts follow one another, up to the ceiling.
 */
#include "model/writer.h"

#include <check.h>
#include <string.h>

#include "base/failing.h"
#include "util/suite.h"

START_TEST(puts_follow)
{
	struct failing failing;
	struct skafu__buf buf;
	struct skafu_writer writer = {.buf = &buf};

	failing_init(&failing);
	skafu__buf_init(&buf, &failing.sys, 5);
	ck_assert_int_eq(skafu_writer_put(NULL, "a", 1, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_writer_put(&writer, NULL, 1, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(writer.put, 0);
	ck_assert_int_eq(skafu_writer_put(&writer, NULL, 0, NULL), 0);
	ck_assert_int_eq(writer.put, 1);
	ck_assert_int_eq(skafu_writer_put(&writer, "ab", 2, NULL), 0);
	ck_assert_int_eq(skafu_writer_put(&writer, "cde", 3, NULL), 0);
	ck_assert(buf.length == 5 && memcmp(buf.bytes, "abcde", 5) == 0);
	ck_assert_int_eq(skafu_writer_put(&writer, "f", 1, NULL), SKAFU_ELIMIT);
	skafu__buf_done(&buf);
	failing.left = 0;
	ck_assert_int_eq(skafu_writer_put(&writer, "a", 1, NULL), SKAFU_ENOMEM);
	skafu__buf_done(&buf);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("writer");
	TCase *tests = tcase_create("writer");

	tcase_add_test(tests, puts_follow);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

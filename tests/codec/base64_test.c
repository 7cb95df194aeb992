/*
 * base64_test.c: the vectors of RFC 4648, every byte, and that no bytes have two texts.
 */
#include "codec/base64.h"

#include <check.h>
#include <string.h>

#include "skafu_base.h"
#include "util/suite.h"

static struct skafu__buf out;

static void set_up(void)
{
	skafu__buf_init(&out, skafu__sys_current(), 1u << 20);
}

static void tear_down(void)
{
	skafu__buf_done(&out);
}

START_TEST(the_vectors_of_the_rfc)
{
	static const char *const bytes[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
	static const char *const texts[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	skafu__buf_put_u8(&out, '#');
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		out.length = 1;
		ck_assert_int_eq(skafu__base64_put(&out, bytes[i], strlen(bytes[i])), 0);
		ck_assert_uint_eq(out.length - 1, strlen(texts[i]));
		ck_assert_mem_eq(out.bytes + 1, texts[i], strlen(texts[i]));
		out.length = 1;
		ck_assert_int_eq(skafu__base64_read(&out, texts[i], strlen(texts[i])), 0);
		ck_assert_uint_eq(out.length - 1, strlen(bytes[i]));
		ck_assert_mem_eq(out.bytes + 1, bytes[i], strlen(bytes[i]));
	}
}
END_TEST

START_TEST(what_is_read_is_what_would_be_written)
{
	/* All texts of one group over a few digits and strangers: whatever is accepted comes out again. */
	static const char digits[] = "AQZgw/+9=-_ \n\xff";
	size_t count = sizeof digits; /* with the NUL */
	size_t accepted = 0;
	for (size_t i = 0; i < count * count * count * count; i++) {
		char text[4] = {digits[i % count], digits[i / count % count], digits[i / count / count % count],
				digits[i / count / count / count]};
		uint8_t bytes[3];
		skafu__buf_clear(&out);
		int32_t rc = skafu__base64_read(&out, text, 4);
		if (rc != 0) {
			ck_assert_int_eq(rc, SKAFU_EINVAL);
			ck_assert_uint_eq(out.length, 0);
			continue;
		}
		size_t length = out.length;
		memcpy(bytes, out.bytes, length);
		skafu__buf_clear(&out);
		ck_assert_int_eq(skafu__base64_put(&out, bytes, length), 0);
		ck_assert_uint_eq(out.length, 4);
		ck_assert_mem_eq(out.bytes, text, 4);
		accepted++;
	}
	ck_assert_uint_gt(accepted, 4096);
}
END_TEST

START_TEST(wrong_texts_are_refused)
{
	static const char *const wrong[] = {"A", "AA", "AAA", "AAAAA", "A===", "====", "AA==AAAA", "Zg=g", "Zh==",
					    "Zm9=", "Zm8 ", "-_-_"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_int_eq(skafu__base64_read(&out, wrong[i], strlen(wrong[i])), SKAFU_EINVAL);
	ck_assert_uint_eq(out.length, 0);
}
END_TEST

START_TEST(a_full_buffer_keeps_what_it_has)
{
	struct skafu__buf small;
	skafu__buf_init(&small, skafu__sys_current(), 5);
	ck_assert_int_eq(skafu__base64_put(&small, "abc", 3), 0);
	ck_assert_int_eq(skafu__base64_put(&small, "abc", 3), SKAFU_ELIMIT);
	ck_assert_uint_eq(small.length, 4);
	skafu__buf_done(&small);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base64");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, the_vectors_of_the_rfc);
	tcase_add_test(all, what_is_read_is_what_would_be_written);
	tcase_add_test(all, wrong_texts_are_refused);
	tcase_add_test(all, a_full_buffer_keeps_what_it_has);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}

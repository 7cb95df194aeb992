/*
 * id_text_test.c: identifiers of foreign text ids, against the framing written down by hand: they are frozen, since
 * an id that changed would let an import run twice.
 */
#include <check.h>
#include <sodium.h>
#include <string.h>

#include "skafu_base.h"
#include "util/suite.h"

START_TEST(ids_of_texts)
{
	static const uint8_t framed[] = {6, 0, 0, 0, 0, 0, 0, 0, 'g', 'i', 't', 'h', 'u', 'b',
					 2, 0, 0, 0, 0, 0, 0, 0, '4', '2'};
	uint8_t expected[16];
	uint8_t id[16];
	uint8_t other[16];

	crypto_generichash(expected, 16, framed, sizeof framed, NULL, 0);
	expected[6] = (uint8_t)((expected[6] & 0x0f) | 0x80);
	expected[8] = (uint8_t)((expected[8] & 0x3f) | 0x80);
	ck_assert_int_eq(skafu_id_from_text("github", "42", id), SKAFU_OK);
	ck_assert_mem_eq(id, expected, 16);
	ck_assert_int_eq(skafu_id_from_text("github4", "2", other), SKAFU_OK);
	ck_assert_mem_ne(id, other, 16);
	ck_assert_int_eq(skafu_id_from_text("", "42", other), SKAFU_OK);
	ck_assert_mem_ne(id, other, 16);
}
END_TEST

START_TEST(arguments)
{
	uint8_t id[16];
	uint8_t other[16];

	memset(id, 0x77, sizeof id);
	memset(other, 0x77, sizeof other);
	ck_assert_int_eq(skafu_id_from_text(NULL, "42", other), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_id_from_text("github", NULL, other), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_id_from_text("github", "", other), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_id_from_text("github", "42", NULL), SKAFU_EINVAL);
	ck_assert_mem_eq(id, other, 16);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("id_text");
	TCase *tcase = tcase_create("id_text");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, ids_of_texts);
	tcase_add_test(tcase, arguments);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}

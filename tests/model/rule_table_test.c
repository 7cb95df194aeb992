/*
 * rule_table_test.c: interned texts are found again, told apart by owner and kind, and survive growth; the sort.
 */
#include "model/rule_table.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failing.h"
#include "model/rulekit.h"
#include "util/suite.h"

START_TEST(texts_are_told_apart_and_found_again)
{
	static struct failing failing;
	skafu_rules *rules;
	char text[24];
	uint32_t number = 0;
	failing_init(&failing);
	skafu__sys_override(&failing.sys);
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	struct skafu__rule_item item = {.kind = SKAFU__RULE_TEXT};
	ck_assert_uint_eq(skafu__rule_find(rules, &rules->texts, &item, (const uint8_t *)""), SKAFU__RULE_NONE);
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < 6000; i++) {
			item.owner = i % 3;
			item.kind = SKAFU__RULE_TEXT + i / 3 % 2;
			item.length = (uint32_t)snprintf(text, sizeof text, "%u", i / 6) * (i > 5);
			/* a failure leaves the table as it was */
			failing.left = (long)(i % 2);
			int32_t code = skafu__rule_intern(rules, &rules->texts, &item, (const uint8_t *)text,
					&number);
			ck_assert(code == 0 || code == SKAFU_ENOMEM);
			failing.left = -1;
			rules->texts.items.failed = rules->bytes.failed = 0;
			ck_assert(pass == 0 || code == 0);
			code = skafu__rule_intern(rules, &rules->texts, &item, (const uint8_t *)text, &number);
			ck_assert_int_eq(code, 0);
			ck_assert_uint_eq(number, i);
			ck_assert_uint_eq(skafu__rule_find(rules, &rules->texts, &item, (const uint8_t *)text), i);
		}
	}
	item.owner = 7;
	ck_assert_uint_eq(skafu__rule_find(rules, &rules->texts, &item, (const uint8_t *)text), SKAFU__RULE_NONE);
	skafu_rules_free(rules);
	ck_assert_int_eq(failing.live, 0);
	skafu__sys_override(NULL);
}
END_TEST

START_TEST(children_are_found_by_name)
{
	skafu_rules *rules;
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	add(rules, "{\"a\":{\"b\":[1],\"\":[2]},\"b\":[3]}");
	uint32_t a = skafu__rule_child(rules, 0, (const uint8_t *)"a", 1);
	uint32_t b = skafu__rule_child(rules, a, (const uint8_t *)"b", 1);
	ck_assert_uint_eq(a, 1);
	ck_assert_uint_eq(b, 2);
	ck_assert_uint_eq(skafu__rule_child(rules, a, (const uint8_t *)"", 0), 3);
	ck_assert_uint_eq(skafu__rule_child(rules, 0, (const uint8_t *)"b", 1), 4);
	ck_assert_uint_eq(skafu__rule_child(rules, b, (const uint8_t *)"b", 1), SKAFU__RULE_NONE);
	ck_assert_uint_eq(skafu__rule_child(rules, a, (const uint8_t *)"c", 1), SKAFU__RULE_NONE);
	ck_assert_uint_eq(skafu__rule_child(rules, 0, (const uint8_t *)"", SIZE_MAX), SKAFU__RULE_NONE);
	ck_assert_uint_eq(skafu__rule_path(rules, b)->depth, 2);
	skafu_rules_free(rules);
}
END_TEST

static int by_tens(const void *user, uint32_t a, uint32_t b)
{
	(void)user;
	return a / 10 < b / 10 ? -1 : a / 10 > b / 10;
}

START_TEST(the_sort_is_stable)
{
	uint32_t numbers[300];
	uint32_t spare[300];
	for (uint32_t count = 0; count <= COUNT(numbers); count++) {
		for (uint32_t i = 0; i < count; i++)
			numbers[i] = (count - i) * 37 % 100 * 10 + i % 10;
		uint64_t sum = 0;
		for (uint32_t i = 0; i < count; i++)
			sum += (uint64_t)numbers[i] * numbers[i];
		skafu__rule_sort(numbers, spare, count, by_tens, NULL);
		for (uint32_t i = 0; i < count; i++)
			sum -= (uint64_t)numbers[i] * numbers[i];
		ck_assert_uint_eq(sum, 0);
		for (uint32_t i = 1; i < count; i++)
			ck_assert_uint_le(numbers[i - 1] / 10, numbers[i] / 10);
	}
	for (uint32_t i = 0; i < 10; i++)
		numbers[i] = 9 - i;
	skafu__rule_sort(numbers, spare, 10, by_tens, NULL);
	for (uint32_t i = 0; i < 10; i++)
		ck_assert_uint_eq(numbers[i], 9 - i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rule_table");
	TCase *table = tcase_create("table");
	tcase_add_test(table, texts_are_told_apart_and_found_again);
	tcase_add_test(table, children_are_found_by_name);
	tcase_add_test(table, the_sort_is_stable);
	suite_add_tcase(suite, table);
	return suite_run(suite);
}

/*
 * names_test.c: the interned names: dense ids, lookup both ways, taking back, damage, memory that runs out.
 */
#include "store/names.h"

#include <stdio.h>
#include <string.h>

#include "base/failing.h"
#include "store/tempstore.h"

static struct skafu__name_def def_of(uint8_t set, uint32_t id, uint32_t owner, const char *name)
{
	struct skafu__name_def def = {set, (uint8_t)strlen(name), id, owner, name};

	return def;
}

static int32_t define(struct skafu__names *names, uint8_t set, uint32_t id, uint32_t owner, const char *name)
{
	struct skafu__name_def def = def_of(set, id, owner, name);

	return skafu__names_define(names, &def);
}

START_TEST(sets_are_apart)
{
	struct skafu__names names;
	size_t length = 0;

	skafu__names_init(&names, skafu__sys_current(), 1);
	ck_assert_int_eq(define(&names, SKAFU__NAME_DOMAIN, 1, 0, "shop"), 0);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 1, 1, "shop"), 0);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 2, 1, "Sold"), 0);
	ck_assert_uint_eq(skafu__names_find(&names, SKAFU__NAME_DOMAIN, "shop", 4), 1);
	ck_assert_uint_eq(skafu__names_find(&names, SKAFU__NAME_TYPE, "Sold", 4), 2);
	ck_assert_uint_eq(skafu__names_find(&names, SKAFU__NAME_TYPE, "Sol", 3), 0);
	ck_assert_uint_eq(skafu__names_find(&names, SKAFU__NAME_TABLE, "shop", 4), 0);
	ck_assert_str_eq(skafu__names_text(&names, SKAFU__NAME_TYPE, 2, &length), "Sold");
	ck_assert_uint_eq(length, 4);
	ck_assert_str_eq(skafu__names_of(&names, SKAFU__NAME_TYPE, 1, &length), "shop");
	ck_assert_uint_eq(skafu__names_owner(&names, SKAFU__NAME_TYPE, 2), 1);
	ck_assert_uint_eq(skafu__names_owner(&names, SKAFU__NAME_DOMAIN, 1), 0);
	skafu__names_done(&names);
}
END_TEST

START_TEST(unknown_ids_are_nothing)
{
	struct skafu__names names;
	char longest[300];

	skafu__names_init(&names, skafu__sys_current(), 1);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 1, 1, "Sold"), 0);
	ck_assert_ptr_null(skafu__names_text(&names, SKAFU__NAME_TYPE, 0, NULL));
	ck_assert_ptr_null(skafu__names_text(&names, SKAFU__NAME_TYPE, 2, NULL));
	ck_assert_ptr_null(skafu__names_text(&names, SKAFU__NAME_SETS, 1, NULL));
	ck_assert_ptr_null(skafu__names_text(&names, 0, 1, NULL));
	ck_assert_uint_eq(skafu__names_owner(&names, SKAFU__NAME_TYPE, UINT32_MAX), 0);
	memset(longest, 'x', sizeof longest);
	ck_assert_uint_eq(skafu__names_find(&names, SKAFU__NAME_TYPE, longest, sizeof longest), 0);
	skafu__names_done(&names);
}
END_TEST

START_TEST(contradictions_are_damage)
{
	struct skafu__names names;

	skafu__names_init(&names, skafu__sys_current(), 1);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 1, 1, "Sold"), 0);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 1, 1, "Sold"), 0); /* known: nothing happens */
	ck_assert_uint_eq(names.counts[SKAFU__NAME_TYPE], 1);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 1, 1, "Bought"), SKAFU_EDAMAGED);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 3, 1, "Bought"), SKAFU_EDAMAGED);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 0, 1, "Bought"), SKAFU_EDAMAGED);
	ck_assert_int_eq(define(&names, 0, 1, 0, "Bought"), SKAFU_EDAMAGED);
	ck_assert_int_eq(define(&names, SKAFU__NAME_SETS, 1, 0, "Bought"), SKAFU_EDAMAGED);
	ck_assert_uint_eq(names.counts[SKAFU__NAME_TYPE], 1);
	skafu__names_done(&names);
}
END_TEST

START_TEST(texts_keep_their_address)
{
	struct skafu__names names;
	const char *first;
	char name[32];

	skafu__names_init(&names, skafu__sys_current(), 1);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 1, 1, "Type1"), 0);
	first = skafu__names_text(&names, SKAFU__NAME_TYPE, 1, NULL);
	for (uint32_t id = 2; id <= 3000; id++) {
		snprintf(name, sizeof name, "Type%u", id);
		ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, id, 1, name), 0);
	}
	ck_assert_ptr_eq(skafu__names_text(&names, SKAFU__NAME_TYPE, 1, NULL), first);
	ck_assert_str_eq(first, "Type1");
	ck_assert_uint_eq(skafu__names_find(&names, SKAFU__NAME_TYPE, "Type2999", 8), 2999);
	skafu__names_done(&names);
}
END_TEST

START_TEST(truncate_takes_back)
{
	struct skafu__names names;
	uint32_t counts[SKAFU__NAME_SETS] = {0};

	skafu__names_init(&names, skafu__sys_current(), 1);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 1, 1, "A"), 0);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 2, 1, "B"), 0);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TABLE, 1, 0, "T"), 0);
	counts[SKAFU__NAME_TYPE] = 1;
	counts[SKAFU__NAME_TABLE] = 5; /* more than there are: all stay */
	skafu__names_truncate(&names, counts);
	ck_assert_uint_eq(skafu__names_find(&names, SKAFU__NAME_TYPE, "A", 1), 1);
	ck_assert_uint_eq(skafu__names_find(&names, SKAFU__NAME_TYPE, "B", 1), 0);
	ck_assert_uint_eq(skafu__names_find(&names, SKAFU__NAME_TABLE, "T", 1), 1);
	ck_assert_int_eq(define(&names, SKAFU__NAME_TYPE, 2, 3, "C"), 0); /* the id is free again */
	ck_assert_uint_eq(skafu__names_owner(&names, SKAFU__NAME_TYPE, 2), 3);
	skafu__names_done(&names);
}
END_TEST

START_TEST(no_memory_defines_nothing)
{
	struct failing failing;
	struct skafu__names names;
	int failures = 0;

	failing_init(&failing);
	skafu__names_init(&names, &failing.sys, 1);
	for (long left = 0; left < 10; left++) {
		int32_t rc;

		failing.left = left;
		rc = define(&names, SKAFU__NAME_TYPE, 1, 1, "A");
		failing.left = -1;
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
		ck_assert_uint_eq(names.counts[SKAFU__NAME_TYPE], rc == 0);
		ck_assert_uint_eq(skafu__names_find(&names, SKAFU__NAME_TYPE, "A", 1), rc == 0);
		failures += rc != 0;
		if (rc == 0)
			break;
	}
	ck_assert_int_gt(failures, 1);
	skafu__names_done(&names);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, sets_are_apart);
	tcase_add_test(tests, unknown_ids_are_nothing);
	tcase_add_test(tests, contradictions_are_damage);
	tcase_add_test(tests, texts_keep_their_address);
	tcase_add_test(tests, truncate_takes_back);
	tcase_add_test(tests, no_memory_defines_nothing);
}

int main(void)
{
	return tempstore_main("names", add);
}

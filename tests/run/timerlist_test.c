/*
 * timerlist_test.c: the list of timers: bounds, pages, limits, bad arguments.
 */
#include "skafu_run.h"

#include <stdio.h>
#include <string.h>

#include "run/timerrow.h"
#include "store/tempstore.h"

static skafu_store *store;

static void make(void)
{
	store = memory_store();
}

static void drop(void)
{
	skafu_store_close(store);
}

static void set(const char *name, int64_t due_ns)
{
	skafu_new_record record = event_of("s", "T");
	skafu_batch *batch = batch_of(store);

	went(skafu_batch_set_timer(batch, name, due_ns, &record, fault));
	appended_by(store, batch);
}

/* How many there are, in order. */
static uint32_t count(int64_t before_ns, uint64_t limit)
{
	skafu_timer_list *list = NULL;
	const skafu_timer_info *info;
	int64_t last = INT64_MIN;
	uint32_t got = 0;
	int32_t rc;

	went(skafu_timer_list_open(store, before_ns, limit, &list, fault));
	while ((rc = skafu_timer_list_next(list, &info, fault)) == 1) {
		ck_assert_int_ge(info->due_ns, last);
		ck_assert_str_eq(info->type, "T");
		last = info->due_ns;
		got++;
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(skafu_timer_list_next(list, &info, fault), 0);
	skafu_timer_list_free(list);
	return got;
}

START_TEST(before_a_time)
{
	set("first", INT64_MIN);
	set("old", -1);
	set("now", 5);
	set("last", INT64_MAX);
	ck_assert_uint_eq(count(INT64_MAX, SKAFU_NO_LIMIT), 4);
	ck_assert_uint_eq(count(5, SKAFU_NO_LIMIT), 2);
	ck_assert_uint_eq(count(6, SKAFU_NO_LIMIT), 3);
	ck_assert_uint_eq(count(INT64_MIN, SKAFU_NO_LIMIT), 0);
	ck_assert_uint_eq(count(INT64_MAX, 2), 2);
	ck_assert_uint_eq(count(INT64_MAX, 0), 0);
}
END_TEST

START_TEST(many_pages)
{
	char name[20];

	for (int i = 0; i < 512; i++) {
		snprintf(name, sizeof name, "t%d", i);
		set(name, i / 3);
	}
	ck_assert_uint_eq(count(INT64_MAX, SKAFU_NO_LIMIT), 512);
	ck_assert_uint_eq(count(INT64_MAX, 300), 300);
}
END_TEST

START_TEST(bad_arguments)
{
	skafu_timer_list *list = NULL;
	const skafu_timer_info *info;

	refused(SKAFU_EINVAL, skafu_timer_list_open(NULL, 0, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_timer_list_open(store, 0, 1, NULL, fault));
	refused(SKAFU_EINVAL, skafu_timer_list_next(NULL, &info, fault));
	went(skafu_timer_list_open(store, 0, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_timer_list_next(list, NULL, fault));
	skafu_timer_list_free(list);
	skafu_timer_list_free(NULL);
}
END_TEST

START_TEST(a_damaged_row)
{
	skafu_batch *batch = batch_of(store);
	skafu_timer_list *list = NULL;
	const skafu_timer_info *info;

	went(skafu_batch_put_row(batch, skafu__timer_table, "123456789012345678901234", 24, "x", 1, fault));
	appended_by(store, batch);
	went(skafu_timer_list_open(store, INT64_MAX, 10, &list, fault));
	refused(SKAFU_EDAMAGED, skafu_timer_list_next(list, &info, fault));
	ck_assert_int_eq(skafu_timer_list_next(list, &info, fault), 0);
	skafu_timer_list_free(list);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, before_a_time);
	tcase_add_test(tests, many_pages);
	tcase_add_test(tests, bad_arguments);
	tcase_add_test(tests, a_damaged_row);
}

int main(void)
{
	return tempstore_main("timerlist", add);
}

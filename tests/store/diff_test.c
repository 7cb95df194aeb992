/*
 * diff_test.c: where two histories part is found at every place, by commits and by records; copies and imports are
 * equal to what they come from.
 */
#include "store/anyrecords.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

static skafu_diff diff;

static void compare(skafu_store *a, skafu_store *b, uint32_t flags)
{
	memset(&diff, 0xee, sizeof diff);
	diff.size = sizeof diff;
	went(skafu_store_diff(a, b, flags, NULL, NULL, &diff, fault));
}

/* A history whose record number `other` says something else; the same ids and times everywhere. */
static skafu_store *history(uint32_t count, uint32_t other)
{
	skafu_store *store = memory_store();
	char text[8192];
	int at = 0;
	skafu_import_info info;
	skafu_import_opts opts = {.size = sizeof opts, .batch_records = 4};
	for (uint32_t i = 1; i <= count; i++)
		at += snprintf(text + at, sizeof text - (size_t)at,
			       "{\"eventId\":\"018f3344-5566-7088-99aa-0000000000%02x\",\"eventType\":\"T\","
				       "\"streamId\":"
			       "\"s\",\"timestamp\":\"2025-01-01T00:00:00Z\",\"data\":%d}\n",
			       i, i == other);
	went(anyrecords_import(store, &opts, text, (size_t)at, 1000, &info));
	return store;
}

START_TEST(every_place_is_found_by_records)
{
	skafu_store *plain = history(30, 0);
	for (uint32_t other = 1; other <= 30; other++) {
		skafu_store *changed = history(30, other);
		compare(plain, changed, SKAFU_DIFF_RECORDS);
		ck_assert_uint_eq(diff.sequence, other);
		ck_assert_uint_eq(diff.same_up_to, other - 1);
		skafu_store_close(changed);
	}
	for (uint32_t count = 0; count <= 30; count += 6) {
		skafu_store *shorter = count ? history(count, 0) : memory_store();
		compare(plain, shorter, SKAFU_DIFF_RECORDS);
		ck_assert_uint_eq(diff.sequence, 0);
		ck_assert_uint_eq(diff.same_up_to, count);
		ck_assert_uint_eq(diff.head, 30);
		ck_assert_uint_eq(diff.other_head, count);
		skafu_store_close(shorter);
	}
	skafu_store_close(plain);
}
END_TEST

START_TEST(a_fork_parts_where_it_was_cut)
{
	struct tempstore temp;
	char path[320];
	skafu_store *fork;
	seeded("diff");
	tempstore_new(&temp);
	anyrecords_append(temp.store, 200);
	snprintf(path, sizeof path, "%s/fork", temp.directory);
	went(skafu_store_fork(temp.store, path, 120, NULL, NULL, fault));
	went(skafu_store_open(path, NULL, &fork, fault));
	uint64_t cut = head_of(fork);
	for (uint32_t flags = 0; flags <= SKAFU_DIFF_RECORDS; flags++) {
		compare(temp.store, fork, flags);
		ck_assert_uint_eq(diff.sequence, 0);
		ck_assert_uint_eq(diff.same_up_to, cut);
		ck_assert_uint_eq(diff.head, 200);
		ck_assert_uint_eq(diff.other_head, cut);
	}
	append_event(fork, "s", "Other", NULL);
	for (uint32_t flags = 0; flags <= SKAFU_DIFF_RECORDS; flags++) {
		compare(fork, temp.store, flags);
		ck_assert_uint_eq(diff.sequence, cut + 1);
		ck_assert_uint_eq(diff.same_up_to, cut);
		ck_assert_int_eq(diff.commit != 0, flags == 0);
	}
	skafu_store_close(fork);
	tempstore_done(&temp);
}
END_TEST

START_TEST(an_import_is_equal_by_records_only)
{
	skafu_store *store = memory_store();
	skafu_store *other = memory_store();
	skafu_import_info info;
	skafu_import_opts opts = {.size = sizeof opts, .form = SKAFU_FORM_CLOUDEVENTS};
	size_t length;
	append_event(store, "s", "T", NULL);
	append_row(store, "table", "key", "value");
	append_event(store, "s", "T", "tag");
	char *text = anyrecords_export(store, opts.form, &length);
	went(anyrecords_import(other, &opts, text, length, length, &info));
	compare(store, other, SKAFU_DIFF_RECORDS);
	ck_assert_uint_eq(diff.sequence, 0);
	ck_assert_uint_eq(diff.same_up_to, 2);
	compare(store, other, 0);
	ck_assert_uint_eq(diff.sequence, 1);
	ck_assert_uint_eq(diff.commit, 1);
	free(text);
	skafu_store_close(other);
	skafu_store_close(store);
}
END_TEST

static int32_t stop(void *user, uint64_t done, uint64_t total)
{
	(void)done;
	(void)total;
	++*(int *)user;
	return 1;
}

START_TEST(mistakes_and_stops)
{
	int told = 0;
	skafu_store *a = history(5, 0);
	skafu_store *b = history(5, 0);
	diff.size = sizeof diff;
	refused(SKAFU_EINTERRUPTED, skafu_store_diff(a, b, 0, stop, &told, &diff, fault));
	refused(SKAFU_EINTERRUPTED, skafu_store_diff(a, b, SKAFU_DIFF_RECORDS, stop, &told, &diff, fault));
	ck_assert_int_eq(told, 2);
	refused(SKAFU_EINVAL, skafu_store_diff(a, a, 0, NULL, NULL, &diff, fault));
	refused(SKAFU_EINVAL, skafu_store_diff(NULL, a, 0, NULL, NULL, &diff, fault));
	refused(SKAFU_EINVAL, skafu_store_diff(a, NULL, 0, NULL, NULL, &diff, fault));
	refused(SKAFU_EINVAL, skafu_store_diff(a, b, 0, NULL, NULL, NULL, fault));
	refused(SKAFU_EOPTION, skafu_store_diff(a, b, 2, NULL, NULL, &diff, fault));
	diff.size = 4;
	refused(SKAFU_EOPTION, skafu_store_diff(a, b, 0, NULL, NULL, &diff, fault));
	skafu_store_close(a);
	skafu_store_close(b);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, every_place_is_found_by_records);
	tcase_add_test(tests, a_fork_parts_where_it_was_cut);
	tcase_add_test(tests, an_import_is_equal_by_records_only);
	tcase_add_test(tests, mistakes_and_stops);
}

int main(void)
{
	return tempstore_main("diff", add);
}

/*
 * query_test.c: composing queries, what matches them, copies, limits, memory that runs out.
 */
#include "store/query.h"

#include <stdio.h>
#include <string.h>

#include "base/failing.h"
#include "store/tempstore.h"

static struct skafu__names names;

static void make_names(void)
{
	static const char *const types[] = {"Sold", "Bought"};

	skafu__names_init(&names, skafu__sys_current(), 1);
	for (uint32_t i = 0; i < 2; i++) {
		struct skafu__name_def def = {SKAFU__NAME_TYPE, (uint8_t)strlen(types[i]), i + 1, 1, types[i]};

		ck_assert_int_eq(skafu__names_define(&names, &def), 0);
	}
}

static void drop_names(void)
{
	skafu__names_done(&names);
}

static uint32_t match(const char *text, uint32_t type, const char *tags, uint32_t tag_count)
{
	struct skafu__record record = {.kind = SKAFU_KIND_EVENT, .type = type, .tags = tags,
				       .tag_count = (uint8_t)tag_count};
	skafu_query *query = query_of(text);
	skafu_query *copy = skafu__query_copy(query);
	uint32_t item = skafu__query_match(query, &record, &names);

	ck_assert_ptr_nonnull(copy);
	ck_assert_uint_eq(skafu__query_match(copy, &record, &names), item);
	ck_assert_int_eq(skafu__query_matches_all(copy), skafu__query_matches_all(query));
	skafu_query_free(copy);
	skafu_query_free(query);
	return item;
}

START_TEST(items_or_types_or_tags_and)
{
	static const char two[] = "a:1\0b:2";

	ck_assert_uint_eq(match("Sold", 1, two, 2), 1);
	ck_assert_uint_eq(match("Sold", 2, two, 2), 0);
	ck_assert_uint_eq(match("Bought Sold", 1, two, 2), 1);
	ck_assert_uint_eq(match("a:1 b:2", 1, two, 2), 1);
	ck_assert_uint_eq(match("a:1 c:3", 1, two, 2), 0);
	ck_assert_uint_eq(match("Sold b:2", 1, two, 2), 1);
	ck_assert_uint_eq(match("Bought b:2", 1, two, 2), 0);
	ck_assert_uint_eq(match("Bought b:2 | c:3 | a:1", 1, two, 2), 3);
	ck_assert_uint_eq(match("a:1 | a:1", 1, two, 2), 1); /* the first that matches */
	ck_assert_uint_eq(match("a:", 1, two, 2), 0);	     /* whole tags, no prefixes */
	ck_assert_uint_eq(match("a:11", 1, two, 2), 0);
	ck_assert_uint_eq(match("a:1", 1, two, 0), 0);
	ck_assert_uint_eq(match("Unknown", 1, two, 2), 0);
}
END_TEST

START_TEST(nothing_matches_everything)
{
	skafu_query *query = query_of("");
	struct skafu__record record = {.kind = SKAFU_KIND_EVENT, .type = 1, .tags = ""};

	ck_assert_int_eq(skafu__query_matches_all(NULL), 1);
	ck_assert_int_eq(skafu__query_matches_all(query), 1);
	ck_assert_uint_eq(skafu__query_match(query, &record, &names), 1);
	ck_assert_uint_eq(skafu__query_match(NULL, &record, &names), 1);
	went(skafu_query_add_type(query, "Bought", fault));
	ck_assert_int_eq(skafu__query_matches_all(query), 0);
	ck_assert_uint_eq(skafu__query_match(query, &record, &names), 0);
	went(skafu_query_add_item(query, fault)); /* an item without types and tags */
	ck_assert_int_eq(skafu__query_matches_all(query), 1);
	ck_assert_uint_eq(skafu__query_match(query, &record, &names), 2);
	skafu_query_free(query);
	query = skafu__query_copy(NULL);
	ck_assert_int_eq(skafu__query_matches_all(query), 1);
	skafu_query_free(query);
	skafu_query_free(NULL);
}
END_TEST

START_TEST(bad_input_is_refused)
{
	skafu_query *query = query_of("Sold");
	char longest[300];

	memset(longest, 'x', sizeof longest);
	longest[256] = 0;
	refused(SKAFU_EINVAL, skafu_query_new(NULL, fault));
	refused(SKAFU_EINVAL, skafu_query_add_item(NULL, fault));
	refused(SKAFU_EINVAL, skafu_query_add_type(NULL, "a", fault));
	refused(SKAFU_EINVAL, skafu_query_add_tag(NULL, "a", fault));
	refused(SKAFU_EINVAL, skafu_query_add_type(query, NULL, fault));
	refused(SKAFU_EINVAL, skafu_query_add_tag(query, "", fault));
	refused(SKAFU_EUTF8, skafu_query_add_type(query, "\xff", fault));
	refused(SKAFU_EUTF8, skafu_query_add_tag(query, "a\nb", fault));
	refused(SKAFU_ELIMIT, skafu_query_add_type(query, longest, fault));
	refused(SKAFU_ELIMIT, skafu_query_add_tag(query, longest, fault));
	longest[255] = 0;
	went(skafu_query_add_tag(query, longest, fault));
	ck_assert_uint_eq(query->item_count, 1);
	ck_assert(query->items[0].type_count == 1 && query->items[0].tag_count == 1);
	skafu_query_free(query);
}
END_TEST

START_TEST(limits_are_kept)
{
	skafu_query *query = query_of("");
	char name[32];

	for (uint32_t i = 0; i < SKAFU__QUERY_NAMES_MAX; i++) {
		snprintf(name, sizeof name, "n%u", i);
		went(skafu_query_add_type(query, name, fault));
		went(skafu_query_add_tag(query, name, fault));
	}
	refused(SKAFU_ELIMIT, skafu_query_add_type(query, "more", fault));
	refused(SKAFU_ELIMIT, skafu_query_add_tag(query, "more", fault));
	for (uint32_t i = 1; i < SKAFU__QUERY_ITEMS_MAX; i++)
		went(skafu_query_add_item(query, fault));
	refused(SKAFU_ELIMIT, skafu_query_add_item(query, fault));
	skafu_query_free(query);
}
END_TEST

/* Every allocation of composing and copying fails in turn: no leak, and never a query that matches less. */
START_TEST(no_memory_is_told)
{
	int failures = 0;

	for (long left = 0; left < 40; left++) {
		struct failing failing;
		skafu_query *query = NULL;
		skafu_query *copy = NULL;
		int32_t rc;

		failing_init(&failing);
		failing.left = left;
		skafu__sys_override(&failing.sys);
		rc = skafu_query_new(&query, fault);
		if (rc == 0)
			rc = skafu_query_add_type(query, "Sold", fault);
		if (rc == 0)
			rc = skafu_query_add_tag(query, "a:1", fault);
		if (rc == 0)
			rc = skafu_query_add_item(query, fault);
		if (rc == 0)
			rc = skafu_query_add_tag(query, "a:2", fault);
		if (rc == 0)
			copy = skafu__query_copy(query);
		failing.left = -1;
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
		failures += rc != 0 || !copy;
		if (copy)
			ck_assert(copy->item_count == 2 && copy->items[1].tag_count == 1);
		skafu_query_free(copy);
		skafu_query_free(query);
		skafu__sys_override(NULL);
		ck_assert_int_eq(failing.live, 0);
	}
	ck_assert_int_gt(failures, 10);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make_names, drop_names);
	tcase_add_test(tests, items_or_types_or_tags_and);
	tcase_add_test(tests, nothing_matches_everything);
	tcase_add_test(tests, bad_input_is_refused);
	tcase_add_test(tests, limits_are_kept);
	tcase_add_test(tests, no_memory_is_told);
}

int main(void)
{
	return tempstore_main("query", add);
}

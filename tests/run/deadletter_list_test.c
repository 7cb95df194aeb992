/*
 * deadletter_list_test.c: lists of dead letters: filters, order, limits, one moment.
 */
#include "run/deadletter_list.h"

#include <stdio.h>
#include <string.h>

#include "store/tempstore.h"

static skafu_store *store;

static void put(const char *consumer, const char *key, const char *type, uint64_t sequence)
{
	struct skafu__deadletter letter = {.attempts = 1, .code = SKAFU_EHOST, .sequence = sequence,
					   .consumer = consumer, .partition_key = key, .type = type,
					   .correlation = "c", .message = "m"};
	skafu_batch *batch = batch_of(store);
	skafu__deadletter_key(consumer, key, sequence, letter.key);
	went(skafu__deadletter_put(batch, skafu__sys_current(), &letter, fault));
	appended_by(store, batch);
}

static void setup(void)
{
	store = memory_store();
	put("mail", "a", "Ordered", 1);
	put("mail", "a", "Paid", 5);
	put("mail", "b", "Ordered", 3);
	put("stock", "a", "Ordered", 1);
	put("stock", "a", "Paid", 300);
}

static void teardown(void)
{
	skafu_store_close(store);
}

/* The sequences of what a filter takes, the groups in whatever order: "mail/a:1,5 ...". */
static const char *listed(const skafu_dead_letter_filter *filter, uint64_t limit)
{
	static char text[400];
	char group[100] = "", last[100] = "";
	const skafu_dead_letter *letter;
	skafu_dead_letter_list *list = NULL;
	text[0] = '\0';
	went(skafu_dead_letter_list_open(store, filter, limit, &list, fault));
	while (skafu_dead_letter_list_next(list, &letter, fault) == 1) {
		size_t at = strlen(text);
		snprintf(group, sizeof group, "%s/%s:", letter->consumer, letter->key);
		snprintf(text + at, sizeof text - at, "%s%s%d", strcmp(group, last) == 0 ? "," : at ? " " : "",
			 strcmp(group, last) == 0 ? "" : group, (int)letter->sequence);
		memcpy(last, group, sizeof last);
	}
	skafu_dead_letter_list_free(list);
	return text;
}

static skafu_dead_letter_filter filter_of(const char *consumer, const char *key, const char *type, uint64_t sequence)
{
	skafu_dead_letter_filter filter = {.size = sizeof filter, .consumer = consumer, .key = key, .type = type,
					   .sequence = sequence};
	return filter;
}

START_TEST(all_letters_group_by_consumer_and_key)
{
	const char *text = listed(NULL, SKAFU_NO_LIMIT);
	ck_assert_ptr_nonnull(strstr(text, "mail/a:1,5"));
	ck_assert_ptr_nonnull(strstr(text, "mail/b:3"));
	ck_assert_ptr_nonnull(strstr(text, "stock/a:1,300"));
}
END_TEST

START_TEST(filters_are_anded)
{
	skafu_dead_letter_filter filter = filter_of("stock", NULL, NULL, 0);
	ck_assert_str_eq(listed(&filter, SKAFU_NO_LIMIT), "stock/a:1,300");
	filter = filter_of("mail", "b", NULL, 0);
	ck_assert_str_eq(listed(&filter, SKAFU_NO_LIMIT), "mail/b:3");
	filter = filter_of("mail", "a", "Paid", 0);
	ck_assert_str_eq(listed(&filter, SKAFU_NO_LIMIT), "mail/a:5");
	filter = filter_of(NULL, NULL, NULL, 300);
	ck_assert_str_eq(listed(&filter, SKAFU_NO_LIMIT), "stock/a:300");
	filter = filter_of(NULL, NULL, "Never", 0);
	ck_assert_str_eq(listed(&filter, SKAFU_NO_LIMIT), "");
	filter = filter_of("mailer", NULL, NULL, 0);
	ck_assert_str_eq(listed(&filter, SKAFU_NO_LIMIT), "");
}
END_TEST

START_TEST(limits_count_what_is_taken)
{
	const skafu_dead_letter_filter filter = filter_of("mail", "a", NULL, 0);
	ck_assert_str_eq(listed(&filter, 1), "mail/a:1");
	ck_assert_str_eq(listed(&filter, 0), "");
}
END_TEST

START_TEST(a_list_shows_the_moment_when_it_was_opened)
{
	const skafu_dead_letter_filter filter = filter_of("mail", "b", NULL, 0);
	const skafu_dead_letter *letter;
	skafu_dead_letter_list *list = NULL;
	went(skafu_dead_letter_list_open(store, &filter, SKAFU_NO_LIMIT, &list, fault));
	put("mail", "b", "Ordered", 4);
	ck_assert_int_eq(skafu_dead_letter_list_next(list, &letter, fault), 1);
	ck_assert_int_eq(skafu_dead_letter_list_next(list, &letter, fault), 0);
	skafu_dead_letter_list_free(list);
}
END_TEST

START_TEST(a_list_outlives_the_handle_of_its_store)
{
	skafu_store *other = memory_store();
	skafu_dead_letter_list *list = NULL;
	const skafu_dead_letter *letter;
	went(skafu_dead_letter_list_open(other, NULL, SKAFU_NO_LIMIT, &list, fault));
	skafu_store_close(other);
	ck_assert_int_eq(skafu_dead_letter_list_next(list, &letter, fault), 0);
	skafu_dead_letter_list_free(list);
	skafu_dead_letter_list_free(NULL);
}
END_TEST

START_TEST(bad_input_is_refused)
{
	char long_text[300];
	skafu_dead_letter_list *list = NULL;
	const skafu_dead_letter *letter;
	memset(long_text, 'x', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	skafu_dead_letter_filter filter = filter_of(long_text, NULL, NULL, 0);
	refused(SKAFU_ELIMIT, skafu_dead_letter_list_open(store, &filter, 1, &list, fault));
	filter = filter_of("mail", NULL, NULL, 0);
	filter.reserved = 1;
	refused(SKAFU_EINVAL, skafu_dead_letter_list_open(store, &filter, 1, &list, fault));
	filter.size = 2;
	refused(SKAFU_EOPTION, skafu_dead_letter_list_open(store, &filter, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_dead_letter_list_open(NULL, NULL, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_dead_letter_list_open(store, NULL, 1, NULL, fault));
	refused(SKAFU_EINVAL, skafu_dead_letter_list_next(NULL, &letter, fault));
	ck_assert_ptr_null(list);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, all_letters_group_by_consumer_and_key);
	tcase_add_test(tests, filters_are_anded);
	tcase_add_test(tests, limits_count_what_is_taken);
	tcase_add_test(tests, a_list_shows_the_moment_when_it_was_opened);
	tcase_add_test(tests, a_list_outlives_the_handle_of_its_store);
	tcase_add_test(tests, bad_input_is_refused);
}

int main(void)
{
	return tempstore_main("deadletter_list", add);
}

/*
 * edit_test.c: what handlers can do to rows, what is refused, and what cannot be overlooked.
 */
#include "model/edit.h"

#include <check.h>
#include <string.h>

#include "model/fixture.h"
#include "store/store.h"
#include "util/suite.h"

static struct fixture bank;
static struct skafu__views *views;
static struct skafu__viewmark mark;
static skafu_edit edit;

static void begin(void)
{
	fixture_open(&bank);
	ck_assert_int_eq(skafu__viewenv_of(bank.store, 0, &views, &bank.error), 0);
	skafu__viewmark_init(&mark, &bank.store->sys);
	skafu__edit_init(&edit, &bank.store->sys, 1 << 16, bank.store->format.hash_key);
	edit.projection = "p";
	ck_assert_int_eq(skafu__edit_begin(&edit, views, 1, &mark, &bank.error), 0);
	edit.phase = SKAFU__EDIT_ROWS;
}

static void end(void)
{
	skafu__edit_done(&edit);
	skafu__viewmark_done(&mark);
	fixture_close(&bank);
}

static int64_t count_of(const char *key)
{
	const void *value;
	size_t length;
	int64_t count;

	if (skafu_edit_get(&edit, NULL, key, strlen(key), &value, &length, NULL) != 1)
		return -1;
	ck_assert_int_eq(skafu_count_value(value, length, &count, NULL), 0);
	return count;
}

START_TEST(rows_of_a_batch)
{
	const void *value;
	size_t length;

	ck_assert_int_eq(skafu_edit_get(&edit, "t", "k", 1, &value, &length, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_put(&edit, "t", "k", 1, "abc", 3, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_get(&edit, "t", "k", 1, &value, &length, &bank.error), 1);
	ck_assert_uint_eq(length, 3);
	ck_assert_int_eq(skafu_edit_get(&edit, NULL, "k", 1, &value, &length, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_put(&edit, "t", "k", 1, NULL, 0, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_get(&edit, "t", "k", 1, &value, &length, &bank.error), 1);
	ck_assert_uint_eq(length, 0);
	ck_assert_int_eq(skafu_edit_delete(&edit, "t", "k", 1, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_delete(&edit, "t", "never", 5, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_get(&edit, "t", "k", 1, &value, &length, &bank.error), 0);
	ck_assert_int_eq(edit.failed, 0);
}
END_TEST

/* A value that was lent may be what the next call puts under another key. */
START_TEST(a_lent_value_is_put)
{
	char large[3000];
	const void *value;
	size_t length;

	memset(large, 'x', sizeof large);
	ck_assert_int_eq(skafu_edit_put(&edit, NULL, "from", 4, large, sizeof large, &bank.error), 0);
	for (char key[3] = "00"; key[1] < '9'; key[1]++) {
		ck_assert_int_eq(skafu_edit_get(&edit, NULL, "from", 4, &value, &length, &bank.error), 1);
		ck_assert_int_eq(skafu_edit_put(&edit, NULL, key, 2, value, length, &bank.error), 0);
		ck_assert_int_eq(skafu_edit_get(&edit, NULL, key, 2, &value, &length, &bank.error), 1);
		ck_assert_uint_eq(length, sizeof large);
		ck_assert_int_eq(memcmp(value, large, sizeof large), 0);
	}
}
END_TEST

START_TEST(counts)
{
	ck_assert_int_eq(skafu_edit_count(&edit, NULL, "a", 1, 5, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_count(&edit, NULL, "a", 1, -3, &bank.error), 0);
	ck_assert_int_eq(count_of("a"), 2);
	ck_assert_int_eq(skafu_edit_count(&edit, NULL, "a", 1, INT64_MAX, &bank.error), SKAFU_ELIMIT);
	ck_assert_int_eq(count_of("a"), 2);
	ck_assert_int_eq(skafu_edit_put(&edit, NULL, "b", 1, "abc", 3, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_count(&edit, NULL, "b", 1, 1, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_count_value(NULL, 8, &(int64_t){0}, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_count_value("12345678", 8, NULL, &bank.error), SKAFU_EINVAL);
}
END_TEST

START_TEST(refusals)
{
	char long_key[256] = {0};
	const void *value;
	size_t length;

	ck_assert_int_eq(skafu_edit_put(NULL, NULL, "a", 1, "v", 1, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_edit_put(&edit, NULL, NULL, 1, "v", 1, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_edit_put(&edit, NULL, "a", 0, "v", 1, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_edit_put(&edit, NULL, long_key, 256, "v", 1, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_edit_put(&edit, NULL, long_key, 255, "v", 1, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_put(&edit, NULL, "a", 1, NULL, 1, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_edit_put(&edit, "", "a", 1, "v", 1, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_edit_get(&edit, NULL, "a", 1, NULL, &length, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_edit_key(&edit, "a", 1, &bank.error), SKAFU_EMISUSE);
	edit.phase = SKAFU__EDIT_KEYS;
	ck_assert_int_eq(skafu_edit_get(&edit, NULL, "a", 1, &value, &length, &bank.error), SKAFU_EMISUSE);
	ck_assert_int_eq(skafu_edit_key(&edit, "a", 1, &bank.error), 0);
	edit.phase = SKAFU__EDIT_CLOSED;
	ck_assert_int_eq(skafu_edit_put(&edit, NULL, "a", 1, "v", 1, &bank.error), SKAFU_EMISUSE);
	ck_assert_int_eq(edit.failed, 0);
}
END_TEST

/* A handler that does not look at what a call answers cannot lose a change. */
START_TEST(a_full_set_is_remembered)
{
	static const char large[1 << 15];

	ck_assert_int_eq(skafu_edit_put(&edit, NULL, "a", 1, large, sizeof large, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_put(&edit, NULL, "b", 1, large, sizeof large, &bank.error), SKAFU_ELIMIT);
	ck_assert_int_eq(edit.failed, SKAFU_ELIMIT);
	ck_assert_int_eq(edit.library, 0);
	ck_assert_ptr_nonnull(strstr(edit.why.message, "edit_bytes_max"));
}
END_TEST

START_TEST(too_many_tables)
{
	char table[8] = "t000";
	int32_t rc = 0;

	for (int i = 0; i < 256 && rc == 0; i++) {
		table[1] = (char)('0' + i / 100);
		table[2] = (char)('0' + i / 10 % 10);
		table[3] = (char)('0' + i % 10);
		rc = skafu_edit_put(&edit, table, "a", 1, "v", 1, &bank.error);
	}
	ck_assert_int_eq(rc, SKAFU_ELIMIT);
	ck_assert_uint_eq(edit.mark.table_count, SKAFU__VIEW_TABLES_MAX);
}
END_TEST

START_TEST(effects_have_stable_keys)
{
	uint8_t id[16] = {1}, first[16], next[16];
	skafu_record event = {.size = sizeof event, .id = id, .sequence = 5};

	ck_assert_int_eq(skafu_edit_effect(&edit, &event, "mail", first, &bank.error), 1);
	ck_assert_int_eq(skafu_edit_effect(&edit, &event, "mail", next, &bank.error), 1);
	ck_assert_int_eq(memcmp(first, next, 16), 0);
	ck_assert_int_eq(skafu_edit_effect(&edit, &event, "page", next, &bank.error), 1);
	ck_assert_int_ne(memcmp(first, next, 16), 0);
	event.reserved = 1; /* another event that an upcaster made of the same record */
	ck_assert_int_eq(skafu_edit_effect(&edit, &event, "mail", next, &bank.error), 1);
	ck_assert_int_ne(memcmp(first, next, 16), 0);
	edit.muted_to = 5;
	ck_assert_int_eq(skafu_edit_effect(&edit, &event, "mail", next, &bank.error), 0);
	ck_assert_int_eq(skafu_edit_effect(&edit, &event, NULL, next, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_edit_effect(&edit, NULL, "mail", next, &bank.error), SKAFU_EINVAL);
}
END_TEST

/* Rows are found some keys later than they are named: every event is in its chains, once and in order. */
START_TEST(keys_chain_their_events)
{
	enum { EVENTS = 200, KEYS = 13 };
	uint32_t seen = 0;

	skafu__edit_begin_keys(&edit);
	edit.phase = SKAFU__EDIT_KEYS;
	for (uint32_t i = 0; i < EVENTS; i++) {
		uint8_t keys[3] = {(uint8_t)(i % KEYS), (uint8_t)(i % 5), (uint8_t)(i % KEYS)};

		edit.event = i;
		for (int k = 0; k < 3; k++)
			ck_assert_int_eq(skafu_edit_key(&edit, &keys[k], 1, &bank.error), 0);
	}
	edit.phase = SKAFU__EDIT_CLOSED;
	ck_assert_int_eq(skafu__edit_end_keys(&edit, &bank.error), 0);
	ck_assert_uint_eq(edit.touched.length, KEYS * sizeof(uint32_t));
	for (uint32_t row = 0; row < KEYS; row++) {
		const struct skafu__editlink *links = (const void *)edit.links.bytes;
		uint32_t at = edit.set.rows[row].first, event = 0;
		size_t length;
		const uint8_t *name = skafu__editset_name(&edit.set, row, &length);

		ck_assert_uint_eq(length, 2);
		for (; event < EVENTS; event++) {
			if (event % KEYS != name[1] && event % 5 != name[1])
				continue;
			ck_assert_uint_ne(at, 0);
			ck_assert_uint_eq(links[at].event, event);
			at = links[at].next;
			seen++;
		}
		ck_assert_uint_eq(at, 0);
	}
	ck_assert_uint_ge(seen, EVENTS);
}
END_TEST

/* Which key of many there is no room for is told at the latest after the last one. */
START_TEST(keys_without_room_are_remembered)
{
	uint32_t key = 0;

	skafu__edit_begin_keys(&edit);
	edit.phase = SKAFU__EDIT_KEYS;
	for (; edit.failed == 0 && key < 1 << 16; key++)
		skafu_edit_key(&edit, &key, sizeof key, &bank.error);
	edit.phase = SKAFU__EDIT_CLOSED;
	skafu__edit_end_keys(&edit, &bank.error);
	ck_assert_int_eq(edit.failed, SKAFU_ELIMIT);
	ck_assert_uint_lt(key, 1 << 15);
	ck_assert_uint_le(skafu__editset_bytes(&edit.set), 1 << 16);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("edit");
	TCase *tests = tcase_create("edit");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, rows_of_a_batch);
	tcase_add_test(tests, a_lent_value_is_put);
	tcase_add_test(tests, counts);
	tcase_add_test(tests, refusals);
	tcase_add_test(tests, a_full_set_is_remembered);
	tcase_add_test(tests, too_many_tables);
	tcase_add_test(tests, keys_chain_their_events);
	tcase_add_test(tests, keys_without_room_are_remembered);
	tcase_add_test(tests, effects_have_stable_keys);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

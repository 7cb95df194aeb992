/*
 * deadletter_test.c: letters and markers as rows: what is written is read back, hostile rows are refused, and a
 * marker that somebody else changed refuses the commit.
 */
#include "run/deadletter.h"

#include <string.h>

#include "base/trouble.h"
#include "run/kit.h"

static skafu_store *store;
static const struct skafu__sys *sys;

static void setup(void)
{
	store = memory_store();
	sys = skafu__sys_current();
}

static void teardown(void)
{
	skafu_store_close(store);
}

static struct skafu__deadletter letter_of(const char *consumer, const char *key, uint64_t sequence)
{
	struct skafu__deadletter letter = {
		.attempts = 5, .code = SKAFU_EHOST, .sequence = sequence, .first_ns = -7, .last_ns = 9,
		.consumer = consumer, .partition_key = key, .type = "Ordered", .correlation = "c-1",
		.message = "no stock"};
	skafu__deadletter_key(consumer, key, sequence, letter.key);
	return letter;
}

static void put(const char *consumer, const char *key, uint64_t sequence)
{
	const struct skafu__deadletter letter = letter_of(consumer, key, sequence);
	skafu_batch *batch = batch_of(store);
	went(skafu__deadletter_put(batch, sys, &letter, fault));
	appended_by(store, batch);
}

static uint64_t count_of(const char *consumer)
{
	uint64_t count = 0;
	went(skafu__deadletter_count(store, consumer, &count, fault));
	return count;
}

START_TEST(a_letter_is_read_back)
{
	const skafu_row *row = NULL;
	skafu_rows *rows = NULL;
	struct skafu__deadletter letter;
	put("mail", "order-1", 77);
	went(skafu_rows_open(store, skafu__deadletter_table, NULL, SKAFU_NO_LIMIT, &rows, fault));
	ck_assert_int_eq(skafu_rows_next(rows, &row, fault), 1);
	went(skafu__deadletter_decode(row, &letter, fault));
	ck_assert_uint_eq(letter.attempts, 5);
	ck_assert_int_eq(letter.code, SKAFU_EHOST);
	ck_assert_uint_eq(letter.sequence, 77);
	ck_assert_int_eq(letter.first_ns, -7);
	ck_assert_int_eq(letter.last_ns, 9);
	ck_assert_uint_eq(letter.is_parked_behind, 0);
	ck_assert_str_eq(letter.consumer, "mail");
	ck_assert_str_eq(letter.partition_key, "order-1");
	ck_assert_str_eq(letter.type, "Ordered");
	ck_assert_str_eq(letter.correlation, "c-1");
	ck_assert_str_eq(letter.message, "no stock");
	skafu_rows_free(rows);
}
END_TEST

START_TEST(letters_of_a_key_lie_in_the_order_of_the_log)
{
	const uint64_t sequences[] = {300, 2, 256, 1};
	const skafu_row *row;
	skafu_rows *rows = NULL;
	uint64_t last = 0;
	for (size_t i = 0; i < 4; i++)
		put("mail", "order-1", sequences[i]);
	went(skafu_rows_open(store, skafu__deadletter_table, NULL, SKAFU_NO_LIMIT, &rows, fault));
	while (skafu_rows_next(rows, &row, fault) == 1) {
		struct skafu__deadletter letter;
		went(skafu__deadletter_decode(row, &letter, fault));
		ck_assert_uint_gt(letter.sequence, last);
		last = letter.sequence;
	}
	ck_assert_uint_eq(last, 300);
	skafu_rows_free(rows);
}
END_TEST

START_TEST(letters_are_counted_by_consumer)
{
	put("mail", "a", 1);
	put("mail", "b", 2);
	put("mail", "b", 2);
	put("stock", "a", 1);
	ck_assert_uint_eq(count_of("mail"), 2);
	ck_assert_uint_eq(count_of("stock"), 1);
	ck_assert_uint_eq(count_of("nobody"), 0);
}
END_TEST

/* Each beginning of a letter is refused, and so are a wrong key, form or end. */
START_TEST(hostile_letters_are_refused)
{
	uint8_t value[200], key[SKAFU__DEADLETTER_KEY_BYTES] = {0};
	const skafu_row *row = NULL;
	skafu_rows *rows = NULL;
	struct skafu__deadletter letter;
	put("mail", "order-1", 77);
	went(skafu_rows_open(store, skafu__deadletter_table, NULL, SKAFU_NO_LIMIT, &rows, fault));
	ck_assert_int_eq(skafu_rows_next(rows, &row, fault), 1);
	size_t length = row->value_length;
	ck_assert_uint_lt(length, sizeof value);
	memcpy(value, row->value, length);
	skafu_row hostile = {.size = sizeof hostile, .key = key, .key_length = sizeof key, .value = value};
	for (size_t cut = 0; cut < length; cut++) {
		hostile.value_length = cut;
		refused(SKAFU_EDAMAGED, skafu__deadletter_decode(&hostile, &letter, fault));
	}
	hostile.value_length = length;
	hostile.key_length = 5;
	refused(SKAFU_EDAMAGED, skafu__deadletter_decode(&hostile, &letter, fault));
	hostile.key_length = sizeof key;
	value[length - 1] = 'x';
	refused(SKAFU_EDAMAGED, skafu__deadletter_decode(&hostile, &letter, fault));
	value[length - 1] = 0;
	value[0] = 2;
	refused(SKAFU_EDAMAGED, skafu__deadletter_decode(&hostile, &letter, fault));
	skafu_rows_free(rows);
}
END_TEST

/* ---- markers ---- */

static int32_t mark(const struct skafu__parked *parked, uint64_t count, uint32_t goes_on)
{
	uint8_t key[SKAFU__DEADLETTER_KEY_BYTES];
	skafu_batch *batch = batch_of(store);
	skafu__deadletter_key("mail", "order-1", 0, key);
	int32_t rc = skafu__parked_change(batch, key, parked, "mail", count, goes_on, fault);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault);
	skafu_batch_free(batch);
	return rc;
}

static int32_t look(struct skafu__parked *out)
{
	uint8_t key[SKAFU__DEADLETTER_KEY_BYTES];
	skafu__deadletter_key("mail", "order-1", 0, key);
	return skafu__parked_get(store, key, out, fault);
}

START_TEST(a_marker_counts_and_goes)
{
	struct skafu__parked none, parked;
	ck_assert_int_eq(look(&none), 0);
	went(mark(&none, 1, 0));
	ck_assert_int_eq(look(&parked), 1);
	ck_assert_uint_eq(parked.count, 1);
	ck_assert_uint_eq(parked.goes_on, 0);
	went(mark(&parked, 2, 1));
	refused(SKAFU_EROW, mark(&parked, 3, 0)); /* somebody changed it meanwhile */
	refused(SKAFU_EROW, mark(&none, 1, 0));
	skafu__parked_done(&parked);
	ck_assert_int_eq(look(&parked), 1);
	ck_assert_uint_eq(parked.count, 2);
	ck_assert_uint_eq(parked.goes_on, 1);
	went(mark(&parked, 0, 0));
	skafu__parked_done(&parked);
	ck_assert_int_eq(look(&parked), 0);
}
END_TEST

START_TEST(hostile_markers_are_refused)
{
	static const uint8_t values[][12] = {{1, 0}, {9, 0, 1}, {1, 0, 0}};
	static const size_t lengths[] = {2, 11, 11};
	uint8_t key[SKAFU__DEADLETTER_KEY_BYTES];
	struct skafu__parked parked;
	skafu__deadletter_key("mail", "order-1", 0, key);
	for (size_t i = 0; i < 3; i++) {
		skafu_batch *batch = batch_of(store);
		went(skafu_batch_put_row(batch, skafu__parked_table, key, SKAFU__PARKED_KEY_BYTES, values[i],
					 lengths[i], fault));
		appended_by(store, batch);
		refused(SKAFU_EDAMAGED, look(&parked));
	}
}
END_TEST

static int32_t refuse(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)turn;
	(void)error;
	return SKAFU_EHOST;
}

/* Handled again after a rewind, with a look at the log that fails somewhere: one letter is one. */
START_TEST(a_look_that_fails_counts_no_letter_twice)
{
	static const char *const ordered[] = {"Ordered"};
	const skafu_source source = kit_source(ordered, 1);
	const skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 1, .then = SKAFU_THEN_PARK_KEY};
	uint8_t key[SKAFU__DEADLETTER_KEY_BYTES];
	struct skafu__parked parked;
	struct kit kit;

	trouble_put();
	kit_open(&kit);
	kit_add_reaction(&kit, "refuse", &source, &retry, refuse);
	kit_order(&kit, "k");
	kit_run(&kit);
	skafu__deadletter_key("refuse", "k", 0, key);
	for (long i = 0; i < 60; i++) {
		went(skafu_consumer_rewind(kit.model, "refuse", 0, fault));
		trouble_set(TROUBLE_READ, i);
		skafu_engine_step(kit.engine, 100, fault);
		trouble_set(TROUBLE_READ, -1);
		kit_run(&kit);
		ck_assert_int_eq(skafu__parked_get(kit.store, key, &parked, fault), 1);
		ck_assert_uint_eq(parked.count, 1);
		skafu__parked_done(&parked);
	}
	kit_close(&kit);
	trouble_remove();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_letter_is_read_back);
	tcase_add_test(tests, letters_of_a_key_lie_in_the_order_of_the_log);
	tcase_add_test(tests, letters_are_counted_by_consumer);
	tcase_add_test(tests, hostile_letters_are_refused);
	tcase_add_test(tests, a_marker_counts_and_goes);
	tcase_add_test(tests, hostile_markers_are_refused);
	tcase_add_test(tests, a_look_that_fails_counts_no_letter_twice);
}

int main(void)
{
	return tempstore_main("deadletter", add);
}

/*
 * checkpoint_test.c: the rows of consumers: there and back, and bytes that mean nothing.
 */
#include "run/checkpoint.h"

#include <check.h>
#include <string.h>

#include "store/tempstore.h"

static struct skafu__consumer_row a_row(void)
{
	struct skafu__consumer_row row = {.kind = SKAFU_CONSUMER_KIND_REACTION, .state = SKAFU_CONSUMER_HALTED,
					  .partition_by = SKAFU_PARTITION_TAG, .partitions = 1024,
					  .start = UINT64_MAX - 1, .generation = 77, .halt_sequence = 5,
					  .halt_code = SKAFU_EHOST};

	memset(row.domain, 'd', 255);
	memset(row.partition_tag, 't', 255);
	memset(row.message, 'm', SKAFU__CONSUMER_MESSAGE_BYTES_MAX);
	return row;
}

START_TEST(rows_there_and_back)
{
	skafu_store *store = memory_store();
	skafu_batch *batch = batch_of(store);
	struct skafu__consumer_row row = a_row();
	struct skafu__consumer_row back;
	struct skafu__consumer_bytes bytes;
	struct skafu__consumer_bytes absent = {0};

	ck_assert_int_eq(skafu__consumer_row_get(store, "c", &back, &bytes, fault), 0);
	ck_assert_uint_eq(bytes.length, 0);
	went(skafu__consumer_row_expect(batch, "c", &absent, fault));
	went(skafu__consumer_row_put(batch, "c", &row, fault));
	appended_by(store, batch);
	ck_assert_int_eq(skafu__consumer_row_get(store, "c", &back, &bytes, fault), 1);
	ck_assert_int_eq(memcmp(&row, &back, sizeof row), 0);
	batch = batch_of(store);
	went(skafu__consumer_row_expect(batch, "c", &bytes, fault));
	went(skafu__consumer_row_delete(batch, "c", fault));
	appended_by(store, batch);
	ck_assert_int_eq(skafu__consumer_row_get(store, "c", &back, NULL, fault), 0);
	skafu_store_close(store);
}
END_TEST

START_TEST(checkpoints_there_and_back)
{
	skafu_store *store = memory_store();
	skafu_batch *batch = batch_of(store);
	struct skafu__checkpoint none = {0};
	struct skafu__checkpoint some = {1, 0, 5, UINT64_MAX};
	struct skafu__checkpoint back;

	ck_assert_int_eq(skafu__checkpoint_get(store, "c", 300, &back, fault), 0);
	went(skafu__checkpoint_expect(batch, "c", 300, &none, fault));
	went(skafu__checkpoint_put(batch, "c", 300, &some, fault));
	appended_by(store, batch);
	ck_assert_int_eq(skafu__checkpoint_get(store, "c", 300, &back, fault), 1);
	ck_assert_int_eq(memcmp(&some, &back, sizeof back), 0);
	ck_assert_int_eq(skafu__checkpoint_get(store, "c", 299, &back, fault), 0);
	batch = batch_of(store);
	some.mark--;
	went(skafu__checkpoint_expect(batch, "c", 300, &some, fault));
	went(skafu__checkpoint_delete(batch, "c", 300, fault));
	refused(SKAFU_EROW, skafu_append(store, batch, 0, NULL, fault));
	skafu_batch_free(batch);
	skafu_store_close(store);
}
END_TEST

/* Whatever the bytes, an answer; and only whole rows are rows. */
START_TEST(bytes_of_strangers)
{
	struct skafu__consumer_row row = a_row();
	struct skafu__consumer_bytes bytes;

	skafu__consumer_row_encode(&row, &bytes);
	for (uint32_t length = 0; length < bytes.length; length++)
		ck_assert_int_lt(skafu__consumer_row_decode(bytes.bytes, length, &row, fault), 0);
	went(skafu__consumer_row_decode(bytes.bytes, bytes.length, &row, fault));
	for (uint32_t at = 0; at < 40; at++) {
		struct skafu__consumer_bytes changed = bytes;
		for (int value = 0; value < 256; value++) {
			changed.bytes[at] = (uint8_t)value;
			skafu__consumer_row_decode(changed.bytes, changed.length, &row, fault);
		}
	}
	bytes.bytes[0] = 2;
	refused(SKAFU_ENEWER, skafu__consumer_row_decode(bytes.bytes, bytes.length, &row, fault));
}
END_TEST

START_TEST(checkpoints_of_strangers)
{
	skafu_store *store = memory_store();
	skafu_batch *batch = batch_of(store);
	struct skafu__checkpoint back;

	went(skafu_batch_put_row(batch, skafu__checkpoint_table, "a\0\0\0", 4, "\2abc", 4, fault));
	went(skafu_batch_put_row(batch, skafu__checkpoint_table, "a\0\0\1", 4, "\1", 1, fault));
	appended_by(store, batch);
	refused(SKAFU_ENEWER, skafu__checkpoint_get(store, "a", 0, &back, fault));
	refused(SKAFU_EDAMAGED, skafu__checkpoint_get(store, "a", 1, &back, fault));
	skafu_store_close(store);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, rows_there_and_back);
	tcase_add_test(tests, checkpoints_there_and_back);
	tcase_add_test(tests, bytes_of_strangers);
	tcase_add_test(tests, checkpoints_of_strangers);
}

int main(void)
{
	return tempstore_main("checkpoint", add);
}

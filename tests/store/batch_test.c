/*
 * batch_test.c: filling batches: every refusal leaves the batch as it was; ids; limits; reuse.
 */
#include "store/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "store/tempstore.h"

static skafu_store *store;
static skafu_batch *batch;

static void make(void)
{
	store = memory_store();
	batch = batch_of(store);
}

static void drop(void)
{
	skafu_batch_free(batch);
	skafu_store_close(store);
}

/* Refused, and nothing has changed. */
static void add_refused(int32_t code, const skafu_new_record *record, int line)
{
	uint32_t names = batch->names.count;
	size_t texts = batch->names.texts.length;
	size_t bytes = batch->records.length;
	uint32_t count = skafu_batch_count(batch);

	skafu_error_clear(fault);
	tempstore_refused(code, skafu_batch_add(batch, record, fault), "skafu_batch_add", line);
	ck_assert(batch->names.count == names && batch->names.texts.length == texts);
	ck_assert_uint_eq(batch->records.length, bytes);
	ck_assert_uint_eq(skafu_batch_count(batch), count);
}

#define bad(code, ...) \
	do { \
		skafu_new_record record = event_of("stream", "Type"); \
		__VA_ARGS__; \
		add_refused(code, &record, __LINE__); \
	} while (0)

START_TEST(bad_records_are_refused)
{
	static const char *const bad_tags[] = {"good", "b\xc3"};
	static const char *const null_tags[] = {"good", NULL};
	static const uint8_t nil[16];
	char longest[260];

	memset(longest, 'x', sizeof longest);
	longest[256] = 0;
	add_event(batch, "stream", "Type", NULL);
	bad(SKAFU_EINVAL, record.stream = NULL);
	bad(SKAFU_EINVAL, record.stream = "");
	bad(SKAFU_EINVAL, record.type = NULL);
	bad(SKAFU_EINVAL, record.type = "");
	bad(SKAFU_EINVAL, record.source = "");
	bad(SKAFU_EINVAL, record.content_type = "");
	bad(SKAFU_EINVAL, record.correlation = "");
	bad(SKAFU_EUTF8, record.stream = "\xed\xa0\x80");
	bad(SKAFU_EUTF8, record.type = "a\x80");
	bad(SKAFU_EUTF8, record.source = "\xc0\xaf");
	bad(SKAFU_EUTF8, record.stream = "a\tb");
	bad(SKAFU_EUTF8, record.correlation = "\x7f");
	bad(SKAFU_ELIMIT, record.stream = longest);
	bad(SKAFU_ELIMIT, record.type = longest);
	bad(SKAFU_ELIMIT, record.source = longest);
	bad(SKAFU_ELIMIT, record.content_type = longest);
	bad(SKAFU_ELIMIT, record.correlation = longest + 256 - 129);
	bad(SKAFU_EUTF8, record.tags = bad_tags; record.tag_count = 2);
	bad(SKAFU_EINVAL, record.tags = null_tags; record.tag_count = 2);
	bad(SKAFU_EINVAL, record.tag_count = 1);
	bad(SKAFU_ELIMIT, record.tags = bad_tags; record.tag_count = 33);
	bad(SKAFU_ELIMIT, record.tags = bad_tags; record.tag_count = SIZE_MAX);
	bad(SKAFU_EINVAL, record.kind = 5);
	bad(SKAFU_EINVAL, record.kind = UINT32_MAX);
	bad(SKAFU_EINVAL, record.severity = SKAFU_SEVERITY_ERROR);
	bad(SKAFU_EINVAL, record.kind = SKAFU_KIND_ERROR; record.severity = 4);
	bad(SKAFU_EINVAL, record.hops = 256);
	bad(SKAFU_EINVAL, record.id = nil);
	bad(SKAFU_EOPTION, record.flags = 2);
	bad(SKAFU_EOPTION, record.flags = SKAFU_RECORD_TIME | 0x80000000u);
	bad(SKAFU_EOPTION, record.size = 0);
	bad(SKAFU_EOPTION, record.size = 3);
	refused(SKAFU_EINVAL, skafu_batch_add(batch, NULL, fault));
	refused(SKAFU_EINVAL, skafu_batch_add(NULL, NULL, fault));
}
END_TEST

START_TEST(bad_payloads_are_refused)
{
	static const char *const texts[] = {"{", "{\"a\":1,\"a\":2}", "nul", "[1,]", "\"\xff\"", "{} x", "01"};
	char *large = malloc((1u << 20) + 1);

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		bad(SKAFU_EJSON, record.data = texts[i]; record.data_length = strlen(texts[i]));
	bad(SKAFU_EJSON, record.metadata = "{"; record.metadata_length = 1);
	bad(SKAFU_EJSON, record.metadata = "[]"; record.metadata_length = 2);
	message_names("not an object");
	bad(SKAFU_EJSON, record.content_type = "text/plain"; record.metadata = "x"; record.metadata_length = 1);
	bad(SKAFU_EINVAL, record.data_length = 5);
	bad(SKAFU_EINVAL, record.metadata_length = 5);
	ck_assert_ptr_nonnull(large);
	memset(large, ' ', (1u << 20) + 1);
	memcpy(large, "{}", 2);
	bad(SKAFU_ELIMIT, record.data = large; record.data_length = (1u << 20) + 1);
	bad(SKAFU_ELIMIT, record.metadata = large; record.metadata_length = (1u << 20) + 1);
	bad(SKAFU_ELIMIT, record.data = large; record.data_length = SIZE_MAX);
	ck_assert_uint_eq(skafu_batch_count(batch), 0);
	free(large);
}
END_TEST

START_TEST(the_largest_is_taken)
{
	skafu_new_record record = event_of(NULL, NULL);
	const char *tags[32];
	char longest[256];
	uint8_t *large = calloc(1, 1u << 20);

	ck_assert_ptr_nonnull(large);
	memset(longest, 'x', 255);
	longest[255] = 0;
	for (uint32_t i = 0; i < 32; i++)
		tags[i] = longest;
	record.stream = record.type = record.source = longest;
	record.correlation = longest + 255 - 128;
	record.content_type = "a/b";
	record.tags = tags;
	record.tag_count = 32;
	record.data = large;
	record.data_length = 1u << 20;
	record.hops = 255;
	went(skafu_batch_add(batch, &record, fault));
	ck_assert_uint_eq(skafu_batch_count(batch), 1);
	free(large);
}
END_TEST

START_TEST(the_batch_has_a_limit)
{
	skafu_new_record record = event_of("s", "T");
	uint8_t *large = calloc(1, 1u << 20);
	int32_t rc = 0;
	uint32_t count = 0;

	ck_assert_ptr_nonnull(large);
	record.content_type = "a/b";
	record.data = large;
	record.data_length = 1u << 20;
	for (; rc == 0 && count < 20; count++)
		rc = skafu_batch_add(batch, &record, fault);
	ck_assert_int_eq(rc, SKAFU_ELIMIT);
	ck_assert_uint_eq(count, 16);
	message_names("16777216");
	record.data_length = 1;
	went(skafu_batch_add(batch, &record, fault)); /* what still fits goes in */
	ck_assert_uint_eq(skafu_batch_count(batch), 16);
	free(large);
}
END_TEST

START_TEST(rows_are_checked)
{
	char key[256];
	char *large = calloc(1, (1u << 20) + 1);

	memset(key, 'k', sizeof key);
	refused(SKAFU_EINVAL, skafu_batch_put_row(batch, "t", NULL, 1, "v", 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_put_row(batch, "t", key, 0, "v", 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_put_row(batch, "t", key, 256, "v", 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_put_row(batch, NULL, key, 1, "v", 1, fault));
	refused(SKAFU_EUTF8, skafu_batch_put_row(batch, "\xff", key, 1, "v", 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_put_row(batch, "t", key, 1, NULL, 1, fault));
	refused(SKAFU_ELIMIT, skafu_batch_put_row(batch, "t", key, 1, large, (1u << 20) + 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_delete_row(batch, "t", key, 256, fault));
	refused(SKAFU_EINVAL, skafu_batch_delete_row(batch, "t", NULL, 3, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_row(batch, "t", key, 0, "v", 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_no_row(batch, "", key, 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_put_row(NULL, "t", key, 1, "v", 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_delete_row(NULL, "t", key, 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_row(NULL, "t", key, 1, "v", 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_no_row(NULL, "t", key, 1, fault));
	ck_assert(batch->row_count == 0 && batch->condition_count == 0 && batch->names.count == 0);
	went(skafu_batch_put_row(batch, "t", key, 255, large, 1u << 20, fault));
	went(skafu_batch_put_row(batch, "t", "\0", 1, NULL, 0, fault));
	ck_assert_uint_eq(batch->row_count, 2);
	free(large);
}
END_TEST

START_TEST(conditions_are_checked)
{
	skafu_query *query = query_of("T");

	refused(SKAFU_EINVAL, skafu_batch_expect_stream(batch, "s", 0, 0, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_stream(batch, "s", 5, 0, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_stream(batch, "s", SKAFU_EXPECT_NONE, 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_stream(batch, "s", SKAFU_EXPECT_EXISTS, 1, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_stream(batch, NULL, SKAFU_EXPECT_NONE, 0, fault));
	refused(SKAFU_EUTF8, skafu_batch_expect_stream(batch, "\x80", SKAFU_EXPECT_NONE, 0, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_stream(NULL, "s", SKAFU_EXPECT_NONE, 0, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_no_match(batch, NULL, 0, fault));
	refused(SKAFU_EINVAL, skafu_batch_expect_no_match(NULL, query, 0, fault));
	ck_assert_uint_eq(batch->condition_count, 0);
	went(skafu_batch_expect_no_match(batch, query, 0, fault));
	skafu_query_free(query); /* it was copied */
	for (uint32_t i = 1; i < SKAFU__BATCH_CONDITIONS_MAX; i++)
		went(skafu_batch_expect_stream(batch, "s", SKAFU_EXPECT_ANY, 0, fault));
	refused(SKAFU_ELIMIT, skafu_batch_expect_stream(batch, "s", SKAFU_EXPECT_ANY, 0, fault));
}
END_TEST

START_TEST(ids_are_those_given_or_new)
{
	static const uint8_t given[16] = {1, 2};
	static const uint8_t nil[16];
	skafu_new_record record = event_of("s", "T");
	uint8_t id[16];
	uint8_t again[16];

	record.id = given;
	went(skafu_batch_add(batch, &record, fault));
	add_refused(SKAFU_EDUPLICATE, &record, __LINE__);
	record.id = NULL;
	went(skafu_batch_add(batch, &record, fault));
	went(skafu_batch_record_id(batch, 0, id));
	ck_assert_mem_eq(id, given, 16);
	went(skafu_batch_record_id(batch, 1, id));
	ck_assert_uint_eq(id[6] >> 4, 7);
	ck_assert_int_eq(skafu_batch_record_id(batch, 2, id), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_batch_record_id(NULL, 0, id), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_batch_record_id(batch, 0, NULL), SKAFU_EINVAL);
	refused(SKAFU_EINVAL, skafu_batch_set_id(batch, NULL, fault));
	refused(SKAFU_EINVAL, skafu_batch_set_id(batch, nil, fault));
	refused(SKAFU_EINVAL, skafu_batch_set_id(NULL, given, fault));
	refused(SKAFU_EINVAL, skafu_batch_id(batch, NULL, fault));
	refused(SKAFU_EINVAL, skafu_batch_id(NULL, id, fault));
	went(skafu_batch_id(batch, id, fault));
	went(skafu_batch_id(batch, again, fault));
	ck_assert_mem_eq(id, again, 16);
	went(skafu_batch_set_id(batch, given, fault));
	went(skafu_batch_id(batch, id, fault));
	ck_assert_mem_eq(id, given, 16);
}
END_TEST

START_TEST(an_id_that_was_handed_out_stands_in_the_batch_once)
{
	skafu_new_record record = event_of("s", "T");
	uint8_t id[16];

	went(skafu_batch_add(batch, &record, fault));
	went(skafu_batch_record_id(batch, 0, id));
	record.id = id;
	add_refused(SKAFU_EDUPLICATE, &record, __LINE__);
	skafu_batch_clear(batch); /* nobody asks for it any more */
	went(skafu_batch_add(batch, &record, fault));
}
END_TEST

static void derived(const uint8_t (*ids)[16], uint32_t count, uint8_t out[16])
{
	skafu_batch *other = batch_of(store);

	for (uint32_t i = 0; i < count; i++) {
		skafu_new_record record = event_of("s", "T");

		record.id = ids[i];
		went(skafu_batch_add(other, &record, fault));
	}
	went(skafu_batch_id(other, out, fault));
	skafu_batch_free(other);
}

START_TEST(a_commit_id_is_derived_from_all_record_ids)
{
	static const uint8_t ids[2][16] = {{1}, {2}};
	static const uint8_t swapped[2][16] = {{2}, {1}};
	uint8_t a[16];
	uint8_t b[16];

	derived(ids, 2, a);
	derived(ids, 2, b);
	ck_assert_mem_eq(a, b, 16);
	ck_assert_uint_eq(a[6] >> 4, 8);
	derived(swapped, 2, b);
	ck_assert_mem_ne(a, b, 16);
	derived(ids, 1, b);
	ck_assert_mem_ne(a, b, 16);
}
END_TEST

static const char *name_at(const uint8_t *bytes, uint8_t set)
{
	uint32_t index = skafu__load_u32(bytes) & ~SKAFU__NAME_IS_LOCAL;

	ck_assert_uint_eq(batch->names.list[index].set, set);
	return skafu__batch_name_text(batch, index);
}

START_TEST(a_type_has_one_domain)
{
	skafu_new_record record = event_of("s", "Sold");

	record.source = "shop";
	went(skafu_batch_add(batch, &record, fault));
	record.source = "bank";
	add_refused(SKAFU_EDEFINITION, &record, __LINE__);
	message_names("shop");
	message_names("bank");
	record.type = "Paid";
	went(skafu_batch_add(batch, &record, fault));
	record.kind = SKAFU_KIND_ERROR; /* anybody may report an error about it */
	record.type = "Sold";
	went(skafu_batch_add(batch, &record, fault));
}
END_TEST

/* Names of the same first, middle and last byte and length share a place among those used lately, as may all others;
 * and one text may be a type, a domain and a content type. */
START_TEST(every_record_has_its_own_names)
{
	char names[400][8];
	uint8_t *bytes;

	for (unsigned i = 0; i < 400; i++)
		snprintf(names[i], sizeof names[i], i % 2 ? "a%03uz" : "t%03u", i % 20 * 37 + i / 20);
	for (unsigned i = 0; i < 2000; i++) {
		skafu_new_record given = event_of("s", names[i * 7 % 400]);

		given.content_type = names[i % 3];
		given.source = names[i * 7 % 400];
		went(skafu_batch_add(batch, &given, fault));
		if (i == 1000)
			bad(SKAFU_EDEFINITION, record.type = names[i * 7 % 400], record.source = "other");
	}
	for (unsigned i = 0; i < 2000; i++) {
		bytes = skafu__batch_record_bytes(batch, i);
		ck_assert_str_eq(name_at(bytes + SKAFU__RECORD_AT_TYPE, SKAFU__NAME_TYPE), names[i * 7 % 400]);
		ck_assert_str_eq(name_at(bytes + SKAFU__RECORD_AT_SOURCE, SKAFU__NAME_DOMAIN), names[i * 7 % 400]);
		ck_assert_str_eq(name_at(bytes + SKAFU__RECORD_AT_CONTENT_TYPE, SKAFU__NAME_CONTENT_TYPE),
				 names[i % 3]);
	}
}
END_TEST

START_TEST(clear_makes_it_new)
{
	static const uint8_t given[16] = {1, 2};
	skafu_new_record record = event_of("s", "T");
	skafu_query *query = query_of("T a:b");
	uint8_t id[16];

	record.id = given;
	went(skafu_batch_add(batch, &record, fault));
	went(skafu_batch_put_row(batch, "t", "k", 1, "v", 1, fault));
	went(skafu_batch_expect_no_match(batch, query, 0, fault));
	went(skafu_batch_set_id(batch, given, fault));
	skafu_batch_clear(batch);
	ck_assert(skafu_batch_count(batch) == 0 && batch->row_count == 0 && batch->condition_count == 0);
	went(skafu_batch_add(batch, &record, fault)); /* the id is free again */
	went(skafu_batch_id(batch, id, fault));
	ck_assert_mem_ne(id, given, 16);
	ck_assert_uint_le(batch->records.length + batch->texts.length, skafu__batch_bytes(batch));
	skafu_query_free(query);
	skafu_batch_clear(NULL);
	skafu_batch_free(NULL);
	ck_assert_uint_eq(skafu_batch_count(NULL), 0);
}
END_TEST

START_TEST(after_an_append_it_is_cleared_first)
{
	skafu_new_record record = event_of("s", "T");

	went(skafu_batch_add(batch, &record, fault));
	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	refused(SKAFU_EMISUSE, skafu_batch_add(batch, &record, fault));
	refused(SKAFU_EMISUSE, skafu_batch_put_row(batch, "t", "k", 1, "v", 1, fault));
	refused(SKAFU_EMISUSE, skafu_batch_expect_stream(batch, "s", SKAFU_EXPECT_ANY, 0, fault));
	skafu_batch_clear(batch);
	went(skafu_batch_add(batch, &record, fault));
	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_uint_eq(version_of(store, "s"), 2);
}
END_TEST

START_TEST(smaller_limits_are_kept)
{
	skafu_store_opts opts = {.size = sizeof opts,
				 .name_bytes_max = 16, .tags_max = 1, .payload_bytes_max = 10,
				 .batch_bytes_max = 4096, .json_depth_max = 2};
	static const char *const tags[] = {"a", "b"};
	skafu_store *small = NULL;
	skafu_batch *own = batch;

	went(skafu_store_open_memory(&opts, &small, fault));
	batch = batch_of(small);
	bad(SKAFU_ELIMIT, record.stream = "a stream of 17 by");
	bad(SKAFU_ELIMIT, record.stream = "s"; record.tags = tags; record.tag_count = 2);
	bad(SKAFU_EJSON, record.data = "[[[]]]"; record.data_length = 6);
	skafu_batch_free(batch);
	batch = own;
	skafu_store_close(small);
	refused(SKAFU_EINVAL, skafu_batch_new(NULL, &own, fault));
	refused(SKAFU_EINVAL, skafu_batch_new(store, NULL, fault));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, bad_records_are_refused);
	tcase_add_test(tests, bad_payloads_are_refused);
	tcase_add_test(tests, the_largest_is_taken);
	tcase_add_test(tests, the_batch_has_a_limit);
	tcase_add_test(tests, rows_are_checked);
	tcase_add_test(tests, conditions_are_checked);
	tcase_add_test(tests, ids_are_those_given_or_new);
	tcase_add_test(tests, an_id_that_was_handed_out_stands_in_the_batch_once);
	tcase_add_test(tests, a_commit_id_is_derived_from_all_record_ids);
	tcase_add_test(tests, a_type_has_one_domain);
	tcase_add_test(tests, every_record_has_its_own_names);
	tcase_add_test(tests, clear_makes_it_new);
	tcase_add_test(tests, after_an_append_it_is_cleared_first);
	tcase_add_test(tests, smaller_limits_are_kept);
}

int main(void)
{
	return tempstore_main("batch", add);
}

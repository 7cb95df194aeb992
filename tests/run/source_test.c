/*
 * source_test.c: what a source takes, and that records of one key share a partition.
 */
#include "run/source.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "store/tempstore.h"

static skafu_store *store;
static struct skafu__source source;

static skafu_record record_of(const char *stream, const char *type, const char *correlation)
{
	return (skafu_record){.size = sizeof(skafu_record), .kind = SKAFU_KIND_EVENT,
			      .flags = SKAFU_RECORD_IS_JSON, .stream = stream, .type = type,
			      .correlation = correlation, .source = "d", .content_type = "application/json",
			      .tags = "", .data = (const uint8_t *)"{\"n\":1}", .data_length = 7,
			      .metadata = (const uint8_t *)"", .id = (const uint8_t *)"0123456789abcdef",
			      .causation = (const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", .sequence = 1};
}

START_TEST(defaults)
{
	skafu_record record = record_of("s", "T", "c");

	store = memory_store();
	went(skafu__source_init(&source, store, NULL, fault));
	ck_assert_uint_eq(source.given.partitions, 16);
	ck_assert_uint_eq(source.given.kinds, SKAFU_KINDS_EVENTS);
	ck_assert_int_eq(skafu__source_takes(&source, &record, fault), 1);
	record.kind = SKAFU_KIND_COMMAND;
	ck_assert_int_eq(skafu__source_takes(&source, &record, fault), 0);
	skafu__source_done(&source);
	skafu__source_done(&source);
	skafu_store_close(store);
}
END_TEST

START_TEST(types_rule_kinds)
{
	static const char *const types[] = {"T", "U"};
	skafu_source given = {.size = sizeof given, .types = types, .type_count = 2,
			      .rule = "{\"data\":{\"n\":[1]}}",
			      .kinds = SKAFU_KINDS_EVENTS | SKAFU_KINDS_OUTCOMES};
	skafu_record record = record_of("s", "U", "c");
	struct skafu__source copy;

	store = memory_store();
	went(skafu__source_init(&source, store, &given, fault));
	ck_assert_int_eq(skafu__source_takes(&source, &record, fault), 1);
	record.data = (const uint8_t *)"{\"n\":2}";
	ck_assert_int_eq(skafu__source_takes(&source, &record, fault), 0);
	record.data = (const uint8_t *)"{\"n\":1}";
	record.type = "V";
	ck_assert_int_eq(skafu__source_takes(&source, &record, fault), 0);
	went(skafu__source_init(&copy, store, &source.given, fault));
	skafu__source_done(&source);
	record.type = "T";
	record.kind = SKAFU_KIND_OUTCOME;
	ck_assert_int_eq(skafu__source_takes(&copy, &record, fault), 1);
	skafu__source_done(&copy);
	skafu_store_close(store);
}
END_TEST

START_TEST(keys)
{
	skafu_source given = {.size = sizeof given, .partition_by = SKAFU_PARTITION_TAG, .partition_tag = "c:"};
	skafu_record record = record_of("s", "U", "corr");

	store = memory_store();
	went(skafu__source_init(&source, store, &given, fault));
	ck_assert_str_eq(skafu__source_key(&source, &record), "s");
	record.tags = "x:1\0c:2\0c:3";
	record.tag_count = 3;
	ck_assert_str_eq(skafu__source_key(&source, &record), "c:2");
	record.tag_count = 1;
	record.stream = "";
	ck_assert_str_eq(skafu__source_key(&source, &record), "corr");
	skafu__source_done(&source);
	given.partition_by = SKAFU_PARTITION_CORRELATION;
	went(skafu__source_init(&source, store, &given, fault));
	ck_assert_ptr_null(source.given.partition_tag);
	record.stream = "s";
	ck_assert_str_eq(skafu__source_key(&source, &record), "corr");
	skafu__source_done(&source);
	skafu_store_close(store);
}
END_TEST

START_TEST(partitions_are_used_alike)
{
	skafu_source given = {.size = sizeof given, .partitions = 8};
	uint32_t counts[8] = {0};
	char stream[16];

	store = memory_store();
	went(skafu__source_init(&source, store, &given, fault));
	for (int i = 0; i < 8000; i++) {
		skafu_record record = record_of(stream, "T", "c");
		snprintf(stream, sizeof stream, "s-%d", i);
		uint32_t partition = skafu__source_partition(&source, &record);
		ck_assert_uint_lt(partition, 8);
		ck_assert_uint_eq(partition, skafu__source_partition(&source, &record));
		counts[partition]++;
	}
	for (int i = 0; i < 8; i++)
		ck_assert_uint_gt(counts[i], 800);
	skafu__source_done(&source);
	given.partitions = 1;
	went(skafu__source_init(&source, store, &given, fault));
	skafu_record record = record_of("s", "T", "c");
	ck_assert_uint_eq(skafu__source_partition(&source, &record), 0);
	skafu__source_done(&source);
	skafu_store_close(store);
}
END_TEST

static void refuse(int32_t code, skafu_source given)
{
	given.size = sizeof given;
	refused(code, skafu__source_init(&source, store, &given, fault));
	ck_assert_ptr_null(source.sys);
}

START_TEST(what_is_no_source)
{
	static const char *const types[] = {"T", ""};

	store = memory_store();
	refuse(SKAFU_EINVAL, (skafu_source){.start = 3});
	refuse(SKAFU_EINVAL, (skafu_source){.partition_by = 3});
	refuse(SKAFU_EINVAL, (skafu_source){.partition_by = SKAFU_PARTITION_TAG});
	refuse(SKAFU_ELIMIT, (skafu_source){.partitions = 1025});
	refuse(SKAFU_EOPTION, (skafu_source){.flags = 2});
	refuse(SKAFU_EOPTION, (skafu_source){.kinds = 1});
	refuse(SKAFU_EINVAL, (skafu_source){.type_count = 1});
	refuse(SKAFU_EINVAL, (skafu_source){.types = types, .type_count = 2});
	refuse(SKAFU_EPATTERN, (skafu_source){.rule = "no"});
	skafu_store_close(store);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, defaults);
	tcase_add_test(tests, types_rule_kinds);
	tcase_add_test(tests, keys);
	tcase_add_test(tests, partitions_are_used_alike);
	tcase_add_test(tests, what_is_no_source);
}

int main(void)
{
	return tempstore_main("source", add);
}

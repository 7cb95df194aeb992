/*
 * held_test.c: copies of records are whole and stay where they are; failing memory.
 */
#include "model/held.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/failing.h"
#include "skafu_base.h"
#include "util/suite.h"

static skafu_record record_of(uint64_t sequence, char stream[20], uint8_t id[16], const uint8_t *data,
			      uint32_t length)
{
	skafu_record record = {.size = sizeof record, .sequence = sequence, .stream = stream, .type = "T",
			       .source = "s",
			       .correlation = "corr", .content_type = "c", .tags = "one\0two", .tag_count = 2,
				       .id = id,
			       .causation = id, .data = data, .data_length = length, .metadata = data,
			       .metadata_length = length / 2};

	snprintf(stream, 20, "stream-%u", (unsigned)sequence);
	memset(id, (int)sequence, 16);
	return record;
}

START_TEST(copies_are_whole)
{
	static uint8_t data[100000];
	struct skafu__held held;
	char stream[20];
	uint8_t id[16];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * 7);
	skafu__held_init(&held, skafu__sys_current());
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 1; i <= 300; i++) {
			skafu_record record = record_of(i, stream, id, data, i % 50 == 0 ? 100000 : i);

			ck_assert_int_eq(skafu__held_add(&held, &record), 0);
		}
		ck_assert_uint_eq(held.count, 300);
		memset(stream, 'x', sizeof stream);
		for (uint32_t i = 1; i <= 300; i++) {
			const skafu_record *copy = held.records[i - 1];

			ck_assert_uint_eq(copy->sequence, i);
			ck_assert_int_eq(atoi(copy->stream + 7), (int)i);
			ck_assert_str_eq(copy->tags + 4, "two");
			ck_assert_str_eq(copy->correlation, "corr");
			ck_assert_int_eq(copy->id[15], (uint8_t)i);
			ck_assert_int_eq(memcmp(copy->data, data, copy->data_length), 0);
			ck_assert_int_eq(memcmp(copy->metadata, data, copy->metadata_length), 0);
		}
		skafu__held_clear(&held);
		ck_assert_uint_eq(held.bytes, 0);
	}
	skafu__held_done(&held);
}
END_TEST

START_TEST(memory_fails)
{
	static uint8_t data[1000];
	struct failing failing;
	char stream[20];
	uint8_t id[16];

	failing_init(&failing);
	for (long n = 0; n < 12; n++) {
		struct skafu__held held;
		uint32_t added = 0;

		failing.left = n;
		skafu__held_init(&held, &failing.sys);
		for (uint32_t i = 0; i < 300; i++) {
			skafu_record record = record_of(i, stream, id, data, sizeof data);

			if (skafu__held_add(&held, &record) == 0)
				added++;
		}
		ck_assert_uint_eq(held.count, added);
		skafu__held_done(&held);
		ck_assert_int_eq(failing.live, 0);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("held");
	TCase *tests = tcase_create("held");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, copies_are_whole);
	tcase_add_test(tests, memory_fails);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

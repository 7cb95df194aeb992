/*
 * timerrow_test.c: the rows of timers: there and back, in the order of their times, and bytes that are none.
 */
#include "run/timerrow.h"

#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

static const uint8_t id[16] = {1, 2, 3};
static const uint8_t cause[16] = {9};
static struct skafu__buf row;
static struct skafu__timer timer;

static const char *const tags[] = {"a:1", "b:2"};

static skafu_new_record everything(void)
{
	return (skafu_new_record){.size = sizeof(skafu_new_record), .kind = SKAFU_KIND_COMMAND, .type = "Do",
				  .stream = "s", .source = "shop", .content_type = "text/plain", .data = "data",
				  .data_length = 4, .metadata = "{\"a\":1}", .metadata_length = 7, .tags = tags,
				  .tag_count = 2, .id = id, .causation = cause, .correlation = "c", .time_ns = -5,
				  .event_version = 3u << 16, .hops = 7, .flags = SKAFU_RECORD_TIME};
}

static void encode(const skafu_new_record *record)
{
	const struct skafu__timer_name name = {"owner", "instance", "name"};

	skafu__buf_init(&row, skafu__sys_current(), SIZE_MAX / 2);
	ck_assert_int_eq(skafu__timer_encode(&name, record, &row), 0);
}

START_TEST(there_and_back)
{
	skafu_new_record record = everything();

	encode(&record);
	ck_assert(skafu__timer_decode(row.bytes, row.length, &timer));
	ck_assert_str_eq(timer.name.owner, "owner");
	ck_assert_str_eq(timer.name.instance, "instance");
	ck_assert_str_eq(timer.name.name, "name");
	ck_assert_str_eq(timer.record.type, "Do");
	ck_assert_str_eq(timer.record.stream, "s");
	ck_assert_str_eq(timer.record.source, "shop");
	ck_assert_str_eq(timer.record.content_type, "text/plain");
	ck_assert_str_eq(timer.record.correlation, "c");
	ck_assert_uint_eq(timer.record.tag_count, 2);
	ck_assert_str_eq(timer.record.tags[1], "b:2");
	ck_assert(memcmp(timer.record.data, "data", 4) == 0);
	ck_assert(memcmp(timer.record.metadata, "{\"a\":1}", 7) == 0);
	ck_assert(memcmp(timer.record.id, id, 16) == 0);
	ck_assert(memcmp(timer.record.causation, cause, 16) == 0);
	ck_assert_int_eq(timer.record.time_ns, -5);
	ck_assert_uint_eq(timer.record.hops, 7);
	ck_assert_uint_eq(timer.record.event_version, 3u << 16);
	ck_assert_uint_eq(timer.record.kind, SKAFU_KIND_COMMAND);
	skafu__buf_done(&row);
}
END_TEST

START_TEST(what_is_left_out_stays_out)
{
	skafu_new_record record = {.size = sizeof record, .type = "Do", .id = id};

	encode(&record);
	ck_assert(skafu__timer_decode(row.bytes, row.length, &timer));
	ck_assert_ptr_null(timer.record.stream);
	ck_assert_ptr_null(timer.record.correlation);
	ck_assert_ptr_null(timer.record.causation);
	ck_assert_ptr_null(timer.record.data);
	ck_assert_uint_eq(timer.record.flags, 0);
	ck_assert_uint_eq(timer.record.kind, SKAFU_KIND_EVENT);
	skafu__buf_done(&row);
}
END_TEST

/* Bytes of a hostile file, on memory that ends with them. */
START_TEST(bytes_that_are_none)
{
	skafu_new_record record = everything();

	seeded("timerrow");
	encode(&record);
	for (size_t length = 0; length < row.length; length++) {
		uint8_t *cut = malloc(length ? length : 1);
		memcpy(cut, row.bytes, length);
		ck_assert(!skafu__timer_decode(cut, length, &timer));
		free(cut);
	}
	for (int i = 0; i < 20000; i++) {
		uint8_t *bent = malloc(row.length);
		memcpy(bent, row.bytes, row.length);
		for (uint32_t n = random_below(4) + 1; n > 0; n--)
			bent[random_below((uint32_t)(i % 2 ? row.length : 72))] = (uint8_t)random_u64();
		if (skafu__timer_decode(bent, row.length, &timer))
			for (size_t tag = 0; tag < timer.record.tag_count; tag++)
				ck_assert_uint_lt(strlen(timer.record.tags[tag]), row.length);
		free(bent);
	}
	skafu__buf_done(&row);
}
END_TEST

START_TEST(keys_are_in_the_order_of_time)
{
	static const int64_t times[] = {INT64_MIN, -1, 0, 1, INT64_C(1) << 40, INT64_MAX};
	uint8_t keys[6][SKAFU__TIMER_KEY_BYTES];
	uint8_t got[16];
	int64_t due;

	for (int i = 0; i < 6; i++) {
		skafu__timer_key_encode(times[i], id, keys[i]);
		ck_assert(skafu__timer_key_decode(keys[i], sizeof keys[i], &due, got));
		ck_assert_int_eq(due, times[i]);
		ck_assert(memcmp(got, id, 16) == 0);
		if (i > 0)
			ck_assert_int_lt(memcmp(keys[i - 1], keys[i], sizeof keys[i]), 0);
	}
	ck_assert(!skafu__timer_key_decode(keys[0], 23, &due, got));
}
END_TEST

START_TEST(settings)
{
	struct skafu__timer_setting setting = {.due_ns = -77, .record_id = {4, 5}};
	struct skafu__timer_setting back;
	uint8_t bytes[SKAFU__TIMER_NAME_ROW_BYTES];

	skafu__timer_setting_encode(&setting, bytes);
	ck_assert(skafu__timer_setting_decode(bytes, sizeof bytes, &back));
	ck_assert_int_eq(back.due_ns, -77);
	ck_assert(memcmp(back.record_id, setting.record_id, 16) == 0);
	ck_assert(!skafu__timer_setting_decode(bytes, sizeof bytes - 1, &back));
	bytes[0] = 2;
	ck_assert(!skafu__timer_setting_decode(bytes, sizeof bytes, &back));
}
END_TEST

START_TEST(ids_tell_owners_apart)
{
	static const struct skafu__timer_name names[] = {{"", "", "n"}, {"n", "", ""}, {"", "n", ""}, {"a", "b", "c"},
							 {"ab", "", "c"}, {"a", "", "bc"}};
	uint8_t ids[6][16];

	for (int i = 0; i < 6; i++) {
		skafu__timer_id(&names[i], ids[i]);
		for (int k = 0; k < i; k++)
			ck_assert(memcmp(ids[i], ids[k], 16) != 0);
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, there_and_back);
	tcase_add_test(tests, what_is_left_out_stays_out);
	tcase_add_test(tests, bytes_that_are_none);
	tcase_add_test(tests, keys_are_in_the_order_of_time);
	tcase_add_test(tests, settings);
	tcase_add_test(tests, ids_tell_owners_apart);
}

int main(void)
{
	return tempstore_main("timerrow", add);
}

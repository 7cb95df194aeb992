/*
 * commit_test.c: the bytes of a commit: round trip, every flipped bit, every cut, noise.
 */
#include "codec/commit.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/madecommit.h"
#include "util/suite.h"

static struct skafu__buf buf;
static uint32_t size;

static void make(void)
{
	skafu__buf_init(&buf, skafu__sys_current(), 1 << 20);
	size = made_commit(&buf);
	ck_assert_uint_gt(size, 0);
}

static void drop(void)
{
	skafu__buf_done(&buf);
}

START_TEST(commit_comes_back)
{
	struct skafu__commit commit;
	struct skafu__commit quick;

	ck_assert_int_eq(skafu__commit_decode(buf.bytes, size, &commit), 0);
	ck_assert_uint_eq(commit.size, size);
	ck_assert_ptr_eq(commit.bytes, buf.bytes);
	ck_assert_uint_eq(commit.number, MADE_NUMBER);
	ck_assert_uint_eq(commit.first_sequence, MADE_SEQUENCE);
	ck_assert_uint_eq(skafu__commit_last_sequence(&commit), MADE_SEQUENCE + MADE_RECORDS - 1);
	ck_assert_int_eq(commit.recorded_ns, MADE_RECORDED);
	ck_assert_mem_eq(commit.id, made_id, 16);
	ck_assert(commit.record_count == MADE_RECORDS && commit.row_count == MADE_ROWS);
	ck_assert_uint_eq(commit.name_count, MADE_NAMES);
	ck_assert_int_eq(skafu__commit_decode_quick(buf.bytes, size, &quick), 0);
	ck_assert(quick.size == size && quick.number == commit.number);
	ck_assert_uint_eq(quick.records_offset, commit.records_offset);
	/* More bytes behind it are those of the next commit of the chunk. */
	made_commit(&buf);
	ck_assert_int_eq(skafu__commit_decode(buf.bytes, buf.length, &commit), 0);
	ck_assert_uint_eq(commit.size, size);
}
END_TEST

START_TEST(names_and_rows_come_back)
{
	struct skafu__commit commit;
	const uint8_t *at;

	ck_assert_int_eq(skafu__commit_decode(buf.bytes, size, &commit), 0);
	at = commit.names;
	for (uint32_t i = 0; i < MADE_NAMES; i++) {
		struct skafu__name_def name;

		skafu__commit_next_name(&at, &name);
		ck_assert(name.set == made_names[i].set && name.id == made_names[i].id);
		ck_assert(name.owner == made_names[i].owner && name.length == made_names[i].length);
		ck_assert_str_eq(name.name, made_names[i].name);
	}
	ck_assert_ptr_eq(at, commit.rows);
	for (uint32_t i = 0; i < MADE_ROWS; i++) {
		struct skafu__row_op row;

		skafu__commit_next_row(&at, &row);
		ck_assert(row.table == made_rows[i].table && row.operation == made_rows[i].operation);
		ck_assert(row.key_length == made_rows[i].key_length && row.value_length == made_rows[i].value_length);
		ck_assert(memcmp(row.key, made_rows[i].key, row.key_length) == 0);
		if (row.value_length)
			ck_assert_mem_eq(row.value, made_rows[i].value, row.value_length);
	}
	ck_assert_ptr_eq(at, buf.bytes + commit.records_offset);
}
END_TEST

START_TEST(records_come_back_checked)
{
	struct skafu__commit commit;
	struct skafu__record record;

	ck_assert_int_eq(skafu__commit_decode(buf.bytes, size, &commit), 0);
	for (uint32_t i = 0; i < MADE_RECORDS; i++) {
		struct skafu__record wanted = made_record(i);

		ck_assert_int_eq(skafu__commit_record(&commit, i, 1, &record), 0);
		ck_assert_str_eq(record.stream, wanted.stream);
		ck_assert_mem_eq(record.id, wanted.id, 16);
	}
	/* A record has a checksum of its own: the commit is sound, the record is not. */
	buf.bytes[size - 1] ^= 1;
	ck_assert_int_eq(skafu__commit_decode(buf.bytes, size, &commit), 0);
	ck_assert_int_eq(skafu__commit_record(&commit, MADE_RECORDS - 1, 1, &record), SKAFU_EDAMAGED);
	ck_assert_int_eq(skafu__commit_record(&commit, MADE_RECORDS - 1, 0, &record), 0);
	ck_assert_int_eq(skafu__commit_record(&commit, 0, 1, &record), 0);
}
END_TEST

START_TEST(every_flipped_bit_of_the_front_is_found)
{
	struct skafu__commit commit;
	uint32_t front;

	ck_assert_int_eq(skafu__commit_decode(buf.bytes, size, &commit), 0);
	front = commit.records_offset;
	commit.size = 99;
	for (uint32_t bit = 0; bit < front * 8; bit++) {
		buf.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_msg(skafu__commit_decode(buf.bytes, size, &commit) == SKAFU_EDAMAGED, "bit %u", bit);
		buf.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ck_assert_uint_eq(commit.size, 99);
}
END_TEST

START_TEST(every_flipped_bit_of_the_records_is_found)
{
	struct skafu__commit commit;
	struct skafu__record record;

	ck_assert_int_eq(skafu__commit_decode(buf.bytes, size, &commit), 0);
	for (uint32_t bit = commit.records_offset * 8; bit < size * 8; bit++) {
		int found = 0;

		buf.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		for (uint32_t i = 0; i < MADE_RECORDS; i++)
			found += skafu__commit_record(&commit, i, 1, &record) != 0;
		ck_assert_int_eq(found, 1);
		buf.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}
END_TEST

START_TEST(every_cut_is_found)
{
	struct skafu__commit commit;

	for (uint32_t length = 0; length < size; length++) {
		uint8_t *cut = malloc(length + 1);

		memcpy(cut, buf.bytes, length);
		ck_assert_int_eq(skafu__commit_decode(cut, length, &commit), SKAFU_EDAMAGED);
		ck_assert_int_eq(skafu__commit_decode_quick(cut, length, &commit), SKAFU_EDAMAGED);
		free(cut);
	}
}
END_TEST

/* With a checksum that is right for wrong bytes, as an attacker makes it: nothing outside is read. */
START_TEST(sealed_noise_is_refused_or_harmless)
{
	const char *given = getenv("SKAFU_TEST_SEED");
	uint64_t state = given ? strtoull(given, NULL, 0) : 20240918;
	uint32_t passed = 0;

	printf("commit_test: SKAFU_TEST_SEED=%llu\n", (unsigned long long)state);
	for (int round = 0; round < 200000; round++) {
		struct skafu__commit commit;
		uint8_t *bytes = malloc(size);

		memcpy(bytes, buf.bytes, size);
		for (int i = 0; i < 2; i++) {
			state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
			bytes[12 + (state >> 33) % (size - 12)] = (uint8_t)(state >> 24);
		}
		if (skafu__load_u32(bytes + 56) <= size && skafu__load_u32(bytes + 56) >= 8)
			skafu__commit_seal(bytes);
		if (skafu__commit_decode(bytes, size, &commit) == 0) {
			const uint8_t *at = commit.names;
			struct skafu__record record;
			struct skafu__name_def name;
			struct skafu__row_op row;

			passed++;
			for (uint32_t i = 0; i < commit.name_count; i++) {
				skafu__commit_next_name(&at, &name);
				ck_assert_uint_eq(strlen(name.name), name.length);
			}
			for (uint32_t i = 0; i < commit.row_count; i++)
				skafu__commit_next_row(&at, &row);
			ck_assert_ptr_eq(at, bytes + commit.records_offset);
			for (uint32_t i = 0; i < commit.record_count; i++)
				skafu__commit_record(&commit, i, 0, &record);
		}
		free(bytes);
	}
	ck_assert_uint_gt(passed, 0);
}
END_TEST

/* What is read before the whole is checked: sizes and places that lie. */
START_TEST(lies_of_the_head)
{
	struct skafu__commit commit, whole;
	uint8_t *bytes = malloc(size);
	const uint8_t *at;
	uint32_t found;

	memcpy(bytes, buf.bytes, size);
	ck_assert_int_eq(skafu__commit_decode_quick(bytes, size, &whole), 0);
	ck_assert_int_eq(skafu__commit_decode_quick(bytes, SKAFU__COMMIT_HEADER_BYTES - 1, &commit), SKAFU_EDAMAGED);
	ck_assert_int_eq(skafu__commit_decode_quick(bytes, size - 1, &commit), SKAFU_EDAMAGED);
	/* Records that begin beyond the end, or within the table of their ends. */
	struct skafu__commit_head head = {.size = size, .records_offset = size + 1, .record_count = MADE_RECORDS,
					  .number = 1, .first_sequence = 1, .id = made_id};
	skafu__commit_write_head(bytes, &head);
	ck_assert_int_eq(skafu__commit_decode_quick(bytes, size, &commit), SKAFU_EDAMAGED);
	head.records_offset = SKAFU__COMMIT_HEADER_BYTES + MADE_RECORDS * 4 - 1;
	skafu__commit_write_head(bytes, &head);
	ck_assert_int_eq(skafu__commit_decode_quick(bytes, size, &commit), SKAFU_EDAMAGED);
	/* The commit before a sequence. */
	memcpy(bytes, buf.bytes, size);
	ck_assert_uint_eq(skafu__commit_size_before(bytes, size, MADE_SEQUENCE + MADE_RECORDS), size);
	ck_assert_uint_eq(skafu__commit_size_before(bytes, size, MADE_SEQUENCE + MADE_RECORDS - 1), 0);
	ck_assert_uint_eq(skafu__commit_size_before(bytes, size - 1, MADE_SEQUENCE + MADE_RECORDS), 0);
	ck_assert_uint_eq(skafu__commit_size_before(bytes, SKAFU__COMMIT_HEADER_BYTES - 1, UINT64_MAX), 0);
	skafu__store_u32(bytes, SKAFU__COMMIT_HEADER_BYTES - 1);
	ck_assert_uint_eq(skafu__commit_size_before(bytes, size, MADE_SEQUENCE + MADE_RECORDS), 0);
	/* Ends of records that fall, or lie beyond, or leave no room. */
	memcpy(bytes, buf.bytes, size);
	ck_assert_int_eq(skafu__commit_decode(bytes, size, &whole), 0);
	uint8_t *ends = bytes + (whole.ends - whole.bytes);
	uint32_t first = skafu__load_u32(ends), second = skafu__load_u32(ends + 4);
	ck_assert_int_eq(skafu__commit_place(&whole, 1, &at, &found), 0);
	ck_assert_uint_eq(found, second - first);
	skafu__store_u32(ends + 4, first - 1);
	ck_assert_int_eq(skafu__commit_place(&whole, 1, &at, &found), SKAFU_EDAMAGED);
	skafu__store_u32(ends + 4, size);
	ck_assert_int_eq(skafu__commit_place(&whole, 1, &at, &found), SKAFU_EDAMAGED);
	skafu__store_u32(ends + 4, first + SKAFU__RECORD_HEADER_BYTES - 1);
	ck_assert_int_eq(skafu__commit_place(&whole, 1, &at, &found), SKAFU_EDAMAGED);
	free(bytes);
}
END_TEST

START_TEST(a_commit_without_records_points_before_the_next)
{
	uint8_t bytes[SKAFU__COMMIT_HEADER_BYTES];
	struct skafu__commit commit;
	struct skafu__commit_head head = {.size = sizeof bytes, .records_offset = sizeof bytes, .number = 1,
					  .first_sequence = 1, .id = made_id};

	skafu__commit_write_head(bytes, &head);
	skafu__commit_seal(bytes);
	ck_assert_int_eq(skafu__commit_decode(bytes, sizeof bytes, &commit), 0);
	ck_assert_uint_eq(skafu__commit_last_sequence(&commit), 0);
	head.number = 0; /* commits and sequences are counted from 1 */
	skafu__commit_write_head(bytes, &head);
	skafu__commit_seal(bytes);
	ck_assert_int_eq(skafu__commit_decode(bytes, sizeof bytes, &commit), SKAFU_EDAMAGED);
	head.number = 1;
	head.first_sequence = 0;
	skafu__commit_write_head(bytes, &head);
	skafu__commit_seal(bytes);
	ck_assert_int_eq(skafu__commit_decode(bytes, sizeof bytes, &commit), SKAFU_EDAMAGED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("commit");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, commit_comes_back);
	tcase_add_test(tests, names_and_rows_come_back);
	tcase_add_test(tests, records_come_back_checked);
	tcase_add_test(tests, every_flipped_bit_of_the_front_is_found);
	tcase_add_test(tests, every_flipped_bit_of_the_records_is_found);
	tcase_add_test(tests, every_cut_is_found);
	tcase_add_test(tests, sealed_noise_is_refused_or_harmless);
	tcase_add_test(tests, lies_of_the_head);
	tcase_add_test(tests, a_commit_without_records_points_before_the_next);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

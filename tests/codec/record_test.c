/*
 * record_test.c: the bytes of one record: layout, round trip, every damage, and noise.
 */
#include "codec/record.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/failing.h"
#include "util/suite.h"

static const uint8_t an_id[16] = {0xa1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint8_t a_cause[16] = {0xb1};

static struct skafu__record a_record(void)
{
	struct skafu__record record = {.kind = 3, .flags = 1, .hops = 4, .severity = 2, .event_version = 0x00020003,
				       .type = 11, .source = 12, .content_type = 13, .stream_version = 14,
				       .time_ns = -15, .id = an_id, .causation = a_cause, .stream = "stream",
				       .correlation = "cor", .tags = "a\0bc", .tag_count = 2, .tags_length = 5,
				       .stream_length = 6, .correlation_length = 3,
				       .metadata = (const uint8_t *)"{}", .metadata_length = 2,
				       .data = (const uint8_t *)"\0\1\2", .data_length = 3};
	return record;
}

static uint32_t encode(struct skafu__buf *buf, const struct skafu__record *record, const char *const *tags)
{
	uint8_t lengths[255];

	ck_assert_uint_le(record->tag_count, sizeof lengths);
	for (uint32_t i = 0; tags && i < record->tag_count; i++)
		lengths[i] = (uint8_t)strlen(tags[i]);
	skafu__buf_init(buf, skafu__sys_current(), 1 << 20);
	ck_assert_int_eq(skafu__record_encode(buf, record, tags, lengths), 0);
	return (uint32_t)buf->length;
}

START_TEST(layout_is_the_documented_one)
{
	struct skafu__record record = a_record();
	struct skafu__buf buf;
	uint32_t size = encode(&buf, &record, NULL);
	const uint8_t *b = buf.bytes;

	ck_assert_uint_eq(size, 74 + 7 + 4 + 5 + 2 + 3 + 16);
	ck_assert_uint_eq(skafu__load_u32(b), size);
	ck_assert_uint_eq(skafu__load_u32(b + SKAFU__RECORD_AT_CRC), 0);
	ck_assert(b[8] == 3 && b[SKAFU__RECORD_AT_FLAGS] == 1 && b[10] == 4 && b[11] == 2);
	ck_assert_uint_eq(skafu__load_u32(b + 12), 0x00020003);
	ck_assert_uint_eq(skafu__load_u32(b + SKAFU__RECORD_AT_TYPE), 11);
	ck_assert_uint_eq(skafu__load_u32(b + SKAFU__RECORD_AT_SOURCE), 12);
	ck_assert_uint_eq(skafu__load_u32(b + SKAFU__RECORD_AT_CONTENT_TYPE), 13);
	ck_assert_uint_eq(skafu__load_u64(b + SKAFU__RECORD_AT_STREAM_VERSION), 14);
	ck_assert_int_eq((int64_t)skafu__load_u64(b + SKAFU__RECORD_AT_TIME), -15);
	ck_assert_mem_eq(b + SKAFU__RECORD_AT_ID, an_id, 16);
	ck_assert(b[68] == 6 && b[69] == 3 && b[70] == 2 && b[71] == 1 && skafu__load_u16(b + 72) == 5);
	ck_assert_mem_eq(b + 74, "stream\0cor\0a\0bc\0{}\0\1\2", 21);
	ck_assert_mem_eq(b + 95, a_cause, 16);
	skafu__buf_done(&buf);
	record.causation = skafu__record_no_cause;
	ck_assert_uint_eq(encode(&buf, &record, NULL), size - 16);
	ck_assert_uint_eq(buf.bytes[71], 0);
	skafu__buf_done(&buf);
}
END_TEST

static void compare(const struct skafu__record *a, const struct skafu__record *b)
{
	ck_assert(a->kind == b->kind && a->flags == b->flags && a->hops == b->hops && a->severity == b->severity);
	ck_assert(a->event_version == b->event_version && a->type == b->type && a->source == b->source);
	ck_assert(a->content_type == b->content_type && a->stream_version == b->stream_version);
	ck_assert(a->time_ns == b->time_ns && memcmp(a->id, b->id, 16) == 0);
	ck_assert(a->stream_length == b->stream_length && strcmp(a->stream, b->stream) == 0);
	ck_assert(strcmp(a->correlation, b->correlation) == 0 && a->tag_count == b->tag_count);
	ck_assert(a->tags_length == b->tags_length && memcmp(a->tags, b->tags, a->tags_length) == 0);
	ck_assert(a->metadata_length == b->metadata_length && a->data_length == b->data_length);
	ck_assert(memcmp(a->metadata, b->metadata, a->metadata_length) == 0);
	ck_assert(memcmp(a->data, b->data, a->data_length) == 0);
}

START_TEST(decoding_gives_back_what_was_encoded)
{
	static const char *const tags[] = {"a", "bc"};
	struct skafu__record record = a_record();
	struct skafu__record back;
	struct skafu__buf buf;
	struct skafu__buf listed;
	uint32_t size = encode(&buf, &record, NULL);

	ck_assert_uint_eq(encode(&listed, &record, tags), size);
	ck_assert_mem_eq(buf.bytes, listed.bytes, size);
	ck_assert_int_eq(skafu__record_decode(buf.bytes, size, &back), 0);
	ck_assert_uint_eq(back.size, size);
	compare(&record, &back);
	ck_assert_mem_eq(back.causation, a_cause, 16);
	skafu__buf_done(&listed);
	skafu__buf_done(&buf);
	record.causation = NULL;
	record.stream = NULL;
	record.stream_length = 0;
	record.tag_count = 0;
	record.tags_length = 0;
	record.data_length = 0;
	record.metadata_length = 0;
	size = encode(&buf, &record, tags);
	ck_assert_int_eq(skafu__record_decode(buf.bytes, size, &back), 0);
	ck_assert_str_eq(back.stream, "");
	ck_assert_uint_eq(back.causation[0], 0);
	skafu__buf_done(&buf);
}
END_TEST

START_TEST(checksum_covers_every_byte_and_the_place)
{
	struct skafu__record record = a_record();
	struct skafu__buf buf;
	uint32_t size = encode(&buf, &record, NULL);

	uint8_t *copy = malloc(size);
	skafu__record_copy_sealed(copy, buf.bytes, size, 77);
	skafu__record_seal(buf.bytes, size, 77);
	ck_assert_mem_eq(copy, buf.bytes, size);
	free(copy);
	ck_assert_int_eq(skafu__record_is_intact(buf.bytes, size, 77), 1);
	ck_assert_int_eq(skafu__record_is_intact(buf.bytes, size, 78), 0);
	ck_assert_int_eq(skafu__record_is_intact(buf.bytes, size, 77 + (UINT64_C(1) << 40)), 0);
	for (uint32_t bit = 4 * 8; bit < size * 8; bit++) {
		buf.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(skafu__record_is_intact(buf.bytes, size, 77), 0);
		buf.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	skafu__buf_done(&buf);
}
END_TEST

/* Every length that is cut, and every length field that lies. */
START_TEST(lengths_that_do_not_fit_are_refused)
{
	static const size_t fields[] = {0, 1, 2, 3, 28, 32, 68, 69, 70, 71, 72, 73};
	struct skafu__record record = a_record();
	struct skafu__record back = {.size = 99};
	struct skafu__buf buf;
	uint32_t size = encode(&buf, &record, NULL);

	for (uint32_t length = 0; length < size; length++) {
		uint8_t *cut = malloc(length + 1);

		memcpy(cut, buf.bytes, length);
		ck_assert_int_eq(skafu__record_decode(cut, length, &back), SKAFU_EDAMAGED);
		free(cut);
	}
	ck_assert_uint_eq(back.size, 99); /* outputs are written on success only */
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		for (unsigned step = 1; step < 256; step++) {
			buf.bytes[fields[i]] = (uint8_t)(buf.bytes[fields[i]] + step);
			ck_assert_int_eq(skafu__record_decode(buf.bytes, size, &back), SKAFU_EDAMAGED);
			buf.bytes[fields[i]] = (uint8_t)(buf.bytes[fields[i]] - step);
		}
	/* A text that ends early, one without its NUL, an empty tag. */
	for (size_t at = 74; at < 74 + 16; at++) {
		uint8_t was = buf.bytes[at];

		buf.bytes[at] = was ? 0 : 'x';
		ck_assert_int_eq(skafu__record_decode(buf.bytes, size, &back), SKAFU_EDAMAGED);
		buf.bytes[at] = was;
	}
	ck_assert_int_eq(skafu__record_decode(buf.bytes, size, &back), 0);
	skafu__buf_done(&buf);
}
END_TEST

/* What record.h says of the texts, byte by byte. */
static int texts_are_right(const uint8_t *bytes)
{
	const uint8_t *at = bytes + SKAFU__RECORD_HEADER_BYTES;
	const uint8_t *tags = at + bytes[68] + 1 + bytes[69] + 1;
	size_t tags_length = skafu__load_u16(bytes + 72);
	unsigned tag_count = 0;

	if (memchr(at, 0, bytes[68]) || at[bytes[68]] != 0)
		return 0;
	if (memchr(at + bytes[68] + 1, 0, bytes[69]) || tags[-1] != 0)
		return 0;
	for (size_t i = 0; i < tags_length; i++) {
		if (tags[i] == 0 && (i == 0 || tags[i - 1] == 0))
			return 0;
		tag_count += tags[i] == 0;
	}
	return tag_count == bytes[70] && (tags_length == 0 || tags[tags_length - 1] == 0);
}

/* All lengths of texts around those that are looked at together; in each, every byte is a NUL once that was none, and
 * the other way round. */
START_TEST(texts_are_looked_at_whole)
{
	char text[256];
	unsigned right = 0;

	memset(text, 'x', sizeof text);
	for (unsigned total = 0; total < 200; total++) {
		struct skafu__record record = a_record();
		struct skafu__record back;
		struct skafu__buf buf;

		record.stream = text;
		record.stream_length = (uint8_t)(total * 7 % (total + 1));
		record.correlation = text;
		record.correlation_length = (uint8_t)(total - record.stream_length);
		record.tag_count = total % 3 == 0 ? 0 : 2;
		record.tags_length = total % 3 == 0 ? 0 : 5;
		record.metadata_length = 0;
		record.data_length = total % 5 == 0 ? 3 : 0;
		record.causation = total % 4 == 0 ? a_cause : NULL;
		uint32_t size = encode(&buf, &record, NULL);
		uint8_t *exact = malloc(size);
		memcpy(exact, buf.bytes, size);
		ck_assert_int_eq(skafu__record_decode(exact, size, &back), 0);
		for (size_t at = 74; at < size; at++) {
			uint8_t was = exact[at];

			exact[at] = was ? 0 : 'x';
			int is_right = texts_are_right(exact);
			right += is_right != 0;
			ck_assert_int_eq(skafu__record_decode(exact, size, &back), is_right ? 0 : SKAFU_EDAMAGED);
			exact[at] = was;
		}
		free(exact);
		skafu__buf_done(&buf);
	}
	ck_assert_uint_gt(right, 0); /* bytes of a payload and of a cause may be what they like */
}
END_TEST

START_TEST(noise_is_refused_or_harmless)
{
	const char *given = getenv("SKAFU_TEST_SEED");
	uint64_t state = given ? strtoull(given, NULL, 0) : 20240917;
	struct skafu__record record = a_record();
	struct skafu__record back;
	struct skafu__buf buf;
	uint32_t size = encode(&buf, &record, NULL);
	size_t sum = 0;

	printf("record_test: SKAFU_TEST_SEED=%llu\n", (unsigned long long)state);
	for (int round = 0; round < 200000; round++) {
		uint8_t *bytes = malloc(size);

		memcpy(bytes, buf.bytes, size);
		for (int i = 0; i < 3; i++) {
			state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
			bytes[(state >> 33) % size] = (uint8_t)(state >> 24);
		}
		if (skafu__record_decode(bytes, size, &back) == 0) /* then every text can be read to its end */
			sum += strlen(back.stream) + strlen(back.correlation) + back.data_length +
			       (back.data_length ? back.data[back.data_length - 1] : 0u);
		free(bytes);
	}
	ck_assert_uint_gt(sum, 0);
	skafu__buf_done(&buf);
}
END_TEST

START_TEST(no_room_changes_nothing)
{
	struct skafu__record record = a_record();
	struct failing failing;
	struct skafu__buf buf;

	failing_init(&failing);
	failing.left = 0;
	skafu__buf_init(&buf, &failing.sys, 1 << 20);
	ck_assert_int_eq(skafu__record_encode(&buf, &record, NULL, NULL), SKAFU_ENOMEM);
	ck_assert_uint_eq(buf.length, 0);
	skafu__buf_done(&buf);
	skafu__buf_init(&buf, skafu__sys_current(), 110);
	ck_assert_int_eq(skafu__record_encode(&buf, &record, NULL, NULL), SKAFU_ELIMIT);
	ck_assert_uint_eq(buf.length, 0);
	skafu__buf_done(&buf);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, layout_is_the_documented_one);
	tcase_add_test(tests, decoding_gives_back_what_was_encoded);
	tcase_add_test(tests, checksum_covers_every_byte_and_the_place);
	tcase_add_test(tests, lengths_that_do_not_fit_are_refused);
	tcase_add_test(tests, texts_are_looked_at_whole);
	tcase_add_test(tests, noise_is_refused_or_harmless);
	tcase_add_test(tests, no_room_changes_nothing);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

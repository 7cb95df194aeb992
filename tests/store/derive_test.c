/*
 * derive_test.c: exactly these entries, names and rows follow from a commit, in this order.
 */
#include "store/derive.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/madecommit.h"
#include "store/batch.h"
#include "store/tempstore.h"

static const uint8_t hash_key[SKAFU__HASH_KEY_BYTES] = {9, 8, 7};

struct seen {
	char text[4096];
	size_t length;
	int calls;
	int fail_at; /* the call that fails; 0: none */
};

static int32_t note(struct seen *seen, const char *text)
{
	seen->length += (size_t)snprintf(seen->text + seen->length, sizeof seen->text - seen->length, "%s\n", text);
	return ++seen->calls == seen->fail_at ? SKAFU_EHOST : 0;
}

static int32_t on_name(void *user, const struct skafu__name_def *name)
{
	char text[100];

	snprintf(text, sizeof text, "name %u %u %u %s", name->set, name->id, name->owner, name->name);
	return note(user, text);
}

static int32_t on_entries(void *user, uint32_t dimension, const struct skafu__entry *entries, size_t count)
{
	int32_t rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		char text[100];

		snprintf(text, sizeof text, "entry %u %llx %llu %llu", dimension, (unsigned long long)entries[i].key,
			 (unsigned long long)entries[i].position, (unsigned long long)entries[i].extra);
		rc = note(user, text);
	}
	return rc;
}

static int32_t on_event(void *user, const struct skafu__record *record, uint64_t sequence)
{
	char text[100];

	snprintf(text, sizeof text, "event %s %llu", record->stream, (unsigned long long)sequence);
	return note(user, text);
}

static int32_t on_row(void *user, const struct skafu__row_op *row, uint64_t commit)
{
	char text[100];

	snprintf(text, sizeof text, "row %u %u %.*s %llu", row->table, row->operation, (int)row->key_length,
		 (const char *)row->key, (unsigned long long)commit);
	return note(user, text);
}

static void expect(char *to, size_t room, uint32_t dimension, const char *key, size_t length, uint64_t at,
		   uint64_t extra)
{
	uint64_t hash = length ? skafu__hash64(hash_key, key, length) : (uint64_t)(uintptr_t)key;

	snprintf(to + strlen(to), room - strlen(to), "entry %u %llx %llu %llu\n", dimension, (unsigned long long)hash,
		 (unsigned long long)at, (unsigned long long)extra);
}

static void expect_id(char *to, size_t room, uint32_t dimension, uint32_t key, uint64_t at)
{
	snprintf(to + strlen(to), room - strlen(to), "entry %u %x %llu 0\n", dimension, key, (unsigned long long)at);
}

static void expect_all(char *to, size_t room)
{
	static const uint8_t ids[3][16] = {{1}, {2}, {3}};

	snprintf(to, room, "name 2 1 0 domain\nname 1 1 1 Type\nname 4 1 0 table\n");
	expect(to, room, SKAFU__DIM_COMMIT, (const char *)made_id, 16, MADE_NUMBER, MADE_SEQUENCE + 2);
	for (uint32_t i = 0; i < 3; i++)
		expect_id(to, room, SKAFU__DIM_TYPE, 1, MADE_SEQUENCE + i);
	for (uint32_t i = 0; i < 3; i++)
		expect(to, room, SKAFU__DIM_CORRELATION, "cor", 3, MADE_SEQUENCE + i, 0);
	for (uint32_t i = 0; i < 3; i++)
		expect(to, room, SKAFU__DIM_ID, (const char *)ids[i], 16, MADE_SEQUENCE + i, 0);
	expect(to, room, SKAFU__DIM_TAG, "t:1", 3, MADE_SEQUENCE, 0);
	expect(to, room, SKAFU__DIM_TAG, "t:2", 3, MADE_SEQUENCE, 0);
	expect(to, room, SKAFU__DIM_STREAM, "s1", 2, MADE_SEQUENCE, 1);
	expect(to, room, SKAFU__DIM_STREAM, "s2", 2, MADE_SEQUENCE + 1, 2);
	expect_id(to, room, SKAFU__DIM_KIND, SKAFU_KIND_COMMAND, MADE_SEQUENCE + 2);
	snprintf(to + strlen(to), room - strlen(to), "event s1 %u\nevent s2 %u\n", MADE_SEQUENCE, MADE_SEQUENCE + 1);
	snprintf(to + strlen(to), room - strlen(to), "row 1 1 key %u\nrow 1 2 gone %u\n", MADE_NUMBER, MADE_NUMBER);
}

/* The made commit, decoded where it lies. */
static void a_commit(struct skafu__buf *buf, struct skafu__commit *commit)
{
	skafu__buf_init(buf, skafu__sys_current(), 1 << 20);
	made_commit(buf);
	ck_assert_int_eq(skafu__commit_decode(buf->bytes, buf->length, commit), 0);
}

START_TEST(all_of_it_in_order)
{
	struct seen seen = {0};
	struct skafu__derive_sink sink = {&seen, on_name, on_entries, on_event, on_row};
	struct skafu__commit commit;
	struct skafu__buf buf;
	char wanted[4096];

	a_commit(&buf, &commit);
	ck_assert_int_eq(skafu__derive(hash_key, &commit, &sink, 1, NULL), 0);
	expect_all(wanted, sizeof wanted);
	ck_assert_str_eq(seen.text, wanted);
	skafu__buf_done(&buf);
}
END_TEST

/* With the hashes that the writer knows, which nobody computes again. */
START_TEST(what_was_made_gives_the_same)
{
	struct skafu__batch_record made[3] = {{.stream_hash = skafu__hash64(hash_key, "s1", 2)},
						    {.stream_hash = skafu__hash64(hash_key, "s2", 2)},
						    {.stream_hash = 7}}; /* of a command, which has none */
	struct seen seen = {0};
	struct skafu__derive_sink sink = {&seen, on_name, on_entries, on_event, on_row};
	struct skafu__commit commit;
	struct skafu__buf buf;
	char wanted[4096];

	a_commit(&buf, &commit);
	ck_assert_int_eq(skafu__derive_made(hash_key, &commit, made, &sink), 0);
	expect_all(wanted, sizeof wanted);
	ck_assert_str_eq(seen.text, wanted);
	seen = (struct seen){0};
	made[1].stream_hash ^= 1;
	ck_assert_int_eq(skafu__derive_made(hash_key, &commit, made, &sink), 0);
	ck_assert_str_ne(seen.text, wanted);
	skafu__buf_done(&buf);
}
END_TEST

START_TEST(a_failing_sink_ends_it)
{
	struct skafu__commit commit;
	struct skafu__buf buf;
	int total;

	a_commit(&buf, &commit);
	for (int at = 1;; at++) {
		struct seen seen = {.fail_at = at};
		struct skafu__derive_sink sink = {&seen, on_name, on_entries, NULL, on_row};
		int32_t rc = skafu__derive(hash_key, &commit, &sink, 0, NULL);

		total = seen.calls;
		if (rc == 0)
			break;
		ck_assert_int_eq(rc, SKAFU_EHOST);
		ck_assert_int_eq(seen.calls, at);
	}
	ck_assert_int_eq(total, 3 + 1 + 3 * 3 + 2 + 2 + 1 + 2); /* without the event function */
	skafu__buf_done(&buf);
}
END_TEST

START_TEST(a_damaged_record_is_named)
{
	struct seen seen = {0};
	struct skafu__derive_sink sink = {&seen, on_name, on_entries, on_event, on_row};
	struct skafu__commit commit;
	struct skafu__buf buf;
	uint64_t damaged = 0;

	skafu__buf_init(&buf, skafu__sys_current(), 1 << 20);
	made_commit(&buf);
	buf.bytes[buf.length - 1] ^= 1;
	ck_assert_int_eq(skafu__commit_decode(buf.bytes, buf.length, &commit), 0);
	ck_assert_int_eq(skafu__derive(hash_key, &commit, &sink, 1, &damaged), SKAFU_EDAMAGED);
	ck_assert_uint_eq(damaged, MADE_SEQUENCE + 2);
	ck_assert_int_eq(skafu__derive(hash_key, &commit, &sink, 0, &damaged), 0);
	skafu__buf_done(&buf);
}
END_TEST

/* ---- many records -------------------------------------------------------------------------------------------- */

#define MANY_TAGS_BYTES (255 * 8)

/* A record of any kind with any number of tags, mostly few, whose texts live until the next one. */
static struct skafu__record any_record(void)
{
	static char tags[MANY_TAGS_BYTES];
	static char texts[2][40];
	static uint8_t id[16];
	struct skafu__record record = {.kind = (uint8_t)(1 + random_below(SKAFU__KIND_LOST)),
				       .type = 1 + random_below(9), .stream_version = random_below(5), .id = id,
				       .stream = texts[0], .correlation = texts[1], .tags = tags};
	int length = 0;

	record.stream_length = (uint8_t)snprintf(texts[0], sizeof texts[0], "s%u", random_below(2000000));
	record.correlation_length =
		(uint8_t)snprintf(texts[1], sizeof texts[1], "%0*u", 1 + (int)random_below(38), 1u);
	record.tag_count = (uint8_t)(random_below(12) ? random_below(4) : random_below(256));
	for (uint32_t i = 0; i < record.tag_count; i++)
		length += snprintf(tags + length, 8, "%.*u", 1 + (int)random_below(6), i) + 1;
	record.tags_length = (uint16_t)length;
	for (size_t i = 0; i < sizeof id; i++)
		id[i] = (uint8_t)random_below(256);
	return record;
}

static void many_commit(struct skafu__buf *buf, uint32_t count)
{
	struct skafu__buf records;
	struct skafu__commit_head head = {.record_count = count, .number = 1, .first_sequence = 1, .id = made_id,
					  .records_offset = SKAFU__COMMIT_HEADER_BYTES + count * 4};
	uint8_t *to = skafu__buf_reserve(buf, 1 << 20);

	skafu__buf_init(&records, skafu__sys_current(), 1 << 20);
	for (uint32_t i = 0; i < count; i++) {
		struct skafu__record record = any_record();
		size_t before = records.length;

		ck_assert_int_eq(skafu__record_encode(&records, &record, NULL, NULL), 0);
		skafu__record_seal(records.bytes + before, (uint32_t)(records.length - before), 1 + i);
		skafu__store_u32(to + SKAFU__COMMIT_HEADER_BYTES + 4 * i, (uint32_t)records.length);
	}
	head.size = head.records_offset + (uint32_t)records.length;
	ck_assert_uint_le(head.size, 1 << 20);
	skafu__commit_write_head(to, &head);
	if (count != 0)
		memcpy(to + head.records_offset, records.bytes, records.length);
	skafu__commit_seal(to);
	skafu__buf_commit(buf, head.size);
	skafu__buf_done(&records);
}

/* All that was told of each dimension, as one number that depends on the order. */
struct told {
	uint64_t sums[SKAFU__DIMS];
	uint64_t entries;
};

static void tell(struct told *told, uint32_t dimension, uint64_t key, uint64_t position, uint64_t extra)
{
	const uint64_t parts[3] = {key, position, extra};

	for (int i = 0; i < 3; i++)
		told->sums[dimension] = (told->sums[dimension] ^ parts[i]) * UINT64_C(0x9e3779b97f4a7c15) + 1;
	told->entries++;
}

static int32_t tell_entries(void *user, uint32_t dimension, const struct skafu__entry *entries, size_t count)
{
	ck_assert_uint_ne(count, 0);
	for (size_t i = 0; i < count; i++)
		tell(user, dimension, entries[i].key, entries[i].position, entries[i].extra);
	return 0;
}

static void tell_hash(struct told *told, uint32_t dimension, const char *text, size_t length, uint64_t at)
{
	tell(told, dimension, skafu__hash64(hash_key, text, length), at, 0);
}

/* The plain way, one record after the other. */
static void tell_record(struct told *told, const struct skafu__record *record, uint64_t at)
{
	const char *tag = record->tags;

	if (record->kind == SKAFU__KIND_LOST)
		return;
	tell(told, SKAFU__DIM_TYPE, skafu__type_key(skafu__type_set(record->kind), record->type), at, 0);
	tell_hash(told, SKAFU__DIM_CORRELATION, record->correlation, record->correlation_length, at);
	tell_hash(told, SKAFU__DIM_ID, (const char *)record->id, 16, at);
	for (uint32_t i = 0; i < record->tag_count; i++, tag += strlen(tag) + 1)
		tell_hash(told, SKAFU__DIM_TAG, tag, strlen(tag), at);
	if (record->kind == SKAFU_KIND_EVENT)
		tell(told, SKAFU__DIM_STREAM, skafu__hash64(hash_key, record->stream, record->stream_length), at,
		     record->stream_version);
	else
		tell(told, SKAFU__DIM_KIND, record->kind, at, 0);
}

/* Up to `damaged`, which is record_count when none is. */
static struct told tell_all(const struct skafu__commit *commit, uint32_t damaged)
{
	struct told told = {0};

	tell(&told, SKAFU__DIM_COMMIT, skafu__hash64(hash_key, commit->id, 16), commit->number,
	     skafu__commit_last_sequence(commit));
	for (uint32_t i = 0; i < damaged; i++) {
		struct skafu__record record;

		ck_assert_int_eq(skafu__commit_record(commit, i, SKAFU__CHECK_ALL, &record), 0);
		tell_record(&told, &record, commit->first_sequence + i);
	}
	return told;
}

static void assert_told(const struct skafu__commit *commit, uint32_t damaged)
{
	struct told told = {0};
	struct skafu__derive_sink sink = {&told, on_name, tell_entries, NULL, on_row};
	struct told wanted = tell_all(commit, damaged);
	uint64_t sequence = 0;
	int32_t rc = skafu__derive(hash_key, commit, &sink, SKAFU__CHECK_ALL, &sequence);

	ck_assert_int_eq(rc, damaged < commit->record_count ? SKAFU_EDAMAGED : 0);
	ck_assert_uint_eq(sequence, damaged < commit->record_count ? commit->first_sequence + damaged : 0);
	ck_assert_uint_eq(told.entries, wanted.entries);
	ck_assert_mem_eq(told.sums, wanted.sums, sizeof told.sums);
}

static void assert_told_as_made(const struct skafu__commit *commit)
{
	struct skafu__batch_record made[200] = {0};
	struct told told = {0};
	struct skafu__derive_sink sink = {&told, on_name, tell_entries, NULL, on_row};
	struct told wanted = tell_all(commit, commit->record_count);

	for (uint32_t i = 0; i < commit->record_count; i++) {
		struct skafu__record record;

		ck_assert_int_eq(skafu__commit_record(commit, i, SKAFU__CHECK_ALL, &record), 0);
		made[i].stream_hash = skafu__hash64(hash_key, record.stream, record.stream_length);
	}
	ck_assert_int_eq(skafu__derive_made(hash_key, commit, made, &sink), 0);
	ck_assert_mem_eq(told.sums, wanted.sums, sizeof told.sums);
}

START_TEST(many_records_give_what_each_gives)
{
	struct skafu__commit commit;
	struct skafu__buf buf;

	seeded("many records");
	skafu__buf_init(&buf, skafu__sys_current(), 1 << 21);
	for (uint32_t round = 0; round < 200; round++) {
		skafu__buf_clear(&buf);
		many_commit(&buf, round);
		ck_assert_int_eq(skafu__commit_decode(buf.bytes, buf.length, &commit), 0);
		assert_told(&commit, round);
		assert_told_as_made(&commit);
		if (round == 0)
			continue;
		const uint8_t *bytes;
		uint32_t size;
		uint32_t damaged = random_below(round);
		ck_assert_int_eq(skafu__commit_place(&commit, damaged, &bytes, &size), 0);
		buf.bytes[bytes - buf.bytes + size - 1] ^= 1;
		assert_told(&commit, damaged);
	}
	skafu__buf_done(&buf);
}
END_TEST

START_TEST(only_two_dimensions_have_an_extra)
{
	for (uint32_t dimension = 1; dimension < SKAFU__DIMS; dimension++)
		ck_assert_int_eq(skafu__dimension_has_extra(dimension),
				 dimension == SKAFU__DIM_STREAM || dimension == SKAFU__DIM_COMMIT);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, all_of_it_in_order);
	tcase_add_test(tests, what_was_made_gives_the_same);
	tcase_add_test(tests, a_failing_sink_ends_it);
	tcase_add_test(tests, a_damaged_record_is_named);
	tcase_add_test(tests, many_records_give_what_each_gives);
	tcase_add_test(tests, only_two_dimensions_have_an_extra);
}

int main(void)
{
	return tempstore_main("derive", add);
}

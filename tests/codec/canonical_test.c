/*
 * canonical_test.c: the canonical form says everything about a commit but how it is stored.
 */
#include "codec/canonical.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/failing.h"
#include "codec/hash.h"
#include "codec/madecommit.h"
#include "util/suite.h"

static struct skafu__buf buf;
static struct skafu__commit commit;

static void make(void)
{
	skafu__buf_init(&buf, skafu__sys_current(), 1 << 20);
	made_commit(&buf);
	ck_assert_int_eq(skafu__commit_decode(buf.bytes, buf.length, &commit), 0);
}

static void drop(void)
{
	skafu__buf_done(&buf);
}

/* user: the set that has no names, or NULL */
static const char *name_of(const void *user, uint8_t set, uint32_t id, size_t *out_length)
{
	static const char *const names[] = {"", "Type", "domain", "text/plain", "table"};

	if (id != 1 || set == 0 || set > 4 || (user && *(const uint8_t *)user == set))
		return NULL;
	*out_length = strlen(names[set]);
	return names[set];
}

static const uint8_t *take_text(const uint8_t *at, const void *text, size_t length)
{
	ck_assert_uint_eq(skafu__load_u32(at), length);
	ck_assert(length == 0 || memcmp(at + 4, text, length) == 0);
	return at + 4 + length;
}

static const uint8_t *take_record(const uint8_t *at, uint32_t index)
{
	struct skafu__record record = made_record(index);
	uint8_t digest[SKAFU__DIGEST_BYTES - 4];

	ck_assert(at[0] == record.kind && at[1] == record.flags && at[2] == record.hops && at[3] == record.severity);
	ck_assert_uint_eq(skafu__load_u32(at + 4), record.event_version);
	ck_assert_uint_eq(skafu__load_u64(at + 8), record.stream_version);
	ck_assert_int_eq((int64_t)skafu__load_u64(at + 16), record.time_ns);
	ck_assert_mem_eq(at + 24, record.id, 16);
	ck_assert_mem_eq(at + 40, record.causation, 16);
	at = take_text(at + 56, "Type", 4);
	at = take_text(at, "domain", 6);
	at = take_text(at, "text/plain", 10);
	at = take_text(at, record.stream, record.stream_length);
	at = take_text(at, "cor", 3);
	ck_assert_uint_eq(skafu__load_u32(at), record.tag_count);
	at += 4;
	if (record.tag_count) {
		at = take_text(at, "t:1", 3);
		at = take_text(at, "t:2", 3);
	}
	at = take_text(at, "", 0);
	skafu__blake2b(digest, sizeof digest, &(struct skafu__part){"{}", 2}, 1);
	ck_assert_uint_eq(skafu__load_u32(at), 2);
	ck_assert_mem_eq(at + 4, digest, sizeof digest);
	return at + SKAFU__DIGEST_BYTES;
}

START_TEST(layout_is_the_documented_one)
{
	struct skafu__buf out;
	const uint8_t *at;

	skafu__buf_init(&out, skafu__sys_current(), 1 << 20);
	ck_assert_int_eq(skafu__commit_canonical(&commit, name_of, NULL, &out), 0);
	at = out.bytes;
	ck_assert_mem_eq(at, "skafu commit 1", 15);
	at += 15;
	ck_assert(skafu__load_u64(at) == MADE_NUMBER && skafu__load_u64(at + 8) == MADE_SEQUENCE);
	ck_assert_int_eq((int64_t)skafu__load_u64(at + 16), MADE_RECORDED);
	ck_assert_mem_eq(at + 24, made_id, 16);
	ck_assert_uint_eq(skafu__load_u32(at + 40), MADE_RECORDS);
	at += 44;
	for (uint32_t i = 0; i < MADE_RECORDS; i++)
		at = take_record(at, i);
	ck_assert_uint_eq(skafu__load_u32(at), MADE_ROWS);
	at += 4;
	for (uint32_t i = 0; i < MADE_ROWS; i++) {
		at = take_text(at, "table", 5);
		ck_assert_uint_eq(*at, made_rows[i].operation);
		at = take_text(at + 1, made_rows[i].key, made_rows[i].key_length);
		at = take_text(at, made_rows[i].value, made_rows[i].value_length);
	}
	ck_assert_ptr_eq(at, out.bytes + out.length);
	skafu__buf_done(&out);
}
END_TEST

START_TEST(it_is_appended)
{
	struct skafu__buf out;
	size_t once;

	skafu__buf_init(&out, skafu__sys_current(), 1 << 20);
	ck_assert_int_eq(skafu__commit_canonical(&commit, name_of, NULL, &out), 0);
	once = out.length;
	ck_assert_int_eq(skafu__commit_canonical(&commit, name_of, NULL, &out), 0);
	ck_assert_uint_eq(out.length, once * 2);
	ck_assert(memcmp(out.bytes, out.bytes + once, once) == 0);
	skafu__buf_done(&out);
}
END_TEST

START_TEST(unknown_names_and_damaged_records_are_found)
{
	struct skafu__buf out;

	for (uint8_t set = 1; set <= 4; set++) {
		skafu__buf_init(&out, skafu__sys_current(), 1 << 20);
		ck_assert_int_eq(skafu__commit_canonical(&commit, name_of, &set, &out), SKAFU_EDAMAGED);
		skafu__buf_done(&out);
	}
	buf.bytes[buf.length - 1] ^= 1;
	skafu__buf_init(&out, skafu__sys_current(), 1 << 20);
	ck_assert_int_eq(skafu__commit_canonical(&commit, name_of, NULL, &out), SKAFU_EDAMAGED);
	skafu__buf_done(&out);
}
END_TEST

START_TEST(no_room_is_told)
{
	struct failing failing;
	struct skafu__buf out;

	failing_init(&failing);
	for (failing.left = 0; failing.left < 3; failing.left++) {
		long left = failing.left;
		int32_t rc;

		skafu__buf_init(&out, &failing.sys, 1 << 20);
		rc = skafu__commit_canonical(&commit, name_of, NULL, &out);
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
		ck_assert(left != 0 || rc == SKAFU_ENOMEM);
		skafu__buf_done(&out);
		failing.left = left;
	}
	ck_assert_int_eq(failing.live, 0);
	skafu__buf_init(&out, skafu__sys_current(), 100);
	ck_assert_int_eq(skafu__commit_canonical(&commit, name_of, NULL, &out), SKAFU_ELIMIT);
	skafu__buf_done(&out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("canonical");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, layout_is_the_documented_one);
	tcase_add_test(tests, it_is_appended);
	tcase_add_test(tests, unknown_names_and_damaged_records_are_found);
	tcase_add_test(tests, no_room_is_told);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

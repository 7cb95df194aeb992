#include <check.h>
#include <string.h>

#include "base/bytes.h"
#include "base/failing.h"
#include "codec/canonical.h"
#include "codec/madecommit.h"
#include "codec/rewrite.h"
#include "util/suite.h"

static struct skafu__buf buf;
static struct skafu__commit commit;

static const char *name_of(const void *user, uint8_t set, uint32_t id, size_t *out_length)
{
	(void)user;
	(void)set;
	(void)id;
	*out_length = 4;
	return "name";
}

static void make(void)
{
	skafu__buf_init(&buf, skafu__sys_current(), 1 << 20);
	ck_assert_uint_gt(made_commit(&buf), 0);
	ck_assert_int_eq(skafu__commit_decode(buf.bytes, buf.length, &commit), 0);
}

static void drop(void)
{
	skafu__buf_done(&buf);
}

/* fate: of each record, k kept, e erased, l lost.  The first failure. */
static int32_t rewrite_with(const struct skafu__sys *sys, const char *fate, struct skafu__buf *out)
{
	struct skafu__rewrite rewrite;
	struct skafu__rewrite_part names;
	struct skafu__rewrite_part rows;
	struct skafu__commit_head head = {.number = commit.number, .first_sequence = commit.first_sequence,
					  .recorded_ns = commit.recorded_ns, .id = commit.id};
	int32_t rc = 0;

	skafu__rewrite_init(&rewrite, sys);
	skafu__rewrite_begin(&rewrite);
	for (uint32_t i = 0; rc == 0 && i < commit.record_count; i++) {
		struct skafu__record record;
		uint64_t sequence = commit.first_sequence + i;

		ck_assert_int_eq(skafu__commit_record(&commit, i, 1, &record), 0);
		if (fate[i] == 'k')
			rc = skafu__rewrite_keep(&rewrite,
						 (const uint8_t *)record.stream - SKAFU__RECORD_HEADER_BYTES,
						 record.size);
		else
			rc = fate[i] == 'e' ? skafu__rewrite_erase(&rewrite, &record, sequence)
					    : skafu__rewrite_lose(&rewrite, sequence);
	}
	skafu__rewrite_parts(&commit, &names, &rows);
	if (rc == 0)
		rc = skafu__rewrite_end(&rewrite, &head, &names, &rows, out);
	skafu__rewrite_done(&rewrite);
	return rc;
}

START_TEST(what_is_kept_is_the_same_to_the_byte)
{
	struct skafu__buf out;

	skafu__buf_init(&out, skafu__sys_current(), 1 << 20);
	ck_assert_int_eq(rewrite_with(skafu__sys_current(), "kkk", &out), 0);
	ck_assert_uint_eq(out.length, buf.length);
	ck_assert_mem_eq(out.bytes, buf.bytes, buf.length);
	skafu__buf_done(&out);
}
END_TEST

START_TEST(erased_payloads_are_gone_and_the_canonical_form_stays)
{
	struct skafu__buf out;
	struct skafu__buf canonical[2];
	struct skafu__commit made;
	struct skafu__record record;

	skafu__buf_init(&out, skafu__sys_current(), 1 << 20);
	ck_assert_int_eq(rewrite_with(skafu__sys_current(), "kek", &out), 0);
	ck_assert_int_eq(skafu__commit_decode(out.bytes, out.length, &made), 0);
	for (uint32_t i = 0; i < made.record_count; i++) {
		ck_assert_int_eq(skafu__commit_record(&made, i, 1, &record), 0);
		ck_assert_int_eq((record.flags & SKAFU__RECORD_ERASED) != 0, i == 1);
		ck_assert(i != 1 || (record.data_length == SKAFU__DIGEST_BYTES && skafu__load_u32(record.data) == 2));
	}
	for (int i = 0; i < 2; i++) {
		skafu__buf_init(&canonical[i], skafu__sys_current(), 1 << 20);
		ck_assert_int_eq(skafu__commit_canonical(i ? &made : &commit, name_of, NULL, &canonical[i]), 0);
	}
	ck_assert_uint_eq(canonical[0].length, canonical[1].length);
	ck_assert_mem_eq(canonical[0].bytes, canonical[1].bytes, canonical[0].length);
	/* Erased twice is erased once. */
	commit = made;
	skafu__buf_done(&canonical[0]);
	skafu__buf_init(&canonical[0], skafu__sys_current(), 1 << 20);
	ck_assert_int_eq(rewrite_with(skafu__sys_current(), "kek", &canonical[0]), 0);
	ck_assert_mem_eq(canonical[0].bytes, out.bytes, out.length);
	skafu__buf_done(&canonical[0]);
	skafu__buf_done(&canonical[1]);
	skafu__buf_done(&out);
}
END_TEST

START_TEST(lost_records_keep_their_place)
{
	struct skafu__buf out;
	struct skafu__buf canonical;
	struct skafu__commit made;
	struct skafu__record record;

	skafu__buf_init(&out, skafu__sys_current(), 1 << 20);
	skafu__buf_init(&canonical, skafu__sys_current(), 1 << 20);
	ck_assert_int_eq(rewrite_with(skafu__sys_current(), "lkl", &out), 0);
	ck_assert_int_eq(skafu__commit_decode(out.bytes, out.length, &made), 0);
	ck_assert_uint_eq(made.record_count, commit.record_count);
	for (uint32_t i = 0; i < made.record_count; i++) {
		ck_assert_int_eq(skafu__commit_record(&made, i, 1, &record), 0);
		ck_assert_int_eq(record.kind == SKAFU__KIND_LOST, i != 1);
	}
	ck_assert_int_eq(skafu__commit_canonical(&made, name_of, NULL, &canonical), 0);
	skafu__buf_done(&canonical);
	skafu__buf_done(&out);
}
END_TEST

START_TEST(no_room_is_told)
{
	for (long left = 0;; left++) {
		struct failing failing;
		struct skafu__buf out;
		int32_t rc;

		failing_init(&failing);
		failing.left = left;
		skafu__buf_init(&out, &failing.sys, 1 << 20);
		rc = rewrite_with(&failing.sys, "kel", &out);
		skafu__buf_done(&out);
		ck_assert_int_eq(failing.live, 0);
		if (rc == 0)
			break;
		ck_assert_int_eq(rc, SKAFU_ENOMEM);
		ck_assert_int_lt(left, 100);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rewrite");
	TCase *tests = tcase_create("all");

	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, what_is_kept_is_the_same_to_the_byte);
	tcase_add_test(tests, erased_payloads_are_gone_and_the_canonical_form_stays);
	tcase_add_test(tests, lost_records_keep_their_place);
	tcase_add_test(tests, no_room_is_told);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

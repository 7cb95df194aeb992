/*
 * writer_test.c: one write transaction by hand: what is put, taken back, and left when it is given up.
 */
#include "store/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

static struct tempstore temp;
static struct skafu__writer writer;

static void make(void)
{
	tempstore_new(&temp);
	append_event(temp.store, "old", "Old", NULL);
}

static void drop(void)
{
	tempstore_done(&temp);
}

static void begin(void)
{
	pthread_mutex_lock(&temp.store->commit_lock);
	went(skafu__control_lock(&temp.store->control, INT64_MAX, fault));
	pthread_rwlock_wrlock(&temp.store->gate);
	went(skafu__writer_begin(&writer, temp.store, fault));
}

static void end(int commit)
{
	if (!commit)
		skafu__writer_abort(&writer);
	pthread_rwlock_unlock(&temp.store->gate);
	if (commit)
		went(skafu__writer_commit(&writer, fault));
	skafu__writer_done(&writer);
	skafu__control_unlock(&temp.store->control);
	pthread_mutex_unlock(&temp.store->commit_lock);
}

static int32_t put_many(const char *stream, const char *type, int count, skafu_appended *out)
{
	skafu_batch *batch = batch_of(temp.store);
	skafu_appended own = {0};
	int32_t rc;

	for (int i = 0; i < count; i++)
		add_event(batch, stream, type, NULL);
	went(skafu__batch_fix_id(batch, fault));
	rc = skafu__writer_add(&writer, batch, out ? out : &own, fault);
	skafu_batch_free(batch);
	return rc;
}

static int32_t put(const char *stream, const char *type, skafu_appended *out)
{
	return put_many(stream, type, 1, out);
}

START_TEST(commits_gather_in_one_chunk)
{
	skafu_appended out = {0};
	struct skafu__view view;

	begin();
	for (uint64_t i = 1; i <= 10; i++) {
		went(put("s", "T", &out));
		ck_assert(out.first_sequence == i + 1 && out.stream_version == i && out.commit == i + 1);
	}
	ck_assert_uint_eq(writer.commits_added, 10);
	went(skafu__writer_put(&writer, fault));
	ck_assert_uint_eq(writer.chunk.length, 0);
	went(skafu__writer_put(&writer, fault)); /* nothing waits: nothing happens */
	end(1);
	ck_assert(head_of(temp.store) == 11 && version_of(temp.store, "s") == 10);
	went(skafu__view_open(temp.store, &view, fault));
	ck_assert(view.chunk_key.last_commit == 11 && view.chunk_key.last_sequence == 11);
	went(skafu__view_commit(&view, 2, 2, fault));
	ck_assert_uint_eq(view.chunk_key.last_commit, 11); /* all ten are in one value */
	skafu__view_close(&view);
}
END_TEST

START_TEST(an_abort_leaves_nothing)
{
	uint32_t types = temp.store->names.counts[SKAFU__NAME_TYPE];

	begin();
	went(put("s", "NewType", NULL));
	went(put("old", "NewType2", NULL));
	ck_assert_uint_eq(temp.store->names.counts[SKAFU__NAME_TYPE], types + 2);
	end(0);
	ck_assert_uint_eq(temp.store->names.counts[SKAFU__NAME_TYPE], types);
	ck_assert(head_of(temp.store) == 1 && version_of(temp.store, "s") == 0 && version_of(temp.store, "old") == 1);
	ck_assert_uint_eq(append_event(temp.store, "old", "NewType2", NULL), 2);
	ck_assert_uint_eq(version_of(temp.store, "old"), 2);
	tempstore_reopen(&temp);
	ck_assert_uint_eq(head_of(temp.store), 2);
}
END_TEST

START_TEST(what_waits_can_be_read)
{
	struct skafu__record record;
	uint64_t version = 0;

	begin();
	went(put("s", "T", NULL));
	went(put("s", "T", NULL));
	ck_assert_uint_gt(writer.chunk.length, 0);
	went(skafu__writer_record(&writer, 3, &record, fault));
	ck_assert_str_eq(record.stream, "s");
	ck_assert_uint_eq(record.stream_version, 2);
	ck_assert_uint_eq(writer.chunk.length, 0); /* it was put to be read */
	ck_assert_int_eq(skafu__writer_record(&writer, 4, &record, fault), SKAFU_ENOTFOUND);
	went(skafu__writer_stream_version(&writer, "s", 1, &version, fault));
	ck_assert_uint_eq(version, 2);
	went(skafu__writer_stream_version(&writer, "old", 3, &version, fault));
	ck_assert_uint_eq(version, 1);
	went(skafu__writer_stream_version(&writer, "none", 4, &version, fault));
	ck_assert_uint_eq(version, 0);
	end(0);
}
END_TEST

START_TEST(a_refused_batch_leaves_the_others)
{
	skafu_batch *batch = batch_of(temp.store);
	skafu_appended out = {0};
	uint32_t types;

	begin();
	went(put("s", "T", NULL));
	types = temp.store->names.counts[SKAFU__NAME_TYPE];
	add_event(batch, "s", "Refused", NULL);
	went(skafu_batch_expect_stream(batch, "s", SKAFU_EXPECT_NONE, 0, fault)); /* sees the one before */
	went(skafu__batch_fix_id(batch, fault));
	refused(SKAFU_ECONFLICT, skafu__writer_add(&writer, batch, &out, fault));
	ck_assert_int_eq(writer.is_broken, 0);
	ck_assert_uint_eq(temp.store->names.counts[SKAFU__NAME_TYPE], types);
	went(put("s", "T", &out));
	ck_assert_uint_eq(out.stream_version, 2);
	went(skafu__writer_put(&writer, fault));
	end(1);
	ck_assert_uint_eq(head_of(temp.store), 3);
	skafu_batch_free(batch);
}
END_TEST

START_TEST(a_type_keeps_its_domain)
{
	skafu_batch *batch = batch_of(temp.store);
	skafu_new_record record = event_of("s", "Old");

	record.source = "intruder";
	went(skafu_batch_add(batch, &record, fault));
	refused(SKAFU_EDEFINITION, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	message_names("default");
	message_names("intruder");
	skafu_batch_free(batch);
	ck_assert_uint_eq(skafu__names_find(&temp.store->names, SKAFU__NAME_DOMAIN, "intruder", 8), 0);
	tempstore_reopen(&temp); /* the log remembers it */
	batch = batch_of(temp.store);
	went(skafu_batch_add(batch, &record, fault));
	refused(SKAFU_EDEFINITION, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(batch);
}
END_TEST

START_TEST(heads_are_a_cache)
{
	skafu_store_opts opts = {.size = sizeof opts, .cache_bytes_max = 1u << 16};
	skafu_store *small = NULL;
	char name[32];

	went(skafu_store_open_memory(&opts, &small, fault));
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 4000; i++) { /* far more streams than fit */
			snprintf(name, sizeof name, "stream number %d", i);
			append_event(small, name, "T", NULL);
		}
	for (int i = 0; i < 4000; i += 397) {
		snprintf(name, sizeof name, "stream number %d", i);
		ck_assert_uint_eq(version_of(small, name), 2);
	}
	skafu_store_close(small);
}
END_TEST

START_TEST(a_large_batch_is_one_commit)
{
	skafu_batch *batch = batch_of(temp.store);
	skafu_appended got;

	for (int i = 0; i < 5000; i++)
		add_event(batch, i % 2 ? "a" : "b", "T", "k:v");
	got = appended_by(temp.store, batch);
	ck_assert(got.commit == 2 && got.first_sequence == 2 && got.last_sequence == 5001);
	ck_assert_uint_eq(got.stream_version, 2500);
	tempstore_reopen(&temp);
	ck_assert(version_of(temp.store, "a") == 2500 && version_of(temp.store, "b") == 2500);
}
END_TEST

static uint64_t last_of_chunk_with(uint64_t commit, uint64_t sequence)
{
	struct skafu__view view;

	went(skafu__view_open(temp.store, &view, fault));
	went(skafu__view_commit(&view, commit, sequence, fault));
	uint64_t last = view.chunk_key.last_commit;
	skafu__view_close(&view);
	return last;
}

/* It goes to LMDB at once when nothing waits, and is read there by what follows; behind others it waits with them if
 * there is room.  Commit 2 is small, 3 and 4 are large, 5 and 6 are small, and 7 is large. */
START_TEST(a_large_commit_is_a_value_by_itself)
{
	struct skafu__record record;

	begin();
	went(put("s", "T", NULL));
	went(put_many("s", "T", 600, NULL)); /* does not fit behind the first */
	ck_assert_uint_eq(writer.chunk.length, 0);
	ck_assert_uint_eq(writer.view.head, 602);
	went(put_many("s", "New", 400, NULL));
	ck_assert_uint_eq(writer.chunk.length, 0);
	went(skafu__writer_record(&writer, 1002, &record, fault));
	ck_assert_uint_eq(record.stream_version, 1001);
	went(put("s", "T", NULL));
	went(put("s", "T", NULL));
	ck_assert_uint_ne(writer.chunk.length, 0);
	went(put_many("s", "T", 300, NULL));
	went(skafu__writer_put(&writer, fault));
	end(1);
	tempstore_reopen(&temp);
	ck_assert(head_of(temp.store) == 1304 && version_of(temp.store, "s") == 1303);
	ck_assert_uint_eq(last_of_chunk_with(2, 2), 2);
	ck_assert_uint_eq(last_of_chunk_with(3, 3), 3);
	ck_assert_uint_eq(last_of_chunk_with(4, 603), 4);
	ck_assert_uint_eq(last_of_chunk_with(5, 1003), last_of_chunk_with(6, 1004));
}
END_TEST

START_TEST(an_abort_takes_a_large_commit_back)
{
	begin();
	went(put_many("s", "T", 400, NULL));
	went(put("old", "T", NULL));
	end(0);
	ck_assert_uint_eq(version_of(temp.store, "s"), 0);
	ck_assert(append_event(temp.store, "old", "T", NULL) == 2 && version_of(temp.store, "old") == 2);
	tempstore_reopen(&temp);
	ck_assert_uint_eq(head_of(temp.store), 2);
}
END_TEST

/* While the heads of a batch are looked up, new ones come into the cache and move the others. */
START_TEST(heads_that_move_are_found_again)
{
	uint64_t versions[3000] = {0};
	char name[32];

	seeded("heads that move");
	for (int round = 0; round < 12; round++) {
		skafu_batch *batch = batch_of(temp.store);

		for (int i = 0; i < 1 + 130 * round; i++) {
			unsigned stream = random_below(3000);

			snprintf(name, sizeof name, "stream %u", stream);
			add_event(batch, name, "T", NULL);
			versions[stream]++;
		}
		appended_by(temp.store, batch);
	}
	tempstore_reopen(&temp); /* what was written, not what is remembered */
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof name, "stream %u", i);
		ck_assert_uint_eq(version_of(temp.store, name), versions[i]);
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, commits_gather_in_one_chunk);
	tcase_add_test(tests, an_abort_leaves_nothing);
	tcase_add_test(tests, what_waits_can_be_read);
	tcase_add_test(tests, a_refused_batch_leaves_the_others);
	tcase_add_test(tests, a_type_keeps_its_domain);
	tcase_add_test(tests, heads_are_a_cache);
	tcase_add_test(tests, a_large_batch_is_one_commit);
	tcase_add_test(tests, a_large_commit_is_a_value_by_itself);
	tcase_add_test(tests, an_abort_takes_a_large_commit_back);
	tcase_add_test(tests, heads_that_move_are_found_again);
}

int main(void)
{
	return tempstore_main("writer", add);
}

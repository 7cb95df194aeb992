/*
 * append_test.c: commits: places, retries, several at once, several callers, full maps and disks, time.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/testhook.h"
#include "store/batch.h"
#include "store/tempstore.h"

#define HOUR_NS (INT64_C(3600) * 1000000000)

static const uint8_t an_id[16] = {0xaa, 1};
static const uint8_t other_id[16] = {0xaa, 2};

static skafu_batch *named(skafu_store *store, const uint8_t id[16], const char *type)
{
	skafu_batch *batch = batch_of(store);

	add_event(batch, "s", type, NULL);
	went(skafu_batch_set_id(batch, id, fault));
	return batch;
}

/* ---- places ---------------------------------------------------------------------------------------------------- */

START_TEST(places_are_told)
{
	skafu_store *store = memory_store();
	skafu_batch *batch = batch_of(store);
	skafu_appended got;

	add_event(batch, "a", "T", NULL);
	add_event(batch, "b", "T", NULL);
	add_event(batch, "a", "T", NULL);
	add_kind(batch, SKAFU_KIND_COMMAND, "Do");
	got = appended_by(store, batch);
	ck_assert(got.commit == 1 && got.first_sequence == 1 && got.last_sequence == 4 && got.flags == 0);
	ck_assert_uint_eq(got.stream_version, 2); /* of the last event */
	ck_assert_uint_eq(got.size, sizeof got);
	batch = batch_of(store);
	went(skafu_batch_put_row(batch, "t", "k", 1, "v", 1, fault));
	got = appended_by(store, batch);
	ck_assert(got.commit == 2 && got.first_sequence == 0 && got.last_sequence == 0 && got.stream_version == 0);
	batch = batch_of(store);
	add_kind(batch, SKAFU_KIND_OUTCOME, "Done");
	got = appended_by(store, batch);
	ck_assert(got.commit == 3 && got.first_sequence == 5 && got.stream_version == 0);
	ck_assert_uint_eq(version_of(store, "a"), 2);
	ck_assert_uint_eq(version_of(store, "b"), 1);
	skafu_store_close(store);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	skafu_store *store = memory_store();
	skafu_store *other = memory_store();
	skafu_batch *empty = batch_of(store);
	skafu_batch *strange = batch_of(other);
	skafu_batch *pair[2];
	skafu_appended got = {.size = 4};
	int32_t results[2] = {7, 7};

	refused(SKAFU_EINVAL, skafu_append(NULL, empty, 0, NULL, fault));
	refused(SKAFU_EINVAL, skafu_append(store, NULL, 0, NULL, fault));
	refused(SKAFU_EINVAL, skafu_append(store, empty, 0, NULL, fault));
	went(skafu_batch_expect_stream(empty, "s", SKAFU_EXPECT_NONE, 0, fault));
	refused(SKAFU_EINVAL, skafu_append(store, empty, 0, NULL, fault)); /* conditions alone are no commit */
	add_event(strange, "s", "T", NULL);
	refused(SKAFU_EMISUSE, skafu_append(store, strange, 0, NULL, fault));
	refused(SKAFU_EOPTION, skafu_append(other, strange, 0, &got, fault));
	got.size = 0;
	refused(SKAFU_EOPTION, skafu_append(other, strange, 0, &got, fault));
	pair[0] = strange;
	pair[1] = strange;
	refused(SKAFU_EINVAL, skafu_append_many(other, pair, 2, 0, results, NULL, fault));
	refused(SKAFU_EINVAL, skafu_append_many(other, pair, 0, 0, results, NULL, fault));
	refused(SKAFU_EINVAL, skafu_append_many(other, NULL, 1, 0, results, NULL, fault));
	pair[1] = NULL;
	refused(SKAFU_EINVAL, skafu_append_many(other, pair, 2, 0, results, NULL, fault));
	ck_assert_uint_eq(skafu_error_batch(fault), 2);
	pair[1] = empty;
	refused(SKAFU_EMISUSE, skafu_append_many(other, pair, 2, 0, results, NULL, fault));
	ck_assert_int_eq(results[0], 7);
	ck_assert(head_of(store) == 0 && head_of(other) == 0);
	refused(SKAFU_EINVAL, skafu_commit_status(store, NULL, NULL, fault));
	refused(SKAFU_EINVAL, skafu_commit_status(NULL, an_id, NULL, fault));
	refused(SKAFU_ENOTFOUND, skafu_commit_status(store, an_id, NULL, fault));
	refused(SKAFU_EOPTION, skafu_commit_status(store, an_id, &got, fault));
	skafu_batch_free(strange);
	skafu_batch_free(empty);
	skafu_store_close(other);
	skafu_store_close(store);
}
END_TEST

/* ---- retries --------------------------------------------------------------------------------------------------- */

START_TEST(the_same_commit_again_is_a_retry)
{
	skafu_store *store = memory_store();
	skafu_appended first = appended_by(store, named(store, an_id, "T"));
	skafu_appended again = appended_by(store, named(store, an_id, "T"));
	skafu_appended status = {.size = sizeof status};
	skafu_batch *other = named(store, an_id, "U");

	ck_assert_uint_eq(again.flags, SKAFU_APPENDED_RETRY);
	again.flags = 0;
	ck_assert_mem_eq(&first, &again, sizeof first);
	refused(SKAFU_ECOMMIT, skafu_append(store, other, SKAFU_WAIT_FOREVER, &again, fault));
	ck_assert_uint_eq(skafu_error_sequence(fault), 1);
	skafu_batch_free(other);
	went(skafu_commit_status(store, an_id, &status, fault));
	ck_assert_mem_eq(&first, &status, sizeof first);
	ck_assert_uint_eq(head_of(store), 1);
	appended_by(store, named(store, other_id, "U"));
	ck_assert_uint_eq(head_of(store), 2);
	skafu_store_close(store);
}
END_TEST

/* A batch that differs in one thing from `an_id`'s commit. */
static void differs_by(skafu_store *store, int what)
{
	skafu_batch *batch = batch_of(store);
	skafu_new_record record = event_of(what == 1 ? "s2" : "s", what == 2 ? "U" : "T");
	static const char *const tags[] = {"a", "b"};

	record.tags = tags;
	record.tag_count = what == 3 ? 2 : 1;
	record.data = what == 4 ? "[1]" : "[2]";
	record.data_length = 3;
	record.metadata = what == 5 ? "{ }" : "{}";
	record.metadata_length = what == 5 ? 3 : 2;
	record.event_version = what == 6 ? 2 << 16 : 0;
	record.hops = what == 7;
	record.causation = what == 8 ? an_id : NULL;
	record.correlation = what == 9 ? "d" : "c";
	record.time_ns = what == 10 ? 8 : 7;
	record.content_type = what == 11 ? "application/x+json" : NULL;
	record.source = what == 12 ? "elsewhere" : NULL;
	went(skafu_batch_add(batch, &record, fault));
	went(skafu_batch_put_row(batch, what == 13 ? "t2" : "t", what == 14 ? "l" : "k", 1, what == 15 ? "w" : "v", 1,
				 fault));
	if (what == 16)
		went(skafu_batch_delete_row(batch, "t", "k", 1, fault));
	if (what == 17)
		went(skafu_batch_add(batch, &record, fault));
	went(skafu_batch_set_id(batch, an_id, fault));
	if (what == 0)
		went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	else
		refused(SKAFU_ECOMMIT, skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(batch);
}

START_TEST(every_difference_is_other_content)
{
	skafu_store *store = memory_store();

	differs_by(store, 0);
	differs_by(store, 0);
	ck_assert_uint_eq(head_of(store), 1);
	for (int what = 1; what <= 17; what++)
		differs_by(store, what);
	ck_assert_uint_eq(head_of(store), 1);
	skafu_store_close(store);
}
END_TEST

START_TEST(derived_ids_make_retries)
{
	skafu_store *store = memory_store();
	skafu_new_record record = event_of("s", "T");
	skafu_batch *batch = batch_of(store);
	skafu_appended got;

	record.id = an_id;
	went(skafu_batch_add(batch, &record, fault));
	appended_by(store, batch);
	batch = batch_of(store);
	went(skafu_batch_add(batch, &record, fault));
	got = appended_by(store, batch);
	ck_assert_uint_eq(got.flags, SKAFU_APPENDED_RETRY);
	batch = batch_of(store); /* a known record in another commit */
	add_event(batch, "s", "T", NULL);
	went(skafu_batch_add(batch, &record, fault));
	refused(SKAFU_EDUPLICATE, skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert(skafu_error_sequence(fault) == 1 && skafu_error_item(fault) == 2);
	message_names("aa010000");
	skafu_batch_free(batch);
	ck_assert_uint_eq(head_of(store), 1);
	skafu_store_close(store);
}
END_TEST

/* _i: 0 another batch uses the id before, 1 in the same call. */
START_TEST(an_id_that_was_handed_out_is_looked_for)
{
	skafu_store *store = memory_store();
	skafu_batch *batches[3] = {batch_of(store), batch_of(store), batch_of(store)};
	skafu_new_record record = event_of("other", "T");
	int32_t results[3];
	uint8_t id[16];
	uint8_t commit[16];

	add_event(batches[0], "s", "T", NULL); /* it waits in the chunk of the call, and so does the next one */
	add_event(batches[2], "s", "T", NULL);
	add_event(batches[2], "s", "T", NULL);
	went(skafu_batch_record_id(batches[2], 1, id));
	record.id = id;
	went(skafu_batch_add(batches[1], &record, fault));
	if (_i == 0)
		for (int i = 0; i < 2; i++)
			went(skafu_append(store, batches[i], SKAFU_WAIT_FOREVER, NULL, fault));
	if (_i == 0)
		refused(SKAFU_EDUPLICATE, skafu_append(store, batches[2], SKAFU_WAIT_FOREVER, NULL, fault));
	else
		refused(SKAFU_EDUPLICATE, skafu_append_many(store, batches, 3, SKAFU_WAIT_FOREVER, results, NULL,
							    fault));
	ck_assert(skafu_error_sequence(fault) == 2 && skafu_error_item(fault) == 2);
	ck_assert_uint_eq(head_of(store), 2);
	/* The id of a record is not the host's for all that: the commit has an id of its own. */
	skafu_batch_clear(batches[2]);
	add_event(batches[2], "s", "T", NULL);
	went(skafu_batch_record_id(batches[2], 0, id));
	went(skafu_batch_record_id(batches[2], 0, id));
	went(skafu_append(store, batches[2], SKAFU_WAIT_FOREVER, NULL, fault));
	went(skafu_batch_id(batches[2], commit, fault));
	ck_assert_uint_eq(commit[6] >> 4, 7);
	for (int i = 0; i < 3; i++)
		skafu_batch_free(batches[i]);
	skafu_store_close(store);
}
END_TEST

START_TEST(a_batch_may_be_appended_again)
{
	skafu_store *store = memory_store();
	skafu_batch *batch = batch_of(store);
	skafu_appended got = {.size = sizeof got};

	add_event(batch, "s", "T", NULL); /* all ids are the library's */
	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, &got, fault));
	ck_assert_uint_eq(got.flags, 0);
	append_event(store, "s", "T", NULL);
	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, &got, fault));
	ck_assert(got.flags == SKAFU_APPENDED_RETRY && got.last_sequence == 1);
	went(skafu_append_many(store, &batch, 1, SKAFU_WAIT_FOREVER, NULL, &got, fault));
	ck_assert(got.flags == SKAFU_APPENDED_RETRY && got.last_sequence == 1);
	skafu_batch_free(batch);
	ck_assert_uint_eq(head_of(store), 2);
	skafu_store_close(store);
}
END_TEST

START_TEST(a_retry_does_not_look_at_conditions)
{
	skafu_store *store = memory_store();

	for (int i = 0; i < 2; i++) {
		skafu_batch *batch = named(store, an_id, "T");
		skafu_appended got;

		went(skafu_batch_expect_stream(batch, "s", SKAFU_EXPECT_NONE, 0, fault));
		got = appended_by(store, batch);
		ck_assert_uint_eq(got.flags, i ? SKAFU_APPENDED_RETRY : 0);
	}
	skafu_store_close(store);
}
END_TEST

/* ---- several at once ------------------------------------------------------------------------------------------- */

START_TEST(many_are_judged_alone_and_in_order)
{
	skafu_store *store = memory_store();
	skafu_batch *batches[4];
	skafu_appended got[4];
	int32_t results[4] = {1, 1, 1, 1};

	memset(got, 0, sizeof got);
	for (uint32_t i = 0; i < 4; i++) {
		batches[i] = batch_of(store);
		got[i].size = sizeof *got;
		add_event(batches[i], "s", "T", NULL);
	}
	went(skafu_batch_expect_stream(batches[0], "s", SKAFU_EXPECT_NONE, 0, fault));
	went(skafu_batch_expect_stream(batches[1], "s", SKAFU_EXPECT_NONE, 0, fault));	  /* sees the first */
	went(skafu_batch_expect_stream(batches[2], "other", SKAFU_EXPECT_ANY, 0, fault));
	went(skafu_batch_expect_stream(batches[2], "s", SKAFU_EXPECT_EXACT, 1, fault));
	went(skafu_batch_expect_stream(batches[3], "s", SKAFU_EXPECT_EXACT, 9, fault));
	refused(SKAFU_ECONFLICT, skafu_append_many(store, batches, 4, SKAFU_WAIT_FOREVER, results, got, fault));
	ck_assert_uint_eq(skafu_error_batch(fault), 2);
	ck_assert(skafu_error_condition(fault) == 1 && skafu_error_version(fault) == 1);
	ck_assert(results[0] == 0 && results[2] == 0);
	ck_assert(results[1] == SKAFU_ECONFLICT && results[3] == SKAFU_ECONFLICT);
	ck_assert(got[0].last_sequence == 1 && got[2].last_sequence == 2 && got[2].commit == 2);
	ck_assert(got[1].commit == 0 && got[3].commit == 0); /* not written */
	for (uint32_t i = 0; i < 4; i++)
		skafu_batch_free(batches[i]);
	ck_assert_uint_eq(head_of(store), 2);
	skafu_store_close(store);
}
END_TEST

/* A host that was compiled when the struct had two members less: its array has shorter elements. */
START_TEST(many_places_as_long_as_the_host_believes)
{
	skafu_store *store = memory_store();
	skafu_batch *batches[2] = {batch_of(store), batch_of(store)};
	struct shorter {
		uint32_t size;
		uint32_t flags;
		uint64_t commit;
		uint64_t first_sequence;
		uint64_t last_sequence;
	} got[3] = {{.size = sizeof *got}, {.size = sizeof *got}, {.commit = 77}};

	add_event(batches[0], "s", "T", NULL);
	add_event(batches[1], "s", "T", NULL);
	went(skafu_append_many(store, batches, 2, SKAFU_WAIT_FOREVER, NULL, (skafu_appended *)(void *)got, fault));
	ck_assert(got[0].last_sequence == 1 && got[1].last_sequence == 2 && got[1].commit == 2);
	ck_assert(got[2].size == 0 && got[2].commit == 77);
	got[0].size = sizeof *got - 1;
	refused(SKAFU_EOPTION, skafu_append_many(store, batches, 2, SKAFU_WAIT_FOREVER, NULL,
						 (skafu_appended *)(void *)got, fault));
	skafu_batch_free(batches[0]);
	skafu_batch_free(batches[1]);
	skafu_store_close(store);
}
END_TEST

START_TEST(many_share_one_flush)
{
	skafu_store *store = memory_store();
	skafu_batch *batches[100];
	skafu_store_stats stats = {.size = sizeof stats};

	for (uint32_t i = 0; i < 100; i++) {
		batches[i] = batch_of(store);
		add_event(batches[i], "s", "T", NULL);
	}
	went(skafu_append_many(store, batches, 100, SKAFU_WAIT_FOREVER, NULL, NULL, fault));
	for (uint32_t i = 0; i < 100; i++)
		skafu_batch_free(batches[i]);
	went(skafu_store_stats_get(store, &stats, fault));
	ck_assert(stats.appends == 100 && stats.flushes == 1 && stats.commits == 100 && stats.head == 100);
	skafu_store_close(store);
}
END_TEST

#define CALLERS 6
#define CALLS 150
#define CALL_NS UINT64_C(30000000000)

static void *caller(void *user)
{
	skafu_store *store = user;
	skafu_error *own = NULL;
	uint64_t failed = skafu_error_new(&own) != 0;

	for (int i = 0; i < CALLS; i++) {
		skafu_batch *batch = NULL;
		skafu_new_record record = event_of("shared", "T");
		skafu_appended got = {.size = sizeof got};

		failed += skafu_batch_new(store, &batch, own) != 0;
		failed += skafu_batch_add(batch, &record, own) != 0;
		failed += skafu_append(store, batch, i % 3 ? SKAFU_WAIT_FOREVER : CALL_NS, &got, own) != 0;
		failed += got.stream_version != got.last_sequence; /* there is one stream */
		skafu_batch_free(batch);
	}
	skafu_error_free(own);
	return (void *)(uintptr_t)failed;
}

START_TEST(callers_share_flushes)
{
	struct tempstore temp;
	pthread_t threads[CALLERS];
	skafu_store_stats stats = {.size = sizeof stats};

	tempstore_new(&temp);
	for (int i = 0; i < CALLERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, caller, temp.store), 0);
	for (int i = 0; i < CALLERS; i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	went(skafu_store_stats_get(temp.store, &stats, fault));
	ck_assert_uint_eq(stats.appends, CALLERS * CALLS);
	ck_assert_uint_le(stats.flushes, CALLERS * CALLS);
	ck_assert_uint_eq(head_of(temp.store), CALLERS * CALLS);
	ck_assert_uint_eq(version_of(temp.store, "shared"), CALLERS * CALLS);
	tempstore_done(&temp);
}
END_TEST

/* ---- full ------------------------------------------------------------------------------------------------------ */

static skafu_batch *large_batch(skafu_store *store, size_t bytes)
{
	skafu_batch *batch = batch_of(store);
	skafu_new_record record = event_of("large", "Large");
	uint8_t *data = malloc(bytes);

	ck_assert_ptr_nonnull(data);
	memset(data, 0x5a, bytes);
	record.content_type = "application/octet-stream";
	record.data = data;
	record.data_length = bytes;
	went(skafu_batch_add(batch, &record, fault));
	free(data);
	return batch;
}

START_TEST(a_full_map_grows_by_itself)
{
	struct skafu__tuning tuning = {.no_sync = 1, .map_bytes = 1u << 20};
	struct tempstore temp;
	skafu_cursor *cursor;
	const skafu_record *record;
	skafu_store_stats stats = {.size = sizeof stats};

	skafu__tuning_override(&tuning);
	tempstore_make(&temp);
	tempstore_open(&temp, NULL);
	append_event(temp.store, "s", "T", NULL);
	went(skafu_read(temp.store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	for (int i = 0; i < 40; i++)
		appended_by(temp.store, large_batch(temp.store, 200000));
	ck_assert_uint_eq(head_of(temp.store), 41);
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, fault), 1); /* the map moved under it */
	ck_assert_uint_eq(record->sequence, 1);
	skafu_cursor_free(cursor);
	went(skafu_store_stats_get(temp.store, &stats, fault));
	ck_assert_uint_gt(stats.file_bytes, 8000000);
	tempstore_done(&temp);
}
END_TEST

START_TEST(the_limit_of_the_store_is_kept)
{
	skafu_store_opts opts = {.size = sizeof opts, .store_bytes_max = 2u << 20};
	struct skafu__tuning tuning = {.no_sync = 1, .map_bytes = 1u << 20};
	struct tempstore temp;
	skafu_batch *batch;
	uint64_t head;
	int32_t rc;

	skafu__tuning_override(&tuning);
	tempstore_make(&temp);
	tempstore_open(&temp, &opts);
	for (head = 0;; head++) {
		batch = large_batch(temp.store, 100000);
		alarm(20); /* it once looped for ever */
		rc = skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault);
		alarm(0);
		skafu_batch_free(batch);
		if (rc != 0)
			break;
	}
	ck_assert_int_eq(rc, SKAFU_EFULL);
	message_names("store_bytes_max");
	ck_assert_uint_gt(head, 5);
	ck_assert_uint_eq(head_of(temp.store), head);
	ck_assert_uint_eq(append_event(temp.store, "s", "T", NULL), head + 1); /* a small one still fits */
	tempstore_close(&temp);
	tempstore_open(&temp, NULL); /* and a larger limit helps */
	appended_by(temp.store, large_batch(temp.store, 200000));
	ck_assert_uint_eq(head_of(temp.store), head + 2);
	tempstore_done(&temp);
}
END_TEST

/* Fill a tmpfs with a file, append until it is full, give room back, go on. */
static void fill_disk(const struct tempstore *temp, int leave)
{
	char path[400];
	static char zeros[4096];
	int fd;

	snprintf(path, sizeof path, "%s/filler", temp->directory);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	ck_assert(fd >= 0);
	while (write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros)
		;
	if (leave)
		ck_assert_int_eq(ftruncate(fd, lseek(fd, 0, SEEK_CUR) - (off_t)leave), 0);
	close(fd);
}

START_TEST(a_full_disk_refuses_and_recovers)
{
	struct tempstore temp;
	char path[400];
	uint64_t head;

	skafu__tuning_override(NULL);
	tempstore_make(&temp);
	if (geteuid() != 0 || mount("tmpfs", temp.directory, "tmpfs", 0, "size=2m") != 0) {
		printf("append_test: SKIPPED a full disk: no tmpfs can be mounted here (%s)\n", strerror(errno));
		tempstore_done(&temp);
		return;
	}
	tempstore_open(&temp, NULL);
	append_event(temp.store, "s", "T", NULL);
	fill_disk(&temp, 100000);
	for (int i = 0; i < 3; i++) {
		skafu_batch *batch = large_batch(temp.store, 150000);

		head = head_of(temp.store);
		refused(SKAFU_ENOSPACE, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
		skafu_batch_free(batch);
		ck_assert_uint_eq(head_of(temp.store), head);
		append_event(temp.store, "s", "T", NULL); /* what fits goes in */
	}
	snprintf(path, sizeof path, "%s/filler", temp.directory);
	ck_assert_int_eq(unlink(path), 0);
	appended_by(temp.store, large_batch(temp.store, 150000));
	head = head_of(temp.store);
	tempstore_reopen(&temp);
	ck_assert_uint_eq(head_of(temp.store), head);
	tempstore_close(&temp);
	umount2(temp.directory, MNT_DETACH);
	tempstore_done(&temp);
}
END_TEST

/* Opening where there is not one block left: an answer, never a signal. */
static int open_on_full_disk(void *user)
{
	struct tempstore *temp = user;
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};
	skafu_store *store = NULL;
	uint64_t head = 0;
	int32_t rc = skafu_store_open(temp->path, &opts, &store, NULL);

	if (rc == 0)
		rc = skafu_store_head(store, &head, NULL);
	skafu_store_close(store);
	return rc == 0 ? 0 : -rc;
}

START_TEST(opening_on_a_full_disk_does_not_kill)
{
	static const char *const lost[] = {NULL, "control", "log-lock", "wake"};
	struct tempstore temp;
	int status;

	tempstore_make(&temp);
	if (geteuid() != 0 || mount("tmpfs", temp.directory, "tmpfs", 0, "size=2m") != 0) {
		printf("append_test: SKIPPED opening on a full disk: no tmpfs can be mounted here (%s)\n",
		       strerror(errno));
		tempstore_done(&temp);
		return;
	}
	fill_disk(&temp, 0);
	status = in_child(open_on_full_disk, &temp, 20);
	ck_assert_msg(status > 0 && status < 200, "creating on a full disk: %d", status);
	tempstore_remove(temp.path);
	snprintf(temp.path, sizeof temp.path, "%s/filler", temp.directory);
	unlink(temp.path);
	snprintf(temp.path, sizeof temp.path, "%s/store", temp.directory);
	for (size_t i = 0; i < sizeof lost / sizeof *lost; i++) {
		tempstore_open(&temp, NULL);
		append_event(temp.store, "s", "T", NULL);
		tempstore_close(&temp);
		if (lost[i])
			unlink(tempstore_file(&temp, lost[i]));
		fill_disk(&temp, 0);
		status = in_child(open_on_full_disk, &temp, 20);
		ck_assert_msg(status < 200, "opening on a full disk without %s: %d", lost[i] ? lost[i] : "a loss",
			      status);
		unlink(tempstore_file(&temp, "../filler"));
	}
	umount2(temp.directory, MNT_DETACH);
	tempstore_done(&temp);
}
END_TEST

static int append_with_file_limit(void *user)
{
	struct tempstore *temp = user;
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};
	struct rlimit limit;
	static skafu_store *store; /* static, for who looks for leaks: the child ends with them */
	static skafu_batch *batch;
	skafu_new_record record = event_of("s", "T");
	static uint8_t data[200000];
	int32_t rc;

	signal(SIGXFSZ, SIG_IGN);
	if (skafu_store_open(temp->path, &opts, &store, NULL) != 0 || skafu_batch_new(store, &batch, NULL) != 0)
		return 1;
	record.content_type = "a/b";
	record.data = data;
	record.data_length = sizeof data;
	if (skafu_batch_add(batch, &record, NULL) != 0)
		return 2;
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 65536;
	setrlimit(RLIMIT_FSIZE, &limit);
	rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	if (rc == SKAFU_EUNKNOWN) { /* a short write cannot be told from a fault of the disk: refuse, but reopen */
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
		if (rc != SKAFU_EPOISONED)
			return 3;
		skafu_batch_free(batch);
		skafu_store_close(store);
		return skafu_store_open(temp->path, &opts, &store, NULL) == 0 ? 0 : 4;
	}
	if (rc != SKAFU_ENOSPACE)
		return 5;
	return skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL) == 0 ? 0 : 6;
}

START_TEST(a_limit_of_file_size_is_survived)
{
	struct tempstore temp;

	skafu__tuning_override(NULL);
	tempstore_make(&temp);
	ck_assert_int_eq(in_child(append_with_file_limit, &temp, 20), 0);
	tempstore_done(&temp);
}
END_TEST

/* ---- time ------------------------------------------------------------------------------------------------------ */

static skafu_record *record_at(skafu_store *store, uint64_t sequence)
{
	skafu_record *record = NULL;

	went(skafu_get(store, sequence, &record, fault));
	return record;
}

static void time_is(skafu_store *store, uint64_t sequence, int64_t at_least, uint32_t behind)
{
	skafu_record *record = record_at(store, sequence);

	ck_assert_int_ge(record->recorded_ns, at_least);
	ck_assert_uint_eq(record->flags & SKAFU_RECORD_CLOCK_BEHIND, behind ? SKAFU_RECORD_CLOCK_BEHIND : 0);
	skafu_record_free(record);
}

START_TEST(a_clock_that_goes_back_is_flagged)
{
	struct tempstore temp;
	int64_t first;
	skafu_record *record;

	clock_install();
	tempstore_new(&temp);
	append_event(temp.store, "s", "T", NULL);
	record = record_at(temp.store, 1);
	first = record->recorded_ns;
	ck_assert_int_eq(record->time_ns, first);
	skafu_record_free(record);
	clock_offset_ns = -HOUR_NS / 2; /* less than an hour: recorded stands still, nothing is flagged */
	append_event(temp.store, "s", "T", NULL);
	time_is(temp.store, 2, first, 0);
	clock_offset_ns = -HOUR_NS - HOUR_NS / 60;
	append_event(temp.store, "s", "T", NULL);
	time_is(temp.store, 3, first, 1);
	record = record_at(temp.store, 3);
	ck_assert_int_lt(record->time_ns, first); /* when it happened is what the clock said */
	skafu_record_free(record);
	tempstore_reopen(&temp); /* it is the log that remembers */
	append_event(temp.store, "s", "T", NULL);
	time_is(temp.store, 4, first, 1);
	clock_offset_ns = HOUR_NS;
	append_event(temp.store, "s", "T", NULL);
	time_is(temp.store, 5, first + HOUR_NS - 1, 0);
	clock_remove();
	append_event(temp.store, "s", "T", NULL);
	tempstore_done(&temp);
}
END_TEST

static _Atomic int64_t wall;

static int64_t any_time(void)
{
	return wall;
}

/* No clock shows it, but a file may say so. */
START_TEST(any_time_may_be_the_last_one)
{
	struct skafu__sys sys = *skafu__sys_current();
	skafu_store *store;

	sys.wall_ns = any_time;

	sys.wall_tick_ns = any_time;
	skafu__sys_override(&sys);
	store = memory_store();
	wall = INT64_MIN + 5;
	append_event(store, "s", "T", NULL);
	wall = HOUR_NS;
	append_event(store, "s", "T", NULL);
	time_is(store, 2, HOUR_NS, 0);
	wall = -1;
	append_event(store, "s", "T", NULL);
	time_is(store, 3, HOUR_NS, SKAFU_RECORD_CLOCK_BEHIND);
	skafu_store_close(store);
	skafu__sys_override(NULL);
}
END_TEST

START_TEST(a_given_time_is_kept)
{
	skafu_store *store = memory_store();
	skafu_new_record record = event_of("s", "T");
	static const int64_t times[] = {0, INT64_MIN, INT64_MAX, -1};
	skafu_batch *batch = batch_of(store);

	for (int i = 0; i < 4; i++) {
		record.flags = SKAFU_RECORD_TIME;
		record.time_ns = times[i];
		went(skafu_batch_add(batch, &record, fault));
	}
	appended_by(store, batch);
	for (int i = 0; i < 4; i++) {
		skafu_record *back = record_at(store, (uint64_t)i + 1);

		ck_assert_int_eq(back->time_ns, times[i]);
		ck_assert_int_gt(back->recorded_ns, INT64_C(1600000000) * 1000000000);
		skafu_record_free(back);
	}
	skafu_store_close(store);
}
END_TEST

/* ---- waiting for others ---------------------------------------------------------------------------------------- */

struct holder {
	struct tempstore *temp;
	int ready;
	int end;
};

static int hold_the_lock(void *user)
{
	struct holder *holder = user;
	skafu_store *store = NULL;
	char byte = 'r';

	if (skafu_store_open(holder->temp->path, NULL, &store, NULL) != 0)
		return 1;
	if (skafu__control_lock(&store->control, INT64_MAX, NULL) != 0)
		return 2;
	if (write(holder->ready, &byte, 1) != 1 || read(holder->end, &byte, 1) != 1)
		return 3;
	skafu__control_unlock(&store->control);
	skafu_store_close(store);
	return 0;
}

START_TEST(a_deadline_is_kept_and_the_holder_named)
{
	struct tempstore temp;
	struct holder holder = {&temp, 0, 0};
	int ready[2];
	int end[2];
	int status = 1;
	char byte;
	skafu_batch *batch;
	pid_t pid;
	int64_t before;

	tempstore_new(&temp);
	ck_assert(pipe(ready) == 0 && pipe(end) == 0);
	holder.ready = ready[1];
	holder.end = end[0];
	pid = fork();
	if (pid == 0)
		_exit(hold_the_lock(&holder));
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	batch = batch_of(temp.store);
	add_event(batch, "s", "T", NULL);
	refused(SKAFU_EBUSY, skafu_append(temp.store, batch, 0, NULL, fault));
	ck_assert_int_eq(skafu_error_pid(fault), pid);
	before = skafu__sys_current()->monotonic_ns();
	refused(SKAFU_EBUSY, skafu_append(temp.store, batch, 50000000, NULL, fault));
	ck_assert_int_eq(skafu_error_pid(fault), pid);
	before = skafu__sys_current()->monotonic_ns() - before;
	ck_assert(before >= 50000000 && before < 2000000000);
	ck_assert_int_eq(write(end[1], "e", 1), 1);
	went(skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(batch);
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(end[i]);
	}
	tempstore_done(&temp);
}
END_TEST

/* Whoever was told the id of a batch may have handed it on. */
START_TEST(an_id_that_was_given_out_is_looked_for)
{
	skafu_store *store = memory_store();
	skafu_batch *pair[2];
	skafu_batch *slow = batch_of(store);
	skafu_appended got = {.size = sizeof got};
	uint8_t id[16];

	add_event(slow, "s", "T", NULL);
	went(skafu_batch_id(slow, id, fault));
	pair[0] = named(store, id, "T");
	appended_by(store, pair[0]);
	went(skafu_append(store, slow, SKAFU_WAIT_FOREVER, &got, fault));
	ck_assert_uint_eq(got.flags, SKAFU_APPENDED_RETRY);
	ck_assert_uint_eq(head_of(store), 1);
	skafu_batch_clear(slow);
	add_event(slow, "s", "T", NULL);
	went(skafu_batch_id(slow, id, fault));
	pair[0] = named(store, id, "Other");
	pair[1] = slow;
	refused(SKAFU_ECOMMIT, skafu_append_many(store, pair, 2, SKAFU_WAIT_FOREVER, NULL, NULL, fault));
	ck_assert_uint_eq(head_of(store), 2);
	skafu_batch_free(pair[0]);
	skafu_batch_free(slow);
	skafu_store_close(store);
}
END_TEST

/* ---- what a reader was lent ------------------------------------------------------------------------------------ */

static skafu_store *in_use;
static skafu_cursor *lent_by;
static const skafu_record *lent;

/* The commit is in the file, and its sync fails; a reader is faster than the failure. */
static int failing_sync(uint32_t what)
{
	if (what != SKAFU__TESTHOOK_SYNC)
		return 0;
	if (skafu_read(in_use, NULL, SKAFU_NO_LIMIT, NULL, &lent_by, NULL) != 0 ||
	    skafu_cursor_next(lent_by, &lent, NULL) != 1)
		lent = NULL;
	return EIO;
}

START_TEST(names_that_a_reader_has_stay)
{
	struct skafu__sys sys = *skafu__sys_current();
	struct tempstore temp;
	skafu_batch *batch;

	sys.storage = failing_sync;
	tempstore_make(&temp);
	without_syncs();
	skafu__sys_override(&sys);
	tempstore_open(&temp, NULL);
	in_use = temp.store;
	batch = batch_of(temp.store);
	add_event(batch, "s", "NewType", NULL);
	refused(SKAFU_EUNKNOWN, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_ptr_nonnull(lent);
	ck_assert_str_eq(lent->type, "NewType");
	ck_assert_str_eq(lent->source, "default");
	skafu_cursor_free(lent_by);
	skafu_batch_free(batch);
	skafu__sys_override(NULL);
	tempstore_done(&temp);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, places_are_told);
	tcase_add_test(tests, bad_calls_are_refused);
	tcase_add_test(tests, the_same_commit_again_is_a_retry);
	tcase_add_test(tests, every_difference_is_other_content);
	tcase_add_test(tests, derived_ids_make_retries);
	tcase_add_loop_test(tests, an_id_that_was_handed_out_is_looked_for, 0, 2);
	tcase_add_test(tests, a_batch_may_be_appended_again);
	tcase_add_test(tests, a_retry_does_not_look_at_conditions);
	tcase_add_test(tests, many_are_judged_alone_and_in_order);
	tcase_add_test(tests, many_places_as_long_as_the_host_believes);
	tcase_add_test(tests, many_share_one_flush);
	tcase_add_test(tests, callers_share_flushes);
	tcase_add_test(tests, a_full_map_grows_by_itself);
	tcase_add_test(tests, the_limit_of_the_store_is_kept);
	tcase_add_test(tests, a_full_disk_refuses_and_recovers);
	tcase_add_test(tests, opening_on_a_full_disk_does_not_kill);
	tcase_add_test(tests, a_limit_of_file_size_is_survived);
	tcase_add_test(tests, a_clock_that_goes_back_is_flagged);
	tcase_add_test(tests, any_time_may_be_the_last_one);
	tcase_add_test(tests, a_given_time_is_kept);
	tcase_add_test(tests, a_deadline_is_kept_and_the_holder_named);
	tcase_add_test(tests, an_id_that_was_given_out_is_looked_for);
	tcase_add_test(tests, names_that_a_reader_has_stay);
}

int main(void)
{
	return tempstore_main("append", add);
}

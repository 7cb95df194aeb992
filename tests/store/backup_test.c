/*
 * backup_test.c: a backup is a prefix of the log, ends with a whole commit, can be continued, and is never mixed with
 * another history; restoring gives the same records under a new incarnation.
 */
#include "skafu_store.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/testhook.h"
#include "store/store.h"
#include "util/suite.h"

static char backup_root[64];
static skafu_error *error;

static const char *place(const char *name)
{
	static char paths[4][128];
	static unsigned at;
	char *path = paths[at++ % 4];
	snprintf(path, 128, "%s/%s", backup_root, name);
	return path;
}

static void set_up(void)
{
	snprintf(backup_root, sizeof backup_root, "/tmp/skafu-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(backup_root));
	ck_assert_int_eq(skafu_error_new(&error), 0);
}

static void tear_down(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -rf %s", backup_root);
	ck_assert_int_eq(system(command), 0);
	skafu_error_free(error);
	skafu__tuning_override(NULL);
}

static void append_some(skafu_store *store, int commits, int records)
{
	skafu_batch *batch;
	ck_assert_int_eq(skafu_batch_new(store, &batch, error), 0);
	for (int i = 0; i < commits; i++) {
		skafu_batch_clear(batch);
		for (int k = 0; k < records; k++) {
			char stream[32];
			snprintf(stream, sizeof stream, "stream-%d", (i * 7 + k) % 50);
			const char *tags[] = {"backup", stream};
			skafu_new_record record = {.size = sizeof record,
						   .stream = stream,
						   .type = "Tested",
						   .tags = tags,
						   .tag_count = 2};
			ck_assert_int_eq(skafu_batch_add(batch, &record, error), 0);
		}
		ck_assert_int_eq(skafu_batch_put_row(batch, "rows", &i, sizeof i, "x", 1, error), 0);
		ck_assert_int_eq(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, error), 0);
	}
	skafu_batch_free(batch);
}

static uint64_t head_of(skafu_store *store)
{
	uint64_t head;
	ck_assert_int_eq(skafu_store_head(store, &head, error), 0);
	return head;
}

/* Record by record, up to the end of the copy. */
static void check_same(skafu_store *store, skafu_store *copy)
{
	skafu_cursor *a;
	skafu_cursor *b;
	const skafu_record *x;
	const skafu_record *y;
	ck_assert_int_eq(skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &a, error), 0);
	ck_assert_int_eq(skafu_read(copy, NULL, SKAFU_NO_LIMIT, NULL, &b, error), 0);
	while (skafu_cursor_next(b, &y, error) == 1) {
		ck_assert_int_eq(skafu_cursor_next(a, &x, error), 1);
		ck_assert_uint_eq(x->sequence, y->sequence);
		ck_assert_uint_eq(x->commit, y->commit);
		ck_assert_uint_eq(x->stream_version, y->stream_version);
		ck_assert_int_eq(x->recorded_ns, y->recorded_ns);
		ck_assert_mem_eq(x->id, y->id, 16);
		ck_assert_str_eq(x->stream, y->stream);
		ck_assert_str_eq(x->type, y->type);
	}
	skafu_cursor_free(a);
	skafu_cursor_free(b);
}

START_TEST(a_backup_is_cut_at_a_commit_and_continued)
{
	skafu_store *store;
	skafu_store *copy;
	uint8_t mine[16];
	uint8_t its[16];
	struct skafu__tuning tiny = {.fold_records = 7, .fan_in = 2, .chunk_bytes = 4096, .segment_bytes = 256};
	skafu__tuning_override(&tiny);
	ck_assert_int_eq(skafu_store_create(place("log"), NULL, &store, error), 0);
	append_some(store, 40, 5);
	ck_assert_int_eq(skafu_store_backup(store, place("copy"), 23, NULL, NULL, error), 0);
	ck_assert_int_eq(skafu_store_open(place("copy"), NULL, &copy, error), 0);
	ck_assert_uint_eq(head_of(copy), 20);
	check_same(store, copy);
	ck_assert_int_eq(skafu_store_birth(store, mine, error), 0);
	ck_assert_int_eq(skafu_store_birth(copy, its, error), 0);
	ck_assert_mem_eq(mine, its, 16);
	ck_assert_int_eq(skafu_store_incarnation(store, mine, error), 0);
	ck_assert_int_eq(skafu_store_incarnation(copy, its, error), 0);
	ck_assert_mem_ne(mine, its, 16);
	ck_assert_int_eq(skafu_store_backup(store, place("copy"), 0, NULL, NULL, error), 0);
	ck_assert_uint_eq(head_of(copy), 200);
	check_same(store, copy);
	skafu_store_close(copy);
	skafu_store_close(store);
}
END_TEST

START_TEST(another_history_is_refused)
{
	skafu_store *store;
	skafu_store *other;
	ck_assert_int_eq(skafu_store_create(place("log"), NULL, &store, error), 0);
	append_some(store, 3, 2);
	ck_assert_int_eq(skafu_store_create(place("other"), NULL, &other, error), 0);
	ck_assert_int_eq(skafu_store_backup(store, place("other"), 0, NULL, NULL, error), SKAFU_EEXISTS);
	skafu_store_close(other);
	ck_assert_int_eq(skafu_store_backup(store, place("copy"), 0, NULL, NULL, error), 0);
	ck_assert_int_eq(skafu_store_open(place("copy"), NULL, &other, error), 0);
	append_some(other, 1, 1); /* the copy lives on by itself: it is a fork now */
	append_some(store, 1, 1);
	ck_assert_int_eq(skafu_store_backup(store, place("copy"), 0, NULL, NULL, error), SKAFU_EEXISTS);
	ck_assert_int_eq(skafu_store_backup(store, place("log"), 0, NULL, NULL, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_store_backup(NULL, place("copy"), 0, NULL, NULL, error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_store_backup(store, NULL, 0, NULL, NULL, error), SKAFU_EINVAL);
	skafu_store_close(other);
	skafu_store_close(store);
}
END_TEST

struct writer_thread {
	skafu_store *store;
	_Atomic int stop;
};

static void *write_on(void *user)
{
	struct writer_thread *writer = user;
	skafu_batch *batch;
	if (skafu_batch_new(writer->store, &batch, NULL) != 0)
		return NULL;
	while (!atomic_load(&writer->stop)) {
		skafu_new_record record = {.size = sizeof record, .stream = "busy", .type = "Tested"};
		skafu_batch_clear(batch);
		if (skafu_batch_add(batch, &record, NULL) != 0 ||
		    skafu_append(writer->store, batch, SKAFU_WAIT_FOREVER, NULL, NULL) != 0)
			break;
	}
	skafu_batch_free(batch);
	return NULL;
}

static int32_t stop_early(void *user, uint64_t done, uint64_t total)
{
	(void)total;
	*(uint64_t *)user = done;
	return 1;
}

START_TEST(a_backup_runs_beside_writers_and_can_be_stopped)
{
	pthread_t thread;
	skafu_store *copy;
	uint64_t done = 0;
	struct skafu__tuning quick = {.no_sync = 1, .fold_records = 500};
	struct writer_thread writer = {0};
	skafu__tuning_override(&quick);
	ck_assert_int_eq(skafu_store_create(place("log"), NULL, &writer.store, error), 0);
	append_some(writer.store, 100, 100);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_on, &writer), 0);
	ck_assert_int_eq(skafu_store_backup(writer.store, place("copy"), 0, stop_early, &done, error),
			 SKAFU_EINTERRUPTED);
	ck_assert_uint_gt(done, 0);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(skafu_store_backup(writer.store, place("copy"), 0, NULL, NULL, error), 0);
	atomic_store(&writer.stop, 1);
	pthread_join(thread, NULL);
	ck_assert_int_eq(skafu_store_open(place("copy"), NULL, &copy, error), 0);
	ck_assert_uint_ge(head_of(copy), 10000);
	check_same(writer.store, copy);
	skafu_store_close(copy);
	skafu_store_close(writer.store);
}
END_TEST

/* ---- there and back at once ---------------------------------------------------------------------------------- */

static pthread_barrier_t both_have_one; /* two backups hold the view that they open first */
static pthread_barrier_t writers_wait;
static _Thread_local int is_backup;

static int meet_at_the_first_view(uint32_t what)
{
	if (what == SKAFU__TESTHOOK_READ && is_backup) {
		is_backup = 0;
		pthread_barrier_wait(&both_have_one);
		pthread_barrier_wait(&writers_wait);
	}
	return 0;
}

struct crossing {
	skafu_store *store;
	const char *path;
};

static void *back_up(void *user)
{
	struct crossing *crossing = user;
	is_backup = 1;
	(void)skafu_store_backup(crossing->store, crossing->path, 0, NULL, NULL, NULL); /* one of them is refused */
	return NULL;
}

static void *write_one(void *user)
{
	struct crossing *crossing = user;
	skafu_new_record record = {.size = sizeof record, .stream = "s", .type = "T"};
	skafu_batch *batch;
	if (skafu_batch_new(crossing->store, &batch, NULL) == 0 && skafu_batch_add(batch, &record, NULL) == 0)
		(void)skafu_append(crossing->store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
	skafu_batch_free(batch);
	return NULL;
}

/* Both compare the same two stores, and each store has a writer waiting. */
START_TEST(backups_that_cross_do_not_wait_for_each_other)
{
	struct skafu__sys sys = *skafu__sys_current();
	struct crossing crossings[2] = {{NULL, place("b")}, {NULL, place("a")}};
	struct timespec until;
	pthread_t threads[4];
	sys.storage = meet_at_the_first_view;
	skafu__sys_override(&sys);
	ck_assert_int_eq(skafu_store_create(place("a"), NULL, &crossings[0].store, error), 0);
	append_some(crossings[0].store, 3, 1);
	ck_assert_int_eq(skafu_store_backup(crossings[0].store, place("b"), 0, NULL, NULL, error), 0);
	ck_assert_int_eq(skafu_store_open(place("b"), NULL, &crossings[1].store, error), 0);
	pthread_barrier_init(&both_have_one, NULL, 3);
	pthread_barrier_init(&writers_wait, NULL, 3);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, back_up, &crossings[i]);
	pthread_barrier_wait(&both_have_one);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[2 + i], NULL, write_one, &crossings[i]);
	usleep(100000); /* they reach the gates */
	pthread_barrier_wait(&writers_wait);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 20;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_timedjoin_np(threads[i], NULL, &until), 0);
	skafu_store_close(crossings[0].store);
	skafu_store_close(crossings[1].store);
	pthread_barrier_destroy(&both_have_one);
	pthread_barrier_destroy(&writers_wait);
	skafu__sys_override(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backup");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 60);
	tcase_add_test(all, a_backup_is_cut_at_a_commit_and_continued);
	tcase_add_test(all, another_history_is_refused);
	tcase_add_test(all, a_backup_runs_beside_writers_and_can_be_stopped);
	tcase_add_test(all, backups_that_cross_do_not_wait_for_each_other);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}

/*
 * foldkill_test.c: processes that append, hide, fold, merge and clear all the time are killed at random; whatever is
 * left is a whole store, in which nothing is missing, and a reindex from the commits makes the same tables, byte for
 * byte.  That is looked at after every single kill, in a copy of the file made while the others go on; and in the
 * store itself when all are gone, also when the reindex is killed half way and somebody else goes on with it.
 */
#include "store/tempstore.h"

#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "codec/hash.h"

#define WRITERS 3u
#define ROUNDS 36u
#define ROUNDS_PER_STORE 2u
#define SECONDS_MAX 60

static struct tempstore temp;
static unsigned kills;
static unsigned compared; /* kills after which a reindex was compared */

static void tune(void)
{
	struct skafu__tuning tiny = {.no_sync = 1,
				     .fold_records = 7,
				     .fan_in = 2,
				     .chunk_bytes = 4096,
				     .segment_bytes = 256,
				     .linger_off = 1};

	skafu__tuning_override(&tiny);
}

static void sleep_us(uint32_t us)
{
	struct timespec time = {.tv_sec = 0, .tv_nsec = (long)us * 1000};

	nanosleep(&time, NULL);
}

/* ---- those that are killed ------------------------------------------------------------------------------------ */

/* One batch, without assertions: this is another process. */
static int append_one(skafu_store *store, unsigned writer, uint32_t number)
{
	skafu_batch *batch;
	char stream[24];
	char type[24];
	int32_t rc = skafu_batch_new(store, &batch, NULL);

	for (uint32_t i = 0; rc == 0 && i < number % 4; i++) {
		snprintf(stream, sizeof stream, "stream-%u", (number * 7 + i) % 9);
		snprintf(type, sizeof type, "Type%u", (number + i) % 6);
		const char *tags[] = {"all", stream};
		skafu_new_record record = {.size = sizeof record,
					   .stream = stream,
					   .type = type,
					   .source = "test",
					   .kind = SKAFU_KIND_EVENT,
					   .tags = tags,
					   .tag_count = 2,
					   .correlation = writer == 0 ? "zero" : "other"};
		rc = skafu_batch_add(batch, &record, NULL);
	}
	if (rc == 0 && number % 16 == 5)
		rc = skafu_batch_truncate_stream(batch, "stream-3", 1 + number % 200, NULL);
	if (rc == 0 && number % 16 == 9)
		rc = skafu_batch_erase(batch, 1 + number % 500, NULL);
	if (rc == 0 && (number % 4 == 0 || number % 3 == 0))
		rc = number % 5 == 4 ? skafu_batch_delete_row(batch, "rows", &writer, sizeof writer, NULL)
				     : skafu_batch_put_row(batch, "rows", &writer, sizeof writer, &number,
							   sizeof number, NULL);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
	skafu_batch_free(batch);
	/* What is to be hidden may not be there, or be hidden already. */
	return rc == SKAFU_ENOTFOUND || rc == SKAFU_EINVAL || rc == SKAFU_EDELETED ? 0 : rc;
}

static void write_until_killed(unsigned writer, uint32_t start)
{
	skafu_store *store;

	if (skafu_store_open(temp.path, NULL, &store, NULL) != 0)
		_exit(3);
	for (uint32_t i = start; i < start + 100000; i++) {
		if (append_one(store, writer, i) != 0)
			_exit(4);
		if (i % 16 == 15 && skafu_store_maintain(store, 1000000, NULL) < 0)
			_exit(5);
	}
	_exit(6);
}

static void reindex_until_killed(void)
{
	skafu_store *store;

	if (skafu_store_open(temp.path, NULL, &store, NULL) != 0)
		_exit(3);
	for (int i = 0; i < 1000; i++)
		if (skafu_store_reindex(store, NULL) != 0)
			_exit(4);
	_exit(6);
}

static pid_t start(unsigned writer)
{
	uint32_t number = random_below(100000);
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child != 0)
		return child;
	if (writer < WRITERS)
		write_until_killed(writer, number);
	reindex_until_killed();
	return 0;
}

static void kill_child(pid_t child)
{
	int status;

	ck_assert_int_eq(kill(child, SIGKILL), 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFSIGNALED(status), "a process gave up by itself with code %d", WEXITSTATUS(status));
	kills++;
}

/* ---- what must hold ------------------------------------------------------------------------------------------- */

static int32_t show(void *user, uint64_t done, uint64_t total, const char *text)
{
	(void)done;
	(void)total;
	if (text)
		printf("%s: %s\n", (const char *)user, text);
	return 0;
}

static void is_whole(const char *when)
{
	char what[64];
	skafu_verify_report report = {.size = sizeof report};

	snprintf(what, sizeof what, "%s", when);
	went(skafu_store_verify(temp.store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, show, what, &report, fault));
	ck_assert_msg(report.faults == 0, "%s, after %u kills: %llu faults", when, kills,
		      (unsigned long long)report.faults);
}

static void maintain_all(skafu_store *store)
{
	int32_t rc;

	while ((rc = skafu_store_maintain(store, UINT64_C(1000000000), fault)) == 1)
		continue;
	went(rc);
}

/* All keys and values of the derived tables, as one sum. */
static uint64_t sum_of_tables(const struct tempstore *of)
{
	static const int tables[] = {SKAFU__TABLE_RUN, SKAFU__TABLE_MANIFEST, SKAFU__TABLE_ROW, SKAFU__TABLE_NAME};
	static const uint8_t hash_key[SKAFU__HASH_KEY_BYTES];
	uint64_t sum = 0;
	MDB_txn *txn;

	went(skafu__env_read_begin(&of->store->env, &txn, fault));
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
		MDB_cursor *cursor;
		MDB_val key;
		MDB_val value;

		ck_assert_int_eq(mdb_cursor_open(txn, of->store->env.tables[tables[i]], &cursor), 0);
		while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
			sum = sum * 31 + skafu__hash64(hash_key, key.mv_data, key.mv_size);
			sum = sum * 31 + skafu__hash64(hash_key, value.mv_data, value.mv_size);
		}
		mdb_cursor_close(cursor);
		sum = sum * 31 + i;
	}
	skafu__env_read_end(&of->store->env, txn);
	return sum;
}

/* The file as it is at this moment, in a directory of its own, which makes it a store. */
static void copy_file(struct tempstore *copy)
{
	char path[512];
	int fd;

	tempstore_make(copy);
	ck_assert(mkdir(copy->path, 0700) == 0);
	snprintf(path, sizeof path, "%s/log", copy->path);
	fd = open(path, O_CREAT | O_EXCL | O_RDWR, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(mdb_env_copyfd(temp.store->env.mdb, fd), 0);
	close(fd);
	tempstore_open(copy, NULL);
}

/* What the killed one left, and those who go on make of it, follows from the commits. */
static void reindex_is_the_same(struct tempstore *copy)
{
	uint64_t before;

	maintain_all(copy->store);
	before = sum_of_tables(copy);
	went(skafu_store_reindex(copy->store, fault));
	maintain_all(copy->store);
	ck_assert_msg(sum_of_tables(copy) == before, "after %u kills: a reindex made other tables", kills);
	tempstore_done(copy);
	tune(); /* which went with it */
	compared++;
}

static void kill_writers(void)
{
	pid_t children[WRITERS];
	struct tempstore copy;

	for (unsigned i = 0; i < WRITERS; i++)
		children[i] = start(i);
	sleep_us(1000 + random_below(5000));
	for (unsigned i = 0; i < WRITERS; i++) {
		kill_child(children[i]);
		tempstore_open(&temp, NULL);
		is_whole("while others write");
		copy_file(&copy);
		tempstore_close(&temp);
		/* They would write all the time that the comparison takes. */
		for (unsigned n = i + 1; n < WRITERS; n++)
			ck_assert_int_eq(kill(children[n], SIGSTOP), 0);
		reindex_is_the_same(&copy);
		for (unsigned n = i + 1; n < WRITERS; n++)
			ck_assert_int_eq(kill(children[n], SIGCONT), 0);
		sleep_us(random_below(1000));
	}
}

static void kill_reindex(void)
{
	pid_t child = start(WRITERS);

	sleep_us(random_below(15000));
	kill_child(child);
}

static void run_round(unsigned round)
{
	kill_writers();
	tempstore_open(&temp, NULL);
	maintain_all(temp.store);
	is_whole("after the kills");
	uint64_t before = sum_of_tables(&temp);
	tempstore_close(&temp);
	if (round % 2)
		kill_reindex();
	tempstore_open(&temp, NULL);
	if (round % 2)
		is_whole("after a reindex that was killed");
	else
		went(skafu_store_reindex(temp.store, fault));
	maintain_all(temp.store);
	ck_assert_msg(sum_of_tables(&temp) == before, "round %u: a reindex made other tables", round);
	is_whole("after a reindex");
	compared += round % 2; /* the killed reindex */
	tempstore_close(&temp);
}

START_TEST(killed_writers_leave_a_whole_store)
{
	time_t end = time(NULL) + SECONDS_MAX;
	unsigned round = 0;

	seeded("foldkill_test");
	tune();
	for (; round < ROUNDS && time(NULL) < end; round++) {
		if (round % ROUNDS_PER_STORE == 0) {
			tempstore_make(&temp);
			tempstore_open(&temp, NULL);
			tempstore_close(&temp);
		}
		run_round(round);
		if (round % ROUNDS_PER_STORE == ROUNDS_PER_STORE - 1) {
			tempstore_done(&temp);
			tune();
		}
	}
	if (round % ROUNDS_PER_STORE != 0)
		tempstore_done(&temp);
	skafu__tuning_override(NULL);
	printf("foldkill_test: %u rounds, %u kills, a reindex compared after %u of them\n", round, kills, compared);
	ck_assert_uint_ge(compared, 100);
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, SECONDS_MAX + 60);
	tcase_add_test(tests, killed_writers_leave_a_whole_store);
}

int main(void)
{
	return tempstore_main("foldkill", add);
}

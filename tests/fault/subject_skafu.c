/*
 * subject_skafu.c: a libskafu store in dir/store, and every way of writing to it, for crash.c.
 *
 * Folds and merges come after a handful of records (the tuning), so the operations run into them all the time; the
 * map begins small, so that it grows.  Time and randomness are the model's: equal operations give equal bytes.
 */
#include "fault/subject_skafu.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault/skafumodel.h"
#include "store/store.h"

#define RUN_OPS_MAX 256
#define NOW_NS INT64_C(1700000000000000000)
#define SECOND_NS INT64_C(1000000000)
#define LATER_NS INT64_C(4000000000000000000) /* after any test: the directory has been as it is for long */
#define MAINTAIN_ROUNDS 64
#define VERIFY_MAP_BYTES (UINT64_C(1) << 20)
#define FOLD_RECORDS 5
#define FOLD_NEVER 1000000
#define JOURNAL_BYTES 16384 /* three or four frames */
#define JOURNAL_NONE 1
#define READERS 8 /* the lock file is one page then, which is made anew for many states */

enum {
	OP_APPEND,
	OP_BATCH,
	OP_STREAMS,
	OP_MANY,
	OP_ROWS,
	OP_ROW_DROP,
	OP_RETRY,
	OP_LARGE,
	OP_MAINTAIN,
	OP_REOPEN,
	OP_COUNT
};

static const char *const skafu_ops[OP_COUNT] = {"append", "batch", "streams", "many", "rows",
						"row-drop", "retry", "large", "maintain", "reopen"};

struct skafu_run {
	char path[300];
	uint64_t seed;
	skafu_store *store;
	struct skafumodel *model;
	uint64_t done;                     /* operations */
	uint64_t commits[RUN_OPS_MAX + 1]; /* after each */
	uint64_t verified;
};

/* ---- opening ------------------------------------------------------------------------------------------------- */

static void tune(uint64_t map_bytes, uint32_t fold_records, uint32_t journal_bytes)
{
	const struct skafu__tuning tuning = {.fan_in = 2, .chunk_bytes = 1024, .segment_bytes = 512,
					     .map_bytes = map_bytes, .fold_records = fold_records, .linger_off = 1,
					     .journal_bytes = journal_bytes, .journal_after = 1};

	skafu__tuning_override(&tuning);
}

static int32_t store_at(const char *path, uint32_t flags, skafu_store **out)
{
	const skafu_store_opts opts = {.size = sizeof(opts), .flags = flags, .readers_max = READERS};

	return skafu_store_open(path, &opts, out, NULL);
}

static void *skafu_start(const char *dir, uint64_t seed)
{
	struct skafu_run *run = calloc(1, sizeof(*run));

	if (!run)
		return NULL;
	snprintf(run->path, sizeof(run->path), "%s/store", dir);
	run->seed = seed;
	run->model = skafumodel_new(seed);
	if (!run->model) {
		free(run);
		return NULL;
	}
	skafumodel_machine(seed, NOW_NS);
	tune(UINT64_C(256) << 10, FOLD_RECORDS, JOURNAL_BYTES);
	return run;
}

static void skafu_no_journal(void *opaque)
{
	(void)opaque;
	tune(UINT64_C(256) << 10, FOLD_RECORDS, JOURNAL_NONE);
}

static int skafu_create(void *opaque)
{
	struct skafu_run *run = opaque;
	const skafu_store_opts opts = {.size = sizeof(opts), .readers_max = READERS};

	run->done = 1;
	return skafu_store_create(run->path, &opts, &run->store, NULL);
}

static void skafu_close(void *opaque)
{
	struct skafu_run *run = opaque;

	skafu_store_close(run->store);
	run->store = NULL;
}

static void skafu_free(void *opaque)
{
	struct skafu_run *run = opaque;

	if (!run)
		return;
	skafu_close(run);
	skafumodel_free(run->model);
	free(run);
}

/* ---- operations ---------------------------------------------------------------------------------------------- */

static size_t pick(const struct skafu_run *run, uint64_t purpose, size_t count)
{
	return (size_t)(skafumodel_choice(run->model, purpose) % count);
}

/* Append what was sealed last, and look at what came out.  Takes the batch. */
static int append_sealed(struct skafu_run *run, skafu_batch *batch, int32_t rc)
{
	skafu_appended outcome = {.size = sizeof(outcome)};

	if (rc == 0)
		rc = skafumodel_seal(run->model, batch);
	if (rc == 0)
		rc = skafu_append(run->store, batch, SKAFU_WAIT_FOREVER, &outcome, NULL);
	skafu_batch_free(batch);
	if (rc != 0)
		return rc;
	return !skafumodel_outcome_is(run->model, skafumodel_commits(run->model), 0, &outcome);
}

/* Expectations of the streams as they are. */
static int32_t expect_streams(const struct skafu_run *run, skafu_batch *batch)
{
	size_t stream = pick(run, 1, SKAFUMODEL_STREAMS);
	uint64_t version = skafumodel_version(run->model, stream);
	int32_t rc = skafu_batch_expect_stream(batch, skafumodel_stream(stream), SKAFU_EXPECT_EXACT, version, NULL);

	stream = (stream + 1) % SKAFUMODEL_STREAMS;
	version = skafumodel_version(run->model, stream);
	return rc ? rc : skafu_batch_expect_stream(batch, skafumodel_stream(stream),
						   version ? SKAFU_EXPECT_EXISTS : SKAFU_EXPECT_NONE, 0, NULL);
}

static int32_t expect_no_match(const struct skafu_run *run, skafu_batch *batch)
{
	skafu_query *query;
	int32_t rc = skafu_query_new(&query, NULL);

	if (rc != 0)
		return rc;
	rc = skafu_query_add_item(query, NULL);
	if (rc == 0)
		rc = skafu_query_add_tag(query, skafumodel_tag(pick(run, 2, SKAFUMODEL_TAGS)), NULL);
	if (rc == 0)
		rc = skafu_batch_expect_no_match(batch, query, skafumodel_head(run->model), NULL);
	skafu_query_free(query);
	return rc;
}

static int32_t records(struct skafu_run *run, skafu_batch *batch, size_t count, unsigned how)
{
	int32_t rc = 0;

	while (count-- > 0 && rc == 0)
		rc = skafumodel_record(run->model, batch, how);
	return rc;
}

static int32_t fill_streams(struct skafu_run *run, skafu_batch *batch)
{
	int32_t rc = expect_streams(run, batch);

	if (rc == 0)
		rc = expect_no_match(run, batch);
	if (rc == 0)
		rc = records(run, batch, 3, 0);
	if (rc == 0)
		rc = records(run, batch, 1, SKAFUMODEL_COMMAND);
	return rc ? rc : skafumodel_put_row(run->model, batch, pick(run, 3, SKAFUMODEL_TABLES),
					    pick(run, 4, SKAFUMODEL_KEYS), 1);
}

/* A commit without records. */
static int32_t fill_rows(struct skafu_run *run, skafu_batch *batch)
{
	size_t table = pick(run, 5, SKAFUMODEL_TABLES), key = pick(run, 6, SKAFUMODEL_KEYS);
	int32_t rc = skafumodel_put_row(run->model, batch, table, key, 1);

	return rc ? rc : skafumodel_put_row(run->model, batch, !table, key, 0);
}

/* The payload that is erased with it goes from the file with the upkeep, once it is folded. */
static int32_t fill_row_drop(struct skafu_run *run, skafu_batch *batch)
{
	int32_t rc = skafumodel_delete_row(run->model, batch, pick(run, 5, SKAFUMODEL_TABLES),
					   pick(run, 6, SKAFUMODEL_KEYS), 1);

	return rc ? rc : skafumodel_erase(run->model, batch);
}

static int append_one(struct skafu_run *run, size_t op)
{
	skafu_batch *batch;
	int32_t rc = skafu_batch_new(run->store, &batch, NULL);

	if (rc != 0)
		return rc;
	if (op == OP_APPEND)
		rc = records(run, batch, 1, 0);
	else if (op == OP_BATCH)
		rc = records(run, batch, 5, 0);
	else if (op == OP_STREAMS)
		rc = fill_streams(run, batch);
	else if (op == OP_LARGE)
		rc = records(run, batch, 1, SKAFUMODEL_LARGE);
	else
		rc = op == OP_ROWS ? fill_rows(run, batch) : fill_row_drop(run, batch);
	return append_sealed(run, batch, rc);
}

/* The second of three is refused, the others stand. */
static int32_t fill_many(struct skafu_run *run, skafu_batch *batches[3])
{
	const skafu_new_record refused = {.size = sizeof(refused), .stream = "never", .type = "Never"};
	int32_t rc = records(run, batches[0], 2, 0);

	if (rc == 0)
		rc = skafumodel_seal(run->model, batches[0]);
	if (rc == 0)
		rc = skafu_batch_expect_stream(batches[1], "never", SKAFU_EXPECT_EXISTS, 0, NULL);
	if (rc == 0)
		rc = skafu_batch_add(batches[1], &refused, NULL);
	if (rc == 0)
		rc = records(run, batches[2], 1, SKAFUMODEL_OWN_ID);
	if (rc == 0)
		rc = skafumodel_put_row(run->model, batches[2], 0, 0, 0);
	return rc ? rc : skafumodel_seal(run->model, batches[2]);
}

static int append_many(struct skafu_run *run)
{
	uint64_t commits = skafumodel_commits(run->model);
	skafu_appended outcomes[3];
	skafu_batch *batches[3] = {NULL, NULL, NULL};
	int32_t results[3] = {0, 0, 0}, rc = 0;
	size_t i;

	for (i = 0; i < 3; i++) {
		outcomes[i].size = sizeof(outcomes[i]);
		if (rc == 0)
			rc = skafu_batch_new(run->store, &batches[i], NULL);
	}
	if (rc == 0)
		rc = fill_many(run, batches);
	if (rc == 0)
		rc = skafu_append_many(run->store, batches, 3, SKAFU_WAIT_FOREVER, results, outcomes, NULL);
	for (i = 0; i < 3; i++)
		skafu_batch_free(batches[i]);
	return rc != SKAFU_ECONFLICT || results[0] != 0 || results[1] != SKAFU_ECONFLICT || results[2] != 0 ||
	       !skafumodel_outcome_is(run->model, commits + 1, 0, &outcomes[0]) ||
	       !skafumodel_outcome_is(run->model, commits + 2, 0, &outcomes[2]);
}

/* The same content under the same id twice: one commit. */
static int append_twice(struct skafu_run *run)
{
	skafu_appended outcome = {.size = sizeof(outcome)};
	uint64_t commit = skafumodel_commits(run->model) + 1;
	skafu_batch *batch;
	int32_t rc = skafu_batch_new(run->store, &batch, NULL);

	if (rc == 0)
		rc = append_sealed(run, batch, records(run, batch, 2, SKAFUMODEL_OWN_ID));
	if (rc == 0)
		rc = skafu_batch_new(run->store, &batch, NULL);
	if (rc != 0)
		return rc;
	rc = skafumodel_again(run->model, commit, batch);
	if (rc == 0)
		rc = skafu_append(run->store, batch, SKAFU_WAIT_FOREVER, &outcome, NULL);
	skafu_batch_free(batch);
	return rc != 0 || !skafumodel_outcome_is(run->model, commit, SKAFU_APPENDED_RETRY, &outcome);
}

static int maintain(struct skafu_run *run)
{
	int32_t rc = 1;
	int rounds;

	for (rounds = 0; rc == 1 && rounds < MAINTAIN_ROUNDS; rounds++)
		rc = skafu_store_maintain(run->store, SECOND_NS, NULL);
	return rc != 0;
}

static int reopen(struct skafu_run *run)
{
	skafu_close(run);
	return store_at(run->path, 0, &run->store);
}

/* The names of the files that open makes (control, wake, log-lock) are on the disk some time after the creation; in
 * half of the workloads that time comes at once, so that not every state is there with and without them. */
static int settle_names(const struct skafu_run *run)
{
	int rc, fd = open(run->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}

static int skafu_perform(void *opaque, size_t op)
{
	struct skafu_run *run = opaque;
	int rc;

	if (run->done >= RUN_OPS_MAX)
		return -1;
	if (run->done == 1 && op % 2 == 1 && settle_names(run) != 0)
		return -1;
	skafumodel_machine(run->seed + run->done, NOW_NS + (int64_t)run->done * SECOND_NS);
	if (op == OP_MANY)
		rc = append_many(run);
	else if (op == OP_RETRY)
		rc = append_twice(run);
	else if (op == OP_MAINTAIN)
		rc = maintain(run);
	else if (op == OP_REOPEN)
		rc = reopen(run);
	else
		rc = append_one(run, op);
	run->done++;
	run->commits[run->done] = skafumodel_commits(run->model);
	return rc;
}

/* ---- verifying ----------------------------------------------------------------------------------------------- */

/* The creation was not acknowledged, and nothing is there: creating it again must work. */
static enum crash_verdict verify_nothing(struct skafu_run *run, const char *path)
{
	enum crash_verdict verdict = CRASH_CORRUPT;
	skafu_store *store;

	if (store_at(path, SKAFU_STORE_CREATE, &store) != 0)
		return CRASH_CORRUPT;
	verdict = skafumodel_check(run->model, store, 0, 0);
	skafu_store_close(store);
	return verdict;
}

static enum crash_verdict skafu_verify(void *opaque, const char *dir, uint64_t acked, uint64_t begun)
{
	struct skafu_run *run = opaque;
	enum crash_verdict verdict;
	skafu_store *store;
	char path[400];
	int32_t rc;

	snprintf(path, sizeof(path), "%s/store", dir);
	skafumodel_machine(run->seed + RUN_OPS_MAX, LATER_NS);
	/* Every eighth state folds right after its recovery: doing so costs as much as all the rest. */
	tune(VERIFY_MAP_BYTES, run->verified++ % 8 == 0 ? FOLD_RECORDS : FOLD_NEVER, JOURNAL_BYTES);
	rc = store_at(path, 0, &store);
	if (rc == SKAFU_ENOTFOUND)
		return acked ? CRASH_LOST : verify_nothing(run, path);
	if (rc != 0)
		return CRASH_CORRUPT;
	verdict = skafumodel_check(run->model, store, run->commits[acked], run->commits[begun]);
	skafu_store_close(store);
	return verdict;
}

const struct crash_subject crash_subject_skafu = {
	.name = "libskafu",
	.ops = skafu_ops,
	.op_count = OP_COUNT,
	.start = skafu_start,
	.no_journal = skafu_no_journal,
	.create = skafu_create,
	.perform = skafu_perform,
	.close = skafu_close,
	.free = skafu_free,
	.verify = skafu_verify,
};

/*
 * libskafu as a subject, through its public functions alone, but for the tuning that leaves out the syncs where a row
 * measures without them. A bulk load runs without syncs too, and flush() syncs the log once at its end, as the
 * references do.
 *
 * Each caller has a batch of its own that is used again and again, as a host would do.
 */
#include "bench/subject.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skafu_run.h"
#include "store/store.h"

#define BATCH_RECORDS 1024

struct own_store {
	skafu_store *store;
	skafu_error *error;
	skafu_batch *batches[BENCH_CALLERS_MAX];
	int foreign_ids;
	char path[512];
};

static int own_failed(const struct own_store *s, int32_t rc, const char *what)
{
	if (rc >= 0)
		return 0;
	fprintf(stderr, "libskafu: %s: %s: %s\n", what, skafu_result_name(rc), skafu_error_message(s->error));
	return -1;
}

static void own_close(void *store)
{
	struct own_store *s = store;
	size_t i;

	if (s == NULL)
		return;
	for (i = 0; i < BENCH_CALLERS_MAX; i++)
		skafu_batch_free(s->batches[i]);
	skafu_store_close(s->store);
	skafu_error_free(s->error);
	free(s);
}

static int own_prepare(struct own_store *s, const char *dir, const struct bench_store_options *options)
{
	const struct skafu__tuning tuning = {.no_sync = !options->sync || options->bulk};
	const skafu_store_opts opts = {.size = sizeof(opts), .flags = SKAFU_STORE_CREATE};
	unsigned i, callers = options->callers > 0 ? options->callers : 1;
	int32_t rc;

	skafu__tuning_override(&tuning);
	s->foreign_ids = options->foreign_ids;
	snprintf(s->path, sizeof(s->path), "%s/store", dir);
	rc = skafu_error_new(&s->error);
	if (rc == 0)
		rc = skafu_store_open(s->path, &opts, &s->store, s->error);
	for (i = 0; i < callers && rc == 0; i++)
		rc = skafu_batch_new(s->store, &s->batches[i], s->error);
	return own_failed(s, rc, "open");
}

static int own_open(void **store, const char *dir, const struct bench_store_options *options)
{
	struct own_store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -1;
	if (own_prepare(s, dir, options) != 0) {
		own_close(s);
		return -1;
	}
	*store = s;
	return 0;
}

/* ---- append -------------------------------------------------------------------------------------------------- */

static int32_t add_event(const struct own_store *s, skafu_batch *batch, const struct bench_event *e)
{
	const char *const tags[BENCH_TAGS] = {e->tag[0], e->tag[1], e->tag[2]};
	const skafu_new_record record = {.size = sizeof(record), .stream = e->stream, .type = e->type,
		.data = e->payload, .data_length = e->payload_bytes, .metadata = e->metadata,
		.metadata_length = BENCH_METADATA_BYTES, .tags = tags, .tag_count = BENCH_TAGS,
		.id = s->foreign_ids ? e->id : NULL, .correlation = e->correlation,
		.time_ns = (int64_t)e->time_us * 1000};

	return skafu_batch_add(batch, &record, NULL);
}

/* The error object serves one thread; callers do without one, and a failure is told by its code. */
static int append_batch(const struct own_store *s, skafu_batch *batch, const struct bench_event *events,
	size_t count)
{
	int32_t rc = 0;
	size_t i;

	for (i = 0; i < count && rc == 0; i++)
		rc = add_event(s, batch, &events[i]);
	if (rc == 0)
		rc = skafu_append(s->store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
	skafu_batch_clear(batch);
	if (rc != 0)
		fprintf(stderr, "libskafu: append: %s\n", skafu_result_name(rc));
	return rc != 0 ? -1 : 0;
}

static int own_append(void *store, unsigned caller, const struct bench_event *events, size_t count)
{
	struct own_store *s = store;

	return append_batch(s, s->batches[caller], events, count);
}

static int own_flush(void *store)
{
	struct own_store *s = store;
	char path[sizeof(s->path) + 4];
	int fd, failed;

	snprintf(path, sizeof(path), "%s/log", s->path);
	fd = open(path, O_RDWR | O_CLOEXEC);
	failed = fd < 0 || fdatasync(fd) != 0;
	if (failed)
		perror(path);
	if (fd >= 0)
		close(fd);
	return failed ? -1 : 0;
}

/* ---- read ---------------------------------------------------------------------------------------------------- */

static void touch(const skafu_record *record, struct bench_sum *sum)
{
	sum->sum += (uint64_t)record->time_ns + record->stream_version;
	bench_payload_touch(record->data, record->data_length, sum);
}

/* Reads a cursor to its end, touches every record and frees the cursor. */
static int read_out(struct own_store *s, skafu_cursor *cursor, struct bench_sum *sum)
{
	const skafu_record *const *records;
	int32_t i, count;

	while ((count = skafu_cursor_next_batch(cursor, BATCH_RECORDS, &records, s->error)) > 0) {
		for (i = 0; i < count; i++)
			touch(records[i], sum);
	}
	skafu_cursor_free(cursor);
	return own_failed(s, count, "read");
}

static int own_scan(void *store, struct bench_sum *sum)
{
	struct own_store *s = store;
	skafu_cursor *cursor;

	if (own_failed(s, skafu_read(s->store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, s->error), "scan") != 0)
		return -1;
	return read_out(s, cursor, sum);
}

static int own_stream(void *store, const char *stream, uint32_t from, uint32_t max, struct bench_sum *sum)
{
	struct own_store *s = store;
	const skafu_read_opts opts = {.size = sizeof(opts), .from = (uint64_t)from + 1};
	skafu_cursor *cursor;

	if (own_failed(s, skafu_read_stream(s->store, stream, max, &opts, &cursor, s->error), "stream") != 0)
		return -1;
	return read_out(s, cursor, sum);
}

static int own_correlation(void *store, const struct bench_event *key, struct bench_sum *sum)
{
	struct own_store *s = store;
	skafu_cursor *cursor;

	if (own_failed(s, skafu_read_correlation(s->store, key->correlation, SKAFU_NO_LIMIT, NULL, &cursor,
			s->error), "correlation") != 0)
		return -1;
	return read_out(s, cursor, sum);
}

static int own_by_id(void *store, const uint8_t id[16], struct bench_sum *sum)
{
	struct own_store *s = store;
	skafu_record *record;

	if (own_failed(s, skafu_get_by_id(s->store, id, &record, s->error), "by id") != 0)
		return -1;
	touch(record, sum);
	skafu_record_free(record);
	return 0;
}

static int own_by_sequence(void *store, uint64_t sequence, struct bench_sum *sum)
{
	struct own_store *s = store;
	skafu_record *record;

	if (own_failed(s, skafu_get(s->store, sequence, &record, s->error), "by sequence") != 0)
		return -1;
	touch(record, sum);
	skafu_record_free(record);
	return 0;
}

/* A counter for each type and stream, as a projection in fold form keeps it. */
static int32_t counter_key(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	char key[255];
	size_t type = strlen(event->type), stream = strlen(event->stream);

	(void)user;
	if (type + 1 + stream > sizeof(key))
		return SKAFU_EHOST;
	memcpy(key, event->type, type);
	key[type] = 0;
	memcpy(key + type + 1, event->stream, stream);
	return skafu_edit_key(edit, key, type + 1 + stream, error);
}

static int32_t counter_fold(void *user, const skafu_fold *input, skafu_writer *value, skafu_error *error)
{
	uint64_t count = 0;

	(void)user;
	if (input->value_length == sizeof(count))
		memcpy(&count, input->value, sizeof(count));
	count += input->event_count;
	return skafu_writer_put(value, &count, sizeof(count), error);
}

static int32_t rebuild(struct own_store *s, skafu_model *model, uint64_t *groups)
{
	skafu_projection_def def = {.size = sizeof(def), .version = 1, .domain = "bench", .name = "counters",
		.key = counter_key, .fold = counter_fold};
	skafu_projection_info info = {.size = sizeof(info)};
	int32_t rc = skafu_model_add_domain(model, "bench", s->error);

	if (rc == 0)
		rc = skafu_model_add_projection(model, &def, s->error);
	if (rc == 0)
		rc = skafu_projection_rebuild(model, "counters", s->error);
	if (rc == 0)
		do
			rc = skafu_projection_step(model, "counters", 1000000, s->error);
		while (rc == 1);
	if (rc == 0)
		rc = skafu_projection_info_get(model, "counters", &info, s->error);
	*groups = info.rows;
	return rc;
}

static int own_rebuild(void *store, uint64_t *groups)
{
	struct own_store *s = store;
	skafu_model *model = NULL;
	int32_t rc = skafu_model_open(s->store, NULL, &model, s->error);

	if (rc == 0)
		rc = rebuild(s, model, groups);
	skafu_model_close(model);
	return own_failed(s, rc, "rebuild");
}

static int32_t replay_count(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	(void)event;
	(void)turn;
	(void)error;
	++*(uint64_t *)user;
	return 0;
}

static int32_t replay(struct own_store *s, skafu_model *model, uint64_t *events)
{
	static const char *const targets[] = {"count"};
	skafu_source source = {.size = sizeof(source), .start = SKAFU_START_NOW};
	skafu_reaction_def def = {.size = sizeof(def), .domain = "bench", .name = "count", .source = &source,
		.react = replay_count, .user = events};
	skafu_replay_opts opts = {.size = sizeof(opts), .targets = targets, .target_count = 1};
	skafu_engine *engine = NULL;
	uint8_t id[16];
	int32_t rc = skafu_model_add_domain(model, "bench", s->error);

	if (rc == 0)
		rc = skafu_model_add_reaction(model, &def, s->error);
	if (rc == 0)
		rc = skafu_engine_open(model, NULL, &engine, s->error);
	if (rc == 0)
		rc = skafu_replay_start(engine, &opts, id, s->error);
	if (rc == 0)
		rc = skafu_engine_drain(engine, UINT64_C(60000000000), s->error);
	skafu_engine_close(engine);
	return rc;
}

static int own_replay(void *store, uint64_t *events)
{
	struct own_store *s = store;
	skafu_model *model = NULL;
	int32_t rc = skafu_model_open(s->store, NULL, &model, s->error);

	if (rc == 0)
		rc = replay(s, model, events);
	skafu_model_close(model);
	return own_failed(s, rc, "replay");
}

static int own_command(void *store, const struct bench_event *e)
{
	struct own_store *s = store;
	struct bench_sum loaded = {0, 0};
	int32_t rc;

	if (own_stream(store, e->stream, 0, 1000, &loaded) != 0)
		return -1;
	rc = skafu_batch_expect_stream(s->batches[0], e->stream, SKAFU_EXPECT_EXACT, loaded.count, s->error);
	return own_failed(s, rc, "command") != 0 ? -1 : append_batch(s, s->batches[0], e, 1);
}

static int own_wait(void *store, uint64_t after, uint64_t wait_ns, uint64_t *head)
{
	struct own_store *s = store;
	int32_t rc = skafu_store_wait(s->store, after, wait_ns, head, s->error);

	if (rc == SKAFU_ETIMEOUT)
		rc = skafu_store_head(s->store, head, s->error);
	return own_failed(s, rc, "wait");
}

const struct bench_subject bench_skafu = {
	.name = "libskafu",
	.open = own_open,
	.close = own_close,
	.append = own_append,
	.flush = own_flush,
	.scan = own_scan,
	.stream = own_stream,
	.correlation = own_correlation,
	.by_id = own_by_id,
	.by_sequence = own_by_sequence,
	.rebuild = own_rebuild,
	.replay = own_replay,
	.command = own_command,
	.wait = own_wait,
};

/* SQLite as an event store; see peer_sqlite.h. */
#include "bench/peer_sqlite.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum statement { BEGIN, COMMIT, ROLLBACK, INSERT, INSERT_TAG, SCAN, STREAM, CORRELATION, BY_ID, BY_SEQUENCE, FOLD,
	STATEMENTS };

static const char *const sql_texts[STATEMENTS] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[INSERT] = "INSERT INTO event(stream,version,type,id,correlation,time,metadata,payload) "
		   "VALUES(?,?,?,?,?,?,?,?)",
	[INSERT_TAG] = "INSERT INTO tag(tag,position) VALUES(?,?)",
	[SCAN] = "SELECT position,version,time,stream,type,payload FROM event ORDER BY position",
	[STREAM] = "SELECT position,version,time,stream,type,payload FROM event WHERE stream=? AND version>=? "
		   "ORDER BY version LIMIT ?",
	[CORRELATION] = "SELECT position,version,time,stream,type,payload FROM event WHERE correlation=? "
			"ORDER BY position",
	[BY_ID] = "SELECT position,version,time,stream,type,payload FROM event WHERE id=?",
	[BY_SEQUENCE] = "SELECT position,version,time,stream,type,payload FROM event WHERE position=?",
	[FOLD] = "SELECT type,stream FROM event ORDER BY position",
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS event(position INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL,"
	" version INTEGER NOT NULL, type TEXT NOT NULL, id BLOB NOT NULL UNIQUE, correlation BLOB NOT NULL,"
	" time INTEGER NOT NULL, metadata TEXT NOT NULL, payload TEXT NOT NULL, UNIQUE(stream,version));"
	"CREATE INDEX IF NOT EXISTS event_type ON event(type);"
	"CREATE INDEX IF NOT EXISTS event_correlation ON event(correlation);"
	"CREATE TABLE IF NOT EXISTS tag(tag TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY(tag,position))"
	" WITHOUT ROWID;";

struct sqlite_conn {
	sqlite3 *db;
	sqlite3_stmt *statement[STATEMENTS];
};

/* One caller's commit that waits for a leader. */
struct sqlite_wait {
	struct sqlite_wait *next;
	const struct bench_event *events;
	size_t count;
	int done;
	int failed;
};

struct sqlite_store {
	struct bench_store_options options;
	pthread_mutex_t mutex;
	pthread_cond_t finished;
	struct sqlite_wait *first, **last;
	int leading;
	unsigned conns;
	struct sqlite_conn conn[BENCH_CALLERS_MAX];
};

static int sqlite_failed(struct sqlite_conn *c, const char *what)
{
	fprintf(stderr, "SQLite: %s: %s\n", what, sqlite3_errmsg(c->db));
	return -1;
}

static int conn_open(struct sqlite_conn *c, const char *dir, const struct bench_store_options *options)
{
	const char *sync = options->sync && !options->bulk ? "FULL" : "OFF";
	char text[512];
	int i;

	snprintf(text, sizeof(text), "%s/events.db", dir);
	if (sqlite3_open_v2(text, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
		NULL) != 0)
		return sqlite_failed(c, "open");
	snprintf(text, sizeof(text),
		"PRAGMA journal_mode=WAL; PRAGMA synchronous=%s; PRAGMA cache_size=-262144; "
		"PRAGMA mmap_size=2147483648;", sync);
	sqlite3_busy_timeout(c->db, 5000);
	if (sqlite3_exec(c->db, text, NULL, NULL, NULL) != 0 || sqlite3_exec(c->db, schema, NULL, NULL, NULL) != 0)
		return sqlite_failed(c, "schema");
	for (i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(c->db, sql_texts[i], -1, SQLITE_PREPARE_PERSISTENT, &c->statement[i],
			NULL) != 0)
			return sqlite_failed(c, sql_texts[i]);
	}
	return 0;
}

static void sqlite_close(void *store)
{
	struct sqlite_store *s = store;
	unsigned i, k;

	if (s == NULL)
		return;
	for (i = 0; i < s->conns; i++) {
		for (k = 0; k < STATEMENTS; k++)
			sqlite3_finalize(s->conn[i].statement[k]);
		sqlite3_close(s->conn[i].db);
	}
	pthread_mutex_destroy(&s->mutex);
	pthread_cond_destroy(&s->finished);
	free(s);
}

static int sqlite_open(void **store, const char *dir, const struct bench_store_options *options)
{
	struct sqlite_store *s = calloc(1, sizeof(*s));
	unsigned i, wanted = options->group || options->callers == 0 ? 1 : options->callers;

	if (s == NULL)
		return -1;
	s->options = *options;
	s->last = &s->first;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->finished, NULL);
	for (i = 0; i < wanted && i < BENCH_CALLERS_MAX; i++) {
		s->conns++;
		if (conn_open(&s->conn[i], dir, options) != 0) {
			sqlite_close(s);
			return -1;
		}
	}
	*store = s;
	return 0;
}

static int run_once(struct sqlite_conn *c, enum statement which)
{
	int rc = sqlite3_step(c->statement[which]);

	sqlite3_reset(c->statement[which]);
	return rc == SQLITE_DONE ? 0 : sqlite_failed(c, sql_texts[which]);
}

static int insert_event(struct sqlite_conn *c, const struct bench_event *e)
{
	sqlite3_stmt *row = c->statement[INSERT], *tag = c->statement[INSERT_TAG];
	sqlite3_int64 position;
	int i;

	sqlite3_bind_text(row, 1, e->stream, BENCH_STREAM_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(row, 2, e->version);
	sqlite3_bind_text(row, 3, e->type, -1, SQLITE_STATIC);
	sqlite3_bind_blob(row, 4, e->id, 16, SQLITE_STATIC);
	sqlite3_bind_blob(row, 5, e->correlation_id, 16, SQLITE_STATIC);
	sqlite3_bind_int64(row, 6, (sqlite3_int64)e->time_us);
	sqlite3_bind_text(row, 7, e->metadata, BENCH_METADATA_BYTES, SQLITE_STATIC);
	sqlite3_bind_text(row, 8, e->payload, (int)e->payload_bytes, SQLITE_STATIC);
	if (run_once(c, INSERT) != 0)
		return -1;
	position = sqlite3_last_insert_rowid(c->db);
	for (i = 0; i < BENCH_TAGS; i++) {
		sqlite3_bind_text(tag, 1, e->tag[i], -1, SQLITE_STATIC);
		sqlite3_bind_int64(tag, 2, position);
		if (run_once(c, INSERT_TAG) != 0)
			return -1;
	}
	return 0;
}

static int commit_list(struct sqlite_conn *c, const struct sqlite_wait *list)
{
	size_t i;

	if (run_once(c, BEGIN) != 0)
		return -1;
	for (; list != NULL; list = list->next) {
		for (i = 0; i < list->count; i++) {
			if (insert_event(c, &list->events[i]) != 0) {
				run_once(c, ROLLBACK);
				return -1;
			}
		}
	}
	return run_once(c, COMMIT);
}

static void lead_group(struct sqlite_store *s)
{
	struct sqlite_wait *list = s->first, *next;
	int failed;

	s->leading = 1;
	s->first = NULL;
	s->last = &s->first;
	pthread_mutex_unlock(&s->mutex);
	failed = commit_list(&s->conn[0], list);
	pthread_mutex_lock(&s->mutex);
	for (; list != NULL; list = next) {
		next = list->next;
		list->failed = failed;
		list->done = 1;
	}
	s->leading = 0;
	pthread_cond_broadcast(&s->finished);
}

static int append_grouped(struct sqlite_store *s, struct sqlite_wait *mine)
{
	pthread_mutex_lock(&s->mutex);
	*s->last = mine;
	s->last = &mine->next;
	while (!mine->done) {
		if (s->leading)
			pthread_cond_wait(&s->finished, &s->mutex);
		else
			lead_group(s);
	}
	pthread_mutex_unlock(&s->mutex);
	return mine->failed;
}

static int sqlite_append(void *store, unsigned caller, const struct bench_event *events, size_t count)
{
	struct sqlite_store *s = store;
	struct sqlite_wait mine = {.events = events, .count = count};
	int failed;

	if (s->options.group)
		return append_grouped(s, &mine);
	pthread_mutex_lock(&s->mutex);
	failed = commit_list(&s->conn[caller % s->conns], &mine);
	pthread_mutex_unlock(&s->mutex);
	return failed;
}

static int sqlite_flush(void *store)
{
	struct sqlite_store *s = store;

	if (sqlite3_exec(s->conn[0].db, "PRAGMA synchronous=FULL; PRAGMA wal_checkpoint(TRUNCATE);", NULL, NULL,
		NULL) != 0)
		return sqlite_failed(&s->conn[0], "checkpoint");
	return 0;
}

/* Steps a bound read to its end and touches every row. */
static int read_rows(struct sqlite_conn *c, enum statement which, struct bench_sum *sum)
{
	sqlite3_stmt *rows = c->statement[which];
	int rc;

	while ((rc = sqlite3_step(rows)) == SQLITE_ROW) {
		sum->sum += (uint64_t)sqlite3_column_int64(rows, 0) + (uint64_t)sqlite3_column_int64(rows, 1) +
			    (uint64_t)sqlite3_column_int64(rows, 2) + (uint64_t)sqlite3_column_bytes(rows, 3) +
			    (uint64_t)sqlite3_column_bytes(rows, 4);
		bench_payload_touch(sqlite3_column_blob(rows, 5), (size_t)sqlite3_column_bytes(rows, 5), sum);
	}
	sqlite3_reset(rows);
	return rc == SQLITE_DONE ? 0 : sqlite_failed(c, sql_texts[which]);
}

static int sqlite_scan(void *store, struct bench_sum *sum)
{
	struct sqlite_store *s = store;

	return read_rows(&s->conn[0], SCAN, sum);
}

static int sqlite_stream(void *store, const char *stream, uint32_t from, uint32_t max, struct bench_sum *sum)
{
	struct sqlite_store *s = store;
	sqlite3_stmt *rows = s->conn[0].statement[STREAM];

	sqlite3_bind_text(rows, 1, stream, BENCH_STREAM_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(rows, 2, from);
	sqlite3_bind_int64(rows, 3, max);
	return read_rows(&s->conn[0], STREAM, sum);
}

static int sqlite_correlation(void *store, const struct bench_event *key, struct bench_sum *sum)
{
	struct sqlite_store *s = store;

	sqlite3_bind_blob(s->conn[0].statement[CORRELATION], 1, key->correlation_id, 16, SQLITE_STATIC);
	return read_rows(&s->conn[0], CORRELATION, sum);
}

static int sqlite_by_id(void *store, const uint8_t id[16], struct bench_sum *sum)
{
	struct sqlite_store *s = store;

	sqlite3_bind_blob(s->conn[0].statement[BY_ID], 1, id, 16, SQLITE_STATIC);
	return read_rows(&s->conn[0], BY_ID, sum);
}

static int sqlite_by_sequence(void *store, uint64_t sequence, struct bench_sum *sum)
{
	struct sqlite_store *s = store;

	sqlite3_bind_int64(s->conn[0].statement[BY_SEQUENCE], 1, (sqlite3_int64)sequence);
	return read_rows(&s->conn[0], BY_SEQUENCE, sum);
}

static int sqlite_rebuild(void *store, uint64_t *groups)
{
	struct sqlite_store *s = store;
	sqlite3_stmt *rows = s->conn[0].statement[FOLD];
	struct bench_counters *counters = bench_counters_create();
	int rc = SQLITE_NOMEM, failed = counters == NULL;

	while (!failed && (rc = sqlite3_step(rows)) == SQLITE_ROW) {
		const char *type = sqlite3_column_blob(rows, 0), *stream = sqlite3_column_blob(rows, 1);

		failed = bench_counters_add(counters, type, (size_t)sqlite3_column_bytes(rows, 0), stream,
			(size_t)sqlite3_column_bytes(rows, 1));
	}
	sqlite3_reset(rows);
	if (!failed)
		*groups = bench_counters_groups(counters);
	bench_counters_destroy(counters);
	return rc == SQLITE_DONE ? 0 : sqlite_failed(&s->conn[0], "fold");
}

static int sqlite_command(void *store, const struct bench_event *e)
{
	struct bench_sum loaded = {0, 0};
	struct bench_event next = *e;

	if (sqlite_stream(store, e->stream, 0, 1000, &loaded) != 0)
		return -1;
	next.version = (uint32_t)loaded.count;
	return sqlite_append(store, 0, &next, 1);
}

const struct bench_subject bench_sqlite = {
	.name = "SQLite",
	.open = sqlite_open,
	.close = sqlite_close,
	.append = sqlite_append,
	.flush = sqlite_flush,
	.scan = sqlite_scan,
	.stream = sqlite_stream,
	.correlation = sqlite_correlation,
	.by_id = sqlite_by_id,
	.by_sequence = sqlite_by_sequence,
	.rebuild = sqlite_rebuild,
	.command = sqlite_command,
};

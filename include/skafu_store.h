/*
 * skafu_store.h: the log: open a store, append commits, read records, wait for more.
 *
 * A store is a directory.  One append writes one commit: records (events, and commands, errors and outcomes that were
 * recorded) and row operations, all or nothing, on disk when the call returns.  All records of a store share one
 * sequence: 1, 2, 3 ...; the events of a stream have versions of their own: 1, 2, 3 ...
 *
 * Several processes of one machine, and any number of their threads, may have a store open and read and write it.
 * A store handle may be used by any thread; a batch, query or cursor by one thread at a time.  No callback of the
 * host runs inside these functions but the allocator and the log sink.  After a fork only the parent may use its
 * handles; the child opens the store again.
 */
#ifndef SKAFU_STORE_H
#define SKAFU_STORE_H

#include "skafu_base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct skafu_store skafu_store;
typedef struct skafu_batch skafu_batch;
typedef struct skafu_query skafu_query;
typedef struct skafu_cursor skafu_cursor;

/* ---- open and close ------------------------------------------------------------------------------------------ */

#define SKAFU_STORE_CREATE 0x1u          /* create the store when the path does not exist or is an empty directory */
#define SKAFU_STORE_READONLY 0x2u        /* refuse every write through this handle */
#define SKAFU_STORE_FORCE_FILESYSTEM 0x4u /* also on a file system that is known to be unsafe (network) */
#define SKAFU_STORE_CHECK 0x8u           /* look at every page before the file is mapped, when nobody has it open */

typedef struct skafu_store_opts {
	uint32_t size;                   /* sizeof(skafu_store_opts) */
	uint32_t flags;                  /* SKAFU_STORE_ */
	const skafu_allocator *allocator; /* NULL: malloc */
	skafu_log_fn log;                /* NULL: silence */
	void *log_user;
	skafu_free_fn log_free;          /* called once: at close, or before a failing open returns */
	uint64_t store_bytes_max; /* limit of the log file; 0: 1 TiB of address space, as far as the disk goes */
	uint32_t name_bytes_max;         /* of one name; 0: 255, which is also the largest */
	uint32_t tags_max;               /* of one record; 0: 32; at most 255 */
	uint32_t payload_bytes_max;      /* of one payload, and of one metadata; 0: 1 MiB; at most 16 MiB */
	uint32_t batch_bytes_max;        /* of one commit; 0: 16 MiB, which is also the largest */
	uint32_t json_depth_max;         /* 0: 64, which is also the largest */
	uint32_t readers_max;            /* read slots of all processes; 0: 1,024; the first opener decides */
	uint64_t overlay_bytes_max;      /* memory for what is appended but not folded yet; 0: 32 MiB */
	uint64_t cache_bytes_max;        /* memory for heads of streams and the like; 0: 16 MiB */
	uint32_t fold_records;           /* fold when so many records are not folded, or overlay_bytes_max demands it;
					  * 0: 16,384; 1 to 1,000,000 */
	uint32_t reserved;               /* 0 */
} skafu_store_opts;

/*
 * Open the store in the directory `path`.  Ready when it returns, needs no repair after a crash, starts no thread.
 * A path that is open in this process already gives the same store again, to be closed once more; other options than
 * before are refused with SKAFU_EOPENED.  A structure that is damaged is refused with SKAFU_EDAMAGED and never
 * mapped.
 */
SKAFU_API int32_t skafu_store_open(const char *path, const skafu_store_opts *opts, skafu_store **out_store,
				   skafu_error *error);

/* Create a store: SKAFU_EEXISTS when there is anything at the path but an empty directory.  Atomic: after a crash
 * there is a whole store or none. */
SKAFU_API int32_t skafu_store_create(const char *path, const skafu_store_opts *opts, skafu_store **out_store,
				     skafu_error *error);

/* A store that vanishes with its handle, for tests: the same code on unlinked temporary files, without syncs. */
SKAFU_API int32_t skafu_store_open_memory(const skafu_store_opts *opts, skafu_store **out_store, skafu_error *error);

/* Give the handle back.  Cursors and batches that are still alive stay valid and keep the files open until the last
 * of them is freed.  NULL is fine. */
SKAFU_API void skafu_store_close(skafu_store *store);

/* ---- what a store is ----------------------------------------------------------------------------------------- */

/* The sequence of the newest record, 0 when there is none; as of now, so it may be more when you look again. */
SKAFU_API int32_t skafu_store_head(skafu_store *store, uint64_t *out_sequence, skafu_error *error);

/* The birth id stays with a store for life, through backup and restore.  The incarnation is new after every restore:
 * a consumer that remembers a later sequence under another incarnation has seen events that are no more. */
SKAFU_API int32_t skafu_store_birth(skafu_store *store, uint8_t out_id[16], skafu_error *error);
SKAFU_API int32_t skafu_store_incarnation(skafu_store *store, uint8_t out_id[16], skafu_error *error);

/* The directory, borrowed until the store is closed; NULL for a store in memory. */
SKAFU_API const char *skafu_store_path(const skafu_store *store);

typedef struct skafu_store_stats {
	uint32_t size; /* set by the caller to sizeof(skafu_store_stats) */
	uint32_t reserved;
	uint64_t head;            /* sequence of the newest record */
	uint64_t commits;         /* number of the newest commit */
	uint64_t indexed_up_to;   /* records up to this sequence are folded into the index */
	uint64_t chained_up_to;   /* commits up to this number are in the hash chain */
	uint64_t file_bytes;      /* of the log file */
	uint64_t file_bytes_used; /* of these, not free for reuse */
	uint64_t overlay_bytes;   /* memory of this process for what is not folded */
	uint64_t cache_bytes;
	uint64_t index_runs;
	uint64_t index_segments;
	uint64_t index_entries;
	uint64_t appends;         /* commits by this process since it opened the store */
	uint64_t flushes;         /* disk flushes that these took; fewer when callers shared them */
	uint64_t folds;
	uint64_t merges;
} skafu_store_stats;

SKAFU_API int32_t skafu_store_stats_get(skafu_store *store, skafu_store_stats *out_stats, skafu_error *error);

/* ---- append -------------------------------------------------------------------------------------------------- */

#define SKAFU_KIND_EVENT 1u
#define SKAFU_KIND_COMMAND 2u
#define SKAFU_KIND_ERROR 3u
#define SKAFU_KIND_OUTCOME 4u

#define SKAFU_SEVERITY_WARNING 1u
#define SKAFU_SEVERITY_ERROR 2u
#define SKAFU_SEVERITY_CRITICAL 3u

#define SKAFU_RECORD_TIME 0x1u /* time_ns is given, and may be 0 (1970) */

/*
 * A record to be.  Only stream (of an event) and type must be given.  All is copied by skafu_batch_add().
 * A type belongs to one domain of the store for ever: the source under which it is first appended.
 */
typedef struct skafu_new_record {
	uint32_t size;          /* sizeof(skafu_new_record) */
	uint32_t flags;         /* SKAFU_RECORD_ */
	uint32_t kind;          /* SKAFU_KIND_; 0: an event */
	uint32_t event_version; /* major << 16 | minor; 0: 1.0 */
	const char *stream;     /* of an event; other kinds may leave it NULL */
	const char *type;
	const char *source;       /* the emitting domain; NULL: "default" */
	const char *content_type; /* NULL: "application/json", which is checked strictly; others are not looked at */
	const void *data;         /* NULL: an empty object for JSON, else nothing */
	size_t data_length;
	const void *metadata; /* strict JSON, an object; NULL: none */
	size_t metadata_length;
	const char *const *tags;
	size_t tag_count;
	const uint8_t *id;          /* 16 bytes; NULL: a new UUIDv7 */
	const uint8_t *causation;   /* 16 bytes: the id of the record that caused this one; NULL: none */
	const char *correlation;    /* 1 to 128 bytes; NULL: the text of the record's own id */
	int64_t time_ns;            /* when it happened; 0 without SKAFU_RECORD_TIME: when it is recorded */
	uint32_t severity;          /* of an error: SKAFU_SEVERITY_ */
	uint32_t hops;              /* how many reactions led to this record; at most 255 */
} skafu_new_record;

/* A batch becomes one commit.  It belongs to its store's limits, not to a moment: it can be refilled and reused. */
SKAFU_API int32_t skafu_batch_new(skafu_store *store, skafu_batch **out_batch, skafu_error *error);
SKAFU_API void skafu_batch_free(skafu_batch *batch);
SKAFU_API void skafu_batch_clear(skafu_batch *batch);

/* Add a record at the end.  Everything about it is checked here; a refused record leaves the batch as it was. */
SKAFU_API int32_t skafu_batch_add(skafu_batch *batch, const skafu_new_record *record, skafu_error *error);
SKAFU_API uint32_t skafu_batch_count(const skafu_batch *batch);

/* The id of the record at position 0, 1, ...: given or made by the library.  From this call on the library looks for
 * it in the log when the batch is appended, as for one that was given. */
SKAFU_API int32_t skafu_batch_record_id(const skafu_batch *batch, uint32_t index, uint8_t out_id[16]);

/* Name the commit.  Appending the same content again under the same id returns the first outcome instead of a second
 * commit.  Without it the id is derived from the record ids when the host gave all of them, else it is new. */
SKAFU_API int32_t skafu_batch_set_id(skafu_batch *batch, const uint8_t id[16], skafu_error *error);

/* The commit's id, for skafu_commit_status(): fixed from the moment of this call. */
SKAFU_API int32_t skafu_batch_id(skafu_batch *batch, uint8_t out_id[16], skafu_error *error);

#define SKAFU_EXPECT_ANY 1u    /* nothing is checked */
#define SKAFU_EXPECT_NONE 2u   /* the stream has no events */
#define SKAFU_EXPECT_EXISTS 3u /* the stream has at least one event */
#define SKAFU_EXPECT_EXACT 4u  /* the stream is at exactly this version; 0 is the same as NONE */

/* Require a state of a stream, whether the batch writes to it or not.  Judged against the store before the batch. */
SKAFU_API int32_t skafu_batch_expect_stream(skafu_batch *batch, const char *stream, uint32_t expectation,
					    uint64_t version, skafu_error *error);

/* Require that no event later than sequence `after` (0: none at all) matches the query.  The query is copied. */
SKAFU_API int32_t skafu_batch_expect_no_match(skafu_batch *batch, const skafu_query *query, uint64_t after,
					      skafu_error *error);

/*
 * Rows: small keyed values that change in the same commit as the records, in tables that come into being by use.
 * Keys are 1 to 255 bytes, values up to the payload limit.  Expectations are judged before the batch's own changes;
 * of several changes to one key the last one counts.
 */
SKAFU_API int32_t skafu_batch_put_row(skafu_batch *batch, const char *table, const void *key, size_t key_length,
				      const void *value, size_t value_length, skafu_error *error);
SKAFU_API int32_t skafu_batch_delete_row(skafu_batch *batch, const char *table, const void *key, size_t key_length,
					 skafu_error *error);
SKAFU_API int32_t skafu_batch_expect_row(skafu_batch *batch, const char *table, const void *key, size_t key_length,
					 const void *value, size_t value_length, skafu_error *error);
SKAFU_API int32_t skafu_batch_expect_no_row(skafu_batch *batch, const char *table, const void *key, size_t key_length,
					    skafu_error *error);

/*
 * Take things away, in the same commit as whatever else the batch holds.  From that commit on no read, query or
 * condition sees them; the room of their payloads is used again when skafu_store_maintain() has cleared them.
 *
 * truncate: events of the stream with a version below before_version, at most the stream's next one.  delete: all
 * events of the stream, which must be at `version`; later events go on with the next version.  tombstone: the stream
 * for ever, SKAFU_EDELETED for whoever appends to it.  erase: the payload of one record; the record stays, with
 * SKAFU_RECORD_ERASED and no data.  None can be taken back.
 */
SKAFU_API int32_t skafu_batch_truncate_stream(skafu_batch *batch, const char *stream, uint64_t before_version,
					      skafu_error *error);
SKAFU_API int32_t skafu_batch_delete_stream(skafu_batch *batch, const char *stream, uint64_t version,
					    skafu_error *error);
SKAFU_API int32_t skafu_batch_tombstone_stream(skafu_batch *batch, const char *stream, skafu_error *error);
SKAFU_API int32_t skafu_batch_erase(skafu_batch *batch, uint64_t sequence, skafu_error *error);

#define SKAFU_APPENDED_RETRY 0x1u /* the commit was in the log already; these are its places */

typedef struct skafu_appended {
	uint32_t size;           /* set by the caller to sizeof(skafu_appended) */
	uint32_t flags;          /* SKAFU_APPENDED_ */
	uint64_t commit;         /* number of the commit, from 1 */
	uint64_t first_sequence; /* of its records; 0 when it has none */
	uint64_t last_sequence;
	uint64_t stream_version; /* of the last event of the batch; 0 without events */
	int64_t recorded_ns;
} skafu_appended;

/*
 * Append the batch as one commit and return when it is on disk.  Concurrent callers share flushes.  out_appended may
 * be NULL.  timeout_ns bounds the wait for other writers (SKAFU_EBUSY names the holder), not the flush itself.
 * Refusals are explained: skafu_error_condition() says which condition, in the order in which they were added,
 * skafu_error_item() which item of a query, skafu_error_sequence() the event that matched, skafu_error_version() the
 * version that the stream really has.  After SKAFU_EUNKNOWN ask skafu_commit_status().
 */
SKAFU_API int32_t skafu_append(skafu_store *store, skafu_batch *batch, uint64_t timeout_ns,
			       skafu_appended *out_appended, skafu_error *error);

/*
 * Append several batches, each judged alone and in order, with one flush.  out_results[i] is the code of batch i, and
 * out_appended[i] is written where that is 0; both may be NULL.  Returns 0 when all succeeded, else the code of the
 * first that did not, which the error describes with skafu_error_batch(); the others stand.
 */
SKAFU_API int32_t skafu_append_many(skafu_store *store, skafu_batch *const *batches, uint32_t count,
				    uint64_t timeout_ns, int32_t *out_results, skafu_appended *out_appended,
				    skafu_error *error);

/* What became of a commit: 0 and its places when it is in the log, SKAFU_ENOTFOUND when it is not and will not be. */
SKAFU_API int32_t skafu_commit_status(skafu_store *store, const uint8_t id[16], skafu_appended *out_appended,
				      skafu_error *error);

/* ---- queries ------------------------------------------------------------------------------------------------- */

/*
 * Which events: items are OR'd; within an item the types are OR'd, the tags AND'd, and both must hold.  An item
 * without types and tags, or a query without items, matches every event.  (The dynamic consistency boundary of
 * dcb.events.)
 */
SKAFU_API int32_t skafu_query_new(skafu_query **out_query, skafu_error *error);
SKAFU_API void skafu_query_free(skafu_query *query);
SKAFU_API int32_t skafu_query_add_item(skafu_query *query, skafu_error *error); /* the following go to this item */
SKAFU_API int32_t skafu_query_add_type(skafu_query *query, const char *type, skafu_error *error);
SKAFU_API int32_t skafu_query_add_tag(skafu_query *query, const char *tag, skafu_error *error);

/* ---- read ---------------------------------------------------------------------------------------------------- */

#define SKAFU_RECORD_IS_JSON 0x1u       /* the payload passed the strict check */
#define SKAFU_RECORD_CLOCK_BEHIND 0x2u  /* the clock was more than an hour behind the record before */
#define SKAFU_RECORD_ERASED 0x4u        /* the payload was erased; data is empty */

/*
 * A record as it is read.  Lent by a cursor: valid until the cursor is used again or freed.  Texts end in a NUL and
 * are never NULL (a record without a stream has ""); data and metadata may hold any byte and are not terminated.
 */
typedef struct skafu_record {
	uint32_t size;
	uint32_t kind;
	uint32_t flags;         /* SKAFU_RECORD_IS_JSON ... */
	uint32_t event_version; /* major << 16 | minor */
	uint64_t sequence;
	uint64_t commit;
	uint64_t stream_version; /* 0 for records that are no events */
	int64_t time_ns;         /* when it happened */
	int64_t recorded_ns;     /* when it was appended; never falls along the log */
	const uint8_t *id;        /* 16 bytes */
	const uint8_t *causation; /* 16 bytes, all zero when there is none */
	const char *stream;
	const char *type;
	const char *source;
	const char *correlation;
	const char *content_type;
	const char *tags; /* tag_count texts, one after another, each with its NUL */
	const uint8_t *data;
	const uint8_t *metadata;
	uint32_t data_length;
	uint32_t metadata_length;
	uint32_t tag_count;
	uint32_t severity;
	uint32_t hops;
	uint32_t reserved;
} skafu_record;

/* Tag number index (0, 1, ...), NULL beyond the last. */
SKAFU_API const char *skafu_record_tag(const skafu_record *record, uint32_t index);

/* A copy on its own memory, to be freed with skafu_record_free(). */
SKAFU_API int32_t skafu_record_copy(const skafu_record *record, skafu_record **out_record, skafu_error *error);
SKAFU_API void skafu_record_free(skafu_record *record);

/* The record in the exported form, one JSON object: eventId eventType eventVersion source timestamp sequenceNumber
 * streamId streamVersion correlationId causationId tags metadata data (or data_base64) severity; and, where it is not
 * what goes without saying, recordKind (command, error, outcome) contentType hops.  Free *out_text with
 * skafu_text_free(). */
SKAFU_API int32_t skafu_record_to_json(const skafu_record *record, char **out_text, size_t *out_length,
				       skafu_error *error);
SKAFU_API void skafu_text_free(char *text);

#define SKAFU_READ_BACKWARD 0x1u
#define SKAFU_READ_RECORDED_FROM 0x2u /* recorded_from_ns is given */
#define SKAFU_READ_RECORDED_TO 0x4u   /* recorded_to_ns is given */

#define SKAFU_KINDS_EVENTS (1u << 1)
#define SKAFU_KINDS_COMMANDS (1u << 2)
#define SKAFU_KINDS_ERRORS (1u << 3)
#define SKAFU_KINDS_OUTCOMES (1u << 4)
#define SKAFU_KINDS_ALL 0x1eu

typedef struct skafu_read_opts {
	uint32_t size;            /* sizeof(skafu_read_opts) */
	uint32_t flags;           /* SKAFU_READ_ */
	uint32_t kinds;           /* 1 << SKAFU_KIND_, OR'd; 0: events */
	uint32_t reserved;        /* 0 */
	uint64_t from;            /* first sequence (version, for a stream) that may be read; 0: the first there is */
	uint64_t to;              /* last one; 0: the last there is when the cursor is opened */
	int64_t recorded_from_ns; /* with SKAFU_READ_RECORDED_FROM: only records of that time or later */
	int64_t recorded_to_ns;
} skafu_read_opts;

#define SKAFU_NO_LIMIT UINT64_MAX

/*
 * Cursors see the log as it was when they were opened, also while others append; they hold no lock and no snapshot
 * between calls, so one may be kept for hours.  limit 0 returns nothing.  Each checks the checksum of what it
 * returns. skafu_read: everything, or what a query matches (NULL: everything).
 */
SKAFU_API int32_t skafu_read(skafu_store *store, const skafu_query *query, uint64_t limit,
			     const skafu_read_opts *opts, skafu_cursor **out_cursor, skafu_error *error);

/* One stream, in the order of its versions; from and to are versions.  A stream that does not exist reads as empty,
 * and so does what comes after its last version; from beyond that is SKAFU_EINVAL with the actual version. */
SKAFU_API int32_t skafu_read_stream(skafu_store *store, const char *stream, uint64_t limit,
				    const skafu_read_opts *opts, skafu_cursor **out_cursor, skafu_error *error);

SKAFU_API int32_t skafu_read_correlation(skafu_store *store, const char *correlation, uint64_t limit,
					 const skafu_read_opts *opts, skafu_cursor **out_cursor, skafu_error *error);

/* Every event of the types that belong to a domain. */
SKAFU_API int32_t skafu_read_domain(skafu_store *store, const char *domain, uint64_t limit,
				    const skafu_read_opts *opts, skafu_cursor **out_cursor, skafu_error *error);

/* 1 and a record, 0 at the end, a negative code on failure.  A failing step can be tried again. */
SKAFU_API int32_t skafu_cursor_next(skafu_cursor *cursor, const skafu_record **out_record, skafu_error *error);

/* Up to records_max records at once, as an array of pointers that is lent until the next use; returns how many, 0 at
 * the end. */
SKAFU_API int32_t skafu_cursor_next_batch(skafu_cursor *cursor, uint32_t records_max,
					  const skafu_record *const **out_records, skafu_error *error);

/* The head of the log when the cursor was opened: the `after` of an append that decides upon what was read. */
SKAFU_API uint64_t skafu_cursor_head(const skafu_cursor *cursor);
SKAFU_API void skafu_cursor_free(skafu_cursor *cursor);

/* One record, on its own memory; SKAFU_ENOTFOUND when there is none. */
SKAFU_API int32_t skafu_get(skafu_store *store, uint64_t sequence, skafu_record **out_record, skafu_error *error);
SKAFU_API int32_t skafu_get_by_id(skafu_store *store, const uint8_t id[16], skafu_record **out_record,
				  skafu_error *error);

/* The version of a stream now: 0 when it does not exist. */
SKAFU_API int32_t skafu_stream_version(skafu_store *store, const char *stream, uint64_t *out_version,
				       skafu_error *error);

/* Streams whose names begin with a prefix ("": all), in the order of their names. */
typedef struct skafu_stream_info {
	uint32_t size;
	uint32_t reserved;
	const char *name;
	uint64_t version;
	uint64_t last_sequence;
	int64_t last_recorded_ns;
} skafu_stream_info;

typedef struct skafu_stream_list skafu_stream_list;
SKAFU_API int32_t skafu_stream_list_open(skafu_store *store, const char *prefix, uint64_t limit,
					 skafu_stream_list **out_list, skafu_error *error);
SKAFU_API int32_t skafu_stream_list_next(skafu_stream_list *list, const skafu_stream_info **out_info,
					 skafu_error *error);
SKAFU_API void skafu_stream_list_free(skafu_stream_list *list);

/* ---- rows ---------------------------------------------------------------------------------------------------- */

/* The value of a row, on its own memory (free with skafu_bytes_free), as of the newest commit; SKAFU_ENOTFOUND. */
SKAFU_API int32_t skafu_row_get(skafu_store *store, const char *table, const void *key, size_t key_length,
				void **out_value, size_t *out_length, skafu_error *error);
SKAFU_API void skafu_bytes_free(void *bytes);

/* The rows of a table with from <= key < to (NULL: unbounded), in key order.  skafu_rows_next: 1 and a row that is
 * lent until the next step, 0 at the end.  The rows are those of the moment when the cursor was opened. */
typedef struct skafu_rows skafu_rows;
typedef struct skafu_row {
	uint32_t size;
	uint32_t reserved;
	const uint8_t *key;
	size_t key_length;
	const uint8_t *value;
	size_t value_length;
} skafu_row;

typedef struct skafu_key_range {
	uint32_t size; /* sizeof(skafu_key_range) */
	uint32_t reserved;
	const void *from;
	size_t from_length;
	const void *to;
	size_t to_length;
} skafu_key_range;

SKAFU_API int32_t skafu_rows_open(skafu_store *store, const char *table, const skafu_key_range *range, uint64_t limit,
				  skafu_rows **out_rows, skafu_error *error);
SKAFU_API int32_t skafu_rows_next(skafu_rows *rows, const skafu_row **out_row, skafu_error *error);
SKAFU_API void skafu_rows_free(skafu_rows *rows);

/* ---- wait ---------------------------------------------------------------------------------------------------- */

/*
 * Wait until the log has a record later than `after`; out_head (may be NULL) is then the head.  SKAFU_ETIMEOUT when
 * there was none in time, SKAFU_EINTERRUPTED after skafu_store_interrupt().  Sleeps without using the processor.
 */
SKAFU_API int32_t skafu_store_wait(skafu_store *store, uint64_t after, uint64_t timeout_ns, uint64_t *out_head,
				   skafu_error *error);

/* End all waits of this process on this store, now; when there is none, end the next one.  Any thread; safe in a
 * signal handler. */
SKAFU_API void skafu_store_interrupt(skafu_store *store);

/*
 * For event loops: a descriptor that becomes readable when records may have come.  Arm it with the last sequence that
 * you have seen: 1 when there is something newer already (do not sleep), 0 when the descriptor will tell.  Clear it
 * when it woke you.  Owned by the waiter; one thread at a time.
 */
typedef struct skafu_waiter skafu_waiter;
SKAFU_API int32_t skafu_waiter_new(skafu_store *store, skafu_waiter **out_waiter, skafu_error *error);
SKAFU_API int32_t skafu_waiter_fd(const skafu_waiter *waiter);
SKAFU_API int32_t skafu_waiter_arm(skafu_waiter *waiter, uint64_t after, skafu_error *error);
SKAFU_API int32_t skafu_waiter_clear(skafu_waiter *waiter, skafu_error *error);
SKAFU_API void skafu_waiter_free(skafu_waiter *waiter);

/* ---- upkeep -------------------------------------------------------------------------------------------------- */

/* Do up to budget_ns of the work that keeps a store fast and small: fold, merge, advance the hash chain, clear
 * payloads that are hidden.  Returns 1 when there is more to do, 0 when not.  Appends do what must be done themselves
 * (all but clearing); this is for hosts that want it off their append path, and the room of hidden payloads back. */
SKAFU_API int32_t skafu_store_maintain(skafu_store *store, uint64_t budget_ns, skafu_error *error);

#define SKAFU_VERIFY_INDEX 0x1u /* also every index entry, both ways */
#define SKAFU_VERIFY_CHAIN 0x2u /* also recompute the hash chain */

typedef struct skafu_verify_report {
	uint32_t size; /* set by the caller */
	uint32_t reserved;
	uint64_t commits;
	uint64_t records;
	uint64_t rows;
	uint64_t index_entries;
	uint64_t chained_up_to; /* commit up to which the chain was found to hold */
	uint64_t faults;        /* 0: all is well */
} skafu_verify_report;

/* Told about each fault and, now and then, the progress (fault NULL).  Not 0 stops the walk: a negative value is what
 * the call returns then, after a positive one it returns 0 and the report is of what was looked at. */
typedef int32_t (*skafu_verify_fn)(void *user, uint64_t done, uint64_t total, const char *fault);

/* Check the whole log while others use it.  0 when the walk came to its end, or was stopped by a positive value: look
 * at out_report->faults. */
SKAFU_API int32_t skafu_store_verify(skafu_store *store, uint32_t flags, skafu_verify_fn tell, void *user,
				     skafu_verify_report *out_report, skafu_error *error);

/* Told the sequence that was reached and the one to reach; not 0 stops. */
typedef int32_t (*skafu_progress_fn)(void *user, uint64_t done, uint64_t total);

/*
 * Copy the log into a store of its own at `path`, while others write: the commits up to sequence up_to (0: all that
 * there are now), ending with a whole commit.  A path that holds an earlier backup of this very log is continued; any
 * other store there is refused with SKAFU_EEXISTS.  The copy is a store that can be opened, with the birth id of this
 * one and an incarnation of its own.  To restore, open the backup and back it up to where the store shall be.
 */
SKAFU_API int32_t skafu_store_backup(skafu_store *store, const char *path, uint64_t up_to, skafu_progress_fn tell,
				     void *user, skafu_error *error);

/*
 * A fork: the same copy under a birth id of its own, for another future of this history.  Here and in every backup
 * the copy remembers where it comes from: see skafu_store_lineage().
 */
SKAFU_API int32_t skafu_store_fork(skafu_store *store, const char *path, uint64_t up_to, skafu_progress_fn tell,
				   void *user, skafu_error *error);

/* Where a store was copied from, and how far it has that store's history. */
typedef struct skafu_lineage {
	uint32_t size; /* set by the caller */
	uint32_t reserved;
	uint8_t birth[16]; /* of the store that was copied */
	uint8_t incarnation[16];
	uint64_t sequence; /* the last record that was copied */
	uint64_t commit;   /* the last commit */
	uint8_t chain[32]; /* that store's chain hash at this commit */
	int64_t made_ns;   /* when the copy was begun */
} skafu_lineage;

/* index 0: what this store was copied from; 1: what that one was copied from; SKAFU_ENOTFOUND beyond the oldest
 * that is known, and at 0 for a store that is no copy. */
SKAFU_API int32_t skafu_store_lineage(skafu_store *store, uint32_t index, skafu_lineage *out_lineage,
				      skafu_error *error);

/* For whoever remembers a sequence and the incarnation under which it was seen: 0 when this store has the same
 * records up to there, SKAFU_ESTALE when it does not: it was restored to an earlier point, or is another store. */
SKAFU_API int32_t skafu_store_check_position(skafu_store *store, const uint8_t incarnation[16], uint64_t sequence,
					     skafu_error *error);

#define SKAFU_DIFF_RECORDS 0x1u /* what the records say; not how they were committed, nor when they were recorded */

typedef struct skafu_diff {
	uint32_t size; /* set by the caller */
	uint32_t reserved;
	uint64_t sequence;   /* the first at which the two part; 0: one is a beginning of the other, or all of it */
	uint64_t commit;     /* the first commit that differs; 0 without one, and with SKAFU_DIFF_RECORDS */
	uint64_t same_up_to; /* the last sequence up to which they are the same */
	uint64_t head;       /* of the first store, and of the other, as they were looked at */
	uint64_t other_head;
} skafu_diff;

/* Find where two histories part: by whole commits in their canonical form, rows included, or by records. */
SKAFU_API int32_t skafu_store_diff(skafu_store *store, skafu_store *other, uint32_t flags, skafu_progress_fn tell,
				   void *user, skafu_diff *out_diff, skafu_error *error);

/* Throw every derived table away and make it again from the commits.  No other writer meanwhile. */
SKAFU_API int32_t skafu_store_reindex(skafu_store *store, skafu_error *error);

/* ---- export and import --------------------------------------------------------------------------------------- */

#define SKAFU_FORM_LINES 1u              /* what skafu_record_to_json() gives, a record a line */
#define SKAFU_FORM_CLOUDEVENTS 2u        /* CloudEvents 1.0 in JSON, an event a line */
#define SKAFU_FORM_CLOUDEVENTS_ARRAY 3u  /* the same as one JSON array, the batch format of CloudEvents */

typedef struct skafu_export_opts {
	uint32_t size;  /* sizeof(skafu_export_opts) */
	uint32_t form;  /* SKAFU_FORM_; 0: lines */
	uint32_t kinds; /* 1 << SKAFU_KIND_, OR'd; 0: all */
	uint32_t reserved;
	uint64_t from; /* first sequence; 0: the first there is */
	uint64_t to;   /* last one; 0: the last there is now */
} skafu_export_opts;

typedef struct skafu_export_info {
	uint32_t size; /* set by the caller */
	uint32_t reserved;
	uint64_t records;  /* given out so far */
	uint64_t sequence; /* of the last of them */
	uint64_t to;       /* where it ends */
} skafu_export_info;

/*
 * The records as text, piece by piece, also while others append: what a query matches (NULL: everything).
 * skafu_export_next(): 1 and some text that is lent until the next use (whole lines, in the array form any piece), 0
 * at the end.
 */
typedef struct skafu_export skafu_export;
SKAFU_API int32_t skafu_export_open(skafu_store *store, const skafu_query *query, const skafu_export_opts *opts,
				    skafu_export **out_export, skafu_error *error);
SKAFU_API int32_t skafu_export_next(skafu_export *exporting, const char **out_text, size_t *out_length,
				    skafu_error *error);
SKAFU_API int32_t skafu_export_info_get(const skafu_export *exporting, skafu_export_info *out_info,
					skafu_error *error);
SKAFU_API void skafu_export_free(skafu_export *exporting);

#define SKAFU_IMPORT_SET_ASIDE 0x1u   /* go on after a bad line; skafu_import_bad_next() gives it */
#define SKAFU_IMPORT_SAME_PLACES 0x2u /* a record must get the sequence and version that its line says */

typedef struct skafu_import_opts {
	uint32_t size;           /* sizeof(skafu_import_opts) */
	uint32_t flags;          /* SKAFU_IMPORT_ */
	uint32_t form;           /* SKAFU_FORM_; 0: lines */
	uint32_t line_bytes_max; /* of a line or element; 0: 32 MiB; at least 16 */
	uint32_t batch_records;  /* that become one commit; 0: 1,000; at most 100,000 */
	uint32_t reserved;
	const char *origin; /* name of the text, for the ids of records without one; NULL: "" */
} skafu_import_opts;

typedef struct skafu_import_info {
	uint32_t size; /* set by the caller */
	uint32_t reserved;
	uint64_t lines;   /* taken in so far; in the array form, elements */
	uint64_t settled; /* of them decided: in the store, blank, or bad */
	uint64_t added;   /* records that are new in the store */
	uint64_t present; /* records that were there already, the same */
	uint64_t bad;     /* lines that could not be imported */
	uint64_t bad_line; /* number of the last of them, from 1; 0 when there is none */
	uint64_t bytes;
} skafu_import_info;

/* A line that was set aside, lent until the next use of the import. */
typedef struct skafu_import_bad {
	uint32_t size;
	int32_t code;
	uint64_t line;
	const char *reason;
	const char *text; /* as it was; the beginning, when it was too long */
	size_t text_length;
} skafu_import_bad;

/*
 * Records from text.  Feed it in pieces of any size, then finish; each appends what is complete.  Importing the same
 * text again adds nothing, so an import that was cut off is done again from the start.  A bad line ends the import:
 * what stands before it is in the store, the error and skafu_import_info_get() name its number.  After another
 * failure (SKAFU_EBUSY, SKAFU_ENOSPACE ...) everything that was fed is kept; go on by feeding no bytes.
 */
typedef struct skafu_import skafu_import;
SKAFU_API int32_t skafu_import_open(skafu_store *store, const skafu_import_opts *opts, skafu_import **out_import,
				    skafu_error *error);
SKAFU_API int32_t skafu_import_feed(skafu_import *importing, const void *bytes, size_t length, uint64_t timeout_ns,
				    skafu_error *error);
SKAFU_API int32_t skafu_import_finish(skafu_import *importing, uint64_t timeout_ns, skafu_error *error);
SKAFU_API void skafu_import_free(skafu_import *importing);
SKAFU_API int32_t skafu_import_info_get(const skafu_import *importing, skafu_import_info *out_info,
					skafu_error *error);

/* 1 and the next line that was set aside, 0 when there is none.  Ask after each feed and after the finish, failed
 * or not: the next of these calls forgets them. */
SKAFU_API int32_t skafu_import_bad_next(skafu_import *importing, const skafu_import_bad **out_bad,
					skafu_error *error);

typedef struct skafu_salvage_report {
	uint32_t size; /* set by the caller */
	uint32_t reserved;
	uint64_t commits;       /* that came out, whole or in part */
	uint64_t records;       /* that came out */
	uint64_t last_commit;   /* number of the last one */
	uint64_t commits_lost;  /* between those that came out, and behind them as far as is known */
	uint64_t records_lost;  /* in these, and of those that came out in part */
	uint64_t fronts_lost;   /* commits whose row operations were lost */
	uint64_t streams;       /* with an event that came out */
	uint64_t stream_gaps;   /* places where versions of a stream are missing */
	uint64_t chained_up_to; /* commit up to which the hash chain proves that all is as it was; 0: none */
	uint64_t losses;        /* sentences that were told; 0: nothing is known to be lost */
} skafu_salvage_report;

/*
 * Copy what is whole of a damaged store, which no process has open, into a new store at out_path.  `tell` gets a
 * sentence for each loss and, now and then, the progress (fault NULL); not 0 stops.  0 when the new store is there:
 * look at out_report, which may be NULL.
 */
SKAFU_API int32_t skafu_store_salvage(const char *path, const char *out_path, skafu_verify_fn tell, void *user,
				      skafu_salvage_report *out_report, skafu_error *error);

#ifdef __cplusplus
}
#endif
#endif

/*
 * tempstore.h: stores for tests: in a temporary directory or in memory, small records to put into them, and the check
 * that a refusal has its code and a sentence.
 */
#ifndef SKAFU_TESTS_STORE_TEMPSTORE_H
#define SKAFU_TESTS_STORE_TEMPSTORE_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>

#include "skafu_store.h"
#include "store/store.h"
#include "util/random.h"

/* A temporary directory, in which `path` is the place of a store. */
struct tempstore {
	char directory[256];
	char path[300];
	skafu_store *store;
};

/* The error object that refused() looks at; pass it as the last argument of the call. */
extern skafu_error *fault;

/* Asserts that the call gave the code, and set the error to it with a sentence. */
#define refused(expected, call) \
	(skafu_error_clear(fault), tempstore_refused((expected), (call), #call, __LINE__))
void tempstore_refused(int32_t expected, int32_t got, const char *call, int line);

/* Asserts success, showing the message otherwise. */
#define went(call) tempstore_went((call), #call, __LINE__)
void tempstore_went(int32_t got, const char *call, int line);

/* Asserts that the last message names something. */
void message_names(const char *what);

void tempstore_make(struct tempstore *temp); /* the directory alone */
void tempstore_open(struct tempstore *temp, const skafu_store_opts *opts); /* creates what is missing */
void tempstore_new(struct tempstore *temp); /* make and open, without syncs */
void tempstore_reopen(struct tempstore *temp);
void tempstore_close(struct tempstore *temp);
void tempstore_done(struct tempstore *temp); /* closes, and removes everything */
const char *tempstore_file(const struct tempstore *temp, const char *name); /* lent until the next call */
void tempstore_remove(const char *path); /* a tree */
skafu_store *memory_store(void);

/* No syncs from now on, and the other defaults of tuning. */
void without_syncs(void);

/* The bytes of a file, at most `room` of them. */
size_t file_read(const char *path, void *bytes, size_t room);
void file_write(const char *path, const void *bytes, size_t length); /* makes or replaces it */
void file_patch(const char *path, size_t at, const void *bytes, size_t length);

/* An event with the least that it needs. */
skafu_new_record event_of(const char *stream, const char *type);

/* Batches: `tags` is a text of tags with blanks between them, or NULL. */
skafu_batch *batch_of(skafu_store *store);
void add_event(skafu_batch *batch, const char *stream, const char *type, const char *tags);
void add_kind(skafu_batch *batch, uint32_t kind, const char *type);
skafu_appended appended_by(skafu_store *store, skafu_batch *batch); /* appends it, and frees it */
uint64_t append_event(skafu_store *store, const char *stream, const char *type, const char *tags);
void append_row(skafu_store *store, const char *table, const char *key, const char *value); /* NULL: deletes */
uint64_t head_of(skafu_store *store);
uint64_t version_of(skafu_store *store, const char *stream);

/* A query from a text: items with '|' between them, each of words; a word with ':' is a tag, others are types. */
skafu_query *query_of(const char *text);

/* What a cursor gives, as "1 2 3"; frees the cursor.  Lent until the next call. */
const char *sequences_of(skafu_cursor *cursor);

/* In a forked child: run it and give its exit code; 1000 + the signal when it was killed, 2000 when not over in
 * time.  Children leave with _exit() and use no check assertions. */
int in_child(int (*run)(void *user), void *user, unsigned seconds);

/* A clock that tests move: offset on the real one. */
extern _Atomic int64_t clock_offset_ns;
void clock_install(void);
void clock_remove(void);

int tempstore_main(const char *name, void (*add)(TCase *tests));

#endif

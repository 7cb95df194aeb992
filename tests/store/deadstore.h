/*
 * deadstore.h: stores with a small journal, written to by processes that end without closing them, and power cuts.
 *
 * A worker is a forked process that does what it is told.  Of each commit follows all from a number, and the numbers
 * of those that were acknowledged are kept here.  A power cut is made from copies of the log that were taken after
 * each order: the one of the last flush, or the newest with garbage in every page that differs from that one.
 */
#ifndef SKAFU_TESTS_STORE_DEADSTORE_H
#define SKAFU_TESTS_STORE_DEADSTORE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/journal.h"
#include "store/page.h"
#include "store/tempstore.h"

#define COMMITS_MAX 1024u
#define IMAGES_MAX 32u
#define PAGE SKAFU__PAGE_BYTES

extern struct tempstore temp;
extern uint32_t expected[COMMITS_MAX]; /* numbers of the acknowledged commits, in order */
extern uint32_t expected_count;
extern uint32_t last_number;
extern uint32_t tried; /* the number of an append whose outcome is unknown; 0: none */

void dead_set_up(void);
void dead_tear_down(void);
void begin_anew(void);

/* As tempstore_main(), in memory where that can be: the disk itself is not what is tried. */
int dead_main(const char *name, void (*add)(TCase *tests));

/* ---- images of files ----------------------------------------------------------------------------------------- */

struct image {
	uint8_t *bytes;
	size_t length;
};

extern struct image log_images[IMAGES_MAX]; /* after each order that may have changed it */
extern uint32_t log_image_count;
extern uint32_t durable; /* which of them the disk is known to have: the log was flushed then */

struct image image_of(const char *name); /* no bytes when there is no such file */
void image_free(struct image *image);
void put_back(const char *name, const struct image *image);
int is_same_image(const char *name, const struct image *before);
void remember_log_alone(void); /* forgets the others */

/* How many frames there are that the log is not newer than. */
uint32_t live_frames(void);

/* ---- workers ------------------------------------------------------------------------------------------------- */

#define DIED 12345

/* DO_REFUSED: an append that gives SKAFU_ECONFLICT.  DO_DIE_AFTER_FRAME: one that ends between frame and commit.
 * DO_DIE_AT: end at call `number` of those that write and flush, before it (odd) or after it (even); DO_FAIL_AT: that
 * call fails, with the error number in the upper half. */
enum { DO_OPEN, DO_CLOSE, DO_APPEND, DO_REFUSED, DO_DIE_AFTER_FRAME, DO_DIE_AT, DO_FAIL_AT, DO_HEAD };

struct worker {
	pid_t pid;
	int channel;
};

struct worker worker_start(void);
struct worker worker_at_store(void);

/* What it answers, or DIED.  The log is remembered as it is afterwards. */
int32_t tell(const struct worker *worker, uint32_t what, uint32_t number);

/* The append of a new number, which may end with its process; some that do not; the end without a close; with one. */
int32_t attempt(const struct worker *worker, uint32_t what);
void appends(const struct worker *worker, uint32_t count);
void worker_gone(struct worker *worker);
void worker_closes(struct worker *worker);

/* A store with something in its list of free pages, and a worker that has made so many commits since it opened. */
struct worker worker_with(uint32_t commits);

/* A dead store with frames that count: `frames` of them. */
void dead_store(uint32_t frames);

/* ---- what is there ------------------------------------------------------------------------------------------- */

uint32_t payload_bytes(uint32_t number);
void has_number(skafu_store *store, uint64_t sequence, uint32_t number);

/* The store opens, verifies, and holds all that was acknowledged, in order, and nothing else but perhaps `tried`. */
void is_whole(void);

/* Nothing is put again by who opens next. */
void needs_nothing(void);

/* It goes on: others can append, die again, and all of it is there. */
void goes_on(uint32_t commits);

/* ---- power cuts ---------------------------------------------------------------------------------------------- */

enum { META_BASE, META_NEWEST, META_GARBAGE, META_MIXED, METAS };

/* The newest log, with garbage wherever it differs from what was flushed last, and these meta pages. */
void cut_power(uint32_t metas);

#endif

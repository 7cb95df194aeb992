/*
 * hidden.h: what the log still has and readers must not see: truncated and deleted streams, erased payloads.
 *
 * What is hidden is said by rows of two tables that only the library writes, so it comes and goes with commits like
 * any row: judged, folded, verified, backed up and made again by a reindex in the same way.
 *
 *   skafu:streams   the name of the stream -> u64 version: events before it are hidden; u32 1: tombstone; u32 0
 *   skafu:erased    the sequence of the record, u64 big endian -> nothing
 *   skafu:hidden    "count" -> u64: how many commits have hidden something
 *
 * The count is what tells whoever keeps something that was made of events (states, snapshots, views) that it may be
 * of events that are hidden now.  The batch has a row for it, and the judge fills in the value.
 *
 * Invariant: every read of the host goes through skafu__hidden_read(), and every condition that looks at events does,
 * so that all agree.  The index keeps the entries of what is hidden; ids of hidden records stay taken.
 */
#ifndef SKAFU__STORE_HIDDEN_H
#define SKAFU__STORE_HIDDEN_H

#include <stddef.h>
#include <stdint.h>

#include "store/batch.h"
#include "store/names.h"
#include "store/view.h"

#define SKAFU__HIDDEN_PREFIX SKAFU__NAMES_LIBRARY_PREFIX
#define SKAFU__HIDDEN_STREAMS "skafu:streams"
#define SKAFU__HIDDEN_ERASED "skafu:erased"
#define SKAFU__HIDDEN_COUNT "skafu:hidden"
#define SKAFU__HIDDEN_COUNT_KEY "count"
#define SKAFU__HIDDEN_STREAM_BYTES 16u

struct skafu__hidden_mark {
	uint64_t before; /* events of the stream with a version below are hidden; 0 and 1: none is */
	int is_tombstone;
};

/* 1 when a table belongs to the library. */
int skafu__hidden_is_reserved(const char *table);

/* 1 when anything was ever hidden in a store. */
int skafu__hidden_is_in_use(const skafu_store *store);

void skafu__hidden_mark_encode(const struct skafu__hidden_mark *mark, uint8_t out[SKAFU__HIDDEN_STREAM_BYTES]);

/* What is said of a stream; zeros when nothing is. */
int32_t skafu__hidden_stream(struct skafu__view *view, const char *stream, size_t length,
			     struct skafu__hidden_mark *out, skafu_error *error);

/* skafu__view_record() as readers see it: SKAFU_ENOTFOUND (without a message) also for a record that is hidden or was
 * lost; an erased payload is empty, and flagged.  When it fails, *out holds nothing of use. */
int32_t skafu__hidden_read(struct skafu__view *view, uint64_t sequence, struct skafu__record *out,
			   skafu_error *error);
/* skafu__view_record_copy() likewise. */
int32_t skafu__hidden_read_copy(struct skafu__view *view, const struct skafu__view_place *place, uint8_t *to,
				struct skafu__record *out, skafu_error *error);

/* 1 when the payload of a record, which is of this log, is not to be seen any more: a copy leaves it out. */
int32_t skafu__hidden_payload(struct skafu__view *view, uint64_t sequence, const struct skafu__record *record,
			      skafu_error *error);

/* Nothing is appended to a stream that was deleted for good: SKAFU_EDELETED. */
int32_t skafu__hidden_judge_streams(struct skafu__view *view, const skafu_batch *batch, skafu_error *error);

/* Judge what a batch hides against the state before it: SKAFU_EDELETED, SKAFU_EINVAL, SKAFU_ENOTFOUND.  Gives it its
 * count. */
int32_t skafu__hidden_judge(struct skafu__view *view, const skafu_batch *batch, skafu_error *error);

/* Nothing was hidden since the batch was made, when it says so: else SKAFU_ECONFLICT, as condition 1. */
int32_t skafu__hidden_judge_count(struct skafu__view *view, const skafu_batch *batch, skafu_error *error);

/* ---- for those who keep what they made of events ------------------------------------------------------------- */

struct skafu__hidden_moment {
	uint64_t count;  /* of commits that have hidden something */
	uint64_t before; /* of the stream: events with a version below are hidden; 0: none is */
};

/* How many commits have hidden something. */
int32_t skafu__hidden_count(struct skafu__view *view, uint64_t *out, skafu_error *error);

/* Now.  Whoever reads events after it, and finds the same count later, has read what readers see then.  stream may
 * be NULL. */
int32_t skafu__hidden_now(skafu_store *store, const char *stream, struct skafu__hidden_moment *out,
			  skafu_error *error);

#endif

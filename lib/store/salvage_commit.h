/*
 * salvage_commit.h: what is left of one commit at its places in a damaged file, and that as bytes that check out.
 *
 * Invariant: a record is taken only when its own checksum, which is over its sequence too, is right; names and row
 * operations only when the checksum of the commit's front is.  What is missing is replaced by lost records, and by
 * names that say that they were lost, so that what comes out is a log in every respect.
 */
#ifndef SKAFU__STORE_SALVAGE_COMMIT_H
#define SKAFU__STORE_SALVAGE_COMMIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/rewrite.h"
#include "store/names.h"
#include "store/salvage_find.h"

struct skafu__salvage_record {
	uint32_t at; /* in bytes; 0: it is lost */
	uint32_t size;
};

/* What lies at a place, and what of it is whole. */
struct skafu__salvage_copy {
	struct skafu__buf bytes;   /* as they lie in the file; behind them records of other places */
	struct skafu__buf records; /* struct skafu__salvage_record */
	struct skafu__commit commit; /* over bytes; its front is decoded when front_is_whole */
	int front_is_whole;
	int is_mended; /* some of its records are of other places */
	uint32_t lost; /* of its records */
};

struct skafu__salvage_commit {
	const struct skafu__sys *sys;
	const struct skafu__salvage_find *find;
	struct skafu__names names; /* that were defined by what came out so far */
	struct skafu__rewrite rewrite;
	struct skafu__salvage_copy copy;  /* that was loaded */
	struct skafu__salvage_copy other; /* that it is mended from */
	struct skafu__buf fill;           /* names of the commit, with what they lack */
	uint32_t fill_count;
	int filled;          /* something was put in */
	uint64_t bytes_left; /* to be read: places may claim to be larger than the file */
};

void skafu__salvage_commit_init(struct skafu__salvage_commit *salvage, const struct skafu__sys *sys,
				const struct skafu__salvage_find *find);
void skafu__salvage_commit_done(struct skafu__salvage_commit *salvage);

/* Read what lies at a place and see what of it is whole: 1, 0 when it is of no use, SKAFU_ENOMEM. */
int32_t skafu__salvage_commit_load(struct skafu__salvage_commit *salvage, const struct skafu__salvage_place *place);

/* Take what the loaded commit lacks from another place, whose head is the same: 0 or SKAFU_ENOMEM. */
int32_t skafu__salvage_commit_mend(struct skafu__salvage_commit *salvage, const struct skafu__salvage_place *place);

/* Record `index` of what was loaded; 0 when it is lost. */
int skafu__salvage_commit_record(const struct skafu__salvage_commit *salvage, uint32_t index,
				 struct skafu__record *out);

/* Append the commit to `out`.  1, 0 when it contradicts the names before it, SKAFU_ENOMEM. */
int32_t skafu__salvage_commit_write(struct skafu__salvage_commit *salvage, struct skafu__buf *out);

/* Append a commit of `count` lost records. */
int32_t skafu__salvage_commit_write_lost(struct skafu__salvage_commit *salvage, const struct skafu__commit_head *head,
					 uint32_t count, struct skafu__buf *out);

#endif

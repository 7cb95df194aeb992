/*
 * rewrite.h: a commit written anew: the same number, id, time, names and rows, with some of its records kept as they
 * are, some without their payload, and some lost.
 *
 * A copy of the log is made with it that leaves out what nobody may see any more, and salvage writes with it what is
 * left.  Invariant: a record that is kept is kept byte for byte, and an erased payload leaves its digest, so that the
 * canonical form of a commit without lost records does not change.
 */
#ifndef SKAFU__CODEC_REWRITE_H
#define SKAFU__CODEC_REWRITE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/commit.h"

struct skafu__rewrite {
	struct skafu__buf records;
	struct skafu__buf ends; /* u32 each */
};

/* Names or row operations as they lie in a commit, one after another. */
struct skafu__rewrite_part {
	const uint8_t *bytes;
	size_t length;
	uint32_t count;
};

void skafu__rewrite_init(struct skafu__rewrite *rewrite, const struct skafu__sys *sys);
void skafu__rewrite_done(struct skafu__rewrite *rewrite);

/* Forget the records of the commit before. */
void skafu__rewrite_begin(struct skafu__rewrite *rewrite);

/* The next record.  SKAFU_ENOMEM. */
int32_t skafu__rewrite_keep(struct skafu__rewrite *rewrite, const uint8_t *bytes, uint32_t size);
int32_t skafu__rewrite_erase(struct skafu__rewrite *rewrite, const struct skafu__record *record, uint64_t sequence);
int32_t skafu__rewrite_lose(struct skafu__rewrite *rewrite, uint64_t sequence);

/* Append the commit to `out`.  Of the head number, first sequence, time and id are taken.  SKAFU_ENOMEM,
 * SKAFU_ELIMIT: beyond 32 bits. */
int32_t skafu__rewrite_end(const struct skafu__rewrite *rewrite, const struct skafu__commit_head *head,
			   const struct skafu__rewrite_part *names, const struct skafu__rewrite_part *rows,
			   struct skafu__buf *out);

/* The parts of a commit that was decoded in full. */
void skafu__rewrite_parts(const struct skafu__commit *commit, struct skafu__rewrite_part *out_names,
			  struct skafu__rewrite_part *out_rows);

#endif

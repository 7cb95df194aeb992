/*
 * edit.h: what a handler of a projection is given: the rows of one generation, with what its batch changed on top.
 *
 * Rows are read from the views in short transactions that run no handler, and once each; the changes go into the set
 * and are written by whoever owns the edit.
 *
 * Invariant: a call that failed for another reason than bad arguments is remembered in `failed`, so that a handler
 * which does not look cannot make a batch succeed that lacks something.
 */
#ifndef SKAFU__MODEL_EDIT_H
#define SKAFU__MODEL_EDIT_H

#include <stdint.h>

#include "base/error.h"
#include "model/editset.h"
#include "store/viewmark.h"

enum skafu__edit_phase {
	SKAFU__EDIT_CLOSED, /* no handler runs */
	SKAFU__EDIT_ROWS,   /* each or batch */
	SKAFU__EDIT_KEYS    /* key */
};

#define SKAFU__EDIT_NAMED_MAX 16u

/* A key that was named: its row is found a few keys later, when the memory of it has come. */
struct skafu__editname {
	uint32_t event;
	uint32_t hash;
	uint32_t at; /* in names */
	uint32_t length;
	uint32_t row; /* a guess */
};

struct skafu_edit {
	const char *projection;
	struct skafu__views *views;
	uint32_t generation;
	struct skafu__viewmark mark; /* as the batch began, with the tables that it added */
	struct skafu__editset set;
	enum skafu__edit_phase phase;
	uint64_t muted_to; /* effects of events up to here were told */
	uint32_t effects;  /* that were allowed since the count was taken back to 0 */

	/* The key phase: which event belongs to which rows. */
	uint32_t event;       /* number of the one in hand */
	struct skafu__buf links; /* struct skafu__editlink */
	struct skafu__buf touched; /* uint32_t: rows with a chain, in the order of their first event */
	struct skafu__editname named[SKAFU__EDIT_NAMED_MAX]; /* keys whose rows are still to be found */
	uint32_t named_count;
	struct skafu__buf names; /* of these: u8 table, key */

	int32_t failed;
	int library; /* the failure is not one that the handler made, nor one that a smaller batch avoids */
	struct skafu_error why;
};

/* A chain of events of one row; number 0 is not used. */
struct skafu__editlink {
	uint32_t event;
	uint32_t next;
};

void skafu__edit_init(struct skafu_edit *edit, const struct skafu__sys *sys, size_t bytes_max,
		      const uint8_t hash_key[SKAFU__HASH_KEY_BYTES]);
void skafu__edit_done(struct skafu_edit *edit);

/* Forget all changes and start from a mark; the buffers stay. */
int32_t skafu__edit_begin(struct skafu_edit *edit, struct skafu__views *views, uint32_t generation,
			  const struct skafu__viewmark *mark, skafu_error *error);

/* Forget the chains. */
void skafu__edit_begin_keys(struct skafu_edit *edit);

/* After the last key: the chains are whole.  A failure is in edit->failed, too. */
int32_t skafu__edit_end_keys(struct skafu_edit *edit, skafu_error *error);

/* Learn what is stored of all touched rows, in one transaction. */
int32_t skafu__edit_learn_touched(struct skafu_edit *edit, skafu_error *error);

#endif

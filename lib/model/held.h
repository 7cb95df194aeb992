/*
 * held.h: copies of records that a batch holds together, in few blocks of memory.
 *
 * A cursor lends its records for one step only; a batch spans several.  Texts of types, domains and content types are
 * those of the store or the model and live as long, so only their places are copied.
 */
#ifndef SKAFU__MODEL_HELD_H
#define SKAFU__MODEL_HELD_H

#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"
#include "skafu_store.h"

struct skafu__held_block;

struct skafu__held {
	const struct skafu__sys *sys;
	struct skafu__held_block *blocks; /* the newest first */
	const skafu_record **records;
	uint32_t count;
	uint32_t room;
	size_t bytes;
};

void skafu__held_init(struct skafu__held *held, const struct skafu__sys *sys);
void skafu__held_done(struct skafu__held *held);
void skafu__held_clear(struct skafu__held *held); /* keeps a block */

/* SKAFU_ENOMEM; then nothing is added. */
int32_t skafu__held_add(struct skafu__held *held, const skafu_record *record);

#endif

/*
 * names.h: the closed sets of names that a store interns: types, domains, content types, row tables.
 *
 * Ids are dense from 1 in each set, in the order in which commits brought the names in; a type has its domain as
 * owner.  Texts keep their address for the life of the table, so records can lend them.
 *
 * Invariant: the table holds what the commits up to the overlay's covered commit define, and for a moment what the
 * commit that is being written defines; skafu__names_truncate takes that back when the write fails.  Changed under
 * the overlay's lock held exclusively, read under it held shared.
 */
#ifndef SKAFU__STORE_NAMES_H
#define SKAFU__STORE_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "codec/commit.h"

#define SKAFU__NAMES_MAX 1000000u
#define SKAFU__NAMES_LIBRARY_PREFIX "skafu:"

struct skafu__name;

struct skafu__names {
	const struct skafu__sys *sys;
	struct skafu__map ids; /* set byte and text -> id */
	struct skafu__name **by_id[SKAFU__NAME_SETS];
	uint32_t counts[SKAFU__NAME_SETS];
	uint32_t rooms[SKAFU__NAME_SETS];
	uint32_t library_tables; /* how many tables have names that only the library gives: most stores have none */
};

void skafu__names_init(struct skafu__names *names, const struct skafu__sys *sys, uint64_t seed);
void skafu__names_done(struct skafu__names *names);

/* 0 when there is no such name. */
uint32_t skafu__names_find(const struct skafu__names *names, uint8_t set, const char *text, size_t length);

/* NULL and 0 when the id is unknown. */
const char *skafu__names_text(const struct skafu__names *names, uint8_t set, uint32_t id, size_t *out_length);
uint32_t skafu__names_owner(const struct skafu__names *names, uint8_t set, uint32_t id);

/* Take in a definition: its id must be the next one of its set, or be known with the same text (then nothing
 * happens); else SKAFU_EDAMAGED.  SKAFU_ENOMEM, SKAFU_ELIMIT. */
int32_t skafu__names_define(struct skafu__names *names, const struct skafu__name_def *def);

/* Forget the ids above counts[set] in every set. */
void skafu__names_truncate(struct skafu__names *names, const uint32_t counts[SKAFU__NAME_SETS]);

/* For skafu__commit_canonical(): user is the table. */
const char *skafu__names_of(const void *user, uint8_t set, uint32_t id, size_t *out_length);

#endif

/*
 * batchnames.h: the names that the records and rows of a batch refer to by number.
 *
 * A batch that is cleared and filled again mostly has the names that it had, so they stay, checked and numbered.
 * What was added is a *filling*; only names that are used in this one belong to the commit.
 *
 * Invariant: a name that is not used in this filling has no effect, whatever became of the batch that brought it.
 */
#ifndef SKAFU__STORE_BATCHNAMES_H
#define SKAFU__STORE_BATCHNAMES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "codec/commit.h"

#define SKAFU__BATCHNAMES_RECENT 64u /* a power of two */
#define SKAFU__BATCHNAMES_KEPT_MAX 256u /* names that stay for the next filling: with more, none does */

struct skafu__batchname {
	uint8_t set;
	uint8_t length;
	uint32_t owner; /* of a type that is used: the number of its domain, with the top bit; 0: none is known */
	uint32_t id;    /* in the store when it was written last, to be compared; 0: it never was */
	uint32_t text_at;
	uint32_t used; /* the number of the last filling that used it */
};

struct skafu__batchnames {
	struct skafu__buf texts; /* each with its NUL */
	struct skafu__map index; /* set byte and text -> number */
	const struct skafu__sys *sys;
	struct skafu__batchname *list;
	uint32_t count;
	uint32_t room;
	uint32_t filling;
	uint32_t by_text[SKAFU__BATCHNAMES_RECENT];  /* number + 1 of names used last, by a few of their bytes */
	uint32_t by_place[SKAFU__BATCHNAMES_RECENT]; /* the same by where the host had them */
	uint32_t defaults[SKAFU__NAME_SETS]; /* number + 1 of the constant that stands for a name not given */
};

/* texts_max: bytes of the texts that one filling brings, whatever stays of those before it. */
void skafu__batchnames_init(struct skafu__batchnames *names, const struct skafu__sys *sys, uint64_t seed,
			    size_t texts_max);
void skafu__batchnames_done(struct skafu__batchnames *names);

/* Begin a new filling. */
void skafu__batchnames_clear(struct skafu__batchnames *names);

/* The number of a name; a new one gets the next, and is not used yet.  SKAFU_ENOMEM, SKAFU_ELIMIT. */
int32_t skafu__batchnames_put(struct skafu__batchnames *names, uint8_t set, const char *text, size_t length,
			      uint32_t *out);

/* The number + 1 of a name that was noted for a text at the same place and still stands there; 0 when there is none.
 * Such a name was checked before. */
uint32_t skafu__batchnames_recall(const struct skafu__batchnames *names, uint8_t set, const char *text);
void skafu__batchnames_note(struct skafu__batchnames *names, const char *text, uint32_t number);

/* The name belongs to this filling.  `owner` is that of a type, with the top bit, or 0. */
void skafu__batchnames_use(struct skafu__batchnames *names, uint32_t number, uint32_t owner);

/* The same name under the next number, for one that is not used yet; the number it had is nobody's from now on. */
int32_t skafu__batchnames_renew(struct skafu__batchnames *names, uint32_t number, uint32_t *out);

/* Take back the names from `count` on, of which none is used. */
void skafu__batchnames_cut(struct skafu__batchnames *names, uint32_t count);

static inline const char *skafu__batchnames_text(const struct skafu__batchnames *names, uint32_t number)
{
	return (const char *)names->texts.bytes + names->list[number].text_at;
}

static inline int skafu__batchnames_is_used(const struct skafu__batchnames *names, uint32_t number)
{
	return names->list[number].used == names->filling;
}

#endif

/*
 * rowpages.h: the rows of a table, a page at a time, for lists whose owner may take his time.
 *
 * Between two calls a page of copies is all that is kept, however long the table.  A row that comes or goes behind
 * the place is seen so, if its page was not read yet; one before the place is not.
 *
 * Invariant: keys ascend, and no row is given twice.  After a failure the next call goes on where it was.
 */
#ifndef SKAFU__STORE_ROWPAGES_H
#define SKAFU__STORE_ROWPAGES_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_store.h"

#define SKAFU__ROWPAGES_KEY_BYTES 256 /* a key of a row, and the byte that leads to the next one */

struct skafu__rowpages {
	skafu_store *store;
	const char *table; /* borrowed */
	skafu_rows *page;  /* NULL: it is to be read */
	uint32_t page_rows; /* at most, in a page */
	uint32_t in_page;   /* given of this one */
	size_t from_length; /* 0: from the beginning */
	size_t to_length;   /* 0: to the end */
	uint8_t from[SKAFU__ROWPAGES_KEY_BYTES];
	uint8_t to[SKAFU__ROWPAGES_KEY_BYTES];
};

void skafu__rowpages_init(struct skafu__rowpages *pages, skafu_store *store, const char *table, uint32_t page_rows);
void skafu__rowpages_done(struct skafu__rowpages *pages);

/* Only keys from `from` on (length 0: all), below `to` (length 0: all); before the first row is asked for. */
void skafu__rowpages_bound(struct skafu__rowpages *pages, const void *from, size_t from_length, const void *to,
			   size_t to_length);

/* 1 and the next row, lent until the next call; 0 at the end. */
int32_t skafu__rowpages_next(struct skafu__rowpages *pages, const skafu_row **out, skafu_error *error);

#endif

/*
 * cursor.h: what layers above can do to a cursor besides what hosts can: look at its records through a lens.
 */
#ifndef SKAFU__STORE_CURSOR_H
#define SKAFU__STORE_CURSOR_H

#include "skafu_store.h"

/* What is seen of a stored record: none, itself, or others.  What it shows is valid until it looks again. */
struct skafu__cursor_lens {
	int32_t (*look)(void *user, const skafu_record *stored, const skafu_record *const **out_shown,
			uint32_t *out_count, skafu_error *error);
	void (*done)(void *user); /* called once, when the cursor is freed */
	void *user;
};

/* SKAFU_EMISUSE when the cursor was stepped, has a lens, or is of another store; then `done` is not called. */
int32_t skafu__cursor_set_lens(skafu_cursor *cursor, const skafu_store *store, const struct skafu__cursor_lens *lens,
			       skafu_error *error);

#endif

/*
 * recover.h: a log whose last commits are in the journal, made whole before anybody maps it.
 *
 * Invariant: as long as what the journal holds is not on the disk in the log, doing it again from the start leads to
 * the same; and nothing is changed of a log when its frames are damaged, or are those of another log.
 */
#ifndef SKAFU__STORE_RECOVER_H
#define SKAFU__STORE_RECOVER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/sys.h"
#include "skafu_base.h"

/*
 * For the first opener.  When the log is not newer than the journal's frames, it is taken back to their base, on the
 * disk, and *out gets the entries that have to be put again in one transaction; else *out stays empty.
 * reread: a write had an unknown outcome, so the disk is asked and not what the system remembers.
 * SKAFU_EDAMAGED, SKAFU_EREADONLY (there is something to do, and it cannot be written), SKAFU_EIO, SKAFU_ENOMEM.
 */
int32_t skafu__recover(const struct skafu__sys *sys, const char *directory, int reread, struct skafu__buf *out,
		       skafu_error *error);

/* After a write with unknown outcome: sync the file, and have the system forget what it remembers of it. */
int32_t skafu__recover_reread(const struct skafu__sys *sys, int fd, skafu_error *error);

struct skafu__recover_entry {
	const uint8_t *key;
	const uint8_t *value;
	uint32_t key_length;
	uint32_t length;
};

/* The next entry at *at of what came out; 0 at the end. */
int skafu__recover_next(const struct skafu__buf *entries, size_t *at, struct skafu__recover_entry *out);

/* The entries of all frames of the first one's generation that check out, whether a log needs them or not: what
 * salvage looks at.  None when they were called void. */
int32_t skafu__recover_all(const struct skafu__sys *sys, int journal_fd, struct skafu__buf *out, skafu_error *error);

#endif

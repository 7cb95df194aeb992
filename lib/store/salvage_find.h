/*
 * salvage_find.h: what of a log can still be found in a damaged file: where commits begin, names, the format record.
 *
 * Nothing is mapped and LMDB is not asked.  Every byte of the file is looked at for the beginning of a commit, which
 * has a magic number and a checksum of its own; so a commit is found though no page leads to it.  The trees, as far
 * as they can be walked (page.h), only say which of several candidates for one number belongs to the log: the file
 * also holds old copies of commits, which are as good, and commits of transactions that never came to their end,
 * which are not.  The journal (journal.h) is looked at like a part of the log that lies behind its end: what its
 * frames hold counts like what the older tree names.
 */
#ifndef SKAFU__STORE_SALVAGE_FIND_H
#define SKAFU__STORE_SALVAGE_FIND_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "codec/commit.h"
#include "store/state.h"

/* How much a candidate is worth: the tree of the newest meta page names it; that of the older one, or the journal; it
 * only lies in the file; it only lies in the file, within the bytes of another one. */
enum skafu__salvage_rank { SKAFU__SALVAGE_NEWEST, SKAFU__SALVAGE_OLDER, SKAFU__SALVAGE_LOOSE, SKAFU__SALVAGE_INNER };

struct skafu__salvage_place {
	uint64_t number;
	uint64_t first_sequence;
	uint64_t offset; /* in the log, or, from its end on, in the journal */
	uint32_t record_count;
	uint32_t records_offset;
	uint32_t head_crc;
	uint32_t rank;
};

struct skafu__salvage_find {
	const struct skafu__sys *sys;
	int fd;
	int journal_fd;      /* -1: there is none */
	uint64_t log_bytes;
	uint64_t file_bytes; /* of both */
	struct skafu__buf places; /* struct skafu__salvage_place, by number, then rank, then offset */
	struct skafu__buf marks;  /* of commits that a tree names */
	struct skafu__buf names;  /* names with their headers, as a commit has them */
	struct skafu__map name_at; /* set, id -> where in names */
	uint64_t top;             /* the highest number that a tree names */
	int tree_is_whole;        /* nothing in the newest tree can hide a commit */
	int has_format;
	int read_failed;          /* the disk did not give all of the file */
	struct skafu__format format;
	struct skafu__index_state index; /* zeros when it was not found */
};

void skafu__salvage_find_init(struct skafu__salvage_find *find, const struct skafu__sys *sys, int fd, int journal_fd);
void skafu__salvage_find_done(struct skafu__salvage_find *find);

/* As skafu__read_at(), at the offset of a place.  Both files in one go are never read. */
ssize_t skafu__salvage_find_read(const struct skafu__salvage_find *find, void *to, size_t length, uint64_t offset);

/* Look at all of both files. */
int32_t skafu__salvage_find_all(struct skafu__salvage_find *find, skafu_error *error);

/* A name that the table of names had; 0 when it is not known. */
int skafu__salvage_find_name(const struct skafu__salvage_find *find, uint8_t set, uint32_t id,
			     struct skafu__name_def *out);

#endif

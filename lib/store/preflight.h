/*
 * preflight.h: is this file one that LMDB can be given?  Read with pread, before LMDB maps it.
 *
 * LMDB 0.9 checks next to nothing of what it reads: a wrong number in the file ends in a signal, an abort() or an
 * endless loop inside the host.  So the first opener, who holds the store exclusively, has the file walked here
 * first.  The answer holds only as long as nobody writes to the file: it is of no use while a writer is active.
 *
 * What 0 means at each level, values aside (a changed value or a key that still sorts is for the record checksums):
 *
 * FULL   Every page that the newer meta page leads to was read and is sound: kind, place, bounds, nodes, key order
 *        within and between pages, depth, overflow ranges, counts; no page has two owners; the free list names only
 *        pages that nobody uses.  LMDB can read every table with every call, and write, without a crash or a hang.
 *
 * QUICK  a) Both meta pages are sound and belong together; LMDB will pick the one that was checked; the file has the
 *           pages that it says.  So the open and the start of a transaction are safe.
 *        b) The main table was walked whole: opening any table, by any name, is safe.
 *        c) Every table of at most whole_pages_max pages was walked whole, as in FULL: any read of it is safe.
 *        d) Of a larger table: its record, and the pages from the root to the first and to the last leaf with their
 *           overflow heads.  First, last and append are safe, and a read that stays within those leaves.  A damaged
 *           page elsewhere in it is NOT found: a read that comes to it can still crash.
 *        e) The free list was walked whole, and names no page that (a) to (d) met, when it has at most
 *           free_pages_max pages; else only its two ends.  A page that is both free and in use by an unvisited part
 *           of a large table is NOT found; writing would overwrite it, and the record checksums would tell.
 *        result.whole is 1 when nothing was left out, so QUICK said as much as FULL.
 *
 * A file that ends before its last page is sound when the free list names all that is missing: LMDB does not write a
 * page that was taken and given back within one transaction.  Not to be found at any level: a bit of the newer meta
 * page's txn that turns it into the next older one; LMDB then shows the commit before, whole.
 *
 * A file that is not trusted (from elsewhere, or after a fault of the disk) needs FULL.
 */
#ifndef SKAFU__STORE_PREFLIGHT_H
#define SKAFU__STORE_PREFLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/sys.h"

#define SKAFU__PREFLIGHT_QUICK 0u
#define SKAFU__PREFLIGHT_FULL 1u

/* All zero, or no struct at all, are the defaults of an ordinary open. */
struct skafu__preflight_opts {
	uint32_t level;
	uint32_t whole_pages_max; /* 0: 64 */
	uint32_t free_pages_max;  /* 0: 2,048, enough to list one million free pages */
	size_t memory_bytes_max;  /* 0: 64 MiB; one bit a page and about 0.4 MiB are needed */
	uint64_t time_ns_max;     /* 0: one second; SKAFU_WAIT_FOREVER: no limit */
};

struct skafu__preflight_result {
	uint64_t txn;
	uint64_t last_page;
	uint64_t map_bytes;    /* as the last writer had it; LMDB needs no less */
	uint64_t file_bytes;
	uint64_t pages_walked; /* read, overflow pages counted by their heads */
	uint64_t pages_free;   /* that the walked part of the free list names */
	uint64_t pages_lost;   /* neither used nor free: wasted, harmless; 0 unless whole */
	uint32_t tables;       /* named ones */
	uint32_t whole;
};

/*
 * 0 and *out (may be NULL), or
 *   SKAFU_EFOREIGN     empty, no LMDB file, or one with tables that a store never has
 *   SKAFU_EUNSUPPORTED LMDB, but of another format version, page size, word size or byte order
 *   SKAFU_EDAMAGED     the message says what is wrong at which page
 *   SKAFU_ETIMEOUT     not done within time_ns_max; nothing was found wrong so far
 *   SKAFU_ELIMIT       the file is too large for memory_bytes_max
 *   SKAFU_EIO, SKAFU_ENOMEM
 */
int32_t skafu__preflight_check(const struct skafu__sys *sys, int fd, const struct skafu__preflight_opts *opts,
			       struct skafu__preflight_result *out, skafu_error *error);

#endif

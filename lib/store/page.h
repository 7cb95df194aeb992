/*
 * page.h: the pages of an LMDB 0.9 data file, decoded from plain bytes, and the walker that salvage reads with.
 *
 * Nothing here maps the file or calls LMDB, and nothing trusts a number before it was checked against the page or the
 * file that it points into.  The layout is written down at the top of page.c.
 *
 * Two manners of reading.  Strict: skafu__page_meta(), skafu__page_check() and skafu__page_overflow() give NULL or a
 * static half-sentence that says what is wrong ("a key is out of order"); preflight.c refuses on the first one.
 * Lenient: skafu__page_walk() reports what is wrong and goes on, node by node, so that one bad bit costs no more than
 * the value it is in.
 */
#ifndef SKAFU__STORE_PAGE_H
#define SKAFU__STORE_PAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/sys.h"

#define SKAFU__PAGE_BYTES 4096u
#define SKAFU__PAGE_HEAD_BYTES 16u
#define SKAFU__PAGE_KEY_MAX 511u
#define SKAFU__PAGE_DEPTH_MAX 32u
#define SKAFU__PAGE_NONE UINT64_MAX /* the root of an empty table */
#define SKAFU__PAGE_TABLE_BYTES 48u

/* Kinds of pages, as the header stores them. */
#define SKAFU__PAGE_BRANCH 1u
#define SKAFU__PAGE_LEAF 2u
#define SKAFU__PAGE_OVERFLOW 4u
#define SKAFU__PAGE_META 8u

/* Flags of a leaf node: the value lies in overflow pages; the value is a table record. */
#define SKAFU__NODE_BIG 1u
#define SKAFU__NODE_TABLE 2u

struct skafu__page_table {
	uint32_t pad;
	uint16_t flags;
	uint16_t depth;
	uint64_t branch_pages;
	uint64_t leaf_pages;
	uint64_t overflow_pages;
	uint64_t entries;
	uint64_t root;
};

struct skafu__page_meta {
	uint64_t map_bytes;
	uint64_t last_page;
	uint64_t txn;
	struct skafu__page_table free_list;
	struct skafu__page_table main;
};

/* One node, borrowed from its page.  A branch node has a child and no value; a leaf node with SKAFU__NODE_BIG has the
 * first of its overflow pages as child, and value is NULL. */
struct skafu__page_node {
	const uint8_t *key;
	const uint8_t *value;
	uint64_t child;
	uint32_t value_bytes;
	uint16_t key_bytes;
	uint16_t flags;
};

/* All of a meta page that LMDB reads.  *out is filled also when something is wrong, for the message. */
const char *skafu__page_meta(const uint8_t *page, uint64_t place, struct skafu__page_meta *out);

/* The same without a look at the tables, which nobody follows from the older of the two meta pages: when the write
 * of a new one fails, LMDB puts its number and last page back, but leaves the tables of the transaction that
 * failed. */
const char *skafu__page_meta_frame(const uint8_t *page, uint64_t place, struct skafu__page_meta *out);

void skafu__page_table(const uint8_t *record, struct skafu__page_table *out);

/* What can be said of a table record by itself: depth, root and counts agree, and stay within last_page. */
const char *skafu__page_table_check(const struct skafu__page_table *table, uint64_t last_page);

/* The number of nodes that the header claims; at most 2,040 whatever the bytes are. */
uint32_t skafu__page_count(const uint8_t *page);

/* Decode one node of a BRANCH or LEAF page; any index below 2,040 is safe on any 4,096 bytes. */
const char *skafu__page_node(const uint8_t *page, uint32_t kind, uint32_t index, struct skafu__page_node *out);

/*
 * A whole BRANCH or LEAF page: it is the page of that place and kind, its bounds hold, its nodes lie in it without
 * overlap or gap, its keys ascend.  keys_u64: the keys are native 8-byte integers (only the free list has such).
 */
const char *skafu__page_check(const uint8_t *page, uint64_t place, uint32_t kind, int keys_u64);

/* <0, 0, >0 in the order of LMDB's plain tables, or of the free list. */
int skafu__page_compare(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes, int keys_u64);

/* The first 16 bytes of an overflow page that should hold value_bytes; *out_pages is how many it takes. */
const char *skafu__page_overflow(const uint8_t *head, uint64_t place, uint64_t value_bytes, uint64_t *out_pages);

/* ---- salvage ------------------------------------------------------------------------------------------------- */

/* The tree of the newest meta page that is whole; the tree of the other one; every page of the file that looks like
 * a leaf, by page number, in a tree or not. */
#define SKAFU__PAGE_WALK_NEWEST 0u
#define SKAFU__PAGE_WALK_OLDER 1u
#define SKAFU__PAGE_WALK_RAW 2u

/*
 * One key and value, borrowed for the call.  `table` is NULL in a raw walk: the page does not say.  `doubtful`: the
 * page, or the head of the overflow pages, failed a check, or (raw) lies where an overflow page claims to be and may
 * be bytes of a value that only look like a page.  A raw walk meets old versions of pages too, so the same key comes
 * more than once.  Whoever takes what was found must check it by the record checksums.
 */
struct skafu__page_found {
	const uint8_t *table;
	size_t table_bytes;
	const uint8_t *key;
	size_t key_bytes;
	const uint8_t *value;
	size_t value_bytes;
	uint64_t page;
	int doubtful;
};

struct skafu__page_walk_opts {
	uint32_t source;         /* SKAFU__PAGE_WALK_... */
	size_t memory_bytes_max; /* bitmap, page buffers and one value; 0: 64 MiB */
	uint64_t time_ns_max;    /* 0: no limit, as salvage has no better answer than to go on */
	/* A result other than 0 ends the walk, and is its result. */
	int32_t (*visit)(void *user, const struct skafu__page_found *found);
	/* What could not be read, and the page where that was found.  May be NULL. */
	void (*damage)(void *user, uint64_t page, const char *what);
	void *user;
};

struct skafu__page_walk_result {
	uint64_t txn;     /* of the meta page that was followed; 0 in a raw walk */
	uint64_t pages;   /* read */
	uint64_t values;  /* visited */
	uint64_t damages; /* reported */
};

/*
 * Walk, for salvage.  Bounded: within one table no page is entered twice, no value is larger than the file or the
 * memory limit, and values that share their pages are read only so often.  0 also when parts were damaged (see
 * damages).  SKAFU_EDAMAGED: the meta page asked for is not whole, walk the other one, then raw.
 * SKAFU_ELIMIT: over the memory limit.  SKAFU_ETIMEOUT, SKAFU_EIO, SKAFU_ENOMEM.
 */
int32_t skafu__page_walk(const struct skafu__sys *sys, int fd, const struct skafu__page_walk_opts *opts,
			 struct skafu__page_walk_result *out, skafu_error *error);

#endif

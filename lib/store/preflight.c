/*
 * preflight.c: the strict walk over an LMDB data file that goes before every mapping of it.
 *
 * Invariant: each page number is checked against the file and claimed in one bitmap before it is read, so that the
 * work is bounded by the size of the file, whatever the file says: cycles, shared pages and overlapping overflow
 * ranges end at the second claim.  The depth that a table record claims says at which level leaves must be, so no
 * tree can be deeper than its record, and none deeper than LMDB's own stack of 32.
 *
 * Key order over pages: the walk goes through a tree in order and keeps the last key that it saw.  The next key must
 * be larger; a separator in a branch must be larger than all keys to its left, and the first key to its right may be
 * equal to it.  That is all that LMDB's searches rely on.
 *
 * The layout of the pages is described in page.c.
 */
#include "store/preflight.h"

#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "store/page.h"

#define PREFLIGHT_MAGIC 0xBEEFC0DEu
#define PREFLIGHT_FORMAT 1u
#define PREFLIGHT_KNOWN_FLAGS 0x7Eu /* of a table: those that LMDB 0.9 defines */
#define PREFLIGHT_CHUNK (16u * SKAFU__PAGE_BYTES)
#define PREFLIGHT_ADVICE "restore a backup, or read what is whole with salvage"

/* Which children of a branch are visited. */
enum preflight_span { PREFLIGHT_ALL, PREFLIGHT_ENDS, PREFLIGHT_FIRST, PREFLIGHT_LAST };

struct preflight_level {
	uint8_t page[SKAFU__PAGE_BYTES];
	uint64_t place;
	uint32_t count;
	uint32_t next; /* child to enter; count when done */
	enum preflight_span span;
};

struct preflight_tree {
	struct skafu__page_table record;
	struct preflight_level *levels;
	int is_free_list;
	int is_main;
	enum preflight_span span;
	uint64_t branch_pages; /* met so far, as the following */
	uint64_t leaf_pages;
	uint64_t overflow_pages;
	uint64_t entries;
	uint8_t last[SKAFU__PAGE_KEY_MAX];
	uint16_t last_bytes; /* 0: no key yet */
	int may_equal;       /* `last` is a separator: the next key may be equal to it */
};

struct preflight {
	const struct skafu__sys *sys;
	skafu_error *error;
	int fd;
	struct skafu__preflight_opts opts;
	int64_t deadline;
	uint64_t file_pages;
	uint64_t claimed; /* pages that the table records claim, in sum */
	uint64_t taken;   /* pages in the bitmap */
	uint8_t *seen;
	uint8_t *chunk;
	struct preflight_level *levels;
	struct skafu__page_meta meta;
	struct skafu__preflight_result result;
};

static int32_t preflight_damaged(struct preflight *walk, uint64_t page, const char *what)
{
	return skafu__fail(walk->error, SKAFU_EDAMAGED,
			   "the file is damaged at page %" PRIu64 ": %s; " PREFLIGHT_ADVICE, page, what);
}

static int32_t preflight_read(struct preflight *walk, uint64_t page, void *into, size_t bytes)
{
	ssize_t got;

	if (walk->result.pages_walked++ % 64 == 0 && walk->sys->monotonic_ns() > walk->deadline)
		return skafu__fail(walk->error, SKAFU_ETIMEOUT,
				   "the check of the file took longer than it may after %" PRIu64
				   " pages; allow more time for it",
				   walk->result.pages_walked);
	got = skafu__read_at(walk->sys, walk->fd, into, bytes, (off_t)(page * SKAFU__PAGE_BYTES));
	if (got < 0)
		return skafu__fail(walk->error, SKAFU_EIO,
				   "page %" PRIu64 " of the file cannot be read; check the disk", page);
	if ((size_t)got != bytes)
		return preflight_damaged(walk, page, "the file ends within it");
	return 0;
}

/* Give pages [first, first + pages) their one owner.  Those in use must be in the file, free ones need not. */
static int32_t preflight_claim(struct preflight *walk, uint64_t first, uint64_t pages, int in_use)
{
	uint64_t end = walk->meta.last_page + 1;

	if (in_use && end > walk->file_pages)
		end = walk->file_pages;
	if (first < 2 || first >= end || pages > end - first)
		return preflight_damaged(walk, first, "it is referred to, but is not a page of the file");
	for (uint64_t i = first; i < first + pages; i++) {
		if (walk->seen[i / 8] >> (i % 8) & 1)
			return preflight_damaged(walk, i, "it has two owners");
		walk->seen[i / 8] = (uint8_t)(walk->seen[i / 8] | 1u << (i % 8));
	}
	walk->taken += pages;
	return 0;
}

/* ---- meta pages ---------------------------------------------------------------------------------------------- */

static int preflight_magic_at(const uint8_t *page, size_t at)
{
	return skafu__load_u32(page + at) == PREFLIGHT_MAGIC;
}

/* A file that does not start as one of ours does: say what it is, if that can be told. */
static int32_t preflight_stranger(struct preflight *walk, const uint8_t *pages)
{
	uint32_t version = skafu__load_u32(pages + 20);
	uint32_t page_bytes = skafu__load_u32(pages + 40);
	uint8_t head[SKAFU__PAGE_HEAD_BYTES + 4];

	if (skafu__load_u32_be(pages + 16) == PREFLIGHT_MAGIC || preflight_magic_at(pages, 12) ||
	    skafu__load_u32_be(pages + 12) == PREFLIGHT_MAGIC)
		return skafu__fail(walk->error, SKAFU_EUNSUPPORTED,
				   "the file was written on a machine with another word size or byte order; "
				   "export it there and import it here");
	if (!preflight_magic_at(pages, 16))
		return preflight_magic_at(pages + SKAFU__PAGE_BYTES, 16)
			       ? preflight_damaged(walk, 0, "the first meta page is lost")
			       : skafu__fail(walk->error, SKAFU_EFOREIGN,
					     "the file is not one that LMDB wrote; check the path");
	if (version != PREFLIGHT_FORMAT && version == skafu__load_u32(pages + SKAFU__PAGE_BYTES + 20))
		return skafu__fail(walk->error, SKAFU_EUNSUPPORTED,
				   "the file has version %" PRIu32 " of the LMDB format, only version 1 can be read",
				   version);
	if (page_bytes != SKAFU__PAGE_BYTES && page_bytes >= 256 && page_bytes <= 65536 &&
	    (page_bytes & (page_bytes - 1)) == 0 &&
	    skafu__read_at(walk->sys, walk->fd, head, sizeof head, page_bytes) == (ssize_t)sizeof head &&
	    preflight_magic_at(head, 16))
		return skafu__fail(walk->error, SKAFU_EUNSUPPORTED,
				   "the file has pages of %" PRIu32 " bytes, only 4096 can be read; "
				   "export it on the machine that wrote it",
				   page_bytes);
	return 0;
}

/* LMDB takes the larger transaction number without looking, and then the page of that number's parity: so both pages
 * must be sound, neighbours in time, and in their places.  The tables of the older one are of no consequence. */
static int32_t preflight_metas(struct preflight *walk)
{
	uint8_t *pages = walk->chunk;
	struct skafu__page_meta meta[2];
	const char *problem;
	uint32_t newer;
	int32_t result;

	memset(pages, 0, 2 * SKAFU__PAGE_BYTES);
	if (walk->result.file_bytes == 0)
		return skafu__fail(walk->error, SKAFU_EFOREIGN,
				   "the file is empty: it is no store, or its content was lost");
	if (skafu__read_at(walk->sys, walk->fd, pages, 2 * SKAFU__PAGE_BYTES, 0) < 0)
		return skafu__fail(walk->error, SKAFU_EIO, "the start of the file cannot be read; check the disk");
	result = preflight_stranger(walk, pages);
	if (result != 0)
		return result;
	for (uint32_t i = 0; i < 2; i++) {
		problem = skafu__page_meta_frame(pages + i * SKAFU__PAGE_BYTES, i, &meta[i]);
		if (problem)
			return preflight_damaged(walk, i, problem);
	}
	newer = meta[1].txn > meta[0].txn;
	problem = skafu__page_meta(pages + newer * SKAFU__PAGE_BYTES, newer, &meta[newer]);
	if (problem)
		return preflight_damaged(walk, newer, problem);
	if (meta[newer].txn != 0 && meta[newer].txn - meta[!newer].txn != 1)
		return preflight_damaged(walk, newer, "the two meta pages are not of consecutive transactions");
	if (meta[newer].last_page < meta[!newer].last_page)
		return preflight_damaged(walk, newer, "the newer meta page has fewer pages than the older one");
	walk->meta = meta[newer];
	walk->result.pages_walked = 2;
	return 0;
}

/* ---- nodes --------------------------------------------------------------------------------------------------- */

static int32_t preflight_order(struct preflight *walk, struct preflight_tree *tree, uint64_t page,
			       const struct skafu__page_node *node, int is_separator)
{
	if (tree->last_bytes > 0) {
		int order = skafu__page_compare(tree->last, tree->last_bytes, node->key, node->key_bytes,
						tree->is_free_list);

		if (order > 0 || (order == 0 && !tree->may_equal))
			return preflight_damaged(walk, page, "its keys do not follow those of the page before");
	}
	memcpy(tree->last, node->key, node->key_bytes);
	tree->last_bytes = node->key_bytes;
	tree->may_equal = is_separator;
	return 0;
}

static int32_t preflight_overflow(struct preflight *walk, struct preflight_tree *tree, uint64_t page,
				  const struct skafu__page_node *node)
{
	uint8_t head[SKAFU__PAGE_HEAD_BYTES];
	uint64_t pages = 0;
	const char *problem;
	int32_t result;

	if (node->child < 2 || node->child >= walk->file_pages)
		return preflight_damaged(walk, page, "a value lies outside the file");
	result = preflight_read(walk, node->child, head, sizeof head);
	if (result != 0)
		return result;
	problem = skafu__page_overflow(head, node->child, node->value_bytes, &pages);
	if (problem)
		return preflight_damaged(walk, node->child, problem);
	tree->overflow_pages += pages;
	if (tree->overflow_pages > tree->record.overflow_pages)
		return preflight_damaged(walk, page, "its table has more overflow pages than its record says");
	return preflight_claim(walk, node->child, pages, 1);
}

/* Page numbers of a free-list value, `before` being the one in front of them. */
static int32_t preflight_free_pages(struct preflight *walk, uint64_t page, const uint8_t *bytes, uint64_t count,
				    uint64_t *before)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t number = skafu__load_u64(bytes + i * 8);
		int32_t result;

		if (number >= *before)
			return preflight_damaged(walk, page, "the free list is out of order");
		result = preflight_claim(walk, number, 1, 0);
		if (result != 0)
			return result;
		*before = number;
	}
	walk->result.pages_free += count;
	return 0;
}

/* The part of a free-list value that lies in overflow pages, a chunk at a time. */
static int32_t preflight_free_big(struct preflight *walk, const struct skafu__page_node *node)
{
	uint64_t before = UINT64_MAX;
	uint64_t count = 0;
	uint64_t at = node->child;
	size_t skip = SKAFU__PAGE_HEAD_BYTES; /* then the count */
	int32_t result = 0;

	do {
		/* The claim of the overflow pages has checked that they are in the file. */
		size_t want = skip + (at == node->child ? (size_t)node->value_bytes : (size_t)count * 8);
		size_t bytes = want < PREFLIGHT_CHUNK ? want : PREFLIGHT_CHUNK;
		uint64_t numbers;

		result = preflight_read(walk, at, walk->chunk, bytes);
		if (result != 0)
			return result;
		if (at == node->child) {
			count = skafu__load_u64(walk->chunk + skip);
			skip += 8;
			if (count > node->value_bytes / 8 - 1)
				return preflight_damaged(walk, at, "the free list counts more pages than it holds");
		}
		numbers = (bytes - skip) / 8 < count ? (bytes - skip) / 8 : count;
		result = preflight_free_pages(walk, at, walk->chunk + skip, numbers, &before);
		count -= numbers;
		at += PREFLIGHT_CHUNK / SKAFU__PAGE_BYTES;
		skip = 0;
	} while (result == 0 && count > 0);
	return result;
}

static int32_t preflight_free_record(struct preflight *walk, uint64_t page, const struct skafu__page_node *node)
{
	uint64_t txn = skafu__load_u64(node->key);
	uint64_t before = UINT64_MAX;
	uint64_t count;

	if (txn == 0 || txn > walk->meta.txn)
		return preflight_damaged(walk, page, "the free list is of a transaction that never was");
	if (node->value_bytes < 8 || node->value_bytes % 8)
		return preflight_damaged(walk, page, "a value of the free list has the wrong length");
	if (node->flags & SKAFU__NODE_BIG)
		return preflight_free_big(walk, node);
	count = skafu__load_u64(node->value);
	if (count > node->value_bytes / 8 - 1)
		return preflight_damaged(walk, page, "the free list counts more pages than it holds");
	return preflight_free_pages(walk, page, node->value + 8, count, &before);
}

/* ---- trees --------------------------------------------------------------------------------------------------- */

static int32_t preflight_tree_walk(struct preflight *walk, struct preflight_tree *tree);

static enum preflight_span preflight_span_of(struct preflight *walk, const struct skafu__page_table *table,
					     uint64_t whole_pages)
{
	/* Each count is at most the last page, so the sum cannot overflow. */
	uint64_t pages = table->branch_pages + table->leaf_pages + table->overflow_pages;

	walk->claimed += pages;
	if (walk->opts.level == SKAFU__PREFLIGHT_FULL || pages <= whole_pages || table->root == SKAFU__PAGE_NONE)
		return PREFLIGHT_ALL;
	walk->result.whole = 0;
	return PREFLIGHT_ENDS;
}

static int32_t preflight_named(struct preflight *walk, uint64_t page, const struct skafu__page_node *node)
{
	/* The main table uses the first levels while this one is walked. */
	struct preflight_tree tree = { .levels = walk->levels + SKAFU__PAGE_DEPTH_MAX };
	const char *problem;

	if (!(node->flags & SKAFU__NODE_TABLE))
		return skafu__fail(walk->error, SKAFU_EFOREIGN,
				   "the file belongs to another program: its main table has values besides tables");
	skafu__page_table(node->value, &tree.record);
	if (tree.record.flags & ~PREFLIGHT_KNOWN_FLAGS || tree.record.pad)
		return preflight_damaged(walk, page, "a table record has flags that do not exist");
	if (tree.record.flags)
		return skafu__fail(walk->error, SKAFU_EFOREIGN,
				   "the file belongs to another program, or is damaged at page %" PRIu64
				   ": a table has flags that a store never uses",
				   page);
	problem = skafu__page_table_check(&tree.record, walk->meta.last_page);
	if (problem)
		return preflight_damaged(walk, page, problem);
	walk->result.tables++;
	tree.span = preflight_span_of(walk, &tree.record, walk->opts.whole_pages_max);
	if (walk->claimed > walk->meta.last_page - 1)
		return preflight_damaged(walk, page, "the tables claim more pages than the file has");
	return preflight_tree_walk(walk, &tree);
}

static int32_t preflight_leaf(struct preflight *walk, struct preflight_tree *tree,
			      const struct preflight_level *level)
{
	int32_t result = 0;

	for (uint32_t i = 0; result == 0 && i < level->count; i++) {
		struct skafu__page_node node;

		/* The page was checked whole, so its nodes decode. */
		skafu__page_node(level->page, SKAFU__PAGE_LEAF, i, &node);
		result = preflight_order(walk, tree, level->place, &node, 0);
		if (result == 0 && node.flags & SKAFU__NODE_BIG)
			result = preflight_overflow(walk, tree, level->place, &node);
		if (result != 0)
			break;
		if (tree->is_main)
			result = preflight_named(walk, level->place, &node);
		else if (node.flags & SKAFU__NODE_TABLE)
			result = preflight_damaged(walk, level->place, "a table lies within another one");
		else if (tree->is_free_list)
			result = preflight_free_record(walk, level->place, &node);
	}
	tree->entries += level->count;
	return result;
}

/* Read the page at a level of the tree, check it, and stand before its first child. */
static int32_t preflight_enter(struct preflight *walk, struct preflight_tree *tree, uint32_t depth, uint64_t place)
{
	struct preflight_level *level = &tree->levels[depth];
	uint32_t kind = depth + 1u == tree->record.depth ? SKAFU__PAGE_LEAF : SKAFU__PAGE_BRANCH;
	const char *problem;
	int32_t result = preflight_claim(walk, place, 1, 1);

	if (result == 0)
		result = preflight_read(walk, place, level->page, sizeof level->page);
	if (result != 0)
		return result;
	problem = skafu__page_check(level->page, place, kind, tree->is_free_list);
	if (problem)
		return preflight_damaged(walk, place, problem);
	level->place = place;
	level->count = skafu__page_count(level->page);
	if (kind == SKAFU__PAGE_LEAF)
		tree->leaf_pages++;
	else
		tree->branch_pages++;
	if (tree->leaf_pages > tree->record.leaf_pages || tree->branch_pages > tree->record.branch_pages)
		return preflight_damaged(walk, place, "its table has more pages than its record says");
	return 0;
}

/* Where to start among the children, and, from `span`, how much of the child is of interest. */
static void preflight_aim(struct preflight_level *level, enum preflight_span span)
{
	level->span = span;
	level->next = span == PREFLIGHT_LAST ? level->count - 1 : 0;
}

static enum preflight_span preflight_step(struct preflight_level *level)
{
	uint32_t at = level->next;

	switch (level->span) {
	case PREFLIGHT_ENDS:
		level->next = at == 0 ? level->count - 1 : level->count;
		return at == 0 ? PREFLIGHT_FIRST : PREFLIGHT_LAST;
	case PREFLIGHT_FIRST:
	case PREFLIGHT_LAST:
		level->next = level->count;
		return level->span;
	case PREFLIGHT_ALL:
	default:
		level->next = at + 1;
		return PREFLIGHT_ALL;
	}
}

static int32_t preflight_descend(struct preflight *walk, struct preflight_tree *tree, uint32_t depth)
{
	struct preflight_level *level = &tree->levels[depth];
	uint32_t index = level->next;
	enum preflight_span span = preflight_step(level);
	struct skafu__page_node node;
	int32_t result = 0;

	skafu__page_node(level->page, SKAFU__PAGE_BRANCH, index, &node);
	if (index > 0)
		result = preflight_order(walk, tree, level->place, &node, 1);
	if (result == 0)
		result = preflight_enter(walk, tree, depth + 1, node.child);
	if (result == 0)
		preflight_aim(&tree->levels[depth + 1], span);
	return result;
}

static int32_t preflight_tree_end(struct preflight *walk, const struct preflight_tree *tree)
{
	const struct skafu__page_table *record = &tree->record;

	if (tree->span == PREFLIGHT_ALL &&
	    (tree->branch_pages != record->branch_pages || tree->leaf_pages != record->leaf_pages ||
	     tree->overflow_pages != record->overflow_pages || tree->entries != record->entries))
		return preflight_damaged(walk, record->root, "the tree below it is not as large as its record says");
	return 0;
}

static int32_t preflight_tree_walk(struct preflight *walk, struct preflight_tree *tree)
{
	uint32_t used = 1;
	int32_t result;

	if (tree->record.root == SKAFU__PAGE_NONE)
		return 0;
	result = preflight_enter(walk, tree, 0, tree->record.root);
	if (result == 0)
		preflight_aim(&tree->levels[0], tree->span);
	while (result == 0 && used > 0) {
		struct preflight_level *level = &tree->levels[used - 1];

		if (used == tree->record.depth) {
			result = preflight_leaf(walk, tree, level);
			used--;
		} else if (level->next >= level->count) {
			used--;
		} else {
			result = preflight_descend(walk, tree, used - 1);
			used++;
		}
	}
	return result == 0 ? preflight_tree_end(walk, tree) : result;
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

static int32_t preflight_free_list(struct preflight *walk)
{
	struct preflight_tree tree = { .record = walk->meta.free_list, .levels = walk->levels, .is_free_list = 1 };
	int is_short = walk->file_pages <= walk->meta.last_page;
	int32_t result;

	/* When the file is short, the free list has to explain it: then it is read whole, however long. */
	tree.span = preflight_span_of(walk, &tree.record, is_short ? UINT64_MAX : walk->opts.free_pages_max);
	result = preflight_tree_walk(walk, &tree);
	if (result != 0)
		return result;
	for (uint64_t i = walk->file_pages; i <= walk->meta.last_page; i++)
		if (!(walk->seen[i / 8] >> (i % 8) & 1))
			return preflight_damaged(walk, i, "the file ends before it");
	return 0;
}

static int32_t preflight_main(struct preflight *walk)
{
	struct preflight_tree tree = { .record = walk->meta.main, .levels = walk->levels, .is_main = 1 };

	if (tree.record.flags || tree.record.pad)
		return tree.record.flags & ~PREFLIGHT_KNOWN_FLAGS || tree.record.pad
			       ? preflight_damaged(walk, walk->meta.txn & 1, "the main table has unknown flags")
			       : skafu__fail(walk->error, SKAFU_EFOREIGN,
					     "the file belongs to another program: its main table has flags that a "
					     "store never uses");
	tree.span = PREFLIGHT_ALL;
	walk->claimed += tree.record.branch_pages + tree.record.leaf_pages + tree.record.overflow_pages;
	return preflight_tree_walk(walk, &tree);
}

/* A file may end before its last page only by pages that the free list can name, eight bytes each. */
static int32_t preflight_length(struct preflight *walk)
{
	uint64_t last_page = walk->meta.last_page;

	walk->file_pages = walk->result.file_bytes / SKAFU__PAGE_BYTES;
	if (walk->file_pages < 2 ||
	    (walk->file_pages <= last_page && last_page - walk->file_pages >= walk->result.file_bytes / 8))
		return preflight_damaged(walk, walk->file_pages, "the file ends before it");
	return 0;
}

static int32_t preflight_memory(struct preflight *walk, size_t spent)
{
	uint64_t bits = walk->meta.last_page / 8 + 1;

	if (bits > walk->opts.memory_bytes_max - spent)
		return skafu__fail(walk->error, SKAFU_ELIMIT,
				   "the check of the file needs %" PRIu64 " bytes of memory; allow more for it",
				   bits + spent);
	walk->seen = skafu__alloc_zeroed(walk->sys, (size_t)bits, 1);
	return walk->seen ? 0 : skafu__fail_memory(walk->error);
}

static int32_t preflight_run(struct preflight *walk, size_t spent)
{
	int32_t result = preflight_metas(walk);

	if (result == 0)
		result = preflight_length(walk);
	if (result == 0)
		result = preflight_memory(walk, spent);
	if (result == 0)
		result = preflight_free_list(walk);
	if (result == 0)
		result = preflight_main(walk);
	if (result != 0)
		return result;
	if (walk->claimed > walk->meta.last_page - 1)
		return preflight_damaged(walk, walk->meta.txn & 1, "the tables claim more pages than the file has");
	walk->result.txn = walk->meta.txn;
	walk->result.last_page = walk->meta.last_page;
	walk->result.map_bytes = walk->meta.map_bytes;
	if (walk->result.whole)
		walk->result.pages_lost = walk->meta.last_page - 1 - walk->taken;
	return 0;
}

static void preflight_defaults(struct preflight *walk, const struct skafu__preflight_opts *opts)
{
	if (opts)
		walk->opts = *opts;
	if (!walk->opts.whole_pages_max)
		walk->opts.whole_pages_max = 64;
	if (!walk->opts.free_pages_max)
		walk->opts.free_pages_max = 2048;
	if (!walk->opts.memory_bytes_max)
		walk->opts.memory_bytes_max = (size_t)64 << 20;
	if (!walk->opts.time_ns_max)
		walk->opts.time_ns_max = 1000000000;
	walk->deadline = skafu__deadline(walk->sys, walk->opts.time_ns_max);
	walk->result.whole = 1;
}

int32_t skafu__preflight_check(const struct skafu__sys *sys, int fd, const struct skafu__preflight_opts *opts,
			       struct skafu__preflight_result *out, skafu_error *error)
{
	struct preflight walk = { .sys = sys, .error = error, .fd = fd };
	size_t levels = 2 * (size_t)SKAFU__PAGE_DEPTH_MAX * sizeof *walk.levels;
	size_t spent = levels + PREFLIGHT_CHUNK;
	struct stat about;
	int32_t result;

	preflight_defaults(&walk, opts);
	if (spent > walk.opts.memory_bytes_max)
		return skafu__fail(error, SKAFU_ELIMIT,
				   "the check of the file needs %zu bytes of memory; allow more for it", spent);
	if (sys->fstat(fd, &about) != 0 || about.st_size < 0)
		return skafu__fail(error, SKAFU_EIO, "the size of the file cannot be read; check the disk");
	walk.result.file_bytes = (uint64_t)about.st_size;
	walk.levels = skafu__alloc(sys, levels);
	walk.chunk = skafu__alloc(sys, PREFLIGHT_CHUNK);
	result = walk.levels && walk.chunk ? preflight_run(&walk, spent) : skafu__fail_memory(error);
	skafu__free(sys, walk.seen);
	skafu__free(sys, walk.chunk);
	skafu__free(sys, walk.levels);
	if (result == 0 && out)
		*out = walk.result;
	return result;
}

/*
 * page.c: decoding the pages of an LMDB 0.9 data file, strictly for preflight and leniently for salvage.
 *
 * Invariant: no byte outside the buffer that was passed is read, whatever the buffer holds, and a page number is
 * followed only after it was found to be inside the file and not visited before.
 *
 * The layout, as 64-bit little-endian LMDB 0.9 writes it.  Pages are 4,096 bytes; page n lies at n * 4,096.
 *
 *   head of every page, 16 bytes
 *     0  u64  the page's own number
 *     8  u16  unused, any value
 *    10  u16  kind: 1 branch, 2 leaf, 4 overflow, 8 meta (16 and more only ever in memory, or with features that a
 *             store does not use)
 *    12  u16  branch, leaf: end of the pointer array, 16 + 2 * nodes
 *    14  u16  branch, leaf: start of the nodes, which reach to the end of the page without a gap
 *    12  u32  overflow: number of pages that the value has, this one included; the others have no head
 *   meta page (0 and 1), from byte 16.  Transaction n writes page n % 2; the larger txn is the one in force.
 *    16  u32  0xBEEFC0DE          20  u32  1, the version of the format
 *    24  u64  unused              32  u64  bytes of the map
 *    40  table record of the free list; its first u32 is the page size, its flags say 8 (integer keys) and may hold
 *        0x4000, an option of the open that LMDB keeps there
 *    88  table record of the main table, whose keys are the names of the other tables
 *   136  u64  last page in use   144  u64  txn
 *   table record, 48 bytes: u32 0, u16 flags (0 in a store), u16 depth, then u64 each: branch pages, leaf pages,
 *     overflow pages, entries, root page (all ones when the table is empty, its depth and counts then 0)
 *   pointer array, from byte 16 of a branch or leaf: u16 each, where in the page the node starts, in key order
 *   node, at an even place, its length rounded up to even
 *     branch  u48 child page, u16 key bytes, key.  A child holds the keys from its own up to the next node's; the
 *             first node's key means nothing and is mostly empty.  At least two nodes.
 *     leaf    u32 value bytes, u16 flags (1: overflow, 2: table record), u16 key bytes, key, value.  A node longer
 *             than 2,038 bytes is not kept: the value goes to overflow pages, from byte 16 of the first one on, and
 *             the u64 number of that page stands in its place.
 *   free list: key u64 txn that freed the pages; value u64 count, then page numbers, descending.  The value may be
 *     longer than its count says.
 *
 * The file may end before the last page in use, when all pages that are not there are in the free list.
 */
#include "store/page.h"

#include <sys/stat.h>

#include "base/bytes.h"

#define PAGE_MAGIC 0xBEEFC0DEu
#define PAGE_FORMAT 1u
#define PAGE_NODE_HEAD 8u
#define PAGE_NODE_MAX 2038u
#define PAGE_NODES_MAX ((SKAFU__PAGE_BYTES - SKAFU__PAGE_HEAD_BYTES) / 2)
#define PAGE_FREE_FLAGS 8u
#define PAGE_OPEN_FLAG 0x4000u
#define PAGE_TXN_MAX (UINT64_MAX >> 2)
#define PAGE_MAP_MAX ((uint64_t)1 << 46) /* what a 64-bit process can map, with room to spare */

/* ---- decoding ------------------------------------------------------------------------------------------------ */

void skafu__page_table(const uint8_t *record, struct skafu__page_table *out)
{
	out->pad = skafu__load_u32(record);
	out->flags = skafu__load_u16(record + 4);
	out->depth = skafu__load_u16(record + 6);
	out->branch_pages = skafu__load_u64(record + 8);
	out->leaf_pages = skafu__load_u64(record + 16);
	out->overflow_pages = skafu__load_u64(record + 24);
	out->entries = skafu__load_u64(record + 32);
	out->root = skafu__load_u64(record + 40);
}

const char *skafu__page_table_check(const struct skafu__page_table *table, uint64_t last_page)
{
	uint64_t used = table->branch_pages | table->leaf_pages | table->overflow_pages | table->entries;

	if (table->root == SKAFU__PAGE_NONE)
		return used || table->depth ? "a table without a root claims to hold something" : NULL;
	if (table->root < 2 || table->root > last_page)
		return "the root of a table is not a page of the file";
	if (table->depth == 0 || table->depth > SKAFU__PAGE_DEPTH_MAX)
		return "a table has an impossible depth";
	if (table->branch_pages > last_page || table->leaf_pages > last_page || table->overflow_pages > last_page ||
	    table->branch_pages + table->leaf_pages + table->overflow_pages > last_page - 1)
		return "a table claims more pages than there are";
	if (table->leaf_pages == 0 || table->entries < table->leaf_pages || table->branch_pages + 1u < table->depth)
		return "the counts of a table contradict each other";
	return NULL;
}

const char *skafu__page_meta_frame(const uint8_t *page, uint64_t place, struct skafu__page_meta *out)
{
	out->map_bytes = skafu__load_u64(page + 32);
	skafu__page_table(page + 40, &out->free_list);
	skafu__page_table(page + 88, &out->main);
	out->last_page = skafu__load_u64(page + 136);
	out->txn = skafu__load_u64(page + 144);

	if (skafu__load_u64(page) != place || skafu__load_u16(page + 10) != SKAFU__PAGE_META)
		return "the head is not that of a meta page";
	if (skafu__load_u32(page + 16) != PAGE_MAGIC || skafu__load_u32(page + 20) != PAGE_FORMAT)
		return "the mark or the format version is wrong";
	if (out->free_list.pad != SKAFU__PAGE_BYTES)
		return "the page size is wrong";
	if (out->txn > PAGE_TXN_MAX || (out->txn != 0 && (out->txn & 1) != place))
		return "the transaction number does not belong there";
	if (out->last_page < 1 || out->last_page >= PAGE_MAP_MAX / SKAFU__PAGE_BYTES)
		return "the number of the last page is impossible";
	if (out->map_bytes > PAGE_MAP_MAX || out->map_bytes / SKAFU__PAGE_BYTES <= out->last_page)
		return "the size of the map is impossible";
	if ((out->free_list.flags & ~PAGE_OPEN_FLAG) != PAGE_FREE_FLAGS)
		return "the free list has the wrong flags";
	return NULL;
}

const char *skafu__page_meta(const uint8_t *page, uint64_t place, struct skafu__page_meta *out)
{
	const char *problem = skafu__page_meta_frame(page, place, out);

	if (!problem)
		problem = skafu__page_table_check(&out->free_list, out->last_page);
	return problem ? problem : skafu__page_table_check(&out->main, out->last_page);
}

uint32_t skafu__page_count(const uint8_t *page)
{
	uint32_t lower = skafu__load_u16(page + 12);

	if (lower < SKAFU__PAGE_HEAD_BYTES || lower > SKAFU__PAGE_BYTES)
		return 0;
	return (lower - SKAFU__PAGE_HEAD_BYTES) / 2;
}

static uint32_t page_node_start(const uint8_t *page, uint32_t index)
{
	return skafu__load_u16(page + SKAFU__PAGE_HEAD_BYTES + 2 * (size_t)index);
}

/* The bytes that follow the key in a leaf node, and what they are. */
static const char *page_leaf_value(struct skafu__page_node *node, const uint8_t *value, uint32_t room)
{
	uint32_t stored = node->flags & SKAFU__NODE_BIG ? 8 : node->value_bytes;

	if (node->flags > SKAFU__NODE_TABLE)
		return "a node has flags that a store never uses";
	if (stored > room)
		return "a value reaches beyond its page";
	if (PAGE_NODE_HEAD + node->key_bytes + stored > PAGE_NODE_MAX)
		return "a node is larger than LMDB keeps in a page";
	if (node->flags & SKAFU__NODE_TABLE && stored != SKAFU__PAGE_TABLE_BYTES)
		return "a table record has the wrong length";
	if (node->flags & SKAFU__NODE_BIG)
		node->child = skafu__load_u64(value);
	else
		node->value = value;
	return NULL;
}

const char *skafu__page_node(const uint8_t *page, uint32_t kind, uint32_t index, struct skafu__page_node *out)
{
	uint32_t start = page_node_start(page, index);
	uint32_t room;
	const uint8_t *node;

	if (start % 2 || start < SKAFU__PAGE_HEAD_BYTES || start > SKAFU__PAGE_BYTES - PAGE_NODE_HEAD)
		return "a node lies outside its page";
	node = page + start;
	room = SKAFU__PAGE_BYTES - PAGE_NODE_HEAD - start;
	*out = (struct skafu__page_node){ .key = node + PAGE_NODE_HEAD, .key_bytes = skafu__load_u16(node + 6) };
	if (out->key_bytes > SKAFU__PAGE_KEY_MAX || out->key_bytes > room)
		return "a key is too long";
	if (kind == SKAFU__PAGE_BRANCH) {
		out->child = skafu__load_u64(node) & 0xFFFFFFFFFFFFu;
		return out->key_bytes == 0 && index > 0 ? "a key is empty" : NULL;
	}
	if (out->key_bytes == 0)
		return "a key is empty";
	out->value_bytes = skafu__load_u32(node);
	out->flags = skafu__load_u16(node + 4);
	return page_leaf_value(out, out->key + out->key_bytes, room - out->key_bytes);
}

static uint32_t page_node_bytes(const struct skafu__page_node *node, uint32_t kind)
{
	uint32_t bytes = PAGE_NODE_HEAD + node->key_bytes;

	if (kind == SKAFU__PAGE_LEAF)
		bytes += node->flags & SKAFU__NODE_BIG ? 8 : node->value_bytes;
	return (bytes + 1) & ~1u;
}

/* Take units [from, to) of two bytes each; 0 when one of them was taken before. */
static int page_units_take(uint64_t *units, uint32_t from, uint32_t to)
{
	while (from < to) {
		uint32_t bit = from % 64;
		uint32_t run = to - from < 64 - bit ? to - from : 64 - bit;
		uint64_t mask = (run == 64 ? UINT64_MAX : ((uint64_t)1 << run) - 1) << bit;

		if (units[from / 64] & mask)
			return 0;
		units[from / 64] |= mask;
		from += run;
	}
	return 1;
}

static const char *page_head_check(const uint8_t *page, uint64_t place, uint32_t kind)
{
	uint32_t lower = skafu__load_u16(page + 12);
	uint32_t upper = skafu__load_u16(page + 14);

	if (skafu__load_u64(page) != place)
		return "it holds the number of another page";
	if (skafu__load_u16(page + 10) != kind)
		return kind == SKAFU__PAGE_LEAF ? "it is not the leaf page that it should be"
						: "it is not the branch page that it should be";
	if (lower % 2 || upper % 2 || lower < SKAFU__PAGE_HEAD_BYTES || lower > upper || upper > SKAFU__PAGE_BYTES)
		return "its bounds are wrong";
	if (skafu__page_count(page) < (kind == SKAFU__PAGE_LEAF ? 1u : 2u))
		return "it has too few nodes";
	return NULL;
}

int skafu__page_compare(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes, int keys_u64)
{
	int order;

	if (keys_u64) {
		uint64_t left = skafu__load_u64(a);
		uint64_t right = skafu__load_u64(b);

		return (left > right) - (left < right);
	}
	order = memcmp(a, b, a_bytes < b_bytes ? a_bytes : b_bytes);
	return order ? order : (a_bytes > b_bytes) - (a_bytes < b_bytes);
}

const char *skafu__page_check(const uint8_t *page, uint64_t place, uint32_t kind, int keys_u64)
{
	const char *problem = page_head_check(page, place, kind);
	uint32_t upper = skafu__load_u16(page + 14);
	uint32_t taken = 0;
	uint64_t units[SKAFU__PAGE_BYTES / 128] = { 0 };
	struct skafu__page_node node;
	struct skafu__page_node before = { 0 };

	for (uint32_t i = 0; !problem && i < skafu__page_count(page); i++) {
		uint32_t start = page_node_start(page, i);
		uint32_t bytes;
		int keyless = kind == SKAFU__PAGE_BRANCH && i == 0;

		problem = skafu__page_node(page, kind, i, &node);
		if (problem)
			break;
		bytes = page_node_bytes(&node, kind);
		taken += bytes;
		if (start < upper || start + bytes > SKAFU__PAGE_BYTES)
			problem = "a node lies outside the bounds of its page";
		else if (!page_units_take(units, start / 2, (start + bytes) / 2))
			problem = "two nodes overlap";
		else if (keys_u64 && !keyless && node.key_bytes != 8)
			problem = "a key of the free list has the wrong length";
		else if (before.key && skafu__page_compare(before.key, before.key_bytes, node.key, node.key_bytes,
							   keys_u64) >= 0)
			problem = "a key is out of order";
		if (!keyless)
			before = node;
	}
	if (!problem && taken != SKAFU__PAGE_BYTES - upper)
		problem = "its nodes do not fill the room that they should";
	return problem;
}

const char *skafu__page_overflow(const uint8_t *head, uint64_t place, uint64_t value_bytes, uint64_t *out_pages)
{
	uint64_t pages = skafu__load_u32(head + 12);

	if (skafu__load_u64(head) != place)
		return "an overflow page holds the number of another page";
	if (skafu__load_u16(head + 10) != SKAFU__PAGE_OVERFLOW)
		return "it is not the overflow page that it should be";
	if (pages == 0 || value_bytes > pages * SKAFU__PAGE_BYTES - SKAFU__PAGE_HEAD_BYTES)
		return "a value is larger than its overflow pages";
	*out_pages = pages;
	return NULL;
}

/* ---- salvage ------------------------------------------------------------------------------------------------- */

#define PAGEWALK_MEMORY ((size_t)64 << 20)
#define PAGEWALK_TABLES 64u  /* that get a bitmap of their own */
#define PAGEWALK_REREADS 64u /* of the whole file, by a raw walk */

struct pagewalk_level {
	uint8_t page[SKAFU__PAGE_BYTES];
	uint64_t place;
	uint32_t kind;
	uint32_t next;
	uint32_t count;
	int doubtful;
};

struct pagewalk {
	const struct skafu__sys *sys;
	const struct skafu__page_walk_opts *opts;
	skafu_error *error;
	int fd;
	uint64_t pages; /* that the file has in whole */
	int64_t deadline;
	uint8_t *seen; /* a bit a page; NULL in a raw walk */
	uint32_t tables;
	uint64_t rereads_left; /* pages of values that may be read though something else claimed them */
	struct pagewalk_level *levels;
	uint8_t *value;
	size_t value_room;
	size_t memory_left;
	struct skafu__page_found found;
	struct skafu__page_walk_result result;
};

static void pagewalk_damage(struct pagewalk *walk, uint64_t page, const char *what)
{
	walk->result.damages++;
	if (walk->opts->damage)
		walk->opts->damage(walk->opts->user, page, what);
}

/* 1 when all of it was read, 0 when it could not be (reported, go on), negative when the time is up. */
static int32_t pagewalk_read(struct pagewalk *walk, uint64_t page, void *into, size_t bytes)
{
	off_t at = (off_t)(page * SKAFU__PAGE_BYTES);

	if (walk->result.pages++ % 64 == 0 && walk->sys->monotonic_ns() > walk->deadline)
		return skafu__fail(walk->error, SKAFU_ETIMEOUT,
				   "salvage reached its time limit; start it again with a longer one");
	if (skafu__read_at(walk->sys, walk->fd, into, bytes, at) == (ssize_t)bytes)
		return 1;
	pagewalk_damage(walk, page, "it cannot be read");
	return 0;
}

/* Claim pages [first, first + pages); 0 when they are not all in the file, or one was met before. */
static int pagewalk_claim(struct pagewalk *walk, uint64_t first, uint64_t pages)
{
	if (first < 2 || first >= walk->pages || pages > walk->pages - first)
		return 0;
	for (uint64_t i = first; i < first + pages; i++)
		if (walk->seen[i / 8] >> (i % 8) & 1)
			return 0;
	for (uint64_t i = first; i < first + pages; i++)
		walk->seen[i / 8] = (uint8_t)(walk->seen[i / 8] | 1u << (i % 8));
	return 1;
}

static int pagewalk_reread(struct pagewalk *walk, uint64_t first, uint64_t pages)
{
	if (first < 2 || first >= walk->pages || pages > walk->pages - first || pages > walk->rereads_left)
		return 0;
	walk->rereads_left -= pages;
	return 1;
}

/* 1, 0 when it is more than the walk may take, or SKAFU_ENOMEM. */
static int32_t pagewalk_value_room(struct pagewalk *walk, size_t bytes)
{
	uint8_t *grown;

	if (bytes <= walk->value_room)
		return 1;
	if (bytes > walk->memory_left)
		return 0;
	grown = skafu__realloc_array(walk->sys, walk->value, bytes, 1);
	if (!grown)
		return skafu__fail_memory(walk->error);
	walk->value = grown;
	walk->value_room = bytes;
	return 1;
}

/* The value of a big node into walk->value; 1, 0 or negative as pagewalk_read(). */
static int32_t pagewalk_big_value(struct pagewalk *walk, const struct skafu__page_node *node)
{
	/*
	 * What the node says decides how much is read: when only the overflow head is bad, the value is still whole.
	 * Pages that were claimed before are read again, within a budget: the earlier claim may be the wrong one.
	 */
	size_t bytes = (size_t)SKAFU__PAGE_HEAD_BYTES + node->value_bytes;
	uint64_t pages = (bytes + SKAFU__PAGE_BYTES - 1) / SKAFU__PAGE_BYTES;
	uint64_t claimed;
	const char *problem;
	int32_t result;

	if (!walk->seen || !pagewalk_claim(walk, node->child, pages)) {
		if (!pagewalk_reread(walk, node->child, pages)) {
			pagewalk_damage(walk, walk->found.page, "a value's pages are not there, or used too often");
			return 0;
		}
		walk->found.doubtful |= walk->seen != NULL;
	}
	result = pagewalk_value_room(walk, bytes);
	if (result == 0)
		pagewalk_damage(walk, walk->found.page, "a value is larger than the memory limit");
	if (result <= 0)
		return result;
	result = pagewalk_read(walk, node->child, walk->value, bytes);
	if (result <= 0)
		return result;
	walk->result.pages += pages - 1;
	problem = skafu__page_overflow(walk->value, node->child, node->value_bytes, &claimed);
	if (problem) {
		walk->found.doubtful = 1;
		/* A raw walk meets many old nodes whose overflow pages were used again: that is no damage. */
		if (walk->seen)
			pagewalk_damage(walk, node->child, problem);
	}
	walk->found.value = walk->value + SKAFU__PAGE_HEAD_BYTES;
	walk->found.value_bytes = node->value_bytes;
	return 1;
}

/* Give one leaf node to the visitor. */
static int32_t pagewalk_visit(struct pagewalk *walk, const struct skafu__page_node *node, int doubtful)
{
	walk->found.key = node->key;
	walk->found.key_bytes = node->key_bytes;
	walk->found.value = node->value;
	walk->found.value_bytes = node->value_bytes;
	walk->found.doubtful = doubtful;
	if (node->flags & SKAFU__NODE_BIG) {
		int32_t result = pagewalk_big_value(walk, node);

		if (result <= 0)
			return result;
	}
	walk->result.values++;
	return walk->opts->visit(walk->opts->user, &walk->found);
}

/* Every node of a leaf that can be read by itself. */
static int32_t pagewalk_leaf(struct pagewalk *walk, const struct pagewalk_level *level)
{
	int32_t result = 0;

	walk->found.page = level->place;
	for (uint32_t i = 0; result == 0 && i < level->count; i++) {
		struct skafu__page_node node;

		if (skafu__page_node(level->page, SKAFU__PAGE_LEAF, i, &node))
			continue; /* reported with the page */
		if (!(node.flags & SKAFU__NODE_TABLE))
			result = pagewalk_visit(walk, &node, level->doubtful);
	}
	return result;
}

/*
 * How many pointers to try on a page that failed its check.  Its own count may be what is wrong: then as many as look
 * like pointers in front of the first node.  Of a leaf the larger of both, since what is too much is only doubtful.
 */
static uint32_t pagewalk_count(const uint8_t *page, uint32_t kind)
{
	uint32_t claimed = skafu__load_u16(page + 12) <= skafu__load_u16(page + 14) ? skafu__page_count(page) : 0;
	uint32_t limit = PAGE_NODES_MAX;
	uint32_t count = 0;

	if (claimed && kind == SKAFU__PAGE_BRANCH)
		return claimed;
	while (count < limit) {
		uint32_t start = page_node_start(page, count);

		if (start % 2 || start < SKAFU__PAGE_HEAD_BYTES + 2 || start > SKAFU__PAGE_BYTES - PAGE_NODE_HEAD)
			break;
		if ((start - SKAFU__PAGE_HEAD_BYTES) / 2 < limit)
			limit = (start - SKAFU__PAGE_HEAD_BYTES) / 2;
		count++;
	}
	return count > claimed ? count : claimed;
}

/* Load a page of a tree.  1, 0 when it is of no use (reported), negative to end the walk. */
static int32_t pagewalk_enter(struct pagewalk *walk, struct pagewalk_level *level, uint64_t place, int is_leaf)
{
	const char *problem;
	uint32_t flags;
	int32_t result;

	if (!pagewalk_claim(walk, place, 1)) {
		pagewalk_damage(walk, place, "it is pointed to, but not in the file or in use twice");
		return 0;
	}
	result = pagewalk_read(walk, place, level->page, sizeof level->page);
	if (result <= 0)
		return result;
	flags = skafu__load_u16(level->page + 10);
	level->place = place;
	level->next = 0;
	level->kind = is_leaf ? SKAFU__PAGE_LEAF : SKAFU__PAGE_BRANCH;
	if (flags == SKAFU__PAGE_LEAF || flags == SKAFU__PAGE_BRANCH)
		level->kind = flags;
	problem = skafu__page_check(level->page, place, level->kind, 0);
	level->doubtful = problem != NULL;
	level->count = problem ? pagewalk_count(level->page, level->kind) : skafu__page_count(level->page);
	if (problem)
		pagewalk_damage(walk, place, problem);
	return 1;
}

static int32_t pagewalk_table(struct pagewalk *walk, const struct skafu__page_table *table, uint32_t base);

/* Walk the tables that a leaf of the main table names. */
static int32_t pagewalk_main_leaf(struct pagewalk *walk, const struct pagewalk_level *level)
{
	int32_t result = 0;

	for (uint32_t i = 0; result == 0 && i < level->count; i++) {
		struct skafu__page_node node;
		struct skafu__page_table table;

		if (skafu__page_node(level->page, SKAFU__PAGE_LEAF, i, &node) || !(node.flags & SKAFU__NODE_TABLE))
			continue;
		skafu__page_table(node.value, &table);
		walk->found.table = node.key;
		walk->found.table_bytes = node.key_bytes;
		/* A wrong pointer in one table must not hide the pages of the next. */
		if (walk->tables++ < PAGEWALK_TABLES)
			memset(walk->seen, 0, (size_t)(walk->pages / 8 + 1));
		result = pagewalk_table(walk, &table, SKAFU__PAGE_DEPTH_MAX);
	}
	return result;
}

/* Depth first over one table.  base 0 is the main table, whose leaves lead to the others. */
static int32_t pagewalk_table(struct pagewalk *walk, const struct skafu__page_table *table, uint32_t base)
{
	struct pagewalk_level *levels = walk->levels + base;
	uint32_t used = 0;
	int32_t result;

	if (table->root == SKAFU__PAGE_NONE)
		return 0;
	result = pagewalk_enter(walk, &levels[0], table->root, table->depth <= 1);
	used = result > 0;
	while (used > 0 && result >= 0) {
		struct pagewalk_level *top = &levels[used - 1];
		struct skafu__page_node node;

		if (top->kind == SKAFU__PAGE_LEAF) {
			result = base ? pagewalk_leaf(walk, top) : pagewalk_main_leaf(walk, top);
			if (result != 0)
				return result;
			used--;
		} else if (top->next >= top->count) {
			used--;
		} else if (!skafu__page_node(top->page, SKAFU__PAGE_BRANCH, top->next++, &node)) {
			if (used == SKAFU__PAGE_DEPTH_MAX) {
				pagewalk_damage(walk, top->place, "the tree is deeper than it can be");
				continue;
			}
			result = pagewalk_enter(walk, &levels[used], node.child, used + 1 >= table->depth);
			if (result > 0)
				levels[used++].doubtful |= top->doubtful;
		}
	}
	return result < 0 ? result : 0;
}

static int32_t pagewalk_tree(struct pagewalk *walk)
{
	struct skafu__page_meta meta[2];
	int whole[2];
	uint32_t pick;

	for (uint32_t i = 0; i < 2; i++) {
		uint8_t *page = walk->levels[0].page;

		memset(page, 0, SKAFU__PAGE_BYTES);
		if (skafu__read_at(walk->sys, walk->fd, page, SKAFU__PAGE_BYTES, (off_t)i * SKAFU__PAGE_BYTES) < 0)
			memset(page, 0, SKAFU__PAGE_BYTES);
		whole[i] = skafu__page_meta(page, i, &meta[i]) == NULL;
		if (!whole[i])
			pagewalk_damage(walk, i, "it is no whole meta page");
	}
	pick = whole[1] && (!whole[0] || meta[1].txn > meta[0].txn);
	if (walk->opts->source == SKAFU__PAGE_WALK_OLDER)
		pick = !pick;
	if (!whole[pick])
		return skafu__fail(walk->error, SKAFU_EDAMAGED,
				   "the meta page to follow is damaged; salvage by the other one, or by a raw scan");
	walk->result.txn = meta[pick].txn;
	return pagewalk_table(walk, &meta[pick].main, 0);
}

/* Every page in turn.  `covered` is the end of the pages that an overflow head claims. */
static int32_t pagewalk_raw(struct pagewalk *walk)
{
	struct pagewalk_level *level = &walk->levels[0];
	uint64_t covered = 0;
	int32_t result = 0;

	for (uint64_t page = 2; result == 0 && page < walk->pages; page++) {
		uint64_t pages;

		result = pagewalk_read(walk, page, level->page, sizeof level->page);
		if (result <= 0)
			continue;
		result = 0;
		if (!skafu__page_overflow(level->page, page, 0, &pages) && page + pages > covered)
			covered = page + pages;
		if (skafu__page_check(level->page, page, SKAFU__PAGE_LEAF, 0))
			continue;
		level->place = page;
		level->count = skafu__page_count(level->page);
		level->doubtful = page < covered;
		result = pagewalk_leaf(walk, level);
	}
	return result;
}

static int32_t pagewalk_init(struct pagewalk *walk)
{
	size_t levels = 2 * (size_t)SKAFU__PAGE_DEPTH_MAX * sizeof *walk->levels;
	size_t bits = 0;
	struct stat about;

	if (walk->sys->fstat(walk->fd, &about) != 0)
		return skafu__fail(walk->error, SKAFU_EIO, "cannot read the size of the file that salvage was given");
	walk->pages = (uint64_t)about.st_size / SKAFU__PAGE_BYTES;
	if (walk->opts->source != SKAFU__PAGE_WALK_RAW)
		bits = (size_t)(walk->pages / 8 + 1);
	if (levels > walk->memory_left || bits > walk->memory_left - levels)
		return skafu__fail(walk->error, SKAFU_ELIMIT,
				   "salvage needs more memory than it may use; raise the limit or use a raw scan");
	walk->rereads_left = bits ? walk->pages : walk->pages * PAGEWALK_REREADS;
	walk->memory_left -= levels + bits;
	walk->levels = skafu__alloc(walk->sys, levels);
	walk->seen = bits ? skafu__alloc_zeroed(walk->sys, bits, 1) : NULL;
	return walk->levels && (walk->seen || !bits) ? 0 : skafu__fail_memory(walk->error);
}

int32_t skafu__page_walk(const struct skafu__sys *sys, int fd, const struct skafu__page_walk_opts *opts,
			 struct skafu__page_walk_result *out, skafu_error *error)
{
	struct pagewalk walk = { .sys = sys, .opts = opts, .error = error, .fd = fd };
	uint64_t time_ns = opts->time_ns_max ? opts->time_ns_max : SKAFU_WAIT_FOREVER;
	int32_t result;

	walk.memory_left = opts->memory_bytes_max ? opts->memory_bytes_max : PAGEWALK_MEMORY;
	walk.deadline = skafu__deadline(sys, time_ns);
	result = pagewalk_init(&walk);
	if (result == 0 && walk.levels)
		result = opts->source == SKAFU__PAGE_WALK_RAW ? pagewalk_raw(&walk) : pagewalk_tree(&walk);
	skafu__free(sys, walk.value);
	skafu__free(sys, walk.seen);
	skafu__free(sys, walk.levels);
	if (result == 0)
		*out = walk.result;
	return result;
}

#include "store/salvage_find.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/key.h"
#include "codec/sealed.h"
#include "store/page.h"
#include "store/preflight.h"
#include "store/recover.h"

#define FIND_WINDOW_BYTES ((size_t)1 << 20)
#define FIND_MAGIC_AT 8u

/* What a tree says of a commit: enough to know its bytes again where they lie. */
struct find_mark {
	uint64_t number;
	uint32_t head_crc;
	uint32_t rank;
};

struct find_walk {
	struct skafu__salvage_find *find;
	uint32_t rank;
	int names_only;   /* a raw walk: old versions of everything come by */
	int may_hide;     /* something in the tree is not what it should be, so a commit may not have been seen */
};

void skafu__salvage_find_init(struct skafu__salvage_find *find, const struct skafu__sys *sys, int fd, int journal_fd)
{
	memset(find, 0, sizeof *find);
	find->sys = sys;
	find->fd = fd;
	find->journal_fd = journal_fd;
	skafu__buf_init(&find->places, sys, SIZE_MAX / 2);
	skafu__buf_init(&find->marks, sys, SIZE_MAX / 2);
	skafu__buf_init(&find->names, sys, SIZE_MAX / 2);
	skafu__map_init(&find->name_at, sys, SIZE_MAX / 2, 0);
}

void skafu__salvage_find_done(struct skafu__salvage_find *find)
{
	skafu__buf_done(&find->places);
	skafu__buf_done(&find->marks);
	skafu__buf_done(&find->names);
	skafu__map_done(&find->name_at);
}

/* ---- what the trees say -------------------------------------------------------------------------------------- */

/* The offset of the next head of a commit at or behind `at`; SIZE_MAX when there is none. */
static size_t find_next_head(const uint8_t *bytes, size_t length, size_t at, struct skafu__commit *out)
{
	static const uint8_t magic[] = {'S', 'K', 'C', '1'};
	while (at + SKAFU__COMMIT_HEADER_BYTES <= length) {
		const uint8_t *hit = memmem(bytes + at + FIND_MAGIC_AT, length - at - FIND_MAGIC_AT, magic, 4);
		if (!hit)
			return SIZE_MAX;
		at = (size_t)(hit - bytes) - FIND_MAGIC_AT;
		if (at + SKAFU__COMMIT_HEADER_BYTES > length)
			return SIZE_MAX;
		if (skafu__commit_peek(bytes + at, out) == 0)
			return at;
		at++;
	}
	return SIZE_MAX;
}

static uint32_t find_head_crc(const struct skafu__commit *commit)
{
	return skafu__load_u32(commit->bytes + SKAFU__COMMIT_HEADER_BYTES - 4);
}

static int32_t find_mark(struct find_walk *walk, const struct skafu__commit *commit)
{
	struct find_mark mark = {commit->number, find_head_crc(commit), walk->rank};
	if (commit->number > walk->find->top)
		walk->find->top = commit->number;
	return skafu__buf_put(&walk->find->marks, &mark, sizeof mark) ? SKAFU_ENOMEM : 0;
}

/* Commits follow each other.  Behind one that is damaged the next one is looked for in all that follows its head: its
 * size, which has no checksum, may be what is wrong. */
static int32_t find_mark_chunk(struct find_walk *walk, const uint8_t *bytes, size_t length)
{
	size_t at = 0;
	while (at < length) {
		struct skafu__commit commit;
		size_t next = find_next_head(bytes, length, at, &commit);
		walk->may_hide |= next != at;
		if (next == SIZE_MAX)
			return 0;
		if (find_mark(walk, &commit) != 0)
			return SKAFU_ENOMEM;
		int is_whole = skafu__commit_decode(bytes + next, length - next, &commit) == 0;
		walk->may_hide |= !is_whole;
		at = next + (is_whole ? commit.size : SKAFU__COMMIT_HEADER_BYTES);
	}
	return 0;
}

static int32_t find_take_name(struct find_walk *walk, const struct skafu__page_found *found)
{
	struct skafu__name_def name;
	uint8_t key[SKAFU__NAME_KEY_BYTES];
	const uint8_t *value;
	size_t length;
	struct skafu__salvage_find *find = walk->find;
	if (found->key_bytes != sizeof key || skafu__sealed_read(found->key, found->key_bytes, found->value,
								 found->value_bytes, &value, &length) != 0)
		return 0;
	if (length < SKAFU__NAME_HEADER_BYTES + 2 || length != SKAFU__NAME_HEADER_BYTES + value[1] + 1u)
		return 0;
	const uint8_t *at = value;
	skafu__commit_next_name(&at, &name);
	skafu__name_key_encode(key, name.set, name.id);
	if (memcmp(key, found->key, sizeof key) != 0 || name.name[name.length] != 0 ||
	    memchr(name.name, 0, name.length) || skafu__map_find(&find->name_at, key, sizeof key))
		return 0;
	int32_t rc = skafu__map_insert(&find->name_at, key, sizeof key, find->names.length);
	return rc < 0 || skafu__buf_put(&find->names, value, length) != 0 ? SKAFU_ENOMEM : 0;
}

static void find_take_meta(struct find_walk *walk, const struct skafu__page_found *found)
{
	struct skafu__salvage_find *find = walk->find;
	int ignored;
	if (found->key_bytes == 6 && memcmp(found->key, "format", 6) == 0 && !find->has_format)
		find->has_format = skafu__format_decode(found->value, found->value_bytes, &find->format, &ignored,
							NULL) == 0;
	if (found->key_bytes == 5 && memcmp(found->key, "index", 5) == 0 && walk->rank == SKAFU__SALVAGE_NEWEST)
		(void)skafu__index_state_decode(found->value, found->value_bytes, &find->index, NULL);
}

static int find_is_table(const struct skafu__page_found *found, const char *name)
{
	return found->table && found->table_bytes == strlen(name) &&
	       memcmp(found->table, name, found->table_bytes) == 0;
}

/* The name of a table has no checksum: under a wrong one its entries would be missed, and the tree look whole. */
static int find_is_strange(const struct skafu__page_found *found)
{
	static const char *const tables[] = {"meta", "chunk", "name", "row", "run", "manifest"};
	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		if (find_is_table(found, tables[i]))
			return 0;
	return 1;
}

static int32_t find_visit(void *user, const struct skafu__page_found *found)
{
	struct find_walk *walk = user;
	walk->may_hide |= !walk->names_only && find_is_strange(found);
	if (walk->names_only || find_is_table(found, "meta"))
		find_take_meta(walk, found);
	if (walk->names_only || find_is_table(found, "name"))
		return find_take_name(walk, found);
	return find_is_table(found, "chunk") ? find_mark_chunk(walk, found->value, found->value_bytes) : 0;
}

/* 1 when the tree was walked, and all of it is what it should be. */
static int32_t find_walk_tree(struct skafu__salvage_find *find, uint32_t source, uint32_t rank, skafu_error *error)
{
	struct skafu_error own = {0};
	struct find_walk walk = {find, rank, source == SKAFU__PAGE_WALK_RAW, 0};
	struct skafu__page_walk_opts opts = {.source = source, .visit = find_visit, .user = &walk};
	struct skafu__page_walk_result result = {0};
	int32_t rc = skafu__page_walk(find->sys, find->fd, &opts, &result, &own);
	if (rc == SKAFU_ENOMEM)
		return skafu__fail_memory(error);
	if (rc == SKAFU_EDAMAGED || rc == SKAFU_ELIMIT)
		return 0; /* there is no such tree, and the bytes are looked at anyhow */
	return rc ? skafu__error_copy(error, &own, rc) : result.damages == 0 && !walk.may_hide;
}

/* 1 when each page has its one owner.  A wrong pointer cannot leave it so: the old page that it leads to is free. */
static int32_t find_pages_add_up(const struct skafu__salvage_find *find, skafu_error *error)
{
	struct skafu_error own = {0};
	struct skafu__preflight_opts opts = {.level = SKAFU__PREFLIGHT_FULL, .time_ns_max = SKAFU_WAIT_FOREVER};
	int32_t rc = skafu__preflight_check(find->sys, find->fd, &opts, NULL, &own);
	return rc == SKAFU_ENOMEM ? skafu__fail_memory(error) : rc == 0;
}

/* The older tree is asked in any case: a bit of a number decides which one is the older. */
static int32_t find_trees(struct skafu__salvage_find *find, skafu_error *error)
{
	int32_t adds_up = find_pages_add_up(find, error);
	if (adds_up < 0)
		return adds_up;
	int32_t rc = find_walk_tree(find, SKAFU__PAGE_WALK_NEWEST, SKAFU__SALVAGE_NEWEST, error);
	find->tree_is_whole = adds_up == 1 && rc == 1;
	if (rc >= 0)
		rc = find_walk_tree(find, SKAFU__PAGE_WALK_OLDER, SKAFU__SALVAGE_OLDER, error);
	if (rc >= 0 && !find->tree_is_whole)
		rc = find_walk_tree(find, SKAFU__PAGE_WALK_RAW, SKAFU__SALVAGE_LOOSE, error);
	return rc < 0 ? rc : 0;
}

/* What a frame holds was on the disk before the log had it: without the frame it may look unfinished. */
static int32_t find_frames(struct skafu__salvage_find *find, skafu_error *error)
{
	struct find_walk walk = {find, SKAFU__SALVAGE_OLDER, 0, 0};
	struct skafu__buf entries;
	struct skafu__recover_entry entry;
	struct skafu_error own = {0};
	size_t at = 0;
	skafu__buf_init(&entries, find->sys, SIZE_MAX / 2);
	int32_t rc = skafu__recover_all(find->sys, find->journal_fd, &entries, &own);
	if (rc == SKAFU_ENOMEM) {
		rc = skafu__fail_memory(error);
	} else if (rc != 0) { /* the log has nearly all by itself */
		find->read_failed = 1;
		rc = 0;
	}
	while (rc == 0 && skafu__recover_next(&entries, &at, &entry))
		if (find_mark_chunk(&walk, entry.value, entry.length) != 0)
			rc = skafu__fail_memory(error);
	skafu__buf_done(&entries);
	return rc;
}

/* ---- what lies in the file ----------------------------------------------------------------------------------- */

static int find_order_marks(const void *a, const void *b)
{
	const struct find_mark *x = a;
	const struct find_mark *y = b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x->head_crc != y->head_crc)
		return x->head_crc < y->head_crc ? -1 : 1;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

static int find_same_mark(const void *a, const void *b)
{
	const struct find_mark *x = a;
	const struct find_mark *y = b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return (x->head_crc > y->head_crc) - (x->head_crc < y->head_crc);
}

static int find_order_places(const void *a, const void *b)
{
	const struct skafu__salvage_place *x = a;
	const struct skafu__salvage_place *y = b;
	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (x->offset > y->offset) - (x->offset < y->offset);
}

static uint32_t find_rank(const struct skafu__salvage_find *find, const struct skafu__commit *commit)
{
	struct find_mark wanted = {commit->number, find_head_crc(commit), 0};
	size_t count = find->marks.length / sizeof wanted;
	const struct find_mark *marks = (const void *)find->marks.bytes;
	const struct find_mark *mark = count ? bsearch(&wanted, marks, count, sizeof wanted, find_same_mark) : NULL;
	while (mark && mark > marks && find_same_mark(mark - 1, &wanted) == 0)
		mark--;
	return mark ? mark->rank : SKAFU__SALVAGE_LOOSE;
}

static int32_t find_take(struct skafu__salvage_find *find, const struct skafu__commit *commit, uint64_t offset,
			 uint64_t *covered)
{
	struct skafu__salvage_place place = {commit->number, commit->first_sequence, offset, commit->record_count,
					     commit->records_offset, find_head_crc(commit), find_rank(find, commit)};
	if (place.rank == SKAFU__SALVAGE_LOOSE && find->tree_is_whole && commit->number > find->top)
		return 0; /* of a transaction that did not come to its end */
	if (place.rank == SKAFU__SALVAGE_LOOSE && offset < *covered)
		place.rank = SKAFU__SALVAGE_INNER;
	if (place.rank <= SKAFU__SALVAGE_LOOSE && offset + commit->size > *covered)
		*covered = offset + commit->size;
	return skafu__buf_put(&find->places, &place, sizeof place);
}

ssize_t skafu__salvage_find_read(const struct skafu__salvage_find *find, void *to, size_t length, uint64_t offset)
{
	if (offset < find->log_bytes)
		return skafu__read_at(find->sys, find->fd, to, length, (off_t)offset);
	return skafu__read_at(find->sys, find->journal_fd, to, length, (off_t)(offset - find->log_bytes));
}

/* Look for heads in all bytes from one place to another, a window after the other; a head that a window cuts is in
 * the next one. */
static int32_t find_scan(struct skafu__salvage_find *find, uint64_t from, uint64_t to, uint8_t *window,
			 skafu_error *error)
{
	uint64_t covered = 0;
	while (from < to) {
		ssize_t got = skafu__salvage_find_read(find, window, FIND_WINDOW_BYTES, from);
		size_t length = got > 0 ? (size_t)got : 0;
		find->read_failed |= got < 0;
		struct skafu__commit commit;
		size_t at = 0;
		while ((at = find_next_head(window, length, at, &commit)) != SIZE_MAX) {
			if (find_take(find, &commit, from + at, &covered) != 0)
				return skafu__fail_memory(error);
			at += FIND_MAGIC_AT;
		}
		if (got < (ssize_t)FIND_WINDOW_BYTES) /* at the end, or a part that the disk does not give */
			from += length ? length : FIND_WINDOW_BYTES;
		else
			from += FIND_WINDOW_BYTES - SKAFU__COMMIT_HEADER_BYTES + 1;
	}
	return 0;
}

static int32_t find_scan_both(struct skafu__salvage_find *find, skafu_error *error)
{
	uint8_t *window = skafu__alloc(find->sys, FIND_WINDOW_BYTES);
	if (!window)
		return skafu__fail_memory(error);
	int32_t rc = find_scan(find, 0, find->log_bytes, window, error);
	if (rc == 0)
		rc = find_scan(find, find->log_bytes, find->file_bytes, window, error);
	skafu__free(find->sys, window);
	return rc;
}

static void find_sort(struct skafu__buf *array, size_t bytes, int (*order)(const void *, const void *))
{
	if (array->length != 0)
		qsort(array->bytes, array->length / bytes, bytes, order);
}

static int32_t find_sizes(struct skafu__salvage_find *find, skafu_error *error)
{
	struct stat status;
	if (find->sys->fstat(find->fd, &status) != 0)
		return skafu__fail(error, SKAFU_EIO, "cannot read the size of the file that salvage was given");
	find->log_bytes = find->file_bytes = (uint64_t)status.st_size;
	if (find->journal_fd < 0)
		return 0;
	if (find->sys->fstat(find->journal_fd, &status) != 0)
		return skafu__fail(error, SKAFU_EIO, "cannot read the size of the journal beside the log");
	find->file_bytes += (uint64_t)status.st_size;
	return 0;
}

int32_t skafu__salvage_find_all(struct skafu__salvage_find *find, skafu_error *error)
{
	int32_t rc = find_sizes(find, error);
	if (rc == 0)
		rc = find_trees(find, error);
	if (rc == 0 && find->journal_fd >= 0)
		rc = find_frames(find, error);
	if (rc != 0)
		return rc;
	find_sort(&find->marks, sizeof(struct find_mark), find_order_marks);
	rc = find_scan_both(find, error);
	find_sort(&find->places, sizeof(struct skafu__salvage_place), find_order_places);
	return rc;
}

int skafu__salvage_find_name(const struct skafu__salvage_find *find, uint8_t set, uint32_t id,
			     struct skafu__name_def *out)
{
	uint8_t key[SKAFU__NAME_KEY_BYTES];
	skafu__name_key_encode(key, set, id);
	const uint64_t *known = skafu__map_find(&find->name_at, key, sizeof key);
	if (!known)
		return 0;
	const uint8_t *at = find->names.bytes + *known;
	skafu__commit_next_name(&at, out);
	return 1;
}

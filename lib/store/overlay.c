#include "store/overlay.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/bytes.h"

#define OVERLAY_NONE UINT32_MAX
#define OVERLAY_ROW_BYTES_PER_WEIGHT 256
#define OVERLAY_ENTRIES_PER_WEIGHT 8
#define OVERLAY_ENTRIES_MAX (UINT32_MAX / 2)
#define OVERLAY_LINK_AHEAD 8 /* entries between the fetch of a slot and its use */

/* Links of one posting to its neighbours of the same key. */
struct overlay_link {
	uint32_t before;
	uint32_t after;
};

/* Open addressing by key: a free slot has last == OVERLAY_NONE. */
struct overlay_slot {
	uint64_t key;
	uint32_t first;
	uint32_t last;
};

/* Entries are linked by the first who looks one up: a log that is only written to pays nothing for it.  Lookers share
 * the overlay, so one of them links under `link_lock` while the others wait. */
struct skafu__overlay_list {
	pthread_mutex_t link_lock;
	_Atomic size_t linked; /* entries before it are linked */
	struct skafu__entry *entries;
	struct skafu__entry *held; /* what `entries` was when the overlay was held, if it is that no more */
	size_t held_room;
	struct overlay_link *links;
	size_t count;
	size_t ready; /* as many entries there is room for, and slots for their keys */
	size_t room;
	struct overlay_slot *slots;
	size_t slot_count; /* 0 or a power of two */
	size_t slots_used;
};

/* ---- one dimension ------------------------------------------------------------------------------------------- */

static size_t overlay_home_of(const struct skafu__overlay_list *list, uint64_t key)
{
	return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (list->slot_count - 1);
}

static size_t overlay_slot_of(const struct skafu__overlay_list *list, uint64_t key)
{
	size_t mask = list->slot_count - 1;
	size_t at = overlay_home_of(list, key);
	while (list->slots[at].last != OVERLAY_NONE && list->slots[at].key != key)
		at = (at + 1) & mask;
	return at;
}

static size_t overlay_unlinked(const struct skafu__overlay_list *list)
{
	return list->count - atomic_load_explicit(&list->linked, memory_order_relaxed);
}

static void overlay_slots_clear(struct overlay_slot *slots, size_t count)
{
	for (size_t i = 0; i < count; i++)
		slots[i].last = OVERLAY_NONE;
}

/* Slots for all entries and for `count` more as if each had a key of its own, so that linking them cannot fail. */
static int32_t overlay_grow_slots(const struct skafu__sys *sys, struct skafu__overlay_list *list, size_t count)
{
	size_t before = list->slot_count;
	size_t wanted = list->slots_used + overlay_unlinked(list) + count;
	size_t now = before ? before : 64;
	while (now / 2 < wanted)
		now *= 2;
	if (now == before)
		return 0;
	struct overlay_slot *old = list->slots;
	struct overlay_slot *slots = skafu__realloc_array(sys, NULL, now, sizeof *slots);
	if (!slots)
		return SKAFU_ENOMEM;
	overlay_slots_clear(slots, now);
	list->slots = slots;
	list->slot_count = now;
	for (size_t i = 0; i < before; i++)
		if (old[i].last != OVERLAY_NONE)
			slots[overlay_slot_of(list, old[i].key)] = old[i];
	skafu__free(sys, old);
	return 0;
}

/* Whether somebody may be reading the entries where they are now. */
static int overlay_is_read(const struct skafu__overlay *overlay, const struct skafu__overlay_list *list)
{
	return overlay->is_held && !list->held && list->entries;
}

/* Leave the entries to who reads them. */
static void overlay_leave(struct skafu__overlay_list *list)
{
	list->held = list->entries;
	list->held_room = list->room;
	list->entries = NULL;
}

static int32_t overlay_move_entries(struct skafu__overlay *overlay, struct skafu__overlay_list *list, size_t room)
{
	int is_read = overlay_is_read(overlay, list);
	struct skafu__entry *before = is_read ? NULL : list->entries;
	struct skafu__entry *entries = skafu__realloc_array(overlay->sys, before, room, sizeof *entries);
	if (!entries)
		return SKAFU_ENOMEM;
	if (is_read) {
		memcpy(entries, list->entries, list->count * sizeof *entries);
		overlay_leave(list);
	}
	list->entries = entries;
	return 0;
}

static int32_t overlay_grow_entries(struct skafu__overlay *overlay, struct skafu__overlay_list *list, size_t count)
{
	size_t room = list->room ? list->room : 64;
	while (room - list->count < count)
		room *= 2;
	if (room == list->room)
		return 0;
	if (room > OVERLAY_ENTRIES_MAX || overlay_move_entries(overlay, list, room) != 0)
		return SKAFU_ENOMEM;
	struct overlay_link *links = skafu__realloc_array(overlay->sys, list->links, room, sizeof *links);
	if (!links)
		return SKAFU_ENOMEM;
	list->links = links;
	list->room = room;
	return 0;
}

static void overlay_link(struct skafu__overlay_list *list, uint32_t index)
{
	uint64_t key = list->entries[index].key;
	struct overlay_slot *slot = &list->slots[overlay_slot_of(list, key)];
	list->links[index] = (struct overlay_link){slot->last, OVERLAY_NONE};
	if (slot->last == OVERLAY_NONE) {
		slot->key = key;
		slot->first = index;
		list->slots_used++;
	} else {
		list->links[slot->last].after = index;
	}
	slot->last = index;
}

/* The slot of a key lies anywhere in memory, so it is fetched some entries before it is used. */
static void overlay_link_all(struct skafu__overlay_list *list)
{
	if (atomic_load_explicit(&list->linked, memory_order_acquire) == list->count)
		return;
	pthread_mutex_lock(&list->link_lock);
	for (size_t i = atomic_load(&list->linked); i < list->count; i++) {
		size_t ahead = i + OVERLAY_LINK_AHEAD;
		if (ahead < list->count)
			__builtin_prefetch(&list->slots[overlay_home_of(list, list->entries[ahead].key)], 1);
		overlay_link(list, (uint32_t)i);
	}
	atomic_store_explicit(&list->linked, list->count, memory_order_release);
	pthread_mutex_unlock(&list->link_lock);
}

static int overlay_in_range(const struct skafu__entry *entry, const struct skafu__range *range)
{
	return entry->position >= range->from && entry->position <= range->to && entry->extra >= range->extra_from &&
	       entry->extra <= range->extra_to;
}

/* Index of the first entry at or above a position. */
static size_t overlay_lower_bound(const struct skafu__overlay_list *list, uint64_t position)
{
	size_t low = 0;
	size_t high = list->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (list->entries[middle].position < position)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The first posting of the slot's key at or above a position: by its own links when it is near an end, else by
 * scanning on from the place of the position. */
static uint32_t overlay_seek(const struct skafu__overlay_list *list, const struct overlay_slot *slot,
			     uint64_t position)
{
	if (list->entries[slot->first].position >= position)
		return slot->first;
	if (list->entries[slot->last].position < position)
		return OVERLAY_NONE;
	size_t at = overlay_lower_bound(list, position);
	while (list->entries[at].key != slot->key)
		at++;
	return (uint32_t)at;
}

static uint32_t overlay_seek_back(const struct skafu__overlay_list *list, const struct overlay_slot *slot,
				  uint64_t position)
{
	if (list->entries[slot->last].position <= position)
		return slot->last;
	if (list->entries[slot->first].position > position)
		return OVERLAY_NONE;
	size_t at = overlay_lower_bound(list, position + 1) - 1;
	while (list->entries[at].key != slot->key)
		at--;
	return (uint32_t)at;
}

static size_t overlay_list_collect(const struct skafu__overlay_list *list, const struct overlay_slot *slot,
				   const struct skafu__range *range, struct skafu__entry *out, size_t max)
{
	size_t found = 0;
	uint32_t at =
		range->backward ? overlay_seek_back(list, slot, range->to) : overlay_seek(list, slot, range->from);
	while (at != OVERLAY_NONE && found < max) {
		const struct skafu__entry *entry = &list->entries[at];
		if (range->backward ? entry->position < range->from : entry->position > range->to)
			break;
		if (overlay_in_range(entry, range))
			out[found++] = *entry;
		at = range->backward ? list->links[at].before : list->links[at].after;
	}
	return found;
}

static void overlay_list_free(const struct skafu__sys *sys, struct skafu__overlay_list *list)
{
	if (!list)
		return;
	pthread_mutex_destroy(&list->link_lock);
	skafu__free(sys, list->entries);
	skafu__free(sys, list->held);
	skafu__free(sys, list->links);
	skafu__free(sys, list->slots);
	skafu__free(sys, list);
}

/* ---- all dimensions ------------------------------------------------------------------------------------------ */

int32_t skafu__overlay_init(struct skafu__overlay *overlay, const struct skafu__sys *sys)
{
	memset(overlay, 0, sizeof *overlay);
	overlay->sys = sys;
	skafu__map_init(&overlay->row_heads, sys, SIZE_MAX, (uint64_t)(uintptr_t)overlay);
	skafu__buf_init(&overlay->row_bytes, sys, SIZE_MAX / 2);
	for (uint32_t i = 1; i < SKAFU__DIMS; i++) {
		overlay->lists[i] = skafu__alloc_zeroed(sys, 1, sizeof **overlay->lists);
		if (!overlay->lists[i]) {
			skafu__overlay_done(overlay);
			return SKAFU_ENOMEM;
		}
		pthread_mutex_init(&overlay->lists[i]->link_lock, NULL);
	}
	return 0;
}

void skafu__overlay_done(struct skafu__overlay *overlay)
{
	for (uint32_t i = 1; i < SKAFU__DIMS; i++) {
		overlay_list_free(overlay->sys, overlay->lists[i]);
		overlay->lists[i] = NULL;
	}
	skafu__map_done(&overlay->row_heads);
	skafu__buf_done(&overlay->row_bytes);
	skafu__free(overlay->sys, overlay->rows);
	skafu__free(overlay->sys, overlay->marks);
	overlay->rows = NULL;
	overlay->marks = NULL;
}

void skafu__overlay_reset(struct skafu__overlay *overlay, uint64_t base, uint64_t base_sequence)
{
	for (uint32_t i = 1; i < SKAFU__DIMS; i++) {
		struct skafu__overlay_list *list = overlay->lists[i];
		if (overlay_is_read(overlay, list)) {
			overlay_leave(list);
			list->room = 0;
		}
		if (list->slots_used != 0)
			overlay_slots_clear(list->slots, list->slot_count);
		list->slots_used = 0;
		list->count = 0;
		list->ready = 0;
		atomic_store(&list->linked, 0);
	}
	skafu__map_clear(&overlay->row_heads);
	skafu__buf_clear(&overlay->row_bytes);
	overlay->row_count = 0;
	overlay->mark_count = 0;
	overlay->entry_count = 0;
	overlay->entries_marked = 0;
	overlay->base = base;
	overlay->covered = base;
	overlay->covered_sequence = base_sequence;
}

/* Linking entries takes no more slots than were counted for them, so what is ready stays so. */
static int32_t overlay_make_ready(struct skafu__overlay *overlay, struct skafu__overlay_list *list, size_t count)
{
	int32_t rc = overlay_grow_entries(overlay, list, count);
	if (rc == 0)
		rc = overlay_grow_slots(overlay->sys, list, count);
	if (rc != 0)
		return rc;
	size_t more = list->slot_count / 2 - (list->slots_used + overlay_unlinked(list));
	list->ready = more < list->room - list->count ? list->count + more : list->room;
	return 0;
}

int32_t skafu__overlay_add_entries(struct skafu__overlay *overlay, uint32_t dimension,
				   const struct skafu__entry *entries, size_t count)
{
	struct skafu__overlay_list *list = overlay->lists[dimension];
	int32_t rc = count <= list->ready - list->count ? 0 : overlay_make_ready(overlay, list, count);
	if (rc != 0)
		return rc;
	memcpy(list->entries + list->count, entries, count * sizeof *entries);
	list->count += count;
	overlay->entry_count += count;
	return 0;
}

/* Rows count by number and by size, so that large values bring a fold forward too; and so do many tags. */
static uint64_t overlay_commit_weight(const struct skafu__commit *commit, uint64_t entries)
{
	size_t row_bytes = (size_t)(commit->bytes + commit->records_offset - commit->rows);
	uint64_t weight = commit->record_count ? commit->record_count : 1u;
	if (entries > weight * OVERLAY_ENTRIES_PER_WEIGHT)
		weight = entries / OVERLAY_ENTRIES_PER_WEIGHT;
	return weight + (uint64_t)commit->row_count + row_bytes / OVERLAY_ROW_BYTES_PER_WEIGHT;
}

static void overlay_mark(struct skafu__overlay *overlay, const struct skafu__commit *commit, uint64_t weight)
{
	struct skafu__overlay_mark *mark = &overlay->marks[overlay->mark_count++];
	*mark = (struct skafu__overlay_mark){overlay->covered, overlay->covered_sequence, weight, commit->size,
					     commit->name_count};
	if (overlay->mark_count == 1)
		return;
	mark->names_up_to += mark[-1].names_up_to;
	if (mark[-1].bytes_min_up_to < mark->bytes_min_up_to)
		mark->bytes_min_up_to = mark[-1].bytes_min_up_to;
}

int32_t skafu__overlay_cover(struct skafu__overlay *overlay, const struct skafu__commit *commit)
{
	if (overlay->mark_count == overlay->mark_room) {
		size_t room = overlay->mark_room ? overlay->mark_room * 2 : 64;
		void *marks = skafu__realloc_array(overlay->sys, overlay->marks, room, sizeof *overlay->marks);
		if (!marks)
			return SKAFU_ENOMEM;
		overlay->marks = marks;
		overlay->mark_room = room;
	}
	overlay->covered = commit->number;
	overlay->covered_sequence = skafu__commit_last_sequence(commit);
	overlay->covered_recorded_ns = commit->recorded_ns;
	uint64_t entries = overlay->entry_count - overlay->entries_marked;
	uint64_t weight = skafu__overlay_weight(overlay) + overlay_commit_weight(commit, entries);
	overlay->entries_marked = overlay->entry_count;
	overlay_mark(overlay, commit, weight);
	return 0;
}

uint64_t skafu__overlay_weight(const struct skafu__overlay *overlay)
{
	return overlay->mark_count ? overlay->marks[overlay->mark_count - 1].weight_up_to : 0;
}

const struct skafu__overlay_mark *skafu__overlay_cut(const struct skafu__overlay *overlay, uint64_t weight)
{
	size_t low = 0;
	size_t high = overlay->mark_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (overlay->marks[middle].weight_up_to < weight)
			low = middle + 1;
		else
			high = middle;
	}
	return low < overlay->mark_count ? &overlay->marks[low] : NULL;
}

size_t skafu__overlay_collect(const struct skafu__overlay *overlay, uint32_t dimension, uint64_t key,
			      const struct skafu__range *range, struct skafu__entry *out, size_t max)
{
	struct skafu__overlay_list *list = overlay->lists[dimension];
	if (list->slot_count == 0 || range->from > range->to)
		return 0;
	overlay_link_all(list);
	const struct overlay_slot *slot = &list->slots[overlay_slot_of(list, key)];
	return slot->last == OVERLAY_NONE ? 0 : overlay_list_collect(list, slot, range, out, max);
}

size_t skafu__overlay_slice(const struct skafu__overlay *overlay, uint32_t dimension, uint64_t from, uint64_t to,
			    const struct skafu__entry **out_first)
{
	const struct skafu__overlay_list *list = overlay->lists[dimension];
	size_t first = overlay_lower_bound(list, from);
	size_t end = to == UINT64_MAX ? list->count : overlay_lower_bound(list, to + 1);
	*out_first = list->count ? list->entries + first : NULL;
	return end - first;
}

void skafu__overlay_hold(struct skafu__overlay *overlay)
{
	overlay->is_held = 1;
}

void skafu__overlay_let_go(struct skafu__overlay *overlay)
{
	overlay->is_held = 0;
	for (uint32_t i = 1; i < SKAFU__DIMS; i++) {
		struct skafu__overlay_list *list = overlay->lists[i];
		skafu__free(overlay->sys, list->held);
		list->held = NULL;
		list->held_room = 0;
	}
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

static size_t overlay_row_key(uint8_t to[4 + 255], uint32_t table, const void *key, size_t key_length)
{
	skafu__store_u32_be(to, table);
	memcpy(to + 4, key, key_length);
	return 4 + key_length;
}

static int32_t overlay_grow_rows(struct skafu__overlay *overlay)
{
	if (overlay->row_count < overlay->row_room)
		return 0;
	size_t room = overlay->row_room ? overlay->row_room * 2 : 32;
	void *rows = skafu__realloc_array(overlay->sys, overlay->rows, room, sizeof *overlay->rows);
	if (!rows || room > OVERLAY_ENTRIES_MAX)
		return SKAFU_ENOMEM;
	overlay->rows = rows;
	overlay->row_room = room;
	return 0;
}

int32_t skafu__overlay_add_row(struct skafu__overlay *overlay, const struct skafu__row_op *row, uint64_t commit)
{
	uint8_t key[4 + 255];
	size_t length = overlay_row_key(key, row->table, row->key, row->key_length);
	size_t key_at = overlay->row_bytes.length;
	if (overlay_grow_rows(overlay) != 0)
		return SKAFU_ENOMEM;
	const uint64_t *head = skafu__map_find(&overlay->row_heads, key, length);
	uint32_t before = head ? (uint32_t)*head : 0;
	skafu__buf_put(&overlay->row_bytes, key, length);
	skafu__buf_put(&overlay->row_bytes, row->value, row->value_length);
	int32_t rc = overlay->row_bytes.failed;
	if (rc == 0)
		rc = skafu__map_insert(&overlay->row_heads, key, length, overlay->row_count + 1);
	if (rc < 0)
		return SKAFU_ENOMEM;
	overlay->rows[overlay->row_count++] = (struct skafu__overlay_row){
		.commit = commit, .key_at = key_at, .table = row->table, .value_length = row->value_length,
		.before = before, .operation = row->operation, .key_length = row->key_length};
	return 0;
}

static const struct skafu__overlay_row *overlay_row_visible(const struct skafu__overlay *overlay, uint64_t index,
							    uint64_t commit)
{
	while (index != 0 && overlay->rows[index - 1].commit > commit)
		index = overlay->rows[index - 1].before;
	return index ? &overlay->rows[index - 1] : NULL;
}

const struct skafu__overlay_row *skafu__overlay_row_find(const struct skafu__overlay *overlay, uint32_t table,
							 const void *key, size_t key_length, uint64_t commit)
{
	uint8_t bytes[4 + 255];
	size_t length = overlay_row_key(bytes, table, key, key_length);
	const uint64_t *head = skafu__map_find(&overlay->row_heads, bytes, length);
	return head ? overlay_row_visible(overlay, *head, commit) : NULL;
}

const struct skafu__overlay_row *skafu__overlay_row_next(const struct skafu__overlay *overlay, size_t *at,
							 uint64_t commit)
{
	struct skafu__map_entry entry;
	while (skafu__map_next(&overlay->row_heads, at, &entry)) {
		const struct skafu__overlay_row *row = overlay_row_visible(overlay, entry.value, commit);
		if (row)
			return row;
	}
	return NULL;
}

const uint8_t *skafu__overlay_row_key(const struct skafu__overlay *overlay, const struct skafu__overlay_row *row)
{
	return overlay->row_bytes.bytes + row->key_at + 4;
}

const uint8_t *skafu__overlay_row_value(const struct skafu__overlay *overlay, const struct skafu__overlay_row *row)
{
	return skafu__overlay_row_key(overlay, row) + row->key_length;
}

size_t skafu__overlay_bytes(const struct skafu__overlay *overlay)
{
	size_t bytes = skafu__map_bytes(&overlay->row_heads) + overlay->row_bytes.capacity +
		       overlay->row_room * sizeof *overlay->rows + overlay->mark_room * sizeof *overlay->marks;
	for (uint32_t i = 1; i < SKAFU__DIMS; i++) {
		const struct skafu__overlay_list *list = overlay->lists[i];
		bytes += list->room * (sizeof *list->entries + sizeof *list->links) +
			 list->held_room * sizeof *list->held + list->slot_count * sizeof *list->slots;
	}
	return bytes;
}

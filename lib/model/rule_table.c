/*
 * rule_table.c: interned paths and texts of rules, and sorting.
 *
 * Invariant: the hash is keyed with random bytes of the set, so that who chooses the patterns or the events cannot
 * make texts collide.
 */
#include "model/rule_table.h"

#include <string.h>

#define RULETABLE_SLOTS_MIN 64u

static const struct skafu__rule_item *ruletable_item(const struct skafu__rule_table *table, uint32_t index)
{
	return (const struct skafu__rule_item *)(const void *)table->items.bytes + index;
}

static uint64_t ruletable_hash(const struct skafu_rules *set, const struct skafu__rule_item *wanted,
			       const uint8_t *bytes)
{
	uint64_t place = ((uint64_t)wanted->owner << 8 | wanted->kind) * UINT64_C(0x9E3779B97F4A7C15);
	uint64_t hash = skafu__hash64(set->hash_key, bytes, wanted->length) ^ place ^ place >> 29;
	return hash ^ hash >> 32;
}

static uint32_t ruletable_look(const struct skafu_rules *set, const struct skafu__rule_table *table,
			       const struct skafu__rule_item *wanted, const uint8_t *bytes)
{
	size_t mask = table->slot_count - 1;
	for (size_t slot = wanted->hash & mask;; slot = (slot + 1) & mask) {
		uint32_t index = table->slots[slot];
		if (index == SKAFU__RULE_NONE)
			return SKAFU__RULE_NONE;
		const struct skafu__rule_item *item = ruletable_item(table, index);
		if (item->hash == wanted->hash && item->owner == wanted->owner && item->kind == wanted->kind
		    && item->length == wanted->length
		    && (item->length == 0 || memcmp(set->bytes.bytes + item->at, bytes, item->length) == 0))
			return index;
	}
}

uint32_t skafu__rule_find(const struct skafu_rules *set, const struct skafu__rule_table *table,
			  const struct skafu__rule_item *wanted, const uint8_t *bytes)
{
	struct skafu__rule_item item = *wanted;
	if (table->slot_count == 0)
		return SKAFU__RULE_NONE;
	item.hash = ruletable_hash(set, wanted, bytes);
	return ruletable_look(set, table, &item, bytes);
}

static void ruletable_place(struct skafu__rule_table *table, uint64_t hash, uint32_t index)
{
	size_t mask = table->slot_count - 1;
	size_t slot = hash & mask;
	while (table->slots[slot] != SKAFU__RULE_NONE)
		slot = (slot + 1) & mask;
	table->slots[slot] = index;
}

static int32_t ruletable_grow(struct skafu_rules *set, struct skafu__rule_table *table, uint32_t count)
{
	if (count < table->slot_count / 2)
		return 0;
	size_t slot_count = table->slot_count ? table->slot_count * 2 : RULETABLE_SLOTS_MIN;
	uint32_t *slots = skafu__alloc_zeroed(set->sys, slot_count, sizeof *slots);
	if (!slots)
		return SKAFU_ENOMEM;
	skafu__free(set->sys, table->slots);
	memset(slots, 0xFF, slot_count * sizeof *slots);
	table->slots = slots;
	table->slot_count = slot_count;
	for (uint32_t i = 0; i < count; i++)
		ruletable_place(table, ruletable_item(table, i)->hash, i);
	return 0;
}

int32_t skafu__rule_intern(struct skafu_rules *set, struct skafu__rule_table *table,
			   const struct skafu__rule_item *wanted, const uint8_t *bytes, uint32_t *out_number)
{
	uint32_t count = (uint32_t)(table->items.length / sizeof(struct skafu__rule_item));
	struct skafu__rule_item item = *wanted;
	int32_t code = ruletable_grow(set, table, count);
	if (code < 0)
		return code;
	item.hash = ruletable_hash(set, wanted, bytes);
	uint32_t found = ruletable_look(set, table, &item, bytes);
	if (found == SKAFU__RULE_NONE) {
		item.at = (uint32_t)set->bytes.length;
		code = skafu__buf_put(&set->bytes, bytes, item.length);
		if (code == 0)
			code = skafu__buf_put(&table->items, &item, sizeof item);
		if (code < 0)
			return code;
		ruletable_place(table, item.hash, count);
		found = count;
	}
	*out_number = found;
	return 0;
}

uint32_t skafu__rule_child(const struct skafu_rules *set, uint32_t parent, const uint8_t *name, size_t length)
{
	struct skafu__rule_item wanted = {.owner = parent, .length = (uint32_t)length};
	if (length > SKAFU__RULE_PATTERN_BYTES_MAX || skafu__rule_path(set, parent)->children == 0)
		return SKAFU__RULE_NONE;
	uint32_t found = skafu__rule_find(set, &set->names, &wanted, name);
	return found == SKAFU__RULE_NONE ? found : found + 1;
}

static void ruletable_merge(const uint32_t *from, uint32_t *to, const size_t bounds[3],
			    skafu__rule_compare_fn compare, const void *user)
{
	size_t left = bounds[0];
	size_t right = bounds[1];
	for (size_t at = bounds[0]; at < bounds[2]; at++) {
		int take_left = right == bounds[2] || (left < bounds[1] && compare(user, from[left],
				from[right]) <= 0);
		to[at] = take_left ? from[left++] : from[right++];
	}
}

void skafu__rule_sort(uint32_t *numbers, uint32_t *spare, size_t count, skafu__rule_compare_fn compare,
		      const void *user)
{
	uint32_t *from = numbers;
	uint32_t *to = spare;
	for (size_t width = 1; width < count; width *= 2) {
		for (size_t start = 0; start < count; start += 2 * width) {
			size_t middle = start + width < count ? start + width : count;
			size_t end = middle + width < count ? middle + width : count;
			ruletable_merge(from, to, (const size_t[]){start, middle, end}, compare, user);
		}
		uint32_t *swapped = from;
		from = to;
		to = swapped;
	}
	if (from != numbers)
		memcpy(numbers, from, count * sizeof *numbers);
}

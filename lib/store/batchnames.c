/*
 * batchnames.c: names by their text, by where the host keeps them, and by number.
 *
 * Most records repeat a name of those before, and most hosts have it in a place of its own.  A look at the same place
 * finds it with one comparison of the text, which has then been measured and checked, too: it equals one that was.
 */
#include "store/batchnames.h"

#include <string.h>

#include "base/sys.h"
#include "skafu_base.h"

#define BATCHNAMES_KEPT_BYTES_MAX ((size_t)SKAFU__BATCHNAMES_KEPT_MAX * 256) /* none is longer, with its NUL */
#define BATCHNAMES_PLACE_FACTOR UINT64_C(0x9e3779b97f4a7c15)

void skafu__batchnames_init(struct skafu__batchnames *names, const struct skafu__sys *sys, uint64_t seed,
			    size_t texts_max)
{
	memset(names, 0, sizeof *names);
	names->sys = sys;
	names->filling = 1;
	skafu__buf_init(&names->texts, sys, texts_max + BATCHNAMES_KEPT_BYTES_MAX);
	skafu__map_init(&names->index, sys, SIZE_MAX, seed);
}

static void batchnames_forget_places(struct skafu__batchnames *names)
{
	memset(names->by_text, 0, sizeof names->by_text);
	memset(names->by_place, 0, sizeof names->by_place);
	memset(names->defaults, 0, sizeof names->defaults);
}

static void batchnames_drop_all(struct skafu__batchnames *names)
{
	skafu__buf_clear(&names->texts);
	skafu__map_clear(&names->index);
	batchnames_forget_places(names);
	names->count = 0;
	names->filling = 1;
}

void skafu__batchnames_done(struct skafu__batchnames *names)
{
	skafu__buf_done(&names->texts);
	skafu__map_done(&names->index);
	skafu__free(names->sys, names->list);
	names->list = NULL;
	names->count = 0;
	names->room = 0;
}

void skafu__batchnames_clear(struct skafu__batchnames *names)
{
	if (names->count > SKAFU__BATCHNAMES_KEPT_MAX || names->filling == UINT32_MAX)
		batchnames_drop_all(names);
	else
		names->filling++;
}

/* ---- by text ------------------------------------------------------------------------------------------------- */

static int batchnames_is(const struct skafu__batchnames *names, uint32_t number, uint8_t set, const char *text,
			 size_t length)
{
	const struct skafu__batchname *name = &names->list[number];
	return name->set == set && name->length == length &&
	       memcmp(skafu__batchnames_text(names, number), text, length) == 0;
}

static int32_t batchnames_make_room(struct skafu__batchnames *names)
{
	if (names->count < names->room)
		return 0;
	uint32_t larger = names->room ? names->room * 2 : 8;
	void *grown = skafu__realloc_array(names->sys, names->list, larger, sizeof *names->list);
	if (!grown)
		return SKAFU_ENOMEM;
	names->list = grown;
	names->room = larger;
	return 0;
}

static int32_t batchnames_add(struct skafu__batchnames *names, uint8_t set, const char *text, size_t length,
			      uint32_t *out)
{
	uint8_t key[256];
	key[0] = set;
	memcpy(key + 1, text, length);
	const uint64_t *known = skafu__map_find(&names->index, key, length + 1);
	if (known) {
		*out = (uint32_t)*known;
		return 0;
	}
	uint32_t text_at = (uint32_t)names->texts.length;
	int32_t rc = batchnames_make_room(names);
	if (rc == 0)
		rc = skafu__buf_put(&names->texts, text, length + 1);
	if (rc == 0)
		rc = skafu__map_insert(&names->index, key, length + 1, names->count);
	if (rc < 0) {
		names->texts.failed = 0;
		names->texts.length = text_at;
		return rc;
	}
	names->list[names->count] =
		(struct skafu__batchname){.set = set, .length = (uint8_t)length, .text_at = text_at};
	*out = names->count++;
	return 0;
}

/* Where a name is noted that was used lately.  Names that share the place only cost each other a lookup. */
static uint32_t *batchnames_by_text(struct skafu__batchnames *names, const char *text, size_t length)
{
	uint32_t mix = (uint8_t)text[0] + 7u * (uint8_t)text[length / 2] + 17u * (uint8_t)text[length - 1];
	return &names->by_text[(mix + 5u * (uint32_t)length) % SKAFU__BATCHNAMES_RECENT];
}

int32_t skafu__batchnames_put(struct skafu__batchnames *names, uint8_t set, const char *text, size_t length,
			      uint32_t *out)
{
	uint32_t *recent = batchnames_by_text(names, text, length);
	if (*recent != 0 && batchnames_is(names, *recent - 1, set, text, length)) {
		*out = *recent - 1;
		return 0;
	}
	int32_t rc = batchnames_add(names, set, text, length, out);
	if (rc == 0)
		*recent = *out + 1;
	return rc;
}

/* ---- by place ------------------------------------------------------------------------------------------------ */

static uint32_t batchnames_by_place(const char *text)
{
	return (uint32_t)(((uint64_t)(uintptr_t)text * BATCHNAMES_PLACE_FACTOR) >> 32) % SKAFU__BATCHNAMES_RECENT;
}

uint32_t skafu__batchnames_recall(const struct skafu__batchnames *names, uint8_t set, const char *text)
{
	uint32_t recent = text ? names->by_place[batchnames_by_place(text)] : 0;
	if (recent == 0 || names->list[recent - 1].set != set)
		return 0;
	return strcmp(skafu__batchnames_text(names, recent - 1), text) == 0 ? recent : 0;
}

void skafu__batchnames_note(struct skafu__batchnames *names, const char *text, uint32_t number)
{
	names->by_place[batchnames_by_place(text)] = number + 1;
}

/* ---- use ----------------------------------------------------------------------------------------------------- */

void skafu__batchnames_use(struct skafu__batchnames *names, uint32_t number, uint32_t owner)
{
	struct skafu__batchname *name = &names->list[number];
	name->used = names->filling;
	name->owner = owner;
}

/* It is not found any more. */
static void batchnames_hide(struct skafu__batchnames *names, uint32_t number)
{
	uint8_t key[256];
	const struct skafu__batchname *name = &names->list[number];
	key[0] = name->set;
	memcpy(key + 1, skafu__batchnames_text(names, number), name->length);
	const uint64_t *known = skafu__map_find(&names->index, key, name->length + 1u);
	if (known && *known == number)
		skafu__map_remove(&names->index, key, name->length + 1u);
	batchnames_forget_places(names);
}

int32_t skafu__batchnames_renew(struct skafu__batchnames *names, uint32_t number, uint32_t *out)
{
	char text[256];
	const struct skafu__batchname name = names->list[number];
	memcpy(text, skafu__batchnames_text(names, number), name.length + 1u);
	batchnames_hide(names, number);
	return skafu__batchnames_put(names, name.set, text, name.length, out);
}

void skafu__batchnames_cut(struct skafu__batchnames *names, uint32_t count)
{
	while (names->count > count) {
		batchnames_hide(names, names->count - 1);
		names->texts.length = names->list[--names->count].text_at;
	}
}

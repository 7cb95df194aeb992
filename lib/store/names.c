#include "store/names.h"

#include <string.h>

struct skafu__name {
	uint32_t owner;
	uint32_t length;
	char text[];
};

void skafu__names_init(struct skafu__names *names, const struct skafu__sys *sys, uint64_t seed)
{
	memset(names, 0, sizeof *names);
	names->sys = sys;
	skafu__map_init(&names->ids, sys, SIZE_MAX, seed);
}

void skafu__names_done(struct skafu__names *names)
{
	uint32_t none[SKAFU__NAME_SETS] = {0};
	skafu__names_truncate(names, none);
	for (uint32_t set = 0; set < SKAFU__NAME_SETS; set++)
		skafu__free(names->sys, names->by_id[set]);
	skafu__map_done(&names->ids);
}

static size_t names_key(uint8_t key[256], uint8_t set, const char *text, size_t length)
{
	key[0] = set;
	memcpy(key + 1, text, length);
	return length + 1;
}

uint32_t skafu__names_find(const struct skafu__names *names, uint8_t set, const char *text, size_t length)
{
	uint8_t key[256];
	if (length > 255)
		return 0;
	uint64_t *id = skafu__map_find(&names->ids, key, names_key(key, set, text, length));
	return id ? (uint32_t)*id : 0;
}

static struct skafu__name *names_get(const struct skafu__names *names, uint8_t set, uint32_t id)
{
	if (set >= SKAFU__NAME_SETS || id == 0 || id > names->counts[set])
		return NULL;
	return names->by_id[set][id - 1];
}

const char *skafu__names_text(const struct skafu__names *names, uint8_t set, uint32_t id, size_t *out_length)
{
	const struct skafu__name *name = names_get(names, set, id);
	if (!name)
		return NULL;
	if (out_length)
		*out_length = name->length;
	return name->text;
}

uint32_t skafu__names_owner(const struct skafu__names *names, uint8_t set, uint32_t id)
{
	const struct skafu__name *name = names_get(names, set, id);
	return name ? name->owner : 0;
}

const char *skafu__names_of(const void *user, uint8_t set, uint32_t id, size_t *out_length)
{
	return skafu__names_text(user, set, id, out_length);
}

static int32_t names_make_room(struct skafu__names *names, uint8_t set)
{
	if (names->counts[set] < names->rooms[set])
		return 0;
	uint32_t room = names->rooms[set] ? names->rooms[set] * 2 : 16;
	void *grown = skafu__realloc_array(names->sys, names->by_id[set], room, sizeof(struct skafu__name *));
	if (!grown)
		return SKAFU_ENOMEM;
	names->by_id[set] = grown;
	names->rooms[set] = room;
	return 0;
}

static uint32_t names_is_of_library(uint8_t set, const struct skafu__name *name)
{
	static const char prefix[] = SKAFU__NAMES_LIBRARY_PREFIX;
	return set == SKAFU__NAME_TABLE && strncmp(name->text, prefix, sizeof prefix - 1) == 0;
}

static int32_t names_add(struct skafu__names *names, const struct skafu__name_def *def)
{
	uint8_t key[256];
	if (names_make_room(names, def->set) != 0)
		return SKAFU_ENOMEM;
	struct skafu__name *name = skafu__alloc(names->sys, sizeof *name + def->length + 1u);
	if (!name)
		return SKAFU_ENOMEM;
	name->owner = def->owner;
	name->length = def->length;
	memcpy(name->text, def->name, def->length);
	name->text[def->length] = 0;
	int32_t rc = skafu__map_insert(&names->ids, key, names_key(key, def->set, def->name, def->length), def->id);
	if (rc < 0) {
		skafu__free(names->sys, name);
		return rc;
	}
	names->by_id[def->set][names->counts[def->set]++] = name;
	names->library_tables += names_is_of_library(def->set, name);
	return 0;
}

int32_t skafu__names_define(struct skafu__names *names, const struct skafu__name_def *def)
{
	if (def->set == 0 || def->set >= SKAFU__NAME_SETS || def->id == 0)
		return SKAFU_EDAMAGED;
	const struct skafu__name *known = names_get(names, def->set, def->id);
	if (known) {
		int same = known->length == def->length && memcmp(known->text, def->name, def->length) == 0;
		return same ? 0 : SKAFU_EDAMAGED;
	}
	if (def->id != names->counts[def->set] + 1)
		return SKAFU_EDAMAGED;
	if (def->id > SKAFU__NAMES_MAX)
		return SKAFU_ELIMIT;
	return names_add(names, def);
}

void skafu__names_truncate(struct skafu__names *names, const uint32_t counts[SKAFU__NAME_SETS])
{
	uint8_t key[256];
	for (uint8_t set = SKAFU__NAME_SETS - 1; set > 0; set--) {
		while (names->counts[set] > counts[set]) {
			struct skafu__name *name = names->by_id[set][--names->counts[set]];
			names->library_tables -= names_is_of_library(set, name);
			skafu__map_remove(&names->ids, key, names_key(key, set, name->text, name->length));
			skafu__free(names->sys, name);
		}
	}
}

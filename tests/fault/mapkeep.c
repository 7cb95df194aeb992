/*
 * mapkeep.c: the kept maps, see mapkeep.h.
 *
 * A kept map holds on to its file, so no other file can have the same number.
 */
#include "fault/mapkeep.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define KEEP_COUNT 8

struct keep_slot {
	char *at; /* NULL: free */
	size_t length;
	int protection, flags;
	dev_t device;
	ino_t inode;
	int is_taken;
};

static struct keep_slot keep_slots[KEEP_COUNT];
static size_t keep_next; /* the next one to give up */
static int keep_on;
static unsigned long keep_reused;

unsigned long mapkeep_reused(void)
{
	return keep_reused;
}

static void keep_drop(struct keep_slot *slot)
{
	char *at = slot->at;
	size_t length = slot->length;
	int is_taken = slot->is_taken;

	memset(slot, 0, sizeof(*slot));
	if (at && !is_taken)
		munmap(at, length);
}

void mapkeep_start(void)
{
	keep_on = 1;
}

void mapkeep_stop(void)
{
	size_t i;

	keep_on = 0;
	for (i = 0; i < KEEP_COUNT; i++)
		keep_drop(&keep_slots[i]);
}

/* Which file it is; 0 when maps of this kind are not kept. */
static int keep_file(int flags, int fd, off_t offset, struct stat *out)
{
	return keep_on && fd >= 0 && offset == 0 && flags == MAP_SHARED && fstat(fd, out) == 0;
}

void *mapkeep_take(size_t length, int protection, int flags, int fd, off_t offset)
{
	struct stat file;
	size_t i;

	if (!keep_file(flags, fd, offset, &file))
		return NULL;
	for (i = 0; i < KEEP_COUNT; i++) {
		struct keep_slot *slot = &keep_slots[i];

		if (!slot->at || slot->is_taken || slot->length != length || slot->protection != protection ||
		    slot->flags != flags || slot->device != file.st_dev || slot->inode != file.st_ino)
			continue;
		slot->is_taken = 1;
		keep_reused++;
		return slot->at;
	}
	return NULL;
}

/* A free slot, or one whose map nobody has. */
static struct keep_slot *keep_room(void)
{
	size_t i;

	for (i = 0; i < KEEP_COUNT; i++) {
		if (!keep_slots[i].at)
			return &keep_slots[i];
	}
	for (i = 0; i < KEEP_COUNT; i++) {
		struct keep_slot *slot = &keep_slots[keep_next++ % KEEP_COUNT];

		if (slot->is_taken)
			continue;
		keep_drop(slot);
		return slot;
	}
	return NULL;
}

void mapkeep_made(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
	struct keep_slot *slot;
	struct stat file;

	if (at == MAP_FAILED || !keep_file(flags, fd, offset, &file))
		return;
	slot = keep_room();
	if (!slot)
		return;
	slot->at = at;
	slot->length = length;
	slot->protection = protection;
	slot->flags = flags;
	slot->device = file.st_dev;
	slot->inode = file.st_ino;
	slot->is_taken = 1;
}

int mapkeep_give(void *at, size_t length)
{
	size_t i;

	for (i = 0; i < KEEP_COUNT && keep_on; i++) {
		struct keep_slot *slot = &keep_slots[i];
		char *byte = at;

		if (!slot->is_taken || byte >= slot->at + slot->length || byte + length <= slot->at)
			continue;
		slot->is_taken = 0;
		if (byte == slot->at && length == slot->length)
			return 1;
		memset(slot, 0, sizeof(*slot)); /* a part of it goes: its owner sees to the rest */
		return 0;
	}
	return 0;
}

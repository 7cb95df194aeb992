/*
 * crashmodel.c: the disk model of the crash states, see crashmodel.h.
 *
 * A selected state differs from the safe one in few sectors.  So each object has an array of pointers to its sectors
 * and one of their hashes; selecting redirects the pointers of what was chosen and corrects the sum of the hashes,
 * and the next selection first puts back what the last one touched.
 */
#include "fault/crashmodel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR ((size_t)STATEDIR_SECTOR)
#define ATOM_BYTES 4096u /* pages are written back one by one */

enum atom_kind { ATOM_BYTES_AT, ATOM_SIZE, ATOM_NAME };

struct atom {
	enum atom_kind kind;
	int forced;
	uint32_t object;
	size_t op;
	uint64_t offset; /* ATOM_SIZE: the size */
	size_t length;
	const unsigned char *bytes;
	uint64_t hashes[ATOM_BYTES / STATEDIR_SECTOR]; /* of the sectors that it covers whole */
};

struct disk_file {
	unsigned char *safe; /* sector_count whole sectors, zero behind the size */
	uint64_t safe_size;
	size_t sector_count;
	uint64_t *safe_hashes;
	uint64_t safe_sum;
	const unsigned char **sectors; /* of the selected state */
	uint64_t *hashes;
	uint64_t sum;
	uint64_t size;
	uint64_t issued_size; /* with everything that is pending */
	unsigned char *touched;
};

struct touch {
	uint32_t object;
	uint32_t sector;
};

struct crashmodel {
	const struct iolog *log;
	struct disk_file *files;
	struct iolog_names safe_names;
	struct iolog_names names; /* of the selected state, mapped files left out */
	struct iolog_names full_names;
	struct atom *atoms;
	size_t atom_count, atom_room;
	struct touch *touches;
	size_t touch_count, touch_room;
	unsigned char *scratch; /* sectors that are neither of the log nor safe */
	size_t scratch_count, scratch_room;
	unsigned char *choose; /* the selected state */
	size_t choose_room;
	struct statedir_want *wants;
	size_t want_count, want_room;
};

static const unsigned char zero_sector[STATEDIR_SECTOR];

/* ---- hashes -------------------------------------------------------------------------------------------------- */

static uint64_t hash_mix(uint64_t value)
{
	value ^= value >> 31;
	value *= 0x9e3779b97f4a7c15u;
	value ^= value >> 29;
	value *= 0xbf58476d1ce4e5b9u;
	value ^= value >> 32;
	return value;
}

/* 0 for a sector of zeros, so that an unwritten end counts for nothing. */
static uint64_t hash_sector(const unsigned char *bytes)
{
	uint64_t lane[4] = {1, 2, 3, 4}, any = 0, word;
	size_t i;

	for (i = 0; i < SECTOR; i += 8) {
		uint64_t *into = &lane[(i / 8) & 3];

		memcpy(&word, bytes + i, 8);
		any |= word;
		*into = ((*into << 27 | *into >> 37) ^ word) * 0x9e3779b97f4a7c15u;
	}
	if (!any)
		return 0;
	return hash_mix(lane[0] ^ hash_mix(lane[1] ^ hash_mix(lane[2] ^ hash_mix(lane[3])))) | 1;
}

static uint64_t hash_at(uint64_t hash, size_t sector)
{
	return hash ? hash_mix(hash + (uint64_t)sector * 0xd1342543de82ef95u) : 0;
}

static uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash_mix(hash);
}

/* ---- safe content -------------------------------------------------------------------------------------------- */

static void file_rehash(struct disk_file *file, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to && i < file->sector_count; i++) {
		file->safe_sum ^= hash_at(file->safe_hashes[i], i);
		file->safe_hashes[i] = hash_sector(file->safe + i * SECTOR);
		file->safe_sum ^= hash_at(file->safe_hashes[i], i);
		file->hashes[i] = file->safe_hashes[i];
	}
	file->sum = file->safe_sum;
}

static void file_open(struct disk_file *file, const struct iolog_object *object)
{
	size_t i;

	file->sector_count = (size_t)object->size_max / SECTOR + 2;
	file->safe = iolog_need(file->sector_count * SECTOR);
	file->safe_hashes = iolog_need(file->sector_count * sizeof(uint64_t));
	file->hashes = iolog_need(file->sector_count * sizeof(uint64_t));
	file->touched = iolog_need(file->sector_count);
	file->sectors = iolog_need(file->sector_count * sizeof(*file->sectors));
	if (object->start_size)
		memcpy(file->safe, object->start, object->start_size);
	for (i = 0; i < file->sector_count; i++)
		file->sectors[i] = file->safe + i * SECTOR;
	file->safe_size = file->size = file->issued_size = object->start_size;
	file_rehash(file, 0, file->sector_count);
}

static void safe_write(struct disk_file *file, const struct atom *atom)
{
	uint64_t end = atom->offset + atom->length;

	memcpy(file->safe + atom->offset, atom->bytes, atom->length);
	if (file->safe_size < end)
		file->safe_size = end;
	file->size = file->safe_size;
	file_rehash(file, (size_t)(atom->offset / SECTOR), (size_t)((end + SECTOR - 1) / SECTOR));
}

static void safe_resize(struct disk_file *file, uint64_t size)
{
	size_t room = file->sector_count * SECTOR;

	if (size < file->safe_size)
		memset(file->safe + size, 0, room - (size_t)size);
	file->safe_size = file->size = size;
	file_rehash(file, (size_t)(size / SECTOR), file->sector_count);
}

struct crashmodel *crashmodel_new(const struct iolog *log)
{
	struct crashmodel *model = iolog_need(sizeof(*model));
	size_t i;

	model->log = log;
	model->files = iolog_need(log->object_count * sizeof(*model->files));
	for (i = 0; i < log->object_count; i++)
		file_open(&model->files[i], &log->objects[i]);
	iolog_names_copy(&model->safe_names, &log->start);
	return model;
}

void crashmodel_free(struct crashmodel *model)
{
	struct iolog_names *names[3];
	size_t i;

	if (!model)
		return;
	for (i = 0; i < model->log->object_count; i++) {
		free(model->files[i].safe);
		free(model->files[i].safe_hashes);
		free(model->files[i].hashes);
		free(model->files[i].touched);
		free(model->files[i].sectors);
	}
	names[0] = &model->safe_names;
	names[1] = &model->names;
	names[2] = &model->full_names;
	for (i = 0; i < 3; i++) {
		iolog_names_clear(names[i]);
		free(names[i]->at);
	}
	free(model->files);
	free(model->atoms);
	free(model->touches);
	free(model->scratch);
	free(model->choose);
	free(model->wants);
	free(model);
}

/* ---- pending atoms ------------------------------------------------------------------------------------------- */

static int op_is_name(const struct iolog_op *op)
{
	return op->kind == IOLOG_LINK || op->kind == IOLOG_UNLINK || op->kind == IOLOG_RENAME;
}

static int object_mapped(const struct crashmodel *model, uint32_t object)
{
	return object != IOLOG_NONE && model->log->objects[object].mapped;
}

size_t crashmodel_parts(const struct crashmodel *model, size_t index)
{
	const struct iolog_op *op = &model->log->ops[index];
	uint64_t first, last;

	if (op_is_name(op))
		return 1;
	if (object_mapped(model, op->object))
		return 0;
	if (op->kind == IOLOG_TRUNCATE)
		return 1;
	if (op->kind != IOLOG_WRITE || !op->length)
		return 0;
	first = op->offset / ATOM_BYTES;
	last = (op->offset + op->length - 1) / ATOM_BYTES;
	return (size_t)(last - first + 1);
}

/* The sectors of an atom, and the part of the n-th of them that it covers. */
static size_t atom_sector(const struct atom *atom, size_t n, uint64_t *from, uint64_t *to)
{
	size_t sector = (size_t)(atom->offset / SECTOR) + n;

	*from = (uint64_t)sector * SECTOR;
	*to = *from + SECTOR;
	if (*from < atom->offset)
		*from = atom->offset;
	if (*to > atom->offset + atom->length)
		*to = atom->offset + atom->length;
	return sector;
}

static void atom_set_bytes(struct atom *atom, const struct iolog_op *op, size_t part)
{
	uint64_t page = op->offset / ATOM_BYTES + part, from = page * ATOM_BYTES, to = from + ATOM_BYTES;
	size_t n;

	atom->kind = ATOM_BYTES_AT;
	if (from < op->offset)
		from = op->offset;
	if (to > op->offset + op->length)
		to = op->offset + op->length;
	atom->offset = from;
	atom->length = (size_t)(to - from);
	atom->bytes = op->bytes + (from - op->offset);
	for (n = 0; n * SECTOR < atom->offset % SECTOR + atom->length; n++) {
		atom_sector(atom, n, &from, &to);
		if (to - from == SECTOR)
			atom->hashes[n] = hash_sector(atom->bytes + (from - atom->offset));
	}
}

static void select_nothing(struct crashmodel *model);

void crashmodel_add(struct crashmodel *model, size_t index, size_t part)
{
	const struct iolog_op *op = &model->log->ops[index];
	struct atom *atom;

	select_nothing(model);
	model->atoms = iolog_grow(model->atoms, &model->atom_room, model->atom_count + 1, sizeof(*model->atoms));
	atom = &model->atoms[model->atom_count++];
	memset(atom, 0, sizeof(*atom));
	atom->object = op->object;
	atom->op = index;
	if (op_is_name(op)) {
		atom->kind = ATOM_NAME;
		return;
	}
	if (op->kind == IOLOG_TRUNCATE) {
		atom->kind = ATOM_SIZE;
		atom->offset = op->offset;
		model->files[op->object].issued_size = op->offset;
		return;
	}
	atom_set_bytes(atom, op, part);
	if (model->files[op->object].issued_size < atom->offset + atom->length)
		model->files[op->object].issued_size = atom->offset + atom->length;
}

size_t crashmodel_pending(const struct crashmodel *model)
{
	return model->atom_count;
}

/* A name of a mapped file follows the variant and not the choice. */
int crashmodel_forced(const struct crashmodel *model, size_t atom)
{
	const struct atom *a = &model->atoms[atom];

	return a->forced || (a->kind == ATOM_NAME && object_mapped(model, a->object));
}

unsigned crashmodel_sectors(const struct crashmodel *model, size_t atom)
{
	const struct atom *a = &model->atoms[atom];

	if (a->kind != ATOM_BYTES_AT)
		return 1;
	return (unsigned)((a->offset % SECTOR + a->length + SECTOR - 1) / SECTOR);
}

/* ---- what is done -------------------------------------------------------------------------------------------- */

static void name_apply(struct iolog_names *names, const struct iolog_op *op)
{
	if (op->kind == IOLOG_LINK) {
		iolog_names_set(names, op->parent, op->name, op->object);
		return;
	}
	if (iolog_lookup(names, op->parent, op->name) == op->object)
		iolog_names_drop(names, op->parent, op->name);
	if (op->kind == IOLOG_RENAME)
		iolog_names_set(names, op->parent_to, op->name_to, op->object);
}

static void atom_make_safe(struct crashmodel *model, const struct atom *atom)
{
	if (atom->kind == ATOM_NAME)
		name_apply(&model->safe_names, &model->log->ops[atom->op]);
	else if (atom->kind == ATOM_SIZE)
		safe_resize(&model->files[atom->object], atom->offset);
	else
		safe_write(&model->files[atom->object], atom);
}

/* Does a sync of the object make the atom safe? */
static int atom_covered(const struct crashmodel *model, const struct atom *atom, uint32_t object)
{
	if (atom->kind == ATOM_NAME)
		return model->log->ops[atom->op].parent_to == object;
	return atom->object == object;
}

static void settle_sync(struct crashmodel *model, uint32_t object)
{
	size_t i, kept = 0;

	for (i = 0; i < model->atom_count; i++) {
		if (atom_covered(model, &model->atoms[i], object))
			atom_make_safe(model, &model->atoms[i]);
		else
			model->atoms[kept++] = model->atoms[i];
	}
	model->atom_count = kept;
}

/* Forced atoms need not wait when nothing of the same file is pending in front of them. */
static void settle_forced(struct crashmodel *model)
{
	size_t i, j, kept = 0;

	for (i = 0; i < model->atom_count; i++) {
		struct atom atom = model->atoms[i];

		for (j = 0; j < kept; j++) {
			if (model->atoms[j].kind != ATOM_NAME && model->atoms[j].object == atom.object)
				break;
		}
		if (atom.forced && j == kept)
			atom_make_safe(model, &atom);
		else
			model->atoms[kept++] = atom;
	}
	model->atom_count = kept;
}

/* Mapped files have one content, the latest. */
static void settle_mapped(struct crashmodel *model, const struct iolog_op *op)
{
	struct disk_file *file = &model->files[op->object];
	struct atom atom;

	memset(&atom, 0, sizeof(atom));
	atom.offset = op->offset;
	atom.length = op->length;
	atom.bytes = op->bytes;
	if (op->kind == IOLOG_TRUNCATE)
		safe_resize(file, op->offset);
	else if (op->kind == IOLOG_WRITE)
		safe_write(file, &atom);
}

void crashmodel_settle(struct crashmodel *model, size_t index)
{
	const struct iolog_op *op = &model->log->ops[index];
	size_t i;

	select_nothing(model);
	if (op->kind == IOLOG_SYNC) {
		settle_sync(model, op->object);
	} else if (!op_is_name(op) && object_mapped(model, op->object)) {
		settle_mapped(model, op);
		return;
	} else if (op->kind == IOLOG_WRITE && op->durable) {
		for (i = 0; i < model->atom_count; i++)
			model->atoms[i].forced |= model->atoms[i].op == index;
	} else {
		return;
	}
	settle_forced(model);
}

/* ---- selecting ----------------------------------------------------------------------------------------------- */

static void select_nothing(struct crashmodel *model)
{
	size_t i;

	for (i = 0; i < model->touch_count; i++) {
		struct disk_file *file = &model->files[model->touches[i].object];
		uint32_t sector = model->touches[i].sector;

		file->sectors[sector] = file->safe + sector * SECTOR;
		file->hashes[sector] = file->safe_hashes[sector];
		file->touched[sector] = 0;
		file->sum = file->safe_sum;
	}
	for (i = 0; i < model->atom_count; i++) {
		if (model->atoms[i].kind != ATOM_NAME)
			model->files[model->atoms[i].object].size = model->files[model->atoms[i].object].safe_size;
	}
	model->touch_count = 0;
	model->scratch_count = 0;
}

/* Let a sector of the selected state be these bytes. */
static void select_sector(struct crashmodel *model, uint32_t object, size_t sector, const unsigned char *bytes,
			  uint64_t hash)
{
	struct disk_file *file = &model->files[object];

	if (!file->touched[sector]) {
		file->touched[sector] = 1;
		model->touches = iolog_grow(model->touches, &model->touch_room, model->touch_count + 1,
					    sizeof(*model->touches));
		model->touches[model->touch_count].object = object;
		model->touches[model->touch_count++].sector = (uint32_t)sector;
	}
	file->sum ^= hash_at(file->hashes[sector], sector) ^ hash_at(hash, sector);
	file->sectors[sector] = bytes;
	file->hashes[sector] = hash;
}

/* A copy of the sector as selected so far, to be changed.  Its place is stable: the scratch is sized beforehand. */
static unsigned char *select_copy(struct crashmodel *model, uint32_t object, size_t sector)
{
	unsigned char *copy = model->scratch + model->scratch_count++ * SECTOR;

	memcpy(copy, model->files[object].sectors[sector], SECTOR);
	return copy;
}

static void select_bytes(struct crashmodel *model, const struct atom *atom, unsigned mask)
{
	struct disk_file *file = &model->files[atom->object];
	uint64_t from, to;
	size_t n, sector;

	for (n = 0; n * SECTOR < atom->offset % SECTOR + atom->length; n++) {
		const unsigned char *bytes;

		if (!(mask >> n & 1))
			continue;
		sector = atom_sector(atom, n, &from, &to);
		bytes = atom->bytes + (from - atom->offset);
		if (to - from == SECTOR) {
			select_sector(model, atom->object, sector, bytes, atom->hashes[n]);
		} else {
			unsigned char *copy = select_copy(model, atom->object, sector);

			memcpy(copy + from % SECTOR, bytes, (size_t)(to - from));
			select_sector(model, atom->object, sector, copy, hash_sector(copy));
		}
		if (file->size < to)
			file->size = to;
	}
}

static void select_size(struct crashmodel *model, uint32_t object, uint64_t size)
{
	struct disk_file *file = &model->files[object];
	size_t sector = (size_t)(size / SECTOR);

	if (size < file->size && size % SECTOR) {
		unsigned char *copy = select_copy(model, object, sector);

		memset(copy + size % SECTOR, 0, SECTOR - size % SECTOR);
		select_sector(model, object, sector++, copy, hash_sector(copy));
	}
	for (; size < file->size && sector < file->sector_count; sector++) {
		if (file->hashes[sector])
			select_sector(model, object, sector, zero_sector, 0);
	}
	file->size = size;
}

/* The names of a choice.  mapped: with those of the mapped files. */
static void select_names(const struct crashmodel *model, struct iolog_names *names, int mapped)
{
	size_t i;

	iolog_names_copy(names, &model->safe_names);
	for (i = 0; i < model->atom_count; i++) {
		const struct atom *atom = &model->atoms[i];

		if (atom->kind == ATOM_NAME && (object_mapped(model, atom->object) ? mapped : model->choose[i] != 0))
			name_apply(names, &model->log->ops[atom->op]);
	}
}

static int path_append(char *path, size_t room, const char *name)
{
	size_t length = strlen(path);

	return snprintf(path + length, room - length, "%s%s", length ? "/" : "", name) < (int)(room - length);
}

static int path_of(const struct iolog_names *names, uint32_t object, char *out, size_t room, unsigned depth)
{
	size_t i;

	out[0] = '\0';
	if (object == 0)
		return 1;
	for (i = 0; i < names->count; i++) {
		if (names->at[i].object == object)
			break;
	}
	if (i == names->count || depth > 16 || !path_of(names, names->at[i].parent, out, room, depth + 1))
		return 0;
	return path_append(out, room, names->at[i].name);
}

/* Can the entry be reached from the root, and under which path? */
static int entry_path(const struct iolog_names *names, const struct iolog_entry *entry, char *out, size_t room)
{
	return path_of(names, entry->parent, out, room, 0) && path_append(out, room, entry->name);
}

static uint64_t select_hash(struct crashmodel *model)
{
	uint64_t hash = 0;
	char path[512];
	size_t i;

	for (i = 0; i < model->names.count; i++) {
		const struct iolog_entry *entry = &model->names.at[i];
		const struct disk_file *file = &model->files[entry->object];
		uint64_t content = file->sum ^ hash_mix(file->size + 1);

		if (object_mapped(model, entry->object) || !entry_path(&model->names, entry, path, sizeof(path)))
			continue;
		if (model->log->objects[entry->object].directory)
			content = 7;
		hash += hash_mix(hash_text(path) ^ content);
	}
	return hash_mix(hash);
}

static void select_prepare(struct crashmodel *model, const unsigned char *choose)
{
	size_t partial = 2, i;

	select_nothing(model);
	for (i = 0; i < model->atom_count; i++)
		partial += model->atoms[i].kind == ATOM_NAME ? 0 : ATOM_BYTES / SECTOR;
	model->scratch = iolog_grow(model->scratch, &model->scratch_room, partial, SECTOR);
	model->choose = iolog_grow(model->choose, &model->choose_room, model->atom_count + 1, 1);
	if (model->atom_count)
		memcpy(model->choose, choose, model->atom_count);
}

uint64_t crashmodel_select(struct crashmodel *model, const unsigned char *choose, int grown, int *out_gap)
{
	int gap = 0;
	size_t i;

	select_prepare(model, choose);
	for (i = 0; i < model->atom_count; i++) {
		const struct atom *atom = &model->atoms[i];
		unsigned mask = atom->forced ? CRASHMODEL_ALL : choose[i];

		if (atom->kind == ATOM_BYTES_AT)
			select_bytes(model, atom, mask);
		else if (atom->kind == ATOM_SIZE && mask)
			select_size(model, atom->object, atom->offset);
	}
	for (i = 0; i < model->atom_count; i++) {
		struct disk_file *file;

		if (model->atoms[i].kind == ATOM_NAME)
			continue;
		file = &model->files[model->atoms[i].object];
		if (file->size < file->issued_size) {
			gap = 1;
			if (grown)
				file->size = file->issued_size;
		}
	}
	if (out_gap)
		*out_gap = gap;
	select_names(model, &model->names, 0);
	return select_hash(model);
}

/* ---- the directory ------------------------------------------------------------------------------------------- */

static void want_add(struct crashmodel *model, const struct iolog_entry *entry, uint64_t variant)
{
	const struct disk_file *file = &model->files[entry->object];
	struct statedir_want *want = &model->wants[model->want_count];

	if (!entry_path(&model->full_names, entry, want->path, sizeof(want->path)))
		return;
	want->object = entry->object;
	want->directory = model->log->objects[entry->object].directory;
	want->size = file->size;
	want->sectors = file->sectors;
	if (object_mapped(model, entry->object)) {
		if (variant < 2)
			want->size = 0;
		if (variant == 2)
			want->sectors = NULL;
	}
	model->want_count++;
}

static int want_order(const void *left, const void *right)
{
	return strcmp(((const struct statedir_want *)left)->path, ((const struct statedir_want *)right)->path);
}

size_t crashmodel_wants(struct crashmodel *model, uint64_t variant, const struct statedir_want **out_wants)
{
	size_t i;

	variant %= 4; /* not there (if that is possible), empty, zeros, as it was */
	select_names(model, &model->full_names, variant != 0);
	model->wants = iolog_grow(model->wants, &model->want_room, model->full_names.count + 1,
				  sizeof(*model->wants));
	model->want_count = 0;
	for (i = 0; i < model->full_names.count; i++)
		want_add(model, &model->full_names.at[i], variant);
	if (model->want_count)
		qsort(model->wants, model->want_count, sizeof(*model->wants), want_order);
	*out_wants = model->wants;
	return model->want_count;
}

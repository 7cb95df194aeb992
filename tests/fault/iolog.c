/*
 * iolog.c: keeping, editing and describing the log of file operations.
 */
#include "fault/iolog.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void iolog_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("fault harness: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	fflush(NULL);
	_exit(IOLOG_DIED);
}

void *iolog_need(size_t bytes)
{
	void *block = calloc(1, bytes ? bytes : 1);

	if (!block)
		iolog_die("no memory for %zu bytes", bytes);
	return block;
}

void *iolog_grow(void *block, size_t *room, size_t needed, size_t bytes_each)
{
	size_t count = *room ? *room : 16;

	if (needed <= *room)
		return block;
	while (count < needed)
		count *= 2;
	block = realloc(block, count * bytes_each);
	if (!block)
		iolog_die("no memory for %zu bytes", count * bytes_each);
	*room = count;
	return block;
}

static char *text_copy(const char *text)
{
	size_t bytes = strlen(text) + 1;

	return memcpy(iolog_need(bytes), text, bytes);
}

/* ---- names --------------------------------------------------------------------------------------------------- */

static size_t name_find(const struct iolog_names *names, uint32_t parent, const char *name)
{
	size_t i;

	for (i = 0; i < names->count; i++) {
		if (names->at[i].parent == parent && strcmp(names->at[i].name, name) == 0)
			break;
	}
	return i;
}

uint32_t iolog_lookup(const struct iolog_names *names, uint32_t parent, const char *name)
{
	size_t i = name_find(names, parent, name);

	return i < names->count ? names->at[i].object : IOLOG_NONE;
}

void iolog_names_set(struct iolog_names *names, uint32_t parent, const char *name, uint32_t object)
{
	size_t i = name_find(names, parent, name);

	if (i == names->count) {
		names->at = iolog_grow(names->at, &names->room, names->count + 1, sizeof(*names->at));
		names->at[i].parent = parent;
		names->at[i].name = text_copy(name);
		names->count++;
	}
	names->at[i].object = object;
}

void iolog_names_drop(struct iolog_names *names, uint32_t parent, const char *name)
{
	size_t i = name_find(names, parent, name);

	if (i == names->count)
		return;
	free(names->at[i].name);
	names->at[i] = names->at[--names->count];
}

void iolog_names_clear(struct iolog_names *names)
{
	while (names->count)
		free(names->at[--names->count].name);
}

void iolog_names_copy(struct iolog_names *to, const struct iolog_names *from)
{
	size_t i;

	iolog_names_clear(to);
	for (i = 0; i < from->count; i++)
		iolog_names_set(to, from->at[i].parent, from->at[i].name, from->at[i].object);
}

/* ---- making a log -------------------------------------------------------------------------------------------- */

static uint32_t object_add(struct iolog *log, int directory)
{
	struct iolog_object *object;

	log->objects = iolog_grow(log->objects, &log->object_room, log->object_count + 1, sizeof(*log->objects));
	object = &log->objects[log->object_count];
	memset(object, 0, sizeof(*object));
	object->directory = directory;
	return (uint32_t)log->object_count++;
}

static void scan_file(struct iolog_object *object, const char *path, size_t size, int is_thin)
{
	size_t done = 0;
	int fd;

	object->start_size = size;
	object->size_now = size;
	object->size_max = size;
	if (is_thin)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		iolog_die("cannot read %s", path);
	object->start = iolog_need(size);
	while (done < size) {
		ssize_t got = read(fd, object->start + done, size - done);

		if (got <= 0)
			iolog_die("cannot read %s", path);
		done += (size_t)got;
	}
	close(fd);
}

static void scan_directory(struct iolog *log, uint32_t parent, const char *path)
{
	char below[PATH_MAX];
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir)
		iolog_die("cannot list %s", path);
	while ((entry = readdir(dir)) != NULL) {
		struct stat info;
		uint32_t object;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (lstat(below, &info) != 0)
			iolog_die("cannot look at %s", below);
		object = object_add(log, S_ISDIR(info.st_mode));
		iolog_names_set(&log->start, parent, entry->d_name, object);
		if (S_ISDIR(info.st_mode))
			scan_directory(log, object, below);
		else if (S_ISREG(info.st_mode))
			scan_file(&log->objects[object], below, (size_t)info.st_size, log->is_thin);
	}
	closedir(dir);
}

static struct iolog *log_new(const char *root, int is_thin)
{
	struct iolog *log = iolog_need(sizeof(*log));

	log->is_thin = is_thin;
	log->root = realpath(root, NULL);
	if (!log->root)
		iolog_die("there is no directory %s", root);
	object_add(log, 1);
	scan_directory(log, 0, log->root);
	iolog_names_copy(&log->now, &log->start);
	return log;
}

struct iolog *iolog_new(const char *root)
{
	return log_new(root, 0);
}

struct iolog *iolog_new_thin(const char *root)
{
	return log_new(root, 1);
}

static void op_release(struct iolog_op *op)
{
	free(op->name);
	free(op->name_to);
	free(op->bytes);
}

void iolog_free(struct iolog *log)
{
	size_t i;

	if (!log)
		return;
	for (i = 0; i < log->op_count; i++)
		op_release(&log->ops[i]);
	for (i = 0; i < log->object_count; i++)
		free(log->objects[i].start);
	iolog_names_clear(&log->start);
	iolog_names_clear(&log->now);
	free(log->start.at);
	free(log->now.at);
	free(log->ops);
	free(log->objects);
	free(log->root);
	free(log);
}

/* ---- appending ----------------------------------------------------------------------------------------------- */

struct iolog_op *iolog_add(struct iolog *log, enum iolog_kind kind, uint32_t object)
{
	struct iolog_op *op;

	log->ops = iolog_grow(log->ops, &log->op_room, log->op_count + 1, sizeof(*log->ops));
	op = &log->ops[log->op_count++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->object = object;
	return op;
}

void iolog_write(struct iolog *log, uint32_t object, uint64_t offset, const void *bytes, size_t length)
{
	if (!log->is_thin) {
		struct iolog_op *op = iolog_add(log, IOLOG_WRITE, object);

		op->offset = offset;
		op->length = length;
		op->bytes = iolog_need(length);
		memcpy(op->bytes, bytes, length);
	}
	if (log->objects[object].size_now < offset + length)
		log->objects[object].size_now = offset + length;
	if (log->objects[object].size_max < offset + length)
		log->objects[object].size_max = offset + length;
}

void iolog_truncate(struct iolog *log, uint32_t object, uint64_t size)
{
	iolog_add(log, IOLOG_TRUNCATE, object)->offset = size;
	log->objects[object].size_now = size;
	if (log->objects[object].size_max < size)
		log->objects[object].size_max = size;
}

uint32_t iolog_create(struct iolog *log, uint32_t parent, const char *name, int directory)
{
	uint32_t object = object_add(log, directory);
	struct iolog_op *op = iolog_add(log, IOLOG_LINK, object);

	op->parent = op->parent_to = parent;
	op->name = text_copy(name);
	iolog_names_set(&log->now, parent, name, object);
	return object;
}

void iolog_remove(struct iolog *log, uint32_t parent, const char *name)
{
	struct iolog_op *op = iolog_add(log, IOLOG_UNLINK, iolog_lookup(&log->now, parent, name));

	op->parent = op->parent_to = parent;
	op->name = text_copy(name);
	iolog_names_drop(&log->now, parent, name);
}

void iolog_move(struct iolog *log, uint32_t parent, const char *name, uint32_t parent_to, const char *name_to)
{
	uint32_t object = iolog_lookup(&log->now, parent, name);
	struct iolog_op *op = iolog_add(log, IOLOG_RENAME, object);

	op->parent = parent;
	op->parent_to = parent_to;
	op->name = text_copy(name);
	op->name_to = text_copy(name_to);
	iolog_names_drop(&log->now, parent, name);
	iolog_names_set(&log->now, parent_to, name_to, object);
}

void iolog_mark(struct iolog *log, enum iolog_kind kind, uint64_t number)
{
	iolog_add(log, kind, IOLOG_NONE)->offset = number;
}

int iolog_resolve(const struct iolog *log, const char *path, uint32_t *parent, char name[256])
{
	size_t length = strlen(log->root);
	uint32_t at = 0;

	if (strncmp(path, log->root, length) != 0 || (path[length] != '/' && path[length] != '\0'))
		return 0;
	path += length;
	*parent = IOLOG_NONE;
	for (;;) {
		size_t part;

		while (*path == '/')
			path++;
		if (!*path)
			return 1;
		part = strcspn(path, "/");
		if (part > 255 || at == IOLOG_NONE)
			return 0;
		if (part == 1 && path[0] == '.') {
			path += part;
			continue;
		}
		*parent = at;
		memcpy(name, path, part);
		name[part] = '\0';
		at = iolog_lookup(&log->now, at, name);
		path += part;
	}
}

/* ---- planted faults ------------------------------------------------------------------------------------------ */

const char *iolog_plant_name(enum iolog_plant plant)
{
	static const char *const names[] = {"no sync", "ack before sync", "meta before data",
					    "no sync beside the log"};

	return plant < IOLOG_PLANTS ? names[plant] : "?";
}

static int op_is_barrier(const struct iolog_op *op)
{
	return op->kind == IOLOG_SYNC || (op->kind == IOLOG_WRITE && op->durable);
}

/* Move operation `from` down to place `to`, the ones between up by one. */
static void op_move_down(struct iolog *log, size_t from, size_t to)
{
	struct iolog_op op = log->ops[from];

	memmove(&log->ops[to + 1], &log->ops[to], (from - to) * sizeof(op));
	log->ops[to] = op;
}

static void plant_no_sync(struct iolog *log)
{
	size_t i, kept = 0;

	for (i = 0; i < log->op_count; i++) {
		if (log->ops[i].kind == IOLOG_SYNC) {
			op_release(&log->ops[i]);
			continue;
		}
		log->ops[i].durable = 0;
		log->ops[kept++] = log->ops[i];
	}
	log->op_count = kept;
}

static void plant_early_ack(struct iolog *log)
{
	size_t i, to;

	for (i = 0; i < log->op_count; i++) {
		if (log->ops[i].kind != IOLOG_ACK)
			continue;
		for (to = i; to > 0 && !op_is_barrier(&log->ops[to]) && log->ops[to].kind != IOLOG_BEGIN; to--)
			continue;
		if (op_is_barrier(&log->ops[to]))
			op_move_down(log, i, to);
	}
}

/* May a syncing write pass in front of this operation, with the same bytes on the disk in the end? */
static int op_may_pass(const struct iolog_op *op, const struct iolog_op *before)
{
	if (before->object != op->object || before->durable)
		return 0;
	if (before->kind == IOLOG_WRITE)
		return before->offset >= op->offset + op->length || op->offset >= before->offset + before->length;
	return before->kind == IOLOG_SYNC;
}

static void plant_meta_first(struct iolog *log)
{
	size_t i, to, syncs;

	for (i = 0; i < log->op_count; i++) {
		if (log->ops[i].kind != IOLOG_WRITE || !log->ops[i].durable)
			continue;
		syncs = 0;
		for (to = i; to > 0; to--) {
			syncs += log->ops[to - 1].kind == IOLOG_SYNC;
			if (!op_may_pass(&log->ops[i], &log->ops[to - 1]) || syncs > 1)
				break;
		}
		if (to < i)
			op_move_down(log, i, to);
	}
}

void iolog_plant(struct iolog *log, enum iolog_plant plant)
{
	if (plant == IOLOG_PLANT_NO_SYNC)
		plant_no_sync(log);
	else if (plant == IOLOG_PLANT_EARLY_ACK)
		plant_early_ack(log);
	else if (plant == IOLOG_PLANT_META_FIRST)
		plant_meta_first(log);
}

/* ---- describing ---------------------------------------------------------------------------------------------- */

static const char *object_name(const struct iolog *log, uint32_t object)
{
	size_t i;

	for (i = 0; i < log->now.count; i++) {
		if (log->now.at[i].object == object)
			return log->now.at[i].name;
	}
	return object == 0 ? "." : "(no name)";
}

void iolog_describe(const struct iolog *log, size_t index, char *out, size_t room)
{
	static const char *const verbs[] = {"write", "truncate", "sync", "make", "remove", "rename", "begin", "ack"};
	const struct iolog_op *op;

	if (index >= log->op_count) {
		snprintf(out, room, "end of the log");
		return;
	}
	op = &log->ops[index];
	if (op->name)
		snprintf(out, room, "%zu: %s %s%s%s", index, verbs[op->kind], op->name, op->name_to ? " to " : "",
			 op->name_to ? op->name_to : "");
	else if (op->object == IOLOG_NONE)
		snprintf(out, room, "%zu: %s %llu", index, verbs[op->kind], (unsigned long long)op->offset);
	else
		snprintf(out, room, "%zu: %s%s %s at %llu, %zu bytes", index, op->durable ? "durable " : "",
			 verbs[op->kind], object_name(log, op->object), (unsigned long long)op->offset, op->length);
}

/*
 * iolog.h: the log of what a program did to the files below one directory, in the order in which it did it.
 *
 * The recorder (iotrace.c) appends, the enumerator of crash states (crashstates.c) reads.  Files and directories are
 * objects with a number of their own, so a write stays with its file whatever the file is called by then: names are
 * entries {directory, name, object} and change only through the name operations.  Object 0 is the directory itself.
 * What was there when the recording began counts as safely on the disk.
 *
 * Harness code: it stops the program with a sentence when it cannot go on.
 */
#ifndef TESTS_FAULT_IOLOG_H
#define TESTS_FAULT_IOLOG_H

#include <stddef.h>
#include <stdint.h>

#define IOLOG_NONE UINT32_MAX

enum iolog_kind {
	IOLOG_WRITE,    /* bytes at offset of object; durable: through a descriptor that syncs */
	IOLOG_TRUNCATE, /* object gets offset as its size */
	IOLOG_SYNC,     /* fsync, fdatasync or msync of object; of a directory: its names */
	IOLOG_LINK,     /* {parent, name} is object: a file or directory was made */
	IOLOG_UNLINK,   /* {parent, name} is gone */
	IOLOG_RENAME,   /* {parent, name} became {parent_to, name_to}, at once */
	IOLOG_BEGIN,    /* the program starts operation number offset */
	IOLOG_ACK       /* the program was told that offset operations are done */
};

struct iolog_op {
	enum iolog_kind kind;
	int durable;
	uint32_t object;
	uint32_t parent, parent_to;
	char *name, *name_to;
	uint64_t offset;
	size_t length;
	unsigned char *bytes;
};

struct iolog_object {
	int directory;
	int mapped; /* written through a shared mapping: its content can not be followed call by call */
	size_t start_size;
	unsigned char *start; /* content when the recording began */
	uint64_t size_now;
	uint64_t size_max; /* the largest size that it ever had */
};

struct iolog_entry {
	uint32_t parent;
	char *name;
	uint32_t object;
};

struct iolog_names {
	struct iolog_entry *at;
	size_t count, room;
};

struct iolog {
	char *root;
	struct iolog_object *objects;
	size_t object_count, object_room;
	struct iolog_op *ops;
	size_t op_count, op_room;
	struct iolog_names start; /* when the recording began */
	struct iolog_names now;
	int is_thin;      /* what files contain is left out: no bytes at the start, no writes */
	char broken[200]; /* why the log can not be trusted; empty when it can */
};

#define IOLOG_DIED 3 /* exit code */

/* What the harness does when it cannot go on. */
void iolog_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void *iolog_need(size_t bytes);
void *iolog_grow(void *block, size_t *room, size_t needed, size_t bytes_each);

/* A log of everything below root as it is now.  root must exist; it is kept in its canonical form. */
struct iolog *iolog_new(const char *root);
struct iolog *iolog_new_thin(const char *root);
void iolog_free(struct iolog *log);

/* Append.  iolog_add returns the new operation for the caller to fill; bytes and names are copied by the others. */
struct iolog_op *iolog_add(struct iolog *log, enum iolog_kind kind, uint32_t object);
void iolog_write(struct iolog *log, uint32_t object, uint64_t offset, const void *bytes, size_t length);
void iolog_truncate(struct iolog *log, uint32_t object, uint64_t size);
uint32_t iolog_create(struct iolog *log, uint32_t parent, const char *name, int directory);
void iolog_remove(struct iolog *log, uint32_t parent, const char *name);
void iolog_move(struct iolog *log, uint32_t parent, const char *name, uint32_t parent_to, const char *name_to);
void iolog_mark(struct iolog *log, enum iolog_kind kind, uint64_t number);

/* Names.  Lookup gives IOLOG_NONE when there is no such entry. */
uint32_t iolog_lookup(const struct iolog_names *names, uint32_t parent, const char *name);
void iolog_names_set(struct iolog_names *names, uint32_t parent, const char *name, uint32_t object);
void iolog_names_drop(struct iolog_names *names, uint32_t parent, const char *name);
void iolog_names_copy(struct iolog_names *to, const struct iolog_names *from);
void iolog_names_clear(struct iolog_names *names);

/*
 * Split an absolute path into the object of its directory and its last name.  1 when the path lies below the root
 * and the directory is known (the root itself: *parent = IOLOG_NONE), else 0.
 */
int iolog_resolve(const struct iolog *log, const char *path, uint32_t *parent, char name[256]);

/* Faults that are planted by re-writing a log, to show that the enumeration has teeth. */
enum iolog_plant {
	IOLOG_PLANT_NO_SYNC,    /* no sync ever happened, syncing descriptors did not sync */
	IOLOG_PLANT_EARLY_ACK,  /* each ack came before the sync, or the syncing write, in front of it */
	IOLOG_PLANT_META_FIRST, /* each syncing write came before the plain writes and the sync in front of it */
	IOLOG_PLANT_SIDE_FILE,  /* no sync ever happened of a file without a syncing descriptor; iotrace.h only */
	IOLOG_PLANTS
};

const char *iolog_plant_name(enum iolog_plant plant);
void iolog_plant(struct iolog *log, enum iolog_plant plant);

/* One line about an operation, for messages. */
void iolog_describe(const struct iolog *log, size_t op, char *out, size_t room);

#endif

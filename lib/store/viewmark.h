/*
 * viewmark.h: which generations of rows a projection has, and how far each has come.
 *
 * A generation is one build of a projection's rows.  The one in use is read; the one beside it is being built.  A
 * generation that nobody refers to is swept away some rows at a time.
 *
 * Layouts, little endian, sealed.  Place of a projection: u32 in use, u32 beside (0: none).  Mark of a generation:
 *    0  16  fingerprint of the definition and upcasters that made it
 *   16  16  id of the record at the sequence: a log that was put back to an earlier point is noticed
 *   32  u64 sequence: everything up to here is in the rows
 *   40  u64 effects of events up to here were told before
 *   48  u64 rows
 *   56  i64 when it was begun
 *   64  i64 process that stepped it last
 *   72  u32 version of the definition
 *   76  u32 flags
 *   80  u64 sequence at which the handler failed
 *   88  i32 code with which it failed; 0: it did not
 *   92  u16 length of the message, u8 count of tables, u8 0
 *   96  u64 commits that had hidden something when it was begun (hidden.h)
 *  104  message; then for each table u8 length, name
 */
#ifndef SKAFU__STORE_VIEWMARK_H
#define SKAFU__STORE_VIEWMARK_H

#include <stdint.h>

#include "base/buf.h"
#include "store/viewenv.h"

#define SKAFU__VIEW_TABLES_MAX 255u
#define SKAFU__VIEW_MESSAGE_MAX 1000u

#define SKAFU__VIEWMARK_HELD 0x1u /* waits for the host to put it in use */
#define SKAFU__VIEWMARK_DROPPED 0x2u /* nobody refers to it: its rows go */

struct skafu__viewplace {
	uint32_t live;
	uint32_t shadow;
};

struct skafu__viewmark {
	uint8_t fingerprint[16];
	uint8_t anchor[16];
	uint64_t sequence;
	uint64_t muted_to;
	uint64_t rows;
	uint64_t halt_sequence;
	uint64_t hidden;
	int64_t made_ns;
	int64_t pid;
	uint32_t version;
	uint32_t flags;
	int32_t halt_code;
	uint32_t table_count;
	struct skafu__buf tables; /* names, each with its NUL, in the order of their numbers 0, 1, ... */
	char halt_message[SKAFU__VIEW_MESSAGE_MAX + 1];
};

void skafu__viewmark_init(struct skafu__viewmark *mark, const struct skafu__sys *sys);
void skafu__viewmark_done(struct skafu__viewmark *mark);
int32_t skafu__viewmark_copy(struct skafu__viewmark *to, const struct skafu__viewmark *from, skafu_error *error);

/* The number of a table: 0, 1, ..., or -1.  Added: also SKAFU_ELIMIT, SKAFU_ENOMEM as negative codes. */
int32_t skafu__viewmark_table(const struct skafu__viewmark *mark, const char *name);
int32_t skafu__viewmark_add_table(struct skafu__viewmark *mark, const char *name, skafu_error *error);
const char *skafu__viewmark_table_name(const struct skafu__viewmark *mark, uint32_t number);

/* 1 when it is there, 0 when not. */
int32_t skafu__viewmark_get_place(struct skafu__viewtxn *txn, const char *projection, struct skafu__viewplace *out,
				  skafu_error *error);
int32_t skafu__viewmark_put_place(struct skafu__viewtxn *txn, const char *projection,
				  const struct skafu__viewplace *place, skafu_error *error);

int32_t skafu__viewmark_get(struct skafu__viewtxn *txn, uint32_t generation, struct skafu__viewmark *out,
			    skafu_error *error);
int32_t skafu__viewmark_put(struct skafu__viewtxn *txn, uint32_t generation, const struct skafu__viewmark *mark,
			    skafu_error *error);
int32_t skafu__viewmark_delete(struct skafu__viewtxn *txn, uint32_t generation, skafu_error *error);

/* A number for a new generation, larger than all before. */
int32_t skafu__viewmark_next(struct skafu__viewtxn *txn, uint32_t *out_generation, skafu_error *error);

/* Some generation that was dropped: 1, or 0 when there is none. */
int32_t skafu__viewmark_find_dropped(struct skafu__viewtxn *txn, uint32_t *out_generation, skafu_error *error);

#endif

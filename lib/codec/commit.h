/*
 * commit.h: the bytes of one commit, and of a chunk, which is one or more commits one after another.
 *
 * A commit holds outcomes (sequences, versions, new values of rows), never instructions to be judged again.
 * Layout, little endian, no alignment:
 *    0  u32  size of the whole commit
 *    4  u32  CRC32C over bytes 8 .. records offset
 *    8  u32  magic "SKC1"
 *   12  u32  record count
 *   16  u64  commit number
 *   24  u64  first sequence (of the records; without records the next one to be given)
 *   32  i64  recorded time in nanoseconds since 1970
 *   40  16   commit id
 *   56  u32  records offset, from the start of the commit
 *   60  u32  row count
 *   64  u32  name count
 *   68  u32  CRC32C over bytes 8 .. 68: enough for those who want one record, which has a checksum of its own
 *   72       record count × u32: end of each record, from the records offset
 *            name count × { u8 set, u8 length, u16 0, u32 id, u32 owner, name, NUL }
 *            row count × { u32 table, u8 operation, u8 key length, u16 0, u32 value length, key, value }
 *            records (record.h)
 *
 * Names are those that this commit brings into the store; owner is the domain of a type and 0 otherwise.
 */
#ifndef SKAFU__CODEC_COMMIT_H
#define SKAFU__CODEC_COMMIT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/record.h"
#include "skafu_store.h"

#define SKAFU__COMMIT_MAGIC 0x31434b53u
#define SKAFU__COMMIT_HEADER_BYTES 72u
#define SKAFU__NAME_HEADER_BYTES 12u
#define SKAFU__ROW_HEADER_BYTES 12u

/* The closed sets of names that records and rows refer to by number. */
enum skafu__name_set {
	SKAFU__NAME_TYPE = 1,
	SKAFU__NAME_DOMAIN = 2,
	SKAFU__NAME_CONTENT_TYPE = 3,
	SKAFU__NAME_TABLE = 4,
	SKAFU__NAME_NOTE = 5, /* types of errors and outcomes: any domain may emit them, so they have no owner */
	SKAFU__NAME_SETS = 6
};

/* The set that the type of a record of this kind is in. */
static inline uint8_t skafu__type_set(uint8_t kind)
{
	return kind == SKAFU_KIND_EVENT || kind == SKAFU_KIND_COMMAND ? SKAFU__NAME_TYPE : SKAFU__NAME_NOTE;
}

enum skafu__row_operation { SKAFU__ROW_PUT = 1, SKAFU__ROW_DELETE = 2 };

struct skafu__name_def {
	uint8_t set;
	uint8_t length;
	uint32_t id;
	uint32_t owner;
	const char *name; /* with its NUL */
};

struct skafu__row_op {
	uint32_t table;
	uint8_t operation;
	uint8_t key_length;
	uint32_t value_length;
	const uint8_t *key;
	const uint8_t *value;
};

/* A commit as it lies in bytes. */
struct skafu__commit {
	const uint8_t *bytes;
	uint32_t size;
	uint32_t record_count;
	uint32_t row_count;
	uint32_t name_count;
	uint32_t records_offset;
	uint64_t number;
	uint64_t first_sequence;
	int64_t recorded_ns;
	const uint8_t *id;
	const uint8_t *ends;
	const uint8_t *names;
	const uint8_t *rows;
};

/* The sequence of the last record; without records, of the last record before the commit. */
static inline uint64_t skafu__commit_last_sequence(const struct skafu__commit *commit)
{
	return commit->first_sequence + commit->record_count - 1;
}

/* Check the header's CRC and every length and offset outside the records.  SKAFU_EDAMAGED without a message. */
int32_t skafu__commit_decode(const uint8_t *bytes, size_t length, struct skafu__commit *out);

/* Check the fixed part only, which does not grow with the commit; names and rows cannot be walked then.  For reading
 * single records: skafu__commit_record() checks the rest of what it uses. */
int32_t skafu__commit_decode_quick(const uint8_t *bytes, size_t length, struct skafu__commit *out);

/* What the fixed part of a commit says, of which all bytes are there: its checksum is right.  The size is not covered
 * by it and may be anything; nothing behind the fixed part was looked at. */
int32_t skafu__commit_peek(const uint8_t bytes[SKAFU__COMMIT_HEADER_BYTES], struct skafu__commit *out);

/* The size of a commit that says of itself, unchecked, that it ends before a sequence; else 0.  A hint for a walk to
 * a sequence: only what the commit that the walk ends at says counts, after its checks. */
uint32_t skafu__commit_size_before(const uint8_t *bytes, size_t length, uint64_t sequence);

/* Where record `index` (0 ...) lies, without a look at it. */
int32_t skafu__commit_place(const struct skafu__commit *commit, uint32_t index, const uint8_t **out_bytes,
			    uint32_t *out_size);

/* The record at such a place, which has this sequence, decoded. */
int32_t skafu__commit_record_at(const uint8_t *bytes, uint32_t size, uint64_t sequence, enum skafu__check check,
				struct skafu__record *out);

/* The same, checked in full and decoded in a copy of its bytes; `to` has room for `size` of them. */
int32_t skafu__commit_record_copy(const uint8_t *bytes, uint32_t size, uint64_t sequence, uint8_t *to,
				  struct skafu__record *out);

/* Place and record. */
int32_t skafu__commit_record(const struct skafu__commit *commit, uint32_t index, enum skafu__check check,
			     struct skafu__record *out);

/* Walk the names and rows of a commit that was decoded: *at begins as commit->names or ->rows. */
void skafu__commit_next_name(const uint8_t **at, struct skafu__name_def *out);
void skafu__commit_next_row(const uint8_t **at, struct skafu__row_op *out);

size_t skafu__name_def_bytes(const struct skafu__name_def *name);
size_t skafu__row_op_bytes(const struct skafu__row_op *row);
uint8_t *skafu__name_def_write(uint8_t *to, const struct skafu__name_def *name);
uint8_t *skafu__row_op_write(uint8_t *to, const struct skafu__row_op *row);

/* Write the header at `to`; the caller has filled in everything else, and seals last. */
struct skafu__commit_head {
	uint32_t size;
	uint32_t record_count;
	uint32_t row_count;
	uint32_t name_count;
	uint32_t records_offset;
	uint64_t number;
	uint64_t first_sequence;
	int64_t recorded_ns;
	const uint8_t *id;
};
void skafu__commit_write_head(uint8_t *to, const struct skafu__commit_head *head);
void skafu__commit_seal(uint8_t *bytes);

#endif

/*
 * checkpoint.h: what a store remembers of a consumer: two tables of rows, and what their bytes mean.
 *
 * Table "skafu.consumers", key: the name.  Value, little endian:
 *    0  u8   1, the form           1  u8   kind, SKAFU_CONSUMER_KIND_
 *    2  u8   state: 1 running, 2 paused, 3 halted
 *    3  u8   partition_by, SKAFU_PARTITION_
 *    4  u16  partitions            6  u8   length of domain    7  u8   length of partition tag
 *    8  u64  start: nothing up to this sequence is for it
 *   16  u64  generation: raised whenever an operator changes something, by a rewind in its upper 32 bits
 *   24  u64  sequence at which it halted, 0 when it did not
 *   32  i32  code of the halt     36  u16  length of the message   38  u16  0
 *   40  ...  domain, partition tag, message
 *
 * Table "skafu.checkpoints", key: name, NUL, partition as u16 big endian.  Value, little endian:
 *    0  u8   1, the form           1  u64  sequence: everything of the partition up to here is done
 *    9  u64  mark: the highest input that was ever done; what lies between was done before a rewind
 *
 * Every commit of a consumer expects the first row as it was read and, for an input beyond the mark, the second
 * one: so what a consumer does after it was paused, rewound or taken over by somebody else is refused as a whole.
 */
#ifndef SKAFU__RUN_CHECKPOINT_H
#define SKAFU__RUN_CHECKPOINT_H

#include <stdint.h>

#include "base/sys.h"
#include "skafu_run.h"

#define SKAFU__CONSUMER_NAME_BYTES_MAX 240u
#define SKAFU__CONSUMER_ROW_BYTES_MAX 1600u
#define SKAFU__CONSUMER_MESSAGE_BYTES_MAX 1023u
#define SKAFU__CHECKPOINT_BYTES 17u

/* What a consumer row says.  Texts are in the row's bytes and not terminated in them; these copies are. */
struct skafu__consumer_row {
	uint32_t kind;
	uint32_t state; /* SKAFU_CONSUMER_RUNNING, _PAUSED, _HALTED */
	uint32_t partition_by;
	uint32_t partitions;
	uint64_t start;
	uint64_t generation;
	uint64_t halt_sequence;
	int32_t halt_code;
	char domain[256];
	char partition_tag[256];
	char message[SKAFU__CONSUMER_MESSAGE_BYTES_MAX + 1];
};

/* A row as it was read, for the expectation of the next commit: length 0 means absent. */
struct skafu__consumer_bytes {
	uint32_t length;
	uint8_t bytes[SKAFU__CONSUMER_ROW_BYTES_MAX];
};

struct skafu__checkpoint {
	uint32_t is_there;
	uint32_t reserved;
	uint64_t sequence;
	uint64_t mark;
};

/* 1 and the row, 0 when there is none. */
int32_t skafu__consumer_row_get(skafu_store *store, const char *name, struct skafu__consumer_row *out,
				struct skafu__consumer_bytes *out_bytes, skafu_error *error);
int32_t skafu__consumer_row_decode(const uint8_t *value, size_t length, struct skafu__consumer_row *out,
				   skafu_error *error);
void skafu__consumer_row_encode(const struct skafu__consumer_row *row, struct skafu__consumer_bytes *out);
int32_t skafu__consumer_row_put(skafu_batch *batch, const char *name, const struct skafu__consumer_row *row,
				skafu_error *error);
int32_t skafu__consumer_row_expect(skafu_batch *batch, const char *name, const struct skafu__consumer_bytes *bytes,
				   skafu_error *error);
int32_t skafu__consumer_row_delete(skafu_batch *batch, const char *name, skafu_error *error);

/* 1 and the checkpoint, 0 when there is none yet. */
int32_t skafu__checkpoint_get(skafu_store *store, const char *name, uint32_t partition, struct skafu__checkpoint *out,
			      skafu_error *error);
int32_t skafu__checkpoint_put(skafu_batch *batch, const char *name, uint32_t partition,
			      const struct skafu__checkpoint *checkpoint, skafu_error *error);
int32_t skafu__checkpoint_expect(skafu_batch *batch, const char *name, uint32_t partition,
				 const struct skafu__checkpoint *checkpoint, skafu_error *error);
int32_t skafu__checkpoint_delete(skafu_batch *batch, const char *name, uint32_t partition, skafu_error *error);

/* The tables' names, for those who walk them. */
extern const char skafu__consumer_table[];
extern const char skafu__checkpoint_table[];

#endif

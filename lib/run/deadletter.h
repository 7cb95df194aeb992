/*
 * deadletter.h: inputs that their handler could not take, kept by reference, and keys that wait behind one.
 *
 * Table "skafu.dead", key: 8 bytes of H(consumer), 16 bytes of H(partition key), sequence as u64 big endian; so the
 * letters of a consumer lie together, and those of one key in the order of the log.  Value, little endian:
 *    0  u8   1, the form            1  u8   1: it was not tried, an earlier one of its key is parked
 *    2  u16  0                      4  u32  attempts
 *    8  i32  code                  12  u32  0
 *   16  u64  sequence              24  i64  first attempt     32  i64  last attempt
 *   40  ...  consumer, key, type, correlation, message, each with its NUL
 *
 * Table "skafu.parked", of consumers that keep the order of a key; key: the first 24 bytes of the above.  Value:
 *    0  u8   1, the form            1  u8   1: go on with what is parked, the first one was discarded
 *    2  u64  letters of the key    10  ...  consumer, NUL
 *
 * Invariant: as long as a key has letters there is a marker for it, with the number of those that were added since it
 * is there, and no input of it is handled: whoever handles one expects no marker, whoever adds or removes a letter
 * expects the marker as it was, and whoever removes it has seen that no other letter is left.
 */
#ifndef SKAFU__RUN_DEADLETTER_H
#define SKAFU__RUN_DEADLETTER_H

#include <stdint.h>

#include "base/buf.h"
#include "run/consumer.h"
#include "skafu_run.h"

#define SKAFU__DEADLETTER_KEY_BYTES 32u
#define SKAFU__PARKED_KEY_BYTES 24u
#define SKAFU__DEADLETTER_CONSUMER_BYTES 8u

extern const char skafu__deadletter_table[];
extern const char skafu__parked_table[];

/* Texts lie in the row or with the caller. */
struct skafu__deadletter {
	uint8_t key[SKAFU__DEADLETTER_KEY_BYTES];
	uint32_t attempts;
	uint32_t is_parked_behind;
	int32_t code;
	uint64_t sequence;
	int64_t first_ns;
	int64_t last_ns;
	const char *consumer;
	const char *partition_key;
	const char *type;
	const char *correlation;
	const char *message;
};

void skafu__deadletter_key(const char *consumer, const char *partition_key, uint64_t sequence,
			   uint8_t out[SKAFU__DEADLETTER_KEY_BYTES]);
int32_t skafu__deadletter_put(skafu_batch *batch, const struct skafu__sys *sys,
			      const struct skafu__deadletter *letter, skafu_error *error);
int32_t skafu__deadletter_decode(const skafu_row *row, struct skafu__deadletter *out, skafu_error *error);

/* A marker, and the bytes that the next change of it expects. */
struct skafu__parked {
	uint32_t is_there;
	uint32_t goes_on;
	uint64_t count;
	void *bytes; /* of the row; free with skafu__parked_done() */
	size_t length;
};

/* 1 and the marker, 0 when there is none. */
int32_t skafu__parked_get(skafu_store *store, const uint8_t key[SKAFU__PARKED_KEY_BYTES], struct skafu__parked *out,
			  skafu_error *error);
void skafu__parked_done(struct skafu__parked *parked);

/* Into a batch: the marker is as it was read, and has `count` letters from now on (0: it goes). */
int32_t skafu__parked_change(skafu_batch *batch, const uint8_t key[SKAFU__PARKED_KEY_BYTES],
			     const struct skafu__parked *parked, const char *consumer, uint64_t count,
			     uint32_t goes_on, skafu_error *error);

/* What a consumer does with inputs that it sets aside: a letter, an error record, a marker. */
const struct skafu__aside *skafu__deadletter_aside(void);

/* 1 there is a letter of this key, 0 there is none. */
int32_t skafu__deadletter_is_there(skafu_store *store, const uint8_t key[SKAFU__DEADLETTER_KEY_BYTES],
				   skafu_error *error);

/* The letters that lie under the first SKAFU__PARKED_KEY_BYTES of a key: those of one key of a consumer. */
int32_t skafu__deadletter_rows_of_key(skafu_store *store, const void *key, uint64_t limit, skafu_rows **out_rows,
				      skafu_error *error);

/* How many letters a consumer has. */
int32_t skafu__deadletter_count(skafu_store *store, const char *consumer, uint64_t *out_count, skafu_error *error);

#endif

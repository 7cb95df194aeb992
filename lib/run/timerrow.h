/*
 * timerrow.h: what a timer is in the store: two rows, and what their bytes mean.
 *
 * Table "skafu.timers", in the order in which they are due.  Key: due time as i64 big endian with the sign bit
 * turned, so that times before 1970 come first; then the 16 bytes of the timer's id.  Value, little endian:
 *    0  u8   1, the form            1  u8   kind of the record to be, SKAFU_KIND_
 *    2  u8   severity               3  u8   hops
 *    4  u32  version of the event   8  u8   flags: 1 causation, 2 stream, 4 time, 8 correlation are given
 *    9  u8   lengths of owner, instance, name, type, stream, source, content type, correlation
 *   17  u8   tags                  18  u16  bytes of the tags
 *   20  u32  bytes of data         24  u32  bytes of metadata
 *   28  i64  time                  36  16   id of the record to be
 *   52  16   causation
 *   68  ...  the eight texts and the tags, each with its NUL; data; metadata
 *
 * Table "skafu.timer_names", key: the id.  Value: u8 1, the form; i64 due; 16 bytes id of the record to be.
 *
 * The id is a hash of owner, instance and name.  The second row is the truth: a row of the first table that it does
 * not name, time and record id both, is a left-over of a timer that was set anew or cancelled meanwhile.  So whoever
 * sets or cancels a timer needs no expectation, and firing one expects the second row as it was.
 */
#ifndef SKAFU__RUN_TIMERROW_H
#define SKAFU__RUN_TIMERROW_H

#include <stdint.h>

#include "base/buf.h"
#include "skafu_store.h"

#define SKAFU__TIMER_KEY_BYTES 24u
#define SKAFU__TIMER_NAME_ROW_BYTES 25u

extern const char skafu__timer_table[];
extern const char skafu__timer_name_table[];

/* Whose timer, and which; texts are borrowed. */
struct skafu__timer_name {
	const char *owner;    /* a consumer; "": the host */
	const char *instance; /* of a process; "" */
	const char *name;
};
void skafu__timer_id(const struct skafu__timer_name *name, uint8_t out[16]);

/* A timer as it is set now. */
struct skafu__timer_setting {
	int64_t due_ns;
	uint8_t record_id[16];
};
void skafu__timer_setting_encode(const struct skafu__timer_setting *setting,
				 uint8_t out[SKAFU__TIMER_NAME_ROW_BYTES]);
int skafu__timer_setting_decode(const void *value, size_t length, struct skafu__timer_setting *out); /* 0: none */

void skafu__timer_key_encode(int64_t due_ns, const uint8_t id[16], uint8_t out[SKAFU__TIMER_KEY_BYTES]);
int skafu__timer_key_decode(const void *key, size_t length, int64_t *out_due_ns, uint8_t out_id[16]); /* 0: none */

/* The record has everything filled in, its id too. */
int32_t skafu__timer_encode(const struct skafu__timer_name *name, const skafu_new_record *record,
			    struct skafu__buf *out);

/* What a row says; all texts and bytes are those of the row. */
struct skafu__timer {
	struct skafu__timer_name name;
	skafu_new_record record;
	const char *tags[255];
};
int skafu__timer_decode(const void *value, size_t length, struct skafu__timer *out); /* 0: it is none */

#endif

/*
 * The plain full record that raw LMDB and the file floor write: every field of an event, nothing interned, no
 * checksum.
 *
 *   0 time u64 | 8 id 16 | 24 correlation 16 | 40 version u32 | 44 payload bytes u16 | 46 stream, 47 type, 48 tags,
 *   49 metadata bytes, u8 each | 50 stream, type, tags (each a length byte and its text), metadata, payload
 */
#ifndef BENCH_RECORD_H
#define BENCH_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "bench/workload.h"

#define BENCH_RECORD_HEAD 50
#define BENCH_RECORD_MAX 640

/* What a read hands over, and the proof that it looked at it. */
struct bench_sum {
	uint64_t count;
	uint64_t sum;
};

size_t bench_record_bytes(const struct bench_event *e);
/* Returns the bytes written. */
size_t bench_record_encode(const struct bench_event *e, uint8_t *out);
/* Decodes the header and touches the payload. */
void bench_record_touch(const uint8_t *record, size_t bytes, struct bench_sum *sum);
/* Touching a payload means reading its first word and its last byte, for every subject alike. */
void bench_payload_touch(const void *payload, size_t bytes, struct bench_sum *sum);

#endif

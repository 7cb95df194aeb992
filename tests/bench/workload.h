/*
 * The common event workload of the benches.
 *
 * Event i of a seed depends on the seed and i alone, so a reader can name an id, a correlation or a stream of
 * an event without keeping the events. Only the version of an event in its stream needs the events before it.
 *
 *   payload      JSON, 128..384 bytes, uniform (median 256)     stream   31 bytes, Zipf 0.99 over `streams`
 *   type         25 names, Zipf 1.0                             id       UUIDv7, four events per millisecond
 *   correlation  UUID text, 3..7 events each,
	16 interleaved    tags     one of 10,000; one per correlation; one of 1,000
 *   metadata     32 bytes of JSON
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_STREAM_BYTES 31
#define BENCH_CORRELATION_BYTES 36
#define BENCH_TAGS 3
#define BENCH_TYPES 25
#define BENCH_PAYLOAD_MAX 384
#define BENCH_METADATA_BYTES 32
#define BENCH_BLOCK_MAX 200000

struct bench_event {
	char stream[BENCH_STREAM_BYTES + 1];
	char correlation[BENCH_CORRELATION_BYTES + 4];
	char tag[BENCH_TAGS][12];
	char metadata[BENCH_METADATA_BYTES + 4];
	uint8_t id[16];
	uint8_t correlation_id[16]; /* the same as the text, in binary */
	const char *type;
	const char *payload;
	uint64_t index;
	uint64_t time_us;
	uint32_t stream_number;
	uint32_t version; /* in its stream, from 0 */
	uint32_t payload_bytes;
};

struct bench_workload_options {
	uint64_t seed;
	uint32_t streams;
	int round_robin; /* stream = index mod streams instead of Zipf */
};

struct bench_workload;

uint64_t bench_mix(uint64_t value);
void bench_stream_name(uint32_t number, char out[BENCH_STREAM_BYTES + 1]);
void bench_event_id(uint64_t seed, uint64_t index, uint8_t out[16]);
void bench_event_correlation(uint64_t seed, uint64_t index, uint8_t out[16]);
void bench_uuid_text(const uint8_t id[16], char out[37]);
const char *bench_type_name(unsigned number);

/* NULL when memory is short. */
struct bench_workload *bench_workload_create(const struct bench_workload_options *options);
void bench_workload_destroy(struct bench_workload *w);

/* The next `count` (<= BENCH_BLOCK_MAX) events; valid until the next call. NULL when memory is short. */
const struct bench_event *bench_workload_block(struct bench_workload *w, size_t count);

/* The stream number of any event, without generating it. */
uint32_t bench_workload_stream(const struct bench_workload *w, uint64_t index);

#endif

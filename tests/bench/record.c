/* The plain record; see record.h for its layout. */
#include "bench/record.h"

#include <string.h>

static size_t tags_bytes(const struct bench_event *e)
{
	size_t i, bytes = 0;

	for (i = 0; i < BENCH_TAGS; i++)
		bytes += 1 + strlen(e->tag[i]);
	return bytes;
}

size_t bench_record_bytes(const struct bench_event *e)
{
	return BENCH_RECORD_HEAD + BENCH_STREAM_BYTES + strlen(e->type) + tags_bytes(e) + BENCH_METADATA_BYTES +
	       e->payload_bytes;
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t count)
{
	memcpy(at, bytes, count);
	return at + count;
}

size_t bench_record_encode(const struct bench_event *e, uint8_t *out)
{
	uint16_t payload_bytes = (uint16_t)e->payload_bytes;
	size_t i, type_bytes = strlen(e->type);
	uint8_t *at = out;

	at = put(at, &e->time_us, 8);
	at = put(at, e->id, 16);
	at = put(at, e->correlation_id, 16);
	at = put(at, &e->version, 4);
	at = put(at, &payload_bytes, 2);
	*at++ = BENCH_STREAM_BYTES;
	*at++ = (uint8_t)type_bytes;
	*at++ = (uint8_t)tags_bytes(e);
	*at++ = BENCH_METADATA_BYTES;
	at = put(at, e->stream, BENCH_STREAM_BYTES);
	at = put(at, e->type, type_bytes);
	for (i = 0; i < BENCH_TAGS; i++) {
		size_t bytes = strlen(e->tag[i]);

		*at++ = (uint8_t)bytes;
		at = put(at, e->tag[i], bytes);
	}
	at = put(at, e->metadata, BENCH_METADATA_BYTES);
	at = put(at, e->payload, e->payload_bytes);
	return (size_t)(at - out);
}

void bench_payload_touch(const void *payload, size_t bytes, struct bench_sum *sum)
{
	uint64_t word = 0;

	memcpy(&word, payload, bytes < 8 ? bytes : 8);
	sum->sum += word;
	if (bytes > 0)
		sum->sum += ((const uint8_t *)payload)[bytes - 1];
	sum->count++;
}

void bench_record_touch(const uint8_t *record, size_t bytes, struct bench_sum *sum)
{
	uint64_t time_us;
	uint32_t version;
	uint16_t payload_bytes;
	size_t at;

	memcpy(&time_us, record, 8);
	memcpy(&version, record + 40, 4);
	memcpy(&payload_bytes, record + 44, 2);
	at = BENCH_RECORD_HEAD + (size_t)record[46] + record[47] + record[48] + record[49];
	if (at + payload_bytes > bytes)
		return;
	sum->sum += time_us + version;
	bench_payload_touch(record + at, payload_bytes, sum);
}

/*
 * Generates the events of workload.h. Every property of an event is drawn from its own number sequence (seed,
 * index, purpose), which makes any of them available out of order.
 */
#include "bench/workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum draw { DRAW_STREAM = 1, DRAW_TYPE, DRAW_ID, DRAW_CORRELATION, DRAW_TAG, DRAW_SIZE, DRAW_NOTE };

#define LANES 16
#define START_MS UINT64_C(1735689600000)

static const char *const type_names[BENCH_TYPES] = {
	"order.placed", "payment.taken", "item.added", "order.shipped", "cart.opened", "price.changed",
		"stock.moved",
	"user.signed", "invoice.sent", "item.removed", "order.paid", "parcel.scanned", "review.posted",
		"cart.dropped",
	"stock.counted", "coupon.used", "refund.asked", "refund.paid", "user.renamed", "order.returned",
		"parcel.lost",
	"invoice.void", "price.fixed", "user.closed", "audit.noted",
};

static const char *const categories[8] = {"account", "invoice", "payment", "parcels", "reviews", "product",
	"vendors",
	"clients"};

struct bench_workload {
	struct bench_workload_options options;
	uint64_t next;
	double *stream_sum; /* cumulative chance of stream 0..n */
	double type_sum[BENCH_TYPES];
	uint32_t *versions;
	struct bench_event *events;
	char *payloads;
	size_t capacity;
	uint16_t hex[256]; /* two digits per byte */
};

uint64_t bench_mix(uint64_t value)
{
	value += UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
	return value ^ (value >> 31);
}

static uint64_t draw(uint64_t seed, enum draw what, uint64_t index)
{
	return bench_mix(bench_mix(seed * 31 + (uint64_t)what) ^ (index * UINT64_C(0xd1342543de82ef95)));
}

static double unit(uint64_t random)
{
	return (double)(random >> 11) * (1.0 / 9007199254740992.0);
}

static void hex_write(char *out, uint64_t value, unsigned digits)
{
	static const char digit[] = "0123456789abcdef";
	unsigned i;

	for (i = 0; i < digits; i++)
		out[i] = digit[(value >> (60 - 4 * (i & 15))) & 15];
}

void bench_stream_name(uint32_t number, char out[BENCH_STREAM_BYTES + 1])
{
	memcpy(out, categories[number & 7], 7);
	out[7] = '-';
	hex_write(out + 8, bench_mix(UINT64_C(1000003) * number + 7), 16);
	hex_write(out + 24, (uint64_t)number << 36, 7);
	out[BENCH_STREAM_BYTES] = '\0';
}

const char *bench_type_name(unsigned number)
{
	return type_names[number % BENCH_TYPES];
}

static void random_uuid(uint8_t out[16], uint64_t high, uint64_t low, unsigned version)
{
	int i;

	for (i = 0; i < 8; i++) {
		out[i] = (uint8_t)(high >> (56 - 8 * i));
		out[8 + i] = (uint8_t)(low >> (56 - 8 * i));
	}
	out[6] = (uint8_t)((out[6] & 0x0f) | (version << 4));
	out[8] = (uint8_t)((out[8] & 0x3f) | 0x80);
}

void bench_event_id(uint64_t seed, uint64_t index, uint8_t out[16])
{
	uint64_t random = draw(seed, DRAW_ID, index);

	random_uuid(out, ((START_MS + index / 4) << 16) | (random & 0xffff), bench_mix(random), 7);
}

/* A lane hands out groups of 3 to 7 events; 25 events hold one group of each size, in an order that turns. */
static uint64_t correlation_group(uint64_t index)
{
	uint64_t lane = index % LANES, place = index / LANES;
	uint64_t run = place / 25, rest = place % 25, turn = bench_mix(run) % 5, group = 0;

	for (;;) {
		uint64_t size = 3 + (group + turn) % 5;

		if (rest < size)
			break;
		rest -= size;
		group++;
	}
	return (run * 5 + group) * LANES + lane;
}

void bench_event_correlation(uint64_t seed, uint64_t index, uint8_t out[16])
{
	uint64_t random = draw(seed, DRAW_CORRELATION, correlation_group(index));

	random_uuid(out, random, bench_mix(random), 4);
}

void bench_uuid_text(const uint8_t id[16], char out[37])
{
	static const char digit[] = "0123456789abcdef";
	unsigned i, at = 0;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			out[at++] = '-';
		out[at++] = digit[id[i] >> 4];
		out[at++] = digit[id[i] & 15];
	}
	out[at] = '\0';
}

static void fill_zipf(double *sum, uint32_t count, double exponent)
{
	double total = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		total += pow((double)i + 1.0, -exponent);
		sum[i] = total;
	}
	for (i = 0; i < count; i++)
		sum[i] /= total;
}

static uint32_t pick_zipf(const double *sum, uint32_t count, double chance)
{
	uint32_t low = 0, high = count - 1;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (sum[middle] <= chance)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct bench_workload *bench_workload_create(const struct bench_workload_options *options)
{
	struct bench_workload *w = calloc(1, sizeof(*w));
	unsigned i;

	if (w == NULL)
		return NULL;
	w->options = *options;
	w->stream_sum = calloc(options->streams, sizeof(*w->stream_sum));
	w->versions = calloc(options->streams, sizeof(*w->versions));
	if (w->stream_sum == NULL || w->versions == NULL) {
		bench_workload_destroy(w);
		return NULL;
	}
	fill_zipf(w->stream_sum, options->streams, 0.99);
	fill_zipf(w->type_sum, BENCH_TYPES, 1.0);
	for (i = 0; i < 256; i++) {
		char two[2];

		hex_write(two, (uint64_t)i << 56, 2);
		memcpy(&w->hex[i], two, 2);
	}
	return w;
}

void bench_workload_destroy(struct bench_workload *w)
{
	if (w == NULL)
		return;
	free(w->stream_sum);
	free(w->versions);
	free(w->events);
	free(w->payloads);
	free(w);
}

uint32_t bench_workload_stream(const struct bench_workload *w, uint64_t index)
{
	if (w->options.round_robin)
		return (uint32_t)(index % w->options.streams);
	return pick_zipf(w->stream_sum, w->options.streams, unit(draw(w->options.seed, DRAW_STREAM, index)));
}

static void decimal_write(char *out, uint64_t value, unsigned digits)
{
	while (digits-- > 0) {
		out[digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

static void make_payload(const struct bench_workload *w, const struct bench_event *e, char *out)
{
	static const char frame[] = "{\"account\":\"000000000000000000000000\",\"amount\":10000000,"
				    "\"currency\":\"EUR\",\"note\":\"";
	size_t at = sizeof(frame) - 1, end = e->payload_bytes - 2;
	uint64_t random = draw(w->options.seed, DRAW_NOTE, e->index);
	char tail[16];
	unsigned i;

	memcpy(out, frame, at);
	memcpy(out + 12, e->stream + 7, 24);
	out[12] = 'a';
	decimal_write(out + 48, random % 10000000, 7);
	while (at < end) {
		size_t part = end - at < 16 ? end - at : 16;

		random = bench_mix(random);
		for (i = 0; i < 8; i++)
			memcpy(tail + 2 * i, &w->hex[(random >> (8 * i)) & 255], 2);
		memcpy(out + at, tail, part);
		at += part;
	}
	out[at++] = '"';
	out[at] = '}';
}

static void make_tags(const struct bench_workload *w, struct bench_event *e)
{
	uint64_t random = draw(w->options.seed, DRAW_TAG, e->index);
	uint64_t group = bench_mix(correlation_group(e->index));

	memcpy(e->tag[0], "acct:0000", 10);
	decimal_write(e->tag[0] + 5, random % 10000, 4);
	memcpy(e->tag[1], "o:", 2);
	hex_write(e->tag[1] + 2, group, 8);
	e->tag[1][10] = '\0';
	memcpy(e->tag[2], "u:000", 6);
	decimal_write(e->tag[2] + 2, (random >> 32) % 1000, 3);
}

static void make_event(struct bench_workload *w, struct bench_event *e, char *payload)
{
	uint64_t index = w->next++, size = draw(w->options.seed, DRAW_SIZE, index);

	e->index = index;
	e->stream_number = bench_workload_stream(w, index);
	e->version = w->versions[e->stream_number]++;
	bench_stream_name(e->stream_number, e->stream);
	bench_event_id(w->options.seed, index, e->id);
	bench_event_correlation(w->options.seed, index, e->correlation_id);
	bench_uuid_text(e->correlation_id, e->correlation);
	e->type = type_names[pick_zipf(w->type_sum, BENCH_TYPES, unit(draw(w->options.seed, DRAW_TYPE, index)))];
	e->time_us = (START_MS + index / 4) * 1000;
	make_tags(w, e);
	memcpy(e->metadata, "{\"trace\":\"00000000000000\",\"v\":1}", BENCH_METADATA_BYTES + 1);
	hex_write(e->metadata + 10, size, 14);
	e->payload_bytes = (uint32_t)(128 + (size >> 20) % 257);
	e->payload = payload;
	make_payload(w, e, payload);
}

static int reserve_block(struct bench_workload *w, size_t count)
{
	if (count > BENCH_BLOCK_MAX)
		return -1;
	if (count <= w->capacity)
		return 0;
	free(w->events);
	free(w->payloads);
	w->events = calloc(count, sizeof(*w->events));
	w->payloads = malloc(count * BENCH_PAYLOAD_MAX);
	w->capacity = w->events != NULL && w->payloads != NULL ? count : 0;
	return w->capacity == 0 ? -1 : 0;
}

const struct bench_event *bench_workload_block(struct bench_workload *w, size_t count)
{
	size_t i;

	if (reserve_block(w, count) != 0)
		return NULL;
	for (i = 0; i < count; i++)
		make_event(w, &w->events[i], w->payloads + i * BENCH_PAYLOAD_MAX);
	return w->events;
}

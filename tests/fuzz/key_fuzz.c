/*
 * key_fuzz.c: the order of keys is the order of the numbers in them, what was encoded decodes, a value that is sealed
 * under a key opens under no other one; and any bytes as the records of the meta table.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/key.h"
#include "codec/sealed.h"
#include "store/lineage.h"
#include "store/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
	if (!condition)
		abort();
}

static int sign(int64_t order)
{
	return (order > 0) - (order < 0);
}

static int compare(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_two(uint64_t a1, uint64_t a2, uint64_t b1, uint64_t b2)
{
	return a1 == b1 ? compare(a2, b2) : compare(a1, b1);
}

static void fuzz_chunks(const uint64_t numbers[4])
{
	uint8_t a[SKAFU__CHUNK_KEY_BYTES];
	uint8_t b[SKAFU__CHUNK_KEY_BYTES];
	struct skafu__chunk_key back;
	skafu__chunk_key_encode(a, numbers[0], numbers[1]);
	skafu__chunk_key_encode(b, numbers[2], numbers[3]);
	demand(sign(memcmp(a, b, sizeof a)) == compare_two(numbers[0], numbers[1], numbers[2], numbers[3]));
	demand(skafu__chunk_key_decode(a, sizeof a, &back) != 0);
	demand(back.last_sequence == numbers[0] && back.last_commit == numbers[1]);
	for (size_t length = 0; length < sizeof a; length++)
		demand(skafu__chunk_key_decode(a, length, &back) == 0);
}

static void fuzz_runs(const uint64_t numbers[4])
{
	uint8_t a[SKAFU__RUN_KEY_BYTES];
	uint8_t b[SKAFU__RUN_KEY_BYTES];
	skafu__run_key_encode(a, 3, numbers[0], (uint32_t)numbers[1]);
	skafu__run_key_encode(b, 3, numbers[2], (uint32_t)numbers[3]);
	demand(sign(memcmp(a, b, sizeof a)) ==
	       compare_two(numbers[0], (uint32_t)numbers[1], numbers[2], (uint32_t)numbers[3]));
}

/* A key of a row begins with the table, and keys of a table are in the order of the host's keys. */
static void fuzz_rows(const uint64_t numbers[4], const uint8_t *text, size_t length)
{
	uint8_t a[SKAFU__ROW_KEY_BYTES_MAX];
	uint8_t b[SKAFU__ROW_KEY_BYTES_MAX];
	size_t cut = length > 510 ? 255 : length / 2;
	size_t rest = length - cut > 255 ? 255 : length - cut;
	size_t a_length = skafu__row_key_encode(a, (uint32_t)numbers[0], text, cut);
	size_t b_length = skafu__row_key_encode(b, (uint32_t)numbers[0], text + cut, rest);
	demand(a_length == cut + 4 && b_length == rest + 4);
	size_t shorter = cut < rest ? cut : rest;
	int order = shorter ? sign(memcmp(text, text + cut, shorter)) : 0;
	demand(sign(memcmp(a, b, shorter + 4)) == order);
}

static void fuzz_sealed(const uint8_t *text, size_t length)
{
	const uint8_t *value;
	size_t value_length;
	size_t key = length / 3;
	uint8_t *sealed = malloc(length - key + SKAFU__SEALED_HEAD_BYTES);
	demand(sealed != NULL);
	skafu__sealed_write(sealed, text, key, text + key, length - key);
	size_t sealed_length = length - key + SKAFU__SEALED_HEAD_BYTES;
	demand(skafu__sealed_read(text, key, sealed, sealed_length, &value, &value_length) == 0);
	demand(value_length == length - key && (value_length == 0 || memcmp(value, text + key, value_length) == 0));
	sealed[length % sealed_length] ^= 1;
	demand(skafu__sealed_read(text, key, sealed, sealed_length, &value, &value_length) != 0);
	skafu__sealed_read(text, key, text + key, length - key, &value, &value_length);
	free(sealed);
}

static void fuzz_meta(const uint8_t *text, size_t length)
{
	struct skafu__format format;
	struct skafu__index_state state;
	static struct skafu__lineage lineage;
	int read_only;
	skafu__format_decode(text, length, &format, &read_only, NULL);
	skafu__index_state_decode(text, length, &state, NULL);
	if (skafu__lineage_decode(text, length, &lineage, NULL) == 0)
		demand(lineage.count <= SKAFU__LINEAGE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t numbers[4];
	if (size < sizeof numbers)
		return 0;
	memcpy(numbers, data, sizeof numbers);
	fuzz_chunks(numbers);
	fuzz_runs(numbers);
	uint8_t *text = malloc(size - sizeof numbers + 1);
	demand(text != NULL);
	memcpy(text, data + sizeof numbers, size - sizeof numbers);
	fuzz_rows(numbers, text, size - sizeof numbers);
	fuzz_sealed(text, size - sizeof numbers);
	fuzz_meta(text, size - sizeof numbers);
	free(text);
	return 0;
}

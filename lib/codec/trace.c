#include "codec/trace.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/hash.h"
#include "codec/jsonpath.h"
#include "skafu_base.h"

#define TRACE_TEXT_BYTES 55u
#define TRACE_PART_BYTES_MAX 600u

/* Public: derived ids must be the same in every process and store. */
static const uint8_t trace_key[SKAFU__HASH_KEY_BYTES] = {'s', 'k', 'a', 'f', 'u', ' ', 't', 'r',
							 'a', 'c', 'e', ' ', 'i', 'd', 's', 0};

/* ---- the header ---------------------------------------------------------------------------------------------- */

/* The value of a hex digit in lower case; 16 for anything else. */
static unsigned trace_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10u : 16u;
}

/* 1 when they are all digits. */
static int trace_read(const char *text, uint8_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		unsigned high = trace_digit(text[2 * i]);
		unsigned low = trace_digit(text[2 * i + 1]);
		if (high > 15 || low > 15)
			return 0;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return 1;
}

static int trace_is_zero(const uint8_t *bytes, size_t count)
{
	uint8_t any = 0;
	for (size_t i = 0; i < count; i++)
		any |= bytes[i];
	return any == 0;
}

int skafu__trace_parse(const char *text, size_t length, struct skafu__trace *out)
{
	struct skafu__trace trace;
	uint8_t version;
	if (length < TRACE_TEXT_BYTES || text[2] != '-' || text[35] != '-' || text[52] != '-' ||
	    !trace_read(text, &version, 1) || version == 0xff)
		return 0;
	if (version == 0 ? length != TRACE_TEXT_BYTES : length > TRACE_TEXT_BYTES && text[TRACE_TEXT_BYTES] != '-')
		return 0;
	if (!trace_read(text + 3, trace.trace_id, 16) || !trace_read(text + 36, trace.span_id, 8) ||
	    !trace_read(text + 53, &trace.flags, 1))
		return 0;
	if (trace_is_zero(trace.trace_id, 16) || trace_is_zero(trace.span_id, 8))
		return 0;
	*out = trace;
	return 1;
}

static char *trace_write(char *to, const uint8_t *bytes, size_t count)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < count; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	return to;
}

void skafu__trace_format(const struct skafu__trace *trace, char out[SKAFU__TRACEPARENT_BYTES])
{
	memcpy(out, "00-", 3);
	char *to = trace_write(out + 3, trace->trace_id, 16);
	*to++ = '-';
	to = trace_write(to, trace->span_id, 8);
	*to++ = '-';
	to = trace_write(to, &trace->flags, 1);
	*to = '\0';
}

int skafu__trace_of_metadata(const void *metadata, size_t length, struct skafu__trace *out)
{
	static const char name[] = "traceparent";
	struct skafu__json_walk walk;
	struct skafu__json_token token;
	const char *text = metadata;
	int escaped = 0;
	skafu__json_walk_init(&walk, metadata, length);
	while (skafu__json_next(&walk, &token) > 0) {
		if (token.kind != SKAFU__JSON_NAME || token.depth != 1)
			continue;
		escaped |= token.escaped != 0;
		if (token.length != sizeof name - 1 || memcmp(text + token.offset, name, sizeof name - 1) != 0)
			continue;
		if (skafu__json_next(&walk, &token) > 0 && token.kind == SKAFU__JSON_STRING && !token.escaped &&
		    skafu__trace_parse(text + token.offset, token.length, out))
			return 1;
		return -1;
	}
	return escaped ? -1 : 0;
}

/* ---- derived ids --------------------------------------------------------------------------------------------- */

void skafu__trace_id_of(const char *correlation, uint8_t out[16])
{
	uint8_t bytes[1 + 128];
	size_t length = strnlen(correlation, sizeof bytes - 1);
	memcpy(bytes + 1, correlation, length);
	for (uint8_t half = 0; half < 2; half++) {
		bytes[0] = half;
		skafu__store_u64(out + 8 * half, skafu__hash64(trace_key, bytes, length + 1) | (half == 0));
	}
}

void skafu__trace_span_of(const uint8_t id[16], const char *domain, const char *part, uint8_t out[8])
{
	uint8_t bytes[16 + TRACE_PART_BYTES_MAX];
	size_t domain_length = strnlen(domain, 255);
	size_t part_length = strnlen(part, TRACE_PART_BYTES_MAX - 256);
	memcpy(bytes, id, 16);
	memcpy(bytes + 16, domain, domain_length);
	bytes[16 + domain_length] = 0;
	memcpy(bytes + 17 + domain_length, part, part_length);
	skafu__store_u64(out, skafu__hash64(trace_key, bytes, 17 + domain_length + part_length) | 1);
}

int skafu__trace_is_left_out(const uint8_t trace_id[16], uint32_t percent)
{
	return skafu__load_u64(trace_id + 8) % 100 < percent;
}

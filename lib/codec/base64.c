#include "codec/base64.h"

#include "skafu_base.h"

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int32_t skafu__base64_put(struct skafu__buf *out, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	size_t size = length / 3 * 4 + (length % 3 ? 4 : 0);
	uint8_t *to = skafu__buf_reserve(out, size);
	if (!to)
		return out->failed;
	for (size_t i = 0; i < length; i += 3, to += 4) {
		size_t left = length - i;
		uint32_t group = (uint32_t)from[i] << 16;
		group |= left > 1 ? (uint32_t)from[i + 1] << 8 : 0;
		group |= left > 2 ? from[i + 2] : 0;
		for (int digit = 0; digit < 4; digit++)
			to[digit] = (uint8_t)base64_digits[(group >> (18 - 6 * digit)) & 63];
		if (left < 3)
			to[3] = '=';
		if (left < 2)
			to[2] = '=';
	}
	skafu__buf_commit(out, size);
	return out->failed;
}

/* The value of a digit, 64 for what is none. */
static uint32_t base64_value(uint8_t digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return digit - (uint32_t)'A';
	if (digit >= 'a' && digit <= 'z')
		return digit - (uint32_t)'a' + 26;
	if (digit >= '0' && digit <= '9')
		return digit - (uint32_t)'0' + 52;
	return digit == '+' ? 62 : digit == '/' ? 63 : 64;
}

/* How many bytes a group of four has, 0 when it is none; only the last group may have fewer than three. */
static size_t base64_group(const uint8_t *text, int is_last, uint8_t out[3])
{
	size_t padding = is_last && text[3] == '=' ? 1u + (text[2] == '=') : 0;
	uint32_t group = 0;
	for (size_t i = 0; i < 4; i++) {
		uint32_t value = i < 4 - padding ? base64_value(text[i]) : 0;
		if (value == 64)
			return 0;
		group = group << 6 | value;
	}
	if (padding && (group & (padding == 1 ? 0xFFu : 0xFFFFu)) != 0)
		return 0; /* bits that stand for nothing: another text has the same bytes */
	out[0] = (uint8_t)(group >> 16);
	out[1] = (uint8_t)(group >> 8);
	out[2] = (uint8_t)group;
	return 3 - padding;
}

int32_t skafu__base64_read(struct skafu__buf *out, const void *text, size_t length)
{
	const uint8_t *from = text;
	size_t size = 0;
	if (length % 4 != 0)
		return SKAFU_EINVAL;
	uint8_t *to = skafu__buf_reserve(out, length / 4 * 3);
	if (!to)
		return out->failed;
	for (size_t i = 0; i < length; i += 4) {
		uint8_t group[3];
		size_t bytes = base64_group(from + i, i + 4 == length, group);
		if (bytes == 0)
			return SKAFU_EINVAL;
		for (size_t k = 0; k < bytes; k++)
			to[size++] = group[k];
	}
	skafu__buf_commit(out, size);
	return 0;
}

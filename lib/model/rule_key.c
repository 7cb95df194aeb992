/*
 * rule_key.c: keys of numbers and addresses, folding of case, wildcards.
 *
 * Key of a number: 'n', then a byte 0 below zero, 1 zero, 2 above.  With the value written as 0.d1d2d3 * 10^power and
 * d1 not zero follow the power (8 bytes, big endian, top bit flipped) and the digits without zeros at their end;
 * below zero all these bytes are inverted and a byte 0xFF ends them, so that the longer is the smaller.
 * Key of an address: '4' or '6', then its bytes.
 */
#include "model/rule_key.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/bytes.h"
#include "codec/json.h"
#include "codec/jsonpath.h"

#define RULEKEY_POWER_FAR INT64_C(1000000000000000000)

int skafu__rule_key_compare(const void *a, size_t a_length, const void *b, size_t b_length)
{
	size_t common = a_length < b_length ? a_length : b_length;
	int order = common ? memcmp(a, b, common) : 0;
	if (order || a_length == b_length)
		return order;
	return a_length < b_length ? -1 : 1;
}

/* ---- numbers --------------------------------------------------------------------------------------------------- */

struct rulekey_number {
	const uint8_t *digit; /* the first that is not zero; NULL for zero */
	const uint8_t *last;  /* the last that is not zero */
	int64_t power;
	int negative;
};

static int rulekey_is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

static int64_t rulekey_exponent(const uint8_t *at, const uint8_t *end)
{
	int64_t exponent = 0;
	int negative = at < end && *at == '-';
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	for (; at < end && rulekey_is_digit(*at); at++)
		exponent = exponent < RULEKEY_POWER_FAR / 10 ? exponent * 10 + (*at - '0') : RULEKEY_POWER_FAR;
	return negative ? -exponent : exponent;
}

static struct rulekey_number rulekey_read(const uint8_t *at, size_t length)
{
	struct rulekey_number number = {0};
	const uint8_t *end = at + length;
	int after_point = 0;
	if (at < end && *at == '-') {
		number.negative = 1;
		at++;
	}
	for (; at < end && (rulekey_is_digit(*at) || *at == '.'); at++) {
		if (*at == '.') {
			after_point = 1;
			continue;
		}
		if (*at != '0') {
			number.last = at;
			number.digit = number.digit ? number.digit : at;
		}
		if (number.digit)
			number.power += !after_point;
		else
			number.power -= after_point;
	}
	if (at < end && (*at | 0x20) == 'e')
		number.power += rulekey_exponent(at + 1, end);
	return number;
}

/* Up to the most digits that count, and one more that says that there were others; returns how many. */
static size_t rulekey_digits(const struct rulekey_number *number, uint8_t *to)
{
	size_t count = 0;
	for (const uint8_t *at = number->digit; at <= number->last; at++) {
		if (*at == '.')
			continue;
		if (count == SKAFU__RULE_DIGITS_MAX) {
			to[count++] = '1';
			break;
		}
		to[count++] = *at;
	}
	return count;
}

int32_t skafu__rule_key_number(struct skafu__buf *out, const uint8_t *text, size_t length)
{
	struct rulekey_number number = rulekey_read(text, length);
	uint8_t *key = skafu__buf_reserve(out, 12 + SKAFU__RULE_DIGITS_MAX);
	size_t bytes = 2;
	if (!key)
		return out->failed;
	key[0] = 'n';
	key[1] = 1;
	if (number.digit) {
		key[1] = number.negative ? 0 : 2;
		skafu__store_u64_be(key + 2, (uint64_t)number.power ^ (UINT64_C(1) << 63));
		bytes = 10 + rulekey_digits(&number, key + 10);
		for (size_t i = 2; number.negative && i < bytes; i++)
			key[i] = (uint8_t)~key[i];
		if (number.negative)
			key[bytes++] = 0xFF;
	}
	skafu__buf_commit(out, bytes);
	return out->failed;
}

int skafu__rule_number_fits(const uint8_t *text, size_t length)
{
	struct rulekey_number number = rulekey_read(text, length);
	if (!number.digit)
		return 1;
	return number.last - number.digit < (ptrdiff_t)SKAFU__RULE_DIGITS_MAX
		&& number.power <= SKAFU__RULE_POWER_MAX && number.power >= -SKAFU__RULE_POWER_MAX;
}

/* ---- addresses ------------------------------------------------------------------------------------------------- */

size_t skafu__rule_key_address(const uint8_t *text, size_t length, uint8_t key[SKAFU__RULE_ADDRESS_BYTES])
{
	char address[INET6_ADDRSTRLEN];
	uint8_t found[16];
	if (length < 2 || length >= sizeof address || memchr(text, '\0', length))
		return 0;
	memcpy(address, text, length);
	address[length] = '\0';
	int is_6 = memchr(text, ':', length) != NULL;
	if (inet_pton(is_6 ? AF_INET6 : AF_INET, address, found) != 1)
		return 0;
	key[0] = is_6 ? '6' : '4';
	memcpy(key + 1, found, is_6 ? 16 : 4);
	return is_6 ? 17 : 5;
}

/* The number of bits after the slash; -1 when it is none, or more than bits_max. */
static int rulekey_bits(const uint8_t *text, size_t length, int bits_max)
{
	int bits = 0;
	if (length < 1 || length > 3 || (length > 1 && text[0] == '0'))
		return -1;
	for (size_t i = 0; i < length; i++) {
		if (!rulekey_is_digit(text[i]))
			return -1;
		bits = bits * 10 + (text[i] - '0');
	}
	return bits > bits_max ? -1 : bits;
}

size_t skafu__rule_key_network(const uint8_t *text, size_t length, uint8_t first[SKAFU__RULE_ADDRESS_BYTES],
			       uint8_t last[SKAFU__RULE_ADDRESS_BYTES])
{
	const uint8_t *slash = length ? memchr(text, '/', length) : NULL;
	size_t bytes = slash ? skafu__rule_key_address(text, (size_t)(slash - text), first) : 0;
	if (!bytes)
		return 0;
	int bits = rulekey_bits(slash + 1, length - (size_t)(slash + 1 - text), (int)(bytes - 1) * 8);
	if (bits < 0)
		return 0;
	memcpy(last, first, bytes);
	for (size_t i = 1; i < bytes; i++, bits -= 8) {
		uint8_t host = (uint8_t)(bits >= 8 ? 0 : 0xFF >> (bits > 0 ? bits : 0));
		first[i] = (uint8_t)(first[i] & ~host);
		last[i] |= host;
	}
	return bytes;
}

/* ---- case ------------------------------------------------------------------------------------------------------ */

/* Each `step`th character from first to last becomes itself + shift: upper case, then lower case, one to one. */
struct rulekey_case {
	uint32_t first;
	uint32_t last;
	uint32_t step;
	int32_t shift;
};

static const struct rulekey_case rulekey_cases[] = {
	{0xB5, 0xB5, 1, 775}, {0xC0, 0xD6, 1, 32}, {0xD8, 0xDE, 1, 32}, {0x100, 0x12E, 2, 1},
	{0x131, 0x131, 1, -200}, {0x132, 0x136, 2, 1}, {0x139, 0x147, 2, 1}, {0x14A, 0x176, 2, 1},
	{0x178, 0x178, 1, -121}, {0x179, 0x17D, 2, 1}, {0x17F, 0x17F, 1, -268}, {0x181, 0x181, 1, 210},
	{0x182, 0x184, 2, 1}, {0x186, 0x186, 1, 206}, {0x187, 0x187, 1, 1}, {0x189, 0x18A, 1, 205},
	{0x18B, 0x18B, 1, 1}, {0x18E, 0x18E, 1, 79}, {0x18F, 0x18F, 1, 202}, {0x190, 0x190, 1, 203},
	{0x191, 0x191, 1, 1}, {0x193, 0x193, 1, 205}, {0x194, 0x194, 1, 207}, {0x196, 0x196, 1, 211},
	{0x197, 0x197, 1, 209}, {0x198, 0x198, 1, 1}, {0x19C, 0x19C, 1, 211}, {0x19D, 0x19D, 1, 213},
	{0x19F, 0x19F, 1, 214}, {0x1A0, 0x1A4, 2, 1}, {0x1A6, 0x1A6, 1, 218}, {0x1A7, 0x1A7, 1, 1},
	{0x1A9, 0x1A9, 1, 218}, {0x1AC, 0x1AC, 1, 1}, {0x1AE, 0x1AE, 1, 218}, {0x1AF, 0x1AF, 1, 1},
	{0x1B1, 0x1B2, 1, 217}, {0x1B3, 0x1B5, 2, 1}, {0x1B7, 0x1B7, 1, 219}, {0x1B8, 0x1B8, 1, 1},
	{0x1BC, 0x1BC, 1, 1}, {0x1C4, 0x1C4, 1, 2}, {0x1C5, 0x1C5, 1, 1}, {0x1C7, 0x1C7, 1, 2},
	{0x1C8, 0x1C8, 1, 1}, {0x1CA, 0x1CA, 1, 2}, {0x1CB, 0x1DB, 2, 1}, {0x1DE, 0x1EE, 2, 1},
	{0x1F1, 0x1F1, 1, 2}, {0x1F2, 0x1F4, 2, 1}, {0x1F6, 0x1F6, 1, -97}, {0x1F7, 0x1F7, 1, -56},
	{0x1F8, 0x21E, 2, 1}, {0x220, 0x220, 1, -130}, {0x222, 0x232, 2, 1}, {0x23A, 0x23A, 1, 10795},
	{0x23B, 0x23B, 1, 1}, {0x23D, 0x23D, 1, -163}, {0x23E, 0x23E, 1, 10792}, {0x241, 0x241, 1, 1},
	{0x243, 0x243, 1, -195}, {0x244, 0x244, 1, 69}, {0x245, 0x245, 1, 71}, {0x246, 0x24E, 2, 1},
	{0x345, 0x345, 1, 116}, {0x370, 0x372, 2, 1}, {0x376, 0x376, 1, 1}, {0x37F, 0x37F, 1, 116},
	{0x386, 0x386, 1, 38}, {0x388, 0x38A, 1, 37}, {0x38C, 0x38C, 1, 64}, {0x38E, 0x38F, 1, 63},
	{0x391, 0x3A1, 1, 32}, {0x3A3, 0x3AB, 1, 32}, {0x3C2, 0x3C2, 1, 1}, {0x3CF, 0x3CF, 1, 8},
	{0x3D0, 0x3D0, 1, -30}, {0x3D1, 0x3D1, 1, -25}, {0x3D5, 0x3D5, 1, -15}, {0x3D6, 0x3D6, 1, -22},
	{0x3D8, 0x3EE, 2, 1}, {0x3F0, 0x3F0, 1, -54}, {0x3F1, 0x3F1, 1, -48}, {0x3F4, 0x3F4, 1, -60},
	{0x3F5, 0x3F5, 1, -64}, {0x3F7, 0x3F7, 1, 1}, {0x3F9, 0x3F9, 1, -7}, {0x3FA, 0x3FA, 1, 1},
	{0x3FD, 0x3FF, 1, -130}, {0x400, 0x40F, 1, 80}, {0x410, 0x42F, 1, 32}, {0x460, 0x480, 2, 1},
	{0x48A, 0x4BE, 2, 1}, {0x4C0, 0x4C0, 1, 15}, {0x4C1, 0x4CD, 2, 1}, {0x4D0, 0x52E, 2, 1},
	{0x531, 0x556, 1, 48}, {0x10A0, 0x10C5, 1, 7264}, {0x10C7, 0x10C7, 1, 7264},
	{0x10CD, 0x10CD, 1, 7264}, {0x13A0, 0x13EF, 1, 38864}, {0x13F0, 0x13F5, 1, 8},
	{0x1C80, 0x1C80, 1, -6222}, {0x1C81, 0x1C81, 1, -6221}, {0x1C82, 0x1C82, 1, -6212},
	{0x1C83, 0x1C84, 1, -6210}, {0x1C85, 0x1C85, 1, -6211}, {0x1C86, 0x1C86, 1, -6204},
	{0x1C87, 0x1C87, 1, -6180}, {0x1C88, 0x1C88, 1, 35267}, {0x1C90, 0x1CBA, 1, -3008},
	{0x1CBD, 0x1CBF, 1, -3008}, {0x1E00, 0x1E94, 2, 1}, {0x1E9B, 0x1E9B, 1, -58},
	{0x1E9E, 0x1E9E, 1, -7615}, {0x1EA0, 0x1EFE, 2, 1}, {0x1F08, 0x1F0F, 1, -8}, {0x1F18, 0x1F1D, 1, -8},
	{0x1F28, 0x1F2F, 1, -8}, {0x1F38, 0x1F3F, 1, -8}, {0x1F48, 0x1F4D, 1, -8}, {0x1F59, 0x1F5F, 2, -8},
	{0x1F68, 0x1F6F, 1, -8}, {0x1F88, 0x1F8F, 1, -8}, {0x1F98, 0x1F9F, 1, -8}, {0x1FA8, 0x1FAF, 1, -8},
	{0x1FB8, 0x1FB9, 1, -8}, {0x1FBA, 0x1FBB, 1, -74}, {0x1FBC, 0x1FBC, 1, -9},
	{0x1FBE, 0x1FBE, 1, -7173}, {0x1FC8, 0x1FCB, 1, -86}, {0x1FCC, 0x1FCC, 1, -9},
	{0x1FD8, 0x1FD9, 1, -8}, {0x1FDA, 0x1FDB, 1, -100}, {0x1FE8, 0x1FE9, 1, -8},
	{0x1FEA, 0x1FEB, 1, -112}, {0x1FEC, 0x1FEC, 1, -7}, {0x1FF8, 0x1FF9, 1, -128},
	{0x1FFA, 0x1FFB, 1, -126}, {0x1FFC, 0x1FFC, 1, -9}, {0x2126, 0x2126, 1, -7517},
	{0x212A, 0x212A, 1, -8383}, {0x212B, 0x212B, 1, -8262}, {0x2132, 0x2132, 1, 28},
	{0x2160, 0x216F, 1, 16}, {0x2183, 0x2183, 1, 1}, {0x24B6, 0x24CF, 1, 26}, {0x2C00, 0x2C2F, 1, 48},
	{0x2C60, 0x2C60, 1, 1}, {0x2C62, 0x2C62, 1, -10743}, {0x2C63, 0x2C63, 1, -3814},
	{0x2C64, 0x2C64, 1, -10727}, {0x2C67, 0x2C6B, 2, 1}, {0x2C6D, 0x2C6D, 1, -10780},
	{0x2C6E, 0x2C6E, 1, -10749}, {0x2C6F, 0x2C6F, 1, -10783}, {0x2C70, 0x2C70, 1, -10782},
	{0x2C72, 0x2C72, 1, 1}, {0x2C75, 0x2C75, 1, 1}, {0x2C7E, 0x2C7F, 1, -10815}, {0x2C80, 0x2CE2, 2, 1},
	{0x2CEB, 0x2CED, 2, 1}, {0x2CF2, 0x2CF2, 1, 1}, {0xA640, 0xA66C, 2, 1}, {0xA680, 0xA69A, 2, 1},
	{0xA722, 0xA72E, 2, 1}, {0xA732, 0xA76E, 2, 1}, {0xA779, 0xA77B, 2, 1}, {0xA77D, 0xA77D, 1, -35332},
	{0xA77E, 0xA786, 2, 1}, {0xA78B, 0xA78B, 1, 1}, {0xA78D, 0xA78D, 1, -42280}, {0xA790, 0xA792, 2, 1},
	{0xA796, 0xA7A8, 2, 1}, {0xA7AA, 0xA7AA, 1, -42308}, {0xA7AB, 0xA7AB, 1, -42319},
	{0xA7AC, 0xA7AC, 1, -42315}, {0xA7AD, 0xA7AD, 1, -42305}, {0xA7AE, 0xA7AE, 1, -42308},
	{0xA7B0, 0xA7B0, 1, -42258}, {0xA7B1, 0xA7B1, 1, -42282}, {0xA7B2, 0xA7B2, 1, -42261},
	{0xA7B3, 0xA7B3, 1, 928}, {0xA7B4, 0xA7C2, 2, 1}, {0xA7C4, 0xA7C4, 1, -48},
	{0xA7C5, 0xA7C5, 1, -42307}, {0xA7C6, 0xA7C6, 1, -35384}, {0xA7C7, 0xA7C9, 2, 1},
	{0xA7D0, 0xA7D0, 1, 1}, {0xA7D6, 0xA7D8, 2, 1}, {0xA7F5, 0xA7F5, 1, 1}, {0xFF21, 0xFF3A, 1, 32},
	{0x10400, 0x10427, 1, 40}, {0x104B0, 0x104D3, 1, 40}, {0x10570, 0x1057A, 1, 39},
	{0x1057C, 0x1058A, 1, 39}, {0x1058C, 0x10592, 1, 39}, {0x10594, 0x10595, 1, 39},
	{0x10C80, 0x10CB2, 1, 64}, {0x118A0, 0x118BF, 1, 32}, {0x16E40, 0x16E5F, 1, 32},
	{0x1E900, 0x1E921, 1, 34},
};

static uint32_t rulekey_fold(uint32_t character)
{
	size_t low = 0;
	size_t high = sizeof rulekey_cases / sizeof *rulekey_cases;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct rulekey_case *range = &rulekey_cases[middle];
		if (character > range->last)
			low = middle + 1;
		else if (character < range->first)
			high = middle;
		else if ((character - range->first) % range->step)
			return character;
		else
			return (uint32_t)((int32_t)character + range->shift);
	}
	return character;
}

static uint32_t rulekey_decode(const uint8_t *at, size_t bytes)
{
	uint32_t character = at[0] & (0xFFu >> (bytes + 1));
	for (size_t i = 1; i < bytes; i++)
		character = character << 6 | (at[i] & 0x3Fu);
	return character;
}

int32_t skafu__rule_fold(struct skafu__buf *out, const uint8_t *text, size_t length)
{
	uint8_t *start = skafu__buf_reserve(out, length + length / 2 + 4);
	uint8_t *to = start;
	if (!start)
		return out->failed;
	for (size_t i = 0; i < length;) {
		size_t step = text[i] < 0x80 ? 0 : skafu__json_utf8_step(text + i, length - i);
		if (step == 0) {
			*to++ = (uint8_t)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20 : text[i]);
			i++;
			continue;
		}
		to += skafu__json_utf8_write(rulekey_fold(rulekey_decode(text + i, step)), to);
		i += step;
	}
	skafu__buf_commit(out, (size_t)(to - start));
	return out->failed;
}

void skafu__rule_reverse(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length / 2; i++) {
		uint8_t byte = bytes[i];
		bytes[i] = bytes[length - 1 - i];
		bytes[length - 1 - i] = byte;
	}
}

/* ---- wildcards ------------------------------------------------------------------------------------------------- */

/* The next literal of the pattern, which shrinks to what is left. */
static const uint8_t *rulekey_literal(const uint8_t **pattern, size_t *pattern_length, size_t *out_length)
{
	const uint8_t *literal = *pattern + 4;
	size_t length = skafu__load_u32(*pattern);
	*pattern = literal + length;
	*pattern_length -= 4 + length;
	*out_length = length;
	return literal;
}

int skafu__rule_wildcard(const uint8_t *pattern, size_t pattern_length, const uint8_t *text, size_t length)
{
	const uint8_t *end = text + length;
	size_t bytes;
	const uint8_t *literal = rulekey_literal(&pattern, &pattern_length, &bytes);
	if (bytes > length || (bytes && memcmp(text, literal, bytes) != 0))
		return 0;
	text += bytes;
	for (;;) {
		literal = rulekey_literal(&pattern, &pattern_length, &bytes);
		if (bytes > (size_t)(end - text))
			return 0;
		if (pattern_length == 0)
			return bytes == 0 || memcmp(end - bytes, literal, bytes) == 0;
		/* The earliest place is the best one: it leaves the most for the literals that follow. */
		const uint8_t *found = memmem(text, (size_t)(end - text), literal, bytes);
		if (!found)
			return 0;
		text = found + bytes;
	}
}

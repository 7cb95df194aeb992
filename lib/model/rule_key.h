/*
 * rule_key.h: the forms in which values of events and of rule patterns are compared.
 *
 * A number or an address becomes a key: bytes whose order (memcmp, the shorter first) is the order of the values, so
 * that equality, ranges and networks need one kind of comparison.  Numbers are exact whatever their length.
 */
#ifndef SKAFU__MODEL_RULE_KEY_H
#define SKAFU__MODEL_RULE_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SKAFU__RULE_DIGITS_MAX 1000u /* significant digits of a number in a pattern */
#define SKAFU__RULE_POWER_MAX INT64_C(1000000000)
#define SKAFU__RULE_ADDRESS_BYTES 17
#define SKAFU__RULE_STARS_MAX 32u

/* 0 less, equal, greater as memcmp. */
int skafu__rule_key_compare(const void *a, size_t a_length, const void *b, size_t b_length);

/* Append the key of a JSON number.  A number with more digits than any pattern may have gets a key that is equal to
 * none of theirs and in the right order to each.  The failure of the buffer, else 0. */
int32_t skafu__rule_key_number(struct skafu__buf *out, const uint8_t *text, size_t length);

/* 1 when the number is one that a pattern may hold. */
int skafu__rule_number_fits(const uint8_t *text, size_t length);

/* The key of an IPv4 or IPv6 address: its length, 5 or 17; 0 when the text is none. */
size_t skafu__rule_key_address(const uint8_t *text, size_t length, uint8_t key[SKAFU__RULE_ADDRESS_BYTES]);

/* The first and last key of a network "10.0.0.0/8": their length; 0 when the text is none. */
size_t skafu__rule_key_network(const uint8_t *text, size_t length, uint8_t first[SKAFU__RULE_ADDRESS_BYTES],
			       uint8_t last[SKAFU__RULE_ADDRESS_BYTES]);

/* Append UTF-8 with all letters that differ by case alone made equal; at most one and a half times as many bytes. */
int32_t skafu__rule_fold(struct skafu__buf *out, const uint8_t *text, size_t length);

void skafu__rule_reverse(uint8_t *bytes, size_t length);

/*
 * A wildcard pattern in its compiled form: literals, each preceded by its length in 4 bytes, between which anything
 * may stand; the first (may be empty) begins the text, the last (may be empty) ends it.  At least two of them.
 * Time: proportional to the length of the text and of the pattern.
 */
int skafu__rule_wildcard(const uint8_t *pattern, size_t pattern_length, const uint8_t *text, size_t length);

#endif

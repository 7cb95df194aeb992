/*
 * hash.c: libsodium under the names of the application.
 */
#include "hash.h"

#include <sodium.h>
#include <string.h>

void hash_sha256(const void *bytes, size_t length, uint8_t out_hash[32])
{
	crypto_hash_sha256(out_hash, bytes, length);
}

void hash_sha256_text(const void *bytes, size_t length, char out_text[65])
{
	uint8_t hash[HASH_BYTES];

	hash_sha256(bytes, length, hash);
	hash_format(hash, out_text);
}

void hash_hmac(const void *key, size_t key_length, const void *bytes, size_t length, uint8_t out_hash[32])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, key_length);
	crypto_auth_hmacsha256_update(&state, bytes, length);
	crypto_auth_hmacsha256_final(&state, out_hash);
}

void hash_format(const uint8_t hash[32], char out_text[65])
{
	sodium_bin2hex(out_text, HASH_TEXT_BYTES, hash, HASH_BYTES);
}

int hash_parse(const char *text, uint8_t out_hash[32])
{
	size_t length = strnlen(text, HASH_TEXT_BYTES);
	size_t parsed = 0;

	return length == HASH_TEXT_BYTES - 1 &&
	       sodium_hex2bin(out_hash, HASH_BYTES, text, length, NULL, &parsed, NULL) == 0 && parsed == HASH_BYTES;
}

int hash_equal(const uint8_t left[32], const uint8_t right[32])
{
	return sodium_memcmp(left, right, HASH_BYTES) == 0;
}

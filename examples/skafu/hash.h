/*
 * hash.h: SHA-256 and its keyed form, which names blobs, signs requests to S3 and checks webhooks.
 */
#ifndef SKAFU_APP_HASH_H
#define SKAFU_APP_HASH_H

#include <skafu_base.h>

#define HASH_BYTES 32
#define HASH_TEXT_BYTES 65 /* 64 hexadecimal digits and the NUL */

void hash_sha256(const void *bytes, size_t length, uint8_t out_hash[32]);
void hash_sha256_text(const void *bytes, size_t length, char out_text[65]);

/* HMAC with a key of any length. */
void hash_hmac(const void *key, size_t key_length, const void *bytes, size_t length, uint8_t out_hash[32]);

void hash_format(const uint8_t hash[32], char out_text[65]);

/* 1 for exactly 64 hexadecimal digits, up to the NUL. */
int hash_parse(const char *text, uint8_t out_hash[32]);

/* 1 when equal, in a time that does not tell where they differ. */
int hash_equal(const uint8_t left[32], const uint8_t right[32]);

#endif

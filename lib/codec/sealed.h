/*
 * sealed.h: a small value with its checksum, for the tables of rows and names.
 *
 * Layout: u32 CRC32C (little endian) over the key under which the value is stored and then the value, then the value.
 * So a value that is damaged, or turns up under another key, is found out when it is read.
 */
#ifndef SKAFU__CODEC_SEALED_H
#define SKAFU__CODEC_SEALED_H

#include <stddef.h>
#include <stdint.h>

#define SKAFU__SEALED_HEAD_BYTES 4u

/* Write the checksum and the value to `to`, which has room for both. */
void skafu__sealed_write(uint8_t *to, const void *key, size_t key_length, const void *value, size_t length);

/* 0 and where the value is, or SKAFU_EDAMAGED without a message. */
int32_t skafu__sealed_read(const void *key, size_t key_length, const void *bytes, size_t bytes_length,
			   const uint8_t **out_value, size_t *out_length);

#endif

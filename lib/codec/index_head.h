/*
 * index_head.h: the sixteen bytes that every value of the index begins with, and their check.
 *
 *    0  u32  magic, four letters that name the kind of value
 *    4  u8   format, 1
 *    5  u8   a, b, c: three bytes that belong to the kind
 *    8  u32  CRC32C of the bytes 0..7 followed by the bytes 12..length-1
 *   12  u32  length of the whole value in bytes, these sixteen included
 *
 * Everything is little endian.  A value that is cut or extended has a wrong length, whatever its CRC says.
 */
#ifndef SKAFU__CODEC_INDEX_HEAD_H
#define SKAFU__CODEC_INDEX_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_base.h"

#define SKAFU__INDEX_HEAD_BYTES 16

/* The CRC that belongs at byte 8 of a value of at least 16 bytes. */
uint32_t skafu__index_checksum(const void *bytes, size_t length);

/* Write magic, format, length and, as everything else is in place by then, the CRC.  The bytes 5 to 7 are the
 * caller's.  Returns the CRC. */
uint32_t skafu__index_seal(void *bytes, size_t length, const char magic[4]);

/* SKAFU_EDAMAGED unless the head is that of a whole value of this kind; SKAFU_ENEWER for a format that is not known.
 * `trusted` leaves out the CRC, for bytes that were checked before. */
int32_t skafu__index_check(const void *bytes, size_t length, const char magic[4], int trusted, skafu_error *error);

#endif

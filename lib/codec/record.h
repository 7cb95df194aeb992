/*
 * record.h: the bytes of one record in a commit.
 *
 * Layout, little endian, no alignment:
 *    0  u32  size of the whole record
 *    4  u32  CRC32C over bytes 8 .. size, seeded with the CRC32C of the sequence (8 bytes), so that a record that
 *            turns up in another place is found out
 *    8  u8   kind (SKAFU_KIND_)
 *    9  u8   flags (SKAFU_RECORD_IS_JSON, SKAFU_RECORD_CLOCK_BEHIND)
 *   10  u8   hops
 *   11  u8   severity
 *   12  u32  event version, major << 16 | minor
 *   16  u32  type         } ids of the store's name table; in a batch that is not
 *   20  u32  source       } appended yet, a set top bit marks an index into the
 *   24  u32  content type } batch's own list of names
 *   28  u32  metadata length
 *   32  u32  data length
 *   36  u64  stream version, 0 when the record is no event
 *   44  i64  time in nanoseconds since 1970
 *   52  16   id
 *   68  u8   stream length      } without
 *   69  u8   correlation length } the NUL
 *   70  u8   tag count
 *   71  u8   1 when there is a causation id, else 0
 *   72  u16  tags length, with a NUL after each
 *   74       stream NUL, correlation NUL, tags (each NUL), metadata, data, and 16 bytes of causation id when there
 *            is one
 *
 * Sequence, commit number and recorded time belong to the commit around the record.
 */
#ifndef SKAFU__CODEC_RECORD_H
#define SKAFU__CODEC_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "skafu_base.h"

#define SKAFU__RECORD_HEADER_BYTES 74u
#define SKAFU__NAME_IS_LOCAL 0x80000000u

/* What stands in the place of a record that salvage did not find: it has no names, and nothing follows from it.
 * Reads see a hole. */
#define SKAFU__KIND_LOST 5u

/* Flags that say how a record is kept, not what it says. */
#define SKAFU__RECORD_ERASED 0x4u /* the payload was taken out of the file, and its digest put in its place */

/* Of a payload: u32 length, BLAKE2b-256.  The canonical form has it in place of the payload, so that a payload can go
 * and the chain stays. */
#define SKAFU__DIGEST_BYTES 36u

enum {
	SKAFU__RECORD_AT_CRC = 4,
	SKAFU__RECORD_AT_KIND = 8,
	SKAFU__RECORD_AT_FLAGS = 9,
	SKAFU__RECORD_AT_SEVERITY = 11,
	SKAFU__RECORD_AT_TYPE = 16,
	SKAFU__RECORD_AT_SOURCE = 20,
	SKAFU__RECORD_AT_CONTENT_TYPE = 24,
	SKAFU__RECORD_AT_STREAM_VERSION = 36,
	SKAFU__RECORD_AT_TIME = 44,
	SKAFU__RECORD_AT_ID = 52,
	SKAFU__RECORD_AT_STREAM_LENGTH = 68
};

/* How far a stored record is believed.  Whoever asks for less than all must know why. */
enum skafu__check {
	SKAFU__CHECK_LENGTHS = -1, /* this process just made it */
	SKAFU__CHECK_TEXTS = 0,    /* its checksum was checked before */
	SKAFU__CHECK_ALL = 1
};

/* The causation id of a record that has none. */
extern const uint8_t skafu__record_no_cause[16];

/* A record as it lies in bytes: everything points into them, but for a causation id that is not there. */
struct skafu__record {
	uint32_t size;
	uint8_t kind;
	uint8_t flags;
	uint8_t hops;
	uint8_t severity;
	uint32_t event_version;
	uint32_t type;
	uint32_t source;
	uint32_t content_type;
	uint32_t metadata_length;
	uint32_t data_length;
	uint64_t stream_version;
	int64_t time_ns;
	const uint8_t *id;
	const uint8_t *causation; /* never NULL once decoded */
	const char *stream;
	const char *correlation;
	const char *tags;
	const uint8_t *metadata;
	const uint8_t *data;
	uint8_t stream_length;
	uint8_t correlation_length;
	uint8_t tag_count;
	uint16_t tags_length;
};

/* Append the bytes to buf, with CRC 0.  `record` describes them; size is not looked at; tags may be given as an array
 * of texts and their lengths instead of packed, else tag_list is NULL. */
int32_t skafu__record_encode(struct skafu__buf *buf, const struct skafu__record *record, const char *const *tag_list,
			     const uint8_t *tag_lengths);

/* Compute and store the CRC of a finished record. */
void skafu__record_seal(uint8_t *bytes, uint32_t size, uint64_t sequence);

/* Read what lies at `bytes`, of which `length` may be read.  Every length and NUL is checked, so *out can be used
 * without further care; the CRC is not.  SKAFU_EDAMAGED without a message. */
int32_t skafu__record_decode(const uint8_t *bytes, size_t length, struct skafu__record *out);

/* The same for a record that this process made of checked input and has not let go: its texts are not looked at. */
int32_t skafu__record_decode_own(const uint8_t *bytes, size_t length, struct skafu__record *out);

/* The digest of a record's payload, also when only that is left. */
void skafu__record_digest(const struct skafu__record *record, uint8_t out[SKAFU__DIGEST_BYTES]);

/* Copy a finished record, with its CRC, to where `size` bytes are. */
void skafu__record_copy_sealed(uint8_t *to, const uint8_t *bytes, uint32_t size, uint64_t sequence);

/* 1 when the CRC is right. */
int skafu__record_is_intact(const uint8_t *bytes, uint32_t size, uint64_t sequence);

/* The same of the copy that it makes; `to` has room for `size` bytes. */
int skafu__record_copy_is_intact(uint8_t *to, const uint8_t *bytes, uint32_t size, uint64_t sequence);

#endif

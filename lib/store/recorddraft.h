/*
 * recorddraft.h: a record as the host gives it, checked, before anything changes.
 */
#ifndef SKAFU__STORE_RECORDDRAFT_H
#define SKAFU__STORE_RECORDDRAFT_H

#include <stddef.h>
#include <stdint.h>

#include "codec/record.h"
#include "skafu_store.h"

#define SKAFU__RECORDDRAFT_TAGS_MAX 255u

/* A name that the batch may know already, by its number + 1: then its length is not known. */
struct skafu__recorddraft_name {
	const char *text;
	size_t length;
	uint32_t known;
	int is_default; /* a constant for what was not given */
};

/* It is not zeroed as a whole, which would cost as much as all names: the checks set every member.  Texts and bytes
 * are the host's, and the id may be the draft's. */
struct skafu__recorddraft {
	struct skafu__record record;
	struct skafu__recorddraft_name type;
	struct skafu__recorddraft_name source;
	struct skafu__recorddraft_name content_type;
	const char *const *tags;
	uint32_t flags; /* SKAFU__BATCH_ */
	uint8_t id[16];
	char correlation[SKAFU_ID_TEXT_BYTES];
	uint8_t digest[SKAFU__DIGEST_BYTES]; /* of a payload that was erased */
	uint8_t tag_lengths[SKAFU__RECORDDRAFT_TAGS_MAX];
};

/* Check a record for this batch, of which nothing changes but its stock of ids.  The draft borrows from the record,
 * so it is good as long as that is.  SKAFU_EINVAL, SKAFU_EOPTION, SKAFU_ELIMIT, SKAFU_EJSON, SKAFU_EIO,
 * SKAFU_ENOMEM. */
int32_t skafu__recorddraft_make(skafu_batch *batch, const skafu_new_record *record, struct skafu__recorddraft *draft,
				skafu_error *error);

/* Whether the bytes of a payload, of metadata or of a row's value are there, and not too many.  SKAFU_EINVAL,
 * SKAFU_ELIMIT. */
int32_t skafu__recorddraft_check_length(const skafu_batch *batch, const void *bytes, size_t length, const char *what,
					skafu_error *error);

#endif

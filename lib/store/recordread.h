/*
 * recordread.h: the exported form of a record read back: one JSON object into what skafu_batch_add() takes.
 *
 * Both forms are understood: the envelope of recordjson.h, and a CloudEvent, whose attributes cloudevent.h lists.
 *
 * Invariant: what is read is what was written.  Nothing of an object is dropped: a member that the envelope does not
 * have is refused, an attribute that this library does not give a meaning to is kept in the metadata under
 * "cloudevents", and so is the text of an id that is no UUID, under "importedId" and "importedCausationId".
 */
#ifndef SKAFU__STORE_RECORDREAD_H
#define SKAFU__STORE_RECORDREAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "skafu_store.h"

#define SKAFU__RECORDREAD_TAGS_MAX 255u

/* The members that have a meaning; see the lists of names in recordread.c. */
enum skafu__recordread_field {
	SKAFU__READ_ID,
	SKAFU__READ_TYPE,
	SKAFU__READ_VERSION,
	SKAFU__READ_SOURCE,
	SKAFU__READ_TIME,
	SKAFU__READ_SEQUENCE,
	SKAFU__READ_STREAM,
	SKAFU__READ_STREAM_VERSION,
	SKAFU__READ_CORRELATION,
	SKAFU__READ_CAUSATION,
	SKAFU__READ_TAGS,
	SKAFU__READ_METADATA,
	SKAFU__READ_DATA,
	SKAFU__READ_BASE64,
	SKAFU__READ_SEVERITY,
	SKAFU__READ_KIND,
	SKAFU__READ_CONTENT_TYPE,
	SKAFU__READ_HOPS,
	SKAFU__READ_ERASED,
	SKAFU__READ_SPECVERSION,
	SKAFU__READ_FIELDS
};

struct skafu__recordread_value {
	const char *text; /* raw JSON; NULL: the member is absent or null */
	size_t length;
};

struct skafu__recordread {
	skafu_new_record record; /* points into texts, tags, id and causation, which live as long as this object */
	uint64_t sequence;       /* as the object says; 0: it does not */
	uint64_t stream_version;
	int is_erased; /* the payload was erased before the object was written: there is none */
	int has_id; /* 0: the object has none, and record.id is NULL */

	const struct skafu__sys *sys;
	struct skafu__buf texts;
	struct skafu__buf extras; /* members of "cloudevents" */
	struct skafu__recordread_value fields[SKAFU__READ_FIELDS];
	const char *tags[SKAFU__RECORDREAD_TAGS_MAX];
	const char *foreign_id; /* as raw JSON with its quotes, or NULL */
	size_t foreign_id_length;
	const char *foreign_cause;
	size_t foreign_cause_length;
	uint8_t id[SKAFU_ID_BYTES];
	uint8_t causation[SKAFU_ID_BYTES];
};

void skafu__recordread_init(struct skafu__recordread *read, const struct skafu__sys *sys);
void skafu__recordread_done(struct skafu__recordread *read);

/* Read one object.  form is SKAFU_FORM_, a CloudEvent for both of its forms.  0; SKAFU_EJSON, SKAFU_EINVAL,
 * SKAFU_EUTF8 or SKAFU_ELIMIT with a sentence that names the member; SKAFU_ENOMEM.  Valid until the next read. */
int32_t skafu__recordread_take(struct skafu__recordread *read, uint32_t form, const char *text, size_t length,
			       skafu_error *error);

/* Give a record without an id this one. */
void skafu__recordread_set_id(struct skafu__recordread *read, const uint8_t id[SKAFU_ID_BYTES]);

/* 1 when a record of the log is the one that was read: all that the object says, but for its places. */
int skafu__recordread_is(const struct skafu__recordread *read, const skafu_record *record);

#endif

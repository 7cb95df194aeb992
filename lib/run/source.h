/*
 * source.h: which records a consumer takes, and in which partition each of them lies.
 *
 * The partition of a record is a keyed hash of its stream, correlation or tag, so all records of one key lie in one
 * partition, in the order of the log.  What has no such key goes by its stream, and without one by its correlation,
 * which every record has.  The hash is that of the store: the same in all of its processes, for ever.
 */
#ifndef SKAFU__RUN_SOURCE_H
#define SKAFU__RUN_SOURCE_H

#include <stdint.h>

#include "base/map.h"
#include "base/sys.h"
#include "skafu_run.h"

#define SKAFU__PARTITIONS_DEFAULT 16u
#define SKAFU__PARTITIONS_MAX 1024u

/* A copy of what the host gave, with everything filled in, and compiled.  One thread at a time. */
struct skafu__source {
	const struct skafu__sys *sys;
	struct skafu_source given; /* may be given to skafu__source_init() again */
	char **texts;              /* of `given`: types, rule, tag */
	size_t text_count;
	struct skafu__map types;
	skafu_rules *rules; /* NULL: none */
	uint32_t whole_kinds; /* kinds of which every record is taken, whatever types and rule say */
	uint8_t hash_key[16];
};

/* NULL: every event from the beginning.  A source that failed needs no done; one that is all zero may have one. */
int32_t skafu__source_init(struct skafu__source *source, const skafu_store *store, const skafu_source *given,
			   skafu_error *error);
void skafu__source_done(struct skafu__source *source);

/* May it take records of this kind and type? */
int skafu__source_has_type(const struct skafu__source *source, uint32_t kind, const char *type);

/* Does it take this record, as its handler sees it?  1, 0, or a failure of the match. */
int32_t skafu__source_takes(struct skafu__source *source, const skafu_record *record, skafu_error *error);

/* What keeps records in order: a text of the record. */
const char *skafu__source_key(const struct skafu__source *source, const skafu_record *record);
uint32_t skafu__source_partition(const struct skafu__source *source, const skafu_record *record);

#endif

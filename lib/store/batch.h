/*
 * batch.h: a commit to be, as the host fills it in; encoded as far as it can be outside of any lock.
 *
 * Records lie in `records` in their final bytes (record.h), with three holes that the writer fills in: ids of names
 * (indices into `names`, marked by the top bit), the stream version, and the time where the host gave none.
 *
 * Invariant: everything in a batch was checked when it was added; a refused addition leaves no trace.
 */
#ifndef SKAFU__STORE_BATCH_H
#define SKAFU__STORE_BATCH_H

#include <stdint.h>

#include "base/buf.h"
#include "base/ident.h"
#include "base/map.h"
#include "codec/commit.h"
#include "skafu_store.h"
#include "store/batchnames.h"
#include "store/query.h"

#define SKAFU__BATCH_RECORDS_MAX 1000000u
#define SKAFU__BATCH_CONDITIONS_MAX 65536u

#define SKAFU__BATCH_ID_GIVEN 0x1u
#define SKAFU__BATCH_TIME_GIVEN 0x2u
#define SKAFU__BATCH_CORRELATION_GIVEN 0x4u
#define SKAFU__BATCH_ID_TOLD 0x8u /* the host has asked for the id, so others may have used it */

struct skafu__batch_record {
	uint32_t at; /* in records */
	uint32_t size;
	uint32_t flags;
	uint64_t stream_hash; /* what the index and the cache of heads know its stream by, once it was hashed */
	uint64_t *head;       /* of an event, while it is being written: the version of its stream, in that cache */
};

enum skafu__condition_kind { SKAFU__CONDITION_STREAM = 1, SKAFU__CONDITION_QUERY, SKAFU__CONDITION_ROW };

struct skafu__condition {
	uint32_t kind;
	uint32_t expectation; /* of a stream: SKAFU_EXPECT_; of a row: 1 present with this value, 0 absent */
	uint64_t number;      /* version, or `after` */
	skafu_query *query;
	uint32_t table; /* of a row: index into names */
	uint32_t text_at;
	uint32_t key_length;
	uint32_t value_length;
};

struct skafu__batch_row {
	uint32_t table; /* index into names, with the top bit */
	uint32_t at;    /* in texts: key, value */
	uint32_t value_length;
	uint8_t operation;
	uint8_t key_length;
};

struct skafu_batch {
	skafu_store *store;
	struct skafu__buf records;
	struct skafu__buf texts; /* keys, values, streams of conditions */
	struct skafu__batchnames names;
	struct skafu__ident_stock ids; /* for records that bring none */
	struct skafu__map id_index; /* ids that the host gave or has asked for */
	struct skafu__batch_record *index;
	struct skafu__condition *conditions;
	struct skafu__batch_row *rows;
	uint32_t record_count;
	uint32_t record_room;
	uint32_t hashed_count; /* records whose stream_hash is known */
	uint32_t condition_count;
	uint32_t condition_room;
	uint32_t row_count;
	uint32_t row_room;
	uint8_t id[16];
	uint8_t has_id;    /* id is known: see skafu__batch_fix_id() */
	uint8_t id_is_fixed; /* it was set or given out, and does not change any more */
	uint8_t id_is_new; /* it came from the generator and was given to nobody, so nobody can have used it yet */
	uint8_t attempted; /* an append may have written it */
	uint8_t hides;     /* it has rows of the tables that hide (hidden.h) */
	uint8_t expects_hidden; /* so many commits have hidden something, and no more */
	uint64_t hidden_count;
	uint8_t mark;      /* of skafu_append_many(), which looks for a batch that is given twice */
};

/* Fix the id: given, else derived from the record ids when the host gave all, else new. */
int32_t skafu__batch_fix_id(skafu_batch *batch, skafu_error *error);

/* Hash the streams that were not yet. */
void skafu__batch_hash_streams(skafu_batch *batch);

/* Add a record whose payload was erased before it came here; its data is not looked at. */
int32_t skafu__batch_add_erased(skafu_batch *batch, const skafu_new_record *record, skafu_error *error);

/* Require that nothing was hidden since skafu__hidden_now() gave this count; it is judged as condition 1. */
void skafu__batch_expect_hidden(skafu_batch *batch, uint64_t count);

/* Put a row of a table that hosts may not write; the first one brings the row of the count. */
int32_t skafu__batch_put_reserved(skafu_batch *batch, const char *table, const void *key, size_t key_length,
				  const void *value, size_t value_length, skafu_error *error);

const char *skafu__batch_name_text(const skafu_batch *batch, uint32_t index);
uint8_t *skafu__batch_record_bytes(const skafu_batch *batch, uint32_t index);

/* The 16 bytes of a record's id.  What the host is to see comes from skafu_batch_record_id(), since the host may use
 * it elsewhere before the batch does. */
uint8_t *skafu__batch_id_of(const skafu_batch *batch, uint32_t index);

/* What the batch does to a row: 0 nothing, 1 it puts it (the value is borrowed until the batch changes), 2 it deletes
 * it. */
int skafu__batch_find_row(const skafu_batch *batch, const char *table, const void *key, size_t key_length,
			  const uint8_t **out_value, size_t *out_length);

/* Keep nothing but the records: no rows, and no conditions. */
void skafu__batch_keep_records(skafu_batch *batch);

/* Give a record another id, instead of the one that it was added with; nobody else may give this one out. */
void skafu__batch_rename_record(skafu_batch *batch, uint32_t index, const uint8_t id[16]);

/* Bytes of the commit that the batch becomes, at most. */
size_t skafu__batch_bytes(const skafu_batch *batch);

#endif

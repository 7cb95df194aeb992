/*
 * logmodel.h: a log as simple as it can be, in arrays that are searched from end to end, and plans of batches that
 * can be judged by it, be appended to a store, and be sent to another process.
 */
#ifndef SKAFU_TESTS_STORE_LOGMODEL_H
#define SKAFU_TESTS_STORE_LOGMODEL_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_store.h"

#define MODEL_STREAMS 24u
#define MODEL_TYPES 21u /* 12 of events, 4 of commands, 3 of errors, 2 of outcomes */
#define MODEL_TAGS 10u
#define MODEL_CORRELATIONS 6u
#define MODEL_DOMAINS 4u
#define MODEL_TABLES 3u
#define MODEL_KEYS 20u
#define PLAN_RECORDS 80u
#define PLAN_ROWS 4u
#define PLAN_HIDES 2u
#define PLAN_CONDITIONS 4u
#define PLAN_ITEMS 3u

enum plan_condition_kind { PLAN_ROW = 1, PLAN_STREAM, PLAN_QUERY };

struct plan_record {
	uint8_t kind;
	uint8_t stream; /* of events */
	uint8_t type;
	uint8_t source;
	uint8_t correlation; /* 0: none, else number + 1 */
	uint8_t id_given;
	uint8_t time_given;
	uint8_t reserved;
	uint32_t tags; /* bits */
	uint32_t token; /* decides payload, metadata, version and the like */
	uint8_t id[16];
	int64_t time_ns;
};

struct plan_row {
	uint8_t table;
	uint8_t key;
	uint8_t put;
	uint8_t reserved;
	uint32_t token;
};

enum plan_hide_kind { PLAN_TRUNCATE = 1, PLAN_DELETE, PLAN_TOMBSTONE, PLAN_ERASE };

struct plan_hide {
	uint32_t kind;
	uint32_t stream;
	uint64_t number; /* version, or sequence */
};

struct plan_query {
	uint32_t items;
	uint32_t types[PLAN_ITEMS]; /* bits */
	uint32_t tags[PLAN_ITEMS];
};

struct plan_condition {
	uint32_t kind;
	uint32_t expectation; /* of a stream; of a row: 1 present */
	uint64_t number;      /* version, after */
	struct plan_query query;
	uint32_t token; /* value of a row */
	uint8_t stream;
	uint8_t table;
	uint8_t key;
	uint8_t reserved;
};

struct plan {
	uint32_t records_count;
	uint32_t rows_count;
	uint32_t conditions_count;
	uint32_t hides_count;
	uint32_t id_given;
	uint32_t reserved;
	uint8_t id[16];
	struct plan_row rows[PLAN_ROWS];
	struct plan_condition conditions[PLAN_CONDITIONS];
	struct plan_hide hides[PLAN_HIDES];
	struct plan_record records[PLAN_RECORDS];
};

/* What the model says about a plan. */
struct verdict {
	int32_t code; /* 0 also for a retry */
	uint32_t condition;
	uint32_t item;
	uint64_t sequence;
	uint64_t version;
	skafu_appended appended; /* recorded_ns of a retry only */
};

struct model_record {
	struct plan_record plan;
	uint8_t id[16];
	uint64_t commit;
	uint64_t stream_version;
	int64_t recorded_ns;
	uint64_t erased; /* the commit that erased the payload; 0: it is there */
};

struct model_commit {
	struct plan *plan;
	uint8_t id[16];
	uint64_t first_sequence;
	int64_t recorded_ns;
	uint64_t stream_version;
};

struct model {
	struct model_record *records; /* sequence - 1 */
	struct model_commit *commits; /* number - 1 */
	size_t record_count;
	size_t record_room;
	size_t commit_count;
	size_t commit_room;
	uint64_t versions[MODEL_STREAMS];
	uint64_t before[MODEL_STREAMS]; /* events with a lower version are hidden; UINT64_MAX: deleted for good */
	uint32_t owners[MODEL_TYPES]; /* domain + 1 */
	uint8_t row_is[MODEL_TABLES][MODEL_KEYS];
	uint32_t row_token[MODEL_TABLES][MODEL_KEYS];
};

void model_free(struct model *model);

/* Texts and bytes, lent for a while: names for 30 more calls, bytes until the next call of the same function. */
const char *model_stream(uint32_t number);
const char *model_type(uint32_t number);
const char *model_tag(uint32_t number);
const char *model_correlation(uint32_t number);
const char *model_domain(uint32_t number);
const char *model_table(uint32_t number);
const char *model_key(uint32_t number);
const void *model_payload(uint32_t token, size_t *out_length, const char **out_content_type);
const char *model_metadata(uint32_t token); /* NULL: none */
const void *model_value(uint32_t token, size_t *out_length);
uint32_t model_event_version(uint32_t token);

/* The batch that a plan describes: 0 or the code of the call that failed.  Asserts nothing, for it runs in other
 * processes too. */
int32_t plan_fill(const struct plan *plan, skafu_batch *batch, skafu_error *error);
skafu_query *plan_query_make(const struct plan_query *query);

/* Judge a plan under the commit id that its batch has. */
void model_judge(const struct model *model, const struct plan *plan, const uint8_t id[16], struct verdict *out);

/* Take in what was appended; ids[i] is that of record i. */
void model_append(struct model *model, const struct plan *plan, const uint8_t id[16], uint8_t (*ids)[16],
		  int64_t recorded_ns);

/* 1 when no read gives a record any more. */
int model_hides(const struct model *model, uint64_t sequence);
int model_has_events(const struct model *model, uint32_t stream);

/* Which records a read gives. */
enum model_read_form { MODEL_ALL, MODEL_QUERY, MODEL_STREAM, MODEL_CORRELATION, MODEL_DOMAIN, MODEL_FORMS };

struct model_read {
	enum model_read_form form;
	uint32_t number; /* of the stream, correlation, domain */
	struct plan_query query;
	uint64_t limit;
	skafu_read_opts opts;
};

/* Sequences in order into `out`, which has room for all records; how many. */
size_t model_select(const struct model *model, const struct model_read *read, uint64_t *out);

/* The first difference between a record that was read and what the model has; NULL when they agree.  A payload that
 * was erased by a commit after `commits` may still be there. */
const char *model_differs(const struct model *model, uint64_t sequence, const skafu_record *record, uint64_t commits);

#endif

/*
 * skafumodel.c: inventing content and comparing it, see skafumodel.h.
 */
#include "fault/skafumodel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

#define RECORDS_MAX 4096
#define COMMITS_MAX 2048
#define ROW_OPS_MAX 2048
#define TYPES 4
#define DOMAINS 2
#define CORRELATIONS 3
#define SMALL_MAX 24 /* records; a model up to that is always read by every index */
#define VERIFY_EACH 16 /* states */
#define LARGE_BYTES 14000
#define ROW_BYTES 160

struct model_record {
	uint64_t digest;
	uint64_t erased_digest; /* without its payload */
	uint64_t erased_in;     /* commit; 0: none */
	uint64_t version;
	unsigned how;
	uint8_t id[16];
	uint8_t kind, stream, type, correlation, tags;
};

struct model_commit {
	uint8_t id[16];
	uint64_t first, last; /* sequences; first > last without records */
	uint64_t version;     /* of its last event */
	int64_t recorded_ns;
	size_t row_ops_after;
};

struct model_row_op {
	uint8_t table, key, deleted;
};

struct skafumodel {
	uint64_t seed;
	struct model_record records[RECORDS_MAX];
	struct model_commit commits[COMMITS_MAX + 1]; /* the one being made is at commit_count */
	struct model_row_op row_ops[ROW_OPS_MAX];
	uint64_t record_count, commit_count;
	size_t row_op_count;
	uint64_t versions[SKAFUMODEL_STREAMS];
	uint64_t turn;
};

static const char *const stream_names[SKAFUMODEL_STREAMS] = {
	"account-1", "order/2024/0000000000000000000000000000000000000000000000000000000000000007", "s",
	"r\xc3\xa9sum\xc3\xa9"};
static const char *const type_names[TYPES] = {"Opened", "Deposited", "Shipped", "Closed"};
static const char *const domain_names[DOMAINS] = {"bank", "shop"};
static const char *const correlation_names[CORRELATIONS] = {"c", "request-0017", "a0b1c2d3e4f5"};
static const char *const tag_names[SKAFUMODEL_TAGS] = {"course:1", "student:2", "z"};
static const char *const table_names[SKAFUMODEL_TABLES] = {"checkpoint", "timer"};
static const char *const key_names[SKAFUMODEL_KEYS] = {"a", "b/long-key-0123456789-0123456789", "c", "d"};

static const char *why = "nothing";

const char *skafumodel_why(void)
{
	return why;
}

static int bad(const char *what)
{
	why = what;
	return 1;
}

/* ---- the machine --------------------------------------------------------------------------------------------- */

static struct skafu__sys machine;
static uint64_t machine_random;
static int64_t machine_wall_ns, machine_monotonic_ns;

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

static int64_t machine_wall(void)
{
	return machine_wall_ns;
}

/* It goes on, so that nothing waits for ever, but by the same steps each time. */
static int64_t machine_monotonic(void)
{
	return machine_monotonic_ns += 100;
}

static int machine_bytes(void *out, size_t bytes)
{
	unsigned char *at = out;

	while (bytes > 0) {
		uint64_t value = mix(machine_random += 0x9e3779b97f4a7c15u);
		size_t some = bytes < 8 ? bytes : 8;

		memcpy(at, &value, some);
		at += some;
		bytes -= some;
	}
	return 0;
}

/* A process stays in the namespace that it began in, and the kernel is slow to name it. */
static int machine_stat(const char *path, struct stat *out)
{
	static struct stat of_namespace;

	if (strcmp(path, "/proc/self/ns/pid") != 0)
		return stat(path, out);
	if (of_namespace.st_ino == 0 && stat(path, &of_namespace) != 0)
		return -1;
	*out = of_namespace;
	return 0;
}

void skafumodel_machine(uint64_t seed, int64_t now_ns)
{
	if (!machine.open) {
		machine = *skafu__sys_current();
		machine.stat = machine_stat;
		machine.wall_ns = machine_wall;
		machine.wall_tick_ns = machine_wall;
		machine.monotonic_ns = machine_monotonic;
		machine.random = machine_bytes;
	}
	machine_random = mix(seed);
	machine_wall_ns = now_ns;
	machine_monotonic_ns = now_ns;
	skafu__sys_override(&machine);
}

/* ---- content ------------------------------------------------------------------------------------------------- */

struct content {
	skafu_new_record record;
	uint8_t id[16], causation[16];
	const char *tags[SKAFUMODEL_TAGS];
	char metadata[64];
	char data[LARGE_BYTES + 1];
};

static void id_make(uint64_t seed, uint64_t number, uint8_t id[16])
{
	uint64_t a = mix(seed + number * 2 + 1), b = mix(a ^ number);

	memcpy(id, &a, 8);
	memcpy(id + 8, &b, 8);
}

static void data_make(struct content *content, uint64_t hash, uint64_t sequence, int large)
{
	size_t i, length;

	if (!large) {
		content->record.data_length = (size_t)snprintf(content->data, sizeof(content->data),
							       "{\"n\":%llu,\"text\":\"%0*llx\"}",
							       (unsigned long long)sequence, (int)(hash % 90) + 1,
							       (unsigned long long)hash);
		return;
	}
	content->record.content_type = "application/octet-stream";
	length = 8200 + (size_t)(hash % (LARGE_BYTES - 8200));
	for (i = 0; i + 8 <= length; i += 8) {
		uint64_t word = mix(hash + i);

		memcpy(content->data + i, &word, 8);
	}
	content->record.data_length = i;
}

/* The record of a sequence: everything follows from seed, sequence and how. */
static void content_make(uint64_t seed, uint64_t sequence, unsigned how, struct content *content,
			 struct model_record *about)
{
	uint64_t hash = mix(seed ^ sequence * 0x9e3779b97f4a7c15u);
	skafu_new_record *record = &content->record;
	size_t tag;

	memset(record, 0, sizeof(*record));
	memset(about, 0, sizeof(*about));
	about->how = how;
	about->kind = how & SKAFUMODEL_COMMAND ? SKAFU_KIND_COMMAND : SKAFU_KIND_EVENT;
	about->stream = hash % SKAFUMODEL_STREAMS;
	about->type = hash >> 8 & 3;
	about->correlation = (uint8_t)((hash >> 16) % CORRELATIONS);
	record->size = sizeof(*record);
	record->kind = about->kind;
	record->stream = about->kind == SKAFU_KIND_EVENT ? stream_names[about->stream] : NULL;
	record->type = type_names[about->type];
	record->source = domain_names[about->type % DOMAINS];
	record->correlation = correlation_names[about->correlation];
	for (tag = 0; tag < SKAFUMODEL_TAGS; tag++) {
		if (hash >> (20 + tag) & 1) {
			about->tags |= (uint8_t)(1u << tag);
			content->tags[record->tag_count++] = tag_names[tag];
		}
	}
	record->tags = content->tags;
	record->data = content->data;
	data_make(content, hash, sequence, (how & SKAFUMODEL_LARGE) != 0);
	if (hash >> 24 & 1) {
		record->metadata = content->metadata;
		record->metadata_length = (size_t)snprintf(content->metadata, sizeof(content->metadata),
							   "{\"user\":%u}", (unsigned)(hash >> 40));
	}
	id_make(seed, sequence, content->id);
	id_make(seed, sequence - 1, content->causation);
	if (how & SKAFUMODEL_OWN_ID || hash >> 25 & 1)
		record->id = content->id;
	if (hash >> 26 & 1)
		record->causation = content->causation;
	if (hash >> 27 & 1) {
		record->flags = SKAFU_RECORD_TIME;
		record->time_ns = (int64_t)(hash >> 8);
	}
	record->event_version = hash >> 28 & 1 ? 0 : 2u << 16 | 7;
	record->hops = (uint32_t)(hash >> 29 & 3);
}

static size_t row_make(uint64_t seed, size_t row_op, unsigned char out[ROW_BYTES])
{
	uint64_t hash = mix(seed ^ (row_op + 7) * 0xd6e8feb86659fd93u);
	size_t i, length = (size_t)(hash % ROW_BYTES);

	for (i = 0; i < length; i++)
		out[i] = (unsigned char)(hash >> (i % 8 * 8));
	return length;
}

/* ---- digests ------------------------------------------------------------------------------------------------- */

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	uint64_t word;

	hash = (hash ^ length) * 0x9e3779b97f4a7c15u;
	for (; length >= 8; length -= 8, at += 8) {
		memcpy(&word, at, 8);
		hash = ((hash << 25 | hash >> 39) ^ word) * 0xbf58476d1ce4e5b9u;
	}
	for (; length > 0; length--, at++)
		hash = (hash ^ *at) * 0x100000001b3u;
	return hash ^ hash >> 29;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	return hash_bytes(hash, text, strlen(text));
}

/* Everything that a reader sees of a record. */
static uint64_t record_digest(const skafu_record *record)
{
	const uint64_t numbers[] = {record->kind, record->flags, record->event_version, record->sequence,
				    record->commit, record->stream_version, (uint64_t)record->time_ns,
				    (uint64_t)record->recorded_ns, record->tag_count, record->severity, record->hops};
	uint64_t hash = hash_bytes(1, numbers, sizeof(numbers));
	const char *tag = record->tags;
	uint32_t i;

	hash = hash_bytes(hash, record->id, 16);
	hash = hash_bytes(hash, record->causation, 16);
	hash = hash_text(hash, record->stream);
	hash = hash_text(hash, record->type);
	hash = hash_text(hash, record->source);
	hash = hash_text(hash, record->correlation);
	hash = hash_text(hash, record->content_type);
	for (i = 0; i < record->tag_count; i++, tag += strlen(tag) + 1)
		hash = hash_text(hash, tag);
	hash = hash_bytes(hash, record->data, record->data_length);
	return hash_bytes(hash, record->metadata, record->metadata_length);
}

/* What reading the record must give, before its payload is erased and after. */
static void content_digest(const struct content *content, struct model_record *about, uint64_t sequence,
			   uint64_t commit)
{
	static const uint8_t none[16];
	const skafu_new_record *given = &content->record;
	char tags[SKAFUMODEL_TAGS * 32];
	size_t i, at = 0;
	skafu_record record;

	memset(&record, 0, sizeof(record));
	for (i = 0; i < given->tag_count; at += strlen(given->tags[i]) + 1, i++)
		memcpy(tags + at, given->tags[i], strlen(given->tags[i]) + 1);
	record.kind = given->kind;
	record.flags = given->content_type ? 0 : SKAFU_RECORD_IS_JSON;
	record.event_version = given->event_version ? given->event_version : 1u << 16;
	record.sequence = sequence;
	record.commit = commit;
	record.stream_version = about->version;
	record.time_ns = given->flags & SKAFU_RECORD_TIME ? given->time_ns : machine_wall_ns;
	record.recorded_ns = machine_wall_ns;
	record.id = about->id;
	record.causation = given->causation ? given->causation : none;
	record.stream = given->stream ? given->stream : "";
	record.type = given->type;
	record.source = given->source;
	record.correlation = given->correlation;
	record.content_type = given->content_type ? given->content_type : "application/json";
	record.tags = tags;
	record.tag_count = (uint32_t)given->tag_count;
	record.data = given->data;
	record.data_length = (uint32_t)given->data_length;
	record.metadata = given->metadata;
	record.metadata_length = (uint32_t)given->metadata_length;
	record.hops = given->hops;
	about->digest = record_digest(&record);
	record.flags = SKAFU_RECORD_ERASED;
	record.data_length = 0;
	about->erased_digest = record_digest(&record);
}

/* ---- making -------------------------------------------------------------------------------------------------- */

struct skafumodel *skafumodel_new(uint64_t seed)
{
	struct skafumodel *model = calloc(1, sizeof(*model));

	if (model) {
		model->seed = seed;
		model->commits[0].first = 1;
	}
	return model;
}

void skafumodel_free(struct skafumodel *model)
{
	free(model);
}

uint64_t skafumodel_choice(const struct skafumodel *model, uint64_t purpose)
{
	return mix(model->seed ^ mix(purpose + model->record_count * 3 + model->row_op_count * 5 + 11));
}

int32_t skafumodel_record(struct skafumodel *model, skafu_batch *batch, unsigned how)
{
	struct model_record *about = &model->records[model->record_count];
	static struct content content;
	int32_t rc;

	if (model->record_count == RECORDS_MAX)
		return SKAFU_ELIMIT;
	content_make(model->seed, model->record_count + 1, how, &content, about);
	rc = skafu_batch_add(batch, &content.record, NULL);
	if (rc == 0)
		rc = skafu_batch_record_id(batch, skafu_batch_count(batch) - 1, about->id);
	if (rc != 0)
		return rc;
	if (about->kind == SKAFU_KIND_EVENT)
		model->commits[model->commit_count].version = about->version = ++model->versions[about->stream];
	model->record_count++;
	content_digest(&content, about, model->record_count, model->commit_count + 1);
	return 0;
}

int32_t skafumodel_erase(struct skafumodel *model, skafu_batch *batch)
{
	uint64_t count = model->commits[model->commit_count].first - 1; /* records of the commits before */
	uint64_t at = count ? skafumodel_choice(model, 21) % count : 0;
	int32_t rc = 0;

	if (count != 0 && model->records[at].erased_in == 0)
		rc = skafu_batch_erase(batch, at + 1, NULL);
	if (rc == 0 && count != 0 && model->records[at].erased_in == 0)
		model->records[at].erased_in = model->commit_count + 1;
	return rc;
}

/* The operation that the row comes from among the first `count`; 0 when the row is not there, else its place + 1. */
static size_t row_now(const struct skafumodel *model, size_t count, size_t table, size_t key)
{
	while (count > 0) {
		const struct model_row_op *op = &model->row_ops[count - 1];

		if (op->table == table && op->key == key)
			return op->deleted ? 0 : count;
		count--;
	}
	return 0;
}

static int32_t row_expect(const struct skafumodel *model, skafu_batch *batch, size_t table, size_t key)
{
	/* Expectations are about the state before the batch. */
	size_t before = model->commit_count ? model->commits[model->commit_count - 1].row_ops_after : 0;
	size_t now = row_now(model, before, table, key), length = strlen(key_names[key]);
	unsigned char value[ROW_BYTES];

	if (!now)
		return skafu_batch_expect_no_row(batch, table_names[table], key_names[key], length, NULL);
	return skafu_batch_expect_row(batch, table_names[table], key_names[key], length, value,
				      row_make(model->seed, now - 1, value), NULL);
}

static int32_t row_change(struct skafumodel *model, skafu_batch *batch, struct model_row_op op, int expect)
{
	size_t length = strlen(key_names[op.key]);
	unsigned char value[ROW_BYTES];
	int32_t rc = expect ? row_expect(model, batch, op.table, op.key) : 0;

	if (model->row_op_count == ROW_OPS_MAX)
		return SKAFU_ELIMIT;
	if (rc == 0 && op.deleted)
		rc = skafu_batch_delete_row(batch, table_names[op.table], key_names[op.key], length, NULL);
	else if (rc == 0)
		rc = skafu_batch_put_row(batch, table_names[op.table], key_names[op.key], length, value,
					 row_make(model->seed, model->row_op_count, value), NULL);
	if (rc == 0)
		model->row_ops[model->row_op_count++] = op;
	return rc;
}

int32_t skafumodel_put_row(struct skafumodel *model, skafu_batch *batch, size_t table, size_t key, int expect)
{
	return row_change(model, batch, (struct model_row_op){(uint8_t)table, (uint8_t)key, 0}, expect);
}

int32_t skafumodel_delete_row(struct skafumodel *model, skafu_batch *batch, size_t table, size_t key, int expect)
{
	return row_change(model, batch, (struct model_row_op){(uint8_t)table, (uint8_t)key, 1}, expect);
}

int32_t skafumodel_seal(struct skafumodel *model, skafu_batch *batch)
{
	struct model_commit *commit = &model->commits[model->commit_count];

	if (model->commit_count == COMMITS_MAX)
		return SKAFU_ELIMIT;
	commit->last = model->record_count;
	commit->recorded_ns = machine_wall_ns;
	commit->row_ops_after = model->row_op_count;
	model->commit_count++;
	commit[1].first = model->record_count + 1;
	return skafu_batch_id(batch, commit->id, NULL);
}

int32_t skafumodel_again(const struct skafumodel *model, uint64_t number, skafu_batch *batch)
{
	const struct model_commit *commit = &model->commits[number - 1];
	static struct content content;
	struct model_record about;
	uint64_t sequence;
	int32_t rc = 0;

	for (sequence = commit->first; sequence <= commit->last && rc == 0; sequence++) {
		content_make(model->seed, sequence, model->records[sequence - 1].how, &content, &about);
		rc = skafu_batch_add(batch, &content.record, NULL);
	}
	return rc ? rc : skafu_batch_set_id(batch, commit->id, NULL);
}

int skafumodel_outcome_is(const struct skafumodel *model, uint64_t number, uint32_t flags,
			  const skafu_appended *outcome)
{
	const struct model_commit *commit = &model->commits[number - 1];
	int has_records = commit->first <= commit->last;

	return outcome->flags == flags && outcome->commit == number && outcome->stream_version == commit->version &&
	       outcome->first_sequence == (has_records ? commit->first : 0) &&
	       outcome->last_sequence == (has_records ? commit->last : 0) &&
	       outcome->recorded_ns == commit->recorded_ns;
}

const char *skafumodel_stream(size_t stream)
{
	return stream_names[stream];
}

const char *skafumodel_tag(size_t tag)
{
	return tag_names[tag];
}

uint64_t skafumodel_version(const struct skafumodel *model, size_t stream)
{
	return model->versions[stream];
}

uint64_t skafumodel_head(const struct skafumodel *model)
{
	return model->record_count;
}

uint64_t skafumodel_commits(const struct skafumodel *model)
{
	return model->commit_count;
}

void skafumodel_commit_id(const struct skafumodel *model, uint64_t commit, uint8_t id[16])
{
	memcpy(id, model->commits[commit - 1].id, 16);
}

/* ---- comparing ----------------------------------------------------------------------------------------------- */

#define ANY 0xffu

/* Which records an index must give. */
struct wanted {
	unsigned kinds; /* 1 << kind */
	unsigned stream, type, domain, correlation, tag;
};

struct check {
	const struct skafumodel *model;
	skafu_store *store;
	uint64_t commits, head;
	size_t row_ops;
	uint64_t turn;
	int all; /* by every index */
};

static struct wanted wanted_all(unsigned kinds)
{
	return (struct wanted){kinds, ANY, ANY, ANY, ANY, ANY};
}

static int is_wanted(const struct wanted *wanted, const struct model_record *record)
{
	return (wanted->kinds >> record->kind & 1) && (wanted->stream == ANY || wanted->stream == record->stream) &&
	       (wanted->type == ANY || wanted->type == record->type) &&
	       (wanted->domain == ANY || wanted->domain == record->type % DOMAINS) &&
	       (wanted->correlation == ANY || wanted->correlation == record->correlation) &&
	       (wanted->tag == ANY || (record->tags >> wanted->tag & 1));
}

static uint64_t digest_at(const struct check *check, const struct model_record *record)
{
	return record->erased_in != 0 && record->erased_in <= check->commits ? record->erased_digest : record->digest;
}

/* Takes the cursor: it must give exactly the wanted records, in their order. */
static int cursor_differs(const struct check *check, int32_t opened, skafu_cursor *cursor, struct wanted wanted)
{
	const struct model_record *records = check->model->records;
	const skafu_record *record;
	uint64_t at = 0;
	int32_t rc;

	if (opened != 0)
		return bad("a cursor did not open");
	while ((rc = skafu_cursor_next(cursor, &record, NULL)) == 1) {
		while (at < check->head && !is_wanted(&wanted, &records[at]))
			at++;
		if (at == check->head || record_digest(record) != digest_at(check, &records[at]))
			break;
		at++;
	}
	skafu_cursor_free(cursor);
	while (at < check->head && !is_wanted(&wanted, &records[at]))
		at++;
	return rc != 0 ? bad("a record is wrong or unreadable") : at != check->head ? bad("a record is missing") : 0;
}

static int sequence_differs(const struct check *check)
{
	skafu_read_opts opts = {.size = sizeof(opts), .kinds = SKAFU_KINDS_ALL};
	skafu_cursor *cursor;
	int32_t rc = skafu_read(check->store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, NULL);

	return cursor_differs(check, rc, cursor, wanted_all(SKAFU_KINDS_ALL));
}

static uint64_t version_at(const struct check *check, size_t stream)
{
	uint64_t at;

	for (at = check->head; at > 0; at--) {
		const struct model_record *record = &check->model->records[at - 1];

		if (record->kind == SKAFU_KIND_EVENT && record->stream == stream)
			return record->version;
	}
	return 0;
}

static int stream_differs(const struct check *check, unsigned stream)
{
	struct wanted wanted = wanted_all(SKAFU_KINDS_EVENTS);
	skafu_cursor *cursor;
	uint64_t version;
	int32_t rc = skafu_stream_version(check->store, stream_names[stream], &version, NULL);

	if (rc != 0 || version != version_at(check, stream))
		return bad("the version of a stream is wrong");
	wanted.stream = stream;
	rc = skafu_read_stream(check->store, stream_names[stream], SKAFU_NO_LIMIT, NULL, &cursor, NULL);
	return cursor_differs(check, rc, cursor, wanted) && bad("a stream reads wrong");
}

static int correlation_differs(const struct check *check, unsigned correlation)
{
	skafu_read_opts opts = {.size = sizeof(opts), .kinds = SKAFU_KINDS_ALL};
	struct wanted wanted = wanted_all(SKAFU_KINDS_ALL);
	skafu_cursor *cursor;
	int32_t rc = skafu_read_correlation(check->store, correlation_names[correlation], SKAFU_NO_LIMIT, &opts,
					    &cursor, NULL);

	wanted.correlation = correlation;
	return cursor_differs(check, rc, cursor, wanted) && bad("a correlation reads wrong");
}

static int domain_differs(const struct check *check, unsigned domain)
{
	struct wanted wanted = wanted_all(SKAFU_KINDS_EVENTS);
	skafu_cursor *cursor;
	int32_t rc = skafu_read_domain(check->store, domain_names[domain], SKAFU_NO_LIMIT, NULL, &cursor, NULL);

	wanted.domain = domain;
	return cursor_differs(check, rc, cursor, wanted) && bad("a domain reads wrong");
}

static int kind_differs(const struct check *check)
{
	skafu_read_opts opts = {.size = sizeof(opts), .kinds = SKAFU_KINDS_COMMANDS};
	skafu_cursor *cursor;
	int32_t rc = skafu_read(check->store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, NULL);

	return cursor_differs(check, rc, cursor, wanted_all(SKAFU_KINDS_COMMANDS)) && bad("the commands read wrong");
}

/* By tag, or by type when tag is ANY. */
static int query_differs(const struct check *check, unsigned tag, unsigned type)
{
	struct wanted wanted = wanted_all(SKAFU_KINDS_EVENTS);
	skafu_cursor *cursor = NULL;
	skafu_query *query;
	int32_t rc = skafu_query_new(&query, NULL);

	if (rc != 0)
		return bad("no query");
	wanted.tag = tag;
	wanted.type = type;
	rc = skafu_query_add_item(query, NULL);
	if (rc == 0)
		rc = tag != ANY ? skafu_query_add_tag(query, tag_names[tag], NULL)
				: skafu_query_add_type(query, type_names[type], NULL);
	if (rc == 0)
		rc = skafu_read(check->store, query, SKAFU_NO_LIMIT, NULL, &cursor, NULL);
	skafu_query_free(query);
	return cursor_differs(check, rc, cursor, wanted) &&
	       bad(tag != ANY ? "a tag reads wrong" : "a type reads wrong");
}

static int id_differs(const struct check *check, uint64_t sequence)
{
	const struct model_record *about = &check->model->records[sequence - 1];
	skafu_record *record;
	int32_t rc = skafu_get_by_id(check->store, about->id, &record, NULL);
	int differs;

	if (sequence > check->head)
		return rc != SKAFU_ENOTFOUND && bad("an id of a commit that is not there is found");
	if (rc != 0)
		return bad("an id is not found");
	differs = record_digest(record) != digest_at(check, about);
	skafu_record_free(record);
	return differs && bad("an id leads to another record");
}

static int commit_differs(const struct check *check, uint64_t commit)
{
	skafu_appended outcome = {.size = sizeof(outcome)};
	int32_t rc = skafu_commit_status(check->store, check->model->commits[commit - 1].id, &outcome, NULL);

	if (commit > check->commits)
		return rc != SKAFU_ENOTFOUND && bad("a commit that is not there has a status");
	return (rc != 0 || !skafumodel_outcome_is(check->model, commit, outcome.flags, &outcome)) &&
	       bad("the status of a commit is wrong");
}

/* Not for the first ids only, and always those at the border. */
static int ids_differ(const struct check *check)
{
	uint64_t n, near = check->head > 2 ? check->head - 2 : 1;

	for (n = check->all ? 1 : near; n <= check->model->record_count && (check->all || n <= check->head + 1);
	     n++) {
		if (id_differs(check, n))
			return 1;
	}
	if (!check->all && check->head && id_differs(check, check->turn % check->head + 1))
		return 1;
	near = check->commits > 1 ? check->commits - 1 : 1;
	for (n = check->all ? 1 : near; n <= check->model->commit_count && n <= check->commits + 1; n++) {
		if (commit_differs(check, n))
			return 1;
	}
	return check->commits && commit_differs(check, check->turn % check->commits + 1);
}

static int row_differs(const struct check *check, const skafu_row *row, size_t table, size_t key)
{
	size_t now = row_now(check->model, check->row_ops, table, key);
	unsigned char value[ROW_BYTES];

	return now == 0 || row->key_length != strlen(key_names[key]) ||
	       memcmp(row->key, key_names[key], row->key_length) != 0 ||
	       row->value_length != row_make(check->model->seed, now - 1, value) ||
	       memcmp(row->value, value, row->value_length) != 0;
}

/* The keys stand in order. */
static int rows_differ(const struct check *check, size_t table)
{
	const skafu_row *row;
	skafu_rows *rows;
	size_t key = 0;
	int32_t rc;

	if (skafu_rows_open(check->store, table_names[table], NULL, SKAFU_NO_LIMIT, &rows, NULL) != 0)
		return bad("a table does not open");
	while ((rc = skafu_rows_next(rows, &row, NULL)) == 1) {
		while (key < SKAFUMODEL_KEYS && !row_now(check->model, check->row_ops, table, key))
			key++;
		if (key == SKAFUMODEL_KEYS || row_differs(check, row, table, key))
			break;
		key++;
	}
	skafu_rows_free(rows);
	while (key < SKAFUMODEL_KEYS && !row_now(check->model, check->row_ops, table, key))
		key++;
	return (rc != 0 || key != SKAFUMODEL_KEYS) && bad("the rows of a table are wrong");
}

static int row_get_differs(const struct check *check, size_t table, size_t key)
{
	size_t length = 0, now = row_now(check->model, check->row_ops, table, key);
	unsigned char value[ROW_BYTES];
	void *got = NULL;
	int32_t rc = skafu_row_get(check->store, table_names[table], key_names[key], strlen(key_names[key]), &got,
				   &length, NULL);
	int differs;

	if (!now)
		return rc != SKAFU_ENOTFOUND && bad("a row is there that must not be");
	differs = rc != 0 || length != row_make(check->model->seed, now - 1, value) ||
		  memcmp(got, value, length) != 0;
	if (rc == 0)
		skafu_bytes_free(got);
	return differs && bad("a row is wrong");
}

static int streams_differ(const struct check *check)
{
	const skafu_stream_info *info;
	skafu_stream_list *list;
	size_t there = 0, i;
	int32_t rc = skafu_stream_list_open(check->store, "", SKAFU_NO_LIMIT, &list, NULL);

	if (rc != 0)
		return bad("the list of streams does not open");
	while ((rc = skafu_stream_list_next(list, &info, NULL)) == 1) {
		for (i = 0; i < SKAFUMODEL_STREAMS && strcmp(info->name, stream_names[i]) != 0; i++)
			continue;
		if (i == SKAFUMODEL_STREAMS || info->version == 0 || info->version != version_at(check, i))
			break;
		there++;
	}
	skafu_stream_list_free(list);
	for (i = 0; i < SKAFUMODEL_STREAMS; i++)
		there -= version_at(check, i) != 0;
	return (rc != 0 || there != 0) && bad("the list of streams is wrong");
}

/* Which ones of `count` this check looks at: all, or one of them in turn. */
static int in_turn(const struct check *check, unsigned i, unsigned count)
{
	return check->all || check->turn / 4 % count == i;
}

static int named_differ(const struct check *check, uint64_t quarter)
{
	unsigned i;

	for (i = 0; i < CORRELATIONS && quarter == 0; i++) {
		if (in_turn(check, i, CORRELATIONS) && correlation_differs(check, i))
			return 1;
	}
	for (i = 0; i < SKAFUMODEL_TAGS && quarter == 1; i++) {
		if (in_turn(check, i, SKAFUMODEL_TAGS) && query_differs(check, i, ANY))
			return 1;
	}
	for (i = 0; i < TYPES && quarter == 2; i++) {
		if (in_turn(check, i, TYPES) && query_differs(check, ANY, i))
			return 1;
	}
	for (i = 0; i < DOMAINS && quarter == 3; i++) {
		if (in_turn(check, i, DOMAINS) && domain_differs(check, i))
			return 1;
	}
	return quarter == 3 && (kind_differs(check) || streams_differ(check));
}

static int indexes_differ(const struct check *check)
{
	unsigned i;

	for (i = 0; i < SKAFUMODEL_STREAMS; i++) {
		if (in_turn(check, i, SKAFUMODEL_STREAMS) && stream_differs(check, i))
			return 1;
	}
	for (i = 0; i < SKAFUMODEL_TABLES; i++) {
		if (rows_differ(check, i))
			return 1;
	}
	for (i = 0; i < SKAFUMODEL_TABLES * SKAFUMODEL_KEYS; i++) {
		if (in_turn(check, i, SKAFUMODEL_TABLES * SKAFUMODEL_KEYS) &&
		    row_get_differs(check, i % SKAFUMODEL_TABLES, i / SKAFUMODEL_TABLES))
			return 1;
	}
	for (i = 0; i < 4; i++) {
		if ((check->all || check->turn % 4 == i) && named_differ(check, i))
			return 1;
	}
	return ids_differ(check);
}

/* ---- going on ------------------------------------------------------------------------------------------------ */

static int32_t more_fill(const struct check *check, skafu_batch *batch, const uint8_t id[16])
{
	static const char *const tags[] = {"z"};
	skafu_new_record record = {.size = sizeof(record), .stream = stream_names[0], .type = type_names[0],
				   .source = domain_names[0], .tags = tags, .tag_count = 1, .id = id,
				   .correlation = correlation_names[0]};
	int32_t rc =
		skafu_batch_expect_stream(batch, stream_names[0], SKAFU_EXPECT_EXACT, version_at(check, 0), NULL);

	if (rc == 0)
		rc = skafu_batch_put_row(batch, table_names[0], key_names[0], 1, "again", 5, NULL);
	return rc ? rc : skafu_batch_add(batch, &record, NULL);
}

static int more_reads_wrong(const struct check *check, const skafu_appended *outcome, const uint8_t id[16])
{
	skafu_record *record;
	uint64_t version = 0, head = 0;
	int32_t rc = skafu_get_by_id(check->store, id, &record, NULL);

	if (rc != 0)
		return 1;
	if (record->sequence != check->head + 1 || record->commit != check->commits + 1)
		rc = SKAFU_EDAMAGED;
	skafu_record_free(record);
	if (rc == 0)
		rc = skafu_stream_version(check->store, stream_names[0], &version, NULL);
	if (rc == 0)
		rc = skafu_store_head(check->store, &head, NULL);
	return rc != 0 || outcome->commit != check->commits + 1 || outcome->first_sequence != check->head + 1 ||
	       outcome->last_sequence != check->head + 1 || version != version_at(check, 0) + 1 ||
	       head != check->head + 1;
}

/* The store must take one more commit and give it back. */
static int more_fails(const struct check *check)
{
	skafu_appended outcome = {.size = sizeof(outcome)};
	skafu_batch *batch;
	uint8_t id[16];
	int32_t rc = skafu_batch_new(check->store, &batch, NULL);

	if (rc != 0)
		return bad("no batch");
	id_make(check->model->seed ^ 0x5a5a5a5a, UINT64_MAX / 4, id);
	rc = more_fill(check, batch, id);
	if (rc == 0)
		rc = skafu_append(check->store, batch, SKAFU_WAIT_FOREVER, &outcome, NULL);
	skafu_batch_free(batch);
	if (rc != 0)
		return bad("the store takes no more commits");
	return more_reads_wrong(check, &outcome, id) && bad("one more commit reads wrong");
}

/* The store's own opinion, of the log, its index and its chain. */
static int verify_finds(const struct check *check)
{
	skafu_verify_report report = {.size = sizeof(report)};
	int32_t rc = skafu_store_verify(check->store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report,
					NULL);

	return (rc != 0 || report.faults != 0 || report.commits != check->commits) && bad("verify finds a fault");
}

enum crash_verdict skafumodel_check(struct skafumodel *model, skafu_store *store, uint64_t least, uint64_t most)
{
	struct check check = {.model = model, .store = store, .turn = model->turn++};
	skafu_store_stats stats = {.size = sizeof(stats)};

	check.all = model->record_count <= SMALL_MAX;
	if (skafu_store_stats_get(store, &stats, NULL) != 0 || stats.commits > model->commit_count)
		return bad("the store cannot say how far it is") ? CRASH_CORRUPT : CRASH_FINE;
	check.commits = stats.commits;
	check.head = check.commits ? model->commits[check.commits - 1].last : 0;
	check.row_ops = check.commits ? model->commits[check.commits - 1].row_ops_after : 0;
	if (stats.head != check.head)
		return bad("the head is wrong") ? CRASH_CORRUPT : CRASH_FINE;
	if (check.commits < least)
		return bad("acknowledged commits are gone") ? CRASH_LOST : CRASH_FINE;
	if (check.commits > most)
		return bad("commits are there that were not begun") ? CRASH_CORRUPT : CRASH_FINE;
	if (check.turn % VERIFY_EACH == 0 && verify_finds(&check))
		return CRASH_CORRUPT;
	if (sequence_differs(&check) || indexes_differ(&check) || more_fails(&check))
		return CRASH_CORRUPT;
	return CRASH_FINE;
}

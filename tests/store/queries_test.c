/*
 * queries_test.c: the index against a scan: every form of query, at random, against a filter over all records of the
 * log, while folds and merges happen every few commits and hashes collide all the time; and again when streams are
 * truncated and deleted and payloads erased meanwhile.
 */
#include "store/tempstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/hash.h"

#define STREAMS 12u
#define TYPES 10u
#define TAGS 6u
#define CORRELATIONS 5u
#define DOMAINS 3u
#define KEYS 40u
#define COMMITS 500u
#define QUERIES 4000u
#define RECORDS_MAX 4096u

static struct tempstore temp;
static skafu_record *records[RECORDS_MAX]; /* all of the log, as a plain scan gives them */
static size_t record_count;
static uint64_t commit_rows[KEYS]; /* value + 1 of each row, 0: none */
static uint64_t versions[STREAMS];  /* of the last event, also of one that is hidden */
static uint64_t befores[STREAMS];   /* events below are hidden; UINT64_MAX: deleted for good */
static uint8_t erased[RECORDS_MAX];
static uint32_t hides_percent;

/* ---- the log ------------------------------------------------------------------------------------------------- */

static const char *name_of(const char *what, uint32_t number)
{
	static char names[64][24];
	static unsigned next;
	char *name = names[next++ % 64];

	snprintf(name, sizeof names[0], "%s-%u", what, number);
	return name;
}

/* A type belongs to one domain; those of notes are names of their own. */
static const char *type_name(uint32_t kind, uint32_t number)
{
	return name_of(kind == SKAFU_KIND_EVENT || kind == SKAFU_KIND_COMMAND ? "Type" : "Note", number);
}

static void add_random(skafu_batch *batch)
{
	static const uint32_t kinds[] = {SKAFU_KIND_EVENT,   SKAFU_KIND_EVENT, SKAFU_KIND_EVENT,
					 SKAFU_KIND_COMMAND, SKAFU_KIND_ERROR, SKAFU_KIND_OUTCOME};
	uint32_t kind = kinds[random_below(6)];
	uint32_t type = random_below(TYPES);
	const char *tags[4];
	skafu_new_record record = {.size = sizeof record, .kind = kind, .type = type_name(kind, type)};

	uint32_t stream = random_below(STREAMS);

	if (kind == SKAFU_KIND_EVENT && befores[stream] == UINT64_MAX)
		return;
	if (kind == SKAFU_KIND_EVENT)
		versions[stream]++;
	record.stream = kind == SKAFU_KIND_EVENT ? name_of("stream", stream) : NULL;
	record.source = name_of("domain", type % DOMAINS);
	record.tag_count = random_below(4);
	for (uint32_t i = 0; i < record.tag_count; i++)
		tags[i] = name_of("tag", random_below(TAGS));
	record.tags = record.tag_count ? tags : NULL;
	record.correlation = name_of("correlation", random_below(CORRELATIONS));
	went(skafu_batch_add(batch, &record, fault));
}

static void add_row(skafu_batch *batch)
{
	uint32_t number = random_below(KEYS);
	const char *key = name_of("key", number);
	uint64_t value = random_below(1000);

	if (random_below(3) == 0) {
		went(skafu_batch_delete_row(batch, "table", key, strlen(key), fault));
		commit_rows[number] = 0;
	} else {
		went(skafu_batch_put_row(batch, "table", key, strlen(key), &value, sizeof value, fault));
		commit_rows[number] = value + 1;
	}
}

/* One stream or payload goes, by a commit of its own. */
static void hide_random(void)
{
	skafu_batch *batch = batch_of(temp.store);
	uint32_t stream = random_below(STREAMS);
	const char *name = name_of("stream", stream);
	uint64_t head = head_of(temp.store);
	uint64_t version = versions[stream];
	uint32_t what = random_below(40);

	if (what < 16 && head != 0) {
		uint64_t sequence = 1 + random_below((uint32_t)head);

		went(skafu_batch_erase(batch, sequence, fault));
		erased[sequence] = 1;
	} else if (what == 16 && stream < 2) {
		went(skafu_batch_tombstone_stream(batch, name, fault));
		befores[stream] = befores[stream] == UINT64_MAX ? 0 : UINT64_MAX;
	} else if (what > 36 && version != 0 && befores[stream] <= version) {
		went(skafu_batch_delete_stream(batch, name, version, fault));
		befores[stream] = version + 1;
	} else if (befores[stream] != UINT64_MAX && version + 1 > befores[stream]) {
		uint64_t before = befores[stream] + 1 + random_below((uint32_t)(version + 1 - befores[stream]));

		went(skafu_batch_truncate_stream(batch, name, before, fault));
		befores[stream] = before;
	}
	if (befores[stream] == 0 && what == 16) { /* it was deleted for good before */
		befores[stream] = UINT64_MAX;
		refused(SKAFU_EDELETED, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
		skafu_batch_free(batch);
		return;
	}
	add_row(batch);
	appended_by(temp.store, batch);
}

static int is_hidden(const skafu_record *record)
{
	return record->kind == SKAFU_KIND_EVENT &&
	       record->stream_version < befores[strtoul(record->stream + strlen("stream-"), NULL, 10)];
}

static void append_random(uint32_t commits)
{
	for (uint32_t i = 0; i < commits; i++) {
		skafu_batch *batch = batch_of(temp.store);
		uint32_t count = random_below(5);

		if (random_below(100) < hides_percent)
			hide_random();
		for (uint32_t k = 0; k < count; k++)
			add_random(batch);
		if (skafu_batch_count(batch) == 0 || random_below(3) == 0)
			add_row(batch);
		clock_offset_ns += random_below(4) * INT64_C(1000000000);
		appended_by(temp.store, batch);
	}
}

static void forget_records(void)
{
	while (record_count > 0)
		skafu_record_free(records[--record_count]);
}

/* A sequence that readers do not see. */
static int is_gone(uint64_t sequence)
{
	skafu_record *record = NULL;
	int32_t rc = skafu_get(temp.store, sequence, &record, fault);

	skafu_record_free(record);
	return rc == SKAFU_ENOTFOUND;
}

/* What a plain scan gives is what the log had at the last scan and has since, less what is hidden. */
static void scan(void)
{
	skafu_cursor *cursor;
	const skafu_record *record;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	uint64_t last = 0;
	int32_t rc;

	forget_records();
	went(skafu_read(temp.store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, fault));
	while ((rc = skafu_cursor_next(cursor, &record, fault)) == 1) {
		ck_assert_uint_lt(record_count, RECORDS_MAX);
		ck_assert(!is_hidden(record) && record->sequence > last);
		ck_assert(hides_percent != 0 || record->sequence == last + 1);
		ck_assert_int_eq((record->flags & SKAFU_RECORD_ERASED) != 0, erased[record->sequence]);
		ck_assert_int_eq(record->data_length == 0, erased[record->sequence]);
		for (last++; last < record->sequence; last++)
			ck_assert(is_gone(last));
		went(skafu_record_copy(record, &records[record_count++], fault));
	}
	went(rc);
	skafu_cursor_free(cursor);
	ck_assert_uint_gt(record_count, 0);
}

/* ---- one question --------------------------------------------------------------------------------------------- */

enum form { FORM_QUERY, FORM_STREAM, FORM_CORRELATION, FORM_DOMAIN, FORMS };

struct question {
	enum form form;
	char text[24]; /* stream, correlation, domain */
	uint32_t items;
	uint32_t types[3]; /* bits: number * 2, + 1 for notes */
	uint32_t tags[3];
	uint64_t limit;
	skafu_read_opts opts;
};

static uint32_t kind_bit(uint32_t kind)
{
	return 1u << kind;
}

static int has_tag(const skafu_record *record, const char *tag)
{
	for (uint32_t i = 0; i < record->tag_count; i++)
		if (strcmp(skafu_record_tag(record, i), tag) == 0)
			return 1;
	return 0;
}

static int item_matches(const skafu_record *record, uint32_t types, uint32_t tags)
{
	int type_is_right = types == 0;

	for (uint32_t i = 0; i < 2 * TYPES; i++)
		if (types & 1u << i && strcmp(record->type, name_of(i % 2 ? "Note" : "Type", i / 2)) == 0)
			type_is_right = 1;
	for (uint32_t i = 0; i < TAGS; i++)
		if (tags & 1u << i && !has_tag(record, name_of("tag", i)))
			return 0;
	return type_is_right;
}

static int form_matches(const struct question *question, const skafu_record *record)
{
	int matches = question->items == 0;

	if (question->form == FORM_STREAM)
		return strcmp(record->stream, question->text) == 0;
	if (question->form == FORM_CORRELATION)
		return strcmp(record->correlation, question->text) == 0;
	if (question->form == FORM_DOMAIN)
		return strcmp(record->source, question->text) == 0;
	for (uint32_t i = 0; i < question->items; i++)
		matches |= item_matches(record, question->types[i], question->tags[i]);
	return matches;
}

static int answers(const struct question *question, const skafu_record *record)
{
	const skafu_read_opts *opts = &question->opts;
	uint32_t kinds = opts->kinds ? opts->kinds : SKAFU_KINDS_EVENTS;
	uint64_t place = question->form == FORM_STREAM ? record->stream_version : record->sequence;

	if (question->form == FORM_STREAM)
		kinds = SKAFU_KINDS_EVENTS;
	return (kinds & kind_bit(record->kind)) && (opts->from == 0 || place >= opts->from) &&
	       (opts->to == 0 || place <= opts->to) &&
	       (!(opts->flags & SKAFU_READ_RECORDED_FROM) || record->recorded_ns >= opts->recorded_from_ns) &&
	       (!(opts->flags & SKAFU_READ_RECORDED_TO) || record->recorded_ns <= opts->recorded_to_ns) &&
	       form_matches(question, record);
}

static uint64_t versions_of(const char *stream)
{
	unsigned long number = strtoul(stream + strlen("stream-"), NULL, 10);

	return number < STREAMS ? versions[number] : 0;
}

static void make_bounds(struct question *question)
{
	skafu_read_opts *opts = &question->opts;
	uint64_t last = question->form == FORM_STREAM ? versions_of(question->text)
						      : records[record_count - 1]->sequence;

	if (last != 0 && random_below(2))
		opts->from = 1 + random_below((uint32_t)last);
	if (last != 0 && random_below(2))
		opts->to = (opts->from ? opts->from : 1) + random_below((uint32_t)last + 5);
	if (random_below(3) == 0) {
		opts->flags |= SKAFU_READ_RECORDED_FROM;
		opts->recorded_from_ns = records[random_below((uint32_t)record_count)]->recorded_ns;
	}
	if (random_below(3) == 0) {
		opts->flags |= SKAFU_READ_RECORDED_TO;
		opts->recorded_to_ns = records[random_below((uint32_t)record_count)]->recorded_ns + 1;
	}
}

static void make_question(struct question *question)
{
	static const char *const whats[] = {"", "stream", "correlation", "domain"};
	static const uint32_t limits[] = {0, STREAMS + 1, CORRELATIONS + 1, DOMAINS + 1};

	memset(question, 0, sizeof *question);
	question->opts.size = sizeof question->opts;
	question->form = random_below(2) ? FORM_QUERY : (enum form)random_below(FORMS);
	if (question->form != FORM_QUERY)
		snprintf(question->text, sizeof question->text, "%s-%u", whats[question->form],
			 random_below(limits[question->form]));
	question->items = random_below(4);
	for (uint32_t i = 0; i < question->items; i++) {
		uint32_t types = random_below(3);
		uint32_t tags = random_below(3);

		while (types-- > 0)
			question->types[i] |= 1u << random_below(2 * TYPES);
		while (tags-- > 0)
			question->tags[i] |= 1u << random_below(TAGS);
	}
	question->limit = random_below(3) ? SKAFU_NO_LIMIT : random_below(20);
	question->opts.flags = random_below(2) ? SKAFU_READ_BACKWARD : 0;
	if (question->form != FORM_STREAM && random_below(2))
		question->opts.kinds = (1u + random_below(15)) << 1;
	make_bounds(question);
}

static skafu_query *make_query(const struct question *question)
{
	skafu_query *query;

	went(skafu_query_new(&query, fault));
	for (uint32_t i = 0; i < question->items; i++) {
		went(skafu_query_add_item(query, fault));
		for (uint32_t k = 0; k < 2 * TYPES; k++)
			if (question->types[i] & 1u << k)
				went(skafu_query_add_type(query, name_of(k % 2 ? "Note" : "Type", k / 2), fault));
		for (uint32_t k = 0; k < TAGS; k++)
			if (question->tags[i] & 1u << k)
				went(skafu_query_add_tag(query, name_of("tag", k), fault));
	}
	return query;
}

static int32_t ask(const struct question *question, skafu_cursor **out)
{
	const skafu_read_opts *opts = &question->opts;

	if (question->form == FORM_STREAM)
		return skafu_read_stream(temp.store, question->text, question->limit, opts, out, fault);
	if (question->form == FORM_CORRELATION)
		return skafu_read_correlation(temp.store, question->text, question->limit, opts, out, fault);
	if (question->form == FORM_DOMAIN)
		return skafu_read_domain(temp.store, question->text, question->limit, opts, out, fault);
	skafu_query *query = make_query(question);
	int32_t rc = skafu_read(temp.store, query, question->limit, opts, out, fault);

	skafu_query_free(query);
	return rc;
}

static const char *describe(const struct question *question)
{
	static char text[512];

	snprintf(text, sizeof text,
		 "form %d %s items %u types %x %x %x tags %x %x %x limit %llu flags %x kinds %x from %llu "
		 "to %llu",
		 (int)question->form, question->text, question->items, question->types[0], question->types[1],
		 question->types[2], question->tags[0], question->tags[1], question->tags[2],
		 (unsigned long long)question->limit, question->opts.flags, question->opts.kinds,
		 (unsigned long long)question->opts.from, (unsigned long long)question->opts.to);
	return text;
}

static void compare(const struct question *question, const skafu_record *got, const skafu_record *expected)
{
	ck_assert_msg(expected != NULL, "%s gives record %llu too much", describe(question),
		      (unsigned long long)got->sequence);
	ck_assert_msg(got->sequence == expected->sequence, "%s gives record %llu, not %llu", describe(question),
		      (unsigned long long)got->sequence, (unsigned long long)expected->sequence);
	ck_assert(memcmp(got->id, expected->id, 16) == 0 && got->commit == expected->commit);
	ck_assert_str_eq(got->type, expected->type);
	ck_assert_str_eq(got->stream, expected->stream);
	ck_assert_uint_eq(got->stream_version, expected->stream_version);
}

/* The next record at or after *at, in the direction, that answers the question. */
static const skafu_record *next_expected(const struct question *question, size_t *at)
{
	int backward = (question->opts.flags & SKAFU_READ_BACKWARD) != 0;

	while (*at < record_count) {
		const skafu_record *record = records[backward ? record_count - 1 - *at : *at];

		(*at)++;
		if (answers(question, record))
			return record;
	}
	return NULL;
}

static void check_question(const struct question *question)
{
	skafu_cursor *cursor;
	const skafu_record *const *some;
	uint64_t given = 0;
	size_t at = 0;
	int32_t count;

	went(ask(question, &cursor));
	while ((count = skafu_cursor_next_batch(cursor, 1 + random_below(40), &some, fault)) > 0) {
		for (int32_t i = 0; i < count; i++, given++)
			compare(question, some[i], next_expected(question, &at));
	}
	went(count);
	ck_assert_msg(given == question->limit || next_expected(question, &at) == NULL, "%s ends after %llu records",
		      describe(question), (unsigned long long)given);
	skafu_cursor_free(cursor);
}

/* ---- single records, streams and rows ------------------------------------------------------------------------- */

static void check_single(void)
{
	skafu_record *got;
	const skafu_record *expected = records[random_below((uint32_t)record_count)];
	uint64_t version;
	const char *stream = name_of("stream", random_below(STREAMS + 1));

	went(skafu_get_by_id(temp.store, expected->id, &got, fault));
	ck_assert_uint_eq(got->sequence, expected->sequence);
	skafu_record_free(got);
	went(skafu_get(temp.store, expected->sequence, &got, fault));
	ck_assert(memcmp(got->id, expected->id, 16) == 0);
	skafu_record_free(got);
	went(skafu_stream_version(temp.store, stream, &version, fault));
	ck_assert_uint_eq(version, versions_of(stream));
}

static int row_is_in(const char *key, const char *from, const char *to)
{
	return (!from || strcmp(key, from) >= 0) && (!to || strcmp(key, to) < 0);
}

static void check_rows(void)
{
	skafu_rows *rows;
	const skafu_row *row;
	const char *from = random_below(2) ? name_of("key", random_below(KEYS)) : NULL;
	const char *to = random_below(2) ? name_of("key", random_below(KEYS)) : NULL;
	skafu_key_range range = {.size = sizeof range,
				 .from = from,
				 .from_length = from ? strlen(from) : 0,
				 .to = to,
				 .to_length = to ? strlen(to) : 0};
	char before[32] = "";
	uint32_t expected = 0;
	int32_t rc;

	for (uint32_t i = 0; i < KEYS; i++)
		expected += commit_rows[i] != 0 && row_is_in(name_of("key", i), from, to);
	went(skafu_rows_open(temp.store, "table", &range, SKAFU_NO_LIMIT, &rows, fault));
	while ((rc = skafu_rows_next(rows, &row, fault)) == 1) {
		char key[32] = "";
		uint64_t value;

		memcpy(key, row->key, row->key_length);
		memcpy(&value, row->value, sizeof value);
		ck_assert(strcmp(before, key) < 0 && row_is_in(key, from, to));
		ck_assert_uint_eq(value + 1, commit_rows[strtoul(key + 4, NULL, 10)]);
		memcpy(before, key, sizeof before);
		ck_assert_uint_gt(expected--, 0);
	}
	went(rc);
	ck_assert_uint_eq(expected, 0);
	skafu_rows_free(rows);
}

/* ---- all ------------------------------------------------------------------------------------------------------ */

static void tune(void)
{
	struct skafu__tuning tiny = {.no_sync = 1,
				     .fold_records = 7,
				     .fan_in = 2,
				     .chunk_bytes = 4096,
				     .segment_bytes = 256,
				     .linger_off = 1};

	skafu__tuning_override(&tiny);
}

static void begin(void)
{
	memset(commit_rows, 0, sizeof commit_rows);
	memset(versions, 0, sizeof versions);
	memset(befores, 0, sizeof befores);
	memset(erased, 0, sizeof erased);
}

START_TEST(every_form_agrees_with_a_scan)
{
	static const unsigned bits[] = {0, 3, 1, 0, 3}; /* of a hash that are left; 0: all */
	struct question question;

	seeded("queries_test");
	skafu__hash64_weaken(bits[_i]);
	tempstore_make(&temp);
	tune();
	clock_install();
	begin();
	hides_percent = _i < 3 ? 0 : 25;
	tempstore_open(&temp, NULL);
	append_random(COMMITS);
	ck_assert_uint_gt(atomic_load(&temp.store->merges), 20);
	for (uint32_t i = 0; i < QUERIES; i++) {
		if (i % 400 == 0) {
			append_random(1 + random_below(5));
			scan();
		}
		make_question(&question);
		check_question(&question);
		if (i % 20 == 0) {
			check_single();
			check_rows();
		}
	}
	forget_records();
	tempstore_done(&temp);
	clock_remove();
	skafu__hash64_weaken(0);
}
END_TEST

/* ---- damage --------------------------------------------------------------------------------------------------- */

/* Flip a byte of a segment (not of a filter, which only makes reads slower), behind the library's back. */
static void damage_segment(uint32_t skip)
{
	MDB_txn *txn;
	MDB_cursor *cursor;
	MDB_val key;
	MDB_val value;
	uint8_t bytes[1024];

	ck_assert_int_eq(mdb_txn_begin(temp.store->env.mdb, NULL, 0, &txn), 0);
	ck_assert_int_eq(mdb_cursor_open(txn, temp.store->env.tables[SKAFU__TABLE_RUN], &cursor), 0);
	do {
		if (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) != 0)
			ck_assert_int_eq(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
	} while (((const uint8_t *)key.mv_data)[9] == 0xff || value.mv_size > sizeof bytes || skip-- > 0);
	memcpy(bytes, value.mv_data, value.mv_size);
	bytes[random_below((uint32_t)value.mv_size)] ^= (uint8_t)(1u << random_below(8));
	MDB_val changed = {value.mv_size, bytes};
	ck_assert_int_eq(mdb_cursor_put(cursor, &key, &changed, MDB_CURRENT), 0);
	mdb_cursor_close(cursor);
	ck_assert_int_eq(mdb_txn_commit(txn), 0);
}

/* What is given is right and without a gap; it ends where it should, or with SKAFU_EDAMAGED: 1. */
static int is_damaged(const struct question *question)
{
	skafu_cursor *cursor;
	const skafu_record *record;
	size_t at = 0;
	uint64_t given = 0;
	int32_t rc = ask(question, &cursor);

	if (rc == SKAFU_EDAMAGED)
		return 1;
	went(rc);
	while ((rc = skafu_cursor_next(cursor, &record, fault)) == 1) {
		compare(question, record, next_expected(question, &at));
		given++;
	}
	skafu_cursor_free(cursor);
	if (rc == SKAFU_EDAMAGED)
		return 1;
	went(rc);
	ck_assert_msg(given == question->limit || next_expected(question, &at) == NULL,
		      "%s leaves out records of a damaged segment", describe(question));
	return 0;
}

START_TEST(a_damaged_segment_is_named_and_never_an_omission)
{
	uint32_t damaged = 0;
	struct question question;

	seeded("queries_test");
	tempstore_make(&temp);
	tune();
	begin();
	hides_percent = 0;
	tempstore_open(&temp, NULL);
	append_random(120);
	scan();
	for (uint32_t i = 0; i < 20; i++) {
		damage_segment(random_below(200));
		tempstore_reopen(&temp);
		for (uint32_t k = 0; k < 100; k++) {
			make_question(&question);
			damaged += (uint32_t)is_damaged(&question);
		}
		if (i % 4 == 3) {
			went(skafu_store_reindex(temp.store, fault));
			for (uint32_t k = 0; k < 50; k++) {
				make_question(&question);
				ck_assert_int_eq(is_damaged(&question), 0);
			}
		}
	}
	ck_assert_uint_gt(damaged, 20);
	forget_records();
	tempstore_done(&temp);
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, 60);
	tcase_add_loop_test(tests, every_form_agrees_with_a_scan, 0, 5);
	tcase_add_test(tests, a_damaged_segment_is_named_and_never_an_omission);
}

int main(void)
{
	return tempstore_main("queries", add);
}

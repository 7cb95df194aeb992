/*
 * model_test.c: random operations on a store and on a model of it (logmodel.c); every answer is compared.
 *
 * A run takes some 20 seconds, and ends early after 100.  SKAFU_TEST_SEED repeats a run,
 * SKAFU_TEST_OPS says how many operations (300,000), SKAFU_TEST_TINY=1 makes every pass one of folds, merges and
 * chunks that are as small as they can be.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "codec/hash.h"
#include "store/logmodel.h"
#include "store/tempstore.h"

#define ROUND_OPS 2000
#define SECONDS_MAX 100 /* of all passes: on a slow machine or under a checker there are fewer operations */
#define CURSORS 6
#define RECENT 32

struct open_cursor {
	skafu_cursor *cursor;
	struct model_read read;
	uint64_t *expected; /* as if there were no limit: more may be hidden while it is open */
	size_t count;
	size_t at;
	uint64_t given;
	uint64_t commits; /* when it was opened */
};

/* A process that has the same store open and appends what it is told; or nobody. */
struct peer {
	pid_t pid;
	int to;
	int from;
};

struct pass {
	const char *name;
	uint32_t share;     /* per cent of the operations */
	int in_memory;
	int tiny;
	int syncs;
	int with_peer;
	unsigned hash_bits; /* 0: all */
	uint32_t chunk_bytes;
};

static const struct pass passes[] = {
	{"memory", 30, 1, 0, 0, 0, 0, 0},
	{"memory, tiny", 20, 1, 1, 0, 0, 0, 512},
	{"memory, tiny, hashes collide", 10, 1, 1, 0, 0, 3, 4080},
	{"files, two processes", 20, 0, 0, 0, 1, 0, 0},
	{"files, two processes, tiny", 19, 0, 1, 0, 1, 0, 4080},
	{"files, synced", 1, 0, 1, 1, 1, 0, 512},
};

static struct model model;
static struct tempstore temp;
static struct peer peer;
static struct open_cursor cursors[CURSORS];
static struct plan recent[RECENT];
static uint32_t recent_count;
static const struct pass *pass;
static uint64_t operation;
static int64_t last_recorded_ns;
static uint64_t outcomes[200];
static uint64_t folds; /* of this process, in the passes that are tiny */
static uint64_t merges;

#define agree(condition, what) \
	ck_assert_msg(condition, "operation %" PRIu64 " of pass \"%s\": %s (%s)", operation, pass->name, what, \
		      skafu_error_message(fault))

/* ---- plans --------------------------------------------------------------------------------------------------- */

static uint32_t bits_of(uint32_t limit, uint32_t count)
{
	uint32_t bits = 0;

	while (count-- > 0)
		bits |= 1u << random_below(limit);
	return bits;
}

static void random_id(uint8_t id[16])
{
	uint64_t half = random_u64();

	memcpy(id, &half, 8);
	half = random_u64();
	memcpy(id + 8, &half, 8);
}

static void plan_random_query(struct plan_query *query)
{
	memset(query, 0, sizeof *query);
	query->items = random_below(12) ? 1 + random_below(PLAN_ITEMS) : 0;
	for (uint32_t i = 0; i < query->items; i++) {
		query->types[i] = bits_of(MODEL_TYPES, random_below(3));
		query->tags[i] = bits_of(MODEL_TAGS, random_below(3));
	}
}

static void plan_random_record(struct plan_record *record, int ids)
{
	static const uint8_t kinds[] = {1, 1, 1, 1, 1, 1, 2, 2, 3, 4};

	memset(record, 0, sizeof *record);
	record->kind = kinds[random_below(sizeof kinds)];
	record->stream = (uint8_t)random_below(MODEL_STREAMS);
	record->type = (uint8_t)(record->kind == 1   ? random_below(12)
				 : record->kind == 2 ? 12 + random_below(4)
				 : record->kind == 3 ? 16 + random_below(3)
						     : 19 + random_below(2));
	record->source = record->type % MODEL_DOMAINS;
	record->tags = bits_of(MODEL_TAGS, random_below(4));
	record->correlation = (uint8_t)(random_below(3) ? 1 + random_below(MODEL_CORRELATIONS) : 0);
	record->token = (uint32_t)random_u64() >> 12;
	record->time_given = random_below(4) == 0;
	record->time_ns = (int64_t)random_below(1000) - 500;
	record->id_given = (uint8_t)ids;
	if (!ids)
		return;
	random_id(record->id);
	if (random_below(300) == 0 && model.record_count) /* one that is known */
		memcpy(record->id, model.records[random_below((uint32_t)model.record_count)].id, 16);
}

static void plan_random_condition(struct plan_condition *condition)
{
	memset(condition, 0, sizeof *condition);
	condition->kind = 1 + random_below(3);
	condition->stream = (uint8_t)random_below(MODEL_STREAMS);
	condition->table = (uint8_t)random_below(MODEL_TABLES);
	condition->key = (uint8_t)random_below(MODEL_KEYS);
	if (condition->kind == PLAN_ROW) {
		condition->expectation = model.row_is[condition->table][condition->key] ^ (random_below(5) == 0);
		condition->token = model.row_token[condition->table][condition->key] + (random_below(5) == 0);
	} else if (condition->kind == PLAN_STREAM) {
		uint64_t version = model.versions[condition->stream];

		condition->expectation = 1 + random_below(4);
		if (random_below(3))
			condition->expectation = version ? SKAFU_EXPECT_EXACT : SKAFU_EXPECT_NONE;
		if (condition->expectation == SKAFU_EXPECT_EXACT)
			condition->number = version + (random_below(6) == 0);
	} else {
		plan_random_query(&condition->query);
		condition->number = model.record_count;
		if (random_below(3) == 0)
			condition->number -= random_below((uint32_t)model.record_count + 1) % 30;
		else if (random_below(20) == 0)
			condition->number = random_below(3) ? 0 : UINT64_MAX - random_below(2);
	}
}

static void plan_random_hide(struct plan_hide *hide)
{
	uint64_t version;

	memset(hide, 0, sizeof *hide);
	hide->kind = random_below(40) == 0 ? PLAN_TOMBSTONE : random_below(3) ? PLAN_ERASE : 1 + random_below(2);
	hide->stream = random_below(MODEL_STREAMS);
	version = model.versions[hide->stream];
	if (hide->kind == PLAN_ERASE)
		hide->number = 1 + random_below((uint32_t)model.record_count + 1);
	else if (hide->kind == PLAN_TRUNCATE)
		hide->number = random_below(6) ? 1 + random_below((uint32_t)version + 1) : version + 2;
	else if (hide->kind == PLAN_DELETE)
		hide->number = version + (version == 0 || random_below(5) == 0);
	if (hide->kind == PLAN_ERASE)
		hide->stream = 0;
}

static void plan_random(struct plan *plan)
{
	int ids = random_below(4) == 0;

	memset(plan, 0, sizeof *plan);
	plan->records_count = random_below(40) ? 1 + random_below(3) : random_below(60) ? 0 : PLAN_RECORDS;
	if (plan->records_count == 0 || random_below(5) == 0)
		plan->rows_count = 1 + random_below(PLAN_ROWS);
	if (random_below(2))
		plan->conditions_count = 1 + random_below(random_below(8) ? 1 : PLAN_CONDITIONS);
	for (uint32_t i = 0; i < plan->records_count; i++)
		plan_random_record(&plan->records[i], ids);
	if (plan->records_count == 1 && random_below(100) == 0) /* a type of another domain */
		plan->records[0].source = (uint8_t)((plan->records[0].source + 1) % MODEL_DOMAINS);
	for (uint32_t i = 0; i < plan->rows_count; i++)
		plan->rows[i] = (struct plan_row){.table = (uint8_t)random_below(MODEL_TABLES),
						  .key = (uint8_t)random_below(MODEL_KEYS),
						  .put = random_below(4) != 0,
						  .token = (uint32_t)random_u64() >> 12};
	for (uint32_t i = 0; i < plan->conditions_count; i++)
		plan_random_condition(&plan->conditions[i]);
	/* With its own batch, so that most plans stay what they are: one in 25. */
	if (plan->records_count < 4 && random_below(25) == 0)
		plan->hides_count = 1 + random_below(PLAN_HIDES);
	for (uint32_t i = 0; i < plan->hides_count; i++)
		plan_random_hide(&plan->hides[i]);
	plan->id_given = random_below(4) == 0;
	random_id(plan->id);
}

/* A plan of before under its commit id, as it was or changed a little. */
static int plan_again(struct plan *plan)
{
	if (recent_count == 0)
		return 0;
	*plan = recent[random_below(recent_count < RECENT ? recent_count : RECENT)];
	if (random_below(3) == 0) {
		if (plan->rows_count)
			plan->rows[0].token++;
		else
			plan->records[plan->records_count - 1].token++;
	}
	return 1;
}

/* ---- outcomes ------------------------------------------------------------------------------------------------ */

static void note_outcome(int32_t code, uint32_t flags)
{
	outcomes[code ? -code : flags ? 1 : 0]++;
}

static void compare_refusal(const struct verdict *verdict)
{
	agree(skafu_error_condition(fault) == verdict->condition, "the condition differs");
	if (verdict->code != SKAFU_EDEFINITION)
		agree(skafu_error_item(fault) == verdict->item && skafu_error_sequence(fault) == verdict->sequence,
		      "the item or the sequence differs");
	if (verdict->code == SKAFU_ECONFLICT || verdict->code == SKAFU_EINVAL)
		agree(skafu_error_version(fault) == verdict->version, "the version differs");
}

static void compare_outcome(const struct verdict *verdict, const skafu_appended *got)
{
	const skafu_appended *want = &verdict->appended;

	agree(got->flags == want->flags, "the flags of the outcome differ");
	agree(got->commit == want->commit, "the commit number differs");
	agree(got->first_sequence == want->first_sequence && got->last_sequence == want->last_sequence,
	      "the sequences differ");
	agree(got->stream_version == want->stream_version, "the stream version differs");
	if (want->flags)
		agree(got->recorded_ns == want->recorded_ns, "the recorded time of the retry differs");
	else
		agree(got->recorded_ns >= last_recorded_ns, "the recorded time falls");
}

/* A plan went through as the model said: take it in. */
static void accept_plan(const struct plan *plan, const uint8_t id[16], uint8_t (*ids)[16], const skafu_appended *got)
{
	if (got->flags)
		return;
	last_recorded_ns = got->recorded_ns;
	model_append(&model, plan, id, ids, got->recorded_ns);
	recent[recent_count % RECENT] = *plan;
	recent[recent_count % RECENT].id_given = 1;
	recent[recent_count % RECENT].conditions_count = 0;
	memcpy(recent[recent_count % RECENT].id, id, 16);
	recent_count++;
}

/* ---- appending ----------------------------------------------------------------------------------------------- */

static void batch_ids(const skafu_batch *batch, const struct plan *plan, uint8_t (*ids)[16])
{
	for (uint32_t i = 0; i < plan->records_count; i++)
		went(skafu_batch_record_id(batch, i, ids[i]));
}

static void append_batch(skafu_batch *batch, const struct plan *plan)
{
	static uint8_t ids[PLAN_RECORDS][16];
	skafu_appended got = {.size = sizeof got};
	struct verdict verdict;
	uint8_t id[16];
	int32_t rc;

	went(skafu_batch_id(batch, id, fault));
	model_judge(&model, plan, id, &verdict);
	skafu_error_clear(fault);
	rc = skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, &got, fault);
	note_outcome(rc, rc ? 0 : got.flags);
	agree(rc == verdict.code, skafu_result_name(verdict.code));
	if (rc != 0) {
		agree(got.commit == 0 && got.size == sizeof got, "a refusal wrote an outcome");
		compare_refusal(&verdict);
		return;
	}
	compare_outcome(&verdict, &got);
	batch_ids(batch, plan, ids);
	accept_plan(plan, id, ids, &got);
}

static void do_append(const struct plan *plan)
{
	skafu_batch *batch = batch_of(temp.store);

	went(plan_fill(plan, batch, fault));
	append_batch(batch, plan);
	if (random_below(20) == 0) {
		/* The batch has the ids of its records fixed, so appending it again is a retry, or known ids. */
		struct plan fixed = *plan;
		skafu_appended got = {.size = sizeof got};
		struct verdict verdict;
		uint8_t id[16];
		int32_t rc;

		went(skafu_batch_id(batch, id, fault));
		model_judge(&model, &fixed, id, &verdict);
		skafu_error_clear(fault);
		if (verdict.code || verdict.appended.flags) {
			rc = skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, &got, fault);
			agree(rc == verdict.code, skafu_result_name(verdict.code));
			if (rc == 0)
				compare_outcome(&verdict, &got);
			else
				compare_refusal(&verdict);
			note_outcome(rc, rc ? 0 : got.flags);
		}
	}
	skafu_batch_free(batch);
}

static void op_append(void)
{
	static struct plan plan;

	plan_random(&plan);
	do_append(&plan);
}

static void op_retry(void)
{
	static struct plan plan;

	if (plan_again(&plan))
		do_append(&plan);
}

#define MANY 6

static void compare_many(const struct plan *plans, skafu_batch *const *batches, uint32_t count, int32_t rc,
			 const int32_t *results, const skafu_appended *got)
{
	static uint8_t ids[PLAN_RECORDS][16];
	int32_t first = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct verdict verdict;
		uint8_t id[16];

		went(skafu_batch_id(batches[i], id, NULL));
		model_judge(&model, &plans[i], id, &verdict);
		note_outcome(results[i], results[i] ? 0 : got[i].flags);
		agree(results[i] == verdict.code, "one of many has another result");
		if (verdict.code == 0) {
			compare_outcome(&verdict, &got[i]);
			batch_ids(batches[i], &plans[i], ids);
			accept_plan(&plans[i], id, ids, &got[i]);
			continue;
		}
		agree(got[i].commit == 0, "a refusal wrote an outcome");
		if (first == 0) {
			first = verdict.code;
			agree(skafu_error_batch(fault) == i + 1, "the number of the batch differs");
			compare_refusal(&verdict);
		}
	}
	agree(rc == first, "append_many returned another code");
}

static void op_append_many(void)
{
	static struct plan plans[MANY];
	skafu_batch *batches[MANY];
	skafu_appended got[MANY];
	int32_t results[MANY];
	uint32_t count = 1 + random_below(MANY);
	int32_t rc;

	memset(got, 0, sizeof got);
	for (uint32_t i = 0; i < count; i++) {
		if (i && random_below(10) == 0) { /* the same content as the one before, under the same id */
			plans[i] = plans[i - 1];
			plans[i - 1].id_given = 1;
			plans[i].id_given = 1;
		} else if (random_below(10) || !plan_again(&plans[i])) {
			plan_random(&plans[i]);
		}
		got[i].size = sizeof *got;
		results[i] = 12345;
	}
	for (uint32_t i = 0; i < count; i++) {
		batches[i] = batch_of(temp.store);
		went(plan_fill(&plans[i], batches[i], fault));
	}
	skafu_error_clear(fault);
	rc = skafu_append_many(temp.store, batches, count, SKAFU_WAIT_FOREVER, results, got, fault);
	compare_many(plans, batches, count, rc, results, got);
	for (uint32_t i = 0; i < count; i++)
		skafu_batch_free(batches[i]);
}

/* ---- the other process --------------------------------------------------------------------------------------- */

struct peer_answer {
	int32_t code;
	uint32_t condition;
	uint32_t item;
	uint32_t reserved;
	uint64_t sequence;
	uint64_t version;
	skafu_appended appended;
	uint8_t id[16];
	uint8_t ids[PLAN_RECORDS][16];
};

static int whole_read(int fd, void *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t got = read(fd, (char *)bytes + done, length - done);

		if (got <= 0)
			return 0;
		done += (size_t)got;
	}
	return 1;
}

static int whole_write(int fd, const void *bytes, size_t length)
{
	for (size_t done = 0; done < length;) {
		ssize_t put = write(fd, (const char *)bytes + done, length - done);

		if (put <= 0)
			return 0;
		done += (size_t)put;
	}
	return 1;
}

static void peer_append(skafu_store *store, const struct plan *plan, struct peer_answer *answer, skafu_error *error)
{
	skafu_batch *batch = NULL;

	answer->appended.size = sizeof answer->appended;
	answer->code = skafu_batch_new(store, &batch, error);
	if (answer->code == 0)
		answer->code = plan_fill(plan, batch, error);
	if (answer->code == 0)
		answer->code = skafu_batch_id(batch, answer->id, error);
	if (answer->code == 0)
		answer->code = skafu_append(store, batch, SKAFU_WAIT_FOREVER, &answer->appended, error);
	for (uint32_t i = 0; i < skafu_batch_count(batch); i++)
		skafu_batch_record_id(batch, i, answer->ids[i]);
	answer->condition = skafu_error_condition(error);
	answer->item = skafu_error_item(error);
	answer->sequence = skafu_error_sequence(error);
	answer->version = skafu_error_version(error);
	skafu_batch_free(batch);
}

/* A plan without anything in it asks to close and open the store. */
static int peer_run(const char *path, int from, int to)
{
	static struct plan plan;
	static struct peer_answer answer;
	skafu_store *store = NULL;
	skafu_error *error = NULL;

	if (skafu_error_new(&error) != 0)
		return 1;
	while (whole_read(from, &plan, sizeof plan)) {
		memset(&answer, 0, sizeof answer);
		skafu_error_clear(error);
		if (plan.records_count + plan.rows_count == 0) {
			skafu_store_close(store);
			store = NULL;
		}
		if (!store)
			answer.code = skafu_store_open(path, NULL, &store, error);
		if (answer.code == 0 && plan.records_count + plan.rows_count != 0)
			peer_append(store, &plan, &answer, error);
		if (!whole_write(to, &answer, sizeof answer))
			break;
	}
	skafu_store_close(store);
	skafu_error_free(error);
	return 0;
}

static void peer_start(void)
{
	int down[2];
	int up[2];

	ck_assert(pipe(down) == 0 && pipe(up) == 0);
	fflush(stdout);
	peer.pid = fork();
	ck_assert_int_ge(peer.pid, 0);
	if (peer.pid == 0) {
		close(down[1]);
		close(up[0]);
		alarm(300);
		_exit(peer_run(temp.path, down[0], up[1]));
	}
	close(down[0]);
	close(up[1]);
	peer.to = down[1];
	peer.from = up[0];
}

static void peer_stop(void)
{
	int status = -1;

	close(peer.to);
	close(peer.from);
	waitpid(peer.pid, &status, 0);
	ck_assert_msg(status == 0, "the other process ended with status 0x%x", (unsigned)status);
	memset(&peer, 0, sizeof peer);
}

static void op_peer(void)
{
	static struct plan plan;
	static struct peer_answer answer;
	struct verdict verdict;

	if (!pass->with_peer)
		return;
	if (random_below(50) == 0)
		memset(&plan, 0, sizeof plan);
	else if (random_below(8) || !plan_again(&plan))
		plan_random(&plan);
	ck_assert(whole_write(peer.to, &plan, sizeof plan) && whole_read(peer.from, &answer, sizeof answer));
	if (plan.records_count + plan.rows_count == 0) {
		agree(answer.code == 0, "the other process cannot open the store");
		return;
	}
	model_judge(&model, &plan, answer.id, &verdict);
	note_outcome(answer.code, answer.code ? 0 : answer.appended.flags);
	agree(answer.code == verdict.code, skafu_result_name(answer.code));
	agree(answer.condition == verdict.condition, "the condition differs");
	if (verdict.code == SKAFU_EMATCH || verdict.code == SKAFU_EDUPLICATE)
		agree(answer.item == verdict.item && answer.sequence == verdict.sequence, "item or sequence");
	agree(answer.version == verdict.version, "the version differs");
	if (answer.code != 0)
		return;
	compare_outcome(&verdict, &answer.appended);
	accept_plan(&plan, answer.id, answer.ids, &answer.appended);
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static uint64_t random_place(void)
{
	return random_below((uint32_t)model.record_count + 3);
}

static int64_t random_moment(void)
{
	int64_t moment = 0;

	if (model.record_count)
		moment = model.records[random_below((uint32_t)model.record_count)].recorded_ns;
	return moment + (int64_t)random_below(3) - 1;
}

static void random_bounds(struct model_read *read)
{
	read->opts.size = sizeof read->opts;
	if (random_below(2))
		read->opts.flags |= SKAFU_READ_BACKWARD;
	if (random_below(3) == 0)
		read->opts.kinds = random_below(16) << 1;
	if (random_below(3) == 0)
		read->opts.from = random_place();
	if (random_below(3) == 0)
		read->opts.to = random_place();
	if (read->form == MODEL_STREAM) {
		uint64_t version = model.versions[read->number];

		read->opts.from %= version + 3;
		read->opts.to %= version + 3;
	}
	if (random_below(6) == 0) {
		read->opts.flags |= SKAFU_READ_RECORDED_FROM;
		read->opts.recorded_from_ns = random_moment();
	}
	if (random_below(6) == 0) {
		read->opts.flags |= SKAFU_READ_RECORDED_TO;
		read->opts.recorded_to_ns = random_moment();
	}
}

static void random_read(struct model_read *read)
{
	memset(read, 0, sizeof *read);
	read->form = (enum model_read_form)random_below(MODEL_FORMS);
	read->limit = random_below(2) ? SKAFU_NO_LIMIT : random_below(40);
	if (read->form == MODEL_STREAM)
		read->number = random_below(MODEL_STREAMS);
	if (read->form == MODEL_CORRELATION)
		read->number = random_below(MODEL_CORRELATIONS);
	if (read->form == MODEL_DOMAIN)
		read->number = random_below(MODEL_DOMAINS);
	plan_random_query(&read->query);
	random_bounds(read);
}

static int32_t read_open(const struct model_read *read, skafu_cursor **out)
{
	skafu_query *query = read->form == MODEL_QUERY ? plan_query_make(&read->query) : NULL;
	int32_t rc = SKAFU_EINTERNAL;

	switch (read->form) {
	case MODEL_ALL:
	case MODEL_QUERY:
		rc = skafu_read(temp.store, query, read->limit, &read->opts, out, fault);
		break;
	case MODEL_STREAM:
		rc = skafu_read_stream(temp.store, model_stream(read->number), read->limit, &read->opts, out, fault);
		break;
	case MODEL_CORRELATION:
		rc = skafu_read_correlation(temp.store, model_correlation(read->number), read->limit, &read->opts,
					    out, fault);
		break;
	case MODEL_DOMAIN:
		rc = skafu_read_domain(temp.store, model_domain(read->number), read->limit, &read->opts, out, fault);
		break;
	case MODEL_FORMS:
		break;
	}
	skafu_query_free(query);
	return rc;
}

static int read_is_refused(const struct model_read *read)
{
	uint64_t version = model.versions[read->number];

	if (read->opts.to && read->opts.from > read->opts.to)
		return 1;
	return read->form == MODEL_STREAM && version && read->opts.from > version + 1;
}

static void cursor_close(struct open_cursor *open)
{
	skafu_cursor_free(open->cursor);
	free(open->expected);
	memset(open, 0, sizeof *open);
}

static int cursor_begin(struct open_cursor *open, const struct model_read *read)
{
	skafu_cursor *cursor = NULL;
	int32_t rc = read_open(read, &cursor);

	if (read_is_refused(read)) {
		agree(rc == SKAFU_EINVAL && !cursor, "a read out of bounds was not refused");
		return 0;
	}
	agree(rc == 0, "a read was refused");
	agree(skafu_cursor_head(cursor) == model.record_count, "the head of the cursor differs");
	open->cursor = cursor;
	open->read = *read;
	open->expected = calloc(model.record_count + 1, sizeof *open->expected);
	ck_assert_ptr_nonnull(open->expected);
	open->read.limit = SKAFU_NO_LIMIT;
	open->count = model_select(&model, &open->read, open->expected);
	open->read.limit = read->limit;
	open->at = 0;
	open->given = 0;
	open->commits = model.commit_count;
	return 1;
}

static void describe_read(const struct open_cursor *open, const skafu_record *record)
{
	const struct model_read *read = &open->read;

	printf("form %d number %u flags %x kinds %x from %" PRIu64 " to %" PRIu64 " limit %" PRIu64 "\n",
	       (int)read->form, read->number, read->opts.flags, read->opts.kinds, read->opts.from, read->opts.to,
	       read->limit);
	for (uint32_t i = 0; i < read->query.items; i++)
		printf("item %u: types %x tags %x\n", i + 1, read->query.types[i], read->query.tags[i]);
	printf("got %" PRIu64 " (kind %u, type %s) instead of %" PRIu64 " at place %zu of %zu\n", record->sequence,
	       record->kind, record->type, open->expected[open->at], open->at, open->count);
}

static void compare_record(struct open_cursor *open, const skafu_record *record)
{
	const char *difference;
	uint64_t sequence = record->sequence;

	while (open->at < open->count && sequence != open->expected[open->at] &&
	       model_hides(&model, open->expected[open->at]))
		open->at++; /* hidden since the cursor was opened */
	agree(open->at < open->count && open->given < open->read.limit, "a read gives more than it should");
	if (sequence != open->expected[open->at])
		describe_read(open, record);
	agree(sequence == open->expected[open->at], "a read gives another record");
	difference = model_differs(&model, sequence, record, open->commits);
	agree(!difference, difference);
	open->at++;
	open->given++;
}

/* Take up to `most` records; 1 when the cursor is at its end. */
static int cursor_step(struct open_cursor *open, size_t most)
{
	const skafu_record *const *records = NULL;
	const skafu_record *one = NULL;
	int32_t rc = 1;

	while (most > 0 && rc > 0) {
		if (random_below(2)) {
			uint32_t batch = 1 + random_below((uint32_t)(most < 100 ? most : 100));

			rc = skafu_cursor_next_batch(open->cursor, batch, &records, fault);
			agree(rc <= (int32_t)batch, "a cursor gives more than was asked for");
		} else {
			rc = skafu_cursor_next(open->cursor, &one, fault);
			records = &one;
		}
		agree(rc >= 0, "a cursor failed");
		for (int32_t i = 0; i < rc; i++)
			compare_record(open, records[i]);
		most -= (size_t)rc < most ? (size_t)rc : most;
	}
	while (rc == 0 && open->at < open->count && model_hides(&model, open->expected[open->at]))
		open->at++;
	if (rc == 0)
		agree(open->at == open->count || open->given == open->read.limit, "a read ends early");
	return rc == 0;
}

static void op_read(void)
{
	struct model_read read;
	struct open_cursor open = {0};

	random_read(&read);
	if (!cursor_begin(&open, &read))
		return;
	/* Most reads are looked at in part: the whole log is read at the end of a round. */
	cursor_step(&open, random_below(8) ? 60 : SIZE_MAX);
	cursor_close(&open);
}

/* Cursors that stay open while the log grows, and are read a piece at a time. */
static void op_cursor(void)
{
	struct open_cursor *open = &cursors[random_below(CURSORS)];
	struct model_read read;

	if (!open->cursor) {
		random_read(&read);
		cursor_begin(open, &read);
	} else if (cursor_step(open, random_below(50)) || random_below(200) == 0) {
		cursor_close(open);
	}
}

static void op_get(void)
{
	uint64_t sequence = 1 + random_below((uint32_t)model.record_count + 2);
	int known = sequence <= model.record_count;
	skafu_record *record = NULL;
	const char *difference;
	uint8_t id[16];
	int32_t rc;

	if (known)
		memcpy(id, model.records[sequence - 1].id, 16);
	else
		random_id(id);
	rc = random_below(2) ? skafu_get(temp.store, sequence, &record, fault)
			     : skafu_get_by_id(temp.store, id, &record, fault);
	known = known && !model_hides(&model, sequence);
	agree(rc == (known ? 0 : SKAFU_ENOTFOUND), "get");
	if (!known)
		return;
	difference = model_differs(&model, sequence, record, model.commit_count);
	agree(!difference, difference);
	skafu_record_free(record);
}

static void op_version(void)
{
	uint32_t stream = random_below(MODEL_STREAMS);
	skafu_store_stats stats = {.size = sizeof stats};

	agree(version_of(temp.store, model_stream(stream)) == model.versions[stream], "a stream's version differs");
	agree(head_of(temp.store) == model.record_count, "the head differs");
	if (random_below(10))
		return;
	went(skafu_store_stats_get(temp.store, &stats, fault));
	agree(stats.head == model.record_count && stats.commits == model.commit_count, "the figures differ");
	agree(stats.indexed_up_to <= stats.head, "more is indexed than there is");
}

static void op_status(void)
{
	skafu_appended got = {.size = sizeof got};
	uint8_t id[16];
	size_t at = random_below((uint32_t)model.commit_count + 1);
	int known = at < model.commit_count && random_below(8);
	int32_t rc;

	random_id(id);
	if (known)
		memcpy(id, model.commits[at].id, 16);
	rc = skafu_commit_status(temp.store, id, &got, fault);
	agree(rc == (known ? 0 : SKAFU_ENOTFOUND), "the status of a commit differs");
	if (!known)
		return;
	agree(got.commit == at + 1 && got.recorded_ns == model.commits[at].recorded_ns &&
	      got.stream_version == model.commits[at].stream_version, "the places of a commit differ");
	if (model.commits[at].plan->records_count)
		agree(got.first_sequence == model.commits[at].first_sequence, "its first sequence differs");
	else
		agree(got.first_sequence == 0 && got.last_sequence == 0, "it has no records");
}

/* ---- rows and streams ---------------------------------------------------------------------------------------- */

static void compare_value(uint32_t token, const void *value, size_t length)
{
	size_t wanted;
	const void *want = model_value(token, &wanted);

	agree(length == wanted && (length == 0 || memcmp(value, want, length) == 0), "the value of a row differs");
}

static void op_row(void)
{
	uint32_t table = random_below(MODEL_TABLES);
	uint32_t key = random_below(MODEL_KEYS);
	const char *text = model_key(key);
	void *value = NULL;
	size_t length = 0;
	int32_t rc = skafu_row_get(temp.store, model_table(table), text, strlen(text), &value, &length, fault);

	agree(rc == (model.row_is[table][key] ? 0 : SKAFU_ENOTFOUND), "a row is there or not");
	if (rc == 0)
		compare_value(model.row_token[table][key], value, length);
	skafu_bytes_free(value);
}

static int key_order(const void *a, const void *b)
{
	return strcmp(model_key(*(const uint32_t *)a), model_key(*(const uint32_t *)b));
}

static uint32_t rows_expected(uint32_t table, const char *from, const char *to, uint32_t *keys)
{
	uint32_t count = 0;

	for (uint32_t key = 0; key < MODEL_KEYS; key++)
		if (model.row_is[table][key] && (!from || strcmp(model_key(key), from) >= 0) &&
		    (!to || strcmp(model_key(key), to) < 0))
			keys[count++] = key;
	qsort(keys, count, sizeof *keys, key_order);
	return count;
}

static void op_rows(void)
{
	uint32_t table = random_below(MODEL_TABLES);
	const char *from = random_below(2) ? model_key(random_below(MODEL_KEYS)) : NULL;
	const char *to = random_below(2) ? model_key(random_below(MODEL_KEYS)) : NULL;
	skafu_key_range range = {.size = sizeof range, .from = from, .from_length = from ? strlen(from) : 0,
				 .to = to, .to_length = to ? strlen(to) : 0};
	uint64_t limit = random_below(2) ? SKAFU_NO_LIMIT : random_below(8);
	uint32_t keys[MODEL_KEYS];
	char from_copy[64];
	char to_copy[64];
	skafu_rows *rows = NULL;
	const skafu_row *row;
	uint32_t count;
	uint32_t at = 0;
	int32_t rc;

	snprintf(from_copy, sizeof from_copy, "%s", from ? from : "");
	snprintf(to_copy, sizeof to_copy, "%s", to ? to : "");
	range.from = from ? from_copy : NULL;
	range.to = to ? to_copy : NULL;
	went(skafu_rows_open(temp.store, model_table(table), from || to ? &range : NULL, limit, &rows, fault));
	count = rows_expected(table, range.from, range.to, keys);
	if (count > limit)
		count = (uint32_t)limit;
	while ((rc = skafu_rows_next(rows, &row, fault)) == 1) {
		agree(at < count, "there are more rows than there should be");
		agree(row->key_length == strlen(model_key(keys[at])) &&
		      memcmp(row->key, model_key(keys[at]), row->key_length) == 0, "the key of a row differs");
		compare_value(model.row_token[table][keys[at]], row->value, row->value_length);
		at++;
	}
	agree(rc == 0 && at == count, "rows are missing");
	skafu_rows_free(rows);
}

static int stream_order(const void *a, const void *b)
{
	return strcmp(model_stream(*(const uint32_t *)a), model_stream(*(const uint32_t *)b));
}

static void op_streams(void)
{
	static const char *const prefixes[] = {"", "order-", "order-items-", "user-\xc3\xa9", "order-1", "none", "n"};
	const char *prefix = prefixes[random_below(7)];
	uint64_t limit = random_below(3) ? SKAFU_NO_LIMIT : random_below(5);
	const skafu_stream_info *info;
	skafu_stream_list *list = NULL;
	uint32_t numbers[MODEL_STREAMS];
	uint32_t count = 0;
	uint32_t at = 0;
	int32_t rc;

	for (uint32_t i = 0; i < MODEL_STREAMS; i++)
		if (model_has_events(&model, i) && strncmp(model_stream(i), prefix, strlen(prefix)) == 0)
			numbers[count++] = i;
	qsort(numbers, count, sizeof *numbers, stream_order);
	if (count > limit)
		count = (uint32_t)limit;
	went(skafu_stream_list_open(temp.store, prefix, limit, &list, fault));
	while ((rc = skafu_stream_list_next(list, &info, fault)) == 1) {
		const struct model_record *last;

		agree(at < count && strcmp(info->name, model_stream(numbers[at])) == 0, "the list differs");
		last = &model.records[info->last_sequence - 1];
		agree(info->version == model.versions[numbers[at]] && last->plan.stream == numbers[at] &&
		      last->stream_version == info->version && last->recorded_ns == info->last_recorded_ns,
		      "what a stream is at differs");
		at++;
	}
	agree(rc == 0 && at == count, "streams are missing");
	skafu_stream_list_free(list);
}

/* ---- rounds -------------------------------------------------------------------------------------------------- */

static void close_cursors(void)
{
	for (uint32_t i = 0; i < CURSORS; i++)
		cursor_close(&cursors[i]);
}

static void tune(void)
{
	struct skafu__tuning tuning = {.no_sync = pass->syncs ? 0 : 1, .journal_bytes = 32768, .journal_after = 1};

	if (pass->tiny) {
		tuning.fold_records = 7;
		tuning.fan_in = 2;
		tuning.segment_bytes = 256;
		tuning.chunk_bytes = pass->chunk_bytes ? pass->chunk_bytes : 4080;
	}
	skafu__tuning_override(&tuning);
}

static void op_reopen(void)
{
	if (pass->in_memory || random_below(10))
		return;
	if (random_below(2)) { /* the object stays alive with its cursors, and comes back */
		close_cursors();
	}
	tempstore_reopen(&temp);
}

static void op_maintain(void)
{
	agree(skafu_store_maintain(temp.store, random_below(1000000), fault) >= 0, "maintain failed");
}

/* Everything, every stream, every row: from the log as it stands, and as it is opened anew. */
static void compare_all(void)
{
	struct model_read read = {.form = MODEL_ALL, .limit = SKAFU_NO_LIMIT,
				  .opts = {.size = sizeof read.opts, .kinds = SKAFU_KINDS_ALL}};
	struct open_cursor open = {0};

	cursor_begin(&open, &read);
	cursor_step(&open, SIZE_MAX);
	cursor_close(&open);
	read.form = MODEL_STREAM;
	read.opts.kinds = 0;
	for (read.number = 0; read.number < MODEL_STREAMS; read.number++) {
		cursor_begin(&open, &read);
		cursor_step(&open, SIZE_MAX);
		cursor_close(&open);
	}
	for (uint32_t i = 0; i < 20; i++) {
		op_rows();
		op_streams();
	}
}

struct choice {
	uint32_t weight;
	void (*run)(void);
};

static const struct choice choices[] = {
	{300, op_append}, {40, op_retry}, {40, op_append_many}, {100, op_peer}, {130, op_read},
	{200, op_cursor}, {60, op_get}, {40, op_version}, {30, op_status}, {30, op_row},
	{15, op_rows}, {5, op_streams}, {6, op_reopen}, {4, op_maintain},
};

static void one_operation(void)
{
	uint32_t total = 0;
	uint32_t at;

	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++)
		total += choices[i].weight;
	at = random_below(total);
	for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
		if (at < choices[i].weight) {
			choices[i].run();
			return;
		}
		at -= choices[i].weight;
	}
}

static void begin_round(void)
{
	memset(&temp, 0, sizeof temp);
	recent_count = 0;
	last_recorded_ns = INT64_MIN;
	skafu__hash64_weaken(pass->hash_bits);
	tune();
	if (pass->in_memory) {
		temp.store = memory_store();
		return;
	}
	tempstore_make(&temp);
	tempstore_open(&temp, NULL);
	tempstore_close(&temp); /* the other process is forked while nothing is open */
	if (pass->with_peer)
		peer_start();
	tempstore_open(&temp, NULL);
}

static void count_folds(void)
{
	skafu_store_stats stats = {.size = sizeof stats};

	went(skafu_store_stats_get(temp.store, &stats, fault));
	folds += stats.folds;
	merges += stats.merges;
}

static void end_round(void)
{
	compare_all();
	if (pass->tiny)
		count_folds();
	close_cursors();
	if (pass->with_peer)
		peer_stop();
	if (!pass->in_memory) {
		tempstore_reopen(&temp);
		compare_all();
	}
	tempstore_close(&temp);
	if (!pass->in_memory)
		tempstore_remove(temp.directory);
	model_free(&model);
	skafu__hash64_weaken(0);
	skafu__tuning_override(NULL);
}

static uint64_t total_operations(void)
{
	const char *given = getenv("SKAFU_TEST_OPS");

	return given ? strtoull(given, NULL, 0) : 300000;
}

static double seconds_since(const struct timespec *before)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - before->tv_sec) + (double)(now.tv_nsec - before->tv_nsec) / 1e9;
}

static void run_pass(const struct pass *which)
{
	uint64_t left = total_operations() * which->share / 100;
	double seconds_max = getenv("SKAFU_TEST_OPS") ? 1e9 : (double)which->share * SECONDS_MAX / 100;
	struct pass changed = *which;
	const char *tiny = getenv("SKAFU_TEST_TINY");
	struct timespec before;

	clock_gettime(CLOCK_MONOTONIC, &before);
	if (tiny && *tiny == '1')
		changed.tiny = 1;
	pass = &changed;
	while (left > 0 && seconds_since(&before) < seconds_max) {
		begin_round();
		for (uint32_t i = 0; i < ROUND_OPS && left > 0; i++, left--, operation++)
			one_operation();
		end_round();
	}
	printf("pass \"%s\": up to operation %" PRIu64 ", %.1f s\n", which->name, operation,
	       seconds_since(&before));
	pass = NULL;
}

START_TEST(store_agrees_with_model)
{
	seeded("model_test");
	for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
		run_pass(&passes[i]);
	for (uint32_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
		if (outcomes[i])
			printf("%8" PRIu64 " %s\n", outcomes[i],
			       i == 0 ? "appended" : i == 1 ? "retry" : skafu_result_name(-(int32_t)i));
	printf("%8" PRIu64 " folds, %" PRIu64 " merges\n", folds, merges);
	if (operation < 20000)
		return;
	ck_assert_uint_gt(folds, 1000);
	ck_assert_uint_gt(merges, 100);
	/* A run that never met one of these would not have tested it. */
	ck_assert(outcomes[1] && outcomes[-SKAFU_ECONFLICT] && outcomes[-SKAFU_EMATCH] && outcomes[-SKAFU_EROW] &&
		  outcomes[-SKAFU_EDELETED] && outcomes[-SKAFU_EINVAL] && outcomes[-SKAFU_ENOTFOUND] &&
		  outcomes[-SKAFU_EDUPLICATE] && outcomes[-SKAFU_ECOMMIT] && outcomes[-SKAFU_EDEFINITION]);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, store_agrees_with_model);
}

int main(void)
{
	return tempstore_main("model", add);
}

#include "model/reading.h"

#include <string.h>

#include "base/error.h"
#include "base/testhook.h"
#include "codec/hash.h"
#include "model/model.h"
#include "model/snapshot.h"
#include "store/hidden.h"
#include "store/query.h" /* how many items a query has, and what they say: a query has no public face to read */

#define READING_KEY_BYTES_MAX (16u << 20)
#define READING_BLOCK_RECORDS 256u

/* ---- what is read ---------------------------------------------------------------------------------------------- */

struct reading_scope_call {
	struct skafu__reading *reading;
	const skafu_command *command;
	skafu_error *error;
};

static int32_t reading_scope_body(void *arg)
{
	struct reading_scope_call *call = arg;
	const struct skafu__decider *decider = call->reading->decider;
	struct skafu_error own = {0};
	int32_t rc = decider->scope(decider->user, call->command, call->reading->read, call->reading->guard, &own);
	if (rc >= 0)
		return 0;
	if (own.code == 0)
		skafu__fail(&own, rc, "the scope of decider %s failed", decider->name);
	skafu__error_set_hosts(&own);
	return skafu__error_copy(call->error, &own, rc);
}

/* To which nothing was added is dropped: nothing is read, and the guard is then what is read. */
static void reading_trim_scope(struct skafu__reading *reading)
{
	if (reading->guard->item_count == 0) {
		skafu_query_free(reading->guard);
		reading->guard = NULL;
	}
	if (reading->read->item_count == 0) {
		skafu_query_free(reading->read);
		reading->read = NULL;
	}
	if (!reading->guard)
		reading->guard = reading->read;
}

static int32_t reading_ask_scope(struct skafu__reading *reading, const skafu_command *command, skafu_error *error)
{
	struct reading_scope_call call = {reading, command, error};
	int32_t rc = skafu_query_new(&reading->read, error);
	if (rc == 0)
		rc = skafu_query_new(&reading->guard, error);
	if (rc == 0)
		rc = skafu__model_call(reading->model, reading_scope_body, &call);
	if (rc == 0)
		reading_trim_scope(reading);
	if (rc == 0)
		skafu__testhook_tell(SKAFU__TESTHOOK_SCOPE, reading->read, NULL, NULL, 0, 0);
	return rc;
}

static void reading_put_names(struct skafu__buf *out, char **names, uint32_t count)
{
	skafu__buf_put_u32(out, count);
	for (uint32_t i = 0; i < count; i++)
		skafu__buf_put(out, names[i], strlen(names[i]) + 1);
}

/* The decider by its number in this process, then what it reads, in full: two keys never mean the same by chance. */
static int32_t reading_name(struct skafu__reading *reading, skafu_error *error)
{
	const skafu_query *query = reading->read;
	skafu__buf_put_u32(&reading->key, reading->decider->number);
	if (reading->stream)
		skafu__buf_put(&reading->key, reading->stream, strlen(reading->stream));
	for (uint32_t i = 0; query && i < query->item_count; i++) {
		reading_put_names(&reading->key, query->items[i].types, query->items[i].type_count);
		reading_put_names(&reading->key, query->items[i].tags, query->items[i].tag_count);
	}
	return reading->key.failed ? skafu__fail_memory(error) : 0;
}

int32_t skafu__reading_begin(struct skafu__reading *reading, skafu_model *model, const struct skafu__decider *decider,
			     const skafu_command *command, skafu_error *error)
{
	memset(reading, 0, sizeof *reading);
	reading->model = model;
	reading->decider = decider;
	reading->deadline = INT64_MAX;
	skafu__buf_init(&reading->key, &model->sys, READING_KEY_BYTES_MAX);
	skafu__lens_init(&reading->lens, &model->registry);
	int32_t rc = 0;
	if (decider->scope)
		rc = reading_ask_scope(reading, command, error);
	else if (decider->has_state && !command->stream)
		rc = skafu__fail(error, SKAFU_EINVAL, "command %s names no stream, and decider %s reads the one that "
				 "the command names", command->type, decider->name);
	else if (decider->has_state)
		reading->stream = command->stream;
	return rc ? rc : reading_name(reading, error);
}

void skafu__reading_done(struct skafu__reading *reading)
{
	if (!reading->model)
		return;
	if (reading->guard != reading->read)
		skafu_query_free(reading->guard);
	skafu_query_free(reading->read);
	skafu__hot_release(reading->hot);
	skafu__hot_release(reading->making);
	skafu_cursor_free(reading->cursor);
	skafu__lens_done(&reading->lens);
	skafu__buf_done(&reading->key);
	memset(reading, 0, sizeof *reading);
}

/* The name of the snapshot must be the same in every process. */
static void reading_snapshot_key(const struct skafu__reading *reading, uint8_t out[16])
{
	static const char purpose[] = "skafu snapshot 1";
	const struct skafu__decider *decider = reading->decider;
	const char *domain = decider->domain->name;
	char name[512];
	size_t domain_length = strlen(domain) + 1; /* names are at most 255 bytes */
	size_t name_length = strlen(decider->name);
	memcpy(name, domain, domain_length);
	memcpy(name + domain_length, decider->name, name_length);
	const struct skafu__part parts[] = {{purpose, sizeof purpose}, {name, domain_length + name_length},
					    {reading->stream ? "stream" : "query", 5},
					    {reading->key.bytes + 4, reading->key.length - 4}};
	skafu__blake2b(out, 16, parts, 4);
}

/* ---- folding --------------------------------------------------------------------------------------------------- */

/* Functions of the host over one block of records, or before the first. */
struct reading_fold {
	struct skafu__reading *reading;
	struct skafu__hot *hot; /* its state may change */
	const skafu_record *const *records;
	uint32_t count;
	uint64_t at;            /* as of this sequence; 0: all */
	int ended;              /* a record was later than that */
	skafu_error *error;
};

static int32_t reading_evolve(struct reading_fold *fold, const skafu_record *event)
{
	const struct skafu__decider *decider = fold->reading->decider;
	struct skafu_error own = {0};
	int32_t rc = decider->evolve(decider->user, fold->hot->state, event, &own);
	if (rc >= 0)
		return 0;
	if (own.code == 0)
		skafu__fail(&own, rc, "evolve of decider %s failed on record %llu", decider->name,
			    (unsigned long long)event->sequence);
	skafu__error_set_hosts(&own);
	return skafu__error_copy(fold->error, &own, rc);
}

static int32_t reading_fold_one(struct reading_fold *fold, const skafu_record *stored)
{
	struct skafu__lens *lens = &fold->reading->lens;
	int32_t rc = skafu__lens_look(lens, stored, fold->error);
	if (rc < 0)
		return rc;
	rc = 0;
	for (uint32_t i = 0; rc == 0 && i < lens->count; i++)
		rc = reading_evolve(fold, lens->shown[i]);
	if (rc != 0)
		return rc;
	fold->hot->version = fold->reading->stream ? stored->stream_version : 0;
	fold->hot->last = stored->sequence;
	fold->hot->weight += stored->data_length;
	fold->hot->count++;
	return 0;
}

static int32_t reading_fold_body(void *arg)
{
	struct reading_fold *fold = arg;
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < fold->count; i++) {
		if (fold->at != 0 && fold->records[i]->sequence > fold->at) {
			fold->ended = 1;
			return 0;
		}
		rc = reading_fold_one(fold, fold->records[i]);
	}
	return rc;
}

struct reading_copy_call {
	const struct skafu__hot *from;
	struct skafu__hot *to;
	skafu_error *error;
};

static int32_t reading_copy_body(void *arg)
{
	struct reading_copy_call *call = arg;
	const struct skafu__decider *decider = call->from->decider;
	return skafu__state_copy(call->to->sys, &decider->state, decider->user, call->from->state, &call->to->state,
				 call->error);
}

/* What others see too must not change: go on with a copy. */
static int32_t reading_own(struct skafu__reading *reading, skafu_error *error)
{
	struct skafu__hot *old = reading->hot;
	if (atomic_load(&old->references) == 1)
		return 0;
	struct skafu__hot *own = skafu__hot_new(&reading->model->sys, reading->decider);
	if (!own)
		return skafu__fail_memory(error);
	struct reading_copy_call call = {old, own, error};
	reading->making = own;
	int32_t rc = skafu__model_call(reading->model, reading_copy_body, &call);
	reading->making = NULL;
	if (rc != 0) {
		skafu__hot_release(own);
		return rc;
	}
	own->version = old->version;
	own->looked = old->looked;
	own->last = old->last;
	own->count = old->count;
	own->hidden = old->hidden;
	own->weight = old->weight;
	atomic_init(&own->known, atomic_load(&old->known));
	atomic_init(&own->saved, atomic_load(&old->saved));
	reading->hot = own;
	skafu__hot_release(old);
	return 0;
}

static int32_t reading_check_time(const struct skafu__reading *reading, skafu_error *error)
{
	if (reading->deadline == INT64_MAX || skafu__time_left(&reading->model->sys, reading->deadline) != 0)
		return 0;
	return skafu__fail(error, SKAFU_ETIMEOUT, "the time was over while the events that decider %s depends on "
			   "were read", reading->decider->name);
}

/* A failing fold leaves a half-folded state: it is thrown away. */
static int32_t reading_fold_blocks(struct skafu__reading *reading, uint64_t at, skafu_error *error)
{
	struct reading_fold fold = {.reading = reading, .at = at, .error = error};
	int32_t rc;
	while ((rc = skafu_cursor_next_batch(reading->cursor, READING_BLOCK_RECORDS, &fold.records, error)) > 0) {
		fold.count = (uint32_t)rc;
		rc = reading_own(reading, error);
		if (rc != 0)
			return rc;
		fold.hot = reading->hot;
		rc = skafu__model_call(reading->model, reading_fold_body, &fold);
		if (rc == 0)
			rc = reading_check_time(reading, error);
		if (rc != 0) {
			skafu__hot_release(reading->hot);
			reading->hot = NULL;
			return rc;
		}
		if (fold.ended)
			break;
	}
	return rc < 0 ? rc : 0;
}

static int32_t reading_fold_cursor(struct skafu__reading *reading, uint64_t at, skafu_error *error)
{
	int32_t rc = reading_fold_blocks(reading, at, error);
	skafu_cursor_free(reading->cursor);
	reading->cursor = NULL;
	return rc;
}

/* ---- the rest of a stream or query ----------------------------------------------------------------------------- */

/* The stream is shorter than the state says, or from its end on there is nothing: 1 shorter, 0 nothing new. */
static int32_t reading_stream_ended(const struct skafu__reading *reading, const struct skafu_error *own,
				    skafu_error *error)
{
	if (own->code != SKAFU_EINVAL || own->version == 0)
		return skafu__error_copy(error, own, own->code);
	return own->version < reading->hot->version;
}

static int32_t reading_rest_of_stream(struct skafu__reading *reading, uint64_t at, skafu_error *error)
{
	struct skafu_error own = {0};
	skafu_read_opts opts = {.size = sizeof opts, .from = reading->hot->version + 1};
	int32_t rc = skafu_read_stream(reading->model->store, reading->stream, SKAFU_NO_LIMIT, &opts,
				       &reading->cursor,
				       &own);
	return rc ? reading_stream_ended(reading, &own, error) : reading_fold_cursor(reading, at, error);
}

static int32_t reading_rest_of_query(struct skafu__reading *reading, uint64_t at, skafu_error *error)
{
	skafu_read_opts opts = {.size = sizeof opts, .from = reading->hot->looked + 1, .to = at};
	if (at != 0 && reading->hot->looked >= at)
		return 0;
	int32_t rc = skafu_read(reading->model->store, reading->read, SKAFU_NO_LIMIT, &opts, &reading->cursor, error);
	if (rc != 0)
		return rc;
	uint64_t head = skafu_cursor_head(reading->cursor);
	rc = reading_fold_cursor(reading, 0, error);
	if (rc != 0)
		return rc;
	head = at != 0 && at < head ? at : head;
	if (head == reading->hot->looked)
		return 0;
	rc = head > reading->hot->looked ? reading_own(reading, error) : 0;
	if (rc == 0)
		reading->hot->looked = head;
	return rc;
}

/* A scope that reads nothing still has a moment at which it read it. */
static int32_t reading_rest_of_nothing(struct skafu__reading *reading, skafu_error *error)
{
	uint64_t head = 0;
	int32_t rc = reading->decider->scope ? skafu_store_head(reading->model->store, &head, error) : 0;
	if (rc == 0 && reading->decider->scope)
		reading->hot->looked = head;
	return rc;
}

static int32_t reading_rest(struct skafu__reading *reading, uint64_t at, skafu_error *error)
{
	if (reading->stream)
		return reading_rest_of_stream(reading, at, error);
	if (reading->read)
		return reading_rest_of_query(reading, at, error);
	return reading_rest_of_nothing(reading, error);
}

/* ---- load ------------------------------------------------------------------------------------------------------ */

struct reading_base_call {
	struct skafu__reading *reading;
	struct skafu__hot *hot;
	uint64_t at;
	int from_snapshot;
	skafu_error *error;
};

static int32_t reading_base_body(void *arg)
{
	struct reading_base_call *call = arg;
	const struct skafu__decider *decider = call->reading->decider;
	uint8_t key[16];
	int32_t rc = 0;
	if (call->from_snapshot) {
		reading_snapshot_key(call->reading, key);
		rc = skafu__snapshot_get(call->reading->model->store, key, call->at, call->hot, call->error);
	}
	if (rc != 0)
		return rc < 0 ? rc : 0;
	return skafu__state_make(call->hot->sys, &decider->state, decider->user, &call->hot->state, call->error);
}

/* The snapshot, or the beginning. */
static int32_t reading_base(struct skafu__reading *reading, uint64_t at, uint64_t hidden, int from_snapshot,
			    skafu_error *error)
{
	struct skafu__hot *hot = skafu__hot_new(&reading->model->sys, reading->decider);
	if (!hot)
		return skafu__fail_memory(error);
	hot->hidden = hidden;
	struct reading_base_call call = {reading, hot, at, from_snapshot, error};
	reading->making = hot;
	int32_t rc = reading->decider->has_state ? skafu__model_call(reading->model, reading_base_body, &call) : 0;
	reading->making = NULL;
	if (rc != 0) {
		skafu__hot_release(hot);
		return rc;
	}
	skafu__hot_release(reading->hot);
	reading->hot = hot;
	return 0;
}

/* A stream whose events are all hidden goes on with the version after them. */
static void reading_skip_hidden(struct skafu__reading *reading, uint64_t before)
{
	if (reading->stream && before != 0 && before != UINT64_MAX && reading->hot->version < before - 1)
		reading->hot->version = before - 1;
}

static int32_t reading_load_anew(struct skafu__reading *reading, uint64_t at, skafu_error *error)
{
	int from_snapshot = reading->decider->snapshot_every != 0 && (reading->stream || reading->read);
	struct skafu__hidden_moment moment;
	/* Before anything is read: what is hidden meanwhile is then noticed. */
	int32_t rc = skafu__hidden_now(reading->model->store, reading->stream, &moment, error);
	if (rc == 0)
		rc = reading_base(reading, at, moment.count, from_snapshot, error);
	if (rc == 0)
		rc = reading_rest(reading, at, error);
	if (rc == 1) {
		/* The snapshot is of a longer stream than there is: as good as none. */
		rc = reading_base(reading, at, moment.count, 0, error);
		if (rc == 0)
			rc = reading_rest(reading, at, error);
	}
	if (rc == 0 && at == 0)
		reading_skip_hidden(reading, moment.before);
	return rc;
}

/* 1 when something was hidden since the state was read, 0 when not. */
static int32_t reading_is_outdated(const struct skafu__reading *reading, skafu_error *error)
{
	struct skafu__hidden_moment moment;
	int32_t rc = skafu__hidden_now(reading->model->store, NULL, &moment, error);
	return rc ? rc : moment.count != reading->hot->hidden;
}

int32_t skafu__reading_load(struct skafu__reading *reading, uint64_t at, skafu_error *error)
{
	struct skafu__statecache *cache = &reading->model->cache;
	if (at == 0 && (reading->stream || reading->read))
		reading->hot = skafu__statecache_get(cache, reading->key.bytes, reading->key.length);
	if (!reading->hot)
		return reading_load_anew(reading, at, error);
	if (reading->stream && atomic_load(&reading->hot->known) <= reading->hot->version)
		return 0;
	return skafu__reading_catch_up(reading, error);
}

int32_t skafu__reading_catch_up(struct skafu__reading *reading, skafu_error *error)
{
	int32_t rc = reading->hot ? reading_is_outdated(reading, error) : 1;
	if (rc == 0)
		rc = reading_rest(reading, 0, error);
	if (rc <= 0)
		return rc;
	skafu__reading_forget(reading);
	return reading_load_anew(reading, 0, error);
}

/* ---- what follows from it -------------------------------------------------------------------------------------- */

int32_t skafu__reading_guard(const struct skafu__reading *reading, skafu_batch *batch, skafu_error *error)
{
	if (reading->stream || reading->read)
		skafu__batch_expect_hidden(batch, reading->hot->hidden);
	if (reading->stream)
		return skafu_batch_expect_stream(batch, reading->stream, SKAFU_EXPECT_EXACT, reading->hot->version,
						 error);
	if (reading->guard)
		return skafu_batch_expect_no_match(batch, reading->guard, reading->hot->looked, error);
	return 0;
}

static int32_t reading_no_match(const struct skafu__reading *reading, skafu_error *error)
{
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	skafu_read_opts opts = {.size = sizeof opts, .from = reading->hot->looked + 1};
	int32_t rc = skafu_read(reading->model->store, reading->guard, 1, &opts, &cursor, error);
	if (rc != 0)
		return rc;
	rc = skafu_cursor_next(cursor, &record, error);
	skafu_cursor_free(cursor);
	return rc < 0 ? rc : !rc;
}

int32_t skafu__reading_is_current(const struct skafu__reading *reading, skafu_error *error)
{
	uint64_t version;
	int32_t rc = reading->stream || reading->read ? reading_is_outdated(reading, error) : 0;
	if (rc != 0)
		return rc < 0 ? rc : 0;
	if (reading->guard && !reading->stream)
		return reading_no_match(reading, error);
	if (!reading->stream)
		return 1;
	rc = skafu_stream_version(reading->model->store, reading->stream, &version, error);
	return rc ? rc : version == reading->hot->version;
}

struct reading_save_call {
	const struct skafu__reading *reading;
	skafu_batch *batch;
	const uint8_t *key;
	skafu_error *error;
};

static int32_t reading_save_body(void *arg)
{
	struct reading_save_call *call = arg;
	return skafu__snapshot_put(call->batch, call->key, call->reading->hot, call->error);
}

int32_t skafu__reading_save(struct skafu__reading *reading, skafu_batch *batch, skafu_error *error)
{
	struct skafu__hot *hot = reading->hot;
	uint8_t key[16];
	uint32_t every = reading->decider->snapshot_every;
	reading->saves = 0;
	if (every == 0 || hot->count - atomic_load(&hot->saved) < every)
		return 0;
	reading_snapshot_key(reading, key);
	struct reading_save_call call = {reading, batch, key, error};
	reading->saves = 1;
	return skafu__model_call(reading->model, reading_save_body, &call);
}

/* The highest version that anybody saw. */
static void reading_note_version(struct skafu__hot *hot, uint64_t version)
{
	uint64_t known = atomic_load(&hot->known);
	while (known < version && !atomic_compare_exchange_weak(&hot->known, &known, version))
		;
}

void skafu__reading_keep(struct skafu__reading *reading, uint64_t own)
{
	if (!reading->hot || !reading->decider->has_state || !(reading->stream || reading->read))
		return;
	reading_note_version(reading->hot, reading->hot->version + own);
	if (reading->saves)
		atomic_store(&reading->hot->saved, reading->hot->count);
	skafu__statecache_put(&reading->model->cache, reading->key.bytes, reading->key.length, reading->hot);
}

void skafu__reading_forget(struct skafu__reading *reading)
{
	skafu__statecache_drop(&reading->model->cache, reading->key.bytes, reading->key.length);
	skafu__hot_release(reading->hot);
	reading->hot = NULL;
}

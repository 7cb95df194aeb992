#include "run/consumer.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "model/model.h"
#include "run/deliver.h"
#include "run/membership.h"
#include "run/register.h"
#include "run/retry.h"
#include "store/store.h"

#define CONSUMER_CHANGED 0x1u
#define CONSUMER_REWOUND 0x2u

/* ---- life ---------------------------------------------------------------------------------------------------- */

static int32_t consumer_check_name(const struct skafu__consumer_def *def, skafu_error *error)
{
	size_t length;
	if (def->is_volatile && !def->name)
		return 0;
	return skafu__name_measure(def->name, SKAFU__CONSUMER_NAME_BYTES_MAX, "consumer", &length, error);
}

static int32_t consumer_copy_names(struct skafu__consumer *consumer, const struct skafu__consumer_def *def,
				   skafu_error *error)
{
	const struct skafu__sys *sys = &consumer->store->sys;
	consumer->name = skafu__strdup(sys, def->name ? def->name : "");
	consumer->domain = def->domain ? skafu__strdup(sys, def->domain) : NULL;
	if (!consumer->name || (def->domain && !consumer->domain))
		return skafu__fail_memory(error);
	return 0;
}

static int32_t consumer_make_partitions(struct skafu__consumer *consumer, skafu_error *error)
{
	uint32_t count = consumer->row.partitions;
	consumer->partitions = skafu__alloc_zeroed(&consumer->store->sys, count, sizeof *consumer->partitions);
	if (!consumer->partitions)
		return skafu__fail_memory(error);
	consumer->partition_count = count;
	consumer->scanned = UINT64_MAX; /* nothing is claimed yet, so nothing is passed over */
	for (uint32_t i = 0; i < count; i++) {
		consumer->partitions[i].number = i;
		consumer->partitions[i].position = consumer->row.start;
		consumer->partitions[i].is_claimed = consumer->is_volatile != 0;
	}
	if (consumer->is_volatile) {
		consumer->claimed = count;
		consumer->scanned = consumer->row.start;
	}
	return 0;
}

static int32_t consumer_fill(struct skafu__consumer *consumer, const struct skafu__consumer_def *def,
			     skafu_error *error)
{
	int32_t rc = consumer_check_name(def, error);
	if (rc == 0)
		rc = consumer_copy_names(consumer, def, error);
	if (rc == 0)
		rc = skafu__source_init(&consumer->source, consumer->store, def->source, error);
	if (rc == 0)
		rc = skafu__retry_read(def->retry, &consumer->retry, error);
	if (rc == 0)
		rc = skafu__figures_of(consumer->model, consumer->name, &consumer->figures, error);
	if (rc == 0)
		rc = skafu__register(consumer, error);
	if (rc == 0)
		rc = consumer_make_partitions(consumer, error);
	if (rc == 0)
		rc = skafu__deliver_init(consumer, error);
	return rc;
}

int32_t skafu__consumer_new(skafu_model *model, const struct skafu__consumer_def *def,
			    struct skafu__consumer **out_consumer, skafu_error *error)
{
	struct skafu__consumer *consumer = skafu__alloc_zeroed(&model->sys, 1, sizeof *consumer);
	if (!consumer) {
		if (def->handler && def->handler->drop)
			def->handler->drop(def->self);
		return skafu__fail_memory(error);
	}
	consumer->model = model;
	consumer->store = model->store;
	consumer->kind = def->kind;
	consumer->is_volatile = def->is_volatile;
	consumer->hops_max = UINT32_MAX;
	consumer->handler = def->handler;
	consumer->self = def->self;
	consumer->user = def->user;
	consumer->flush_due_ns = INT64_MAX;
	skafu__model_hold(model);
	int32_t rc = consumer_fill(consumer, def, error);
	if (rc != 0) {
		skafu__consumer_free(consumer);
		return rc;
	}
	*out_consumer = consumer;
	return 0;
}

void skafu__consumer_free(struct skafu__consumer *consumer)
{
	if (!consumer)
		return;
	skafu_model *model = consumer->model;
	const struct skafu__sys *sys = &model->sys;
	if (skafu__store_check(consumer->store, NULL) == 0) /* else a fork: the claims are the parent's */
		skafu__membership_leave(consumer);
	skafu_cursor_free(consumer->cursor);
	skafu__deliver_done(consumer);
	if (consumer->handler && consumer->handler->drop)
		consumer->handler->drop(consumer->self);
	skafu__source_done(&consumer->source);
	skafu__free(sys, consumer->partitions);
	skafu__free(sys, consumer->name);
	skafu__free(sys, consumer->domain);
	skafu__free(sys, consumer);
	skafu__model_release(model);
}

/* ---- partitions ---------------------------------------------------------------------------------------------- */

uint64_t skafu__consumer_done(const struct skafu__consumer *consumer, const struct skafu__partition *partition)
{
	if (partition->is_blocked || partition->is_behind || consumer->scanned == UINT64_MAX ||
	    consumer->scanned < partition->position)
		return partition->position;
	return consumer->scanned;
}

static void consumer_fall_behind(struct skafu__consumer *consumer, struct skafu__partition *partition)
{
	partition->is_behind = 1;
	consumer->must_rescan = 1;
}

void skafu__consumer_return(struct skafu__consumer *consumer, struct skafu__partition *partition, uint64_t sequence,
			    int64_t blocked_until)
{
	uint64_t known = partition->durable.is_there ? partition->durable.mark : 0;
	partition->position = sequence;
	if (partition->mark > sequence)
		partition->mark = sequence > known ? sequence : known;
	partition->is_blocked = blocked_until != 0;
	partition->blocked_until = blocked_until;
	if (blocked_until == 0)
		consumer_fall_behind(consumer, partition);
}

/* A checkpoint that is where it was believed to be says nothing new: what was done since is only not saved yet.  But
 * when it was moved there, that is handled again, and known as done. */
static int32_t consumer_read_checkpoint(struct skafu__consumer *consumer, struct skafu__partition *partition,
					int is_rewound, skafu_error *error)
{
	struct skafu__checkpoint found = {0};
	uint64_t done = is_rewound ? partition->mark : 0;
	if (consumer->is_volatile)
		return 0;
	int32_t rc = skafu__checkpoint_get(consumer->store, consumer->name, partition->number, &found, error);
	if (rc < 0)
		return rc;
	int is_same = partition->is_claimed && !is_rewound && found.is_there == partition->durable.is_there &&
		      found.sequence == partition->durable.sequence && found.mark == partition->durable.mark;
	partition->durable = found;
	partition->chained = found;
	partition->is_stale = 0;
	if (is_same)
		return 0;
	partition->position = found.is_there ? found.sequence : consumer->row.start;
	partition->mark = found.mark > done ? found.mark : done;
	partition->is_blocked = 0;
	partition->failing = 0;
	partition->open = 0;
	consumer_fall_behind(consumer, partition);
	return 0;
}

int32_t skafu__consumer_reload(struct skafu__consumer *consumer, struct skafu__partition *partition,
			       skafu_error *error)
{
	return consumer_read_checkpoint(consumer, partition, 0, error);
}

int32_t skafu__consumer_reload_all(struct skafu__consumer *consumer, skafu_error *error)
{
	int32_t rc = 0;
	consumer->has_seen = 0; /* the row may be what changed */
	for (uint32_t i = 0; rc == 0 && i < consumer->partition_count; i++)
		if (consumer->partitions[i].is_claimed)
			rc = skafu__consumer_reload(consumer, &consumer->partitions[i], error);
	return rc;
}

/* ---- attending ----------------------------------------------------------------------------------------------- */

/* Whatever an operator changes raises the generation; a halt of another process does not. */
static int32_t consumer_take_row(struct skafu__consumer *consumer, const struct skafu__consumer_row *row,
				 const struct skafu__consumer_bytes *bytes, skafu_error *error)
{
	uint64_t difference = row->generation ^ consumer->row.generation;
	int32_t rc = 0;
	if (row->partitions != consumer->partition_count)
		return skafu__fail(error, SKAFU_EDEFINITION, "consumer %s was removed and made anew with %u "
				   "partitions instead of %u; open it again", consumer->name, row->partitions,
				   consumer->partition_count);
	consumer->row = *row;
	consumer->row_bytes = *bytes;
	consumer->changed |= difference ? CONSUMER_CHANGED : 0;
	consumer->changed |= difference >> 32 ? CONSUMER_REWOUND : 0;
	if (!consumer->changed)
		return 0;
	consumer->is_halted_here = 0;
	atomic_fetch_and(&consumer->figures->flags, ~SKAFU__FIGURES_HALTED);
	for (uint32_t i = 0; rc == 0 && i < consumer->partition_count; i++)
		if (consumer->partitions[i].is_claimed)
			rc = consumer_read_checkpoint(consumer, &consumer->partitions[i],
						      (consumer->changed & CONSUMER_REWOUND) != 0, error);
	if (rc == 0)
		consumer->changed = 0;
	return rc;
}

static int32_t consumer_look(struct skafu__consumer *consumer, skafu_error *error)
{
	struct skafu__consumer_row row;
	struct skafu__consumer_bytes bytes;
	uint32_t word = skafu__control_word(&consumer->store->control);
	if (consumer->is_volatile || (consumer->has_seen && word == consumer->seen_word))
		return 0;
	int32_t rc = skafu__consumer_row_get(consumer->store, consumer->name, &row, &bytes, error);
	if (rc == 1)
		rc = consumer_take_row(consumer, &row, &bytes, error);
	else if (rc == 0)
		rc = skafu__fail(error, SKAFU_ENOTFOUND, "consumer %s was removed while it is served here; open it "
				 "again", consumer->name);
	if (rc != 0)
		return rc;
	/* An odd word: a commit is being written, and may be to be seen only later. */
	consumer->has_seen = (word & 1u) == 0;
	consumer->seen_word = word;
	return 0;
}

static void consumer_unblock(struct skafu__consumer *consumer)
{
	int64_t now = 0;
	for (uint32_t i = 0; i < consumer->partition_count; i++) {
		struct skafu__partition *partition = &consumer->partitions[i];
		if (!partition->is_claimed || !partition->is_blocked)
			continue;
		if (now == 0)
			now = consumer->store->sys.monotonic_ns();
		if (partition->blocked_until > now)
			continue;
		partition->is_blocked = 0;
		consumer_fall_behind(consumer, partition);
	}
}

int32_t skafu__consumer_attend(struct skafu__consumer *consumer, skafu_error *error)
{
	int32_t rc = consumer_look(consumer, error);
	if (rc != 0)
		return rc;
	if (consumer->is_halted_here)
		return 0;
	rc = skafu__membership_balance(consumer, error);
	if (rc != 0 || consumer->row.state != SKAFU_CONSUMER_RUNNING)
		return rc;
	consumer_unblock(consumer);
	return consumer->claimed != 0;
}

/* ---- fetching ------------------------------------------------------------------------------------------------ */

/* Go back to the lowest partition; the others remember how far they are. */
static void consumer_rescan(struct skafu__consumer *consumer)
{
	uint64_t from = UINT64_MAX;
	for (uint32_t i = 0; i < consumer->partition_count; i++) {
		struct skafu__partition *partition = &consumer->partitions[i];
		if (!partition->is_claimed || partition->is_blocked)
			continue;
		partition->position = skafu__consumer_done(consumer, partition);
		partition->is_behind = 0;
		if (partition->position < from)
			from = partition->position;
	}
	skafu_cursor_free(consumer->cursor);
	consumer->cursor = NULL;
	consumer->must_rescan = 0;
	consumer->scanned = from;
}

/* The index leads to the types when no upcaster can make one of another. */
static int32_t consumer_make_query(const struct skafu__consumer *consumer, skafu_query **out_query,
				   skafu_error *error)
{
	const struct skafu_source *source = &consumer->source.given;
	int32_t rc = 0;
	*out_query = NULL;
	if (source->type_count == 0 || source->kinds != SKAFU_KINDS_EVENTS ||
	    consumer->model->registry.upcaster_count != 0)
		return 0;
	rc = skafu_query_new(out_query, error);
	for (size_t i = 0; rc == 0 && i < source->type_count; i++)
		rc = skafu_query_add_type(*out_query, source->types[i], error);
	return rc;
}

/* 1 open, 0 there is nothing beyond what was scanned. */
static int32_t consumer_open_cursor(struct skafu__consumer *consumer, skafu_error *error)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = consumer->source.given.kinds,
				.from = consumer->scanned + 1};
	skafu_query *query = NULL;
	uint64_t head = 0;
	int32_t rc = skafu_store_head(consumer->store, &head, error);
	if (rc != 0 || consumer->scanned >= head)
		return rc;
	rc = consumer_make_query(consumer, &query, error);
	if (rc == 0)
		rc = skafu_read(consumer->store, query, SKAFU_NO_LIMIT, &opts, &consumer->cursor, error);
	skafu_query_free(query);
	return rc ? rc : 1;
}

static void consumer_pass(struct skafu__consumer *consumer, uint64_t sequence)
{
	if (sequence <= consumer->scanned)
		return;
	consumer->unsaved += sequence - consumer->scanned;
	consumer->scanned = sequence;
	skafu__deliver_want_flush(consumer);
}

/* The next of the cursor, which is freed at its end. */
static int32_t consumer_next(struct skafu__consumer *consumer, const skafu_record **out_record, skafu_error *error)
{
	int32_t rc = consumer->cursor ? 1 : consumer_open_cursor(consumer, error);
	if (rc != 1)
		return rc;
	rc = skafu_cursor_next(consumer->cursor, out_record, error);
	if (rc != 0)
		return rc;
	consumer_pass(consumer, skafu_cursor_head(consumer->cursor));
	skafu_cursor_free(consumer->cursor);
	consumer->cursor = NULL;
	return 0;
}

/* Its partition, when the record is one for it now. */
static struct skafu__partition *consumer_address(const struct skafu__consumer *consumer, const skafu_record *record)
{
	if (consumer->kind == SKAFU_CONSUMER_KIND_DECIDER && strcmp(record->source, consumer->domain) != 0)
		return NULL;
	if (consumer->model->registry.upcaster_count == 0 &&
	    !skafu__source_has_type(&consumer->source, record->kind, record->type))
		return NULL;
	struct skafu__partition *partition =
		&consumer->partitions[skafu__source_partition(&consumer->source, record)];
	if (!partition->is_claimed || partition->is_blocked || record->sequence <= partition->position)
		return NULL;
	return partition;
}

int32_t skafu__consumer_fetch(struct skafu__consumer *consumer, const skafu_record **out_record,
			      struct skafu__partition **out_partition, skafu_error *error)
{
	if (consumer->must_rescan)
		consumer_rescan(consumer);
	if (consumer->scanned == UINT64_MAX)
		return 0;
	for (;;) {
		const skafu_record *record = NULL;
		int32_t rc = consumer_next(consumer, &record, error);
		if (rc != 1)
			return rc;
		consumer_pass(consumer, record->sequence);
		*out_partition = consumer_address(consumer, record);
		if (!*out_partition)
			continue;
		*out_record = record;
		return 1;
	}
}

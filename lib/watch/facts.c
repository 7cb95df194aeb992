#include "watch/facts.h"

#include <string.h>

#include "codec/hash.h"

#define FACTS_LABELS_MAX 3u
#define FACTS_KEY_BYTES_MAX (1u + FACTS_LABELS_MAX * 256u)
#define FACTS_SECOND_NS 1e9

enum facts_number {
	FACTS_ALARMS_RAISED,
	FACTS_COMMAND_CONFLICTS,
	FACTS_COMMAND_SECONDS,
	FACTS_COMMANDS,
	FACTS_COMMITS,
	FACTS_CONSUMER_LAG,
	FACTS_CROSS_DOMAIN_FAILURES,
	FACTS_CROSS_DOMAIN_SECONDS,
	FACTS_CROSS_DOMAIN,
	FACTS_DEAD_LETTERS,
	FACTS_DELIVERY_SECONDS,
	FACTS_ERROR_SECONDS,
	FACTS_ERRORS,
	FACTS_FLUSH_SECONDS,
	FACTS_FOLD_SECONDS,
	FACTS_HANDLED,
	FACTS_HANDLER_FAILURES,
	FACTS_HANDLER_SECONDS,
	FACTS_INDEX_ENTRIES,
	FACTS_INDEX_RUNS,
	FACTS_LOG_COMMITS,
	FACTS_LOG_FILE_BYTES,
	FACTS_LOG_RECORDS,
	FACTS_LOG_UNINDEXED,
	FACTS_LOG_USED_BYTES,
	FACTS_MEMORY_BYTES,
	FACTS_MERGE_SECONDS,
	FACTS_PROCESS_STEP_SECONDS,
	FACTS_PROCESS_STEPS,
	FACTS_PROCESSING_SECONDS,
	FACTS_PUBLISHED,
	FACTS_REFUSED,
	FACTS_REPLAY_RECORDS,
	FACTS_REPLAY_SESSIONS,
	FACTS_REPLAY_SUCCESS_RATIO,
	FACTS_SERIES,
	FACTS_SERIES_DROPPED,
	FACTS_SPANS_DROPPED,
	FACTS_TIMER_DELAY_SECONDS,
	FACTS_TIMERS_FIRED,
	FACTS_COUNT
};

struct facts_def {
	const char *name;
	const char *help;
	uint32_t kind;
	const char *labels[FACTS_LABELS_MAX]; /* sorted */
};

#define FACTS_COUNTER SKAFU__METRIC_COUNTER
#define FACTS_GAUGE SKAFU__METRIC_GAUGE
#define FACTS_HISTOGRAM SKAFU__METRIC_HISTOGRAM

_Static_assert(FACTS_COUNT <= SKAFU__FACTS_MAX, "each fact has its place");

static const struct facts_def facts_defs[FACTS_COUNT] = {
	[FACTS_ALARMS_RAISED] = {"skafu_alarms_raised", "Alarms that are raised now.", FACTS_GAUGE, {0}},
	[FACTS_COMMAND_CONFLICTS] = {"skafu_command_conflicts_total",
				     "Decisions that were taken again since somebody was faster.", FACTS_COUNTER,
				     {"command"}},
	[FACTS_COMMAND_SECONDS] = {"skafu_command_seconds", "Time to load, decide and append.", FACTS_HISTOGRAM,
				   {"command"}},
	[FACTS_COMMANDS] = {"skafu_commands_total", "Commands that were decided, or failed.", FACTS_COUNTER,
			    {"command", "decision", "domain"}},
	[FACTS_COMMITS] = {"skafu_commits_total", "Commits that this process appended.", FACTS_COUNTER, {0}},
	[FACTS_CONSUMER_LAG] = {"skafu_consumer_lag", "Records that a consumer has not seen.", FACTS_GAUGE,
				{"consumer"}},
	[FACTS_CROSS_DOMAIN_FAILURES] = {"skafu_cross_domain_failures_total",
					 "Attempts to handle a record of another domain that failed.",
					 FACTS_COUNTER, {"from", "to"}},
	[FACTS_CROSS_DOMAIN_SECONDS] = {"skafu_cross_domain_seconds",
					"From an event recorded to its effect in another domain recorded.",
					FACTS_HISTOGRAM, {"from", "to"}},
	[FACTS_CROSS_DOMAIN] = {"skafu_cross_domain_total", "Effects of events of one domain in another.",
				FACTS_COUNTER, {"from", "to"}},
	[FACTS_DEAD_LETTERS] = {"skafu_dead_letters_total", "Records that a consumer gave up on.", FACTS_COUNTER,
				{"consumer"}},
	[FACTS_DELIVERY_SECONDS] = {"skafu_delivery_seconds", "From recorded to given to a handler.",
				    FACTS_HISTOGRAM, {"consumer"}},
	[FACTS_ERROR_SECONDS] = {"skafu_error_correlation_seconds",
				 "From an error happening to its record with its correlation being in the log.",
				 FACTS_HISTOGRAM, {"domain"}},
	[FACTS_ERRORS] = {"skafu_errors_total", "Errors that were recorded.", FACTS_COUNTER,
			  {"domain", "severity"}},
	[FACTS_FLUSH_SECONDS] = {"skafu_flush_seconds", "Time of one flush to disk, which several commits may share.",
				 FACTS_HISTOGRAM, {0}},
	[FACTS_FOLD_SECONDS] = {"skafu_fold_seconds", "Time under the writers' lock to fold records into the index.",
				FACTS_HISTOGRAM, {0}},
	[FACTS_HANDLED] = {"skafu_handled_total", "Records that a handler was done with.", FACTS_COUNTER,
			   {"consumer"}},
	[FACTS_HANDLER_FAILURES] = {"skafu_handler_failures_total", "Attempts of a handler that failed.",
				    FACTS_COUNTER, {"code", "consumer"}},
	[FACTS_HANDLER_SECONDS] = {"skafu_handler_seconds", "Time in a handler for one record.", FACTS_HISTOGRAM,
				   {"consumer"}},
	[FACTS_INDEX_ENTRIES] = {"skafu_index_entries", "Entries of the index.", FACTS_GAUGE, {0}},
	[FACTS_INDEX_RUNS] = {"skafu_index_runs", "Runs of the index.", FACTS_GAUGE, {0}},
	[FACTS_LOG_COMMITS] = {"skafu_log_commits", "Number of the newest commit.", FACTS_GAUGE, {0}},
	[FACTS_LOG_FILE_BYTES] = {"skafu_log_file_bytes", "Size of the log file.", FACTS_GAUGE, {0}},
	[FACTS_LOG_RECORDS] = {"skafu_log_records", "Sequence of the newest record.", FACTS_GAUGE, {0}},
	[FACTS_LOG_UNINDEXED] = {"skafu_log_unindexed_records", "Records that are not folded into the index.",
				 FACTS_GAUGE, {0}},
	[FACTS_LOG_USED_BYTES] = {"skafu_log_used_bytes", "What of the log file is not free for reuse.", FACTS_GAUGE,
				  {0}},
	[FACTS_MEMORY_BYTES] = {"skafu_memory_bytes", "Memory of this process for the store.", FACTS_GAUGE, {"use"}},
	[FACTS_MERGE_SECONDS] = {"skafu_merge_seconds", "Time of the last part of a merge of the index.",
				 FACTS_HISTOGRAM, {0}},
	[FACTS_PROCESS_STEP_SECONDS] = {"skafu_process_step_seconds", "Time of a step of a process manager.",
					FACTS_HISTOGRAM, {"process"}},
	[FACTS_PROCESS_STEPS] = {"skafu_process_steps_total", "Steps of process managers.", FACTS_COUNTER,
				 {"process"}},
	[FACTS_PROCESSING_SECONDS] = {"skafu_processing_seconds", "From recorded to handled.", FACTS_HISTOGRAM,
				      {"consumer"}},
	[FACTS_PUBLISHED] = {"skafu_published_total", "Records that this process appended.", FACTS_COUNTER,
			     {"domain", "kind"}},
	[FACTS_REFUSED] = {"skafu_refused_total", "Commits that were refused.", FACTS_COUNTER, {"code"}},
	[FACTS_REPLAY_RECORDS] = {"skafu_replay_records_total", "Records that replays gave to handlers.",
				  FACTS_COUNTER, {"result"}},
	[FACTS_REPLAY_SESSIONS] = {"skafu_replay_sessions_total", "Replays that came to their end.", FACTS_COUNTER,
				   {"result"}},
	[FACTS_REPLAY_SUCCESS_RATIO] = {"skafu_replay_success_ratio",
					"Share of the records that replays gave to handlers and that succeeded.",
					FACTS_GAUGE, {0}},
	[FACTS_SERIES] = {"skafu_series", "Series that this watch holds.", FACTS_GAUGE, {0}},
	[FACTS_SERIES_DROPPED] = {"skafu_series_dropped_total",
				  "Uses of a series that found no room for it.", FACTS_COUNTER, {0}},
	[FACTS_SPANS_DROPPED] = {"skafu_spans_dropped_total", "Spans that went before they were taken.",
				 FACTS_COUNTER, {0}},
	[FACTS_TIMER_DELAY_SECONDS] = {"skafu_timer_delay_seconds", "From a timer being due to being recorded.",
				       FACTS_HISTOGRAM, {0}},
	[FACTS_TIMERS_FIRED] = {"skafu_timers_fired_total", "Timers that were recorded.", FACTS_COUNTER, {0}},
};

static uint64_t facts_hash(const void *key, const void *bytes, size_t length)
{
	return skafu__hash64(key, bytes, length);
}

void skafu__facts_init(struct skafu__facts *facts, struct skafu__metrics *table, const uint8_t *hash_key)
{
	memset(facts, 0, sizeof *facts);
	facts->table = table;
	skafu__map_init(&facts->by_values, table->sys, SIZE_MAX, 0);
	skafu__map_set_hash(&facts->by_values, facts_hash, hash_key);
}

void skafu__facts_done(struct skafu__facts *facts)
{
	skafu__map_done(&facts->by_values);
}

const char *skafu__facts_name(uint32_t number, const char **out_help, uint32_t *out_kind)
{
	if (number >= FACTS_COUNT)
		return NULL;
	*out_help = facts_defs[number].help;
	*out_kind = facts_defs[number].kind;
	return facts_defs[number].name;
}

/* ---- the series of a fact ------------------------------------------------------------------------------------ */

struct facts_values {
	const char *values[FACTS_LABELS_MAX];
};

static size_t facts_key(enum facts_number number, const struct facts_values *values, char *key)
{
	size_t length = 0;
	key[length++] = (char)number;
	for (size_t i = 0; i < FACTS_LABELS_MAX && facts_defs[number].labels[i]; i++) {
		const char *value = values->values[i] ? values->values[i] : "";
		size_t bytes = strnlen(value, 255);
		memcpy(key + length, value, bytes);
		length += bytes;
		key[length++] = '\0';
	}
	return length;
}

static struct skafu__series *facts_make(struct skafu__facts *facts, enum facts_number number,
					const struct facts_values *values)
{
	const struct facts_def *def = &facts_defs[number];
	struct skafu__labels labels;
	struct skafu__series *series = NULL;
	size_t count = 0;
	while (count < FACTS_LABELS_MAX && def->labels[count])
		count++;
	if (skafu__labels_make(def->labels, values->values, count, &labels) != 0 ||
	    skafu__metrics_enter(facts->table, def->name, def->help, def->kind, &labels, &series, NULL) != 0)
		return NULL;
	return series;
}

/* NULL when there is no room, which the table counts. */
static struct skafu__series *facts_series(struct skafu__facts *facts, enum facts_number number, const char *first,
					  const char *second, const char *third)
{
	const struct facts_values values = {{first, second, third}};
	char key[FACTS_KEY_BYTES_MAX];
	if (!facts_defs[number].labels[0]) {
		if (!facts->plain[number])
			facts->plain[number] = facts_make(facts, number, &values);
		return facts->plain[number];
	}
	size_t length = facts_key(number, &values, key);
	const uint64_t *found = skafu__map_find(&facts->by_values, key, length);
	if (found)
		return (struct skafu__series *)(uintptr_t)*found;
	struct skafu__series *series = facts_make(facts, number, &values);
	if (series)
		skafu__map_insert(&facts->by_values, key, length, (uintptr_t)series);
	return series;
}

static void facts_count(struct skafu__facts *facts, enum facts_number number, uint64_t amount, const char *first,
			const char *second, const char *third)
{
	struct skafu__series *series = facts_series(facts, number, first, second, third);
	if (series)
		skafu__series_add(series, (double)amount);
}

static void facts_set(struct skafu__facts *facts, enum facts_number number, double value, const char *first)
{
	struct skafu__series *series = facts_series(facts, number, first, NULL, NULL);
	if (series)
		series->value = value;
}

/* ---- what happened ------------------------------------------------------------------------------------------- */

struct facts_now {
	struct skafu__facts *facts;
	const struct skafu__probe_event *event;
	int64_t now_ns;
};

static void facts_time(const struct facts_now *now, enum facts_number number, int64_t value_ns, uint64_t times,
		       const char *first, const char *second)
{
	struct skafu__series *series = facts_series(now->facts, number, first, second, NULL);
	if (series && times != 0)
		skafu__histogram_observe(series->histogram, value_ns > 0 ? (double)value_ns / FACTS_SECOND_NS : 0,
					 times, now->now_ns);
}

static int facts_is_cross(const struct skafu__probe_event *event)
{
	return event->from && event->domain && event->from[0] && event->domain[0] &&
	       strcmp(event->from, event->domain) != 0;
}

static const char *facts_code(int64_t negated)
{
	return skafu_result_name((int32_t)-negated);
}

static void facts_published(const struct facts_now *now)
{
	static const char *const kinds[] = {"unknown", "event", "command", "error", "outcome"};
	static const char *const severities[] = {"NONE", "WARNING", "ERROR", "CRITICAL"};
	const struct skafu__probe_event *event = now->event;
	const char *kind = kinds[event->record_kind <= SKAFU_KIND_OUTCOME ? event->record_kind : 0];
	facts_count(now->facts, FACTS_PUBLISHED, event->count, event->domain, kind, NULL);
	if (event->record_kind != SKAFU_KIND_ERROR)
		return;
	uint32_t severity = event->severity <= SKAFU_SEVERITY_CRITICAL ? event->severity : 0;
	facts_count(now->facts, FACTS_ERRORS, event->count, event->domain, severities[severity], NULL);
	facts_time(now, FACTS_ERROR_SECONDS, event->value, event->count, event->domain, NULL);
}

static void facts_committed(const struct facts_now *now)
{
	facts_count(now->facts, FACTS_COMMITS, now->event->count, NULL, NULL, NULL);
	facts_time(now, FACTS_FLUSH_SECONDS, now->event->value, 1, NULL, NULL);
}

static void facts_processed(const struct facts_now *now)
{
	const struct skafu__probe_event *event = now->event;
	int64_t took;
	if (event->recorded_ns != 0 && event->end_ns != 0 &&
	    !__builtin_sub_overflow(event->end_ns, event->recorded_ns, &took))
		facts_time(now, FACTS_PROCESSING_SECONDS, took, event->count, event->name, NULL);
}

static void facts_handled(const struct facts_now *now)
{
	const struct skafu__probe_event *event = now->event;
	if (event->count == 0)
		return;
	int64_t each = event->value / (event->count < INT64_MAX ? (int64_t)event->count : INT64_MAX);
	facts_count(now->facts, FACTS_HANDLED, event->count, event->name, NULL, NULL);
	facts_time(now, FACTS_HANDLER_SECONDS, each, event->count, event->name, NULL);
	facts_processed(now);
}

static void facts_stepped(const struct facts_now *now)
{
	facts_count(now->facts, FACTS_PROCESS_STEPS, now->event->count, now->event->name, NULL, NULL);
	facts_time(now, FACTS_PROCESS_STEP_SECONDS, now->event->value, now->event->count, now->event->name, NULL);
	facts_processed(now);
}

static void facts_failed(const struct facts_now *now)
{
	const struct skafu__probe_event *event = now->event;
	facts_count(now->facts, FACTS_HANDLER_FAILURES, event->count, facts_code(event->value), event->name, NULL);
	if (facts_is_cross(event))
		facts_count(now->facts, FACTS_CROSS_DOMAIN_FAILURES, event->count, event->from, event->domain, NULL);
}

static void facts_crossed(const struct facts_now *now)
{
	const struct skafu__probe_event *event = now->event;
	facts_count(now->facts, FACTS_CROSS_DOMAIN, event->count, event->from, event->domain, NULL);
	facts_time(now, FACTS_CROSS_DOMAIN_SECONDS, event->value, event->count, event->from, event->domain);
}

static void facts_executed(const struct facts_now *now)
{
	static const char *const decisions[] = {"failed", "accepted", "refused"};
	const struct skafu__probe_event *event = now->event;
	const char *decision = decisions[event->decision <= 2 ? event->decision : 0];
	facts_count(now->facts, FACTS_COMMANDS, 1, event->name, decision, event->domain);
	facts_time(now, FACTS_COMMAND_SECONDS, event->value, 1, event->name, NULL);
	if (event->count > 1)
		facts_count(now->facts, FACTS_COMMAND_CONFLICTS, event->count - 1, event->name, NULL, NULL);
}

static void facts_replayed(const struct facts_now *now)
{
	const struct skafu__probe_event *event = now->event;
	struct skafu__facts *facts = now->facts;
	uint64_t failed = event->value < 0 ? 0 : (uint64_t)event->value;
	failed = failed > event->count ? event->count : failed;
	facts->replayed += (double)event->count;
	facts->replayed_well += (double)(event->count - failed);
	facts_count(facts, FACTS_REPLAY_RECORDS, event->count - failed, "succeeded", NULL, NULL);
	facts_count(facts, FACTS_REPLAY_RECORDS, failed, "failed", NULL, NULL);
	if (facts->replayed > 0)
		facts_set(facts, FACTS_REPLAY_SUCCESS_RATIO, facts->replayed_well / facts->replayed, NULL);
}

static void facts_timer(const struct facts_now *now)
{
	facts_count(now->facts, FACTS_TIMERS_FIRED, now->event->count, NULL, NULL, NULL);
	facts_time(now, FACTS_TIMER_DELAY_SECONDS, now->event->value, now->event->count, NULL, NULL);
}

/* What concerns the store itself. */
static int facts_take_store(const struct facts_now *now)
{
	const struct skafu__probe_event *event = now->event;
	switch (event->kind) {
	case SKAFU__PROBE_COMMIT: facts_committed(now); return 1;
	case SKAFU__PROBE_PUBLISHED: facts_published(now); return 1;
	case SKAFU__PROBE_REFUSED:
		facts_count(now->facts, FACTS_REFUSED, event->count, facts_code(event->value), NULL, NULL);
		return 1;
	case SKAFU__PROBE_FOLD: facts_time(now, FACTS_FOLD_SECONDS, event->value, 1, NULL, NULL); return 1;
	case SKAFU__PROBE_MERGE: facts_time(now, FACTS_MERGE_SECONDS, event->value, 1, NULL, NULL); return 1;
	default: return 0;
	}
}

static void facts_take_run(const struct facts_now *now)
{
	const struct skafu__probe_event *event = now->event;
	switch (event->kind) {
	case SKAFU__PROBE_DELIVERED:
		facts_time(now, FACTS_DELIVERY_SECONDS, event->value, event->count, event->name, NULL);
		break;
	case SKAFU__PROBE_HANDLED: facts_handled(now); break;
	case SKAFU__PROBE_FAILED: facts_failed(now); break;
	case SKAFU__PROBE_CROSS_DOMAIN: facts_crossed(now); break;
	case SKAFU__PROBE_DEAD_LETTER:
		facts_count(now->facts, FACTS_DEAD_LETTERS, event->count, event->name, NULL, NULL);
		break;
	case SKAFU__PROBE_LAG: facts_set(now->facts, FACTS_CONSUMER_LAG, (double)event->value, event->name); break;
	case SKAFU__PROBE_REPLAYED: facts_replayed(now); break;
	case SKAFU__PROBE_REPLAY_DONE:
		facts_count(now->facts, FACTS_REPLAY_SESSIONS, 1, event->value == 0 ? "succeeded" : "failed", NULL,
			    NULL);
		break;
	case SKAFU__PROBE_STEP: facts_stepped(now); break;
	case SKAFU__PROBE_EXECUTED: facts_executed(now); break;
	case SKAFU__PROBE_TIMER: facts_timer(now); break;
	default: break;
	}
}

void skafu__facts_take(struct skafu__facts *facts, const struct skafu__probe_event *event, int64_t now_ns)
{
	const struct facts_now now = {facts, event, now_ns};
	if (!facts_take_store(&now))
		facts_take_run(&now);
}

/* ---- how it stands ------------------------------------------------------------------------------------------- */

static void facts_store(struct skafu__facts *facts, const struct skafu_store_stats *stats)
{
	uint64_t unindexed = stats->head > stats->indexed_up_to ? stats->head - stats->indexed_up_to : 0;
	facts_set(facts, FACTS_LOG_RECORDS, (double)stats->head, NULL);
	facts_set(facts, FACTS_LOG_COMMITS, (double)stats->commits, NULL);
	facts_set(facts, FACTS_LOG_UNINDEXED, (double)unindexed, NULL);
	facts_set(facts, FACTS_LOG_FILE_BYTES, (double)stats->file_bytes, NULL);
	facts_set(facts, FACTS_LOG_USED_BYTES, (double)stats->file_bytes_used, NULL);
	facts_set(facts, FACTS_MEMORY_BYTES, (double)stats->overlay_bytes, "overlay");
	facts_set(facts, FACTS_MEMORY_BYTES, (double)stats->cache_bytes, "cache");
	facts_set(facts, FACTS_INDEX_RUNS, (double)stats->index_runs, NULL);
	facts_set(facts, FACTS_INDEX_ENTRIES, (double)stats->index_entries, NULL);
}

void skafu__facts_standing(struct skafu__facts *facts, const struct skafu__standing *standing)
{
	if (standing->stats)
		facts_store(facts, standing->stats);
	facts_set(facts, FACTS_ALARMS_RAISED, standing->alarms_raised, NULL);
	facts_set(facts, FACTS_SPANS_DROPPED, standing->spans_dropped, NULL);
	facts_set(facts, FACTS_SERIES, (double)facts->table->count, NULL);
	facts_set(facts, FACTS_SERIES_DROPPED, facts->table->dropped, NULL);
	facts_set(facts, FACTS_SERIES, (double)facts->table->count, NULL); /* with those just made */
}

#include "watch/alarm.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "watch/number.h"

#define ALARM_NAME_BYTES_MAX 255u
#define ALARM_SECOND_NS UINT64_C(1000000000)

struct alarm_state {
	struct alarm_state *next; /* in the order of the family's series */
	const struct skafu__series *series;
	double value;
	double threshold;
	int64_t since_ns;   /* wall clock */
	int64_t pending_ns; /* monotonic: from when on the figure has been beyond what changes the state */
	uint8_t is_pending;
	uint8_t is_raised;
	uint8_t is_to_tell;
};

/* The texts lie behind it. */
struct skafu__alarm {
	struct skafu__alarm *next;
	struct alarm_state *first;
	struct alarm_state *last;
	const char *name;
	const char *metric;
	struct skafu__labels *labels; /* NULL: every series */
	uint32_t severity;
	uint32_t statistic;
	uint32_t direction;
	double raise_at;
	double clear_at;
	uint64_t raise_after_ns;
	uint64_t clear_after_ns;
};

void skafu__alarms_init(struct skafu__alarms *alarms, const struct skafu__sys *sys)
{
	memset(alarms, 0, sizeof *alarms);
	alarms->sys = sys;
}

static void alarm_free(struct skafu__alarms *alarms, struct skafu__alarm *alarm)
{
	while (alarm->first) {
		struct alarm_state *state = alarm->first;
		alarm->first = state->next;
		alarms->raised -= state->is_raised;
		skafu__free(alarms->sys, state);
	}
	skafu__free(alarms->sys, alarm->labels);
	skafu__free(alarms->sys, alarm);
}

void skafu__alarms_done(struct skafu__alarms *alarms)
{
	while (alarms->first) {
		struct skafu__alarm *alarm = alarms->first;
		alarms->first = alarm->next;
		alarm_free(alarms, alarm);
	}
}

/* ---- definitions --------------------------------------------------------------------------------------------- */

static int32_t alarm_check_numbers(const skafu_alarm_def *def, skafu_error *error)
{
	if (def->statistic < SKAFU_METRIC_VALUE || def->statistic > SKAFU_METRIC_P99)
		return skafu__fail(error, SKAFU_EINVAL, "the alarm %s has the statistic %u; use one of SKAFU_METRIC_",
				   def->name, def->statistic);
	if (def->direction > SKAFU_ALARM_BELOW)
		return skafu__fail(error, SKAFU_EINVAL, "the alarm %s has the direction %u; use SKAFU_ALARM_ABOVE or "
				   "SKAFU_ALARM_BELOW", def->name, def->direction);
	if (def->severity > SKAFU_SEVERITY_CRITICAL)
		return skafu__fail(error, SKAFU_EINVAL, "the alarm %s has the severity %u; use one of "
				   "SKAFU_SEVERITY_", def->name, def->severity);
	if (!isfinite(def->raise_at) || !isfinite(def->clear_at))
		return skafu__fail(error, SKAFU_EINVAL, "a threshold of the alarm %s is not a finite number",
				   def->name);
	if (def->direction == SKAFU_ALARM_ABOVE ? def->clear_at > def->raise_at : def->clear_at < def->raise_at)
		return skafu__fail(error, SKAFU_EINVAL, "the alarm %s would be cleared while it is raised: clear_at "
				   "must lie on the good side of raise_at", def->name);
	if (def->raise_after_ns > INT64_MAX || def->clear_after_ns > INT64_MAX)
		return skafu__fail(error, SKAFU_EINVAL, "a duration of the alarm %s is longer than 292 years",
				   def->name);
	return 0;
}

static int32_t alarm_check(const skafu_alarm_def *def, struct skafu__labels *labels, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(def->name, ALARM_NAME_BYTES_MAX, "name of an alarm", &length, error);
	if (rc == 0 && (!def->metric || !skafu__metric_name_is_valid(def->metric, strlen(def->metric), 1)))
		rc = skafu__fail(error, SKAFU_EINVAL, "the metric of the alarm %s is no name of a metric", def->name);
	if (rc == 0 && strlen(def->metric) > SKAFU__METRIC_NAME_BYTES_MAX)
		rc = skafu__fail(error, SKAFU_ELIMIT, "the metric of the alarm %s has more than %u bytes", def->name,
				 SKAFU__METRIC_NAME_BYTES_MAX);
	if (rc == 0)
		rc = alarm_check_numbers(def, error);
	if (rc == 0)
		rc = skafu__labels_read(def->labels, labels, error);
	return rc;
}

static struct skafu__alarm *alarm_make(const struct skafu__alarms *alarms, const skafu_alarm_def *def,
				       const struct skafu__labels *labels)
{
	size_t name = strlen(def->name) + 1;
	size_t metric = strlen(def->metric) + 1;
	struct skafu__alarm *alarm = skafu__alloc(alarms->sys, sizeof *alarm + name + metric);
	if (!alarm)
		return NULL;
	char *texts = (char *)(alarm + 1);
	*alarm = (struct skafu__alarm){.name = texts, .metric = texts + name,
				       .severity = def->severity ? def->severity : SKAFU_SEVERITY_WARNING,
				       .statistic = def->statistic, .direction = def->direction,
				       .raise_at = def->raise_at, .clear_at = def->clear_at,
				       .raise_after_ns = def->raise_after_ns, .clear_after_ns = def->clear_after_ns};
	memcpy(texts, def->name, name);
	memcpy(texts + name, def->metric, metric);
	if (!def->labels)
		return alarm;
	alarm->labels = skafu__alloc(alarms->sys, sizeof *alarm->labels);
	if (!alarm->labels) {
		skafu__free(alarms->sys, alarm);
		return NULL;
	}
	*alarm->labels = *labels;
	return alarm;
}

/* The link at which an alarm of this name is, or would be. */
static struct skafu__alarm **alarm_place(struct skafu__alarms *alarms, const char *name)
{
	struct skafu__alarm **link = &alarms->first;
	while (*link && strcmp((*link)->name, name) < 0)
		link = &(*link)->next;
	return link;
}

int32_t skafu__alarms_add(struct skafu__alarms *alarms, const skafu_alarm_def *def, skafu_error *error)
{
	struct skafu__labels labels;
	int32_t rc = alarm_check(def, &labels, error);
	if (rc != 0)
		return rc;
	struct skafu__alarm **link = alarm_place(alarms, def->name);
	if (*link && strcmp((*link)->name, def->name) == 0)
		return skafu__fail(error, SKAFU_EEXISTS, "there is an alarm %s already; remove it first, or use "
				   "another name", def->name);
	if (alarms->count == SKAFU__ALARMS_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "there are %u alarms, which is the most a watch takes; "
				   "remove some", alarms->count);
	struct skafu__alarm *alarm = alarm_make(alarms, def, &labels);
	if (!alarm)
		return skafu__fail_memory(error);
	alarm->next = *link;
	*link = alarm;
	alarms->count++;
	return 0;
}

int32_t skafu__alarms_remove(struct skafu__alarms *alarms, const char *name, skafu_error *error)
{
	if (!name)
		return skafu__fail(error, SKAFU_EINVAL, "the name of the alarm is NULL");
	struct skafu__alarm **link = alarm_place(alarms, name);
	struct skafu__alarm *alarm = *link;
	if (!alarm || strcmp(alarm->name, name) != 0)
		return skafu__fail(error, SKAFU_ENOTFOUND, "there is no alarm %.255s", name);
	*link = alarm->next;
	alarms->count--;
	alarm_free(alarms, alarm);
	return 0;
}

/* ---- the alarms that most want ------------------------------------------------------------------------------- */

#define ALARM_DEFAULT(name_, severity_, metric_, statistic_, raise_, clear_, raise_s, clear_s) \
	{.size = sizeof(skafu_alarm_def), .severity = SKAFU_SEVERITY_##severity_, .name = (name_), \
	 .metric = (metric_), .statistic = SKAFU_METRIC_##statistic_, .raise_at = (raise_), .clear_at = (clear_), \
	 .raise_after_ns = (raise_s) * ALARM_SECOND_NS, .clear_after_ns = (clear_s) * ALARM_SECOND_NS}

static const skafu_alarm_def alarm_defaults[] = {
	ALARM_DEFAULT("consumer-lag", WARNING, "skafu_consumer_lag", VALUE, 10000, 1000, 60, 30),
	ALARM_DEFAULT("cross-domain-failures", ERROR, "skafu_cross_domain_failures_total", RATE, 0, 0, 0, 60),
	ALARM_DEFAULT("error-spike", ERROR, "skafu_errors_total", RATE, 1, 0.1, 10, 60),
	ALARM_DEFAULT("failed-deliveries", ERROR, "skafu_dead_letters_total", RATE, 0, 0, 0, 60),
	ALARM_DEFAULT("failing-handler", WARNING, "skafu_handler_failures_total", RATE, 1, 0.1, 10, 60),
	ALARM_DEFAULT("high-processing-latency", WARNING, "skafu_processing_seconds", P95, 0.1, 0.08, 30, 60),
	ALARM_DEFAULT("slow-cross-domain", WARNING, "skafu_cross_domain_seconds", P95, 0.5, 0.4, 30, 60),
	ALARM_DEFAULT("slow-error-correlation", WARNING, "skafu_error_correlation_seconds", P95, 1, 0.8, 30, 60),
};

int32_t skafu__alarms_add_defaults(struct skafu__alarms *alarms, skafu_error *error)
{
	size_t count = sizeof alarm_defaults / sizeof *alarm_defaults;
	for (size_t i = 0; i < count; i++) {
		int32_t rc = skafu__alarms_add(alarms, &alarm_defaults[i], error);
		if (rc == 0)
			continue;
		while (i-- > 0)
			skafu__alarms_remove(alarms, alarm_defaults[i].name, NULL);
		return rc;
	}
	return 0;
}

/* ---- judging ------------------------------------------------------------------------------------------------- */

/* Whether the figure is such as would change the state, were it so for long enough. */
static int alarm_wants_change(const struct skafu__alarm *alarm, const struct alarm_state *state, double value)
{
	int is_above = alarm->direction == SKAFU_ALARM_ABOVE;
	if (state->is_raised)
		return is_above ? value <= alarm->clear_at : value >= alarm->clear_at;
	return is_above ? value > alarm->raise_at : value < alarm->raise_at;
}

static void alarm_flip(struct skafu__alarms *alarms, const struct skafu__alarm *alarm, struct alarm_state *state,
		       int64_t wall_ns)
{
	state->threshold = state->is_raised ? alarm->clear_at : alarm->raise_at;
	state->is_raised = !state->is_raised;
	state->is_pending = 0;
	state->is_to_tell = !state->is_to_tell; /* what was not told yet is not worth telling when it is over */
	state->since_ns = wall_ns;
	if (state->is_raised)
		alarms->raised++;
	else
		alarms->raised--;
}

static void alarm_judge(struct skafu__alarms *alarms, const struct skafu__alarm *alarm, struct alarm_state *state,
			int64_t now_ns, int64_t wall_ns)
{
	double value;
	if (!skafu__series_figure(state->series, alarm->statistic, now_ns, &value)) {
		state->is_pending = 0;
		return;
	}
	state->value = value;
	if (!alarm_wants_change(alarm, state, value)) {
		state->is_pending = 0;
		return;
	}
	if (!state->is_pending) {
		state->is_pending = 1;
		state->pending_ns = now_ns;
	}
	uint64_t needed = state->is_raised ? alarm->clear_after_ns : alarm->raise_after_ns;
	if (now_ns - state->pending_ns >= (int64_t)needed)
		alarm_flip(alarms, alarm, state, wall_ns);
}

static struct alarm_state *alarm_add_state(const struct skafu__alarms *alarms, struct skafu__alarm *alarm,
					   const struct skafu__series *series, int64_t wall_ns)
{
	struct alarm_state *state = skafu__alloc_zeroed(alarms->sys, 1, sizeof *state);
	if (!state)
		return NULL;
	state->series = series;
	state->since_ns = wall_ns;
	state->threshold = alarm->clear_at;
	if (alarm->last)
		alarm->last->next = state;
	else
		alarm->first = state;
	alarm->last = state;
	return state;
}

/* A state for each series that there is: those of a family only ever get more, at the end. */
static int32_t alarm_follow(const struct skafu__alarms *alarms, struct skafu__alarm *alarm,
			    const struct skafu__metrics *table, int64_t wall_ns)
{
	if (alarm->labels) {
		const struct skafu__series *series =
			alarm->first ? NULL : skafu__metrics_find(table, alarm->metric, alarm->labels);
		return series && !alarm_add_state(alarms, alarm, series, wall_ns) ? SKAFU_ENOMEM : 0;
	}
	const struct skafu__family *family = skafu__metrics_family(table, alarm->metric);
	const struct skafu__series *next = alarm->last ? alarm->last->series->next : family ? family->first : NULL;
	for (; next; next = next->next)
		if (!alarm_add_state(alarms, alarm, next, wall_ns))
			return SKAFU_ENOMEM;
	return 0;
}

int32_t skafu__alarms_judge(struct skafu__alarms *alarms, const struct skafu__metrics *table, int64_t now_ns,
			    int64_t wall_ns)
{
	int32_t result = 0;
	for (struct skafu__alarm *alarm = alarms->first; alarm; alarm = alarm->next) {
		int32_t rc = alarm_follow(alarms, alarm, table, wall_ns);
		result = rc ? rc : result;
		for (struct alarm_state *state = alarm->first; state; state = state->next)
			alarm_judge(alarms, alarm, state, now_ns, wall_ns);
	}
	return result;
}

/* ---- saying it ----------------------------------------------------------------------------------------------- */

static const char *alarm_statistic(uint32_t statistic)
{
	static const char *const names[] = {"", " a second", " at the median", " at the 95th percentile",
					    " at the 99th percentile"};
	return names[statistic - SKAFU_METRIC_VALUE];
}

static void alarm_say(const struct skafu__alarm *alarm, const struct alarm_state *state,
		      char out[SKAFU__ALARM_MESSAGE_BYTES])
{
	char value[32];
	char threshold[32];
	const char *labels = state ? state->series->labels : "";
	if (!state) {
		snprintf(out, SKAFU__ALARM_MESSAGE_BYTES, "%s has no figure yet.", alarm->metric);
		return;
	}
	int is_above = (alarm->direction == SKAFU_ALARM_ABOVE) == (state->is_raised != 0);
	skafu__number_short(state->value, value);
	skafu__number_short(state->threshold, threshold);
	snprintf(out, SKAFU__ALARM_MESSAGE_BYTES, "%s%s%s%s is %s%s, %s %s.", alarm->metric,
		 labels[0] ? "{" : "", labels, labels[0] ? "}" : "", value, alarm_statistic(alarm->statistic),
		 state->is_raised ? (is_above ? "raised above" : "raised below")
				  : (is_above ? "not below" : "not above"),
		 threshold);
}

static void alarm_info(const struct skafu__alarm *alarm, const struct alarm_state *state, skafu_alarm_info *out)
{
	memset(out, 0, sizeof *out);
	out->size = sizeof *out;
	out->severity = alarm->severity;
	out->threshold = alarm->clear_at;
	if (!state)
		return;
	out->raised = state->is_raised;
	out->value = state->value;
	out->threshold = state->threshold;
	out->since_ns = state->since_ns;
}

int skafu__alarms_next_change(struct skafu__alarms *alarms, struct skafu__change *out)
{
	for (const struct skafu__alarm *alarm = alarms->first; alarm; alarm = alarm->next) {
		for (struct alarm_state *state = alarm->first; state; state = state->next) {
			if (!state->is_to_tell)
				continue;
			state->is_to_tell = 0;
			alarm_info(alarm, state, &out->info);
			alarm_say(alarm, state, out->message);
			memcpy(out->name, alarm->name, strlen(alarm->name) + 1);
			memcpy(out->labels, state->series->labels, state->series->labels_length + 1u);
			out->info.name = out->name;
			out->info.labels = out->labels;
			out->info.message = out->message;
			return 1;
		}
	}
	return 0;
}

static size_t alarm_put_text(struct skafu__buf *texts, const char *text)
{
	size_t at = texts->length;
	skafu__buf_put(texts, text, strlen(text) + 1);
	return at;
}

static void alarm_copy(const struct skafu__alarm *alarm, const struct alarm_state *state,
		       struct skafu__alarm_rows *out)
{
	char message[SKAFU__ALARM_MESSAGE_BYTES];
	const char *own = alarm->labels ? alarm->labels->text : "";
	struct skafu__alarm_row row = {.name_at = alarm_put_text(&out->texts, alarm->name)};
	alarm_info(alarm, state, &row.info);
	alarm_say(alarm, state, message);
	row.labels_at = alarm_put_text(&out->texts, state ? state->series->labels : own);
	row.message_at = alarm_put_text(&out->texts, message);
	skafu__buf_put(&out->rows, &row, sizeof row);
}

void skafu__alarms_copy(const struct skafu__alarms *alarms, int raised_only, struct skafu__alarm_rows *out)
{
	for (const struct skafu__alarm *alarm = alarms->first; alarm; alarm = alarm->next) {
		if (!alarm->first && !raised_only)
			alarm_copy(alarm, NULL, out);
		for (const struct alarm_state *state = alarm->first; state; state = state->next)
			if (state->is_raised || !raised_only)
				alarm_copy(alarm, state, out);
	}
}

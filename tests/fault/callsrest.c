#include "fault/callsrest.h"

#include <string.h>

#include "fault/actors.h"

/* ---- base ----------------------------------------------------------------------------------------------------- */

static int32_t act_error_new(struct callscene *s)
{
	return skafu_error_new(&s->made);
}

static int32_t act_id_new(struct callscene *s)
{
	uint8_t id[16];

	(void)s;
	return skafu_id_new(id);
}

static int32_t act_id_from_text(struct callscene *s)
{
	uint8_t id[16];

	(void)s;
	return skafu_id_from_text("elsewhere", "17", id);
}

/* ---- watch ---------------------------------------------------------------------------------------------------- */

static int32_t act_watch_open(struct callscene *s)
{
	return skafu_watch_open(s->store, NULL, &s->watch, &s->error);
}

static int32_t watch(struct callscene *s)
{
	return s->watch ? 0 : act_watch_open(s);
}

static int32_t act_metric_add(struct callscene *s)
{
	return skafu_metric_add(s->watch, "sales_total", "shop=\"a\"", 1, &s->error);
}

static int32_t act_metric_set(struct callscene *s)
{
	return skafu_metric_set(s->watch, "stock", NULL, 7, &s->error);
}

static int32_t act_metric_observe(struct callscene *s)
{
	return skafu_metric_observe(s->watch, "wait_seconds", NULL, 0.1, &s->error);
}

static int32_t with_figures(struct callscene *s)
{
	int32_t rc = watch(s);

	if (rc == 0)
		rc = act_metric_add(s);
	if (rc == 0)
		rc = act_metric_set(s);
	if (rc == 0)
		rc = act_metric_observe(s);
	return rc ? rc : skafu_watch_step(s->watch, NULL, &s->error);
}

static int32_t act_metric_get(struct callscene *s)
{
	double value = 0;

	return skafu_metric_get(s->watch, "sales_total", "shop=\"a\"", SKAFU_METRIC_VALUE, &value, &s->error);
}

static int32_t act_prometheus(struct callscene *s)
{
	size_t length = 0;

	return skafu_metrics_prometheus(s->watch, &s->text, &length, &s->error);
}

static int32_t act_metrics_otlp(struct callscene *s)
{
	size_t length = 0;

	return skafu_metrics_otlp(s->watch, &s->text, &length, &s->error);
}

static int32_t act_alarm_add(struct callscene *s)
{
	skafu_alarm_def def = {.size = sizeof def, .name = "much", .metric = "stock", .statistic = SKAFU_METRIC_VALUE,
			       .raise_at = 5, .clear_at = 3};
	int32_t rc = skafu_alarm_add(s->watch, &def, &s->error);

	return rc == SKAFU_EEXISTS ? 0 : rc;
}

static int32_t with_alarm(struct callscene *s)
{
	int32_t rc = with_figures(s);

	return rc ? rc : act_alarm_add(s);
}

static int32_t act_alarm_remove(struct callscene *s)
{
	return skafu_alarm_remove(s->watch, "much", &s->error);
}

static int32_t act_alarm_defaults(struct callscene *s)
{
	return skafu_alarm_add_defaults(s->watch, &s->error);
}

static void hear(void *user, const skafu_alarm_info *alarm)
{
	(void)user;
	(void)alarm;
}

static int32_t act_alarm_sink(struct callscene *s)
{
	s->given++;
	return skafu_alarm_add_sink(s->watch, hear, s, callscene_free_user, &s->error);
}

static int32_t act_watch_step(struct callscene *s)
{
	return skafu_watch_step(s->watch, NULL, &s->error);
}

static int32_t act_alarm_list(struct callscene *s)
{
	const skafu_alarm_info *alarm;
	int32_t rc = skafu_alarm_list_open(s->watch, 0, &s->alarms, &s->error);

	while (rc == 0 && (rc = skafu_alarm_list_next(s->alarms, &alarm, &s->error)) == 1)
		rc = 0;
	return rc;
}

static int32_t act_span_begin(struct callscene *s)
{
	return skafu_span_begin(s->watch, "request", SKAFU_SPAN_SERVER, NULL, &s->span, &s->error);
}

static int32_t with_span(struct callscene *s)
{
	int32_t rc = watch(s);

	return rc ? rc : act_span_begin(s);
}

static int32_t act_span_set(struct callscene *s)
{
	return skafu_span_set(s->span, "http.route", "/orders", &s->error);
}

static int32_t act_span_end(struct callscene *s)
{
	skafu_span_end(s->span, SKAFU_EHOST, "no answer");
	s->span = NULL;
	return 0;
}

static int32_t with_ended_span(struct callscene *s)
{
	int32_t rc = with_span(s);

	return rc ? rc : act_span_end(s);
}

static int32_t act_spans_take(struct callscene *s)
{
	size_t length = 0;
	int32_t rc = skafu_spans_take(s->watch, 100, &s->text, &length, &s->error);

	return rc < 0 ? rc : rc >= 1 ? 0 : SKAFU_EINTERNAL;
}

static int32_t record(struct callscene *s)
{
	return skafu_get(s->store, 2, &s->record, &s->error);
}

static int32_t act_trace_of_record(struct callscene *s)
{
	skafu_trace_context context = {.size = sizeof context};

	return skafu_trace_of_record(s->record, &context);
}

/* The engine works on while it is watched; what the watch cannot keep it leaves out. */
static int32_t watched_order(struct callscene *s)
{
	int32_t rc = watch(s);

	return rc ? rc : callscene_order(s, "new", NULL);
}

static int32_t act_drain(struct callscene *s)
{
	return skafu_engine_drain(s->engine, UINT64_C(100000000000), &s->error);
}

/* ---- the kit -------------------------------------------------------------------------------------------------- */

static int32_t act_scenario_new(struct callscene *s)
{
	skafu_scenario_opts opts = {.size = sizeof opts};

	return skafu_scenario_new(&opts, &s->scenario, &s->error);
}

static int32_t scenario(struct callscene *s)
{
	int32_t rc = act_scenario_new(s);

	return rc ? rc : callscene_define(s, skafu_scenario_model(s->scenario));
}

static int32_t scenario_with_files(struct callscene *s)
{
	skafu_scenario_opts opts = {.size = sizeof opts, .path = s->path};
	int32_t rc = skafu_scenario_new(&opts, &s->scenario, &s->error);

	return rc ? rc : callscene_define(s, skafu_scenario_model(s->scenario));
}

static int32_t define(void *user, skafu_model *model, skafu_error *error)
{
	struct callscene *s = user;
	int32_t rc = callscene_define(s, model);

	if (rc != 0)
		skafu_error_set(error, rc, "not defined");
	return rc;
}

static int32_t act_restart(struct callscene *s)
{
	return skafu_scenario_restart(s->scenario, define, s, &s->error);
}

static skafu_new_record event_of(const char *type)
{
	return (skafu_new_record){.size = sizeof(skafu_new_record), .type = type, .stream = "a"};
}

static int32_t act_scenario_engine(struct callscene *s)
{
	skafu_engine *engine = NULL;

	return skafu_scenario_engine(s->scenario, &engine, &s->error);
}

static int32_t act_given(struct callscene *s)
{
	skafu_new_record event = event_of("Paid");

	return skafu_scenario_given(s->scenario, &event, &s->error);
}

static int32_t act_when(struct callscene *s)
{
	skafu_command command = callscene_command("Order", "a", NULL);

	return skafu_scenario_when(s->scenario, &command, &s->error);
}

static int32_t act_when_event(struct callscene *s)
{
	skafu_new_record event = event_of("Ordered");

	return skafu_scenario_when_event(s->scenario, &event, &s->error);
}

static int32_t act_when_time(struct callscene *s)
{
	return skafu_scenario_when_time(s->scenario, skafu_scenario_now(s->scenario) + ACTORS_SECOND, &s->error);
}

static int32_t ordered(struct callscene *s)
{
	int32_t rc = scenario(s);

	return rc ? rc : act_when(s);
}

static int32_t refused(struct callscene *s)
{
	skafu_command command = callscene_command("Refuse", "a", NULL);
	int32_t rc = scenario(s);

	return rc ? rc : skafu_scenario_when(s->scenario, &command, &s->error);
}

/* A check that does not hold has to say so in words, which takes memory. */
static int32_t said(int32_t rc)
{
	return rc < 0 ? rc : 0;
}

static int32_t act_then_event(struct callscene *s)
{
	skafu_new_record event = event_of("Ordered");

	return said(skafu_scenario_then_event(s->scenario, &event, &s->error));
}

static int32_t act_then_another_event(struct callscene *s)
{
	skafu_new_record event = event_of("Late");

	return said(skafu_scenario_then_event(s->scenario, &event, &s->error));
}

static int32_t act_then_command(struct callscene *s)
{
	skafu_command command = callscene_command("Pay", "a", NULL);

	return said(skafu_scenario_then_command(s->scenario, &command, &s->error));
}

static int32_t act_then_effect(struct callscene *s)
{
	return said(skafu_scenario_then_effect(s->scenario, "reserve", "mail", &s->error));
}

static int32_t act_then_nothing(struct callscene *s)
{
	return said(skafu_scenario_then_nothing(s->scenario, &s->error));
}

static int32_t act_then_refused(struct callscene *s)
{
	return said(skafu_scenario_then_refused(s->scenario, "another", &s->error));
}

static int32_t act_then_failed(struct callscene *s)
{
	return said(skafu_scenario_then_failed(s->scenario, "reserve", SKAFU_EHOST, &s->error));
}

static int32_t act_then_row(struct callscene *s)
{
	return said(skafu_scenario_then_row(s->scenario, "totals", NULL, "Ordered", 7, "x", 1, &s->error));
}

static int32_t act_then_process(struct callscene *s)
{
	return said(skafu_scenario_then_process(s->scenario, "payment", "a", SKAFU_PROCESS_FAILED, &s->error));
}

/* ---- the table ------------------------------------------------------------------------------------------------ */

#define WATCHING (CALL_NO_MODEL)
#define KIT (CALL_NO_STORE)

const struct callrow callsrest_rows[] = {
	{"skafu_error_new", NULL, act_error_new, NULL, 0, CALL_NO_STORE},
	{"skafu_id_new", NULL, act_id_new, NULL, 0, CALL_NO_STORE},
	{"skafu_id_from_text", NULL, act_id_from_text, NULL, 0, CALL_NO_STORE},
	{"skafu_watch_open", NULL, act_watch_open, NULL, 0, WATCHING},
	{"skafu_metric_add", watch, act_metric_add, NULL, 0, WATCHING},
	{"skafu_metric_set", watch, act_metric_set, NULL, 0, WATCHING},
	{"skafu_metric_observe", watch, act_metric_observe, NULL, 0, WATCHING},
	{"skafu_metric_get", with_figures, act_metric_get, NULL, 0, WATCHING},
	{"skafu_metrics_prometheus", with_figures, act_prometheus, NULL, 0, WATCHING},
	{"skafu_metrics_otlp", with_figures, act_metrics_otlp, NULL, 0, WATCHING},
	{"skafu_alarm_add", with_figures, act_alarm_add, NULL, 0, WATCHING},
	{"skafu_alarm_remove", with_alarm, act_alarm_remove, NULL, 0, WATCHING},
	{"skafu_alarm_add_defaults", watch, act_alarm_defaults, NULL, 0, WATCHING},
	{"skafu_alarm_add_sink", watch, act_alarm_sink, NULL, 0, WATCHING},
	{"skafu_watch_step", with_alarm, act_watch_step, NULL, 0, WATCHING},
	{"skafu_alarm_list_open", with_alarm, act_alarm_list, NULL, 0, WATCHING},
	{"skafu_alarm_list_next", with_alarm, act_alarm_list, NULL, 0, WATCHING},
	{"skafu_span_begin", watch, act_span_begin, NULL, 0, WATCHING},
	{"skafu_span_set", with_span, act_span_set, NULL, 0, WATCHING},
	{"skafu_span_end", with_span, act_span_end, NULL, 0, WATCHING},
	{"skafu_spans_take", with_ended_span, act_spans_take, NULL, 0, WATCHING},
	{"skafu_trace_of_record", record, act_trace_of_record, NULL, 0, CALL_NO_MODEL},
	{"skafu_engine_drain", watched_order, act_drain, NULL, 0, CALL_STEPWISE | CALL_WAITS | CALL_QUIET},
	{"skafu_scenario_new", NULL, act_scenario_new, NULL, 0, KIT},
	{"skafu_scenario_engine", scenario, act_scenario_engine, NULL, 0, KIT},
	{"skafu_scenario_restart", scenario_with_files, act_restart, NULL, 0, KIT},
	{"skafu_scenario_given", scenario, act_given, NULL, 0, KIT},
	{"skafu_scenario_when", scenario, act_when, NULL, 0, KIT},
	{"skafu_scenario_when_event", scenario, act_when_event, NULL, 0, KIT},
	{"skafu_scenario_when_time", scenario, act_when_time, NULL, 0, KIT},
	{"skafu_scenario_then_event", ordered, act_then_event, NULL, 0, KIT},
	{"skafu_scenario_then_event", ordered, act_then_another_event, NULL, 0, KIT},
	{"skafu_scenario_then_command", ordered, act_then_command, NULL, 0, KIT},
	{"skafu_scenario_then_effect", ordered, act_then_effect, NULL, 0, KIT},
	{"skafu_scenario_then_nothing", ordered, act_then_nothing, NULL, 0, KIT},
	{"skafu_scenario_then_refused", refused, act_then_refused, NULL, 0, KIT},
	{"skafu_scenario_then_failed", ordered, act_then_failed, NULL, 0, KIT},
	{"skafu_scenario_then_row", ordered, act_then_row, NULL, 0, KIT},
	{"skafu_scenario_then_process", ordered, act_then_process, NULL, 0, KIT},
};
const size_t callsrest_count = sizeof callsrest_rows / sizeof *callsrest_rows;

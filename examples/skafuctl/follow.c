/*
 * follow.c: who follows a store and how far: consumers, dead letters, processes, timers, errors, replays.
 *
 * None of this needs the program that defines them: names, checkpoints and what went wrong are in the store.
 */
#include "ctl.h"

#include <inttypes.h>
#include <string.h>

#include "skafu_run.h"

#define REPLAY_SLICE_NS UINT64_C(200000000)

/* ---- output ---- */

static void head_line(const struct ctl *ctl, const char *text)
{
	if (!ctl->json && !ctl->is_plain)
		printf("%s%s%s\n", ctl_colour(ctl, "bold"), text, ctl_colour(ctl, "off"));
}

/* ,"name":"text", without the comma in front of the first. */
static void member(const char *name, const char *text, int is_first)
{
	printf("%s\"%s\":", is_first ? "{" : ",", name);
	ctl_quote(text);
}

static const char *time_text(int64_t time_ns, char out[SKAFU_TIME_TEXT_BYTES])
{
	skafu_time_format(time_ns, out);
	return out;
}

/* A name of a small number, by its place. */
static const char *word(const char *const *words, size_t count, uint32_t index)
{
	return index < count && words[index] ? words[index] : "?";
}

/* The end of a list: all went well, it was interrupted, or it failed. */
static int list_end(const struct ctl *ctl, int32_t rc, const char *what)
{
	if (ctl_stopped())
		return CTL_STOPPED;
	return rc < 0 ? ctl_fail(ctl, what) : CTL_FINE;
}

/* ---- consumers ---- */

static const char *const consumer_kinds[] = {NULL, "projection", "subscription", "reaction", "process", "decider"};
static const char *const consumer_states[] = {NULL, "running", "paused", "halted", "absent"};

static void print_consumer(const struct ctl *ctl, const skafu_consumer_info *info)
{
	const char *kind = word(consumer_kinds, 6, info->kind), *state = word(consumer_states, 5, info->state);
	if (!ctl->json) {
		printf("%-12s %-8s %12" PRIu64 " %10" PRIu64 " %8" PRIu64 " %8" PRId64 "  %s\n", kind, state,
		       info->sequence, info->lag, info->dead_letters, info->pid, info->name);
		return;
	}
	member("consumer", info->name, 1);
	member("kind", kind, 0);
	member("state", state, 0);
	member("domain", info->domain, 0);
	printf(",\"sequence\":%" PRIu64 ",\"lag\":%" PRIu64 ",\"partitions\":%u,\"deadLetters\":%" PRIu64
	       ",\"pid\":%" PRId64 "}\n",
	       info->sequence, info->lag, info->partitions, info->dead_letters, info->pid);
}

static int list_consumers(struct ctl *ctl, skafu_model *model)
{
	const skafu_consumer_info *info;
	skafu_consumer_list *list = NULL;
	int32_t rc = skafu_consumer_list_open(model, &list, ctl->error);
	head_line(ctl, "kind         state        sequence        lag  letters      pid  name");
	while (rc == 0 && !ctl_stopped() && (rc = skafu_consumer_list_next(list, &info, ctl->error)) == 1) {
		print_consumer(ctl, info);
		rc = 0;
	}
	skafu_consumer_list_free(list);
	return list_end(ctl, rc, "listing consumers");
}

static int change_consumer(struct ctl *ctl, skafu_model *model)
{
	const char *action = ctl->argv[0], *name = ctl->argc > 1 ? ctl->argv[1] : NULL;
	uint64_t sequence = 0;
	int32_t rc = 0;
	if (!name)
		return ctl_usage("usage: skafuctl consumers STORE pause|resume|rewind|remove NAME [SEQUENCE]");
	if (strcmp(action, "pause") == 0) {
		rc = skafu_consumer_pause(model, name, ctl->error);
	} else if (strcmp(action, "resume") == 0) {
		rc = skafu_consumer_resume(model, name, ctl->error);
	} else if (strcmp(action, "remove") == 0) {
		rc = skafu_consumer_remove(model, name, ctl->error);
	} else if (strcmp(action, "rewind") == 0 && ctl->argc > 2) {
		int status = ctl_number(ctl->argv[2], &sequence);
		if (status != CTL_FINE)
			return status;
		rc = skafu_consumer_rewind(model, name, sequence, ctl->error);
	} else {
		return ctl_usage("consumers are paused, resumed, rewound to a SEQUENCE, or removed, not %s",
				 action);
	}
	return rc < 0 ? ctl_fail(ctl, name) : CTL_FINE;
}

/* Looking does not need to write; a model without definitions is enough for both. */
int ctl_consumers(struct ctl *ctl)
{
	skafu_model *model = NULL;
	int status = ctl_no_more(ctl, 3);
	if (status != CTL_FINE)
		return status;
	if (skafu_model_open(ctl->store, NULL, &model, ctl->error) != 0)
		return ctl_fail(ctl, "opening a model");
	status = ctl->argc == 0 ? list_consumers(ctl, model) : change_consumer(ctl, model);
	skafu_model_close(model);
	return status;
}

/* ---- dead letters ---- */

static void print_letter(const struct ctl *ctl, const skafu_dead_letter *letter)
{
	char time[SKAFU_TIME_TEXT_BYTES];
	time_text(letter->last_ns, time);
	if (!ctl->json) {
		printf("%10" PRIu64 " %3u %s  %s/%s  %s%s%s  %s\n", letter->sequence, letter->attempts, time,
		       letter->consumer, letter->key, ctl_colour(ctl, "red"),
		       letter->parked_behind ? "parked behind another" : skafu_result_name(letter->code),
		       ctl_colour(ctl, "off"), letter->message);
		return;
	}
	member("consumer", letter->consumer, 1);
	member("key", letter->key, 0);
	member("type", letter->type, 0);
	member("correlationId", letter->correlation, 0);
	member("code", skafu_result_name(letter->code), 0);
	member("message", letter->message, 0);
	member("lastAttempt", time, 0);
	printf(",\"sequenceNumber\":%" PRIu64 ",\"attempts\":%u,\"parkedBehind\":%s}\n", letter->sequence,
	       letter->attempts, letter->parked_behind ? "true" : "false");
}

int ctl_deadletters(struct ctl *ctl)
{
	skafu_dead_letter_filter filter = {.size = sizeof filter};
	const skafu_dead_letter *letter;
	skafu_dead_letter_list *list = NULL;
	ctl_option(ctl, "--key", &filter.key);
	ctl_option(ctl, "--type", &filter.type);
	int status = ctl_no_more(ctl, 1);
	if (status != CTL_FINE)
		return status;
	if (ctl->argc > 0)
		filter.consumer = ctl->argv[0];
	int32_t rc = skafu_dead_letter_list_open(ctl->store, &filter, SKAFU_NO_LIMIT, &list, ctl->error);
	int found = 0;
	while (rc == 0 && !ctl_stopped() && (rc = skafu_dead_letter_list_next(list, &letter, ctl->error)) == 1) {
		print_letter(ctl, letter);
		found = 1;
		rc = 0;
	}
	skafu_dead_letter_list_free(list);
	status = list_end(ctl, rc, "listing dead letters");
	return status == CTL_FINE && found ? CTL_FOUND : status;
}

/* ---- processes and timers ---- */

static const char *const process_states[] = {NULL, "running", "compensating", "completed", "failed", "aside"};

static void print_process(const struct ctl *ctl, const skafu_process_info *info)
{
	const char *state = word(process_states, 6, info->state);
	if (!ctl->json) {
		printf("%-12s %6u  %s/%s%s%s\n", state, info->steps, info->name, info->instance,
		       info->code[0] ? "  " : "", info->code);
		return;
	}
	member("process", info->name, 1);
	member("instance", info->instance, 0);
	member("state", state, 0);
	member("correlationId", info->correlation, 0);
	member("code", info->code, 0);
	member("message", info->message, 0);
	printf(",\"version\":%u,\"steps\":%u,\"firstSequence\":%" PRIu64 ",\"lastSequence\":%" PRIu64 "}\n",
	       info->version, info->steps, info->first_sequence, info->last_sequence);
}

int ctl_processes(struct ctl *ctl)
{
	const skafu_process_info *info;
	skafu_process_list *list = NULL;
	int status = ctl_no_more(ctl, 1);
	if (status != CTL_FINE)
		return status;
	int32_t rc = skafu_process_list_open(ctl->store, ctl->argc > 0 ? ctl->argv[0] : NULL, 0, SKAFU_NO_LIMIT,
					     &list, ctl->error);
	head_line(ctl, "state         steps  process/instance");
	while (rc == 0 && !ctl_stopped() && (rc = skafu_process_list_next(list, &info, ctl->error)) == 1) {
		print_process(ctl, info);
		rc = 0;
	}
	skafu_process_list_free(list);
	return list_end(ctl, rc, "listing processes");
}

static void print_timer(const struct ctl *ctl, const skafu_timer_info *info)
{
	char time[SKAFU_TIME_TEXT_BYTES];
	time_text(info->due_ns, time);
	if (!ctl->json) {
		printf("%-30s  %s  %s%s%s  %s\n", time, info->owner, info->instance, info->instance[0] ? "/" : "",
		       info->name, info->type);
		return;
	}
	member("due", time, 1);
	member("owner", info->owner, 0);
	member("instance", info->instance, 0);
	member("name", info->name, 0);
	member("type", info->type, 0);
	printf("}\n");
}

int ctl_timers(struct ctl *ctl)
{
	const skafu_timer_info *info;
	skafu_timer_list *list = NULL;
	int status = ctl_no_more(ctl, 0);
	if (status != CTL_FINE)
		return status;
	int32_t rc = skafu_timer_list_open(ctl->store, INT64_MAX, SKAFU_NO_LIMIT, &list, ctl->error);
	head_line(ctl, "due                             owner  name  type");
	while (rc == 0 && !ctl_stopped() && (rc = skafu_timer_list_next(list, &info, ctl->error)) == 1) {
		print_timer(ctl, info);
		rc = 0;
	}
	skafu_timer_list_free(list);
	return list_end(ctl, rc, "listing timers");
}

/* ---- errors ---- */

static const char *const error_ways[] = {NULL, "code", "source", "severity", "correlation", "minute", "command"};

static int error_way(const char *name, uint32_t *out)
{
	for (uint32_t i = 1; i < 7; i++) {
		if (strcmp(error_ways[i], name) == 0) {
			*out = i;
			return CTL_FINE;
		}
	}
	return ctl_usage("errors are grouped by code, source, severity, correlation, minute or command, not by %s",
			 name);
}

static void print_summary(const struct ctl *ctl, const char *way, const skafu_error_summary *summary)
{
	char first[SKAFU_TIME_TEXT_BYTES], last[SKAFU_TIME_TEXT_BYTES];
	time_text(summary->first_ns, first);
	time_text(summary->last_ns, last);
	if (!ctl->json) {
		printf("%10" PRIu64 " %10" PRIu64 " %10" PRIu64 "  %-30s  %s\n", summary->warnings, summary->errors,
		       summary->criticals, last, summary->value);
		return;
	}
	member(way, summary->value, 1);
	member("first", first, 0);
	member("last", last, 0);
	printf(",\"warnings\":%" PRIu64 ",\"errors\":%" PRIu64 ",\"criticals\":%" PRIu64 "}\n", summary->warnings,
	       summary->errors, summary->criticals);
}

static int list_errors(struct ctl *ctl, skafu_model *model, uint32_t by)
{
	const skafu_error_summary *summary;
	skafu_error_summary_list *list = NULL;
	int32_t rc = skafu_error_summary_list_open(model, by, SKAFU_NO_LIMIT, SKAFU_WAIT_FOREVER, &list, ctl->error);
	head_line(ctl, "  warnings     errors   critical  last                            value");
	while (rc == 0 && !ctl_stopped() &&
	       (rc = skafu_error_summary_list_next(list, &summary, ctl->error)) == 1) {
		print_summary(ctl, error_ways[by], summary);
		rc = 0;
	}
	skafu_error_summary_list_free(list);
	return list_end(ctl, rc, "summing up errors");
}

int ctl_errors(struct ctl *ctl)
{
	const char *way = "code";
	skafu_model *model = NULL;
	uint32_t by = 0;
	ctl_option(ctl, "--by", &way);
	int status = ctl_no_more(ctl, 0);
	if (status == CTL_FINE)
		status = error_way(way, &by);
	if (status != CTL_FINE)
		return status;
	if (skafu_model_open(ctl->store, NULL, &model, ctl->error) != 0)
		return ctl_fail(ctl, "opening a model");
	status = list_errors(ctl, model, by);
	skafu_model_close(model);
	return status;
}

/* ---- replay ---- */

static const char *const replay_states[] = {NULL, "running", "paused", "done", "cancelled", "failed"};

static int print_session(const struct ctl *ctl, const skafu_replay_info *info)
{
	char id[SKAFU_ID_TEXT_BYTES];
	const char *state = word(replay_states, 6, info->state);
	skafu_id_format(info->id, id);
	if (!ctl->json)
		return printf("%s  %-9s  %" PRIu64 " of %" PRIu64 ", %" PRIu64 " matched, %" PRIu64 " failed\n", id,
			      state, info->done, info->total, info->matched, info->failed);
	member("replay", id, 1);
	member("state", state, 0);
	return printf(",\"done\":%" PRIu64 ",\"total\":%" PRIu64 ",\"matched\":%" PRIu64 ",\"succeeded\":%" PRIu64
		      ",\"failed\":%" PRIu64 "}\n",
		      info->done, info->total, info->matched, info->succeeded, info->failed);
}

static int list_replays(struct ctl *ctl)
{
	const skafu_replay_info *info;
	skafu_replay_list *list = NULL;
	int32_t rc = skafu_replay_list_open(ctl->store, SKAFU_NO_LIMIT, &list, ctl->error);
	while (rc == 0 && !ctl_stopped() && (rc = skafu_replay_list_next(list, &info, ctl->error)) == 1) {
		print_session(ctl, info);
		rc = 0;
	}
	skafu_replay_list_free(list);
	return list_end(ctl, rc, "listing replays");
}

/* Step the engine until the session is over; an interrupt cancels it. */
static int carry_on(struct ctl *ctl, skafu_engine *engine, const uint8_t id[16])
{
	skafu_replay_info info = {.size = sizeof info};
	int32_t rc = 0;
	for (;;) {
		rc = skafu_engine_drain(engine, REPLAY_SLICE_NS, ctl->error);
		if (rc == SKAFU_ETIMEOUT)
			rc = 0;
		if (rc == 0)
			rc = skafu_replay_info_get(ctl->store, id, &info, ctl->error);
		if (rc != 0 || info.state != SKAFU_REPLAY_RUNNING)
			break;
		if (ctl_stopped() && (rc = skafu_replay_cancel(engine, id, ctl->error)) < 0)
			break;
		ctl_progress("replaying", info.done, info.total);
	}
	ctl_progress_end();
	if (rc < 0)
		return ctl_fail(ctl, "replaying");
	print_session(ctl, &info);
	if (ctl_stopped())
		return CTL_STOPPED;
	return info.state == SKAFU_REPLAY_DONE && info.failed == 0 ? CTL_FINE : CTL_FOUND;
}

static int replay_between(struct ctl *ctl, const skafu_replay_opts *opts)
{
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;
	uint8_t id[16];
	int32_t rc = skafu_model_open(ctl->store, NULL, &model, ctl->error);
	if (rc == 0)
		rc = skafu_engine_open(model, NULL, &engine, ctl->error);
	if (rc == 0)
		rc = skafu_replay_start(engine, opts, id, ctl->error);
	int status = rc < 0 ? ctl_fail(ctl, "beginning the replay") : carry_on(ctl, engine, id);
	skafu_engine_close(engine);
	skafu_model_close(model);
	return status;
}

int ctl_replay(struct ctl *ctl)
{
	const skafu_store_opts target_opts = {.size = sizeof target_opts, .flags = SKAFU_STORE_CREATE};
	skafu_replay_opts opts = {.size = sizeof opts};
	ctl_option(ctl, "--rule", &opts.rule);
	int status = ctl_number_option(ctl, "--from", &opts.from);
	if (status == CTL_FINE)
		status = ctl_number_option(ctl, "--to", &opts.to);
	if (status == CTL_FINE)
		status = ctl_number_option(ctl, "--rate", &opts.rate_max);
	if (status == CTL_FINE)
		status = ctl_no_more(ctl, 1);
	if (status != CTL_FINE)
		return status;
	if (ctl->argc == 0)
		return list_replays(ctl);
	if (skafu_store_open(ctl->argv[0], &target_opts, &opts.target_store, ctl->error) != 0)
		return ctl_fail(ctl, ctl->argv[0]);
	status = replay_between(ctl, &opts);
	skafu_store_close(opts.target_store);
	return status;
}

/*
 * The timer job, of libskafu alone, in one process. With a kind of 0 `streams` timers are pending, due in an hour,
 * and an engine hands `events` events to a reaction that does nothing; with 1 `events` timers are due and fire.
 */
#include "bench/job.h"

#include <stdio.h>
#include <string.h>

#include "skafu_run.h"
#include "store/store.h"

#define HOUR_NS INT64_C(3600000000000)
#define IN_BATCH 1000u

static int32_t look(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)turn;
	(void)error;
	return 0;
}

static int32_t define(skafu_model *model)
{
	static const char *const types[] = {"Asked"};
	skafu_source source = {.size = sizeof(source), .types = types, .type_count = 1, .partitions = 1};
	skafu_event_def asked = {.size = sizeof(asked), .domain = "a", .type = "Asked"};
	skafu_event_def rang = {.size = sizeof(rang), .domain = "a", .type = "Rang"};
	skafu_reaction_def reaction = {.size = sizeof(reaction), .domain = "a", .name = "look"};
	int32_t rc = skafu_model_add_domain(model, "a", NULL);

	reaction.source = &source;
	reaction.react = look;
	if (rc == 0)
		rc = skafu_model_add_event(model, &asked, NULL);
	if (rc == 0)
		rc = skafu_model_add_event(model, &rang, NULL);
	return rc == 0 ? skafu_model_add_reaction(model, &reaction, NULL) : rc;
}

static int32_t add(skafu_batch *batch, uint64_t number, int64_t due_ns, int is_timer)
{
	char name[32];
	skafu_new_record record = {.size = sizeof(record), .source = "a", .stream = "s"};

	record.type = is_timer ? "Rang" : "Asked";
	snprintf(name, sizeof(name), "timer-%llu", (unsigned long long)number);
	return is_timer ? skafu_batch_set_timer(batch, name, due_ns, &record, NULL)
			: skafu_batch_add(batch, &record, NULL);
}

static int32_t fill(skafu_store *store, uint64_t count, int64_t due_ns, int is_timer)
{
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(store, &batch, NULL);
	uint64_t i;

	for (i = 0; rc == 0 && i < count; i++) {
		rc = add(batch, i, due_ns + (int64_t)i, is_timer);
		if (rc == 0 && ((i + 1) % IN_BATCH == 0 || i + 1 == count)) {
			rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
			skafu_batch_clear(batch);
		}
	}
	skafu_batch_free(batch);
	return rc;
}

static void tune(int no_sync)
{
	static const struct skafu__tuning unsynced = {.no_sync = 1};

	skafu__tuning_override(no_sync ? &unsynced : NULL);
}

static int32_t serve(const struct bench_job *job, skafu_store *store, double *rate)
{
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;
	uint64_t start, took, head = 0;
	int32_t rc = skafu_model_open(store, NULL, &model, NULL);

	if (rc == 0)
		rc = define(model);
	if (rc == 0)
		rc = skafu_engine_open(model, NULL, &engine, NULL);
	start = bench_now_ns();
	while (rc >= 0 && (rc = skafu_engine_step(engine, 256, NULL)) == 1)
		;
	took = bench_now_ns() - start;
	if (rc == 0)
		rc = skafu_store_head(store, &head, NULL);
	*rate = took > 0 ? (double)job->events * 1e9 / (double)took : 0;
	skafu_engine_close(engine);
	skafu_model_close(model);
	return rc == 0 && head != job->events ? -1 : rc;
}

int bench_timer_run(const struct bench_job *job, double figures[BENCH_FIGURES])
{
	char path[BENCH_PATH_MAX + 8];
	skafu_store_opts opts = {.size = sizeof(opts), .flags = SKAFU_STORE_CREATE};
	skafu_store *store = NULL;
	int64_t now = skafu_time_now();
	int32_t rc;

	snprintf(path, sizeof(path), "%s/store", job->dir);
	tune(1);
	rc = skafu_store_open(path, &opts, &store, NULL);
	if (rc == 0)
		rc = fill(store, job->kind ? job->events : job->streams, job->kind ? now : now + HOUR_NS, 1);
	if (rc == 0 && !job->kind)
		rc = fill(store, job->events, 0, 0);
	skafu_store_close(store);
	tune(!job->store.sync);
	opts.flags = 0;
	store = NULL;
	if (rc == 0)
		rc = skafu_store_open(path, &opts, &store, NULL);
	if (rc == 0)
		rc = serve(job, store, &figures[TIMER_RATE]);
	skafu_store_close(store);
	return rc == 0 ? 0 : -1;
}

/*
 * The engine job, of libskafu alone: one process appends events of one domain, another runs an engine with a
 * reaction of a second domain that answers each. The handler says when it has an event. With a kind of 1 the writer
 * rests 300 us between commits, so that the engine sleeps each time; with 0 the events are there before the engine
 * begins; 2 is 0 with a thread that reads the figures 100 times a second.
 */
#include "bench/job.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skafu_run.h"
#include "store/store.h"

#define REST_NS UINT64_C(300000)
#define PATIENCE_NS UINT64_C(60000000000)

struct engine_page {
	atomic_int ready;
	atomic_int over;
	atomic_uint_fast64_t handled;
	uint64_t cross_p95_ns;
	uint64_t seen_ns[];
};

static struct engine_page *engine_page;
static uint64_t engine_events;

static int32_t answer(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	skafu_new_record answered = {.size = sizeof(answered), .type = "Answered", .stream = event->stream};
	uint64_t number;

	(void)user;
	number = atomic_fetch_add(&engine_page->handled, 1);
	if (number < engine_events)
		engine_page->seen_ns[number] = bench_now_ns();
	return skafu_turn_emit(turn, &answered, error);
}

static int32_t define(skafu_model *model)
{
	static const char *const types[] = {"Asked"};
	skafu_source source = {.size = sizeof(source), .types = types, .type_count = 1, .partitions = 1};
	skafu_event_def asked = {.size = sizeof(asked), .domain = "a", .type = "Asked"};
	skafu_event_def answered = {.size = sizeof(answered), .domain = "b", .type = "Answered"};
	skafu_reaction_def reaction = {.size = sizeof(reaction), .domain = "b", .name = "answer"};
	int32_t rc = skafu_model_add_domain(model, "a", NULL);

	reaction.source = &source;
	reaction.react = answer;
	if (rc == 0)
		rc = skafu_model_add_domain(model, "b", NULL);
	if (rc == 0)
		rc = skafu_model_add_event(model, &asked, NULL);
	if (rc == 0)
		rc = skafu_model_add_event(model, &answered, NULL);
	return rc == 0 ? skafu_model_add_reaction(model, &reaction, NULL) : rc;
}

static void *read_figures(void *arg)
{
	skafu_engine_stats stats = {.size = sizeof(stats)};

	while (!atomic_load(&engine_page->over)) {
		skafu_engine_stats_get(arg, &stats, NULL);
		bench_sleep_ns(10000000);
	}
	return NULL;
}

static int serve(const struct bench_job *job, skafu_model *model)
{
	skafu_engine_stats stats = {.size = sizeof(stats)};
	skafu_engine *engine = NULL;
	uint64_t end = bench_now_ns() + PATIENCE_NS;
	pthread_t thread;
	int has_thread;

	if (define(model) != 0 || skafu_engine_open(model, NULL, &engine, NULL) != 0)
		return -1;
	has_thread = job->kind == 2 && pthread_create(&thread, NULL, read_figures, engine) == 0;
	while (job->kind == 1 && skafu_engine_step(engine, 256, NULL) == 1)
		;
	atomic_store(&engine_page->ready, 1);
	while (atomic_load(&engine_page->handled) < job->events && bench_now_ns() < end)
		skafu_engine_run(engine, 10000000, NULL);
	skafu_engine_stats_get(engine, &stats, NULL);
	engine_page->cross_p95_ns = stats.cross_domain_p95_ns;
	atomic_store(&engine_page->over, 1);
	if (has_thread)
		pthread_join(thread, NULL);
	skafu_engine_close(engine);
	return atomic_load(&engine_page->handled) == job->events ? 0 : -1;
}

static void tune(const struct bench_job *job)
{
	static const struct skafu__tuning unsynced = {.no_sync = 1};

	skafu__tuning_override(job->store.sync ? NULL : &unsynced);
}

static void engine_main(const struct bench_job *job, const char *path)
{
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	int failed;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	tune(job);
	failed = skafu_store_open(path, NULL, &store, NULL) != 0 ||
		 skafu_model_open(store, NULL, &model, NULL) != 0 || serve(job, model) != 0;
	if (failed)
		atomic_store(&engine_page->ready, -1);
	skafu_model_close(model);
	skafu_store_close(store);
	_exit(failed);
}

static int ask(const struct bench_job *job, skafu_store *store, uint64_t *call_ns)
{
	char data[200];
	skafu_new_record asked = {.size = sizeof(asked), .type = "Asked", .source = "a", .stream = "s", .data = data};
	skafu_batch *batch = NULL;
	uint64_t i, in_batch = job->kind == 1 ? 1 : 1000;
	int32_t rc = skafu_batch_new(store, &batch, NULL);

	memset(data, 'x', sizeof(data));
	memcpy(data, "{\"a\":\"", 6);
	memcpy(data + sizeof(data) - 2, "\"}", 2);
	asked.data_length = sizeof(data);
	for (i = 0; rc == 0 && i < job->events; i++) {
		if (job->kind == 1)
			bench_sleep_ns(REST_NS);
		call_ns[i] = bench_now_ns();
		rc = skafu_batch_add(batch, &asked, NULL);
		if (rc == 0 && ((i + 1) % in_batch == 0 || i + 1 == job->events)) {
			rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
			skafu_batch_clear(batch);
		}
	}
	skafu_batch_free(batch);
	return rc;
}

static int wait_ready(void)
{
	uint64_t end = bench_now_ns() + PATIENCE_NS;

	while (atomic_load(&engine_page->ready) == 0 && bench_now_ns() < end)
		bench_sleep_ns(1000000);
	return atomic_load(&engine_page->ready) == 1 ? 0 : -1;
}

static int ask_and_follow(const struct bench_job *job, const char *path, uint64_t *call_ns)
{
	skafu_store_opts opts = {.size = sizeof(opts), .flags = SKAFU_STORE_CREATE};
	skafu_store *store = NULL;
	int status = 0, failed;
	pid_t pid = -1;

	tune(job);
	failed =
		skafu_store_open(path, &opts, &store, NULL) != 0 || (job->kind != 1 && ask(job, store, call_ns) != 0);
	if (!failed)
		pid = fork();
	if (pid == 0)
		engine_main(job, path);
	failed |= pid < 0;
	if (!failed)
		failed = wait_ready() != 0 || (job->kind == 1 && ask(job, store, call_ns) != 0);
	if (pid > 0 && (waitpid(pid, &status, 0) != pid || status != 0))
		failed = 1;
	skafu_store_close(store);
	return failed;
}

static void engine_figures(const struct bench_job *job, const uint64_t *call_ns, struct bench_samples *call,
	double *figures)
{
	uint64_t i, from = job->events / 10;
	double took;

	for (i = from; i < job->events; i++)
		bench_samples_add(call, engine_page->seen_ns[i] - call_ns[i]);
	took = (double)(engine_page->seen_ns[job->events - 1] - engine_page->seen_ns[from]);
	figures[ENGINE_P50_US] = bench_samples_us(call, 0.5);
	figures[ENGINE_P95_MS] = bench_samples_us(call, 0.95) / 1e3;
	figures[ENGINE_P99_US] = bench_samples_us(call, 0.99);
	figures[ENGINE_CROSS_P95_MS] = (double)engine_page->cross_p95_ns / 1e6;
	figures[ENGINE_RATE] = took > 0 ? (double)(job->events - 1 - from) * 1e9 / took : 0;
	figures[ENGINE_PER_MINUTE] = figures[ENGINE_RATE] * 60;
}

int bench_engine_run(const struct bench_job *job, double figures[BENCH_FIGURES])
{
	size_t count = (size_t)job->events, bytes = sizeof(struct engine_page) + count * sizeof(uint64_t);
	struct bench_samples call = {NULL, 0, 0};
	uint64_t *call_ns = calloc(count, sizeof(uint64_t));
	char path[BENCH_PATH_MAX + 8];
	int failed = -1;

	engine_events = job->events;
	engine_page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	snprintf(path, sizeof(path), "%s/store", job->dir);
	if (call_ns != NULL && engine_page != MAP_FAILED && bench_samples_init(&call, count) == 0)
		failed = ask_and_follow(job, path, call_ns);
	if (!failed)
		engine_figures(job, call_ns, &call, figures);
	free(call_ns);
	bench_samples_free(&call);
	return failed ? -1 : 0;
}

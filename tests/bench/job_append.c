/*
 * Append jobs: one thread with batches, and many callers with one event each. Generation is never inside a
 * timed part.
 */
#include "bench/job.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK 50000

struct progress {
	uint64_t done, wall_ns, cpu_ns, longest_ns, head_ns, tail_ns, head_cpu_ns, tail_cpu_ns, anon_start, anon_most;
	struct bench_samples samples;
};

static int append_block(const struct bench_job *job, void *store, const struct bench_event *events, size_t count,
	struct progress *p)
{
	uint64_t cpu = bench_cpu_ns(), start = bench_now_ns(), block_ns = 0;
	size_t at, part;

	for (at = 0; at < count; at += part) {
		uint64_t now, took;

		part = count - at < job->batch ? count - at : job->batch;
		if (job->subject->append(store, 0, events + at, part) != 0)
			return -1;
		now = bench_now_ns();
		took = now - start;
		start = now;
		block_ns += took;
		if (took > p->longest_ns)
			p->longest_ns = took;
		bench_samples_add(&p->samples, took);
		p->done += part;
		if (job->limit_ns != 0 && p->wall_ns + block_ns >= job->limit_ns)
			break;
	}
	p->wall_ns += block_ns;
	cpu = bench_cpu_ns() - cpu;
	p->cpu_ns += cpu;
	if (p->done <= 2 * BLOCK) {
		p->head_ns += block_ns;
		p->head_cpu_ns += cpu;
	}
	if (p->done > job->events - 2 * BLOCK) {
		p->tail_ns += block_ns;
		p->tail_cpu_ns += cpu;
	}
	return 0;
}

static int append_all(const struct bench_job *job, struct bench_workload *w, const struct bench_event *events,
	void *store, struct progress *p)
{
	size_t count = job->events < BLOCK ? (size_t)job->events : BLOCK;

	for (;;) {
		uint64_t anon;

		if (append_block(job, store, events, count, p) != 0)
			return -1;
		anon = bench_rss_anon_bytes();
		if (anon > p->anon_most)
			p->anon_most = anon;
		if (p->done >= job->events || (job->limit_ns != 0 && p->wall_ns >= job->limit_ns))
			return 0;
		if (job->events - p->done < count)
			count = (size_t)(job->events - p->done);
		events = bench_workload_block(w, count);
		if (events == NULL)
			return -1;
	}
}

/* What is owed at the end counts as time of the run. */
static int append_flush(const struct bench_job *job, void *store, struct progress *p)
{
	uint64_t start = bench_now_ns(), cpu = bench_cpu_ns();
	int failed = job->store.bulk && job->subject->flush != NULL ? job->subject->flush(store) : 0;

	p->wall_ns += bench_now_ns() - start;
	p->cpu_ns += bench_cpu_ns() - cpu;
	return failed;
}

static void append_figures(const struct bench_job *job, struct progress *p, double *figures)
{
	double events = (double)p->done;

	figures[APPEND_RATE] = events * 1e9 / (double)p->wall_ns;
	figures[APPEND_CPU_RATE] = events * 1e9 / (double)(p->cpu_ns > 0 ? p->cpu_ns : 1);
	figures[APPEND_P50_US] = bench_samples_us(&p->samples, 0.5);
	figures[APPEND_P99_US] = bench_samples_us(&p->samples, 0.99);
	figures[APPEND_LONGEST_MS] = (double)p->longest_ns / 1e6;
	figures[APPEND_DISK] = (double)bench_dir_bytes(job->dir) / events;
	figures[APPEND_ANON] = p->anon_most > p->anon_start ? (double)(p->anon_most - p->anon_start) : 0;
	figures[APPEND_GROWTH] = p->tail_ns > 0 ? (double)p->head_ns / (double)p->tail_ns : 0;
	figures[APPEND_GROWTH_CPU] = p->tail_cpu_ns > 0 ? (double)p->head_cpu_ns / (double)p->tail_cpu_ns : 0;
}

int bench_append_run(const struct bench_job *job, double figures[BENCH_FIGURES])
{
	struct bench_workload_options options = {.seed = 42, .streams = job->streams};
	struct bench_workload *w = bench_workload_create(&options);
	const struct bench_event *events;
	struct progress p = {0};
	void *store = NULL;
	int failed;

	events = w == NULL ? NULL : bench_workload_block(w, job->events < BLOCK ? (size_t)job->events : BLOCK);
	/* The samples are touched before memory is counted. */
	failed = events == NULL || bench_samples_init(&p.samples, (size_t)(job->events / job->batch + 1)) != 0;
	if (!failed) {
		for (p.samples.count = 0; p.samples.count < p.samples.max; p.samples.count++)
			p.samples.ns[p.samples.count] = 1;
		p.samples.count = 0;
		p.anon_start = bench_rss_anon_bytes();
		failed = job->subject->open(&store, job->dir, &job->store) != 0 ||
			 append_all(job, w, events, store, &p) != 0 || append_flush(job, store, &p) != 0;
		if (store != NULL)
			job->subject->close(store);
	}
	if (!failed)
		append_figures(job, &p, figures);
	bench_samples_free(&p.samples);
	bench_workload_destroy(w);
	return failed ? -1 : 0;
}

struct caller {
	pthread_t thread;
	const struct bench_job *job;
	const struct bench_event *events;
	pthread_barrier_t *start;
	void *store;
	unsigned number;
	uint64_t done, start_ns, end_ns;
	int failed;
};

static void *caller_main(void *argument)
{
	struct caller *c = argument;
	uint64_t i;

	pthread_barrier_wait(c->start);
	c->start_ns = bench_now_ns();
	c->end_ns = c->start_ns;
	for (i = c->number; i < c->job->events &&
		c->end_ns - c->start_ns < c->job->limit_ns; i += c->job->store.callers) {
		if (c->job->subject->append(c->store, c->number, &c->events[i], 1) != 0) {
			c->failed = 1;
			break;
		}
		c->done++;
		c->end_ns = bench_now_ns();
	}
	return NULL;
}

static int callers_join(const struct bench_job *job, struct caller *callers, double *figures)
{
	uint64_t done = 0, start = UINT64_MAX, end = 0;
	unsigned i;
	int failed = 0;

	for (i = 0; i < job->store.callers; i++) {
		pthread_join(callers[i].thread, NULL);
		failed |= callers[i].failed;
		done += callers[i].done;
		if (callers[i].start_ns < start)
			start = callers[i].start_ns;
		if (callers[i].end_ns > end)
			end = callers[i].end_ns;
	}
	figures[APPEND_RATE] = end > start ? (double)done * 1e9 / (double)(end - start) : 0;
	return failed || done == 0 ? -1 : 0;
}

int bench_callers_run(const struct bench_job *job, double figures[BENCH_FIGURES])
{
	struct bench_workload_options options = {.seed = 43, .streams = job->streams};
	struct bench_workload *w = bench_workload_create(&options);
	const struct bench_event *events = w == NULL ? NULL : bench_workload_block(w, (size_t)job->events);
	struct caller callers[BENCH_CALLERS_MAX];
	pthread_barrier_t start;
	void *store = NULL;
	unsigned i;
	int failed = -1;

	if (events != NULL && job->subject->open(&store, job->dir, &job->store) == 0) {
		pthread_barrier_init(&start, NULL, job->store.callers);
		for (i = 0; i < job->store.callers; i++) {
			callers[i] = (struct caller){.job = job, .events = events, .start = &start,
				.store = store, .number = i};
			/*
			 * A child that cannot start its threads has nothing to measure, and the barrier would
			 * wait for ever.
			 */
			if (pthread_create(&callers[i].thread, NULL, caller_main, &callers[i]) != 0)
				_Exit(1);
		}
		failed = callers_join(job, callers, figures);
		pthread_barrier_destroy(&start);
		job->subject->close(store);
	}
	bench_workload_destroy(w);
	return failed;
}

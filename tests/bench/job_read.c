/*
 * Read jobs over a loaded store, page cache and mapping warm, and the command job. Every read is checked for
 * its count.
 */
#include "bench/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#define SEED 42 /* the seed of bench_append_run, whose events are read here */

struct reader {
	const struct bench_job *job;
	const struct bench_subject *subject;
	struct bench_workload *w;
	void *store;
	uint32_t *busy; /* streams with at least 100 events */
	uint32_t busy_count;
};

static int find_busy(struct reader *r)
{
	uint32_t *counts = calloc(r->job->streams, sizeof(*counts)), i;
	uint64_t k;

	r->busy = calloc(r->job->streams, sizeof(*r->busy));
	if (counts == NULL || r->busy == NULL) {
		free(counts);
		return -1;
	}
	for (k = 0; k < r->job->events; k++)
		counts[bench_workload_stream(r->w, k)]++;
	for (i = 0; i < r->job->streams; i++) {
		if (counts[i] >= 100)
			r->busy[r->busy_count++] = i;
	}
	free(counts);
	return r->busy_count > 0 ? 0 : -1;
}

/* One point read; the key is made before the clock starts. Returns its nanoseconds, 0 when it failed. */
static uint64_t read_one(struct reader *r, uint64_t random)
{
	uint64_t index = random % r->job->events, start, end, wanted = 1;
	struct bench_sum sum = {0, 0};
	struct bench_event key;
	int failed = -1;

	if (r->job->kind == READ_STREAM)
		bench_stream_name(r->busy[random % r->busy_count], key.stream);
	bench_event_id(SEED, index, key.id);
	bench_event_correlation(SEED, index, key.correlation_id);
	bench_uuid_text(key.correlation_id, key.correlation);
	start = bench_now_ns();
	if (r->job->kind == READ_STREAM) {
		wanted = 100;
		failed = r->subject->stream(r->store, key.stream, 0, 100, &sum);
	} else if (r->job->kind == READ_CORRELATION) {
		failed = r->subject->correlation(r->store, &key, &sum);
		wanted = sum.count >= 1 && sum.count <= 7 ? sum.count : 3;
	} else if (r->job->kind == READ_ID) {
		failed = r->subject->by_id(r->store, key.id, &sum);
	} else if (r->job->kind == READ_SEQUENCE) {
		failed = r->subject->by_sequence(r->store, index + 1, &sum);
	}
	end = bench_now_ns();
	if (failed != 0 || sum.count != wanted) {
		fprintf(stderr, "bench: %s: read kind %d gave %llu events\n", r->subject->name, r->job->kind,
			(unsigned long long)sum.count);
		return 0;
	}
	return end - start;
}

static int read_points(struct reader *r, double *figures)
{
	size_t i, warm = r->job->batch / 10;
	struct bench_samples samples;
	uint64_t total = 0;

	if (bench_samples_init(&samples, r->job->batch) != 0)
		return -1;
	for (i = 0; i < warm + r->job->batch; i++) {
		uint64_t took = read_one(r, bench_mix(i + 1));

		if (took == 0)
			break;
		if (i < warm)
			continue;
		total += took;
		bench_samples_add(&samples, took);
	}
	figures[READ_RATE] = total > 0 ? (double)samples.count * 1e9 / (double)total : 0;
	figures[READ_P50_US] = bench_samples_us(&samples, 0.5);
	figures[READ_P99_US] = bench_samples_us(&samples, 0.99);
	bench_samples_free(&samples);
	return i == warm + r->job->batch ? 0 : -1;
}

static int read_all(struct reader *r, double *figures)
{
	struct bench_sum sum = {0, 0};
	uint64_t start = bench_now_ns(), groups = 0;
	int failed;

	if (r->job->kind == READ_SCAN)
		failed = r->subject->scan(r->store, &sum);
	else if (r->job->kind == READ_REPLAY)
		failed = r->subject->replay(r->store, &sum.count);
	else
		failed = r->subject->rebuild(r->store, &groups);
	figures[READ_RATE] = (double)r->job->events * 1e9 / (double)(bench_now_ns() - start);
	figures[READ_COUNT] = (double)(r->job->kind == READ_REBUILD ? groups : sum.count);
	if (!failed && r->job->kind != READ_REBUILD && sum.count != r->job->events) {
		fprintf(stderr, "bench: %s: the scan or replay gave %llu events\n", r->subject->name,
			(unsigned long long)sum.count);
		failed = -1;
	}
	return failed;
}

static int read_able(const struct bench_job *job)
{
	const struct bench_subject *s = job->subject;

	switch ((enum read_kind)job->kind) {
	case READ_SCAN: return s->scan != NULL;
	case READ_STREAM: return s->stream != NULL;
	case READ_CORRELATION: return s->correlation != NULL;
	case READ_ID: return s->by_id != NULL;
	case READ_SEQUENCE: return s->by_sequence != NULL;
	case READ_REBUILD: return s->rebuild != NULL;
	case READ_REPLAY: return s->replay != NULL;
	case READ_OPEN: return 1;
	}
	return 0;
}

int bench_read_run(const struct bench_job *job, double figures[BENCH_FIGURES])
{
	struct bench_workload_options options = {.seed = SEED, .streams = job->streams};
	struct reader r = {.job = job, .subject = job->subject};
	struct bench_sum warm = {0, 0};
	uint64_t start;
	int failed;

	if (!read_able(job))
		return BENCH_ABSENT;
	start = bench_now_ns();
	failed = r.subject->open(&r.store, job->dir, &job->store);
	figures[READ_P50_US] = (double)(bench_now_ns() - start) / 1000.0;
	if (!failed && job->kind != READ_OPEN) {
		r.w = bench_workload_create(&options);
		failed = r.w == NULL || (job->kind == READ_STREAM && find_busy(&r) != 0) ||
			 (job->kind != READ_REBUILD && job->kind != READ_REPLAY &&
				r.subject->scan != NULL && r.subject->scan(r.store,
				&warm) != 0);
		if (!failed && (job->kind == READ_SCAN || job->kind == READ_REBUILD || job->kind == READ_REPLAY))
			failed = read_all(&r, figures);
		else if (!failed)
			failed = read_points(&r, figures);
	}
	if (r.store != NULL)
		r.subject->close(r.store);
	bench_workload_destroy(r.w);
	free(r.busy);
	return failed ? -1 : 0;
}

static int command_load(struct reader *r)
{
	uint64_t at, total = (uint64_t)r->job->streams * 10, part;

	for (at = 0; at < total; at += part) {
		const struct bench_event *events;

		part = total - at < 1000 ? total - at : 1000;
		events = bench_workload_block(r->w, (size_t)part);
		if (events == NULL || r->subject->append(r->store, 0, events, (size_t)part) != 0)
			return -1;
	}
	return 0;
}

/*
 * As if the store had been made a minute ago. In the first three seconds after its directory changed libskafu also
 * looks, before each commit, whether its files are still the same: times of files are too coarse to tell then.
 */
static int command_age(const struct bench_job *job)
{
	char path[512];
	struct timespec times[2];

	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec -= 60;
	times[1] = times[0];
	snprintf(path, sizeof(path), "%s/store", job->dir);
	return utimensat(AT_FDCWD, path, times, 0) != 0 && errno != ENOENT ? -1 : 0;
}

static int command_measure(struct reader *r, double *figures)
{
	const struct bench_event *events = bench_workload_block(r->w, r->job->streams);
	struct bench_samples samples;
	uint64_t total = 0;
	uint32_t i;

	if (events == NULL || bench_samples_init(&samples, r->job->streams) != 0)
		return -1;
	for (i = 0; i < r->job->streams && (r->job->limit_ns == 0 || total < r->job->limit_ns); i++) {
		uint64_t start = bench_now_ns(), took;

		if (r->subject->command(r->store, &events[i]) != 0)
			break;
		took = bench_now_ns() - start;
		total += took;
		bench_samples_add(&samples, took);
	}
	figures[READ_COUNT] = (double)samples.count;
	figures[READ_RATE] = total > 0 ? (double)samples.count * 1e9 / (double)total : 0;
	figures[READ_P50_US] = bench_samples_us(&samples, 0.5);
	figures[READ_P99_US] = bench_samples_us(&samples, 0.99);
	bench_samples_free(&samples);
	return figures[READ_COUNT] > 0 ? 0 : -1;
}

int bench_command_run(const struct bench_job *job, double figures[BENCH_FIGURES])
{
	struct bench_workload_options options = {.seed = 44, .streams = job->streams, .round_robin = 1};
	struct reader r = {.job = job, .subject = job->subject};
	int failed;

	if (job->subject->command == NULL)
		return BENCH_ABSENT;
	r.w = bench_workload_create(&options);
	failed = r.w == NULL || r.subject->open(&r.store, job->dir, &job->store) != 0 || command_load(&r) != 0 ||
		 command_age(job) != 0 ||
		 command_measure(&r, figures) != 0;
	if (r.store != NULL)
		r.subject->close(r.store);
	bench_workload_destroy(r.w);
	return failed ? -1 : 0;
}

/*
 * The live job: one process appends single events, another subscribes, both through handles of their own. With
 * a kind of 1 the writer rests 300 us between commits, so that the subscriber sleeps each time; with 0 it does
 * not rest. A subscriber has an event when it has read it.
 */
#include "bench/job.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define REST_NS UINT64_C(300000)
#define PATIENCE_NS UINT64_C(20000000000)

struct live_page {
	atomic_int created;
	atomic_int ready; /* 1 when the subscriber waits, -1 when it failed */
	atomic_int stop;
	atomic_uint_fast64_t read_up_to;
	double idle_cpu; /* share of a processor that an idle subscriber takes, in percent */
	uint64_t seen_ns[]; /* by sequence - 1 */
};

static int wait_flag(atomic_int *flag)
{
	uint64_t end = bench_now_ns() + PATIENCE_NS;

	while (atomic_load(flag) == 0 && bench_now_ns() < end)
		bench_sleep_ns(1000000);
	return atomic_load(flag) == 1 ? 0 : -1;
}

static int subscribe(const struct bench_job *job, void *store, struct live_page *page)
{
	struct bench_sum sum = {0, 0};
	uint64_t after = 0, head = 0, cpu, idle_ns = job->ctx->quick ? 200000000 : 2000000000;

	bench_sleep_ns(20000000);
	cpu = bench_cpu_ns();
	if (job->subject->wait(store, 0, idle_ns, &head) != 0)
		return -1;
	page->idle_cpu = (double)(bench_cpu_ns() - cpu) * 100.0 / (double)idle_ns;
	atomic_store(&page->ready, 1);
	while (after < job->events && !(atomic_load(&page->stop) && after == head)) {
		if (job->subject->wait(store, after, 100000000, &head) != 0)
			return -1;
		for (; after < head && after < job->events; after++) {
			if (job->subject->by_sequence(store, after + 1, &sum) != 0)
				return -1;
			page->seen_ns[after] = bench_now_ns();
		}
		atomic_store(&page->read_up_to, after);
	}
	return sum.count == after ? 0 : -1;
}

static void subscriber_main(const struct bench_job *job, struct live_page *page)
{
	void *store = NULL;
	int failed;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	failed = wait_flag(&page->created) != 0 || job->subject->open(&store, job->dir, &job->store) != 0 ||
		     subscribe(job, store, page) != 0;

	if (failed)
		atomic_store(&page->ready, -1);
	if (store != NULL)
		job->subject->close(store);
	_exit(failed ? 1 : 0);
}

struct live_times {
	struct bench_samples call, back;
	uint64_t *call_ns, *back_ns;
	uint64_t longest_ns;
};

static int write_live(const struct bench_job *job, void *store, struct bench_workload *w, struct live_times *t)
{
	const struct bench_event *events = NULL;
	uint64_t i, block = job->events < 20000 ? job->events : 20000;

	for (i = 0; i < job->events; i++) {
		if (i % block == 0) {
			events = bench_workload_block(w, (size_t)block);
			if (events == NULL)
				return -1;
		}
		if (job->kind)
			bench_sleep_ns(REST_NS);
		t->call_ns[i] = bench_now_ns();
		if (job->subject->append(store, 0, &events[i % block], 1) != 0)
			return -1;
		t->back_ns[i] = bench_now_ns();
		if (t->back_ns[i] - t->call_ns[i] > t->longest_ns)
			t->longest_ns = t->back_ns[i] - t->call_ns[i];
	}
	return 0;
}

static int write_and_follow(const struct bench_job *job, struct live_page *page, struct live_times *t)
{
	struct bench_workload_options options = {.seed = 45, .streams = job->streams};
	struct bench_workload *w = bench_workload_create(&options);
	uint64_t end;
	void *store = NULL;
	int failed = w == NULL || job->subject->open(&store, job->dir, &job->store) != 0;

	atomic_store(&page->created, failed ? -1 : 1);
	if (!failed)
		failed = wait_flag(&page->ready) != 0 || write_live(job, store, w, t) != 0;
	end = bench_now_ns() + PATIENCE_NS;
	while (!failed && atomic_load(&page->read_up_to) < job->events) {
		failed = atomic_load(&page->ready) != 1 || bench_now_ns() > end;
		bench_sleep_ns(1000000);
	}
	atomic_store(&page->stop, 1);
	if (store != NULL)
		job->subject->close(store);
	bench_workload_destroy(w);
	return failed;
}

static void live_figures(const struct bench_job *job, const struct live_page *page, struct live_times *t,
	double *figures)
{
	uint64_t i;

	for (i = job->events / 10; i < job->events; i++) {
		uint64_t seen = page->seen_ns[i];

		bench_samples_add(&t->call, seen - t->call_ns[i]);
		bench_samples_add(&t->back, seen > t->back_ns[i] ? seen - t->back_ns[i] : 0);
	}
	figures[LIVE_CALL_P50_US] = bench_samples_us(&t->call, 0.5);
	figures[LIVE_CALL_P99_US] = bench_samples_us(&t->call, 0.99);
	figures[LIVE_RETURN_P50_US] = bench_samples_us(&t->back, 0.5);
	figures[LIVE_IDLE_CPU] = page->idle_cpu;
	figures[LIVE_LONGEST_MS] = (double)t->longest_ns / 1e6;
	figures[LIVE_DISK] = (double)bench_dir_bytes(job->dir) / (double)job->events;
}

int bench_live_run(const struct bench_job *job, double figures[BENCH_FIGURES])
{
	size_t count = (size_t)job->events, bytes = sizeof(struct live_page) + count * sizeof(uint64_t);
	struct live_times t = {.call_ns = calloc(count, sizeof(uint64_t)), .back_ns = calloc(count,
		sizeof(uint64_t))};
	struct live_page *page = MAP_FAILED;
	int failed = -1, status = 0;
	pid_t pid = -1;

	if (job->subject->wait == NULL || job->subject->by_sequence == NULL)
		return BENCH_ABSENT;
	if (t.call_ns != NULL && t.back_ns != NULL && bench_samples_init(&t.call, count) == 0 &&
	    bench_samples_init(&t.back, count) == 0)
		page = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page != MAP_FAILED)
		pid = fork();
	if (pid == 0)
		subscriber_main(job, page);
	if (pid > 0) {
		failed = write_and_follow(job, page, &t);
		if (waitpid(pid, &status, 0) != pid || status != 0)
			failed = -1;
	}
	if (!failed)
		live_figures(job, page, &t, figures);
	free(t.call_ns);
	free(t.back_ns);
	bench_samples_free(&t.call);
	bench_samples_free(&t.back);
	return failed ? -1 : 0;
}

/* Runs jobs in children and in interleaved pairs; see job.h. */
#include "bench/job.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOB_SECONDS_MAX 900

struct answer {
	int result;
	double figures[BENCH_FIGURES];
};

static void child_main(const struct bench_job *job, int out)
{
	struct answer answer;

	memset(&answer, 0, sizeof(answer));
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* an interrupted bench leaves no job behind */
	alarm(JOB_SECONDS_MAX);
	answer.result = job->run(job, answer.figures);
	if (write(out, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
		_exit(1);
	_exit(0);
}

static int run_child(const struct bench_job *job, struct answer *answer)
{
	int ends[2], status = 0, got;
	pid_t pid;

	if (pipe(ends) != 0)
		return -1;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		child_main(job, ends[1]);
	}
	close(ends[1]);
	got = pid > 0 && read(ends[0], answer, sizeof(*answer)) == (ssize_t)sizeof(*answer);
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, &status, 0);
	return got ? answer->result : -1;
}

int bench_job_run(const struct bench_job *job, double figures[BENCH_FIGURES])
{
	struct bench_job placed = *job;
	char path[BENCH_PATH_MAX];
	struct answer answer;
	int result;

	if (job->subject == NULL)
		return BENCH_ABSENT;
	if (job->dir == NULL) {
		snprintf(path, sizeof(path), "%s/job", job->ctx->dir);
		bench_dir_remove(path);
		if (bench_dir_make(path) != 0) {
			perror(path);
			return -1;
		}
		placed.dir = path;
	}
	result = run_child(&placed, &answer);
	if (result == 0)
		memcpy(figures, answer.figures, sizeof(answer.figures));
	else if (result < 0)
		fprintf(stderr, "bench: a job of %s failed\n", job->subject->name);
	if (job->dir == NULL)
		bench_dir_remove(path);
	return result;
}

static void run_side(const struct bench_job *job, double values[BENCH_FIGURES][BENCH_PAIRS_MAX], unsigned *count)
{
	double figures[BENCH_FIGURES];
	unsigned i;

	if (job == NULL || bench_job_run(job, figures) != 0)
		return;
	for (i = 0; i < BENCH_FIGURES; i++)
		values[i][*count] = figures[i];
	(*count)++;
}

void bench_job_pairs(const struct bench_job *own, const struct bench_job *reference, unsigned pairs,
	struct bench_series *series)
{
	const struct bench_context *ctx = own != NULL ? own->ctx : reference != NULL ? reference->ctx : NULL;
	unsigned i;

	memset(series, 0, sizeof(*series));
	for (i = 0; i < pairs && i < BENCH_PAIRS_MAX; i++) {
		if (i > 0 && ctx != NULL && ctx->hurry_ns != 0 && bench_now_ns() > ctx->hurry_ns)
			break;
		if (i % 2 == 0)
			run_side(reference, series->reference, &series->reference_count);
		run_side(own, series->own, &series->own_count);
		if (i % 2 == 1)
			run_side(reference, series->reference, &series->reference_count);
	}
}

int bench_dataset(const struct bench_context *ctx, const struct bench_subject *subject, uint64_t events,
	char path[BENCH_PATH_MAX], double figures[BENCH_FIGURES])
{
	struct bench_job job = {.ctx = ctx, .subject = subject, .run = bench_append_run, .dir = path,
		.events = events,
		.streams = 10000, .batch = 10000, .store = {.sync = 1, .bulk = 1, .foreign_ids = 1}};
	double loaded[BENCH_FIGURES] = {0};

	if (subject == NULL)
		return BENCH_ABSENT;
	snprintf(path, BENCH_PATH_MAX, "%s/set-%.4s-%llu", ctx->dir, subject->name, (unsigned long long)events);
	if (access(path, F_OK) != 0) {
		if (bench_dir_make(path) != 0 || bench_job_run(&job, loaded) != 0)
			return -1;
	}
	if (figures != NULL)
		memcpy(figures, loaded, sizeof(loaded));
	return 0;
}

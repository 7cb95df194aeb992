/*
 * The error job, of libskafu alone: how long from the report of an error until the analytics know it. Each round
 * reports an error with a code of its own and asks what the errors amount to by code, up to the head.
 */
#include "bench/job.h"

#include <stdio.h>
#include <string.h>

#include "skafu_run.h"

static int32_t is_known(skafu_model *model, const char *code)
{
	const skafu_error_summary *summary;
	skafu_error_summary_list *list = NULL;
	int32_t found = 0;
	int32_t rc = skafu_error_summary_list_open(model, SKAFU_ERRORS_BY_CODE, SKAFU_NO_LIMIT, SKAFU_WAIT_FOREVER,
		&list, NULL);

	while (rc == 0 && !found && skafu_error_summary_list_next(list, &summary, NULL) == 1)
		found = strcmp(summary->value, code) == 0;
	skafu_error_summary_list_free(list);
	return rc == 0 && !found ? -1 : rc;
}

static int32_t one(skafu_model *model, uint64_t round, struct bench_samples *samples)
{
	char code[40];
	skafu_error_report_def def = {.size = sizeof(def), .code = code, .message = "it failed", .source = "sales"};
	uint64_t start = bench_now_ns();
	int32_t rc;

	snprintf(code, sizeof(code), "E%llu", (unsigned long long)round);
	rc = skafu_error_report(model, &def, NULL);
	if (rc == 0)
		rc = is_known(model, code);
	bench_samples_add(samples, bench_now_ns() - start);
	return rc;
}

static int32_t rounds(skafu_model *model, uint64_t count, struct bench_samples *samples)
{
	int32_t rc = 0;
	uint64_t i;

	for (i = 0; rc == 0 && i < count; i++)
		rc = one(model, i, samples);
	return rc;
}

int bench_error_run(const struct bench_job *job, double figures[BENCH_FIGURES])
{
	char path[BENCH_PATH_MAX + 8];
	skafu_store_opts opts = {.size = sizeof(opts), .flags = SKAFU_STORE_CREATE};
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	struct bench_samples samples;
	int32_t rc;

	if (bench_samples_init(&samples, job->events) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/store", job->dir);
	rc = skafu_store_open(path, &opts, &store, NULL);
	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, NULL);
	if (rc == 0)
		rc = rounds(model, job->events, &samples);
	if (rc == 0)
		figures[ERROR_P99_MS] = bench_samples_us(&samples, 0.99) / 1e3;
	skafu_model_close(model);
	skafu_store_close(store);
	bench_samples_free(&samples);
	return rc == 0 ? 0 : -1;
}

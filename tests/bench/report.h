/*
 * The table of a bench run: one row a figure, printed as it arrives, and all of them as build/bench.json at the
 * end. A side that was not measured is absent (printed "-", null in JSON), and its row is neither met nor
 * missed.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "bench/timing.h"

enum bench_bar { BAR_NONE, BAR_RATIO_MIN, BAR_RATIO_MAX, BAR_VALUE_MIN, BAR_VALUE_MAX };

/* What a case says about one row: where its figures are and what the bar is. */
struct bench_line {
	const char *name;
	const char *unit;
	const char *reference; /* NULL: an absolute figure */
	unsigned own_figure;
	unsigned reference_figure;
	enum bench_bar kind;
	double bar;
};

struct bench_report;

struct bench_report *bench_report_create(void);
void bench_report_destroy(struct bench_report *r);
void bench_report_add(struct bench_report *r, const struct bench_line *line, const struct bench_series *series);
void bench_report_head(const char *own);
/* Prints the totals and writes the JSON file; a file that cannot be written is said on stderr. */
void bench_report_end(const struct bench_report *r, const char *json_path, const char *own, int quick);

#endif

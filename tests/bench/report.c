/* The table of a bench run; see report.h. */
#include "bench/report.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX 96

struct row {
	struct bench_line line;
	double value, reference_value;
	struct bench_ratio ratio;
	int has_value, has_reference;
	const char *met; /* "yes", "no", "-" */
};

struct bench_report {
	size_t count;
	struct row rows[ROWS_MAX];
};

struct bench_report *bench_report_create(void)
{
	return calloc(1, sizeof(struct bench_report));
}

void bench_report_destroy(struct bench_report *r)
{
	free(r);
}

static const char *judge(const struct row *row)
{
	int known = row->has_value, good = 0;

	switch (row->line.kind) {
	case BAR_RATIO_MIN:
		known = known && row->has_reference;
		good = row->ratio.middle >= row->line.bar;
		break;
	case BAR_RATIO_MAX:
		known = known && row->has_reference;
		good = row->ratio.middle <= row->line.bar;
		break;
	case BAR_VALUE_MIN:
		good = row->value >= row->line.bar;
		break;
	case BAR_VALUE_MAX:
		good = row->value <= row->line.bar;
		break;
	case BAR_NONE:
		known = 0;
		break;
	}
	if (!known)
		return "-";
	return good ? "yes" : "no";
}

static void number_text(char *out, size_t size, int has, double value)
{
	double magnitude = value < 0 ? -value : value;

	if (!has)
		snprintf(out, size, "-");
	else if (magnitude >= 1000)
		snprintf(out, size, "%.0f", value);
	else
		snprintf(out, size, "%.*f", magnitude >= 100 ? 1 : magnitude >= 1 ? 2 : 4, value);
}

static void row_print(const struct row *row)
{
	char value[32], reference[32], ratio[32], spread[48] = "", bar[32] = "";
	int both = row->has_value && row->has_reference;

	number_text(value, sizeof(value), row->has_value, row->value);
	number_text(reference, sizeof(reference), row->has_reference, row->reference_value);
	number_text(ratio, sizeof(ratio), both, row->ratio.middle);
	if (both)
		snprintf(spread, sizeof(spread), "%.2f..%.2f", row->ratio.low, row->ratio.high);
	if (row->line.kind != BAR_NONE)
		snprintf(bar, sizeof(bar), "%s%s%g", row->line.kind == BAR_RATIO_MIN ||
			row->line.kind == BAR_RATIO_MAX ?
			"x " : "", row->line.kind == BAR_RATIO_MIN ||
				row->line.kind == BAR_VALUE_MIN ? ">= " : "<= ",
			row->line.bar);
	printf("%-34s %12s %-9s %-22s %12s %8s %-12s %-11s %s\n", row->line.name, value, row->line.unit,
		row->line.reference != NULL ? row->line.reference : "", reference, ratio, spread, bar, row->met);
	fflush(stdout);
}

void bench_report_head(const char *own)
{
	printf("value: %s\n", own);
	printf("%-34s %12s %-9s %-22s %12s %8s %-12s %-11s %s\n", "name", "value", "unit", "reference",
		"ref. value", "ratio",
		"spread", "bar", "met");
}

void bench_report_add(struct bench_report *r, const struct bench_line *line, const struct bench_series *series)
{
	struct row *row;

	if (r->count == ROWS_MAX) {
		fprintf(stderr, "bench: the report is full, row %s is lost\n", line->name);
		return;
	}
	row = &r->rows[r->count++];
	row->line = *line;
	row->has_value = series->own_count > 0;
	row->has_reference = line->reference != NULL && series->reference_count > 0;
	row->value = bench_median(series->own[line->own_figure], series->own_count);
	row->reference_value = bench_median(series->reference[line->reference_figure], series->reference_count);
	row->ratio = bench_series_ratio(series, line->own_figure, line->reference_figure);
	row->met = judge(row);
	row_print(row);
}

static void json_number(FILE *f, const char *name, int has, double value)
{
	if (has)
		fprintf(f, "\"%s\": %.9g, ", name, value);
	else
		fprintf(f, "\"%s\": null, ", name);
}

static void json_row(FILE *f, const struct row *row, int last)
{
	static const char *const kinds[] = {"none", "ratio >=", "ratio <=", "value >=", "value <="};
	int both = row->has_value && row->has_reference;

	fprintf(f, "    {\"name\": \"%s\", \"unit\": \"%s\", ", row->line.name, row->line.unit);
	json_number(f, "value", row->has_value, row->value);
	if (row->line.reference != NULL)
		fprintf(f, "\"reference\": \"%s\", ", row->line.reference);
	else
		fprintf(f, "\"reference\": null, ");
	json_number(f, "reference_value", row->has_reference, row->reference_value);
	json_number(f, "ratio", both, row->ratio.middle);
	json_number(f, "ratio_low", both, row->ratio.low);
	json_number(f, "ratio_high", both, row->ratio.high);
	json_number(f, "bar", row->line.kind != BAR_NONE, row->line.bar);
	fprintf(f, "\"bar_kind\": \"%s\", \"met\": %s}%s\n", kinds[row->line.kind],
		row->met[0] == 'y' ? "true" : row->met[0] == 'n' ? "false" : "null", last ? "" : ",");
}

void bench_report_end(const struct bench_report *r, const char *json_path, const char *own, int quick)
{
	size_t i, met = 0, missed = 0;
	FILE *f;

	for (i = 0; i < r->count; i++) {
		met += r->rows[i].met[0] == 'y';
		missed += r->rows[i].met[0] == 'n';
	}
	printf("%zu rows: %zu met, %zu not met, %zu without a bar or not measured\n", r->count, met, missed,
		r->count - met - missed);
	f = fopen(json_path, "w");
	if (f == NULL) {
		perror(json_path);
		return;
	}
	fprintf(f, "{\n  \"subject\": \"%s\", \"quick\": %s,\n  \"rows\": [\n", own, quick ? "true" : "false");
	for (i = 0; i < r->count; i++)
		json_row(f, &r->rows[i], i + 1 == r->count);
	fprintf(f, "  ]\n}\n");
	if (fclose(f) != 0)
		perror(json_path);
}

#include "watch/prometheus.h"

#include <inttypes.h>

#include "watch/number.h"

static void prometheus_head(struct skafu__buf *out, const struct skafu__family *family)
{
	static const char *const types[] = {"untyped", "counter", "gauge", "histogram"};
	if (family->help)
		skafu__buf_printf(out, "# HELP %s %s\n", family->name, family->help);
	skafu__buf_printf(out, "# TYPE %s %s\n", family->name, types[family->kind]);
}

/* Name and labels; `bound` is a further label of a bucket, NULL: none. */
static void prometheus_name(struct skafu__buf *out, const struct skafu__series *series, const char *suffix,
			    const double *bound, int is_last)
{
	skafu__buf_printf(out, "%s%s", series->family->name, suffix);
	if (series->labels_length == 0 && !bound && !is_last) {
		skafu__buf_put_u8(out, ' ');
		return;
	}
	skafu__buf_put_u8(out, '{');
	skafu__buf_put(out, series->labels, series->labels_length);
	if (bound || is_last) {
		skafu__buf_put_text(out, series->labels_length ? ",le=\"" : "le=\"");
		if (is_last)
			skafu__buf_put_text(out, "+Inf");
		else
			skafu__number_put(out, *bound);
		skafu__buf_put_u8(out, '"');
	}
	skafu__buf_put_text(out, "} ");
}

static void prometheus_count(struct skafu__buf *out, uint64_t count)
{
	skafu__buf_printf(out, "%" PRIu64 "\n", count);
}

static void prometheus_histogram(struct skafu__buf *out, const struct skafu__copied *copied)
{
	const double *bounds = copied->series->histogram->bounds;
	uint64_t up_to = 0;
	for (uint32_t i = 0; i <= SKAFU__HISTOGRAM_BOUNDS; i++) {
		int is_last = i == SKAFU__HISTOGRAM_BOUNDS;
		up_to += copied->counts[i];
		prometheus_name(out, copied->series, "_bucket", is_last ? NULL : &bounds[i], is_last);
		prometheus_count(out, up_to);
	}
	prometheus_name(out, copied->series, "_sum", NULL, 0);
	skafu__number_put(out, copied->sum);
	skafu__buf_put_u8(out, '\n');
	prometheus_name(out, copied->series, "_count", NULL, 0);
	prometheus_count(out, copied->count);
}

void skafu__prometheus_write(struct skafu__buf *out, const struct skafu__copy *copy)
{
	for (size_t i = 0; i < copy->count; i++) {
		const struct skafu__copied *copied = &copy->each[i];
		if (i == 0 || copied->series->family != copied[-1].series->family)
			prometheus_head(out, copied->series->family);
		if (copied->series->histogram) {
			prometheus_histogram(out, copied);
			continue;
		}
		prometheus_name(out, copied->series, "", NULL, 0);
		skafu__number_put(out, copied->value);
		skafu__buf_put_u8(out, '\n');
	}
}

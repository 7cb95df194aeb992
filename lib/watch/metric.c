/*
 * metric.c: the host's own metrics, reading figures, and exporting all of them.
 */
#include "skafu_watch.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "watch/otlp.h"
#include "watch/prometheus.h"
#include "watch/watch.h"

#define METRIC_EXPORT_BYTES_MAX (1024u * 1024 * 1024)

static const char metric_own_prefix[] = "skafu_";

/* ---- what the host counts ------------------------------------------------------------------------------------ */

static int32_t metric_check_name(const char *name, skafu_error *error)
{
	if (!name)
		return skafu__fail(error, SKAFU_EINVAL, "the name of the metric is NULL");
	size_t length = strnlen(name, SKAFU__METRIC_NAME_BYTES_MAX + 1);
	if (length > SKAFU__METRIC_NAME_BYTES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "the name of a metric has more than %u bytes; shorten it",
				   SKAFU__METRIC_NAME_BYTES_MAX);
	if (!skafu__metric_name_is_valid(name, length, 1))
		return skafu__fail(error, SKAFU_EINVAL, "a metric needs a name of letters, digits, underscores and "
				   "colons, and no digit at its beginning");
	return 0;
}

static int32_t metric_check_use(const char *name, double value, int may_be_negative, skafu_error *error)
{
	int32_t rc = metric_check_name(name, error);
	if (rc != 0)
		return rc;
	if (strncmp(name, metric_own_prefix, sizeof metric_own_prefix - 1) == 0)
		return skafu__fail(error, SKAFU_EINVAL, "the metric %s has a name of the library; names that begin "
				   "with skafu_ are its own", name);
	if (!isfinite(value))
		return skafu__fail(error, SKAFU_EINVAL, "what is given for the metric %s is not a finite number",
				   name);
	if (value < 0 && !may_be_negative)
		return skafu__fail(error, SKAFU_EINVAL, "what is given for the metric %s is below 0; use a gauge",
				   name);
	return 0;
}

static void metric_take(const skafu_watch *watch, struct skafu__series *series, uint32_t kind, double value)
{
	if (kind == SKAFU__METRIC_COUNTER)
		skafu__series_add(series, value);
	else if (kind == SKAFU__METRIC_GAUGE)
		series->value = value;
	else
		skafu__histogram_observe(series->histogram, value, 1, watch->sys.monotonic_ns());
}

static int32_t metric_use(skafu_watch *watch, const char *name, const char *given, uint32_t kind, double value,
			  skafu_error *error)
{
	struct skafu__labels labels;
	struct skafu__series *series = NULL;
	int32_t rc = skafu__watch_check(watch, error);
	if (rc == 0)
		rc = metric_check_use(name, value, kind == SKAFU__METRIC_GAUGE, error);
	if (rc == 0)
		rc = skafu__labels_read(given, &labels, error);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&watch->lock);
	rc = skafu__metrics_enter(&watch->table, name, NULL, kind, &labels, &series, error);
	if (rc == 0)
		metric_take(watch, series, kind, value + 0.0); /* -0 becomes 0 */
	pthread_mutex_unlock(&watch->lock);
	return rc;
}

int32_t skafu_metric_add(skafu_watch *watch, const char *name, const char *labels, double amount, skafu_error *error)
{
	return metric_use(watch, name, labels, SKAFU__METRIC_COUNTER, amount, error);
}

int32_t skafu_metric_set(skafu_watch *watch, const char *name, const char *labels, double value, skafu_error *error)
{
	return metric_use(watch, name, labels, SKAFU__METRIC_GAUGE, value, error);
}

int32_t skafu_metric_observe(skafu_watch *watch, const char *name, const char *labels, double value,
			     skafu_error *error)
{
	return metric_use(watch, name, labels, SKAFU__METRIC_HISTOGRAM, value, error);
}

/* ---- one figure ---------------------------------------------------------------------------------------------- */

static int32_t metric_look(skafu_watch *watch, const char *name, const struct skafu__labels *labels,
			   uint32_t statistic, double *out_value, skafu_error *error)
{
	double value = 0;
	pthread_mutex_lock(&watch->lock);
	const struct skafu__series *series = skafu__metrics_find(&watch->table, name, labels);
	int found = series && skafu__series_figure(series, statistic, watch->sys.monotonic_ns(), &value);
	pthread_mutex_unlock(&watch->lock);
	if (!series)
		return skafu__fail(error, SKAFU_ENOTFOUND, "there is no series %s{%s} yet", name, labels->text);
	if (!found)
		return skafu__fail(error, SKAFU_ENOTFOUND, "the series %s{%s} has no such figure now", name,
				   labels->text);
	*out_value = value;
	return 0;
}

int32_t skafu_metric_get(skafu_watch *watch, const char *name, const char *labels, uint32_t statistic,
			 double *out_value, skafu_error *error)
{
	struct skafu__labels read;
	int32_t rc = skafu__watch_check(watch, error);
	if (rc == 0)
		rc = metric_check_name(name, error);
	if (rc == 0 && (statistic < SKAFU_METRIC_VALUE || statistic > SKAFU_METRIC_P99))
		rc = skafu__fail(error, SKAFU_EINVAL, "the statistic is %u; use one of SKAFU_METRIC_", statistic);
	if (rc == 0 && !out_value)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_value is NULL; give a place for the figure");
	if (rc == 0)
		rc = skafu__labels_read(labels, &read, error);
	return rc ? rc : metric_look(watch, name, &read, statistic, out_value, error);
}

/* ---- exports ------------------------------------------------------------------------------------------------- */

/* All figures of one moment, sorted. */
static int32_t metric_copy(skafu_watch *watch, struct skafu__copy *copy)
{
	int taken = 0;
	skafu__watch_gather(watch);
	while (!taken) {
		pthread_mutex_lock(&watch->lock);
		size_t room = watch->table.count;
		pthread_mutex_unlock(&watch->lock);
		if (skafu__copy_make(copy, &watch->sys, room) != 0)
			return SKAFU_ENOMEM;
		pthread_mutex_lock(&watch->lock);
		taken = skafu__copy_take(copy, &watch->table);
		pthread_mutex_unlock(&watch->lock);
	}
	skafu__copy_sort(copy);
	return 0;
}

struct metric_export {
	struct skafu__buf text;
	struct skafu__buf values;
	struct skafu__copy copy;
};

typedef void (*metric_write_fn)(skafu_watch *watch, struct metric_export *export_);

static void metric_write_prometheus(skafu_watch *watch, struct metric_export *export_)
{
	(void)watch;
	skafu__prometheus_write(&export_->text, &export_->copy);
}

static void metric_write_otlp(skafu_watch *watch, struct metric_export *export_)
{
	skafu__otlp_metrics(&export_->text, &export_->values, &export_->copy, watch->service, watch->begin_ns,
			    watch->sys.wall_ns());
}

static int32_t metric_text(skafu_watch *watch, metric_write_fn put, struct metric_export *export_,
			   skafu_error *error)
{
	if (metric_copy(watch, &export_->copy) != 0)
		return skafu__fail_memory(error);
	put(watch, export_);
	skafu__buf_put_u8(&export_->text, '\0');
	if (export_->text.failed == SKAFU_ELIMIT)
		return skafu__fail(error, SKAFU_ELIMIT, "the metrics take more than %u bytes; open the watch with a "
				   "smaller series_max", METRIC_EXPORT_BYTES_MAX);
	return export_->text.failed || export_->values.failed ? skafu__fail_memory(error) : 0;
}

/* The text comes from where skafu_text_free() gives it back to. */
static int32_t metric_export_as(skafu_watch *watch, metric_write_fn put, char **out_text, size_t *out_length,
				skafu_error *error)
{
	struct metric_export export_ = {0};
	int32_t rc = skafu__watch_check(watch, error);
	if (rc == 0 && (!out_text || !out_length))
		rc = skafu__fail(error, SKAFU_EINVAL, "a place for the text or its length is NULL; give both");
	if (rc != 0)
		return rc;
	skafu__buf_init(&export_.text, skafu__sys_current(), METRIC_EXPORT_BYTES_MAX);
	skafu__buf_init(&export_.values, &watch->sys, SKAFU__LABELS_BYTES_MAX);
	rc = metric_text(watch, put, &export_, error);
	skafu__copy_done(&export_.copy, &watch->sys);
	skafu__buf_done(&export_.values);
	if (rc != 0) {
		skafu__buf_done(&export_.text);
		return rc;
	}
	*out_text = (char *)export_.text.bytes;
	*out_length = export_.text.length - 1;
	return 0;
}

int32_t skafu_metrics_prometheus(skafu_watch *watch, char **out_text, size_t *out_length, skafu_error *error)
{
	return metric_export_as(watch, metric_write_prometheus, out_text, out_length, error);
}

int32_t skafu_metrics_otlp(skafu_watch *watch, char **out_text, size_t *out_length, skafu_error *error)
{
	return metric_export_as(watch, metric_write_otlp, out_text, out_length, error);
}

#include "watch/series.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "codec/hash.h"
#include "skafu_watch.h"

static const char *const series_kinds[] = {"nothing", "counter", "gauge", "histogram"};

static uint64_t series_hash(const void *key, const void *bytes, size_t length)
{
	return skafu__hash64(key, bytes, length);
}

void skafu__metrics_init(struct skafu__metrics *table, const struct skafu__sys *sys, uint32_t series_max,
		       const uint8_t *hash_key)
{
	memset(table, 0, sizeof *table);
	table->sys = sys;
	table->series_max = series_max;
	skafu__map_init(&table->families, sys, SIZE_MAX, 0);
	skafu__map_init(&table->series, sys, SIZE_MAX, 0);
	skafu__map_set_hash(&table->families, series_hash, hash_key);
	skafu__map_set_hash(&table->series, series_hash, hash_key);
}

static void series_free_family(const struct skafu__sys *sys, struct skafu__family *family)
{
	while (family->first) {
		struct skafu__series *series = family->first;
		family->first = series->next;
		skafu__free(sys, series->histogram);
		skafu__free(sys, series);
	}
	skafu__free(sys, family);
}

void skafu__metrics_done(struct skafu__metrics *table)
{
	while (table->first) {
		struct skafu__family *family = table->first;
		table->first = family->next;
		series_free_family(table->sys, family);
	}
	skafu__map_done(&table->families);
	skafu__map_done(&table->series);
}

/* ---- finding ------------------------------------------------------------------------------------------------- */

static struct skafu__family *series_family(const struct skafu__metrics *table, const char *name, size_t length)
{
	const uint64_t *found = skafu__map_find(&table->families, name, length);
	return found ? (struct skafu__family *)(uintptr_t)*found : NULL;
}

struct skafu__family *skafu__metrics_family(const struct skafu__metrics *table, const char *name)
{
	return series_family(table, name, strlen(name));
}

struct series_key {
	uint8_t bytes[8 + SKAFU__LABELS_BYTES_MAX];
	size_t length;
};

static void series_make_key(struct series_key *key, const struct skafu__family *family,
			    const struct skafu__labels *labels)
{
	memcpy(key->bytes, &family, sizeof family);
	memcpy(key->bytes + sizeof family, labels->text, labels->length);
	key->length = sizeof family + labels->length;
}

static struct skafu__series *series_find(const struct skafu__metrics *table, const struct skafu__family *family,
					 const struct skafu__labels *labels)
{
	struct series_key key;
	series_make_key(&key, family, labels);
	const uint64_t *found = skafu__map_find(&table->series, key.bytes, key.length);
	return found ? (struct skafu__series *)(uintptr_t)*found : NULL;
}

struct skafu__series *skafu__metrics_find(const struct skafu__metrics *table, const char *name,
					const struct skafu__labels *labels)
{
	const struct skafu__family *family = skafu__metrics_family(table, name);
	return family ? series_find(table, family, labels) : NULL;
}

/* ---- making -------------------------------------------------------------------------------------------------- */

static const char *const series_suffixes[] = {"_bucket", "_count", "_sum"};

/* A histogram is exported under three names of its own, which nothing else may have. */
static int series_collides(const struct skafu__metrics *table, const char *name, uint32_t kind)
{
	char longer[SKAFU__METRIC_NAME_BYTES_MAX + 8];
	size_t length = strlen(name);
	for (size_t i = 0; i < sizeof series_suffixes / sizeof *series_suffixes; i++) {
		size_t suffix = strlen(series_suffixes[i]);
		memcpy(longer, name, length);
		memcpy(longer + length, series_suffixes[i], suffix);
		if (kind == SKAFU__METRIC_HISTOGRAM && series_family(table, longer, length + suffix))
			return 1;
		if (length <= suffix || memcmp(name + length - suffix, series_suffixes[i], suffix) != 0)
			continue;
		const struct skafu__family *stem = series_family(table, name, length - suffix);
		if (stem && stem->kind == SKAFU__METRIC_HISTOGRAM)
			return 1;
	}
	return 0;
}

static struct skafu__series *series_make(const struct skafu__metrics *table, const struct skafu__family *family,
					 const struct skafu__labels *labels)
{
	struct skafu__series *series =
		family ? skafu__alloc(table->sys, sizeof *series + labels->length + 1) : NULL;
	if (!series)
		return NULL;
	memset(series, 0, sizeof *series);
	series->family = family;
	series->labels_length = (uint16_t)labels->length;
	memcpy(series->labels, labels->text, labels->length + 1);
	series->has_at_step = family->kind != SKAFU__METRIC_GAUGE; /* others begin at 0 */
	if (family->kind != SKAFU__METRIC_HISTOGRAM)
		return series;
	series->histogram = skafu__alloc(table->sys, sizeof *series->histogram);
	if (!series->histogram) {
		skafu__free(table->sys, series);
		return NULL;
	}
	skafu__histogram_init(series->histogram, skafu__histogram_bounds(family->name));
	return series;
}

static struct skafu__family *series_make_family(const struct skafu__metrics *table, const char *name,
						const char *help, uint32_t kind)
{
	size_t length = strlen(name);
	struct skafu__family *family = skafu__alloc(table->sys, sizeof *family + length + 1);
	if (!family)
		return NULL;
	*family = (struct skafu__family){.help = help, .kind = kind, .name = (char *)(family + 1)};
	memcpy(family + 1, name, length + 1);
	return family;
}

/* The family is of the table, or new and then becomes part of it with its first series. */
static struct skafu__series *series_enter(struct skafu__metrics *table, struct skafu__family *family,
					  const struct skafu__labels *labels)
{
	struct series_key key;
	struct skafu__series *series = series_make(table, family, labels);
	if (!series)
		return NULL;
	series_make_key(&key, family, labels);
	if (skafu__map_insert(&table->series, key.bytes, key.length, (uintptr_t)series) < 0) {
		skafu__free(table->sys, series->histogram);
		skafu__free(table->sys, series);
		return NULL;
	}
	if (family->last)
		family->last->next = series;
	else
		family->first = series;
	family->last = series;
	family->count++;
	table->count++;
	return series;
}

static int32_t series_enter_new_family(struct skafu__metrics *table, const char *name, const char *help,
				       uint32_t kind, const struct skafu__labels *labels,
				       struct skafu__series **out)
{
	struct skafu__family *family = series_make_family(table, name, help, kind);
	if (!family)
		return SKAFU_ENOMEM;
	if (skafu__map_insert(&table->families, name, strlen(name), (uintptr_t)family) < 0) {
		skafu__free(table->sys, family);
		return SKAFU_ENOMEM;
	}
	*out = series_enter(table, family, labels);
	if (!*out) {
		skafu__map_remove(&table->families, name, strlen(name));
		skafu__free(table->sys, family);
		return SKAFU_ENOMEM;
	}
	family->next = table->first;
	table->first = family;
	table->family_count++;
	return 0;
}

static int32_t series_check_kind(const struct skafu__metrics *table, const struct skafu__family *family,
				 const char *name, uint32_t kind, skafu_error *error)
{
	if (family && family->kind != kind)
		return skafu__fail(error, SKAFU_EDEFINITION, "the metric %s is a %s, so it cannot be used as a %s",
				   name, series_kinds[family->kind], series_kinds[kind]);
	if (!family && series_collides(table, name, kind))
		return skafu__fail(error, SKAFU_EDEFINITION, "the metric %s cannot be told from what a histogram "
				   "exports; use another name", name);
	return 0;
}

int32_t skafu__metrics_enter(struct skafu__metrics *table, const char *name, const char *help, uint32_t kind,
			   const struct skafu__labels *labels, struct skafu__series **out, skafu_error *error)
{
	struct skafu__family *family = skafu__metrics_family(table, name);
	int32_t rc = series_check_kind(table, family, name, kind, error);
	if (rc != 0)
		return rc;
	struct skafu__series *series = family ? series_find(table, family, labels) : NULL;
	if (!series && table->count >= table->series_max) {
		table->dropped += 1;
		return skafu__fail(error, SKAFU_ELIMIT, "the watch has %u series, which is the most it takes; use "
				   "fewer labels, or open it with a larger series_max", table->count);
	}
	if (!series && family)
		series = series_enter(table, family, labels);
	else if (!series)
		series_enter_new_family(table, name, help, kind, labels, &series);
	if (!series)
		return skafu__fail_memory(error);
	*out = series;
	return 0;
}

/* ---- figures ------------------------------------------------------------------------------------------------- */

void skafu__series_add(struct skafu__series *series, double amount)
{
	series->value += amount;
	if (series->value > DBL_MAX)
		series->value = DBL_MAX;
}

static double series_value(const struct skafu__series *series)
{
	return series->histogram ? (double)series->histogram->count : series->value;
}

int skafu__series_figure(const struct skafu__series *series, uint32_t statistic, int64_t now_ns, double *out)
{
	static const double shares[] = {0.5, 0.95, 0.99};
	if (statistic == SKAFU_METRIC_VALUE) {
		*out = series_value(series);
		return 1;
	}
	if (statistic == SKAFU_METRIC_RATE) {
		if (series->has_rate)
			*out = series->rate;
		return series->has_rate;
	}
	if (!series->histogram)
		return 0;
	return skafu__histogram_quantile(series->histogram, shares[statistic - SKAFU_METRIC_P50], now_ns, out);
}

static void series_step(struct skafu__series *series, double seconds)
{
	double value = series_value(series);
	if (series->has_at_step) {
		series->rate = (value - series->at_step) / seconds;
		series->has_rate = 1;
	}
	series->at_step = value;
	series->has_at_step = 1;
}

void skafu__metrics_step(struct skafu__metrics *table, double seconds)
{
	for (struct skafu__family *family = table->first; family; family = family->next)
		for (struct skafu__series *series = family->first; series; series = series->next)
			series_step(series, seconds);
}

/* ---- a copy of all ------------------------------------------------------------------------------------------- */

int32_t skafu__copy_make(struct skafu__copy *copy, const struct skafu__sys *sys, size_t room)
{
	skafu__copy_done(copy, sys);
	copy->each = skafu__alloc_zeroed(sys, room ? room : 1, sizeof *copy->each);
	copy->room = room;
	copy->count = 0;
	return copy->each ? 0 : SKAFU_ENOMEM;
}

static void series_copy(const struct skafu__series *series, struct skafu__copied *out)
{
	out->series = series;
	out->value = series->value;
	if (!series->histogram)
		return;
	out->sum = series->histogram->sum;
	out->count = series->histogram->count;
	memcpy(out->counts, series->histogram->counts, sizeof out->counts);
}

int skafu__copy_take(struct skafu__copy *copy, const struct skafu__metrics *table)
{
	if (table->count > copy->room)
		return 0;
	copy->count = 0;
	for (const struct skafu__family *family = table->first; family; family = family->next)
		for (const struct skafu__series *series = family->first; series; series = series->next)
			series_copy(series, &copy->each[copy->count++]);
	return 1;
}

static int series_compare(const void *a, const void *b)
{
	const struct skafu__series *left = ((const struct skafu__copied *)a)->series;
	const struct skafu__series *right = ((const struct skafu__copied *)b)->series;
	int order = left->family == right->family ? 0 : strcmp(left->family->name, right->family->name);
	return order ? order : strcmp(left->labels, right->labels);
}

void skafu__copy_sort(struct skafu__copy *copy)
{
	qsort(copy->each, copy->count, sizeof *copy->each, series_compare);
}

void skafu__copy_done(struct skafu__copy *copy, const struct skafu__sys *sys)
{
	skafu__free(sys, copy->each);
	memset(copy, 0, sizeof *copy);
}

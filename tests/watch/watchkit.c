#include "watch/watchkit.h"

#include <stdlib.h>
#include <string.h>

#include "base/sys.h"

_Atomic int64_t kit_now_ns;
static _Atomic long kit_fails_from;
_Atomic long kit_blocks;
static _Atomic long kit_calls;

static struct skafu__sys kit_sys;

static int64_t kit_monotonic(void)
{
	return kit_now_ns;
}

static int64_t kit_wall(void)
{
	return KIT_WALL_BEGIN + kit_now_ns;
}

static int kit_fails(void)
{
	long from = kit_fails_from;

	return from != 0 && ++kit_calls >= from;
}

void kit_memory_fails(long from)
{
	kit_calls = 0;
	kit_fails_from = from;
}

static void *kit_allocate(void *user, size_t bytes)
{
	void *block = kit_fails() ? NULL : malloc(bytes);

	(void)user;
	kit_blocks += block != NULL;
	return block;
}

static void *kit_reallocate(void *user, void *block, size_t bytes)
{
	void *grown = kit_fails() ? NULL : realloc(block, bytes);

	(void)user;
	kit_blocks += grown && !block;
	return grown;
}

static void kit_release(void *user, void *block)
{
	(void)user;
	kit_blocks -= block != NULL;
	free(block);
}

void kit_clock_install(void)
{
	skafu__sys_override(NULL);
	kit_sys = *skafu__sys_current();
	kit_sys.wall_ns = kit_wall;
	kit_sys.wall_tick_ns = kit_wall;
	kit_sys.monotonic_ns = kit_monotonic;
	kit_sys.allocate = kit_allocate;
	kit_sys.reallocate = kit_reallocate;
	kit_sys.release = kit_release;
	skafu__sys_override(&kit_sys);
	kit_now_ns = 1000 * KIT_SECOND;
	kit_memory_fails(0);
}

void kit_open(struct watchkit *kit, const skafu_watch_opts *opts)
{
	kit_clock_install();
	kit->store = memory_store();
	went(skafu_watch_open(kit->store, opts, &kit->watch, fault));
}

void kit_close(struct watchkit *kit)
{
	skafu_watch_close(kit->watch);
	skafu_store_close(kit->store);
	skafu__sys_override(NULL);
}

void kit_step(struct watchkit *kit, int64_t seconds)
{
	kit_now_ns += seconds * KIT_SECOND;
	went(skafu_watch_step(kit->watch, NULL, fault));
}

double kit_figure(const struct watchkit *kit, const char *name, const char *labels, uint32_t statistic)
{
	double value = -1;

	went(skafu_metric_get(kit->watch, name, labels, statistic, &value, fault));
	return value;
}

char *kit_prometheus(const struct watchkit *kit)
{
	char *text = NULL;
	size_t length = 0;

	went(skafu_metrics_prometheus(kit->watch, &text, &length, fault));
	ck_assert_uint_eq(strlen(text), length);
	return text;
}

char *kit_otlp(const struct watchkit *kit)
{
	char *text = NULL;
	size_t length = 0;

	went(skafu_metrics_otlp(kit->watch, &text, &length, fault));
	ck_assert_uint_eq(strlen(text), length);
	return text;
}

char *kit_spans(const struct watchkit *kit, int32_t expected)
{
	char *text = NULL;
	size_t length = 0;

	ck_assert_int_eq(skafu_spans_take(kit->watch, 100000, &text, &length, fault), expected);
	ck_assert((text != NULL) == (expected != 0));
	return text;
}

void kit_report(const struct watchkit *kit, const struct skafu__probe_event *event)
{
	skafu__probe_tell(&kit->store->probe, event);
}

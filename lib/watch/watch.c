#include "watch/watch.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "store/store.h"
#include "watch/sink.h"

#define WATCH_SERIES_MAX 4096u
#define WATCH_SPANS_MAX 4096u
#define WATCH_STEP_NS INT64_C(1000000000)
#define WATCH_SECOND_NS 1e9
#define WATCH_SERVICE_BYTES_MAX 255u

static void watch_notify(void *user, const struct skafu__probe_event *event)
{
	skafu_watch *watch = user;
	pthread_mutex_lock(&watch->lock);
	skafu__facts_take(&watch->facts, event, watch->sys.monotonic_ns());
	pthread_mutex_unlock(&watch->lock);
	skafu__spans_of(&watch->spans, event);
}

int32_t skafu__watch_check(const skafu_watch *watch, skafu_error *error)
{
	if (!watch)
		return skafu__fail(error, SKAFU_EINVAL, "the watch is NULL");
	if (watch->fork_mark != skafu__fork_mark())
		return skafu__fail(error, SKAFU_EFORK, "the watch was opened before a fork; open the store and a "
				   "watch again in this process");
	if (atomic_load(&watch->is_telling) && pthread_equal(watch->teller, pthread_self()))
		return skafu__fail(error, SKAFU_EMISUSE, "a sink of an alarm called the watch; do it after the step");
	return 0;
}

/* ---- open and close ------------------------------------------------------------------------------------------ */

static int32_t watch_read_opts(const skafu_watch_opts *given, skafu_watch_opts *out, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__opts_read(out, sizeof *out, given, "skafu_watch_opts", error);
	if (rc == 0 && out->unsampled_percent > 100)
		rc = skafu__fail(error, SKAFU_EINVAL, "unsampled_percent is %u; at most 100", out->unsampled_percent);
	if (rc == 0 && out->series_max > 1000000)
		rc = skafu__fail(error, SKAFU_EINVAL, "series_max is %u; at most 1,000,000", out->series_max);
	if (rc == 0 && out->spans_max > 1000000)
		rc = skafu__fail(error, SKAFU_EINVAL, "spans_max is %u; at most 1,000,000", out->spans_max);
	if (rc == 0 && out->service)
		rc = skafu__name_measure(out->service, WATCH_SERVICE_BYTES_MAX, "name of the service", &length,
					 error);
	if (rc != 0)
		return rc;
	out->series_max = out->series_max ? out->series_max : WATCH_SERIES_MAX;
	out->spans_max = out->spans_max ? out->spans_max : WATCH_SPANS_MAX;
	out->service = out->service ? out->service : "skafu";
	return 0;
}

static skafu_watch *watch_make(skafu_store *store, const skafu_watch_opts *opts)
{
	skafu_watch *watch = skafu__alloc_zeroed(&store->sys, 1, sizeof *watch);
	if (!watch)
		return NULL;
	watch->sys = store->sys;
	watch->store = store;
	watch->service = skafu__strdup(&watch->sys, opts->service);
	if (!watch->service) {
		skafu__free(&store->sys, watch);
		return NULL;
	}
	atomic_init(&watch->references, 1u);
	watch->fork_mark = skafu__fork_mark();
	memcpy(watch->hash_key, store->format.hash_key, sizeof watch->hash_key);
	pthread_mutex_init(&watch->lock, NULL);
	skafu__metrics_init(&watch->table, &watch->sys, opts->series_max, watch->hash_key);
	skafu__facts_init(&watch->facts, &watch->table, watch->hash_key);
	skafu__alarms_init(&watch->alarms, &watch->sys);
	skafu__spans_init(&watch->spans, &watch->sys, opts->spans_max, opts->unsampled_percent);
	watch->begin_ns = watch->sys.wall_ns();
	watch->stepped_ns = watch->sys.monotonic_ns();
	return watch;
}

static void watch_destroy(skafu_watch *watch)
{
	struct skafu__sys sys = watch->sys;
	skafu__sinks_done(watch);
	skafu__alarms_done(&watch->alarms);
	skafu__facts_done(&watch->facts);
	skafu__metrics_done(&watch->table);
	skafu__spans_done(&watch->spans);
	pthread_mutex_destroy(&watch->lock);
	skafu__free(&sys, watch->service);
	skafu__free(&sys, watch);
}

void skafu__watch_hold(skafu_watch *watch)
{
	atomic_fetch_add(&watch->references, 1u);
}

void skafu__watch_release(skafu_watch *watch)
{
	if (atomic_fetch_sub(&watch->references, 1u) != 1)
		return;
	skafu_store *store = watch->store;
	watch_destroy(watch);
	skafu__store_release(store);
}

int32_t skafu_watch_open(skafu_store *store, const skafu_watch_opts *opts, skafu_watch **out_watch,
			 skafu_error *error)
{
	skafu_watch_opts known;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = watch_read_opts(opts, &known, error);
	if (rc == 0 && !out_watch)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_watch is NULL; give a place for the watch");
	if (rc != 0)
		return rc;
	skafu_watch *watch = watch_make(store, &known);
	if (!watch)
		return skafu__fail_memory(error);
	skafu__store_hold(store);
	skafu__watch_gather(watch); /* its own series come first, so that they have room */
	rc = skafu__probe_listen(&store->probe, watch_notify, watch);
	if (rc != 0) {
		skafu__watch_release(watch);
		return skafu__fail(error, rc, rc == SKAFU_EEXISTS ? "the store has a watch in this process already"
								   : "too many listen to the store");
	}
	*out_watch = watch;
	return 0;
}

void skafu_watch_close(skafu_watch *watch)
{
	if (!watch || watch->fork_mark != skafu__fork_mark() || atomic_exchange(&watch->is_closed, 1u))
		return;
	skafu__probe_leave(&watch->store->probe, watch_notify);
	skafu__watch_release(watch);
}

/* ---- the step ------------------------------------------------------------------------------------------------ */

void skafu__watch_gather(skafu_watch *watch)
{
	skafu_store_stats stats = {.size = sizeof stats};
	struct skafu__standing standing = {.spans_dropped = (double)skafu__spans_lost(&watch->spans)};
	if (skafu_store_stats_get(watch->store, &stats, NULL) == 0)
		standing.stats = &stats;
	pthread_mutex_lock(&watch->lock);
	standing.alarms_raised = watch->alarms.raised;
	skafu__facts_standing(&watch->facts, &standing);
	pthread_mutex_unlock(&watch->lock);
}

/* 1 when the step is due and this thread takes it, 0 when it is not; *out_wait_ns then says how long. */
static int32_t watch_begin_step(skafu_watch *watch, uint64_t *out_wait_ns, skafu_error *error)
{
	int32_t rc = 1;
	pthread_mutex_lock(&watch->lock);
	int64_t past = watch->sys.monotonic_ns() - watch->stepped_ns;
	*out_wait_ns = past < WATCH_STEP_NS ? (uint64_t)(WATCH_STEP_NS - past) : (uint64_t)WATCH_STEP_NS;
	if (watch->is_stepping)
		rc = skafu__fail(error, SKAFU_EMISUSE, "another thread is in skafu_watch_step() with this watch");
	else if (past < WATCH_STEP_NS)
		rc = 0;
	else
		watch->is_stepping = 1;
	pthread_mutex_unlock(&watch->lock);
	return rc;
}

static void watch_end_step(void *arg)
{
	skafu_watch *watch = arg;
	pthread_mutex_lock(&watch->lock);
	watch->is_stepping = 0;
	pthread_mutex_unlock(&watch->lock);
	skafu__watch_release(watch);
}

static int32_t watch_judge(skafu_watch *watch, skafu_error *error)
{
	int64_t wall_ns = watch->sys.wall_ns();
	pthread_mutex_lock(&watch->lock);
	int64_t now_ns = watch->sys.monotonic_ns();
	skafu__metrics_step(&watch->table, (double)(now_ns - watch->stepped_ns) / WATCH_SECOND_NS);
	watch->stepped_ns = now_ns;
	int32_t rc = skafu__alarms_judge(&watch->alarms, &watch->table, now_ns, wall_ns);
	pthread_mutex_unlock(&watch->lock);
	return rc == 0 ? 0 : skafu__fail_memory(error);
}

/* The host may close its handle inside, so the watch is held; a sink may end the thread. */
static int32_t watch_step(skafu_watch *watch, skafu_error *error)
{
	int32_t rc;
	skafu__watch_hold(watch);
	pthread_cleanup_push(watch_end_step, watch);
	skafu__watch_gather(watch);
	rc = watch_judge(watch, error);
	skafu__sinks_tell(watch);
	pthread_cleanup_pop(1);
	return rc;
}

int32_t skafu_watch_step(skafu_watch *watch, uint64_t *out_wait_ns, skafu_error *error)
{
	uint64_t wait_ns = 0;
	int32_t rc = skafu__watch_check(watch, error);
	if (rc == 0)
		rc = watch_begin_step(watch, &wait_ns, error);
	if (rc == 1)
		rc = watch_step(watch, error);
	if (rc == 0 && out_wait_ns)
		*out_wait_ns = wait_ns;
	return rc;
}

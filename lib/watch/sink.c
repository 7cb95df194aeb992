#include "watch/sink.h"

#include "base/error.h"

struct skafu__sink {
	struct skafu__sink *next;
	skafu_alarm_fn fn;
	void *user;
	skafu_free_fn free_user;
};

static int32_t sink_add(skafu_watch *watch, const struct skafu__sink *given, skafu_error *error)
{
	struct skafu__sink *sink = skafu__alloc(&watch->sys, sizeof *sink);
	if (!sink)
		return skafu__fail_memory(error);
	*sink = *given;
	pthread_mutex_lock(&watch->lock);
	int is_room = watch->sink_count < SKAFU__ALARM_SINKS_MAX;
	if (is_room) {
		if (watch->last_sink)
			watch->last_sink->next = sink;
		else
			watch->first_sink = sink;
		watch->last_sink = sink;
		watch->sink_count++;
	}
	pthread_mutex_unlock(&watch->lock);
	if (is_room)
		return 0;
	skafu__free(&watch->sys, sink);
	return skafu__fail(error, SKAFU_ELIMIT, "the watch has %u sinks already, which is the most it takes",
			   SKAFU__ALARM_SINKS_MAX);
}

int32_t skafu_alarm_add_sink(skafu_watch *watch, skafu_alarm_fn fn, void *user, skafu_free_fn free_user,
			     skafu_error *error)
{
	const struct skafu__sink sink = {NULL, fn, user, free_user};
	int32_t rc = skafu__watch_check(watch, error);
	if (rc == 0 && !fn)
		rc = skafu__fail(error, SKAFU_EINVAL, "the function of the sink is NULL");
	if (rc == 0)
		rc = sink_add(watch, &sink, error);
	if (rc != 0 && free_user)
		free_user(user);
	return rc;
}

void skafu__sinks_done(skafu_watch *watch)
{
	while (watch->first_sink) {
		struct skafu__sink *sink = watch->first_sink;
		watch->first_sink = sink->next;
		if (sink->free_user)
			sink->free_user(sink->user);
		skafu__free(&watch->sys, sink);
	}
}

/* ---- telling ------------------------------------------------------------------------------------------------- */

static const struct skafu__sink *sink_after(skafu_watch *watch, const struct skafu__sink *sink)
{
	pthread_mutex_lock(&watch->lock);
	const struct skafu__sink *next = sink ? sink->next : watch->first_sink;
	pthread_mutex_unlock(&watch->lock);
	return next;
}

static void sink_told(void *arg)
{
	skafu_watch *watch = arg;
	atomic_store(&watch->is_telling, 0u);
}

static void sink_tell(skafu_watch *watch, const skafu_alarm_info *info)
{
	watch->teller = pthread_self();
	atomic_store(&watch->is_telling, 1u);
	pthread_cleanup_push(sink_told, watch);
	for (const struct skafu__sink *sink = sink_after(watch, NULL); sink; sink = sink_after(watch, sink))
		sink->fn(sink->user, info);
	pthread_cleanup_pop(1);
}

static int sink_next_change(skafu_watch *watch, struct skafu__change *out)
{
	pthread_mutex_lock(&watch->lock);
	int there_is = skafu__alarms_next_change(&watch->alarms, out);
	pthread_mutex_unlock(&watch->lock);
	return there_is;
}

void skafu__sinks_tell(skafu_watch *watch)
{
	struct skafu__change change;
	while (sink_next_change(watch, &change))
		sink_tell(watch, &change.info);
}

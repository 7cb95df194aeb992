/*
 * probe.h: the points where lower layers report what they do; nobody pays until somebody listens.
 *
 * A set of probes belongs to one store.  The listener is one function, set before use; it is called in the thread
 * that did the work, must be quick, and must not call the library.
 */
#ifndef SKAFU__BASE_PROBE_H
#define SKAFU__BASE_PROBE_H

#include <stdint.h>

enum skafu__probe_kind {
	SKAFU__PROBE_COMMIT = 1, /* value: nanoseconds of one flush; count: records */
	SKAFU__PROBE_REFUSED,    /* value: the code, negated; count: 1 */
	SKAFU__PROBE_FOLD,       /* value: nanoseconds under the lock; count: records */
	SKAFU__PROBE_MERGE,      /* value: nanoseconds; count: entries */
	SKAFU__PROBE_DELIVERED,  /* value: nanoseconds from recorded to delivered; count: records; name: consumer */
	SKAFU__PROBE_HANDLED,    /* value: nanoseconds in the handler; count: records; name: consumer */
	SKAFU__PROBE_FAILED      /* value: the code, negated; count: 1; name: consumer */
};

struct skafu__probe_event {
	uint32_t kind;
	uint32_t reserved;
	uint64_t count;
	int64_t value;
	const char *name; /* borrowed, may be NULL */
};

typedef void (*skafu__probe_fn)(void *user, const struct skafu__probe_event *event);

struct skafu__probe {
	skafu__probe_fn notify; /* NULL: nobody listens */
	void *user;
};

static inline void skafu__probe_report(const struct skafu__probe *probe, uint32_t kind, uint64_t count, int64_t value,
				       const char *name)
{
	if (!probe->notify)
		return;
	struct skafu__probe_event event = {.kind = kind, .count = count, .value = value, .name = name};
	probe->notify(probe->user, &event);
}

#endif

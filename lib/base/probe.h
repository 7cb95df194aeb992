/*
 * probe.h: the points where the layers report what they do; nobody pays until somebody listens.
 *
 * A set of probes belongs to one store and has room for a few listeners.  A listener is a function that is called in
 * the thread that did the work, often inside of locks of the store: it must be quick, and must not call the library.
 *
 * Invariant: after skafu__probe_leave() has returned, the listener is not running and will not be called again.  A
 * report without listeners is one load of a word that never changes.
 */
#ifndef SKAFU__BASE_PROBE_H
#define SKAFU__BASE_PROBE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SKAFU__PROBE_LISTENERS 4u

/* What is said of each kind; members that are not named are 0 or NULL.  Names are those of the store (255 bytes of
 * UTF-8 at most) and may be NULL. */
enum skafu__probe_kind {
	SKAFU__PROBE_COMMIT = 1, /* value: nanoseconds of one flush; count: commits in it */
	SKAFU__PROBE_REFUSED,    /* value: the code, negated; count: 1 */
	SKAFU__PROBE_FOLD,       /* value: nanoseconds under the lock; count: records */
	SKAFU__PROBE_MERGE,      /* value: nanoseconds; count: entries */
	SKAFU__PROBE_DELIVERED,  /* value: nanoseconds from recorded to delivered; count: records; name: consumer */
	/* value: nanoseconds in the handler; count: records; name: consumer; domain: of the consumer; from: of the
	 * record; when it was one record also subject, times, emitted */
	SKAFU__PROBE_HANDLED,
	/* value: the code, negated; count: 1; name: consumer; domain, from, subject, times; text: what the handler
	 * said */
	SKAFU__PROBE_FAILED,
	/* count: records alike; record_kind, severity; domain: their source; value: of an error, nanoseconds from
	 * when it happened to recorded */
	SKAFU__PROBE_PUBLISHED,
	/* value: nanoseconds from an event recorded to its effect in another domain recorded; count: effects; from:
	 * domain of the event; domain: of the effect */
	SKAFU__PROBE_CROSS_DOMAIN,
	SKAFU__PROBE_DEAD_LETTER, /* count: 1; value: the code, negated; name: consumer; domain, from */
	SKAFU__PROBE_LAG,         /* value: records that a consumer has not seen; name: consumer */
	SKAFU__PROBE_REPLAYED,    /* count: records given to handlers; value: of these, failed */
	SKAFU__PROBE_REPLAY_DONE, /* a session came to its end; value: 0, or the code, negated, of what ended it */
	SKAFU__PROBE_STEP,        /* a step of a process manager, as HANDLED; text: the instance */
	/* value: nanoseconds; count: decisions until no conflict came between; name: type of the command; domain,
	 * decision, code, emitted, times; subject: the command, whose id is the causation of the events; text: code
	 * of the refusal */
	SKAFU__PROBE_EXECUTED,
	SKAFU__PROBE_TIMER /* count: timers fired; value: nanoseconds behind the due time */
};

struct skafu__probe_event {
	uint32_t kind;
	int32_t code; /* 0, or what failed */
	uint64_t count;
	int64_t value;
	const char *name; /* borrowed, like all that follows */
	const char *domain;
	const char *from; /* domain that a record comes from */
	const char *text;
	uint32_t record_kind; /* SKAFU_KIND_ */
	uint32_t severity;    /* SKAFU_SEVERITY_ */
	uint32_t decision;    /* SKAFU_DECISION_ */
	uint32_t attempt;     /* from 1; 0 is the same */
	uint32_t emitted;     /* records that were recorded as an effect */
	/* The subject: the record or command that the work is about. */
	uint32_t metadata_length;
	const uint8_t *id;        /* 16 bytes; NULL: no subject is given */
	const uint8_t *causation; /* 16 bytes or NULL */
	const char *type;
	const char *correlation;
	const uint8_t *metadata;
	uint64_t sequence;
	int64_t recorded_ns; /* on the wall clock; 0: it was not recorded */
	int64_t begin_ns;    /* of the work */
	int64_t end_ns;
};

typedef void (*skafu__probe_fn)(void *user, const struct skafu__probe_event *event);

struct skafu__listener {
	skafu__probe_fn notify;
	void *user;
};

/* All zero is a set without listeners. */
struct skafu__probe {
	_Atomic uint32_t listening; /* bit i: listener i is to be called */
	_Atomic uint32_t inside;    /* threads that are calling listeners */
	struct skafu__listener listeners[SKAFU__PROBE_LISTENERS];
};

/* SKAFU_EEXISTS when this function listens already, SKAFU_ELIMIT when there is no room. */
int32_t skafu__probe_listen(struct skafu__probe *probe, skafu__probe_fn notify, void *user);

/* Not from inside of a listener. */
void skafu__probe_leave(struct skafu__probe *probe, skafu__probe_fn notify);

/* Whether it is worth while to take the time and gather an event. */
static inline int skafu__probe_is_on(struct skafu__probe *probe)
{
	return atomic_load_explicit(&probe->listening, memory_order_relaxed) != 0;
}

/* Call the listeners. */
void skafu__probe_tell(struct skafu__probe *probe, const struct skafu__probe_event *event);

static inline void skafu__probe_report(struct skafu__probe *probe, uint32_t kind, uint64_t count, int64_t value,
				       const char *name)
{
	if (!skafu__probe_is_on(probe))
		return;
	struct skafu__probe_event event = {.kind = kind, .count = count, .value = value, .name = name};
	skafu__probe_tell(probe, &event);
}

#endif

#include "run/errorbus.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/hash.h"
#include "model/model.h"
#include "store/store.h" /* for the log sink and the clock; everything else goes through skafu_store.h */

#define ERRORBUS_WINDOW_NS INT64_C(1000000000)
#define ERRORBUS_RETRY_NS INT64_C(1000000000)
#define ERRORBUS_APPEND_NS UINT64_C(1000000000)
#define ERRORBUS_STORMS 64u
#define ERRORBUS_WAITING_MAX 1024u
#define ERRORBUS_BYTES_MAX ((size_t)4 << 20)
#define ERRORBUS_BATCH 64u

/* Errors that are alike, of the last second or so. */
struct errorbus_storm {
	uint8_t alike[16];
	int64_t began_ns;               /* monotonic; 0: the place is free */
	uint32_t recorded;              /* one by one */
	uint32_t reserved;
	struct skafu__errorrecord_copy *last; /* of those that were only counted, with how many; NULL: none */
};

struct skafu__errorbus {
	skafu_model *model;
	pthread_mutex_t lock;       /* of the members below; held for a few instructions */
	pthread_mutex_t flush_lock; /* one thread appends at a time, so that errors keep their order */
	struct errorbus_storm storms[ERRORBUS_STORMS];
	struct skafu__errorrecord_copy *first;
	struct skafu__errorrecord_copy *last;
	uint32_t waiting;
	uint32_t reserved;
	size_t bytes;
	uint64_t lost;
	int64_t retry_ns; /* monotonic; not before this, after a failure */
};

static void errorbus_flush(struct skafu__errorbus *bus, int64_t now);

/* ---- life ------------------------------------------------------------------------------------------------------ */

static void errorbus_drop(skafu_model *model)
{
	struct skafu__errorbus *bus = model->errorbus;
	errorbus_flush(bus, INT64_MAX); /* storms are over now, whatever the clock says */
	for (size_t i = 0; i < ERRORBUS_STORMS; i++)
		skafu__free(&model->sys, bus->storms[i].last);
	while (bus->first) {
		struct skafu__errorrecord_copy *next = bus->first->next;
		skafu__free(&model->sys, bus->first);
		bus->first = next;
	}
	pthread_mutex_destroy(&bus->lock);
	pthread_mutex_destroy(&bus->flush_lock);
	skafu__free(&model->sys, bus);
	model->errorbus = NULL;
}

static struct skafu__errorbus *errorbus_make(skafu_model *model)
{
	struct skafu__errorbus *bus = skafu__alloc_zeroed(&model->sys, 1, sizeof *bus);
	if (!bus)
		return NULL;
	bus->model = model;
	pthread_mutex_init(&bus->lock, NULL);
	pthread_mutex_init(&bus->flush_lock, NULL);
	return bus;
}

int32_t skafu__errorbus_of(skafu_model *model, struct skafu__errorbus **out, skafu_error *error)
{
	pthread_mutex_lock(&model->lock);
	if (!model->errorbus) {
		model->errorbus = errorbus_make(model);
		model->drop_errorbus = errorbus_drop;
	}
	struct skafu__errorbus *bus = model->errorbus;
	pthread_mutex_unlock(&model->lock);
	if (!bus)
		return skafu__fail_memory(error);
	*out = bus;
	return 0;
}

/* ---- the ring -------------------------------------------------------------------------------------------------- */

/* The lock is held. */
static void errorbus_push(struct skafu__errorbus *bus, struct skafu__errorrecord_copy *copy)
{
	if (bus->waiting >= ERRORBUS_WAITING_MAX || bus->bytes + copy->bytes > ERRORBUS_BYTES_MAX) {
		bus->lost += copy->fields.count > 1 ? copy->fields.count : 1;
		skafu__free(&bus->model->sys, copy);
		return;
	}
	copy->next = NULL;
	if (bus->last)
		bus->last->next = copy;
	else
		bus->first = copy;
	bus->last = copy;
	bus->waiting++;
	bus->bytes += copy->bytes;
}

/* The first ones of the ring are done with: in the log, or given up.  flush_lock is held: nobody else takes out. */
static void errorbus_take(struct skafu__errorbus *bus, uint32_t count, int are_lost)
{
	struct skafu__errorrecord_copy *taken = bus->first, *next;
	pthread_mutex_lock(&bus->lock);
	bus->lost += are_lost ? count : 0;
	for (uint32_t i = 0; i < count; i++) {
		bus->bytes -= bus->first->bytes;
		bus->first = bus->first->next;
	}
	bus->waiting -= count;
	if (!bus->first)
		bus->last = NULL;
	pthread_mutex_unlock(&bus->lock);
	for (uint32_t i = 0; i < count; i++, taken = next) {
		next = taken->next;
		skafu__free(&bus->model->sys, taken);
	}
}

/* ---- storms ---------------------------------------------------------------------------------------------------- */

static void errorbus_alike(const struct skafu__error_fields *fields, uint8_t out[16])
{
	const char *const texts[] = {fields->source, fields->code, fields->service, fields->function};
	struct skafu__part parts[4];
	for (size_t i = 0; i < 4; i++)
		parts[i] = (struct skafu__part){texts[i] ? texts[i] : "", texts[i] ? strlen(texts[i]) : 0};
	skafu__blake2b(out, 16, parts, 4);
	out[0] ^= (uint8_t)fields->severity;
}

/* What was only counted goes into the ring as one.  The lock is held. */
static void errorbus_close_storm(struct skafu__errorbus *bus, struct errorbus_storm *storm)
{
	if (storm->last)
		errorbus_push(bus, storm->last);
	memset(storm, 0, sizeof *storm);
}

/* The storm of alike errors, or the one that is closed to make room.  The lock is held. */
static struct errorbus_storm *errorbus_storm_of(struct skafu__errorbus *bus, const uint8_t alike[16], int64_t now)
{
	struct errorbus_storm *found = NULL, *oldest = &bus->storms[0];
	for (size_t i = 0; i < ERRORBUS_STORMS && !found; i++) {
		struct errorbus_storm *storm = &bus->storms[i];
		if (storm->began_ns != 0 && memcmp(storm->alike, alike, 16) == 0)
			found = storm;
		if (storm->began_ns < oldest->began_ns)
			oldest = storm;
	}
	if (found && now - found->began_ns < ERRORBUS_WINDOW_NS)
		return found;
	struct errorbus_storm *storm = found ? found : oldest;
	errorbus_close_storm(bus, storm);
	memcpy(storm->alike, alike, 16);
	storm->began_ns = now;
	return storm;
}

/* The lock is held.  Without memory for the copy the count goes on with the older one. */
static void errorbus_count(struct skafu__errorbus *bus, struct errorbus_storm *storm,
			   const struct skafu__error_fields *fields)
{
	int64_t now = bus->model->sys.wall_ns();
	uint64_t counted = storm->last ? storm->last->fields.count : 0;
	int64_t first_ns = storm->last ? storm->last->fields.first_ns : now;
	struct skafu__errorrecord_copy *copy = skafu__errorrecord_copy_new(&bus->model->sys, fields);
	if (copy) {
		skafu__free(&bus->model->sys, storm->last);
		storm->last = copy;
	}
	if (!storm->last) {
		bus->lost++;
		return;
	}
	storm->last->fields.count = counted + 1;
	storm->last->fields.first_ns = first_ns;
	storm->last->fields.last_ns = now;
}

int skafu__errorbus_admit(struct skafu__errorbus *bus, const struct skafu__error_fields *fields)
{
	uint8_t alike[16];
	errorbus_alike(fields, alike);
	pthread_mutex_lock(&bus->lock);
	struct errorbus_storm *storm = errorbus_storm_of(bus, alike, bus->model->sys.monotonic_ns());
	int is_admitted = storm->recorded < SKAFU__ERRORBUS_STORM;
	if (is_admitted)
		storm->recorded++;
	else
		errorbus_count(bus, storm, fields);
	pthread_mutex_unlock(&bus->lock);
	return is_admitted;
}

/* ---- into the log ---------------------------------------------------------------------------------------------- */

/* How many of the ring's first errors are in the batch; one that the store would never take is given up. */
static uint32_t errorbus_fill(struct skafu__errorbus *bus, skafu_batch *batch)
{
	struct skafu_error own = {0};
	uint32_t count = 0;
	pthread_mutex_lock(&bus->lock);
	struct skafu__errorrecord_copy *copy = bus->first;
	uint32_t waiting = bus->waiting;
	pthread_mutex_unlock(&bus->lock);
	while (count < waiting && count < ERRORBUS_BATCH) {
		int32_t rc = skafu__errorrecord_add(batch, &bus->model->sys, &copy->fields, &own);
		if (rc != 0 && count == 0 && rc != SKAFU_ENOMEM) {
			skafu__log(&bus->model->store->log, SKAFU_LOG_ERROR, "an error record was refused: %s",
				   own.message);
			errorbus_take(bus, 1, 1);
		}
		if (rc != 0)
			break;
		count++;
		if (count < waiting)
			copy = copy->next;
	}
	return count;
}

/* 1 when there may be more to append, 0 when not, or not now. */
static int errorbus_append(struct skafu__errorbus *bus, skafu_batch *batch)
{
	struct skafu_error own = {0};
	uint32_t before = (uint32_t)skafu__errorbus_waiting(bus);
	uint32_t count = before ? errorbus_fill(bus, batch) : 0;
	if (count == 0)
		return skafu__errorbus_waiting(bus) != 0 && skafu__errorbus_waiting(bus) < before;
	int32_t rc = skafu_append(bus->model->store, batch, ERRORBUS_APPEND_NS, NULL, &own);
	if (rc == 0) {
		errorbus_take(bus, count, 0);
		return skafu__errorbus_waiting(bus) != 0;
	}
	pthread_mutex_lock(&bus->lock);
	bus->retry_ns = bus->model->sys.monotonic_ns() + ERRORBUS_RETRY_NS;
	pthread_mutex_unlock(&bus->lock);
	skafu__log(&bus->model->store->log, SKAFU_LOG_ERROR, "%u errors wait for the log: %s", (unsigned)count,
		   own.message);
	return 0;
}

static void errorbus_close_storms(struct skafu__errorbus *bus, int64_t now)
{
	pthread_mutex_lock(&bus->lock);
	for (size_t i = 0; i < ERRORBUS_STORMS; i++)
		if (bus->storms[i].began_ns != 0 && now - bus->storms[i].began_ns >= ERRORBUS_WINDOW_NS)
			errorbus_close_storm(bus, &bus->storms[i]);
	pthread_mutex_unlock(&bus->lock);
}

static void errorbus_flush_locked(struct skafu__errorbus *bus)
{
	skafu_batch *batch = NULL;
	int goes_on = skafu__model_take_batch(bus->model, &batch, NULL) == 0;
	while (goes_on) {
		goes_on = errorbus_append(bus, batch);
		skafu_batch_clear(batch);
	}
	skafu__model_give_batch(bus->model, batch);
}

static void errorbus_flush(struct skafu__errorbus *bus, int64_t now)
{
	errorbus_close_storms(bus, now);
	pthread_mutex_lock(&bus->flush_lock);
	errorbus_flush_locked(bus);
	pthread_mutex_unlock(&bus->flush_lock);
}

void skafu__errorbus_flush(struct skafu__errorbus *bus)
{
	errorbus_flush(bus, bus->model->sys.monotonic_ns());
}

int32_t skafu__errorbus_report(struct skafu__errorbus *bus, const struct skafu__error_fields *fields,
			       skafu_error *error)
{
	if (!skafu__errorbus_admit(bus, fields))
		return 0;
	struct skafu__errorrecord_copy *copy = skafu__errorrecord_copy_new(&bus->model->sys, fields);
	if (!copy)
		return skafu__fail_memory(error);
	if (copy->fields.last_ns == 0)
		copy->fields.last_ns = bus->model->sys.wall_ns();
	pthread_mutex_lock(&bus->lock);
	errorbus_push(bus, copy);
	int is_time = bus->model->sys.monotonic_ns() >= bus->retry_ns;
	pthread_mutex_unlock(&bus->lock);
	if (is_time)
		skafu__errorbus_flush(bus);
	return 0;
}

/* ---- figures --------------------------------------------------------------------------------------------------- */

int64_t skafu__errorbus_due_ns(struct skafu__errorbus *bus)
{
	int64_t due = INT64_MAX;
	pthread_mutex_lock(&bus->lock);
	for (size_t i = 0; i < ERRORBUS_STORMS; i++)
		if (bus->storms[i].last && bus->storms[i].began_ns + ERRORBUS_WINDOW_NS < due)
			due = bus->storms[i].began_ns + ERRORBUS_WINDOW_NS;
	if (bus->waiting != 0 && bus->retry_ns < due)
		due = bus->retry_ns;
	pthread_mutex_unlock(&bus->lock);
	return due;
}

uint64_t skafu__errorbus_waiting(struct skafu__errorbus *bus)
{
	pthread_mutex_lock(&bus->lock);
	uint64_t waiting = bus->waiting;
	pthread_mutex_unlock(&bus->lock);
	return waiting;
}

uint64_t skafu__errorbus_lost(struct skafu__errorbus *bus)
{
	pthread_mutex_lock(&bus->lock);
	uint64_t lost = bus->lost;
	pthread_mutex_unlock(&bus->lock);
	return lost;
}

/* ---- the host's errors ----------------------------------------------------------------------------------------- */

static int32_t errorbus_check_text(const char *text, size_t bytes_max, const char *what, skafu_error *error)
{
	size_t length = text ? strnlen(text, bytes_max + 1) : 0;
	if (length > bytes_max)
		return skafu__fail(error, SKAFU_ELIMIT, "the %s of the error has more than %zu bytes", what,
				   bytes_max);
	if (length != 0 && !skafu__utf8_is_valid(text, length))
		return skafu__fail(error, SKAFU_EUTF8, "the %s of the error is not UTF-8", what);
	return 0;
}

static int32_t errorbus_check_texts(const skafu_error_report_def *def, skafu_error *error)
{
	const struct {
		const char *text;
		size_t bytes_max;
		const char *what;
	} texts[] = {{def->message, 4095, "message"}, {def->service, 255, "service"},
		     {def->function, 255, "function"}, {def->user_id, 255, "user id"},
		     {def->stack_trace, 65535, "stack trace"}};
	int32_t rc = 0;
	for (size_t i = 0; rc == 0 && i < sizeof texts / sizeof texts[0]; i++)
		rc = errorbus_check_text(texts[i].text, texts[i].bytes_max, texts[i].what, error);
	return rc;
}

static int32_t errorbus_check(const skafu_error_report_def *def, skafu_error *error)
{
	size_t length;
	int32_t rc = 0;
	if (!def->message)
		return skafu__fail(error, SKAFU_EINVAL, "the error has no message; say what happened");
	if (def->severity > SKAFU_SEVERITY_CRITICAL || def->can_retry > 1 || def->reserved != 0)
		return skafu__fail(error, SKAFU_EINVAL, "severity, can_retry or reserved of the error is out of "
				   "range");
	rc = skafu__name_measure(def->code, 255, "code of the error", &length, error);
	if (rc == 0 && def->source)
		rc = skafu__name_measure(def->source, 255, "source of the error", &length, error);
	if (rc == 0 && def->correlation)
		rc = skafu__name_measure(def->correlation, 128, "correlation id of the error", &length, error);
	return rc ? rc : errorbus_check_texts(def, error);
}

int32_t skafu_error_report(skafu_model *model, const skafu_error_report_def *def, skafu_error *error)
{
	struct skafu_error_report_def known;
	struct skafu__errorbus *bus = NULL;
	int32_t rc = skafu__model_check(model, error);
	if (rc == 0 && !def)
		rc = skafu__fail(error, SKAFU_EINVAL, "the error to report is NULL");
	if (rc == 0)
		rc = skafu__opts_read(&known, sizeof known, def, "skafu_error_report_def", error);
	if (rc == 0)
		rc = errorbus_check(&known, error);
	if (rc == 0)
		rc = skafu__errorbus_of(model, &bus, error);
	if (rc != 0)
		return rc;
	const struct skafu__error_fields fields = {
		.severity = known.severity ? known.severity : SKAFU_SEVERITY_ERROR, .can_retry = known.can_retry,
		.source = known.source, .code = known.code, .message = known.message, .service = known.service,
		.function = known.function, .user_id = known.user_id, .stack_trace = known.stack_trace,
		.correlation = known.correlation, .causation = known.causation};
	return skafu__errorbus_report(bus, &fields, error);
}

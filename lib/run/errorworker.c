#include "run/errorworker.h"

#include "base/error.h"
#include "run/errorbus.h"

struct errorworker {
	struct skafu__worker worker; /* first */
	skafu_engine *engine;
	struct skafu__errorbus *bus;
};

static void errorworker_count(struct errorworker *self)
{
	struct skafu__engine_figures *figures = &self->engine->figures;
	atomic_store_explicit(&figures->errors_waiting, skafu__errorbus_waiting(self->bus), memory_order_relaxed);
	atomic_store_explicit(&figures->errors_lost, skafu__errorbus_lost(self->bus), memory_order_relaxed);
}

/* Errors are no inputs: they count as nothing done, so that a failing store does not keep an engine busy. */
static int32_t errorworker_step(struct skafu__worker *worker, uint32_t inputs_max, uint32_t *out_done,
				skafu_error *error)
{
	struct errorworker *self = (struct errorworker *)(void *)worker;
	(void)inputs_max;
	(void)error;
	*out_done = 0;
	if (skafu__errorbus_due_ns(self->bus) <= self->engine->sys.monotonic_ns())
		skafu__errorbus_flush(self->bus);
	errorworker_count(self);
	return 0;
}

static int64_t errorworker_due_ns(struct skafu__worker *worker, int is_draining)
{
	const struct errorworker *self = (const struct errorworker *)(const void *)worker;
	return is_draining ? INT64_MAX : skafu__errorbus_due_ns(self->bus);
}

static int32_t errorworker_flush(struct skafu__worker *worker, skafu_error *error)
{
	(void)error;
	skafu__errorbus_flush(((struct errorworker *)(void *)worker)->bus);
	return 0;
}

static void errorworker_drop(struct skafu__worker *worker)
{
	struct errorworker *self = (struct errorworker *)(void *)worker;
	struct skafu__sys sys = self->engine->sys;
	skafu__free(&sys, self);
}

static const char errorworker_name[] = "skafu.errors";

int32_t skafu__errorworker(skafu_engine *engine, skafu_error *error)
{
	struct skafu__errorbus *bus = NULL;
	int32_t rc = skafu__errorbus_of(engine->model, &bus, error);
	struct errorworker *self = rc == 0 ? skafu__alloc_zeroed(&engine->sys, 1, sizeof *self) : NULL;
	if (rc != 0)
		return rc;
	if (!self)
		return skafu__fail_memory(error);
	self->worker = (struct skafu__worker){.name = errorworker_name, .step = errorworker_step,
					      .due_ns = errorworker_due_ns, .flush = errorworker_flush,
					      .drop = errorworker_drop};
	self->engine = engine;
	self->bus = bus;
	skafu__engine_add_worker(engine, &self->worker);
	return 0;
}

/* In a forked child, or called back, nothing can be recorded and nothing is wrong with the store. */
void skafu__errorworker_failed(skafu_engine *engine, int32_t code, const skafu_error *error)
{
	const struct errorworker *self =
		(const struct errorworker *)(const void *)skafu__engine_worker(engine, errorworker_name);
	const struct skafu__error_fields fields = {
		.severity = SKAFU_SEVERITY_CRITICAL, .can_retry = skafu_result_is_retriable(code) != 0,
		.code = skafu_result_name(code), .message = error ? error->message : skafu_result_text(code),
		.service = "store", .function = engine->current ? engine->current->name : "engine"};
	if (self && code != SKAFU_EFORK && code != SKAFU_EMISUSE)
		skafu__errorbus_report(self->bus, &fields, NULL);
}

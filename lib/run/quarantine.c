#include "run/quarantine.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "run/deadletter.h"
#include "run/process.h"
#include "store/batch.h"
#include "store/store.h"

/* An instance's row, between reading it for a batch and putting it there. */
struct quarantine {
	skafu_store *store;
	skafu_batch *batch;
	uint8_t key[255];
	size_t key_length;
	int was_there;
	struct skafu__buf before;
	struct skafu__buf after;
	struct skafu__instance instance;
};

static int32_t quarantine_open(struct quarantine *quarantine, const char *process, const char *instance,
			       skafu_error *error)
{
	const struct skafu__sys *sys = &quarantine->store->sys;
	skafu__buf_init(&quarantine->before, sys, SIZE_MAX / 2);
	skafu__buf_init(&quarantine->after, sys, SIZE_MAX / 2);
	skafu__instance_init(&quarantine->instance, sys);
	skafu__instance_reset(&quarantine->instance, instance);
	quarantine->key_length = skafu__instance_key(process, instance, quarantine->key);
	int32_t rc = skafu__rowchain_get(NULL, quarantine->store, quarantine->batch, skafu__process_table,
					 quarantine->key, quarantine->key_length, &quarantine->before, error);
	quarantine->was_there = rc == 1;
	return rc == 1 ? skafu__instance_decode(quarantine->before.bytes, quarantine->before.length,
						&quarantine->instance, error)
		       : rc;
}

static void quarantine_close(struct quarantine *quarantine)
{
	skafu__buf_done(&quarantine->before);
	skafu__buf_done(&quarantine->after);
	skafu__instance_done(&quarantine->instance);
}

/* What the batch has put itself was expected by whoever put it. */
static int32_t quarantine_expect(const struct quarantine *quarantine, skafu_error *error)
{
	const uint8_t *value;
	size_t length;
	if (skafu__batch_find_row(quarantine->batch, skafu__process_table, quarantine->key, quarantine->key_length,
				  &value, &length) != 0)
		return 0;
	if (!quarantine->was_there)
		return skafu_batch_expect_no_row(quarantine->batch, skafu__process_table, quarantine->key,
						 quarantine->key_length, error);
	return skafu_batch_expect_row(quarantine->batch, skafu__process_table, quarantine->key,
				      quarantine->key_length, quarantine->before.bytes, quarantine->before.length,
				      error);
}

static int32_t quarantine_put(struct quarantine *quarantine, skafu_error *error)
{
	int32_t rc = skafu__instance_encode(&quarantine->instance, &quarantine->after);
	if (rc != 0)
		return skafu__fail_memory(error);
	rc = quarantine_expect(quarantine, error);
	if (rc == 0)
		rc = skafu_batch_put_row(quarantine->batch, skafu__process_table, quarantine->key,
					 quarantine->key_length, quarantine->after.bytes, quarantine->after.length,
					 error);
	return rc;
}

static int32_t quarantine_delete(const struct quarantine *quarantine, skafu_error *error)
{
	int32_t rc = quarantine_expect(quarantine, error);
	return rc ? rc : skafu_batch_delete_row(quarantine->batch, skafu__process_table, quarantine->key,
						quarantine->key_length, error);
}

/* ---- in ------------------------------------------------------------------------------------------------------ */

/* The reason why it compensates is worth more than why that does not go on: the dead letter says the latter. */
static void quarantine_set_reason(struct skafu__instance *instance, const struct skafu__failure *failure)
{
	const char *code = skafu_result_name(failure->code);
	size_t length = skafu__utf8_cut(failure->message, strlen(failure->message),
					SKAFU__INSTANCE_MESSAGE_BYTES_MAX);
	if (instance->resume_state == SKAFU_PROCESS_COMPENSATING)
		return;
	memcpy(instance->code, code, strlen(code) + 1);
	memcpy(instance->message, failure->message, length);
	instance->message[length] = '\0';
}

/* The input should have begun it. */
static void quarantine_make_unbegun(struct skafu__instance *instance, const struct skafu__failure *failure,
				    uint32_t version)
{
	char name[sizeof instance->name];
	size_t length = strnlen(failure->input->correlation, sizeof instance->correlation - 1);
	memcpy(name, instance->name, sizeof name);
	skafu__instance_reset(instance, name);
	instance->flags = SKAFU__INSTANCE_UNBEGUN;
	instance->version = version;
	instance->state = SKAFU_PROCESS_RUNNING;
	instance->first_sequence = failure->input->sequence;
	instance->last_sequence = failure->input->sequence;
	memcpy(instance->correlation, failure->input->correlation, length);
	instance->correlation[length] = '\0';
}

/* A rewind handled an input again that is a dead letter already: it counts once. */
static int32_t quarantine_is_counted(const struct quarantine *quarantine, const struct skafu__failure *failure,
				     const char *process, skafu_error *error)
{
	uint8_t key[SKAFU__DEADLETTER_KEY_BYTES];
	skafu__deadletter_key(process, failure->key, failure->input->sequence, key);
	return skafu__deadletter_is_there(quarantine->store, key, error);
}

static int32_t quarantine_enter(struct quarantine *quarantine, const struct skafu__failure *failure,
				const struct skafu__process *process, skafu_error *error)
{
	struct skafu__instance *instance = &quarantine->instance;
	if (failure->is_parked_behind && (!quarantine->was_there || instance->state != SKAFU_PROCESS_ASIDE))
		return skafu__fail(error, SKAFU_EROW, "instance %s goes on already; the input is handled again",
				   instance->name);
	if (quarantine->was_there && instance->state == SKAFU_PROCESS_ASIDE) {
		int32_t is_counted = quarantine_is_counted(quarantine, failure, process->name, error);
		instance->parked += is_counted == 0;
		return is_counted < 0 ? is_counted : quarantine_put(quarantine, error);
	}
	if (!quarantine->was_there || skafu__instance_has_ended(instance))
		quarantine_make_unbegun(instance, failure, process->versions->number);
	instance->resume_state = instance->state;
	instance->state = SKAFU_PROCESS_ASIDE;
	instance->aside_sequence = failure->input->sequence;
	quarantine_set_reason(instance, failure);
	return quarantine_put(quarantine, error);
}

int32_t skafu__quarantine_give_up(void *self, const struct skafu__failure *failure, skafu_batch *batch,
				  skafu_error *error)
{
	const struct skafu__process_run *run = self;
	struct quarantine quarantine = {.store = run->model->store, .batch = batch};
	if (!run->sets_aside || run->failing != failure->input->sequence)
		return 0;
	int32_t rc = quarantine_open(&quarantine, run->process->name, run->failing_name, error);
	if (rc == 0)
		rc = quarantine_enter(&quarantine, failure, run->process, error);
	quarantine_close(&quarantine);
	return rc;
}

/* ---- out ----------------------------------------------------------------------------------------------------- */

static int32_t quarantine_leave(struct quarantine *quarantine, uint64_t sequence, skafu_error *error)
{
	struct skafu__instance *instance = &quarantine->instance;
	if (instance->aside_sequence == sequence)
		instance->aside_sequence = 0;
	else if (instance->parked != 0)
		instance->parked--;
	if (instance->aside_sequence != 0 || instance->parked != 0)
		return quarantine_put(quarantine, error);
	if (instance->flags & SKAFU__INSTANCE_UNBEGUN)
		return quarantine_delete(quarantine, error);
	instance->state = instance->resume_state;
	instance->resume_state = 0;
	if (instance->state == SKAFU_PROCESS_RUNNING) {
		instance->code[0] = '\0';
		instance->message[0] = '\0';
	}
	return quarantine_put(quarantine, error);
}

int32_t skafu__quarantine_release(skafu_store *store, const char *process, const char *instance, uint64_t sequence,
				  skafu_batch *batch, skafu_error *error)
{
	struct quarantine quarantine = {.store = store, .batch = batch};
	/* Dead letters of other consumers have longer names. */
	if (strlen(process) > SKAFU__PROCESS_NAME_BYTES_MAX || strlen(instance) > SKAFU__INSTANCE_NAME_BYTES_MAX)
		return 0;
	int32_t rc = quarantine_open(&quarantine, process, instance, error);
	if (rc == 0 && quarantine.was_there && quarantine.instance.state == SKAFU_PROCESS_ASIDE)
		rc = quarantine_leave(&quarantine, sequence, error);
	quarantine_close(&quarantine);
	return rc;
}

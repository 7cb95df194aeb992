/*
 * run_fuzz.c: any bytes as the rows in which consumers, dead letters, timers, processes and replays are kept: none is
 * believed, and what decodes encodes to what decodes again.
 *
 * The first byte says which kind of row.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "run/checkpoint.h"
#include "run/deadletter.h"
#include "run/instance.h"
#include "run/replayrow.h"
#include "run/timerrow.h"
#include "run/undo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t touched;

static void demand(int condition)
{
	if (!condition)
		abort();
}

static void fuzz_consumer(const uint8_t *bytes, size_t length)
{
	static struct skafu__consumer_row row;
	static struct skafu__consumer_row again;
	static struct skafu__consumer_bytes encoded;
	if (skafu__consumer_row_decode(bytes, length, &row, NULL) != 0)
		return;
	skafu__consumer_row_encode(&row, &encoded);
	demand(skafu__consumer_row_decode(encoded.bytes, encoded.length, &again, NULL) == 0);
	demand(strcmp(row.message, again.message) == 0 && strcmp(row.domain, again.domain) == 0);
	demand(row.generation == again.generation && row.partitions == again.partitions);
}

static void fuzz_letter(const uint8_t *bytes, size_t length)
{
	struct skafu__deadletter letter;
	size_t key = length < SKAFU__DEADLETTER_KEY_BYTES ? length : SKAFU__DEADLETTER_KEY_BYTES;
	const skafu_row row = {.size = sizeof row, .key = bytes, .key_length = key, .value = bytes + key,
			       .value_length = length - key};
	if (skafu__deadletter_decode(&row, &letter, NULL) != 0)
		return;
	touched += strlen(letter.consumer) + strlen(letter.partition_key) + strlen(letter.type) +
		   strlen(letter.correlation) + strlen(letter.message);
}

static void fuzz_instance(const uint8_t *bytes, size_t length)
{
	static struct skafu__instance instance;
	static struct skafu__instance again;
	struct skafu__buf encoded;
	skafu__buf_init(&encoded, skafu__sys_current(), SIZE_MAX);
	skafu__instance_init(&instance, skafu__sys_current());
	skafu__instance_init(&again, skafu__sys_current());
	skafu__instance_reset(&instance, "i");
	skafu__instance_reset(&again, "i");
	if (skafu__instance_decode(bytes, length, &instance, NULL) == 0) {
		demand(instance.timer_count <= SKAFU__INSTANCE_TIMERS_MAX);
		demand(skafu__instance_encode(&instance, &encoded) == 0);
		demand(skafu__instance_decode(encoded.bytes, encoded.length, &again, NULL) == 0);
		demand(again.undo_count == instance.undo_count && again.saved.length == instance.saved.length);
		while (instance.undo_count != 0) {
			size_t undo_length;
			struct skafu__undo undo;
			const uint8_t *undone = skafu__instance_last_undo(&instance, &undo_length);
			demand(undone != NULL);
			skafu__undo_decode(undone, undo_length, &undo);
			skafu__instance_pop_undo(&instance);
		}
	}
	skafu__instance_done(&instance);
	skafu__instance_done(&again);
	skafu__buf_done(&encoded);
}

static void fuzz_timer(const uint8_t *bytes, size_t length)
{
	static struct skafu__timer timer;
	static struct skafu__timer again;
	struct skafu__timer_setting setting;
	struct skafu__buf encoded;
	int64_t due_ns;
	uint8_t id[16];
	skafu__timer_setting_decode(bytes, length, &setting);
	skafu__timer_key_decode(bytes, length, &due_ns, id);
	if (skafu__timer_decode(bytes, length, &timer) == 0)
		return;
	for (size_t i = 0; i < timer.record.tag_count; i++)
		touched += strlen(timer.record.tags[i]);
	skafu__buf_init(&encoded, skafu__sys_current(), SIZE_MAX);
	demand(skafu__timer_encode(&timer.name, &timer.record, &encoded) == 0);
	demand(skafu__timer_decode(encoded.bytes, encoded.length, &again) != 0);
	demand(again.record.tag_count == timer.record.tag_count &&
	       again.record.data_length == timer.record.data_length);
	skafu__buf_done(&encoded);
}

static void fuzz_undo(const uint8_t *bytes, size_t length)
{
	static struct skafu__undo undo;
	if (skafu__undo_decode(bytes, length, &undo) == 0)
		return;
	touched += strlen(undo.command.type);
	for (size_t i = 0; i < undo.command.tag_count; i++)
		touched += strlen(undo.command.tags[i]);
}

static void fuzz_replay(const uint8_t *bytes, size_t length)
{
	static struct skafu__replay_plan plan;
	static struct skafu__replay_progress progress;
	uint8_t encoded[SKAFU__REPLAY_PROGRESS_BYTES_MAX];
	uint8_t id[16];
	uint32_t part;
	skafu__replay_key_read(bytes, length, id, &part, NULL);
	if (skafu__replay_plan_decode(bytes, length, &plan, NULL) == 0)
		for (uint32_t i = 0; i < plan.target_count; i++)
			touched += strlen(plan.targets[i].name);
	if (skafu__replay_progress_decode(bytes, length, &progress, NULL) == 0)
		demand(skafu__replay_progress_encode(&progress, encoded) <= sizeof encoded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const fuzz[])(const uint8_t *, size_t) = {fuzz_consumer, fuzz_letter, fuzz_instance,
								 fuzz_timer,	fuzz_undo,   fuzz_replay};
	if (size < 2)
		return 0;
	uint8_t *bytes = malloc(size - 1);
	if (!bytes)
		return 0;
	memcpy(bytes, data + 1, size - 1);
	fuzz[data[0] % 6](bytes, size - 1);
	free(bytes);
	return 0;
}

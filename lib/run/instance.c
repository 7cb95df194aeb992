#include "run/instance.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

#define INSTANCE_FORM 1u
#define INSTANCE_HEADER_BYTES 76u
#define INSTANCE_TIMER_BYTES 40u
#define INSTANCE_BYTES_MAX (UINT32_C(32) << 20) /* above the payload limit of any store */

const char skafu__process_table[] = "skafu.processes";

void skafu__instance_init(struct skafu__instance *instance, const struct skafu__sys *sys)
{
	memset(instance, 0, sizeof *instance);
	skafu__buf_init(&instance->undos, sys, INSTANCE_BYTES_MAX);
	skafu__buf_init(&instance->saved, sys, INSTANCE_BYTES_MAX);
}

void skafu__instance_done(struct skafu__instance *instance)
{
	skafu__buf_done(&instance->undos);
	skafu__buf_done(&instance->saved);
}

void skafu__instance_reset(struct skafu__instance *instance, const char *name)
{
	struct skafu__buf undos = instance->undos;
	struct skafu__buf saved = instance->saved;
	size_t length = strnlen(name, SKAFU__INSTANCE_NAME_BYTES_MAX);
	memset(instance, 0, sizeof *instance);
	memcpy(instance->name, name, length);
	instance->undos = undos;
	instance->saved = saved;
	skafu__buf_clear(&instance->undos);
	skafu__buf_clear(&instance->saved);
}

size_t skafu__instance_key(const char *process, const char *instance, uint8_t out[255])
{
	size_t first = strnlen(process, SKAFU__PROCESS_NAME_BYTES_MAX);
	size_t second = strnlen(instance, SKAFU__INSTANCE_NAME_BYTES_MAX);
	memcpy(out, process, first);
	out[first] = 0;
	memcpy(out + first + 1, instance, second);
	return first + 1 + second;
}

int skafu__instance_has_ended(const struct skafu__instance *instance)
{
	return instance->state == SKAFU_PROCESS_COMPLETED || instance->state == SKAFU_PROCESS_FAILED;
}

/* ---- encode -------------------------------------------------------------------------------------------------- */

static void instance_put_header(const struct skafu__instance *instance, struct skafu__buf *out)
{
	skafu__buf_put_u8(out, INSTANCE_FORM);
	skafu__buf_put_u8(out, (uint8_t)instance->state);
	skafu__buf_put_u8(out, (uint8_t)instance->resume_state);
	skafu__buf_put_u8(out, (uint8_t)instance->flags);
	skafu__buf_put_u32(out, instance->version);
	skafu__buf_put_u32(out, instance->state_version);
	skafu__buf_put_u32(out, instance->steps);
	skafu__buf_put_u32(out, instance->parked);
	skafu__buf_put_u64(out, instance->first_sequence);
	skafu__buf_put_u64(out, instance->last_sequence);
	skafu__buf_put_u64(out, instance->aside_sequence);
	skafu__buf_put(out, instance->awaited, 16);
	skafu__buf_put_u8(out, (uint8_t)strlen(instance->correlation));
	skafu__buf_put_u8(out, (uint8_t)strlen(instance->code));
	skafu__buf_put_u16(out, (uint16_t)strlen(instance->message));
	skafu__buf_put_u16(out, (uint16_t)instance->timer_count);
	skafu__buf_put_u16(out, (uint16_t)instance->undo_count);
	skafu__buf_put_u32(out, (uint32_t)instance->undos.length);
	skafu__buf_put_u32(out, (uint32_t)instance->saved.length);
}

int32_t skafu__instance_encode(const struct skafu__instance *instance, struct skafu__buf *out)
{
	skafu__buf_clear(out);
	instance_put_header(instance, out);
	skafu__buf_put(out, instance->correlation, strlen(instance->correlation) + 1);
	skafu__buf_put(out, instance->code, strlen(instance->code) + 1);
	skafu__buf_put(out, instance->message, strlen(instance->message) + 1);
	for (uint32_t i = 0; i < instance->timer_count; i++) {
		skafu__buf_put(out, instance->timers[i].id, 16);
		skafu__buf_put_u64(out, (uint64_t)instance->timers[i].setting.due_ns);
		skafu__buf_put(out, instance->timers[i].setting.record_id, 16);
	}
	if (instance->undos.length != 0)
		skafu__buf_put(out, instance->undos.bytes, instance->undos.length);
	if (instance->saved.length != 0)
		skafu__buf_put(out, instance->saved.bytes, instance->saved.length);
	return out->failed;
}

/* ---- decode -------------------------------------------------------------------------------------------------- */

struct instance_lengths {
	size_t correlation;
	size_t code;
	size_t message;
	size_t undos;
	size_t saved;
};

static void instance_take_header(struct skafu__reader *reader, struct skafu__instance *out,
				 struct instance_lengths *lengths)
{
	out->state = skafu__reader_u8(reader);
	out->resume_state = skafu__reader_u8(reader);
	out->flags = skafu__reader_u8(reader);
	out->version = skafu__reader_u32(reader);
	out->state_version = skafu__reader_u32(reader);
	out->steps = skafu__reader_u32(reader);
	out->parked = skafu__reader_u32(reader);
	out->first_sequence = skafu__reader_u64(reader);
	out->last_sequence = skafu__reader_u64(reader);
	out->aside_sequence = skafu__reader_u64(reader);
	memcpy(out->awaited, skafu__reader_take(reader, 16), 16);
	lengths->correlation = skafu__reader_u8(reader);
	lengths->code = skafu__reader_u8(reader);
	lengths->message = skafu__reader_u16(reader);
	out->timer_count = skafu__reader_u16(reader);
	out->undo_count = skafu__reader_u16(reader);
	lengths->undos = skafu__reader_u32(reader);
	lengths->saved = skafu__reader_u32(reader);
}

/* A text that has no NUL but at its end, into a place of `size` bytes. */
static void instance_take_text(struct skafu__reader *reader, char *to, size_t size, size_t length)
{
	const uint8_t *text = length < size ? skafu__reader_take(reader, length + 1) : NULL;
	if (!text || memchr(text, 0, length + 1) != text + length) {
		reader->failed = 1;
		return;
	}
	memcpy(to, text, length + 1);
}

static void instance_take_timers(struct skafu__reader *reader, struct skafu__instance *out)
{
	for (uint32_t i = 0; i < out->timer_count && !reader->failed; i++) {
		const uint8_t *bytes = skafu__reader_take(reader, INSTANCE_TIMER_BYTES);
		if (!bytes)
			return;
		memcpy(out->timers[i].id, bytes, 16);
		out->timers[i].setting.due_ns = (int64_t)skafu__load_u64(bytes + 16);
		memcpy(out->timers[i].setting.record_id, bytes + 24, 16);
	}
}

/* The lengths of the undoing commands lead exactly to their end. */
static int instance_undos_are_whole(const struct skafu__instance *instance)
{
	struct skafu__reader reader;
	skafu__reader_init(&reader, instance->undos.bytes, instance->undos.length);
	for (uint32_t i = 0; i < instance->undo_count; i++)
		skafu__reader_take(&reader, skafu__reader_u32(&reader));
	return !reader.failed && skafu__reader_left(&reader) == 0;
}

static int32_t instance_take_buf(struct skafu__reader *reader, struct skafu__buf *to, size_t length,
				 skafu_error *error)
{
	const uint8_t *bytes = skafu__reader_take(reader, length);
	skafu__buf_clear(to);
	if (!bytes || length == 0)
		return 0;
	return skafu__buf_put(to, bytes, length) ? skafu__fail_memory(error) : 0;
}

static int instance_makes_sense(const struct skafu__instance *instance)
{
	return instance->state >= SKAFU_PROCESS_RUNNING && instance->state <= SKAFU_PROCESS_ASIDE &&
	       instance->resume_state <= SKAFU_PROCESS_COMPENSATING &&
	       (instance->state == SKAFU_PROCESS_ASIDE) == (instance->resume_state != 0) &&
	       instance->timer_count <= SKAFU__INSTANCE_TIMERS_MAX &&
	       instance->undo_count <= SKAFU__INSTANCE_UNDOS_MAX;
}

static int32_t instance_damaged(skafu_error *error)
{
	return skafu__fail(error, SKAFU_EDAMAGED, "the row of a process instance is damaged; verify the store");
}

int32_t skafu__instance_decode(const void *value, size_t length, struct skafu__instance *out, skafu_error *error)
{
	struct skafu__reader reader;
	struct instance_lengths lengths;
	skafu__reader_init(&reader, value, length);
	if (length < INSTANCE_HEADER_BYTES)
		return instance_damaged(error);
	if (skafu__reader_u8(&reader) != INSTANCE_FORM)
		return skafu__fail(error, SKAFU_ENEWER, "a process instance is kept in a form that this version of "
				   "the library does not know");
	instance_take_header(&reader, out, &lengths);
	if (!instance_makes_sense(out))
		return instance_damaged(error);
	instance_take_text(&reader, out->correlation, sizeof out->correlation, lengths.correlation);
	instance_take_text(&reader, out->code, sizeof out->code, lengths.code);
	instance_take_text(&reader, out->message, sizeof out->message, lengths.message);
	instance_take_timers(&reader, out);
	int32_t rc = instance_take_buf(&reader, &out->undos, lengths.undos, error);
	if (rc == 0)
		rc = instance_take_buf(&reader, &out->saved, lengths.saved, error);
	if (rc == 0 && (reader.failed || skafu__reader_left(&reader) != 0 || !instance_undos_are_whole(out)))
		rc = instance_damaged(error);
	return rc;
}

/* ---- timers -------------------------------------------------------------------------------------------------- */

struct skafu__instance_timer *skafu__instance_timer(struct skafu__instance *instance, const uint8_t id[16])
{
	for (uint32_t i = 0; i < instance->timer_count; i++)
		if (memcmp(instance->timers[i].id, id, 16) == 0)
			return &instance->timers[i];
	return NULL;
}

int skafu__instance_note_timer(struct skafu__instance *instance, const uint8_t id[16],
			       const struct skafu__timer_setting *setting)
{
	struct skafu__instance_timer *timer = skafu__instance_timer(instance, id);
	if (!timer && instance->timer_count == SKAFU__INSTANCE_TIMERS_MAX)
		return 0;
	if (!timer)
		timer = &instance->timers[instance->timer_count++];
	memcpy(timer->id, id, 16);
	timer->setting = *setting;
	return 1;
}

void skafu__instance_forget_timer(struct skafu__instance *instance, struct skafu__instance_timer *timer)
{
	*timer = instance->timers[--instance->timer_count];
}

/* ---- undoing ------------------------------------------------------------------------------------------------- */

int32_t skafu__instance_push_undo(struct skafu__instance *instance, const void *bytes, size_t length)
{
	size_t before = instance->undos.length;
	if (instance->undo_count == SKAFU__INSTANCE_UNDOS_MAX || length > INSTANCE_BYTES_MAX)
		return SKAFU_ELIMIT;
	skafu__buf_put_u32(&instance->undos, (uint32_t)length);
	skafu__buf_put(&instance->undos, bytes, length);
	int32_t rc = instance->undos.failed;
	if (rc != 0) {
		instance->undos.failed = 0;
		instance->undos.length = before;
		return rc;
	}
	instance->undo_count++;
	return 0;
}

/* Where the last one begins, with its length. */
static size_t instance_last_undo_at(const struct skafu__instance *instance)
{
	size_t at = 0;
	for (uint32_t i = 1; i < instance->undo_count; i++)
		at += 4 + skafu__load_u32(instance->undos.bytes + at);
	return at;
}

const uint8_t *skafu__instance_last_undo(const struct skafu__instance *instance, size_t *out_length)
{
	if (instance->undo_count == 0)
		return NULL;
	const uint8_t *at = instance->undos.bytes + instance_last_undo_at(instance);
	*out_length = skafu__load_u32(at);
	return at + 4;
}

void skafu__instance_pop_undo(struct skafu__instance *instance)
{
	instance->undos.length = instance_last_undo_at(instance);
	instance->undo_count--;
}

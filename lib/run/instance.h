/*
 * instance.h: one instance of a process, in memory and as a row.
 *
 * Table "skafu.processes", key: name of the process, NUL, name of the instance.  Value, little endian:
 *    0  u8   1, the form            1  u8   state, SKAFU_PROCESS_
 *    2  u8   state that it was in when it was set aside, 0 unless it is
 *    3  u8   flags: 1 it never began: the input that should have started it was set aside
 *    4  u32  version of the definition            8  u32  version of its state
 *   12  u32  steps                 16  u32  inputs that are parked behind the one that was set aside
 *   20  u64  first sequence        28  u64  last sequence
 *   36  u64  sequence of the input that was set aside, 0: none is
 *   44  16   id of the undoing command that is not answered yet, all zero: none is
 *   60  u8   bytes of correlation  61  u8   bytes of code     62  u16  bytes of message
 *   64  u16  timers                66  u16  undoing commands
 *   68  u32  bytes of these commands             72  u32  bytes of the saved state
 *   76  ...  correlation, code, message, each with its NUL; timers, each 16 bytes id, i64 due, 16 bytes id of the
 *            record to be; commands, each u32 length and undo.h; state
 *
 * Invariant: every commit that changes the row expects it as it was read, so the steps of an instance are one after
 * another, whichever partitions, engines and processes its inputs come through.
 */
#ifndef SKAFU__RUN_INSTANCE_H
#define SKAFU__RUN_INSTANCE_H

#include <stdint.h>

#include "base/buf.h"
#include "run/timerrow.h"
#include "skafu_run.h"

#define SKAFU__PROCESS_NAME_BYTES_MAX 126u /* so that a key, with the instance, has at most 255 bytes */
#define SKAFU__INSTANCE_NAME_BYTES_MAX 128u
#define SKAFU__INSTANCE_TIMERS_MAX 64u
#define SKAFU__INSTANCE_UNDOS_MAX 256u
#define SKAFU__INSTANCE_MESSAGE_BYTES_MAX 4095u

#define SKAFU__INSTANCE_UNBEGUN 0x1u

extern const char skafu__process_table[];

struct skafu__instance_timer {
	uint8_t id[16];
	struct skafu__timer_setting setting;
};

struct skafu__instance {
	char name[SKAFU__INSTANCE_NAME_BYTES_MAX + 1];
	uint32_t state;
	uint32_t resume_state;
	uint32_t flags;
	uint32_t version;
	uint32_t state_version;
	uint32_t steps;
	uint32_t parked;
	uint64_t first_sequence;
	uint64_t last_sequence;
	uint64_t aside_sequence;
	uint8_t awaited[16];
	char correlation[129];
	char code[256];
	char message[SKAFU__INSTANCE_MESSAGE_BYTES_MAX + 1];
	struct skafu__instance_timer timers[SKAFU__INSTANCE_TIMERS_MAX];
	uint32_t timer_count;
	uint32_t undo_count;
	struct skafu__buf undos; /* each with its length before it; the last one is undone first */
	struct skafu__buf saved; /* the state */
};

void skafu__instance_init(struct skafu__instance *instance, const struct skafu__sys *sys);
void skafu__instance_done(struct skafu__instance *instance);

/* As if it had never been, but for its name (borrowed, of a length that was checked). */
void skafu__instance_reset(struct skafu__instance *instance, const char *name);

/* The key of its row; the length. */
size_t skafu__instance_key(const char *process, const char *instance, uint8_t out[255]);

int32_t skafu__instance_encode(const struct skafu__instance *instance, struct skafu__buf *out);

/* SKAFU_EDAMAGED or SKAFU_ENEWER when the row is none; the name is left alone. */
int32_t skafu__instance_decode(const void *value, size_t length, struct skafu__instance *out, skafu_error *error);

/* It is over: COMPLETED or FAILED. */
int skafu__instance_has_ended(const struct skafu__instance *instance);

/* Timers by id; note returns 0 when there is no room. */
struct skafu__instance_timer *skafu__instance_timer(struct skafu__instance *instance, const uint8_t id[16]);
int skafu__instance_note_timer(struct skafu__instance *instance, const uint8_t id[16],
			       const struct skafu__timer_setting *setting);
void skafu__instance_forget_timer(struct skafu__instance *instance, struct skafu__instance_timer *timer);

/* The last of the undoing commands, and without it; NULL when there is none. */
int32_t skafu__instance_push_undo(struct skafu__instance *instance, const void *bytes, size_t length);
const uint8_t *skafu__instance_last_undo(const struct skafu__instance *instance, size_t *out_length);
void skafu__instance_pop_undo(struct skafu__instance *instance);

#endif

/*
 * testhook.h: how libskafu_test takes the place of the machine, and hears what no public function tells.
 *
 * For libskafu_test only, which includes no other header of lib/: the two functions are exported so that it can be
 * linked to the shared library, are not part of the API, are in no installed header and may change with every
 * version.  A hook holds for the thread that enters it.  Objects that were made before the first hook of the process
 * keep to the machine; those made later ask the hook of the thread that calls them, and without one the machine.
 *
 * Invariant: a process that never enters a hook runs the same code as before; one that left it again gets every
 * answer from the machine.
 */
#ifndef SKAFU__BASE_TESTHOOK_H
#define SKAFU__BASE_TESTHOOK_H

#include <stddef.h>
#include <stdint.h>

#include "skafu_base.h"

/* What can be made to fail. */
#define SKAFU__TESTHOOK_MEMORY 1u
#define SKAFU__TESTHOOK_READ 2u   /* a read transaction begins */
#define SKAFU__TESTHOOK_WRITE 3u  /* a write transaction is about to be committed, nothing is written yet */
#define SKAFU__TESTHOOK_SYNC 4u   /* a write transaction is committed; failing it says that nobody knows */
#define SKAFU__TESTHOOK_APPEND 5u /* a commit with conditions, all of which hold */

/* What is told. */
#define SKAFU__TESTHOOK_TYPE 1u   /* object: a model; name: an event type, text: its domain; number: the version */
#define SKAFU__TESTHOOK_EFFECT 2u /* name: consumer; text: effect; number: 1 do, 0 do not; object: key, 16 bytes */
#define SKAFU__TESTHOOK_FAILED 3u /* name: consumer; text: message; code; number: sequence of the input */
#define SKAFU__TESTHOOK_SCOPE 4u  /* object: the query of a decider's scope that is read; NULL: reads nothing */

/* Lent for the call. */
struct skafu_test_note {
	uint32_t kind;
	int32_t code;
	uint64_t number;
	const void *object;
	const char *name;
	const char *text;
};

struct skafu_test_hook {
	uint32_t size; /* sizeof(struct skafu_test_hook) */
	uint32_t reserved;
	void *user; /* first argument of all functions */
	int64_t (*wall_ns)(void *user);
	int64_t (*monotonic_ns)(void *user);
	int (*random)(void *user, void *out, size_t bytes);
	void (*sleep)(void *user, int64_t time_ns);  /* instead of a wait that would end by itself */
	int (*fails)(void *user, uint32_t what); /* 0, or the errno of what fails */
	void (*told)(void *user, const struct skafu_test_note *note);
};

/* From now on this thread asks the hook, which must live until the thread enters another one; NULL: the machine.
 * SKAFU_EOPTION when the kit is of another version than the library. */
SKAFU_API int32_t skafu_test_hook_enter(const struct skafu_test_hook *hook);

/* Memory for the kit, which no hook makes fail: as realloc(), and bytes 0 releases. */
SKAFU_API void *skafu_test_hook_memory(void *block, size_t bytes);

/* For the library: tell the hook of this thread, if there is one. */
void skafu__testhook_tell(uint32_t kind, const void *object, const char *name, const char *text, uint64_t number,
			  int32_t code);

#endif

/*
 * actors.h: tests in which several processes work on one store and some of them die.
 *
 * An actor is a forked child that runs one function.  It dies with its parent, so a test that fails leaves nobody
 * behind.  The first actor that finds something wrong says so in shared memory, for the test to report.
 *
 * What an actor appends follows from (writer, number) alone, so its successor can make the same commit again.
 */
#ifndef TESTS_FAULT_ACTORS_H
#define TESTS_FAULT_ACTORS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "skafu_store.h"

#define ACTORS_MS INT64_C(1000000)
#define ACTORS_SECOND INT64_C(1000000000)

/* ---- time, chance, memory ------------------------------------------------------------------------------------ */
int64_t actors_now_ns(void);
void actors_nap(int64_t ns);
uint64_t actors_seed(const char *test); /* SKAFU_TEST_SEED, or a new one; printed */
uint64_t actors_random(uint64_t *state);
void *actors_share(size_t bytes); /* zeroed; shared with every actor that is spawned later; never given back */
int64_t actors_switches(pid_t pid); /* voluntary context switches of a process (all threads): how often it slept */

int64_t actors_slack(void); /* how much slower this program may be: CK_TIMEOUT_MULTIPLIER, 1 without it */
uint32_t actors_scale(void); /* under valgrind: 50, by which numbers go down and pauses up; 1 without it */
int64_t actors_cpu_ns(pid_t pid); /* what its first thread used of the processor, to the nanosecond; -1: not known */

/* A directory on a real disk (TMPDIR or /tmp), or in memory. */
void actors_scratch(char out[256], const char *topic, int in_memory);
void actors_scratch_gone(const char *path);

/* ---- processes ----------------------------------------------------------------------------------------------- */
pid_t actors_spawn(void (*run)(void *user), void *user);
void actors_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
const char *actors_failure(void); /* what the first said; NULL when nobody did */
void actors_forgive(void);
void actors_kill(pid_t pid);               /* SIGKILL, and wait until it is gone; fine when it is gone already */
int actors_join(pid_t pid, int64_t ns_max); /* exit code, 128 + signal; -1 when it did not end (and is killed) */

/* Wait until *flag is at least value; 0 when that did not happen in time. */
int actors_await(_Atomic uint32_t *flag, uint32_t value, int64_t ns_max);

/* ---- what is appended ---------------------------------------------------------------------------------------- */
#define ACTORS_EVENTS_MAX 4u
uint32_t actors_events(uint32_t writer, uint64_t number); /* of that commit, 1 to ACTORS_EVENTS_MAX */
void actors_commit_id(uint32_t writer, uint64_t number, uint8_t out[16]);

/* Clear the batch and fill it: the first event goes to the writer's own stream, the others to "shared". */
int32_t actors_fill(skafu_batch *batch, uint32_t writer, uint64_t number, skafu_error *error);

/* Append commit `number` of a writer, however long it takes, and nothing else. */
int32_t actors_append(skafu_store *store, uint32_t writer, uint64_t number, uint64_t timeout_ns,
		      skafu_appended *out, skafu_error *error);

/* What the payload of a record says; 0 when it is none of ours. */
int actors_parse(const skafu_record *record, uint32_t *writer, uint64_t *number, uint32_t *index);

/* Open or make; tries again while others are opening. */
int32_t actors_open(const char *path, const skafu_store_opts *opts, skafu_store **out, skafu_error *error);

#endif

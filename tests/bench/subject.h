/*
 * What a store under test offers to the cases. libskafu and its references implement the same table; a function
 * that a subject does not have is NULL, and the cases that need it leave the subject out. Calls return 0, or -1
 * after a message on stderr.
 */
#ifndef BENCH_SUBJECT_H
#define BENCH_SUBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "bench/record.h"
#include "bench/workload.h"

#define BENCH_CALLERS_MAX 64

struct bench_store_options {
	int sync;	  /* 0: no flush anywhere, for CPU figures alone */
	int bulk;	  /* the fastest loading that the subject has; flush() ends it */
	int foreign_ids;  /* the host gives the event ids, so they are checked for duplicates */
	int group;	  /* several callers share commits (SQLite: else a mutex and a connection each) */
	unsigned callers; /* threads that will append, each with its number */
};

struct bench_subject {
	const char *name;
	int (*open)(void **store, const char *dir,
		const struct bench_store_options *options); /* creates when absent */
	void (*close)(void *store);
	int (*append)(void *store, unsigned caller, const struct bench_event *events,
		size_t count); /* one commit */
	int (*flush)(void *store);
	int (*scan)(void *store, struct bench_sum *sum);
	int (*stream)(void *store, const char *stream, uint32_t from, uint32_t max, struct bench_sum *sum);
	int (*correlation)(void *store, const struct bench_event *key, struct bench_sum *sum);
	int (*by_id)(void *store, const uint8_t id[16], struct bench_sum *sum);
	int (*by_sequence)(void *store, uint64_t sequence, struct bench_sum *sum); /* from 1 */
	int (*rebuild)(void *store, uint64_t *groups); /* events counted per (type, stream) */
	int (*replay)(void *store, uint64_t *events); /* given to a handler that counts them */
	/* Loads the events of e's stream, decides, appends e as the version after the last one loaded. */
	int (*command)(void *store, const struct bench_event *e);
	/* Sleeps until the head is beyond `after`, at most wait_ns; *head is the head then. */
	int (*wait)(void *store, uint64_t after, uint64_t wait_ns, uint64_t *head);
};

/* Counts per pair of names, as a projection outside a store would. */
struct bench_counters;
struct bench_counters *bench_counters_create(void);
void bench_counters_destroy(struct bench_counters *c);
int bench_counters_add(struct bench_counters *c, const char *a, size_t a_bytes, const char *b, size_t b_bytes);
uint64_t bench_counters_groups(const struct bench_counters *c);

extern const struct bench_subject bench_lmdb;
extern const struct bench_subject bench_sqlite;
extern const struct bench_subject bench_file;
extern const struct bench_subject bench_skafu;

#endif

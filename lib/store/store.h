/*
 * store.h: the store object, as the files of this directory share it.
 *
 * Locks, in the order in which they may be taken:
 *   fold_lock     one thread of this process plans a fold or merge     (fold.c, merge.c)
 *   commit_lock   one thread of this process writes                  (append.c, fold.c)
 *   control       one process writes: skafu__control_lock()
 *   gate          exclusively: change the overlay, names, heads, manifest; grow the map
 *                 shared: held by every view for its life, so nothing of this moves under a reader
 *   LMDB's own write lock is inside all of them.
 * views_lock and what is behind it (viewenv.h) are never held together with any of these.
 * The group queue has a lock of its own that is held for a few instructions and inside which nothing is taken.
 */
#ifndef SKAFU__STORE_STORE_H
#define SKAFU__STORE_STORE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/ident.h"
#include "base/log.h"
#include "base/probe.h"
#include "base/sys.h"
#include "skafu_store.h"
#include "store/claim.h"
#include "store/control.h"
#include "store/dirtime.h"
#include "store/env.h"
#include "store/fold.h"
#include "store/names.h"
#include "store/overlay.h"
#include "store/state.h"

/* What tests and benchmarks turn that hosts may not: they make folds and merges happen all the time, or leave out the
 * syncs.  0 is the default everywhere. */
struct skafu__tuning {
	uint32_t fan_in;         /* runs of one level that are merged into one of the next; as made, 16 */
	uint32_t chunk_bytes;    /* small commits are packed up to this; 64 KiB - 16 */
	uint32_t segment_bytes;  /* of an index segment; 60 KiB - 16 */
	uint32_t no_sync;        /* 1: no syncs */
	uint64_t map_bytes;      /* of the map to begin with */
	uint32_t fold_records;   /* over skafu_store_opts.fold_records when not 0 */
	uint32_t journal_bytes;  /* of the journal; 1 MiB, and 1 for none */
	uint32_t journal_after;  /* commits behind each other before the file is made; 16 */
	uint32_t linger_off;     /* 1: a leader does not wait for company */
};

/* The tuning of stores opened from now on; NULL: the defaults. */
void skafu__tuning_override(const struct skafu__tuning *tuning);
const struct skafu__tuning *skafu__tuning_current(void);

struct skafu__request;
struct skafu__manifest_set;
struct skafu__views;

/* Callers who wait for their commit; see append.c. */
struct skafu__group {
	pthread_mutex_t lock;
	struct skafu__request *first;
	struct skafu__request *last;
	uint32_t count;      /* requests in the queue */
	uint32_t last_count; /* requests in the group before */
	int64_t commit_ns;   /* moving average of one flush */
};

struct skafu_store {
	struct skafu__sys sys;
	struct skafu__log log;
	struct skafu__probe probe;
	struct skafu_store_opts opts;
	struct skafu__tuning tuning;
	struct skafu__format format;
	struct skafu__env env;
	struct skafu__control control;
	struct skafu__dirtime dirtime; /* guarded by commit_lock */
	struct skafu__claims claims;
	struct skafu__ident ident;
	pid_t pid;
	uint64_t fork_mark; /* as it was when the store was opened */
	char *path; /* NULL in memory */
	dev_t device;
	ino_t inode;
	int read_only;

	pthread_mutex_t fold_lock; /* one thread of this process plans folds and merges; taken before all others */
	struct skafu__fold_space fold_space;
	_Atomic uint32_t merge_steps_due; /* that the last fold has left; changed under fold_lock */
	pthread_mutex_t commit_lock;
	pthread_rwlock_t gate;
	struct skafu__names names;
	struct skafu__overlay overlay;
	struct skafu__map heads; /* stream name -> version after the covered commit; a cache */
	struct skafu__manifest_set *manifest;
	struct skafu__group group;
	pthread_mutex_t views_lock; /* guards the pointer below */
	struct skafu__views *views; /* made by the first who asks: viewenv.h */

	_Atomic int index_is_damaged; /* what is made from the commits was found damaged; never taken back */
	_Atomic uint32_t interrupts;       /* counts skafu_store_interrupt() */
	_Atomic uint32_t interrupts_heard; /* how many of them have ended a wait */
	_Atomic uint64_t appends;
	_Atomic uint64_t records; /* appended by this process */
	_Atomic uint64_t flushes;
	_Atomic uint64_t folds;
	_Atomic uint64_t merges;

	uint32_t handles;  /* opens less closes; guarded by the registry's lock */
	uint32_t children; /* cursors and the like that are alive; the same lock */
	struct skafu_store *next;
};

/* Every public function begins with it: NULL, forked, closed. */
int32_t skafu__store_check(const skafu_store *store, skafu_error *error);

/* skafu__env_grow(), and whatever knew addresses in the map forgets them.  The gate is held exclusively. */
int32_t skafu__store_grow_map(skafu_store *store, int adopt, skafu_error *error);

/* The same for a caller who holds no gate: takes it meanwhile. */
int32_t skafu__store_grow_at_gate(skafu_store *store, int adopt, skafu_error *error);

/* A child keeps its store open until it is released. */
void skafu__store_hold(skafu_store *store);
void skafu__store_release(skafu_store *store);

#endif

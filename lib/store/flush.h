/*
 * flush.h: which commits LMDB flushes by itself, and which are on the disk in the journal before.
 *
 * A process writes a frame only when it made the newest commit, that one is on the disk or in a frame, and a reader
 * of its own holds the snapshot below the frames, the base: LMDB uses none of its pages anew, so if all that came
 * later is torn by a power cut, the base is whole.  A commit that is too large, that finds no more room, or that does
 * more than add chunks goes the long way, is flushed by LMDB, and makes the frames needless.
 *
 * Whoever finds that another process has committed since, and that there are frames, flushes the log and calls them
 * void before LMDB may write anything, since the reader that holds their base may be dead and gone.  A process that
 * keeps a reader although another one went on writing lets it go with its next read.
 *
 * The writers' lock is held in all functions but skafu__flush_look() and skafu__flush_release().
 */
#ifndef SKAFU__STORE_FLUSH_H
#define SKAFU__STORE_FLUSH_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "store/journal.h"

struct skafu__flush {
	MDB_env *mdb;
	struct skafu__journal journal;
	pthread_mutex_t lock; /* guards base, and is held while a transaction is committed */
	MDB_txn *base;
	_Atomic int has_base;
	_Atomic uint64_t own_txn; /* the newest transaction, as this process knows; 0: it does not */
	uint32_t own_commits;     /* that this process made one behind the other */
	uint32_t make_after;      /* so many of them are worth making the file */
	_Atomic int must_poison;  /* a flush of what is acknowledged failed: nobody may write any more */
};

void skafu__flush_init(struct skafu__flush *flush, const struct skafu__sys *sys);
void skafu__flush_done(struct skafu__flush *flush); /* before LMDB's environment is closed */

/* The environment is open, and is that of a log with a journal of so many bytes; SKAFU_ENOMEM. */
int32_t skafu__flush_attach(struct skafu__flush *flush, MDB_env *mdb, const char *directory, uint32_t bytes,
			    uint32_t make_after);

/* The first opener has found the log whole by itself: no frame is needed. */
void skafu__flush_is_settled(struct skafu__flush *flush);

/* Before a write transaction begins.  SKAFU_EIO: it must not; when must_poison is set, nobody's may. */
int32_t skafu__flush_begin(struct skafu__flush *flush, skafu_error *error);

/* What the transaction adds to the table of chunks. */
void skafu__flush_gather(struct skafu__flush *flush, const MDB_val *key, const MDB_val *value);

/* Have the transaction in the journal, if it can be there and did nothing but what was gathered: 1 it is on the disk,
 * 0 it has to go the long way, SKAFU_EUNKNOWN. */
int32_t skafu__flush_frame(struct skafu__flush *flush, MDB_txn *txn, skafu_error *error);

/* Before a commit goes the long way: what the frames stand for is flushed by itself, so that a flush that fails is
 * not taken for one of the commit, which may be refused for a full disk and tried again.  SKAFU_EIO, as above. */
int32_t skafu__flush_older(struct skafu__flush *flush, skafu_error *error);

/* Commit; 0 or LMDB's code.  is_in_journal is what skafu__flush_frame() has said. */
int skafu__flush_commit(struct skafu__flush *flush, MDB_txn *txn, int is_in_journal);

/* LMDB refused what is in the journal: it goes; SKAFU_EUNKNOWN. */
int32_t skafu__flush_take_back(struct skafu__flush *flush, skafu_error *error);

/* Nothing of older commits can be read in the journal from now on, in a transaction that is to say so.  SKAFU_EIO. */
int32_t skafu__flush_wipe(struct skafu__flush *flush, skafu_error *error);

/* The store closes: what is in frames goes into the log, which is whole by itself then, and no frame counts, so that
 * the log may be exchanged for a copy of it.  SKAFU_EIO, as above. */
int32_t skafu__flush_finish(struct skafu__flush *flush, skafu_error *error);

/* A reader sees this transaction: one that holds a base for nothing goes.  Any thread. */
void skafu__flush_look(struct skafu__flush *flush, uint64_t txn);

/* No reader may be open: the map is about to move. */
void skafu__flush_release(struct skafu__flush *flush);

#endif

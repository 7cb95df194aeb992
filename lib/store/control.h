/*
 * control.h: what the processes that have a store open share beside the log: who writes, who waits, what broke.
 *
 * The file `control` is one page, mapped by every process, and carries two locks of the kernel (POSIX record locks,
 * which end with their process, however it ends):
 *   byte 0  held exclusively by the one process that writes;
 *   byte 1  held shared by every process that has the store open; exclusively, for a moment, by the first, which then
 *           makes the page anew, so that nothing in it outlives its users but a poison mark (see below).
 *   byte 2  held shared by every process that was admitted: the page is made, and the log was looked at.
 *   byte 3  held shared by every process that has the views open; exclusively, for a moment, by the first of them;
 *   byte 4  held exclusively by the one process that opens or makes the files of the views;
 *   byte 5  held exclusively by the one process that writes to the views;
 *   byte 65536 + process number: held by that process as long as it has the views open.
 *
 * Layout, little endian or not as the machine is, since it never leaves the machine:
 *    0  u32  magic "SKCP"       4  u32  version 1
 *    8  16   birth id of the store
 *   24  u64  inode of the pid namespace of the first opener
 *   32  u32  poison: not 0 when a write had an unknown outcome; only an exclusive reopen with a full check clears it
 *   36  u32  word: counts commits; odd while one is being written.  Futex of the sleepers
 *   40  u32  sleepers: how many may be asleep on the word
 *   44  u32  watchers: how many wait through the `wake` file
 *   48  u32  clean: 1 when the last process that had the store open has closed it, and nobody has opened it since
 *
 * Invariant: nothing here is believed more than it can do harm.  Any bytes cost at most needless wake-ups or a
 * refusal (SKAFU_EPOISONED, SKAFU_EDAMAGED); the exclusion of writers rests on the kernel's lock alone.
 *
 * Waking: a writer makes the word odd and wakes before it writes, and makes it even and wakes after; a sleeper that
 * sees an odd word sleeps at most 10 ms at a time, and looks whether the writer still lives (orphan.h).  So a writer
 * that is killed between its commit and its second wake delays nobody by more than that.
 */
#ifndef SKAFU__STORE_CONTROL_H
#define SKAFU__STORE_CONTROL_H

#include <pthread.h>
#include <stdint.h>

#include "base/sys.h"
#include "skafu_base.h"

struct skafu__control_page;

struct skafu__control {
	const struct skafu__sys *sys;
	struct skafu__control_page *page;
	char *path;
	char *wake_path;
	int fd;
	int wake_fd;
	int was_first;    /* this process opened the store when nobody had it open */
	int was_poisoned; /* and found the mark of a write with unknown outcome */
	int was_clean;    /* and the last ones had closed it */
	int is_in_use;    /* the log was found good, and others may come */
	dev_t device;
	ino_t inode;
};

/* Open or make the control file in a directory.  SKAFU_EUNSUPPORTED when the users live in another pid namespace. */
int32_t skafu__control_open(struct skafu__control *control, const struct skafu__sys *sys, const char *directory,
			    skafu_error *error);

/* Once the log is open: the first opener writes the store's birth id into the page, the others compare it. */
int32_t skafu__control_join_birth(struct skafu__control *control, const uint8_t birth[16], skafu_error *error);

/* The first opener synced and checked the log after a write with unknown outcome: writing is allowed again. */
void skafu__control_forgive(struct skafu__control *control);

/* The first opener holds everybody else off until it calls this; a poison mark it found is gone after it. */
int32_t skafu__control_admit_others(struct skafu__control *control, skafu_error *error);
void skafu__control_close(struct skafu__control *control);

/* A control page of one process alone, without files (a store in memory). */
int32_t skafu__control_open_private(struct skafu__control *control, const struct skafu__sys *sys, skafu_error *error);

/* Become the one process that writes; SKAFU_EBUSY after the deadline, naming the holder.  SKAFU_EPOISONED,
 * SKAFU_EDAMAGED when the control file was deleted or cut. */
int32_t skafu__control_lock(struct skafu__control *control, int64_t deadline, skafu_error *error);
void skafu__control_unlock(struct skafu__control *control);

/* SKAFU_EDAMAGED when its path leads to another file, or to none. */
int32_t skafu__control_check_path(const struct skafu__control *control, skafu_error *error);

void skafu__control_poison(struct skafu__control *control);

/* Around the writing of a commit, by the holder of the lock. */
void skafu__control_begin_commit(struct skafu__control *control);
void skafu__control_end_commit(struct skafu__control *control);

/* Sleeping: take the word, look whether what is waited for is there, and only then sleep while the word is the same.
 * skafu__control_sleep returns at the latest at the deadline; the caller looks again. */
uint32_t skafu__control_word(const struct skafu__control *control);
void skafu__control_announce_sleeper(struct skafu__control *control);
void skafu__control_sleep(struct skafu__control *control, uint32_t word, int64_t deadline);
void skafu__control_withdraw_sleeper(struct skafu__control *control);

/* 1 when a process died between skafu__control_begin_commit() and _end_commit().  Blind to other threads of this
 * process: ask with the store's commit_lock held to be sure. */
int skafu__control_is_orphaned(const struct skafu__control *control);

/* Wake all sleepers of all processes; they look again.  Safe in a signal handler. */
void skafu__control_wake_all(struct skafu__control *control);

/* The locks of the views.  Take one, at the latest at the deadline: 0, or an errno (EAGAIN: held by another). */
#define SKAFU__CONTROL_VIEWS_PRESENT 3
#define SKAFU__CONTROL_VIEWS_OPENING 4
#define SKAFU__CONTROL_VIEWS_WRITER 5
#define SKAFU__CONTROL_VIEWS_PROCESS 65536
int skafu__control_views_lock(const struct skafu__control *control, int byte, int exclusive, int64_t deadline);
void skafu__control_views_unlock(const struct skafu__control *control, int byte);

/* The process that holds it; 0 when no other one does. */
int64_t skafu__control_views_holder(const struct skafu__control *control, int byte);

void skafu__control_add_watcher(struct skafu__control *control, int32_t difference);

#endif

/*
 * iotrace.h: every file call of this program, its libraries included, passes here.
 *
 * The test binary itself defines open, write, fdatasync and the rest; the dynamic linker prefers the definitions of
 * the executable, so the calls of a shared library (liblmdb) arrive here too, without LD_PRELOAD.  Calls that libc
 * makes inside itself (stdio) do not.
 *
 * Off, a call costs one load.  On, for the files below one directory, two things can be had, together or alone:
 * a log of what was done (iolog.h), and failures: the n-th call of some classes fails, once or from then on, without
 * having been done, half done, or done all the same.  Files must be opened after the start.  Any thread may call;
 * calls on the files below the directory are then made one at a time, so that the log has their true order.
 *
 * Not followed: descriptors made by dup, stdio, mkstemp, and files changed by other processes.
 */
#ifndef TESTS_FAULT_IOTRACE_H
#define TESTS_FAULT_IOTRACE_H

#include <stdint.h>

#include "fault/iolog.h"

#define IOTRACE_OPEN 0x001u     /* open, openat */
#define IOTRACE_CLOSE 0x002u    /* always closes, whatever it reports */
#define IOTRACE_READ 0x004u     /* read, pread */
#define IOTRACE_WRITE 0x008u    /* write, writev, pwrite, pwritev */
#define IOTRACE_SEEK 0x010u     /* lseek */
#define IOTRACE_SYNC 0x020u     /* fsync, fdatasync, msync; a write to a syncing descriptor counts as a write only */
#define IOTRACE_TRUNCATE 0x040u /* ftruncate */
#define IOTRACE_RENAME 0x080u
#define IOTRACE_UNLINK 0x100u
#define IOTRACE_MKDIR 0x200u
#define IOTRACE_RMDIR 0x400u
#define IOTRACE_MAP 0x800u /* mmap of a file */
#define IOTRACE_CLASSES 12
#define IOTRACE_ALL 0xfffu

enum iotrace_how {
	IOTRACE_NOT_DONE, /* fails, nothing happened */
	IOTRACE_DONE,     /* happened, and is reported as failed; a syncing write then has synced nothing */
	IOTRACE_SHORT,    /* half of a transfer happens, and that is what is reported; other calls: as NOT_DONE */
	IOTRACE_DONE_ONCE /* from then on: the n-th as DONE, the later ones as NOT_DONE, so that none undoes it */
};

struct iotrace_fault {
	unsigned classes;
	uint64_t nth; /* from 1 */
	int from_then_on;
	enum iotrace_how how;
	int error; /* errno */
};

/* Follow everything below root from now on; root must exist.  One at a time. */
void iotrace_start(const char *root);

/* The same for calls that are only to fail: the log leaves out what files contain. */
void iotrace_start_thin(const char *root);

/* Stop following, and get the log (iolog_free it). */
struct iolog *iotrace_stop(void);

/* Put IOLOG_BEGIN or IOLOG_ACK into the log. */
void iotrace_mark(enum iolog_kind kind, uint64_t number);

/* Count calls from now on and fail as told; NULL: stop failing, keep the counts. */
void iotrace_fail(const struct iotrace_fault *fault);
uint64_t iotrace_calls(void);    /* calls of the classes of the fault since it was set */
uint64_t iotrace_failures(void); /* how many of them were made to fail */

/*
 * Faults planted in the program while it runs, as if it had been written wrongly; IOLOG_PLANTS: none.
 *   no sync           fsync and fdatasync do nothing and report success; syncing descriptors still sync
 *   ack before sync   the acknowledgement of the operation under way comes in front of its first sync
 *   meta before data  plain writes wait for the next write through a syncing descriptor and are made after it,
 *                     and a sync of the file in between does nothing
 *   no sync beside the log  a sync of a file without a syncing descriptor, as the journal is, does nothing
 */
void iotrace_plant(enum iolog_plant plant);

/* The name of one class. */
const char *iotrace_class_name(unsigned class_bit);

/* Above 0: this thread is inside the harness, and neither its calls nor its memory count. */
extern _Thread_local int iotrace_inside;

#endif

/*
 * mapkeep.h: shared maps of whole files that outlive their munmap, to be handed out again to whoever maps the same
 * file in the same way.
 *
 * A program that looks at one disk state after the other opens the same few files some thousand times a second, and
 * making their maps, filling the page tables and taking all that down again is a large part of what an open costs.
 * A kept map shows what the file holds, as any shared map does, also when the file was cut or written meanwhile.
 * What it does not show is an access after munmap: that is for the other tests to find, which keep no maps.
 *
 * iotrace.c asks here; without it nothing is kept.  For a process with one thread.
 */
#ifndef TESTS_FAULT_MAPKEEP_H
#define TESTS_FAULT_MAPKEEP_H

#include <stddef.h>
#include <sys/types.h>

/* From here on maps are kept; stop gives up those that nobody has. */
void mapkeep_start(void);
void mapkeep_stop(void);

/* A kept map of this file; NULL when there is none. */
void *mapkeep_take(size_t length, int protection, int flags, int fd, off_t offset);

/* A map was made, to be kept when its owner is through with it. */
void mapkeep_made(void *at, size_t length, int protection, int flags, int fd, off_t offset);

/* Is this the munmap of such a map?  1: it is kept, there is nothing to do. */
int mapkeep_give(void *at, size_t length);

/* How many maps were handed out again. */
unsigned long mapkeep_reused(void);

#endif

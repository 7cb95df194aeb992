/*
 * crashmodel.h: what is on the disk for sure at one point of a log, and what may be there as well.
 *
 * Safe content and names are kept as such; everything that was issued since without a sync is a list of *atoms* in
 * the order of issue.  An atom is a page of a write, a change of size, or a change of a name.  A disk state is a
 * choice among the atoms: one bit mask each, a bit for every sector of a page, any bit for the others.  Atoms that
 * are safe but wait for an earlier one that is not (a syncing write over a plain one) are *forced*: always chosen.
 */
#ifndef TESTS_FAULT_CRASHMODEL_H
#define TESTS_FAULT_CRASHMODEL_H

#include <stddef.h>
#include <stdint.h>

#include "fault/iolog.h"
#include "fault/statedir.h"

#define CRASHMODEL_ALL 0xffu

struct crashmodel;

struct crashmodel *crashmodel_new(const struct iolog *log);
void crashmodel_free(struct crashmodel *model);

/* The atoms of the op-th operation of the log; add puts the part-th of them at the end of the pending ones. */
size_t crashmodel_parts(const struct crashmodel *model, size_t op);
void crashmodel_add(struct crashmodel *model, size_t op, size_t part);

/* The operation is done: what it made safe is safe now.  To be called for every operation, in order. */
void crashmodel_settle(struct crashmodel *model, size_t op);

/* Pending atoms. */
size_t crashmodel_pending(const struct crashmodel *model);
int crashmodel_forced(const struct crashmodel *model, size_t atom);
unsigned crashmodel_sectors(const struct crashmodel *model, size_t atom);

/*
 * Make the model show the state of a choice: choose[i] for each pending atom.  Returns its hash.  grown: files have
 * the size that they would have with everything.  *out_gap (may be NULL): some file is shorter than that, so that
 * asking again with grown = 1 gives another state.
 */
uint64_t crashmodel_select(struct crashmodel *model, const unsigned char *choose, int grown, int *out_gap);

/* The directory of the selected state; borrowed until the next call.  variant: what the mapped files hold. */
size_t crashmodel_wants(struct crashmodel *model, uint64_t variant, const struct statedir_want **out_wants);

#endif

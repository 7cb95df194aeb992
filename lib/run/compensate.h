/*
 * compensate.h: how a process ends: completed, or undone and failed.
 *
 * Invariant: of the commands that undo one at a time is under way; its outcome, accepted, takes it off the list in
 * the commit that sends the next.  So each takes effect once and in order, wherever the program is killed.
 */
#ifndef SKAFU__RUN_COMPENSATE_H
#define SKAFU__RUN_COMPENSATE_H

#include "run/process.h"

#endif

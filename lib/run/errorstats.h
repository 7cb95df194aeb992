/*
 * errorstats.h: what the errors of a log amount to: a projection of the library's own, over records of kind ERROR.
 *
 * Its view is "skafu.errors", with a table for each way to group: code, source, severity, correlation, minute,
 * command.  Key: the value, 1 to 255 bytes.  Value, little endian:
 *    0  u64  warnings    8  u64  errors    16  u64  critical ones
 *   24  u64  sequence of the first    32  u64  of the last
 *   40  i64  when the first was recorded    48  i64  the last
 *
 * Like all views it is a cache: any process may bring it forward, and none has to.
 */
#ifndef SKAFU__RUN_ERRORSTATS_H
#define SKAFU__RUN_ERRORSTATS_H

#include "run/engine.h"

/* The worker that keeps the view up to date while an engine runs. */
int32_t skafu__errorstats_worker(skafu_engine *engine, skafu_error *error);

#endif

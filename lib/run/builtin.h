/*
 * builtin.h: the two tables of what engines run: which component kinds become consumers, and which workers every
 * engine has.  A new part of lib/run has its line here and is known nowhere else.
 */
#ifndef SKAFU__RUN_BUILTIN_H
#define SKAFU__RUN_BUILTIN_H

#include "run/engine.h"

/* Make all workers of a new engine. */
int32_t skafu__builtin_workers(skafu_engine *engine, skafu_error *error);

/* What consumers do about inputs that they set aside; NULL: go on. */
const struct skafu__aside *skafu__builtin_aside(void);

#endif

/*
 * processdef.h: processes as they are defined: components of the model, with one or more versions, that an engine
 * makes one consumer of.
 */
#ifndef SKAFU__RUN_PROCESSDEF_H
#define SKAFU__RUN_PROCESSDEF_H

#include "run/engine.h"

/* A worker of an engine for a component of the kind "process". */
int32_t skafu__processdef_worker(skafu_engine *engine, struct skafu__component *part, skafu_error *error);

#endif

/*
 * projecting.h: the projections of a model as workers of an engine.
 */
#ifndef SKAFU__RUN_PROJECTING_H
#define SKAFU__RUN_PROJECTING_H

#include "run/engine.h"

int32_t skafu__projecting_worker(skafu_engine *engine, struct skafu__component *part, skafu_error *error);

#endif

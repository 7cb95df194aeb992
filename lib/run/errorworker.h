/*
 * errorworker.h: an engine's part in the error bus: it brings what waits into the log, and reports its own failures.
 */
#ifndef SKAFU__RUN_ERRORWORKER_H
#define SKAFU__RUN_ERRORWORKER_H

#include "run/engine.h"

int32_t skafu__errorworker(skafu_engine *engine, skafu_error *error);

/* The store failed in a step of this engine. */
void skafu__errorworker_failed(skafu_engine *engine, int32_t code, const skafu_error *error);

#endif

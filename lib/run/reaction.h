/*
 * reaction.h: reactions: components of the model that an engine makes consumers of.
 */
#ifndef SKAFU__RUN_REACTION_H
#define SKAFU__RUN_REACTION_H

#include "run/engine.h"

int32_t skafu__reaction_worker(skafu_engine *engine, struct skafu__component *part, skafu_error *error);

#endif

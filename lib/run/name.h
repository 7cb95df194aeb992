/*
 * name.h: names of consumers: unique in the store over all kinds, and not in the library's own room.
 *
 * "domain:" begins the names of the deciders of recorded commands, "skafu." those of the library's own tables.
 */
#ifndef SKAFU__RUN_NAME_H
#define SKAFU__RUN_NAME_H

#include "model/model.h"
#include "skafu_run.h"

/* May the host give this name to a consumer?  With a model: and no component but of other versions has it. */
int32_t skafu__run_name_check(const skafu_model *model, const char *name, const char *kind, skafu_error *error);

#endif

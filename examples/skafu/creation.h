/*
 * creation.h: the process that follows the creation of a project through the domains.
 */
#ifndef SKAFU_APP_CREATION_H
#define SKAFU_APP_CREATION_H

#include <skafu_run.h>

int32_t creation_define(skafu_model *model, const char *domain, skafu_error *error);

#endif

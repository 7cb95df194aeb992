/*
 * callsrest.h: how each function of skafu_watch.h, skafu_base.h and of the kit is called, for callscene.h.
 */
#ifndef TESTS_FAULT_CALLSREST_H
#define TESTS_FAULT_CALLSREST_H

#include "fault/callscene.h"

extern const struct callrow callsrest_rows[];
extern const size_t callsrest_count;

#endif

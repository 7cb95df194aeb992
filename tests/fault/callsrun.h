/*
 * callsrun.h: how each function of skafu_run.h is called, for callscene.h.
 */
#ifndef TESTS_FAULT_CALLSRUN_H
#define TESTS_FAULT_CALLSRUN_H

#include "fault/callscene.h"

extern const struct callrow callsrun_rows[];
extern const size_t callsrun_count;

#endif

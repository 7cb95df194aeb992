/*
 * callsmodel.h: how each function of skafu_model.h is called, for callscene.h.
 */
#ifndef TESTS_FAULT_CALLSMODEL_H
#define TESTS_FAULT_CALLSMODEL_H

#include "fault/callscene.h"

extern const struct callrow callsmodel_rows[];
extern const size_t callsmodel_count;

#endif

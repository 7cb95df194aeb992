/*
 * context.h: the variables that an example of a man page may use without declaring them, as a reader would expect.
 */
#ifndef TESTS_DOC_CONTEXT_H
#define TESTS_DOC_CONTEXT_H

#include "skafu_base.h"

extern skafu_error *error;
extern int32_t result;

#ifdef SKAFU_STORE_H
extern skafu_store *store;
extern skafu_batch *batch;
extern skafu_query *query;
extern skafu_cursor *cursor;
extern const skafu_record *record;
#endif

#ifdef SKAFU_MODEL_H
extern skafu_model *model;
#endif

#ifdef SKAFU_RUN_H
extern skafu_engine *engine;
extern skafu_subscription *subscription;
#endif

#endif

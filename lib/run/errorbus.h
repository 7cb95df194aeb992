/*
 * errorbus.h: the way of every error into the log: what the host reports, what handlers do, what the store cannot.
 *
 * Errors that are alike (source, code, severity, service, function) are recorded one by one up to 16 in a second;
 * those beyond that are counted, and when the second is over one record says how many there were.  An error that
 * cannot be appended waits in a ring of bounded size and is tried again with the next one, by each engine, and when
 * the model is closed; what finds no room is counted as lost, and the log sink has seen it.
 *
 * Invariant: reporting never fails for want of a working store, takes a bounded time and a bounded memory.
 */
#ifndef SKAFU__RUN_ERRORBUS_H
#define SKAFU__RUN_ERRORBUS_H

#include <stdint.h>

#include "run/errorrecord.h"
#include "skafu_run.h"

#define SKAFU__ERRORBUS_STORM 16u /* alike errors in a second that are recorded one by one */

struct skafu__errorbus;

/* The bus of a model, made when there is none yet; it lives as long as the model. */
int32_t skafu__errorbus_of(skafu_model *model, struct skafu__errorbus **out, skafu_error *error);

/* Record an error, now or later.  SKAFU_ENOMEM when it cannot even be kept. */
int32_t skafu__errorbus_report(struct skafu__errorbus *bus, const struct skafu__error_fields *fields,
			       skafu_error *error);

/* 1 when this error is to be recorded on its own, 0 when it was counted into a storm: for those who put the record
 * into a commit of theirs (skafu__errorrecord_add). */
int skafu__errorbus_admit(struct skafu__errorbus *bus, const struct skafu__error_fields *fields);

/* Append what waits, and what storms that are over amount to. */
void skafu__errorbus_flush(struct skafu__errorbus *bus);

/* When there is something to flush, on the monotonic clock; INT64_MAX: nothing. */
int64_t skafu__errorbus_due_ns(struct skafu__errorbus *bus);

uint64_t skafu__errorbus_waiting(struct skafu__errorbus *bus);
uint64_t skafu__errorbus_lost(struct skafu__errorbus *bus);

#endif

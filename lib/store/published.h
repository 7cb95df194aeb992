/*
 * published.h: tell listeners which records a flush brought into the log.
 *
 * Runs of records that are alike (kind, source, severity) are told as one, so a batch of one domain costs one report,
 * and nothing is looked at when nobody listens.  Retries are not told again.
 */
#ifndef SKAFU__STORE_PUBLISHED_H
#define SKAFU__STORE_PUBLISHED_H

#include "skafu_store.h"

/* After the batch was flushed with this outcome, and while the batch is as it was. */
void skafu__published_report(skafu_store *store, const skafu_batch *batch, const skafu_appended *outcome);

#endif

/*
 * judge.h: may this batch be appended?  In this order, all against the log before the batch, the first failure
 * explained: commit id, record ids, rows, streams as given, queries as given.
 */
#ifndef SKAFU__STORE_JUDGE_H
#define SKAFU__STORE_JUDGE_H

#include <stdint.h>

#include "store/writer.h"

/* 0: append it.  1: it is in the log already, *out says where.  A negative code: refused. */
int32_t skafu__judge(struct skafu__writer *writer, skafu_batch *batch, struct skafu_appended *out,
		     skafu_error *error);

/* What the log says of a commit that was found; stream_version is that of its last event. */
int32_t skafu__judge_outcome(const struct skafu__commit *commit, struct skafu_appended *out, skafu_error *error);

#endif

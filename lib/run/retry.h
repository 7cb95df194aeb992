/*
 * retry.h: what follows the failure of a handler, as a pure function of the policy, the attempts and a random
 * number.
 */
#ifndef SKAFU__RUN_RETRY_H
#define SKAFU__RUN_RETRY_H

#include <stdint.h>

#include "skafu_run.h"

/* The policy with everything filled in; SKAFU_EINVAL when it is none.  NULL: all defaults. */
int32_t skafu__retry_read(const skafu_retry_policy *given, skafu_retry_policy *out, skafu_error *error);

/* Nanoseconds to wait after so many attempts (from 1) failed; -1: give up.  random: any number, it shortens. */
int64_t skafu__retry_delay(const skafu_retry_policy *policy, uint32_t attempts, uint64_t random);

#endif

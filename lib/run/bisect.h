/*
 * bisect.h: which event made something true?
 *
 * The state of a decider is folded once, with a look after every event, so a predicate may turn true and false again.
 * A view is as expensive as all events before it, so there the range is halved, and the predicate must stay true once
 * it is; a range of n events takes log2(n) views.  What there is to call is in skafu_run.h.
 */
#ifndef SKAFU__RUN_BISECT_H
#define SKAFU__RUN_BISECT_H

#include "skafu_run.h"

#endif

/*
 * sink.h: functions of the host that are told about alarms, and the call of them.
 *
 * They run inside skafu_watch_step() alone, in its thread and without a lock, and may end that thread.
 */
#ifndef SKAFU__WATCH_SINK_H
#define SKAFU__WATCH_SINK_H

#include "watch/watch.h"

/* Tell all sinks all changes, each change once. */
void skafu__sinks_tell(skafu_watch *watch);

/* Release the sinks' user pointers. */
void skafu__sinks_done(skafu_watch *watch);

#endif

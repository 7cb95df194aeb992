/*
 * replayblock.h: records of a session's range through reactions, processes, and into another store.
 */
#ifndef SKAFU__RUN_REPLAYBLOCK_H
#define SKAFU__RUN_REPLAYBLOCK_H

#include "run/replaysession.h"

/*
 * Up to records_max of the records that come next: 0, or a negative code.  SKAFU_EROW: the log says otherwise than
 * this process believed, so the session must be opened anew.  A failure that is the session's own, and not one of the
 * store, sets *out_fatal.
 */
int32_t skafu__replay_block(struct skafu__replay_session *session, uint32_t records_max, uint32_t *out_done,
			    int *out_fatal, skafu_error *error);

/* The next record: 1 and the record, lent, which the next block begins with; 0 when there is none. */
int32_t skafu__replay_peek(struct skafu__replay_session *session, const skafu_record **out_record,
			   skafu_error *error);

#endif

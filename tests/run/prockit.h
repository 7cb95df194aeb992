/*
 * prockit.h: a process that does what its inputs say, for the tests of processes.
 *
 * Inputs are events of the shop with data {"do":"..."}; the instance is the stream.  Ordered starts one, Paid
 * continues it, Cancelled stops it.  Each letter is one deed of the function act:
 *   s  send Order to "sub/<stream>"         u  undo with Order to "undo/<stream>"     U  undo with Refuse
 *   c  compensate                           e  complete                               f  fail, while kit->fails
 *   t  set timer "t" to kit->due: a Paid    T  likewise "T"                           x  cancel timer "t"
 *   m  emit Reserved to "out/<stream>"      i  fail always                            w  call it wrongly: kit->wrong
 */
#ifndef SKAFU_TESTS_RUN_PROCKIT_H
#define SKAFU_TESTS_RUN_PROCKIT_H

#include "run/kit.h"

struct prockit {
	struct kit kit;
	uint32_t routed;
	uint32_t acted;
	uint32_t evolved;
	uint32_t fails;
	uint32_t freed;
	uint32_t versions[4]; /* acts of versions 0 to 3 */
	int64_t due;
	const char *route_to; /* this instance, whatever the input */
	int32_t wrong[8];
	uint32_t wrong_count;
	char trail[256]; /* deeds, as the state of the instance that acted last remembers them */
	char order[512]; /* "stream:do " of each act */
};

void prockit_open(struct prockit *kit);
void prockit_close(struct prockit *kit);
void prockit_reopen(struct prockit *kit); /* another model, without the process */

/* Define process "p" in a version. */
skafu_process_def prockit_def(struct prockit *kit, uint32_t version);
void prockit_define(struct prockit *kit, uint32_t version, const skafu_retry_policy *retry);
const skafu_source *prockit_source(void);

/* Append an input; its sequence.  NULL: no data. */
uint64_t prockit_tell(struct prockit *kit, const char *type, const char *stream, const char *deeds);
void prockit_run(struct prockit *kit);

/* "state version steps code" of an instance, "none" when there is none. */
const char *prockit_instance(struct prockit *kit, const char *instance);
uint32_t prockit_rows(struct prockit *kit, const char *table);

/* Streams of records of a kind and type, in order. */
const char *prockit_streams(struct prockit *kit, uint32_t kind, const char *type);

/* Try a dead letter again as an operator's retry does: 0, or the code with which it failed again. */
int32_t prockit_retry(struct prockit *kit, const char *instance, uint64_t sequence);

#endif

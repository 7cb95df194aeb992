/*
 * kit.h: what the tests of lib/run share: a store, a model with two domains, and reactions that count.
 *
 * Domain "shop" emits Ordered, Paid and Cancelled; domain "stock" emits Reserved.  The shop decides the commands
 * Order (emits Ordered), Refuse (refuses), Nothing and Fail (the host fails) on streams.
 */
#ifndef SKAFU_TESTS_RUN_KIT_H
#define SKAFU_TESTS_RUN_KIT_H

#include <check.h>
#include <stdint.h>

#include "base/error.h"
#include "run/engine.h"
#include "skafu_run.h"
#include "store/tempstore.h"

struct kit {
	struct tempstore temp; /* when it has files */
	skafu_store *store;
	skafu_model *model;
	skafu_engine *engine;
	uint32_t handled;
	uint32_t effects;  /* that were to be done */
	uint32_t muted;
	uint32_t fails;    /* so many attempts fail from now on */
	uint32_t freed;
	uint32_t decided;
	uint64_t last;     /* sequence handled last */
};

void kit_open(struct kit *kit);       /* in memory, with the domains */
void kit_open_files(struct kit *kit); /* the same in a directory */
void kit_close(struct kit *kit);

/* Another model, as another process would have it; the domains are in it.  And another store, over the same files. */
void kit_reopen(struct kit *kit);
void kit_reopen_files(struct kit *kit);
void kit_domains(skafu_model *model, struct kit *kit);

/* "reserve": for each Ordered emits a Reserved to the stream "stock/<stream>", asks for an effect, and fails while
 * kit->fails. */
int32_t kit_reserve(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error);
void kit_add_reaction(struct kit *kit, const char *name, const skafu_source *source, const skafu_retry_policy *retry,
		      skafu_react_fn react);
skafu_source kit_source(const char *const *types, size_t count);
void kit_run(struct kit *kit);   /* opens the engine when there is none, and drains it */
void kit_engine(struct kit *kit); /* opens it */
void kit_stop(struct kit *kit);  /* closes it */
void kit_freed(void *user);

/* Append an Ordered to a stream; its sequence. */
uint64_t kit_order(struct kit *kit, const char *stream);
void kit_orders(struct kit *kit, uint32_t count, uint32_t streams);

/* How many records of a kind and type (NULL: any) there are. */
uint32_t kit_count(skafu_store *store, uint32_t kind, const char *type);
struct skafu__consumer *kit_consumer(struct kit *kit, const char *name);

#endif

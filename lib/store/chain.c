#include "store/chain.h"

#include <string.h>

#include "base/error.h"
#include "codec/canonical.h"
#include "store/install.h"
#include "store/store.h"

#define CHAIN_CLOSE_WAIT_NS UINT64_C(20000000)

int32_t skafu__chain_take(const skafu_store *store, uint8_t chain[SKAFU__CHAIN_BYTES],
			  const struct skafu__commit *commit, struct skafu__buf *scratch, skafu_error *error)
{
	skafu__buf_clear(scratch);
	int32_t rc = skafu__commit_canonical(commit, skafu__names_of, &store->names, scratch);
	if (rc == SKAFU_ENOMEM || rc == SKAFU_ELIMIT)
		return skafu__fail_memory(error);
	if (rc != 0)
		return skafu__fail(error, SKAFU_EDAMAGED,
				   "commit %llu is damaged, so the hash chain cannot go on; verify the "
				   "store",
				   (unsigned long long)commit->number);
	skafu__chain_link(chain, scratch->bytes, scratch->length);
	return 0;
}

/* Link commits into *state until then, at least one: 1 there are more. */
static int32_t chain_walk(skafu_store *store, struct skafu__view *view, struct skafu__index_state *state,
			  int64_t until, skafu_error *error)
{
	struct skafu__buf scratch;
	skafu__buf_init(&scratch, &store->sys, SIZE_MAX / 2);
	int32_t rc = skafu__view_walk(view, state->chained_commit, state->chained_sequence, error);
	while (rc == 0) {
		rc = skafu__view_walk_next(view, error);
		if (rc <= 0)
			break;
		rc = skafu__chain_take(store, state->chain, &view->current, &scratch, error);
		if (rc != 0)
			break;
		state->chained_commit = view->current.number;
		state->chained_sequence = skafu__commit_last_sequence(&view->current);
		if (store->sys.monotonic_ns() > until) {
			rc = 1;
			break;
		}
	}
	skafu__buf_done(&scratch);
	return rc;
}

struct chain_plan {
	const skafu_store *store;
	struct skafu__index_state before;
	struct skafu__index_state after;
};

static int32_t chain_put(void *user, MDB_txn *txn, skafu_error *error)
{
	const struct chain_plan *plan = user;
	return skafu__index_put(plan->store, txn, &plan->before, &plan->after, error);
}

int32_t skafu__chain_step(skafu_store *store, uint64_t walk_ns, int64_t deadline, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	struct chain_plan plan = {.store = store, .before = view.index, .after = view.index};
	if (plan.after.chained_commit == 0)
		skafu__chain_start(store->format.birth, plan.after.chain);
	rc = chain_walk(store, &view, &plan.after, skafu__deadline(&store->sys, walk_ns), error);
	skafu__view_close(&view);
	if (rc < 0 || plan.after.chained_commit == plan.before.chained_commit)
		return rc;
	int32_t result = skafu__install_run(store, &plan.before, chain_put, &plan, deadline, error);
	return result ? result : rc; /* 1 also when somebody else was faster: look again */
}

void skafu__chain_at_close(skafu_store *store)
{
	struct skafu_error ignored = {0};
	if (store->read_only || !store->path || atomic_load(&store->appends) == 0 ||
	    pthread_mutex_trylock(&store->fold_lock) != 0)
		return;
	(void)skafu__chain_step(store, SKAFU__CHAIN_WALK_NS, skafu__deadline(&store->sys, CHAIN_CLOSE_WAIT_NS),
				&ignored);
	pthread_mutex_unlock(&store->fold_lock);
}

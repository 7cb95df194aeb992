#include "store/chain.h"

#include <string.h>

#include "base/error.h"
#include "codec/canonical.h"
#include "store/install.h"
#include "store/store.h"
#include "store/writelock.h"

#define CHAIN_CLOSE_WAIT_NS UINT64_C(20000000)
#define CHAIN_TIME_NS 20000000 /* of one step: the view holds the gate meanwhile */

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

/* Link commits into *state for as long as a step may take: 1 there are more. */
static int32_t chain_walk(skafu_store *store, struct skafu__view *view, struct skafu__index_state *state,
			  skafu_error *error)
{
	struct skafu__buf scratch;
	int64_t until = store->sys.monotonic_ns() + CHAIN_TIME_NS;
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

static int32_t chain_install(skafu_store *store, const struct skafu__index_state *before,
			     const struct skafu__index_state *after, int64_t deadline, skafu_error *error)
{
	struct skafu__install install = {.store = store, .before = before};
	int32_t rc = skafu__writelock_take(store, deadline, error);
	if (rc != 0)
		return rc;
	do {
		rc = skafu__install_begin(&install, error);
		if (rc == 0) {
			rc = skafu__index_put(store, install.txn, before, after, error);
			rc = skafu__install_end(&install, rc, error);
		}
	} while (rc == SKAFU_EFULL && skafu__install_grow(&install, error) == 0);
	skafu__writelock_release(store);
	return rc;
}

int32_t skafu__chain_step(skafu_store *store, int64_t deadline, skafu_error *error)
{
	struct skafu__view view;
	int32_t rc = skafu__view_open(store, &view, error);
	if (rc != 0)
		return rc;
	struct skafu__index_state before = view.index;
	struct skafu__index_state after = before;
	if (after.chained_commit == 0)
		skafu__chain_start(store->format.birth, after.chain);
	rc = chain_walk(store, &view, &after, error);
	skafu__view_close(&view);
	if (rc < 0 || after.chained_commit == before.chained_commit)
		return rc;
	int32_t result = chain_install(store, &before, &after, deadline, error);
	return result ? result : rc; /* 1 also when somebody else was faster: look again */
}

void skafu__chain_at_close(skafu_store *store)
{
	struct skafu_error ignored = {0};
	if (store->read_only || !store->path || atomic_load(&store->appends) == 0 ||
	    pthread_mutex_trylock(&store->fold_lock) != 0)
		return;
	(void)skafu__chain_step(store, skafu__deadline(&store->sys, CHAIN_CLOSE_WAIT_NS), &ignored);
	pthread_mutex_unlock(&store->fold_lock);
}

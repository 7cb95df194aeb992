/*
 * maintain.c: the upkeep that appends do by themselves, for hosts that want it at a time of their own.
 */
#include "skafu_store.h"

#include "base/error.h"
#include "store/chain.h"
#include "store/clear.h"
#include "store/fold.h"
#include "store/merge.h"
#include "store/store.h"

static int32_t maintain_once(skafu_store *store, int64_t deadline, skafu_error *error)
{
	int32_t rc = skafu__fold_once(store, deadline, error);
	if (rc == 0)
		rc = skafu__merge_step(store, deadline, error);
	if (rc == 0)
		rc = skafu__chain_step(store, SKAFU__CHAIN_WALK_NS, deadline, error);
	return rc ? rc : skafu__clear_step(store, deadline, error);
}

int32_t skafu_store_maintain(skafu_store *store, uint64_t budget_ns, skafu_error *error)
{
	int32_t rc = skafu__store_check(store, error);
	if (rc != 0)
		return rc;
	if (store->read_only)
		return skafu__fail(error, SKAFU_EREADONLY, "the store is open for reading only");
	struct skafu_error own = {0};
	int64_t deadline = skafu__deadline(&store->sys, budget_ns);
	pthread_mutex_lock(&store->fold_lock);
	do
		rc = maintain_once(store, deadline, &own);
	while (rc == 1 && skafu__time_left(&store->sys, deadline) != 0);
	pthread_mutex_unlock(&store->fold_lock);
	if (rc == SKAFU_EBUSY)
		return 1; /* others wrote for the whole budget: the work is still there */
	return rc < 0 ? skafu__error_copy(error, &own, rc) : rc;
}

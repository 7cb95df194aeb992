#include "store/writelock.h"

#include <time.h>

#include "base/error.h"
#include "store/store.h"

/* That all processes still agree through the same files. */
static int32_t writelock_check_files(skafu_store *store, skafu_error *error)
{
	if (skafu__dirtime_is_same(&store->dirtime))
		return 0;
	int32_t rc = skafu__control_check_path(&store->control, error);
	if (rc == 0)
		rc = skafu__env_check_lock(&store->env, error);
	if (rc == 0)
		skafu__dirtime_trust(&store->dirtime);
	return rc;
}

static int32_t writelock_take_from_others(skafu_store *store, int64_t deadline, skafu_error *error)
{
	int32_t rc = skafu__control_lock(&store->control, deadline, error);
	if (rc != 0)
		return rc;
	rc = writelock_check_files(store, error);
	if (rc != 0)
		skafu__control_unlock(&store->control);
	return rc;
}

int32_t skafu__writelock_take(skafu_store *store, int64_t deadline, skafu_error *error)
{
	struct timespec until = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};
	int rc = deadline == INT64_MAX ? pthread_mutex_lock(&store->commit_lock)
				       : pthread_mutex_clocklock(&store->commit_lock, CLOCK_MONOTONIC, &until);
	if (rc != 0) {
		skafu__fail(error, SKAFU_EBUSY,
			    "another thread of this process (%lld) is writing and did not finish in "
			    "time; try again, or allow more time",
			    (long long)store->pid);
		skafu__error_set_pid(error, store->pid);
		return SKAFU_EBUSY;
	}
	int32_t result = writelock_take_from_others(store, deadline, error);
	if (result != 0)
		pthread_mutex_unlock(&store->commit_lock);
	return result;
}

void skafu__writelock_release(skafu_store *store)
{
	if (atomic_load(&store->env.flush.must_poison))
		skafu__control_poison(&store->control);
	skafu__control_unlock(&store->control);
	pthread_mutex_unlock(&store->commit_lock);
}

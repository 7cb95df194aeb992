#include "model/handling.h"

#include <time.h>

#include "base/error.h"

void skafu__handling_init(struct skafu__handling *handling)
{
	pthread_condattr_t monotonic;
	pthread_mutex_init(&handling->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&handling->free, &monotonic);
	pthread_condattr_destroy(&monotonic);
	handling->busy = 0;
}

void skafu__handling_done(struct skafu__handling *handling)
{
	pthread_cond_destroy(&handling->free);
	pthread_mutex_destroy(&handling->lock);
}

static void handling_unlock(void *arg)
{
	pthread_mutex_unlock(arg);
}

/* Waiting on a condition is where a thread can be cancelled. */
int32_t skafu__handling_enter(struct skafu__handling *handling, int64_t deadline, skafu_error *error)
{
	struct timespec until = {.tv_sec = deadline / 1000000000, .tv_nsec = deadline % 1000000000};
	int rc = 0;
	pthread_mutex_lock(&handling->lock);
	pthread_cleanup_push(handling_unlock, &handling->lock);
	while (handling->busy && rc == 0)
		rc = deadline == INT64_MAX ? pthread_cond_wait(&handling->free, &handling->lock)
					   : pthread_cond_timedwait(&handling->free, &handling->lock, &until);
	rc = handling->busy;
	if (!rc)
		handling->busy = 1;
	pthread_cleanup_pop(1);
	return rc ? skafu__fail(error, SKAFU_EBUSY, "another thread of this process runs a handler of this model "
				"and was not done in time; try again, or allow more time") : 0;
}

void skafu__handling_leave(struct skafu__handling *handling)
{
	pthread_mutex_lock(&handling->lock);
	handling->busy = 0;
	pthread_cond_signal(&handling->free);
	pthread_mutex_unlock(&handling->lock);
}

#include "base/forklock.h"

#include <sched.h>

#include "base/sys.h"

void skafu__forklock_init(struct skafu__forklock *lock)
{
	pthread_mutex_init(&lock->mutex, NULL);
	atomic_init(&lock->mark, skafu__fork_mark());
}

void skafu__forklock_done(struct skafu__forklock *lock)
{
	pthread_mutex_destroy(&lock->mutex);
}

/* 1 and the lock is held, 0 when it is this process's already. */
static int forklock_take_over(struct skafu__forklock *lock, uint64_t mark)
{
	uint64_t seen = atomic_load_explicit(&lock->mark, memory_order_acquire);

	while (seen != mark) {
		if (seen == ~mark) {
			sched_yield();
			seen = atomic_load_explicit(&lock->mark, memory_order_acquire);
		} else if (atomic_compare_exchange_strong(&lock->mark, &seen, ~mark)) {
			pthread_mutex_init(&lock->mutex, NULL);
			pthread_mutex_lock(&lock->mutex);
			atomic_store_explicit(&lock->mark, mark, memory_order_release);
			return 1;
		}
	}
	return 0;
}

int skafu__forklock_take(struct skafu__forklock *lock)
{
	if (forklock_take_over(lock, skafu__fork_mark()))
		return 1;
	pthread_mutex_lock(&lock->mutex);
	return 0;
}

void skafu__forklock_release(struct skafu__forklock *lock)
{
	pthread_mutex_unlock(&lock->mutex);
}

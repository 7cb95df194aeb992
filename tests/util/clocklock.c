/*
 * clocklock.c: for the thread sanitizer only, which does not know pthread_mutex_clocklock() and so takes the mutex
 * for not locked.  The one that it knows takes the wall clock, which is good enough while nobody sets it.
 */
#include <pthread.h>
#include <time.h>

#define CLOCKLOCK_SECOND 1000000000

#if defined(__SANITIZE_THREAD__)
int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until)
{
	struct timespec there;
	struct timespec here;

	clock_gettime(clock, &there);
	clock_gettime(CLOCK_REALTIME, &here);
	here.tv_sec += until->tv_sec - there.tv_sec;
	here.tv_nsec += until->tv_nsec - there.tv_nsec;
	while (here.tv_nsec < 0) {
		here.tv_nsec += CLOCKLOCK_SECOND;
		here.tv_sec--;
	}
	while (here.tv_nsec >= CLOCKLOCK_SECOND) {
		here.tv_nsec -= CLOCKLOCK_SECOND;
		here.tv_sec++;
	}
	return pthread_mutex_timedlock(mutex, &here);
}
#else
typedef int clocklock_is_empty;
#endif

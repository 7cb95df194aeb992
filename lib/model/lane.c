#include "model/lane.h"

#include <errno.h>
#include <time.h>

#include "codec/hash.h"

struct skafu__lane {
	struct skafu__lane *next;
	uint64_t key; /* a hash: two streams that share one only wait for each other */
	uint32_t users;
	pthread_mutex_t mutex; /* robust: a thread may end in it */
};

void skafu__lanes_init(struct skafu__lanes *lanes, const struct skafu__sys *sys)
{
	lanes->sys = sys;
	lanes->first = NULL;
	pthread_mutex_init(&lanes->lock, NULL);
}

/* A mutex whose thread has ended is taken over before it goes. */
static void lane_free(struct skafu__lanes *lanes, struct skafu__lane *lane)
{
	int rc = pthread_mutex_trylock(&lane->mutex);
	if (rc == EOWNERDEAD)
		rc = pthread_mutex_consistent(&lane->mutex);
	if (rc == 0)
		pthread_mutex_unlock(&lane->mutex);
	pthread_mutex_destroy(&lane->mutex);
	skafu__free(lanes->sys, lane);
}

void skafu__lanes_done(struct skafu__lanes *lanes)
{
	while (lanes->first) {
		struct skafu__lane *lane = lanes->first;
		lanes->first = lane->next;
		lane_free(lanes, lane);
	}
	pthread_mutex_destroy(&lanes->lock);
}

static struct skafu__lane *lane_make(struct skafu__lanes *lanes, uint64_t key)
{
	pthread_mutexattr_t attributes;
	struct skafu__lane *lane = skafu__alloc_zeroed(lanes->sys, 1, sizeof *lane);
	if (!lane)
		return NULL;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&lane->mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	lane->key = key;
	lane->next = lanes->first;
	lanes->first = lane;
	return lane;
}

static struct skafu__lane *lane_join(struct skafu__lanes *lanes, uint64_t key)
{
	pthread_mutex_lock(&lanes->lock);
	struct skafu__lane *lane = lanes->first;
	while (lane && lane->key != key)
		lane = lane->next;
	if (!lane)
		lane = lane_make(lanes, key);
	if (lane)
		lane->users++;
	pthread_mutex_unlock(&lanes->lock);
	return lane;
}

static void lane_quit(struct skafu__lanes *lanes, struct skafu__lane *lane)
{
	pthread_mutex_lock(&lanes->lock);
	if (--lane->users == 0) {
		struct skafu__lane **link = &lanes->first;
		while (*link != lane)
			link = &(*link)->next;
		*link = lane->next;
		lane_free(lanes, lane);
	}
	pthread_mutex_unlock(&lanes->lock);
}

static int lane_lock(const struct skafu__lanes *lanes, struct skafu__lane *lane, int64_t wait_ns)
{
	int rc = pthread_mutex_trylock(&lane->mutex);
	if (rc == EBUSY && wait_ns > 0) {
		int64_t until_ns = lanes->sys->monotonic_ns() + wait_ns;
		struct timespec until = {.tv_sec = until_ns / 1000000000, .tv_nsec = until_ns % 1000000000};
		rc = pthread_mutex_clocklock(&lane->mutex, CLOCK_MONOTONIC, &until);
	}
	if (rc == EOWNERDEAD)
		rc = pthread_mutex_consistent(&lane->mutex);
	return rc;
}

struct skafu__lane *skafu__lane_enter(struct skafu__lanes *lanes, const void *key, size_t length, int64_t wait_ns)
{
	static const uint8_t no_secret[SKAFU__HASH_KEY_BYTES];
	struct skafu__lane *lane = lane_join(lanes, skafu__hash64(no_secret, key, length));
	if (lane && lane_lock(lanes, lane, wait_ns) != 0) {
		lane_quit(lanes, lane);
		return NULL;
	}
	return lane;
}

void skafu__lane_leave(struct skafu__lanes *lanes, struct skafu__lane *lane)
{
	if (!lane)
		return;
	pthread_mutex_unlock(&lane->mutex);
	lane_quit(lanes, lane);
}

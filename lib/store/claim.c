#include "store/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "store/control.h"

#define CLAIM_FIRST_BYTE (INT64_C(1) << 32)
#define CLAIM_TABLE_BYTES_MAX (UINT64_C(16) << 20)

void skafu__claims_init(struct skafu__claims *claims, const struct skafu__sys *sys,
			const struct skafu__control *control)
{
	pthread_mutex_init(&claims->lock, NULL);
	claims->control = control;
	skafu__map_init(&claims->held, sys, CLAIM_TABLE_BYTES_MAX, 3);
}

void skafu__claims_done(struct skafu__claims *claims)
{
	skafu__map_done(&claims->held);
	pthread_mutex_destroy(&claims->lock);
}

static int claim_has_file(const struct skafu__claims *claims)
{
	return claims->control && claims->control->fd >= 0;
}

static struct flock claim_lock(uint64_t number, uint32_t count, short type)
{
	const uint64_t mask = (UINT64_C(1) << SKAFU__CLAIM_BITS) - 1;
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_len = count};
	lock.l_start = CLAIM_FIRST_BYTE + (int64_t)(number & mask);
	return lock;
}

/* 0, or errno. */
static int claim_set(const struct skafu__claims *claims, uint64_t number, short type)
{
	struct flock lock = claim_lock(number, 1, type);
	int rc;
	if (!claim_has_file(claims))
		return 0;
	do
		rc = fcntl(claims->control->fd, F_SETLK, &lock);
	while (rc != 0 && errno == EINTR);
	return rc == 0 ? 0 : errno;
}

static int32_t claim_try(struct skafu__claims *claims, uint64_t number, skafu_error *error)
{
	if (skafu__map_find(&claims->held, &number, sizeof number))
		return 0;
	if (skafu__map_insert(&claims->held, &number, sizeof number, 1) < 0)
		return skafu__fail_memory(error);
	int rc = claim_set(claims, number, F_WRLCK);
	if (rc == 0)
		return 1;
	skafu__map_remove(&claims->held, &number, sizeof number);
	if (rc == EACCES || rc == EAGAIN)
		return 0;
	return skafu__fail_os(error, rc, "locking %s", claims->control->path);
}

int32_t skafu__claim_try(struct skafu__claims *claims, uint64_t number, skafu_error *error)
{
	pthread_mutex_lock(&claims->lock);
	int32_t rc = claim_try(claims, number, error);
	pthread_mutex_unlock(&claims->lock);
	return rc;
}

void skafu__claim_release(struct skafu__claims *claims, uint64_t number)
{
	pthread_mutex_lock(&claims->lock);
	if (skafu__map_remove(&claims->held, &number, sizeof number))
		claim_set(claims, number, F_UNLCK);
	pthread_mutex_unlock(&claims->lock);
}

/* The kernel names the first lock of another process in a range; locks of one process that touch are one to it. */
static uint32_t claim_count_others(const struct skafu__claims *claims, uint64_t first, uint32_t count,
				   int64_t *pid)
{
	uint32_t found = 0;
	uint32_t at = 0;
	while (claim_has_file(claims) && at < count) {
		struct flock lock = claim_lock(first + at, count - at, F_WRLCK);
		int64_t start = lock.l_start;
		if (fcntl(claims->control->fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
			break;
		if (*pid == 0)
			*pid = lock.l_pid;
		int64_t from = lock.l_start > start ? lock.l_start - start : 0;
		int64_t to = lock.l_len == 0 ? (int64_t)(count - at) : lock.l_start + lock.l_len - start;
		if (to > (int64_t)(count - at))
			to = (int64_t)(count - at);
		if (to <= from)
			break;
		found += (uint32_t)(to - from);
		at += (uint32_t)to;
	}
	return found;
}

uint32_t skafu__claim_count(struct skafu__claims *claims, uint64_t first, uint32_t count, int64_t *out_pid)
{
	int64_t pid = 0;
	uint32_t own = 0;
	pthread_mutex_lock(&claims->lock);
	for (uint32_t i = 0; i < count && skafu__map_count(&claims->held) != 0; i++) {
		uint64_t number = first + i;
		own += skafu__map_find(&claims->held, &number, sizeof number) != NULL;
	}
	if (own != 0)
		pid = getpid();
	own += claim_count_others(claims, first, count, &pid);
	pthread_mutex_unlock(&claims->lock);
	if (out_pid)
		*out_pid = pid;
	return own;
}

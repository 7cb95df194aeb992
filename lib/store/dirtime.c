#include "store/dirtime.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/error.h"

#define DIRTIME_SETTLED_NS INT64_C(3000000000) /* file systems count in steps of up to two seconds */
#define DIRTIME_COARSE_STEP_NS INT64_C(10000000)
#define DIRTIME_FINE_SETTLED_NS INT64_C(100000000) /* others in ticks, of which a busy machine may lose some */
#define DIRTIME_NS_PER_S INT64_C(1000000000)

void skafu__dirtime_init(struct skafu__dirtime *dirtime, const struct skafu__sys *sys)
{
	memset(dirtime, 0, sizeof *dirtime);
	dirtime->sys = sys;
	dirtime->fd = -1;
}

int32_t skafu__dirtime_open(struct skafu__dirtime *dirtime, const char *directory, skafu_error *error)
{
	dirtime->fd = dirtime->sys->open(directory, O_RDONLY | O_DIRECTORY, 0);
	return dirtime->fd < 0 ? skafu__fail_os(error, errno, "opening %s", directory) : 0;
}

void skafu__dirtime_close(struct skafu__dirtime *dirtime)
{
	if (dirtime->fd >= 0)
		dirtime->sys->close(dirtime->fd);
	dirtime->fd = -1;
}

int skafu__dirtime_is_same(struct skafu__dirtime *dirtime)
{
	struct stat status;
	if (dirtime->fd < 0)
		return 1;
	if (dirtime->sys->fstat(dirtime->fd, &status) != 0) {
		memset(&dirtime->seen, 0, sizeof dirtime->seen);
		dirtime->is_trusted = 0;
		return 0;
	}
	dirtime->seen = status.st_mtim;
	return dirtime->is_trusted && dirtime->seen.tv_sec == dirtime->trusted.tv_sec &&
	       dirtime->seen.tv_nsec == dirtime->trusted.tv_nsec &&
	       (dirtime->until_ns == INT64_MAX || dirtime->sys->monotonic_ns() < dirtime->until_ns);
}

void skafu__dirtime_trust(struct skafu__dirtime *dirtime)
{
	int64_t seen_ns = dirtime->seen.tv_sec * DIRTIME_NS_PER_S + dirtime->seen.tv_nsec;
	int64_t age_ns = dirtime->sys->wall_ns() - seen_ns;
	int is_fine = dirtime->seen.tv_nsec % DIRTIME_COARSE_STEP_NS != 0;
	dirtime->trusted = dirtime->seen;
	dirtime->is_trusted = seen_ns != 0 && age_ns > (is_fine ? DIRTIME_FINE_SETTLED_NS : DIRTIME_SETTLED_NS);
	dirtime->until_ns = INT64_MAX;
	if (age_ns <= DIRTIME_SETTLED_NS)
		dirtime->until_ns = dirtime->sys->monotonic_ns() + age_ns;
}

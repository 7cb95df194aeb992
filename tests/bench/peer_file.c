/* The floor of durable appends; see peer_file.h. */
#include "bench/peer_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES ((size_t)16 << 20)
#define BATCH_MAX 10000

struct file_store {
	int fd;
	int sync;
	size_t at;
	uint8_t *buffer;
};

static void file_close(void *store)
{
	struct file_store *s = store;

	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->buffer);
	free(s);
}

static int file_fill(struct file_store *s)
{
	size_t at, part = (size_t)1 << 20;

	memset(s->buffer, 0, part);
	for (at = 0; at < FILE_BYTES; at += part) {
		if (pwrite(s->fd, s->buffer, part, (off_t)at) != (ssize_t)part)
			return -1;
	}
	return fsync(s->fd);
}

static int file_open(void **store, const char *dir, const struct bench_store_options *options)
{
	struct file_store *s = calloc(1, sizeof(*s));
	char path[512];

	if (s == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/floor", dir);
	s->sync = options->sync;
	s->buffer = malloc((size_t)BATCH_MAX * BENCH_RECORD_MAX);
	s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (s->fd < 0 || s->buffer == NULL || file_fill(s) != 0) {
		perror("floor: open");
		file_close(s);
		return -1;
	}
	*store = s;
	return 0;
}

static int file_append(void *store, unsigned caller, const struct bench_event *events, size_t count)
{
	struct file_store *s = store;
	size_t i, bytes = 0;

	(void)caller;
	if (count > BATCH_MAX)
		return -1;
	for (i = 0; i < count; i++)
		bytes += bench_record_encode(&events[i], s->buffer + bytes);
	if (s->at + bytes > FILE_BYTES)
		s->at = 0;
	if (pwrite(s->fd, s->buffer, bytes, (off_t)s->at) != (ssize_t)bytes || (s->sync && fdatasync(s->fd) != 0)) {
		perror("floor: write");
		return -1;
	}
	s->at += bytes;
	return 0;
}

const struct bench_subject bench_file = {
	.name = "pwrite+fdatasync",
	.open = file_open,
	.close = file_close,
	.append = file_append,
};

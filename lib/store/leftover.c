#include "store/leftover.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#define LEFTOVER_AGE_NS (INT64_C(600) * 1000000000)
#define LEFTOVER_DIGITS 16
#define LEFTOVER_PATH_BYTES 4096 /* PATH_MAX: a longer one cannot be opened anyway */

/* No allocation here: this cleans up after one that failed. */
static void leftover_remove_file(const struct skafu__sys *sys, const char *directory, const char *name)
{
	char path[LEFTOVER_PATH_BYTES];
	int length = snprintf(path, sizeof path, "%s/%s", directory, name);
	if (length > 0 && (size_t)length < sizeof path)
		sys->unlink(path);
}

void skafu__leftover_remove_store(const struct skafu__sys *sys, const char *directory)
{
	static const char *const names[] = {"log", "log-lock", "control", "wake", "journal", "views", "views-lock"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		leftover_remove_file(sys, directory, names[i]);
	sys->rmdir(directory);
}

/* The last part of a path, without slashes at its end; *out_length is its length. */
static const char *leftover_base(const char *path, size_t *out_length)
{
	size_t end = strlen(path);
	while (end > 1 && path[end - 1] == '/')
		end--;
	size_t begin = end;
	while (begin > 0 && path[begin - 1] != '/')
		begin--;
	*out_length = end - begin;
	return path + begin;
}

static int leftover_is_ours(const char *name, const char *base, size_t base_length)
{
	const size_t mark = sizeof SKAFU__LEFTOVER_MARK - 1;
	if (strncmp(name, base, base_length) != 0 || strncmp(name + base_length, SKAFU__LEFTOVER_MARK, mark) != 0)
		return 0;
	const char *digits = name + base_length + mark;
	return strlen(digits) == LEFTOVER_DIGITS && strspn(digits, "0123456789abcdef") == LEFTOVER_DIGITS;
}

static void leftover_look_at(const struct skafu__sys *sys, const char *parent, const char *name)
{
	struct stat status;
	size_t bytes = strlen(parent) + strlen(name) + 2;
	char *path = skafu__alloc(sys, bytes);
	if (!path)
		return;
	snprintf(path, bytes, "%s/%s", parent, name);
	if (sys->stat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
	    sys->wall_ns() - (int64_t)status.st_mtim.tv_sec * 1000000000 > LEFTOVER_AGE_NS)
		skafu__leftover_remove_store(sys, path);
	skafu__free(sys, path);
}

void skafu__leftover_remove(const struct skafu__sys *sys, const char *parent, const char *path)
{
	size_t length;
	const char *base = leftover_base(path, &length);
	DIR *directory = opendir(parent);
	if (!directory)
		return;
	const struct dirent *entry;
	while ((entry = readdir(directory)) != NULL)
		if (leftover_is_ours(entry->d_name, base, length))
			leftover_look_at(sys, parent, entry->d_name);
	closedir(directory);
}

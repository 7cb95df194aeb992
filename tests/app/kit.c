/*
 * kit.c: folders, files and messages for the tests of the application.
 */
#include "app/kit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"

char kit_folder[256];
skafu_error *kit_error;

void kit_begin(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(kit_folder, sizeof kit_folder, "%s/skafu-app-XXXXXX", tmp != NULL ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(kit_folder));
	ck_assert_int_eq(skafu_error_new(&kit_error), SKAFU_OK);
}

void kit_end(void)
{
	files_remove(kit_folder);
	skafu_error_free(kit_error);
	kit_error = NULL;
}

const char *kit_path(const char *name)
{
	/* Servers of tests write files from threads of their own. */
	static _Thread_local char paths[8][1024];
	static _Thread_local unsigned next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof paths[0], "%s/%s", kit_folder, name);
	return path;
}

void kit_write_bytes(const char *name, const void *bytes, size_t length, unsigned mode)
{
	char path[1024];
	FILE *file;

	snprintf(path, sizeof path, "%s", kit_path(name));
	for (char *slash = strchr(path + strlen(kit_folder) + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(path, 0777);
		*slash = '/';
	}
	unlink(path);
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
	ck_assert_int_eq(fclose(file) | chmod(path, mode), 0);
}

void kit_write(const char *name, const char *content)
{
	kit_write_bytes(name, content, strlen(content), 0644);
}

char *kit_read(const char *name)
{
	struct text content = {0};

	if (files_read(kit_folder, name, TEXT_LIMIT, &content, NULL) != SKAFU_OK)
		return NULL;
	return content.bytes != NULL ? content.bytes : calloc(1, 1);
}

int kit_exists(const char *name)
{
	struct stat status;

	return lstat(kit_path(name), &status) == 0;
}

size_t kit_count(const char *name)
{
	DIR *dir = opendir(kit_path(name));
	const struct dirent *entry;
	size_t count = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

int kit_data(const char *name, struct text *out)
{
	char command[512];
	char block[16384];
	size_t got;
	FILE *pipe;

	snprintf(command, sizeof command, "xz -dc ../shared/data/%s 2>/dev/null", name);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	while ((got = fread(block, 1, sizeof block, pipe)) > 0)
		ck_assert_int_eq(text_add(out, block, got), SKAFU_OK);
	return pclose(pipe) == 0 && out->length > 0;
}

void kit_assert_code(int32_t rc, int32_t code, const char *file, int line)
{
	if (rc != code)
		ck_abort_msg("%s:%d: %s, not %s: %s", file, line, skafu_result_name(rc), skafu_result_name(code),
			     skafu_error_message(kit_error));
}

void kit_assert_says(const char *part)
{
	const char *message = skafu_error_message(kit_error);

	if (strstr(message, part) == NULL)
		ck_abort_msg("\"%s\" does not say \"%s\"", message, part);
}

#include "store/tempstore.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "util/suite.h"

skafu_error *fault;
_Atomic int64_t clock_offset_ns;

/* ---- results ------------------------------------------------------------------------------------------------- */

void tempstore_refused(int32_t expected, int32_t got, const char *call, int line)
{
	const char *message = skafu_error_message(fault);

	ck_assert_msg(got == expected, "line %d: %s gave %s, not %s (%s)", line, call, skafu_result_name(got),
		      skafu_result_name(expected), message);
	ck_assert_msg(skafu_error_code(fault) == expected, "line %d: %s left %s in the error", line, call,
		      skafu_result_name(skafu_error_code(fault)));
	ck_assert_msg(strlen(message) > 8 && !strchr(message, '\n'), "line %d: %s says \"%s\"", line, call, message);
}

void tempstore_went(int32_t got, const char *call, int line)
{
	ck_assert_msg(got >= 0, "line %d: %s gave %s: %s", line, call, skafu_result_name(got),
		      skafu_error_message(fault));
}

void message_names(const char *what)
{
	const char *message = skafu_error_message(fault);

	ck_assert_msg(strstr(message, what) != NULL, "\"%s\" does not name %s", message, what);
}

/* ---- stores -------------------------------------------------------------------------------------------------- */

void without_syncs(void)
{
	struct skafu__tuning tuning = {.no_sync = 1};

	skafu__tuning_override(&tuning);
}

void tempstore_make(struct tempstore *temp)
{
	const char *parent = getenv("TMPDIR");

	memset(temp, 0, sizeof *temp);
	snprintf(temp->directory, sizeof temp->directory, "%s/skafu-test-XXXXXX",
		 parent && *parent ? parent : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(temp->directory));
	snprintf(temp->path, sizeof temp->path, "%s/store", temp->directory);
}

void tempstore_open(struct tempstore *temp, const skafu_store_opts *opts)
{
	skafu_store_opts given = {.size = sizeof given};

	if (opts)
		given = *opts;
	given.flags |= SKAFU_STORE_CREATE;
	went(skafu_store_open(temp->path, &given, &temp->store, fault));
}

void tempstore_new(struct tempstore *temp)
{
	without_syncs();
	tempstore_make(temp);
	tempstore_open(temp, NULL);
}

void tempstore_close(struct tempstore *temp)
{
	skafu_store_close(temp->store);
	temp->store = NULL;
}

void tempstore_reopen(struct tempstore *temp)
{
	tempstore_close(temp);
	tempstore_open(temp, NULL);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	remove(path);
	return 0;
}

void tempstore_remove(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void tempstore_done(struct tempstore *temp)
{
	tempstore_close(temp);
	tempstore_remove(temp->directory);
	skafu__tuning_override(NULL);
}

const char *tempstore_file(const struct tempstore *temp, const char *name)
{
	static char path[400];

	snprintf(path, sizeof path, "%s/%s", temp->path, name);
	return path;
}

skafu_store *memory_store(void)
{
	skafu_store *store = NULL;

	went(skafu_store_open_memory(NULL, &store, fault));
	return store;
}

/* ---- files --------------------------------------------------------------------------------------------------- */

size_t file_read(const char *path, void *bytes, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = pread(fd, bytes, room, 0);

	ck_assert(fd >= 0 && got >= 0);
	close(fd);
	return (size_t)got;
}

void file_write(const char *path, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert(fd >= 0);
	ck_assert_int_eq(pwrite(fd, bytes, length, 0), (ssize_t)length);
	close(fd);
}

void file_patch(const char *path, size_t at, const void *bytes, size_t length)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ck_assert(fd >= 0);
	ck_assert_int_eq(pwrite(fd, bytes, length, (off_t)at), (ssize_t)length);
	close(fd);
}

/* ---- records ------------------------------------------------------------------------------------------------- */

skafu_new_record event_of(const char *stream, const char *type)
{
	skafu_new_record record = {.size = sizeof record, .stream = stream, .type = type};

	return record;
}

skafu_batch *batch_of(skafu_store *store)
{
	skafu_batch *batch = NULL;

	went(skafu_batch_new(store, &batch, fault));
	return batch;
}

void add_event(skafu_batch *batch, const char *stream, const char *type, const char *tags)
{
	skafu_new_record record = event_of(stream, type);
	const char *list[64];
	char text[1024];
	char *rest = NULL;

	snprintf(text, sizeof text, "%s", tags ? tags : "");
	for (char *tag = strtok_r(text, " ", &rest); tag; tag = strtok_r(NULL, " ", &rest))
		list[record.tag_count++] = tag;
	record.tags = list;
	went(skafu_batch_add(batch, &record, fault));
}

void add_kind(skafu_batch *batch, uint32_t kind, const char *type)
{
	skafu_new_record record = event_of(kind == SKAFU_KIND_EVENT ? "s" : NULL, type);

	record.kind = kind;
	went(skafu_batch_add(batch, &record, fault));
}

skafu_appended appended_by(skafu_store *store, skafu_batch *batch)
{
	skafu_appended appended = {.size = sizeof appended};

	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, &appended, fault));
	skafu_batch_free(batch);
	return appended;
}

uint64_t append_event(skafu_store *store, const char *stream, const char *type, const char *tags)
{
	skafu_batch *batch = batch_of(store);

	add_event(batch, stream, type, tags);
	return appended_by(store, batch).last_sequence;
}

void append_row(skafu_store *store, const char *table, const char *key, const char *value)
{
	skafu_batch *batch = batch_of(store);

	if (value)
		went(skafu_batch_put_row(batch, table, key, strlen(key), value, strlen(value), fault));
	else
		went(skafu_batch_delete_row(batch, table, key, strlen(key), fault));
	appended_by(store, batch);
}

uint64_t head_of(skafu_store *store)
{
	uint64_t head = UINT64_MAX;

	went(skafu_store_head(store, &head, fault));
	return head;
}

uint64_t version_of(skafu_store *store, const char *stream)
{
	uint64_t version = UINT64_MAX;

	went(skafu_stream_version(store, stream, &version, fault));
	return version;
}

skafu_query *query_of(const char *text)
{
	skafu_query *query = NULL;
	char copy[1024];
	char *rest = NULL;

	went(skafu_query_new(&query, fault));
	snprintf(copy, sizeof copy, "%s", text);
	for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		if (strcmp(word, "|") == 0)
			went(skafu_query_add_item(query, fault));
		else if (strchr(word, ':'))
			went(skafu_query_add_tag(query, word, fault));
		else
			went(skafu_query_add_type(query, word, fault));
	}
	return query;
}

const char *sequences_of(skafu_cursor *cursor)
{
	static char text[8192];
	const skafu_record *record;
	size_t length = 0;
	int32_t rc;

	text[0] = 0;
	while ((rc = skafu_cursor_next(cursor, &record, fault)) == 1 && length < sizeof text - 32)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%" PRIu64, length ? " " : "",
					   record->sequence);
	ck_assert_msg(rc >= 0, "%s", skafu_error_message(fault));
	skafu_cursor_free(cursor);
	return text;
}

/* ---- children ------------------------------------------------------------------------------------------------ */

int in_child(int (*run)(void *user), void *user, unsigned seconds)
{
	struct timespec pause = {.tv_nsec = 1000000};
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(run(user));
	for (unsigned i = 0; i < seconds * 1000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
		nanosleep(&pause, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return 2000;
}

/* ---- the clock ----------------------------------------------------------------------------------------------- */

static struct skafu__sys clock_sys;

static int64_t clock_moved(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + clock_offset_ns;
}

void clock_install(void)
{
	skafu__sys_override(NULL);
	clock_sys = *skafu__sys_current();
	clock_sys.wall_ns = clock_moved;
	clock_sys.wall_tick_ns = clock_moved;
	clock_offset_ns = 0;
	skafu__sys_override(&clock_sys);
}

void clock_remove(void)
{
	skafu__sys_override(NULL);
}

/* ---- main ---------------------------------------------------------------------------------------------------- */

int tempstore_main(const char *name, void (*add)(TCase *tests))
{
	Suite *suite = suite_create(name);
	TCase *tests = tcase_create("all");

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (skafu_error_new(&fault) != 0)
		return 1;
	add(tests);
	tcase_set_timeout(tests, 120);
	suite_add_tcase(suite, tests);
	int rc = suite_run(suite);
	skafu_error_free(fault);
	return rc;
}

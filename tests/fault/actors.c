/*
 * actors.c: processes that come and go, see actors.h.
 */
#include "fault/actors.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault/statedir.h"

#define ACTORS_OPEN_TRIES 20

struct actors_board {
	_Atomic uint32_t said;
	char message[600];
};

static struct actors_board *board;

/* ---- time, chance, memory ------------------------------------------------------------------------------------ */

int64_t actors_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * ACTORS_SECOND + now.tv_nsec;
}

void actors_nap(int64_t ns)
{
	struct timespec pause = {.tv_sec = ns / ACTORS_SECOND, .tv_nsec = ns % ACTORS_SECOND};

	nanosleep(&pause, NULL);
}

uint64_t actors_random(uint64_t *state)
{
	uint64_t value = *state += 0x9e3779b97f4a7c15u;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

uint64_t actors_seed(const char *test)
{
	const char *given = getenv("SKAFU_TEST_SEED");
	uint64_t fresh = (uint64_t)actors_now_ns() ^ (uint64_t)getpid() << 40;
	uint64_t seed = given && *given ? strtoull(given, NULL, 0) : fresh;

	printf("%s: SKAFU_TEST_SEED=%" PRIu64 "\n", test, seed);
	fflush(stdout);
	return seed;
}

void *actors_share(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		abort();
	return at;
}

int64_t actors_switches(pid_t pid)
{
	char path[64];
	char line[128];
	long long switches = -1;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "voluntary_ctxt_switches: %lld", &switches) == 1)
			break;
	if (file)
		fclose(file);
	return switches;
}

int64_t actors_slack(void)
{
	const char *given = getenv("CK_TIMEOUT_MULTIPLIER");
	int64_t slack = given && *given ? strtoll(given, NULL, 10) : 1;

	return slack < 1 ? 1 : slack;
}

uint32_t actors_scale(void)
{
	const char *given = getenv("SKAFU_TEST_SCALE");
	unsigned long scale = given && *given ? strtoul(given, NULL, 10) : 1;

	return scale < 1 ? 1 : (uint32_t)scale;
}

int64_t actors_cpu_ns(pid_t pid)
{
	char path[64];
	long long used = -1;

	snprintf(path, sizeof path, "/proc/%d/schedstat", (int)pid);
	FILE *file = fopen(path, "r");
	if (file && fscanf(file, "%lld", &used) != 1)
		used = -1;
	if (file)
		fclose(file);
	return used;
}

void actors_scratch(char out[256], const char *topic, int in_memory)
{
	const char *base = getenv("TMPDIR");

	if (in_memory) {
		statedir_scratch(out, topic);
		return;
	}
	snprintf(out, 256, "%s/skafu-%s-XXXXXX", base && *base ? base : "/tmp", topic);
	if (!mkdtemp(out))
		abort();
}

void actors_scratch_gone(const char *path)
{
	statedir_scratch_gone(path);
}

/* ---- processes ----------------------------------------------------------------------------------------------- */

static struct actors_board *actors_board_get(void)
{
	if (!board)
		board = actors_share(sizeof *board);
	return board;
}

pid_t actors_spawn(void (*run)(void *user), void *user)
{
	actors_board_get();
	fflush(NULL);
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	run(user);
	_exit(0);
}

void actors_fail(const char *format, ...)
{
	va_list args;
	uint32_t nobody = 0;

	va_start(args, format);
	if (atomic_compare_exchange_strong(&actors_board_get()->said, &nobody, 1u)) {
		vsnprintf(board->message, sizeof board->message, format, args);
		atomic_store(&board->said, 2u);
	}
	va_end(args);
	_exit(99);
}

const char *actors_failure(void)
{
	return board && atomic_load(&board->said) == 2 ? board->message : NULL;
}

void actors_forgive(void)
{
	if (board)
		atomic_store(&board->said, 0u);
}

void actors_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int actors_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int actors_join(pid_t pid, int64_t ns_max)
{
	int64_t until = actors_now_ns() + ns_max;
	int status = 0;

	while (actors_now_ns() < until) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return actors_code(status);
		actors_nap(ACTORS_MS / 2);
	}
	actors_kill(pid);
	return -1;
}

int actors_await(_Atomic uint32_t *flag, uint32_t value, int64_t ns_max)
{
	int64_t until = actors_now_ns() + ns_max;

	while (atomic_load(flag) < value) {
		if (actors_now_ns() > until)
			return 0;
		actors_nap(ACTORS_MS / 10);
	}
	return 1;
}

/* ---- what is appended ---------------------------------------------------------------------------------------- */

uint32_t actors_events(uint32_t writer, uint64_t number)
{
	uint64_t state = number * 31 + writer;

	return (uint32_t)(actors_random(&state) % ACTORS_EVENTS_MAX) + 1;
}

static void actors_id(uint32_t writer, uint64_t number, uint32_t index, uint8_t out[16])
{
	char text[64];

	snprintf(text, sizeof text, "%" PRIu32 "/%" PRIu64 "/%" PRIu32, writer, number, index);
	skafu_id_from_text("actors", text, out);
}

void actors_commit_id(uint32_t writer, uint64_t number, uint8_t out[16])
{
	actors_id(writer, number, 1000, out);
}

static int32_t actors_add(skafu_batch *batch, uint32_t writer, uint64_t number, uint32_t index, skafu_error *error)
{
	char stream[32];
	char data[160];
	char tag[24];
	uint8_t id[16];
	const char *tags[] = {tag};
	int length = snprintf(data, sizeof data, "{\"w\":%" PRIu32 ",\"n\":%" PRIu64 ",\"i\":%" PRIu32 "}", writer,
			      number, index);

	snprintf(stream, sizeof stream, index == 0 ? "own-%" PRIu32 : "shared", writer);
	snprintf(tag, sizeof tag, "writer:%" PRIu32, writer);
	actors_id(writer, number, index, id);
	skafu_new_record record = {.size = sizeof record, .stream = stream, .type = "Worked", .data = data,
				   .data_length = (size_t)length, .id = id, .tags = tags, .tag_count = 1};
	return skafu_batch_add(batch, &record, error);
}

int32_t actors_fill(skafu_batch *batch, uint32_t writer, uint64_t number, skafu_error *error)
{
	uint8_t id[16];
	int32_t rc = 0;

	skafu_batch_clear(batch);
	for (uint32_t i = 0; rc == 0 && i < actors_events(writer, number); i++)
		rc = actors_add(batch, writer, number, i, error);
	actors_commit_id(writer, number, id);
	return rc ? rc : skafu_batch_set_id(batch, id, error);
}

int32_t actors_append(skafu_store *store, uint32_t writer, uint64_t number, uint64_t timeout_ns,
		      skafu_appended *out, skafu_error *error)
{
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(store, &batch, error);

	if (rc == 0)
		rc = actors_fill(batch, writer, number, error);
	if (rc == 0)
		rc = skafu_append(store, batch, timeout_ns, out, error);
	skafu_batch_free(batch);
	return rc;
}

int actors_parse(const skafu_record *record, uint32_t *writer, uint64_t *number, uint32_t *index)
{
	char text[160];

	if (record->data_length >= sizeof text)
		return 0;
	memcpy(text, record->data, record->data_length);
	text[record->data_length] = 0;
	return sscanf(text, "{\"w\":%" SCNu32 ",\"n\":%" SCNu64 ",\"i\":%" SCNu32 "}", writer, number, index) == 3;
}

int32_t actors_open(const char *path, const skafu_store_opts *opts, skafu_store **out, skafu_error *error)
{
	int32_t rc = SKAFU_EBUSY;

	for (int i = 0; rc == SKAFU_EBUSY && i < ACTORS_OPEN_TRIES; i++)
		rc = skafu_store_open(path, opts, out, error);
	return rc;
}

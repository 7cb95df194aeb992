/*
 * journal_fuzz.c: any bytes as the journal of a store that was not closed, through the public open.  Refused as
 * damaged, or what can be read is a log: sequences ascend, and a second open gives the same.
 *
 * The first byte of the input picks the log: as it was when its process died, or as it was when its base was made.
 * The second says whether checksums are made right after the changes, as a stranger could.  The rest are changes to
 * the journal, of 5 bytes each: page, place in the page (12 bits; one of the others: add to what is there), value,
 * and how many bytes get it.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "codec/crc32c.h"
#include "store/journal.h"
#include "store/store.h"

#define LOGS 2
#define LOG_BYTES_MAX (1u << 20)
#define JOURNAL_FUZZ_BYTES 32768u
#define FRAMES 5

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64];
static char store_path[96];
static uint8_t *logs[LOGS];
static size_t log_bytes[LOGS];
static uint8_t journal[JOURNAL_FUZZ_BYTES];

static void demand(int condition)
{
	if (!condition)
		abort();
}

static const char *file(const char *name)
{
	static char path[128];
	snprintf(path, sizeof path, "%s/%s", store_path, name);
	return path;
}

static void clean(void)
{
	static const char *const names[] = {"log", "log-lock", "control", "wake", "journal"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(file(names[i]));
	rmdir(store_path);
	rmdir(directory);
}

/* ---- a store that was not closed ---- */

static size_t load(const char *name, uint8_t *bytes, size_t room)
{
	int fd = open(file(name), O_RDONLY);
	ssize_t got = fd < 0 ? -1 : read(fd, bytes, room);
	demand(got > 0 && (size_t)got <= room);
	close(fd);
	return (size_t)got;
}

static void save(const char *name, const uint8_t *bytes, size_t length)
{
	int fd = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	demand(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
	close(fd);
}

static void append(skafu_store *store)
{
	skafu_new_record record = {.size = sizeof record, .stream = "s", .type = "T", .data = "{\"n\":1}",
				   .data_length = 7};
	skafu_batch *batch;
	demand(skafu_batch_new(store, &batch, NULL) == 0 && skafu_batch_add(batch, &record, NULL) == 0);
	demand(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL) == 0);
	skafu_batch_free(batch);
}

static void tune(void)
{
	static const struct skafu__tuning tuning = {.map_bytes = 1 << 20, .linger_off = 1, .journal_after = 1,
						    .journal_bytes = JOURNAL_FUZZ_BYTES};
	skafu__tuning_override(&tuning);
}

/* The copy of the log is handed on in a file of its own, since memory is not shared with the child. */
static void live_and_die(void)
{
	skafu_store *store;
	tune();
	demand(skafu_store_create(store_path, NULL, &store, NULL) == 0);
	append(store);
	log_bytes[1] = load("log", logs[1], LOG_BYTES_MAX);
	save("wake", logs[1], log_bytes[1]);
	for (int i = 0; i < FRAMES; i++)
		append(store);
	_exit(0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int status = 1;
	(void)argc;
	(void)argv;
	snprintf(directory, sizeof directory, "/tmp/journal-fuzz-XXXXXX");
	demand(mkdtemp(directory) != NULL);
	snprintf(store_path, sizeof store_path, "%s/store", directory);
	for (int i = 0; i < LOGS; i++)
		demand((logs[i] = malloc(LOG_BYTES_MAX)) != NULL);
	pid_t child = fork();
	if (child == 0)
		live_and_die();
	demand(child > 0 && waitpid(child, &status, 0) == child && status == 0);
	log_bytes[0] = load("log", logs[0], LOG_BYTES_MAX);
	log_bytes[1] = load("wake", logs[1], LOG_BYTES_MAX);
	demand(load("journal", journal, sizeof journal) == sizeof journal);
	unlink(file("wake"));
	atexit(clean);
	return 0;
}

/* ---- the input ---- */

static void change(uint8_t *bytes, const uint8_t *data, size_t size)
{
	for (size_t i = 2; i + 5 <= size; i += 5) {
		size_t at = (size_t)(data[i] % (JOURNAL_FUZZ_BYTES / SKAFU__JOURNAL_PAGE_BYTES)) *
			    SKAFU__JOURNAL_PAGE_BYTES;
		unsigned place = data[i + 1] | (unsigned)data[i + 2] << 8;
		at += place % SKAFU__JOURNAL_PAGE_BYTES;
		for (size_t n = 0; n <= data[i + 4] && at + n < JOURNAL_FUZZ_BYTES; n++)
			bytes[at + n] = (uint8_t)(place & 0x1000 ? bytes[at + n] + data[i + 3] : data[i + 3]);
	}
}

static void reseal(uint8_t *bytes)
{
	for (size_t at = 0; at < JOURNAL_FUZZ_BYTES; at += SKAFU__JOURNAL_PAGE_BYTES) {
		uint32_t length = skafu__load_u32(bytes + at + 28);
		if (length <= JOURNAL_FUZZ_BYTES - at - SKAFU__JOURNAL_HEAD_BYTES)
			skafu__store_u32(bytes + at + 32,
					 skafu__crc32c(0, bytes + at + SKAFU__JOURNAL_HEAD_BYTES, length));
		skafu__store_u32(bytes + at + 4, skafu__crc32c(0, bytes + at + 8, SKAFU__JOURNAL_HEAD_BYTES - 8));
	}
}

/* The head of the log, all of it read; UINT64_MAX when the open was refused. */
static uint64_t look(void)
{
	skafu_store *store;
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	uint64_t head = 0;
	int32_t rc = skafu_store_open(store_path, NULL, &store, NULL);
	if (rc != 0) {
		demand(rc == SKAFU_EDAMAGED);
		return UINT64_MAX;
	}
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	rc = skafu_read(store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, NULL);
	while (rc >= 0 && (rc = skafu_cursor_next(cursor, &record, NULL)) == 1) {
		demand(record->sequence > head);
		head = record->sequence;
	}
	demand(rc == 0 || rc == SKAFU_EDAMAGED);
	skafu_cursor_free(cursor);
	skafu_store_close(store);
	return head;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t bytes[JOURNAL_FUZZ_BYTES];
	if (size < 2)
		return 0;
	unsigned which = data[0] % LOGS;
	memcpy(bytes, journal, sizeof bytes);
	change(bytes, data, size);
	if (data[1] & 1)
		reseal(bytes);
	unlink(file("control"));
	save("log", logs[which], log_bytes[which]);
	save("journal", bytes, sizeof bytes);
	tune();
	uint64_t head = look();
	if (!(data[1] & 1) && which == 0) /* the log has all by itself */
		demand(head == FRAMES + 1 || head == UINT64_MAX);
	if (head != UINT64_MAX)
		demand(look() == head);
	return 0;
}

#include "fault/bitrot.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/bytes.h"
#include "codec/commit.h"
#include "skafu_store.h"
#include "store/store.h"
#include "store/tempstore.h"

#define EVENTS 240u
#define STREAMS 12u
#define ROWS 20u
#define PER_CHILD 40u
#define PAGE 4096u
#define FILE_MAX ((size_t)4 << 20)

/* The store before the damage, and where its commits lie. */
static uint8_t *whole;
static uint8_t *bytes;
static size_t length;
static char directory[64];
static char path[96];
static char copy[96];

static uint64_t state;

static uint64_t roll(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double wall_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the store ----------------------------------------------------------------------------------------------- */

static void event_texts(unsigned number, char stream[24], char type[24], char data[400])
{
	snprintf(stream, 24, "stream-%u", number % STREAMS);
	snprintf(type, 24, "Type%u", number % 5);
	int at = snprintf(data, 400, "{\"event\":%u,\"text\":\"", number);
	for (unsigned i = 0; i < number * 7 % 300; i++)
		data[at++] = (char)('a' + (number + i * i) % 26);
	strcpy(data + at, "\"}");
}

static int append_all(skafu_store *store)
{
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(store, &batch, NULL);

	for (unsigned i = 0; rc == 0 && i < EVENTS; i += 4) {
		skafu_batch_clear(batch);
		for (unsigned k = i; rc == 0 && k < i + 4; k++) {
			char stream[24];
			char type[24];
			char data[400];
			const char *tags[] = {stream};

			event_texts(k + 1, stream, type, data);
			skafu_new_record record = {.size = sizeof record, .stream = stream, .type = type,
						   .data = data, .data_length = strlen(data), .tags = tags,
						   .tag_count = 1, .correlation = "all"};
			rc = skafu_batch_add(batch, &record, NULL);
		}
		unsigned key = i % ROWS;
		if (rc == 0)
			rc = skafu_batch_put_row(batch, "rows", &key, sizeof key, &i, sizeof i, NULL);
		if (rc == 0)
			rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
	}
	skafu_batch_free(batch);
	return rc;
}

static int make_store(void)
{
	skafu_store *store = NULL;
	struct skafu__tuning tuning = {.no_sync = 1, .fold_records = 50, .fan_in = 2, .chunk_bytes = 8000};
	char log[120];

	snprintf(directory, sizeof directory, "/dev/shm/skafu-rot-XXXXXX");
	if (!mkdtemp(directory))
		return 1;
	snprintf(path, sizeof path, "%s/store", directory);
	snprintf(copy, sizeof copy, "%s/copy", directory);
	snprintf(log, sizeof log, "%s/log", path);
	skafu__tuning_override(&tuning);
	if (skafu_store_create(path, NULL, &store, NULL) != 0 || append_all(store) != 0)
		return 1;
	skafu_store_close(store);
	whole = malloc(FILE_MAX);
	bytes = malloc(FILE_MAX);
	length = file_read(log, whole, FILE_MAX);
	return length == 0 || length == FILE_MAX;
}

/* ---- damage -------------------------------------------------------------------------------------------------- */

static void damage(enum bitrot_kind kind, char *what, size_t room)
{
	size_t at = (size_t)(roll() % length);
	size_t page = at / PAGE * PAGE;
	size_t other = (size_t)(roll() % (length / PAGE)) * PAGE;
	uint8_t swapped[PAGE];

	memcpy(bytes, whole, length);
	snprintf(what, room, "kind %d at %zu (page %zu) and page %zu", (int)kind, at, page / PAGE, other / PAGE);
	if (kind == BITROT_BIT)
		bytes[at] ^= (uint8_t)(1u << roll() % 8);
	for (int i = 0; kind == BITROT_BITS && i < 8; i++)
		bytes[roll() % length] ^= (uint8_t)(1u << roll() % 8);
	if (kind == BITROT_ZEROS)
		memset(bytes + page, 0, PAGE);
	if (kind == BITROT_SWAP) {
		memcpy(swapped, bytes + page, PAGE);
		memcpy(bytes + page, bytes + other, PAGE);
		memcpy(bytes + other, swapped, PAGE);
	}
	for (size_t i = 0; kind == BITROT_RANDOM && i < length; i++)
		bytes[i] = (uint8_t)roll();
}

/* A payload changed everywhere, with its checksum made right: what a library that checks nothing would let pass. */
static void forge(void)
{
	struct skafu__commit commit;
	struct skafu__record record;

	memcpy(bytes, whole, length);
	for (size_t at = 0; at + SKAFU__COMMIT_HEADER_BYTES < length; at++) {
		if (skafu__commit_peek(bytes + at, &commit) != 0 || commit.number != 7 ||
		    skafu__commit_decode(bytes + at, length - at, &commit) != 0 ||
		    skafu__commit_record(&commit, 1, 1, &record) != 0)
			continue;
		uint8_t *start = bytes + ((const uint8_t *)record.stream - SKAFU__RECORD_HEADER_BYTES - bytes);
		start[record.size - 3] ^= 1;
		skafu__record_seal(start, record.size, commit.first_sequence + 1);
	}
}

/* 1 when every copy of the bytes of the commit with a number is as it was; the salvage then owes its records. */
static int commit_is_unharmed(uint64_t number)
{
	struct skafu__commit commit;

	for (size_t at = 0; at + SKAFU__COMMIT_HEADER_BYTES < length; at++)
		if (whole[at + 8] == 'S' && whole[at + 9] == 'K' && skafu__commit_peek(whole + at, &commit) == 0 &&
		    commit.number == number && commit.size <= length - at &&
		    memcmp(whole + at, bytes + at, commit.size) != 0)
			return 0;
	return 1;
}

/* ---- looking ------------------------------------------------------------------------------------------------- */

static const char *record_differs(const skafu_record *record)
{
	char stream[24];
	char type[24];
	char data[400];

	if (record->sequence == 0 || record->sequence > EVENTS)
		return "a record that never was";
	event_texts((unsigned)record->sequence, stream, type, data);
	if (strcmp(record->stream, stream) != 0 || strcmp(record->type, type) != 0 ||
	    strcmp(record->source, "default") != 0 || strcmp(record->correlation, "all") != 0 ||
	    strcmp(record->content_type, "application/json") != 0 || record->tag_count != 1 ||
	    strcmp(skafu_record_tag(record, 0), stream) != 0)
		return "a name of a record";
	if (record->stream_version != (record->sequence - (record->sequence % STREAMS ? record->sequence % STREAMS
										      : STREAMS)) / STREAMS + 1)
		return "a version";
	if (record->data_length != strlen(data) || memcmp(record->data, data, strlen(data)) != 0)
		return "a payload";
	return NULL;
}

/* Read a cursor to its end: 0 all right, 1 an error, or a sentence.  `wanted` records must come. */
static int drain(int32_t rc, skafu_cursor *const *opened, uint64_t wanted, const char **wrong)
{
	skafu_cursor *cursor = *opened;
	const skafu_record *record;
	uint64_t count = 0;

	while (rc == 0 && (rc = skafu_cursor_next(cursor, &record, NULL)) == 1) {
		const char *difference = record_differs(record);

		if (difference)
			*wrong = difference;
		count++;
		rc = 0;
	}
	skafu_cursor_free(cursor);
	if (rc == 0 && count != wanted)
		*wrong = "records were missing without an error";
	return rc != 0;
}

static int read_rows(skafu_store *store, const char **wrong)
{
	int errors = 0;

	for (unsigned key = 0; key < ROWS; key += 4) {
		void *value = NULL;
		size_t size = 0;
		unsigned expected = 0;
		int32_t rc = skafu_row_get(store, "rows", &key, sizeof key, &value, &size, NULL);

		for (unsigned i = 0; i < EVENTS; i += 4)
			expected = i % ROWS == key ? i : expected;
		if (rc == SKAFU_ENOTFOUND || (rc == 0 && (size != 4 || memcmp(value, &expected, 4) != 0)))
			*wrong = "a row";
		errors += rc != 0;
		skafu_bytes_free(value);
	}
	return errors;
}

/* Read in every way.  How many ways gave an error. */
static int read_all(skafu_store *store, uint64_t head, const char **wrong)
{
	skafu_cursor *cursor = NULL;
	int errors = drain(skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, NULL), &cursor, head, wrong);

	if (head != EVENTS)
		return errors;
	for (unsigned i = 0; i < STREAMS; i++) {
		char stream[24];
		uint64_t version = 0;

		snprintf(stream, sizeof stream, "stream-%u", i);
		cursor = NULL;
		errors += drain(skafu_read_stream(store, stream, SKAFU_NO_LIMIT, NULL, &cursor, NULL), &cursor,
				EVENTS / STREAMS, wrong);
		if (skafu_stream_version(store, stream, &version, NULL) != 0)
			errors++;
		else if (version != EVENTS / STREAMS)
			*wrong = "the version of a stream";
	}
	cursor = NULL;
	errors += drain(skafu_read_correlation(store, "all", SKAFU_NO_LIMIT, NULL, &cursor, NULL), &cursor, EVENTS,
			wrong);
	cursor = NULL;
	errors += drain(skafu_read_domain(store, "default", SKAFU_NO_LIMIT, NULL, &cursor, NULL), &cursor, EVENTS,
			wrong);
	return errors + read_rows(store, wrong);
}

static void look(enum bitrot_kind kind, struct bitrot_report *report, const char **wrong)
{
	skafu_store *store = NULL;
	skafu_verify_report verified = {.size = sizeof verified};
	uint64_t head = 0;
	int errors;

	if (skafu_store_open(path, NULL, &store, NULL) != 0) {
		report->refused++;
		return;
	}
	errors = skafu_store_head(store, &head, NULL) != 0;
	/* A meta page whose number was made smaller shows the commit before, whole: no checksum can tell. */
	if (errors == 0 && head != EVENTS && kind == BITROT_FORGED)
		*wrong = "the head";
	if (errors == 0)
		errors = read_all(store, head, wrong);
	if (skafu_store_verify(store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &verified, NULL) != 0 ||
	    verified.faults != 0)
		errors++;
	report->errors += errors != 0;
	report->unharmed += errors == 0;
	skafu_store_close(store);
}

/* Both places that say a name were hit: the commit that defined it, and the table of names. */
static int has_lost_name(const skafu_record *record)
{
	return strncmp(record->type, "lost-name", 9) == 0 || strncmp(record->source, "lost-name", 9) == 0 ||
	       strncmp(record->content_type, "lost-name", 9) == 0;
}

/* Records of commits that were not harmed come out, and all that comes out is right. */
static void look_at_salvaged(struct bitrot_report *report, const char **wrong)
{
	skafu_store *store = NULL;
	skafu_verify_report verified = {.size = sizeof verified};

	tempstore_remove(copy);
	if (skafu_store_salvage(path, copy, NULL, NULL, NULL, NULL) != 0) {
		*wrong = "nothing was salvaged";
		return;
	}
	report->salvaged++;
	if (skafu_store_open(copy, NULL, &store, NULL) != 0) {
		*wrong = "what was salvaged does not open";
		return;
	}
	for (unsigned i = 1; i <= EVENTS; i++) {
		skafu_record *record = NULL;
		int32_t rc = skafu_get(store, i, &record, NULL);

		if (rc == 0 && !has_lost_name(record) && record_differs(record))
			*wrong = "what was salvaged is not what was";
		if (rc != 0 && commit_is_unharmed((i - 1) / 4 + 1))
			*wrong = "a record that was not harmed is not salvaged";
		skafu_record_free(record);
	}
	if (skafu_store_verify(store, SKAFU_VERIFY_INDEX, NULL, NULL, &verified, NULL) != 0 || verified.faults != 0)
		*wrong = "what was salvaged does not verify";
	skafu_store_close(store);
}

/* ---- children ------------------------------------------------------------------------------------------------ */

static void run_one(enum bitrot_kind kind, uint64_t number, struct bitrot_report *report)
{
	char log[120];
	char what[200];
	const char *wrong = NULL;
	double before = cpu_seconds();

	snprintf(log, sizeof log, "%s/log", path);
	if (kind == BITROT_FORGED)
		forge();
	else
		damage(kind, what, sizeof what);
	snprintf(report->first, report->wrong || report->slow ? 0 : sizeof report->first, "in run %" PRIu64, number);
	file_write(log, bytes, length);
	look(kind, report, &wrong);
	if (!wrong && kind < BITROT_RANDOM && number % 8 == 0)
		look_at_salvaged(report, &wrong);
	report->runs++;
	if (cpu_seconds() - before > 1) {
		report->slow++;
		wrong = "it took more than a second";
	}
	if (wrong && report->wrong++ == 0)
		snprintf(report->first, sizeof report->first, "run %" PRIu64 ", %s: %s", number,
			 kind == BITROT_FORGED ? "forged" : what, wrong);
}

void bitrot_run(enum bitrot_kind kind, uint64_t runs, double seconds, uint64_t seed, struct bitrot_report *report)
{
	struct bitrot_report *shared =
		mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	double until = wall_seconds() + seconds;

	memset(report, 0, sizeof *report);
	if (shared == MAP_FAILED || make_store() != 0) {
		report->wrong = 1;
		snprintf(report->first, sizeof report->first, "the store could not be made");
		return;
	}
	for (uint64_t done = 0; done < runs && wall_seconds() < until; done += PER_CHILD) {
		int status = -1;
		pid_t child = fork();

		if (child == 0) {
			for (uint64_t i = done; i < done + PER_CHILD && i < runs; i++) {
				state = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
				run_one(kind, i, shared);
			}
			_exit(0);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
			if (shared->crashes++ == 0)
				printf("status 0x%x %s\n", (unsigned)status, shared->first);
		}
	}
	*report = *shared;
	munmap(shared, sizeof *shared);
	tempstore_remove(directory);
	skafu__tuning_override(NULL);
	free(whole);
	free(bytes);
}

/*
 * store_fuzz.c: any bytes as the log of a store, through the public open.  Refused, or everything can be asked of it:
 * each answer is one or SKAFU_EDAMAGED, records come in their order, and a second look gives the same.
 *
 * The first byte of the input picks one of the sound logs that are made at the start, and the rest are changes to it,
 * of 5 bytes each: page, place in the page (12 bits; one of the others: add to what is there), value, and how many
 * bytes get it.  255 as the first byte: the rest is the log.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "skafu_store.h"
#include "store/store.h"

#define BASES 3
#define BASE_BYTES_MAX (1u << 20)
#define PAGE 4096u
#define RECORDS 40

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64];
static char store_path[96];
static char log_path[128];
static uint8_t *bases[BASES];
static size_t base_bytes[BASES];
static uint8_t *work;

static void demand(int condition)
{
	if (!condition)
		abort();
}

static void remove_files(void)
{
	static const char *const names[] = {"log", "log-lock", "control", "wake"};
	char path[128];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", store_path, names[i]);
		unlink(path);
	}
}

static void clean(void)
{
	remove_files();
	rmdir(store_path);
	rmdir(directory);
}

/* ---- sound logs ---- */

static void add(skafu_batch *batch, unsigned number)
{
	static const char *const tags[] = {"t:1", "t:2"};
	static const char *const streams[] = {"one", "two", "three"};
	skafu_new_record record = {.size = sizeof record, .type = number % 2 ? "Odd" : "Even"};
	record.stream = streams[number % 3];
	record.tags = tags;
	record.tag_count = number % 3;
	record.data = "{\"n\":1}";
	record.data_length = 7;
	demand(skafu_batch_add(batch, &record, NULL) == 0);
}

static void fill(skafu_store *store, unsigned base)
{
	skafu_batch *batch;
	demand(skafu_batch_new(store, &batch, NULL) == 0);
	for (unsigned i = 0; i < RECORDS; i++) {
		skafu_batch_clear(batch);
		add(batch, i);
		if (i % 7 == 0)
			demand(skafu_batch_put_row(batch, "table", "key", 3, "value", 5, NULL) == 0);
		if (base == 2 && i == 30)
			demand(skafu_batch_truncate_stream(batch, "one", 4, NULL) == 0 &&
			       skafu_batch_erase(batch, 20, NULL) == 0);
		demand(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL) == 0);
	}
	skafu_batch_free(batch);
	while (base != 0 && skafu_store_maintain(store, SKAFU_WAIT_FOREVER, NULL) == 1)
		;
}

static void make_base(unsigned base)
{
	struct skafu__tuning tuning = {.map_bytes = 1 << 20, .no_sync = 1, .linger_off = 1, .fan_in = 2};
	skafu_store *store;
	tuning.fold_records = base == 0 ? 1000 : 7; /* all in the tail, or all folded */
	skafu__tuning_override(&tuning);
	demand(skafu_store_create(store_path, NULL, &store, NULL) == 0);
	fill(store, base);
	skafu_store_close(store);
	int fd = open(log_path, O_RDONLY);
	bases[base] = malloc(BASE_BYTES_MAX);
	demand(fd >= 0 && bases[base]);
	ssize_t got = read(fd, bases[base], BASE_BYTES_MAX);
	demand(got > 0 && got < (ssize_t)BASE_BYTES_MAX);
	base_bytes[base] = (size_t)got;
	close(fd);
	remove_files();
	rmdir(store_path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(directory, sizeof directory, "/tmp/store-fuzz-XXXXXX");
	demand(mkdtemp(directory) != NULL);
	snprintf(store_path, sizeof store_path, "%s/store", directory);
	snprintf(log_path, sizeof log_path, "%s/log", store_path);
	for (unsigned base = 0; base < BASES; base++)
		make_base(base);
	work = malloc(BASE_BYTES_MAX);
	demand(work != NULL && mkdir(store_path, 0700) == 0);
	atexit(clean);
	return 0;
}

/* ---- the input ---- */

static void write_log(const uint8_t *data, size_t size)
{
	unsigned base = data[0] % BASES;
	const uint8_t *bytes = data + 1;
	size_t length = size - 1;
	if (data[0] != 255) {
		length = base_bytes[base];
		memcpy(work, bases[base], length);
		bytes = work;
	}
	for (size_t i = 1; data[0] != 255 && i + 5 <= size; i += 5) {
		size_t at = data[i] % (length / PAGE) * PAGE + (data[i + 1] | (data[i + 2] & 15u) << 8);
		size_t count = 1 + data[i + 4] % 8u;
		for (size_t k = at; k < at + count && k < length; k++)
			work[k] = (uint8_t)(data[i + 2] & 16 ? work[k] + data[i + 3] : data[i + 3]);
	}
	int fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	demand(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
	close(fd);
}

/* ---- questions ---- */

static void is_an_answer(int32_t rc)
{
	demand(rc >= 0 || rc == SKAFU_EDAMAGED || rc == SKAFU_ENOTFOUND || rc == SKAFU_EINVAL);
}

/* The sum of what is there; *out_rc is how it ended. */
static uint64_t read_all(skafu_store *store, skafu_query *query, int32_t *out_rc)
{
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	uint64_t last = 0;
	uint64_t sum = 0;
	int32_t rc = skafu_read(store, query, SKAFU_NO_LIMIT, &opts, &cursor, NULL);
	while (rc >= 0 && (rc = skafu_cursor_next(cursor, &record, NULL)) == 1) {
		demand(record->sequence > last);
		last = record->sequence;
		sum = sum * 31 + record->sequence + strlen(record->type) + strlen(record->stream);
		for (size_t i = 0; i < record->data_length; i++)
			sum = sum * 31 + ((const uint8_t *)record->data)[i];
	}
	skafu_cursor_free(cursor);
	is_an_answer(rc);
	*out_rc = rc;
	return sum;
}

static void ask_lists(skafu_store *store)
{
	skafu_stream_list *list = NULL;
	const skafu_stream_info *info;
	skafu_rows *rows = NULL;
	const skafu_row *row;
	int32_t rc = skafu_stream_list_open(store, "", SKAFU_NO_LIMIT, &list, NULL);
	while (rc >= 0 && (rc = skafu_stream_list_next(list, &info, NULL)) == 1)
		demand(strlen(info->name) > 0);
	skafu_stream_list_free(list);
	is_an_answer(rc);
	rc = skafu_rows_open(store, "table", NULL, SKAFU_NO_LIMIT, &rows, NULL);
	while (rc >= 0 && (rc = skafu_rows_next(rows, &row, NULL)) == 1)
		demand(row->key_length > 0);
	skafu_rows_free(rows);
	is_an_answer(rc);
}

static void ask(skafu_store *store)
{
	skafu_query *query;
	skafu_record *record;
	int32_t first;
	int32_t second;
	uint64_t version;
	demand(skafu_query_new(&query, NULL) == 0 && skafu_query_add_item(query, NULL) == 0);
	demand(skafu_query_add_tag(query, "t:1", NULL) == 0);
	uint64_t sum = read_all(store, NULL, &first);
	demand(read_all(store, NULL, &second) == sum && first == second);
	read_all(store, query, &first);
	skafu_query_free(query);
	is_an_answer(skafu_stream_version(store, "one", &version, NULL));
	for (uint64_t i = 0; i < RECORDS + 2; i += 9) {
		record = NULL;
		is_an_answer(skafu_get(store, i, &record, NULL));
		skafu_record_free(record);
	}
	ask_lists(store);
}

static void change(skafu_store *store)
{
	skafu_batch *batch;
	demand(skafu_batch_new(store, &batch, NULL) == 0);
	add(batch, 1);
	int32_t rc = skafu_append(store, batch, UINT64_C(1000000), NULL, NULL);
	demand(rc == 0 || rc == SKAFU_EDAMAGED || rc == SKAFU_EDEFINITION || rc == SKAFU_EDELETED ||
	       rc == SKAFU_EREADONLY || rc == SKAFU_EFULL || rc == SKAFU_ELIMIT || rc == SKAFU_EPOISONED);
	skafu_batch_free(batch);
	skafu_store_maintain(store, 1000000, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	skafu_store *store = NULL;
	skafu_verify_report report = {.size = sizeof report};
	const skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CHECK,
				       .store_bytes_max = 1 << 22};
	if (size == 0)
		return 0;
	write_log(data, size);
	int32_t rc = skafu_store_open(store_path, size % 2 ? &opts : NULL, &store, NULL);
	if (rc == 0) {
		ask(store);
		is_an_answer(skafu_store_verify(store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report,
						NULL));
		change(store);
		skafu_store_close(store);
	}
	remove_files();
	return 0;
}

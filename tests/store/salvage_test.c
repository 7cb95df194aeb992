/*
 * salvage_test.c: what is whole comes out of a damaged store, what is not is told, and what comes out is a store that
 * verifies.  tests/fault/bitrot_test.c does the same with damage at random.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "codec/commit.h"
#include "codec/crc32c.h"
#include "store/salvage_commit.h"
#include "store/tempstore.h"

#define EVENTS 60u
#define STREAMS 7u

static struct tempstore temp;
static char copy_path[320];
static char told[8192];
static uint8_t file[8 << 20];
static size_t file_length;

static void set_up(void)
{
	struct skafu__tuning tuning = {.no_sync = 1, .fold_records = 16, .fan_in = 2, .segment_bytes = 512};

	tempstore_make(&temp);
	skafu__tuning_override(&tuning);
	tempstore_open(&temp, NULL);
	snprintf(copy_path, sizeof copy_path, "%s/copy", temp.directory);
	told[0] = 0;
}

static void tear_down(void)
{
	tempstore_done(&temp);
	skafu__tuning_override(NULL);
}

static void payload_of(char text[64], unsigned number)
{
	snprintf(text, 64, "{\"payload of event\":\"%03u\"}", number);
}

/* Commits of three events each, with a row, so that the next ones are in other streams. */
static void fill(unsigned events)
{
	char stream[32];
	char type[32];
	char text[64];

	for (unsigned i = 0; i < events; i += 3) {
		skafu_batch *batch = batch_of(temp.store);

		for (unsigned k = i; k < i + 3; k++) {
			snprintf(stream, sizeof stream, "stream-%u", k % STREAMS);
			snprintf(type, sizeof type, "Type%u", k % 5);
			skafu_new_record record = event_of(stream, type);
			payload_of(text, k + 1);
			record.data = text;
			record.data_length = strlen(text);
			went(skafu_batch_add(batch, &record, fault));
		}
		went(skafu_batch_put_row(batch, "rows", &i, sizeof i, "value", 5, fault));
		appended_by(temp.store, batch);
	}
}

static void maintained(skafu_store *store)
{
	while (skafu_store_maintain(store, SKAFU_WAIT_FOREVER, fault) == 1)
		;
}

static void filled_and_closed(void)
{
	fill(EVENTS);
	maintained(temp.store);
	tempstore_close(&temp);
	file_length = file_read(tempstore_file(&temp, "log"), file, sizeof file);
}

/* Nothing is folded: the commits are small values of their own. */
static void unfolded(void)
{
	struct skafu__tuning tuning = {.no_sync = 1, .fold_records = 10000};

	skafu__tuning_override(&tuning);
	tempstore_close(&temp);
	tempstore_open(&temp, NULL);
}

static void put_back(void)
{
	file_write(tempstore_file(&temp, "log"), file, file_length);
}

static int32_t remember(void *user, uint64_t done, uint64_t total, const char *loss)
{
	size_t at = strlen(told);

	(void)user;
	(void)done;
	(void)total;
	if (loss)
		snprintf(told + at, sizeof told - at, "%s\n", loss);
	return 0;
}

static skafu_salvage_report salvaged(void)
{
	skafu_salvage_report report = {.size = sizeof report};

	went(skafu_store_salvage(temp.path, copy_path, remember, NULL, &report, fault));
	return report;
}

/* Flip a bit of every place of the file that has the text; how many there are. */
static unsigned flip_text(const char *text, size_t ahead)
{
	unsigned found = 0;
	uint8_t *at = file;

	while ((at = memmem(at, file_length - (size_t)(at - file), text, strlen(text))) != NULL) {
		at[ahead] ^= 4;
		at++;
		found++;
	}
	return found;
}

/* The copy verifies, and has every record but `lost` of them, all as they were. */
static void check_copy(unsigned lost, int32_t rows_missing)
{
	skafu_verify_report report = {.size = sizeof report};
	skafu_store *store;
	unsigned missing = 0;
	int32_t rows_gone = 0;
	char text[64];

	went(skafu_store_open(copy_path, NULL, &store, fault));
	for (unsigned i = 1; i <= EVENTS; i++) {
		skafu_record *record = NULL;
		int32_t rc = skafu_get(store, i, &record, fault);

		missing += rc == SKAFU_ENOTFOUND;
		if (rc == SKAFU_ENOTFOUND)
			continue;
		ck_assert_int_eq(rc, 0);
		payload_of(text, i);
		ck_assert_uint_eq(record->data_length, strlen(text));
		ck_assert_mem_eq(record->data, text, strlen(text));
		snprintf(text, sizeof text, "stream-%u", (i - 1) % STREAMS);
		ck_assert_str_eq(record->stream, text);
		ck_assert_uint_eq(record->stream_version, (i - 1) / STREAMS + 1);
		snprintf(text, sizeof text, "Type%u", (i - 1) % 5);
		ck_assert_str_eq(record->type, text);
		skafu_record_free(record);
	}
	for (unsigned i = 0; i < EVENTS; i += 3) {
		void *value = NULL;
		size_t length;

		rows_gone += skafu_row_get(store, "rows", &i, sizeof i, &value, &length, fault) != 0;
		skafu_bytes_free(value);
	}
	ck_assert_uint_eq(missing, lost);
	ck_assert_int_eq(rows_gone, rows_missing);
	append_event(store, "stream-0", "Type0", NULL);
	maintained(store);
	went(skafu_store_verify(store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	skafu_store_close(store);
}

START_TEST(of_a_whole_store_everything)
{
	uint8_t births[2][16];
	skafu_store *store;

	went(skafu_store_birth(temp.store, births[0], fault));
	filled_and_closed();
	skafu_salvage_report report = salvaged();
	ck_assert_msg(report.losses == 0, "%s", told);
	ck_assert_uint_eq(report.commits, EVENTS / 3);
	ck_assert_uint_eq(report.records, EVENTS);
	ck_assert_uint_eq(report.streams, STREAMS);
	ck_assert_uint_eq(report.chained_up_to, EVENTS / 3);
	went(skafu_store_open(copy_path, NULL, &store, fault));
	went(skafu_store_birth(store, births[1], fault));
	ck_assert_mem_eq(births[0], births[1], 16);
	skafu_store_close(store);
	check_copy(0, 0);
}
END_TEST

START_TEST(one_bad_record_costs_itself)
{
	filled_and_closed();
	ck_assert_uint_gt(flip_text("event\":\"031", 8), 0);
	put_back();
	skafu_salvage_report report = salvaged();
	ck_assert_uint_eq(report.records_lost, 1);
	ck_assert_uint_eq(report.commits_lost, 0);
	ck_assert_uint_eq(report.stream_gaps, 1);
	ck_assert_ptr_nonnull(strstr(told, "has lost 1 of its records"));
	ck_assert_ptr_nonnull(strstr(told, "stream stream-2 lacks its versions 5 to 5"));
	check_copy(1, 0);
}
END_TEST

START_TEST(a_stream_whose_first_events_are_lost_begins_later)
{
	skafu_store *store;
	skafu_stream_list *list;
	const skafu_stream_info *info;
	skafu_cursor *cursor;
	unsigned streams = 0;

	filled_and_closed();
	flip_text("event\":\"004", 8);
	put_back();
	salvaged();
	check_copy(1, 0);
	went(skafu_store_open(copy_path, NULL, &store, fault));
	went(skafu_stream_list_open(store, "", SKAFU_NO_LIMIT, &list, fault));
	while (skafu_stream_list_next(list, &info, fault) == 1)
		streams++;
	skafu_stream_list_free(list);
	ck_assert_uint_eq(streams, STREAMS);
	went(skafu_read_stream(store, "stream-3", 2, NULL, &cursor, fault));
	ck_assert_str_eq(sequences_of(cursor), "11 18");
	skafu_store_close(store);
}
END_TEST

START_TEST(a_bad_front_costs_rows_alone)
{
	unsigned row = 30; /* of the commit of events 31 to 33 */
	unsigned found = 0;

	filled_and_closed();
	for (size_t at = 0; at + 17 < file_length; at++)
		if (memcmp(file + at, &row, 4) == 0 && memcmp(file + at + 4, "value", 5) == 0) {
			file[at + 5] ^= 1;
			found++;
		}
	ck_assert_uint_gt(found, 0);
	put_back();
	skafu_salvage_report report = salvaged();
	ck_assert_uint_eq(report.fronts_lost, 1);
	ck_assert_uint_eq(report.records_lost, 0);
	check_copy(0, 1);
}
END_TEST

/* Another copy of a commit, behind the end of the file. */
static uint8_t *put_copy(const uint8_t *commit, size_t size)
{
	uint8_t *copy = file + file_length;

	memset(copy, 0, (size + 8191) / 4096 * 4096);
	memcpy(copy, commit, size);
	file_length += (size + 4095) / 4096 * 4096;
	return copy;
}

/* The bytes of a commit where it is whole; its length. */
static size_t commit_bytes(uint64_t number, uint8_t out[4096])
{
	struct skafu__commit commit;

	for (size_t at = 0; at + SKAFU__COMMIT_HEADER_BYTES < file_length; at++)
		if (skafu__commit_peek(file + at, &commit) == 0 && commit.number == number &&
		    skafu__commit_decode(file + at, file_length - at, &commit) == 0) {
			ck_assert_uint_lt(commit.size, 4096);
			memcpy(out, file + at, commit.size);
			return commit.size;
		}
	ck_abort_msg("commit %d is nowhere", (int)number);
	return 0;
}

/* Flip a bit of a payload. */
static void flip_event(uint8_t *commit, size_t size, const char *event)
{
	uint8_t *at = memmem(commit, size, event, strlen(event));

	ck_assert_ptr_nonnull(at);
	at[8] ^= 4;
}

/* Change the id of a head until it has the checksum that it is to have, which is linear in each of its bits. */
static void forge_head(uint8_t *head, uint32_t wanted)
{
	uint32_t effects[32], choices[32];
	uint32_t left = skafu__crc32c(0, head + 8, 60) ^ wanted;
	uint32_t choice = 0;

	for (uint32_t i = 0; i < 32; i++) {
		head[40 + i / 8] ^= (uint8_t)(1u << i % 8);
		effects[i] = skafu__crc32c(0, head + 8, 60) ^ left ^ wanted;
		head[40 + i / 8] ^= (uint8_t)(1u << i % 8);
		choices[i] = 1u << i;
	}
	for (uint32_t bit = 0, done = 0; bit < 32; bit++) {
		uint32_t i = done;

		while (i < 32 && !(effects[i] >> bit & 1))
			i++;
		if (i == 32)
			continue;
		uint32_t effect = effects[i], its = choices[i];
		effects[i] = effects[done];
		choices[i] = choices[done];
		effects[done] = effect;
		choices[done] = its;
		for (uint32_t k = done + 1; k < 32; k++)
			if (effects[k] >> bit & 1) {
				effects[k] ^= effect;
				choices[k] ^= its;
			}
		if (left >> bit & 1) {
			left ^= effect;
			choice ^= its;
		}
		done++;
	}
	ck_assert_uint_eq(left, 0);
	for (uint32_t i = 0; i < 32; i++)
		if (choice >> i & 1)
			head[40 + i / 8] ^= (uint8_t)(1u << i % 8);
	ck_assert_uint_eq(skafu__crc32c(0, head + 8, 60), wanted);
}

/* Two copies of a commit, each with damage of its own.  _i: bit 0, the first one lost a record, else its rows; bit 1,
 * the second one is the one with the greater damage. */
START_TEST(copies_mend_each_other)
{
	uint8_t bytes[4096];
	unsigned row = 30; /* of the commit of events 31 to 33 */
	uint8_t *at = file;

	filled_and_closed();
	size_t size = commit_bytes(11, bytes);
	if (_i & 1)
		ck_assert_uint_gt(flip_text("event\":\"033", 8), 0);
	while (!(_i & 1) && (at = memmem(at, file_length - (size_t)(at - file), &row, 4)) != NULL) {
		at[5] ^= memcmp(at + 4, "value", 5) == 0 ? 4 : 0;
		at++;
	}
	uint8_t *copy = put_copy(bytes, size);
	flip_event(copy, size, "event\":\"032");
	if (_i & 2)
		flip_event(copy, size, "event\":\"031");
	put_back();
	skafu_salvage_report report = salvaged();
	ck_assert_msg(report.records_lost == 0 && report.fronts_lost == 0, "%s", told);
	check_copy(0, 0);
}
END_TEST

/* Where a commit was found, at an offset. */
static const struct skafu__salvage_place *place_at(const struct skafu__salvage_find *find, const uint8_t *commit)
{
	const struct skafu__salvage_place *places = (const void *)find->places.bytes;
	uint64_t offset = (uint64_t)(commit - file);

	for (size_t i = 0; i < find->places.length / sizeof *places; i++)
		if (places[i].offset == offset)
			return &places[i];
	ck_abort_msg("nothing was found at %d", (int)offset);
	return NULL;
}

/* A head that was made to have the checksum of another one does not say how much there is of that: what is in memory
 * of an earlier mending is no part of it. */
START_TEST(a_forged_copy_mends_nothing)
{
	static const char *const lost[] = {"event\":\"015", "event\":\"013", "event\":\"033"};
	uint8_t *copies[4]; /* of commit 5, each without another event; of commit 11, the second with a forged head */
	struct skafu__salvage_find find;
	struct skafu__salvage_commit commit;
	uint8_t bytes[4096];

	filled_and_closed();
	for (int i = 0; i < 4; i++) {
		size_t size = commit_bytes(i < 2 ? 5 : 11, bytes);

		copies[i] = put_copy(bytes, size);
		if (i < 3)
			flip_event(copies[i], size, lost[i]);
	}
	skafu__store_u32(copies[3] + 12, 1); /* record count */
	forge_head(copies[3], skafu__load_u32(copies[2] + 68));
	put_back();
	int fd = open(tempstore_file(&temp, "log"), O_RDONLY);
	ck_assert_int_ge(fd, 0);
	skafu__salvage_find_init(&find, skafu__sys_current(), fd, -1);
	went(skafu__salvage_find_all(&find, fault));
	skafu__salvage_commit_init(&commit, skafu__sys_current(), &find);
	for (int i = 0; i < 4; i += 2) {
		ck_assert_int_eq(skafu__salvage_commit_load(&commit, place_at(&find, copies[i])), 1);
		ck_assert_uint_eq(commit.copy.lost, 1);
		ck_assert_int_eq(skafu__salvage_commit_mend(&commit, place_at(&find, copies[i + 1])), 0);
		ck_assert_uint_eq(commit.copy.lost, i == 0 ? 0 : 1);
	}
	skafu__salvage_commit_done(&commit);
	skafu__salvage_find_done(&find);
	close(fd);
}
END_TEST

/* Every copy of the head of a commit: it is lost with all that is in it, and its neighbours are not. */
START_TEST(a_bad_head_costs_its_commit)
{
	struct skafu__commit commit;
	unsigned found = 0;

	filled_and_closed();
	for (size_t at = 0; at + SKAFU__COMMIT_HEADER_BYTES < file_length; at++)
		if (skafu__commit_peek(file + at, &commit) == 0 && commit.number == 11) {
			file[at + 40] ^= 1;
			found++;
		}
	ck_assert_uint_gt(found, 0);
	put_back();
	skafu_salvage_report report = salvaged();
	ck_assert_uint_eq(report.commits_lost, 1);
	ck_assert_uint_eq(report.records_lost, 3);
	ck_assert_ptr_nonnull(strstr(told, "commits 11 to 11 are lost, with the records 31 to 33"));
	check_copy(3, 1);
}
END_TEST

/* Names that only a lost commit defined come from their table; without it they have names that say so. */
START_TEST(names_of_lost_commits)
{
	struct skafu__commit commit;
	skafu_store *store;
	skafu_record *record;

	filled_and_closed();
	for (size_t at = 0; at + SKAFU__COMMIT_HEADER_BYTES < file_length; at++)
		if (skafu__commit_peek(file + at, &commit) == 0 && commit.number == 1)
			file[at + 40] ^= 1;
	put_back();
	salvaged();
	check_copy(3, 1);
	tempstore_remove(copy_path);
	flip_text("Type3", 1);
	put_back();
	salvaged();
	went(skafu_store_open(copy_path, NULL, &store, fault));
	went(skafu_get(store, 9, &record, fault));
	ck_assert_ptr_nonnull(strstr(record->type, "Type3") ? record->type : strstr(record->type, "lost-name-1-"));
	skafu_record_free(record);
	skafu_store_close(store);
}
END_TEST

/* The trees lead nowhere: pages are found by what is in them. */
START_TEST(without_any_tree)
{
	filled_and_closed();
	memset(file, 0, 8192);
	put_back();
	skafu_salvage_report report = salvaged();
	ck_assert_uint_eq(report.records, EVENTS);
	ck_assert_uint_eq(report.losses, 1);
	ck_assert_ptr_nonnull(strstr(told, "it is not known whether commit 20 was the last one"));
	check_copy(0, 0);
}
END_TEST

/* Names of tables have no checksum: under another name nothing of a table would be looked for. */
START_TEST(a_bad_name_of_a_table_costs_nothing)
{
	static const char *const tables[] = {"meta", "chunk", "name", "row", "run", "manifest"};
	char node[32] = {2, 0, (char)strlen(tables[_i / 2]), 0}; /* u16 flags: a table; u16 length of its name */
	unsigned found = 0;

	memcpy(node + 4, tables[_i / 2], strlen(tables[_i / 2]));
	if (_i % 2)
		unfolded();
	filled_and_closed();
	for (size_t at = 0; at + 16 < file_length; at++) {
		if (memcmp(file + at, node, 4 + strlen(tables[_i / 2])) != 0)
			continue;
		file[at + 5] ^= 0x20;
		found++;
	}
	ck_assert_uint_gt(found, 0);
	put_back();
	salvaged();
	check_copy(0, 0);
}
END_TEST

/* The size of a commit has no checksum: the ones behind it would be passed over, and be taken for unfinished. */
START_TEST(bad_sizes_of_commits_cost_nothing)
{
	struct skafu__commit commit;
	unsigned found = 0;

	if (_i % 2)
		unfolded();
	filled_and_closed();
	for (size_t at = 0; at + SKAFU__COMMIT_HEADER_BYTES < file_length; at++) {
		if (skafu__commit_peek(file + at, &commit) != 0 || commit.number != EVENTS / 3 - 1)
			continue;
		file[at + (size_t)_i / 8] ^= (uint8_t)(1u << _i % 8);
		found++;
	}
	ck_assert_uint_gt(found, 0);
	put_back();
	salvaged();
	check_copy(0, 0);
}
END_TEST

/* Page numbers have no checksum: each page, also an old one that is free, is where a tree could begin. */
START_TEST(bad_page_numbers_cost_nothing)
{
	static const char node[] = {2, 0, 5, 0, 'c', 'h', 'u', 'n', 'k'};
	size_t roots[16];
	size_t count = 0;
	uint64_t page;

	if (_i)
		unfolded();
	filled_and_closed();
	for (size_t meta = 0; meta < 2; meta++)
		roots[count++] = meta * 4096 + 128;
	for (size_t at = 8192; at + 64 < file_length && count < 16; at++)
		if (memcmp(file + at, node, sizeof node) == 0)
			roots[count++] = at + sizeof node + 40;
	ck_assert_uint_gt(count, 2);
	for (size_t i = 0; i < count; i++) {
		uint64_t right = skafu__load_u64(file + roots[i]);

		for (page = 1; page <= file_length / 4096; page++) {
			skafu__store_u64(file + roots[i], page);
			put_back();
			salvaged();
			check_copy(0, 0);
			tempstore_remove(copy_path);
		}
		skafu__store_u64(file + roots[i], right);
	}
}
END_TEST

/* A bit of its number makes the newer one of the two meta pages the older one. */
START_TEST(bad_transaction_numbers_cost_nothing)
{
	if (_i % 2)
		unfolded();
	filled_and_closed();
	for (size_t meta = 0; meta < 2; meta++)
		for (unsigned txn = 0; txn < 256; txn++) {
			uint8_t *at = file + meta * 4096 + 144;
			uint8_t right = *at;

			*at = (uint8_t)txn;
			put_back();
			salvaged();
			check_copy(0, 0);
			tempstore_remove(copy_path);
			*at = right;
		}
}
END_TEST

START_TEST(of_a_file_that_was_cut)
{
	filled_and_closed();
	for (size_t length = 0; length < file_length; length += file_length / 40 + 1) {
		skafu_salvage_report report = {.size = sizeof report};
		int32_t rc;

		file_write(tempstore_file(&temp, "log"), file, length);
		rc = skafu_store_salvage(temp.path, copy_path, NULL, NULL, &report, fault);
		ck_assert_msg(rc == 0 || rc == SKAFU_EFOREIGN, "%s", skafu_error_message(fault));
		if (rc != 0)
			continue;
		ck_assert(report.losses != 0 || report.records == EVENTS);
		ck_assert_uint_le(report.records, EVENTS);
		tempstore_remove(copy_path);
	}
}
END_TEST

static int32_t stop(void *user, uint64_t done, uint64_t total, const char *loss)
{
	(void)user;
	(void)done;
	(void)total;
	(void)loss;
	return 1;
}

START_TEST(what_cannot_be)
{
	skafu_salvage_report report = {.size = sizeof report};

	filled_and_closed();
	refused(SKAFU_EINVAL, skafu_store_salvage(NULL, copy_path, NULL, NULL, NULL, fault));
	refused(SKAFU_EINVAL, skafu_store_salvage(temp.path, "", NULL, NULL, NULL, fault));
	refused(SKAFU_ENOTFOUND, skafu_store_salvage("/nowhere", copy_path, NULL, NULL, NULL, fault));
	refused(SKAFU_EINTERRUPTED, skafu_store_salvage(temp.path, copy_path, stop, NULL, NULL, fault));
	report.size = 4;
	refused(SKAFU_EOPTION, skafu_store_salvage(temp.path, copy_path, NULL, NULL, &report, fault));
	went(skafu_store_salvage(temp.path, copy_path, NULL, NULL, NULL, fault));
	refused(SKAFU_EEXISTS, skafu_store_salvage(temp.path, copy_path, NULL, NULL, NULL, fault));
	memset(file, 'x', file_length);
	put_back();
	tempstore_remove(copy_path);
	refused(SKAFU_EFOREIGN, skafu_store_salvage(temp.path, copy_path, NULL, NULL, NULL, fault));
}
END_TEST

/* ---- truncated streams --------------------------------------------------------------------------------------- */

#define VERSIONS 5u

/* Stream "cut", an event in each commit, truncated by the last commit; the commits of the `lost` versions, a bit for
 * each, have no head any more. */
static void salvage_of_a_cut_stream(uint64_t before, unsigned lost, skafu_salvage_report *report)
{
	struct skafu__commit commit;
	skafu_batch *batch;

	for (unsigned i = 0; i < VERSIONS; i++)
		append_event(temp.store, "cut", "T", NULL);
	append_event(temp.store, "whole", "T", NULL);
	batch = batch_of(temp.store);
	went(skafu_batch_truncate_stream(batch, "cut", before, fault));
	appended_by(temp.store, batch);
	if (before % 2)
		maintained(temp.store);
	tempstore_close(&temp);
	file_length = file_read(tempstore_file(&temp, "log"), file, sizeof file);
	for (size_t at = 0; at + SKAFU__COMMIT_HEADER_BYTES < file_length; at++)
		if (skafu__commit_peek(file + at, &commit) == 0 && commit.number <= VERSIONS &&
		    (lost >> (commit.number - 1) & 1))
			file[at + 40] ^= 1;
	put_back();
	*report = salvaged();
}

/* The stream's version in the list, 0 when it is not there; and how many there are. */
static uint64_t version_in_list(skafu_store *store, const char *stream, unsigned *out_count)
{
	skafu_stream_list *list;
	const skafu_stream_info *info;
	skafu_record *record;
	uint64_t version = 0;

	*out_count = 0;
	went(skafu_stream_list_open(store, "", SKAFU_NO_LIMIT, &list, fault));
	while (skafu_stream_list_next(list, &info, fault) == 1) {
		++*out_count;
		went(skafu_get(store, info->last_sequence, &record, fault));
		ck_assert_str_eq(record->stream, info->name);
		ck_assert_uint_eq(record->stream_version, info->version);
		ck_assert_int_eq(record->recorded_ns, info->last_recorded_ns);
		skafu_record_free(record);
		if (strcmp(info->name, stream) == 0)
			version = info->version;
	}
	skafu_stream_list_free(list);
	return version;
}

/* List, version and reading of what is left agree; an event that follows is to be seen. */
static void check_cut_stream(uint64_t before, unsigned lost, const skafu_salvage_report *report)
{
	skafu_verify_report verified = {.size = sizeof verified};
	char wanted[64] = "";
	skafu_store *store;
	skafu_cursor *cursor;
	unsigned count;
	uint64_t version = 0;
	int is_seen = 0;

	for (unsigned i = 1; i <= VERSIONS; i++) {
		size_t length = strlen(wanted);
		if (lost >> (i - 1) & 1)
			continue;
		version = i;
		if (i >= before)
			snprintf(wanted + length, sizeof wanted - length, "%s%u", is_seen ? " " : "", i);
		is_seen |= i >= before;
	}
	ck_assert_uint_eq(report->streams, version ? 2 : 1);
	went(skafu_store_open(copy_path, NULL, &store, fault));
	ck_assert_uint_eq(version_of(store, "cut"), version);
	ck_assert_uint_eq(version_in_list(store, "cut", &count), is_seen ? version : 0);
	ck_assert_uint_eq(count, is_seen ? 2 : 1);
	went(skafu_read_stream(store, "cut", SKAFU_NO_LIMIT, NULL, &cursor, fault));
	ck_assert_str_eq(sequences_of(cursor), wanted);
	append_event(store, "cut", "T", NULL);
	snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s%u", is_seen ? " " : "", VERSIONS + 2);
	went(skafu_read_stream(store, "cut", SKAFU_NO_LIMIT, NULL, &cursor, fault));
	ck_assert_str_eq(sequences_of(cursor), wanted);
	ck_assert_uint_eq(version_in_list(store, "cut", &count), version + 1);
	went(skafu_store_verify(store, SKAFU_VERIFY_INDEX, NULL, NULL, &verified, fault));
	ck_assert_uint_eq(verified.faults, 0);
	skafu_store_close(store);
}

/* _i: the version that the stream is truncated before.  Whatever was lost of it, also that version. */
START_TEST(a_truncated_stream_shows_what_is_left)
{
	for (unsigned lost = 0; lost < 1u << VERSIONS; lost++) {
		skafu_salvage_report report;

		salvage_of_a_cut_stream((uint64_t)_i, lost, &report);
		ck_assert_uint_eq(report.records_lost, (uint64_t)__builtin_popcount(lost));
		check_cut_stream((uint64_t)_i, lost, &report);
		tempstore_remove(copy_path);
		tempstore_remove(temp.path);
		tempstore_open(&temp, NULL);
	}
}
END_TEST

START_TEST(a_mark_behind_what_is_left_is_told)
{
	skafu_salvage_report report;

	salvage_of_a_cut_stream(5, 0x1c, &report);
	ck_assert_uint_eq(report.stream_gaps, 1);
	ck_assert_ptr_nonnull(strstr(told, "stream cut lacks its versions 3 to 4"));
}
END_TEST

/* A stream that was deleted for good stays so, whatever is left of it; and there may be very many marks. */
START_TEST(marks_that_stay_and_many_that_do_not)
{
	struct skafu__commit commit;
	skafu_batch *batch = batch_of(temp.store);
	skafu_store *store;
	char stream[32];

	append_event(temp.store, "gone", "T", NULL);
	for (unsigned i = 0; i < 2500; i++) {
		snprintf(stream, sizeof stream, "many-%04u", i);
		add_event(batch, stream, "T", NULL);
	}
	appended_by(temp.store, batch);
	batch = batch_of(temp.store);
	went(skafu_batch_tombstone_stream(batch, "gone", fault));
	for (unsigned i = 0; i < 2500; i++) {
		snprintf(stream, sizeof stream, "many-%04u", i);
		went(skafu_batch_truncate_stream(batch, stream, 2, fault));
	}
	appended_by(temp.store, batch);
	append_event(temp.store, "whole", "T", NULL);
	tempstore_close(&temp);
	file_length = file_read(tempstore_file(&temp, "log"), file, sizeof file);
	for (size_t at = 0; at + SKAFU__COMMIT_HEADER_BYTES < file_length; at++)
		if (skafu__commit_peek(file + at, &commit) == 0 && commit.number <= 2)
			file[at + 40] ^= 1;
	put_back();
	skafu_salvage_report report = salvaged();
	ck_assert_uint_eq(report.commits_lost, 2);
	ck_assert_uint_eq(report.stream_gaps, 2500);
	went(skafu_store_open(copy_path, NULL, &store, fault));
	for (unsigned i = 0; i < 2500; i += 499) {
		skafu_cursor *cursor;

		snprintf(stream, sizeof stream, "many-%04u", i);
		append_event(store, stream, "T", NULL);
		went(skafu_read_stream(store, stream, SKAFU_NO_LIMIT, NULL, &cursor, fault));
		ck_assert_str_ne(sequences_of(cursor), "");
	}
	batch = batch_of(store);
	add_event(batch, "gone", "T", NULL);
	refused(SKAFU_EDELETED, skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(batch);
	skafu_store_close(store);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, of_a_whole_store_everything);
	tcase_add_test(tests, one_bad_record_costs_itself);
	tcase_add_test(tests, a_stream_whose_first_events_are_lost_begins_later);
	tcase_add_test(tests, a_bad_front_costs_rows_alone);
	tcase_add_loop_test(tests, copies_mend_each_other, 0, 4);
	tcase_add_test(tests, a_forged_copy_mends_nothing);
	tcase_add_test(tests, a_bad_head_costs_its_commit);
	tcase_add_test(tests, names_of_lost_commits);
	tcase_add_test(tests, without_any_tree);
	tcase_add_loop_test(tests, a_bad_name_of_a_table_costs_nothing, 0, 12);
	tcase_add_loop_test(tests, bad_sizes_of_commits_cost_nothing, 0, 32);
	tcase_add_loop_test(tests, bad_page_numbers_cost_nothing, 0, 2);
	tcase_add_loop_test(tests, bad_transaction_numbers_cost_nothing, 0, 2);
	tcase_add_test(tests, of_a_file_that_was_cut);
	tcase_add_loop_test(tests, a_truncated_stream_shows_what_is_left, 1, VERSIONS + 2);
	tcase_add_test(tests, a_mark_behind_what_is_left_is_told);
	tcase_add_test(tests, marks_that_stay_and_many_that_do_not);
	tcase_add_test(tests, what_cannot_be);
}

int main(void)
{
	return tempstore_main("salvage", add);
}

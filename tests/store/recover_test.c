/*
 * recover_test.c: whole stores whose last commits are in the journal: after a death, a power cut, a frame that was
 * torn, and damage.  Acknowledged commits are there afterwards, or it is told that they are not.
 */
#include "store/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/failing.h"
#include "codec/crc32c.h"
#include "store/deadstore.h"
#include "store/journal.h"
#include "store/page.h"

/* ---- death and power cut ------------------------------------------------------------------------------------- */

START_TEST(a_process_that_died_left_all)
{
	for (uint32_t commits = 0; commits < 8; commits++) {
		struct worker worker = worker_with(commits);

		worker_gone(&worker);
		is_whole();
		needs_nothing();
		is_whole();
		goes_on(commits % 4);
		begin_anew();
	}
}
END_TEST

START_TEST(a_close_leaves_nothing_to_do)
{
	for (uint32_t commits = 0; commits < 6; commits++) {
		struct worker worker = worker_with(commits);

		worker_closes(&worker);
		needs_nothing();
		cut_power(META_BASE);
		unlink(tempstore_file(&temp, "journal"));
		is_whole();
		begin_anew();
	}
}
END_TEST

START_TEST(a_power_cut_takes_nothing)
{
	for (uint32_t commits = 1; commits < 10; commits++) {
		struct worker worker = worker_with(commits);
		struct image journal;

		worker_gone(&worker);
		journal = image_of("journal");
		for (uint32_t i = durable; i < log_image_count; i++) {
			put_back("log", &log_images[i]);
			put_back("journal", &journal);
			is_whole();
			needs_nothing();
		}
		image_free(&journal);
		goes_on(3);
		begin_anew();
	}
}
END_TEST

START_TEST(a_power_cut_may_tear_all_but_the_base)
{
	for (uint32_t commits = 1; commits < 8; commits++) {
		struct worker worker = worker_with(commits);

		worker_gone(&worker);
		cut_power((uint32_t)_i);
		is_whole();
		goes_on(commits % 3);
		begin_anew();
	}
}
END_TEST

/* Rounds of it on one store: the numbers of transactions come again, and the pages of the base are used. */
START_TEST(power_cuts_one_after_the_other)
{
	seeded("power_cuts_one_after_the_other");
	for (uint32_t round = 0; round < 24; round++) {
		struct worker worker = worker_at_store();

		remember_log_alone();
		appends(&worker, random_below(9));
		worker_gone(&worker);
		cut_power(random_below(METAS));
		is_whole();
	}
}
END_TEST

/* ---- interrupted --------------------------------------------------------------------------------------------- */

/* The open of a process that dies at a call of the system: 1 when it came to its end before. */
static int opens_until(uint32_t call)
{
	struct worker worker = worker_start();
	int32_t rc;

	ck_assert_int_eq(tell(&worker, DO_DIE_AT, call), 0);
	rc = tell(&worker, DO_OPEN, 0);
	worker_gone(&worker);
	ck_assert_msg(rc == 0 || rc == DIED, "the open gave %s", skafu_result_name(rc));
	return rc == 0;
}

START_TEST(a_recovery_that_was_interrupted_is_done_again)
{
	struct image log;
	struct image journal;
	uint32_t call = 1;

	dead_store(3);
	cut_power((uint32_t)_i);
	log = image_of("log");
	journal = image_of("journal");
	while (!opens_until(call)) {
		is_whole();
		put_back("log", &log);
		put_back("journal", &journal);
		call++;
	}
	ck_assert_uint_gt(call, 8);
	is_whole();
	goes_on(2);
	image_free(&log);
	image_free(&journal);
}
END_TEST

static void recover_alone(size_t bytes_wanted)
{
	struct skafu__buf entries;

	skafu__buf_init(&entries, skafu__sys_current(), SIZE_MAX / 2);
	went(skafu__recover(skafu__sys_current(), temp.path, (int)(bytes_wanted & 1), &entries, fault));
	ck_assert_uint_gt(entries.length, 0);
	skafu__buf_done(&entries);
}

/* The two meta pages are written, but not in this order, and perhaps only one of them. */
START_TEST(half_of_a_recovery_is_done_again)
{
	struct image before;
	struct image after;

	for (uint32_t half = 0; half < 4; half++) {
		dead_store(1 + half % 3);
		cut_power((uint32_t)_i);
		before = image_of("log");
		recover_alone(0);
		after = image_of("log");
		if (half < 2) {
			memcpy(after.bytes + (size_t)half * PAGE, before.bytes + (size_t)half * PAGE, PAGE);
			put_back("log", &after);
		}
		recover_alone(1);
		is_whole();
		image_free(&before);
		image_free(&after);
		begin_anew();
	}
}
END_TEST

/* ---- a frame that was torn ----------------------------------------------------------------------------------- */

/* The disk got some of the sectors of the last frame, and nothing else of its commit. */
static void tear_last(const struct image *journal_before, uint32_t keep_of_8)
{
	struct image journal = image_of("journal");
	uint8_t old[512] = {0};

	for (size_t at = 0; at < journal.length; at += sizeof old) {
		if (journal_before->bytes)
			memcpy(old, journal_before->bytes + at, sizeof old);
		if (random_below(8) >= keep_of_8)
			memcpy(journal.bytes + at, old, sizeof old);
	}
	put_back("journal", &journal);
	put_back("log", &log_images[log_image_count - 2]);
	image_free(&journal);
	tried = expected[--expected_count];
}

/* A commit that was not acknowledged is there or not, and whatever comes next works. */
START_TEST(a_torn_frame_is_not_there)
{
	seeded("a_torn_frame_is_not_there");
	for (uint32_t round = 0; round < 60; round++) {
		struct worker worker = worker_at_store();
		uint32_t commits = 1 + random_below(6);
		struct image journal = {NULL, 0};

		remember_log_alone();
		appends(&worker, commits);
		journal = image_of("journal");
		appends(&worker, 1);
		worker_gone(&worker);
		if (durable != log_image_count - 1)
			tear_last(&journal, random_below(8));
		image_free(&journal);
		is_whole();
		if (round % 3 == 0)
			goes_on(1 + random_below(3));
		if (round % 20 == 19)
			begin_anew();
	}
}
END_TEST

/* The number of the torn frame is reached again, by one commit or several, and then asked for. */
static void tear_body(uint32_t frames)
{
	struct worker worker = worker_with(1 + frames);

	worker_gone(&worker);
	ck_assert_uint_eq(live_frames(), frames);
	file_patch(tempstore_file(&temp, "journal"), (frames - 1) * PAGE + 120, "torn", 4);
	put_back("log", &log_images[log_image_count - 2]);
	expected_count--;
}

START_TEST(the_number_of_a_torn_frame_is_used_again)
{
	for (uint32_t commits = 0; commits < 5; commits++) {
		tear_body((uint32_t)_i);
		is_whole();
		for (uint32_t i = 0; i < commits; i++) {
			struct worker worker = worker_at_store();

			appends(&worker, 1);
			worker_gone(&worker);
			is_whole();
		}
		goes_on(commits);
		begin_anew();
	}
}
END_TEST

START_TEST(the_number_of_a_torn_frame_is_used_again_at_once)
{
	tear_body((uint32_t)_i);
	goes_on(1);
	goes_on(2);
}
END_TEST

/* A new generation overwrites an older one, and of its first frame only what lies behind the head arrives: the old
 * head stands before a body that is not its own, and the log needs none of it. */
START_TEST(the_first_frame_is_torn_over_an_older_one)
{
	struct worker worker = worker_with(2);
	struct image journal = {NULL, 0};

	do {
		image_free(&journal);
		journal = image_of("journal");
		appends(&worker, 1);
	} while (live_frames() != 1);
	worker_gone(&worker);
	file_patch(tempstore_file(&temp, "journal"), 0, journal.bytes, 512);
	put_back("log", &log_images[log_image_count - 2]);
	expected_count--;
	image_free(&journal);
	is_whole();
	goes_on(3);
}
END_TEST

/* ---- damage -------------------------------------------------------------------------------------------------- */

/* Salvage finds all of them, though an open refuses. */
static void salvage_brings_back(uint32_t commits)
{
	struct tempstore damaged = temp;
	skafu_salvage_report report = {.size = sizeof report};

	snprintf(temp.path, sizeof temp.path, "%.250s/salvaged", temp.directory);
	went(skafu_store_salvage(damaged.path, temp.path, NULL, NULL, &report, fault));
	tempstore_open(&temp, NULL);
	ck_assert_uint_eq(head_of(temp.store), commits);
	for (uint32_t i = 0; i < commits; i++)
		has_number(temp.store, i + 1u, expected[i]);
	tempstore_close(&temp);
	tempstore_remove(temp.path);
	temp = damaged;
}

/* 1 when the open gave all, 0 when it refused; with the number of those that may be missing at the end. */
static int opens_or_refuses(uint32_t may_miss)
{
	skafu_store_opts opts = {.size = sizeof opts};
	int32_t rc = skafu_store_open(temp.path, &opts, &temp.store, fault);
	uint64_t head;

	if (rc != 0) {
		ck_assert_msg(rc == SKAFU_EDAMAGED, "%s", skafu_error_message(fault));
		return 0;
	}
	head = head_of(temp.store);
	ck_assert(head <= expected_count && head + may_miss >= expected_count);
	for (uint32_t i = 0; i < head; i++)
		has_number(temp.store, i + 1u, expected[i]);
	tempstore_close(&temp);
	return 1;
}

struct files {
	struct image log;
	struct image journal;
	uint64_t frame_at[8]; /* of the live frames */
	uint32_t frames;
};

static struct files files_now(void)
{
	struct files files = {.log = image_of("log"), .journal = image_of("journal"), .frames = live_frames()};
	struct skafu__journal_head head;
	uint64_t at = 0;

	for (uint32_t i = 0; i < files.frames && i < 8; i++) {
		files.frame_at[i] = at;
		ck_assert_int_eq(skafu__journal_head_read(files.journal.bytes + at, &head), 1);
		at = skafu__journal_behind(at, &head);
	}
	return files;
}

static void files_back(const struct files *files)
{
	put_back("log", &files->log);
	put_back("journal", &files->journal);
}

static void files_free(struct files *files)
{
	image_free(&files->log);
	image_free(&files->journal);
}

/* All bytes of the heads and of what follows them, and some of the others. */
static int is_tried(const struct files *files, size_t at)
{
	for (uint32_t i = 0; i < files->frames; i++)
		if (at >= files->frame_at[i] && at < files->frame_at[i] + 80)
			return 1;
	return at % 97 == 0;
}

static void flip(const struct files *files, size_t at)
{
	uint8_t byte = files->journal.bytes[at] ^ (uint8_t)(1u << at % 8);

	files_back(files);
	file_patch(tempstore_file(&temp, "journal"), at, &byte, 1);
}

START_TEST(a_flipped_bit_is_told_or_does_not_matter)
{
	struct files files;
	uint32_t refusals = 0;

	dead_store(1 + (uint32_t)_i);
	files = files_now();
	for (size_t at = 0; at < files.journal.length; at++) {
		if (!is_tried(&files, at))
			continue;
		flip(&files, at);
		if (opens_or_refuses(0))
			continue;
		if (refusals++ % 8 == 0)
			salvage_brings_back(expected_count);
	}
	ck_assert_uint_gt(refusals, 10);
	files_free(&files);
}
END_TEST

/* The log is at its base: what is damaged in the journal is nowhere else, and only the last frame may look torn. */
START_TEST(a_flipped_bit_after_a_power_cut)
{
	struct files files;

	dead_store(1 + (uint32_t)_i);
	put_back("log", &log_images[durable]);
	files = files_now();
	for (size_t at = 0; at < files.journal.length; at++) {
		if (!is_tried(&files, at))
			continue;
		flip(&files, at);
		opens_or_refuses(at >= files.frame_at[files.frames - 1]);
	}
	files_free(&files);
}
END_TEST

/* What is damaged is left as it is. */
START_TEST(a_refusal_changes_nothing)
{
	struct files files;
	struct image journal;

	dead_store(3);
	put_back("log", &log_images[durable]);
	files = files_now();
	flip(&files, files.frame_at[1] + 100);
	journal = image_of("journal");
	refused(SKAFU_EDAMAGED, skafu_store_open(temp.path, NULL, &temp.store, fault));
	message_names("journal");
	ck_assert(is_same_image("journal", &journal));
	ck_assert(is_same_image("log", &files.log));
	files_back(&files);
	is_whole();
	image_free(&journal);
	files_free(&files);
}
END_TEST

/* The first page of the base's tree is not what it was when the frames were written. */
START_TEST(a_log_that_is_not_that_of_the_frames)
{
	struct files files;
	struct skafu__page_meta meta;
	uint8_t page[PAGE] = {0};
	struct image log;

	dead_store(2);
	files = files_now();
	memcpy(page, files.journal.bytes + SKAFU__JOURNAL_HEAD_BYTES, SKAFU__JOURNAL_META_BYTES);
	skafu__page_meta(page, page[0] & 1, &meta);
	page[0] = files.log.bytes[meta.main.root * PAGE + PAGE - 1] ^ 1;
	file_patch(tempstore_file(&temp, "log"), meta.main.root * PAGE + PAGE - 1, page, 1);
	log = image_of("log");
	refused(SKAFU_EDAMAGED, skafu_store_open(temp.path, NULL, &temp.store, fault));
	message_names("journal");
	ck_assert(is_same_image("log", &log));
	ck_assert(is_same_image("journal", &files.journal));
	image_free(&log);
	files_free(&files);
}
END_TEST

/* A frame that is whole, but was not written behind the one that it lies behind. */
START_TEST(a_frame_out_of_the_chain)
{
	struct files files;
	uint8_t head[SKAFU__JOURNAL_HEAD_BYTES];

	dead_store(3);
	files = files_now();
	for (uint32_t i = 0; i < 3; i++) {
		files_back(&files);
		memcpy(head, files.journal.bytes + files.frame_at[i], sizeof head);
		head[36] ^= 1;
		skafu__store_u32(head + 4, skafu__crc32c(0, head + 8, sizeof head - 8));
		file_patch(tempstore_file(&temp, "journal"), files.frame_at[i], head, sizeof head);
		refused(SKAFU_EDAMAGED, skafu_store_open(temp.path, NULL, &temp.store, fault));
	}
	files_free(&files);
}
END_TEST

/* ---- other files --------------------------------------------------------------------------------------------- */

/* The meta page that is damaged may be that of a commit that went the long way, behind all frames: to go back to the
 * base would take it. */
START_TEST(a_damaged_meta_page_is_told)
{
	static const uint8_t noise[PAGE] = {1, 2, 3};
	struct files files;
	skafu_store *store = NULL;
	struct skafu__page_meta meta[2];

	dead_store(3);
	files = files_now();
	for (uint64_t place = 0; place < 2; place++)
		ck_assert_ptr_null(skafu__page_meta_frame(files.log.bytes + place * PAGE, place, &meta[place]));
	uint64_t older = meta[0].txn < meta[1].txn ? 0 : 1;
	file_patch(tempstore_file(&temp, "log"), older * PAGE, noise, sizeof noise);
	refused(SKAFU_EDAMAGED, skafu_store_open(temp.path, NULL, &store, fault));
	message_names("meta page");
	files_back(&files);
	file_patch(tempstore_file(&temp, "log"), (1 - older) * PAGE, noise, sizeof noise);
	is_whole(); /* there is a frame for what it said */
	files_free(&files);
}
END_TEST

/* What events hold may look like a frame, but for the number that nobody outside knows.  _i: 1 it is known. */
START_TEST(what_a_stranger_appended_is_no_frame)
{
	skafu_store *store = NULL;

	dead_store(2);
	struct image journal = image_of("journal");
	uint8_t *head = journal.bytes + journal.length - PAGE;
	memcpy(head, journal.bytes, SKAFU__JOURNAL_HEAD_BYTES);
	skafu__store_u64(head + 16, skafu__load_u64(head + 8) + 1000);
	skafu__store_u32(head + 24, 9);
	if (_i == 0)
		head[48] ^= 1;
	skafu__store_u32(head + 4, skafu__crc32c(0, head + 8, SKAFU__JOURNAL_HEAD_BYTES - 8));
	put_back("journal", &journal);
	image_free(&journal);
	if (_i == 0)
		is_whole();
	else
		refused(SKAFU_EDAMAGED, skafu_store_open(temp.path, NULL, &store, fault));
}
END_TEST

START_TEST(a_journal_of_another_store)
{
	struct worker worker;
	struct files old;
	struct files newer;

	dead_store(1);
	old = files_now();
	begin_anew();
	worker = worker_with(9);
	worker_gone(&worker);
	newer = files_now();
	ck_assert_uint_gt(newer.frames, 0);
	put_back("journal", &old.journal); /* it ends before this log does */
	put_back("log", &log_images[log_image_count - 1]);
	expected_count = last_number;
	is_whole();
	begin_anew();
	dead_store(1);
	put_back("journal", &newer.journal);
	refused(SKAFU_EDAMAGED, skafu_store_open(temp.path, NULL, &temp.store, fault));
	message_names("another");
	files_free(&old);
	files_free(&newer);
}
END_TEST

/* It has the same number of pages, tables and entries, and a longer journal. */
START_TEST(a_journal_of_another_store_of_the_same_shape)
{
	struct files other;

	dead_store(3);
	other = files_now();
	begin_anew();
	dead_store(1);
	put_back("journal", &other.journal);
	refused(SKAFU_EDAMAGED, skafu_store_open(temp.path, NULL, &temp.store, fault));
	message_names("another");
	files_free(&other);
}
END_TEST

static void journal_is(const void *bytes, size_t length, off_t size)
{
	file_write(tempstore_file(&temp, "journal"), bytes, length);
	ck_assert_int_eq(truncate(tempstore_file(&temp, "journal"), size), 0);
}

/* The log of a store that was closed needs no journal, whatever is in the file, and writes to it again. */
START_TEST(what_is_no_journal_is_overwritten)
{
	static const off_t sizes[] = {0, 1, 63, 64, 4095, 4096, 5000, 16384, (64 << 20) + 4096};
	uint8_t noise[16384];

	seeded("what_is_no_journal_is_overwritten");
	worker_closes(&(struct worker[1]){worker_with(3)}[0]);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		for (size_t k = 0; k < sizeof noise; k++)
			noise[k] = (uint8_t)random_below(i % 2 ? 1 : 256);
		memcpy(noise + 4096, "SKJ1", 4);
		if (i % 3 == 0)
			memcpy(noise, "SKJ1", 4);
		journal_is(noise, sizeof noise, sizes[i]);
		is_whole();
		goes_on(3);
		worker_closes(&(struct worker[1]){worker_at_store()}[0]);
	}
}
END_TEST

/* The frames of a dead store, in a file that was made much longer, or shorter by what they do not need. */
START_TEST(frames_in_a_file_of_another_size)
{
	static const off_t sizes[] = {12288, 14000, 20000, 65 << 20};
	struct files files;

	dead_store(3);
	files = files_now();
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		files_back(&files);
		if (files.frame_at[2] + 2 * (uint64_t)PAGE > (uint64_t)sizes[i])
			continue;
		ck_assert_int_eq(truncate(tempstore_file(&temp, "journal"), sizes[i]), 0);
		is_whole();
		goes_on(3);
		expected_count -= 3;
	}
	files_free(&files);
}
END_TEST

static void make_directory(const char *path)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void make_link(const char *path)
{
	ck_assert_int_eq(symlink("log", path), 0);
}

static void make_pipe(const char *path)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

/* None of them is followed or waited for. */
START_TEST(a_journal_that_is_no_file)
{
	static void (*const make[])(const char *path) = {make_directory, make_link, make_pipe};
	struct image log;
	skafu_store_opts opts = {.size = sizeof opts};

	worker_closes(&(struct worker[1]){worker_with(3)}[0]);
	unlink(tempstore_file(&temp, "journal"));
	make[_i](tempstore_file(&temp, "journal"));
	log = image_of("log");
	int32_t rc = skafu_store_open(temp.path, &opts, &temp.store, fault);

	ck_assert_msg(rc < 0 || _i == 2, "the open gave %d", (int)rc);
	tempstore_close(&temp);
	ck_assert(is_same_image("log", &log));
	remove(tempstore_file(&temp, "journal"));
	is_whole();
	image_free(&log);
}
END_TEST

/* ---- failing calls ------------------------------------------------------------------------------------------- */

static struct failing failing;
static const char *read_only_name; /* of the file that cannot be opened for writing */
static int read_only_error;

static int open_read_only(const char *path, int flags, mode_t mode)
{
	const char *slash = strrchr(path, '/');

	if ((flags & O_ACCMODE) != O_RDONLY && slash && strcmp(slash + 1, read_only_name) == 0) {
		errno = read_only_error;
		return -1;
	}
	return open(path, flags | O_CLOEXEC, mode);
}

START_TEST(a_log_that_cannot_be_written)
{
	static const char *const names[] = {"log", "journal"};
	static const int errors[] = {EACCES, EROFS, EPERM};
	struct files files;
	struct skafu__buf entries;

	dead_store(2);
	files = files_now();
	failing_init(&failing);
	failing.sys.open = open_read_only;
	skafu__buf_init(&entries, &failing.sys, SIZE_MAX / 2);
	for (int i = 0; i < 6; i++) {
		read_only_name = names[i % 2];
		read_only_error = errors[i / 2];
		refused(SKAFU_EREADONLY, skafu__recover(&failing.sys, temp.path, 0, &entries, fault));
		ck_assert(is_same_image("log", &files.log));
		ck_assert(is_same_image("journal", &files.journal));
	}
	skafu__buf_done(&entries);
	ck_assert_int_eq(failing.live, 0);
	is_whole();
	/* When the log is whole by itself, nobody has to write. */
	skafu__buf_init(&entries, &failing.sys, SIZE_MAX / 2);
	went(skafu__recover(&failing.sys, temp.path, 0, &entries, fault));
	ck_assert_uint_eq(entries.length, 0);
	skafu__buf_done(&entries);
	read_only_error = EIO;
	refused(SKAFU_EIO, skafu__recover(&failing.sys, temp.path, 0, &entries, fault));
	files_free(&files);
}
END_TEST

START_TEST(without_memory_nothing_changes)
{
	struct files files;
	struct skafu__buf entries;
	int32_t rc = SKAFU_ENOMEM;
	long fails_at = 0;

	dead_store(3);
	files = files_now();
	failing_init(&failing);
	for (; rc == SKAFU_ENOMEM; fails_at++) {
		skafu__buf_init(&entries, &failing.sys, SIZE_MAX / 2);
		failing.left = fails_at;
		rc = skafu__recover(&failing.sys, temp.path, 0, &entries, fault);
		failing.left = -1;
		if (rc == SKAFU_ENOMEM) {
			ck_assert(is_same_image("log", &files.log));
			ck_assert(is_same_image("journal", &files.journal));
		}
		skafu__buf_done(&entries);
		ck_assert_int_eq(failing.live, 0);
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_int_gt(fails_at, 2);
	is_whole();
	files_free(&files);
}
END_TEST

static uint32_t calls_until_failure;

static int call_fails(void)
{
	if (calls_until_failure == 0 || --calls_until_failure != 0)
		return 0;
	errno = EIO;
	return 1;
}

static ssize_t failing_pread(int fd, void *bytes, size_t length, off_t at)
{
	return call_fails() ? -1 : pread(fd, bytes, length, at);
}

static ssize_t failing_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	return call_fails() ? -1 : pwrite(fd, bytes, length, at);
}

static int failing_fdatasync(int fd)
{
	return call_fails() ? -1 : fdatasync(fd);
}

static int log_is_flushed;

static ssize_t noting_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	log_is_flushed = 0;
	return pwrite(fd, bytes, length, at);
}

static int noting_fdatasync(int fd)
{
	log_is_flushed = 1;
	return fdatasync(fd);
}

START_TEST(a_recovery_is_on_the_disk)
{
	struct skafu__buf entries;

	dead_store(3);
	failing_init(&failing);
	failing.sys.pwrite = noting_pwrite;
	failing.sys.fdatasync = noting_fdatasync;
	log_is_flushed = 0;
	skafu__buf_init(&entries, &failing.sys, SIZE_MAX / 2);
	went(skafu__recover(&failing.sys, temp.path, 0, &entries, fault));
	ck_assert_uint_gt(entries.length, 0);
	ck_assert_int_eq(log_is_flushed, 1);
	skafu__buf_done(&entries);
	is_whole();
}
END_TEST

static int failing_fstat(int fd, struct stat *out)
{
	return call_fails() ? -1 : fstat(fd, out);
}

/* Each call of the system fails once; what comes after it is whole. */
START_TEST(a_failing_call_of_a_recovery)
{
	struct files files;
	struct skafu__buf entries;
	int32_t rc = -1;
	uint32_t call = 1;

	dead_store(3);
	cut_power(META_MIXED);
	files = files_now();
	failing_init(&failing);
	failing.sys.pread = failing_pread;
	failing.sys.pwrite = failing_pwrite;
	failing.sys.fdatasync = failing_fdatasync;
	failing.sys.fstat = failing_fstat;
	for (; rc != 0; call++) {
		skafu__buf_init(&entries, &failing.sys, SIZE_MAX / 2);
		calls_until_failure = call;
		rc = skafu__recover(&failing.sys, temp.path, 1, &entries, fault);
		if (calls_until_failure != 0)
			break;
		ck_assert_msg(rc == SKAFU_EIO || rc == SKAFU_EDAMAGED || rc == 0, "%d", (int)rc);
		skafu__buf_done(&entries);
		is_whole();
		files_back(&files);
		rc = -1;
	}
	skafu__buf_done(&entries);
	ck_assert_uint_gt(call, 8);
	ck_assert_int_eq(rc, 0);
	is_whole();
	files_free(&files);
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, dead_set_up, dead_tear_down);
	tcase_add_test(tests, a_process_that_died_left_all);
	tcase_add_test(tests, a_close_leaves_nothing_to_do);
	tcase_add_test(tests, a_power_cut_takes_nothing);
	tcase_add_loop_test(tests, a_power_cut_may_tear_all_but_the_base, 0, METAS);
	tcase_add_test(tests, power_cuts_one_after_the_other);
	tcase_add_loop_test(tests, a_recovery_that_was_interrupted_is_done_again, 0, METAS);
	tcase_add_loop_test(tests, half_of_a_recovery_is_done_again, 0, METAS);
	tcase_add_test(tests, a_torn_frame_is_not_there);
	tcase_add_loop_test(tests, the_number_of_a_torn_frame_is_used_again, 1, 4);
	tcase_add_loop_test(tests, the_number_of_a_torn_frame_is_used_again_at_once, 1, 4);
	tcase_add_test(tests, the_first_frame_is_torn_over_an_older_one);
	tcase_add_loop_test(tests, a_flipped_bit_is_told_or_does_not_matter, 0, 3);
	tcase_add_loop_test(tests, a_flipped_bit_after_a_power_cut, 0, 3);
	tcase_add_test(tests, a_refusal_changes_nothing);
	tcase_add_test(tests, a_log_that_is_not_that_of_the_frames);
	tcase_add_test(tests, a_frame_out_of_the_chain);
	tcase_add_test(tests, a_damaged_meta_page_is_told);
	tcase_add_loop_test(tests, what_a_stranger_appended_is_no_frame, 0, 2);
	tcase_add_test(tests, a_journal_of_another_store);
	tcase_add_test(tests, a_journal_of_another_store_of_the_same_shape);
	tcase_add_test(tests, what_is_no_journal_is_overwritten);
	tcase_add_test(tests, frames_in_a_file_of_another_size);
	tcase_add_loop_test(tests, a_journal_that_is_no_file, 0, 3);
	tcase_add_test(tests, a_log_that_cannot_be_written);
	tcase_add_test(tests, without_memory_nothing_changes);
	tcase_add_test(tests, a_recovery_is_on_the_disk);
	tcase_add_test(tests, a_failing_call_of_a_recovery);
}

int main(void)
{
	return dead_main("recover", add_tests);
}

/*
 * journal_test.c: the journal by itself: what fits, how frames lie in the file, and what is left of a frame whose
 * write failed.  tests/store/recover_test.c is about whole stores.
 */
#include "store/journal.h"

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
#include "store/page.h"
#include "store/tempstore.h"

#define PAGE SKAFU__JOURNAL_PAGE_BYTES
#define HEAD SKAFU__JOURNAL_HEAD_BYTES
#define META SKAFU__JOURNAL_META_BYTES
#define BYTES (4 * PAGE)

static struct tempstore temp;
static struct failing failing;
static struct skafu__journal journal;
static uint8_t file[1 << 20];
static size_t file_length;
static int log_fd = -1;
static uint64_t log_txn; /* of the newest snapshot of the log */

/* ---- calls that fail ----------------------------------------------------------------------------------------- */

static int writes_until_failure; /* 0: none fails */
static int writes_fail_on;       /* all behind the first too */
static int syncs_until_failure;
static int sync_calls;
static int fsync_fails;
static int fstat_fails;
static int reads_fail;
static int error_number = EIO;

static int fails(void)
{
	errno = EIO;
	return -1;
}

static int comes_due(int *left)
{
	if (*left == 0 || --*left != 0)
		return 0;
	errno = error_number;
	return 1;
}

static ssize_t failing_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	if (comes_due(&writes_until_failure)) {
		writes_until_failure = writes_fail_on;
		if (length > 512) /* a part of it arrives */
			(void)!pwrite(fd, bytes, length / 2, at);
		errno = error_number;
		return -1;
	}
	return pwrite(fd, bytes, length, at);
}

static ssize_t failing_pread(int fd, void *bytes, size_t length, off_t at)
{
	return reads_fail ? fails() : pread(fd, bytes, length, at);
}

static int failing_fdatasync(int fd)
{
	sync_calls++;
	return comes_due(&syncs_until_failure) ? -1 : fdatasync(fd);
}

static int failing_fsync(int fd)
{
	return fsync_fails ? fails() : fsync(fd);
}

static int failing_fstat(int fd, struct stat *out)
{
	return fstat_fails ? fails() : fstat(fd, out);
}

/* ---- set up -------------------------------------------------------------------------------------------------- */

static const char *journal_path(void)
{
	return tempstore_file(&temp, "journal");
}

/* A log with at least two transactions, in no use. */
static void make_log(void)
{
	uint8_t pages[2 * SKAFU__PAGE_BYTES];
	struct skafu__page_meta meta;

	tempstore_new(&temp);
	append_event(temp.store, "s", "T", NULL);
	tempstore_close(&temp);
	log_fd = open(tempstore_file(&temp, "log"), O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(log_fd, 0);
	ck_assert_int_eq(pread(log_fd, pages, sizeof pages, 0), (ssize_t)sizeof pages);
	log_txn = 0;
	for (uint64_t place = 0; place < 2; place++)
		if (!skafu__page_meta(pages + place * SKAFU__PAGE_BYTES, place, &meta) && meta.txn > log_txn)
			log_txn = meta.txn;
	ck_assert_uint_gt(log_txn, 1);
}

static void attach(uint32_t bytes)
{
	skafu__journal_init(&journal, &failing.sys);
	ck_assert_int_eq(skafu__journal_attach(&journal, temp.path, bytes), 0);
}

static void set_up(void)
{
	make_log();
	writes_until_failure = writes_fail_on = syncs_until_failure = sync_calls = 0;
	fsync_fails = fstat_fails = reads_fail = 0;
	error_number = EIO;
	failing_init(&failing);
	failing.sys.pwrite = failing_pwrite;
	failing.sys.pread = failing_pread;
	failing.sys.fdatasync = failing_fdatasync;
	failing.sys.fsync = failing_fsync;
	failing.sys.fstat = failing_fstat;
	attach(BYTES);
}

static void tear_down(void)
{
	skafu__journal_done(&journal);
	skafu__journal_done(&journal); /* twice is fine */
	ck_assert_int_eq(failing.live, 0);
	close(log_fd);
	tempstore_done(&temp);
}

static void read_file(void)
{
	file_length = file_read(journal_path(), file, sizeof file);
}

static int is_zero(size_t at, size_t length)
{
	for (size_t i = at; i < at + length; i++)
		if (file[i] != 0)
			return 0;
	return 1;
}

static void ready(void)
{
	ck_assert_int_eq(skafu__journal_prepare(&journal), 1);
	ck_assert_int_eq(skafu__journal_begin(&journal, log_fd, log_txn), 1);
}

static void gather(const char *key, size_t length)
{
	uint8_t value[BYTES];

	memset(value, key[0], sizeof value);
	skafu__journal_gather(&journal, key, strlen(key), value, length);
}

static void write_frame(uint64_t txn, const char *key, size_t length)
{
	skafu__journal_clear(&journal);
	gather(key, length);
	ck_assert_int_eq(skafu__journal_fits(&journal), 1);
	went(skafu__journal_write(&journal, txn, fault));
}

static struct skafu__journal_head head_at(size_t at)
{
	struct skafu__journal_head head;

	read_file();
	ck_assert_int_eq(skafu__journal_head_read(file + at, &head), 1);
	return head;
}

static int has_head_at(size_t at)
{
	struct skafu__journal_head head;

	read_file();
	return skafu__journal_head_read(file + at, &head);
}

/* ---- what fits ----------------------------------------------------------------------------------------------- */

/* Half of the file is the most for one frame, with the room of the longer front. */
START_TEST(a_frame_may_fill_half_of_the_file)
{
	size_t most = BYTES / 2 - HEAD - META - SKAFU__JOURNAL_ENTRY_BYTES - 3;

	skafu__journal_clear(&journal);
	ck_assert_int_eq(skafu__journal_fits(&journal), 0); /* nothing in it */
	gather("key", most);
	ck_assert_int_eq(skafu__journal_fits(&journal), 1);
	gather("k", 0);
	ck_assert_int_eq(skafu__journal_fits(&journal), 0);
	skafu__journal_clear(&journal);
	gather("key", most + 1);
	ck_assert_int_eq(skafu__journal_fits(&journal), 0);
	gather("k", 1); /* what is too large stays so */
	ck_assert_int_eq(skafu__journal_fits(&journal), 0);
	skafu__journal_clear(&journal);
	gather("k", 1);
	ck_assert_int_eq(skafu__journal_fits(&journal), 1);
	skafu__journal_gather(&journal, "k", 1, "v", SIZE_MAX - 4);
	ck_assert_int_eq(skafu__journal_fits(&journal), 0);
}
END_TEST

/* However large the file is. */
START_TEST(what_is_large_is_not_written_twice)
{
	static uint8_t value[SKAFU__JOURNAL_FRAME_BYTES_MAX];
	size_t most = sizeof value - HEAD - META - SKAFU__JOURNAL_ENTRY_BYTES - 1;

	skafu__journal_done(&journal);
	attach(SKAFU__JOURNAL_BYTES);
	skafu__journal_clear(&journal);
	skafu__journal_gather(&journal, "k", 1, value, most);
	ck_assert_int_eq(skafu__journal_fits(&journal), 1);
	skafu__journal_clear(&journal);
	skafu__journal_gather(&journal, "k", 1, value, most + 1);
	ck_assert_int_eq(skafu__journal_fits(&journal), 0);
}
END_TEST

START_TEST(frames_fill_the_file_and_no_more)
{
	ready();
	for (uint64_t i = 1; i <= 4; i++)
		write_frame(log_txn + i, "key", 10);
	skafu__journal_clear(&journal);
	gather("k", 1);
	ck_assert_int_eq(skafu__journal_fits(&journal), 0);
	skafu__journal_end(&journal);
	ck_assert_int_eq(skafu__journal_is_begun(&journal), 0);
	ck_assert_int_eq(skafu__journal_fits(&journal), 1);
	read_file();
	ck_assert_uint_eq(file_length, BYTES);
}
END_TEST

START_TEST(a_long_frame_finds_no_room_at_the_end)
{
	ready();
	for (uint64_t i = 1; i <= 3; i++)
		write_frame(log_txn + i, "key", 10);
	skafu__journal_clear(&journal);
	gather("k", PAGE);
	ck_assert_int_eq(skafu__journal_fits(&journal), 0);
	skafu__journal_clear(&journal);
	gather("k", PAGE - HEAD - META - SKAFU__JOURNAL_ENTRY_BYTES - 1); /* with the front that it needs not */
	ck_assert_int_eq(skafu__journal_fits(&journal), 1);
}
END_TEST

START_TEST(a_journal_of_less_than_a_page_is_none)
{
	skafu__journal_done(&journal);
	attach(PAGE - 1);
	gather("k", 1);
	ck_assert_int_eq(skafu__journal_fits(&journal), 0);
	ck_assert_int_eq(skafu__journal_prepare(&journal), 0);
	ck_assert_int_eq(access(journal_path(), F_OK), -1);
	ck_assert_int_eq(skafu__journal_exists(&journal), 0);
	ck_assert_int_eq(skafu__journal_has_frames(&journal), 0);
	ck_assert_int_eq(skafu__journal_wipe(&journal), 0);
}
END_TEST

START_TEST(without_a_directory_there_is_nothing)
{
	struct skafu__journal none;

	skafu__journal_init(&none, &failing.sys);
	ck_assert_int_eq(skafu__journal_has_frames(&none), 0);
	ck_assert_int_eq(skafu__journal_is_begun(&none), 0);
	skafu__journal_clear(&none);
	ck_assert_int_eq(skafu__journal_fits(&none), 0);
	skafu__journal_done(&none);
}
END_TEST

/* ---- the base ------------------------------------------------------------------------------------------------ */

START_TEST(a_generation_begins_over_what_is_on_the_disk)
{
	int other;

	ck_assert_int_eq(skafu__journal_begin(&journal, log_fd, log_txn + 1), 0);
	ck_assert_int_eq(skafu__journal_begin(&journal, log_fd, log_txn + 2), 0);
	ck_assert_int_eq(skafu__journal_begin(&journal, log_fd, log_txn - 2), 0);
	ck_assert_int_eq(skafu__journal_begin(&journal, -1, log_txn), 0);
	ck_assert_int_eq(skafu__journal_is_begun(&journal), 0);
	file_write(tempstore_file(&temp, "other"), "no log", 6);
	other = open(tempstore_file(&temp, "other"), O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(skafu__journal_begin(&journal, other, log_txn), 0);
	ck_assert_int_eq(ftruncate(other, 1 << 20), 0);
	ck_assert_int_eq(skafu__journal_begin(&journal, other, log_txn), 0);
	close(other);
	ck_assert_int_eq(skafu__journal_is_begun(&journal), 0);
	ck_assert_int_eq(skafu__journal_begin(&journal, log_fd, log_txn), 1);
	ck_assert_int_eq(skafu__journal_is_begun(&journal), 1);
}
END_TEST

/* The root of the base lies behind the end of the file. */
START_TEST(a_base_without_its_root)
{
	static uint8_t pages[2 * SKAFU__PAGE_BYTES];
	int cut;

	file_read(tempstore_file(&temp, "log"), pages, sizeof pages);
	file_write(tempstore_file(&temp, "cut"), pages, sizeof pages);
	cut = open(tempstore_file(&temp, "cut"), O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(skafu__journal_begin(&journal, cut, log_txn), 0);
	ck_assert_int_eq(skafu__journal_is_begun(&journal), 0);
	close(cut);
}
END_TEST

/* ---- layout -------------------------------------------------------------------------------------------------- */

static void put_u32(uint8_t **to, uint32_t value)
{
	skafu__store_u32(*to, value);
	*to += 4;
}

/* The frame as the header of journal.h describes it, made by hand. */
static size_t expected_frame(uint8_t out[PAGE], uint64_t txn, uint32_t index, uint32_t crc_before)
{
	static uint8_t page[SKAFU__PAGE_BYTES];
	struct skafu__page_meta meta;
	uint8_t *to = out + HEAD;
	uint32_t crc;

	memset(out, 0, PAGE);
	ck_assert_int_eq(pread(log_fd, page, sizeof page, (off_t)((log_txn & 1) * sizeof page)), PAGE);
	skafu__page_meta(page, log_txn & 1, &meta);
	if (index == 0) {
		memcpy(to, page, META);
		to += META;
	}
	for (int i = 0; i < 2; i++) {
		put_u32(&to, 2 + (uint32_t)i);
		put_u32(&to, 5);
		memcpy(to, i ? "key" : "xy", 2 + (size_t)i);
		to += 2 + i;
		memset(to, i ? 'k' : 'x', 5);
		to += 5;
	}
	memcpy(out, "SKJ1", 4);
	skafu__store_u64(out + 8, log_txn);
	skafu__store_u64(out + 16, txn);
	skafu__store_u32(out + 24, index);
	skafu__store_u32(out + 28, (uint32_t)(to - out - HEAD));
	skafu__store_u32(out + 32, skafu__crc32c(0, out + HEAD, (size_t)(to - out) - HEAD));
	skafu__store_u32(out + 36, crc_before);
	ck_assert_int_eq(skafu__journal_base_crc(skafu__sys_current(), log_fd, &meta, &crc), 1);
	skafu__store_u32(out + 40, crc);
	skafu__store_u32(out + 44, 2);
	skafu__store_u64(out + 48, journal.nonce);
	skafu__store_u32(out + 4, skafu__crc32c(0, out + 8, HEAD - 8));
	return (size_t)(to - out);
}

START_TEST(a_frame_lies_as_it_is_described)
{
	uint8_t frame[PAGE];
	uint32_t crc = 0;

	ready();
	for (uint32_t i = 0; i < 3; i++) {
		skafu__journal_clear(&journal);
		gather("xy", 5);
		gather("key", 5);
		ck_assert_int_eq(skafu__journal_fits(&journal), 1);
		sync_calls = 0;
		went(skafu__journal_write(&journal, log_txn + 1 + i, fault));
		ck_assert_int_eq(sync_calls, 1);
		expected_frame(frame, log_txn + 1 + i, i, crc);
		crc = skafu__load_u32(frame + 32);
		read_file();
		ck_assert_mem_eq(file + i * PAGE, frame, PAGE);
		ck_assert_int_eq(is_zero((i + 1) * PAGE, BYTES - (i + 1) * PAGE), 1);
	}
}
END_TEST

START_TEST(long_frames_lie_behind_each_other)
{
	struct skafu__journal_head head;

	ready();
	write_frame(log_txn + 1, "key", PAGE);
	head = head_at(0);
	ck_assert_uint_eq(head.bytes, META + SKAFU__JOURNAL_ENTRY_BYTES + 3 + PAGE);
	ck_assert_uint_eq(skafu__journal_behind(0, &head), 2 * PAGE);
	write_frame(log_txn + 2, "key", PAGE - HEAD - SKAFU__JOURNAL_ENTRY_BYTES - 3);
	head = head_at(2 * PAGE);
	ck_assert_uint_eq(skafu__journal_behind(2 * PAGE, &head), 3 * PAGE); /* filled to the last byte */
	ck_assert_uint_eq(head.crc, skafu__crc32c(0, file + 2 * PAGE + HEAD, PAGE - HEAD));
	write_frame(log_txn + 3, "k", 1);
	ck_assert_uint_eq(head_at(3 * PAGE).index, 2);
}
END_TEST

START_TEST(every_bit_of_a_head_counts)
{
	struct skafu__journal_head head;
	uint8_t bytes[HEAD];

	ready();
	write_frame(log_txn + 1, "key", 10);
	read_file();
	for (size_t bit = 0; bit < HEAD * 8; bit++) {
		memcpy(bytes, file, sizeof bytes);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		ck_assert_int_eq(skafu__journal_head_read(bytes, &head), 0);
	}
	memset(bytes, 0, sizeof bytes);
	ck_assert_int_eq(skafu__journal_head_read(bytes, &head), 0);
}
END_TEST

/* ---- writes that fail ---------------------------------------------------------------------------------------- */

/* What arrived of it is taken away, and the next one takes its place. */
START_TEST(a_write_that_failed_left_nothing)
{
	ready();
	write_frame(log_txn + 1, "key", 10);
	skafu__journal_clear(&journal);
	gather("k", PAGE - HEAD - SKAFU__JOURNAL_ENTRY_BYTES - 1 - META);
	writes_until_failure = 1;
	ck_assert_int_eq(skafu__journal_write(&journal, log_txn + 2, fault), 1);
	ck_assert_int_eq(has_head_at(PAGE), 0);
	ck_assert_int_eq(is_zero(PAGE, BYTES - PAGE), 1);
	ck_assert_int_eq(has_head_at(0), 1);
	write_frame(log_txn + 2, "key", 10);
	ck_assert_uint_eq(head_at(PAGE).index, 1);
	ck_assert_uint_eq(head_at(PAGE).crc_before, head_at(0).crc);
}
END_TEST

START_TEST(a_write_whose_rest_stays_is_unknown)
{
	ready();
	skafu__journal_clear(&journal);
	gather("k", 10);
	writes_until_failure = writes_fail_on = 1;
	refused(SKAFU_EUNKNOWN, skafu__journal_write(&journal, log_txn + 1, fault));
	writes_fail_on = 0;
	writes_until_failure = syncs_until_failure = 1; /* it is overwritten, but not on the disk */
	refused(SKAFU_EUNKNOWN, skafu__journal_write(&journal, log_txn + 1, fault));
}
END_TEST

START_TEST(a_flush_that_failed_is_unknown)
{
	ready();
	skafu__journal_clear(&journal);
	gather("k", 10);
	syncs_until_failure = 1;
	refused(SKAFU_EUNKNOWN, skafu__journal_write(&journal, log_txn + 1, fault));
	message_names("status");
}
END_TEST

START_TEST(a_frame_is_taken_back)
{
	ready();
	for (uint64_t i = 1; i <= 3; i++) {
		write_frame(log_txn + i, "key", 10 * i);
		write_frame(log_txn + i + 1, "gone", i == 2 ? PAGE : 500);
		sync_calls = 0;
		went(skafu__journal_take_back(&journal, fault));
		ck_assert_int_eq(sync_calls, 1);
		ck_assert_int_eq(has_head_at(i * PAGE), 0);
	}
	write_frame(log_txn + 4, "key", 10);
	for (uint32_t i = 0; i < 4; i++) {
		struct skafu__journal_head head = head_at(i * PAGE);

		ck_assert_uint_eq(head.index, i);
		ck_assert_uint_eq(head.txn, log_txn + 1 + i);
		ck_assert_uint_eq(head.crc_before, i ? head_at((i - 1) * PAGE).crc : 0);
	}
}
END_TEST

START_TEST(the_first_frame_is_taken_back)
{
	ready();
	write_frame(log_txn + 1, "gone", 10);
	went(skafu__journal_take_back(&journal, fault));
	ck_assert_int_eq(skafu__journal_has_frames(&journal), 0);
	ck_assert_int_eq(skafu__journal_is_as_left(&journal), 1);
	write_frame(log_txn + 1, "key", 10);
	ck_assert_uint_eq(head_at(0).bytes, META + SKAFU__JOURNAL_ENTRY_BYTES + 3 + 10);
	syncs_until_failure = 1;
	refused(SKAFU_EUNKNOWN, skafu__journal_take_back(&journal, fault));
}
END_TEST

START_TEST(taking_back_that_fails_is_unknown)
{
	ready();
	write_frame(log_txn + 1, "key", 10);
	writes_until_failure = 1;
	refused(SKAFU_EUNKNOWN, skafu__journal_take_back(&journal, fault));
}
END_TEST

/* ---- void and wiped ------------------------------------------------------------------------------------------ */

START_TEST(frames_are_called_void)
{
	struct skafu__journal other;

	ready();
	ck_assert_int_eq(skafu__journal_has_frames(&journal), 0);
	write_frame(log_txn + 1, "key", 10);
	write_frame(log_txn + 2, "key", 10);
	ck_assert_int_eq(skafu__journal_is_as_left(&journal), 1);
	skafu__journal_init(&other, &failing.sys);
	ck_assert_int_eq(skafu__journal_attach(&other, temp.path, BYTES), 0);
	ck_assert_int_eq(skafu__journal_has_frames(&other), 1);
	ck_assert_int_eq(skafu__journal_is_over(&other, log_txn), 1);
	ck_assert_int_eq(skafu__journal_is_over(&other, log_txn + 1), 0);
	sync_calls = 0;
	went(skafu__journal_discard(&other, fault));
	ck_assert_int_eq(sync_calls, 1);
	ck_assert_int_eq(skafu__journal_has_frames(&other), 0);
	ck_assert_int_eq(skafu__journal_is_over(&other, log_txn), 0);
	ck_assert_int_eq(skafu__journal_is_as_left(&journal), 0); /* who wrote them notices */
	ck_assert_uint_eq(head_at(0).entries, 0);
	ck_assert_uint_eq(head_at(0).base_txn, log_txn);
	ck_assert_uint_eq(head_at(PAGE).index, 1);
	skafu__journal_done(&other);
}
END_TEST

START_TEST(what_cannot_be_called_void_is_unknown)
{
	ready();
	went(skafu__journal_discard(&journal, fault)); /* there is no frame */
	ck_assert_int_eq(skafu__journal_begin(&journal, log_fd, log_txn), 1);
	write_frame(log_txn + 1, "key", 10);
	writes_until_failure = 1;
	refused(SKAFU_EUNKNOWN, skafu__journal_discard(&journal, fault));
	ck_assert_int_eq(skafu__journal_is_begun(&journal), 0);
	syncs_until_failure = 1;
	refused(SKAFU_EUNKNOWN, skafu__journal_discard(&journal, fault));
	reads_fail = 1;
	refused(SKAFU_EUNKNOWN, skafu__journal_discard(&journal, fault));
	ck_assert_int_eq(skafu__journal_has_frames(&journal), -1);
	ck_assert_int_eq(skafu__journal_is_over(&journal, 1), -1);
}
END_TEST

START_TEST(nothing_can_be_read_after_a_wipe)
{
	ready();
	write_frame(log_txn + 1, "key", 10);
	write_frame(log_txn + 2, "key", PAGE);
	sync_calls = 0;
	ck_assert_int_eq(skafu__journal_wipe(&journal), 0);
	ck_assert_int_eq(sync_calls, 2);
	read_file();
	ck_assert_uint_eq(file_length, BYTES);
	ck_assert_uint_eq(head_at(0).entries, 0);
	ck_assert_int_eq(is_zero(HEAD, BYTES - HEAD), 1);
	writes_until_failure = 1;
	ck_assert_int_eq(skafu__journal_wipe(&journal), -1);
	syncs_until_failure = 1;
	ck_assert_int_eq(skafu__journal_wipe(&journal), -1);
	fstat_fails = 1;
	ck_assert_int_eq(skafu__journal_wipe(&journal), -1);
}
END_TEST

/* Also what a longer file of before holds. */
START_TEST(a_wipe_reaches_to_the_end)
{
	memset(file, 'x', 200000);
	file_write(journal_path(), file, 200000);
	ck_assert_int_eq(skafu__journal_prepare(&journal), 1);
	read_file();
	ck_assert_int_eq(file[199999], 'x');
	ck_assert_int_eq(skafu__journal_wipe(&journal), 0);
	read_file();
	ck_assert_uint_eq(file_length, 200000);
	ck_assert_int_eq(is_zero(HEAD, file_length - HEAD), 1);
}
END_TEST

/* ---- the file ------------------------------------------------------------------------------------------------ */

START_TEST(the_file_is_made_of_zeros_that_are_there)
{
	struct stat status;

	ck_assert_int_eq(skafu__journal_exists(&journal), 0);
	ck_assert_int_eq(skafu__journal_prepare(&journal), 1);
	ck_assert_int_eq(skafu__journal_exists(&journal), 1);
	ck_assert_int_eq(stat(journal_path(), &status), 0);
	ck_assert_int_eq(status.st_size, BYTES);
	ck_assert_int_ge(status.st_blocks * 512, BYTES);
	ck_assert_int_eq(sync_calls, 2);
	ck_assert_int_eq(skafu__journal_prepare(&journal), 1); /* asked for once */
	ck_assert_int_eq(sync_calls, 2);
}
END_TEST

/* What was there is kept but for a part of a page. */
START_TEST(a_shorter_file_is_made_longer)
{
	memset(file, 'x', PAGE + 100);
	file_write(journal_path(), file, PAGE + 100);
	ck_assert_int_eq(skafu__journal_prepare(&journal), 1);
	read_file();
	ck_assert_uint_eq(file_length, BYTES);
	ck_assert_int_eq(file[PAGE - 1], 'x');
	ck_assert_int_eq(is_zero(PAGE, BYTES - PAGE), 1);
}
END_TEST

/* A disk without room gets back what was taken, and is not asked again. */
START_TEST(a_full_disk)
{
	skafu__journal_done(&journal);
	attach(1 << 20);
	error_number = ENOSPC;
	writes_until_failure = 3;
	ck_assert_int_eq(skafu__journal_prepare(&journal), 0);
	read_file();
	ck_assert_uint_eq(file_length, 0);
	ck_assert_int_eq(skafu__journal_prepare(&journal), 0);
	ck_assert_int_eq(writes_until_failure, 0);
	skafu__journal_clear(&journal);
	gather("k", 1);
	ck_assert_int_eq(skafu__journal_fits(&journal), 0);
	ck_assert_int_eq(skafu__journal_has_frames(&journal), 0);
	skafu__journal_done(&journal);
	file_write(journal_path(), "0123456789", 10);
	attach(1 << 20);
	syncs_until_failure = 1;
	ck_assert_int_eq(skafu__journal_prepare(&journal), 0);
	read_file();
	ck_assert_uint_eq(file_length, 10);
}
END_TEST

START_TEST(a_name_that_is_not_on_the_disk)
{
	fsync_fails = 1;
	ck_assert_int_eq(skafu__journal_prepare(&journal), 0);
	fsync_fails = 0;
	ck_assert_int_eq(skafu__journal_prepare(&journal), 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_looked_at)
{
	fstat_fails = 1;
	ck_assert_int_eq(skafu__journal_prepare(&journal), 0);
}
END_TEST

static void make_directory(const char *path)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static void make_link(const char *path)
{
	file_write(tempstore_file(&temp, "elsewhere"), "kept", 4);
	ck_assert_int_eq(symlink("elsewhere", path), 0);
}

static void make_pipe(const char *path)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

START_TEST(what_is_no_file_is_not_used)
{
	static void (*const make[])(const char *path) = {make_directory, make_link, make_pipe};
	char path[400];

	snprintf(path, sizeof path, "%s", journal_path());
	make[_i](path);
	ck_assert_int_eq(skafu__journal_exists(&journal), 0);
	errno = ENOENT; /* of a call before */
	ck_assert_int_eq(skafu__journal_has_frames(&journal), -1);
	errno = ENOENT;
	ck_assert_int_eq(skafu__journal_wipe(&journal), -1);
	ck_assert_int_eq(skafu__journal_prepare(&journal), 0);
	if (_i == 1)
		ck_assert_uint_eq(file_read(tempstore_file(&temp, "elsewhere"), file, sizeof file), 4);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------------------------- */

START_TEST(without_memory)
{
	int32_t rc = SKAFU_ENOMEM;

	for (long left = 0; rc != 0; left++) {
		skafu__journal_done(&journal);
		skafu__journal_init(&journal, &failing.sys);
		failing.left = left;
		rc = skafu__journal_attach(&journal, temp.path, BYTES);
		failing.left = -1;
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
	}
	ready();
	failing.left = 0;
	skafu__journal_clear(&journal);
	gather("k", PAGE);
	if (!skafu__journal_fits(&journal)) { /* it says that it does not fit */
		failing.left = -1;
		skafu__journal_clear(&journal);
		gather("k", PAGE);
	}
	ck_assert_int_eq(skafu__journal_fits(&journal), 1);
	failing.left = 0; /* for the zeros behind it, unless there is room */
	rc = skafu__journal_write(&journal, log_txn + 1, fault);
	ck_assert(rc == 0 || rc == 1);
	ck_assert_int_eq(has_head_at(0), rc == 0);
	failing.left = -1;
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_frame_may_fill_half_of_the_file);
	tcase_add_test(tests, what_is_large_is_not_written_twice);
	tcase_add_test(tests, frames_fill_the_file_and_no_more);
	tcase_add_test(tests, a_long_frame_finds_no_room_at_the_end);
	tcase_add_test(tests, a_journal_of_less_than_a_page_is_none);
	tcase_add_test(tests, without_a_directory_there_is_nothing);
	tcase_add_test(tests, a_generation_begins_over_what_is_on_the_disk);
	tcase_add_test(tests, a_base_without_its_root);
	tcase_add_test(tests, a_frame_lies_as_it_is_described);
	tcase_add_test(tests, long_frames_lie_behind_each_other);
	tcase_add_test(tests, every_bit_of_a_head_counts);
	tcase_add_test(tests, a_write_that_failed_left_nothing);
	tcase_add_test(tests, a_write_whose_rest_stays_is_unknown);
	tcase_add_test(tests, a_flush_that_failed_is_unknown);
	tcase_add_test(tests, a_frame_is_taken_back);
	tcase_add_test(tests, the_first_frame_is_taken_back);
	tcase_add_test(tests, taking_back_that_fails_is_unknown);
	tcase_add_test(tests, frames_are_called_void);
	tcase_add_test(tests, what_cannot_be_called_void_is_unknown);
	tcase_add_test(tests, nothing_can_be_read_after_a_wipe);
	tcase_add_test(tests, a_wipe_reaches_to_the_end);
	tcase_add_test(tests, the_file_is_made_of_zeros_that_are_there);
	tcase_add_test(tests, a_shorter_file_is_made_longer);
	tcase_add_test(tests, a_full_disk);
	tcase_add_test(tests, a_name_that_is_not_on_the_disk);
	tcase_add_test(tests, a_file_that_cannot_be_looked_at);
	tcase_add_loop_test(tests, what_is_no_file_is_not_used, 0, 3);
	tcase_add_test(tests, without_memory);
}

int main(void)
{
	return tempstore_main("journal", add_tests);
}

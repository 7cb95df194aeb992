/*
 * flush_test.c: which commits go by the journal, what is left when they fail, and that processes who take turns, or
 * die, lose nothing.
 */
#include "store/flush.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"
#include "store/tempstore.h"

static struct tempstore temp;

/* LMDB's own flushes pass here, too. */
static int refuse_log_flush; /* the next one of a log, for want of room */

int fdatasync(int fd)
{
	char link[64], path[600];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = refuse_log_flush ? readlink(link, path, sizeof path - 1) : 0;
	if (length > 4 && memcmp(path + length - 4, "/log", 4) == 0) {
		refuse_log_flush = 0;
		errno = ENOSPC;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

/* ---- a machine whose calls on the journal are counted, and fail ------------------------------------------------ */

static struct skafu__sys machine;
static int journal_fd = -1;
static int writes, syncs;
static int fail_write, fail_sync; /* the n-th from now on; 0: none */
static int fail_reads; /* beyond the first pages */

static int counting_open(const char *path, int flags, mode_t mode)
{
	int fd = open(path, flags, mode);
	size_t length = strlen(path);

	if (fd >= 0 && length > 8 && strcmp(path + length - 8, "/journal") == 0)
		journal_fd = fd;
	return fd;
}

static ssize_t counting_pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	if (fd == journal_fd && ++writes == fail_write) {
		(void)!pwrite(fd, bytes, length / 2, at);
		errno = EIO;
		return -1;
	}
	return pwrite(fd, bytes, length, at);
}

static ssize_t counting_pread(int fd, void *bytes, size_t length, off_t at)
{
	if (fd == journal_fd && fail_reads && at + (off_t)length > 40960) {
		errno = EIO;
		return -1;
	}
	return pread(fd, bytes, length, at);
}

static int counting_fdatasync(int fd)
{
	if (fd == journal_fd && ++syncs == fail_sync) {
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static void count_from_now(int nth_write, int nth_sync)
{
	writes = syncs = 0;
	fail_write = nth_write;
	fail_sync = nth_sync;
}

static void tune(uint32_t journal_bytes)
{
	const struct skafu__tuning tuning = {.journal_bytes = journal_bytes, .journal_after = 1, .linger_off = 1};

	skafu__tuning_override(&tuning);
}

static void setup(void)
{
	machine = *skafu__sys_current();
	machine.open = counting_open;
	machine.pread = counting_pread;
	machine.pwrite = counting_pwrite;
	machine.fdatasync = counting_fdatasync;
	skafu__sys_override(&machine);
	journal_fd = -1;
	count_from_now(0, 0);
	tune(65536);
	tempstore_make(&temp);
	tempstore_open(&temp, NULL);
}

static void teardown(void)
{
	tempstore_done(&temp);
	skafu__sys_override(NULL);
	skafu__tuning_override(NULL);
}

static int frames_are_live(void)
{
	return atomic_load(&temp.store->env.flush.has_base);
}

/* For children, too: no assertions. */
static int32_t append_large(uint32_t bytes, skafu_error *error)
{
	skafu_new_record record = event_of("s", "T");
	skafu_batch *batch = NULL;
	char *data = malloc(bytes);
	int32_t rc = data ? skafu_batch_new(temp.store, &batch, error) : SKAFU_ENOMEM;

	if (rc == 0) {
		memset(data, 'x', bytes);
		data[0] = data[bytes - 1] = '"';
		record.data = data;
		record.data_length = bytes;
		rc = skafu_batch_add(batch, &record, error);
	}
	if (rc == 0)
		rc = skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, error);
	skafu_batch_free(batch);
	free(data);
	return rc;
}

static void verified(void)
{
	skafu_verify_report report = {.size = sizeof report};

	went(skafu_store_verify(temp.store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
}

/* ---- which way ------------------------------------------------------------------------------------------------- */

START_TEST(the_first_goes_the_long_way_and_the_next_cost_one_flush)
{
	append_event(temp.store, "s", "T", NULL);
	ck_assert(!frames_are_live());
	append_event(temp.store, "s", "T", NULL);
	ck_assert(frames_are_live());
	count_from_now(0, 0);
	for (int i = 0; i < 10; i++)
		append_event(temp.store, "s", "T", NULL);
	ck_assert_int_eq(writes, 10);
	ck_assert_int_eq(syncs, 10);
	verified();
}
END_TEST

START_TEST(a_file_that_is_full_and_a_large_commit_go_the_long_way)
{
	append_event(temp.store, "s", "T", NULL);
	for (int i = 0; i < 16; i++)
		append_event(temp.store, "s", "T", NULL);
	ck_assert(frames_are_live());
	append_event(temp.store, "s", "T", NULL); /* there is no seventeenth page */
	ck_assert(!frames_are_live());
	append_event(temp.store, "s", "T", NULL);
	ck_assert(frames_are_live());
	went(append_large(40000, fault)); /* more than half of the file */
	ck_assert(!frames_are_live());
	verified();
}
END_TEST

START_TEST(few_commits_make_no_file)
{
	const struct skafu__tuning tuning = {.journal_after = 4, .linger_off = 1};
	struct stat status;

	tempstore_close(&temp);
	skafu__tuning_override(&tuning);
	tempstore_reopen(&temp);
	for (int i = 0; i < 4; i++)
		append_event(temp.store, "s", "T", NULL);
	ck_assert_int_ne(stat(tempstore_file(&temp, "journal"), &status), 0);
	append_event(temp.store, "s", "T", NULL);
	ck_assert_int_eq(stat(tempstore_file(&temp, "journal"), &status), 0);
	ck_assert_int_eq(status.st_size, SKAFU__JOURNAL_BYTES);
	ck_assert(frames_are_live());
}
END_TEST

START_TEST(a_closed_store_needs_no_journal)
{
	for (int i = 0; i < 5; i++)
		append_event(temp.store, "s", "T", NULL);
	ck_assert(frames_are_live());
	tempstore_close(&temp);
	ck_assert_int_eq(unlink(tempstore_file(&temp, "journal")), 0);
	tempstore_reopen(&temp);
	ck_assert_uint_eq(head_of(temp.store), 5);
	verified();
}
END_TEST

/* A log of 2 events, put back while the journal is that of 9 more. */
static void put_back_an_older_log(void)
{
	static char bytes[1 << 20];

	append_event(temp.store, "s", "T", NULL);
	append_event(temp.store, "s", "T", NULL);
	tempstore_close(&temp);
	size_t length = file_read(tempstore_file(&temp, "log"), bytes, sizeof bytes);
	tempstore_reopen(&temp);
	for (int i = 0; i < 9; i++)
		append_event(temp.store, "s", "T", NULL);
	tempstore_close(&temp);
	file_write(tempstore_file(&temp, "log"), bytes, length);
	tempstore_reopen(&temp);
}

START_TEST(a_copy_of_the_log_can_be_put_back)
{
	put_back_an_older_log();
	ck_assert_uint_eq(head_of(temp.store), 2);
	verified();
}
END_TEST

/* Frames in a file without a name would help nobody: when the next ones are begun, there is another file. */
START_TEST(a_journal_that_was_deleted_is_made_anew)
{
	struct stat status;

	append_event(temp.store, "s", "T", NULL);
	append_event(temp.store, "s", "T", NULL);
	ck_assert_int_eq(unlink(tempstore_file(&temp, "journal")), 0);
	for (int i = 0; i < 17; i++)
		append_event(temp.store, "s", "T", NULL);
	ck_assert_int_eq(stat(tempstore_file(&temp, "journal"), &status), 0);
	ck_assert(frames_are_live());
	verified();
}
END_TEST

START_TEST(other_writes_end_the_frames)
{

	for (int i = 0; i < 3; i++)
		append_event(temp.store, "s", "T", NULL);
	ck_assert(frames_are_live());
	ck_assert_int_ge(skafu_store_maintain(temp.store, SKAFU_WAIT_FOREVER, fault), 0); /* advances the chain */
	ck_assert(!frames_are_live());
	append_event(temp.store, "s", "T", NULL);
	ck_assert(frames_are_live());
}
END_TEST

/* Another thread has adopted a larger map already, and may be writing by now. */
START_TEST(a_map_that_is_large_enough_keeps_the_base)
{
	for (int i = 0; i < 3; i++)
		append_event(temp.store, "s", "T", NULL);
	went(skafu__store_grow_at_gate(temp.store, 1, fault));
	ck_assert(frames_are_live());
}
END_TEST

START_TEST(a_larger_map_lets_the_base_go)
{
	for (int i = 0; i < 3; i++)
		append_event(temp.store, "s", "T", NULL);
	(void)skafu__store_grow_at_gate(temp.store, 0, fault); /* there may be no room for more */
	if (temp.store->env.map_is_lost) /* valgrind has a map refused that there is room for */
		return;
	ck_assert(!frames_are_live());
	for (int i = 0; i < 3; i++)
		append_event(temp.store, "s", "T", NULL);
	ck_assert(frames_are_live());
	verified();
}
END_TEST

/* ---- what fails ------------------------------------------------------------------------------------------------ */

START_TEST(a_frame_that_cannot_be_written_goes_the_long_way)
{
	append_event(temp.store, "s", "T", NULL);
	append_event(temp.store, "s", "T", NULL);
	count_from_now(1, 0);
	append_event(temp.store, "s", "T", NULL);
	ck_assert_int_eq(writes, 2); /* the second is the zeros over its head */
	append_event(temp.store, "s", "T", NULL);
	ck_assert_int_eq(writes, 2); /* it is not tried again */
	tempstore_reopen(&temp);
	ck_assert_uint_eq(head_of(temp.store), 4);
	verified();
}
END_TEST

/* _i 0: the flush of the frame; 1: its writing, and that of the zeros' flush. */
START_TEST(a_flush_that_fails_leaves_an_unknown_outcome)
{
	skafu_batch *batch;
	uint64_t head;

	append_event(temp.store, "s", "T", NULL);
	append_event(temp.store, "s", "T", NULL);
	count_from_now(_i == 1, 1);
	batch = batch_of(temp.store);
	add_event(batch, "s", "T", NULL);
	refused(SKAFU_EUNKNOWN, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	message_names("journal");
	refused(SKAFU_EPOISONED, skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(batch);
	count_from_now(0, 0);
	tempstore_reopen(&temp);
	head = head_of(temp.store);
	ck_assert(head == 2 || head == 3);
	append_event(temp.store, "s", "T", NULL);
	ck_assert_uint_eq(head_of(temp.store), head + 1);
	verified();
}
END_TEST

/* The frames are acknowledged, and their pages are among those that the flush has failed for: nobody goes on. */
START_TEST(a_full_disk_at_a_flush_is_no_refusal_while_frames_count)
{
	for (int i = 0; i < 4; i++)
		append_event(temp.store, "s", "T", NULL);
	ck_assert(frames_are_live());
	refuse_log_flush = 1;
	refused(SKAFU_EIO, append_large(50000, fault));
	refused(SKAFU_EPOISONED, append_large(50000, fault));
	tempstore_reopen(&temp);
	ck_assert_uint_eq(head_of(temp.store), 4);
	append_event(temp.store, "s", "T", NULL);
	verified();
}
END_TEST

/* An older log was put back, so old frames lie behind the one that is taken back, and are newer than it is. */
START_TEST(a_first_frame_that_is_taken_back_leaves_a_store_that_opens)
{
	put_back_an_older_log();
	append_event(temp.store, "s", "T", NULL);
	append_event(temp.store, "s", "T", NULL);
	ck_assert_uint_eq(temp.store->env.flush.journal.next_index, 1);
	went(skafu__flush_take_back(&temp.store->env.flush, fault));
	tempstore_reopen(&temp);
	ck_assert_uint_eq(head_of(temp.store), 4);
}
END_TEST

START_TEST(a_journal_that_cannot_be_read_does_not_keep_salvage_from_the_log)
{
	char path[400];
	skafu_salvage_report report = {.size = sizeof report};

	for (int i = 0; i < 4; i++)
		append_event(temp.store, "s", "T", NULL);
	tempstore_close(&temp);
	snprintf(path, sizeof path, "%s-salvaged", temp.path);
	fail_reads = 1;
	went(skafu_store_salvage(temp.path, path, NULL, NULL, &report, fault));
	fail_reads = 0;
	ck_assert_uint_eq(report.records, 4);
}
END_TEST

/* What is left when LMDB finds no place for a larger map, and the close that the error asks for. */
START_TEST(a_store_without_a_map_can_be_closed)
{
	char line[600];

	for (int i = 0; i < 4; i++)
		append_event(temp.store, "s", "T", NULL);
	FILE *maps = fopen("/proc/self/maps", "r");
	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof line, maps)) {
		unsigned long from, to;

		if (strstr(line, "/log\n") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			munmap((void *)from, to - from); // NOLINT(performance-no-int-to-ptr)
	}
	fclose(maps);
	temp.store->env.map_is_lost = 1;
	tempstore_close(&temp);
}
END_TEST

/* LMDB has no room for what is in the journal already: it must not come back. */
static int refused_by_the_disk(void *user)
{
	struct rlimit limit = {0, RLIM_INFINITY};
	struct stat status;
	int32_t rc = 0;

	(void)user;
	if (stat(tempstore_file(&temp, "log"), &status) != 0)
		return 1;
	signal(SIGXFSZ, SIG_IGN);
	limit.rlim_cur = (rlim_t)(status.st_size > 131072 ? status.st_size : 131072);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return 2;
	for (int i = 0; i < 200 && rc == 0; i++)
		rc = append_large(3000, NULL);
	_exit(rc == SKAFU_ENOSPACE ? 0 : 4); /* without a close: the frames are all there is */
}

static int opened_in_child(void *user)
{
	tempstore_reopen(&temp);
	return refused_by_the_disk(user);
}

START_TEST(what_the_disk_refused_does_not_come_back)
{
	uint64_t head, again;

	append_event(temp.store, "s", "T", NULL);
	tempstore_close(&temp);
	ck_assert_int_eq(in_child(opened_in_child, NULL, 20), 0);
	tempstore_reopen(&temp);
	head = head_of(temp.store);
	ck_assert_uint_ge(head, 3);
	verified();
	again = append_event(temp.store, "s", "T", NULL);
	ck_assert_uint_eq(again, head + 1);
	ck_assert_uint_eq(version_of(temp.store, "s"), head + 1);
}
END_TEST

/* ---- several processes ----------------------------------------------------------------------------------------- */

struct turn {
	int begin[2];
	int end[2];
};

/* Append one when told to; 'r' reads only. */
static int take_turns(const struct turn *turn)
{
	char what;

	tempstore_reopen(&temp);
	while (read(turn->begin[0], &what, 1) == 1) {
		skafu_batch *batch = NULL;
		int32_t rc = 0;

		if (what == 'a') {
			rc = skafu_batch_new(temp.store, &batch, NULL);
			if (rc == 0) {
				skafu_new_record record = event_of("s", "T");
				rc = skafu_batch_add(batch, &record, NULL);
			}
			if (rc == 0)
				rc = skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
			skafu_batch_free(batch);
		}
		what = rc == 0 ? 'y' : 'n';
		if (write(turn->end[1], &what, 1) != 1)
			break;
	}
	return 0;
}

static pid_t start_turns(struct turn *turn)
{
	ck_assert(pipe(turn->begin) == 0 && pipe(turn->end) == 0);
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		close(turn->begin[1]);
		_exit(take_turns(turn));
	}
	return child;
}

static void its_turn(const struct turn *turn, char what)
{
	char answer = 'n';

	ck_assert_int_eq(write(turn->begin[1], &what, 1), 1);
	ck_assert_int_eq(read(turn->end[0], &answer, 1), 1);
	ck_assert_int_eq(answer, 'y');
}

static void end_turns(struct turn *turn, pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	for (int i = 0; i < 2; i++) {
		close(turn->begin[i]);
		close(turn->end[i]);
	}
}

/* _i: so many commits of each before the other one's turn; then one is killed, and then both are gone. */
START_TEST(two_processes_take_turns_and_one_dies)
{
	struct turn turn;
	uint64_t appended = 0;

	tempstore_close(&temp);
	pid_t child = start_turns(&turn);
	its_turn(&turn, 'r');
	tempstore_reopen(&temp);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < _i; i++, appended++)
			its_turn(&turn, 'a');
		for (int i = 0; i < _i; i++, appended++)
			append_event(temp.store, "s", "T", NULL);
	}
	for (int i = 0; i < 3; i++, appended++)
		its_turn(&turn, 'a');
	end_turns(&turn, child);
	ck_assert_uint_eq(head_of(temp.store), appended);
	append_event(temp.store, "s", "T", NULL);
	verified();
	tempstore_reopen(&temp);
	ck_assert_uint_eq(head_of(temp.store), appended + 1);
	verified();
}
END_TEST

/* Another process goes on: the base that is held for nothing goes with the next read. */
START_TEST(a_base_is_let_go_when_others_write)
{
	struct turn turn;

	tempstore_close(&temp);
	pid_t child = start_turns(&turn);
	its_turn(&turn, 'r');
	tempstore_reopen(&temp);
	append_event(temp.store, "s", "T", NULL);
	append_event(temp.store, "s", "T", NULL);
	ck_assert(frames_are_live());
	its_turn(&turn, 'a');
	ck_assert_uint_eq(head_of(temp.store), 3);
	ck_assert(!frames_are_live());
	end_turns(&turn, child);
}
END_TEST

/* ---- what was erased ------------------------------------------------------------------------------------------- */

static int journal_has(const char *text)
{
	static char bytes[1 << 20];
	size_t length = file_read(tempstore_file(&temp, "journal"), bytes, sizeof bytes);

	return memmem(bytes, length, text, strlen(text)) != NULL;
}

START_TEST(what_was_erased_is_not_in_the_journal)
{
	static const char data[] = "\"a secret that must go\"";
	skafu_new_record record = event_of("secret", "T");
	const struct skafu__tuning tuning = {.journal_bytes = 65536, .journal_after = 1, .fold_records = 2};
	uint64_t sequence;

	tempstore_close(&temp);
	skafu__tuning_override(&tuning);
	tempstore_reopen(&temp);
	append_event(temp.store, "s", "T", NULL);
	skafu_batch *batch = batch_of(temp.store);
	record.data = data;
	record.data_length = sizeof data - 1;
	went(skafu_batch_add(batch, &record, fault));
	sequence = appended_by(temp.store, batch).last_sequence;
	ck_assert(journal_has("a secret that must go"));
	batch = batch_of(temp.store);
	went(skafu_batch_erase(batch, sequence, fault));
	appended_by(temp.store, batch);
	for (int i = 0; i < 5; i++)
		ck_assert_int_ge(skafu_store_maintain(temp.store, SKAFU_WAIT_FOREVER, fault), 0);
	ck_assert(!journal_has("a secret that must go"));
	verified();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_first_goes_the_long_way_and_the_next_cost_one_flush);
	tcase_add_test(tests, a_file_that_is_full_and_a_large_commit_go_the_long_way);
	tcase_add_test(tests, few_commits_make_no_file);
	tcase_add_test(tests, a_closed_store_needs_no_journal);
	tcase_add_test(tests, a_copy_of_the_log_can_be_put_back);
	tcase_add_test(tests, a_journal_that_was_deleted_is_made_anew);
	tcase_add_test(tests, other_writes_end_the_frames);
	tcase_add_test(tests, a_larger_map_lets_the_base_go);
	tcase_add_test(tests, a_frame_that_cannot_be_written_goes_the_long_way);
	tcase_add_loop_test(tests, a_flush_that_fails_leaves_an_unknown_outcome, 0, 2);
	tcase_add_test(tests, a_map_that_is_large_enough_keeps_the_base);
	tcase_add_test(tests, a_full_disk_at_a_flush_is_no_refusal_while_frames_count);
	tcase_add_test(tests, a_first_frame_that_is_taken_back_leaves_a_store_that_opens);
	tcase_add_test(tests, a_journal_that_cannot_be_read_does_not_keep_salvage_from_the_log);
	tcase_add_test(tests, a_store_without_a_map_can_be_closed);
	tcase_add_test(tests, what_the_disk_refused_does_not_come_back);
	tcase_add_loop_test(tests, two_processes_take_turns_and_one_dies, 1, 4);
	tcase_add_test(tests, a_base_is_let_go_when_others_write);
	tcase_add_test(tests, what_was_erased_is_not_in_the_journal);
}

int main(void)
{
	return tempstore_main("flush", add);
}

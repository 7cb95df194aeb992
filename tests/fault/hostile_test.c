/*
 * hostile_test.c: the files beside the log may hold anything when a store is opened: no crash, no hang, no wrong
 * answer, and memory within bounds.  (The log itself: open_test, bitrot_test, and the fuzzers.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/viewkit.h"
#include "store/tempstore.h"

#define EVENTS 40
#define MEMORY_KIB_MAX (64 * 1024)
#define CPU_MS_MAX 1000

static struct tempstore temp;
static struct viewkit kit;

static const char *const files[] = {"control", "wake", "log-lock", "views", "views-lock", "journal"};
#define FILES (sizeof files / sizeof *files)

enum content { EMPTY, SHORT, ZEROS, ONES, NOISE, LONG_NOISE, SPARSE, OWN_START, OWN_NOISE, OTHER, CONTENTS };

/* ---- using a store with a projection ---- */

static int32_t open_all(struct fixture *bank)
{
	memset(bank, 0, sizeof *bank);
	int32_t rc = skafu_store_open(temp.path, NULL, &bank->store, &bank->error);

	if (rc == 0)
		rc = skafu_model_open(bank->store, NULL, &bank->model, &bank->error);
	if (rc != 0)
		return rc;
	viewkit_define_events(bank);
	viewkit_add(bank, &kit, 1);
	return 0;
}

static void close_all(struct fixture *bank)
{
	skafu_model_close(bank->model);
	skafu_store_close(bank->store);
}

static int64_t cpu_ms(const struct rusage *usage)
{
	return (usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000 +
	       (usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1000;
}

static int bounds_are_kept(const struct rusage *before)
{
	struct rusage after;

	getrusage(RUSAGE_SELF, &after);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return cpu_ms(&after) - cpu_ms(before) <= 20 * CPU_MS_MAX; /* a sanitizer's own memory is not counted */
#else
	return after.ru_maxrss - before->ru_maxrss <= MEMORY_KIB_MAX && cpu_ms(&after) - cpu_ms(before) <= CPU_MS_MAX;
#endif
}

/* Damage of the views that shows only when they are read is told once: they are thrown away, and made again. */
static int32_t find_damaged_views(struct fixture *bank)
{
	skafu_view *view = NULL;
	int32_t rc = skafu_view_open(bank->model, "balances", 0, 0, &view, &bank->error);

	if (rc == 0)
		rc = skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, SKAFU_WAIT_FOREVER, NULL, &bank->error);
	skafu_view_close(view);
	return rc == SKAFU_EDAMAGED ? 0 : rc;
}

/* Everything is answered as if nothing had happened. */
static int use_all(void *user)
{
	static struct fixture bank; /* static, for who looks for leaks: a child that found something ends with it */
	struct rusage before;
	char expected[64];
	uint64_t head;

	(void)user;
	getrusage(RUSAGE_SELF, &before);
	if (open_all(&bank) != 0) {
		fprintf(stderr, "%s: %s\n", skafu_result_name(bank.error.code), bank.error.message);
		return 1;
	}
	if (skafu_store_head(bank.store, &head, NULL) != 0 || head < EVENTS)
		return 2;
	viewkit_deposit(&bank, "a", 1);
	if (find_damaged_views(&bank) != 0)
		return 6;
	snprintf(expected, sizeof expected, "a=%llu", (unsigned long long)head + 1);
	if (strcmp(viewkit_fresh_rows(&bank), expected) != 0)
		return 3;
	if (skafu_store_wait(bank.store, head + 1, 1000000, NULL, NULL) != SKAFU_ETIMEOUT)
		return 4;
	close_all(&bank);
	return bounds_are_kept(&before) ? 0 : 5;
}

/* ---- what a file may hold ---- */

static void noise(uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes[i] = (uint8_t)random_u64();
}

static void write_content(const char *path, enum content content)
{
	static uint8_t bytes[256 * 1024];
	size_t own = file_read(path, bytes, sizeof bytes);
	size_t lengths[CONTENTS] = {0, 7, 4096, 4096, 8192, sizeof bytes, 0, own / 2, own, own};

	switch (content) {
	case ZEROS:
		memset(bytes, 0, sizeof bytes);
		break;
	case ONES:
		memset(bytes, 0xff, sizeof bytes);
		break;
	case SHORT:
	case NOISE:
	case LONG_NOISE:
		noise(bytes, sizeof bytes);
		break;
	case OWN_NOISE: /* a byte in a hundred */
		for (size_t i = 0; i < own; i++)
			if (random_below(100) == 0)
				bytes[i] = (uint8_t)random_u64();
		break;
	case OTHER: /* of another store, or of another page */
		for (size_t i = 0; i + 8192 <= own; i += 8192)
			memcpy(bytes + i, bytes + random_below((uint32_t)(own / 4096)) * 4096, 4096);
		break;
	default:
		break;
	}
	file_write(path, bytes, lengths[content]);
	/* Under valgrind no more than a few GiB can be mapped. */
	if (content == SPARSE)
		ck_assert_int_eq(truncate(path, INT64_C(1) << (getenv("SKAFU_TEST_SCALE") ? 30 : 36)), 0);
}

static void make(void)
{
	const struct skafu__tuning tuning = {.journal_bytes = 65536, .journal_after = 1};
	struct fixture bank;

	memset(&kit, 0, sizeof kit);
	tempstore_make(&temp);
	skafu__tuning_override(&tuning);
	tempstore_open(&temp, NULL);
	tempstore_close(&temp);
	ck_assert_int_eq(open_all(&bank), 0);
	for (int i = 0; i < EVENTS; i++)
		viewkit_deposit(&bank, "a", 1);
	ck_assert_int_eq(viewkit_step(&bank, 100), 0);
	close_all(&bank);
}

static void drop(void)
{
	tempstore_done(&temp);
}

START_TEST(any_bytes_in_any_file)
{
	char path[400];

	snprintf(path, sizeof path, "%s", tempstore_file(&temp, files[_i]));
	for (int round = 0; round < 3; round++)
		for (int content = EMPTY; content < CONTENTS; content++) {
			write_content(path, (enum content)content);
			int status = in_child(use_all, NULL, 20);
			ck_assert_msg(status == 0, "%s with content %d: %d", files[_i], content, status);
		}
}
END_TEST

START_TEST(any_bytes_in_all_files)
{
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < FILES; i++)
			write_content(tempstore_file(&temp, files[i]), (enum content)random_below(CONTENTS));
		int status = in_child(use_all, NULL, 20);
		ck_assert_msg(status == 0, "round %d: %d", round, status);
	}
}
END_TEST

/* A control file that was cut is noticed before it is written to. */
static int append_after_a_cut(void *user)
{
	struct fixture bank;
	skafu_batch *batch = NULL;
	skafu_new_record record = event_of("a", "Deposited");

	(void)user;
	record.source = "bank";
	if (open_all(&bank) != 0)
		return 1;
	if (truncate(tempstore_file(&temp, "control"), 0) != 0)
		return 2;
	if (skafu_batch_new(bank.store, &batch, NULL) != 0 || skafu_batch_add(batch, &record, NULL) != 0)
		return 3;
	_exit(skafu_append(bank.store, batch, 0, NULL, NULL) == SKAFU_EDAMAGED ? 0 : 4);
}

START_TEST(a_control_file_that_is_cut)
{
	ck_assert_int_eq(in_child(append_after_a_cut, NULL, 20), 0);
	ck_assert_int_eq(in_child(use_all, NULL, 20), 0);
}
END_TEST

static void add(TCase *tests)
{
	seeded("hostile_test");
	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_loop_test(tests, any_bytes_in_any_file, 0, (int)FILES);
	tcase_add_test(tests, any_bytes_in_all_files);
	tcase_add_test(tests, a_control_file_that_is_cut);
}

int main(void)
{
	return tempstore_main("hostile", add);
}

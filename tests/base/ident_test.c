/*
 * ident_test.c: identifiers: order under every clock, threads, forks; the text form.
 */
#include "base/ident.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.h"
#include "skafu_base.h"
#include "util/suite.h"

static int64_t hand_ns;
static int random_calls;
static int random_fails_at; /* the call that fails, counted from 1; 0: none */

static int64_t hand_clock(void)
{
	return hand_ns;
}

static int counted_random(void *out, size_t bytes)
{
	if (++random_calls == random_fails_at)
		return -1;
	memset(out, 0xff, bytes);
	return 0;
}

static struct skafu__sys hand_table(void)
{
	struct skafu__sys sys = *skafu__sys_current();

	sys.wall_ns = hand_clock;
	sys.wall_tick_ns = hand_clock;
	return sys;
}

static uint64_t ms_of(const uint8_t *id)
{
	return skafu__load_u64_be(id) >> 16;
}

static void assert_form(const uint8_t *id)
{
	ck_assert_uint_eq(id[6] >> 4, 7);
	ck_assert_uint_eq(id[8] >> 6, 2);
}

START_TEST(form_and_time)
{
	struct skafu__sys sys = hand_table();
	struct skafu__ident ident;
	uint8_t id[16];

	skafu__ident_init(&ident, NULL);
	hand_ns = INT64_C(1737196200123999999);
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, id, 1), SKAFU_OK);
	assert_form(id);
	ck_assert_uint_eq(ms_of(id), UINT64_C(1737196200123));
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, NULL, 0), SKAFU_OK);
	skafu__ident_done(&ident);
	skafu__ident_init(&ident, NULL);
	hand_ns = -5; /* before 1970 there is no version 7 */
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, id, 1), SKAFU_OK);
	assert_form(id);
	ck_assert_uint_eq(ms_of(id), 0);
	skafu__ident_done(&ident);
	skafu__ident_done(NULL);
}
END_TEST

START_TEST(ascending_under_a_wild_clock)
{
	const char *given = getenv("SKAFU_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)getpid();
	struct skafu__sys sys = hand_table();
	struct skafu__ident ident;
	uint8_t last[16] = {0};
	uint8_t ids[5 * 16];

	printf("seed %u\n", seed);
	skafu__ident_init(&ident, NULL);
	hand_ns = INT64_C(1737196200000000000);
	for (int i = 0; i < 50000; i++) {
		size_t count = 1 + (size_t)rand_r(&seed) % 5;

		hand_ns += (rand_r(&seed) % 2001 - 1000) * INT64_C(10000);
		if (i % 5000 == 0)
			hand_ns -= INT64_C(3600000000000);
		if (i % 7000 == 0)
			hand_ns += INT64_C(3600000000000);
		if (skafu__ident_new(&ident, &sys, ids, count) != SKAFU_OK)
			ck_abort_msg("step %d", i);
		for (size_t k = 0; k < count; k++) {
			if (memcmp(ids + 16 * k, last, 16) <= 0 || ids[16 * k + 6] >> 4 != 7)
				ck_abort_msg("id %zu of step %d", k, i);
			memcpy(last, ids + 16 * k, 16);
		}
	}
	skafu__ident_done(&ident);
}
END_TEST

START_TEST(counter_runs_out)
{
	struct skafu__sys sys = hand_table();
	struct skafu__ident ident;
	uint8_t one[16];
	uint8_t two[16];

	skafu__ident_init(&ident, NULL);
	hand_ns = INT64_C(1000000000);
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, one, 1), SKAFU_OK);
	ck_assert_uint_lt(ident.counter, 1u << 25); /* there is always half the range left */
	ident.counter = (1u << 26) - 2;
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, one, 1), SKAFU_OK);
	ck_assert_uint_eq(ms_of(one), 1000);
	ck_assert_uint_eq(skafu__load_u64_be(one) & 0xffff, 0x7fff);
	ck_assert(one[8] == 0xbf && one[9] == 0xff);
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, two, 1), SKAFU_OK);
	ck_assert_uint_eq(ms_of(two), 1001);
	ck_assert_int_gt(memcmp(two, one, 16), 0);
	skafu__ident_done(&ident);
}
END_TEST

START_TEST(randomness_is_taken_in_blocks_and_may_fail)
{
	struct skafu__sys sys = hand_table();
	struct skafu__ident ident;
	uint8_t *ids = malloc(2000 * 16);
	uint8_t id[16];

	sys.random = counted_random;
	skafu__ident_init(&ident, NULL);
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, ids, 2000), SKAFU_OK);
	ck_assert_int_eq(random_calls, 3); /* 12,004 bytes, 4 KiB a time */
	random_calls = 0;
	random_fails_at = 1;
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, ids, 2000), SKAFU_EIO);
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, ids, 1), SKAFU_OK); /* the lock was given back */
	skafu__ident_done(&ident);
	skafu__sys_override(&sys);
	memset(id, 0x11, sizeof id);
	random_calls = 0;
	ck_assert_int_eq(skafu_id_new(id), SKAFU_EIO);
	ck_assert_uint_eq(id[0], 0x11);
	skafu__sys_override(NULL);
	ck_assert_int_eq(skafu_id_new(id), SKAFU_OK);
	ck_assert_int_eq(skafu_id_new(NULL), SKAFU_EINVAL);
	random_fails_at = 0;
	free(ids);
}
END_TEST

static int order_of_ids(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

/* Each stock gives ascending ids, none of them twice or older than the clock, whoever takes in between. */
START_TEST(stocks_take_from_one_generator)
{
	enum { TAKEN = 20000, STOCKS = 3 };
	const char *given = getenv("SKAFU_TEST_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)getpid();
	struct skafu__sys sys = hand_table();
	static struct skafu__ident_stock stocks[STOCKS];
	static uint8_t ids[TAKEN][16];
	uint8_t last[STOCKS][16] = {{0}};
	struct skafu__ident ident;

	printf("seed %u\n", seed);
	skafu__ident_init(&ident, NULL);
	hand_ns = INT64_C(1737196200000000000);
	for (int i = 0; i < TAKEN; i++) {
		int which = rand_r(&seed) % STOCKS;

		if (rand_r(&seed) % 20 == 0)
			hand_ns += rand_r(&seed) % 5 * INT64_C(1000000);
		if (rand_r(&seed) % 50 == 0)
			skafu__ident_stock_clear(&stocks[which]);
		ck_assert_int_eq(skafu__ident_take(&ident, &stocks[which], &sys, ids[i]), SKAFU_OK);
		assert_form(ids[i]);
		ck_assert_uint_ge(ms_of(ids[i]), (uint64_t)hand_ns / 1000000);
		ck_assert_int_gt(memcmp(ids[i], last[which], 16), 0);
		memcpy(last[which], ids[i], 16);
	}
	qsort(ids, TAKEN, sizeof *ids, order_of_ids);
	for (int i = 1; i < TAKEN; i++)
		ck_assert_int_ne(memcmp(ids[i - 1], ids[i], 16), 0);
	skafu__ident_done(&ident);
}
END_TEST

START_TEST(a_stock_without_randomness_gives_nothing)
{
	struct skafu__sys sys = hand_table();
	struct skafu__ident_stock stock = {0};
	struct skafu__ident ident;
	uint8_t id[16] = {9};

	sys.random = counted_random;
	hand_ns = INT64_C(1000000000);
	skafu__ident_init(&ident, NULL);
	random_calls = 0;
	random_fails_at = 2; /* 4 KiB are enough for some hundred */
	int taken = 0;
	while (skafu__ident_take(&ident, &stock, &sys, id) == SKAFU_OK)
		taken++;
	ck_assert_int_gt(taken, 600);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(skafu__ident_take(&ident, &stock, &sys, id), SKAFU_OK);
	random_fails_at = 0;
	skafu__ident_done(&ident);
}
END_TEST

static const uint8_t *spread_seed;
static int spread_calls;

/* Not random at all, but different for each seed. */
static void spread_by_hand(const uint8_t *seed, void *out, size_t bytes)
{
	uint8_t *at = out;

	for (size_t i = 0; i < bytes; i++)
		at[i] = (uint8_t)(seed[i % SKAFU__IDENT_SEED_BYTES] ^ (i / SKAFU__IDENT_SEED_BYTES));
	spread_seed = seed;
	spread_calls++;
}

START_TEST(seeds_are_spread)
{
	struct skafu__sys sys = hand_table();
	struct skafu__ident ident;
	uint8_t *ids = malloc(2000 * 16);

	hand_ns = INT64_C(7000000000);
	sys.random = counted_random; /* seeds of 0xff */
	random_calls = 0;
	random_fails_at = 0;
	skafu__ident_init(&ident, spread_by_hand);
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, ids, 2000), SKAFU_OK);
	ck_assert(random_calls == 3 && spread_calls == 3);
	ck_assert_int_eq(ids[10], 0xff);                 /* of the first 32 bytes, behind the counter's 4 */
	ck_assert_int_eq(ids[5 * 16 + 10], 0xff ^ 1);    /* of the next 32 */
	ck_assert_ptr_ne(spread_seed, ident.random);
	ident.random_at = sizeof ident.random;
	random_fails_at = 4;
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, ids, 1), SKAFU_EIO);
	ck_assert_int_eq(spread_calls, 3); /* of nothing, nothing is spread */
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, ids, 1), SKAFU_OK);
	random_fails_at = 0;
	skafu__ident_done(&ident);
	free(ids);
}
END_TEST

/* ---- threads and forks --------------------------------------------------------------------------------------- */

#define THREADS 4
#define EACH 20000

static uint8_t thread_ids[THREADS * EACH][16];

static void *thread_takes(void *start)
{
	uint8_t (*ids)[16] = start;

	for (size_t i = 0; i < EACH; i++) {
		if (skafu_id_new(ids[i]) != SKAFU_OK)
			return start;
		if (i > 0 && memcmp(ids[i], ids[i - 1], 16) <= 0)
			return start;
	}
	return NULL;
}

static int compare_ids(const void *left, const void *right)
{
	return memcmp(left, right, 16);
}

START_TEST(threads_share_one_order)
{
	pthread_t threads[THREADS];
	void *bad = NULL;

	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, thread_takes, thread_ids[i * EACH]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &bad);
		ck_assert_ptr_null(bad);
	}
	qsort(thread_ids, THREADS * EACH, 16, compare_ids);
	for (size_t i = 1; i < THREADS * EACH; i++)
		if (memcmp(thread_ids[i], thread_ids[i - 1], 16) == 0)
			ck_abort_msg("an id was given out twice");
}
END_TEST

/* Parent and child stand at the same millisecond and counter, so only their random bits can differ. */
static void fork_with(skafu__ident_spread_fn spread)
{
	struct skafu__sys sys = hand_table();
	uint8_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct skafu__ident ident;
	uint8_t mine[32];
	uint8_t before[16];
	int status = -1;
	pid_t child;

	ck_assert_ptr_ne(shared, MAP_FAILED);
	skafu__ident_init(&ident, spread);
	hand_ns = INT64_C(5000000000);
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, before, 1), SKAFU_OK);
	child = fork();
	if (child == 0) {
		int32_t result = skafu__ident_new(&ident, &sys, shared, 1);

		child = fork();
		if (child == 0)
			_exit(skafu__ident_new(&ident, &sys, shared + 32, 1) == SKAFU_OK ? 0 : 1);
		waitpid(child, &status, 0);
		result |= skafu__ident_new(&ident, &sys, shared + 16, 1);
		_exit(result == SKAFU_OK && status == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(skafu__ident_new(&ident, &sys, mine, 2), SKAFU_OK);
	ck_assert_mem_eq(mine, shared, 10);         /* the same place in the order ... */
	ck_assert_mem_ne(mine + 10, shared + 10, 6); /* ... and yet another id */
	ck_assert_mem_eq(mine + 16, shared + 16, 10);
	ck_assert_mem_ne(mine + 26, shared + 26, 6);
	ck_assert_mem_eq(mine + 16, shared + 32, 10);
	ck_assert_mem_ne(mine + 26, shared + 42, 6);
	ck_assert_mem_ne(shared + 26, shared + 42, 6);
	ck_assert_int_gt(memcmp(shared, before, 16), 0);
	skafu__ident_done(&ident);
	munmap(shared, 4096);
}

START_TEST(child_has_randomness_of_its_own)
{
	fork_with(NULL);
	fork_with(spread_by_hand);
}
END_TEST

/* A fork while another thread holds the lock must not leave the child waiting for a thread that it has not. */
START_TEST(child_of_a_locked_generator)
{
	struct skafu__ident ident;
	uint8_t id[16];
	int status = -1;
	pid_t child;

	skafu__ident_init(&ident, NULL);
	skafu__forklock_take(&ident.lock);
	child = fork();
	if (child == 0) {
		alarm(10);
		_exit(skafu__ident_new(&ident, skafu__sys_current(), id, 1) == SKAFU_OK ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	skafu__forklock_release(&ident.lock);
	skafu__ident_done(&ident);
}
END_TEST

/* ---- text ---------------------------------------------------------------------------------------------------- */

static const char text_form[] = "0123abcd-4567-89ef-a0b1-c2d3e4f50617";
static const uint8_t text_id[16] = {0x01, 0x23, 0xab, 0xcd, 0x45, 0x67, 0x89, 0xef,
				    0xa0, 0xb1, 0xc2, 0xd3, 0xe4, 0xf5, 0x06, 0x17};

START_TEST(text_both_ways)
{
	char text[SKAFU_ID_TEXT_BYTES];
	uint8_t id[16];

	skafu_id_format(text_id, text);
	ck_assert_str_eq(text, text_form);
	ck_assert_int_eq(skafu_id_parse(text_form, id), SKAFU_OK);
	ck_assert_mem_eq(id, text_id, 16);
	ck_assert_int_eq(skafu_id_parse("0123ABCD-4567-89eF-A0B1-C2D3E4F50617", id), SKAFU_OK);
	ck_assert_mem_eq(id, text_id, 16);
	for (unsigned value = 0; value < 256; value++) {
		uint8_t all[16];

		memset(all, (int)value, sizeof all);
		skafu_id_format(all, text);
		ck_assert_int_eq(skafu_id_parse(text, id), SKAFU_OK);
		ck_assert_mem_eq(id, all, 16);
	}
}
END_TEST

/* Every other byte at every place, and every length. */
START_TEST(text_refuses)
{
	uint8_t id[16];

	memset(id, 0x77, sizeof id);
	ck_assert_int_eq(skafu_id_parse(NULL, id), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_id_parse(text_form, NULL), SKAFU_EINVAL);
	for (size_t at = 0; at < 37; at++) {
		for (unsigned value = 0; value < 256; value++) {
			int dash = at == 8 || at == 13 || at == 18 || at == 23;
			int digit = value < 128 && value > 0 && strchr("0123456789abcdefABCDEF", (int)value) != NULL;
			int good = at == 36 ? value == 0 : dash ? value == '-' : digit;
			char *text = calloc(1, 38);

			memcpy(text, text_form, 36);
			text[at] = (char)value;
			memset(id, 0x77, sizeof id);
			if (skafu_id_parse(text, id) != (good ? SKAFU_OK : SKAFU_EINVAL))
				ck_abort_msg("byte %u at %zu", value, at);
			if (!good && (id[0] != 0x77 || id[15] != 0x77))
				ck_abort_msg("written on failure");
			free(text);
		}
	}
	for (size_t length = 0; length < 36; length++) {
		char *text = calloc(1, length + 1); /* a read past its end is a fault */

		memcpy(text, text_form, length);
		ck_assert_int_eq(skafu_id_parse(text, id), SKAFU_EINVAL);
		free(text);
	}
}
END_TEST

START_TEST(version_8)
{
	uint8_t id[16];

	memset(id, 0xff, sizeof id);
	skafu__ident_stamp_v8(id);
	ck_assert(id[6] == 0x8f && id[8] == 0xbf && id[5] == 0xff && id[7] == 0xff && id[9] == 0xff);
	memset(id, 0, sizeof id);
	skafu__ident_stamp_v8(id);
	ck_assert(id[6] == 0x80 && id[8] == 0x80 && id[5] == 0 && id[7] == 0 && id[9] == 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ident");
	TCase *tcase = tcase_create("ident");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, form_and_time);
	tcase_add_test(tcase, ascending_under_a_wild_clock);
	tcase_add_test(tcase, counter_runs_out);
	tcase_add_test(tcase, randomness_is_taken_in_blocks_and_may_fail);
	tcase_add_test(tcase, stocks_take_from_one_generator);
	tcase_add_test(tcase, a_stock_without_randomness_gives_nothing);
	tcase_add_test(tcase, seeds_are_spread);
	tcase_add_test(tcase, threads_share_one_order);
	tcase_add_test(tcase, child_has_randomness_of_its_own);
	tcase_add_test(tcase, child_of_a_locked_generator);
	tcase_add_test(tcase, text_both_ways);
	tcase_add_test(tcase, text_refuses);
	tcase_add_test(tcase, version_8);
	tcase_set_timeout(tcase, 60);
	return suite_run(suite);
}

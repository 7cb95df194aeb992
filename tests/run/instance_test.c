/*
 * instance_test.c: an instance of a process as a row, and its lists.
 */
#include "run/instance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

static struct skafu__instance one;
static struct skafu__instance other;
static struct skafu__buf row;

static void make(void)
{
	const struct skafu__timer_setting setting = {.due_ns = 5, .record_id = {6}};
	const uint8_t timer[16] = {7};

	skafu__instance_init(&one, skafu__sys_current());
	skafu__instance_init(&other, skafu__sys_current());
	skafu__buf_init(&row, skafu__sys_current(), SIZE_MAX / 2);
	skafu__instance_reset(&one, "order-1");
	one.state = SKAFU_PROCESS_ASIDE;
	one.resume_state = SKAFU_PROCESS_COMPENSATING;
	one.version = 3;
	one.state_version = 4;
	one.steps = 5;
	one.parked = 6;
	one.first_sequence = 7;
	one.last_sequence = 8;
	one.aside_sequence = 9;
	one.awaited[0] = 10;
	strcpy(one.correlation, "c-1");
	strcpy(one.code, "limit");
	strcpy(one.message, "Too much.");
	ck_assert(skafu__instance_note_timer(&one, timer, &setting));
	ck_assert_int_eq(skafu__instance_push_undo(&one, "first", 5), 0);
	ck_assert_int_eq(skafu__instance_push_undo(&one, "", 0), 0);
	ck_assert_int_eq(skafu__instance_push_undo(&one, "third", 5), 0);
	skafu__buf_put(&one.saved, "state", 5);
	ck_assert_int_eq(skafu__instance_encode(&one, &row), 0);
}

static void drop(void)
{
	skafu__instance_done(&one);
	skafu__instance_done(&other);
	skafu__buf_done(&row);
}

START_TEST(there_and_back)
{
	size_t length;

	skafu__instance_reset(&other, "order-1");
	went(skafu__instance_decode(row.bytes, row.length, &other, fault));
	ck_assert_uint_eq(other.state, SKAFU_PROCESS_ASIDE);
	ck_assert_uint_eq(other.resume_state, SKAFU_PROCESS_COMPENSATING);
	ck_assert_uint_eq(other.version, 3);
	ck_assert_uint_eq(other.state_version, 4);
	ck_assert_uint_eq(other.steps, 5);
	ck_assert_uint_eq(other.parked, 6);
	ck_assert_uint_eq(other.first_sequence, 7);
	ck_assert_uint_eq(other.last_sequence, 8);
	ck_assert_uint_eq(other.aside_sequence, 9);
	ck_assert_uint_eq(other.awaited[0], 10);
	ck_assert_str_eq(other.name, "order-1");
	ck_assert_str_eq(other.correlation, "c-1");
	ck_assert_str_eq(other.code, "limit");
	ck_assert_str_eq(other.message, "Too much.");
	ck_assert_uint_eq(other.timer_count, 1);
	ck_assert_int_eq(other.timers[0].setting.due_ns, 5);
	ck_assert_uint_eq(other.saved.length, 5);
	ck_assert(memcmp(skafu__instance_last_undo(&other, &length), "third", 5) == 0);
	ck_assert_uint_eq(length, 5);
	skafu__instance_pop_undo(&other);
	skafu__instance_last_undo(&other, &length);
	ck_assert_uint_eq(length, 0);
	skafu__instance_pop_undo(&other);
	ck_assert(memcmp(skafu__instance_last_undo(&other, &length), "first", 5) == 0);
	skafu__instance_pop_undo(&other);
	ck_assert_ptr_null(skafu__instance_last_undo(&other, &length));
	ck_assert_uint_eq(other.undos.length, 0);
}
END_TEST

START_TEST(bytes_that_are_none)
{
	seeded("instance");
	for (size_t length = 0; length < row.length; length++) {
		uint8_t *cut = malloc(length ? length : 1);
		memcpy(cut, row.bytes, length);
		ck_assert_int_eq(skafu__instance_decode(cut, length, &other, NULL), SKAFU_EDAMAGED);
		free(cut);
	}
	for (int i = 0; i < 20000; i++) {
		size_t undo_length;
		uint8_t *bent = malloc(row.length);
		memcpy(bent, row.bytes, row.length);
		for (uint32_t n = random_below(4) + 1; n > 0; n--)
			bent[random_below((uint32_t)row.length)] = (uint8_t)random_u64();
		if (skafu__instance_decode(bent, row.length, &other, NULL) == 0)
			while (skafu__instance_last_undo(&other, &undo_length))
				skafu__instance_pop_undo(&other);
		free(bent);
	}
	row.bytes[0] = 2;
	refused(SKAFU_ENEWER, skafu__instance_decode(row.bytes, row.length, &other, fault));
}
END_TEST

START_TEST(timers_are_bounded)
{
	struct skafu__timer_setting setting = {.due_ns = 1};
	uint8_t id[16] = {0};

	skafu__instance_reset(&one, "x");
	for (uint32_t i = 0; i < SKAFU__INSTANCE_TIMERS_MAX; i++) {
		id[0] = (uint8_t)i;
		ck_assert(skafu__instance_note_timer(&one, id, &setting));
	}
	id[0] = 200;
	ck_assert(!skafu__instance_note_timer(&one, id, &setting));
	id[0] = 3;
	setting.due_ns = 2;
	ck_assert(skafu__instance_note_timer(&one, id, &setting));
	ck_assert_int_eq(skafu__instance_timer(&one, id)->setting.due_ns, 2);
	skafu__instance_forget_timer(&one, skafu__instance_timer(&one, id));
	ck_assert_ptr_null(skafu__instance_timer(&one, id));
	id[0] = SKAFU__INSTANCE_TIMERS_MAX - 1;
	ck_assert_ptr_nonnull(skafu__instance_timer(&one, id));
}
END_TEST

START_TEST(undos_are_bounded)
{
	skafu__instance_reset(&one, "x");
	for (uint32_t i = 0; i < SKAFU__INSTANCE_UNDOS_MAX; i++)
		ck_assert_int_eq(skafu__instance_push_undo(&one, "u", 1), 0);
	ck_assert_int_eq(skafu__instance_push_undo(&one, "u", 1), SKAFU_ELIMIT);
}
END_TEST

START_TEST(keys_tell_processes_apart)
{
	char name[SKAFU__PROCESS_NAME_BYTES_MAX + 1];
	char instance[SKAFU__INSTANCE_NAME_BYTES_MAX + 1];
	uint8_t key[255];
	uint8_t second[255];

	memset(name, 'p', sizeof name);
	memset(instance, 'i', sizeof instance);
	name[sizeof name - 1] = instance[sizeof instance - 1] = '\0';
	ck_assert_uint_eq(skafu__instance_key(name, instance, key), 255);
	ck_assert_uint_eq(skafu__instance_key("a", "bc", key), 4);
	ck_assert_uint_eq(skafu__instance_key("ab", "c", second), 4);
	ck_assert(memcmp(key, second, 4) != 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, there_and_back);
	tcase_add_test(tests, bytes_that_are_none);
	tcase_add_test(tests, timers_are_bounded);
	tcase_add_test(tests, undos_are_bounded);
	tcase_add_test(tests, keys_tell_processes_apart);
}

int main(void)
{
	return tempstore_main("instance", add);
}

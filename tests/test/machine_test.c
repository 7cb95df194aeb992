/*
 * machine_test.c: the clocks, the random bytes and the faults of a scenario.
 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "skafu_test.h"
#include "test/machine.h"
#include "util/suite.h"

static struct skafu__kit_machine machine;

static void told(void *user, const struct skafu_test_note *note)
{
	(void)user;
	(void)note;
}

static void setup(void)
{
	skafu__kit_machine_init(&machine, 5, 0, told);
}

static int asks(uint32_t what)
{
	return machine.hook.fails(machine.hook.user, what);
}

START_TEST(clocks_stand_still)
{
	int64_t before = machine.hook.monotonic_ns(&machine);

	ck_assert_int_eq(machine.hook.wall_ns(&machine), 5);
	ck_assert_int_eq(machine.hook.monotonic_ns(&machine), before);
	machine.hook.sleep(&machine, 7);
	ck_assert_int_eq(machine.hook.monotonic_ns(&machine), before + 7);
	ck_assert_int_eq(machine.hook.wall_ns(&machine), 5);
	machine.hook.sleep(&machine, INT64_MAX);
	ck_assert_int_eq(machine.hook.monotonic_ns(&machine), INT64_MAX);
}
END_TEST

START_TEST(a_seed_is_a_sequence)
{
	struct skafu__kit_machine other;
	uint8_t one[21], two[21], id[16];

	skafu__kit_machine_init(&other, 0, 0, told);
	ck_assert_int_eq(machine.hook.random(&machine, one, sizeof(one)), 0);
	ck_assert_int_eq(other.hook.random(&other, two, sizeof(two)), 0);
	ck_assert_int_eq(memcmp(one, two, sizeof(one)), 0);
	skafu__kit_machine_init(&other, 0, 1, told);
	ck_assert_int_eq(other.hook.random(&other, two, sizeof(two)), 0);
	ck_assert_int_ne(memcmp(one, two, sizeof(one)), 0);
	skafu__kit_machine_id(&machine, id);
	ck_assert_int_eq(id[6] >> 4, 8);
	ck_assert_int_eq(id[8] >> 6, 2);
}
END_TEST

START_TEST(faults_from_the_nth_on_for_count)
{
	machine.faults[SKAFU_FAULT_READ] = (struct skafu__kit_fault){0, 2, 2};
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_READ), 0);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_READ), EIO);
	machine.paused = 1;
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_READ), 0);
	machine.paused = 0;
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_READ), EIO);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_READ), 0);
	ck_assert_uint_eq(machine.faults[SKAFU_FAULT_READ].operations, 4);
	machine.faults[SKAFU_FAULT_SYNC] = (struct skafu__kit_fault){0, 3, UINT64_MAX};
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_SYNC), 0);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_SYNC), 0);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_SYNC), EIO);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_SYNC), EIO);
}
END_TEST

START_TEST(a_write_can_fail_in_three_ways)
{
	machine.faults[SKAFU_FAULT_SPACE] = (struct skafu__kit_fault){0, 1, 1};
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_WRITE), ENOSPC);
	machine.faults[SKAFU_FAULT_WRITE] = (struct skafu__kit_fault){0, 1, 1};
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_WRITE), EIO);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_WRITE), 0);
	machine.faults[SKAFU_FAULT_CRASH] = (struct skafu__kit_fault){0, 1, 1};
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_SYNC), 0);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_WRITE), EIO);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_SYNC), EIO); /* from here on nothing succeeds */
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_READ), EIO);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_MEMORY), 0);
}
END_TEST

START_TEST(memory_and_conflicts)
{
	machine.faults[SKAFU_FAULT_MEMORY] = (struct skafu__kit_fault){0, 1, 1};
	machine.faults[SKAFU_FAULT_APPEND] = (struct skafu__kit_fault){0, 1, 1};
	ck_assert_int_ne(asks(SKAFU__TESTHOOK_MEMORY), 0);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_MEMORY), 0);
	ck_assert_int_ne(asks(SKAFU__TESTHOOK_APPEND), 0);
	ck_assert_int_eq(asks(SKAFU__TESTHOOK_APPEND), 0);
	ck_assert_int_eq(asks(99), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("machine");
	TCase *tests = tcase_create("machine");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, clocks_stand_still);
	tcase_add_test(tests, a_seed_is_a_sequence);
	tcase_add_test(tests, faults_from_the_nth_on_for_count);
	tcase_add_test(tests, a_write_can_fail_in_three_ways);
	tcase_add_test(tests, memory_and_conflicts);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

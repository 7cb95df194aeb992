/*
 * quarantine_test.c: instances that are set aside, what waits behind them, and how they come back.
 */
#include "run/quarantine.h"

#include <string.h>

#include "run/prockit.h"

static struct prockit kit;
static const skafu_retry_policy once = {.size = sizeof once, .attempts_max = 1, .then = SKAFU_THEN_PARK_KEY};

static void make(void)
{
	prockit_open(&kit);
}

static void drop(void)
{
	prockit_close(&kit);
}

START_TEST(the_others_go_on)
{
	static const skafu_retry_policy halts = {.size = sizeof halts, .attempts_max = 1, .then = SKAFU_THEN_HALT};

	prockit_define(&kit, 1, &halts);
	kit.fails = 1;
	prockit_tell(&kit, "Ordered", "a", NULL);
	prockit_tell(&kit, "Ordered", "b", NULL);
	prockit_tell(&kit, "Paid", "a", "f");
	prockit_tell(&kit, "Paid", "b", "m");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "aside 1 1 SKAFU_EHOST");
	ck_assert_str_eq(prockit_instance(&kit, "b"), "running 1 2 ");
	ck_assert_uint_eq(kit.acted, 4);
}
END_TEST

START_TEST(in_order_after_a_retry)
{
	prockit_define(&kit, 1, &once);
	kit.fails = 2;
	prockit_tell(&kit, "Ordered", "a", NULL);
	uint64_t first = prockit_tell(&kit, "Paid", "a", "fm");
	uint64_t second = prockit_tell(&kit, "Paid", "a", "s");
	uint64_t third = prockit_tell(&kit, "Paid", "a", "t");
	prockit_run(&kit);
	ck_assert_uint_eq(kit.acted, 2);
	refused(SKAFU_EHOST, prockit_retry(&kit, "a", second)); /* not before the first */
	message_names("waits behind");
	refused(SKAFU_EHOST, prockit_retry(&kit, "a", first));
	message_names("jammed");
	ck_assert_uint_eq(kit.acted, 3);
	went(prockit_retry(&kit, "a", first));
	ck_assert_str_eq(prockit_instance(&kit, "a"), "aside 1 2 SKAFU_EHOST");
	prockit_tell(&kit, "Paid", "a", NULL); /* waits too */
	prockit_run(&kit);
	ck_assert_uint_eq(kit.acted, 4);
	went(prockit_retry(&kit, "a", second));
	went(prockit_retry(&kit, "a", third));
	ck_assert_str_eq(prockit_instance(&kit, "a"), "aside 1 4 SKAFU_EHOST");
	ck_assert_str_eq(kit.trail, "fmst");
	went(prockit_retry(&kit, "a", head_of(kit.kit.store)));
	/* `t` has set a timer, which waits for the engine. */
	ck_assert_int_eq(strncmp(prockit_instance(&kit, "a"), "running", 7), 0);
}
END_TEST

START_TEST(one_that_never_began)
{
	prockit_define(&kit, 1, &once);
	kit.fails = 1;
	uint64_t sequence = prockit_tell(&kit, "Ordered", "a", "f");
	uint64_t behind = prockit_tell(&kit, "Paid", "a", "m");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "aside 1 0 SKAFU_EHOST");
	went(prockit_retry(&kit, "a", sequence));
	ck_assert_str_eq(prockit_instance(&kit, "a"), "aside 1 1 SKAFU_EHOST");
	went(prockit_retry(&kit, "a", behind));
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 2 ");
	ck_assert_uint_eq(kit_count(kit.kit.store, SKAFU_KIND_EVENT, "Ordered"), 2);
}
END_TEST

static void discard(const char *instance, uint64_t sequence)
{
	skafu_batch *batch = batch_of(kit.kit.store);

	went(skafu__quarantine_release(kit.kit.store, "p", instance, sequence, batch, fault));
	appended_by(kit.kit.store, batch);
}

START_TEST(discarded)
{
	prockit_define(&kit, 1, &once);
	uint64_t started = prockit_tell(&kit, "Ordered", "new", "i");
	prockit_tell(&kit, "Ordered", "a", NULL);
	uint64_t first = prockit_tell(&kit, "Paid", "a", "i");
	uint64_t second = prockit_tell(&kit, "Paid", "a", NULL);
	prockit_run(&kit);
	discard("a", first);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "aside 1 1 SKAFU_EHOST");
	went(prockit_retry(&kit, "a", second));
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 2 ");
	discard("new", started);
	ck_assert_str_eq(prockit_instance(&kit, "new"), "none");
}
END_TEST

START_TEST(what_is_not_aside_is_left_alone)
{
	skafu_batch *batch = batch_of(kit.kit.store);

	prockit_define(&kit, 1, &once);
	uint64_t sequence = prockit_tell(&kit, "Ordered", "a", NULL);
	prockit_run(&kit);
	went(skafu__quarantine_release(kit.kit.store, "p", "a", sequence, batch, fault));
	went(skafu__quarantine_release(kit.kit.store, "p", "none", sequence, batch, fault));
	went(skafu__quarantine_release(kit.kit.store, "q", "a", sequence, batch, fault));
	ck_assert_uint_eq(skafu_batch_count(batch), 0);
	skafu_batch_free(batch);
}
END_TEST

/* It ends although others wait behind: they find nobody. */
START_TEST(ended_by_a_retry)
{
	prockit_define(&kit, 1, &once);
	kit.fails = 1;
	prockit_tell(&kit, "Ordered", "a", NULL);
	uint64_t first = prockit_tell(&kit, "Paid", "a", "fe");
	uint64_t second = prockit_tell(&kit, "Paid", "a", "m");
	prockit_run(&kit);
	went(prockit_retry(&kit, "a", first));
	ck_assert_str_eq(prockit_instance(&kit, "a"), "completed 1 2 ");
	went(prockit_retry(&kit, "a", second));
	ck_assert_str_eq(prockit_instance(&kit, "a"), "completed 1 2 ");
}
END_TEST

static uint64_t letters(void)
{
	skafu_dead_letter_list *list = NULL;
	const skafu_dead_letter *letter;
	uint64_t count = 0;

	went(skafu_dead_letter_list_open(kit.kit.store, NULL, SKAFU_NO_LIMIT, &list, fault));
	while (skafu_dead_letter_list_next(list, &letter, fault) == 1) {
		ck_assert_str_eq(letter->consumer, "p");
		ck_assert_str_eq(letter->key, "a");
		ck_assert_uint_eq(letter->parked_behind, count != 0);
		count++;
	}
	skafu_dead_letter_list_free(list);
	return count;
}

/* With the functions of the operator. */
START_TEST(through_dead_letters)
{
	skafu_dead_letter_filter of_p = {.size = sizeof of_p, .consumer = "p", .key = "a"};
	uint64_t count = 0;

	prockit_define(&kit, 1, &once);
	kit.fails = 2;
	prockit_tell(&kit, "Ordered", "a", NULL);
	prockit_tell(&kit, "Paid", "a", "f");
	prockit_tell(&kit, "Paid", "a", "m");
	prockit_tell(&kit, "Paid", "a", "s");
	prockit_run(&kit);
	ck_assert_uint_eq(letters(), 3);
	went(skafu_dead_letters_retry(kit.kit.engine, &of_p, 100, &count, fault));
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_eq(letters(), 3);
	went(skafu_dead_letters_retry(kit.kit.engine, &of_p, 100, &count, fault));
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(letters(), 0);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 4 ");
	ck_assert_str_eq(kit.trail, "fms");
	prockit_tell(&kit, "Paid", "a", "i");
	prockit_tell(&kit, "Paid", "a", "u");
	prockit_run(&kit);
	ck_assert_uint_eq(letters(), 2);
	went(skafu_dead_letters_discard(kit.kit.engine, &of_p, 1, "not worth it", &count, fault));
	ck_assert_uint_eq(count, 1);
	prockit_run(&kit);
	ck_assert_uint_eq(letters(), 0);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 5 ");
	ck_assert_str_eq(kit.trail, "fmsu");
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, the_others_go_on);
	tcase_add_test(tests, in_order_after_a_retry);
	tcase_add_test(tests, one_that_never_began);
	tcase_add_test(tests, discarded);
	tcase_add_test(tests, what_is_not_aside_is_left_alone);
	tcase_add_test(tests, ended_by_a_retry);
	tcase_add_test(tests, through_dead_letters);
}

int main(void)
{
	return tempstore_main("quarantine", add);
}

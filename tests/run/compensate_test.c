/*
 * compensate_test.c: how processes end: completed, undone in reverse, or stuck where an undoing command is refused.
 */
#include "run/compensate.h"

#include <stdio.h>
#include <string.h>

#include "run/prockit.h"

static struct prockit kit;

static void make(void)
{
	prockit_open(&kit);
}

static void drop(void)
{
	prockit_close(&kit);
}

START_TEST(in_reverse_one_by_one)
{
	prockit_define(&kit, 1, NULL);
	kit.due = INT64_C(9000000000000000000);
	prockit_tell(&kit, "Ordered", "a", "ut");
	prockit_tell(&kit, "Paid", "a", "uu");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_streams(&kit, SKAFU_KIND_COMMAND, "Order"), "");
	prockit_tell(&kit, "Paid", "a", "c");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_streams(&kit, SKAFU_KIND_COMMAND, "Order"), "undo/a undo/a undo/a");
	ck_assert_str_eq(prockit_streams(&kit, SKAFU_KIND_OUTCOME, "Order"), "undo/a undo/a undo/a");
	ck_assert_str_eq(prockit_instance(&kit, "a"), "failed 1 6 limit");
	ck_assert_uint_eq(prockit_rows(&kit, skafu__undo_table), 0);
	ck_assert_uint_eq(prockit_rows(&kit, skafu__timer_table), 0);
}
END_TEST

START_TEST(each_waits_for_the_one_before)
{
	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Ordered", "a", "uuc");
	kit_engine(&kit.kit);
	skafu__engine_worker(kit.kit.engine, "p")->step(skafu__engine_worker(kit.kit.engine, "p"), 100, &kit.routed,
							fault);
	ck_assert_str_eq(prockit_streams(&kit, SKAFU_KIND_COMMAND, "Order"), "undo/a");
	ck_assert_str_eq(prockit_instance(&kit, "a"), "compensating 1 1 limit");
	ck_assert_uint_eq(prockit_rows(&kit, skafu__undo_table), 1);
	/* From now on it gets no inputs, and cannot be started anew. */
	prockit_tell(&kit, "Paid", "a", "s");
	prockit_tell(&kit, "Ordered", "a", "s");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_streams(&kit, SKAFU_KIND_COMMAND, "Order"), "undo/a undo/a");
	ck_assert_str_eq(prockit_instance(&kit, "a"), "failed 1 3 limit");
	prockit_tell(&kit, "Ordered", "a", NULL);
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 1 ");
}
END_TEST

/* However many there are: each is answered before the next, and that is no loop. */
START_TEST(as_many_as_are_remembered)
{
	char end[64];

	prockit_define(&kit, 1, NULL);
	for (uint32_t i = 0; i < SKAFU__INSTANCE_UNDOS_MAX; i += 16)
		prockit_tell(&kit, i ? "Paid" : "Ordered", "a", "uuuuuuuuuuuuuuuu");
	prockit_tell(&kit, "Paid", "a", "c");
	prockit_run(&kit);
	snprintf(end, sizeof end, "failed 1 %u limit",
		 SKAFU__INSTANCE_UNDOS_MAX / 16 + 1 + SKAFU__INSTANCE_UNDOS_MAX);
	ck_assert_str_eq(prockit_instance(&kit, "a"), end);
	ck_assert_uint_eq(kit_count(kit.kit.store, SKAFU_KIND_OUTCOME, "Order"), SKAFU__INSTANCE_UNDOS_MAX);
	ck_assert_uint_eq(prockit_rows(&kit, skafu__undo_table), 0);
}
END_TEST

START_TEST(nothing_to_undo)
{
	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Ordered", "a", "c");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "failed 1 1 limit");
	prockit_tell(&kit, "Ordered", "b", "ue");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "b"), "completed 1 1 ");
	ck_assert_uint_eq(kit_count(kit.kit.store, SKAFU_KIND_COMMAND, NULL), 0);
}
END_TEST

static uint64_t refusal(void)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_OUTCOMES};
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	uint64_t sequence = 0;

	went(skafu_read(kit.kit.store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1)
		if (strcmp(record->type, "Refuse") == 0)
			sequence = record->sequence;
	skafu_cursor_free(cursor);
	return sequence;
}

/* A refused command sets the instance aside; a retry sends it again. */
START_TEST(a_refusal)
{
	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Ordered", "a", "uUc");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "aside 1 1 limit");
	ck_assert_str_eq(prockit_streams(&kit, SKAFU_KIND_COMMAND, "Order"), "");
	uint64_t first = refusal();
	went(prockit_retry(&kit, "a", first));
	ck_assert_str_eq(prockit_instance(&kit, "a"), "compensating 1 2 limit");
	prockit_run(&kit);
	ck_assert_uint_gt(refusal(), first);
	ck_assert_str_eq(prockit_streams(&kit, SKAFU_KIND_COMMAND, "Refuse"), "undo/a undo/a");
	ck_assert_str_eq(prockit_instance(&kit, "a"), "aside 1 2 limit");
	/* An answer that came late answers nothing any more. */
	went(prockit_retry(&kit, "a", first));
	ck_assert_str_eq(prockit_instance(&kit, "a"), "aside 1 2 limit");
}
END_TEST

START_TEST(calls_that_are_wrong)
{
	skafu_retry_policy once = {.size = sizeof once, .attempts_max = 1};

	prockit_define(&kit, 1, &once);
	prockit_tell(&kit, "Ordered", "a", "w");
	prockit_run(&kit);
	ck_assert_int_eq(kit.wrong[0], SKAFU_EINVAL);
	ck_assert_int_eq(kit.wrong[1], SKAFU_EDEFINITION);
	ck_assert_int_eq(kit.wrong[2], SKAFU_EINVAL);
	ck_assert_int_eq(kit.wrong[3], SKAFU_ELIMIT);
	ck_assert_int_eq(kit.wrong[4], 0);
	ck_assert_int_eq(kit.wrong[5], SKAFU_EMISUSE);
	ck_assert_int_eq(kit.wrong[6], SKAFU_EMISUSE);
	/* What could not be recorded sticks: nothing of the turn is. */
	ck_assert_str_eq(prockit_instance(&kit, "a"), "none");
	ck_assert_int_eq(skafu_turn_complete(NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_turn_compensate(NULL, "c", NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_turn_undo_with(NULL, NULL, NULL), SKAFU_EINVAL);
}
END_TEST

static int32_t reaction_code;

static int32_t complete_in_reaction(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	(void)user;
	(void)event;
	reaction_code = skafu_turn_complete(turn, error);
	return 0;
}

START_TEST(not_for_reactions)
{
	skafu_retry_policy once = {.size = sizeof once, .attempts_max = 1};

	kit_add_reaction(&kit.kit, "r", NULL, &once, complete_in_reaction);
	kit_order(&kit.kit, "a");
	prockit_run(&kit);
	ck_assert_int_eq(reaction_code, SKAFU_EMISUSE);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, in_reverse_one_by_one);
	tcase_add_test(tests, each_waits_for_the_one_before);
	tcase_add_test(tests, as_many_as_are_remembered);
	tcase_add_test(tests, nothing_to_undo);
	tcase_add_test(tests, a_refusal);
	tcase_add_test(tests, calls_that_are_wrong);
	tcase_add_test(tests, not_for_reactions);
}

int main(void)
{
	return tempstore_main("compensate", add);
}

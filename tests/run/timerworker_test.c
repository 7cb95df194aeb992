/*
 * timerworker_test.c: timers that fire: when, in what order, how often; with a clock that tests set.
 */
#include "run/timerworker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failing.h"
#include "base/trouble.h"
#include "run/kit.h"
#include "run/timer.h"
#include "store/batch.h"

#define SECOND INT64_C(1000000000)

static struct kit kit;
static struct skafu__sys clocked;
static int64_t wall;
static int64_t monotonic;

static int64_t wall_now(void)
{
	return wall;
}

static int64_t monotonic_now(void)
{
	return monotonic;
}

static void make(void)
{
	clocked = *skafu__sys_current();
	clocked.wall_ns = wall_now;
	clocked.wall_tick_ns = wall_now;
	clocked.monotonic_ns = monotonic_now;
	wall = INT64_C(1800000000) * SECOND;
	monotonic = 1000 * SECOND;
	skafu__sys_override(&clocked);
	kit_open(&kit);
	kit_engine(&kit);
}

static void drop(void)
{
	kit_close(&kit);
	skafu__sys_override(NULL);
}

static void set(const char *name, int64_t due_ns)
{
	skafu_new_record record = {.size = sizeof record, .type = "Paid", .stream = name, .source = "shop"};
	skafu_batch *batch = batch_of(kit.store);

	went(skafu_batch_set_timer(batch, name, due_ns, &record, fault));
	appended_by(kit.store, batch);
}

static void step(void)
{
	int32_t rc;

	while ((rc = skafu_engine_step(kit.engine, 1000, fault)) == 1)
		;
	went(rc);
}

static uint64_t wait_ns(void)
{
	struct skafu__worker *worker = skafu__engine_worker(kit.engine, "skafu.timers");
	int64_t due = worker->due_ns(worker, 0);

	ck_assert_int_eq(worker->due_ns(worker, 1), INT64_MAX); /* draining does not wait for timers */
	return due == INT64_MAX ? UINT64_MAX : (uint64_t)(due - monotonic);
}

/* Streams of what was fired, in the order of the log. */
static const char *fired(void)
{
	static char text[1000];
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	size_t length = 0;

	text[0] = '\0';
	went(skafu_read(kit.store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", length ? " " : "",
					   record->stream);
	skafu_cursor_free(cursor);
	return text;
}

START_TEST(in_the_order_of_their_times)
{
	skafu_engine_stats stats = {.size = sizeof stats};

	set("c", wall + 3 * SECOND);
	set("a", wall + 1);
	set("b", wall + 2 * SECOND);
	set("past", -5);
	step();
	ck_assert_str_eq(fired(), "past");
	went(skafu_engine_stats_get(kit.engine, &stats, fault));
	ck_assert_uint_eq(stats.timers_pending, 3);
	ck_assert_uint_eq(stats.timers_fired, 1);
	wall += 2 * SECOND;
	step();
	ck_assert_str_eq(fired(), "past a b");
	wall += SECOND;
	step();
	step();
	ck_assert_str_eq(fired(), "past a b c");
	ck_assert_uint_eq(atomic_load(&kit.engine->figures.timers_fired), 4);
}
END_TEST

START_TEST(waiting_looks_at_the_wall_clock)
{
	step();
	ck_assert_uint_gt(wait_ns(), (uint64_t)(60 * SECOND));
	set("a", wall + 60 * SECOND);
	step();
	ck_assert_uint_eq(wait_ns(), (uint64_t)SECOND);
	wall += 60 * SECOND - 5;
	ck_assert_uint_eq(wait_ns(), 5);
	wall += 5;
	ck_assert_uint_eq(wait_ns(), 0);
	step();
	ck_assert_str_eq(fired(), "a");
	ck_assert_uint_gt(wait_ns(), (uint64_t)(60 * SECOND));
}
END_TEST

/* Set to 2099 and back: what came due by the clock has fired, everything else keeps its date. */
START_TEST(the_clock_is_set)
{
	int64_t year_2099 = INT64_C(4080000000) * SECOND;
	int64_t before = wall;

	set("soon", wall + 10 * SECOND);
	set("far", year_2099 + 10 * SECOND);
	step();
	wall = year_2099;
	step();
	ck_assert_str_eq(fired(), "soon");
	wall = before;
	step();
	set("again", wall + 10 * SECOND);
	step();
	ck_assert_str_eq(fired(), "soon");
	wall += 10 * SECOND;
	step();
	ck_assert_str_eq(fired(), "soon again");
	wall = -5 * SECOND;
	set("1970", 0);
	step();
	ck_assert_str_eq(fired(), "soon again");
	wall = year_2099 + 10 * SECOND;
	step();
	ck_assert_str_eq(fired(), "soon again 1970 far");
}
END_TEST

START_TEST(the_ends_of_time)
{
	set("first", INT64_MIN);
	set("last", INT64_MAX);
	step();
	ck_assert_str_eq(fired(), "first");
	wall = INT64_MAX - 1;
	step();
	ck_assert_str_eq(fired(), "first");
	ck_assert_uint_gt(wait_ns(), 0);
}
END_TEST

START_TEST(cancelled_and_set_anew)
{
	skafu_batch *batch = batch_of(kit.store);

	set("a", wall + SECOND);
	set("b", wall + SECOND);
	step();
	set("a", wall + 5 * SECOND);
	went(skafu_batch_cancel_timer(batch, "b", fault));
	appended_by(kit.store, batch);
	wall += SECOND;
	step();
	ck_assert_str_eq(fired(), "");
	wall += 4 * SECOND;
	step();
	ck_assert_str_eq(fired(), "a");
	set("a", wall - 4 * SECOND);
	step();
	ck_assert_str_eq(fired(), "a a");
}
END_TEST

/* The row of an earlier setting does not fire, and goes. */
START_TEST(left_overs_are_swept)
{
	skafu_batch *late = batch_of(kit.store);
	skafu_new_record record = {.size = sizeof record, .type = "Paid", .stream = "a", .source = "shop"};
	skafu_rows *rows = NULL;
	const skafu_row *row;

	went(skafu_batch_set_timer(late, "a", wall + 5 * SECOND, &record, fault));
	set("a", wall + SECOND);
	appended_by(kit.store, late);
	wall += SECOND;
	step();
	ck_assert_str_eq(fired(), "");
	wall += 4 * SECOND;
	step();
	ck_assert_str_eq(fired(), "a");
	went(skafu_rows_open(kit.store, skafu__timer_table, NULL, SKAFU_NO_LIMIT, &rows, fault));
	ck_assert_int_eq(skafu_rows_next(rows, &row, fault), 0);
	skafu_rows_free(rows);
}
END_TEST

START_TEST(many_share_flushes)
{
	skafu_batch *batch = batch_of(kit.store);
	skafu_store_stats stats = {.size = sizeof stats};
	char name[20];
	uint64_t flushes;

	for (int i = 0; i < 1000; i++) {
		skafu_new_record record = {.size = sizeof record, .type = "Paid", .stream = name, .source = "shop"};
		snprintf(name, sizeof name, "t%d", i);
		went(skafu_batch_set_timer(batch, name, wall + i, &record, fault));
	}
	appended_by(kit.store, batch);
	wall += SECOND;
	went(skafu_store_stats_get(kit.store, &stats, fault));
	flushes = stats.flushes;
	step();
	went(skafu_store_stats_get(kit.store, &stats, fault));
	ck_assert_uint_le(stats.flushes - flushes, 12);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Paid"), 1000);
	ck_assert_uint_eq(head_of(kit.store), 1000);
}
END_TEST

/* Two engines with the same view of the table. */
START_TEST(two_engines_fire_once)
{
	skafu_engine *other = NULL;
	char name[64];

	went(skafu_engine_open(kit.model, NULL, &other, fault));
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 10; i++) {
			snprintf(name, sizeof name, "t%d-%d", round, i);
			set(name, wall + i);
		}
		wall += SECOND;
		ck_assert_int_ge(skafu_engine_step(other, 3, fault), 0);
		ck_assert_int_ge(skafu_engine_step(kit.engine, 4, fault), 0);
		ck_assert_int_ge(skafu_engine_step(other, 1000, fault), 0);
		step();
	}
	ck_assert_uint_eq(head_of(kit.store), 200);
	ck_assert_uint_eq(atomic_load(&kit.engine->figures.timers_fired) +
				  atomic_load(&other->figures.timers_fired), 200);
	skafu_engine_close(other);
}
END_TEST

/* The record's id is one that the host used already: there is nothing to be recorded any more. */
START_TEST(a_record_that_is_there)
{
	static const uint8_t id[16] = {1};
	skafu_new_record record = {.size = sizeof record, .type = "Paid", .stream = "a", .source = "shop", .id = id};
	skafu_batch *batch = batch_of(kit.store);
	uint64_t count = 9;

	went(skafu_batch_add(batch, &record, fault));
	appended_by(kit.store, batch);
	batch = batch_of(kit.store);
	went(skafu_batch_set_timer(batch, "a", 0, &record, fault));
	appended_by(kit.store, batch);
	step();
	ck_assert_uint_eq(head_of(kit.store), 1);
	went(skafu__timer_count(kit.store, &count, fault));
	ck_assert_uint_eq(count, 0);
}
END_TEST

/* The type came to belong to another domain meanwhile: the timer stays, and others fire. */
START_TEST(one_that_cannot_fire_stays)
{
	skafu_new_record mine = {.size = sizeof mine, .type = "New", .stream = "a", .source = "one"};
	skafu_batch *batch = batch_of(kit.store);
	uint64_t count = 9;

	went(skafu_batch_set_timer(batch, "stuck", 0, &mine, fault));
	appended_by(kit.store, batch);
	batch = batch_of(kit.store);
	mine.source = "two";
	went(skafu_batch_add(batch, &mine, fault));
	appended_by(kit.store, batch);
	set("fine", 1);
	step();
	ck_assert_str_eq(fired(), "a fine");
	step();
	ck_assert_uint_gt(wait_ns(), 0);
	set("later", 1);
	step();
	monotonic += 61 * SECOND;
	step();
	ck_assert_str_eq(fired(), "a fine later");
	went(skafu__timer_count(kit.store, &count, fault));
	ck_assert_uint_eq(count, 1);
}
END_TEST

/* Nothing happens but that the minute is over. */
START_TEST(one_that_cannot_fire_is_tried_again)
{
	skafu_new_record mine = {.size = sizeof mine, .type = "New", .stream = "a", .source = "one"};
	skafu_batch *batch = batch_of(kit.store);

	went(skafu_batch_set_timer(batch, "stuck", 0, &mine, fault));
	appended_by(kit.store, batch);
	batch = batch_of(kit.store);
	mine.source = "two";
	went(skafu_batch_add(batch, &mine, fault));
	appended_by(kit.store, batch);
	step();
	step();
	ck_assert_uint_gt(wait_ns(), 0);
	ck_assert_uint_le(wait_ns(), (uint64_t)(60 * SECOND));
	monotonic += 60 * SECOND;
	ck_assert_uint_eq(wait_ns(), 0);
	step();
	step();
	ck_assert_uint_gt(wait_ns(), 0);
}
END_TEST

/* More of them than are remembered, and than go into one append: those that can fire do, and the engine rests. */
START_TEST(many_that_cannot_fire_keep_nobody_back)
{
	skafu_new_record mine = {.size = sizeof mine, .type = "New", .stream = "a", .source = "one"};
	skafu_batch *batch = batch_of(kit.store);
	char name[20];
	uint64_t count = 9;
	int32_t rc = 1;

	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "t%d", i);
		went(skafu_batch_set_timer(batch, name, i, &mine, fault));
	}
	appended_by(kit.store, batch);
	batch = batch_of(kit.store);
	mine.source = "two";
	went(skafu_batch_add(batch, &mine, fault));
	appended_by(kit.store, batch);
	set("fine", 1000);
	for (int i = 0; i < 100 && rc == 1; i++)
		rc = skafu_engine_step(kit.engine, 1000, fault);
	ck_assert_int_eq(rc, 0);
	ck_assert_str_eq(fired(), "a fine");
	ck_assert_uint_gt(wait_ns(), 0);
	/* What is set to an earlier moment meanwhile fires too. */
	set("early", 3);
	step();
	ck_assert_str_eq(fired(), "a fine early");
	went(skafu__timer_count(kit.store, &count, fault));
	ck_assert_uint_eq(count, 1000);
	monotonic += 60 * SECOND;
	ck_assert_uint_eq(wait_ns(), 0);
	step();
	ck_assert_uint_gt(wait_ns(), 0);
}
END_TEST

/* A host that does a thing twice: the second setting records nothing, and nothing of it stays. */
START_TEST(set_again_after_it_fired)
{
	static const uint8_t id[16] = {7};
	skafu_new_record record = {.size = sizeof record, .type = "Paid", .stream = "a", .source = "shop", .id = id};
	uint64_t count = 9;

	for (int i = 0; i < 2; i++) {
		skafu_batch *batch = batch_of(kit.store);

		went(skafu_batch_set_timer(batch, "a", 5, &record, fault));
		appended_by(kit.store, batch);
		step();
	}
	ck_assert_str_eq(fired(), "a");
	went(skafu__timer_count(kit.store, &count, fault));
	ck_assert_uint_eq(count, 0);
}
END_TEST

static int is_armed;

/* In the moment between reading the row that is due and recording it. */
static void *allocate_and_set(void *user, size_t bytes)
{
	(void)user;
	if (is_armed && bytes == sizeof(struct skafu_batch)) {
		is_armed = 0;
		set("a", 5);
	}
	return malloc(bytes);
}

/* To the same moment, with another record: the new setting counts. */
START_TEST(set_anew_while_it_fires)
{
	uint64_t count = 9;

	drop();
	make();
	kit_close(&kit);
	clocked.allocate = allocate_and_set;
	kit_open(&kit);
	kit_engine(&kit);
	set("a", 5);
	is_armed = 1;
	step();
	ck_assert_int_eq(is_armed, 0);
	step();
	ck_assert_str_eq(fired(), "a");
	went(skafu__timer_count(kit.store, &count, fault));
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(a_damaged_row_is_passed_over)
{
	skafu_batch *batch = batch_of(kit.store);
	uint8_t key[24] = {0};

	went(skafu_batch_put_row(batch, skafu__timer_table, key, sizeof key, "x", 1, fault));
	went(skafu_batch_put_row(batch, skafu__timer_table, "short", 5, "x", 1, fault));
	appended_by(kit.store, batch);
	set("fine", 1);
	step();
	ck_assert_str_eq(fired(), "fine");
	step();
}
END_TEST

/* Another engine over the same store, opened later, finds what is due. */
START_TEST(over_a_restart)
{
	set("a", wall + SECOND);
	step();
	kit_reopen(&kit);
	wall += 5 * SECOND;
	kit_engine(&kit);
	step();
	ck_assert_str_eq(fired(), "a");
}
END_TEST

static int64_t reckoned;

static int32_t reckon(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)error;
	reckoned = skafu_turn_now(turn);
	return 0;
}

/* The time of the log never falls; a deadline that is reckoned from it must not be 73 years away. */
START_TEST(reckoning_when_the_log_is_ahead)
{
	int64_t before = wall;

	kit_reopen(&kit);
	kit_add_reaction(&kit, "r", NULL, NULL, reckon);
	wall = INT64_C(4080000000) * SECOND;
	kit_order(&kit, "a");
	wall = before;
	kit_order(&kit, "a");
	kit_engine(&kit);
	step();
	ck_assert_int_eq(reckoned, before);
}
END_TEST

/* Whatever allocation fails, each timer fires once. */
START_TEST(without_memory)
{
	struct failing failing;
	char name[64];

	drop();
	failing_init(&failing);
	failing.sys.wall_ns = wall_now;
	failing.sys.wall_tick_ns = wall_now;
	failing.sys.monotonic_ns = monotonic_now;
	skafu__sys_override(&failing.sys);
	kit_open(&kit);
	kit_engine(&kit);
	for (long left = 0; left < 60; left++) {
		snprintf(name, sizeof name, "t%ld", left);
		set(name, wall);
		failing.left = left;
		int32_t rc = skafu_engine_step(kit.engine, 100, fault);
		failing.left = -1;
		ck_assert_msg(rc == 0 || rc == 1 || rc == SKAFU_ENOMEM, "%d %s", rc, skafu_error_message(fault));
		step();
		ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Paid"), (uint32_t)left + 1);
	}
	kit_close(&kit);
	skafu__sys_override(NULL);
	make();
}
END_TEST

/* With a disk that can fail: a store in memory, or one with files. */
static void make_failing(int with_files)
{
	kit_close(&kit);
	trouble_put(); /* over the clock of the tests */
	if (with_files)
		kit_open_files(&kit);
	else
		kit_open(&kit);
	kit_engine(&kit);
}

static void step_failing(enum trouble_what what, uint32_t nth)
{
	trouble_set(what, nth);
	skafu_engine_step(kit.engine, 100, fault);
	trouble_set(what, -1);
}

static void drop_failing(void)
{
	kit_close(&kit);
	trouble_remove();
	make();
}

/* The disk is full at one write after another: what is due waits for room, and fires once. */
START_TEST(without_room)
{
	char name[64];

	make_failing(0);
	for (uint32_t nth = 0; nth < 6; nth++) {
		for (uint32_t i = 0; i < 3; i++) {
			snprintf(name, sizeof name, "t%u-%u", nth, i);
			set(name, wall - (int64_t)i);
		}
		step_failing(TROUBLE_WRITE, nth);
		if (nth == 0)
			ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Paid"), 0);
		step();
		ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Paid"), 3 * (nth + 1));
		ck_assert_uint_eq(wait_ns(), UINT64_MAX);
	}
	drop_failing();
}
END_TEST

/* A write or flush whose outcome nobody knows, and the store is opened again: fired or not, it fires once. */
START_TEST(a_write_with_an_unknown_outcome)
{
	enum trouble_what what = _i ? TROUBLE_LOST_SYNC : TROUBLE_LOST_WRITE;
	char name[64];

	make_failing(1);
	for (uint32_t nth = 0; nth < 4; nth++) {
		snprintf(name, sizeof name, "t%u", nth);
		set(name, wall);
		step_failing(what, nth);
		kit_reopen_files(&kit);
		kit_engine(&kit);
		step();
		ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Paid"), nth + 1);
	}
	drop_failing();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, in_the_order_of_their_times);
	tcase_add_test(tests, waiting_looks_at_the_wall_clock);
	tcase_add_test(tests, the_clock_is_set);
	tcase_add_test(tests, the_ends_of_time);
	tcase_add_test(tests, cancelled_and_set_anew);
	tcase_add_test(tests, left_overs_are_swept);
	tcase_add_test(tests, many_share_flushes);
	tcase_add_test(tests, two_engines_fire_once);
	tcase_add_test(tests, a_record_that_is_there);
	tcase_add_test(tests, one_that_cannot_fire_stays);
	tcase_add_test(tests, one_that_cannot_fire_is_tried_again);
	tcase_add_test(tests, many_that_cannot_fire_keep_nobody_back);
	tcase_add_test(tests, set_again_after_it_fired);
	tcase_add_test(tests, set_anew_while_it_fires);
	tcase_add_test(tests, a_damaged_row_is_passed_over);
	tcase_add_test(tests, over_a_restart);
	tcase_add_test(tests, reckoning_when_the_log_is_ahead);
	tcase_add_test(tests, without_room);
	tcase_add_loop_test(tests, a_write_with_an_unknown_outcome, 0, 2);
	tcase_add_test(tests, without_memory);
}

int main(void)
{
	return tempstore_main("timerworker", add);
}

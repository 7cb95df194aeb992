/*
 * timer_test.c: setting and cancelling: what is checked, what is filled in, what is replaced.
 */
#include "run/timer.h"

#include <stdio.h>
#include <string.h>

#include "run/kit.h"
#include "store/batch.h"

static struct kit kit;
static skafu_batch *batch;

static void make(void)
{
	kit_open(&kit);
	batch = batch_of(kit.store);
}

static void drop(void)
{
	skafu_batch_free(batch);
	kit_close(&kit);
}

static skafu_new_record paid(void)
{
	return (skafu_new_record){.size = sizeof(skafu_new_record), .type = "Paid", .stream = "s", .source = "shop"};
}

static void set(const char *name, int64_t due_ns)
{
	skafu_new_record record = paid();

	went(skafu_batch_set_timer(batch, name, due_ns, &record, fault));
}

static void commit(void)
{
	went(skafu_append(kit.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_clear(batch);
}

/* All timers, as "owner/instance/name@due ...". */
static const char *timers(void)
{
	static char text[1000];
	skafu_timer_list *list = NULL;
	const skafu_timer_info *info;
	size_t length = 0;

	text[0] = '\0';
	went(skafu_timer_list_open(kit.store, INT64_MAX, SKAFU_NO_LIMIT, &list, fault));
	while (skafu_timer_list_next(list, &info, fault) == 1)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s/%s/%s@%lld", length ? " " : "",
					   info->owner, info->instance, info->name, (long long)info->due_ns);
	skafu_timer_list_free(list);
	return text;
}

START_TEST(setting_again_replaces)
{
	uint64_t count = 9;

	set("b", 200);
	set("a", 100);
	commit();
	ck_assert_str_eq(timers(), "//a@100 //b@200");
	set("a", 300);
	commit();
	ck_assert_str_eq(timers(), "//b@200 //a@300");
	set("a", 50);
	set("a", 60);
	commit();
	ck_assert_str_eq(timers(), "//a@60 //b@200");
	went(skafu__timer_count(kit.store, &count, fault));
	ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(cancelling)
{
	set("a", 100);
	commit();
	went(skafu_batch_cancel_timer(batch, "a", fault));
	went(skafu_batch_cancel_timer(batch, "none", fault));
	commit();
	ck_assert_str_eq(timers(), "");
	set("a", 100);
	went(skafu_batch_cancel_timer(batch, "a", fault));
	set("b", 100);
	commit();
	ck_assert_str_eq(timers(), "//b@100");
	went(skafu_batch_cancel_timer(batch, "b", fault));
	set("b", 100);
	commit();
	ck_assert_str_eq(timers(), "//b@100");
}
END_TEST

/* A batch that was filled before somebody else set the timer leaves a row that nothing leads to. */
START_TEST(left_overs_are_not_shown)
{
	skafu_batch *late = batch_of(kit.store);
	skafu_new_record record = paid();

	went(skafu_batch_set_timer(late, "a", 500, &record, fault));
	set("a", 100);
	commit();
	went(skafu_append(kit.store, late, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(late);
	ck_assert_str_eq(timers(), "//a@500");
}
END_TEST

START_TEST(what_is_refused)
{
	skafu_new_record record = paid();
	char name[300];

	memset(name, 'n', sizeof name);
	name[299] = '\0';
	refused(SKAFU_EINVAL, skafu_batch_set_timer(NULL, "a", 1, &record, fault));
	refused(SKAFU_EINVAL, skafu_batch_set_timer(batch, NULL, 1, &record, fault));
	refused(SKAFU_EINVAL, skafu_batch_set_timer(batch, "", 1, &record, fault));
	refused(SKAFU_ELIMIT, skafu_batch_set_timer(batch, name, 1, &record, fault));
	refused(SKAFU_EUTF8, skafu_batch_set_timer(batch, "a\n", 1, &record, fault));
	refused(SKAFU_EINVAL, skafu_batch_set_timer(batch, "a", 1, NULL, fault));
	record.type = NULL;
	refused(SKAFU_EINVAL, skafu_batch_set_timer(batch, "a", 1, &record, fault));
	record = paid();
	record.stream = NULL;
	refused(SKAFU_EINVAL, skafu_batch_set_timer(batch, "a", 1, &record, fault));
	record = paid();
	record.data = "{";
	record.data_length = 1;
	refused(SKAFU_EJSON, skafu_batch_set_timer(batch, "a", 1, &record, fault));
	kit_order(&kit, "s");
	record = paid();
	record.type = "Ordered";
	record.source = "elsewhere";
	refused(SKAFU_EDEFINITION, skafu_batch_set_timer(batch, "a", 1, &record, fault));
	message_names("belongs to domain shop");
	refused(SKAFU_EINVAL, skafu_batch_cancel_timer(NULL, "a", fault));
	refused(SKAFU_EINVAL, skafu_batch_cancel_timer(batch, NULL, fault));
	ck_assert_uint_eq(batch->row_count, 0);
	set("a", 1);
	went(skafu_append(kit.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	record = paid();
	refused(SKAFU_EMISUSE, skafu_batch_set_timer(batch, "a", 1, &record, fault));
	refused(SKAFU_EMISUSE, skafu_batch_cancel_timer(batch, "a", fault));
}
END_TEST

START_TEST(a_record_that_is_too_large)
{
	static char data[1 << 20];
	skafu_new_record record = paid();

	memset(data, ' ', sizeof data);
	memcpy(data, "{}", 2);
	record.data = data;
	record.data_length = sizeof data;
	refused(SKAFU_ELIMIT, skafu_batch_set_timer(batch, "a", 1, &record, fault));
	ck_assert_uint_eq(batch->row_count, 0);
}
END_TEST

/* Thousands in one commit, among them some that are set again and cancelled. */
START_TEST(a_large_batch)
{
	char name[20];
	uint64_t count = 0;

	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "t%d", i % 4000);
		set(name, i);
	}
	for (int i = 0; i < 3990; i++) {
		snprintf(name, sizeof name, "t%d", i);
		went(skafu_batch_cancel_timer(batch, name, fault));
	}
	commit();
	went(skafu__timer_count(kit.store, &count, fault));
	ck_assert_uint_eq(count, 10);
	ck_assert_ptr_nonnull(strstr(timers(), "//t3990@3990"));
	ck_assert_ptr_null(strstr(timers(), "//t5@"));
}
END_TEST

/* ---- turns ---- */

static int64_t due_later;
static int cancels;

static int32_t react(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	skafu_new_record soon = {.size = sizeof soon, .type = "Reserved", .stream = "x"};
	skafu_new_record order = {.size = sizeof order, .type = "Order", .stream = "y", .kind = SKAFU_KIND_COMMAND};
	int32_t rc;

	(void)user;
	if (cancels)
		return skafu_turn_cancel_timer(turn, event->stream, error);
	rc = skafu_turn_set_timer(turn, event->stream, due_later ? due_later : skafu_turn_now(turn), &soon, error);
	return rc ? rc : skafu_turn_set_timer(turn, "order", skafu_turn_now(turn), &order, error);
}

START_TEST(what_a_turn_fills_in)
{
	const char *const types[] = {"Ordered"};
	skafu_source source = kit_source(types, 1);
	skafu_record *order = NULL;
	skafu_record *fired = NULL;

	due_later = cancels = 0;
	kit_add_reaction(&kit, "r", &source, NULL, react);
	uint64_t sequence = kit_order(&kit, "s");
	kit_run(&kit);
	went(skafu_get(kit.store, sequence, &order, fault));
	/* The command is decided, and what comes of it is no further input that fires: its stream's own timer is. */
	ck_assert_uint_ge(kit_count(kit.store, SKAFU_KIND_COMMAND, "Order"), 1);
	went(skafu_get(kit.store, sequence + 1, &fired, fault));
	ck_assert_str_eq(fired->correlation, order->correlation);
	ck_assert(memcmp(fired->causation, order->id, 16) == 0);
	ck_assert_uint_eq(fired->hops, 1);
	ck_assert_str_eq(fired->source, fired->kind == SKAFU_KIND_EVENT ? "stock" : "shop");
	skafu_record_free(order);
	skafu_record_free(fired);
}
END_TEST

START_TEST(a_reaction_sees_its_own_timers)
{
	const char *const types[] = {"Ordered"};
	skafu_source source = kit_source(types, 1);
	char expected[100];

	cancels = 0;
	due_later = INT64_C(9000000000000000000);
	kit_add_reaction(&kit, "r", &source, NULL, react);
	kit_orders(&kit, 100, 1); /* the same timer a hundred times in one step */
	kit_engine(&kit);
	for (int i = 0; i < 3; i++)
		went(skafu_engine_step(kit.engine, 1, fault) < 0 ? -1 : 0);
	due_later--;
	kit_run(&kit);
	snprintf(expected, sizeof expected, "r//order-0@%lld", (long long)due_later);
	ck_assert_ptr_nonnull(strstr(timers(), expected));
	ck_assert_uint_ge(kit_count(kit.store, SKAFU_KIND_COMMAND, "Order"), 1);
	cancels = 1;
	kit_order(&kit, "order-0");
	kit_run(&kit);
	ck_assert_ptr_null(strstr(timers(), "order-0@"));
}
END_TEST

static int32_t wrong_turn;

static int32_t try_wrongly(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	skafu_new_record foreign = {.size = sizeof foreign, .type = "Paid", .stream = "x"};

	(void)user;
	(void)event;
	wrong_turn = skafu_turn_set_timer(turn, "t", 1, &foreign, error);
	return 0;
}

START_TEST(a_turn_that_could_not_set_it_fails)
{
	const char *const types[] = {"Ordered"};
	skafu_source source = kit_source(types, 1);
	skafu_retry_policy once = {.size = sizeof once, .attempts_max = 1};

	wrong_turn = 0;
	kit_add_reaction(&kit, "r", &source, &once, try_wrongly);
	kit_order(&kit, "s");
	kit_run(&kit);
	ck_assert_int_eq(wrong_turn, SKAFU_EDEFINITION);
	ck_assert_str_eq(timers(), "");
	ck_assert_int_eq(skafu_turn_set_timer(NULL, "t", 1, NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_turn_cancel_timer(NULL, "t", NULL), SKAFU_EINVAL);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, setting_again_replaces);
	tcase_add_test(tests, cancelling);
	tcase_add_test(tests, left_overs_are_not_shown);
	tcase_add_test(tests, what_is_refused);
	tcase_add_test(tests, a_record_that_is_too_large);
	tcase_add_test(tests, a_large_batch);
	tcase_add_test(tests, what_a_turn_fills_in);
	tcase_add_test(tests, a_reaction_sees_its_own_timers);
	tcase_add_test(tests, a_turn_that_could_not_set_it_fails);
}

int main(void)
{
	return tempstore_main("timer", add);
}

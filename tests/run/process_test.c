/*
 * process_test.c: instances of processes: which input does what to which of them, once.
 */
#include "run/process.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/failing.h"
#include "base/trouble.h"
#include "run/deadletter.h"
#include "run/prockit.h"
#include "run/timer.h"

static struct prockit kit;

static void make(void)
{
	prockit_open(&kit);
}

static void drop(void)
{
	prockit_close(&kit);
}

START_TEST(start_continue_stop)
{
	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Paid", "a", "m");
	prockit_tell(&kit, "Ordered", "a", "m");
	prockit_tell(&kit, "Paid", "a", NULL);
	prockit_tell(&kit, "Ordered", "b", NULL);
	prockit_tell(&kit, "Cancelled", "none", "m");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 2 ");
	ck_assert_str_eq(prockit_instance(&kit, "b"), "running 1 1 ");
	ck_assert_str_eq(prockit_instance(&kit, "none"), "none");
	ck_assert_uint_eq(kit.acted, 3);
	prockit_tell(&kit, "Ordered", "a", "m");
	prockit_tell(&kit, "Cancelled", "a", NULL);
	prockit_tell(&kit, "Paid", "a", "m");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "completed 1 4 ");
	ck_assert_uint_eq(kit.acted, 5);
	ck_assert_str_eq(kit.trail, "mm");
	prockit_tell(&kit, "Ordered", "a", NULL);
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 1 ");
	ck_assert_str_eq(kit.trail, "");
}
END_TEST

/* All in one step of the engine: each input sees what the one before it made of the instance. */
START_TEST(many_inputs_in_one_append)
{
	prockit_define(&kit, 1, NULL);
	kit.route_to = "one";
	prockit_tell(&kit, "Ordered", "a", NULL);
	for (int i = 0; i < 60; i++) {
		char stream[16];
		snprintf(stream, sizeof stream, "s%d", i);
		prockit_tell(&kit, "Paid", stream, "m");
	}
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "one"), "running 1 61 ");
	ck_assert_uint_eq(strlen(kit.trail), 60);
	ck_assert_uint_eq(kit_count(kit.kit.store, SKAFU_KIND_EVENT, "Ordered"), 61);
}
END_TEST

/* Another process serves the same name meanwhile: the instance is never torn. */
START_TEST(two_engines_share_an_instance)
{
	struct prockit other = {0};
	skafu_engine *engine = NULL;

	prockit_define(&kit, 1, NULL);
	kit.route_to = "one";
	other.route_to = "one";
	went(skafu_model_open(kit.kit.store, NULL, &other.kit.model, fault));
	kit_domains(other.kit.model, &other.kit);
	prockit_define(&other, 1, NULL);
	went(skafu_engine_open(other.kit.model, NULL, &engine, fault));
	kit_engine(&kit.kit);
	prockit_tell(&kit, "Ordered", "a", NULL);
	for (int i = 0; i < 200; i++) {
		char stream[16];
		snprintf(stream, sizeof stream, "s%d", i);
		prockit_tell(&kit, "Paid", stream, NULL);
		if (i % 7 == 0)
			ck_assert_int_ge(skafu_engine_step(i % 2 ? engine : kit.kit.engine, 5, fault), 0);
	}
	for (int i = 0; i < 200; i++) {
		ck_assert_int_ge(skafu_engine_step(engine, 3, fault), 0);
		ck_assert_int_ge(skafu_engine_step(kit.kit.engine, 3, fault), 0);
	}
	went(skafu_engine_drain(engine, UINT64_C(10000000000), fault));
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "one"), "running 1 201 ");
	skafu_engine_close(engine);
	skafu_model_close(other.kit.model);
}
END_TEST

START_TEST(over_a_restart)
{
	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Ordered", "a", "m");
	prockit_run(&kit);
	prockit_reopen(&kit);
	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Paid", "a", "s");
	prockit_run(&kit);
	ck_assert_str_eq(kit.trail, "ms");
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 2 ");
	ck_assert_str_eq(prockit_streams(&kit, SKAFU_KIND_COMMAND, "Order"), "sub/a");
	ck_assert_uint_eq(kit.freed, 1);
}
END_TEST

START_TEST(a_rewind_records_nothing_twice)
{
	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Ordered", "a", "ms");
	prockit_tell(&kit, "Paid", "a", "m");
	prockit_run(&kit);
	uint64_t before = head_of(kit.kit.store);
	prockit_run(&kit);
	kit_stop(&kit.kit);
	for (uint32_t i = 0; i < 16; i++) {
		struct skafu__checkpoint at;
		skafu_batch *batch = batch_of(kit.kit.store);
		if (skafu__checkpoint_get(kit.kit.store, "p", i, &at, fault) == 1) {
			at.sequence = 0;
			went(skafu__checkpoint_put(batch, "p", i, &at, fault));
			appended_by(kit.kit.store, batch);
		} else {
			skafu_batch_free(batch);
		}
	}
	prockit_run(&kit);
	ck_assert_uint_gt(kit.acted, 2);
	ck_assert_uint_eq(head_of(kit.kit.store), before);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 2 ");
}
END_TEST

/* ---- timers ---- */

static const char *timer_names(void)
{
	static char text[500];
	skafu_timer_list *list = NULL;
	const skafu_timer_info *info;
	size_t length = 0;

	text[0] = '\0';
	went(skafu_timer_list_open(kit.kit.store, INT64_MAX, SKAFU_NO_LIMIT, &list, fault));
	while (skafu_timer_list_next(list, &info, fault) == 1)
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%s/%s/%s", length ? " " : "",
					   info->owner, info->instance, info->name);
	skafu_timer_list_free(list);
	return text;
}

START_TEST(timers_belong_to_the_instance)
{
	prockit_define(&kit, 1, NULL);
	kit.due = INT64_C(9000000000000000000);
	prockit_tell(&kit, "Ordered", "a", "tT");
	prockit_tell(&kit, "Ordered", "b", "t");
	prockit_run(&kit);
	ck_assert_uint_eq(prockit_rows(&kit, skafu__timer_table), 3);
	prockit_tell(&kit, "Paid", "a", "x");
	prockit_run(&kit);
	ck_assert(strcmp(timer_names(), "p/a/T p/b/t") == 0 || strcmp(timer_names(), "p/b/t p/a/T") == 0);
	kit.due--;
	prockit_tell(&kit, "Paid", "b", "t");
	prockit_tell(&kit, "Paid", "b", "t");
	prockit_run(&kit);
	ck_assert_uint_eq(prockit_rows(&kit, skafu__timer_table), 2);
	prockit_tell(&kit, "Cancelled", "b", "T");
	prockit_tell(&kit, "Paid", "a", "e");
	prockit_run(&kit);
	ck_assert_str_eq(timer_names(), "");
	ck_assert_uint_eq(prockit_rows(&kit, skafu__timer_name_table), 0);
}
END_TEST

START_TEST(a_fired_timer_comes_back)
{
	prockit_define(&kit, 1, NULL);
	kit.due = 1;
	prockit_tell(&kit, "Ordered", "a", "t");
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 2 ");
	ck_assert_uint_eq(kit_count(kit.kit.store, SKAFU_KIND_EVENT, "Paid"), 1);
	for (int i = 0; i < 100; i++)
		prockit_tell(&kit, "Paid", "a", "t");
	prockit_run(&kit);
	ck_assert_uint_eq(prockit_rows(&kit, skafu__timer_table), 0);
}
END_TEST

/* ---- versions ---- */

START_TEST(instances_finish_on_their_version)
{
	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Ordered", "old", NULL);
	prockit_run(&kit);
	prockit_reopen(&kit);
	prockit_define(&kit, 2, NULL);
	prockit_define(&kit, 1, NULL);
	memset(kit.versions, 0, sizeof kit.versions);
	prockit_tell(&kit, "Ordered", "new", NULL);
	prockit_tell(&kit, "Paid", "old", NULL);
	prockit_tell(&kit, "Paid", "new", NULL);
	prockit_tell(&kit, "Cancelled", "old", NULL);
	prockit_tell(&kit, "Ordered", "old", NULL);
	prockit_run(&kit);
	ck_assert_uint_eq(kit.versions[1], 2);
	ck_assert_uint_eq(kit.versions[2], 3);
	ck_assert_str_eq(prockit_instance(&kit, "new"), "running 2 2 ");
	ck_assert_str_eq(prockit_instance(&kit, "old"), "running 2 1 ");
}
END_TEST

START_TEST(a_missing_version)
{
	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Ordered", "old", NULL);
	prockit_run(&kit);
	prockit_reopen(&kit);
	prockit_define(&kit, 2, NULL);
	uint64_t sequence = prockit_tell(&kit, "Paid", "old", "m");
	prockit_tell(&kit, "Ordered", "new", NULL);
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "old"), "aside 1 1 SKAFU_EDEFINITION");
	ck_assert_str_eq(prockit_instance(&kit, "new"), "running 2 1 ");
	refused(SKAFU_EDEFINITION, prockit_retry(&kit, "old", sequence));
	message_names("version 1");
	prockit_reopen(&kit);
	prockit_define(&kit, 2, NULL);
	prockit_define(&kit, 1, NULL);
	kit_engine(&kit.kit);
	went(prockit_retry(&kit, "old", sequence));
	ck_assert_str_eq(prockit_instance(&kit, "old"), "running 1 2 ");
}
END_TEST

START_TEST(a_state_of_another_version)
{
	skafu_state_def changed = {.size = sizeof changed, .version = 2, .bytes = 100};
	skafu_process_def def;

	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Ordered", "a", NULL);
	prockit_run(&kit);
	prockit_reopen(&kit);
	def = prockit_def(&kit, 1);
	def.state = &changed;
	went(skafu_model_add_process(kit.kit.model, &def, fault));
	uint64_t sequence = prockit_tell(&kit, "Paid", "a", NULL);
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "aside 1 1 SKAFU_EDEFINITION");
	refused(SKAFU_EDEFINITION, prockit_retry(&kit, "a", sequence));
	message_names("state of version 1");
}
END_TEST

/* ---- names ---- */

START_TEST(names_that_are_none)
{
	static char long_name[140];
	static const char *const names[] = {"", "a\nb", "\xff", long_name};
	skafu_retry_policy once = {.size = sizeof once, .attempts_max = 1, .then = SKAFU_THEN_PARK_KEY};

	memset(long_name, 'n', 129);
	prockit_define(&kit, 1, &once);
	for (int i = 0; i < 4; i++) {
		kit.route_to = names[i];
		prockit_tell(&kit, "Ordered", "a", "m");
		prockit_run(&kit);
		ck_assert_uint_eq(prockit_rows(&kit, skafu__process_table), 0);
	}
	long_name[128] = '\0';
	prockit_tell(&kit, "Ordered", "a", "m");
	prockit_run(&kit);
	ck_assert_uint_eq(prockit_rows(&kit, skafu__process_table), 1);
	ck_assert_uint_eq(kit.acted, 1);
}
END_TEST

/* ---- without memory ---- */

/* Whatever allocation fails, each input takes its step once. */
START_TEST(without_memory)
{
	static const skafu_retry_policy often = {.size = sizeof often, .attempts_max = 1000, .delay_ns = 100000,
						 .delay_ns_max = 100000, .then = SKAFU_THEN_PARK_KEY};
	struct failing failing;
	uint32_t inputs = 1;
	char expected[60];

	prockit_close(&kit);
	failing_init(&failing);
	skafu__sys_override(&failing.sys);
	prockit_open(&kit);
	prockit_define(&kit, 1, &often);
	kit_engine(&kit.kit);
	kit.due = 1;
	prockit_tell(&kit, "Ordered", "a", "us");
	prockit_run(&kit);
	for (long left = 0; left < 120; left++, inputs++) {
		prockit_tell(&kit, "Paid", "a", left % 3 == 0 ? "x" : left % 3 == 1 ? "s" : "u");
		failing.left = left;
		int32_t rc = skafu_engine_step(kit.kit.engine, 100, fault);
		failing.left = -1;
		ck_assert_msg(rc == 0 || rc == 1 || rc == SKAFU_ENOMEM, "%d %s", rc, skafu_error_message(fault));
		prockit_run(&kit);
	}
	snprintf(expected, sizeof expected, "running 1 %u ", inputs);
	ck_assert_str_eq(prockit_instance(&kit, "a"), expected);
	ck_assert_uint_eq(kit_count(kit.kit.store, SKAFU_KIND_COMMAND, "Order"), 41);
	prockit_close(&kit);
	skafu__sys_override(NULL);
	prockit_open(&kit);
}
END_TEST

/* ---- managed state ---- */

static uint32_t alive;

static int32_t text_make(void *user, void **out, skafu_error *error)
{
	(void)user;
	(void)error;
	alive++;
	*out = strdup("");
	return 0;
}

static void text_drop(void *user, void *state)
{
	(void)user;
	alive--;
	free(state);
}

static int32_t text_copy(void *user, const void *state, void **out, skafu_error *error)
{
	(void)user;
	(void)error;
	alive++;
	*out = strdup(state);
	return 0;
}

static int32_t text_save(void *user, const void *state, skafu_writer *writer, skafu_error *error)
{
	(void)user;
	return skafu_writer_put(writer, state, strlen(state), error);
}

static int32_t text_load(void *user, const void *bytes, size_t length, void **out, skafu_error *error)
{
	(void)user;
	(void)error;
	alive++;
	*out = strndup(bytes, length);
	return 0;
}

static int32_t text_evolve(void *user, void *state, const skafu_record *input, skafu_error *error)
{
	(void)user;
	(void)error;
	size_t length = strlen(state);
	/* The object is the host's; growing in place is enough here. */
	if (length < 8)
		((char *)state)[length] = '\0';
	(void)input;
	return 0;
}

static int32_t text_act(void *user, const skafu_record *input, const void *state, skafu_turn *turn,
			skafu_error *error)
{
	(void)state;
	(void)turn;
	(void)error;
	((struct prockit *)user)->acted++;
	return strcmp(input->type, "Paid") == 0 && ((struct prockit *)user)->fails ? SKAFU_EHOST : 0;
}

START_TEST(managed_states)
{
	skafu_state_def state = {.size = sizeof state, .version = 1, .make = text_make, .drop = text_drop,
				 .copy = text_copy, .save = text_save, .load = text_load};
	skafu_retry_policy once = {.size = sizeof once, .attempts_max = 1};
	skafu_process_def def = prockit_def(&kit, 1);

	alive = 0;
	def.state = &state;
	def.evolve = text_evolve;
	def.act = text_act;
	def.retry = &once;
	went(skafu_model_add_process(kit.kit.model, &def, fault));
	prockit_tell(&kit, "Ordered", "a", NULL);
	prockit_tell(&kit, "Paid", "a", NULL);
	prockit_run(&kit);
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 2 ");
	kit.fails = 1;
	prockit_tell(&kit, "Paid", "a", NULL);
	prockit_run(&kit);
	ck_assert_uint_eq(alive, 0);
	/* The policy was given and says to go on: no instance is set aside. */
	ck_assert_str_eq(prockit_instance(&kit, "a"), "running 1 2 ");
}
END_TEST

/* One write after another fails: for want of room, or with an outcome that nobody knows, after which the store is
 * opened again.  Each step of the instance counts once, with all that it gives. */
START_TEST(without_a_write)
{
	static const enum trouble_what kinds[] = {TROUBLE_WRITE, TROUBLE_LOST_WRITE, TROUBLE_LOST_SYNC};
	char expected[64];

	drop();
	trouble_put();
	memset(&kit, 0, sizeof kit);
	kit_open_files(&kit.kit);
	prockit_define(&kit, 1, NULL);
	kit.due = INT64_MAX;
	for (uint32_t nth = 0; nth < 6; nth++) {
		prockit_tell(&kit, nth ? "Paid" : "Ordered", "a", "stum");
		kit_engine(&kit.kit);
		trouble_set(kinds[_i], nth);
		skafu_engine_drain(kit.kit.engine, UINT64_C(1000000000), fault);
		trouble_set(kinds[_i], -1);
		if (kinds[_i] != TROUBLE_WRITE) {
			kit_reopen_files(&kit.kit);
			prockit_define(&kit, 1, NULL);
		}
		prockit_run(&kit);
		snprintf(expected, sizeof expected, "running 1 %u ", nth + 1);
		ck_assert_str_eq(prockit_instance(&kit, "a"), expected);
		ck_assert_uint_eq(kit_count(kit.kit.store, SKAFU_KIND_COMMAND, "Order"), nth + 1);
		ck_assert_uint_eq(kit_count(kit.kit.store, SKAFU_KIND_OUTCOME, "Order"), nth + 1);
		ck_assert_uint_eq(prockit_rows(&kit, "skafu.timers"), 1);
	}
	drop();
	trouble_remove();
	make();
}
END_TEST

static uint32_t told;

static int32_t tell_and_drain(void *user)
{
	(void)user;
	trouble_pause(1);
	prockit_tell(&kit, told % 2 ? "Paid" : "Ordered", "a", told % 2 ? "stmx" : "sum");
	told++;
	trouble_pause(0);
	return skafu_engine_drain(kit.kit.engine, UINT64_C(10000000000), fault);
}

/* What the library lacks while it brings the instance up and puts it away again is no attempt of the handler. */
START_TEST(trouble_is_no_attempt)
{
	const skafu_retry_policy once = {.size = sizeof once, .attempts_max = 1, .then = SKAFU_THEN_PARK_KEY};
	enum trouble_what what = (enum trouble_what)_i;
	uint64_t letters = 0;
	char expected[64];

	drop();
	trouble_put();
	prockit_open(&kit);
	prockit_define(&kit, 1, &once);
	kit.due = INT64_MAX;
	told = 0;
	kit_engine(&kit.kit);
	ck_assert_uint_gt(trouble_each(what, tell_and_drain, NULL), 0);
	prockit_run(&kit);
	went(skafu__deadletter_count(kit.kit.store, "p", &letters, fault));
	ck_assert_uint_eq(letters, 0);
	snprintf(expected, sizeof expected, "running 1 %u ", told);
	ck_assert_str_eq(prockit_instance(&kit, "a"), expected);
	ck_assert_uint_eq(kit_count(kit.kit.store, SKAFU_KIND_OUTCOME, "Order"), told);
	drop();
	trouble_remove();
	make();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, start_continue_stop);
	tcase_add_test(tests, many_inputs_in_one_append);
	tcase_add_test(tests, two_engines_share_an_instance);
	tcase_add_test(tests, over_a_restart);
	tcase_add_test(tests, a_rewind_records_nothing_twice);
	tcase_add_test(tests, timers_belong_to_the_instance);
	tcase_add_test(tests, a_fired_timer_comes_back);
	tcase_add_test(tests, instances_finish_on_their_version);
	tcase_add_test(tests, a_missing_version);
	tcase_add_test(tests, a_state_of_another_version);
	tcase_add_test(tests, names_that_are_none);
	tcase_add_test(tests, without_memory);
	tcase_add_test(tests, managed_states);
	tcase_add_loop_test(tests, trouble_is_no_attempt, 0, TROUBLE_WHATS);
	tcase_add_loop_test(tests, without_a_write, 0, 3);
}

int main(void)
{
	return tempstore_main("process", add);
}

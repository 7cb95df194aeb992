/*
 * step_test.c: one input, handled once: what the turn of its handler says, what may be asked of it, and how failures
 * are told.
 */
#include "run/step.h"

#include <check.h>
#include <pthread.h>
#include <string.h>

#include "base/trouble.h"
#include "model/model.h"
#include "run/kit.h"

static struct kit kit;
static struct skafu__step step;
static struct skafu__source source;
static skafu_batch *batch;
static skafu_record *input;
static uint32_t handled;
static int32_t answer; /* of the handler */
static int32_t (*deed)(struct skafu__step *step, const skafu_record *form, skafu_error *error);

static int32_t handle(void *self, const skafu_record *form, struct skafu__step *now, skafu_error *error)
{
	(void)self;
	handled++;
	return deed ? deed(now, form, error) : answer;
}

static const struct skafu__handler handler = {.handle = handle, .turn_kind = SKAFU__TURN_REACTION};
static const struct skafu__handler bare = {.handle = handle};
static const struct skafu__handler decider = {.handle = handle, .turn_kind = SKAFU__TURN_DECIDER};

static void open_step(const struct skafu__handler *by, const skafu_source *given)
{
	kit_open(&kit);
	went(skafu_model_freeze(kit.model, fault));
	skafu__step_init(&step, kit.model, "c", "stock", by, NULL);
	if (given) {
		went(skafu__source_init(&source, kit.store, given, fault));
		step.source = &source;
	}
	batch = batch_of(kit.store);
	went(skafu_get(kit.store, kit_order(&kit, "order-1"), &input, fault));
	handled = 0;
	answer = 0;
	deed = NULL;
}

static void close_step(void)
{
	skafu_record_free(input);
	skafu_batch_free(batch);
	if (step.source)
		skafu__source_done(&source);
	skafu__step_done(&step);
	kit_close(&kit);
}

static int32_t run(uint32_t flags)
{
	skafu_batch_clear(batch);
	return skafu__step_run(&step, input, batch, flags, fault);
}

/* ---- the turn -------------------------------------------------------------------------------------------------- */

static int32_t emit(struct skafu__step *now, const skafu_record *form, skafu_error *error)
{
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved", .stream = "s"};

	ck_assert_ptr_eq(skafu__step_of(&now->turn, "a test", error), now);
	ck_assert_int_eq(skafu_turn_now(&now->turn), form->recorded_ns);
	return skafu_turn_emit(&now->turn, &reserved, error);
}

START_TEST(what_is_emitted_follows_from_the_input)
{
	uint8_t id[16];

	open_step(&handler, NULL);
	deed = emit;
	went(run(0));
	ck_assert_int_eq(skafu__step_has_output(&step), 1);
	ck_assert_uint_eq(step.taken, 1);
	ck_assert_uint_eq(step.emitted, 1);
	skafu__step_commit_id("c", input->sequence, id);
	ck_assert_int_eq(memcmp(step.commit_id, id, 16), 0);
	appended_by(kit.store, batch);
	batch = batch_of(kit.store);
	skafu_record *reserved = NULL;
	went(skafu_get(kit.store, head_of(kit.store), &reserved, fault));
	ck_assert_str_eq(reserved->correlation, input->correlation);
	ck_assert_int_eq(memcmp(reserved->causation, input->id, 16), 0);
	ck_assert_uint_eq(reserved->hops, input->hops + 1);
	skafu_record_free(reserved);
	deed = NULL;
	went(run(0));
	ck_assert_int_eq(skafu__step_has_output(&step), 0);
	close_step();
}
END_TEST

START_TEST(ids_differ)
{
	uint8_t one[16], other[16];

	skafu__step_commit_id("c", 1, one);
	skafu__step_commit_id("c", 2, other);
	ck_assert_int_ne(memcmp(one, other, 16), 0);
	skafu__step_commit_id("d", 1, other);
	ck_assert_int_ne(memcmp(one, other, 16), 0);
	skafu__step_commit_id("c", 1, other);
	ck_assert_int_eq(memcmp(one, other, 16), 0);
}
END_TEST

static int32_t write_rows(struct skafu__step *now, const skafu_record *form, skafu_error *error)
{
	(void)form;
	int32_t rc = skafu__step_put_row(now, "t", "k", 1, "v", 1, error);
	return rc ? rc : skafu__step_delete_row(now, "t", "l", 1, error);
}

START_TEST(rows_are_output_too)
{
	open_step(&bare, NULL);
	deed = write_rows;
	went(run(0));
	ck_assert_uint_eq(step.write_count, 2);
	ck_assert_uint_eq(step.emitted, 0);
	ck_assert_int_eq(skafu__step_has_output(&step), 1);
	refused(SKAFU_EINVAL, skafu__step_put_row(&step, NULL, "k", 1, "v", 1, fault));
	refused(SKAFU_EINVAL, skafu__step_delete_row(&step, NULL, "k", 1, fault));
	ck_assert_uint_eq(step.write_count, 2);
	close_step();
}
END_TEST

/* ---- effects --------------------------------------------------------------------------------------------------- */

static int32_t effect_rc;
static uint8_t effect_key[16];

static int32_t ask_effect(struct skafu__step *now, const skafu_record *form, skafu_error *error)
{
	char name[257];

	(void)form;
	memset(name, 'n', 256);
	name[256] = '\0';
	refused(SKAFU_EINVAL, skafu_effect(&now->turn, NULL, effect_key, fault));
	refused(SKAFU_EINVAL, skafu_effect(&now->turn, "mail", NULL, fault));
	refused(SKAFU_ELIMIT, skafu_effect(&now->turn, name, effect_key, fault));
	effect_rc = skafu_effect(&now->turn, "mail", effect_key, error);
	return 0;
}

START_TEST(effects_are_done_once)
{
	uint8_t first[16];

	open_step(&handler, NULL);
	deed = ask_effect;
	went(run(0));
	ck_assert_int_eq(effect_rc, 1);
	memcpy(first, effect_key, 16);
	memset(effect_key, 0, 16);
	went(run(0));
	ck_assert_int_eq(memcmp(first, effect_key, 16), 0);
	went(run(SKAFU__STEP_MUTED));
	ck_assert_int_eq(effect_rc, 0);
	went(run(SKAFU__STEP_DRY));
	ck_assert_int_eq(effect_rc, 0);
	refused(SKAFU_EINVAL, skafu_effect(NULL, "mail", effect_key, fault));
	refused(SKAFU_EMISUSE, skafu_effect(&step.turn, "mail", effect_key, fault));
	message_names("outside of the handler");
	close_step();
}
END_TEST

static int32_t ask_of_a_decider(struct skafu__step *now, const skafu_record *form, skafu_error *error)
{
	(void)form;
	(void)error;
	refused(SKAFU_EMISUSE, skafu_effect(&now->turn, "mail", effect_key, fault));
	message_names("decider");
	return 0;
}

START_TEST(deciders_have_no_effects)
{
	open_step(&decider, NULL);
	deed = ask_of_a_decider;
	went(run(0));
	ck_assert_uint_eq(handled, 1);
	close_step();
}
END_TEST

/* ---- failures -------------------------------------------------------------------------------------------------- */

static int32_t fail_in_words(struct skafu__step *now, const skafu_record *form, skafu_error *error)
{
	(void)now;
	(void)form;
	skafu_error_set(error, SKAFU_EHOST, "the shelf is empty");
	return SKAFU_EHOST;
}

static int32_t emit_wrongly(struct skafu__step *now, const skafu_record *form, skafu_error *error)
{
	skafu_new_record unheard = {.size = sizeof unheard, .type = "Unheard", .stream = "s"};

	(void)form;
	(void)error;
	skafu_turn_emit(&now->turn, &unheard, NULL);
	return 0;
}

START_TEST(failures_are_told)
{
	open_step(&handler, NULL);
	answer = SKAFU_EHOST;
	refused(SKAFU_EHOST, run(0));
	message_names("the handler of consumer c failed");
	deed = fail_in_words;
	refused(SKAFU_EHOST, run(0));
	message_names("the shelf is empty");
	deed = emit_wrongly;
	refused(SKAFU_EDEFINITION, run(0));
	message_names("went on although");
	ck_assert_int_eq(step.turn.is_open, 0);
	ck_assert_ptr_null(step.error);
	/* A positive answer is none. */
	deed = NULL;
	answer = 7;
	went(run(0));
	close_step();
}
END_TEST

/* ---- which forms ----------------------------------------------------------------------------------------------- */

static void take_newer(void)
{
	skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = "o", .source = "shop",
				  .event_version = 2u << 16};
	skafu_batch *own = batch_of(kit.store);

	went(skafu_batch_add(own, &order, fault));
	appended_by(kit.store, own);
	skafu_record_free(input);
	input = NULL;
	went(skafu_get(kit.store, head_of(kit.store), &input, fault));
}

START_TEST(newer_than_the_model)
{
	static const char *const paid[] = {"Paid"}, *const ordered[] = {"Ordered"};
	const skafu_source others = kit_source(paid, 1), mine = kit_source(ordered, 1);

	open_step(&handler, NULL);
	take_newer();
	refused(SKAFU_ENEWER, run(0));
	close_step();
	open_step(&handler, &mine);
	take_newer();
	refused(SKAFU_ENEWER, run(0));
	close_step();
	/* A type that is not taken is not newer than what is known. */
	open_step(&handler, &others);
	take_newer();
	went(run(0));
	ck_assert_uint_eq(handled, 0);
	close_step();
}
END_TEST

START_TEST(what_the_source_takes)
{
	static const char *const paid[] = {"Paid"}, *const ordered[] = {"Ordered"};
	const skafu_source others = kit_source(paid, 1), mine = kit_source(ordered, 1);

	open_step(&handler, &others);
	went(run(0));
	ck_assert_uint_eq(step.taken, 0);
	ck_assert_uint_eq(handled, 0);
	close_step();
	open_step(&handler, &mine);
	went(run(0));
	ck_assert_uint_eq(step.taken, 1);
	ck_assert_uint_eq(handled, 1);
	close_step();
}
END_TEST

/* ---- one at a time --------------------------------------------------------------------------------------------- */

static void *enter_for_long(void *arg)
{
	went(skafu__handling_enter(&kit.model->handling, INT64_MAX, fault));
	pthread_barrier_wait(arg);
	pthread_barrier_wait(arg);
	skafu__handling_leave(&kit.model->handling);
	return NULL;
}

static int64_t machine_time(void)
{
	static int64_t time_ns;

	time_ns += INT64_C(6000000000); /* so a wait of ten seconds is soon over */
	return time_ns;
}

/* Another thread is in a handler for longer than anybody waits. */
START_TEST(a_handler_that_does_not_end)
{
	pthread_barrier_t barrier;
	pthread_t thread;

	open_step(&handler, NULL);
	ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, enter_for_long, &barrier), 0);
	pthread_barrier_wait(&barrier);
	int64_t (*real)(void) = kit.model->sys.monotonic_ns;
	kit.model->sys.monotonic_ns = machine_time;
	int32_t rc = run(0);
	kit.model->sys.monotonic_ns = real;
	ck_assert_int_lt(rc, 0);
	ck_assert_uint_eq(handled, 0);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	went(run(0));
	ck_assert_uint_eq(handled, 1);
	pthread_barrier_destroy(&barrier);
	close_step();
}
END_TEST

static int32_t run_once(void *user)
{
	(void)user;
	return run(0);
}

START_TEST(without_memory)
{
	trouble_put();
	open_step(&handler, NULL);
	deed = emit;
	trouble_each(TROUBLE_MEMORY, run_once, NULL);
	ck_assert_uint_eq(skafu_batch_count(batch), 1);
	close_step();
	trouble_remove();
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, what_is_emitted_follows_from_the_input);
	tcase_add_test(tests, ids_differ);
	tcase_add_test(tests, rows_are_output_too);
	tcase_add_test(tests, effects_are_done_once);
	tcase_add_test(tests, deciders_have_no_effects);
	tcase_add_test(tests, failures_are_told);
	tcase_add_test(tests, newer_than_the_model);
	tcase_add_test(tests, what_the_source_takes);
	tcase_add_test(tests, a_handler_that_does_not_end);
	tcase_add_test(tests, without_memory);
}

int main(void)
{
	return tempstore_main("step", add);
}

/*
 * deliver_test.c: inputs in, commits out: what the log refuses, what others did meanwhile, and what is saved lazily.
 */
#include "run/deliver.h"

#include <check.h>
#include <string.h>

#include "base/trouble.h"
#include "model/model.h"
#include "run/conkit.h"

static struct conkit kit;

static void make(void)
{
	conkit_open(&kit);
}

static void drop(void)
{
	conkit_close(&kit);
}

static uint64_t saved(void)
{
	struct skafu__checkpoint checkpoint = {0};

	ck_assert_int_ge(skafu__checkpoint_get(kit.kit.store, "c", 0, &checkpoint, fault), 0);
	return checkpoint.sequence;
}

/* ---- one append for many --------------------------------------------------------------------------------------- */

START_TEST(each_input_its_commit)
{
	uint32_t done = 0;

	conkit_make(&kit);
	kit_orders(&kit.kit, 300, 3);
	ck_assert_int_eq(skafu__deliver_step(&kit.consumer->worker, 1000, &done, fault), 1);
	ck_assert_uint_eq(done, SKAFU__STEP_BATCHES); /* what one append takes */
	ck_assert_uint_eq(saved(), SKAFU__STEP_BATCHES);
	went(conkit_run(&kit));
	ck_assert_uint_eq(conkit_reserved(&kit), 300);
	ck_assert_uint_eq(kit.handled, 300);
}
END_TEST

START_TEST(a_few_that_are_large)
{
	uint32_t done = 0;

	kit.payload = 1000000;
	conkit_make(&kit);
	kit_orders(&kit.kit, 12, 1);
	ck_assert_int_eq(skafu__deliver_step(&kit.consumer->worker, 1000, &done, fault), 1);
	ck_assert_uint_lt(done, 12);
	ck_assert_uint_gt(done, 7);
	went(conkit_run(&kit));
	ck_assert_uint_eq(conkit_reserved(&kit), 12);
}
END_TEST

/* ---- what the log refuses -------------------------------------------------------------------------------------- */

static int32_t emit_by_turns(struct conkit *now, const skafu_record *input, struct skafu__step *step,
			     skafu_error *error)
{
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved",
				     .stream = input->sequence == 3 ? "gone" : "s"};

	(void)now;
	return skafu_turn_emit(&step->turn, &reserved, error);
}

/* Five orders of one stream through `deed`, the third of which emits to a stream that takes nothing any more. */
static void run_with_a_stream_gone(int32_t (*deed)(struct conkit *now, const skafu_record *input,
						   struct skafu__step *step, skafu_error *error))
{
	skafu_batch *batch = batch_of(kit.kit.store);

	went(skafu_batch_tombstone_stream(batch, "gone", fault));
	appended_by(kit.kit.store, batch);
	kit.deed = deed;
	conkit_make(&kit);
	kit_orders(&kit.kit, 5, 1);
	went(conkit_run(&kit));
}

/* It is the handler's fault, and those behind it in the same append are handled again. */
START_TEST(an_output_that_is_refused)
{
	run_with_a_stream_gone(emit_by_turns);
	ck_assert_uint_eq(conkit_reserved(&kit), 4);
	ck_assert_uint_eq(conkit_letters(&kit), 1);
	ck_assert_uint_eq(kit.consumer->figures->failures, 3);
	ck_assert_uint_eq(saved(), 5);
	skafu_dead_letter_list *list = NULL;
	const skafu_dead_letter *letter = NULL;
	went(skafu_dead_letter_list_open(kit.kit.store, NULL, SKAFU_NO_LIMIT, &list, fault));
	ck_assert_int_eq(skafu_dead_letter_list_next(list, &letter, fault), 1);
	ck_assert_uint_eq(letter->sequence, 3);
	ck_assert_int_eq(letter->code, SKAFU_EDELETED);
	skafu_dead_letter_list_free(list);
}
END_TEST

static int32_t emit_or_fail(struct conkit *now, const skafu_record *input, struct skafu__step *step,
			    skafu_error *error)
{
	return input->sequence == 4 ? SKAFU_EHOST : emit_by_turns(now, input, step, error);
}

/* The one behind it fails by itself: neither takes the attempts of the other. */
START_TEST(a_refused_one_and_a_failing_one)
{
	run_with_a_stream_gone(emit_or_fail);
	ck_assert_uint_eq(conkit_reserved(&kit), 3);
	ck_assert_uint_eq(conkit_letters(&kit), 2);
	ck_assert_uint_lt(kit.handled, 30);
	ck_assert_uint_eq(saved(), 5);
}
END_TEST

static uint32_t refusals;

static int32_t expect_later(struct conkit *now, const skafu_record *input, struct skafu__step *step,
			    skafu_error *error)
{
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved",
				     .stream = refusals != 0 ? "gone" : "s"};

	(void)now;
	(void)input;
	refusals -= refusals != 0;
	return skafu_turn_emit(&step->turn, &reserved, error);
}

/* It succeeds at last: the attempts are forgotten. */
START_TEST(an_output_that_is_refused_twice)
{
	skafu_batch *batch = batch_of(kit.kit.store);

	went(skafu_batch_tombstone_stream(batch, "gone", fault));
	appended_by(kit.kit.store, batch);
	refusals = 2;
	kit.deed = expect_later;
	conkit_make(&kit);
	kit_orders(&kit.kit, 1, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 3);
	ck_assert_uint_eq(kit.consumer->partitions[0].failing, 0);
	ck_assert_uint_eq(conkit_reserved(&kit), 1);
	ck_assert_uint_eq(conkit_letters(&kit), 0);
}
END_TEST

static int32_t expect_never(struct conkit *now, const skafu_record *input, struct skafu__step *step,
			    skafu_error *error)
{
	(void)now;
	(void)input;
	int32_t rc = skafu__step_put_row(step, "t", "k", 1, "v", 1, error);
	return rc ? rc : skafu_batch_expect_row(step->turn.batch, "t", "absent", 6, "v", 1, error);
}

/* A row that is not as the handler says: read again and again, but not for ever. */
START_TEST(a_row_that_is_never_so)
{
	kit.deed = expect_never;
	kit.retry.attempts_max = 1;
	conkit_make(&kit);
	kit_orders(&kit.kit, 1, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 17);
	ck_assert_uint_eq(conkit_letters(&kit), 1);
}
END_TEST

/* ---- others ---------------------------------------------------------------------------------------------------- */

static skafu_store *their_store;

static int32_t move_the_checkpoint(struct conkit *now, const skafu_record *input, struct skafu__step *step,
				   skafu_error *error)
{
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved", .stream = "s"};

	(void)error;
	if (their_store && input->sequence == 2) {
		const struct skafu__checkpoint theirs = {.is_there = 1, .sequence = 4, .mark = 5};
		skafu_batch *batch = batch_of(their_store);
		went(skafu__checkpoint_put(batch, "c", 0, &theirs, fault));
		appended_by(their_store, batch);
		their_store = NULL;
	}
	(void)now;
	return skafu_turn_emit(&step->turn, &reserved, error);
}

/* Somebody else has done them: the commits are refused, and it goes on where the other was. */
START_TEST(somebody_else_was_faster)
{
	kit.deed = move_the_checkpoint;
	conkit_make(&kit);
	their_store = kit.kit.store;
	kit_orders(&kit.kit, 6, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(saved(), 6);
	ck_assert_uint_eq(kit.handled, 6 + 2);
	ck_assert_uint_eq(conkit_reserved(&kit), 2); /* of the fifth and the sixth */
	ck_assert_uint_eq(conkit_letters(&kit), 0);
}
END_TEST

/* The row changes while an input is set aside. */
static int32_t pause_and_fail(struct conkit *now, const skafu_record *input, struct skafu__step *step,
			      skafu_error *error)
{
	(void)input;
	(void)step;
	(void)error;
	/* Within a handler the public call is refused; another process would do this. */
	struct skafu__consumer_row row = now->consumer->row;
	skafu_batch *batch = batch_of(now->kit.store);
	row.generation++;
	went(skafu__consumer_row_put(batch, "c", &row, fault));
	appended_by(now->kit.store, batch);
	now->deed = NULL;
	return SKAFU_EHOST;
}

START_TEST(changed_while_an_input_is_given_up)
{
	kit.deed = pause_and_fail;
	kit.retry.attempts_max = 1;
	conkit_make(&kit);
	kit_orders(&kit.kit, 1, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 2); /* the commit that sets it aside was refused: tried again */
	ck_assert_uint_eq(conkit_reserved(&kit), 1);
	ck_assert_uint_eq(conkit_letters(&kit), 0);
}
END_TEST

/* ---- saved lazily ---------------------------------------------------------------------------------------------- */

START_TEST(without_output_the_checkpoint_is_saved_now_and_then)
{
	kit.stream = NULL;
	conkit_make(&kit);
	kit_orders(&kit.kit, 100, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(saved(), 0);
	ck_assert_int_lt(kit.consumer->worker.due_ns(&kit.consumer->worker, 0), INT64_MAX);
	kit_orders(&kit.kit, 2000, 1); /* more than may be unsaved */
	went(conkit_run(&kit));
	ck_assert_uint_gt(saved(), 1000);
	went(kit.consumer->worker.flush(&kit.consumer->worker, fault));
	ck_assert_uint_eq(saved(), 2100);
	went(kit.consumer->worker.flush(&kit.consumer->worker, fault)); /* nothing is to be saved */
	ck_assert_uint_eq(head_of(kit.kit.store), 2100);
}
END_TEST

START_TEST(what_is_open_is_not_saved)
{
	kit.stream = NULL;
	conkit_make(&kit);
	kit_orders(&kit.kit, 10, 1);
	went(conkit_run(&kit));
	kit.consumer->partitions[0].open = 5;
	went(skafu__consumer_save(kit.consumer, fault));
	ck_assert_uint_eq(saved(), 4);
	kit.consumer->partitions[0].open = 0;
	went(skafu__consumer_save(kit.consumer, fault));
	ck_assert_uint_eq(saved(), 10);
	/* Moved by somebody else: what was to be saved is forgotten. */
	const struct skafu__checkpoint theirs = {.is_there = 1, .sequence = 3, .mark = 10};
	skafu_batch *batch = batch_of(kit.kit.store);
	went(skafu__checkpoint_put(batch, "c", 0, &theirs, fault));
	appended_by(kit.kit.store, batch);
	kit_orders(&kit.kit, 1, 1);
	went(conkit_run(&kit));
	refused(SKAFU_EROW, skafu__consumer_save(kit.consumer, fault));
	skafu__deliver_want_flush(kit.consumer);
	went(skafu__consumer_flush(kit.consumer, fault));
	went(conkit_run(&kit));
	went(skafu__consumer_flush(kit.consumer, fault));
	ck_assert_uint_eq(saved(), 11);
}
END_TEST

START_TEST(volatile_saves_nothing)
{
	kit.def.is_volatile = 1;
	conkit_make(&kit);
	kit_orders(&kit.kit, 5, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(conkit_reserved(&kit), 5);
	went(skafu__consumer_save(kit.consumer, fault));
	went(skafu__consumer_flush(kit.consumer, fault));
	went(skafu__deliver_flush_if_due(kit.consumer, fault));
	went(skafu__consumer_reload(kit.consumer, &kit.consumer->partitions[0], fault));
	went(skafu__consumer_seal(kit.consumer, &kit.consumer->partitions[0], 1, NULL, fault));
	ck_assert_uint_eq(saved(), 0);
}
END_TEST

/* ---- newer ----------------------------------------------------------------------------------------------------- */

START_TEST(newer_than_the_model)
{
	skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = "o", .source = "shop",
				  .event_version = 2u << 16};
	skafu_batch *batch = batch_of(kit.kit.store);

	kit.source.flags = _i ? SKAFU_SOURCE_SKIP_NEWER : 0;
	conkit_make(&kit);
	kit_order(&kit.kit, "o");
	went(skafu_batch_add(batch, &order, fault));
	appended_by(kit.kit.store, batch);
	kit_order(&kit.kit, "o");
	went(conkit_run(&kit));
	ck_assert_uint_eq(conkit_reserved(&kit), _i ? 2 : 1);
	ck_assert_uint_eq(kit.consumer->is_halted_here, !_i);
	ck_assert_uint_eq(kit.consumer->claimed, _i != 0);
	ck_assert_uint_eq(saved(), _i ? 3 : 1);
	if (_i)
		return;
	/* An operator's word lets it try again, in vain. */
	went(skafu_consumer_pause(kit.kit.model, "c", fault));
	went(skafu_consumer_resume(kit.kit.model, "c", fault));
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.consumer->is_halted_here, 1);
	ck_assert_uint_eq(conkit_reserved(&kit), 1);
}
END_TEST

/* ---- trouble --------------------------------------------------------------------------------------------------- */

static int32_t order_and_run(void *user)
{
	enum trouble_what what = *(enum trouble_what *)user;
	long left = trouble_left();

	trouble_set(what, -1);
	kit_orders(&kit.kit, 3, 2);
	trouble_set(what, left);
	int32_t rc = conkit_run(&kit);
	if (rc == 0 && kit.consumer->flush_due_ns != INT64_MAX)
		rc = skafu__consumer_flush(kit.consumer, fault);
	return rc;
}

/* Whatever fails, each input has its output once when the step is made again. */
START_TEST(whatever_is_missing)
{
	enum trouble_what what = (enum trouble_what)_i;

	conkit_begin_trouble(&kit);
	kit.retry.attempts_max = 1000;
	conkit_make(&kit);
	went(conkit_run(&kit)); /* it has its partition */
	ck_assert_uint_gt(trouble_each(what, order_and_run, &what), what == TROUBLE_MEMORY ? 10 : 0);
	ck_assert_uint_eq(conkit_reserved(&kit), kit_count(kit.kit.store, SKAFU_KIND_EVENT, "Ordered"));
	ck_assert_uint_eq(conkit_letters(&kit), 0);
	conkit_end_trouble(&kit);
}
END_TEST

static int32_t fail_all(struct conkit *now, const skafu_record *input, struct skafu__step *step, skafu_error *error)
{
	(void)now;
	(void)input;
	(void)step;
	skafu_error_set(error, SKAFU_EHOST, "no");
	return SKAFU_EHOST;
}

static void letters_say_no(void)
{
	skafu_dead_letter_list *list = NULL;
	const skafu_dead_letter *letter = NULL;

	went(skafu_dead_letter_list_open(kit.kit.store, NULL, SKAFU_NO_LIMIT, &list, fault));
	while (skafu_dead_letter_list_next(list, &letter, fault) == 1)
		ck_assert_ptr_null(strstr(letter->message, "thread"));
	skafu_dead_letter_list_free(list);
}

/* Giving up can fail, too: then it is given up again, and there is one letter of each that says why. */
START_TEST(whatever_is_missing_for_giving_up)
{
	enum trouble_what what = (enum trouble_what)(_i % TROUBLE_WHATS);

	conkit_begin_trouble(&kit);
	kit.retry.attempts_max = 1;
	kit.retry.then = _i < TROUBLE_WHATS ? SKAFU_THEN_GO_ON : SKAFU_THEN_PARK_KEY;
	kit.deed = fail_all;
	conkit_make(&kit);
	went(conkit_run(&kit)); /* it has its partition */
	ck_assert_uint_gt(trouble_each(what, order_and_run, &what), 0);
	ck_assert_uint_eq(conkit_letters(&kit), kit_count(kit.kit.store, SKAFU_KIND_EVENT, "Ordered"));
	letters_say_no();
	conkit_end_trouble(&kit);
}
END_TEST

static int32_t order_halt_and_resume(void *user)
{
	int32_t rc = order_and_run(user);

	trouble_set(TROUBLE_MEMORY, -1);
	if (conkit_row(&kit).state == SKAFU_CONSUMER_HALTED)
		went(skafu_consumer_resume(kit.kit.model, "c", fault));
	return rc;
}

START_TEST(whatever_is_missing_for_halting)
{
	enum trouble_what what = (enum trouble_what)_i;

	conkit_begin_trouble(&kit);
	kit.retry.attempts_max = 1;
	kit.retry.then = SKAFU_THEN_HALT;
	kit.deed = fail_all;
	conkit_make(&kit);
	went(conkit_run(&kit));
	trouble_each(what, order_halt_and_resume, &what);
	kit.deed = NULL;
	went(conkit_run(&kit));
	ck_assert_uint_eq(conkit_reserved(&kit), kit_count(kit.kit.store, SKAFU_KIND_EVENT, "Ordered"));
	conkit_end_trouble(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, each_input_its_commit);
	tcase_add_test(tests, a_few_that_are_large);
	tcase_add_test(tests, an_output_that_is_refused);
	tcase_add_test(tests, a_refused_one_and_a_failing_one);
	tcase_add_test(tests, an_output_that_is_refused_twice);
	tcase_add_test(tests, a_row_that_is_never_so);
	tcase_add_test(tests, somebody_else_was_faster);
	tcase_add_test(tests, changed_while_an_input_is_given_up);
	tcase_add_test(tests, without_output_the_checkpoint_is_saved_now_and_then);
	tcase_add_test(tests, what_is_open_is_not_saved);
	tcase_add_test(tests, volatile_saves_nothing);
	tcase_add_loop_test(tests, newer_than_the_model, 0, 2);
	tcase_add_loop_test(tests, whatever_is_missing, 0, TROUBLE_WHATS);
	tcase_add_loop_test(tests, whatever_is_missing_for_giving_up, 0, 2 * TROUBLE_WHATS);
	tcase_add_loop_test(tests, whatever_is_missing_for_halting, 0, TROUBLE_WHATS);
}

int main(void)
{
	return tempstore_main("deliver", add);
}

/*
 * failure_test.c: inputs that fail: how often they are tried, what is set aside, and that nothing passes them.
 */
#include "run/failure.h"

#include <check.h>
#include <pthread.h>
#include <string.h>

#include "base/trouble.h"
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

START_TEST(tried_in_order_until_it_succeeds)
{
	conkit_make(&kit);
	kit_orders(&kit.kit, 3, 1);
	kit.fails = 2;
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 5);
	ck_assert_uint_eq(kit.trail[0], 1);
	ck_assert_uint_eq(kit.trail[1], 1);
	ck_assert_uint_eq(kit.trail[2], 1);
	ck_assert_uint_eq(kit.trail[3], 2);
	ck_assert_uint_eq(conkit_reserved(&kit), 3);
	ck_assert_uint_eq(conkit_letters(&kit), 0);
	ck_assert_uint_eq(kit.consumer->figures->failures, 2);
	ck_assert_uint_eq(kit.consumer->partitions[0].failing, 0);
}
END_TEST

START_TEST(given_up_and_the_next)
{
	conkit_make(&kit);
	kit_orders(&kit.kit, 3, 1);
	kit.fails = 3;
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 5);
	ck_assert_uint_eq(conkit_reserved(&kit), 2);
	ck_assert_uint_eq(conkit_letters(&kit), 1);
	ck_assert_uint_eq(kit.consumer->figures->dead_letters, 1);
}
END_TEST

/* ---- is it worth it? ------------------------------------------------------------------------------------------- */

static int32_t worth_answer;
static int32_t worth_code;

static int32_t worth(void *user, const skafu_record *input, int32_t code)
{
	ck_assert_ptr_eq(user, &kit);
	ck_assert_uint_eq(input->sequence, 1);
	worth_code = code;
	return worth_answer;
}

START_TEST(the_host_is_asked)
{
	worth_answer = _i;
	worth_code = 0;
	kit.retry.worth = worth;
	conkit_make(&kit);
	kit_orders(&kit.kit, 1, 1);
	kit.fails = -1;
	went(conkit_run(&kit));
	ck_assert_int_eq(worth_code, SKAFU_EHOST);
	ck_assert_uint_eq(kit.handled, _i ? 3 : 1);
	ck_assert_uint_eq(conkit_letters(&kit), 1);
}
END_TEST

START_TEST(pauses_are_shortened_at_random)
{
	kit.retry.jitter_percent = 100;
	kit.retry.delay_ns = 1000000;
	conkit_make(&kit);
	kit_orders(&kit.kit, 1, 1);
	kit.fails = 2;
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 3);
	ck_assert_uint_eq(conkit_letters(&kit), 0);
}
END_TEST

/* ---- whose failure is it? -------------------------------------------------------------------------------------- */

static int32_t answer;
static int is_silent; /* about what the library refused it */

static int32_t answer_so(struct conkit *now, const skafu_record *input, struct skafu__step *step, skafu_error *error)
{
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved"}; /* to no stream */

	(void)now;
	(void)input;
	if (!is_silent)
		return answer;
	skafu_turn_emit(&step->turn, &reserved, error);
	step->turn.failed = answer; /* as if that had been the reason */
	return 0;
}

/* A code of the library that the handler answers is the handler's: it counts, and there is an end of it.  So is one
 * that it did not pass on. */
START_TEST(what_the_handler_answers_counts)
{
	static const int32_t codes[] = {SKAFU_ENOMEM, SKAFU_EIO, SKAFU_EFULL, SKAFU_ENOSPACE, SKAFU_EBUSY,
					SKAFU_ETIMEOUT, SKAFU_EINVAL};
	const skafu_dead_letter *letter = NULL;
	skafu_dead_letter_list *list = NULL;

	answer = codes[_i / 2];
	is_silent = _i % 2;
	kit.deed = answer_so;
	conkit_make(&kit);
	kit_orders(&kit.kit, 1, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 3);
	ck_assert_uint_eq(kit.consumer->figures->failures, 3);
	went(skafu_dead_letter_list_open(kit.kit.store, NULL, SKAFU_NO_LIMIT, &list, fault));
	ck_assert_int_eq(skafu_dead_letter_list_next(list, &letter, fault), 1);
	ck_assert_int_eq(letter->code, answer);
	ck_assert_uint_eq(letter->attempts, 3);
	skafu_dead_letter_list_free(list);
}
END_TEST

static int32_t put_and_emit(struct conkit *now, const skafu_record *input, struct skafu__step *step,
			    skafu_error *error)
{
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved", .stream = "s"};

	(void)now;
	trouble_pause(1);
	int32_t rc = skafu_turn_emit(&step->turn, &reserved, error);
	if (rc == 0)
		rc = skafu__step_put_row(step, "t", &input->sequence, sizeof input->sequence, "v", 1, error);
	trouble_pause(0);
	return rc;
}

static int32_t order_and_run(void *user)
{
	(void)user;
	trouble_pause(1);
	kit_orders(&kit.kit, 3, 2);
	trouble_pause(0);
	return conkit_run(&kit);
}

/* What the library lacks for a moment, before the handler or after it, is no attempt: one is all there are. */
START_TEST(what_the_library_lacks_does_not_count)
{
	enum trouble_what what = (enum trouble_what)(_i % TROUBLE_WHATS);

	conkit_begin_trouble(&kit);
	kit.retry.attempts_max = 1;
	kit.retry.then = _i < TROUBLE_WHATS ? SKAFU_THEN_GO_ON : SKAFU_THEN_PARK_KEY;
	kit.deed = put_and_emit;
	conkit_make(&kit);
	ck_assert_uint_gt(trouble_each(what, order_and_run, NULL), 0);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.consumer->figures->failures, 0);
	ck_assert_uint_eq(conkit_letters(&kit), 0);
	ck_assert_uint_eq(kit_count(kit.kit.store, SKAFU_KIND_ERROR, NULL), 0);
	ck_assert_uint_eq(conkit_reserved(&kit), kit_count(kit.kit.store, SKAFU_KIND_EVENT, "Ordered"));
	conkit_end_trouble(&kit);
}
END_TEST

/* ---- halting --------------------------------------------------------------------------------------------------- */

static int32_t fail_at_length(struct conkit *now, const skafu_record *input, struct skafu__step *step,
			      skafu_error *error)
{
	char message[2000];

	(void)now;
	(void)input;
	(void)step;
	message[0] = 'x';
	for (size_t i = 1; i + 2 < sizeof message; i += 2)
		memcpy(message + i, "\xc3\xa9", 2);
	message[sizeof message - 1] = '\0';
	skafu_error_set(error, SKAFU_EHOST, message);
	return SKAFU_EHOST;
}

START_TEST(halted_with_what_was_said)
{
	kit.retry.then = SKAFU_THEN_HALT;
	kit.deed = fail_at_length;
	conkit_make(&kit);
	kit_orders(&kit.kit, 2, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 3);
	struct skafu__consumer_row row = conkit_row(&kit);
	ck_assert_uint_eq(row.state, SKAFU_CONSUMER_HALTED);
	ck_assert_uint_eq(row.halt_sequence, 1);
	ck_assert_int_eq(row.halt_code, SKAFU_EHOST);
	ck_assert_uint_eq(row.generation, 2);
	size_t length = strlen(row.message);
	ck_assert_uint_gt(length, 100);
	ck_assert_int_eq((unsigned char)row.message[length - 1], 0xa9); /* no half of a character */
	/* It goes on where it halted, with all attempts. */
	went(skafu_consumer_resume(kit.kit.model, "c", fault));
	kit.deed = NULL;
	went(conkit_run(&kit));
	ck_assert_uint_eq(conkit_reserved(&kit), 2);
}
END_TEST

/* ---- keys ------------------------------------------------------------------------------------------------------ */

START_TEST(what_follows_of_the_key_is_parked)
{
	kit.retry.then = SKAFU_THEN_PARK_KEY;
	conkit_make(&kit);
	kit_order(&kit.kit, "a");
	kit.fails = 3;
	went(conkit_run(&kit));
	ck_assert_uint_eq(conkit_letters(&kit), 1);
	kit_order(&kit.kit, "a");
	kit_order(&kit.kit, "b");
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 4); /* three attempts, and "b" */
	ck_assert_uint_eq(conkit_letters(&kit), 2);
	ck_assert_uint_eq(conkit_reserved(&kit), 1);
}
END_TEST

static int32_t find_parked(struct conkit *now, const skafu_record *input, struct skafu__step *step,
			   skafu_error *error)
{
	(void)now;
	step->key = "k";
	step->key_sequence = input->sequence;
	step->is_parked = input->sequence == 1;
	step->is_hopeless = input->sequence == 2;
	skafu_error_set(error, SKAFU_EHOST, "an earlier one is set aside");
	return SKAFU_EHOST;
}

/* The handler knows by itself what is parked, and what would end the same again. */
START_TEST(without_an_attempt_or_with_one)
{
	kit.deed = find_parked;
	conkit_make(&kit);
	kit_orders(&kit.kit, 3, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 1 + 1 + 3);
	ck_assert_uint_eq(conkit_letters(&kit), 3);
	ck_assert_uint_eq(kit.consumer->figures->failures, 1 + 3);
}
END_TEST

/* ---- before the handler ---------------------------------------------------------------------------------------- */

START_TEST(too_many_hops)
{
	skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = "o", .source = "shop",
				  .hops = 5};
	skafu_batch *batch = batch_of(kit.kit.store);

	conkit_make(&kit);
	kit.consumer->hops_max = 4;
	went(skafu_batch_add(batch, &order, fault));
	order.hops = 4;
	went(skafu_batch_add(batch, &order, fault));
	appended_by(kit.kit.store, batch);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 1);
	ck_assert_uint_eq(conkit_letters(&kit), 1);
}
END_TEST

static uint32_t endings;

static int32_t end_the_thread(struct conkit *now, const skafu_record *input, struct skafu__step *step,
			      skafu_error *error)
{
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved", .stream = "s"};

	(void)now;
	if (input->sequence == 3 && endings != 0) {
		endings--;
		pthread_exit(NULL);
	}
	return skafu_turn_emit(&step->turn, &reserved, error);
}

static void *step_in_a_thread(void *arg)
{
	struct skafu__worker *worker = arg;
	uint32_t done = 0;

	worker->step(worker, 100, &done, fault);
	return NULL;
}

/* It counts as an attempt; what was lost with it comes first. */
START_TEST(a_thread_that_ended)
{
	pthread_t thread;

	endings = (uint32_t)_i;
	kit.deed = end_the_thread;
	conkit_make(&kit);
	kit_orders(&kit.kit, 3, 1);
	struct skafu__worker *worker = &kit.consumer->worker;
	for (int i = 1; i <= _i; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, step_in_a_thread, worker), 0);
		pthread_join(thread, NULL);
		worker->abandon(worker);
		ck_assert_uint_eq(kit.consumer->partitions[0].failing, 3);
		ck_assert_uint_eq(kit.consumer->partitions[0].attempts, (uint32_t)i);
		ck_assert_uint_eq(conkit_reserved(&kit), 0);
	}
	went(conkit_run(&kit));
	ck_assert_uint_eq(conkit_reserved(&kit), _i < 3 ? 3 : 2);
	ck_assert_uint_eq(conkit_letters(&kit), _i >= 3);
}
END_TEST

/* ---- without dead letters -------------------------------------------------------------------------------------- */

START_TEST(nobody_keeps_what_is_set_aside)
{
	kit.def.is_volatile = _i == 1;
	kit.retry.then = _i == 2 ? SKAFU_THEN_HALT : _i == 3 ? SKAFU_THEN_PARK_KEY : SKAFU_THEN_GO_ON;
	conkit_make(&kit);
	kit.consumer->aside = NULL;
	kit_orders(&kit.kit, 2, 1);
	kit.fails = 3;
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, _i == 2 ? 3 : 4);
	ck_assert_uint_eq(conkit_reserved(&kit), _i != 2);
	ck_assert_uint_eq(conkit_letters(&kit), 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, tried_in_order_until_it_succeeds);
	tcase_add_test(tests, given_up_and_the_next);
	tcase_add_loop_test(tests, the_host_is_asked, 0, 2);
	tcase_add_test(tests, pauses_are_shortened_at_random);
	tcase_add_loop_test(tests, what_the_handler_answers_counts, 0, 2 * 7);
	tcase_add_loop_test(tests, what_the_library_lacks_does_not_count, 0, 2 * TROUBLE_WHATS);
	tcase_add_test(tests, halted_with_what_was_said);
	tcase_add_test(tests, what_follows_of_the_key_is_parked);
	tcase_add_test(tests, without_an_attempt_or_with_one);
	tcase_add_test(tests, too_many_hops);
	tcase_add_loop_test(tests, a_thread_that_ended, 1, 4);
	tcase_add_loop_test(tests, nobody_keeps_what_is_set_aside, 0, 4);
}

int main(void)
{
	return tempstore_main("failure", add);
}

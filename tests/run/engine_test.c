/*
 * engine_test.c: stepping, event loops, stopping; and handlers that fail, call back, fork, sleep or end their
 * thread.
 */
#include "run/engine.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failing.h"
#include "base/trouble.h"
#include "run/deadletter.h"
#include "run/kit.h"

#define SECOND UINT64_C(1000000000)

static struct kit kit;
static const char *const ordered[] = {"Ordered"};
static void (*trick)(const skafu_record *event); /* what the handler does besides */
static int32_t trick_rc;
static uint32_t tricks_left;

static int32_t react(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	if (trick && tricks_left != 0) {
		tricks_left--;
		trick(event);
	}
	return kit_reserve(user, event, turn, error);
}

static void open_engine(int in_files)
{
	static const skafu_retry_policy quick = {.size = sizeof quick, .attempts_max = 3, .delay_ns = 1000000};
	skafu_source source = kit_source(ordered, 1);

	if (in_files)
		kit_open_files(&kit);
	else
		kit_open(&kit);
	kit_add_reaction(&kit, "reserve", &source, &quick, react);
	kit_engine(&kit);
	trick = NULL;
	tricks_left = 1;
}

static uint32_t reserved(void)
{
	return kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved");
}

/* ---- stepping ------------------------------------------------------------------------------------------------ */

START_TEST(steps_are_bounded)
{
	open_engine(0);
	kit_orders(&kit, 10, 10);
	ck_assert_int_eq(skafu_engine_step(kit.engine, 3, fault), 1);
	ck_assert_uint_eq(kit.handled, 3);
	ck_assert_int_eq(skafu_engine_step(kit.engine, 1000, fault), 0);
	ck_assert_uint_eq(kit.handled, 10);
	ck_assert_int_eq(skafu_engine_step(kit.engine, 1000, fault), 0);
	refused(SKAFU_EINVAL, skafu_engine_step(kit.engine, 0, fault));
	refused(SKAFU_EINVAL, skafu_engine_step(NULL, 1, fault));
	kit_close(&kit);
}
END_TEST

START_TEST(an_event_loop)
{
	uint64_t wait = 0;
	struct pollfd watched = {.events = POLLIN};
	pid_t child;

	open_engine(1);
	watched.fd = skafu_engine_fd(kit.engine);
	ck_assert_int_ge(watched.fd, 0);
	/* Joining is something that happened, too: it looks again until there is nothing. */
	for (int i = 0; i < 10 && wait == 0; i++) {
		while (skafu_engine_step(kit.engine, 100, fault) == 1)
			;
		went(skafu_engine_timeout(kit.engine, &wait, fault));
	}
	ck_assert_uint_gt(wait, 0);
	ck_assert_int_eq(poll(&watched, 1, 0), 0);
	child = fork();
	if (child == 0) {
		struct kit other = {0};
		int bad = skafu_store_open(kit.temp.path, NULL, &other.store, NULL) != 0;
		_exit(bad || kit_order(&other, "order-1") == 0);
	}
	ck_assert_int_eq(poll(&watched, 1, 10000), 1);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	while (skafu_engine_step(kit.engine, 100, fault) == 1)
		;
	ck_assert_uint_eq(kit.handled, 1);
	kit_order(&kit, "order-2");
	went(skafu_engine_timeout(kit.engine, &wait, fault));
	ck_assert_uint_eq(wait, 0);
	kit_close(&kit);
}
END_TEST

static void *stop_later(void *arg)
{
	usleep(50000);
	skafu_engine_stop(arg);
	return NULL;
}

START_TEST(stopped_from_another_thread)
{
	pthread_t thread;

	open_engine(_i);
	refused(SKAFU_ETIMEOUT, skafu_engine_run(kit.engine, SECOND / 100, fault));
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_later, kit.engine), 0);
	went(skafu_engine_run(kit.engine, 20 * SECOND, fault));
	pthread_join(thread, NULL);
	skafu_engine_stop(kit.engine); /* before it runs: it ends at once */
	went(skafu_engine_run(kit.engine, 20 * SECOND, fault));
	refused(SKAFU_ETIMEOUT, skafu_engine_run(kit.engine, SECOND / 100, fault));
	kit_close(&kit);
}
END_TEST

START_TEST(what_is_refused)
{
	static const char *const strange[] = {"strange"};
	skafu_engine_opts opts = {.size = sizeof opts, .consumers = strange, .consumer_count = 1};
	skafu_engine *engine = NULL;

	open_engine(0);
	refused(SKAFU_ENOTFOUND, skafu_engine_open(kit.model, &opts, &engine, fault));
	message_names("strange");
	opts = (skafu_engine_opts){.size = sizeof opts, .hops_max = 255};
	refused(SKAFU_EINVAL, skafu_engine_open(kit.model, &opts, &engine, fault));
	refused(SKAFU_EINVAL, skafu_engine_open(kit.model, NULL, NULL, fault));
	ck_assert_int_eq(skafu_engine_fd(NULL), -1);
	skafu_engine_stop(NULL);
	skafu_engine_close(NULL);
	kit_close(&kit);
}
END_TEST

/* ---- hops ---------------------------------------------------------------------------------------------------- */

START_TEST(handlers_that_answer_each_other)
{
	static const char *const both[] = {"Ordered", "Reserved"};
	skafu_source source = kit_source(both, 2);

	kit_open(&kit);
	kit_add_reaction(&kit, "echo", &source, NULL, kit_reserve);
	kit_order(&kit, "o");
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 65);
	ck_assert_uint_eq(reserved(), 65);
	kit_close(&kit);
}
END_TEST

/* ---- handlers that do what they may -------------------------------------------------------------------------- */

static void call_back(const skafu_record *event)
{
	skafu_record *record = NULL;

	(void)event;
	trick_rc = skafu_engine_step(kit.engine, 1, NULL);
	ck_assert_int_eq(skafu_engine_drain(kit.engine, 0, NULL), SKAFU_EMISUSE);
	ck_assert_int_eq(skafu_consumer_pause(kit.model, "reserve", NULL), SKAFU_EMISUSE);
	ck_assert_int_eq(skafu_engine_await(kit.engine, "c", "{\"a\":[1]}", 0, &record, NULL), SKAFU_EMISUSE);
	skafu_engine_close(kit.engine);
}

START_TEST(a_handler_that_calls_back)
{
	open_engine(0);
	trick = call_back;
	kit_order(&kit, "o");
	kit_run(&kit);
	ck_assert_int_eq(trick_rc, SKAFU_EMISUSE);
	ck_assert_uint_eq(reserved(), 1);
	kit_close(&kit);
}
END_TEST

static void end_thread(const skafu_record *event)
{
	(void)event;
	pthread_exit(NULL);
}

static void *drain(void *arg)
{
	(void)arg;
	skafu_engine_drain(kit.engine, 20 * SECOND, NULL);
	return NULL;
}

static void drain_in_a_thread(void)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, drain, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(a_handler_that_ends_its_thread)
{
	open_engine(0);
	trick = end_thread;
	kit_orders(&kit, 30, 5);
	drain_in_a_thread();
	kit_run(&kit);
	ck_assert_uint_eq(reserved(), 30);
	/* Again and again at one event: it is given up, and the others are not. */
	tricks_left = 3;
	kit_order(&kit, "o");
	for (int i = 0; i < 3; i++)
		drain_in_a_thread();
	kit_order(&kit, "o");
	kit_run(&kit);
	ck_assert_uint_eq(reserved(), 31);
	kit_close(&kit);
}
END_TEST

static void fork_child(const skafu_record *event)
{
	int status = 0;
	pid_t child = fork();

	(void)event;
	if (child == 0)
		_exit(skafu_engine_step(kit.engine, 1, NULL) == SKAFU_EFORK ? 7 : 8);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	trick_rc = WEXITSTATUS(status);
}

START_TEST(a_handler_that_forks)
{
	open_engine(1);
	trick = fork_child;
	kit_order(&kit, "o");
	kit_run(&kit);
	ck_assert_int_eq(trick_rc, 7);
	ck_assert_uint_eq(reserved(), 1);
	kit_close(&kit);
}
END_TEST

static _Atomic int is_asleep;

static void sleep_long(const skafu_record *event)
{
	(void)event;
	atomic_store(&is_asleep, 1);
	usleep(300000);
}

/* While a handler sleeps others append, read, ask for figures; a second stepper is told. */
START_TEST(a_handler_that_sleeps)
{
	pthread_t thread;
	skafu_engine_stats stats = {.size = sizeof stats};
	int64_t before;

	open_engine(0);
	trick = sleep_long;
	atomic_store(&is_asleep, 0);
	kit_order(&kit, "o");
	ck_assert_int_eq(pthread_create(&thread, NULL, drain, NULL), 0);
	while (!atomic_load(&is_asleep))
		usleep(1000);
	before = kit.model->sys.monotonic_ns();
	refused(SKAFU_EMISUSE, skafu_engine_step(kit.engine, 1, fault));
	kit_order(&kit, "p");
	went(skafu_engine_stats_get(kit.engine, &stats, fault));
	went(skafu_consumer_pause(kit.model, "reserve", fault));
	ck_assert_int_lt(kit.model->sys.monotonic_ns() - before, INT64_C(250000000));
	pthread_join(thread, NULL);
	/* Paused while it was handled: nothing of it was recorded. */
	ck_assert_uint_eq(reserved(), 0);
	went(skafu_consumer_resume(kit.model, "reserve", fault));
	kit_run(&kit);
	ck_assert_uint_eq(reserved(), 2);
	kit_close(&kit);
}
END_TEST

/* ---- halting ------------------------------------------------------------------------------------------------- */

START_TEST(halted_until_it_is_resumed)
{
	skafu_source source = kit_source(ordered, 1);
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 2, .delay_ns = 1, .then = SKAFU_THEN_HALT};

	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", &source, &retry, kit_reserve);
	kit_orders(&kit, 4, 1);
	kit.fails = 2;
	kit_run(&kit);
	ck_assert_uint_eq(reserved(), 0);
	ck_assert_uint_eq(kit.handled, 2);
	went(skafu_consumer_resume(kit.model, "reserve", fault));
	kit_run(&kit);
	ck_assert_uint_eq(reserved(), 4);
	kit_close(&kit);
}
END_TEST

/* A record newer than the model: this process stops, others that know it may go on. */
START_TEST(newer_than_the_model)
{
	skafu_source source = kit_source(ordered, 1);
	skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = "o", .source = "shop",
				  .event_version = 2u << 16};
	skafu_batch *batch;

	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", &source, NULL, kit_reserve);
	source.flags = SKAFU_SOURCE_SKIP_NEWER;
	kit_add_reaction(&kit, "skips", &source, NULL, kit_reserve);
	kit_order(&kit, "o");
	batch = batch_of(kit.store);
	went(skafu_batch_add(batch, &order, fault));
	appended_by(kit.store, batch);
	kit_order(&kit, "o");
	kit_run(&kit);
	ck_assert_uint_eq(reserved(), 3);
	ck_assert_uint_eq(kit_consumer(&kit, "reserve")->is_halted_here, 1);
	ck_assert_uint_eq(kit_consumer(&kit, "reserve")->claimed, 0);
	ck_assert_uint_eq(kit_consumer(&kit, "skips")->is_halted_here, 0);
	kit_close(&kit);
}
END_TEST

static int32_t pass(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)turn;
	(void)error;
	return 0;
}

/* What was done before the pause is saved lately, and then the engine sleeps. */
START_TEST(paused_is_idle)
{
	skafu_source source = kit_source(ordered, 1);
	uint64_t wait = 0;

	kit_open(&kit);
	kit_add_reaction(&kit, "pass", &source, NULL, pass);
	kit_orders(&kit, 4, 1);
	kit_engine(&kit);
	while (skafu_engine_step(kit.engine, 100, fault) == 1)
		;
	went(skafu_consumer_pause(kit.model, "pass", fault));
	kit_consumer(&kit, "pass")->flush_due_ns = 1; /* as if a second were over */
	usleep(120000); /* shares are looked at */
	for (int i = 0; i < 10; i++)
		ck_assert_int_ge(skafu_engine_step(kit.engine, 100, fault), 0);
	went(skafu_engine_timeout(kit.engine, &wait, fault));
	ck_assert_uint_gt(wait, 0);
	ck_assert_int_eq(kit_consumer(&kit, "pass")->flush_due_ns, INT64_MAX);
	kit_close(&kit);
}
END_TEST

/* Always the same id, so that the log takes the first only. */
static int32_t twice(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	static const uint8_t id[16] = {9};
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved", .stream = "r", .id = id};

	(void)event;
	((struct kit *)user)->handled++;
	return skafu_turn_emit(turn, &reserved, error);
}

/* What stands before a record that is newer than the model, and could not be recorded, is not passed over. */
START_TEST(newer_behind_what_was_refused)
{
	skafu_source source = kit_source(ordered, 1);
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 2, .delay_ns = 1000000};
	skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = "o", .source = "shop",
				  .event_version = 2u << 16};
	skafu_batch *batch;
	struct skafu__checkpoint checkpoint = {0};
	uint64_t letters = 0;

	source.partitions = 1;
	kit_open(&kit);
	kit_add_reaction(&kit, "twice", &source, &retry, twice);
	kit_order(&kit, "o");
	kit_run(&kit);
	kit_stop(&kit);
	kit_order(&kit, "o"); /* 3: gives a record whose id is taken */
	batch = batch_of(kit.store);
	went(skafu_batch_add(batch, &order, fault));
	appended_by(kit.store, batch);
	kit_run(&kit);
	ck_assert_int_eq(skafu__checkpoint_get(kit.store, "twice", 0, &checkpoint, fault), 1);
	went(skafu__deadletter_count(kit.store, "twice", &letters, fault));
	ck_assert(checkpoint.sequence < 3 || letters == 1);
	kit_close(&kit);
}
END_TEST

static uint32_t judged;

static int32_t judge(void *user, const skafu_record *input, int32_t code)
{
	(void)user;
	(void)input;
	(void)code;
	if (judged++ == 1)
		pthread_exit(NULL);
	return 1;
}

static void *step_once(void *arg)
{
	(void)arg;
	skafu_engine_step(kit.engine, 100, fault);
	return NULL;
}

/* The policy ends its thread while what the log refused is looked at: no input of the step is lost. */
START_TEST(a_policy_that_ends_its_thread)
{
	skafu_source source = kit_source(ordered, 1);
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 2, .delay_ns = 1000000, .worth = judge};
	uint64_t letters = 0;
	pthread_t thread;

	kit_open(&kit);
	kit_add_reaction(&kit, "twice", &source, &retry, twice);
	kit_engine(&kit);
	kit_orders(&kit, 8, 8);
	judged = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, step_once, NULL), 0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(judged, 2);
	kit_run(&kit);
	went(skafu__deadletter_count(kit.store, "twice", &letters, fault));
	ck_assert_uint_eq(letters, 7);
	kit_close(&kit);
}
END_TEST

/* Whatever cannot be had while refused batches are looked at: each input ends in the log or as a dead letter.  In one
 * partition the inputs stand in each other's way. */
START_TEST(refused_in_spite_of_trouble)
{
	skafu_source source = kit_source(ordered, 1);
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 1};
	enum trouble_what what = (enum trouble_what)(_i / 2);

	source.partitions = _i % 2 ? 1 : 0;
	for (long i = 0; i < 120; i++) {
		uint64_t letters = 0;

		trouble_put();
		kit_open(&kit);
		kit_add_reaction(&kit, "twice", &source, &retry, twice);
		kit_engine(&kit);
		kit_orders(&kit, 4, 4);
		trouble_set(what, i);
		skafu_engine_step(kit.engine, 100, fault);
		trouble_set(what, -1);
		kit_run(&kit);
		went(skafu__deadletter_count(kit.store, "twice", &letters, fault));
		ck_assert_msg(letters == 3, "%ld: %u letters", i, (unsigned)letters);
		kit_close(&kit);
		trouble_remove();
	}
}
END_TEST

static void pause_all(const skafu_record *event)
{
	skafu_model *other = NULL; /* as another process has it */

	(void)event;
	if (tricks_left != 0) /* not the last attempt */
		return;
	went(skafu_model_open(kit.store, NULL, &other, fault));
	went(skafu_consumer_pause(other, "reserve", fault));
	skafu_model_close(other);
}

/* The dead letter cannot be written at once: it says what the handler said all the same. */
START_TEST(given_up_while_it_is_paused)
{
	skafu_dead_letter_list *list = NULL;
	const skafu_dead_letter *letter;

	open_engine(0);
	trick = pause_all;
	tricks_left = 3;
	kit.fails = 100;
	kit_order(&kit, "o");
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 3);
	went(skafu_consumer_resume(kit.model, "reserve", fault));
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 4);
	went(skafu_dead_letter_list_open(kit.store, NULL, SKAFU_NO_LIMIT, &list, fault));
	ck_assert_int_eq(skafu_dead_letter_list_next(list, &letter, fault), 1);
	ck_assert_str_eq(letter->message, "the shelf is empty");
	skafu_dead_letter_list_free(list);
	kit_close(&kit);
}
END_TEST

/* Whoever pauses a consumer finds it paused, though it would have halted. */
START_TEST(halts_while_it_is_paused)
{
	skafu_source source = kit_source(ordered, 1);
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 2, .delay_ns = 1, .then = SKAFU_THEN_HALT};
	struct skafu__consumer_row row;

	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", &source, &retry, react);
	kit_order(&kit, "o");
	kit.fails = 100;
	trick = pause_all;
	tricks_left = 2;
	kit_run(&kit);
	ck_assert_int_eq(skafu__consumer_row_get(kit.store, "reserve", &row, NULL, fault), 1);
	ck_assert_uint_eq(row.state, SKAFU_CONSUMER_PAUSED);
	went(skafu_consumer_resume(kit.model, "reserve", fault));
	kit_run(&kit);
	ck_assert_int_eq(skafu__consumer_row_get(kit.store, "reserve", &row, NULL, fault), 1);
	ck_assert_uint_eq(row.state, SKAFU_CONSUMER_HALTED);
	kit_close(&kit);
}
END_TEST

/* ---- errors -------------------------------------------------------------------------------------------------- */

static int32_t never(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	(void)event;
	(void)turn;
	(void)error;
	((struct kit *)user)->handled++;
	return SKAFU_EHOST;
}

static void rest(int steps)
{
	for (int i = 0; i < steps; i++) {
		ck_assert_int_ge(skafu_engine_step(kit.engine, 100, fault), 0);
		usleep(5000);
	}
}

/* Who fails on errors makes no errors of it, or there would be no end. */
START_TEST(errors_about_errors)
{
	skafu_source source = {.size = sizeof source, .kinds = SKAFU_KINDS_ERRORS};
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 1};
	skafu_error_report_def def = {.size = sizeof def, .code = "X", .message = "x"};
	uint64_t letters = 0;

	kit_open(&kit);
	kit_add_reaction(&kit, "never", &source, &retry, never);
	went(skafu_error_report(kit.model, &def, fault));
	kit_run(&kit);
	rest(50);
	ck_assert_uint_eq(kit.handled, 1);
	ck_assert_uint_eq(head_of(kit.store), 1);
	went(skafu__deadletter_count(kit.store, "never", &letters, fault));
	ck_assert_uint_eq(letters, 1);
	kit_close(&kit);
}
END_TEST

static int32_t order_anew(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	skafu_new_record order = {.size = sizeof order, .type = "Reserved", .stream = "anew"};

	(void)user;
	(void)event;
	return skafu_turn_emit(turn, &order, error);
}

/* Nor is there an end of errors that lead to what fails again, but for the hops. */
START_TEST(errors_that_lead_to_errors)
{
	static const char *const reserved_only[] = {"Reserved"};
	skafu_source bad = kit_source(reserved_only, 1);
	skafu_source errors = {.size = sizeof errors, .kinds = SKAFU_KINDS_ERRORS};
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 1};
	skafu_engine_opts opts = {.size = sizeof opts, .hops_max = 4};
	skafu_error_report_def def = {.size = sizeof def, .code = "X", .message = "x"};
	uint64_t head;

	kit_open(&kit);
	kit_add_reaction(&kit, "never", &bad, &retry, never);
	kit_add_reaction(&kit, "anew", &errors, &retry, order_anew);
	went(skafu_error_report(kit.model, &def, fault));
	went(skafu_engine_open(kit.model, &opts, &kit.engine, fault));
	kit_run(&kit);
	rest(250); /* what was counted in a storm is recorded a second later */
	head = head_of(kit.store);
	rest(250);
	ck_assert_uint_eq(head_of(kit.store), head);
	ck_assert_uint_lt(head, 30);
	kit_close(&kit);
}
END_TEST

/* ---- the chain ----------------------------------------------------------------------------------------------- */

static int64_t (*real_ns)(void);
static int64_t flown_ns;
static int64_t tick_ns; /* of each look at the clock */

static int64_t flying_ns(void)
{
	flown_ns += tick_ns;
	return real_ns() + flown_ns;
}

static uint64_t chained(void)
{
	struct skafu__view view;

	went(skafu__view_open(kit.store, &view, fault));
	skafu__view_close(&view);
	return view.index.chained_commit;
}

static uint64_t chained_by_a_step(void)
{
	uint64_t before = chained();

	ck_assert_int_ge(skafu_engine_step(kit.engine, 100, fault), 0);
	return chained() - before;
}

/* A piece of the chain keeps no event waiting; what it left is gone on with, though nothing is appended, and what is
 * new a second later. */
START_TEST(the_chain_goes_on_in_pieces)
{
	open_engine(0);
	for (int i = 0; i < 60; i++)
		kit_order(&kit, "order-1");
	real_ns = kit.store->sys.monotonic_ns;
	flown_ns = 0;
	kit.store->sys.monotonic_ns = kit.engine->sys.monotonic_ns = flying_ns;
	tick_ns = 10000000; /* more than a piece may take */
	ck_assert_uint_eq(chained_by_a_step(), 1);
	tick_ns = 0;
	while (skafu_engine_step(kit.engine, 100, fault) == 1)
		;
	ck_assert_uint_eq(chained(), 1);
	for (int i = 0; i < 10 || kit.engine->chain_is_behind; i++) {
		tick_ns = i < 10 ? 10000000 : 0;
		flown_ns += (int64_t)SECOND;
		ck_assert_uint_ge(chained_by_a_step(), 1);
	}
	kit_order(&kit, "order-2");
	ck_assert_uint_eq(chained_by_a_step(), 0);
	flown_ns += (int64_t)SECOND;
	ck_assert_uint_ge(chained_by_a_step(), 1);
	kit_close(&kit);
}
END_TEST

/* ---- without memory ------------------------------------------------------------------------------------------ */

static int32_t open_and_drain(void)
{
	int32_t rc = skafu_engine_open(kit.model, NULL, &kit.engine, fault);

	return rc ? rc : skafu_engine_drain(kit.engine, 5 * SECOND, fault);
}

/* Wherever memory runs out, the step can be made again, and each input has its effect once. */
START_TEST(memory_that_runs_out)
{
	struct failing failing;
	skafu_allocator allocator = {.size = sizeof allocator, .user = &failing, .allocate = failing_allocate,
				     .reallocate = failing_reallocate, .release = failing_release};
	skafu_store_opts opts = {.size = sizeof opts, .allocator = &allocator, .store_bytes_max = UINT64_C(1) << 28};
	skafu_source source = kit_source(ordered, 1);
	int32_t rc = SKAFU_ENOMEM;

	memset(&kit, 0, sizeof kit);
	failing_init(&failing);
	went(skafu_store_open_memory(&opts, &kit.store, fault));
	went(skafu_model_open(kit.store, NULL, &kit.model, fault));
	kit_domains(kit.model, &kit);
	kit_add_reaction(&kit, "reserve", &source, NULL, kit_reserve);
	went(skafu_model_freeze(kit.model, fault));
	for (long left = 0; rc != 0; left += 1 + left / 10) {
		kit_orders(&kit, 5, 2);
		failing.left = left;
		rc = open_and_drain();
		failing.left = -1;
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
		kit_stop(&kit);
	}
	kit_run(&kit);
	ck_assert_uint_eq(reserved(), kit_count(kit.store, SKAFU_KIND_EVENT, "Ordered"));
	kit_close(&kit);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, memory_that_runs_out);
	tcase_set_timeout(tests, 10);
	tcase_add_test(tests, steps_are_bounded);
	tcase_add_test(tests, an_event_loop);
	tcase_add_loop_test(tests, stopped_from_another_thread, 0, 2);
	tcase_add_test(tests, what_is_refused);
	tcase_add_test(tests, handlers_that_answer_each_other);
	tcase_add_test(tests, a_handler_that_calls_back);
	tcase_add_test(tests, a_handler_that_ends_its_thread);
	tcase_add_test(tests, a_handler_that_forks);
	tcase_add_test(tests, a_handler_that_sleeps);
	tcase_add_test(tests, halted_until_it_is_resumed);
	tcase_add_test(tests, newer_than_the_model);
	tcase_add_test(tests, paused_is_idle);
	tcase_add_test(tests, a_policy_that_ends_its_thread);
	tcase_add_loop_test(tests, refused_in_spite_of_trouble, 0, 2 * TROUBLE_WHATS);
	tcase_add_test(tests, given_up_while_it_is_paused);
	tcase_add_test(tests, halts_while_it_is_paused);
	tcase_add_test(tests, errors_about_errors);
	tcase_add_test(tests, errors_that_lead_to_errors);
	tcase_add_test(tests, newer_behind_what_was_refused);
	tcase_add_test(tests, the_chain_goes_on_in_pieces);
}

int main(void)
{
	return tempstore_main("engine", add);
}

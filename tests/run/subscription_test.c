/*
 * subscription_test.c: pulling, acknowledging in either way, failing, taking over; and callbacks in an engine.
 */
#include "skafu_run.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

#include "run/deadletter.h"
#include "base/trouble.h"
#include "run/kit.h"

#define SECOND UINT64_C(1000000000)

static struct kit kit;
static skafu_subscription *subscription;
static const skafu_record *const *records;

static skafu_source one_partition = {.size = sizeof(skafu_source), .partitions = 1};

static skafu_subscription *open_one(const char *name, const skafu_subscription_opts *opts)
{
	skafu_subscription *opened = NULL;

	went(skafu_subscription_open(kit.model, name, opts, &opened, fault));
	return opened;
}

static int32_t next(uint32_t max)
{
	int32_t count = skafu_subscription_next(subscription, max, 0, &records, fault);

	if (count < 0)
		ck_abort_msg("next: %d %s", count, skafu_error_message(fault));
	return count;
}

/* What is taken until there is nothing more, acknowledged; how many. */
static uint32_t take_all(void)
{
	uint32_t taken = 0;
	int32_t count;

	while ((count = next(100)) != 0) {
		taken += (uint32_t)count;
		went(skafu_subscription_ack(subscription, records[count - 1]->sequence, fault));
	}
	return taken;
}

START_TEST(history_and_present)
{
	kit_open(&kit);
	kit_orders(&kit, 300, 7);
	subscription = open_one("s", NULL);
	ck_assert_uint_eq(take_all(), 300);
	kit_order(&kit, "now");
	ck_assert_int_eq(next(10), 1);
	ck_assert_str_eq(records[0]->stream, "now");
	skafu_subscription_close(subscription);
	/* Not acknowledged: again. */
	subscription = open_one("s", NULL);
	ck_assert_int_eq(next(10), 1);
	ck_assert_uint_eq(records[0]->sequence, 301);
	went(skafu_subscription_ack(subscription, 301, fault));
	skafu_subscription_close(subscription);
	subscription = open_one("s", NULL);
	ck_assert_int_eq(next(10), 0);
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

START_TEST(acknowledged_in_a_batch)
{
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &one_partition};
	skafu_batch *batch;

	kit_open(&kit);
	kit_orders(&kit, 10, 3);
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(4), 4);
	batch = batch_of(kit.store);
	add_event(batch, "output", "Paid", NULL);
	went(skafu_subscription_ack_in(subscription, 3, batch, fault));
	appended_by(kit.store, batch);
	ck_assert_int_eq(next(2), 2);
	ck_assert_uint_eq(records[0]->sequence, 5);
	/* A batch that is never appended acknowledges nothing. */
	batch = batch_of(kit.store);
	went(skafu_subscription_ack_in(subscription, 6, batch, fault));
	skafu_batch_free(batch);
	skafu_subscription_close(subscription);
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(1), 1);
	ck_assert_uint_eq(records[0]->sequence, 4);
	/* Two in a row, each behind the other. */
	batch = batch_of(kit.store);
	went(skafu_subscription_ack_in(subscription, 4, batch, fault));
	ck_assert_int_eq(skafu_subscription_ack_in(subscription, 3, batch, fault), 0);
	appended_by(kit.store, batch);
	ck_assert_uint_eq(take_all(), 7);
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

START_TEST(a_failed_record_comes_again)
{
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 2, .delay_ns = 1000000};
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &one_partition, .retry = &retry};

	kit_open(&kit);
	kit_orders(&kit, 5, 1);
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(5), 5);
	refused(SKAFU_EMISUSE, skafu_subscription_fail(subscription, 3, SKAFU_EHOST, "no", fault));
	refused(SKAFU_ENOTFOUND, skafu_subscription_fail(subscription, 9, SKAFU_EHOST, "no", fault));
	refused(SKAFU_EINVAL, skafu_subscription_fail(subscription, 1, 0, "no", fault));
	went(skafu_subscription_ack(subscription, 2, fault));
	went(skafu_subscription_fail(subscription, 3, SKAFU_EHOST, "no", fault));
	ck_assert_int_eq(next(5), 0);
	ck_assert_int_eq(skafu_subscription_next(subscription, 5, SECOND, &records, fault), 3);
	ck_assert_uint_eq(records[0]->sequence, 3);
	went(skafu_subscription_fail(subscription, 3, SKAFU_EHOST, "no", fault));
	/* Given up: the next. */
	ck_assert_int_eq(next(5), 2);
	ck_assert_uint_eq(records[0]->sequence, 4);
	went(skafu_subscription_ack(subscription, 5, fault));
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

/* ---- upcasters that fail ------------------------------------------------------------------------------------- */

static uint64_t fails_at; /* once */

static int32_t upcast(void *user, const skafu_record *stored, skafu_upcast *out, skafu_error *error)
{
	(void)user;
	if (stored->sequence == fails_at) {
		fails_at = 0;
		skafu_error_set(error, SKAFU_EHOST, "the upcaster is not ready");
		return SKAFU_EHOST;
	}
	return skafu_upcast_add(out, "Sent", 2u << 16, stored->data, stored->data_length, error);
}

static void open_with_upcaster(void)
{
	static const char *const types[] = {"Sent"};
	static const uint32_t versions[] = {2u << 16};
	skafu_event_def event = {.size = sizeof event, .domain = "shop", .type = "Sent", .event_version = 2u << 16};
	skafu_upcaster_def def = {.size = sizeof def, .from_version = 1u << 16, .type = "Sent", .to_count = 1,
				  .to_types = types, .to_versions = versions, .upcast = upcast};
	skafu_new_record sent = {.size = sizeof sent, .type = "Sent", .stream = "s", .source = "shop"};
	skafu_batch *batch;

	kit_open(&kit);
	went(skafu_model_add_event(kit.model, &event, fault));
	went(skafu_model_add_upcaster(kit.model, &def, fault));
	batch = batch_of(kit.store);
	for (int i = 0; i < 6; i++)
		went(skafu_batch_add(batch, &sent, fault));
	appended_by(kit.store, batch);
}

/* What was read before it, lent or not yet, is neither lost nor taken for done. */
START_TEST(an_upcaster_that_fails)
{
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &one_partition};

	open_with_upcaster();
	subscription = open_one("s", &opts);
	fails_at = 5;
	if (_i == 1)
		ck_assert_int_eq(next(2), 2);
	refused(SKAFU_EHOST, skafu_subscription_next(subscription, 10, 0, &records, fault));
	ck_assert_int_eq(next(10), _i == 1 ? 4 : 6);
	ck_assert_uint_eq(records[0]->sequence, _i == 1 ? 3 : 1);
	/* The first two are still out: a member that takes over begins with them. */
	skafu_subscription_close(subscription);
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(10), 6);
	ck_assert_uint_eq(records[0]->sequence, 1);
	went(skafu_subscription_ack(subscription, 6, fault));
	ck_assert_int_eq(next(10), 0);
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

START_TEST(no_more_than_may_be_open)
{
	skafu_subscription_opts opts = {.size = sizeof opts, .open_max = 3};

	kit_open(&kit);
	kit_orders(&kit, 5, 1);
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(10), 3);
	refused(SKAFU_ELIMIT, skafu_subscription_next(subscription, 10, 0, &records, fault));
	went(skafu_subscription_ack(subscription, 1, fault));
	ck_assert_int_eq(next(10), 1);
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

START_TEST(volatile_keeps_nothing)
{
	skafu_source source = {.size = sizeof source, .start = SKAFU_START_NOW};
	skafu_subscription_opts opts = {.size = sizeof opts, .flags = SKAFU_SUBSCRIPTION_VOLATILE,
					.source = &source};
	skafu_batch *batch;

	kit_open(&kit);
	kit_orders(&kit, 5, 5);
	subscription = open_one(NULL, &opts);
	ck_assert_int_eq(next(10), 0);
	kit_orders(&kit, 20, 5);
	ck_assert_int_eq(next(100), 20);
	went(skafu_subscription_ack(subscription, 25, fault));
	batch = batch_of(kit.store);
	refused(SKAFU_EMISUSE, skafu_subscription_ack_in(subscription, 25, batch, fault));
	skafu_batch_free(batch);
	ck_assert_uint_eq(head_of(kit.store), 25);
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

/* Two members of one process: disjoint partitions, and all of them when one goes. */
START_TEST(members_share)
{
	skafu_subscription *other;
	const skafu_record *const *theirs = NULL;
	uint32_t mine = 0;
	int32_t count = 0;

	kit_open(&kit);
	subscription = open_one("s", NULL);
	other = open_one("s", NULL);
	ck_assert_int_eq(next(1), 0);
	ck_assert_int_eq(skafu_subscription_next(other, 1, 0, &theirs, fault), 0);
	usleep(120000);
	ck_assert_int_eq(next(1), 0); /* gives half back */
	usleep(120000);
	kit_orders(&kit, 1000, 100);
	count = skafu_subscription_next(other, 1000, 0, &theirs, fault);
	ck_assert_int_gt(count, 200);
	mine = (uint32_t)next(1000);
	ck_assert_uint_eq(mine + (uint32_t)count, 1000);
	skafu_subscription_close(other);
	usleep(120000);
	ck_assert_int_eq(next(1000), count); /* what the other did not acknowledge */
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

START_TEST(what_is_refused)
{
	skafu_subscription_opts opts = {.size = sizeof opts};
	skafu_source source = {.size = sizeof source, .partitions = 4};

	kit_open(&kit);
	refused(SKAFU_EINVAL, skafu_subscription_open(kit.model, NULL, NULL, &subscription, fault));
	refused(SKAFU_EINVAL, skafu_subscription_open(kit.model, "s", NULL, NULL, fault));
	opts.flags = 2;
	refused(SKAFU_EOPTION, skafu_subscription_open(kit.model, "s", &opts, &subscription, fault));
	opts.flags = 0;
	opts.source = &source;
	subscription = open_one("s", &opts);
	skafu_subscription_close(subscription);
	source.partitions = 5;
	refused(SKAFU_EDEFINITION, skafu_subscription_open(kit.model, "s", &opts, &subscription, fault));
	message_names("4");
	message_names("5");
	subscription = open_one("t", NULL);
	refused(SKAFU_EINVAL, skafu_subscription_next(subscription, 0, 0, &records, fault));
	skafu_subscription_close(subscription);
	skafu_subscription_close(NULL);
	kit_close(&kit);
}
END_TEST

static int32_t count_record(void *user, const skafu_record *record, skafu_turn *turn, skafu_error *error)
{
	skafu_new_record event = {.size = sizeof event, .type = "Paid", .stream = "x"};
	struct kit *counted = user;

	counted->handled++;
	counted->last = record->sequence;
	if (counted->fails != 0) {
		counted->fails--;
		return SKAFU_EHOST;
	}
	if (skafu_turn_emit(turn, &event, NULL) == SKAFU_EMISUSE)
		counted->muted++;
	(void)error;
	return 0;
}

START_TEST(callbacks_in_an_engine)
{
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 3, .delay_ns = 1000000};
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &one_partition, .retry = &retry};

	kit_open(&kit);
	kit_orders(&kit, 50, 5);
	kit_engine(&kit);
	went(skafu_engine_subscribe(kit.engine, "watch", &opts, count_record, &kit, kit_freed, fault));
	refused(SKAFU_EEXISTS, skafu_engine_subscribe(kit.engine, "watch", &opts, count_record, &kit, kit_freed,
						      fault));
	refused(SKAFU_EINVAL, skafu_engine_subscribe(kit.engine, "other", &opts, NULL, &kit, kit_freed, fault));
	ck_assert_uint_eq(kit.freed, 2);
	kit.fails = 2;
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 52);
	ck_assert_uint_eq(kit.muted, 50);
	kit_stop(&kit);
	ck_assert_uint_eq(kit.freed, 3);
	kit_close(&kit);
}
END_TEST

/* Orders in two keys of one partition; the first key has a dead letter already. */
static void park_one(const skafu_subscription_opts *opts)
{
	kit_open(&kit);
	kit_order(&kit, "k1");
	subscription = open_one("s", opts);
	ck_assert_int_eq(next(1), 1);
	went(skafu_subscription_fail(subscription, 1, SKAFU_EHOST, "no", fault));
	ck_assert_int_eq(next(1), 0);
	kit_order(&kit, "k2");
	kit_order(&kit, "k1");
}

static const skafu_retry_policy parks = {.size = sizeof parks, .attempts_max = 1, .then = SKAFU_THEN_PARK_KEY};

/* What is out is not acknowledged by what is set aside behind it. */
START_TEST(parked_behind_one_that_is_out)
{
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &one_partition, .retry = &parks};
	uint64_t out;

	park_one(&opts);
	ck_assert_int_eq(next(1), 1);
	ck_assert_str_eq(records[0]->stream, "k2");
	out = records[0]->sequence;
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(next(1), 0);
		usleep(15000);
	}
	skafu_subscription_close(subscription);
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(1), 1);
	ck_assert_uint_eq(records[0]->sequence, out);
	went(skafu_subscription_ack(subscription, out, fault));
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

static uint64_t letters(void)
{
	uint64_t count = 99;

	went(skafu__deadletter_count(kit.store, "s", &count, fault));
	return count;
}

/* One that fails while another is parked behind it becomes a dead letter too. */
START_TEST(failed_before_one_that_is_parked)
{
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &one_partition, .retry = &parks};

	park_one(&opts);
	ck_assert_int_eq(next(1), 1);
	uint64_t out = records[0]->sequence;
	ck_assert_int_eq(next(1), 0);
	went(skafu_subscription_fail(subscription, out, SKAFU_EHOST, "no", fault));
	usleep(15000);
	ck_assert_int_eq(next(1), 0);
	ck_assert_uint_eq(letters(), 3);
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

/* A record that cannot be handed out keeps what is out before it unacknowledged. */
START_TEST(newer_behind_one_that_is_out)
{
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &one_partition};
	skafu_new_record newer = {.size = sizeof newer, .type = "Ordered", .stream = "o", .source = "shop",
				  .event_version = 2u << 16};
	skafu_batch *batch;

	kit_open(&kit);
	kit_order(&kit, "o");
	batch = batch_of(kit.store);
	went(skafu_batch_add(batch, &newer, fault));
	appended_by(kit.store, batch);
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(1), 1);
	for (int i = 0; i < 3; i++)
		refused(SKAFU_ENEWER, skafu_subscription_next(subscription, 1, 0, &records, fault));
	went(skafu_subscription_ack(subscription, 0, fault)); /* saves what is done */
	skafu_subscription_close(subscription);
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(1), 1);
	ck_assert_uint_eq(records[0]->sequence, 1);
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	skafu_subscription_opts opts = {.size = sizeof opts, .open_max = UINT32_MAX};
	skafu_batch *batch;

	kit_open(&kit);
	kit_orders(&kit, 2, 1);
	refused(SKAFU_ELIMIT, skafu_subscription_open(kit.model, "s", &opts, &subscription, fault));
	refused(SKAFU_EINVAL, skafu_subscription_next(NULL, 1, 0, &records, fault));
	refused(SKAFU_EINVAL, skafu_subscription_ack(NULL, 1, fault));
	refused(SKAFU_EINVAL, skafu_subscription_fail(NULL, 1, SKAFU_EHOST, NULL, fault));
	subscription = open_one("s", NULL);
	refused(SKAFU_EINVAL, skafu_subscription_next(subscription, 1, 0, NULL, fault));
	refused(SKAFU_EINVAL, skafu_subscription_ack_in(subscription, 1, NULL, fault));
	batch = batch_of(kit.store);
	refused(SKAFU_EINVAL, skafu_subscription_ack_in(NULL, 1, batch, fault));
	skafu_batch_free(batch);
	/* Without words the code speaks. */
	ck_assert_int_eq(next(1), 1);
	went(skafu_subscription_fail(subscription, 1, SKAFU_EIO, NULL, fault));
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

/* Rewound by an operator while records are out: what was handed out is somebody else's to acknowledge. */
START_TEST(lost_to_somebody_else)
{
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &one_partition};

	kit_open(&kit);
	kit_orders(&kit, 5, 1);
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(3), 3);
	went(skafu_consumer_rewind(kit.model, "s", 4, fault));
	refused(SKAFU_EROW, skafu_subscription_ack(subscription, 3, fault));
	message_names("s");
	ck_assert_int_eq(next(5), 1);
	ck_assert_uint_eq(records[0]->sequence, 5);
	went(skafu_subscription_ack(subscription, 5, fault));
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

START_TEST(interrupted)
{
	kit_open(&kit);
	subscription = open_one("s", NULL);
	ck_assert_int_eq(next(1), 0);
	skafu_store_interrupt(kit.store);
	ck_assert_int_eq(next(1), 0); /* nobody was waiting */
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

START_TEST(newer_ones_are_passed_over)
{
	skafu_source skips = one_partition;
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &skips};
	skafu_new_record newer = {.size = sizeof newer, .type = "Ordered", .stream = "o", .source = "shop",
				  .event_version = 2u << 16};
	skafu_batch *batch;

	kit_open(&kit);
	skips.flags = SKAFU_SOURCE_SKIP_NEWER;
	batch = batch_of(kit.store);
	went(skafu_batch_add(batch, &newer, fault));
	appended_by(kit.store, batch);
	kit_order(&kit, "o");
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(5), 1);
	ck_assert_uint_eq(records[0]->sequence, 2);
	skafu_subscription_close(subscription);
	kit_close(&kit);
}
END_TEST

/* An open, what it gives, an acknowledgement in either way, a failure. */
static int32_t follow(void *user)
{
	enum trouble_what what = *(enum trouble_what *)user;
	static const skafu_retry_policy soon = {.size = sizeof soon, .attempts_max = 3, .delay_ns = 1};
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &one_partition, .retry = &soon};
	skafu_batch *batch = NULL;
	int32_t rc = skafu_subscription_open(kit.model, "s", &opts, &subscription, fault);

	if (rc != 0)
		return rc;
	rc = skafu_subscription_next(subscription, 4, 0, &records, fault);
	uint64_t first = rc > 0 ? records[0]->sequence : 0;
	if (rc == 4)
		rc = skafu_subscription_ack(subscription, first, fault);
	if (rc == 0)
		rc = skafu_batch_new(kit.store, &batch, fault);
	if (rc == 0 && first != 0)
		rc = skafu_subscription_ack_in(subscription, first + 1, batch, fault);
	if (rc == 0 && first != 0)
		rc = skafu_append(kit.store, batch, SECOND, NULL, fault);
	if (rc == 0 && first != 0)
		rc = skafu_subscription_fail(subscription, first + 2, SKAFU_EHOST, "no", fault);
	trouble_set(what, -1);
	skafu_batch_free(batch);
	skafu_subscription_close(subscription);
	return rc;
}

START_TEST(whatever_is_missing)
{
	enum trouble_what what = (enum trouble_what)_i;
	skafu_subscription_opts opts = {.size = sizeof opts, .source = &one_partition};

	trouble_put();
	kit_open(&kit);
	went(skafu_model_freeze(kit.model, fault));
	kit_orders(&kit, 4000, 5);
	ck_assert_uint_gt(trouble_each(what, follow, &what), 0);
	/* Nothing was lost: what is not acknowledged is still to come, in order. */
	struct skafu__checkpoint checkpoint = {0};
	ck_assert_int_eq(skafu__checkpoint_get(kit.store, "s", 0, &checkpoint, fault), 1);
	subscription = open_one("s", &opts);
	ck_assert_int_eq(next(1), 1);
	ck_assert_uint_eq(records[0]->sequence, checkpoint.sequence + 1);
	ck_assert_uint_eq(1 + take_all() + checkpoint.sequence, 4000);
	skafu_subscription_close(subscription);
	kit_close(&kit);
	trouble_remove();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, bad_calls_are_refused);
	tcase_add_test(tests, lost_to_somebody_else);
	tcase_add_test(tests, interrupted);
	tcase_add_test(tests, newer_ones_are_passed_over);
	tcase_add_loop_test(tests, whatever_is_missing, 0, TROUBLE_WHATS);
	tcase_add_test(tests, history_and_present);
	tcase_add_test(tests, acknowledged_in_a_batch);
	tcase_add_test(tests, a_failed_record_comes_again);
	tcase_add_loop_test(tests, an_upcaster_that_fails, 0, 2);
	tcase_add_test(tests, no_more_than_may_be_open);
	tcase_add_test(tests, volatile_keeps_nothing);
	tcase_add_test(tests, members_share);
	tcase_add_test(tests, what_is_refused);
	tcase_add_test(tests, callbacks_in_an_engine);
	tcase_add_test(tests, parked_behind_one_that_is_out);
	tcase_add_test(tests, failed_before_one_that_is_parked);
	tcase_add_test(tests, newer_behind_one_that_is_out);
}

int main(void)
{
	return tempstore_main("subscription", add);
}

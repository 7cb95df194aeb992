/*
 * consumer_test.c: a consumer's life: what it needs to be made, what others change under it, and what it takes.
 */
#include "run/consumer.h"

#include <check.h>
#include <string.h>

#include "base/trouble.h"
#include "run/conkit.h"
#include "run/membership.h"

static struct conkit kit;

static void make(void)
{
	conkit_open(&kit);
}

static void drop(void)
{
	conkit_close(&kit);
}

static int32_t new_one(void)
{
	kit.consumer = NULL;
	return skafu__consumer_new(kit.kit.model, &kit.def, &kit.consumer, fault);
}

START_TEST(what_is_refused)
{
	char name[SKAFU__CONSUMER_NAME_BYTES_MAX + 2];
	skafu_source strange = {.size = sizeof strange, .kinds = UINT32_MAX};
	skafu_retry_policy never = {.size = sizeof never, .then = 9};

	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	kit.def.name = NULL;
	refused(SKAFU_EINVAL, new_one());
	kit.def.name = name;
	refused(SKAFU_ELIMIT, new_one());
	kit.def.is_volatile = 1;
	refused(SKAFU_ELIMIT, new_one()); /* a volatile one may have a name, and then it must be one */
	kit.def.is_volatile = 0;
	kit.def.name = "c";
	kit.def.source = &strange;
	refused(SKAFU_EOPTION, new_one());
	kit.def.source = &kit.source;
	kit.def.retry = &never;
	refused(SKAFU_EINVAL, new_one());
	ck_assert_uint_eq(kit.dropped, 5); /* each time what it would have owned */
	kit.def.retry = &kit.retry;
	went(new_one());
	conkit_drop(&kit);
	ck_assert_uint_eq(kit.dropped, 6);
	skafu__consumer_free(NULL);
}
END_TEST

/* ---- what it takes --------------------------------------------------------------------------------------------- */

static uint32_t fetched(void)
{
	struct skafu__partition *partition = NULL;
	const skafu_record *record = NULL;
	uint32_t count = 0;

	while (skafu__consumer_fetch(kit.consumer, &record, &partition, fault) == 1) {
		ck_assert_ptr_nonnull(partition);
		count++;
	}
	return count;
}

START_TEST(nothing_before_it_has_a_partition)
{
	kit.def.handler = NULL;
	went(new_one());
	kit_orders(&kit.kit, 3, 1);
	ck_assert_uint_eq(fetched(), 0);
	ck_assert_int_eq(skafu__consumer_attend(kit.consumer, fault), 1);
	ck_assert_uint_eq(fetched(), 3);
	kit_orders(&kit.kit, 2, 1);
	ck_assert_uint_eq(fetched(), 2);
	/* Blocked, it takes nothing; unblocked, from where it was. */
	skafu__consumer_return(kit.consumer, &kit.consumer->partitions[0], 3, INT64_MAX);
	ck_assert_int_eq(skafu__consumer_attend(kit.consumer, fault), 1);
	ck_assert_uint_eq(fetched(), 0);
	ck_assert_uint_eq(skafu__consumer_done(kit.consumer, &kit.consumer->partitions[0]), 3);
	kit.consumer->partitions[0].blocked_until = 1;
	ck_assert_int_eq(skafu__consumer_attend(kit.consumer, fault), 1);
	ck_assert_uint_eq(fetched(), 2);
	ck_assert_uint_eq(skafu__consumer_done(kit.consumer, &kit.consumer->partitions[0]), 5);
}
END_TEST

START_TEST(only_its_types_and_kinds)
{
	static const char *const commands[] = {"Order"};

	kit.def.handler = NULL;
	kit.source = kit_source(commands, 1);
	kit.source.kinds = SKAFU_KINDS_COMMANDS | SKAFU_KINDS_EVENTS;
	went(new_one());
	ck_assert_int_eq(skafu__consumer_attend(kit.consumer, fault), 1);
	skafu_new_record command = {.size = sizeof command, .kind = SKAFU_KIND_COMMAND, .type = "Order",
				    .source = "shop"};
	skafu_batch *batch = batch_of(kit.kit.store);
	went(skafu_batch_add(batch, &command, fault));
	command.type = "Refuse";
	went(skafu_batch_add(batch, &command, fault));
	appended_by(kit.kit.store, batch);
	kit_order(&kit.kit, "o");
	ck_assert_uint_eq(fetched(), 1);
	ck_assert_uint_eq(kit.consumer->scanned, 3);
}
END_TEST

START_TEST(several_partitions)
{
	kit.def.handler = NULL;
	kit.source.partitions = 8;
	went(new_one());
	ck_assert_int_eq(skafu__consumer_attend(kit.consumer, fault), 1);
	kit_orders(&kit.kit, 200, 50);
	ck_assert_uint_eq(fetched(), 200);
	/* One goes back; the others do not come again. */
	struct skafu__partition *partition = &kit.consumer->partitions[3];
	skafu__consumer_return(kit.consumer, partition, 0, 0);
	uint32_t again = fetched();
	ck_assert_uint_gt(again, 0);
	ck_assert_uint_lt(again, 100);
	/* One that is not claimed any more is passed over. */
	skafu__consumer_return(kit.consumer, partition, 0, 0);
	partition->is_claimed = 0;
	kit_orders(&kit.kit, 50, 50);
	again = fetched();
	ck_assert_uint_lt(again, 50);
	partition->is_claimed = 1;
	went(skafu__consumer_reload_all(kit.consumer, fault));
}
END_TEST

/* ---- what others change ---------------------------------------------------------------------------------------- */

static void put_row(const struct skafu__consumer_row *row)
{
	skafu_batch *batch = batch_of(kit.kit.store);

	went(skafu__consumer_row_put(batch, "c", row, fault));
	appended_by(kit.kit.store, batch);
}

START_TEST(removed_and_made_anew)
{
	skafu_batch *batch;

	conkit_make(&kit);
	ck_assert_int_eq(skafu__consumer_attend(kit.consumer, fault), 1);
	struct skafu__consumer_row row = conkit_row(&kit);
	row.partitions = 7;
	put_row(&row);
	refused(SKAFU_EDEFINITION, skafu__consumer_attend(kit.consumer, fault));
	message_names("with 7 partitions instead of 1");
	uint32_t done;
	refused(SKAFU_EDEFINITION, kit.consumer->worker.step(&kit.consumer->worker, 1, &done, fault));
	batch = batch_of(kit.kit.store);
	went(skafu__consumer_row_delete(batch, "c", fault));
	appended_by(kit.kit.store, batch);
	refused(SKAFU_ENOTFOUND, skafu__consumer_attend(kit.consumer, fault));
	message_names("consumer c was removed");
}
END_TEST

START_TEST(paused_by_somebody)
{
	conkit_make(&kit);
	kit_orders(&kit.kit, 3, 1);
	went(skafu_consumer_pause(kit.kit.model, "c", fault));
	ck_assert_int_eq(skafu__consumer_attend(kit.consumer, fault), 0);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 0);
	ck_assert_int_eq(kit.consumer->worker.due_ns(&kit.consumer->worker, 1), INT64_MAX);
	went(skafu_consumer_resume(kit.kit.model, "c", fault));
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 3);
}
END_TEST

/* ---- volatile -------------------------------------------------------------------------------------------------- */

START_TEST(a_volatile_one)
{
	kit.def.is_volatile = 1;
	kit.def.name = NULL;
	kit.source.start = SKAFU_START_NOW;
	kit_orders(&kit.kit, 3, 1);
	conkit_make(&kit);
	ck_assert_uint_eq(kit.consumer->claimed, 1);
	kit_orders(&kit.kit, 2, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 2);
	skafu__membership_leave(kit.consumer);
}
END_TEST

/* ---- trouble --------------------------------------------------------------------------------------------------- */

static int32_t make_attend_and_fetch(void *user)
{
	struct skafu__partition *partition = NULL;
	const skafu_record *record = NULL;
	int32_t rc = new_one();

	(void)user;
	if (rc != 0) {
		ck_assert_ptr_null(kit.consumer);
		return rc;
	}
	rc = skafu__consumer_attend(kit.consumer, fault);
	while (rc > 0)
		rc = skafu__consumer_fetch(kit.consumer, &record, &partition, fault);
	if (rc == 0)
		rc = skafu__consumer_reload_all(kit.consumer, fault);
	conkit_drop(&kit);
	return rc;
}

START_TEST(whatever_is_missing)
{
	uint32_t makers = kit.dropped;

	conkit_begin_trouble(&kit);
	kit_orders(&kit.kit, 5, 2);
	kit.source.partitions = 4;
	uint32_t refusals = trouble_each((enum trouble_what)_i, make_attend_and_fetch, NULL);
	ck_assert_uint_gt(refusals, 0);
	ck_assert_uint_ge(kit.dropped, makers + refusals);
	conkit_end_trouble(&kit);
}
END_TEST

static int free_in_a_child(void *user)
{
	(void)user;
	skafu__consumer_free(kit.consumer);
	return 0;
}

/* A child that frees it gives nothing of the parent's back. */
START_TEST(freed_in_a_child)
{
	conkit_make(&kit);
	ck_assert_int_eq(skafu__consumer_attend(kit.consumer, fault), 1);
	ck_assert_int_eq(in_child(free_in_a_child, NULL, 10), 0);
	kit_orders(&kit.kit, 2, 1);
	went(conkit_run(&kit));
	ck_assert_uint_eq(kit.handled, 2);
	ck_assert_uint_eq(skafu__membership_count(kit.kit.store, "c", NULL), 1);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, what_is_refused);
	tcase_add_test(tests, nothing_before_it_has_a_partition);
	tcase_add_test(tests, only_its_types_and_kinds);
	tcase_add_test(tests, several_partitions);
	tcase_add_test(tests, removed_and_made_anew);
	tcase_add_test(tests, paused_by_somebody);
	tcase_add_test(tests, a_volatile_one);
	tcase_add_loop_test(tests, whatever_is_missing, 0, TROUBLE_WHATS);
	tcase_add_test(tests, freed_in_a_child);
}

int main(void)
{
	return tempstore_main("consumer", add);
}

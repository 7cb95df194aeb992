/*
 * consumers_test.c: listing, pausing, rewinding and removing consumers, while an engine serves them and without
 * one.
 */
#include "skafu_run.h"

#include <check.h>
#include <string.h>
#include <unistd.h>

#include "base/trouble.h"
#include "run/kit.h"

static struct kit kit;
static const char *const ordered[] = {"Ordered"};

static skafu_consumer_info info_of(const char *name)
{
	skafu_consumer_list *list = NULL;
	const skafu_consumer_info *info = NULL;
	skafu_consumer_info found = {0};

	went(skafu_consumer_list_open(kit.model, &list, fault));
	while (skafu_consumer_list_next(list, &info, fault) == 1)
		if (strcmp(info->name, name) == 0)
			found = *info;
	skafu_consumer_list_free(list);
	return found;
}

static void open_with_reaction(void)
{
	skafu_source source = kit_source(ordered, 1);

	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", &source, NULL, kit_reserve);
}

START_TEST(who_there_is)
{
	open_with_reaction();
	kit_orders(&kit, 100, 10);
	kit_run(&kit);
	skafu_consumer_info info = info_of("reserve");
	ck_assert_uint_eq(info.kind, SKAFU_CONSUMER_KIND_REACTION);
	ck_assert_uint_eq(info.state, SKAFU_CONSUMER_RUNNING);
	ck_assert_uint_eq(info.partitions, 16);
	ck_assert_uint_eq(info.delivered, 100);
	ck_assert_uint_eq(info.sequence, 200);
	ck_assert_uint_eq(info.lag, 0);
	ck_assert_int_eq(info.pid, getpid());
	ck_assert_uint_gt(info.handle_p50_ns, 0);
	ck_assert_uint_gt(info.publish_p99_ns, 0);
	info = info_of("domain:shop");
	ck_assert_uint_eq(info.kind, SKAFU_CONSUMER_KIND_DECIDER);
	kit_stop(&kit);
	kit_orders(&kit, 7, 7);
	info = info_of("reserve");
	ck_assert_uint_eq(info.state, SKAFU_CONSUMER_ABSENT);
	ck_assert_uint_eq(info.lag, 7);
	kit_close(&kit);
}
END_TEST

START_TEST(paused_and_resumed)
{
	open_with_reaction();
	kit_orders(&kit, 10, 10);
	kit_engine(&kit);
	went(skafu_engine_step(kit.engine, 4, fault));
	ck_assert_uint_eq(kit.handled, 4);
	went(skafu_consumer_pause(kit.model, "reserve", fault));
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 4);
	ck_assert_uint_eq(info_of("reserve").state, SKAFU_CONSUMER_PAUSED);
	went(skafu_consumer_resume(kit.model, "reserve", fault));
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 10);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 10);
	kit_close(&kit);
}
END_TEST

START_TEST(rewound_without_a_double)
{
	open_with_reaction();
	kit_orders(&kit, 500, 10);
	kit_run(&kit);
	went(skafu_consumer_rewind(kit.model, "reserve", 100, fault));
	ck_assert_uint_eq(info_of("reserve").sequence, 100);
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 900);
	ck_assert_uint_eq(kit.effects, 500);
	ck_assert_uint_eq(kit.muted, 400);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 500);
	ck_assert_uint_eq(info_of("reserve").sequence, 1000);
	/* And on from there. */
	kit_order(&kit, "order-1");
	kit_run(&kit);
	ck_assert_uint_eq(kit.effects, 501);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 501);
	refused(SKAFU_EINVAL, skafu_consumer_rewind(kit.model, "reserve", 100000, fault));
	kit_close(&kit);
}
END_TEST

static uint32_t passed;

static int32_t pass(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	uint8_t key[16];

	(void)event;
	((struct kit *)user)->effects += skafu_effect(turn, "mail", key, error) == 1;
	passed++;
	return 0;
}

/* To where its checkpoint is already: what was done since, and is not saved yet, is handled again. */
START_TEST(rewound_to_where_it_was_saved)
{
	skafu_source source = kit_source(ordered, 1);

	kit_open(&kit);
	kit_add_reaction(&kit, "pass", &source, NULL, pass);
	kit_orders(&kit, 5, 2);
	kit_engine(&kit);
	passed = 0;
	for (uint32_t round = 1; round < 4; round++) {
		while (skafu_engine_step(kit.engine, 100, fault) == 1)
			;
		ck_assert_uint_eq(passed, 5 * round);
		went(skafu_consumer_rewind(kit.model, "pass", 0, fault));
	}
	/* A pause does nothing again. */
	kit_run(&kit);
	went(skafu_consumer_pause(kit.model, "pass", fault));
	went(skafu_consumer_resume(kit.model, "pass", fault));
	kit_run(&kit);
	ck_assert_uint_eq(passed, 20);
	ck_assert_uint_eq(kit.effects, 5);
	kit_close(&kit);
}
END_TEST

/* Whatever look at the log fails meanwhile. */
START_TEST(rewound_in_spite_of_trouble)
{
	trouble_put();
	open_with_reaction();
	kit_orders(&kit, 5, 5);
	kit_run(&kit);
	for (long i = 0; i < 60; i++) {
		uint32_t before = kit.handled;

		went(skafu_consumer_rewind(kit.model, "reserve", 0, fault));
		trouble_set(TROUBLE_READ, i);
		skafu_engine_step(kit.engine, 100, fault);
		trouble_set(TROUBLE_READ, -1);
		kit_run(&kit);
		ck_assert_uint_ge(kit.handled, before + 5);
	}
	kit_close(&kit);
	trouble_remove();
}
END_TEST

START_TEST(skipped)
{
	open_with_reaction();
	kit_orders(&kit, 50, 10);
	kit_engine(&kit);
	went(skafu_consumer_rewind(kit.model, "reserve", 45, fault));
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 5);
	kit_close(&kit);
}
END_TEST

START_TEST(commands_are_decided_once_after_a_rewind)
{
	skafu_command command = {.size = sizeof command, .type = "Order", .stream = "order-1"};

	kit_open(&kit);
	kit_engine(&kit);
	for (int i = 0; i < 20; i++)
		went(skafu_engine_send(kit.engine, &command, SKAFU_WAIT_FOREVER, NULL, fault));
	kit_run(&kit);
	went(skafu_consumer_rewind(kit.model, "domain:shop", 0, fault));
	kit_run(&kit);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Ordered"), 20);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_OUTCOME, NULL), 20);
	kit_close(&kit);
}
END_TEST

START_TEST(removed)
{
	open_with_reaction();
	kit_orders(&kit, 10, 10);
	kit_run(&kit);
	refused(SKAFU_EBUSY, skafu_consumer_remove(kit.model, "reserve", fault));
	ck_assert_int_eq(skafu_error_pid(fault), getpid());
	kit_stop(&kit);
	went(skafu_consumer_remove(kit.model, "reserve", fault));
	ck_assert_uint_eq(info_of("reserve").kind, 0);
	refused(SKAFU_ENOTFOUND, skafu_consumer_remove(kit.model, "reserve", fault));
	refused(SKAFU_ENOTFOUND, skafu_consumer_pause(kit.model, "reserve", fault));
	refused(SKAFU_EINVAL, skafu_consumer_pause(kit.model, "", fault));
	/* As if it had never been; but what was recorded is not recorded twice. */
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 20);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 10);
	kit_close(&kit);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	char name[300];
	skafu_consumer_list *list = NULL;
	const skafu_consumer_info *info = NULL;

	open_with_reaction();
	kit_run(&kit);
	memset(name, 'n', sizeof name);
	name[sizeof name - 1] = '\0';
	refused(SKAFU_EINVAL, skafu_consumer_list_open(NULL, &list, fault));
	refused(SKAFU_EINVAL, skafu_consumer_list_open(kit.model, NULL, fault));
	refused(SKAFU_EINVAL, skafu_consumer_list_next(NULL, &info, fault));
	went(skafu_consumer_list_open(kit.model, &list, fault));
	refused(SKAFU_EINVAL, skafu_consumer_list_next(list, NULL, fault));
	skafu_consumer_list_free(list);
	skafu_consumer_list_free(NULL);
	refused(SKAFU_EINVAL, skafu_consumer_pause(kit.model, NULL, fault));
	refused(SKAFU_EINVAL, skafu_consumer_pause(kit.model, name, fault));
	refused(SKAFU_EINVAL, skafu_consumer_rewind(NULL, "reserve", 0, fault));
	refused(SKAFU_EINVAL, skafu_consumer_remove(NULL, "reserve", fault));
	kit_close(&kit);
}
END_TEST

static int32_t look_and_change(void *user)
{
	enum trouble_what what = *(enum trouble_what *)user;
	skafu_consumer_list *list = NULL;
	const skafu_consumer_info *info = NULL;
	int32_t rc = skafu_consumer_list_open(kit.model, &list, fault);

	if (rc == 0)
		rc = skafu_consumer_list_next(list, &info, fault);
	skafu_consumer_list_free(list);
	if (rc >= 0)
		rc = skafu_consumer_pause(kit.model, "reserve", fault);
	if (rc == 0)
		rc = skafu_consumer_rewind(kit.model, "reserve", 3, fault);
	if (rc == 0)
		rc = skafu_consumer_remove(kit.model, "reserve", fault);
	trouble_set(what, -1);
	kit_run(&kit); /* it is there again, and nothing is recorded twice */
	went(skafu_consumer_resume(kit.model, "reserve", fault));
	kit_run(&kit);
	kit_stop(&kit);
	return rc;
}

START_TEST(whatever_is_missing)
{
	enum trouble_what what = (enum trouble_what)_i;
	skafu_source source = kit_source(ordered, 1);

	source.partitions = 4;
	trouble_put();
	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", &source, NULL, kit_reserve);
	kit_orders(&kit, 10, 5);
	kit_run(&kit);
	kit_stop(&kit);
	ck_assert_uint_gt(trouble_each(what, look_and_change, &what), 2);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 10);
	kit_close(&kit);
	trouble_remove();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, bad_calls_are_refused);
	tcase_add_loop_test(tests, whatever_is_missing, 0, TROUBLE_WHATS);
	tcase_add_test(tests, who_there_is);
	tcase_add_test(tests, paused_and_resumed);
	tcase_add_test(tests, rewound_without_a_double);
	tcase_add_test(tests, rewound_to_where_it_was_saved);
	tcase_add_test(tests, rewound_in_spite_of_trouble);
	tcase_add_test(tests, skipped);
	tcase_add_test(tests, commands_are_decided_once_after_a_rewind);
	tcase_add_test(tests, removed);
}

int main(void)
{
	return tempstore_main("consumers", add);
}

/*
 * reaction_test.c: reactions: one commit for each input with its output, also after restarts, failures and rewinds.
 */
#include "run/reaction.h"

#include <check.h>
#include <string.h>

#include "run/kit.h"

static struct kit kit;
static const char *const ordered[] = {"Ordered"};

START_TEST(each_event_once)
{
	skafu_source source = kit_source(ordered, 1);

	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", &source, NULL, kit_reserve);
	kit_orders(&kit, 1000, 37);
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 1000);
	ck_assert_uint_eq(kit.effects, 1000);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 1000);
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 1000);
	kit_reopen(&kit);
	ck_assert_uint_eq(kit.freed, 1);
	kit_add_reaction(&kit, "reserve", &source, NULL, kit_reserve);
	kit_order(&kit, "late");
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 1001);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 1001);
	kit_close(&kit);
	ck_assert_uint_eq(kit.freed, 2);
}
END_TEST

START_TEST(what_an_effect_inherits)
{
	skafu_source source = kit_source(ordered, 1);
	skafu_record *order = NULL;
	skafu_record *reserved = NULL;

	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", &source, NULL, kit_reserve);
	kit_order(&kit, "order-1");
	kit_run(&kit);
	went(skafu_get(kit.store, 1, &order, fault));
	went(skafu_get(kit.store, 2, &reserved, fault));
	ck_assert_str_eq(reserved->source, "stock");
	ck_assert_str_eq(reserved->stream, "stock/order-1");
	ck_assert_str_eq(reserved->correlation, order->correlation);
	ck_assert(memcmp(reserved->causation, order->id, 16) == 0);
	ck_assert_uint_eq(reserved->hops, 1);
	skafu_record_free(order);
	skafu_record_free(reserved);
	kit_close(&kit);
}
END_TEST

START_TEST(a_failure_keeps_the_order)
{
	skafu_source source = kit_source(ordered, 1);
	skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 4, .delay_ns = 1000000};

	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", &source, &retry, kit_reserve);
	kit.fails = 3;
	kit_order(&kit, "one");
	kit_order(&kit, "one");
	kit_order(&kit, "two");
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 6);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 3);
	kit.fails = 4;
	kit_order(&kit, "one");
	kit_run(&kit);
	ck_assert_uint_eq(kit.handled, 10);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 3);
	kit_order(&kit, "one");
	kit_run(&kit);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 4);
	kit_close(&kit);
}
END_TEST

START_TEST(definitions_are_checked)
{
	skafu_reaction_def def = {.size = sizeof def, .domain = "stock", .name = "r", .react = kit_reserve,
				  .user = &kit, .free_user = kit_freed};
	skafu_source source = {.size = sizeof source, .rule = "{\"eventType\":"};

	kit_open(&kit);
	def.domain = "nowhere";
	refused(SKAFU_EDEFINITION, skafu_model_add_reaction(kit.model, &def, fault));
	message_names("nowhere");
	def.domain = "stock";
	def.name = "domain:stock";
	refused(SKAFU_EDEFINITION, skafu_model_add_reaction(kit.model, &def, fault));
	def.name = "r";
	def.react = NULL;
	refused(SKAFU_EDEFINITION, skafu_model_add_reaction(kit.model, &def, fault));
	def.react = kit_reserve;
	def.source = &source;
	refused(SKAFU_EPATTERN, skafu_model_add_reaction(kit.model, &def, fault));
	def.source = NULL;
	def.flags = 1;
	refused(SKAFU_EOPTION, skafu_model_add_reaction(kit.model, &def, fault));
	ck_assert_uint_eq(kit.freed, 5);
	def.flags = 0;
	went(skafu_model_add_reaction(kit.model, &def, fault));
	refused(SKAFU_EDEFINITION, skafu_model_add_reaction(kit.model, &def, fault));
	message_names("reaction r");
	ck_assert_uint_eq(kit.freed, 6);
	went(skafu_model_freeze(kit.model, fault));
	refused(SKAFU_EMISUSE, skafu_model_add_reaction(kit.model, &def, fault));
	kit_close(&kit);
	ck_assert_uint_eq(kit.freed, 8);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, each_event_once);
	tcase_add_test(tests, what_an_effect_inherits);
	tcase_add_test(tests, a_failure_keeps_the_order);
	tcase_add_test(tests, definitions_are_checked);
}

int main(void)
{
	return tempstore_main("reaction", add);
}

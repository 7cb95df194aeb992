/*
 * errorworker_test.c: an engine records its own failures, and what waited for the log to be writable again.
 */
#include "run/errorworker.h"

#include <string.h>

#include "run/errorbus.h"
#include "run/kit.h"

static struct kit kit;
static const char *const ordered[] = {"Ordered"};

static uint64_t waiting(void)
{
	struct skafu__errorbus *bus = NULL;
	went(skafu__errorbus_of(kit.model, &bus, fault));
	return skafu__errorbus_waiting(bus);
}

static void poison(void)
{
	went(skafu__control_lock(&kit.store->control, INT64_MAX, fault));
	skafu__control_poison(&kit.store->control);
	skafu__control_unlock(&kit.store->control);
}

START_TEST(a_failing_store_is_reported_when_it_works_again)
{
	skafu_record *record = NULL;
	kit_open(&kit);
	const skafu_source source = kit_source(ordered, 1);
	kit_add_reaction(&kit, "reserve", &source, NULL, kit_reserve);
	kit_order(&kit, "one");
	kit_engine(&kit);
	poison();
	ck_assert_int_lt(skafu_engine_step(kit.engine, 100, fault), 0);
	ck_assert_uint_eq(waiting(), 1);
	skafu__control_forgive(&kit.store->control);
	kit_stop(&kit);
	ck_assert_uint_eq(waiting(), 0);
	went(skafu_get(kit.store, head_of(kit.store), &record, fault));
	ck_assert_uint_eq(record->kind, SKAFU_KIND_ERROR);
	ck_assert_uint_eq(record->severity, SKAFU_SEVERITY_CRITICAL);
	ck_assert_ptr_nonnull(strstr((const char *)record->data, "SKAFU_EPOISONED"));
	ck_assert_ptr_nonnull(strstr((const char *)record->data, "\"function\":\"reserve\""));
	skafu_record_free(record);
	kit_run(&kit);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 1);
	kit_close(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, a_failing_store_is_reported_when_it_works_again);
}

int main(void)
{
	return tempstore_main("errorworker", add);
}

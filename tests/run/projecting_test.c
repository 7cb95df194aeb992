/*
 * projecting_test.c: an engine brings projections forward beside its other consumers; one that halts stops no
 * other.
 */
#include "run/projecting.h"

#include <check.h>
#include <string.h>

#include "run/kit.h"

static struct kit kit;

static int32_t count(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	(void)user;
	return skafu_edit_count(edit, NULL, event->type, strlen(event->type), 1, error);
}

static int32_t always_fails(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)edit;
	(void)error;
	return SKAFU_EHOST;
}

static void add_projection(const char *name, skafu_each_fn each)
{
	skafu_projection_def def = {.size = sizeof def, .version = 1, .domain = "shop", .name = name, .each = each};

	went(skafu_model_add_projection(kit.model, &def, fault));
}

static int64_t counted(const char *projection, const char *key)
{
	skafu_view *view = NULL;
	void *value = NULL;
	size_t length = 0;
	int64_t number = 0;

	went(skafu_view_open(kit.model, projection, 0, 0, &view, fault));
	if (skafu_view_get(view, NULL, key, strlen(key), &value, &length, fault) == 0)
		went(skafu_count_value(value, length, &number, fault));
	skafu_bytes_free(value);
	skafu_view_close(view);
	return number;
}

START_TEST(all_go_forward)
{
	static const char *const ordered[] = {"Ordered"};
	skafu_source source = kit_source(ordered, 1);

	kit_open(&kit);
	add_projection("totals", count);
	add_projection("broken", always_fails);
	kit_add_reaction(&kit, "reserve", &source, NULL, kit_reserve);
	kit_orders(&kit, 3000, 10);
	kit_run(&kit);
	ck_assert_int_eq(counted("totals", "Ordered"), 3000);
	ck_assert_int_eq(counted("totals", "Reserved"), 3000);
	kit_close(&kit);
}
END_TEST

START_TEST(only_those_that_are_wanted)
{
	static const char *const only[] = {"totals"};
	skafu_engine_opts opts = {.size = sizeof opts, .consumers = only, .consumer_count = 1};

	kit_open(&kit);
	add_projection("totals", count);
	add_projection("others", count);
	went(skafu_engine_open(kit.model, &opts, &kit.engine, fault));
	ck_assert_ptr_nonnull(skafu__engine_worker(kit.engine, "totals"));
	ck_assert_ptr_null(skafu__engine_worker(kit.engine, "others"));
	kit_close(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, all_go_forward);
	tcase_add_test(tests, only_those_that_are_wanted);
}

int main(void)
{
	return tempstore_main("projecting", add);
}

/*
 * builtin_test.c: the workers that an engine has: those of every engine, and one for each component that runs.
 */
#include "run/builtin.h"

#include <check.h>
#include <string.h>

#include "base/trouble.h"
#include "model/model.h"
#include "run/deadletter.h"
#include "run/prockit.h"

static struct prockit kit;

static void make(void)
{
	prockit_open(&kit);
}

static void drop(void)
{
	prockit_close(&kit);
}

static const struct skafu__worker *worker_of(const char *name)
{
	return skafu__engine_worker(kit.kit.engine, name);
}

START_TEST(of_every_engine)
{
	kit_engine(&kit.kit);
	uint32_t alone = kit.kit.engine->worker_count;
	ck_assert_ptr_nonnull(worker_of("domain:shop")); /* has a decider */
	ck_assert_ptr_null(worker_of("domain:stock"));
	prockit_reopen(&kit);
	prockit_define(&kit, 1, NULL);
	kit_add_reaction(&kit.kit, "reserve", NULL, NULL, kit_reserve);
	kit_engine(&kit.kit);
	ck_assert_ptr_nonnull(worker_of("p"));
	ck_assert_ptr_nonnull(worker_of("reserve"));
	ck_assert_uint_eq(kit.kit.engine->worker_count, alone + 2);
	ck_assert_ptr_eq(skafu__builtin_aside(), skafu__deadletter_aside());
}
END_TEST

static void drop_part(struct skafu__component *part, skafu_model *model)
{
	(void)part;
	(void)model;
}

/* What the table does not know is no worker. */
START_TEST(a_component_of_another_kind)
{
	struct skafu__component part = {.kind = "viewer", .name = "v", .drop = drop_part};

	kit_engine(&kit.kit);
	uint32_t alone = kit.kit.engine->worker_count;
	kit_stop(&kit.kit);
	part.next = kit.kit.model->parts;
	kit.kit.model->parts = &part;
	kit_engine(&kit.kit);
	ck_assert_uint_eq(kit.kit.engine->worker_count, alone);
	kit_stop(&kit.kit);
	kit.kit.model->parts = part.next;
}
END_TEST

static int32_t open_engine(void *user)
{
	int32_t rc = skafu_engine_open(kit.kit.model, NULL, &kit.kit.engine, fault);

	(void)user;
	if (rc != 0)
		ck_assert_ptr_null(kit.kit.engine);
	trouble_set(TROUBLE_MEMORY, -1);
	kit_stop(&kit.kit);
	return rc;
}

/* Whichever worker cannot be made: there is no engine, and nothing is left of it. */
START_TEST(whatever_is_missing)
{
	prockit_close(&kit);
	trouble_put();
	prockit_open(&kit);
	prockit_define(&kit, 1, NULL);
	kit_add_reaction(&kit.kit, "reserve", NULL, NULL, kit_reserve);
	went(skafu_model_freeze(kit.kit.model, fault));
	ck_assert_uint_gt(trouble_each((enum trouble_what)_i, open_engine, NULL), 1);
	kit_run(&kit.kit);
	prockit_close(&kit);
	trouble_remove();
	prockit_open(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, of_every_engine);
	tcase_add_test(tests, a_component_of_another_kind);
	tcase_add_loop_test(tests, whatever_is_missing, 0, TROUBLE_WHATS);
}

int main(void)
{
	return tempstore_main("builtin", add);
}

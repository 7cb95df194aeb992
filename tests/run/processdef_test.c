/*
 * processdef_test.c: definitions of processes: what is refused, and what becomes of the user pointer.
 */
#include "run/processdef.h"

#include <string.h>

#include "base/failing.h"
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

static void no(int32_t code, const skafu_process_def *def, const char *names)
{
	uint32_t freed = kit.freed;

	refused(code, skafu_model_add_process(kit.kit.model, def, fault));
	if (names)
		message_names(names);
	ck_assert_uint_eq(kit.freed, freed + 1);
}

/* An engine that shall run something else runs no process. */
START_TEST(only_what_is_wanted)
{
	static const char *const shop[] = {"domain:shop"};
	static const char *const process[] = {"p"};
	skafu_engine_opts opts = {.size = sizeof opts, .consumers = shop, .consumer_count = 1};

	prockit_define(&kit, 1, NULL);
	prockit_tell(&kit, "Ordered", "a", NULL);
	went(skafu_engine_open(kit.kit.model, &opts, &kit.kit.engine, fault));
	prockit_run(&kit);
	ck_assert_uint_eq(kit.routed, 0);
	kit_stop(&kit.kit);
	opts.consumers = process;
	went(skafu_engine_open(kit.kit.model, &opts, &kit.kit.engine, fault));
	prockit_run(&kit);
	ck_assert_uint_eq(kit.routed, 1);
}
END_TEST

static int32_t make_nothing(void *user, void **out, skafu_error *error)
{
	(void)user;
	(void)error;
	*out = NULL;
	return 0;
}

START_TEST(incomplete_definitions)
{
	skafu_state_def lone = {.size = sizeof lone, .bytes = 8, .make = make_nothing};
	skafu_source source = {.size = sizeof source, .rule = "{\"eventType\":"};
	skafu_retry_policy retry = {.size = sizeof retry, .then = 9};
	char name[200];
	skafu_process_def def = prockit_def(&kit, 1);

	memset(name, 'n', sizeof name);
	name[127] = '\0';
	def.route = NULL;
	no(SKAFU_EDEFINITION, &def, "route");
	def = prockit_def(&kit, 1);
	def.act = NULL;
	no(SKAFU_EDEFINITION, &def, "act");
	def = prockit_def(&kit, 0);
	no(SKAFU_EDEFINITION, &def, "version");
	def = prockit_def(&kit, 1);
	def.evolve = NULL;
	no(SKAFU_EDEFINITION, &def, "evolve");
	def = prockit_def(&kit, 1);
	def.state = NULL;
	no(SKAFU_EDEFINITION, &def, "no state");
	def.state = &lone;
	no(SKAFU_EDEFINITION, &def, "flat");
	def = prockit_def(&kit, 1);
	def.name = NULL;
	no(SKAFU_EINVAL, &def, NULL);
	def.name = name;
	no(SKAFU_ELIMIT, &def, "126");
	def.name = "domain:x";
	no(SKAFU_EDEFINITION, &def, NULL);
	def = prockit_def(&kit, 1);
	def.domain = "nowhere";
	no(SKAFU_EDEFINITION, &def, "nowhere");
	def = prockit_def(&kit, 1);
	def.source = &source;
	no(SKAFU_EPATTERN, &def, NULL);
	def = prockit_def(&kit, 1);
	def.retry = &retry;
	no(SKAFU_EINVAL, &def, NULL);
	refused(SKAFU_EINVAL, skafu_model_add_process(NULL, NULL, fault));
}
END_TEST

static int32_t copy_nothing(void *user, const void *state, void **out, skafu_error *error)
{
	(void)state;
	return make_nothing(user, out, error);
}

static void drop_nothing(void *user, void *state)
{
	(void)user;
	(void)state;
}

START_TEST(a_managed_state_is_saved)
{
	skafu_state_def state = {.size = sizeof state, .make = make_nothing, .drop = drop_nothing,
				 .copy = copy_nothing};
	skafu_process_def def = prockit_def(&kit, 1);

	def.state = &state;
	no(SKAFU_EDEFINITION, &def, "save and load");
}
END_TEST

START_TEST(versions_are_one_consumer)
{
	skafu_source source = *prockit_source();
	skafu_process_def def = prockit_def(&kit, 1);

	prockit_define(&kit, 1, NULL);
	no(SKAFU_EDEFINITION, &def, "version 1");
	def = prockit_def(&kit, 2);
	def.domain = "stock";
	no(SKAFU_EDEFINITION, &def, "domain");
	def = prockit_def(&kit, 2);
	source.partitions = 3;
	def.source = &source;
	no(SKAFU_EDEFINITION, &def, "partitions");
	kit.freed = 0;
	prockit_define(&kit, 2, NULL);
	ck_assert_uint_eq(kit.freed, 0);
	went(skafu_model_freeze(kit.kit.model, fault));
	def = prockit_def(&kit, 3);
	no(SKAFU_EMISUSE, &def, NULL);
	prockit_reopen(&kit);
	ck_assert_uint_eq(kit.freed, 3);
}
END_TEST

START_TEST(names_are_unique)
{
	skafu_process_def def = prockit_def(&kit, 1);

	kit_add_reaction(&kit.kit, "p", NULL, NULL, kit_reserve);
	no(SKAFU_EDEFINITION, &def, "reaction p");
}
END_TEST

/* What the store remembers of the name is compared. */
START_TEST(what_is_durable_is_compared)
{
	skafu_source source = *prockit_source();
	skafu_process_def def;

	prockit_define(&kit, 1, NULL);
	prockit_run(&kit);
	prockit_reopen(&kit);
	source.partitions = 3;
	def = prockit_def(&kit, 2);
	def.source = &source;
	went(skafu_model_add_process(kit.kit.model, &def, fault));
	refused(SKAFU_EDEFINITION, skafu_model_freeze(kit.kit.model, fault));
	message_names("16");
}
END_TEST

START_TEST(without_memory)
{
	struct failing failing;
	skafu_store_opts opts = {.size = sizeof opts};
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	int32_t rc = SKAFU_ENOMEM;
	uint32_t tries = 0;

	failing_init(&failing);
	skafu__sys_override(&failing.sys);
	went(skafu_store_open_memory(&opts, &store, fault));
	went(skafu_model_open(store, NULL, &model, fault));
	kit_domains(model, &kit.kit);
	skafu_process_def def = prockit_def(&kit, 1);
	for (long left = 0; rc != 0; left++) {
		failing.left = left;
		rc = skafu_model_add_process(model, &def, fault);
		failing.left = -1;
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
		ck_assert_uint_eq(kit.freed, rc == 0 ? tries : ++tries);
	}
	ck_assert_uint_gt(tries, 4);
	skafu_model_close(model);
	ck_assert_uint_eq(kit.freed, tries + 1);
	skafu_store_close(store);
	skafu__sys_override(NULL);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, incomplete_definitions);
	tcase_add_test(tests, a_managed_state_is_saved);
	tcase_add_test(tests, versions_are_one_consumer);
	tcase_add_test(tests, names_are_unique);
	tcase_add_test(tests, only_what_is_wanted);
	tcase_add_test(tests, what_is_durable_is_compared);
	tcase_add_test(tests, without_memory);
}

int main(void)
{
	return tempstore_main("processdef", add);
}

/*
 * model_test.c: the life of a model, components, functions that call back, spare batches, a fork.
 */
#include "model/model.h"

#include <check.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/failing.h"
#include "model/fixture.h"
#include "util/suite.h"

static struct fixture bank;

static void open_bank(void)
{
	fixture_open(&bank);
}

static void close_bank(void)
{
	fixture_close(&bank);
}

START_TEST(open_and_close)
{
	skafu_model *model = NULL;
	skafu_model_opts opts = {.size = sizeof opts, .flags = 1};

	ck_assert_int_eq(skafu_model_open(NULL, NULL, &model, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_model_open(bank.store, NULL, NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_model_open(bank.store, &opts, &model, NULL), SKAFU_EOPTION);
	ck_assert_ptr_null(model);
	opts.flags = 0;
	opts.cache_bytes_max = 123;
	ck_assert_int_eq(skafu_model_open(bank.store, &opts, &model, NULL), 0);
	ck_assert_uint_eq(model->opts.cache_bytes_max, 123);
	ck_assert_ptr_eq(skafu_model_store(model), bank.store);
	ck_assert_ptr_null(skafu_model_store(NULL));
	ck_assert_int_eq(skafu_model_freeze(model, NULL), 0);
	ck_assert_int_eq(skafu_model_freeze(NULL, NULL), SKAFU_EINVAL);
	skafu_model_close(model);
	skafu_model_close(NULL);
}
END_TEST

START_TEST(it_keeps_its_store_open)
{
	uint64_t head;

	skafu_store_close(bank.store);
	ck_assert_int_eq(skafu_store_head(skafu_model_store(bank.model), &head, NULL), 0);
	skafu_model_close(bank.model);
	bank.model = NULL;
	bank.store = NULL;
}
END_TEST

/* ---- components ------------------------------------------------------------------------------------------------ */

static int dropped;
static int frozen;

static void drop(struct skafu__component *component, skafu_model *model)
{
	ck_assert_ptr_nonnull(component);
	ck_assert_ptr_nonnull(model);
	dropped++;
}

static int32_t freeze(struct skafu__component *component, skafu_model *model, skafu_error *error)
{
	(void)model;
	frozen++;
	return component->name[0] == 'b' ? skafu__fail(error, SKAFU_EDEFINITION, "b is bad") : 0;
}

START_TEST(components)
{
	struct skafu__component a = {.kind = "projection", .name = "a", .drop = drop, .freeze = freeze};
	struct skafu__component same = a, b = a;

	b.name = "b";
	same.freeze = NULL;
	ck_assert_int_eq(skafu__model_add_component(bank.model, &a, NULL), 0);
	ck_assert_int_eq(skafu__model_add_component(bank.model, &same, NULL), SKAFU_EDEFINITION);
	same.kind = "reaction";
	ck_assert_int_eq(skafu__model_add_component(bank.model, &same, NULL), 0);
	ck_assert_ptr_eq(skafu__model_component(bank.model, "reaction", "a"), &same);
	ck_assert_ptr_null(skafu__model_component(bank.model, "reaction", "b"));
	ck_assert_int_eq(skafu__model_add_component(bank.model, &b, NULL), 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), SKAFU_EDEFINITION);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "x", NULL), 0); /* not frozen */
	b.name = "c";
	ck_assert_int_eq(skafu_model_freeze(bank.model, NULL), 0);
	ck_assert_int_eq(frozen, 3);
	skafu_model_close(bank.model);
	bank.model = NULL;
	ck_assert_int_eq(dropped, 3);
}
END_TEST

/* ---- calling back ---------------------------------------------------------------------------------------------- */

static int32_t call_back(void *arg)
{
	return skafu_model_freeze(arg, NULL);
}

static int32_t nest(void *arg)
{
	int32_t inner = skafu__model_call(arg, call_back, arg);

	return inner == SKAFU_EMISUSE ? call_back(arg) : 0;
}

START_TEST(calling_back)
{
	ck_assert_int_eq(skafu__model_call(bank.model, call_back, bank.model), SKAFU_EMISUSE);
	ck_assert_int_eq(skafu__model_call(bank.model, nest, bank.model), SKAFU_EMISUSE);
	ck_assert_int_eq(skafu_model_freeze(bank.model, NULL), 0);
	ck_assert_ptr_null(bank.model->frames);
}
END_TEST

START_TEST(a_forked_child_is_told)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(skafu_model_freeze(bank.model, NULL) == SKAFU_EFORK ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(spare_batches)
{
	skafu_batch *batches[SKAFU__SPARE_BATCHES + 2];
	skafu_batch *again = NULL;

	for (size_t i = 0; i < SKAFU__SPARE_BATCHES + 2; i++)
		ck_assert_int_eq(skafu__model_take_batch(bank.model, &batches[i], NULL), 0);
	for (size_t i = 0; i < SKAFU__SPARE_BATCHES + 2; i++)
		skafu__model_give_batch(bank.model, batches[i]);
	skafu__model_give_batch(bank.model, NULL);
	ck_assert_int_eq(skafu__model_take_batch(bank.model, &again, NULL), 0);
	ck_assert_ptr_eq(again, batches[0]);
	ck_assert_uint_eq(skafu_batch_count(again), 0);
	skafu__model_give_batch(bank.model, again);
}
END_TEST

START_TEST(without_memory)
{
	struct failing failing;
	skafu_model *model = NULL;

	failing_init(&failing);
	fixture_close(&bank);
	skafu__sys_override(&failing.sys);
	fixture_open(&bank);
	failing.left = 0;
	ck_assert_int_eq(skafu_model_open(bank.store, NULL, &model, NULL), SKAFU_ENOMEM);
	failing.left = -1;
	fixture_close(&bank);
	ck_assert_int_eq(failing.live, 0);
	skafu__sys_override(NULL);
	fixture_open(&bank);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("model");
	TCase *tests = tcase_create("model");

	tcase_add_checked_fixture(tests, open_bank, close_bank);
	tcase_add_test(tests, open_and_close);
	tcase_add_test(tests, it_keeps_its_store_open);
	tcase_add_test(tests, components);
	tcase_add_test(tests, calling_back);
	tcase_add_test(tests, a_forked_child_is_told);
	tcase_add_test(tests, spare_batches);
	tcase_add_test(tests, without_memory);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

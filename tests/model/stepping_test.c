/*
 * stepping_test.c: what reaches a handler, in which portions, and what a failing one leaves.
 */
#include "model/stepping.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "model/viewkit.h"
#include "util/suite.h"

static struct fixture bank;
static struct viewkit kit;

static void begin(void)
{
	memset(&kit, 0, sizeof kit);
	fixture_open(&bank);
	viewkit_define_events(&bank);
}

static void end(void)
{
	fixture_close(&bank);
}

static void add(const char *rule, const char *const *types, size_t type_count, uint32_t batch_max)
{
	skafu_projection_def def = viewkit_def(&kit);

	def.rule = rule;
	def.types = types;
	def.type_count = type_count;
	def.batch_max = batch_max;
	ck_assert_int_eq(skafu_model_add_projection(bank.model, &def, &bank.error), 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
}

static void fill(int count)
{
	for (int i = 1; i <= count; i++)
		fixture_append(&bank, "a", i % 3 ? "Deposited" : "Withdrawn", 0, "{\"amount\":1}");
}

struct collected {
	int32_t rc;
	uint64_t reached;
	size_t changes;
	uint64_t culprit;
};

/* From a sequence on. */
static struct collected collect(uint64_t after, uint64_t limit, uint32_t events_max)
{
	struct skafu__stepping stepping;
	struct skafu__views *views;
	struct skafu__viewmark mark;
	struct skafu__stepping_span span = {.mark = &mark, .generation = 1, .limit = limit};
	struct skafu__editchange *changes = NULL;
	struct collected out = {0};

	ck_assert_int_eq(skafu__projection_views(bank.model, &views, &bank.error), 0);
	skafu__viewmark_init(&mark, &bank.model->sys);
	mark.sequence = after;
	skafu__stepping_init(&stepping, bank.model, skafu__projection_first(bank.model), views);
	out.rc = skafu__stepping_collect(&stepping, &span, events_max, &bank.error);
	out.reached = stepping.reached;
	out.culprit = stepping.culprit;
	ck_assert_int_eq(skafu__editset_changes(&stepping.edit.set, &changes, &out.changes), 0);
	skafu__free(&bank.model->sys, changes);
	skafu__stepping_done(&stepping);
	skafu__viewmark_done(&mark);
	return out;
}

START_TEST(in_portions)
{
	struct collected got;

	kit.form = VIEWKIT_BATCH;
	add(NULL, NULL, 0, 8);
	fill(30);
	got = collect(0, UINT64_MAX, 100);
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.reached, 30);
	ck_assert_uint_eq(kit.calls, 4);
	ck_assert_uint_eq(kit.largest, 8);
	got = collect(0, UINT64_MAX, 30);
	ck_assert_int_eq(got.rc, 1); /* as far as can be told */
	ck_assert_uint_eq(got.reached, 30);
	got = collect(30, UINT64_MAX, 30);
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.reached, 30);
	got = collect(10, 15, 30);
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.reached, 15);
	got = collect(10, 15, 3);
	ck_assert_int_eq(got.rc, 1);
	ck_assert_uint_eq(got.reached, 13);
	got = collect(15, 15, 3);
	ck_assert_int_eq(got.rc, 0);
	ck_assert_uint_eq(got.reached, 15);
}
END_TEST

START_TEST(filters)
{
	static const char *const types[] = {"Withdrawn"};
	struct collected got;

	add(_i ? "{\"eventType\":[\"Withdrawn\"]}" : NULL, _i ? NULL : types, _i ? 0 : 1, 0);
	fill(30);
	viewkit_deposit(&bank, "a", 1);
	got = collect(0, UINT64_MAX, 100);
	ck_assert_uint_eq(kit.events, 10);
	ck_assert_uint_eq(got.reached, 31);
	ck_assert_uint_eq(got.changes, 1);
	got = collect(30, UINT64_MAX, 100);
	ck_assert_uint_eq(got.changes, 0);
	ck_assert_uint_eq(got.reached, 31);
}
END_TEST

/* Whatever the form, all events before the one that fails can be written. */
START_TEST(failing_handlers)
{
	struct collected got;

	kit.form = (enum viewkit_form)(_i / 12);
	kit.fail_at = 1 + (uint64_t)_i % 12;
	kit.fail_code = SKAFU_EHOST;
	add(NULL, NULL, 0, _i % 2 ? 3 : 0);
	fill(12);
	uint64_t at = 0;
	do {
		got = collect(at, UINT64_MAX, 100);
		ck_assert_int_eq(got.rc == 1 || got.rc == SKAFU__STEPPING_FAILED, 1);
		if (got.rc == 1) {
			ck_assert_uint_gt(got.reached, at);
			ck_assert_uint_lt(got.reached, kit.fail_at);
			at = got.reached;
		}
	} while (got.rc == 1);
	ck_assert_uint_eq(at, kit.fail_at - 1);
	ck_assert_uint_eq(got.culprit, kit.fail_at);
}
END_TEST

/* A set that is full ends the portion early; the projection goes on behind it. */
START_TEST(full_sets)
{
	skafu_model_opts opts = {.size = sizeof opts, .edit_bytes_max = 8192};
	char stream[24];
	uint64_t at = 0;
	int portions = 0;
	struct collected got;

	kit.form = (enum viewkit_form)_i;
	skafu_model_close(bank.model);
	ck_assert_int_eq(skafu_model_open(bank.store, &opts, &bank.model, &bank.error), 0);
	viewkit_define_events(&bank);
	add(NULL, NULL, 0, 0);
	for (int i = 0; i < 300; i++) {
		snprintf(stream, sizeof stream, "stream-%d", i);
		viewkit_deposit(&bank, stream, 1);
	}
	do {
		got = collect(at, UINT64_MAX, 1000);
		ck_assert_int_eq(got.rc == 0 || got.rc == 1, 1);
		ck_assert_uint_gt(got.reached, at);
		at = got.reached;
		portions++;
	} while (got.rc == 1);
	ck_assert_uint_eq(at, 300);
	ck_assert_int_gt(portions, 2);
}
END_TEST

/* A record that is newer than the model halts, or is passed over. */
START_TEST(newer_records)
{
	skafu_projection_def def = viewkit_def(&kit);
	struct collected got;

	def.flags = _i ? SKAFU_PROJECTION_SKIP_NEWER : 0;
	ck_assert_int_eq(skafu_model_add_projection(bank.model, &def, &bank.error), 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
	fixture_append(&bank, "a", "Deposited", 2u << 16, "{\"amount\":1}");
	viewkit_deposit(&bank, "a", 1);
	got = collect(0, UINT64_MAX, 10);
	ck_assert_int_eq(got.rc, _i ? 0 : SKAFU__STEPPING_FAILED);
	ck_assert_uint_eq(kit.events, (unsigned)_i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stepping");
	TCase *tests = tcase_create("stepping");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, in_portions);
	tcase_add_loop_test(tests, filters, 0, 2);
	tcase_add_loop_test(tests, failing_handlers, 0, 36);
	tcase_add_loop_test(tests, full_sets, 0, 3);
	tcase_add_loop_test(tests, newer_records, 0, 2);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

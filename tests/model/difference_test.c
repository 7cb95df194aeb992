/*
 * difference_test.c: two builds compared row by row: every kind of difference, in order, stopped, many.
 */
#include "model/difference.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "model/viewkit.h"
#include "util/suite.h"

static struct fixture bank;
static struct viewkit old_kit, new_kit;

/* The old version has no row for streams that begin with n, the new one none for those with o. */
static int32_t pick(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	const struct viewkit *kit = user;
	char unwanted = kit == &new_kit ? 'o' : 'n';
	int64_t value = event->stream[0] == 'c' && kit == &new_kit ? 2 : 1;

	if (event->stream[0] == unwanted)
		return 0;
	return skafu_edit_count(edit, event->stream[1] == '2' ? "second" : NULL, event->stream, strlen(event->stream),
				value, error);
}

static void define(struct viewkit *kit, uint32_t version)
{
	skafu_projection_def def = viewkit_def(kit);

	viewkit_define_events(&bank);
	def.version = version;
	def.flags = SKAFU_PROJECTION_HOLD;
	def.each = pick;
	ck_assert_int_eq(skafu_model_add_projection(bank.model, &def, &bank.error), 0);
}

static void begin(void)
{
	memset(&old_kit, 0, sizeof old_kit);
	memset(&new_kit, 0, sizeof new_kit);
	fixture_open(&bank);
	define(&old_kit, 1);
}

static void end(void)
{
	fixture_close(&bank);
}

static void both(void)
{
	ck_assert_int_eq(viewkit_step(&bank, 10000), 0);
	fixture_reopen_model(&bank);
	define(&new_kit, 2);
}

static int32_t note(void *user, const skafu_difference *difference)
{
	char *text = user;
	int64_t live = -1, shadow = -1;

	if (difference->live_value)
		ck_assert_int_eq(skafu_count_value(difference->live_value, difference->live_length, &live, NULL), 0);
	if (difference->shadow_value)
		ck_assert_int_eq(skafu_count_value(difference->shadow_value, difference->shadow_length, &shadow,
						   NULL), 0);
	snprintf(text + strlen(text), 400 - strlen(text), "%u %s %.*s %d %d; ", difference->kind, difference->table,
		 (int)difference->key_length, (const char *)difference->key, (int)live, (int)shadow);
	return strlen(text) > 350;
}

START_TEST(every_kind_in_order)
{
	static const char *const streams[] = {"o1", "s1", "n1", "c1", "n2", "o2", "s2"};
	char text[400] = "";
	uint64_t count = 0;

	for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
		viewkit_deposit(&bank, streams[i], 1);
	both();
	ck_assert_int_eq(skafu_projection_compare(bank.model, "balances", note, text, &count, &bank.error), 0);
	ck_assert_uint_eq(count, 5);
	ck_assert_str_eq(text, "3 main c1 1 2; 2 main n1 -1 1; 1 main o1 1 -1; 2 second n2 -1 1; 1 second o2 1 -1; ");
}
END_TEST

static int32_t stop(void *user, const skafu_difference *difference)
{
	ck_assert_uint_eq(difference->size, sizeof *difference);
	return *(int32_t *)user;
}

START_TEST(stopping)
{
	int32_t answer = 1;
	uint64_t count = 77;

	viewkit_deposit(&bank, "o1", 1);
	viewkit_deposit(&bank, "o3", 1);
	both();
	ck_assert_int_eq(skafu_projection_compare(bank.model, "balances", stop, &answer, &count, &bank.error), 0);
	answer = SKAFU_EHOST;
	ck_assert_int_eq(skafu_projection_compare(bank.model, "balances", stop, &answer, &count, &bank.error),
			 SKAFU_EHOST);
	ck_assert_int_eq(skafu_projection_compare(bank.model, "balances", NULL, NULL, &count, &bank.error), 0);
	ck_assert_uint_eq(count, 2);
}
END_TEST

/* More rows than one block has. */
START_TEST(many)
{
	char stream[24];
	uint64_t count = 0;
	int32_t go = 0;
	skafu_batch *batch = NULL;
	skafu_new_record event = {.size = sizeof event, .type = "Deposited", .source = "bank", .stream = stream};

	ck_assert_int_eq(skafu_batch_new(bank.store, &batch, &bank.error), 0);
	for (int i = 0; i < 10000; i++) {
		snprintf(stream, sizeof stream, "%c%d", i % 10 == 0 ? 'c' : i % 10 == 1 ? 'o' : 's', i);
		ck_assert_int_eq(skafu_batch_add(batch, &event, &bank.error), 0);
	}
	ck_assert_int_eq(skafu_append(bank.store, batch, SKAFU_WAIT_FOREVER, NULL, &bank.error), 0);
	skafu_batch_free(batch);
	both();
	ck_assert_int_eq(skafu_projection_compare(bank.model, "balances", stop, &go, &count, &bank.error), 0);
	ck_assert_uint_eq(count, 2000);
	ck_assert_int_eq(skafu_projection_promote(bank.model, "balances", 1999, &bank.error), SKAFU_EROW);
	ck_assert_int_eq(skafu_projection_promote(bank.model, "balances", 2000, &bank.error), 0);
	ck_assert_uint_eq(viewkit_info(&bank).rows, 9000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("difference");
	TCase *tests = tcase_create("difference");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, every_kind_in_order);
	tcase_add_test(tests, stopping);
	tcase_add_test(tests, many);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

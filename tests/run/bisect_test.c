/*
 * bisect_test.c: the first event that made something true, compared with a walk by hand.
 */
#include <string.h>

#include "base/error.h"
#include "model/fixture.h"
#include "skafu_run.h"
#include "store/tempstore.h"

static struct fixture f;

static int32_t count_each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	(void)user;
	return skafu_edit_count(edit, NULL, event->stream, strlen(event->stream), 1, error);
}

static void setup(void)
{
	const skafu_projection_def def = {.size = sizeof def, .domain = "bank", .name = "moves", .each = count_each};
	fixture_open(&f);
	fixture_define_bank(&f, 0);
	went(skafu_model_add_projection(f.model, &def, fault));
	skafu_outcome_free(fixture_execute(&f, "Open", "anna", 0));
	for (int i = 0; i < 50; i++) {
		skafu_outcome_free(fixture_execute(&f, "Deposit", "anna", 10));
		skafu_outcome_free(fixture_execute(&f, "Open", i % 2 ? "others" : "more", 0));
	}
}

static void teardown(void)
{
	fixture_close(&f);
}

static int32_t at_least(void *user, const void *state, skafu_error *error)
{
	const struct account *account = state;
	(void)error;
	return account->balance >= *(const int64_t *)user;
}

static int32_t exactly(void *user, const void *state, skafu_error *error)
{
	const struct account *account = state;
	(void)error;
	return account->balance == *(const int64_t *)user;
}

static int32_t fails(void *user, const void *state, skafu_error *error)
{
	(void)user;
	(void)state;
	skafu_error_set(error, SKAFU_EHOST, "cannot tell");
	return SKAFU_EHOST;
}

static const skafu_command look = {.size = sizeof look, .type = "Deposit", .stream = "anna"};

static uint64_t state_at(int64_t balance)
{
	uint64_t sequence = 77777;
	went(skafu_bisect_state(f.model, &look, at_least, &balance, &sequence, fault));
	return sequence;
}

/* The same by hand, from the exported states of the past. */
static uint64_t by_hand(int64_t balance)
{
	uint64_t head = head_of(f.store);
	for (uint64_t at = 1; at <= head; at++) {
		skafu_state *state = NULL;
		went(skafu_state_load(f.model, &look, at, &state, fault));
		int64_t found = ((const struct account *)skafu_state_data(state))->balance;
		skafu_state_free(state);
		if (found >= balance)
			return at;
	}
	return 0;
}

START_TEST(the_event_that_made_it_true)
{
	for (int64_t balance = 10; balance <= 500; balance += 70)
		ck_assert_uint_eq(state_at(balance), by_hand(balance));
}
END_TEST

START_TEST(never_and_always_are_zero)
{
	ck_assert_uint_eq(state_at(1000000), 0);
	ck_assert_uint_eq(state_at(0), 0);
}
END_TEST

START_TEST(a_predicate_may_become_false_again)
{
	int64_t balance = 120;
	uint64_t sequence = 0;
	went(skafu_bisect_state(f.model, &look, exactly, &balance, &sequence, fault));
	ck_assert_uint_eq(sequence, by_hand(120));
}
END_TEST

static int32_t view_at_least(void *user, skafu_view *view, skafu_error *error)
{
	void *value = NULL;
	size_t length = 0;
	int64_t count = 0;
	int32_t rc = skafu_view_get(view, NULL, "anna", 4, &value, &length, error);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	if (rc == 0)
		rc = skafu_count_value(value, length, &count, error);
	skafu_bytes_free(value);
	return rc < 0 ? rc : count >= *(const int64_t *)user;
}

START_TEST(a_view_is_halved)
{
	int64_t moves = 31; /* Opened and 30 deposits */
	uint64_t sequence = 0;
	went(skafu_bisect_view(f.model, "moves", view_at_least, &moves, SKAFU_WAIT_FOREVER, &sequence, fault));
	ck_assert_uint_eq(sequence, by_hand(300));
	moves = 1000;
	went(skafu_bisect_view(f.model, "moves", view_at_least, &moves, SKAFU_WAIT_FOREVER, &sequence, fault));
	ck_assert_uint_eq(sequence, 0);
}
END_TEST

START_TEST(bad_calls_are_refused_and_leave_the_output_alone)
{
	const skafu_command unknown = {.size = sizeof unknown, .type = "Fly", .stream = "anna"};
	uint64_t sequence = 42;
	int64_t balance = 1;
	refused(SKAFU_ENOTFOUND, skafu_bisect_state(f.model, &unknown, at_least, &balance, &sequence, fault));
	refused(SKAFU_EINVAL, skafu_bisect_state(f.model, &look, NULL, NULL, &sequence, fault));
	refused(SKAFU_EINVAL, skafu_bisect_state(f.model, NULL, at_least, &balance, &sequence, fault));
	refused(SKAFU_EHOST, skafu_bisect_state(f.model, &look, fails, NULL, &sequence, fault));
	message_names("cannot tell");
	refused(SKAFU_EINVAL, skafu_bisect_view(f.model, NULL, view_at_least, &balance, 1, &sequence, fault));
	ck_assert_int_lt(skafu_bisect_view(f.model, "nothing", view_at_least, &balance, 1, &sequence, fault), 0);
	ck_assert_uint_eq(sequence, 42);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_event_that_made_it_true);
	tcase_add_test(tests, never_and_always_are_zero);
	tcase_add_test(tests, a_predicate_may_become_false_again);
	tcase_add_test(tests, a_view_is_halved);
	tcase_add_test(tests, bad_calls_are_refused_and_leave_the_output_alone);
}

int main(void)
{
	return tempstore_main("bisect", add);
}

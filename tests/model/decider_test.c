/*
 * decider_test.c: what is refused of deciders, flat and managed states, without memory too.
 */
#include "model/decider.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/failing.h"
#include "model/fixture.h"
#include "model/model.h"
#include "util/suite.h"

static struct fixture bank;
static long objects; /* managed states that live */

static void open_bank(void)
{
	fixture_open(&bank);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "bank", NULL), 0);
	objects = 0;
}

static void close_bank(void)
{
	fixture_close(&bank);
	ck_assert_int_eq(objects, 0);
}

static void refused(int32_t rc, int32_t code, const char *words)
{
	ck_assert_int_eq(rc, code);
	if (!strstr(bank.error.message, words))
		ck_abort_msg("\"%s\" is not in: %s", words, bank.error.message);
}

/* ---- a managed state: a number behind a pointer -------------------------------------------------------------- */

static int fails;  /* which function fails: the letter of its name */
static int loads;

static int32_t make(void *user, void **out, skafu_error *error)
{
	(void)user;
	(void)error;
	if (fails == 'm')
		return SKAFU_EHOST;
	*out = fails == 'n' ? NULL : calloc(1, sizeof(struct account));
	objects += *out != NULL;
	return 0;
}

static void drop(void *user, void *state)
{
	(void)user;
	objects--;
	free(state);
}

static int32_t copy(void *user, const void *state, void **out, skafu_error *error)
{
	if (fails == 'c') {
		skafu_error_set(error, SKAFU_EHOST, "cannot copy");
		return SKAFU_EHOST;
	}
	int32_t rc = make(user, out, error);
	if (rc == 0)
		memcpy(*out, state, sizeof(struct account));
	return rc;
}

static int32_t save(void *user, const void *state, skafu_writer *writer, skafu_error *error)
{
	const struct account *account = state;

	(void)user;
	if (fails == 's')
		return SKAFU_EHOST;
	int32_t rc = skafu_writer_put(writer, &account->balance, 8, error);
	return rc == 0 ? skafu_writer_put(writer, &account->events, 16, error) : rc;
}

static int32_t load(void *user, const void *bytes, size_t length, void **out, skafu_error *error)
{
	loads++;
	if (fails == 'l' || length != sizeof(struct account))
		return SKAFU_EHOST;
	int32_t rc = make(user, out, error);
	if (rc == 0)
		memcpy(*out, bytes, length);
	return rc;
}

static const skafu_state_def managed = {.size = sizeof managed, .version = 1, .make = make, .drop = drop,
					.copy = copy, .save = save, .load = load};

static skafu_decider_def whole(const skafu_state_def *state)
{
	static const char *const commands[] = {"Open", "Deposit", "Withdraw", "Nothing", "Fail"};
	skafu_decider_def def = {.size = sizeof def, .domain = "bank", .name = "account", .commands = commands,
				 .command_count = 5, .state = state, .evolve = fixture_evolve,
				 .decide = fixture_decide, .user = &bank, .free_user = fixture_freed};

	return def;
}

static int32_t some_scope(void *user, const skafu_command *command, skafu_query *read, skafu_query *guard,
			  skafu_error *error)
{
	(void)user;
	(void)command;
	(void)read;
	(void)guard;
	(void)error;
	return 0;
}

static int32_t add(const skafu_decider_def *def)
{
	return skafu_model_add_decider(bank.model, def, &bank.error);
}

START_TEST(refused_deciders)
{
	static const char *const twice[] = {"A", "A"};
	skafu_state_def flat = {.size = sizeof flat, .bytes = 8};
	skafu_decider_def good = whole(&flat), def = good;

	def.domain = "shop";
	refused(add(&def), SKAFU_EDEFINITION, "shop");
	def = good, def.decide = NULL;
	refused(add(&def), SKAFU_EDEFINITION, "no function decide");
	def = good, def.evolve = NULL;
	refused(add(&def), SKAFU_EDEFINITION, "no function evolve");
	def = good, def.state = NULL;
	refused(add(&def), SKAFU_EDEFINITION, "no state");
	def = good, def.state = NULL, def.evolve = NULL, def.scope = some_scope;
	refused(add(&def), SKAFU_EDEFINITION, "scope");
	def = good, def.state = NULL, def.evolve = NULL, def.snapshot_every = 1;
	refused(add(&def), SKAFU_EDEFINITION, "snapshots");
	def = good, def.command_count = 0;
	refused(add(&def), SKAFU_EDEFINITION, "names 0 commands");
	def = good, def.commands = twice, def.command_count = 2;
	refused(add(&def), SKAFU_EDEFINITION, "twice");
	def = good, def.name = NULL;
	ck_assert_int_eq(add(&def), SKAFU_EINVAL);
	ck_assert_uint_eq(bank.freed, 9);
	ck_assert_int_eq(add(&good), 0);
	refused(add(&good), SKAFU_EDEFINITION, "already");
	def = good, def.name = "other";
	refused(add(&def), SKAFU_EDEFINITION, "which decider account of domain bank decides");
	def = good, def.size = 2;
	ck_assert_int_eq(add(&def), SKAFU_EOPTION);
	ck_assert_uint_eq(bank.freed, 11);
	ck_assert_int_lt(skafu_model_add_decider(bank.model, NULL, NULL), 0);
}
END_TEST

START_TEST(refused_states)
{
	skafu_state_def state = {.size = sizeof state, .bytes = 8, .make = make};
	skafu_decider_def def = whole(&state);

	refused(add(&def), SKAFU_EDEFINITION, "flat state");
	state.make = NULL;
	state.bytes = (size_t)1 << 31;
	refused(add(&def), SKAFU_EDEFINITION, "managed one");
	state = managed;
	state.make = NULL;
	refused(add(&def), SKAFU_EDEFINITION, "without the function make");
	state = managed;
	state.drop = NULL;
	refused(add(&def), SKAFU_EDEFINITION, "without the function drop");
	state = managed;
	state.copy = NULL;
	refused(add(&def), SKAFU_EDEFINITION, "without the function copy");
	state = managed;
	state.load = NULL;
	refused(add(&def), SKAFU_EDEFINITION, "load alone");
	state = managed;
	state.save = NULL;
	state.load = NULL;
	def.snapshot_every = 3;
	refused(add(&def), SKAFU_EDEFINITION, "no functions save");
	state = managed;
	state.size = 0;
	ck_assert_int_eq(add(&def), SKAFU_EOPTION);
}
END_TEST

static void define_managed(uint32_t every)
{
	skafu_decider_def def = whole(&managed);

	def.snapshot_every = every;
	fixture_event(&bank, "Opened");
	fixture_event(&bank, "Deposited");
	fixture_event(&bank, "Withdrawn");
	ck_assert_int_eq(add(&def), 0);
}

START_TEST(a_managed_state)
{
	define_managed(3);
	for (int i = 0; i < 10; i++)
		skafu_outcome_free(fixture_execute(&bank, "Deposit", "a", 2));
	ck_assert_int_eq(fixture_balance(&bank, "a"), 20);
	fixture_reopen_model(&bank);
	ck_assert_int_eq(objects, 0);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "bank", NULL), 0);
	define_managed(3);
	loads = 0;
	bank.evolved = 0;
	ck_assert_int_eq(fixture_balance(&bank, "a"), 20);
	ck_assert_int_eq(loads, 1);
	ck_assert_uint_lt(bank.evolved, 4);
}
END_TEST

START_TEST(functions_that_fail)
{
	skafu_outcome *outcome = NULL;

	define_managed(1);
	for (const char *f = "mncsl"; *f; f++) {
		fails = 0;
		skafu_outcome_free(fixture_execute(&bank, "Deposit", "kept", 1));
		skafu_outcome_free(fixture_execute(&bank, "Deposit", "kept", 1));
		fails = *f;
		int32_t rc = fixture_try(&bank, "Deposit", *f == 'c' || *f == 's' ? "kept" : f, NULL, &outcome);
		if (*f == 's' || *f == 'l') /* no snapshot, and that is all */
			ck_assert_int_eq(rc, 0);
		else
			ck_assert_int_eq(rc, SKAFU_EHOST);
		if (rc == 0)
			skafu_outcome_free(outcome);
		fails = 0;
	}
	/* A snapshot that the host cannot read is as good as none. */
	fixture_reopen_model(&bank);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "bank", NULL), 0);
	define_managed(1);
	fails = 'l';
	ck_assert_int_gt(fixture_balance(&bank, "kept"), 9);
	fails = 0;
}
END_TEST

static int32_t set_seven(void *user, void *state, skafu_error *error)
{
	(void)user;
	(void)error;
	((struct account *)state)->balance = 7;
	return fails ? SKAFU_EHOST : 0;
}

START_TEST(a_flat_state_begins_with_init)
{
	skafu_state_def state = {.size = sizeof state, .bytes = sizeof(struct account), .init = set_seven};
	skafu_decider_def def = whole(&state);
	skafu_command command = {.size = sizeof command, .type = "Deposit", .stream = "a"};
	skafu_state *loaded = NULL;

	ck_assert_int_eq(add(&def), 0);
	ck_assert_int_eq(fixture_balance(&bank, "a"), 7);
	fails = 1;
	ck_assert_int_eq(skafu_state_load(bank.model, &command, 0, &loaded, NULL), 0); /* kept */
	skafu_state_free(loaded);
	command.stream = "b";
	ck_assert_int_eq(skafu_state_load(bank.model, &command, 0, &loaded, NULL), SKAFU_EHOST);
	fails = 0;
}
END_TEST

static int32_t define_without_memory(void)
{
	skafu_decider_def def = whole(&managed);

	return add(&def);
}

START_TEST(without_memory)
{
	struct failing failing;
	int32_t rc = SKAFU_ENOMEM;

	failing_init(&failing);
	for (long left = 0; rc != 0; left++) {
		fixture_close(&bank);
		skafu__sys_override(&failing.sys);
		open_bank();
		failing.left = left;
		rc = define_without_memory();
		failing.left = -1;
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
		ck_assert_uint_eq(bank.freed, rc != 0);
		ck_assert((skafu__registry_command(&bank.model->registry, "Open") != NULL) == (rc == 0));
		ck_assert((skafu__registry_command(&bank.model->registry, "Fail") != NULL) == (rc == 0));
		fixture_close(&bank);
		ck_assert_int_eq(failing.live, 0);
		skafu__sys_override(NULL);
		open_bank();
		ck_assert_int_lt(left, 100);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("decider");
	TCase *tests = tcase_create("decider");

	tcase_add_checked_fixture(tests, open_bank, close_bank);
	tcase_add_test(tests, refused_deciders);
	tcase_add_test(tests, refused_states);
	tcase_add_test(tests, a_managed_state);
	tcase_add_test(tests, functions_that_fail);
	tcase_add_test(tests, a_flat_state_begins_with_init);
	tcase_add_test(tests, without_memory);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

/*
 * dcb_test.c: the scenarios of dcb.events through deciders with a scope: course subscriptions, unique user names,
 * invoice numbers, opt-in tokens, dynamic prices, no duplicates.
 */
#include <check.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "skafu_model.h"
#include "util/suite.h"

static skafu_store *store;
static skafu_model *model;
static struct skafu_error failure;

/* ---- helpers --------------------------------------------------------------------------------------------------- */

static void field(const void *data, size_t length, const char *pointer, char *out, size_t size)
{
	if (skafu_json_text(data, length, pointer, size, out, NULL) != 0)
		out[0] = 0;
}

static void of_command(const skafu_command *command, const char *pointer, char *out, size_t size)
{
	field(command->data, command->data_length, pointer, out, size);
}

static int32_t item(skafu_query *query, const char *type, const char *tag, skafu_error *error)
{
	int32_t rc = skafu_query_add_item(query, error);

	if (rc == 0)
		rc = skafu_query_add_type(query, type, error);
	return rc == 0 ? skafu_query_add_tag(query, tag, error) : rc;
}

static int has_tag(const skafu_record *record, const char *prefix, const char *value)
{
	size_t length = strlen(prefix);

	for (uint32_t i = 0; i < record->tag_count; i++) {
		const char *tag = skafu_record_tag(record, i);

		if (strncmp(tag, prefix, length) == 0 && strcmp(tag + length, value) == 0)
			return 1;
	}
	return 0;
}

static int32_t emit(skafu_turn *turn, const char *type, const char *const *tags, size_t count, const char *data,
		    skafu_error *error)
{
	skafu_new_record event = {
		.size = sizeof event, .type = type, .stream = "dcb", .tags = tags, .tag_count = count, .data = data};

	event.data_length = data ? strlen(data) : 0;
	return skafu_turn_emit(turn, &event, error);
}

static void define(const char *name, const char *command, size_t bytes, skafu_scope_fn scope, skafu_evolve_fn evolve,
		   skafu_decide_fn decide)
{
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = bytes};
	skafu_decider_def def = {.size = sizeof def, .domain = "dcb", .name = name, .commands = &command,
				 .command_count = 1, .state = &state, .evolve = evolve, .decide = decide,
				 .scope = scope, .snapshot_every = 2};

	ck_assert_int_eq(skafu_model_add_decider(model, &def, &failure), 0);
}

static void event(const char *type)
{
	skafu_event_def def = {.size = sizeof def, .domain = "dcb", .type = type};

	ck_assert_int_eq(skafu_model_add_event(model, &def, &failure), 0);
}

/* "" when accepted, else the code of the refusal. */
static const char *run(const char *type, const char *data)
{
	static char code[64];
	skafu_command command = {.size = sizeof command, .type = type, .data = data, .data_length = strlen(data)};
	skafu_outcome *outcome = NULL;

	if (skafu_model_execute(model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome, &failure) != 0)
		ck_abort_msg("%s: %s", type, failure.message);
	snprintf(code, sizeof code, "%s", outcome->code);
	skafu_outcome_free(outcome);
	return code;
}

static void open_model(void)
{
	ck_assert_int_eq(skafu_store_open_memory(NULL, &store, &failure), 0);
	ck_assert_int_eq(skafu_model_open(store, NULL, &model, &failure), 0);
	ck_assert_int_eq(skafu_model_add_domain(model, "dcb", &failure), 0);
}

static void close_model(void)
{
	skafu_model_close(model);
	skafu_store_close(store);
}

/* ---- course subscriptions: a course has 2 seats, a student takes at most 2 courses --------------------------- */

struct course {
	int taken, taking, already;
};

static char course_tag[64], student_tag[64]; /* one thread at a time in this scenario */

static int32_t course_scope(void *user, const skafu_command *command, skafu_query *read, skafu_query *guard,
			    skafu_error *error)
{
	char name[32];

	(void)user;
	(void)guard;
	of_command(command, "/course", name, sizeof name);
	snprintf(course_tag, sizeof course_tag, "course:%s", name);
	of_command(command, "/student", name, sizeof name);
	snprintf(student_tag, sizeof student_tag, "student:%s", name);
	int32_t rc = item(read, "Subscribed", course_tag, error);
	return rc == 0 ? item(read, "Subscribed", student_tag, error) : rc;
}

static int32_t course_evolve(void *user, void *state, const skafu_record *record, skafu_error *error)
{
	struct course *course = state;
	int here = has_tag(record, "", course_tag), mine = has_tag(record, "", student_tag);

	(void)user;
	(void)error;
	course->taken += here;
	course->taking += mine;
	course->already |= here && mine;
	return 0;
}

static int32_t course_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			     skafu_error *error)
{
	const struct course *course = state;
	const char *const tags[] = {course_tag, student_tag};

	(void)user;
	(void)command;
	if (course->already)
		return skafu_turn_refuse(turn, "already", NULL, error);
	if (course->taken >= 2)
		return skafu_turn_refuse(turn, "full", NULL, error);
	if (course->taking >= 2)
		return skafu_turn_refuse(turn, "enough", NULL, error);
	return emit(turn, "Subscribed", tags, 2, NULL, error);
}

START_TEST(course_subscriptions)
{
	event("Subscribed");
	define("course", "Subscribe", sizeof(struct course), course_scope, course_evolve, course_decide);
	ck_assert_str_eq(run("Subscribe", "{\"course\":\"music\",\"student\":\"anna\"}"), "");
	ck_assert_str_eq(run("Subscribe", "{\"course\":\"music\",\"student\":\"anna\"}"), "already");
	ck_assert_str_eq(run("Subscribe", "{\"course\":\"music\",\"student\":\"bert\"}"), "");
	ck_assert_str_eq(run("Subscribe", "{\"course\":\"music\",\"student\":\"carl\"}"), "full");
	ck_assert_str_eq(run("Subscribe", "{\"course\":\"law\",\"student\":\"anna\"}"), "");
	ck_assert_str_eq(run("Subscribe", "{\"course\":\"art\",\"student\":\"anna\"}"), "enough");
	ck_assert_str_eq(run("Subscribe", "{\"course\":\"art\",\"student\":\"carl\"}"), "");
}
END_TEST

/* ---- unique user names, from many threads at once ------------------------------------------------------------ */

static int32_t name_scope(void *user, const skafu_command *command, skafu_query *read, skafu_query *guard,
			  skafu_error *error)
{
	char name[32], tag[64];

	(void)user;
	(void)guard;
	of_command(command, "/name", name, sizeof name);
	snprintf(tag, sizeof tag, "name:%s", name);
	int32_t rc = item(read, "Registered", tag, error);
	return rc == 0 ? item(read, "Closed", tag, error) : rc;
}

static int32_t name_evolve(void *user, void *state, const skafu_record *record, skafu_error *error)
{
	(void)user;
	(void)error;
	*(int *)state = strcmp(record->type, "Registered") == 0;
	return 0;
}

static int32_t name_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			   skafu_error *error)
{
	char name[32], tag[64];
	const char *const tags[] = {tag};
	int closes = strcmp(command->type, "Close") == 0;

	(void)user;
	of_command(command, "/name", name, sizeof name);
	snprintf(tag, sizeof tag, "name:%s", name);
	if (*(const int *)state == !closes)
		return skafu_turn_refuse(turn, closes ? "unknown" : "taken", NULL, error);
	return emit(turn, closes ? "Closed" : "Registered", tags, 1, NULL, error);
}

static void define_names(void)
{
	event("Registered");
	event("Closed");
	define("register", "Register", sizeof(int), name_scope, name_evolve, name_decide);
	define("close", "Close", sizeof(int), name_scope, name_evolve, name_decide);
}

static void *register_all(void *arg)
{
	uintptr_t accepted = 0;

	(void)arg;
	for (int i = 0; i < 20; i++) {
		char data[32];
		skafu_command command = {.size = sizeof command, .type = "Register", .data = data};
		skafu_outcome *outcome = NULL;

		command.data_length = (size_t)snprintf(data, sizeof data, "{\"name\":\"n%d\"}", i);
		if (skafu_model_execute(model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome, NULL) != 0)
			return (void *)1000;
		accepted += outcome->decision == SKAFU_DECISION_ACCEPTED;
		skafu_outcome_free(outcome);
	}
	return (void *)accepted;
}

START_TEST(unique_user_names)
{
	pthread_t threads[4];
	uintptr_t accepted = 0;

	define_names();
	ck_assert_str_eq(run("Register", "{\"name\":\"anna\"}"), "");
	ck_assert_str_eq(run("Register", "{\"name\":\"anna\"}"), "taken");
	ck_assert_str_eq(run("Close", "{\"name\":\"anna\"}"), "");
	ck_assert_str_eq(run("Register", "{\"name\":\"anna\"}"), ""); /* free again */
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, register_all, NULL), 0);
	for (int i = 0; i < 4; i++) {
		void *mine = NULL;

		pthread_join(threads[i], &mine);
		accepted += (uintptr_t)mine;
	}
	ck_assert_uint_eq(accepted, 20);
}
END_TEST

/* ---- invoice numbers without a gap ----------------------------------------------------------------------------- */

static int32_t invoice_scope(void *user, const skafu_command *command, skafu_query *read, skafu_query *guard,
			     skafu_error *error)
{
	(void)user;
	(void)command;
	(void)guard;
	return skafu_query_add_type(read, "Invoiced", error);
}

static int32_t invoice_evolve(void *user, void *state, const skafu_record *record, skafu_error *error)
{
	(void)user;
	return skafu_json_int64(record->data, record->data_length, "/number", state, error);
}

static int32_t invoice_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			      skafu_error *error)
{
	char data[64];

	(void)user;
	(void)command;
	snprintf(data, sizeof data, "{\"number\":%" PRId64 "}", *(const int64_t *)state + 1);
	return emit(turn, "Invoiced", NULL, 0, data, error);
}

static void *invoice_some(void *arg)
{
	uintptr_t failed = 0;

	(void)arg;
	for (int i = 0; i < 25; i++) {
		skafu_command command = {.size = sizeof command, .type = "Invoice"};
		skafu_outcome *outcome = NULL;

		failed += skafu_model_execute(model, &command, SKAFU_WAIT_FOREVER, NULL, &outcome, NULL) != 0;
		skafu_outcome_free(outcome);
	}
	return (void *)failed;
}

START_TEST(invoice_numbers)
{
	pthread_t threads[4];
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	int64_t expected = 0;

	event("Invoiced");
	define("invoice", "Invoice", sizeof(int64_t), invoice_scope, invoice_evolve, invoice_decide);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, invoice_some, NULL), 0);
	for (int i = 0; i < 4; i++) {
		void *failed = NULL;

		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	ck_assert_int_eq(skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, NULL), 0);
	while (skafu_cursor_next(cursor, &record, NULL) == 1) {
		int64_t number = 0;

		ck_assert_int_eq(skafu_json_int64(record->data, record->data_length, "/number", &number, NULL), 0);
		ck_assert_int_eq(number, ++expected);
	}
	skafu_cursor_free(cursor);
	ck_assert_int_eq(expected, 100);
}
END_TEST

/* ---- opt-in tokens: a code is good once, and for a while ----------------------------------------------------- */

struct token {
	int asked, used;
	int64_t until_ns;
};

static int32_t token_scope(void *user, const skafu_command *command, skafu_query *read, skafu_query *guard,
			   skafu_error *error)
{
	char code[32], tag[64];

	(void)user;
	(void)guard;
	of_command(command, "/code", code, sizeof code);
	snprintf(tag, sizeof tag, "code:%s", code);
	int32_t rc = item(read, "SignUpAsked", tag, error);
	return rc == 0 ? item(read, "SignUpConfirmed", tag, error) : rc;
}

static int32_t token_evolve(void *user, void *state, const skafu_record *record, skafu_error *error)
{
	struct token *token = state;

	(void)user;
	if (strcmp(record->type, "SignUpConfirmed") == 0) {
		token->used = 1;
		return 0;
	}
	token->asked = 1;
	return skafu_json_int64(record->data, record->data_length, "/until", &token->until_ns, error);
}

static int32_t token_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			    skafu_error *error)
{
	const struct token *token = state;
	char code[32], tag[64], data[64];
	const char *const tags[] = {tag};
	int64_t valid_ns = 0;

	(void)user;
	of_command(command, "/code", code, sizeof code);
	snprintf(tag, sizeof tag, "code:%s", code);
	if (strcmp(command->type, "AskSignUp") == 0) {
		skafu_json_int64(command->data, command->data_length, "/valid", &valid_ns, NULL);
		snprintf(data, sizeof data, "{\"until\":%" PRId64 "}", skafu_turn_now(turn) + valid_ns);
		return emit(turn, "SignUpAsked", tags, 1, data, error);
	}
	if (!token->asked)
		return skafu_turn_refuse(turn, "unknown", NULL, error);
	if (token->used)
		return skafu_turn_refuse(turn, "used", NULL, error);
	if (skafu_turn_now(turn) > token->until_ns)
		return skafu_turn_refuse(turn, "late", NULL, error);
	return emit(turn, "SignUpConfirmed", tags, 1, NULL, error);
}

START_TEST(opt_in_tokens)
{
	event("SignUpAsked");
	event("SignUpConfirmed");
	define("ask", "AskSignUp", sizeof(struct token), token_scope, token_evolve, token_decide);
	define("confirm", "ConfirmSignUp", sizeof(struct token), token_scope, token_evolve, token_decide);
	ck_assert_str_eq(run("AskSignUp", "{\"code\":\"123\",\"valid\":60000000000}"), "");
	ck_assert_str_eq(run("AskSignUp", "{\"code\":\"456\",\"valid\":-1}"), "");
	ck_assert_str_eq(run("ConfirmSignUp", "{\"code\":\"000\"}"), "unknown");
	ck_assert_str_eq(run("ConfirmSignUp", "{\"code\":\"456\"}"), "late");
	ck_assert_str_eq(run("ConfirmSignUp", "{\"code\":\"123\"}"), "");
	ck_assert_str_eq(run("ConfirmSignUp", "{\"code\":\"123\"}"), "used");
}
END_TEST

/* ---- dynamic prices: the price that was shown is good when it is the newest or the one before ---------------- */

struct price {
	int64_t now, before;
};

static int32_t price_scope(void *user, const skafu_command *command, skafu_query *read, skafu_query *guard,
			   skafu_error *error)
{
	char name[32], tag[64];

	(void)user;
	of_command(command, "/product", name, sizeof name);
	snprintf(tag, sizeof tag, "product:%s", name);
	int32_t rc = item(read, "PriceSet", tag, error);
	if (rc == 0)
		rc = item(read, "Renamed", tag, error);
	return rc == 0 ? item(guard, "PriceSet", tag, error) : rc;
}

static int32_t price_evolve(void *user, void *state, const skafu_record *record, skafu_error *error)
{
	struct price *price = state;

	(void)user;
	if (strcmp(record->type, "Renamed") == 0)
		return 0;
	price->before = price->now;
	return skafu_json_int64(record->data, record->data_length, "/price", &price->now, error);
}

static const char *in_between; /* a type that gets in between read and append, once */

static void get_in_between(void)
{
	static const char *const tags[] = {"product:tea"};
	skafu_new_record record = {.size = sizeof record, .stream = "dcb", .type = in_between, .source = "dcb",
				   .tags = tags, .tag_count = 1, .data = "{\"price\":9}", .data_length = 11};
	skafu_batch *batch = NULL;

	in_between = NULL;
	ck_assert_int_eq(skafu_batch_new(store, &batch, NULL), 0);
	ck_assert_int_eq(skafu_batch_add(batch, &record, NULL), 0);
	ck_assert_int_eq(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL), 0);
	skafu_batch_free(batch);
}

static uint32_t price_decisions;

static int32_t price_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			    skafu_error *error)
{
	static const char *const tags[] = {"product:tea"};
	const struct price *price = state;
	int64_t shown = 0;

	(void)user;
	price_decisions++;
	if (in_between)
		get_in_between();
	if (strcmp(command->type, "SetPrice") == 0)
		return emit(turn, "PriceSet", tags, 1, command->data, error);
	skafu_json_int64(command->data, command->data_length, "/shown", &shown, NULL);
	if (shown != price->now && shown != price->before)
		return skafu_turn_refuse(turn, "price", NULL, error);
	return emit(turn, "Ordered", tags, 1, NULL, error);
}

START_TEST(dynamic_prices)
{
	event("PriceSet");
	event("Renamed");
	event("Ordered");
	define("set", "SetPrice", sizeof(struct price), price_scope, price_evolve, price_decide);
	define("order", "Order", sizeof(struct price), price_scope, price_evolve, price_decide);
	ck_assert_str_eq(run("SetPrice", "{\"product\":\"tea\",\"price\":5}"), "");
	ck_assert_str_eq(run("Order", "{\"product\":\"tea\",\"shown\":5}"), "");
	ck_assert_str_eq(run("SetPrice", "{\"product\":\"tea\",\"price\":6}"), "");
	ck_assert_str_eq(run("SetPrice", "{\"product\":\"tea\",\"price\":7}"), "");
	ck_assert_str_eq(run("Order", "{\"product\":\"tea\",\"shown\":6}"), "");
	ck_assert_str_eq(run("Order", "{\"product\":\"tea\",\"shown\":5}"), "price");
	in_between = "Renamed"; /* read, but not guarded: no conflict */
	price_decisions = 0;
	ck_assert_str_eq(run("Order", "{\"product\":\"tea\",\"shown\":6}"), "");
	ck_assert_uint_eq(price_decisions, 1);
	in_between = "PriceSet"; /* 9: then 6 is neither the newest nor the one before */
	price_decisions = 0;
	ck_assert_str_eq(run("Order", "{\"product\":\"tea\",\"shown\":6}"), "price");
	ck_assert_uint_eq(price_decisions, 2);
	in_between = "PriceSet"; /* the decision is a refusal: its conflict is found out too */
	price_decisions = 0;
	ck_assert_str_eq(run("Order", "{\"product\":\"tea\",\"shown\":1}"), "price");
	ck_assert_uint_eq(price_decisions, 2);
}
END_TEST

/* ---- no duplicates: the client's token makes a request count once -------------------------------------------- */

START_TEST(no_duplicates)
{
	skafu_command command = {.size = sizeof command, .type = "Invoice", .key = "11111"};
	skafu_outcome *first = NULL, *second = NULL;
	uint64_t head = 0;

	event("Invoiced");
	define("invoice", "Invoice", sizeof(int64_t), invoice_scope, invoice_evolve, invoice_decide);
	ck_assert_int_eq(skafu_model_execute(model, &command, 0, NULL, &first, NULL), 0);
	ck_assert_int_eq(skafu_model_execute(model, &command, 0, NULL, &second, NULL), 0);
	ck_assert_uint_eq(second->flags, SKAFU_OUTCOME_REPEATED);
	ck_assert_uint_eq(first->first_sequence, second->first_sequence);
	skafu_outcome_free(first);
	skafu_outcome_free(second);
	ck_assert_int_eq(skafu_store_head(store, &head, NULL), 0);
	ck_assert_uint_eq(head, 1);
	command.key = "22222";
	ck_assert_int_eq(skafu_model_execute(model, &command, 0, NULL, &first, NULL), 0);
	ck_assert_uint_eq(first->first_sequence, 2);
	skafu_outcome_free(first);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dcb");
	TCase *tests = tcase_create("dcb");

	tcase_add_checked_fixture(tests, open_model, close_model);
	tcase_add_test(tests, course_subscriptions);
	tcase_add_test(tests, unique_user_names);
	tcase_add_test(tests, invoice_numbers);
	tcase_add_test(tests, opt_in_tokens);
	tcase_add_test(tests, dynamic_prices);
	tcase_add_test(tests, no_duplicates);
	tcase_set_timeout(tests, 30);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

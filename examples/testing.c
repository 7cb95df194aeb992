/*
 * Lesson 6: tests.  Given what has happened, when somebody wants something, then this came of it.
 *
 * The kit (libskafu_test) runs the definitions of lessons 3 and 4, as they are, on stores in memory with a clock of
 * their own: a second of patience takes no time, and a run with the same seed is the same run.  It works with any
 * test framework; here there is none.  A check returns 0 when it holds and 1 when it does not, and then the report
 * says what was expected and what was found: the last case is wrong on purpose.
 *
 * Usage: testing
 */
#define main bank_main
#define happened bank_happened
#define order bank_order
#include "bank.c" /* NOLINT(bugprone-suspicious-include): the lessons are what is tested */
#undef order
#undef happened
#undef main
#define main saga_main
#include "saga.c" /* NOLINT(bugprone-suspicious-include) */
#undef main
#include <skafu_test.h>

/* ---- a test is a function that returns 0, or what the first check of it returned that did not ---- */

#define TRY(call)                  \
	do {                       \
		int32_t rc_ = (call); \
		if (rc_ != 0)      \
			return rc_; \
	} while (0)

static skafu_new_record event(const char *stream, const char *type, const char *data)
{
	skafu_new_record record = {.size = sizeof(record), .stream = stream, .type = type, .data = data};

	record.data_length = data ? strlen(data) : 0;
	return record;
}

static skafu_command command(const char *stream, const char *type, const char *data)
{
	skafu_command c = {.size = sizeof(c), .stream = stream, .type = type, .data = data};

	c.data_length = data ? strlen(data) : 0;
	return c;
}

static int32_t given(skafu_scenario *s, const char *stream, const char *type, const char *data, skafu_error *error)
{
	skafu_new_record record = event(stream, type, data);

	return skafu_scenario_given(s, &record, error);
}

static int32_t when(skafu_scenario *s, const char *stream, const char *type, const char *data, skafu_error *error)
{
	skafu_command c = command(stream, type, data);

	c.correlation = stream;
	return skafu_scenario_when(s, &c, error);
}

static int32_t then(skafu_scenario *s, const char *type, const char *data, skafu_error *error)
{
	skafu_new_record record = event(NULL, type, data);

	return skafu_scenario_then_event(s, &record, error);
}

static int32_t then_sent(skafu_scenario *s, const char *type, const char *data, skafu_error *error)
{
	skafu_command c = command(NULL, type, data);

	return skafu_scenario_then_command(s, &c, error);
}

/* ---- the bank ---- */

static int32_t money_can_be_withdrawn(skafu_scenario *s, skafu_error *error)
{
	uint8_t seventy[8] = {70}; /* as skafu_edit_count() keeps it */

	TRY(given(s, "anna", "AccountOpened", NULL, error));
	TRY(given(s, "anna", "MoneyDeposited", "{\"amount\":100}", error));
	TRY(when(s, "anna", "Withdraw", "{\"amount\":30}", error));
	TRY(then(s, "MoneyWithdrawn", "{\"amount\":30.0}", error)); /* JSON is compared by its meaning */
	TRY(skafu_scenario_then_nothing(s, error));
	return skafu_scenario_then_row(s, "balances", NULL, "anna", 4, seventy, sizeof(seventy), error);
}

static int32_t no_more_than_there_is(skafu_scenario *s, skafu_error *error)
{
	TRY(given(s, "anna", "AccountOpened", NULL, error));
	TRY(when(s, "anna", "Withdraw", "{\"amount\":1}", error));
	TRY(skafu_scenario_then_refused(s, "overdrawn", error));
	return skafu_scenario_then_nothing(s, error);
}

/* Somebody else is faster, once: the decider decides again. */
static int32_t a_conflict_does_no_harm(skafu_scenario *s, skafu_error *error)
{
	TRY(given(s, "anna", "AccountOpened", NULL, error));
	TRY(skafu_scenario_fail(s, SKAFU_FAULT_APPEND, 1, 1, error));
	TRY(when(s, "anna", "Deposit", "{\"amount\":1}", error));
	TRY(then(s, "MoneyDeposited", NULL, error));
	return skafu_scenario_then_nothing(s, error);
}

/* ---- the saga ---- */

static int32_t an_order_is_confirmed(skafu_scenario *s, skafu_error *error)
{
	TRY(when(s, "o-1", "PlaceOrder", "{\"amount\":50}", error));
	TRY(then(s, "OrderPlaced", NULL, error));
	TRY(then_sent(s, "ReserveGoods", "{\"amount\":50}", error));
	TRY(then(s, "GoodsReserved", NULL, error));
	TRY(then_sent(s, "ChargeCard", "{\"amount\":50}", error));
	TRY(then(s, "CardCharged", NULL, error));
	TRY(then(s, "OrderConfirmed", NULL, error));
	TRY(skafu_scenario_then_nothing(s, error));
	return skafu_scenario_then_process(s, "fulfilment", "o-1", SKAFU_PROCESS_COMPLETED, error);
}

/* The bank does not answer.  Nobody waits: the clock is put forward. */
static int32_t silence_is_a_no(skafu_scenario *s, skafu_error *error)
{
	TRY(when(s, "o-1", "PlaceOrder", "{\"amount\":77}", error));
	TRY(then(s, "OrderPlaced", NULL, error));
	TRY(then_sent(s, "ReserveGoods", NULL, error));
	TRY(then(s, "GoodsReserved", NULL, error));
	TRY(then_sent(s, "ChargeCard", NULL, error));
	TRY(skafu_scenario_then_nothing(s, error));
	TRY(skafu_scenario_when_time(s, skafu_scenario_now(s) + PATIENCE_NS, error));
	TRY(then(s, "OrderExpired", NULL, error));
	TRY(then(s, "OrderCancelled", NULL, error));
	TRY(then_sent(s, "ReleaseGoods", "{\"amount\":77}", error));
	TRY(then(s, "GoodsReleased", NULL, error));
	TRY(skafu_scenario_then_nothing(s, error));
	return skafu_scenario_then_process(s, "fulfilment", "o-1", SKAFU_PROCESS_FAILED, error);
}

/* A test that is wrong, to show a report. */
static int32_t wrong_on_purpose(skafu_scenario *s, skafu_error *error)
{
	TRY(given(s, "anna", "AccountOpened", NULL, error));
	TRY(when(s, "anna", "Deposit", "{\"amount\":100,\"from\":\"Otto\"}", error));
	return then(s, "MoneyDeposited", "{\"amount\":1e3,\"to\":\"Anna\"}", error);
}

/* ---- the runner ---- */

typedef struct test {
	const char *name;
	int32_t (*define)(skafu_model *model, skafu_error *error);
	int32_t (*run)(skafu_scenario *s, skafu_error *error);
	int32_t expected;
} test;

static const test tests[] = {
	{"money can be withdrawn", define_bank, money_can_be_withdrawn, 0},
	{"no more than there is", define_bank, no_more_than_there_is, 0},
	{"a conflict does no harm", define_bank, a_conflict_does_no_harm, 0},
	{"an order is confirmed", define, an_order_is_confirmed, 0},
	{"silence is a no", define, silence_is_a_no, 0},
	{"wrong on purpose", define_bank, wrong_on_purpose, 1},
};

static int32_t run(const test *t, skafu_error *error)
{
	/* Reactions and processes get everything twice, and must not do more for it. */
	skafu_scenario_opts opts = {.size = sizeof(opts), .flags = SKAFU_SCENARIO_REPEAT, .seed = 1};
	skafu_scenario *s = NULL;
	int32_t rc = skafu_scenario_new(&opts, &s, error);

	if (rc == 0)
		rc = t->define(skafu_scenario_model(s), error);
	if (rc == 0)
		rc = t->run(s, error);
	printf("%-24s %s\n", t->name, rc == 0 ? "ok" : "does not hold");
	if (rc > 0)
		printf("%s\n", skafu_scenario_report(s));
	if (rc < 0)
		printf("%s\n", skafu_error_message(error));
	skafu_scenario_free(s);
	return rc;
}

int main(void)
{
	skafu_error *error = NULL;
	int surprises = 0;

	if (skafu_error_new(&error) < 0)
		return 1;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		surprises += run(&tests[i], error) != tests[i].expected;
	skafu_error_free(error);
	return surprises != 0;
}

/*
 * outcome_test.c: outcomes as records: what is written is read back, and what others wrote is refused.
 */
#include "run/outcome.h"

#include <check.h>
#include <string.h>

#include "base/trouble.h"
#include "run/kit.h"

static struct kit kit;
static const uint8_t command_id[16] = {1, 2, 3, 4, 5, 6, 0x87, 8, 0x89, 10, 11, 12, 13, 14, 15, 16};

static void make(void)
{
	kit_open(&kit);
}

static void drop(void)
{
	kit_close(&kit);
}

static struct skafu__answer answer_of(uint32_t decision, uint32_t events)
{
	return (struct skafu__answer){.decision = decision, .event_count = events, .stream_version = 7,
				      .command = command_id, .code = "c\"ode", .message = "a\nsentence",
				      .correlation = "flow"};
}

/* Append so many events and behind them the outcome: its record. */
static skafu_record *append(const struct skafu__told *told, uint32_t events)
{
	const skafu_record command = {.type = "Order", .stream = "order-1", .source = "shop", .id = command_id,
				      .correlation = "flow", .hops = 2};
	skafu_batch *batch = batch_of(kit.store);
	skafu_record *record = NULL;

	for (uint32_t i = 0; i < events; i++) {
		skafu_new_record event = {.size = sizeof event, .type = "Ordered", .stream = "order-1",
					  .source = "shop"};
		went(skafu_batch_add(batch, &event, fault));
	}
	went(skafu__outcome_put(kit.model, &command, told, batch, fault));
	appended_by(kit.store, batch);
	went(skafu_get(kit.store, head_of(kit.store), &record, fault));
	return record;
}

START_TEST(accepted)
{
	const struct skafu__answer answer = answer_of(SKAFU_DECISION_ACCEPTED, 2);
	skafu_record *record = append(&(struct skafu__told){.answer = &answer, .attempts = 3}, 2);
	skafu_outcome *outcome = NULL;

	ck_assert_uint_eq(record->kind, SKAFU_KIND_OUTCOME);
	ck_assert_str_eq(record->stream, "order-1");
	ck_assert_uint_eq(record->hops, 3);
	went(skafu_outcome_read(record, &outcome, fault));
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	ck_assert_uint_eq(outcome->flags, 0);
	ck_assert_uint_eq(outcome->event_count, 2);
	ck_assert_uint_eq(outcome->first_sequence, record->sequence - 2);
	ck_assert_uint_eq(outcome->last_sequence, record->sequence - 1);
	ck_assert_uint_eq(outcome->stream_version, 7);
	ck_assert_uint_eq(outcome->attempts, 3);
	ck_assert_uint_eq(outcome->commit, record->commit);
	ck_assert_str_eq(outcome->code, "c\"ode");
	ck_assert_str_eq(outcome->message, "a\nsentence");
	ck_assert_str_eq(outcome->correlation, "flow");
	ck_assert_int_eq(memcmp(outcome->command, command_id, 16), 0);
	skafu_outcome_free(outcome);
	skafu_record_free(record);
}
END_TEST

START_TEST(refused_and_repeated)
{
	const struct skafu__answer no = answer_of(SKAFU_DECISION_REFUSED, 0);
	const struct skafu__answer again = answer_of(SKAFU_DECISION_ACCEPTED, 1);
	skafu_outcome *outcome = NULL;
	skafu_record *record = append(&(struct skafu__told){.answer = &no, .attempts = 1}, 0);

	went(skafu_outcome_read(record, &outcome, fault));
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_REFUSED);
	ck_assert_uint_eq(outcome->first_sequence, 0);
	ck_assert_uint_eq(outcome->last_sequence, 0);
	skafu_outcome_free(outcome);
	skafu_record_free(record);
	record = append(&(struct skafu__told){.answer = &again, .is_repeated = 1}, 0);
	went(skafu_outcome_read(record, &outcome, fault));
	ck_assert_uint_eq(outcome->flags, SKAFU_OUTCOME_REPEATED);
	ck_assert_uint_eq(outcome->event_count, 1);
	ck_assert_uint_eq(outcome->first_sequence, 0);
	ck_assert_uint_eq(outcome->commit, 0);
	skafu_outcome_free(outcome);
	skafu_record_free(record);
}
END_TEST

/* Without a stream the command has none in its outcome either. */
START_TEST(without_a_stream)
{
	const skafu_record command = {.type = "Order", .stream = "", .source = "shop", .id = command_id,
				      .correlation = "flow"};
	const struct skafu__answer answer = answer_of(SKAFU_DECISION_ACCEPTED, 0);
	const struct skafu__told told = {.answer = &answer, .attempts = 1};
	skafu_batch *batch = batch_of(kit.store);
	skafu_record *record = NULL;

	went(skafu__outcome_put(kit.model, &command, &told, batch, fault));
	appended_by(kit.store, batch);
	went(skafu_get(kit.store, 1, &record, fault));
	ck_assert_str_eq(record->stream, "");
	skafu_record_free(record);
}
END_TEST

/* ---- not ours -------------------------------------------------------------------------------------------------- */

static int32_t read_data(const char *data)
{
	skafu_record record = {.sequence = 10, .kind = SKAFU_KIND_OUTCOME, .type = "Order", .stream = "",
			       .source = "shop", .correlation = "flow", .causation = command_id, .id = command_id,
			       .data = (const uint8_t *)data, .data_length = (uint32_t)strlen(data)};
	skafu_outcome *outcome = NULL;
	int32_t rc = skafu_outcome_read(&record, &outcome, fault);

	if (rc != 0)
		ck_assert_ptr_null(outcome);
	skafu_outcome_free(outcome);
	return rc;
}

#define WHOLE "\"code\":\"\",\"message\":\"\",\"events\":1,\"streamVersion\":0,\"attempts\":1,\"repeated\":false}"

START_TEST(what_others_wrote)
{
	static const char *const strange[] = {
		"{}",
		"not JSON",
		"{\"decision\":\"maybe\"," WHOLE,
		"{\"decision\":\"accepted-and-refused\"," WHOLE,
		"{\"decision\":1," WHOLE,
		"{\"decision\":\"accepted\"}",
		"{\"decision\":\"accepted\",\"code\":\"\"}",
		"{\"decision\":\"accepted\",\"code\":\"\",\"message\":\"\"}",
		"{\"decision\":\"accepted\",\"code\":\"\",\"message\":\"\",\"events\":-1}",
		"{\"decision\":\"accepted\",\"code\":\"\",\"message\":\"\",\"events\":1}",
		"{\"decision\":\"accepted\",\"code\":\"\",\"message\":\"\",\"events\":1,\"streamVersion\":1}",
		"{\"decision\":\"accepted\",\"code\":\"\",\"message\":\"\",\"events\":10,\"streamVersion\":1,"
		"\"attempts\":1,\"repeated\":false}", /* more than there are before it */
	};

	went(read_data("{\"decision\":\"accepted\"," WHOLE));
	went(read_data("{\"decision\":\"refused\"," WHOLE));
	for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
		refused(SKAFU_EINVAL, read_data(strange[i]));
		message_names("record 10");
	}
	/* Nobody says whether it is repeated: then it is not. */
	went(read_data("{\"decision\":\"refused\",\"code\":\"\",\"message\":\"\",\"events\":0,\"streamVersion\":0,"
		       "\"attempts\":1}"));
}
END_TEST

START_TEST(what_is_no_outcome)
{
	skafu_record event = {.sequence = 4, .kind = SKAFU_KIND_EVENT, .type = "Ordered"};
	skafu_outcome *outcome = NULL;

	refused(SKAFU_EINVAL, skafu_outcome_read(NULL, &outcome, fault));
	refused(SKAFU_EINVAL, skafu_outcome_read(&event, NULL, fault));
	refused(SKAFU_EINVAL, skafu_outcome_read(&event, &outcome, fault));
	message_names("record 4");
}
END_TEST

/* ---- trouble --------------------------------------------------------------------------------------------------- */

static int32_t put_and_read(void *user)
{
	const skafu_record command = {.type = "Order", .stream = "order-1", .source = "shop", .id = command_id,
				      .correlation = "flow"};
	const struct skafu__answer answer = answer_of(SKAFU_DECISION_REFUSED, 0);
	const struct skafu__told told = {.answer = &answer, .attempts = 1};
	skafu_batch *batch = user;
	skafu_outcome *outcome = NULL;
	int32_t rc = skafu__outcome_put(kit.model, &command, &told, batch, fault);

	ck_assert_uint_eq(skafu_batch_count(batch), rc == 0);
	skafu_batch_clear(batch);
	if (rc == 0)
		rc = read_data("{\"decision\":\"accepted\"," WHOLE);
	skafu_outcome_free(outcome);
	return rc;
}

START_TEST(without_memory)
{
	kit_close(&kit);
	trouble_put();
	kit_open(&kit);
	skafu_batch *batch = batch_of(kit.store);
	ck_assert_uint_gt(trouble_each(TROUBLE_MEMORY, put_and_read, batch), 1);
	skafu_batch_free(batch);
	kit_close(&kit);
	trouble_remove();
	kit_open(&kit);
}
END_TEST

/* A message beyond what fits is refused, and no half outcome is in the batch. */
START_TEST(a_message_that_is_too_long)
{
	static char message[30000];
	const skafu_record command = {.type = "Order", .stream = "order-1", .source = "shop", .id = command_id,
				      .correlation = "flow"};
	struct skafu__answer answer = answer_of(SKAFU_DECISION_REFUSED, 0);
	const struct skafu__told told = {.answer = &answer, .attempts = 1};
	skafu_batch *batch = batch_of(kit.store);

	memset(message, 'm', sizeof message - 1);
	answer.message = message;
	ck_assert_int_lt(skafu__outcome_put(kit.model, &command, &told, batch, fault), 0);
	ck_assert_uint_eq(skafu_batch_count(batch), 0);
	skafu_batch_free(batch);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, accepted);
	tcase_add_test(tests, refused_and_repeated);
	tcase_add_test(tests, without_a_stream);
	tcase_add_test(tests, what_others_wrote);
	tcase_add_test(tests, what_is_no_outcome);
	tcase_add_test(tests, without_memory);
	tcase_add_test(tests, a_message_that_is_too_long);
}

int main(void)
{
	return tempstore_main("outcome", add);
}

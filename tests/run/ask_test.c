/*
 * ask_test.c: commands from outside, their outcomes, and waiting for the end of a flow.
 */
#include "skafu_run.h"

#include <check.h>
#include <string.h>

#include "base/trouble.h"
#include "run/kit.h"

#define SECOND UINT64_C(1000000000)

static struct kit kit;

static skafu_command command_of(const char *type, const char *key)
{
	return (skafu_command){.size = sizeof(skafu_command), .type = type, .stream = "order-1", .key = key,
			       .correlation = "flow-1"};
}

static skafu_outcome *execute(skafu_command command)
{
	skafu_outcome *outcome = NULL;

	went(skafu_engine_execute(kit.engine, &command, 20 * SECOND, &outcome, fault));
	return outcome;
}

START_TEST(decided_once)
{
	kit_open(&kit);
	kit_engine(&kit);
	skafu_outcome *outcome = execute(command_of("Order", NULL));
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	ck_assert_uint_eq(outcome->event_count, 1);
	ck_assert_uint_eq(outcome->first_sequence, 2);
	ck_assert_uint_eq(outcome->last_sequence, 2);
	ck_assert_uint_eq(outcome->stream_version, 1);
	ck_assert_uint_eq(outcome->attempts, 1);
	ck_assert_str_eq(outcome->correlation, "flow-1");
	skafu_record *command = NULL;
	went(skafu_get(kit.store, 1, &command, fault));
	ck_assert_int_eq(memcmp(command->id, outcome->command, 16), 0);
	ck_assert_str_eq(command->source, "shop");
	skafu_record *event = NULL;
	went(skafu_get(kit.store, 2, &event, fault));
	ck_assert_int_eq(memcmp(event->causation, command->id, 16), 0);
	ck_assert_uint_eq(event->hops, 1);
	skafu_record_free(event);
	skafu_record_free(command);
	skafu_outcome_free(outcome);
	kit_close(&kit);
}
END_TEST

START_TEST(refused_expired_unknown)
{
	kit_open(&kit);
	kit_engine(&kit);
	skafu_outcome *outcome = execute(command_of("Refuse", NULL));
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_REFUSED);
	ck_assert_str_eq(outcome->code, "no");
	ck_assert_str_eq(outcome->message, "The shop is \"closed\".");
	skafu_outcome_free(outcome);
	skafu_command late = command_of("Order", NULL);
	late.flags = SKAFU_COMMAND_EXPIRES;
	late.expires_ns = 1;
	outcome = execute(late);
	ck_assert_str_eq(outcome->code, "expired");
	skafu_outcome_free(outcome);
	skafu_command strange = command_of("Strange", NULL);
	refused(SKAFU_EDEFINITION, skafu_engine_execute(kit.engine, &strange, SECOND, &outcome, fault));
	strange.domain = "shop";
	outcome = execute(strange);
	ck_assert_str_eq(outcome->code, "unknown-command");
	skafu_outcome_free(outcome);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, NULL), 0);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_OUTCOME, NULL), 3);
	kit_close(&kit);
}
END_TEST

START_TEST(a_key_is_decided_once)
{
	kit_open(&kit);
	kit_engine(&kit);
	skafu_outcome *first = execute(command_of("Order", "k"));
	skafu_command other = command_of("Order", "k");
	other.data = "{\"other\":1}";
	other.data_length = 11;
	skafu_outcome *second = execute(other);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, NULL), 1);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_COMMAND, NULL), 1);
	ck_assert_uint_eq(second->flags, SKAFU_OUTCOME_REPEATED);
	ck_assert_uint_eq(first->first_sequence, second->first_sequence);
	skafu_outcome_free(first);
	skafu_outcome_free(second);
	/* Decided past the engine under the same key: the record of it gets that answer. */
	skafu_command direct = command_of("Order", "d");
	went(skafu_model_execute(kit.model, &direct, SECOND, NULL, &first, fault));
	second = execute(direct);
	ck_assert_uint_eq(second->flags, SKAFU_OUTCOME_REPEATED);
	ck_assert_uint_eq(second->event_count, 1);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, NULL), 2);
	skafu_outcome_free(first);
	skafu_outcome_free(second);
	kit_close(&kit);
}
END_TEST

/* Decided as a record: past the engine, and as another record of the key, it is the same answer. */
START_TEST(a_key_of_a_record_is_known_everywhere)
{
	skafu_command command = command_of("Order", "k");
	skafu_outcome *outcome = NULL;

	kit_open(&kit);
	kit_engine(&kit);
	skafu_outcome *first = execute(command);
	went(skafu_model_execute(kit.model, &command, SECOND, NULL, &outcome, fault));
	ck_assert_uint_eq(outcome->flags, SKAFU_OUTCOME_REPEATED);
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	ck_assert_uint_eq(outcome->event_count, 1);
	ck_assert_uint_eq(outcome->first_sequence, first->first_sequence);
	ck_assert_uint_eq(outcome->last_sequence, first->last_sequence);
	ck_assert_uint_eq(outcome->stream_version, first->stream_version);
	ck_assert_uint_eq(outcome->commit, first->commit);
	ck_assert_int_eq(memcmp(outcome->command, first->command, 16), 0);
	skafu_outcome_free(outcome);
	skafu_outcome_free(first);
	/* A reaction that sends the key again makes a second record of it. */
	skafu_new_record again = {.size = sizeof again, .kind = SKAFU_KIND_COMMAND, .type = "Order",
				  .stream = "order-1", .source = "shop", .metadata = "{\"skafu\":{\"key\":\"k\"}}",
				  .metadata_length = 21};
	skafu_batch *batch = batch_of(kit.store);
	went(skafu_batch_add(batch, &again, fault));
	appended_by(kit.store, batch);
	kit_run(&kit);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_OUTCOME, NULL), 2);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, NULL), 1);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_ERROR, NULL), 0);
	kit_close(&kit);
}
END_TEST

START_TEST(nobody_decides)
{
	static const char *const none[] = {"reserve"};
	skafu_engine_opts opts = {.size = sizeof opts, .consumers = none, .consumer_count = 1};
	skafu_command command = command_of("Order", NULL);
	skafu_outcome *outcome = NULL;

	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", NULL, NULL, kit_reserve);
	went(skafu_engine_open(kit.model, &opts, &kit.engine, fault));
	refused(SKAFU_ETIMEOUT, skafu_engine_execute(kit.engine, &command, SECOND / 50, &outcome, fault));
	message_names("Order");
	kit_stop(&kit);
	kit_run(&kit);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_OUTCOME, NULL), 1);
	kit_close(&kit);
}
END_TEST

START_TEST(the_end_of_a_flow)
{
	static const char *const ordered[] = {"Ordered"};
	skafu_source source = kit_source(ordered, 1);
	skafu_command command = command_of("Order", NULL);
	skafu_record *record = NULL;

	kit_open_files(&kit);
	kit_add_reaction(&kit, "reserve", &source, NULL, kit_reserve);
	kit_engine(&kit);
	went(skafu_engine_send(kit.engine, &command, SECOND, NULL, fault));
	went(skafu_engine_await(kit.engine, "flow-1", "{\"eventType\":[\"Reserved\"]}", 20 * SECOND, &record,
				fault));
	ck_assert_str_eq(record->type, "Reserved");
	skafu_record_free(record);
	refused(SKAFU_ETIMEOUT, skafu_engine_await(kit.engine, "flow-1", "{\"eventType\":[\"Paid\"]}", SECOND / 50,
						   &record, fault));
	refused(SKAFU_EPATTERN, skafu_engine_await(kit.engine, "flow-1", "{", 0, &record, fault));
	refused(SKAFU_EINVAL, skafu_engine_await(kit.engine, NULL, "{", 0, &record, fault));
	kit_close(&kit);
}
END_TEST

START_TEST(figures)
{
	skafu_engine_stats stats = {.size = sizeof stats};

	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", NULL, NULL, kit_reserve);
	kit_orders(&kit, 10, 3);
	kit_engine(&kit);
	went(skafu_engine_step(kit.engine, 10, fault));
	went(skafu_engine_stats_get(kit.engine, &stats, fault));
	ck_assert_uint_eq(stats.consumers, 2);
	ck_assert_uint_eq(stats.delivered, 10);
	ck_assert_uint_eq(stats.emitted, 10);
	ck_assert_uint_eq(stats.published, 20);
	ck_assert_uint_ge(stats.steps, 1);
	ck_assert_uint_gt(stats.cross_domain_p50_ns, 0);
	ck_assert_uint_le(stats.cross_domain_p50_ns, stats.cross_domain_p99_ns);
	stats.size = 4;
	refused(SKAFU_EOPTION, skafu_engine_stats_get(kit.engine, &stats, fault));
	kit_close(&kit);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	skafu_command command = command_of("Order", NULL);
	skafu_appended place = {.size = 4};
	skafu_outcome *outcome = NULL;
	skafu_record *record = NULL;
	skafu_engine_stats stats = {.size = sizeof stats + 8};

	kit_open(&kit);
	kit_engine(&kit);
	refused(SKAFU_EINVAL, skafu_engine_send(kit.engine, NULL, SECOND, NULL, fault));
	refused(SKAFU_EINVAL, skafu_engine_send(NULL, &command, SECOND, NULL, fault));
	refused(SKAFU_EOPTION, skafu_engine_send(kit.engine, &command, SECOND, &place, fault));
	place.size = sizeof place + 8;
	refused(SKAFU_EOPTION, skafu_engine_send(kit.engine, &command, SECOND, &place, fault));
	refused(SKAFU_EINVAL, skafu_engine_execute(kit.engine, &command, SECOND, NULL, fault));
	refused(SKAFU_EINVAL, skafu_engine_execute(NULL, &command, SECOND, &outcome, fault));
	refused(SKAFU_EINVAL, skafu_engine_await(kit.engine, "c", NULL, 0, &record, fault));
	refused(SKAFU_EINVAL, skafu_engine_await(kit.engine, "c", "{\"eventType\":[\"A\"]}", 0, NULL, fault));
	refused(SKAFU_EOPTION, skafu_engine_stats_get(kit.engine, &stats, fault));
	refused(SKAFU_EOPTION, skafu_engine_stats_get(kit.engine, NULL, fault));
	command.size = 3;
	refused(SKAFU_EOPTION, skafu_engine_send(kit.engine, &command, SECOND, NULL, fault));
	command = command_of(NULL, "k");
	refused(SKAFU_EINVAL, skafu_engine_send(kit.engine, &command, SECOND, NULL, fault));
	command = command_of("Strange", "k");
	refused(SKAFU_EDEFINITION, skafu_engine_send(kit.engine, &command, SECOND, NULL, fault));
	ck_assert_uint_eq(head_of(kit.store), 0);
	kit_close(&kit);
}
END_TEST

START_TEST(where_it_is_recorded)
{
	static const uint8_t id[16] = {1, 2, 3, 4, 5, 6, 0x87, 8, 0x89};
	skafu_command command = command_of("Order", "k");
	skafu_appended place = {.size = sizeof place};
	skafu_record *record = NULL;

	kit_open(&kit);
	kit_engine(&kit);
	went(skafu_engine_send(kit.engine, &command, SKAFU_WAIT_FOREVER, &place, fault));
	ck_assert_uint_eq(place.size, sizeof place);
	ck_assert_uint_eq(place.first_sequence, 1);
	command.data = "{\"changed\":1}";
	command.data_length = 13;
	went(skafu_engine_send(kit.engine, &command, SECOND, &place, fault));
	ck_assert_uint_eq(place.first_sequence, 1);
	ck_assert_uint_eq(place.flags & SKAFU_APPENDED_RETRY, SKAFU_APPENDED_RETRY);
	/* The domain that is named is where the key counts. */
	command.domain = "shop";
	went(skafu_engine_send(kit.engine, &command, SECOND, &place, fault));
	ck_assert_uint_eq(place.first_sequence, 1);
	/* With an id of the host's. */
	command.key = "l";
	command.id = id;
	went(skafu_engine_send(kit.engine, &command, SECOND, &place, fault));
	went(skafu_get(kit.store, place.first_sequence, &record, fault));
	ck_assert_int_eq(memcmp(record->id, id, 16), 0);
	skafu_record_free(record);
	command = command_of("Strange", "k"); /* known here or not, the key is the domain's */
	command.domain = "shop";
	went(skafu_engine_send(kit.engine, &command, SECOND, &place, fault));
	ck_assert_uint_eq(place.first_sequence, 1);
	kit_close(&kit);
}
END_TEST

/* Two of one correlation: each has the answer to its own. */
START_TEST(answers_of_one_correlation)
{
	skafu_command refuse = command_of("Refuse", NULL);

	kit_open(&kit);
	kit_engine(&kit);
	went(skafu_engine_send(kit.engine, &refuse, SECOND, NULL, fault));
	skafu_outcome *outcome = execute(command_of("Order", NULL));
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	skafu_outcome_free(outcome);
	kit_close(&kit);
}
END_TEST

static int32_t send_and_await(void *user)
{
	enum trouble_what what = *(enum trouble_what *)user;
	skafu_command command = command_of("Nothing", "k");
	skafu_engine_stats stats = {.size = sizeof stats};
	skafu_record *record = NULL;
	int32_t rc = skafu_engine_send(kit.engine, &command, SECOND, NULL, fault);

	if (rc == 0)
		rc = skafu_engine_stats_get(kit.engine, &stats, fault);
	/* A handler that finds no memory is tried again after a while; only waiting is looked at here. */
	long left = trouble_left();
	trouble_set(what, -1);
	kit_run(&kit);
	if (left >= 0)
		trouble_set(what, left);
	if (rc == 0)
		rc = skafu_engine_await(kit.engine, "flow-1", "{\"kind\":[\"outcome\"]}", 0, &record, fault);
	ck_assert_int_eq(record != NULL, rc == 0);
	skafu_record_free(record);
	return rc == SKAFU_ETIMEOUT ? 0 : rc;
}

START_TEST(whatever_is_missing)
{
	enum trouble_what what = (enum trouble_what)_i;

	trouble_put();
	kit_open(&kit);
	kit_engine(&kit);
	kit_run(&kit);
	ck_assert_uint_gt(trouble_each(what, send_and_await, &what), 0);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_COMMAND, NULL), 1);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_OUTCOME, NULL), 1);
	kit_close(&kit);
	trouble_remove();
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, bad_calls_are_refused);
	tcase_add_test(tests, where_it_is_recorded);
	tcase_add_test(tests, answers_of_one_correlation);
	tcase_add_loop_test(tests, whatever_is_missing, 0, TROUBLE_WHATS);
	tcase_add_test(tests, decided_once);
	tcase_add_test(tests, refused_expired_unknown);
	tcase_add_test(tests, a_key_is_decided_once);
	tcase_add_test(tests, a_key_of_a_record_is_known_everywhere);
	tcase_add_test(tests, nobody_decides);
	tcase_add_test(tests, the_end_of_a_flow);
	tcase_add_test(tests, figures);
}

int main(void)
{
	return tempstore_main("ask", add);
}

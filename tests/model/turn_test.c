/*
 * turn_test.c: what a handler may emit, what is filled in, what sticks.
 */
#include "model/turn.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/failing.h"
#include "model/fixture.h"
#include "model/model.h"
#include "util/suite.h"

static struct fixture bank;
static struct skafu_turn turn;
static const uint8_t cause[16] = {9};

static void open_turn(void)
{
	fixture_open(&bank);
	fixture_define_bank(&bank, 0);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "shop", NULL), 0);
	skafu__turn_init(&turn, &bank.model->sys);
	turn.registry = &bank.model->registry;
	turn.domain = skafu__registry_domain(turn.registry, "bank");
	turn.kind = SKAFU__TURN_DECIDER;
	turn.correlation = "c-1";
	turn.causation = cause;
	turn.now_ns = 77;
	turn.hops = 3;
	turn.is_open = 1;
	ck_assert_int_eq(skafu_batch_new(bank.store, &turn.batch, NULL), 0);
}

static void close_turn(void)
{
	skafu_batch_free(turn.batch);
	skafu__turn_done(&turn);
	fixture_close(&bank);
}

static int32_t emit(const skafu_new_record *event)
{
	return skafu_turn_emit(&turn, event, &bank.error);
}

START_TEST(what_is_filled_in)
{
	skafu_new_record event = {.size = sizeof event, .type = "Opened", .stream = "s"};
	skafu_record *record = NULL;

	turn.stream = "s";
	ck_assert_int_eq(emit(&event), 0);
	event.stream = "other";
	event.correlation = "mine";
	ck_assert_int_eq(emit(&event), 0);
	event.stream = NULL;
	ck_assert_int_eq(emit(&event), 0);
	ck_assert_uint_eq(turn.event_count, 3);
	ck_assert_uint_eq(turn.own_count, 2);
	ck_assert_uint_eq(turn.last_is_own, 1);
	ck_assert_int_eq(skafu_turn_now(&turn), 77);
	ck_assert_int_eq(skafu_append(bank.store, turn.batch, 0, NULL, NULL), 0);
	ck_assert_int_eq(skafu_get(bank.store, 1, &record, NULL), 0);
	ck_assert_str_eq(record->source, "bank");
	ck_assert_str_eq(record->correlation, "c-1");
	ck_assert(memcmp(record->causation, cause, 16) == 0);
	ck_assert_uint_eq(record->hops, 3);
	skafu_record_free(record);
	ck_assert_int_eq(skafu_get(bank.store, 2, &record, NULL), 0);
	ck_assert_str_eq(record->correlation, "mine");
	skafu_record_free(record);
	turn.stream = NULL;
	ck_assert_int_eq(skafu_turn_now(NULL), 0);
}
END_TEST

static const char parent[] = "{\"traceparent\":\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"}";

/* Metadata of what is emitted with these metadata; lent. */
static const char *emitted_metadata(const char *given)
{
	static char text[300];
	skafu_new_record event = {.size = sizeof event, .type = "Opened", .stream = "s", .metadata = given,
				  .metadata_length = given ? strlen(given) : 0};
	skafu_record *record = NULL;
	skafu_appended place = {.size = sizeof place};

	skafu__turn_reset(&turn);
	ck_assert_int_eq(emit(&event), 0);
	ck_assert_int_eq(skafu_append(bank.store, turn.batch, 0, &place, NULL), 0);
	ck_assert_int_eq(skafu_get(bank.store, place.last_sequence, &record, NULL), 0);
	ck_assert_uint_lt(record->metadata_length, sizeof text);
	memcpy(text, record->metadata, record->metadata_length);
	text[record->metadata_length] = '\0';
	skafu_record_free(record);
	return text;
}

START_TEST(traces_go_on)
{
	static const char *const kept[] = {"{\"traceparent\":\"mine\"}", "{\"\\u0074raceparent\":1}"};
	char begin[100] = "";
	struct skafu__trace trace;
	uint8_t span[8];

	skafu__turn_continue_trace(&turn, NULL, 0);
	ck_assert_str_eq(emitted_metadata(NULL), "");
	skafu__turn_continue_trace(&turn, "{\"a\":1}", 7);
	ck_assert_str_eq(emitted_metadata("{\"b\":2}"), "{\"b\":2}");
	skafu__turn_continue_trace(&turn, parent, sizeof parent - 1);
	ck_assert_uint_eq(strlen(turn.traceparent), SKAFU__TRACEPARENT_BYTES - 1);
	snprintf(begin, sizeof begin, "{\"traceparent\":\"%s\"", turn.traceparent);
	ck_assert_int_eq(skafu__trace_of_metadata(emitted_metadata(NULL), strlen(begin) + 1, &trace), 1);
	skafu__trace_span_of(cause, "bank", "", span);
	ck_assert_mem_eq(trace.span_id, span, 8);
	ck_assert(trace.trace_id[0] == 0x4b && trace.flags == 1);
	ck_assert_str_eq(emitted_metadata("{}") + strlen(begin), "}");
	ck_assert_str_eq(emitted_metadata(" { \n}") + strlen(begin), " \n}");
	ck_assert_str_eq(emitted_metadata(" {\"b\" : 2}") + strlen(begin), ",\"b\" : 2}");
	for (size_t i = 0; i < 2; i++)
		ck_assert_str_eq(emitted_metadata(kept[i]), kept[i]);
}
END_TEST

/* What the turn puts in front must not make an object of what is none. */
START_TEST(metadata_that_are_no_object)
{
	static const char *const strange[] = {"[{}", "no {}", "\"{}", "[{\"a\":1}", "{", " ", "1", "[]"};

	for (int traced = 0; traced < 2; traced++)
		for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
			skafu_new_record event = {.size = sizeof event, .type = "Opened", .stream = "s",
						  .metadata = strange[i], .metadata_length = strlen(strange[i])};
			skafu__turn_reset(&turn);
			skafu__turn_continue_trace(&turn, parent, traced ? sizeof parent - 1 : 0);
			ck_assert_msg(emit(&event) == SKAFU_EJSON, "%s", strange[i]);
		}
}
END_TEST

START_TEST(mistakes_stick)
{
	skafu_new_record good = {.size = sizeof good, .type = "Opened", .stream = "s"}, event = good;

	event.type = NULL;
	ck_assert_int_eq(emit(&event), SKAFU_EINVAL);
	event.type = "Unheard";
	ck_assert_int_eq(emit(&event), SKAFU_EDEFINITION);
	event = good, event.kind = SKAFU_KIND_ERROR;
	ck_assert_int_eq(emit(&event), SKAFU_EINVAL);
	event = good, event.event_version = 2u << 16;
	ck_assert_int_eq(emit(&event), SKAFU_EDEFINITION);
	event = good, event.source = "shop";
	ck_assert_int_eq(emit(&event), SKAFU_EDEFINITION);
	event = good, event.stream = NULL;
	ck_assert_int_eq(emit(&event), SKAFU_EINVAL);
	event = good, event.data = "{", event.data_length = 1;
	ck_assert_int_eq(emit(&event), SKAFU_EJSON);
	event = good, event.size = 0;
	ck_assert_int_eq(emit(&event), SKAFU_EOPTION);
	turn.domain = skafu__registry_domain(turn.registry, "shop");
	ck_assert_int_eq(emit(&good), SKAFU_EDEFINITION);
	turn.domain = skafu__registry_domain(turn.registry, "bank");
	ck_assert_int_eq(emit(&good), 0);
	ck_assert_int_eq(turn.failed, SKAFU_EDEFINITION);
	skafu__turn_reset(&turn);
	ck_assert_int_eq(turn.failed, 0);
	ck_assert_int_eq(emit(NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_turn_emit(NULL, &good, NULL), SKAFU_EINVAL);
	turn.is_open = 0;
	ck_assert_int_eq(emit(&good), SKAFU_EMISUSE);
	ck_assert_int_eq(skafu_turn_refuse(&turn, "x", NULL, NULL), SKAFU_EMISUSE);
}
END_TEST

static int32_t odd_ones_out(void *user, const skafu_new_record *event, skafu_error *error)
{
	(void)error;
	*(uint32_t *)user += 1;
	ck_assert_str_eq(event->source, "bank");
	return event->data_length % 2 ? SKAFU_EHOST : 0;
}

START_TEST(checks)
{
	uint32_t asked = 0;
	skafu_event_def def = {.size = sizeof def, .domain = "bank", .type = "Checked", .check = odd_ones_out,
			       .user = &asked};
	skafu_new_record event = {.size = sizeof event, .type = "Checked", .stream = "s", .data = "[1]"};

	ck_assert_int_eq(skafu_model_add_event(bank.model, &def, NULL), 0);
	event.data_length = 3;
	ck_assert_int_eq(emit(&event), SKAFU_EHOST);
	ck_assert_ptr_nonnull(strstr(bank.error.message, "check of Checked"));
	event.data = "[]";
	event.data_length = 2;
	ck_assert_int_eq(emit(&event), 0);
	ck_assert_uint_eq(asked, 2);
}
END_TEST

START_TEST(refusals)
{
	skafu_new_record event = {.size = sizeof event, .type = "Opened", .stream = "s"};
	char longer[5000];

	memset(longer, 'x', sizeof longer);
	longer[sizeof longer - 1] = 0;
	ck_assert_str_eq(skafu__turn_refusal_code(&turn), "");
	ck_assert_int_eq(emit(&event), 0);
	ck_assert_int_eq(skafu_turn_refuse(&turn, "", NULL, NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_turn_refuse(&turn, "x", longer, NULL), SKAFU_ELIMIT);
	ck_assert_int_eq(skafu_turn_refuse(&turn, "x", "\xff", NULL), SKAFU_EUTF8);
	ck_assert_uint_eq(turn.event_count, 1);
	ck_assert_int_eq(skafu_turn_refuse(&turn, "no", "Never.", NULL), 0);
	ck_assert_uint_eq(turn.event_count, 0);
	ck_assert_uint_eq(skafu_batch_count(turn.batch), 0);
	ck_assert_str_eq(skafu__turn_refusal_code(&turn), "no");
	ck_assert_str_eq(skafu__turn_refusal_message(&turn), "Never.");
	ck_assert_int_eq(emit(&event), SKAFU_EMISUSE);
	turn.kind = SKAFU__TURN_REACTION;
	ck_assert_int_eq(skafu_turn_refuse(&turn, "no", NULL, NULL), SKAFU_EMISUSE);
	turn.kind = SKAFU__TURN_DECIDER;
	ck_assert_int_eq(skafu_turn_refuse(&turn, "other", NULL, NULL), 0);
	ck_assert_str_eq(skafu__turn_refusal_message(&turn), "");
}
END_TEST

START_TEST(a_refusal_without_memory)
{
	struct failing failing;
	struct skafu_turn own;

	failing_init(&failing);
	skafu__turn_init(&own, &failing.sys);
	own.kind = SKAFU__TURN_DECIDER;
	own.is_open = 1;
	failing.left = 0;
	ck_assert_int_eq(skafu_turn_refuse(&own, "no", NULL, NULL), SKAFU_ENOMEM);
	ck_assert_int_eq(own.failed, SKAFU_ENOMEM);
	skafu__turn_done(&own);
	ck_assert_int_eq(failing.live, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("turn");
	TCase *tests = tcase_create("turn");

	tcase_add_checked_fixture(tests, open_turn, close_turn);
	tcase_add_test(tests, traces_go_on);
	tcase_add_test(tests, what_is_filled_in);
	tcase_add_test(tests, metadata_that_are_no_object);
	tcase_add_test(tests, mistakes_stick);
	tcase_add_test(tests, checks);
	tcase_add_test(tests, refusals);
	tcase_add_test(tests, a_refusal_without_memory);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

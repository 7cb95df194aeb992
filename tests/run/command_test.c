/*
 * command_test.c: commands as records: what is put into them, what is refused, and what becomes of those that others
 * wrote.
 */
#include "run/command.h"

#include <check.h>
#include <string.h>

#include "base/trouble.h"
#include "run/deadletter.h"
#include "run/kit.h"

#define SECOND UINT64_C(1000000000)

static struct kit kit;
static skafu_batch *batch;
static char seen_tags[64];
static int32_t count_rc; /* what the decider of the stock answers */
static int count_always; /* each time */
static void (*count_trick)(void); /* and does besides, when it answers so */
static uint32_t counted;

static int32_t count_once(const skafu_command *command, skafu_turn *turn, skafu_error *error)
{
	skafu_new_record event = {.size = sizeof event, .type = "Reserved"};

	seen_tags[0] = '\0';
	for (size_t i = 0; i < command->tag_count; i++)
		strcat(strcat(seen_tags, command->tags[i]), ";");
	if (count_rc != 0) {
		int32_t rc = count_rc;
		count_rc = count_always ? rc : 0;
		if (count_trick)
			count_trick();
		return rc;
	}
	if (strcmp(command->type, "Send") == 0)
		return skafu_turn_send(turn, command, error);
	return skafu_turn_emit(turn, &event, error);
}

static int32_t count(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		     skafu_error *error)
{
	(void)user;
	(void)state;
	counted++;
	trouble_pause(1);
	int32_t rc = count_once(command, turn, error);
	trouble_pause(0);
	return rc;
}

static int32_t evolve(void *user, void *state, const skafu_record *event, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)error;
	++*(uint64_t *)state;
	return 0;
}

static void add_stock(void)
{
	static const char *const commands[] = {"Count", "Send"};
	skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(uint64_t)};
	skafu_decider_def def = {.size = sizeof def, .domain = "stock", .name = "stock", .commands = commands,
				 .command_count = 2, .state = &state, .evolve = evolve, .decide = count};

	went(skafu_model_add_decider(kit.model, &def, fault));
}

static void make(void)
{
	kit_open(&kit);
	add_stock();
	batch = batch_of(kit.store);
	count_rc = 0;
	count_always = 0;
	count_trick = NULL;
	counted = 0;
}

static void drop(void)
{
	skafu_batch_free(batch);
	kit_close(&kit);
}

static skafu_command command_of(const char *type)
{
	return (skafu_command){.size = sizeof(skafu_command), .type = type, .stream = "s"};
}

static int32_t put(const skafu_command *command)
{
	static const struct skafu__sending nobody = {0};
	uint32_t before = skafu_batch_count(batch);
	int32_t rc = skafu__command_put(kit.model, command, &nobody, batch, NULL, fault);

	ck_assert_uint_eq(skafu_batch_count(batch), before + (rc == 0));
	return rc;
}

static skafu_record *last_record(void)
{
	skafu_record *record = NULL;

	went(skafu_get(kit.store, head_of(kit.store), &record, fault));
	return record;
}

/* ---- what is put into it --------------------------------------------------------------------------------------- */

/* The metadata of the record of a command with these metadata. */
static const char *metadata_of(const char *given, const char *key, int64_t expires_ns)
{
	static char text[300];
	skafu_command command = command_of("Order");

	command.metadata = given;
	command.metadata_length = given ? strlen(given) : 0;
	command.key = key;
	command.expires_ns = expires_ns;
	command.flags = expires_ns ? SKAFU_COMMAND_EXPIRES : 0;
	went(put(&command));
	went(skafu_append(kit.store, batch, 0, NULL, fault));
	skafu_batch_clear(batch);
	skafu_record *record = last_record();
	ck_assert_uint_lt(record->metadata_length, sizeof text);
	memcpy(text, record->metadata, record->metadata_length);
	text[record->metadata_length] = '\0';
	skafu_record_free(record);
	return text;
}

START_TEST(metadata_are_joined)
{
	ck_assert_str_eq(metadata_of(NULL, NULL, 0), "");
	ck_assert_str_eq(metadata_of("{\"a\":1}", NULL, 0), "{\"a\":1}");
	ck_assert_str_eq(metadata_of(NULL, "k", 0), "{\"skafu\":{\"key\":\"k\"}}");
	ck_assert_str_eq(metadata_of(NULL, NULL, 7), "{\"skafu\":{\"expires\":7}}");
	ck_assert_str_eq(metadata_of("{}", "k", 7), "{\"skafu\":{\"key\":\"k\",\"expires\":7}}");
	ck_assert_str_eq(metadata_of("{\"a\":1}", "k\"", 0), "{\"skafu\":{\"key\":\"k\\\"\"},\"a\":1}");
	ck_assert_str_eq(metadata_of(" \t{\r\n\"a\":{\"skafu\":1} }", "k", 0),
			 "{\"skafu\":{\"key\":\"k\"},\"a\":{\"skafu\":1} }");
	ck_assert_str_eq(metadata_of(" { } ", "k", 0), "{\"skafu\":{\"key\":\"k\"}} ");
}
END_TEST

START_TEST(metadata_that_are_refused)
{
	static const char *const strange[] = {"[1]", "[{}", "text {}", "1", " ", "{", "{\"a\":1", "{}}", "\"{\"",
					      "{\"a\":1}{}"};
	skafu_command command = command_of("Order");

	for (int keyed = 0; keyed < 2; keyed++)
		for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
			command.key = keyed ? "k" : NULL;
			command.metadata = strange[i];
			command.metadata_length = strlen(strange[i]);
			ck_assert_msg(put(&command) == SKAFU_EJSON, "%d: %s", keyed, strange[i]);
		}
	command.metadata = "{\"skafu\":1}";
	command.metadata_length = 11;
	refused(SKAFU_EINVAL, put(&command));
	message_names("skafu");
}
END_TEST

/* What the library adds must fit in, too. */
START_TEST(metadata_without_room)
{
	static char text[4096];
	skafu_store_opts opts = {.size = sizeof opts, .payload_bytes_max = 4096};
	skafu_command command = command_of("Order");

	drop();
	memset(&kit, 0, sizeof kit);
	went(skafu_store_open_memory(&opts, &kit.store, fault));
	kit_reopen(&kit);
	batch = batch_of(kit.store);
	memset(text, ' ', sizeof text);
	text[0] = '{';
	text[1] = '"';
	text[2] = 'a';
	text[3] = '"';
	text[4] = ':';
	text[5] = '1';
	text[sizeof text - 1] = '}';
	command.metadata = text;
	command.metadata_length = sizeof text;
	went(put(&command));
	command.key = "k";
	refused(SKAFU_ELIMIT, put(&command));
}
END_TEST

START_TEST(what_else_is_refused)
{
	char key[257];
	skafu_command command = command_of("Order");

	refused(SKAFU_EINVAL, put(NULL));
	command.flags = 0x80;
	refused(SKAFU_EOPTION, put(&command));
	command = command_of(NULL);
	refused(SKAFU_EINVAL, put(&command));
	command = command_of("Strange");
	refused(SKAFU_EDEFINITION, put(&command));
	message_names("Strange");
	command.domain = "";
	refused(SKAFU_EINVAL, put(&command));
	command = command_of("Order");
	command.domain = "stock";
	refused(SKAFU_EDEFINITION, put(&command));
	message_names("shop, not stock");
	command.domain = "shop";
	went(put(&command));
	command.key = "";
	refused(SKAFU_EINVAL, put(&command));
	memset(key, 'k', sizeof key);
	key[256] = '\0';
	command.key = key;
	refused(SKAFU_ELIMIT, put(&command));
	command = command_of("Order");
	command.data_length = 1;
	refused(SKAFU_EINVAL, put(&command));
	command = command_of("Order");
	command.metadata_length = 1;
	refused(SKAFU_EINVAL, put(&command));
	command = command_of("Order");
	command.tag_count = 1;
	refused(SKAFU_EINVAL, put(&command));
}
END_TEST

START_TEST(who_may_send)
{
	skafu_command command = command_of("Send");
	skafu_outcome *outcome = NULL;

	refused(SKAFU_EINVAL, skafu_turn_send(NULL, &command, fault));
	kit_engine(&kit);
	refused(SKAFU_EMISUSE, skafu_model_execute(kit.model, &command, SECOND, NULL, &outcome, fault));
	message_names("decider");
}
END_TEST

/* ---- what becomes of it ---------------------------------------------------------------------------------------- */

static void record(const char *type, const char *source, const char *metadata)
{
	skafu_new_record given = {.size = sizeof given, .kind = SKAFU_KIND_COMMAND, .type = type, .stream = "s",
				  .source = source, .metadata = metadata,
				  .metadata_length = metadata ? strlen(metadata) : 0};

	went(skafu_batch_add(batch, &given, fault));
	went(skafu_append(kit.store, batch, 0, NULL, fault));
	skafu_batch_clear(batch);
}

/* The code of the outcome that was recorded last. */
static const char *last_code(void)
{
	static char code[64];
	skafu_record *last = last_record();
	skafu_outcome *outcome = NULL;

	went(skafu_outcome_read(last, &outcome, fault));
	strcpy(code, outcome->code);
	skafu_outcome_free(outcome);
	skafu_record_free(last);
	return code;
}

START_TEST(tags_arrive)
{
	static const char *const tags[] = {"a:1", "b:2"};
	skafu_command command = command_of("Count");

	command.tags = tags;
	command.tag_count = 2;
	went(put(&command));
	went(skafu_append(kit.store, batch, 0, NULL, fault));
	kit_run(&kit);
	ck_assert_uint_eq(counted, 1);
	ck_assert_str_eq(seen_tags, "a:1;b:2;");
}
END_TEST

START_TEST(of_another_domain)
{
	record("Order", "stock", NULL);
	kit_run(&kit);
	ck_assert_str_eq(last_code(), "unknown-command");
	ck_assert_uint_eq(kit.decided, 0);
	record("Unheard", "stock", NULL);
	kit_run(&kit);
	ck_assert_str_eq(last_code(), "unknown-command");
}
END_TEST

START_TEST(not_expired_yet)
{
	record("Count", "stock", "{\"skafu\":{\"expires\":9000000000000000000}}");
	kit_run(&kit);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 1);
	record("Count", "stock", "{\"skafu\":{\"expires\":1}}");
	kit_run(&kit);
	ck_assert_str_eq(last_code(), "expired");
	ck_assert_uint_eq(counted, 1);
}
END_TEST

/* A record may say anything: what no command says sets it aside, and those behind it are decided. */
START_TEST(strange_metadata)
{
	static const char *const strange[] = {"{\"skafu\":{\"key\":1}}", "{\"skafu\":{\"expires\":\"soon\"}}"};

	for (size_t i = 0; i < 2; i++) {
		record("Count", "stock", strange[i]);
		struct skafu__consumer *consumer;
		kit_engine(&kit);
		consumer = kit_consumer(&kit, "domain:stock");
		consumer->retry.attempts_max = 1;
		record("Count", "stock", NULL);
		kit_run(&kit);
		ck_assert_uint_eq(counted, i + 1);
		ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), (uint32_t)i + 1);
	}
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_OUTCOME, NULL), 2);
}
END_TEST

/* Others were faster: tried again soon, and it counts as no attempt. */
START_TEST(contention_is_no_failure)
{
	static const int32_t codes[] = {SKAFU_EBUSY, SKAFU_ETIMEOUT, SKAFU_EROW};
	skafu_engine_stats stats = {.size = sizeof stats};

	kit_engine(&kit);
	count_rc = codes[_i];
	record("Count", "stock", NULL);
	kit_run(&kit);
	ck_assert_uint_eq(counted, 2);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_OUTCOME, NULL), 1);
	went(skafu_engine_stats_get(kit.engine, &stats, fault));
	ck_assert_uint_eq(stats.failures, 0);
}
END_TEST

/* ---- trouble --------------------------------------------------------------------------------------------------- */

static int32_t put_and_clear(void *user)
{
	skafu_command command = command_of("Order");

	(void)user;
	command.key = "k";
	command.metadata = "{\"a\":1}";
	command.metadata_length = 7;
	int32_t rc = put(&command);
	skafu_batch_free(batch);
	trouble_set(TROUBLE_MEMORY, -1);
	batch = batch_of(kit.store);
	return rc;
}

static uint64_t head;

static int32_t decide_one(void *user)
{
	struct skafu__consumer *consumer = kit_consumer(&kit, "domain:stock");

	skafu_batch_clear(batch);
	consumer->step.seal = NULL; /* no delivery is under way whose checkpoint it could put in */
	int32_t rc = skafu__step_run(&consumer->step, user, batch, 0, fault);
	trouble_set(TROUBLE_MEMORY, -1);
	if (rc != 0)
		ck_assert_uint_eq(head_of(kit.store), head);
	head = head_of(kit.store);
	return rc;
}

START_TEST(whatever_is_missing)
{
	skafu_record *inputs[3];

	drop();
	trouble_put();
	make();
	ck_assert_uint_gt(trouble_each(TROUBLE_MEMORY, put_and_clear, NULL), 2);
	kit_engine(&kit);
	record("Count", "stock", NULL);
	inputs[0] = last_record();
	record("Unheard", "stock", NULL);
	inputs[1] = last_record();
	record("Count", "stock", "{\"skafu\":{\"key\":\"k\"}}");
	inputs[2] = last_record();
	head = head_of(kit.store);
	for (size_t i = 0; i < 3; i++)
		trouble_each((enum trouble_what)_i, decide_one, inputs[i]);
	/* Each has its answer once, whatever failed before. */
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_OUTCOME, NULL), 3);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, NULL), 2);
	for (size_t i = 0; i < 3; i++)
		skafu_record_free(inputs[i]);
	drop();
	trouble_remove();
	make();
}
END_TEST

static uint32_t recorded;

static int32_t record_and_drain(void *user)
{
	(void)user;
	trouble_pause(1);
	record("Count", "stock", recorded % 2 ? "{\"skafu\":{\"key\":\"k\"}}" : NULL);
	recorded++;
	trouble_pause(0);
	return skafu_engine_drain(kit.engine, 10 * SECOND, fault);
}

/* What the library lacks around the decision is no attempt of the decider. */
START_TEST(trouble_is_no_attempt)
{
	uint64_t letters = 0;

	drop();
	trouble_put();
	make();
	kit_engine(&kit);
	kit_consumer(&kit, "domain:stock")->retry.attempts_max = 1;
	recorded = 0;
	ck_assert_uint_gt(trouble_each((enum trouble_what)_i, record_and_drain, NULL), 0);
	kit_run(&kit);
	went(skafu__deadletter_count(kit.store, "domain:stock", &letters, fault));
	ck_assert_uint_eq(letters, 0);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_OUTCOME, NULL), recorded);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), (recorded + 1) / 2 + (recorded > 1));
	drop();
	trouble_remove();
	make();
}
END_TEST

/* What the decider answers is its own. */
START_TEST(a_decider_without_memory)
{
	uint64_t letters = 0;

	kit_engine(&kit);
	kit_consumer(&kit, "domain:stock")->retry.attempts_max = 1;
	count_rc = SKAFU_ENOMEM;
	record("Count", "stock", NULL);
	kit_run(&kit);
	ck_assert_uint_eq(counted, 1);
	went(skafu__deadletter_count(kit.store, "domain:stock", &letters, fault));
	ck_assert_uint_eq(letters, 1);
}
END_TEST

/* ---- contention ------------------------------------------------------------------------------------------------ */

static void send_counts(uint32_t many)
{
	skafu_command command = command_of("Count");

	for (uint32_t i = 0; i < many; i++)
		went(skafu_engine_send(kit.engine, &command, SECOND, NULL, fault));
}

static void rewind_all(void)
{
	skafu_model *other = NULL; /* as another process has it */

	went(skafu_model_open(kit.store, NULL, &other, fault));
	went(skafu_consumer_rewind(other, "domain:stock", 0, fault));
	skafu_model_close(other);
}

/* Rewound in the moment in which others were faster. */
START_TEST(rewound_while_others_are_faster)
{
	kit_engine(&kit);
	send_counts(4);
	kit_run(&kit);
	ck_assert_uint_eq(counted, 4);
	count_rc = SKAFU_ECONFLICT;
	count_trick = rewind_all;
	send_counts(1);
	kit_run(&kit);
	ck_assert_uint_ge(counted, 4 + 1 + 5);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 5);
}
END_TEST

/* A host whose decider says so whatever comes is not asked for ever. */
START_TEST(contention_without_end)
{
	uint64_t letters = 0;

	kit_engine(&kit);
	count_rc = SKAFU_ETIMEOUT;
	count_always = 1;
	send_counts(1);
	kit_run(&kit);
	went(skafu__deadletter_count(kit.store, "domain:stock", &letters, fault));
	ck_assert_uint_eq(letters, 1);
	count_rc = 0;
	send_counts(1);
	kit_run(&kit);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 1);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, metadata_are_joined);
	tcase_add_test(tests, metadata_that_are_refused);
	tcase_add_test(tests, metadata_without_room);
	tcase_add_test(tests, what_else_is_refused);
	tcase_add_test(tests, who_may_send);
	tcase_add_test(tests, tags_arrive);
	tcase_add_test(tests, of_another_domain);
	tcase_add_test(tests, not_expired_yet);
	tcase_add_test(tests, strange_metadata);
	tcase_add_test(tests, rewound_while_others_are_faster);
	tcase_add_test(tests, contention_without_end);
	tcase_add_loop_test(tests, contention_is_no_failure, 0, 3);
	tcase_add_loop_test(tests, trouble_is_no_attempt, 0, TROUBLE_WHATS);
	tcase_add_test(tests, a_decider_without_memory);
	tcase_add_loop_test(tests, whatever_is_missing, 0, TROUBLE_WHATS);
}

int main(void)
{
	return tempstore_main("command", add);
}

#include "test/house.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define WAIT_NS INT64_C(60000000000)

static int has(const skafu_record *record, const char *word)
{
	return memmem(record->data, record->data_length, word, strlen(word)) != NULL;
}

static int32_t emit(skafu_turn *turn, const char *stream, const char *type, const char *data, skafu_error *error)
{
	skafu_new_record event = house_event(stream, type, data);

	return skafu_turn_emit(turn, &event, error);
}

/* ---- deciders ---- */

static int32_t ask(void *user, const skafu_command *command, const void *state, skafu_turn *turn, skafu_error *error)
{
	skafu_new_record event = {.size = sizeof(event), .type = "Asked", .data = command->data};

	(void)user;
	(void)state;
	if (command->data_length && memmem(command->data, command->data_length, "no", 2))
		return skafu_turn_refuse(turn, "no", "The answer is no.", error);
	if (strcmp(command->type, "Note") == 0)
		return 0;
	if (strcmp(command->type, "Wait") == 0)
		event.type = "Waited";
	event.data_length = command->data_length;
	return skafu_turn_emit(turn, &event, error);
}

static int32_t count(void *user, void *state, const skafu_record *event, skafu_error *error)
{
	int64_t *n = state;

	(void)user;
	(void)event;
	(void)error;
	(*n)++;
	return 0;
}

static int32_t scope(void *user, const skafu_command *command, skafu_query *read, skafu_query *guard,
		     skafu_error *error)
{
	const struct house *house = user;
	int32_t rc = skafu_query_add_item(read, error);

	(void)guard;
	if (rc == 0)
		rc = skafu_query_add_tag(read, house->is_blind ? "course:blind" : command->tags[0], error);
	return rc;
}

static int32_t enrol(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		     skafu_error *error)
{
	const int64_t *n = state;
	skafu_new_record event = house_event("enrolments", "Enrolled", NULL);

	(void)user;
	if (*n >= 2)
		return skafu_turn_refuse(turn, "full", "The course is full.", error);
	event.tags = command->tags;
	event.tag_count = command->tag_count;
	return skafu_turn_emit(turn, &event, error);
}

/* ---- reactions ---- */

static int32_t answer(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	struct house *house = user;
	skafu_command note = {.size = sizeof(note), .type = "Note", .stream = "notes"};
	uint8_t key[16];
	int32_t rc;

	house->handled++;
	if (house->fails > 0) {
		house->fails--;
		skafu_error_set(error, SKAFU_EHOST, "the house is asleep");
		return SKAFU_EHOST;
	}
	if (house->forgets && house->handled % 2 == 1)
		return 0;
	rc = skafu_effect(turn, "mail", key, error);
	if (rc >= 0)
		rc = emit(turn, "answers", "Answered", "{\"to\":\"you\"}", error);
	note.data = event->data;
	note.data_length = event->data_length;
	return rc ? rc : skafu_turn_send(turn, &note, error);
}

static int32_t wait(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const struct house *house = user;
	skafu_new_record rang = house_event(event->stream, house->loops ? "Waited" : "Rang", NULL);
	int64_t due = house->loops ? 0 : skafu_turn_now(turn) + WAIT_NS;

	return skafu_turn_set_timer(turn, "bell", due, &rang, error);
}

/* ---- the process and the projection ---- */

static int32_t talk_route(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	int32_t rc = skafu_writer_put(instance, input->stream, strlen(input->stream), error);

	(void)user;
	return rc ? rc : strcmp(input->type, "Rang") == 0 ? SKAFU_ROUTE_STOP : SKAFU_ROUTE_START;
}

static int32_t talk_act(void *user, const skafu_record *input, const void *state, skafu_turn *turn,
			skafu_error *error)
{
	(void)user;
	(void)state;
	(void)turn;
	if (!has(input, "hang"))
		return 0;
	skafu_error_set(error, SKAFU_EHOST, "the line is dead");
	return SKAFU_EHOST;
}

static int32_t asked_each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	char row[200];

	(void)user;
	if (has(event, "poison")) {
		skafu_error_set(error, SKAFU_EHOST, "poison");
		return SKAFU_EHOST;
	}
	snprintf(row, sizeof(row), "{\"stream\":\"%s\",\"n\":%u}", event->stream, (unsigned)event->stream_version);
	return skafu_edit_put(edit, NULL, event->stream, strlen(event->stream), row, strlen(row), error);
}

/* ---- definitions ---- */

static void freed(void *user)
{
	((struct house *)user)->freed++;
}

static int32_t define_types(skafu_model *model, skafu_error *error)
{
	static const char *const types[][2] = {{"house", "Asked"}, {"house", "Answered"}, {"house", "Waited"},
					       {"house", "Rang"}, {"school", "Enrolled"}};
	int32_t rc = skafu_model_add_domain(model, "house", error);

	if (rc == 0)
		rc = skafu_model_add_domain(model, "school", error);
	for (size_t i = 0; rc == 0 && i < 5; i++) {
		skafu_event_def event = {.size = sizeof(event), .domain = types[i][0], .type = types[i][1],
					 .event_version = 2u << 16};

		rc = skafu_model_add_event(model, &event, error);
	}
	return rc;
}

static int32_t define_deciders(struct house *house, skafu_model *model, skafu_error *error)
{
	static const char *const asks[] = {"Ask", "Note", "Wait"};
	static const char *const enrols[] = {"Enrol"};
	const skafu_state_def state = {.size = sizeof(state), .version = 1, .bytes = sizeof(int64_t)};
	const skafu_decider_def one = {.size = sizeof(one), .domain = "house", .name = "house", .commands = asks,
				       .command_count = 3, .decide = ask};
	const skafu_decider_def two = {.size = sizeof(two), .domain = "school", .name = "school",
				       .commands = enrols, .command_count = 1, .state = &state, .evolve = count,
				       .decide = enrol, .scope = scope, .user = house, .free_user = freed};
	int32_t rc = skafu_model_add_decider(model, &one, error);

	return rc ? rc : skafu_model_add_decider(model, &two, error);
}

static int32_t define_reaction(struct house *house, skafu_model *model, const char *name, const char *type,
			       skafu_react_fn react, skafu_error *error)
{
	const char *const types[] = {type};
	const skafu_source source = {.size = sizeof(source), .types = types, .type_count = 1};
	const skafu_reaction_def def = {.size = sizeof(def), .domain = "house", .name = name, .source = &source,
					.react = react, .user = house};

	return skafu_model_add_reaction(model, &def, error);
}

static int32_t define_others(skafu_model *model, skafu_error *error)
{
	static const char *const types[] = {"Asked", "Rang"};
	const skafu_source source = {.size = sizeof(source), .types = types, .type_count = 2};
	const skafu_process_def talk = {.size = sizeof(talk), .version = 1, .domain = "house", .name = "talk",
					.source = &source, .route = talk_route, .act = talk_act};
	const skafu_projection_def asked = {.size = sizeof(asked), .version = 1, .domain = "house", .name = "asked",
					    .types = types, .type_count = 1, .each = asked_each};
	int32_t rc = skafu_model_add_process(model, &talk, error);

	return rc ? rc : skafu_model_add_projection(model, &asked, error);
}

int32_t house_define(void *user, skafu_model *model, skafu_error *error)
{
	struct house *house = user;
	int32_t rc = define_types(model, error);

	if (rc == 0)
		rc = define_deciders(house, model, error);
	if (rc == 0)
		rc = define_reaction(house, model, "answer", "Asked", answer, error);
	if (rc == 0)
		rc = define_reaction(house, model, "wait", "Waited", wait, error);
	return rc ? rc : define_others(model, error);
}

/* ---- for tests ---- */

skafu_scenario *house_scenario(struct house *house, uint32_t flags, const char *path)
{
	const skafu_scenario_opts opts = {.size = sizeof(opts), .flags = flags, .path = path, .seed = 7};
	skafu_scenario *scenario = NULL;

	memset(house, 0, sizeof(*house));
	ck_assert_int_eq(skafu_scenario_new(&opts, &scenario, NULL), 0);
	ck_assert_int_eq(house_define(house, skafu_scenario_model(scenario), NULL), 0);
	return scenario;
}

skafu_new_record house_event(const char *stream, const char *type, const char *data)
{
	skafu_new_record event = {.size = sizeof(event), .stream = stream, .type = type, .data = data};

	event.data_length = data ? strlen(data) : 0;
	return event;
}

skafu_command house_command(const char *stream, const char *type, const char *data)
{
	skafu_command command = {.size = sizeof(command), .stream = stream, .type = type, .data = data};

	command.data_length = data ? strlen(data) : 0;
	return command;
}

void house_given(skafu_scenario *scenario, const char *stream, const char *type, const char *data)
{
	const skafu_new_record event = house_event(stream, type, data);

	ck_assert_int_eq(skafu_scenario_given(scenario, &event, NULL), 0);
}

void house_when(skafu_scenario *scenario, const char *stream, const char *type, const char *data)
{
	const skafu_command command = house_command(stream, type, data);
	int32_t rc = skafu_scenario_when(scenario, &command, NULL);

	ck_assert_msg(rc == 0, "%s: %d %s", type, (int)rc, skafu_scenario_report(scenario));
}

void house_then(skafu_scenario *scenario, const char *type)
{
	const skafu_new_record event = house_event(NULL, type, NULL);
	int32_t rc = skafu_scenario_then_event(scenario, &event, NULL);

	ck_assert_msg(rc == 0, "%s: %d %s", type, (int)rc, skafu_scenario_report(scenario));
}

void house_says(skafu_scenario *scenario, int32_t rc, const char *report)
{
	ck_assert_int_eq(rc, 1);
	ck_assert_str_eq(skafu_scenario_report(scenario), report);
}

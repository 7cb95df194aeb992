#include "fault/callsmodel.h"

#include <string.h>

#include "fault/actors.h"

/* ---- definitions ---------------------------------------------------------------------------------------------- */

static int32_t close_model(struct callscene *s)
{
	skafu_model_close(s->model);
	s->model = NULL;
	return 0;
}

static int32_t act_model_open(struct callscene *s)
{
	return skafu_model_open(s->store, NULL, &s->model, &s->error);
}

/* Whether it is kept or refused, the user is released once. */
static void *give(struct callscene *s)
{
	s->given++;
	return s;
}

static int32_t act_add_domain(struct callscene *s)
{
	return skafu_model_add_domain(s->model, "shop", &s->error);
}

static int32_t refuse_event(void *user, const skafu_new_record *event, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)error;
	return 0;
}

static int32_t act_add_event(struct callscene *s)
{
	skafu_event_def def = {.size = sizeof def, .domain = "shop", .type = "Sent", .check = refuse_event,
			       .user = give(s), .free_user = callscene_free_user};

	return skafu_model_add_event(s->model, &def, &s->error);
}

static int32_t domains(struct callscene *s)
{
	return callscene_domains(s, s->model);
}

static int32_t cast(void *user, const skafu_record *stored, skafu_upcast *out, skafu_error *error)
{
	(void)user;
	return skafu_upcast_add(out, "Ordered", 2u << 16, stored->data, stored->data_length, error);
}

static int32_t act_add_upcaster(struct callscene *s)
{
	static const char *const types[] = {"Ordered"};
	static const uint32_t versions[] = {2u << 16};
	skafu_upcaster_def def = {.size = sizeof def, .from_version = 1u << 16, .to_count = 1, .type = "Ordered",
				  .to_types = types, .to_versions = versions, .upcast = cast, .user = give(s),
				  .free_user = callscene_free_user};

	return skafu_model_add_upcaster(s->model, &def, &s->error);
}

static int32_t decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		      skafu_error *error)
{
	(void)user;
	(void)command;
	(void)state;
	return skafu_turn_refuse(turn, "no", "No.", error);
}

static int32_t act_add_decider(struct callscene *s)
{
	static const char *const commands[] = {"Send", "Hold"};
	skafu_decider_def def = {.size = sizeof def, .domain = "shop", .name = "sender", .commands = commands,
				 .command_count = 2, .decide = decide, .user = give(s),
				 .free_user = callscene_free_user};

	return skafu_model_add_decider(s->model, &def, &s->error);
}

static int32_t each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	(void)user;
	return skafu_edit_put(edit, NULL, event->type, strlen(event->type), "1", 1, error);
}

static int32_t act_add_projection(struct callscene *s)
{
	static const char *const types[] = {"Ordered", "Paid"};
	skafu_projection_def def = {.size = sizeof def, .domain = "shop", .name = "sent", .types = types,
				    .type_count = 2, .rule = "{\"source\":[\"shop\"]}", .each = each,
				    .user = give(s), .free_user = callscene_free_user};

	return skafu_model_add_projection(s->model, &def, &s->error);
}

static int32_t act_freeze(struct callscene *s)
{
	return skafu_model_freeze(s->model, &s->error);
}

/* ---- upcasting ------------------------------------------------------------------------------------------------ */

static int32_t open_cursor(struct callscene *s)
{
	int32_t rc = skafu_model_freeze(s->model, &s->error);

	return rc ? rc : skafu_read(s->store, NULL, SKAFU_NO_LIMIT, NULL, &s->cursor, &s->error);
}

static int32_t act_upcast(struct callscene *s)
{
	return skafu_model_upcast(s->model, s->cursor, &s->error);
}

static int32_t open_upcasting(struct callscene *s)
{
	int32_t rc = open_cursor(s);

	return rc ? rc : act_upcast(s);
}

static int32_t act_cursor(struct callscene *s)
{
	const skafu_record *record = NULL;
	int32_t rc = skafu_cursor_next(s->cursor, &record, &s->error);

	return rc < 0 ? rc : rc == 1 && record->event_version == 2u << 16 ? 0 : SKAFU_EINTERNAL;
}

static int32_t inside_upcast(struct callscene *s, const struct call_hands *hands)
{
	(void)s;
	return skafu_upcast_add(hands->upcast, "Ordered", 2u << 16, "{\"amount\":1}", 12, hands->error);
}

/* ---- deciding ------------------------------------------------------------------------------------------------- */

static int32_t execute(struct callscene *s, const char *type, const skafu_execute_opts *opts)
{
	skafu_command command = callscene_command(type, "a", type);

	return skafu_model_execute(s->model, &command, ACTORS_SECOND, opts, &s->outcome, &s->error);
}

static int32_t act_execute(struct callscene *s)
{
	return execute(s, "Order", NULL);
}

static int32_t act_execute_refused(struct callscene *s)
{
	return execute(s, "Refuse", NULL);
}

/* After the append the outcome stands, whatever the wait comes to. */
static int32_t act_execute_waiting(struct callscene *s)
{
	static const char *const views[] = {"totals"};
	skafu_execute_opts opts = {.size = sizeof opts, .wait_views = views, .wait_view_count = 1};

	return execute(s, "Order", &opts);
}

static int32_t inside_emit(struct callscene *s, const struct call_hands *hands)
{
	skafu_new_record event = {.size = sizeof event, .type = "Paid", .data = "{\"by\":\"card\"}",
				  .data_length = 13};

	(void)s;
	return skafu_turn_emit(hands->turn, &event, hands->error);
}

static int32_t inside_refuse(struct callscene *s, const struct call_hands *hands)
{
	int32_t rc = skafu_turn_refuse(hands->turn, "no", "The shop is closed.", hands->error);

	(void)s;
	return rc;
}

static int32_t act_state_load(struct callscene *s)
{
	skafu_command command = callscene_command("Order", "a", NULL);

	return skafu_state_load(s->model, &command, 0, &s->state, &s->error);
}

static int32_t act_state_load_at(struct callscene *s)
{
	skafu_command command = callscene_command("Order", "a", NULL);

	return skafu_state_load(s->model, &command, 2, &s->state, &s->error);
}

/* ---- projections ---------------------------------------------------------------------------------------------- */

static int32_t order(struct callscene *s)
{
	return callscene_order(s, "new", NULL);
}

static int32_t step_of(struct callscene *s, const char *name)
{
	int32_t rc;

	while ((rc = skafu_projection_step(s->model, name, 100, &s->error)) == 1)
		;
	return rc;
}

static int32_t act_step(struct callscene *s)
{
	return step_of(s, "totals");
}

static int32_t act_step_sums(struct callscene *s)
{
	return step_of(s, "sums");
}

static int32_t act_rebuild(struct callscene *s)
{
	return skafu_projection_rebuild(s->model, "totals", &s->error);
}

static int32_t inside_put(struct callscene *s, const struct call_hands *hands)
{
	(void)s;
	return skafu_edit_put(hands->edit, "other", "key", 3, "value", 5, hands->error);
}

static int32_t inside_get(struct callscene *s, const struct call_hands *hands)
{
	const void *value;
	size_t length;

	(void)s;
	return skafu_edit_get(hands->edit, NULL, "Ordered", 7, &value, &length, hands->error);
}

static int32_t inside_delete(struct callscene *s, const struct call_hands *hands)
{
	(void)s;
	return skafu_edit_delete(hands->edit, "other", "key", 3, hands->error);
}

static int32_t inside_count(struct callscene *s, const struct call_hands *hands)
{
	(void)s;
	return skafu_edit_count(hands->edit, "other", "number", 6, 1, hands->error);
}

static int32_t inside_edit_effect(struct callscene *s, const struct call_hands *hands)
{
	uint8_t key[16];

	(void)s;
	return skafu_edit_effect(hands->edit, hands->input, "mail", key, hands->error);
}

static int32_t inside_key(struct callscene *s, const struct call_hands *hands)
{
	(void)s;
	return skafu_edit_key(hands->edit, "all", 3, hands->error);
}

/* A function that fails halts its projection. */
static int32_t fail_inside(struct callscene *s, const struct call_hands *hands)
{
	if (!s->is_broken)
		return 0;
	skafu_error_set(hands->error, SKAFU_EHOST, "broken");
	return SKAFU_EHOST;
}

static int32_t halt(struct callscene *s)
{
	int32_t rc = order(s);

	s->is_broken = 1;
	if (rc == 0)
		step_of(s, "totals");
	s->is_broken = 0;
	return rc;
}

static int32_t act_resume(struct callscene *s)
{
	return skafu_projection_resume(s->model, "totals", &s->error);
}

/* The second version of "sums" is built beside the first, and held. */
static int32_t make_shadow(struct callscene *s)
{
	int32_t rc;

	skafu_engine_close(s->engine);
	s->engine = NULL;
	close_model(s);
	s->sums_version = 2;
	rc = skafu_model_open(s->store, NULL, &s->model, &s->error);
	if (rc == 0)
		rc = callscene_define(s, s->model);
	return rc ? rc : step_of(s, "sums");
}

static int32_t act_compare(struct callscene *s)
{
	uint64_t differences = 0;

	return skafu_projection_compare(s->model, "sums", NULL, NULL, &differences, &s->error);
}

static int32_t act_promote(struct callscene *s)
{
	int32_t rc = skafu_projection_promote(s->model, "sums", SKAFU_NO_LIMIT, &s->error);

	return rc == SKAFU_ENOTFOUND ? 0 : rc; /* the second time it is done */
}

static int32_t act_discard(struct callscene *s)
{
	int32_t rc = skafu_projection_discard(s->model, "sums", &s->error);

	return rc == SKAFU_ENOTFOUND ? 0 : rc;
}

static int32_t act_projection_info(struct callscene *s)
{
	skafu_projection_info info = {.size = sizeof info};

	return skafu_projection_info_get(s->model, "totals", &info, &s->error);
}

/* ---- views ---------------------------------------------------------------------------------------------------- */

static int32_t act_view_open(struct callscene *s)
{
	return skafu_view_open(s->model, "totals", 0, 0, &s->view, &s->error);
}

static int32_t act_view_open_at(struct callscene *s)
{
	return skafu_view_open(s->model, "totals", 2, ACTORS_SECOND, &s->view, &s->error);
}

static int32_t order_and_view(struct callscene *s)
{
	int32_t rc = order(s);

	return rc ? rc : act_view_open(s);
}

static int32_t act_refresh(struct callscene *s)
{
	return skafu_view_refresh(s->view, SKAFU_FRESH_HEAD, 0, ACTORS_SECOND, NULL, &s->error);
}

static int32_t act_view_get(struct callscene *s)
{
	size_t length = 0;

	return skafu_view_get(s->view, NULL, "Ordered", 7, &s->bytes, &length, &s->error);
}

static int32_t rows_all(struct callscene *s)
{
	const skafu_row *row;
	int32_t rc;

	while ((rc = skafu_rows_next(s->rows, &row, &s->error)) == 1)
		;
	return rc;
}

static int32_t act_view_rows(struct callscene *s)
{
	int32_t rc = skafu_view_rows(s->view, NULL, NULL, SKAFU_NO_LIMIT, &s->rows, &s->error);

	return rc ? rc : rows_all(s);
}

static int32_t act_view_prefix(struct callscene *s)
{
	int32_t rc = skafu_view_prefix(s->view, NULL, "Ord", 3, SKAFU_NO_LIMIT, &s->rows, &s->error);

	return rc ? rc : rows_all(s);
}

static int32_t act_view_count(struct callscene *s)
{
	uint64_t count = 0;

	return skafu_view_count(s->view, NULL, NULL, &count, &s->error);
}

/* ---- rules and JSON ------------------------------------------------------------------------------------------- */

static const char rule[] = "{\"source\":[{\"anything-but\":[\"b\"]}],\"data\":{\"n\":[{\"numeric\":[\">\",3]}]}}";

static int32_t act_rules_new(struct callscene *s)
{
	return skafu_rules_new(&s->rules, &s->error);
}

static int32_t act_rules_add(struct callscene *s)
{
	uint32_t number = 7;
	int32_t rc = skafu_rules_add(s->rules, rule, sizeof rule - 1, &number, &s->error);

	return rc ? rc : number == 0 ? 0 : SKAFU_EINTERNAL; /* what failed left the set as it was */
}

static int32_t rules_ready(struct callscene *s)
{
	int32_t rc = act_rules_new(s);

	return rc ? rc : act_rules_add(s);
}

static int32_t act_match_json(struct callscene *s)
{
	static const char event[] = "{\"source\":\"a\",\"data\":{\"n\":4,\"t\":\"\\u00e4\"}}";
	int32_t rc = skafu_rules_match_json(s->rules, event, sizeof event - 1, NULL, 0, &s->error);

	return rc < 0 ? rc : rc == 1 ? 0 : SKAFU_EINTERNAL;
}

static int32_t rules_and_record(struct callscene *s)
{
	int32_t rc = rules_ready(s);

	return rc ? rc : skafu_get(s->store, 2, &s->record, &s->error);
}

static int32_t act_match(struct callscene *s)
{
	int32_t rc = skafu_rules_match(s->rules, s->record, NULL, 0, &s->error);

	return rc < 0 ? rc : 0;
}

static const char document[] = "{\"a\":[{\"n\":12,\"t\":\"x\\ny\"}]}";

static int32_t act_json_int64(struct callscene *s)
{
	int64_t value = 0;

	return skafu_json_int64(document, sizeof document - 1, "/a/0/n", &value, &s->error);
}

static int32_t act_json_text(struct callscene *s)
{
	char text[20];

	return skafu_json_text(document, sizeof document - 1, "/a/0/t", sizeof text, text, &s->error);
}

static int32_t act_json_find(struct callscene *s)
{
	const char *member = NULL;
	size_t length = 0;

	return skafu_json_find(document, sizeof document - 1, "/a", &member, &length, &s->error);
}

static int32_t act_json_quote(struct callscene *s)
{
	char json[40];

	return skafu_json_quote("a \"b\"", sizeof json, json, &s->error);
}

/* ---- the table ------------------------------------------------------------------------------------------------ */

const struct callrow callsmodel_rows[] = {
	{"skafu_model_open", NULL, act_model_open, NULL, 0, CALL_NO_MODEL},
	{"skafu_model_add_domain", NULL, act_add_domain, NULL, 0, CALL_BARE},
	{"skafu_model_add_event", domains, act_add_event, NULL, 0, CALL_BARE},
	{"skafu_model_add_upcaster", domains, act_add_upcaster, NULL, 0, CALL_BARE},
	{"skafu_model_add_decider", domains, act_add_decider, NULL, 0, CALL_BARE},
	{"skafu_model_add_projection", domains, act_add_projection, NULL, 0, CALL_BARE},
	{"skafu_model_freeze", NULL, act_freeze, NULL, 0, CALL_NO_ENGINE},
	{"skafu_model_upcast", open_cursor, act_upcast, NULL, 0, CALL_NO_ENGINE},
	{"skafu_upcast_add", open_upcasting, act_cursor, inside_upcast, CALL_IN_UPCASTER, CALL_NO_ENGINE},
	{"skafu_model_execute", NULL, act_execute, NULL, 0, CALL_NO_ENGINE},
	{"skafu_model_execute", NULL, act_execute_refused, NULL, 0, CALL_NO_ENGINE},
	{"skafu_model_execute", NULL, act_execute_waiting, NULL, 0, CALL_NO_ENGINE},
	{"skafu_turn_emit", NULL, act_execute, inside_emit, CALL_IN_DECIDER, CALL_NO_ENGINE},
	{"skafu_turn_refuse", NULL, act_execute, inside_refuse, CALL_IN_DECIDER, CALL_NO_ENGINE},
	{"skafu_state_load", NULL, act_state_load, NULL, 0, CALL_NO_ENGINE},
	{"skafu_state_load", NULL, act_state_load_at, NULL, 0, CALL_NO_ENGINE},
	{"skafu_projection_step", order, act_step, NULL, 0, CALL_NO_ENGINE},
	{"skafu_projection_step", order, act_step_sums, NULL, 0, CALL_NO_ENGINE},
	{"skafu_projection_rebuild", NULL, act_rebuild, NULL, 0, CALL_NO_ENGINE},
	{"skafu_edit_put", order, act_step, inside_put, CALL_IN_EACH, CALL_NO_ENGINE},
	{"skafu_edit_get", order, act_step, inside_get, CALL_IN_EACH, CALL_NO_ENGINE},
	{"skafu_edit_delete", order, act_step, inside_delete, CALL_IN_EACH, CALL_NO_ENGINE},
	{"skafu_edit_count", order, act_step, inside_count, CALL_IN_EACH, CALL_NO_ENGINE},
	{"skafu_edit_effect", order, act_step, inside_edit_effect, CALL_IN_EACH, CALL_NO_ENGINE},
	{"skafu_edit_key", order, act_step_sums, inside_key, CALL_IN_KEY, CALL_NO_ENGINE},
	{"skafu_projection_resume", halt, act_resume, fail_inside, CALL_PLACE_NONE, CALL_NO_ENGINE},
	{"skafu_projection_compare", make_shadow, act_compare, NULL, 0, CALL_NO_ENGINE},
	{"skafu_projection_promote", make_shadow, act_promote, NULL, 0, CALL_NO_ENGINE},
	{"skafu_projection_discard", make_shadow, act_discard, NULL, 0, CALL_NO_ENGINE},
	{"skafu_projection_info_get", NULL, act_projection_info, NULL, 0, CALL_NO_ENGINE},
	{"skafu_view_open", NULL, act_view_open, NULL, 0, CALL_NO_ENGINE},
	{"skafu_view_open", NULL, act_view_open_at, NULL, 0, CALL_NO_ENGINE},
	{"skafu_view_refresh", order_and_view, act_refresh, NULL, 0, CALL_NO_ENGINE},
	{"skafu_view_get", act_view_open, act_view_get, NULL, 0, CALL_NO_ENGINE},
	{"skafu_view_rows", act_view_open, act_view_rows, NULL, 0, CALL_NO_ENGINE},
	{"skafu_view_prefix", act_view_open, act_view_prefix, NULL, 0, CALL_NO_ENGINE},
	{"skafu_view_count", act_view_open, act_view_count, NULL, 0, CALL_NO_ENGINE},
	{"skafu_rules_new", NULL, act_rules_new, NULL, 0, CALL_NO_STORE},
	{"skafu_rules_add", act_rules_new, act_rules_add, NULL, 0, CALL_NO_STORE},
	{"skafu_rules_match", rules_and_record, act_match, NULL, 0, CALL_NO_MODEL},
	{"skafu_rules_match_json", rules_ready, act_match_json, NULL, 0, CALL_NO_STORE},
	{"skafu_json_int64", NULL, act_json_int64, NULL, 0, CALL_NO_STORE},
	{"skafu_json_text", NULL, act_json_text, NULL, 0, CALL_NO_STORE},
	{"skafu_json_find", NULL, act_json_find, NULL, 0, CALL_NO_STORE},
	{"skafu_json_quote", NULL, act_json_quote, NULL, 0, CALL_NO_STORE},
};
const size_t callsmodel_count = sizeof callsmodel_rows / sizeof *callsmodel_rows;

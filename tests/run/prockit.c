#include "run/prockit.h"

#include <stdio.h>
#include <string.h>

#include "base/trouble.h"
#include "run/deadletter.h"
#include "run/instance.h"
#include "run/quarantine.h"
#include "store/batch.h"

struct memory {
	uint32_t events;
	char trail[64];
};

/* ---- the process ----------------------------------------------------------------------------------------------- */

static int32_t route(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	struct prockit *kit = user;
	const char *name = kit->route_to ? kit->route_to : input->stream;
	trouble_pause(1);
	int32_t rc = skafu_writer_put(instance, name, strlen(name), error);

	trouble_pause(0);
	kit->routed++;
	if (rc != 0)
		return rc;
	if (input->kind != SKAFU_KIND_EVENT)
		return SKAFU_ROUTE_IGNORE;
	if (strcmp(input->type, "Ordered") == 0)
		return strncmp(input->stream, "undo/", 5) == 0 || strncmp(input->stream, "sub/", 4) == 0
			       ? SKAFU_ROUTE_IGNORE
			       : SKAFU_ROUTE_START;
	return strcmp(input->type, "Cancelled") == 0 ? SKAFU_ROUTE_STOP : SKAFU_ROUTE_CONTINUE;
}

static void deeds_of(const skafu_record *input, char out[64])
{
	trouble_pause(1);
	if (skafu_json_text(input->data, input->data_length, "/do", 64, out, NULL) != 0)
		out[0] = '\0';
	trouble_pause(0);
}

static int32_t evolve(void *user, void *state, const skafu_record *input, skafu_error *error)
{
	struct prockit *kit = user;
	struct memory *memory = state;
	char deeds[64];

	(void)error;
	kit->evolved++;
	memory->events++;
	deeds_of(input, deeds);
	size_t length = strlen(memory->trail);
	for (const char *at = deeds; *at && length < sizeof memory->trail - 1; at++)
		memory->trail[length++] = *at;
	memory->trail[length] = '\0';
	return 0;
}

static int32_t command(skafu_turn *turn, const char *type, const char *prefix, const char *stream, int undo,
		       skafu_error *error)
{
	char name[160];
	skafu_command order = {.size = sizeof order, .type = type, .stream = name};

	snprintf(name, sizeof name, "%s/%s", prefix, stream);
	return undo ? skafu_turn_undo_with(turn, &order, error) : skafu_turn_send(turn, &order, error);
}

static int32_t timer(struct prockit *kit, skafu_turn *turn, const char *name, const char *stream, skafu_error *error)
{
	skafu_new_record paid = {.size = sizeof paid, .type = "Paid", .stream = stream};

	return skafu_turn_set_timer(turn, name, kit->due, &paid, error);
}

static int32_t jam(skafu_error *error)
{
	skafu_error_set(error, SKAFU_EHOST, "the till is jammed");
	return SKAFU_EHOST;
}

static void wrongly(struct prockit *kit, skafu_turn *turn)
{
	static char text[5000];
	skafu_command unknown = {.size = sizeof unknown, .type = "NobodyDecides"};

	memset(text, 'x', sizeof text - 1);
	kit->wrong[0] = skafu_turn_undo_with(turn, NULL, NULL);
	kit->wrong[1] = skafu_turn_undo_with(turn, &unknown, NULL);
	kit->wrong[2] = skafu_turn_compensate(turn, NULL, "m", NULL);
	kit->wrong[3] = skafu_turn_compensate(turn, "c", text, NULL);
	kit->wrong[4] = skafu_turn_complete(turn, NULL);
	kit->wrong[5] = skafu_turn_complete(turn, NULL);
	kit->wrong[6] = skafu_turn_compensate(turn, "c", "m", NULL);
	kit->wrong_count++;
}

static int32_t deed(struct prockit *kit, char what, const skafu_record *input, skafu_turn *turn, skafu_error *error)
{
	char out[160];
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Ordered", .stream = out};

	snprintf(out, sizeof out, "sub/%s", input->stream);
	switch (what) {
	case 's': return command(turn, "Order", "sub", input->stream, 0, error);
	case 'u': return command(turn, "Order", "undo", input->stream, 1, error);
	case 'U': return command(turn, "Refuse", "undo", input->stream, 1, error);
	case 'c': return skafu_turn_compensate(turn, "limit", "Too much.", error);
	case 'e': return skafu_turn_complete(turn, error);
	case 'f': return kit->fails != 0 ? (kit->fails--, jam(error)) : 0;
	case 'i': return jam(error);
	case 't': return timer(kit, turn, "t", input->stream, error);
	case 'T': return timer(kit, turn, "T", input->stream, error);
	case 'x': return skafu_turn_cancel_timer(turn, "t", error);
	case 'm': return skafu_turn_emit(turn, &reserved, error);
	case 'w': wrongly(kit, turn); return 0;
	default: return 0;
	}
}

static int32_t act(struct prockit *kit, const skafu_record *input, const void *state, skafu_turn *turn,
		   uint32_t version, skafu_error *error)
{
	const struct memory *memory = state;
	char deeds[64];
	int32_t rc = 0;

	kit->acted++;
	kit->versions[version]++;
	deeds_of(input, deeds);
	snprintf(kit->trail, sizeof kit->trail, "%s", memory->trail);
	size_t length = strlen(kit->order);
	snprintf(kit->order + length, sizeof kit->order - length, "%s:%s ", input->stream, deeds);
	trouble_pause(1);
	for (const char *at = deeds; rc == 0 && *at; at++)
		rc = deed(kit, *at, input, turn, error);
	trouble_pause(0);
	return rc;
}

static int32_t act_1(void *user, const skafu_record *input, const void *state, skafu_turn *turn, skafu_error *error)
{
	return act(user, input, state, turn, 1, error);
}

static int32_t act_2(void *user, const skafu_record *input, const void *state, skafu_turn *turn, skafu_error *error)
{
	return act(user, input, state, turn, 2, error);
}

static void freed(void *user)
{
	((struct prockit *)user)->freed++;
}

const skafu_source *prockit_source(void)
{
	static const char *const types[] = {"Ordered", "Paid", "Cancelled"};
	static const skafu_source source = {.size = sizeof source, .types = types, .type_count = 3};

	return &source;
}

skafu_process_def prockit_def(struct prockit *kit, uint32_t version)
{
	static const skafu_state_def state = {.size = sizeof state, .version = 1, .bytes = sizeof(struct memory)};

	return (skafu_process_def){.size = sizeof(skafu_process_def), .version = version, .domain = "shop",
				   .name = "p", .source = prockit_source(), .state = &state, .route = route,
				   .evolve = evolve, .act = version == 2 ? act_2 : act_1, .user = kit,
				   .free_user = freed};
}

void prockit_define(struct prockit *kit, uint32_t version, const skafu_retry_policy *retry)
{
	skafu_process_def def = prockit_def(kit, version);

	def.retry = retry;
	went(skafu_model_add_process(kit->kit.model, &def, fault));
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

void prockit_open(struct prockit *kit)
{
	memset(kit, 0, sizeof *kit);
	kit_open(&kit->kit);
}

void prockit_close(struct prockit *kit)
{
	kit_close(&kit->kit);
}

void prockit_reopen(struct prockit *kit)
{
	kit_reopen(&kit->kit);
}

uint64_t prockit_tell(struct prockit *kit, const char *type, const char *stream, const char *deeds)
{
	char data[100];
	skafu_new_record event = {.size = sizeof event, .type = type, .stream = stream, .source = "shop",
				  .data = data};
	skafu_batch *batch = batch_of(kit->kit.store);

	snprintf(data, sizeof data, "{\"do\":\"%s\"}", deeds ? deeds : "");
	event.data_length = strlen(data);
	went(skafu_batch_add(batch, &event, fault));
	return appended_by(kit->kit.store, batch).last_sequence;
}

void prockit_run(struct prockit *kit)
{
	kit_run(&kit->kit);
}

/* ---- looking --------------------------------------------------------------------------------------------------- */

const char *prockit_instance(struct prockit *kit, const char *instance)
{
	static const char *const states[] = {"?", "running", "compensating", "completed", "failed", "aside"};
	static char text[600];
	skafu_process_list *list = NULL;
	const skafu_process_info *info;

	snprintf(text, sizeof text, "none");
	went(skafu_process_list_open(kit->kit.store, "p", 0, SKAFU_NO_LIMIT, &list, fault));
	while (skafu_process_list_next(list, &info, fault) == 1)
		if (strcmp(info->instance, instance) == 0)
			snprintf(text, sizeof text, "%s %u %u %s", states[info->state], info->version, info->steps,
				 info->code);
	skafu_process_list_free(list);
	return text;
}

uint32_t prockit_rows(struct prockit *kit, const char *table)
{
	skafu_rows *rows = NULL;
	const skafu_row *row;
	uint32_t count = 0;

	went(skafu_rows_open(kit->kit.store, table, NULL, SKAFU_NO_LIMIT, &rows, fault));
	while (skafu_rows_next(rows, &row, fault) == 1)
		count++;
	skafu_rows_free(rows);
	return count;
}

const char *prockit_streams(struct prockit *kit, uint32_t kind, const char *type)
{
	static char text[2000];
	skafu_read_opts opts = {.size = sizeof opts, .kinds = 1u << kind};
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	size_t length = 0;

	text[0] = '\0';
	went(skafu_read(kit->kit.store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, fault) == 1)
		if (strcmp(record->type, type) == 0)
			length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", length ? " " : "",
						   record->stream);
	skafu_cursor_free(cursor);
	return text;
}

int32_t prockit_retry(struct prockit *kit, const char *instance, uint64_t sequence)
{
	struct skafu__consumer *consumer = kit_consumer(&kit->kit, "p");
	struct skafu__step step;
	skafu_record *record = NULL;
	skafu_batch *batch = batch_of(kit->kit.store);

	skafu__step_init(&step, kit->kit.model, "p", "shop", consumer->handler, consumer->self);
	step.source = &consumer->source;
	went(skafu_get(kit->kit.store, sequence, &record, fault));
	int32_t rc = skafu__step_run(&step, record, batch, SKAFU__STEP_RETRY, fault);
	if (rc == 0)
		rc = skafu__quarantine_release(kit->kit.store, "p", instance, sequence, batch, fault);
	if (rc == 0 && (batch->record_count != 0 || batch->row_count != 0))
		rc = skafu_append(kit->kit.store, batch, SKAFU_WAIT_FOREVER, NULL, fault);
	skafu__step_done(&step);
	skafu_record_free(record);
	skafu_batch_free(batch);
	return rc;
}

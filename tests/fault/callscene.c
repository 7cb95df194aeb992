#include "fault/callscene.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fault/actors.h"
#include "fault/failing.h"
#include "fault/statedir.h"
#include "store/store.h"

#define DRAIN_NS UINT64_C(100000000000)
#define FAR_NS INT64_C(4000000000000000000) /* in the year 2096 */
#define TEMPLATE_FILES 8u

static void say(void *user, int32_t level, const char *text)
{
	static int is_wanted = -1;

	(void)user;
	if (is_wanted < 0)
		is_wanted = getenv("SKAFU_TEST_LOG") != NULL;
	if (is_wanted)
		printf("  %d: %s\n", (int)level, text);
}

static const skafu_store_opts scene_opts = {.size = sizeof scene_opts, .flags = SKAFU_STORE_CREATE, .log = say};

/* ---- functions of the host ------------------------------------------------------------------------------------ */

static struct callscene scene;

void callscene_free_user(void *user)
{
	((struct callscene *)user)->freed++;
}

/* The call of the row, if this is the place for it.  Only the one for which it was armed can fail. */
static int32_t go_inside(struct callscene *s, enum call_place place, const struct call_hands *hands)
{
	int is_armed = s->is_armed;

	if (s->row->place != place || !s->row->inside)
		return 0;
	if (is_armed)
		failing_resume();
	int32_t rc = s->row->inside(s, hands);
	if (is_armed) {
		failing_pause();
		s->is_armed = 0;
		s->was_inside = 1;
		s->code = rc;
	}
	return rc < 0 ? rc : 0;
}

int32_t callscene_inside(struct callscene *s, int32_t (*run)(struct callscene *s))
{
	failing_pause();
	s->is_armed = 1;
	int32_t rc = run(s);
	s->is_armed = 0;
	failing_resume();
	if (!s->was_inside)
		return rc ? rc : SKAFU_EINTERNAL;
	return s->code < 0 ? s->code : 0;
}

static int32_t decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		      skafu_error *error)
{
	struct call_hands hands = {.turn = turn, .error = error};
	skafu_new_record event = {.size = sizeof event, .type = "Ordered", .data = "{\"amount\":1}",
				  .data_length = 12};
	int is_order = strcmp(command->type, "Order") == 0;

	(void)state;
	if (strcmp(command->type, "Refuse") == 0)
		return skafu_turn_refuse(turn, "no", "The shop is closed.", error);
	int32_t rc = is_order ? go_inside(user, CALL_IN_DECIDER, &hands) : 0;
	event.type = is_order ? "Ordered" : "Paid";
	if (is_order && ((struct callscene *)user)->row->place == CALL_IN_DECIDER)
		return rc;
	return rc ? rc : skafu_turn_emit(turn, &event, error);
}

static int32_t evolve(void *user, void *state, const skafu_record *event, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)error;
	++*(uint64_t *)state;
	return 0;
}

static int32_t reserve(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	struct call_hands hands = {.input = event, .turn = turn, .error = error};
	char stream[200];
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved", .stream = stream};

	snprintf(stream, sizeof stream, "stock/%.150s", event->stream);
	int32_t rc = go_inside(user, CALL_IN_REACTION, &hands);
	return rc ? rc : skafu_turn_emit(turn, &reserved, error);
}

static int32_t break_down(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	const struct callscene *s = user;

	(void)turn;
	if (!s->is_broken || strcmp(event->stream, "bad") != 0)
		return 0;
	skafu_error_set(error, SKAFU_EHOST, "the shelf is empty");
	return SKAFU_EHOST;
}

static int32_t route(void *user, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	struct call_hands hands = {.input = input, .writer = instance, .error = error};
	int32_t rc = go_inside(user, CALL_IN_ROUTE, &hands);

	if (rc == 0)
		rc = skafu_writer_put(instance, input->stream, strlen(input->stream), error);
	return rc ? rc : strcmp(input->type, "Ordered") == 0 ? SKAFU_ROUTE_START : SKAFU_ROUTE_CONTINUE;
}

/* An order is paid for; a stream that begins with "open" stays open. */
static int32_t act(void *user, const skafu_record *input, const void *state, skafu_turn *turn, skafu_error *error)
{
	struct call_hands hands = {.input = input, .turn = turn, .error = error};
	skafu_command pay = callscene_command("Pay", input->stream, NULL);
	skafu_command undo = callscene_command("Refuse", input->stream, NULL);
	skafu_new_record late = {.size = sizeof late, .type = "Late", .stream = input->stream};
	int32_t rc = go_inside(user, CALL_IN_PROCESS, &hands);

	(void)state;
	if (rc != 0 || (((struct callscene *)user)->row->place == CALL_IN_PROCESS))
		return rc;
	if (strcmp(input->type, "Ordered") != 0)
		return strncmp(input->stream, "open", 4) == 0 ? 0 : skafu_turn_complete(turn, error);
	rc = skafu_turn_send(turn, &pay, error);
	if (rc == 0)
		rc = skafu_turn_undo_with(turn, &undo, error);
	return rc ? rc : skafu_turn_set_timer(turn, "late", FAR_NS, &late, error);
}

static int32_t total_each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	struct call_hands hands = {.input = event, .edit = edit, .error = error};
	int32_t rc = go_inside(user, CALL_IN_EACH, &hands);

	return rc ? rc : skafu_edit_count(edit, NULL, event->type, strlen(event->type), 1, error);
}

static int32_t sum_key(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	struct call_hands hands = {.input = event, .edit = edit, .error = error};
	int32_t rc = go_inside(user, CALL_IN_KEY, &hands);

	return rc ? rc : skafu_edit_key(edit, event->stream, strlen(event->stream), error);
}

static int32_t sum_fold(void *user, const skafu_fold *input, skafu_writer *value, skafu_error *error)
{
	uint64_t sum = 0;

	(void)user;
	if (input->value_length == sizeof sum)
		memcpy(&sum, input->value, sizeof sum);
	sum += input->event_count;
	return skafu_writer_put(value, &sum, sizeof sum, error);
}

static int32_t upcast(void *user, const skafu_record *stored, skafu_upcast *out, skafu_error *error)
{
	struct call_hands hands = {.input = stored, .upcast = out, .error = error};
	const struct callscene *s = user;

	if (s->row->place == CALL_IN_UPCASTER)
		return go_inside(user, CALL_IN_UPCASTER, &hands);
	return skafu_upcast_add(out, "Ordered", 2u << 16, "{\"amount\":1}", 12, error);
}

/* ---- definitions ---------------------------------------------------------------------------------------------- */

/* Attempts enough for every failure of a test, and hardly a wait between them. */
static const skafu_retry_policy patient = {.size = sizeof patient, .attempts_max = 1000000, .delay_ns = 1,
					   .delay_ns_max = 1000};
static const skafu_retry_policy strict = {.size = sizeof strict, .attempts_max = 1, .then = SKAFU_THEN_PARK_KEY};
static const char *const ordered[] = {"Ordered"};
static const char *const inputs[] = {"Ordered", "Paid", "Late"};
static const skafu_source of_orders = {.size = sizeof of_orders, .types = ordered, .type_count = 1};
static const skafu_source of_inputs = {.size = sizeof of_inputs, .types = inputs, .type_count = 3};
static const skafu_state_def counter = {.size = sizeof counter, .version = 1, .bytes = sizeof(uint64_t)};

static int32_t define_event(struct callscene *s, skafu_model *model, const char *domain, const char *type,
			    uint32_t version)
{
	skafu_event_def def = {.size = sizeof def, .domain = domain, .type = type, .event_version = version};

	return skafu_model_add_event(model, &def, &s->error);
}

int32_t callscene_domains(struct callscene *s, skafu_model *model)
{
	int32_t rc = skafu_model_add_domain(model, "shop", &s->error);

	if (rc == 0)
		rc = skafu_model_add_domain(model, "stock", &s->error);
	if (rc == 0)
		rc = define_event(s, model, "shop", "Ordered", 2u << 16);
	if (rc == 0)
		rc = define_event(s, model, "shop", "Paid", 0);
	if (rc == 0)
		rc = define_event(s, model, "shop", "Late", 0);
	return rc ? rc : define_event(s, model, "stock", "Reserved", 0);
}

static int32_t define_decider(struct callscene *s, skafu_model *model)
{
	static const char *const commands[] = {"Order", "Pay", "Refuse"};
	skafu_decider_def def = {.size = sizeof def, .snapshot_every = 2, .domain = "shop", .name = "shop",
				 .commands = commands, .command_count = 3, .state = &counter, .evolve = evolve,
				 .decide = decide, .user = s};
	skafu_upcaster_def caster = {.size = sizeof caster, .from_version = 1u << 16, .to_count = 1,
				     .type = "Ordered", .to_types = ordered,
				     .to_versions = (const uint32_t[]){2u << 16}, .upcast = upcast, .user = s};
	int32_t rc = skafu_model_add_upcaster(model, &caster, &s->error);

	return rc ? rc : skafu_model_add_decider(model, &def, &s->error);
}

static int32_t define_projections(struct callscene *s, skafu_model *model)
{
	skafu_projection_def totals = {.size = sizeof totals, .domain = "shop", .name = "totals", .each = total_each,
				       .user = s};
	skafu_projection_def sums = {.size = sizeof sums, .flags = SKAFU_PROJECTION_HOLD,
				     .version = s->sums_version ? s->sums_version : 1, .domain = "shop",
				     .name = "sums", .key = sum_key, .fold = sum_fold, .user = s};
	int32_t rc = skafu_model_add_projection(model, &totals, &s->error);

	return rc ? rc : skafu_model_add_projection(model, &sums, &s->error);
}

int32_t callscene_define(struct callscene *s, skafu_model *model)
{
	skafu_reaction_def reaction = {.size = sizeof reaction, .domain = "stock", .name = "reserve",
				       .source = &of_orders, .retry = &patient, .react = reserve, .user = s};
	skafu_reaction_def broken = {.size = sizeof broken, .domain = "stock", .name = "broken", .source = &of_orders,
				     .retry = &strict, .react = break_down, .user = s};
	skafu_process_def process = {.size = sizeof process, .version = 1, .domain = "shop", .name = "payment",
				     .source = &of_inputs, .state = &counter, .route = route, .evolve = evolve,
				     .act = act, .retry = &patient, .user = s};
	int32_t rc = callscene_domains(s, model);

	if (rc == 0)
		rc = define_decider(s, model);
	if (rc == 0)
		rc = define_projections(s, model);
	if (rc == 0)
		rc = skafu_model_add_reaction(model, &reaction, &s->error);
	if (rc == 0)
		rc = skafu_model_add_reaction(model, &broken, &s->error);
	return rc ? rc : skafu_model_add_process(model, &process, &s->error);
}

/* ---- for rows ------------------------------------------------------------------------------------------------- */

skafu_command callscene_command(const char *type, const char *stream, const char *key)
{
	return (skafu_command){.size = sizeof(skafu_command), .type = type, .domain = "shop", .stream = stream,
			       .key = key};
}

int32_t callscene_order(struct callscene *s, const char *stream, const char *data)
{
	skafu_new_record order = {.size = sizeof order, .type = "Ordered", .stream = stream, .source = "shop",
				  .event_version = data ? 1u << 16 : 2u << 16, .data = data,
				  .data_length = data ? strlen(data) : 0, .correlation = stream};
	skafu_appended appended = {.size = sizeof appended};
	skafu_batch *batch = NULL;
	uint8_t id[16];
	int32_t rc = skafu_id_from_text("callscene", stream, id);

	order.id = id;
	if (rc == 0)
		rc = skafu_batch_new(s->store, &batch, &s->error);
	if (rc == 0)
		rc = skafu_batch_add(batch, &order, &s->error);
	if (rc == 0)
		rc = skafu_append(s->store, batch, ACTORS_SECOND, &appended, &s->error);
	skafu_batch_free(batch);
	s->sequence = appended.last_sequence;
	return rc;
}

/* A projection whose function failed halts, an input that failed too often is set aside: both are taken up again. */
static int32_t take_up(struct callscene *s)
{
	static const char *const projections[] = {"totals", "sums"};
	int32_t rc = 0;

	for (size_t i = 0; rc == 0 && i < 2; i++) {
		skafu_projection_info info = {.size = sizeof info};
		rc = skafu_projection_info_get(s->model, projections[i], &info, &s->error);
		if (rc == 0 && info.state == SKAFU_VIEW_HALTED)
			rc = skafu_projection_resume(s->model, projections[i], &s->error);
	}
	return rc ? rc : skafu_dead_letters_retry(s->engine, NULL, 100, NULL, &s->error);
}

int32_t callscene_drain(struct callscene *s)
{
	int32_t rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++) {
		rc = skafu_engine_drain(s->engine, DRAIN_NS, &s->error);
		if (rc == 0)
			rc = take_up(s);
	}
	return rc ? rc : skafu_engine_drain(s->engine, DRAIN_NS, &s->error);
}

/* ---- life ----------------------------------------------------------------------------------------------------- */

static void release_lists(struct callscene *s)
{
	skafu_consumer_list_free(s->consumers);
	skafu_dead_letter_list_free(s->letters);
	skafu_error_summary_list_free(s->summaries);
	skafu_replay_list_free(s->replays);
	skafu_timer_list_free(s->timers);
	skafu_process_list_free(s->processes);
	skafu_alarm_list_free(s->alarms);
	s->consumers = NULL;
	s->letters = NULL;
	s->summaries = NULL;
	s->replays = NULL;
	s->timers = NULL;
	s->processes = NULL;
	s->alarms = NULL;
}

static void release_made(struct callscene *s)
{
	release_lists(s);
	skafu_span_end(s->span, 0, NULL);
	skafu_state_free(s->state);
	skafu_rows_free(s->rows);
	skafu_view_close(s->view);
	skafu_outcome_free(s->outcome);
	skafu_record_free(s->record);
	skafu_cursor_free(s->cursor);
	skafu_batch_free(s->batch);
	skafu_rules_free(s->rules);
	skafu_error_free(s->made);
	skafu_bytes_free(s->bytes);
	skafu_text_free(s->text);
	s->span = NULL;
	s->state = NULL;
	s->rows = NULL;
	s->view = NULL;
	s->outcome = NULL;
	s->record = NULL;
	s->cursor = NULL;
	s->batch = NULL;
	s->rules = NULL;
	s->made = NULL;
	s->bytes = NULL;
	s->text = NULL;
}

static void close_all(struct callscene *s)
{
	release_made(s);
	skafu_scenario_free(s->scenario);
	skafu_subscription_close(s->subscription);
	skafu_watch_close(s->watch);
	skafu_engine_close(s->engine);
	skafu_model_close(s->model);
	skafu_store_close(s->other);
	skafu_store_close(s->store);
	s->scenario = NULL;
	s->subscription = NULL;
	s->watch = NULL;
	s->engine = NULL;
	s->model = NULL;
	s->other = NULL;
	s->store = NULL;
}

static int32_t open_all(struct callscene *s, unsigned flags)
{
	int32_t rc = flags & CALL_NO_STORE ? 0 : skafu_store_open(s->path, &scene_opts, &s->store, &s->error);

	if (rc != 0 || flags & (CALL_NO_STORE | CALL_NO_MODEL))
		return rc;
	rc = skafu_model_open(s->store, NULL, &s->model, &s->error);
	if (rc != 0 || flags & CALL_BARE)
		return rc;
	rc = callscene_define(s, s->model);
	return rc || flags & CALL_NO_ENGINE ? rc : skafu_engine_open(s->model, NULL, &s->engine, &s->error);
}

/* ---- the store before the call -------------------------------------------------------------------------------- */

static struct template_file {
	char name[64];
	uint8_t *bytes;
	size_t length;
} template[TEMPLATE_FILES];
static size_t template_count;

static int template_skips(const char *name)
{
	return name[0] == '.' || strcmp(name, "control") == 0 || strcmp(name, "wake") == 0 || strstr(name, "lock");
}

static void template_keep(const char *path, const char *name)
{
	char full[600];
	struct stat status;
	struct template_file *file = &template[template_count];

	snprintf(full, sizeof full, "%s/%s", path, name);
	int fd = open(full, O_RDONLY);
	if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || template_count == TEMPLATE_FILES)
		abort();
	snprintf(file->name, sizeof file->name, "%.63s", name);
	file->length = (size_t)status.st_size;
	file->bytes = malloc(file->length + 1);
	if (!file->bytes || read(fd, file->bytes, file->length) != (ssize_t)file->length)
		abort();
	close(fd);
	template_count++;
}

/* Sparse where the file is: most of a file of views is a hole. */
static int template_write(const char *path, const struct template_file *file)
{
	static const uint8_t zeros[4096];
	char full[600];

	snprintf(full, sizeof full, "%s/%s", path, file->name);
	int fd = open(full, O_RDWR | O_CREAT, 0600);
	int bad = fd < 0 || ftruncate(fd, (off_t)file->length) != 0;
	for (size_t at = 0; !bad && at < file->length; at += sizeof zeros) {
		size_t part = file->length - at < sizeof zeros ? file->length - at : sizeof zeros;
		if (memcmp(file->bytes + at, zeros, part) != 0)
			bad = pwrite(fd, file->bytes + at, part, (off_t)at) != (ssize_t)part;
	}
	close(fd);
	return bad;
}

static void scene_empty(const struct callscene *s)
{
	DIR *list = opendir(s->path);
	struct dirent *entry;
	char full[600];

	while (list && (entry = readdir(list)) != NULL) {
		snprintf(full, sizeof full, "%s/%.200s", s->path, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(full);
	}
	if (list)
		closedir(list);
	rmdir(s->path);
}

/* One order after another: paid for, open, refused by "broken" and parked behind it. */
static int32_t history_orders(struct callscene *s)
{
	static const char *const streams[] = {"a", "open", "bad"};
	int32_t rc = 0;

	s->is_broken = 1;
	for (size_t i = 0; rc == 0 && i < 3; i++)
		rc = callscene_order(s, streams[i], i == 0 ? "{\"old\":1}" : NULL);
	for (size_t i = 0; rc == 0 && i < 2; i++) {
		skafu_command command = callscene_command("Order", i ? "a" : "bad", i ? "key-a" : "key-bad");
		skafu_outcome *outcome = NULL;
		rc = skafu_model_execute(s->model, &command, ACTORS_SECOND, NULL, &outcome, &s->error);
		skafu_outcome_free(outcome);
	}
	if (rc == 0)
		rc = skafu_engine_drain(s->engine, DRAIN_NS, &s->error);
	s->is_broken = 0;
	return rc;
}

static int32_t history_subscription(struct callscene *s)
{
	const skafu_record *const *records = NULL;
	int32_t rc = skafu_subscription_open(s->model, "pull", NULL, &s->subscription, &s->error);

	if (rc == 0)
		rc = skafu_subscription_next(s->subscription, 1, 0, &records, &s->error);
	return rc < 0 ? rc : skafu_subscription_ack(s->subscription, 1, &s->error);
}

static int32_t history_rest(struct callscene *s)
{
	skafu_error_report_def report = {.size = sizeof report, .source = "shop", .code = "LATE",
					 .message = "Too late."};
	skafu_replay_opts replay = {.size = sizeof replay, .targets = (const char *const[]){"reserve"},
				    .target_count = 1};
	skafu_new_record late = {.size = sizeof late, .type = "Late", .stream = "host", .source = "shop"};
	skafu_batch *batch = NULL;
	int32_t rc = skafu_error_report(s->model, &report, &s->error);

	if (rc == 0)
		rc = skafu_replay_start(s->engine, &replay, s->replay, &s->error);
	if (rc == 0)
		rc = skafu_batch_new(s->store, &batch, &s->error);
	if (rc == 0)
		rc = skafu_batch_set_timer(batch, "host", FAR_NS, &late, &s->error);
	if (rc == 0)
		rc = skafu_append(s->store, batch, ACTORS_SECOND, NULL, &s->error);
	skafu_batch_free(batch);
	return rc ? rc : skafu_engine_drain(s->engine, DRAIN_NS, &s->error);
}

static void template_make(struct callscene *s)
{
	static const struct callrow nothing = {.name = "history"};
	int32_t rc;

	s->row = &nothing;
	rc = open_all(s, 0);
	if (rc == 0)
		rc = history_orders(s);
	if (rc == 0)
		rc = history_subscription(s);
	if (rc == 0)
		rc = history_rest(s);
	if (rc != 0) {
		printf("no history: %s: %s\n", skafu_result_name(rc), s->error.message);
		abort();
	}
	close_all(s);
	DIR *list = opendir(s->path);
	for (struct dirent *entry; list && (entry = readdir(list)) != NULL;)
		if (!template_skips(entry->d_name))
			template_keep(s->path, entry->d_name);
	closedir(list);
	scene_empty(s);
}

/* ---- what stands in the store --------------------------------------------------------------------------------- */

#define TABLES 10u
static const char *const tables[TABLES] = {"skafu.consumers", "skafu.checkpoints", "skafu.dead", "skafu.parked",
					   "skafu.keys", "skafu.processes", "skafu.replays", "skafu.timers",
					   "skafu.timer_names", "skafu.undos"};

/* Records by what they say, whatever their order; rows by their number. */
struct picture {
	uint64_t records[5]; /* by kind */
	uint64_t says[5];
	uint64_t rows[TABLES];
	uint64_t view;
};

static uint64_t hash_more(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
	return (hash ^ length) * UINT64_C(0x100000001b3);
}

static uint64_t record_hash(const skafu_record *record)
{
	uint64_t hash = hash_more(UINT64_C(0xcbf29ce484222325), record->type, strlen(record->type));

	hash = hash_more(hash, record->stream, strlen(record->stream));
	/* An outcome says how many attempts it took. */
	return record->kind == SKAFU_KIND_EVENT ? hash_more(hash, record->data, record->data_length) : hash;
}

static int32_t picture_records(const struct callscene *s, struct picture *out, skafu_error *error)
{
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	int32_t rc = skafu_read(s->store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, error);

	while (rc == 0 && (rc = skafu_cursor_next(cursor, &record, error)) == 1) {
		rc = 0;
		if (record->kind == SKAFU_KIND_ERROR || record->kind >= 5)
			continue;
		out->records[record->kind]++;
		out->says[record->kind] += record_hash(record);
	}
	skafu_cursor_free(cursor);
	return rc;
}

static int32_t picture_rows(skafu_rows *rows, int with_values, uint64_t *out, skafu_error *error)
{
	const skafu_row *row;
	int32_t rc;

	while ((rc = skafu_rows_next(rows, &row, error)) == 1) {
		uint64_t hash = with_values ? hash_more(1, row->key, row->key_length) : 0;
		*out += with_values ? hash_more(hash, row->value, row->value_length) : 1;
	}
	skafu_rows_free(rows);
	return rc;
}

static int32_t picture_take(const struct callscene *s, int with_view, struct picture *out, skafu_error *error)
{
	skafu_rows *rows = NULL;
	skafu_view *view = NULL;
	int32_t rc;

	memset(out, 0, sizeof *out);
	rc = picture_records(s, out, error);
	for (size_t i = 0; rc == 0 && i < TABLES; i++) {
		rc = skafu_rows_open(s->store, tables[i], NULL, SKAFU_NO_LIMIT, &rows, error);
		if (rc == 0)
			rc = picture_rows(rows, 0, &out->rows[i], error);
	}
	if (rc != 0 || !with_view || !s->model)
		return rc;
	rc = skafu_view_open(s->model, "totals", 0, 0, &view, error);
	if (rc == 0)
		rc = skafu_view_rows(view, NULL, NULL, SKAFU_NO_LIMIT, &rows, error);
	if (rc == 0)
		rc = picture_rows(rows, 1, &out->view, error);
	skafu_view_close(view);
	return rc;
}

static void picture_say(const struct picture *found, const struct picture *wanted, char *why, size_t room)
{
	static const char *const kinds[5] = {"?", "events", "commands", "errors", "outcomes"};
	size_t at = strlen(why);

	for (size_t i = 0; i < 5 && at < room; i++)
		if (found->says[i] != wanted->says[i])
			at += (size_t)snprintf(why + at, room - at, " %" PRIu64 " for %" PRIu64 " %s",
					       found->records[i], wanted->records[i], kinds[i]);
	for (size_t i = 0; i < TABLES && at < room; i++)
		if (found->rows[i] != wanted->rows[i])
			at += (size_t)snprintf(why + at, room - at, " %" PRIu64 " for %" PRIu64 " rows of %s",
					       found->rows[i], wanted->rows[i], tables[i]);
	if (at < room && found->view != wanted->view)
		snprintf(why + at, room - at, " another view");
}

/* ---- one run -------------------------------------------------------------------------------------------------- */

/* Of the row, when nothing fails: before, after the call, and at rest. */
static struct picture before_call, after_call, at_rest;

static int scene_prepare(void *user)
{
	struct callscene *s = user;

	scene_empty(s);
	memset(&s->error, 0, sizeof s->error);
	s->was_inside = 0;
	s->code = 0;
	s->freed = 0;
	s->given = 0;
	s->acks = 0;
	s->sums_version = 0;
	s->is_broken = 0;
	if (!(s->row->flags & CALL_NO_STORE) && mkdir(s->path, 0700) != 0)
		return 1;
	for (size_t i = 0; !(s->row->flags & CALL_NO_STORE) && i < template_count; i++)
		if (template_write(s->path, &template[i]) != 0)
			return 1;
	int32_t rc = open_all(s, s->row->flags);
	if (rc == 0)
		rc = s->row->prepare ? s->row->prepare(s) : 0;
	if (rc < 0)
		printf("%s: prepare: %s: %s\n", s->row->name, skafu_result_name(rc), s->error.message);
	return rc < 0;
}

static int scene_act(void *user)
{
	struct callscene *s = user;

	return s->row->place != CALL_PLACE_NONE ? callscene_inside(s, s->row->act) : s->row->act(s);
}

static int scene_right_code(const struct callscene *s, const struct failing_case *which, int32_t rc)
{
	if (s->row->flags & CALL_WAITS && (rc == SKAFU_ETIMEOUT || rc == SKAFU_EPOISONED))
		return 1;
	if (which->what == FAILING_ALLOCATION || which->what == FAILING_MALLOC)
		return rc == SKAFU_ENOMEM;
	if (rc == SKAFU_EUNKNOWN || rc == SKAFU_EIO)
		return 1;
	if (which->what == FAILING_READ && which->how == IOTRACE_SHORT && rc == SKAFU_EDAMAGED)
		return 1;
	if (which->what == FAILING_WRITE && which->how == IOTRACE_SHORT && rc == SKAFU_ENOSPACE)
		return 1;
	return which->error == ENOSPC && rc == SKAFU_ENOSPACE;
}

static int scene_says(const struct callscene *s, const struct failing_case *which, int result, char *why, size_t room)
{
	if (result < 0 && (!which->hit || !scene_right_code(s, which, result))) {
		snprintf(why, room, "%s: %s: %.200s", which->hit ? "wrong kind of code" : "failed by itself",
			 skafu_result_name(result), s->error.message);
		return 1;
	}
	if (result < 0 && s->row->place == CALL_PLACE_NONE && s->error.code != 0 && s->error.code != result) {
		snprintf(why, room, "returned %s, error says %s", skafu_result_name(result),
			 skafu_result_name(s->error.code));
		return 1;
	}
	return 0;
}

static int same(const struct picture *a, const struct picture *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

/* In the handle of the call.  SKAFU_EPOISONED: nothing more can be seen in it. */
static int32_t scene_changed(const struct callscene *s, int result, char *why, size_t room)
{
	struct skafu_error error = {0};
	struct picture now;
	int32_t rc = picture_take(s, 0, &now, &error);

	if (rc == SKAFU_EPOISONED)
		return rc;
	if (rc != 0) {
		snprintf(why, room, "it does not read afterwards: %s: %.150s", skafu_result_name(rc), error.message);
		return 1;
	}
	if (s->row->flags & CALL_STEPWISE || result == SKAFU_EUNKNOWN || (result == 0 && s->row->flags & CALL_QUIET))
		return 0;
	if (same(&now, result == 0 ? &after_call : &before_call))
		return 0;
	snprintf(why, room, "%s, and", skafu_result_name(result));
	picture_say(&now, result == 0 ? &after_call : &before_call, why, room);
	return 1;
}

static int scene_failed_again(const struct callscene *s, const char *what, int32_t rc, char *why, size_t room)
{
	snprintf(why, room, "%s: %s: %.150s", what, skafu_result_name(rc), s->error.message);
	return 1;
}

/* The same call again, when it failed, and all comes to rest. */
static int scene_goes_on(struct callscene *s, int result, int is_anew, char *why, size_t room)
{
	struct picture now;
	int32_t rc = 0;

	if (!is_anew)
		release_made(s);
	if (!is_anew && s->row->prepare && result < 0 && !(s->row->flags & CALL_BARE))
		rc = s->row->prepare(s);
	if (rc >= 0 && result < 0 && !(s->row->flags & CALL_CLOSES))
		rc = s->row->act(s);
	if (rc < 0)
		return rc == SKAFU_EPOISONED ? rc : scene_failed_again(s, "the second time", rc, why, room);
	release_made(s);
	if (s->row->flags & (CALL_BARE | CALL_NO_MODEL))
		return 0;
	rc = s->engine ? 0 : skafu_engine_open(s->model, NULL, &s->engine, &s->error);
	if (rc == 0)
		rc = callscene_drain(s);
	if (rc == 0)
		rc = picture_take(s, 1, &now, &s->error);
	if (rc != 0)
		return rc == SKAFU_EPOISONED ? rc : scene_failed_again(s, "no rest", rc, why, room);
	if (s->row->flags & CALL_ANEW || same(&now, &at_rest))
		return 0;
	snprintf(why, room, "at rest:");
	picture_say(&now, &at_rest, why, room);
	return 1;
}

/* As another process would find it. */
static int scene_reopen(struct callscene *s, int result, char *why, size_t room)
{
	int has_model = !(s->row->flags & (CALL_BARE | CALL_NO_MODEL));
	int bad;

	close_all(s);
	int32_t rc = open_all(s, s->row->flags & ~CALL_NO_ENGINE);
	if (rc == 0 && s->row->prepare)
		rc = s->row->prepare(s);
	if (rc < 0)
		return scene_failed_again(s, "it does not open afterwards", rc, why, room);
	bad = has_model ? scene_goes_on(s, result, 1, why, room) : 0;
	if (bad < 0)
		return scene_failed_again(s, "after it was opened", bad, why, room);
	return bad;
}

/* What is left then is that the same objects take the same call, or say that they are of no use any more. */
static int scene_without_store(struct callscene *s, int result, char *why, size_t room)
{
	int32_t rc = result < 0 ? s->row->act(s) : 0;

	if (rc == SKAFU_ENOMEM && s->scenario && strstr(s->error.message, "free it"))
		return 0;
	return rc < 0 ? scene_failed_again(s, "the second time", rc, why, room) : 0;
}

static int scene_check_store(struct callscene *s, int result, char *why, size_t room)
{
	int32_t bad;

	if (!s->store)
		return scene_without_store(s, result, why, room);
	bad = scene_changed(s, result, why, room);
	if (bad == 0)
		bad = scene_goes_on(s, result, 0, why, room);
	if (bad == SKAFU_EPOISONED)
		bad = 0;
	return bad ? bad : scene_reopen(s, result, why, room);
}

static int scene_check(void *user, const struct failing_case *which, int result, char *why, size_t room)
{
	struct callscene *s = user;
	uint32_t given;
	int bad = scene_says(s, which, result, why, room);

	if (!bad)
		bad = scene_check_store(s, result, why, room);
	close_all(s);
	given = s->given;
	if (!bad && s->freed != given) {
		snprintf(why, room, "of %u users of definitions %u were released", given, s->freed);
		bad = 1;
	}
	if (bad && getenv("SKAFU_TEST_VERBOSE"))
		printf("%s: %s %" PRIu64 " how %d errno %d%s: %s\n", s->row->name, failing_name(which->what),
		       which->nth, (int)which->how, which->error, which->from_then_on ? " and on" : "", why);
	return bad;
}

/* ---- the program ---------------------------------------------------------------------------------------------- */

/* 0 when the row does what it shall while nothing fails. */
static int scene_rehearse(struct callscene *s)
{
	int32_t rc = scene_prepare(s);

	if (rc == 0 && s->store)
		rc = picture_take(s, 0, &before_call, &s->error);
	if (rc == 0)
		rc = scene_act(s);
	if (rc == 0 && s->store)
		rc = picture_take(s, 0, &after_call, &s->error);
	release_made(s);
	if (rc == 0 && s->store && !(s->row->flags & (CALL_BARE | CALL_NO_MODEL))) {
		rc = s->engine ? 0 : skafu_engine_open(s->model, NULL, &s->engine, &s->error);
		if (rc == 0)
			rc = callscene_drain(s);
		if (rc == 0)
			rc = picture_take(s, 1, &at_rest, &s->error);
	}
	close_all(s);
	if (rc != 0)
		printf("%s: does not work when nothing fails: %s: %s\n", s->row->name, skafu_result_name(rc),
		       s->error.message);
	return rc != 0;
}

static int run_row(struct callscene *s, uint64_t stride, uint64_t *sites)
{
	struct failing_test test = {.root = s->root, .prepare = scene_prepare, .act = scene_act,
				    .check = scene_check, .user = s, .nth_max = 20000, .stride = stride};
	struct failing_report report = {0, 0, ""};
	int64_t begin = actors_now_ns();

	failing_table_put();
	int bad = scene_rehearse(s);
	failing_table_remove();
	if (!bad)
		failing_run(&test, &report);
	*sites += report.runs;
	if (getenv("SKAFU_TEST_VERBOSE"))
		printf("%-32s %5" PRIu64 " sites %6.2f s\n", s->row->name, report.runs,
		       (double)(actors_now_ns() - begin) / 1e9);
	if (report.failures != 0)
		printf("%s: %" PRIu64 " kinds of failure; %s\n", s->row->name, report.failures, report.first);
	return bad || report.failures != 0;
}

int callscene_main(const char *name, const struct callrow *rows, size_t count, uint64_t stride)
{
	const char *only = getenv("SKAFU_TEST_CALL");
	char root[256];
	uint64_t sites = 0;
	size_t failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mallopt(M_MMAP_THRESHOLD, 256 * 1024); /* LMDB asks for megabytes that it hardly touches */
	statedir_scratch(root, name);
	if (!realpath(root, scene.root))
		return 1;
	snprintf(scene.path, sizeof scene.path, "%s/store", scene.root);
	failing_time_flies(1);
	failing_table_put();
	template_make(&scene);
	failing_table_remove();
	for (size_t i = 0; i < count; i++) {
		if (only && *only && !strstr(rows[i].name, only))
			continue;
		scene.row = &rows[i];
		failed += (size_t)run_row(&scene, stride, &sites);
	}
	scene_empty(&scene);
	statedir_scratch_gone(scene.root);
	for (size_t i = 0; i < template_count; i++)
		free(template[i].bytes);
	template_count = 0;
	printf("%zu calls, %" PRIu64 " sites made to fail, %zu calls failed\n", count, sites, failed);
	return failed != 0;
}

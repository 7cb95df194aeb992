/*
 * throw_test.cc: a handler written in C++ that throws.  What it throws arrives at the caller of the library, nothing of
 * what the call had not recorded is left behind, the same thread can go on at once, and the end is as if nobody had
 * thrown.
 */
#include <skafu.h>

#include <check.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace {

constexpr uint64_t second_ns = 1000000000;
constexpr int order_count = 12;

/* Where the next exceptions are thrown. */
enum place {
	NOWHERE, MAKE, COPY, SAVE, LOAD, SCOPE, EVOLVE, DECIDE, CHECK, UPCAST, EACH, BATCH, KEY, FOLD, REACT, AFTER_EFFECT,
	SUBSCRIBER, WORTH, ROUTE, PROCESS_MAKE, 
	PROCESS_SAVE, PROCESS_LOAD, PROCESS_EVOLVE, ACT, LENS, NEXT_LENS, PREDICATE, VIEW_PREDICATE, DIFFERENCE, SINK,
	PLACES
};

struct thrown {
	place where;
	std::string text; /* owns memory, so that a lost one is seen by a sanitizer */
};

/* What the handlers know of the run. */
struct house {
	skafu_store *store = nullptr;
	skafu_model *model = nullptr;
	skafu_engine *engine = nullptr;
	skafu_watch *watch = nullptr;
	char path[64] = "";
	place where = NOWHERE;
	unsigned skip = 0; /* calls that go well first */
	unsigned left = 0; /* exceptions to throw after that */
	unsigned caught = 0;
	unsigned alive = 0; /* objects of a handler's frame that are not destroyed yet */
	place upcasts_for = UPCAST; /* who is shown what the model makes of it */
	int64_t weight = 1;
	unsigned fails = 0; /* failures of the subscriber, so that its policy is asked */
	long blocks = 0;
	std::map<uint64_t, unsigned> delivered;
};

house here;
skafu_error *fault = nullptr;

/* What a handler of C++ has in its frame. */
struct on_stack {
	on_stack() { here.alive++; }
	~on_stack() { here.alive--; }
};

void may_throw(place where)
{
	if (here.where != where || here.left == 0)
		return;
	if (here.skip != 0) {
		here.skip--;
		return;
	}
	here.left--;
	throw thrown{where, "something that is longer than what a string keeps within itself"};
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

void *allocate(void *, size_t bytes)
{
	__atomic_add_fetch(&here.blocks, 1, __ATOMIC_RELAXED);
	return malloc(bytes);
}

void *reallocate(void *, void *block, size_t bytes)
{
	void *moved = realloc(block, bytes);
	if (!block && moved)
		__atomic_add_fetch(&here.blocks, 1, __ATOMIC_RELAXED);
	return moved;
}

void release(void *, void *block)
{
	if (block)
		__atomic_sub_fetch(&here.blocks, 1, __ATOMIC_RELAXED);
	free(block);
}

/* ---- handlers ------------------------------------------------------------------------------------------------ */

using state = std::vector<uint64_t>; /* sequences of what was folded */

template <place where> int32_t state_make(void *, void **out_state, skafu_error *)
{
	on_stack guard;
	may_throw(where);
	*out_state = new state;
	return 0;
}

void state_drop(void *, void *held)
{
	delete static_cast<state *>(held);
}

template <place where> int32_t state_copy(void *, const void *held, void **out_state, skafu_error *)
{
	on_stack guard;
	may_throw(where);
	*out_state = new state(*static_cast<const state *>(held));
	return 0;
}

template <place where> int32_t state_save(void *, const void *held, skafu_writer *writer, skafu_error *error)
{
	on_stack guard;
	const state *own = static_cast<const state *>(held);
	may_throw(where);
	return skafu_writer_put(writer, own->data(), own->size() * sizeof(uint64_t), error);
}

template <place where> int32_t state_load(void *, const void *bytes, size_t length, void **out_state, skafu_error *)
{
	on_stack guard;
	may_throw(where);
	state *made = new state(length / sizeof(uint64_t));
	memcpy(made->data(), bytes, length);
	*out_state = made;
	return 0;
}

template <place where> int32_t evolve(void *, void *held, const skafu_record *event, skafu_error *)
{
	on_stack guard;
	static_cast<state *>(held)->push_back(event->sequence);
	may_throw(where);
	return 0;
}

int32_t scope(void *, const skafu_command *, skafu_query *read, skafu_query *, skafu_error *error)
{
	on_stack guard;
	may_throw(SCOPE);
	int32_t rc = skafu_query_add_item(read, error);
	return rc < 0 ? rc : skafu_query_add_type(read, "Ordered", error);
}

int32_t decide(void *, const skafu_command *, const void *held, skafu_turn *turn, skafu_error *error)
{
	on_stack guard;
	std::string data = "{\"after\":" + std::to_string(static_cast<const state *>(held)->size()) + "}";
	skafu_new_record event = {};
	event.size = sizeof event;
	event.type = "Ordered";
	event.data = data.data();
	event.data_length = data.size();
	int32_t rc = skafu_turn_emit(turn, &event, error);
	may_throw(DECIDE);
	return rc;
}

int32_t check(void *, const skafu_new_record *, skafu_error *)
{
	on_stack guard;
	may_throw(CHECK);
	return 0;
}

int32_t upcast(void *, const skafu_record *stored, skafu_upcast *out, skafu_error *error)
{
	on_stack guard;
	int32_t rc = skafu_upcast_add(out, "Noted", 2u << 16, stored->data, stored->data_length, error);
	may_throw(here.upcasts_for);
	return rc;
}

int32_t each(void *, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	on_stack guard;
	int32_t rc = skafu_edit_count(edit, nullptr, event->stream, strlen(event->stream), here.weight, error);
	may_throw(EACH);
	return rc;
}

int32_t batch(void *, const skafu_record *const *events, uint32_t count, skafu_edit *edit, skafu_error *error)
{
	on_stack guard;
	int32_t rc = 0;
	for (uint32_t i = 0; rc >= 0 && i < count; i++)
		rc = skafu_edit_count(edit, nullptr, events[i]->type, strlen(events[i]->type), 1, error);
	may_throw(BATCH);
	return rc;
}

int32_t key(void *, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	on_stack guard;
	int32_t rc = skafu_edit_key(edit, event->stream, strlen(event->stream), error);
	may_throw(KEY);
	return rc;
}

int32_t fold(void *, const skafu_fold *input, skafu_writer *value, skafu_error *error)
{
	on_stack guard;
	uint64_t number = 0;
	if (input->value)
		memcpy(&number, input->value, sizeof number);
	number += input->event_count;
	int32_t rc = skafu_writer_put(value, &number, sizeof number, error);
	may_throw(FOLD);
	return rc;
}

int32_t react(void *, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	on_stack guard;
	uint8_t effect[16];
	std::string stream = std::string("stock/") + event->stream;
	skafu_new_record answer = {};
	answer.size = sizeof answer;
	answer.type = "Reserved";
	answer.stream = stream.c_str();
	may_throw(REACT);
	int32_t rc = skafu_turn_emit(turn, &answer, error);
	if (rc == 0)
		rc = skafu_effect(turn, "mail", effect, error);
	may_throw(AFTER_EFFECT);
	return rc < 0 ? rc : 0;
}

int32_t subscriber(void *, const skafu_record *event, skafu_turn *, skafu_error *)
{
	on_stack guard;
	may_throw(SUBSCRIBER);
	if (here.fails != 0) {
		here.fails--;
		return SKAFU_EHOST;
	}
	here.delivered[event->sequence]++;
	return 0;
}

int32_t worth(void *, const skafu_record *, int32_t)
{
	on_stack guard;
	may_throw(WORTH);
	return 1;
}

int32_t route(void *, const skafu_record *input, skafu_writer *instance, skafu_error *error)
{
	on_stack guard;
	may_throw(ROUTE);
	int32_t rc = skafu_writer_put(instance, input->stream, strlen(input->stream), error);
	return rc < 0 ? rc : SKAFU_ROUTE_START;
}

int32_t act(void *, const skafu_record *input, const void *, skafu_turn *turn, skafu_error *error)
{
	on_stack guard;
	std::string stream = std::string("note/") + input->stream;
	skafu_new_record note = {};
	note.size = sizeof note;
	note.type = "Seen";
	note.stream = stream.c_str();
	int32_t rc = skafu_turn_emit(turn, &note, error);
	may_throw(ACT);
	return rc;
}

int32_t is_long(void *, const void *held, skafu_error *)
{
	on_stack guard;
	may_throw(PREDICATE);
	return static_cast<const state *>(held)->size() >= 3;
}

int32_t has_three(void *, skafu_view *view, skafu_error *error)
{
	on_stack guard;
	uint64_t count = 0;
	int32_t rc = skafu_view_count(view, nullptr, nullptr, &count, error);
	may_throw(VIEW_PREDICATE);
	return rc < 0 ? rc : count >= 3;
}

int32_t difference(void *, const skafu_difference *)
{
	on_stack guard;
	may_throw(DIFFERENCE);
	return 0;
}

void sink(void *, const skafu_alarm_info *)
{
	on_stack guard;
	may_throw(SINK);
}

/* ---- definitions --------------------------------------------------------------------------------------------- */

void went(int32_t rc)
{
	ck_assert_msg(rc >= 0, "place %d: %s: %s", here.where, skafu_result_name(rc), skafu_error_message(fault));
}

void define_types()
{
	static const char *const to_types[] = {"Noted"};
	static const uint32_t to_versions[] = {2u << 16};
	went(skafu_model_add_domain(here.model, "shop", fault));
	for (const char *type : {"Ordered", "Reserved", "Seen", "Noted"}) {
		skafu_event_def def = {};
		def.size = sizeof def;
		def.domain = "shop";
		def.type = type;
		def.check = check;
		def.event_version = strcmp(type, "Noted") == 0 ? 2u << 16 : 0;
		went(skafu_model_add_event(here.model, &def, fault));
	}
	skafu_upcaster_def upcaster = {};
	upcaster.size = sizeof upcaster;
	upcaster.from_version = 1u << 16;
	upcaster.type = "Noted";
	upcaster.to_count = 1;
	upcaster.to_types = to_types;
	upcaster.to_versions = to_versions;
	upcaster.upcast = upcast;
	went(skafu_model_add_upcaster(here.model, &upcaster, fault));
}

void define_deciders()
{
	static const char *const commands[] = {"Order"};
	static const char *const scoped[] = {"OrderAfterAll"};
	skafu_state_def held = {};
	held.size = sizeof held;
	held.version = 1;
	held.make = state_make<MAKE>;
	held.drop = state_drop;
	held.copy = state_copy<COPY>;
	held.save = state_save<SAVE>;
	held.load = state_load<LOAD>;
	skafu_decider_def def = {};
	def.size = sizeof def;
	def.domain = "shop";
	def.name = "order";
	def.commands = commands;
	def.command_count = 1;
	def.snapshot_every = 2;
	def.state = &held;
	def.evolve = evolve<EVOLVE>;
	def.decide = decide;
	went(skafu_model_add_decider(here.model, &def, fault));
	def.name = "all";
	def.commands = scoped;
	def.scope = scope;
	went(skafu_model_add_decider(here.model, &def, fault));
}

void define_projections(uint32_t version)
{
	skafu_projection_def def = {};
	def.size = sizeof def;
	def.domain = "shop";
	def.version = version;
	def.flags = SKAFU_PROJECTION_HOLD;
	def.name = "each";
	def.each = each;
	went(skafu_model_add_projection(here.model, &def, fault));
	def.each = nullptr;
	def.name = "batch";
	def.batch = batch;
	def.batch_max = 3;
	went(skafu_model_add_projection(here.model, &def, fault));
	def.batch = nullptr;
	def.name = "keyed";
	def.key = key;
	def.fold = fold;
	went(skafu_model_add_projection(here.model, &def, fault));
}

void define_consumers()
{
	static const char *const ordered[] = {"Ordered"};
	skafu_retry_policy retry = {};
	retry.size = sizeof retry;
	retry.attempts_max = 3;
	retry.delay_ns = 1000;
	skafu_source source = {};
	source.size = sizeof source;
	source.types = ordered;
	source.type_count = 1;
	skafu_reaction_def reaction = {};
	reaction.size = sizeof reaction;
	reaction.domain = "shop";
	reaction.name = "reserve";
	reaction.source = &source;
	reaction.retry = &retry;
	reaction.react = react;
	went(skafu_model_add_reaction(here.model, &reaction, fault));
	skafu_state_def held = {};
	held.size = sizeof held;
	held.version = 1;
	held.make = state_make<PROCESS_MAKE>;
	held.drop = state_drop;
	held.copy = state_copy<NOWHERE>;
	held.save = state_save<PROCESS_SAVE>;
	held.load = state_load<PROCESS_LOAD>;
	skafu_process_def process = {};
	process.size = sizeof process;
	process.version = 1;
	process.domain = "shop";
	process.name = "follow";
	process.source = &source;
	process.retry = &retry;
	process.state = &held;
	process.route = route;
	process.evolve = evolve<PROCESS_EVOLVE>;
	process.act = act;
	went(skafu_model_add_process(here.model, &process, fault));
}

/* ---- life ---------------------------------------------------------------------------------------------------- */

void open_engine()
{
	skafu_retry_policy retry = {};
	retry.size = sizeof retry;
	retry.attempts_max = 9;
	retry.delay_ns = 1000;
	retry.worth = worth;
	skafu_subscription_opts opts = {};
	opts.size = sizeof opts;
	opts.retry = &retry;
	went(skafu_engine_open(here.model, nullptr, &here.engine, fault));
	went(skafu_engine_subscribe(here.engine, "listener", &opts, subscriber, nullptr, nullptr, fault));
}

void open_model(uint32_t version)
{
	went(skafu_model_open(here.store, nullptr, &here.model, fault));
	define_types();
	define_deciders();
	define_projections(version);
	define_consumers();
	open_engine();
}

void close_model()
{
	skafu_engine_close(here.engine);
	skafu_model_close(here.model);
}

void setup()
{
	here = house();
	ck_assert_int_eq(skafu_error_new(&fault), 0);
	/* What is tested is no disk: memory serves where there is such a file system. */
	strcpy(here.path, access("/dev/shm", W_OK) == 0 ? "/dev/shm/skafu-throw-XXXXXX" : "/tmp/skafu-throw-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(here.path));
	skafu_allocator allocator = {};
	allocator.size = sizeof allocator;
	allocator.allocate = allocate;
	allocator.reallocate = reallocate;
	allocator.release = release;
	skafu_store_opts opts = {};
	opts.size = sizeof opts;
	opts.flags = SKAFU_STORE_CREATE;
	opts.allocator = &allocator;
	std::string path = std::string(here.path) + "/store";
	went(skafu_store_open(path.c_str(), &opts, &here.store, fault));
	open_model(1);
}

void teardown()
{
	close_model();
	skafu_store_close(here.store);
	skafu_error_free(fault);
	ck_assert_int_eq(here.blocks, 0);
	ck_assert_uint_eq(here.alive, 0);
	std::string command = std::string("rm -rf ") + here.path;
	ck_assert_int_eq(system(command.c_str()), 0);
}

/* Call again until nothing is thrown: by the same thread, at once. */
int32_t insist(const std::function<int32_t(skafu_error *)> &call)
{
	skafu_error *error = nullptr;
	ck_assert_int_eq(skafu_error_new(&error), 0);
	for (;;) {
		try {
			int32_t rc = call(error);
			ck_assert_msg(rc >= 0, "place %d: %s: %s", here.where, skafu_result_name(rc), skafu_error_message(error));
			skafu_error_free(error);
			return rc;
		} catch (const thrown &what) {
			ck_assert_int_eq(what.where, here.where);
			ck_assert_uint_eq(here.alive, 0);
			here.caught++;
		}
	}
}

void order(const char *type, int number)
{
	std::string stream = "order-" + std::to_string(number % 4);
	std::string name = std::to_string(number);
	skafu_command command = {};
	command.size = sizeof command;
	command.type = type;
	command.stream = stream.c_str();
	command.key = name.c_str(); /* who repeats a command without knowing what became of it gives it a key */
	skafu_outcome *outcome = nullptr;
	insist([&](skafu_error *error) {
		return skafu_model_execute(here.model, &command, 10 * second_ns, nullptr, &outcome, error);
	});
	ck_assert_uint_eq(outcome->decision, SKAFU_DECISION_ACCEPTED);
	skafu_outcome_free(outcome);
}

/* An event of the old version, which only an upcaster makes readable. */
int32_t note(skafu_store *store)
{
	skafu_new_record event = {};
	event.size = sizeof event;
	event.type = "Noted";
	event.stream = "notes";
	event.source = "shop";
	skafu_batch *batch = nullptr;
	int32_t rc = skafu_batch_new(store, &batch, nullptr);
	if (rc == 0)
		rc = skafu_batch_add(batch, &event, nullptr);
	if (rc == 0)
		rc = skafu_append(store, batch, 5 * second_ns, nullptr, fault);
	skafu_batch_free(batch);
	return rc;
}

void drain()
{
	insist([](skafu_error *error) { return skafu_engine_drain(here.engine, 20 * second_ns, error); });
}

/* ---- what can be seen in the end ----------------------------------------------------------------------------- */

std::string rows_of(const char *projection)
{
	std::string text = projection;
	skafu_view *view = nullptr;
	insist([&](skafu_error *error) {
		return skafu_view_open(here.model, projection, 0, 10 * second_ns, &view, error);
	});
	insist([&](skafu_error *error) {
		return skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, 10 * second_ns, nullptr, error);
	});
	skafu_rows *rows = nullptr;
	went(skafu_view_rows(view, nullptr, nullptr, SKAFU_NO_LIMIT, &rows, fault));
	const skafu_row *row = nullptr;
	while (skafu_rows_next(rows, &row, nullptr) == 1) {
		int64_t count = 0;
		went(skafu_count_value(row->value, row->value_length, &count, fault));
		text += " " + std::string(reinterpret_cast<const char *>(row->key), row->key_length) + "=" +
			std::to_string(count);
	}
	skafu_rows_free(rows);
	skafu_view_close(view);
	return text + "\n";
}

/* Events are recorded in an order that retries may change, streams are not. */
std::string streams()
{
	std::map<std::string, std::string> found;
	skafu_cursor *cursor = nullptr;
	const skafu_record *record = nullptr;
	went(skafu_read(here.store, nullptr, SKAFU_NO_LIMIT, nullptr, &cursor, fault));
	went(skafu_model_upcast(here.model, cursor, fault));
	here.upcasts_for = LENS;
	while (insist([&](skafu_error *error) { return skafu_cursor_next(cursor, &record, error); }) == 1)
		found[record->stream] += std::string(" ") + record->type + "." +
					 std::to_string(record->event_version >> 16) +
					 std::string(reinterpret_cast<const char *>(record->data), record->data_length);
	here.upcasts_for = UPCAST;
	skafu_cursor_free(cursor);
	std::string text;
	for (const auto &[stream, events] : found)
		text += stream + ":" + events + "\n";
	return text;
}

uint64_t state_size()
{
	skafu_command command = {};
	command.size = sizeof command;
	command.type = "Order";
	command.stream = "order-1";
	skafu_state *loaded = nullptr;
	insist([&](skafu_error *error) { return skafu_state_load(here.model, &command, 0, &loaded, error); });
	uint64_t size = static_cast<const state *>(skafu_state_data(loaded))->size();
	skafu_state_free(loaded);
	uint64_t first = 0;
	insist([&](skafu_error *error) {
		return skafu_bisect_state(here.model, &command, is_long, nullptr, &first, error);
	});
	ck_assert_uint_ne(first, 0);
	insist([&](skafu_error *error) {
		return skafu_bisect_view(here.model, "each", has_three, nullptr, 10 * second_ns, &first, error);
	});
	ck_assert_uint_ne(first, 0);
	return size;
}


/* A version beside the one in use, which differs. */
void compare()
{
	uint64_t differences = 0;
	here.weight = 2;
	went(skafu_projection_rebuild(here.model, "each", fault));
	while (insist([](skafu_error *error) { return skafu_projection_step(here.model, "each", 5, error); }) == 1)
		;
	insist([&](skafu_error *error) {
		return skafu_projection_compare(here.model, "each", difference, nullptr, &differences, error);
	});
	ck_assert_uint_gt(differences, 3);
	went(skafu_projection_discard(here.model, "each", fault));
	here.weight = 1;
}

/* What a subscription without an engine is handed out. */
uint64_t handed_out()
{
	skafu_subscription_opts opts = {};
	opts.size = sizeof opts;
	opts.flags = SKAFU_SUBSCRIPTION_VOLATILE;
	skafu_subscription *subscription = nullptr;
	const skafu_record *const *records = nullptr;
	uint64_t count = 0;
	went(skafu_subscription_open(here.model, nullptr, &opts, &subscription, fault));
	here.upcasts_for = NEXT_LENS;
	for (;;) {
		int32_t got = insist([&](skafu_error *error) {
			return skafu_subscription_next(subscription, 3, 0, &records, error);
		});
		if (got == 0)
			break;
		count += static_cast<uint64_t>(got);
		went(skafu_subscription_ack(subscription, records[got - 1]->sequence, fault));
	}
	here.upcasts_for = UPCAST;
	skafu_subscription_close(subscription);
	return count;
}

/* All that a program does, here with exceptions, there without. */
std::string run()
{
	for (int i = 0; i < order_count; i++) {
		order(i % 4 == 3 ? "OrderAfterAll" : "Order", i);
		if (i % 3 == 0)
			went(note(here.store));
		if (i % 6 == 5)
			drain();
	}
	close_model(); /* states are loaded from snapshots now */
	open_model(1);
	for (int i = 0; i < 3; i++)
		order("Order", order_count + i);
	drain();
	std::string text = streams() + rows_of("each") + rows_of("batch") + rows_of("keyed");
	compare();
	text += "handed out " + std::to_string(handed_out()) + "\n";
	return text + "state " + std::to_string(state_size()) + "\n";
}

/* Every event once but where a delivery threw, then again: never lost. */
void check_deliveries()
{
	uint64_t head = 0;
	uint64_t events = 0;
	skafu_cursor *cursor = nullptr;
	const skafu_record *record = nullptr;
	went(skafu_store_head(here.store, &head, fault));
	went(skafu_read(here.store, nullptr, SKAFU_NO_LIMIT, nullptr, &cursor, fault));
	while (skafu_cursor_next(cursor, &record, nullptr) == 1) {
		events++;
		ck_assert_uint_ge(here.delivered[record->sequence], 1);
	}
	skafu_cursor_free(cursor);
	ck_assert_uint_eq(here.delivered.size(), events);
}

/* No lock is left that another process would wait for. */
void check_from_outside()
{
	int status = -1;
	pid_t child = fork();
	if (child == 0) {
		std::string path = std::string(here.path) + "/store";
		skafu_store *store = nullptr;
		skafu_verify_report report = {};
		report.size = sizeof report;
		int32_t rc = skafu_store_open(path.c_str(), nullptr, &store, fault);
		if (rc == 0)
			rc = note(store);
		if (rc == 0)
			rc = skafu_store_verify(store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, nullptr, nullptr, &report, fault);
		skafu_store_close(store);
		if (rc != 0)
			fprintf(stderr, "another process: %d %s\n", static_cast<int>(rc), skafu_error_message(fault));
		_exit(rc != 0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}

START_TEST(an_exception_passes_and_harms_nothing)
{
	here.where = NOWHERE;
	std::string without = run();
	teardown();
	for (unsigned skip = 0; skip < 2; skip++) {
		setup();
		here.where = static_cast<place>(_i);
		here.skip = skip;
		here.left = 2;
		here.fails = here.where == WORTH ? 3 : 0;
		std::string with = run();
		ck_assert_msg(here.left == 0 && here.caught == 2, "place %d after %u calls: %u not thrown, %u caught", _i,
			      skip, here.left, here.caught);
		ck_assert_str_eq(with.c_str(), without.c_str());
		check_deliveries();
		check_from_outside();
		if (skip == 0)
			teardown();
	}
}
END_TEST

/* Attempts are counted: at the third the event is set aside, and no other. */
START_TEST(a_handler_that_always_throws_is_set_aside)
{
	here.where = static_cast<place>(_i);
	here.left = 3;
	order("Order", 1);
	drain();
	order("Order", 2);
	drain();
	ck_assert_uint_eq(here.caught, 3);
	skafu_dead_letter_list *list = nullptr;
	const skafu_dead_letter *letter = nullptr;
	went(skafu_dead_letter_list_open(here.store, nullptr, 10, &list, fault));
	ck_assert_int_eq(skafu_dead_letter_list_next(list, &letter, nullptr), 1);
	ck_assert_uint_eq(letter->attempts, 3);
	ck_assert_uint_eq(letter->sequence, 1);
	ck_assert_int_eq(skafu_dead_letter_list_next(list, &letter, nullptr), 0);
	skafu_dead_letter_list_free(list);
	uint64_t retried = 0;
	went(skafu_dead_letters_retry(here.engine, nullptr, 10, &retried, fault));
	ck_assert_uint_eq(retried, 1);
	drain();
	ck_assert_ptr_nonnull(strstr(streams().c_str(), "stock/order-1: Reserved.1"));
}
END_TEST

START_TEST(a_sink_of_alarms_may_throw)
{
	skafu_alarm_def alarm = {};
	alarm.size = sizeof alarm;
	alarm.name = "high";
	alarm.metric = "height";
	alarm.statistic = SKAFU_METRIC_VALUE;
	alarm.direction = SKAFU_ALARM_ABOVE;
	alarm.raise_at = 1;
	alarm.clear_at = 1;
	skafu_watch *watch = nullptr;
	went(skafu_watch_open(here.store, nullptr, &watch, fault));
	went(skafu_alarm_add(watch, &alarm, fault));
	went(skafu_alarm_add_sink(watch, sink, nullptr, nullptr, fault));
	went(skafu_metric_set(watch, "height", nullptr, 2, fault));
	here.where = SINK;
	here.left = 1;
	for (int i = 0; i < 30 && here.caught == 0; i++) {
		usleep(100000);
		insist([&](skafu_error *error) { return skafu_watch_step(watch, nullptr, error); });
	}
	ck_assert_uint_eq(here.caught, 1);
	went(skafu_metric_set(watch, "height", nullptr, 0, fault));
	skafu_watch_close(watch);
}
END_TEST

} // namespace

int main()
{
	Suite *suite = suite_create("throw");
	TCase *tests = tcase_create("throw");

	tcase_set_timeout(tests, 10);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, an_exception_passes_and_harms_nothing, MAKE, SINK);
	tcase_add_loop_test(tests, a_handler_that_always_throws_is_set_aside, REACT, AFTER_EFFECT + 1);
	tcase_add_test(tests, a_sink_of_alarms_may_throw);
	suite_add_tcase(suite, tests);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}

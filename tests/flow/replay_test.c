/*
 * replay_test.c: the four situations in which a history is replayed: a domain is recovered, a feature rolled back,
 * data migrated, and a production log given to testers.
 */
#include "skafu.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "store/tempstore.h"

#define PAYMENTS 200u

static struct tempstore temp;
static skafu_model *model;
static skafu_engine *engine;
static int is_broken; /* the projection counts everything twice */
static const char *const totals[] = {"totals"};

static int32_t each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	(void)user;
	return skafu_edit_count(edit, NULL, event->type, strlen(event->type), is_broken ? 2 : 1, error);
}

/* The first form had cents in a text. */
static int32_t newer(void *user, const skafu_record *stored, skafu_upcast *out, skafu_error *error)
{
	char text[32], data[64];
	int32_t rc = skafu_json_text(stored->data, stored->data_length, "/cents", sizeof text, text, error);

	(void)user;
	if (rc < 0)
		return rc;
	int length = snprintf(data, sizeof data, "{\"amount\":%s,\"card\":\"4111-%s\"}", text, text);
	return skafu_upcast_add(out, "Paid", 0x20000, data, (size_t)length, error);
}

static void define(void)
{
	static const char *const to_types[] = {"Paid"};
	static const uint32_t to_versions[] = {0x20000};
	skafu_event_def paid = {.size = sizeof paid, .domain = "bank", .type = "Paid", .event_version = 0x20000};
	skafu_upcaster_def upcaster = {.size = sizeof upcaster, .type = "Paid", .from_version = 0x10000,
				       .to_count = 1, .to_types = to_types, .to_versions = to_versions,
				       .upcast = newer};
	skafu_projection_def projection = {.size = sizeof projection, .domain = "bank", .name = "totals",
					   .each = each};

	went(skafu_model_open(temp.store, NULL, &model, fault));
	went(skafu_model_add_domain(model, "bank", fault));
	went(skafu_model_add_event(model, &paid, fault));
	went(skafu_model_add_upcaster(model, &upcaster, fault));
	went(skafu_model_add_projection(model, &projection, fault));
	went(skafu_engine_open(model, NULL, &engine, fault));
}

static void setup(void)
{
	skafu_batch *batch;
	char data[64];

	is_broken = 0;
	tempstore_new(&temp);
	batch = batch_of(temp.store);
	for (uint32_t i = 0; i < PAYMENTS; i++) {
		skafu_new_record paid = {.size = sizeof paid, .stream = "account", .type = "Paid", .source = "bank",
					 .data = data};
		paid.data_length = (size_t)snprintf(data, sizeof data, "{\"cents\":\"%u\"}", 100 + i);
		went(skafu_batch_add(batch, &paid, fault));
	}
	appended_by(temp.store, batch);
	define();
}

static void teardown(void)
{
	skafu_engine_close(engine);
	skafu_model_close(model);
	tempstore_done(&temp);
}

static void drain(void)
{
	went(skafu_engine_drain(engine, UINT64_C(20000000000), fault));
}

static int64_t total(uint64_t sequence)
{
	skafu_view *view = NULL;
	void *value = NULL;
	size_t length = 0;
	int64_t number = 0;

	went(skafu_view_open(model, "totals", sequence, SKAFU_WAIT_FOREVER, &view, fault));
	went(skafu_view_get(view, NULL, "Paid", 4, &value, &length, fault));
	went(skafu_count_value(value, length, &number, fault));
	skafu_bytes_free(value);
	skafu_view_close(view);
	return number;
}

static skafu_replay_info replay(const skafu_replay_opts *opts)
{
	skafu_replay_info info = {.size = sizeof info};
	uint8_t id[16];

	went(skafu_replay_start(engine, opts, id, fault));
	drain();
	went(skafu_replay_info_get(temp.store, id, &info, fault));
	ck_assert_msg(info.state == SKAFU_REPLAY_DONE, "state %u: %s", info.state, info.message);
	return info;
}

START_TEST(a_domain_is_recovered)
{
	static const char *const domain[] = {"domain:bank"};
	skafu_replay_opts opts = {.size = sizeof opts, .flags = SKAFU_REPLAY_REEMIT, .targets = domain,
				  .target_count = 1};

	is_broken = 1;
	drain();
	ck_assert_int_eq(total(0), 2 * PAYMENTS);
	is_broken = 0;
	replay(&opts);
	ck_assert_int_eq(total(0), PAYMENTS);
}
END_TEST

START_TEST(a_feature_is_rolled_back)
{
	skafu_store *other = NULL;
	skafu_diff diff = {.size = sizeof diff};
	char path[320];
	uint64_t head = 0;

	snprintf(path, sizeof path, "%s/fork", temp.directory);
	ck_assert_int_eq(total(120), 120);
	went(skafu_store_fork(temp.store, path, 0, NULL, NULL, fault));
	went(skafu_store_open(path, NULL, &other, fault));
	went(skafu_store_head(other, &head, fault));
	went(skafu_store_diff(temp.store, other, SKAFU_DIFF_RECORDS, NULL, NULL, &diff, fault));
	ck_assert_uint_eq(diff.same_up_to, head);
	skafu_store_close(other);
}
END_TEST

START_TEST(data_are_migrated)
{
	skafu_store *other = memory_store();
	skafu_replay_opts opts = {.size = sizeof opts, .flags = SKAFU_REPLAY_UPCAST, .target_store = other};
	skafu_record *record = NULL, *stored = NULL;
	int64_t amount = 0;

	ck_assert_uint_eq(replay(&opts).succeeded, PAYMENTS);
	ck_assert_uint_eq(head_of(other), PAYMENTS);
	for (uint64_t i = 1; i <= PAYMENTS; i++) {
		went(skafu_get(other, i, &record, fault));
		went(skafu_get(temp.store, i, &stored, fault));
		ck_assert_uint_eq(record->event_version, 0x20000);
		ck_assert_mem_eq(record->id, stored->id, 16);
		ck_assert_int_eq(record->time_ns, stored->time_ns);
		ck_assert_str_eq(record->correlation, stored->correlation);
		went(skafu_json_int64(record->data, record->data_length, "/amount", &amount, fault));
		ck_assert_int_eq(amount, (int64_t)(99 + i));
		skafu_record_free(record);
		skafu_record_free(stored);
	}
	skafu_store_close(other);
}
END_TEST

static int32_t mask(void *user, const skafu_record *record, skafu_upcast *out, skafu_error *error)
{
	char data[64];
	int64_t amount = 0;
	int32_t rc = skafu_json_int64(record->data, record->data_length, "/amount", &amount, error);

	(void)user;
	if (rc < 0)
		return rc;
	int length = snprintf(data, sizeof data, "{\"amount\":%lld,\"card\":\"none\"}", (long long)amount);
	return skafu_upcast_add(out, record->type, record->event_version, data, (size_t)length, error);
}

START_TEST(testers_see_no_secrets)
{
	skafu_store *other = memory_store();
	skafu_replay_opts opts = {.size = sizeof opts, .flags = SKAFU_REPLAY_UPCAST, .target_store = other,
				  .mask = mask};
	skafu_cursor *cursor = NULL;
	const skafu_record *record = NULL;
	char card[16];

	replay(&opts);
	went(skafu_read(other, NULL, SKAFU_NO_LIMIT, NULL, &cursor, fault));
	for (uint32_t i = 0; i < PAYMENTS; i++) {
		ck_assert_int_eq(skafu_cursor_next(cursor, &record, fault), 1);
		went(skafu_json_text(record->data, record->data_length, "/card", sizeof card, card, fault));
		ck_assert_str_eq(card, "none");
	}
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, fault), 0);
	skafu_cursor_free(cursor);
	skafu_store_close(other);
}
END_TEST

/* A dry run of a changed handler says how many records it would fail on, and the view in use stays. */
START_TEST(a_handler_is_tried)
{
	skafu_replay_opts opts = {.size = sizeof opts, .flags = SKAFU_REPLAY_DRY_RUN, .targets = totals,
				  .target_count = 1};

	drain();
	is_broken = 1;
	ck_assert_uint_eq(replay(&opts).succeeded, PAYMENTS);
	ck_assert_int_eq(total(0), PAYMENTS);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_domain_is_recovered);
	tcase_add_test(tests, a_feature_is_rolled_back);
	tcase_add_test(tests, data_are_migrated);
	tcase_add_test(tests, testers_see_no_secrets);
	tcase_add_test(tests, a_handler_is_tried);
}

int main(void)
{
	return tempstore_main("replay", add);
}

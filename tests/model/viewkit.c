/*
 * viewkit.c: projections for tests.
 */
#include "model/viewkit.h"

#include <check.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

void viewkit_define_events(struct fixture *fixture)
{
	ck_assert_int_eq(skafu_model_add_domain(fixture->model, "bank", &fixture->error), 0);
	fixture_event(fixture, "Opened");
	fixture_event(fixture, "Deposited");
	fixture_event(fixture, "Withdrawn");
}

static int64_t viewkit_amount(const struct viewkit *kit, const skafu_record *event)
{
	int64_t amount = 0;

	skafu_json_int64(event->data, event->data_length, "/amount", &amount, NULL);
	if (strcmp(event->type, "Withdrawn") == 0)
		amount = -amount;
	return amount * (kit->factor ? kit->factor : 1);
}

static int32_t viewkit_look(struct viewkit *kit, const skafu_record *event, skafu_error *error)
{
	kit->events++;
	if (kit->each)
		kit->each(kit, event);
	if (kit->fail_at == 0 || event->sequence != kit->fail_at)
		return 0;
	if (kit->end_thread)
		pthread_exit(NULL);
	skafu_error_set(error, kit->fail_code, "the kit fails");
	return kit->fail_code;
}

static int32_t viewkit_one(struct viewkit *kit, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	int32_t rc = viewkit_look(kit, event, error);

	if (rc == 0 && kit->effects) {
		rc = skafu_edit_effect(edit, event, "mail", kit->effect, error);
		kit->allowed += rc == 1;
	}
	if (rc < 0)
		return rc;
	return skafu_edit_count(edit, NULL, event->stream, strlen(event->stream), viewkit_amount(kit, event), error);
}

static int32_t viewkit_each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	struct viewkit *kit = user;

	kit->calls++;
	kit->largest = 1;
	return viewkit_one(kit, event, edit, error);
}

static int32_t viewkit_batch(void *user, const skafu_record *const *events, uint32_t count, skafu_edit *edit,
			     skafu_error *error)
{
	struct viewkit *kit = user;
	int32_t rc = 0;

	kit->calls++;
	if (count > kit->largest)
		kit->largest = count;
	for (uint32_t i = 0; rc >= 0 && i < count; i++)
		rc = viewkit_one(kit, events[i], edit, error);
	return rc;
}

static int32_t viewkit_key(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	(void)user;
	return skafu_edit_key(edit, event->stream, strlen(event->stream), error);
}

static int32_t viewkit_fold(void *user, const skafu_fold *input, skafu_writer *value, skafu_error *error)
{
	struct viewkit *kit = user;
	uint8_t bytes[8];
	int64_t sum = 0;
	int32_t rc = 0;

	kit->calls++;
	if (input->event_count > kit->largest)
		kit->largest = input->event_count;
	if (input->value)
		rc = skafu_count_value(input->value, input->value_length, &sum, error);
	for (uint32_t i = 0; rc == 0 && i < input->event_count; i++) {
		rc = viewkit_look(kit, input->events[i], error);
		sum += viewkit_amount(kit, input->events[i]);
	}
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)sum >> (8 * i));
	return rc ? rc : skafu_writer_put(value, bytes, sizeof bytes, error);
}

static void viewkit_freed(void *user)
{
	((struct viewkit *)user)->freed++;
}

skafu_projection_def viewkit_def(struct viewkit *kit)
{
	skafu_projection_def def = {.size = sizeof def, .version = 1, .domain = "bank", .name = "balances",
				    .user = kit,
				    .free_user = viewkit_freed};

	if (kit->form == VIEWKIT_EACH)
		def.each = viewkit_each;
	if (kit->form == VIEWKIT_BATCH)
		def.batch = viewkit_batch;
	if (kit->form == VIEWKIT_FOLD) {
		def.key = viewkit_key;
		def.fold = viewkit_fold;
	}
	return def;
}

void viewkit_add(struct fixture *fixture, struct viewkit *kit, uint32_t version)
{
	skafu_projection_def def = viewkit_def(kit);

	def.version = version;
	ck_assert_int_eq(skafu_model_add_projection(fixture->model, &def, &fixture->error), 0);
}

void viewkit_redefine(struct fixture *fixture, struct viewkit *kit, uint32_t version)
{
	fixture_reopen_model(fixture);
	viewkit_define_events(fixture);
	viewkit_add(fixture, kit, version);
}

void viewkit_deposit(struct fixture *fixture, const char *stream, int64_t amount)
{
	char data[64];

	snprintf(data, sizeof data, "{\"amount\":%" PRId64 "}", amount);
	fixture_append(fixture, stream, "Deposited", 0, data);
}

int32_t viewkit_step(struct fixture *fixture, uint32_t events_max)
{
	int32_t rc;

	do {
		skafu_error_clear(&fixture->error);
		rc = skafu_projection_step(fixture->model, "balances", events_max, &fixture->error);
	} while (rc == 1);
	return rc;
}

const char *viewkit_text(skafu_view *view, const char *table)
{
	static char text[8192];
	skafu_rows *rows = NULL;
	const skafu_row *row;
	size_t length = 0;
	int64_t number;

	text[0] = 0;
	ck_assert_int_eq(skafu_view_rows(view, table, NULL, SKAFU_NO_LIMIT, &rows, NULL), 0);
	while (skafu_rows_next(rows, &row, NULL) == 1) {
		ck_assert_int_eq(skafu_count_value(row->value, row->value_length, &number, NULL), 0);
		length += (size_t)snprintf(text + length, sizeof text - length, "%s%.*s=%" PRId64, length ? " " : "",
					   (int)row->key_length, (const char *)row->key, number);
	}
	skafu_rows_free(rows);
	return text;
}

static const char *viewkit_read(struct fixture *fixture, int fresh)
{
	skafu_view *view = NULL;
	const char *text;
	int32_t rc = skafu_view_open(fixture->model, "balances", 0, 0, &view, &fixture->error);

	if (rc == 0 && fresh)
		rc = skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, SKAFU_WAIT_FOREVER, NULL, &fixture->error);
	if (rc != 0)
		ck_abort_msg("view: %d %s", rc, fixture->error.message);
	text = viewkit_text(view, NULL);
	skafu_view_close(view);
	return text;
}

const char *viewkit_rows(struct fixture *fixture)
{
	return viewkit_read(fixture, 0);
}

const char *viewkit_fresh_rows(struct fixture *fixture)
{
	return viewkit_read(fixture, 1);
}

skafu_projection_info viewkit_info(struct fixture *fixture)
{
	skafu_projection_info info = {.size = sizeof info};

	ck_assert_int_eq(skafu_projection_info_get(fixture->model, "balances", &info, &fixture->error), 0);
	return info;
}

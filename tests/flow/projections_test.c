/*
 * projections_test.c: several processes step one projection while events arrive and steppers are killed: the numbers
 * are those of a fold of the log, whatever was lost; a rebuild goes on after a kill; changed upcasters are noticed.
 */
#include "skafu_model.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/tempstore.h"

#define STREAMS 40

static struct tempstore temp;

static void make(void)
{
	tempstore_new(&temp);
}

static void drop(void)
{
	tempstore_done(&temp);
}

/* ---- the projection: events for each stream, weighed ---- */

static int64_t weight = 1;

static int32_t key_of(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	(void)user;
	return skafu_edit_key(edit, event->stream, strlen(event->stream), error);
}

static int32_t fold(void *user, const skafu_fold *input, skafu_writer *value, skafu_error *error)
{
	uint8_t bytes[8];
	int64_t count = 0;
	int32_t rc = input->value ? skafu_count_value(input->value, input->value_length, &count, error) : 0;

	(void)user;
	count += (int64_t)input->event_count * weight;
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)count >> (8 * i));
	return rc ? rc : skafu_writer_put(value, bytes, sizeof bytes, error);
}

static int32_t each(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	(void)user;
	return skafu_edit_count(edit, NULL, event->stream, strlen(event->stream), weight, error);
}

static int32_t define(skafu_model *model, uint32_t version, int folds)
{
	skafu_projection_def def = {.size = sizeof def, .version = version, .domain = "d", .name = "counts"};
	int32_t rc = skafu_model_add_domain(model, "d", NULL);

	if (folds) {
		def.key = key_of;
		def.fold = fold;
	} else {
		def.each = each;
	}
	return rc ? rc : skafu_model_add_projection(model, &def, NULL);
}

struct run {
	uint32_t version;
	int folds;
	uint32_t events_max;
	int until_idle;
};

/* In a child: step for ever, or to the head. */
static int step_on(const struct run *run)
{
	skafu_store *own = NULL;
	skafu_model *model = NULL;
	int32_t rc = skafu_store_open(temp.path, NULL, &own, NULL);

	if (rc == 0)
		rc = skafu_model_open(own, NULL, &model, NULL);
	if (rc == 0)
		rc = define(model, run->version, run->folds);
	while (rc >= 0) {
		rc = skafu_projection_step(model, "counts", run->events_max, NULL);
		if (rc == SKAFU_EBUSY)
			rc = 1;
		if (rc == 0 && run->until_idle)
			return 0;
		if (rc == 0)
			usleep(300);
	}
	return 80;
}

static pid_t start(const struct run *run)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(step_on(run));
	return pid;
}

static void append_some(void)
{
	skafu_batch *batch = batch_of(temp.store);
	char stream[16];

	for (uint32_t i = 0, n = 1 + random_below(40); i < n; i++) {
		snprintf(stream, sizeof stream, "s%u", random_below(STREAMS));
		add_event(batch, stream, random_below(2) ? "A" : "B", NULL);
	}
	appended_by(temp.store, batch);
}

/* The rows against the versions of the streams, which are what a fold of the log gives. */
static void check_rows(uint32_t version, int folds, int64_t factor)
{
	skafu_model *model = NULL;
	skafu_view *view = NULL;
	skafu_rows *rows = NULL;
	const skafu_row *row;
	uint64_t sum = 0;
	int64_t count;

	went(skafu_model_open(temp.store, NULL, &model, fault));
	ck_assert_int_eq(define(model, version, folds), 0);
	went(skafu_view_open(model, "counts", 0, 0, &view, fault));
	went(skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, SKAFU_WAIT_FOREVER, NULL, fault));
	went(skafu_view_rows(view, NULL, NULL, SKAFU_NO_LIMIT, &rows, fault));
	while (skafu_rows_next(rows, &row, fault) == 1) {
		char stream[16];

		snprintf(stream, sizeof stream, "%.*s", (int)row->key_length, (const char *)row->key);
		went(skafu_count_value(row->value, row->value_length, &count, fault));
		ck_assert_int_eq(count, (int64_t)version_of(temp.store, stream) * factor);
		sum += version_of(temp.store, stream);
	}
	ck_assert_uint_eq(sum, head_of(temp.store));
	skafu_rows_free(rows);
	skafu_view_close(view);
	skafu_model_close(model);
}

START_TEST(killed_steppers_lose_no_count)
{
	struct run run = {.version = 1, .folds = _i};
	pid_t children[3];

	seeded("projections_test");
	weight = 1;
	run.events_max = 1 + random_below(60);
	for (int i = 0; i < 3; i++)
		children[i] = start(&run);
	for (int round = 0; round < 120; round++) {
		append_some();
		if (random_below(4) == 0)
			usleep(random_below(3000));
		if (random_below(3) != 0)
			continue;
		int which = (int)random_below(3);
		ck_assert_int_eq(kill(children[which], SIGKILL), 0);
		waitpid(children[which], NULL, 0);
		run.events_max = 1 + random_below(60);
		children[which] = start(&run);
	}
	for (int i = 0; i < 3; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
	check_rows(1, _i, 1);
}
END_TEST

/* A version that is built beside and killed again and again: it goes on, and the old one is read meanwhile. */
START_TEST(killed_rebuild_goes_on)
{
	struct run run = {.version = 2, .folds = _i, .events_max = 25};
	skafu_projection_info info = {.size = sizeof info};
	skafu_model *reader = NULL;
	uint64_t before = 0;
	unsigned patience_us = 2000; /* grows until a slow machine gets there too */
	int kills = 0;

	seeded("projections_test");
	weight = 1;
	for (int i = 0; i < 120; i++)
		append_some();
	check_rows(1, _i, 1);
	went(skafu_model_open(temp.store, NULL, &reader, fault));
	weight = 7; /* of the children, which are the new program */
	for (;;) {
		pid_t child = start(&run);

		usleep(patience_us + random_below(3 * patience_us));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		went(skafu_projection_info_get(reader, "counts", &info, fault));
		if (info.version == 2)
			break;
		ck_assert_uint_eq(info.version, 1);
		ck_assert_uint_eq(info.sequence, head_of(temp.store));
		ck_assert_uint_ge(info.shadow_sequence, before); /* never from the start again */
		if (info.shadow_sequence == before)
			patience_us += patience_us / 4;
		before = info.shadow_sequence;
		if (++kills > 3000)
			ck_abort_msg("the rebuild does not come to an end: %" PRIu64, before);
	}
	skafu_model_close(reader);
	check_rows(2, _i, 7);
}
END_TEST

/* ---- threads ---- */

static skafu_model *shared;

/* Refreshes and reads a view of its own: the sum of the rows is never less than it was told. */
static void *read_on(void *arg)
{
	skafu_view *view = NULL;
	uint64_t at = 0;

	if (skafu_view_open(shared, "counts", 0, 0, &view, NULL) != 0)
		return arg;
	for (int i = 0; i < 60; i++) {
		skafu_rows *rows = NULL;
		const skafu_row *row;
		int64_t count, sum = 0;

		if (skafu_view_refresh(view, i % 3 ? SKAFU_FRESH_HEAD : SKAFU_FRESH_ANY, 0, SKAFU_WAIT_FOREVER, &at,
				       NULL) != 0 ||
		    skafu_view_rows(view, NULL, NULL, SKAFU_NO_LIMIT, &rows, NULL) != 0)
			break;
		while (skafu_rows_next(rows, &row, NULL) == 1)
			if (skafu_count_value(row->value, row->value_length, &count, NULL) == 0)
				sum += count;
		skafu_rows_free(rows);
		if (sum < (int64_t)at)
			break;
		if (i == 59)
			arg = NULL;
	}
	skafu_view_close(view);
	return arg;
}

START_TEST(threads_read_while_events_arrive)
{
	pthread_t threads[3];
	void *failed = NULL;

	seeded("projections_test");
	weight = 1;
	went(skafu_model_open(temp.store, NULL, &shared, fault));
	ck_assert_int_eq(define(shared, 1, _i), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_on, &temp), 0);
	for (int i = 0; i < 60; i++)
		append_some();
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	skafu_model_close(shared);
	check_rows(1, _i, 1);
}
END_TEST

/* ---- upcasters ---- */

static int64_t worth = 1;

static int32_t upgrade(void *user, const skafu_record *stored, skafu_upcast *out, skafu_error *error)
{
	char data[32];
	int length = snprintf(data, sizeof data, "{\"n\":%" PRId64 "}", worth);

	(void)user;
	(void)stored;
	return skafu_upcast_add(out, "U", 2u << 16, data, (size_t)length, error);
}

static int32_t add_up(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	int64_t n = 0;
	int32_t rc = skafu_json_int64(event->data, event->data_length, "/n", &n, error);

	(void)user;
	return rc ? rc : skafu_edit_count(edit, NULL, "sum", 3, n, error);
}

static int64_t sum_with(uint32_t revision)
{
	static const char *const types[] = {"U"};
	static const uint32_t versions[] = {2u << 16};
	skafu_upcaster_def up = {.size = sizeof up, .type = "U", .from_version = 1u << 16, .revision = revision,
				 .to_count = 1, .to_types = types, .to_versions = versions, .upcast = upgrade};
	skafu_event_def event = {.size = sizeof event, .domain = "d", .type = "U", .event_version = 2u << 16};
	skafu_projection_def def = {.size = sizeof def, .version = 1, .domain = "d", .name = "sums", .types = types,
				    .type_count = 1, .each = add_up};
	skafu_model *model = NULL;
	skafu_view *view = NULL;
	void *value = NULL;
	size_t length;
	int64_t sum = -1;

	went(skafu_model_open(temp.store, NULL, &model, fault));
	went(skafu_model_add_domain(model, "d", fault));
	went(skafu_model_add_event(model, &event, fault));
	went(skafu_model_add_upcaster(model, &up, fault));
	went(skafu_model_add_projection(model, &def, fault));
	went(skafu_view_open(model, "sums", 0, 0, &view, fault));
	went(skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, SKAFU_WAIT_FOREVER, NULL, fault));
	went(skafu_view_get(view, NULL, "sum", 3, &value, &length, fault));
	went(skafu_count_value(value, length, &sum, fault));
	skafu_bytes_free(value);
	skafu_view_close(view);
	skafu_model_close(model);
	return sum;
}

START_TEST(changed_upcasters_leave_no_old_row)
{
	skafu_new_record event = event_of("s", "U");
	skafu_batch *batch = batch_of(temp.store);

	event.source = "d";
	for (int i = 0; i < 20; i++)
		went(skafu_batch_add(batch, &event, fault));
	appended_by(temp.store, batch);
	for (uint32_t revision = 1; revision < 6; revision++) {
		worth = revision * 3;
		ck_assert_int_eq(sum_with(revision), worth * 20);
		worth = 1000; /* is not asked: nothing changed */
		ck_assert_int_eq(sum_with(revision), revision * 3 * 20);
	}
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_loop_test(tests, killed_steppers_lose_no_count, 0, 2);
	tcase_add_loop_test(tests, killed_rebuild_goes_on, 0, 2);
	tcase_add_loop_test(tests, threads_read_while_events_arrive, 0, 2);
	tcase_add_test(tests, changed_upcasters_leave_no_old_row);
}

int main(void)
{
	return tempstore_main("projections", add);
}

/*
 * Lesson: travel in time.  A shop's stock goes wrong somewhere in its history.  Bisect finds the first event that
 * made it so; a view as of the event before shows what it was like; a fork at that point becomes another future, and
 * the comparison says where the two histories part.
 */
#include <inttypes.h>
#include <skafu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAYS 40

/* ---- the projection: pieces in stock ---- */

static int32_t count_stock(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	int64_t pieces = 0;
	int32_t rc = skafu_json_int64(event->data, event->data_length, "/pieces", &pieces, error);

	(void)user;
	if (rc < 0)
		return rc;
	return skafu_edit_count(edit, NULL, "stock", 5, strcmp(event->type, "Bought") == 0 ? pieces : -pieces, error);
}

static int32_t define(skafu_model *model, skafu_error *error)
{
	skafu_projection_def stock = {.size = sizeof(stock), .domain = "shop", .name = "stock", .each = count_stock};
	skafu_event_def bought = {.size = sizeof(bought), .domain = "shop", .type = "Bought"};
	skafu_event_def sold = {.size = sizeof(sold), .domain = "shop", .type = "Sold"};
	int32_t rc = skafu_model_add_domain(model, "shop", error);

	if (rc == 0)
		rc = skafu_model_add_event(model, &bought, error);
	if (rc == 0)
		rc = skafu_model_add_event(model, &sold, error);
	return rc == 0 ? skafu_model_add_projection(model, &stock, error) : rc;
}

/* ---- the history ---- */

static int32_t append(skafu_store *store, const char *type, int pieces, skafu_error *error)
{
	char data[32];
	skafu_batch *batch = NULL;
	skafu_new_record event = {.size = sizeof(event), .stream = "stock", .type = type, .source = "shop",
				  .data = data};
	int32_t rc = skafu_batch_new(store, &batch, error);

	event.data_length = (size_t)snprintf(data, sizeof(data), "{\"pieces\":%d}", pieces);
	if (rc == 0)
		rc = skafu_batch_add(batch, &event, error);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, error);
	skafu_batch_free(batch);
	return rc;
}

/* Three in, two out, each day; on one day somebody types 200 instead of 2. */
static int32_t live(skafu_store *store, skafu_error *error)
{
	int32_t rc = 0;

	for (int day = 1; rc == 0 && day <= DAYS; day++) {
		rc = append(store, "Bought", 3, error);
		if (rc == 0)
			rc = append(store, "Sold", day == 23 ? 200 : 2, error);
	}
	return rc;
}

/* ---- looking back ---- */

static int32_t stock_of(skafu_view *view, int64_t *out_pieces, skafu_error *error)
{
	void *value = NULL;
	size_t length = 0;
	int32_t rc = skafu_view_get(view, NULL, "stock", 5, &value, &length, error);

	if (rc == 0)
		rc = skafu_count_value(value, length, out_pieces, error);
	skafu_bytes_free(value);
	return rc;
}

static int32_t is_negative(void *user, skafu_view *view, skafu_error *error)
{
	int64_t pieces = 0;
	int32_t rc = stock_of(view, &pieces, error);

	(void)user;
	return rc < 0 ? rc : pieces < 0;
}

static int32_t show(skafu_model *model, uint64_t sequence, const char *when, skafu_error *error)
{
	skafu_view *view = NULL;
	int64_t pieces = 0;
	int32_t rc = skafu_view_open(model, "stock", sequence, SKAFU_WAIT_FOREVER, &view, error);

	if (rc == 0 && sequence == 0)
		rc = skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, SKAFU_WAIT_FOREVER, NULL, error);
	if (rc == 0)
		rc = stock_of(view, &pieces, error);
	if (rc == 0)
		printf("%s: %" PRId64 " pieces\n", when, pieces);
	skafu_view_close(view);
	return rc;
}

/* ---- another future ---- */

static int32_t fork_at(skafu_store *store, uint64_t sequence, skafu_error *error)
{
	char directory[] = "/tmp/skafu-timetravel-XXXXXX";
	char path[sizeof(directory) + 8], command[sizeof(path) + 16];
	skafu_store *other = NULL;
	skafu_diff diff = {.size = sizeof(diff)};
	int32_t rc;

	if (mkdtemp(directory) == NULL)
		return SKAFU_EIO;
	snprintf(path, sizeof(path), "%s/fork", directory);
	rc = skafu_store_fork(store, path, sequence, NULL, NULL, error);
	if (rc == 0)
		rc = skafu_store_open(path, NULL, &other, error);
	if (rc == 0)
		rc = append(other, "Sold", 2, error);
	if (rc == 0)
		rc = skafu_store_diff(store, other, SKAFU_DIFF_RECORDS, NULL, NULL, &diff, error);
	if (rc == 0)
		printf("The fork and its origin are the same up to event %" PRIu64 " and part at %" PRIu64 ".\n",
		       diff.same_up_to, diff.sequence);
	skafu_store_close(other);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	/* NOLINTNEXTLINE(cert-env33-c): the directory is our own, made by mkdtemp() */
	return system(command) != 0 && rc == 0 ? SKAFU_EIO : rc;
}

static int32_t travel(skafu_store *store, skafu_model *model, skafu_error *error)
{
	uint64_t sequence = 0;
	int32_t rc = show(model, 0, "Now", error);

	if (rc == 0)
		rc = skafu_bisect_view(model, "stock", is_negative, NULL, SKAFU_WAIT_FOREVER, &sequence, error);
	if (rc == 0)
		printf("It went wrong at event %" PRIu64 ".\n", sequence);
	if (rc == 0)
		rc = show(model, sequence - 1, "The moment before", error);
	if (rc == 0)
		rc = show(model, sequence, "The moment after", error);
	return rc == 0 ? fork_at(store, sequence - 1, error) : rc;
}

int main(void)
{
	skafu_error *error = NULL;
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	int32_t rc = skafu_error_new(&error);

	if (rc == 0)
		rc = skafu_store_open_memory(NULL, &store, error);
	if (rc == 0)
		rc = live(store, error);
	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, error);
	if (rc == 0)
		rc = define(model, error);
	if (rc == 0)
		rc = travel(store, model, error);
	if (rc < 0)
		fprintf(stderr, "timetravel: %s\n", skafu_error_message(error));
	skafu_model_close(model);
	skafu_store_close(store);
	skafu_error_free(error);
	return rc < 0;
}

/*
 * Lesson: a live read model.  Orders arrive in one thread; a projection in fold form keeps one row for each customer
 * (how many orders, and what they are worth) and is followed while they arrive.  A reader says how fresh it wants to
 * read: whatever is there, all that is in the log, or at least up to an order of its own.  Then it asks what the view
 * was like in the middle of the day.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <skafu_model.h>

#define ORDERS 600
#define CUSTOMERS 3

/* ---- the projection: a row of text for each customer ---- */

static int32_t customer_of(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error)
{
	char customer[64];
	int32_t rc = skafu_json_text(event->data, event->data_length, "/customer", sizeof(customer), customer, error);

	(void)user;
	return rc < 0 ? rc : skafu_edit_key(edit, customer, strlen(customer), error);
}

/* All new events of one customer at once, on what the row says so far. */
static int32_t add_orders(void *user, const skafu_fold *input, skafu_writer *value, skafu_error *error)
{
	char text[80];
	int64_t orders = 0, worth = 0, price;
	int32_t rc;

	(void)user;
	if (input->value != NULL && input->value_length < sizeof(text)) {
		memcpy(text, input->value, input->value_length);
		text[input->value_length] = 0;
		/* NOLINTNEXTLINE(cert-err34-c): the text is the one that is written below */
		if (sscanf(text, "%" SCNd64 " orders, worth %" SCNd64, &orders, &worth) != 2)
			return SKAFU_EHOST;
	}
	for (uint32_t i = 0; i < input->event_count; i++) {
		const skafu_record *event = input->events[i];

		rc = skafu_json_int64(event->data, event->data_length, "/price", &price, error);
		if (rc < 0)
			return rc;
		orders++;
		worth += price;
	}
	snprintf(text, sizeof(text), "%" PRId64 " orders, worth %" PRId64, orders, worth);
	return skafu_writer_put(value, text, strlen(text), error);
}

static int32_t define_shop(skafu_model *model, skafu_error *error)
{
	skafu_event_def placed = {.size = sizeof(placed), .domain = "shop", .type = "OrderPlaced"};
	skafu_projection_def customers = {.size = sizeof(customers), .domain = "shop", .name = "customers"};
	int32_t rc = skafu_model_add_domain(model, "shop", error);

	if (rc == 0)
		rc = skafu_model_add_event(model, &placed, error);
	customers.version = 1;
	customers.key = customer_of;
	customers.fold = add_orders;
	return rc ? rc : skafu_model_add_projection(model, &customers, error);
}

/* ---- orders arrive ---- */

static int32_t place_order(skafu_store *store, skafu_batch *batch, int number, uint64_t *out_sequence,
			   skafu_error *error)
{
	static const char *const names[CUSTOMERS] = {"anna", "bert", "cleo"};
	skafu_new_record order = {.size = sizeof(order), .type = "OrderPlaced", .source = "shop"};
	skafu_appended appended = {.size = sizeof(appended)};
	char stream[32], data[96];
	int32_t rc;

	snprintf(stream, sizeof(stream), "order-%d", number);
	snprintf(data, sizeof(data), "{\"customer\":\"%s\",\"price\":%d}", names[number % CUSTOMERS],
		 number % 10 + 1);
	order.stream = stream;
	order.data = data;
	order.data_length = strlen(data);
	skafu_batch_clear(batch); /* as it was appended before */
	rc = skafu_batch_add(batch, &order, error);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, &appended, error);
	if (rc == 0)
		*out_sequence = appended.last_sequence;
	return rc;
}

static void *take_orders(void *arg)
{
	skafu_store *store = arg;
	skafu_batch *batch = NULL;
	uint64_t sequence;
	int32_t rc = skafu_batch_new(store, &batch, NULL);

	for (int i = 0; rc == 0 && i < ORDERS; i++)
		rc = place_order(store, batch, i, &sequence, NULL);
	skafu_batch_free(batch);
	return rc == 0 ? arg : NULL;
}

/* ---- reading ---- */

static int32_t show(skafu_view *view, const char *title, skafu_error *error)
{
	skafu_rows *rows = NULL;
	const skafu_row *row;
	int32_t rc = skafu_view_rows(view, NULL, NULL, SKAFU_NO_LIMIT, &rows, error);

	printf("%s\n", title);
	while (rc >= 0 && (rc = skafu_rows_next(rows, &row, error)) > 0)
		printf("  %.*s: %.*s\n", (int)row->key_length, (const char *)row->key, (int)row->value_length,
		       (const char *)row->value);
	skafu_rows_free(rows);
	return rc;
}

/* While orders come: as fresh as it is, which costs nothing, and then all of it. */
static int32_t follow(skafu_store *store, skafu_view *view, skafu_error *error)
{
	pthread_t thread;
	void *done = NULL;
	uint64_t at = 0;
	int32_t rc = 0;

	if (pthread_create(&thread, NULL, take_orders, store) != 0)
		return SKAFU_EHOST;
	while (rc == 0 && at < ORDERS) {
		rc = skafu_store_wait(store, at, SKAFU_WAIT_FOREVER, NULL, error);
		if (rc == 0)
			rc = skafu_view_refresh(view, SKAFU_FRESH_HEAD, 0, SKAFU_WAIT_FOREVER, &at, error);
	}
	pthread_join(thread, &done);
	if (rc == 0 && done == NULL)
		rc = SKAFU_EHOST;
	return rc < 0 ? rc : show(view, "At the end of the day:", error);
}

/* What I have just written, I want to read. */
static int32_t read_my_own(skafu_store *store, skafu_view *view, skafu_error *error)
{
	skafu_batch *batch = NULL;
	uint64_t mine = 0;
	int32_t rc = skafu_batch_new(store, &batch, error);

	if (rc == 0)
		rc = place_order(store, batch, ORDERS, &mine, error);
	if (rc == 0)
		rc = skafu_view_refresh(view, SKAFU_FRESH_SEQUENCE, mine, SKAFU_WAIT_FOREVER, NULL, error);
	skafu_batch_free(batch);
	return rc < 0 ? rc : show(view, "With one more of my own:", error);
}

static int32_t look_back(skafu_model *model, skafu_error *error)
{
	skafu_view *noon = NULL;
	int32_t rc = skafu_view_open(model, "customers", ORDERS / 2, SKAFU_WAIT_FOREVER, &noon, error);

	if (rc == 0)
		rc = show(noon, "At noon it was:", error);
	skafu_view_close(noon);
	return rc;
}

int main(void)
{
	skafu_error *error = NULL;
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	skafu_view *view = NULL;
	int32_t rc = skafu_error_new(&error);

	if (rc == 0)
		rc = skafu_store_open_memory(NULL, &store, error);
	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, error);
	if (rc == 0)
		rc = define_shop(model, error);
	if (rc == 0)
		rc = skafu_view_open(model, "customers", 0, 0, &view, error);
	if (rc == 0)
		rc = follow(store, view, error);
	if (rc >= 0)
		rc = read_my_own(store, view, error);
	if (rc >= 0)
		rc = look_back(model, error);
	if (rc < 0)
		fprintf(stderr, "readmodel: %s\n", skafu_error_message(error));
	skafu_view_close(view);
	skafu_model_close(model);
	skafu_store_close(store);
	skafu_error_free(error);
	return rc < 0;
}

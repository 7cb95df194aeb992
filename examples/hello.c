/*
 * Lesson 1: a store is a directory; append an event to a stream, and read the stream back.
 * Usage: hello [directory]       Run it twice: what was appended is still there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <skafu.h>

static int32_t append_greeting(skafu_store *store, skafu_error *error)
{
	static const char text[] = "{\"text\":\"hello, world\"}";
	skafu_new_record event = {.size = sizeof(event), .stream = "greetings", .type = "Greeted", .data = text};
	skafu_appended place = {.size = sizeof(place)};
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(store, &batch, error);

	event.data_length = strlen(text);
	if (rc == 0)
		rc = skafu_batch_add(batch, &event, error);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, &place, error);
	if (rc == 0)
		printf("appended %s, sequence %" PRIu64 "\n", event.type, place.last_sequence);
	skafu_batch_free(batch);
	return rc;
}

static int32_t read_greetings(skafu_store *store, skafu_error *error)
{
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	int32_t rc = skafu_read_stream(store, "greetings", SKAFU_NO_LIMIT, NULL, &cursor, error);

	while (rc >= 0 && (rc = skafu_cursor_next(cursor, &record, error)) > 0)
		printf("read %s, version %" PRIu64 ": %.*s\n", record->type, record->stream_version,
			(int)record->data_length, (const char *)record->data);
	skafu_cursor_free(cursor);
	return rc;
}

int main(int argc, char **argv)
{
	skafu_store_opts opts = {.size = sizeof(opts), .flags = SKAFU_STORE_CREATE};
	skafu_error *error = NULL;
	skafu_store *store = NULL;
	int32_t rc = skafu_error_new(&error);

	if (rc == 0)
		rc = skafu_store_open(argc > 1 ? argv[1] : "hello.skafu", &opts, &store, error);
	if (rc == 0)
		rc = append_greeting(store, error);
	if (rc == 0)
		rc = read_greetings(store, error);
	if (rc < 0)
		fprintf(stderr, "hello: %s\n", skafu_error_message(error));
	skafu_store_close(store);
	skafu_error_free(error);
	return rc < 0;
}

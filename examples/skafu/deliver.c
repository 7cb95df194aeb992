/*
 * deliver.c: the event's id comes from the delivery, so that a repeated one is the same commit again.
 */
#include "deliver.h"

#include <stdio.h>
#include <string.h>

#include "domains.h"
#include "webhook.h"

static int32_t append(struct app *app, const struct webhook_event *event, const char *stream, skafu_appended *out,
		      skafu_error *error)
{
	char tag[300];
	const char *const tags[] = {tag};
	skafu_new_record record = {.size = sizeof record,
				   .type = event->type,
				   .stream = stream,
				   .source = GITHUB_DOMAIN,
				   .id = event->id,
				   .tags = tags,
				   .tag_count = 1};
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(app->store, &batch, error);

	snprintf(tag, sizeof tag, "repository:%.200s", event->repository);
	record.data = event->data.bytes;
	record.data_length = event->data.length;
	record.flags = event->time_ns != 0 ? SKAFU_RECORD_TIME : 0;
	record.time_ns = event->time_ns;
	if (rc == SKAFU_OK)
		rc = skafu_batch_add(batch, &record, error);
	if (rc == SKAFU_OK)
		rc = skafu_append(app->store, batch, APP_PATIENCE_NS, out, error);
	skafu_batch_free(batch);
	return rc;
}

int32_t deliver(struct app *app, const struct delivery *delivery, struct delivered *out_delivered, skafu_error *error)
{
	skafu_appended appended = {.size = sizeof appended};
	struct webhook_event event;
	char stream[320];
	int32_t rc = webhook_map(delivery->event, delivery->id, delivery->body, delivery->length, &event, error);

	if (rc == SKAFU_OK && event.type != NULL)
		rc = append(app, &event, domain_stream(stream, "repository", event.repository), &appended, error);
	if (rc == SKAFU_OK)
		*out_delivered =
			(struct delivered){event.type, event.ignored, (appended.flags & SKAFU_APPENDED_RETRY) != 0,
					   appended.first_sequence};
	webhook_free(&event);
	return rc;
}

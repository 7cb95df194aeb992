#include "run/conkit.h"

#include <stdlib.h>
#include <string.h>

#include "base/trouble.h"
#include "run/builtin.h"
#include "run/deadletter.h"
#include "run/deliver.h"

static int32_t emit(struct conkit *kit, struct skafu__step *step, skafu_error *error)
{
	skafu_new_record reserved = {.size = sizeof reserved, .type = "Reserved", .stream = kit->stream,
				     .content_type = "text/plain", .data_length = kit->payload};
	char *data = malloc(kit->payload + 1);

	memset(data, 'd', kit->payload);
	reserved.data = data;
	int32_t rc = skafu_turn_emit(&step->turn, &reserved, error);
	free(data);
	return rc;
}

static int32_t handle(void *self, const skafu_record *input, struct skafu__step *step, skafu_error *error)
{
	struct conkit *kit = self;

	if (kit->handled < sizeof kit->trail / sizeof *kit->trail)
		kit->trail[kit->handled] = input->sequence;
	kit->handled++;
	if (kit->fails != 0) {
		kit->fails -= kit->fails > 0;
		skafu_error_set(error, SKAFU_EHOST, "no");
		return SKAFU_EHOST;
	}
	if (kit->deed)
		return kit->deed(kit, input, step, error);
	return kit->stream ? emit(kit, step, error) : 0;
}

static void drop(void *self)
{
	((struct conkit *)self)->dropped++;
}

void conkit_open(struct conkit *kit)
{
	static const char *const ordered[] = {"Ordered"};
	static const struct skafu__handler handler = {.handle = handle, .drop = drop,
						      .turn_kind = SKAFU__TURN_REACTION};

	memset(kit, 0, sizeof *kit);
	kit_open(&kit->kit);
	went(skafu_model_freeze(kit->kit.model, fault));
	kit->source = kit_source(ordered, 1);
	kit->source.partitions = 1;
	kit->retry = (skafu_retry_policy){.size = sizeof kit->retry, .attempts_max = 3, .delay_ns = 1};
	kit->def = (struct skafu__consumer_def){.name = "c", .domain = "stock", .kind = SKAFU_CONSUMER_KIND_REACTION,
						.source = &kit->source, .retry = &kit->retry, .handler = &handler,
						.self = kit, .user = kit};
	kit->stream = "s";
	kit->payload = 1;
}

void conkit_make(struct conkit *kit)
{
	went(skafu__consumer_new(kit->kit.model, &kit->def, &kit->consumer, fault));
	kit->consumer->aside = skafu__builtin_aside();
	skafu__deliver_make_worker(kit->consumer);
}

void conkit_drop(struct conkit *kit)
{
	skafu__consumer_free(kit->consumer);
	kit->consumer = NULL;
}

void conkit_close(struct conkit *kit)
{
	conkit_drop(kit);
	kit_close(&kit->kit);
}

void conkit_begin_trouble(struct conkit *kit)
{
	conkit_close(kit);
	trouble_put();
	conkit_open(kit);
}

void conkit_end_trouble(struct conkit *kit)
{
	conkit_close(kit);
	trouble_remove();
	conkit_open(kit);
}

int32_t conkit_run(struct conkit *kit)
{
	struct skafu__worker *worker = &kit->consumer->worker;

	for (int idle = 0; idle < 3;) {
		uint32_t done = 0;
		int32_t rc = worker->step(worker, 100, &done, fault);
		if (rc < 0)
			return rc;
		/* What is blocked waits for a moment that is over by now. */
		idle = rc == 0 && worker->due_ns(worker, 1) == INT64_MAX ? idle + 1 : 0;
	}
	return 0;
}

uint32_t conkit_reserved(struct conkit *kit)
{
	return kit_count(kit->kit.store, SKAFU_KIND_EVENT, "Reserved");
}

uint64_t conkit_letters(struct conkit *kit)
{
	uint64_t count = 0;

	went(skafu__deadletter_count(kit->kit.store, "c", &count, fault));
	return count;
}

struct skafu__consumer_row conkit_row(struct conkit *kit)
{
	struct skafu__consumer_row row = {0};

	ck_assert_int_eq(skafu__consumer_row_get(kit->kit.store, "c", &row, NULL, fault), 1);
	return row;
}

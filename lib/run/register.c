#include "run/register.h"

#include <string.h>

#include "base/error.h"
#include "model/model.h"
#include "store/store.h"

static const char *register_kind_text(uint32_t kind)
{
	static const char *const texts[] = {"consumer", "projection", "subscription", "reaction", "process",
					    "decider of recorded commands"};
	return texts[kind <= SKAFU_CONSUMER_KIND_DECIDER ? kind : 0];
}

static const char *register_partition_text(uint32_t partition_by)
{
	static const char *const texts[] = {"stream", "correlation", "tag"};
	return partition_by <= SKAFU_PARTITION_TAG ? texts[partition_by] : "something newer";
}

static int32_t register_wants(const struct skafu__consumer_row *was, const struct skafu__consumer_row *is,
			      const char *name, skafu_error *error)
{
	if (was->kind != is->kind)
		return skafu__fail(error, SKAFU_EDEFINITION,
				   "the store knows %s as a %s, and it is defined here as a "
				   "%s; choose another name, or remove the consumer",
				   name, register_kind_text(was->kind), register_kind_text(is->kind));
	if (strcmp(was->domain, is->domain) != 0)
		return skafu__fail(error, SKAFU_EDEFINITION, "in the store %s %s belongs to domain \"%s\", and it is "
				   "defined here in domain \"%s\"; choose another name, or remove the consumer",
				   register_kind_text(was->kind), name, was->domain, is->domain);
	if (was->partitions != is->partitions)
		return skafu__fail(error, SKAFU_EDEFINITION, "in the store consumer %s has %u partitions, and it is "
				   "defined here with %u; they are fixed when the name is first used", name,
				   was->partitions, is->partitions);
	if (was->partition_by != is->partition_by || strcmp(was->partition_tag, is->partition_tag) != 0)
		return skafu__fail(error, SKAFU_EDEFINITION,
				   "in the store consumer %s is partitioned by %s %s, and it "
				   "is defined here by %s %s; this is fixed when the name is first used",
				   name, register_partition_text(was->partition_by), was->partition_tag,
				   register_partition_text(is->partition_by), is->partition_tag);
	return 0;
}

static int32_t register_describe(const struct skafu__consumer *consumer, struct skafu__consumer_row *out,
				 skafu_error *error)
{
	const struct skafu_source *source = &consumer->source.given;
	memset(out, 0, sizeof *out);
	out->kind = consumer->kind;
	out->state = SKAFU_CONSUMER_RUNNING;
	out->partition_by = source->partition_by;
	out->partitions = source->partitions;
	out->generation = 1;
	if (consumer->domain)
		memcpy(out->domain, consumer->domain, strlen(consumer->domain) + 1);
	if (source->partition_tag)
		memcpy(out->partition_tag, source->partition_tag, strlen(source->partition_tag) + 1);
	out->start = source->start == SKAFU_START_AFTER ? source->start_after : 0;
	return source->start == SKAFU_START_NOW ? skafu_store_head(consumer->store, &out->start, error) : 0;
}

static int32_t register_append(struct skafu__consumer *consumer, const struct skafu__consumer_row *row,
			       skafu_error *error)
{
	static const struct skafu__consumer_bytes absent = {0};
	skafu_batch *batch = NULL;
	int32_t rc = skafu__model_take_batch(consumer->model, &batch, error);
	if (rc == 0)
		rc = skafu__consumer_row_expect(batch, consumer->name, &absent, error);
	if (rc == 0)
		rc = skafu__consumer_row_put(batch, consumer->name, row, error);
	if (rc == 0)
		rc = skafu_append(consumer->store, batch, SKAFU__RUN_WAIT_NS, NULL, error);
	skafu__model_give_batch(consumer->model, batch);
	return rc;
}

int32_t skafu__register(struct skafu__consumer *consumer, skafu_error *error)
{
	struct skafu__consumer_row mine;
	struct skafu_error own = {0};
	int32_t rc = register_describe(consumer, &mine, error);
	if (rc == 0 && consumer->is_volatile)
		consumer->row = mine;
	if (rc != 0 || consumer->is_volatile)
		return rc;
	rc = skafu__consumer_row_get(consumer->store, consumer->name, &consumer->row, &consumer->row_bytes, error);
	if (rc == 0) {
		rc = register_append(consumer, &mine, &own);
		if (rc != 0 && rc != SKAFU_EROW) /* somebody else was faster */
			return skafu__error_copy(error, &own, rc);
		rc = skafu__consumer_row_get(consumer->store, consumer->name, &consumer->row, &consumer->row_bytes,
					     error);
	}
	if (rc == 0)
		return skafu__fail(error, SKAFU_EBUSY,
				   "consumer %s was removed in the moment when it was opened; try "
				   "again",
				   consumer->name);
	return rc < 0 ? rc : register_wants(&consumer->row, &mine, consumer->name, error);
}

int32_t skafu__consumer_check(skafu_model *model, const struct skafu__consumer_def *def, skafu_error *error)
{
	struct skafu__consumer probe = {.model = model, .store = model->store, .kind = def->kind};
	struct skafu__consumer_row was;
	struct skafu__consumer_row is;
	probe.domain = (char *)(uintptr_t)def->domain; /* only read */
	int32_t rc = skafu__source_init(&probe.source, model->store, def->source, error);
	if (rc == 0)
		rc = register_describe(&probe, &is, error);
	if (rc == 0 && (rc = skafu__consumer_row_get(model->store, def->name, &was, NULL, error)) == 1)
		rc = register_wants(&was, &is, def->name, error);
	skafu__source_done(&probe.source);
	return rc;
}

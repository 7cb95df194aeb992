#include "run/source.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/hash.h"
#include "store/store.h"

#define SOURCE_NAME_BYTES_MAX 255u
#define SOURCE_TYPES_MAX 65536u

static int32_t source_check_numbers(const struct skafu_source *source, skafu_error *error)
{
	int32_t rc = skafu__opts_flags(source->flags, SKAFU_SOURCE_SKIP_NEWER, "skafu_source", error);
	if (rc == 0)
		rc = skafu__opts_flags(source->kinds, SKAFU_KINDS_ALL, "skafu_source (kinds)", error);
	if (rc != 0)
		return rc;
	if (source->start > SKAFU_START_AFTER)
		return skafu__fail(error, SKAFU_EINVAL, "a source starts at %u, which is no SKAFU_START_",
				   source->start);
	if (source->partition_by > SKAFU_PARTITION_TAG)
		return skafu__fail(error, SKAFU_EINVAL, "a source is partitioned by %u, which is no SKAFU_PARTITION_",
				   source->partition_by);
	if (source->partitions > SKAFU__PARTITIONS_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "a source has %u partitions; at most %u are possible",
				   source->partitions, SKAFU__PARTITIONS_MAX);
	if (source->type_count > SOURCE_TYPES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "a source names %zu types; at most %u are possible",
				   source->type_count, SOURCE_TYPES_MAX);
	if (source->type_count != 0 && !source->types)
		return skafu__fail(error, SKAFU_EINVAL, "type_count of a source is %zu but types is NULL",
				   source->type_count);
	return 0;
}

static int32_t source_check(struct skafu_source *source, skafu_error *error)
{
	size_t length;
	int32_t rc = source_check_numbers(source, error);
	for (size_t i = 0; rc == 0 && i < source->type_count; i++)
		rc = skafu__name_measure(source->types[i], SOURCE_NAME_BYTES_MAX, "type", &length, error);
	if (rc == 0 && source->partition_by == SKAFU_PARTITION_TAG)
		rc = skafu__name_measure(source->partition_tag, SOURCE_NAME_BYTES_MAX, "partition_tag", &length,
					 error);
	if (rc == 0 && source->partition_by != SKAFU_PARTITION_TAG)
		source->partition_tag = NULL;
	if (rc == 0 && source->partitions == 0)
		source->partitions = SKAFU__PARTITIONS_DEFAULT;
	if (rc == 0 && source->kinds == 0)
		source->kinds = SKAFU_KINDS_EVENTS;
	if (rc == 0)
		source->size = sizeof *source;
	return rc;
}

static char *source_keep(struct skafu__source *source, const char *text)
{
	char *copy = text ? skafu__strdup(source->sys, text) : NULL;
	if (copy)
		source->texts[source->text_count++] = copy;
	return copy;
}

static int32_t source_copy(struct skafu__source *source, skafu_error *error)
{
	struct skafu_source *given = &source->given;
	size_t count = given->type_count;
	source->texts = skafu__alloc_zeroed(source->sys, count + 2, sizeof *source->texts);
	if (!source->texts)
		return skafu__fail_memory(error);
	for (size_t i = 0; i < count; i++) {
		char *copy = source_keep(source, given->types[i]);
		if (!copy || skafu__map_insert(&source->types, copy, strlen(copy), i) < 0)
			return skafu__fail_memory(error);
	}
	given->types = count != 0 ? (const char *const *)source->texts : NULL;
	const char *rule = given->rule ? source_keep(source, given->rule) : NULL;
	const char *tag = given->partition_tag ? source_keep(source, given->partition_tag) : NULL;
	if ((given->rule && !rule) || (given->partition_tag && !tag))
		return skafu__fail_memory(error);
	given->rule = rule;
	given->partition_tag = tag;
	return 0;
}

static int32_t source_compile(struct skafu__source *source, skafu_error *error)
{
	if (!source->given.rule)
		return 0;
	int32_t rc = skafu_rules_new(&source->rules, error);
	if (rc == 0)
		rc = skafu_rules_add(source->rules, source->given.rule, strlen(source->given.rule), NULL, error);
	return rc;
}

int32_t skafu__source_init(struct skafu__source *source, const skafu_store *store, const skafu_source *given,
			   skafu_error *error)
{
	memset(source, 0, sizeof *source);
	source->sys = &store->sys;
	memcpy(source->hash_key, store->format.hash_key, sizeof source->hash_key);
	skafu__map_init(&source->types, source->sys, SIZE_MAX, 4);
	int32_t rc = skafu__opts_read(&source->given, sizeof source->given, given, "skafu_source", error);
	if (rc == 0)
		rc = source_check(&source->given, error);
	if (rc == 0)
		rc = source_copy(source, error);
	if (rc == 0)
		rc = source_compile(source, error);
	if (rc != 0)
		skafu__source_done(source);
	return rc;
}

void skafu__source_done(struct skafu__source *source)
{
	if (!source->sys)
		return;
	skafu_rules_free(source->rules);
	skafu__map_done(&source->types);
	for (size_t i = 0; i < source->text_count; i++)
		skafu__free(source->sys, source->texts[i]);
	skafu__free(source->sys, source->texts);
	memset(source, 0, sizeof *source);
}

static int source_is_whole(const struct skafu__source *source, uint32_t kind)
{
	return kind <= 31 && (source->whole_kinds & (1u << kind)) != 0;
}

int skafu__source_has_type(const struct skafu__source *source, uint32_t kind, const char *type)
{
	return source->given.type_count == 0 || source_is_whole(source, kind) ||
	       skafu__map_find(&source->types, type, strlen(type)) != NULL;
}

int32_t skafu__source_takes(struct skafu__source *source, const skafu_record *record, skafu_error *error)
{
	if (record->kind > 31 || !(source->given.kinds & (1u << record->kind)) ||
	    !skafu__source_has_type(source, record->kind, record->type))
		return 0;
	if (!source->rules || source_is_whole(source, record->kind))
		return 1;
	return skafu_rules_match(source->rules, record, NULL, 0, error);
}

/* ---- partitions ---------------------------------------------------------------------------------------------- */

static const char *source_tag(const struct skafu__source *source, const skafu_record *record)
{
	size_t length = strlen(source->given.partition_tag);
	const char *tag = record->tags;
	for (uint32_t i = 0; i < record->tag_count; i++, tag += strlen(tag) + 1)
		if (strncmp(tag, source->given.partition_tag, length) == 0)
			return tag;
	return NULL;
}

const char *skafu__source_key(const struct skafu__source *source, const skafu_record *record)
{
	const char *key = NULL;
	if (source->given.partition_by == SKAFU_PARTITION_CORRELATION)
		return record->correlation;
	if (source->given.partition_by == SKAFU_PARTITION_TAG)
		key = source_tag(source, record);
	if (!key && record->stream[0] != '\0')
		key = record->stream;
	return key ? key : record->correlation;
}

uint32_t skafu__source_partition(const struct skafu__source *source, const skafu_record *record)
{
	if (source->given.partitions == 1)
		return 0;
	const char *key = skafu__source_key(source, record);
	return (uint32_t)(skafu__hash64(source->hash_key, key, strlen(key)) % source->given.partitions);
}

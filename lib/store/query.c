#include "store/query.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define QUERY_NAME_BYTES_MAX 255

int32_t skafu_query_new(skafu_query **out_query, skafu_error *error)
{
	if (!out_query)
		return skafu__fail(error, SKAFU_EINVAL, "out_query is NULL; give a place for the query");
	struct skafu__sys sys;
	skafu__sys_init(&sys, NULL);
	skafu_query *query = skafu__alloc_zeroed(&sys, 1, sizeof *query);
	if (!query)
		return skafu__fail_memory(error);
	query->sys = sys;
	*out_query = query;
	return 0;
}

static void query_free_names(const struct skafu__sys *sys, char **names, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		skafu__free(sys, names[i]);
	skafu__free(sys, names);
}

void skafu_query_free(skafu_query *query)
{
	if (!query)
		return;
	for (uint32_t i = 0; i < query->item_count; i++) {
		query_free_names(&query->sys, query->items[i].types, query->items[i].type_count);
		query_free_names(&query->sys, query->items[i].tags, query->items[i].tag_count);
	}
	skafu__free(&query->sys, query->items);
	struct skafu__sys sys = query->sys;
	skafu__free(&sys, query);
}

int32_t skafu_query_add_item(skafu_query *query, skafu_error *error)
{
	if (!query)
		return skafu__fail(error, SKAFU_EINVAL, "the query is NULL");
	if (query->item_count == SKAFU__QUERY_ITEMS_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "a query has at most %u items", SKAFU__QUERY_ITEMS_MAX);
	size_t count = query->item_count + 1u;
	struct skafu__query_item *items =
		skafu__realloc_array(&query->sys, query->items, count, sizeof *query->items);
	if (!items)
		return skafu__fail_memory(error);
	query->items = items;
	memset(&items[query->item_count++], 0, sizeof *items);
	return 0;
}

static int32_t query_add_name(skafu_query *query, char ***names, uint32_t *count, const char *name)
{
	char **grown = skafu__realloc_array(&query->sys, *names, *count + 1u, sizeof **names);
	if (!grown)
		return SKAFU_ENOMEM;
	*names = grown;
	grown[*count] = skafu__strdup(&query->sys, name);
	if (!grown[*count])
		return SKAFU_ENOMEM;
	*count += 1;
	return 0;
}

/* The item that is being filled in; the first name opens one. */
static int32_t query_current_item(skafu_query *query, struct skafu__query_item **out, skafu_error *error)
{
	if (!query)
		return skafu__fail(error, SKAFU_EINVAL, "the query is NULL");
	int32_t rc = query->item_count ? 0 : skafu_query_add_item(query, error);
	if (rc == 0)
		*out = &query->items[query->item_count - 1];
	return rc;
}

int32_t skafu_query_add_type(skafu_query *query, const char *type, skafu_error *error)
{
	struct skafu__query_item *item;
	size_t length;
	int32_t rc = skafu__name_measure(type, QUERY_NAME_BYTES_MAX, "type", &length, error);
	if (rc == 0)
		rc = query_current_item(query, &item, error);
	if (rc != 0)
		return rc;
	if (item->type_count == SKAFU__QUERY_NAMES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "a query item has at most %u types", SKAFU__QUERY_NAMES_MAX);
	rc = query_add_name(query, &item->types, &item->type_count, type);
	return rc ? skafu__fail_memory(error) : 0;
}

int32_t skafu_query_add_tag(skafu_query *query, const char *tag, skafu_error *error)
{
	struct skafu__query_item *item;
	size_t length;
	int32_t rc = skafu__name_measure(tag, QUERY_NAME_BYTES_MAX, "tag", &length, error);
	if (rc == 0)
		rc = query_current_item(query, &item, error);
	if (rc != 0)
		return rc;
	if (item->tag_count == SKAFU__QUERY_NAMES_MAX)
		return skafu__fail(error, SKAFU_ELIMIT, "a query item has at most %u tags", SKAFU__QUERY_NAMES_MAX);
	rc = query_add_name(query, &item->tags, &item->tag_count, tag);
	return rc ? skafu__fail_memory(error) : 0;
}

static int32_t query_copy_names(skafu_query *to, char ***names, uint32_t *count, char **from, uint32_t from_count)
{
	int32_t rc = 0;
	for (uint32_t i = 0; rc == 0 && i < from_count; i++)
		rc = query_add_name(to, names, count, from[i]);
	return rc;
}

skafu_query *skafu__query_copy(const skafu_query *query)
{
	skafu_query *copy;
	if (skafu_query_new(&copy, NULL) != 0)
		return NULL;
	int32_t rc = 0;
	for (uint32_t i = 0; query && rc == 0 && i < query->item_count; i++) {
		const struct skafu__query_item *from = &query->items[i];
		rc = skafu_query_add_item(copy, NULL);
		if (rc != 0)
			break;
		struct skafu__query_item *to = &copy->items[i];
		rc = query_copy_names(copy, &to->types, &to->type_count, from->types, from->type_count);
		if (rc == 0)
			rc = query_copy_names(copy, &to->tags, &to->tag_count, from->tags, from->tag_count);
	}
	if (rc == 0)
		return copy;
	skafu_query_free(copy);
	return NULL;
}

int skafu__query_matches_all(const skafu_query *query)
{
	if (!query || query->item_count == 0)
		return 1;
	for (uint32_t i = 0; i < query->item_count; i++)
		if (query->items[i].type_count == 0 && query->items[i].tag_count == 0)
			return 1;
	return 0;
}

static int query_has_type(const struct skafu__query_item *item, const char *type)
{
	for (uint32_t i = 0; i < item->type_count; i++)
		if (strcmp(item->types[i], type) == 0)
			return 1;
	return item->type_count == 0;
}

static int query_record_has_tag(const struct skafu__record *record, const char *tag)
{
	const char *at = record->tags;
	for (uint32_t i = 0; i < record->tag_count; i++) {
		if (strcmp(at, tag) == 0)
			return 1;
		at += strlen(at) + 1;
	}
	return 0;
}

static int query_item_matches(const struct skafu__query_item *item, const struct skafu__record *record,
			      const char *type)
{
	if (!query_has_type(item, type))
		return 0;
	for (uint32_t i = 0; i < item->tag_count; i++)
		if (!query_record_has_tag(record, item->tags[i]))
			return 0;
	return 1;
}

uint32_t skafu__query_match(const skafu_query *query, const struct skafu__record *record,
			    const struct skafu__names *names)
{
	if (!query || query->item_count == 0)
		return 1;
	const char *type = skafu__names_text(names, skafu__type_set(record->kind), record->type, NULL);
	for (uint32_t i = 0; type && i < query->item_count; i++)
		if (query_item_matches(&query->items[i], record, type))
			return i + 1;
	return 0;
}

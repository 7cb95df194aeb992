/*
 * query.h: a query as the host composed it: items OR'd; types OR'd and tags AND'd within an item.
 */
#ifndef SKAFU__STORE_QUERY_H
#define SKAFU__STORE_QUERY_H

#include <stdint.h>

#include "base/sys.h"
#include "codec/record.h"
#include "skafu_store.h"
#include "store/names.h"

#define SKAFU__QUERY_ITEMS_MAX 1024u
#define SKAFU__QUERY_NAMES_MAX 1024u /* types, and tags, of one item */

struct skafu__query_item {
	char **types;
	char **tags;
	uint32_t type_count;
	uint32_t tag_count;
};

struct skafu_query {
	struct skafu__sys sys;
	struct skafu__query_item *items;
	uint32_t item_count;
};

/* A deep copy; NULL when there is no memory.  NULL copies to an empty query, which matches everything. */
skafu_query *skafu__query_copy(const skafu_query *query);

/* 1 when an item without types and tags, or no item, makes the query match every event. */
int skafu__query_matches_all(const skafu_query *query);

/* The first item, from 1, that a record matches; 0 when none does.  Full names are compared. */
uint32_t skafu__query_match(const skafu_query *query, const struct skafu__record *record,
			    const struct skafu__names *names);

#endif

#include "run/deadletter_list.h"

#include <string.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/store.h"

struct skafu_dead_letter_list {
	skafu_store *store;
	struct skafu__deadletter_filter filter;
	uint64_t left;
	skafu_rows *rows;
	skafu_dead_letter letter; /* that was lent last */
};

/* ---- filters --------------------------------------------------------------------------------------------------- */

int32_t skafu__deadletter_filter_read(const skafu_dead_letter_filter *given, struct skafu__deadletter_filter *out,
				      skafu_error *error)
{
	struct skafu_dead_letter_filter known;
	int32_t rc = skafu__opts_read(&known, sizeof known, given, "skafu_dead_letter_filter", error);
	if (rc == 0 && known.reserved != 0)
		rc = skafu__fail(error, SKAFU_EINVAL, "reserved of the filter is not 0");
	const char *const texts[] = {known.consumer, known.key, known.type};
	for (size_t i = 0; rc == 0 && i < 3; i++)
		if (texts[i] && strnlen(texts[i], SKAFU__DEADLETTER_TEXT_BYTES) == SKAFU__DEADLETTER_TEXT_BYTES)
			rc = skafu__fail(error, SKAFU_ELIMIT, "a text of the filter has more than %u bytes, so no "
					 "dead letter can match it", SKAFU__DEADLETTER_TEXT_BYTES - 1);
	if (rc != 0)
		return rc;
	memset(out, 0, sizeof *out);
	out->sequence = known.sequence;
	for (size_t i = 0; i < 3; i++) {
		out->is_given[i] = texts[i] != NULL;
		if (texts[i])
			memcpy(out->texts[i], texts[i], strlen(texts[i]) + 1);
	}
	return 0;
}

int skafu__deadletter_filter_takes(const struct skafu__deadletter_filter *filter,
				   const struct skafu__deadletter *letter)
{
	const char *const texts[] = {letter->consumer, letter->partition_key, letter->type};
	for (size_t i = 0; i < 3; i++)
		if (filter->is_given[i] && strcmp(filter->texts[i], texts[i]) != 0)
			return 0;
	return filter->sequence == 0 || filter->sequence == letter->sequence;
}

/* The letters of one consumer, or of one of its keys, lie together. */
int32_t skafu__deadletter_rows(skafu_store *store, const struct skafu__deadletter_filter *filter,
			       skafu_rows **out_rows, skafu_error *error)
{
	uint8_t from[SKAFU__DEADLETTER_KEY_BYTES], to[SKAFU__DEADLETTER_KEY_BYTES + 1];
	int has_key = filter->is_given[0] && filter->is_given[1];
	size_t prefix = has_key ? SKAFU__PARKED_KEY_BYTES : SKAFU__DEADLETTER_CONSUMER_BYTES;
	if (!filter->is_given[0])
		return skafu_rows_open(store, skafu__deadletter_table, NULL, SKAFU_NO_LIMIT, out_rows, error);
	skafu__deadletter_key(filter->texts[0], has_key ? filter->texts[1] : "", 0, from);
	memcpy(to, from, prefix);
	memset(to + prefix, 0xff, sizeof to - prefix); /* one byte more than any key, so above all of them */
	skafu_key_range range = {.size = sizeof range, .from = from, .from_length = prefix, .to = to,
				 .to_length = sizeof to};
	return skafu_rows_open(store, skafu__deadletter_table, &range, SKAFU_NO_LIMIT, out_rows, error);
}

/* ---- lists ----------------------------------------------------------------------------------------------------- */

static skafu_dead_letter_list *deadletterlist_new(skafu_store *store, const struct skafu__deadletter_filter *filter,
						  uint64_t limit)
{
	skafu_dead_letter_list *list = skafu__alloc_zeroed(&store->sys, 1, sizeof *list);
	if (!list)
		return NULL;
	list->store = store;
	list->filter = *filter;
	list->left = limit;
	return list;
}

int32_t skafu_dead_letter_list_open(skafu_store *store, const skafu_dead_letter_filter *filter, uint64_t limit,
				    skafu_dead_letter_list **out_list, skafu_error *error)
{
	struct skafu__deadletter_filter known;
	int32_t rc = skafu__store_check(store, error);
	if (rc == 0)
		rc = skafu__deadletter_filter_read(filter, &known, error);
	if (rc == 0 && !out_list)
		rc = skafu__fail(error, SKAFU_EINVAL, "out_list is NULL; give a place for the list");
	if (rc != 0)
		return rc;
	skafu_dead_letter_list *list = deadletterlist_new(store, &known, limit);
	rc = list ? skafu__deadletter_rows(store, &list->filter, &list->rows, error) : skafu__fail_memory(error);
	if (rc != 0) {
		skafu__free(&store->sys, list);
		return rc;
	}
	skafu__store_hold(store);
	*out_list = list;
	return 0;
}

static void deadletterlist_lend(skafu_dead_letter_list *list, const struct skafu__deadletter *letter)
{
	list->letter = (skafu_dead_letter){
		.size = sizeof list->letter, .attempts = letter->attempts, .sequence = letter->sequence,
		.first_ns = letter->first_ns, .last_ns = letter->last_ns, .consumer = letter->consumer,
		.key = letter->partition_key, .type = letter->type, .correlation = letter->correlation,
		.message = letter->message, .code = letter->code, .parked_behind = letter->is_parked_behind};
}

int32_t skafu_dead_letter_list_next(skafu_dead_letter_list *list, const skafu_dead_letter **out_letter,
				    skafu_error *error)
{
	struct skafu__deadletter letter;
	const skafu_row *row;
	if (!list || !out_letter)
		return skafu__fail(error, SKAFU_EINVAL, "the list or the place for its next entry is NULL");
	int32_t rc = skafu__store_check(list->store, error);
	while (rc == 0 && list->left != 0) {
		rc = skafu_rows_next(list->rows, &row, error);
		if (rc != 1)
			return rc;
		rc = skafu__deadletter_decode(row, &letter, error);
		if (rc != 0 || !skafu__deadletter_filter_takes(&list->filter, &letter))
			continue;
		list->left--;
		deadletterlist_lend(list, &letter);
		*out_letter = &list->letter;
		return 1;
	}
	return rc;
}

void skafu_dead_letter_list_free(skafu_dead_letter_list *list)
{
	if (!list)
		return;
	skafu_store *store = list->store;
	skafu_rows_free(list->rows);
	skafu__free(&store->sys, list);
	skafu__store_release(store);
}

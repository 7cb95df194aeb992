#include "store/rowpages.h"

#include <string.h>

void skafu__rowpages_init(struct skafu__rowpages *pages, skafu_store *store, const char *table, uint32_t page_rows)
{
	memset(pages, 0, sizeof *pages);
	pages->store = store;
	pages->table = table;
	pages->page_rows = page_rows;
}

void skafu__rowpages_done(struct skafu__rowpages *pages)
{
	skafu_rows_free(pages->page);
	pages->page = NULL;
}

void skafu__rowpages_bound(struct skafu__rowpages *pages, const void *from, size_t from_length, const void *to,
			   size_t to_length)
{
	pages->from_length = from_length;
	pages->to_length = to_length;
	if (from_length != 0)
		memcpy(pages->from, from, from_length);
	if (to_length != 0)
		memcpy(pages->to, to, to_length);
}

static int32_t rowpages_turn(struct skafu__rowpages *pages, skafu_error *error)
{
	skafu_key_range range = {.size = sizeof range};
	if (pages->from_length != 0) {
		range.from = pages->from;
		range.from_length = pages->from_length;
	}
	if (pages->to_length != 0) {
		range.to = pages->to;
		range.to_length = pages->to_length;
	}
	skafu_rows_free(pages->page);
	pages->page = NULL;
	pages->in_page = 0;
	return skafu_rows_open(pages->store, pages->table, &range, pages->page_rows, &pages->page, error);
}

/* The next page begins after this row. */
static void rowpages_leave(struct skafu__rowpages *pages, const skafu_row *row)
{
	memcpy(pages->from, row->key, row->key_length);
	pages->from[row->key_length] = 0;
	pages->from_length = row->key_length + 1;
	pages->in_page++;
}

int32_t skafu__rowpages_next(struct skafu__rowpages *pages, const skafu_row **out, skafu_error *error)
{
	int32_t rc = pages->page ? 0 : rowpages_turn(pages, error);
	if (rc < 0)
		return rc;
	rc = skafu_rows_next(pages->page, out, error);
	if (rc == 0 && pages->in_page == pages->page_rows) {
		rc = rowpages_turn(pages, error);
		if (rc < 0)
			return rc;
		rc = skafu_rows_next(pages->page, out, error);
	}
	if (rc == 1)
		rowpages_leave(pages, *out);
	return rc;
}

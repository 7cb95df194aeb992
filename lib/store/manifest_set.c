#include "store/manifest_set.h"

int32_t skafu__manifest_set_new(skafu_store *store)
{
	(void)store;
	return 0;
}

void skafu__manifest_set_free(skafu_store *store)
{
	(void)store;
}

void skafu__manifest_set_count(struct skafu__view *view, uint64_t *runs, uint64_t *segments, uint64_t *entries)
{
	(void)view;
	*runs = *segments = *entries = 0;
}

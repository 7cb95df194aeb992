/*
 * manifest_set.h: what this process knows of the runs of the index: the decoded manifests of one generation.
 */
#ifndef SKAFU__STORE_MANIFEST_SET_H
#define SKAFU__STORE_MANIFEST_SET_H

#include "skafu_store.h"
#include "store/view.h"

int32_t skafu__manifest_set_new(skafu_store *store);
void skafu__manifest_set_free(skafu_store *store);
void skafu__manifest_set_count(struct skafu__view *view, uint64_t *runs, uint64_t *segments, uint64_t *entries);

#endif

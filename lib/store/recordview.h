/*
 * recordview.h: the public form of a record, over its bytes.
 */
#ifndef SKAFU__STORE_RECORDVIEW_H
#define SKAFU__STORE_RECORDVIEW_H

#include "codec/record.h"
#include "skafu_store.h"
#include "store/names.h"

/* All but sequence, commit and recorded time; points where `record` points, and to the texts of names.
 * SKAFU_EDAMAGED when one of those is unknown. */
int32_t skafu__recordview_fill(struct skafu_record *out, const struct skafu__record *record,
			       const struct skafu__names *names, skafu_error *error);

#endif

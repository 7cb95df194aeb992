/*
 * import_fuzz.c: any bytes as a text to import.
 *
 * The first byte says form, flags and how the text is cut.  Whatever comes, the import ends; its figures add up; what
 * it made is exported, and the export imports again, into the same store as present and into another one as equal.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "skafu_store.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
	if (!condition)
		abort();
}

static skafu_store *new_store(void)
{
	skafu_store *store;
	demand(skafu_store_open_memory(NULL, &store, NULL) == 0);
	return store;
}

/* Import the text in two pieces and check that the figures add up. */
static skafu_import_info import(skafu_store *store, uint32_t form, uint32_t flags, const void *text, size_t length,
				size_t cut)
{
	skafu_import *importing;
	const skafu_import_bad *bad;
	skafu_import_info info = {.size = sizeof info};
	skafu_import_opts opts = {.size = sizeof opts, .form = form, .flags = flags, .batch_records = 3};
	opts.line_bytes_max = 4096;
	demand(skafu_import_open(store, &opts, &importing, NULL) == 0);
	cut = cut < length ? cut : length;
	int32_t rc = skafu_import_feed(importing, text, cut, 0, NULL);
	while (skafu_import_bad_next(importing, &bad, NULL) == 1)
		demand(bad->code < 0 && *bad->reason && bad->text_length <= length);
	if (rc == 0)
		rc = skafu_import_feed(importing, (const uint8_t *)text + cut, length - cut, 0, NULL);
	if (rc == 0)
		rc = skafu_import_finish(importing, 0, NULL);
	demand(skafu_import_info_get(importing, &info, NULL) == 0);
	demand(info.added + info.present + info.bad <= info.lines + 1 && info.settled <= info.lines);
	demand(rc != 0 || info.settled == info.lines);
	demand(rc == 0 || info.bad > 0);
	skafu_import_free(importing);
	return info;
}

static char *export(skafu_store *store, size_t *out_length)
{
	skafu_export *exporting;
	const char *piece;
	size_t length;
	char *text = calloc(1, 1);
	*out_length = 0;
	demand(skafu_export_open(store, NULL, NULL, &exporting, NULL) == 0);
	while (skafu_export_next(exporting, &piece, &length, NULL) == 1) {
		text = realloc(text, *out_length + length + 1);
		memcpy(text + *out_length, piece, length);
		*out_length += length;
	}
	skafu_export_free(exporting);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	uint32_t form = 1 + data[0] % 3u;
	uint32_t flags = data[0] & 4 ? SKAFU_IMPORT_SET_ASIDE : 0;
	struct skafu__tuning quick = {.map_bytes = 1 << 20};
	skafu__tuning_override(&quick);
	skafu_store *store = new_store();
	skafu_import_info first = import(store, form, flags, data + 1, size - 1, data[0] >> 3);
	size_t length;
	size_t again_length;
	char *text = export(store, &length);
	skafu_import_info second = import(store, SKAFU_FORM_LINES, 0, text, length, length / 2);
	demand(second.added == 0 && second.bad == 0 && second.present == first.added);
	skafu_store *other = new_store();
	second = import(other, SKAFU_FORM_LINES, SKAFU_IMPORT_SAME_PLACES, text, length, length / 3);
	demand(second.added == first.added && second.bad == 0);
	char *again = export(other, &again_length);
	demand(length == again_length && memcmp(text, again, length) == 0);
	free(text);
	free(again);
	skafu_store_close(other);
	skafu_store_close(store);
	return 0;
}

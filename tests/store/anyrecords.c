#include "store/anyrecords.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

static const char *const words[] = {"a", "order", "caf\xc3\xa9", "\xf0\x9f\x98\x80", "with space",
	       "quote\"back\\slash",
				    "per%20cent", "/path/to", "//host:1", "a:b", "1a:b", "https://x.example/y?z#f",
					       "semi;colon",
				    "\xe2\x80\xa8", "~tilde", "[bracket]"};
static const char *const datas[] = {"{}", "null", "0", "-1.50e+10", "\"text\\u0000\\ud83d\\ude00\"", "[1,2 , 3]",
				    " {\"b\":1,\"a\":{\"deep\":[[[]]]}} ", "\"\"", "true",
					       "{\"n\": 9007199254740993}",
				    "\n{\r\n\t\"a\" :\n1\n}\n"};
static const char *const metadatas[] = {"{}", "{\"k\":\"v\"}", " { \"importedId\" : 5 } ", "{\"a\\\"b\":[null]}"};

#define PICK(list) ((list)[random_below((uint32_t)(sizeof(list) / sizeof *(list)))])

static char deep[129];

static void any_payload(skafu_new_record *record, uint8_t *room)
{
	record->data = PICK(datas);
	if (random_below(20) == 0) {
		memset(deep, '[', 64);
		memset(deep + 64, ']', 64);
		record->data = deep; /* as deep as may be: deeper than a whole line may be as one document */
	}
	record->data_length = strlen(record->data);
	if (random_below(4) == 0) {
		record->data_length = random_below(40);
		for (size_t i = 0; i < record->data_length; i++)
			room[i] = (uint8_t)random_u64();
		record->data = room;
		record->content_type = random_below(2) ? "application/octet-stream" : "text/plain; charset=utf-8";
	}
	if (random_below(3) == 0) {
		record->metadata = PICK(metadatas);
		record->metadata_length = strlen(record->metadata);
	}
}

static void any_times(skafu_new_record *record)
{
	static const int64_t times[] = {0, 1, -1, INT64_MIN, INT64_MAX, 1737196200123000000, 1737196200000000000,
		       -5000000};
	if (random_below(3) == 0)
		return;
	record->time_ns = PICK(times);
	record->flags = SKAFU_RECORD_TIME;
}

static void any_record(skafu_batch *batch)
{
	static char type[64];
	static uint8_t room[64];
	static uint8_t cause[16];
	const char *tags[5];
	skafu_new_record record = {.size = sizeof record, .kind = 1 + random_below(4), .source = PICK(words)};
	snprintf(type, sizeof type, "Type of %s", record.source); /* a type belongs to one domain */
	record.type = type;
	if (record.kind == SKAFU_KIND_EVENT || random_below(3) == 0)
		record.stream = PICK(words);
	if (record.kind == SKAFU_KIND_ERROR)
		record.severity = random_below(4);
	if (random_below(4) == 0)
		record.event_version = 1 + (uint32_t)(random_u64() & 0xFFFFFFFEu);
	if (random_below(4) == 0)
		record.hops = random_below(256);
	if (random_below(2))
		record.correlation = PICK(words);
	if (random_below(2))
		record.causation = cause;
	record.tag_count = random_below(5);
	record.tags = tags;
	for (size_t i = 0; i < record.tag_count; i++)
		tags[i] = PICK(words);
	any_payload(&record, room);
	any_times(&record);
	went(skafu_batch_add(batch, &record, fault));
	ck_assert_int_eq(skafu_batch_record_id(batch, skafu_batch_count(batch) - 1, cause), 0);
}

void anyrecords_append(skafu_store *store, uint32_t count)
{
	while (count > 0) {
		uint32_t some = 1 + random_below(count < 9 ? count : 9);
		skafu_batch *batch = batch_of(store);
		for (uint32_t i = 0; i < some; i++)
			any_record(batch);
		if (random_below(3) == 0)
			went(skafu_batch_put_row(batch, "table", "key", 3, "value", 5, fault));
		appended_by(store, batch);
		count -= some;
	}
}

char *anyrecords_export(skafu_store *store, uint32_t form, size_t *out_length)
{
	skafu_export *exporting;
	skafu_export_opts opts = {.size = sizeof opts, .form = form};
	const char *piece;
	size_t length;
	char *text = calloc(1, 1);
	*out_length = 0;
	went(skafu_export_open(store, NULL, &opts, &exporting, fault));
	int32_t rc;
	while ((rc = skafu_export_next(exporting, &piece, &length, fault)) == 1) {
		text = realloc(text, *out_length + length + 1);
		memcpy(text + *out_length, piece, length);
		*out_length += length;
		text[*out_length] = 0;
	}
	went(rc);
	skafu_export_free(exporting);
	return text;
}

int32_t anyrecords_import(skafu_store *store, const skafu_import_opts *opts, const char *text, size_t length,
			  size_t step, skafu_import_info *out_info)
{
	skafu_import *importing;
	int32_t rc = 0;
	went(skafu_import_open(store, opts, &importing, fault));
	for (size_t at = 0; rc == 0 && at < length; at += step)
		rc = skafu_import_feed(importing, text + at, length - at < step ? length - at : step,
				       SKAFU_WAIT_FOREVER, fault);
	if (rc == 0)
		rc = skafu_import_finish(importing, SKAFU_WAIT_FOREVER, fault);
	memset(out_info, 0, sizeof *out_info);
	out_info->size = sizeof *out_info;
	ck_assert_int_eq(skafu_import_info_get(importing, out_info, fault), 0);
	skafu_import_free(importing);
	return rc;
}

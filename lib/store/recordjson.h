/*
 * recordjson.h: the exported form of a record: one JSON object under the names that users of the log know.
 */
#ifndef SKAFU__STORE_RECORDJSON_H
#define SKAFU__STORE_RECORDJSON_H

#include "base/buf.h"
#include "skafu_store.h"

#define SKAFU__EVENT_VERSION_BYTES 12 /* "65535.65535" and the NUL */

/* Append the whole object.  0, SKAFU_EUTF8 when a name is none, or the failure of the buffer. */
int32_t skafu__recordjson_put(struct skafu__buf *out, const skafu_record *record);

/* Append a payload or metadata that is JSON, without the blanks around it, on one line. */
int32_t skafu__recordjson_put_value(struct skafu__buf *out, const uint8_t *bytes, size_t length);

/* Leave the blanks around a JSON text out. */
void skafu__recordjson_trim(const uint8_t **bytes, size_t *length);

/* 1 when two JSON texts are equal but for what an export changes: blanks around them, and line breaks. */
int skafu__recordjson_same(const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length);

/* 1 when the payload is exported as `data`, 0 when as `data_base64`. */
int skafu__recordjson_is_json(const skafu_record *record);

/* 1 when the record has a causation id. */
int skafu__recordjson_has_cause(const skafu_record *record);

/* "WARNING" and so on for an error record with a severity, NULL for all else. */
const char *skafu__recordjson_severity(const skafu_record *record);

/* "event", "command" and so on; "" for a number that is no kind. */
const char *skafu__recordjson_kind(uint32_t kind);

/* "major.minor" */
void skafu__recordjson_version(uint32_t event_version, char out_text[SKAFU__EVENT_VERSION_BYTES]);

#endif

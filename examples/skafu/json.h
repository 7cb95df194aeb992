/*
 * json.h: writing the payload of an event or command, member by member.
 *
 * `{0}` is an empty one.  The first failure is kept, so that a list of members needs no checks between them; whoever
 * takes the result looks at it once.  Texts are made valid: bytes that are no UTF-8 become '?'.
 */
#ifndef SKAFU_APP_JSON_H
#define SKAFU_APP_JSON_H

#include "text.h"

struct json {
	struct text text;
	int32_t rc;
};

/* Objects and arrays; key NULL: at the top or in an array. */
void json_open(struct json *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *json, char bracket);                 /* '}' or ']' */

void json_text(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, int64_t value);
void json_real(struct json *json, const char *key, double value);
void json_truth(struct json *json, const char *key, int value);
void json_raw(struct json *json, const char *key, const char *value, size_t length); /* JSON already */
void json_free(struct json *json);

/* A member of a document by its JSON pointer as text; "" when there is none, it is no text, or has no room. */
const char *json_get(const void *document, size_t length, const char *pointer, char *out, size_t size);
int64_t json_get_number(const void *document, size_t length, const char *pointer); /* 0 when there is none */
int json_get_truth(const void *document, size_t length, const char *pointer);

#endif

/*
 * request.c: a very small part of HTTP/1.1.
 */
#include "request.h"

#include <stdio.h>
#include <string.h>

int request_is_complete(const char *bytes, size_t length)
{
	for (size_t i = 3; i < length; i++) {
		if (memcmp(bytes + i - 3, "\r\n\r\n", 4) == 0)
			return 1;
	}
	return 0;
}

static size_t answer_with(char *answer, const char *status, const char *body)
{
	int length = snprintf(answer, ANSWER_BYTES,
			      "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
			      "Connection: close\r\n\r\n%s",
			      status, strlen(body), body);

	return length < 0 || length >= ANSWER_BYTES ? 0 : (size_t)length;
}

/* Letters and digits only: the name goes into JSON as it is. */
static int is_name(const char *name, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	return length > 0 && length <= 64 && strspn(name, letters) >= length;
}

static size_t answer_hello(char *answer, const char *query, size_t length)
{
	char body[128];

	if (length < 5 || strncmp(query, "name=", 5) != 0 || !is_name(query + 5, length - 5))
		return answer_with(answer, "400 Bad Request", "{\"error\":\"give a name of letters and digits\"}");
	snprintf(body, sizeof body, "{\"hello\":\"%.*s\"}", (int)(length - 5), query + 5);
	return answer_with(answer, "200 OK", body);
}

size_t request_answer(const char *bytes, size_t length, char *answer)
{
	char line[REQUEST_BYTES];
	size_t end = 0;
	size_t target;

	while (end < length && end < sizeof line - 1 && bytes[end] != '\r' && bytes[end] != '\0')
		end++;
	memcpy(line, bytes, end);
	line[end] = '\0';
	if (strncmp(line, "GET /", 5) != 0)
		return answer_with(answer, "405 Method Not Allowed", "{\"error\":\"only GET\"}");
	target = strcspn(line + 4, " ");
	if (line[4 + target] == '\0')
		return answer_with(answer, "400 Bad Request", "{\"error\":\"no version\"}");
	if (target == 8 && strncmp(line + 4, "/healthz", 8) == 0)
		return answer_with(answer, "200 OK", "{\"status\":\"ok\"}");
	if (target >= 7 && strncmp(line + 4, "/hello?", 7) == 0)
		return answer_hello(answer, line + 11, target - 7);
	return answer_with(answer, "404 Not Found", "{\"error\":\"not found\"}");
}

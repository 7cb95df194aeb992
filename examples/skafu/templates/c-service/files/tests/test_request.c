/*
 * test_request.c: requests and their answers, without a socket.
 */
#include "request.h"

#include <stdio.h>
#include <string.h>

static int failures;

static void expect(const char *request, const char *status, const char *body)
{
	char answer[ANSWER_BYTES];
	size_t length = request_answer(request, strlen(request), answer);
	const char *got = length > 0 ? strstr(answer, "\r\n\r\n") : NULL;

	if (got == NULL || strncmp(answer + 9, status, 3) != 0 || strcmp(got + 4, body) != 0) {
		printf("%s: got %.*s\n", request, (int)length, answer);
		failures++;
	}
}

int main(void)
{
	expect("GET /healthz HTTP/1.1\r\n\r\n", "200", "{\"status\":\"ok\"}");
	expect("GET /hello?name=Ada HTTP/1.1\r\n\r\n", "200", "{\"hello\":\"Ada\"}");
	expect("GET /hello?name= HTTP/1.1\r\n\r\n", "400", "{\"error\":\"give a name of letters and digits\"}");
	expect("GET /hello?name=%22 HTTP/1.1\r\n\r\n", "400", "{\"error\":\"give a name of letters and digits\"}");
	expect("GET / HTTP/1.1\r\n\r\n", "404", "{\"error\":\"not found\"}");
	expect("GET /healthzz HTTP/1.1\r\n\r\n", "404", "{\"error\":\"not found\"}");
	expect("POST /healthz HTTP/1.1\r\n\r\n", "405", "{\"error\":\"only GET\"}");
	expect("GET /healthz", "400", "{\"error\":\"no version\"}");
	expect("", "405", "{\"error\":\"only GET\"}");
	if (request_is_complete("GET / HTTP/1.1\r\n", 16) || !request_is_complete("GET / HTTP/1.1\r\n\r\n", 18))
		failures++;
	puts(failures == 0 ? "all requests answered" : "tests failed");
	return failures != 0;
}

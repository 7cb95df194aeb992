/*
 * loopback.h: an HTTP server for tests, on a free port of 127.0.0.1, that answers and fails as it is told.
 *
 * One thread serves one connection after another.  A request is read whole before the test's function is called, in
 * the server's thread; loopback_stop() joins it, after which what the function noted can be looked at.
 */
#ifndef TESTS_APP_LOOPBACK_H
#define TESTS_APP_LOOPBACK_H

#include "text.h"

struct loopback_request {
	char method[16];
	char target[1024];
	struct text head; /* request line and header lines */
	struct text body;
};

struct loopback_answer {
	struct text bytes; /* sent as they are */
	size_t piece;      /* bytes at a time, 0: all at once ... */
	unsigned pause_ms; /* ... with so much between them */
	unsigned delay_ms; /* before the first byte */
	int reset;         /* after the bytes, end the connection with RST */
	int hang;          /* after the bytes, say nothing until the client goes */
};

typedef void (*loopback_fn)(void *user, const struct loopback_request *request, struct loopback_answer *answer);

struct loopback;
struct loopback *loopback_start(loopback_fn answer, void *user);
void loopback_stop(struct loopback *loopback);

/* "http://127.0.0.1:PORT" and a path; good until the server is stopped. */
const char *loopback_url(struct loopback *loopback, const char *path);

/* A whole answer; `headers` are lines that end in CR LF, or "". */
void loopback_say(struct loopback_answer *answer, int status, const char *headers, const char *body, size_t length);

/* The value of a request's header, "" when it is not there; in a static buffer. */
const char *loopback_header(const struct loopback_request *request, const char *name);

#endif

/*
 * http.h: one request to an HTTP server and its answer, with a deadline and a limit for everything.
 *
 * Redirects are not followed: a key that is meant for one host must not reach another.  A secret header is sent over
 * TLS, or to this machine, and nowhere else; it is never part of an error.  Nothing is asked twice here: whether to
 * try again is for the caller, who has http_can_retry() and the wait that the server asked for.
 */
#ifndef SKAFU_APP_HTTP_H
#define SKAFU_APP_HTTP_H

#include "text.h"

#define HTTP_TIMEOUT_MS 30000
#define HTTP_BODY_BYTES ((size_t)8 << 20)
#define HTTP_HEAD_BYTES ((size_t)64 << 10)

/* Gets the body of a good answer (2xx) as it comes; another result than 0 ends the call. */
typedef int32_t (*http_bytes_fn)(void *user, const char *bytes, size_t length);

struct http_request {
	const char *method; /* NULL: GET */
	const char *url;
	const char *const *headers; /* "Name: value", ended by NULL; may be NULL */
	const char *secret_header;  /* one more that nobody may see; may be NULL */
	const void *body;           /* may be NULL */
	size_t body_length;
	uint32_t timeout_ms; /* of the whole call; 0: HTTP_TIMEOUT_MS */
	uint32_t silence_ms; /* how long nothing may come, counted in seconds; 0: as long as the whole call */
	size_t limit;        /* of the answer's body; 0: HTTP_BODY_BYTES */
	http_bytes_fn on_bytes;
	void *user;
};

struct http_answer {
	int status;
	struct text head;       /* the header lines */
	struct text body;       /* empty where on_bytes got it */
	int64_t retry_after_ms; /* what the server asked to wait; -1: it said nothing */
};

/*
 * SKAFU_OK for every answer that came whole, whatever its status.  SKAFU_ETIMEOUT; SKAFU_ELIMIT: the answer is too
 * large; SKAFU_EIO: no connection, or it broke off; SKAFU_EACCESS: the secret may not go there, or the certificate is
 * not trusted; SKAFU_EINVAL: no such URL; or what on_bytes returned.  The answer holds what came until then; free it
 * in any case.
 */
int32_t http_call(const struct http_request *request, struct http_answer *out_answer, skafu_error *error);
void http_answer_free(struct http_answer *answer);

/* May a secret be sent to this URL: over TLS, or to this machine? */
int http_is_private(const char *url);

/* The value of a header, "" when there is none; it is cut to the size. */
void http_header(const struct http_answer *answer, const char *name, char *out_value, size_t size);

/*
 * What the status means: SKAFU_OK for 2xx, SKAFU_EBUSY for 429, 503 and 529 (come back later), SKAFU_EACCESS for 401
 * and 403, SKAFU_ENOTFOUND, SKAFU_EEXISTS for 409, SKAFU_EIO for other 5xx, else SKAFU_EINVAL.  `who` and `detail`
 * go into the sentence.
 */
int32_t http_result(const struct http_answer *answer, const char *who, const char *detail, skafu_error *error);

/* May the same call succeed later? */
int http_can_retry(int32_t result);

#endif

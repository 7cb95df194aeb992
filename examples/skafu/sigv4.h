/*
 * sigv4.h: the signature of a request to AWS and to stores that speak its language, version 4.
 *
 * The secret key never leaves this machine: what is sent is an HMAC over the request, under a key derived from it for
 * one day, one region and one service.
 */
#ifndef SKAFU_APP_SIGV4_H
#define SKAFU_APP_SIGV4_H

#include "hash.h"
#include "text.h"

struct sigv4_credentials {
	const char *access_key;
	const char *secret_key;
	const char *region;
	const char *service;
};

struct sigv4_header {
	const char *name;  /* in lower case */
	const char *value; /* without blanks around it */
};

struct sigv4_request {
	const char *method;
	const char *path;                   /* encoded, "/bucket/key" */
	const char *query;                  /* encoded and in order, "a=1&b="; "" for none */
	const struct sigv4_header *headers; /* in the order of their names; "host" is one of them */
	size_t header_count;
	const char *payload_hash; /* SHA-256 of the body in hexadecimal digits */
	const char *time;         /* "20130524T000000Z" */
};

/* Add the value of the Authorization header.  SKAFU_EINVAL, SKAFU_ELIMIT, SKAFU_ENOMEM. */
int32_t sigv4_sign(const struct sigv4_credentials *credentials, const struct sigv4_request *request,
		   struct text *out_authorization);

/* Add a path as S3 wants it: every byte but letters, digits, '-', '.', '_', '~' and '/' as %XX. */
int32_t sigv4_encode_path(const char *path, struct text *out);

#endif

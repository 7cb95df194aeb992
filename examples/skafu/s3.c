/*
 * s3.c: four requests, all signed alike.
 */
#include "s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http.h"
#include "sigv4.h"

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : otherwise;
}

int s3_from_environment(struct s3 *out_settings)
{
	*out_settings = (struct s3){
		.endpoint = setting("S3_ENDPOINT", NULL),
		.bucket = setting("S3_BUCKET", NULL),
		.region = setting("S3_REGION", "us-east-1"),
		.prefix = setting("S3_PREFIX", NULL),
		.access_key = setting("AWS_ACCESS_KEY_ID", NULL),
		.secret_key = setting("AWS_SECRET_ACCESS_KEY", NULL),
		.session_token = setting("AWS_SESSION_TOKEN", NULL),
	};
	return out_settings->endpoint != NULL && out_settings->bucket != NULL && out_settings->access_key != NULL &&
	       out_settings->secret_key != NULL;
}

/* ---- one request ---- */

struct exchange {
	const struct s3 *settings;
	const char *method;
	const char *key;
	const void *body;
	size_t length;
	struct text path;
	struct text url;
	struct text authorization;
	char host[256];
	char time[32];
	char hash[HASH_TEXT_BYTES];
	char token[4096];
};

/* The host as it is sent in the header: what stands between "//" and the next '/'. */
static int32_t address(struct exchange *exchange)
{
	const struct s3 *settings = exchange->settings;
	const char *host = strstr(settings->endpoint, "//");
	struct text plain = {0};
	size_t length;
	int32_t rc;

	if (host == NULL)
		return SKAFU_EINVAL;
	host += 2;
	length = strcspn(host, "/");
	if (length == 0 || length >= sizeof exchange->host || (host[length] == '/' && host[length + 1] != '\0'))
		return SKAFU_EINVAL;
	snprintf(exchange->host, sizeof exchange->host, "%.*s", (int)length, host);
	rc = text_add_format(&plain, "/%s/%s%s", settings->bucket, settings->prefix != NULL ? settings->prefix : "",
			     exchange->key);
	if (rc == SKAFU_OK)
		rc = sigv4_encode_path(plain.bytes, &exchange->path);
	if (rc == SKAFU_OK)
		rc = text_add_format(&exchange->url, "%.*s%s", (int)(host + length - settings->endpoint),
				     settings->endpoint, exchange->path.bytes);
	text_free(&plain);
	return rc;
}

static int32_t sign(struct exchange *exchange)
{
	const struct s3 *settings = exchange->settings;
	struct sigv4_credentials credentials = {settings->access_key, settings->secret_key, settings->region, "s3"};
	struct sigv4_header headers[] = {{"host", exchange->host},
					 {"x-amz-content-sha256", exchange->hash},
					 {"x-amz-date", exchange->time},
					 {"x-amz-security-token", settings->session_token}};
	struct sigv4_request request = {.method = exchange->method,
					.path = exchange->path.bytes,
					.query = "",
					.headers = headers,
					.header_count = settings->session_token != NULL ? 4 : 3,
					.payload_hash = exchange->hash,
					.time = exchange->time};
	time_t now = (time_t)(skafu_time_now() / 1000000000);
	struct tm parts;

	gmtime_r(&now, &parts);
	strftime(exchange->time, sizeof exchange->time, "%Y%m%dT%H%M%SZ", &parts);
	hash_sha256_text(exchange->body, exchange->length, exchange->hash);
	return sigv4_sign(&credentials, &request, &exchange->authorization);
}

static int32_t send_signed(struct exchange *exchange, struct http_answer *answer, skafu_error *error)
{
	const struct s3 *settings = exchange->settings;
	char hash[128];
	char date[64];
	struct text authorization = {0};
	const char *headers[] = {hash, date, NULL, NULL};
	struct http_request request = {.method = exchange->method, .url = exchange->url.bytes, .headers = headers};
	int32_t rc = text_add_format(&authorization, "Authorization: %s", exchange->authorization.bytes);

	snprintf(hash, sizeof hash, "x-amz-content-sha256: %s", exchange->hash);
	snprintf(date, sizeof date, "x-amz-date: %s", exchange->time);
	headers[2] = authorization.bytes;
	if (settings->session_token != NULL) {
		/* The token alone is as good as a key; a signature is not. */
		snprintf(exchange->token, sizeof exchange->token, "x-amz-security-token: %s",
			 settings->session_token);
		request.secret_header = exchange->token;
	}
	request.body = strcmp(exchange->method, "PUT") == 0 ? exchange->body : NULL;
	request.body_length = exchange->length;
	request.timeout_ms = settings->timeout_ms;
	request.limit = BLOB_BYTES;
	rc = rc != SKAFU_OK ? failed_text(error, rc, "a request") : http_call(&request, answer, error);
	text_free(&authorization);
	return rc;
}

/* S3 says why in XML; its code is enough for a sentence. */
static void reason(const struct http_answer *answer, char *out, size_t size)
{
	const char *code = strstr(text_string(&answer->body), "<Code>");

	out[0] = '\0';
	if (code != NULL)
		snprintf(out, size, "%.*s", (int)strcspn(code + 6, "<"), code + 6);
}

static int32_t exchange_one(const struct s3 *settings, const char *method, const char *key, const void *body,
			    size_t length, struct http_answer *answer, skafu_error *error)
{
	struct exchange exchange = {
		.settings = settings, .method = method, .key = key, .body = body, .length = length};
	char why[128];
	int32_t rc = address(&exchange);

	*answer = (struct http_answer){0};
	if (rc == SKAFU_EINVAL)
		failed(error, rc, "S3_ENDPOINT is not of the form https://HOST.");
	if (rc == SKAFU_OK)
		rc = failed_text(error, sign(&exchange), "a signature");
	if (rc == SKAFU_OK)
		rc = send_signed(&exchange, answer, error);
	if (rc == SKAFU_OK) {
		reason(answer, why, sizeof why);
		rc = http_result(answer, "The object store", why, error);
	}
	text_free(&exchange.path);
	text_free(&exchange.url);
	text_free(&exchange.authorization);
	return rc;
}

/* ---- the four ---- */

int32_t s3_put(const struct s3 *settings, const char *key, const void *bytes, size_t length, skafu_error *error)
{
	struct http_answer answer;
	int32_t rc = exchange_one(settings, "PUT", key, length > 0 ? bytes : "", length, &answer, error);

	http_answer_free(&answer);
	return rc;
}

int32_t s3_get(const struct s3 *settings, const char *key, struct text *out_bytes, skafu_error *error)
{
	struct http_answer answer;
	int32_t rc = exchange_one(settings, "GET", key, "", 0, &answer, error);

	if (rc == SKAFU_OK)
		rc = failed_text(error, text_add(out_bytes, text_string(&answer.body), answer.body.length),
				 "an object");
	http_answer_free(&answer);
	return rc;
}

int32_t s3_head(const struct s3 *settings, const char *key, uint64_t *out_bytes, skafu_error *error)
{
	struct http_answer answer;
	char length[32];
	int32_t rc = exchange_one(settings, "HEAD", key, "", 0, &answer, error);

	if (rc == SKAFU_OK) {
		http_header(&answer, "content-length", length, sizeof length);
		*out_bytes = strtoull(length, NULL, 10);
	}
	http_answer_free(&answer);
	return rc;
}

int32_t s3_delete(const struct s3 *settings, const char *key, skafu_error *error)
{
	struct http_answer answer;
	int32_t rc = exchange_one(settings, "DELETE", key, "", 0, &answer, error);

	http_answer_free(&answer);
	return rc;
}

/* ---- the remote ---- */

static int32_t remote_put(void *user, const char *name, const void *bytes, size_t length, skafu_error *error)
{
	uint64_t there = 0;

	/* Names are content: what is there need not be sent again. */
	if (s3_head(user, name, &there, NULL) == SKAFU_OK && there == length)
		return SKAFU_OK;
	return s3_put(user, name, bytes, length, error);
}

static int32_t remote_get(void *user, const char *name, struct text *out_bytes, skafu_error *error)
{
	return s3_get(user, name, out_bytes, error);
}

struct blob_remote s3_remote(const struct s3 *settings)
{
	return (struct blob_remote){(void *)(uintptr_t)settings, remote_put, remote_get};
}

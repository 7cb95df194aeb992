/*
 * s3.h: objects in S3, or in any store that speaks its language, as a remote of the blobs.
 *
 * The environment says where: S3_ENDPOINT ("https://s3.eu-central-1.amazonaws.com", "http://127.0.0.1:9000"),
 * S3_BUCKET, S3_REGION (us-east-1), S3_PREFIX (before every key), and AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN as everywhere.  Buckets are part of the path, not of the host's name.
 */
#ifndef SKAFU_APP_S3_H
#define SKAFU_APP_S3_H

#include "blob.h"

struct s3 {
	const char *endpoint;
	const char *bucket;
	const char *region;
	const char *prefix; /* may be NULL */
	const char *access_key;
	const char *secret_key;
	const char *session_token; /* may be NULL */
	uint32_t timeout_ms;       /* 0: that of http.h */
};

/* 1 when endpoint, bucket and keys are there.  The texts belong to the environment. */
int s3_from_environment(struct s3 *out_settings);

/* SKAFU_ENOTFOUND: no such object (or bucket); SKAFU_EACCESS: the signature or the rights; and the results of
 * http_call() and http_result(). */
int32_t s3_put(const struct s3 *settings, const char *key, const void *bytes, size_t length, skafu_error *error);
int32_t s3_get(const struct s3 *settings, const char *key, struct text *out_bytes, skafu_error *error);
int32_t s3_head(const struct s3 *settings, const char *key, uint64_t *out_bytes, skafu_error *error);
int32_t s3_delete(const struct s3 *settings, const char *key, skafu_error *error); /* one that is not there is fine */

/* The remote over these settings, which must outlive it. */
struct blob_remote s3_remote(const struct s3 *settings);

#endif

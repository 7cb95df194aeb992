/*
 * sigv4.c: canonical request, text to sign, derived key, signature.
 */
#include "sigv4.h"

#include <stdio.h>
#include <string.h>

int32_t sigv4_encode_path(const char *path, struct text *out)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
	int32_t rc = SKAFU_OK;

	for (; *path != '\0' && rc == SKAFU_OK; path++) {
		if (strchr(plain, *path) != NULL)
			rc = text_add(out, path, 1);
		else
			rc = text_add_format(out, "%%%02X", (unsigned)(unsigned char)*path);
	}
	return rc;
}

static int32_t add_signed_headers(const struct sigv4_request *request, struct text *out)
{
	int32_t rc = SKAFU_OK;

	for (size_t i = 0; i < request->header_count && rc == SKAFU_OK; i++)
		rc = text_add_format(out, "%s%s", i > 0 ? ";" : "", request->headers[i].name);
	return rc;
}

/* The request in the one form that both sides can compute. */
static int32_t add_canonical(const struct sigv4_request *request, struct text *out)
{
	int32_t rc = text_add_format(out, "%s\n%s\n%s\n", request->method, request->path, request->query);

	for (size_t i = 0; i < request->header_count && rc == SKAFU_OK; i++)
		rc = text_add_format(out, "%s:%s\n", request->headers[i].name, request->headers[i].value);
	if (rc == SKAFU_OK)
		rc = text_add_string(out, "\n");
	if (rc == SKAFU_OK)
		rc = add_signed_headers(request, out);
	if (rc == SKAFU_OK)
		rc = text_add_format(out, "\n%s", request->payload_hash);
	return rc;
}

static int32_t derive_key(const struct sigv4_credentials *credentials, const char *time, uint8_t key[32])
{
	const char *const steps[] = {credentials->region, credentials->service, "aws4_request"};
	struct text secret = {0};
	int32_t rc = text_add_format(&secret, "AWS4%s", credentials->secret_key);

	if (rc == SKAFU_OK)
		hash_hmac(secret.bytes, secret.length, time, 8, key);
	for (size_t i = 0; i < 3 && rc == SKAFU_OK; i++)
		hash_hmac(key, HASH_BYTES, steps[i], strlen(steps[i]), key);
	if (secret.bytes != NULL)
		memset(secret.bytes, 0, secret.length);
	text_free(&secret);
	return rc;
}

int32_t sigv4_sign(const struct sigv4_credentials *credentials, const struct sigv4_request *request,
		   struct text *out_authorization)
{
	struct text canonical = {0};
	struct text to_sign = {0};
	char scope[256];
	char hash[HASH_TEXT_BYTES];
	uint8_t key[HASH_BYTES];
	int32_t rc;

	if (strlen(request->time) != 16 ||
	    (size_t)snprintf(scope, sizeof scope, "%.8s/%s/%s/aws4_request", request->time, credentials->region,
			     credentials->service) >= sizeof scope)
		return SKAFU_EINVAL;
	rc = add_canonical(request, &canonical);
	if (rc == SKAFU_OK)
		rc = derive_key(credentials, request->time, key);
	if (rc == SKAFU_OK) {
		hash_sha256_text(canonical.bytes, canonical.length, hash);
		rc = text_add_format(&to_sign, "AWS4-HMAC-SHA256\n%s\n%s\n%s", request->time, scope, hash);
	}
	if (rc == SKAFU_OK) {
		hash_hmac(key, HASH_BYTES, to_sign.bytes, to_sign.length, key);
		hash_format(key, hash);
		rc = text_add_format(out_authorization,
				     "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", credentials->access_key,
				     scope);
	}
	if (rc == SKAFU_OK)
		rc = add_signed_headers(request, out_authorization);
	if (rc == SKAFU_OK)
		rc = text_add_format(out_authorization, ", Signature=%s", hash);
	text_free(&canonical);
	text_free(&to_sign);
	return rc;
}

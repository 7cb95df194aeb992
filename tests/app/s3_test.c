/*
 * s3_test.c: objects against a store that checks every signature anew, from the bytes that arrived.
 */
#include "s3.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/kit.h"
#include "app/loopback.h"

#define ACCESS "AKIAIOSFODNN7EXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

/* ---- a store with one place ---- */

struct shelf {
	char target[1024]; /* of the object that is there */
	struct text bytes;
	int requests;
	int refused;
	int puts;
	int fail_with; /* a status for everything, 0: none */
};

static void hmac(const uint8_t *key, size_t key_length, const char *text, size_t length, uint8_t out[32])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, key_length);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)text, length);
	crypto_auth_hmacsha256_final(&state, out);
}

static void hex_of(const char *bytes, size_t length, char out[65])
{
	uint8_t hash[32];

	crypto_hash_sha256(hash, (const uint8_t *)bytes, length);
	sodium_bin2hex(out, 65, hash, 32);
}

/* The signature that the request should have, made of what it says of itself and of the secret that both know. */
static void expected_signature(const struct loopback_request *request, const char *signed_names, char out[65])
{
	char canonical[8192];
	char to_sign[1024];
	char hash[65];
	char names[512];
	char date[32];
	uint8_t key[32];
	int at = snprintf(canonical, sizeof canonical, "%s\n%s\n\n", request->method, request->target);

	snprintf(names, sizeof names, "%s", signed_names);
	for (char *name = strtok(names, ";"); name != NULL; name = strtok(NULL, ";"))
		at += snprintf(canonical + at, sizeof canonical - (size_t)at, "%s:%s\n", name,
			       loopback_header(request, name));
	at += snprintf(canonical + at, sizeof canonical - (size_t)at, "\n%s\n%s", signed_names,
		       loopback_header(request, "x-amz-content-sha256"));
	hex_of(canonical, (size_t)at, hash);
	snprintf(date, sizeof date, "%s", loopback_header(request, "x-amz-date"));
	snprintf(to_sign, sizeof to_sign, "AWS4-HMAC-SHA256\n%s\n%.8s/eu-test-1/s3/aws4_request\n%s", date, date,
		 hash);
	hmac((const uint8_t *)"AWS4" SECRET, strlen("AWS4" SECRET), date, 8, key);
	hmac(key, 32, "eu-test-1", 9, key);
	hmac(key, 32, "s3", 2, key);
	hmac(key, 32, "aws4_request", 12, key);
	hmac(key, 32, to_sign, strlen(to_sign), key);
	sodium_bin2hex(out, 65, key, 32);
}

static int is_signed(const struct loopback_request *request)
{
	char authorization[1024];
	char names[512] = "";
	char signature[65] = "";
	char expected[65];
	char hash[65];
	const char *at;

	snprintf(authorization, sizeof authorization, "%s", loopback_header(request, "authorization"));
	at = strstr(authorization, "SignedHeaders=");
	if (strstr(authorization, "Credential=" ACCESS "/") == NULL || at == NULL ||
	    sscanf(at, "SignedHeaders=%511[^,], Signature=%64s", names, signature) != 2)
		return 0;
	expected_signature(request, names, expected);
	hex_of(text_string(&request->body), request->body.length, hash);
	return strcmp(expected, signature) == 0 && strstr(names, "host;x-amz-content-sha256;x-amz-date") == names &&
	       strcmp(hash, loopback_header(request, "x-amz-content-sha256")) == 0;
}

static void serve(void *user, const struct loopback_request *request, struct loopback_answer *answer)
{
	static const char no_key[] = "<?xml?><Error><Code>NoSuchKey</Code><Message>m</Message></Error>";
	static const char denied[] = "<Error><Code>SignatureDoesNotMatch</Code></Error>";
	struct shelf *shelf = user;
	int there = strcmp(request->target, shelf->target) == 0;

	shelf->requests++;
	if (shelf->fail_with != 0) {
		loopback_say(answer, shelf->fail_with, "", "", 0);
	} else if (!is_signed(request)) {
		shelf->refused++;
		loopback_say(answer, 403, "", denied, strlen(denied));
	} else if (strcmp(request->method, "PUT") == 0) {
		shelf->puts++;
		snprintf(shelf->target, sizeof shelf->target, "%s", request->target);
		text_clear(&shelf->bytes);
		text_add(&shelf->bytes, text_string(&request->body), request->body.length);
		loopback_say(answer, 200, "", "", 0);
	} else if (strcmp(request->method, "DELETE") == 0) {
		shelf->target[0] = there ? '\0' : shelf->target[0];
		text_add_string(&answer->bytes, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
	} else if (!there) {
		loopback_say(answer, 404, "", no_key, request->method[0] == 'H' ? 0 : strlen(no_key));
	} else if (strcmp(request->method, "HEAD") == 0) {
		text_add_format(&answer->bytes, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
				shelf->bytes.length);
	} else {
		loopback_say(answer, 200, "", text_string(&shelf->bytes), shelf->bytes.length);
	}
}

static struct shelf shelf;
static struct loopback *server;
static struct s3 settings;

static void begin(void)
{
	static char endpoint[64];

	kit_begin();
	memset(&shelf, 0, sizeof shelf);
	server = loopback_start(serve, &shelf);
	snprintf(endpoint, sizeof endpoint, "%s", loopback_url(server, ""));
	settings = (struct s3){endpoint, "a-bucket", "eu-test-1", "blobs/", ACCESS, SECRET, NULL, 1000};
}

static void end(void)
{
	loopback_stop(server);
	text_free(&shelf.bytes);
	kit_end();
}

START_TEST(objects)
{
	struct text bytes = {0};
	uint64_t size = 0;

	kit_assert_error(s3_head(&settings, "key", &size, kit_error), SKAFU_ENOTFOUND);
	kit_assert_error(s3_get(&settings, "key", &bytes, kit_error), SKAFU_ENOTFOUND);
	kit_assert_says("NoSuchKey");
	kit_assert_ok(s3_put(&settings, "key", "con\0tent", 8, kit_error));
	ck_assert_str_eq(shelf.target, "/a-bucket/blobs/key");
	kit_assert_ok(s3_head(&settings, "key", &size, kit_error));
	ck_assert_uint_eq(size, 8);
	kit_assert_ok(s3_get(&settings, "key", &bytes, kit_error));
	ck_assert_mem_eq(bytes.bytes, "con\0tent", 9);
	kit_assert_ok(s3_put(&settings, "empty", "", 0, kit_error));
	kit_assert_ok(s3_head(&settings, "empty", &size, kit_error));
	ck_assert_uint_eq(size, 0);
	kit_assert_ok(s3_delete(&settings, "empty", kit_error));
	kit_assert_error(s3_head(&settings, "empty", &size, kit_error), SKAFU_ENOTFOUND);
	kit_assert_ok(s3_put(&settings, "a b/\xc3\xa9+$.txt", "x", 1, kit_error));
	ck_assert_str_eq(shelf.target, "/a-bucket/blobs/a%20b/%C3%A9%2B%24.txt");
	settings.session_token = "a-session-token";
	kit_assert_ok(s3_head(&settings, "a b/\xc3\xa9+$.txt", &size, kit_error));
	ck_assert_int_eq(shelf.refused, 0);
	text_free(&bytes);
}
END_TEST

START_TEST(refusals)
{
	uint64_t size;

	settings.secret_key = "wrong";
	kit_assert_error(s3_put(&settings, "key", "x", 1, kit_error), SKAFU_EACCESS);
	kit_assert_says("SignatureDoesNotMatch");
	ck_assert_int_eq(shelf.refused, 1);
	settings.secret_key = SECRET;
	settings.region = "elsewhere-1";
	kit_assert_error(s3_put(&settings, "key", "x", 1, kit_error), SKAFU_EACCESS);
	settings.region = "eu-test-1";
	shelf.fail_with = 503;
	kit_assert_error(s3_put(&settings, "key", "x", 1, kit_error), SKAFU_EBUSY);
	shelf.fail_with = 500;
	kit_assert_error(s3_head(&settings, "key", &size, kit_error), SKAFU_EIO);
	settings.endpoint = "127.0.0.1";
	kit_assert_error(s3_put(&settings, "key", "x", 1, kit_error), SKAFU_EINVAL);
	settings.endpoint = "http://192.0.2.1";
	settings.session_token = "token";
	kit_assert_error(s3_put(&settings, "key", "x", 1, kit_error), SKAFU_EACCESS);
	kit_assert_says("without TLS");
}
END_TEST

START_TEST(a_remote_of_the_blobs)
{
	struct blob_remote remote = s3_remote(&settings);
	struct blob_store *store;
	struct text bytes = {0};
	char name[BLOB_NAME_BYTES];

	kit_assert_ok(blob_open(kit_path("blobs"), &remote, &store, kit_error));
	kit_assert_ok(blob_put(store, "abc", 3, name, kit_error));
	kit_assert_ok(blob_put(store, "abc", 3, name, kit_error));
	ck_assert_int_eq(shelf.puts, 1);
	kit_assert_ok(blob_delete(store, name, kit_error));
	kit_assert_ok(blob_get(store, name, &bytes, kit_error));
	ck_assert_str_eq(bytes.bytes, "abc");
	kit_assert_ok(blob_delete(store, name, kit_error));
	text_add_string(&shelf.bytes, "!");
	kit_assert_error(blob_get(store, name, &bytes, kit_error), SKAFU_EDAMAGED);
	blob_close(store);
	text_free(&bytes);
}
END_TEST

START_TEST(environment)
{
	struct s3 found;

	unsetenv("S3_ENDPOINT");
	unsetenv("S3_REGION");
	setenv("S3_BUCKET", "b", 1);
	setenv("AWS_ACCESS_KEY_ID", ACCESS, 1);
	setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
	ck_assert_int_eq(s3_from_environment(&found), 0);
	setenv("S3_ENDPOINT", "http://127.0.0.1:1", 1);
	ck_assert_int_eq(s3_from_environment(&found), 1);
	ck_assert_str_eq(found.region, "us-east-1");
	setenv("AWS_SECRET_ACCESS_KEY", "", 1);
	ck_assert_int_eq(s3_from_environment(&found), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("s3");
	TCase *tcase = tcase_create("s3");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, objects);
	tcase_add_test(tcase, refusals);
	tcase_add_test(tcase, a_remote_of_the_blobs);
	tcase_add_test(tcase, environment);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

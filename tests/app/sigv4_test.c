/*
 * sigv4_test.c: signatures that AWS published, from its test suite and from the manual of S3.
 */
#include "sigv4.h"

#include <string.h>

#include "app/kit.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct vector {
	const char *method;
	const char *path;
	const char *query;
	struct sigv4_header headers[6];
	const char *payload_hash;
	const char *signature;
};

static const struct sigv4_credentials suite_keys = {"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
						    "us-east-1", "service"};
static const struct sigv4_credentials manual_keys = {"AKIAIOSFODNN7EXAMPLE",
						     "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1", "s3"};

#define SUITE_HEADERS                                                                                                \
	{                                                                                                            \
		{"host", "example.amazonaws.com"},                                                                   \
		{                                                                                                    \
			"x-amz-date", "20150830T123600Z"                                                             \
		}                                                                                                    \
	}
#define MANUAL_HOST                                                                                                  \
	{                                                                                                            \
		"host", "examplebucket.s3.amazonaws.com"                                                             \
	}
#define MANUAL_DATE                                                                                                  \
	{                                                                                                            \
		"x-amz-date", "20130524T000000Z"                                                                     \
	}

static const struct vector suite_vectors[] = {
	{"GET", "/", "", SUITE_HEADERS, EMPTY, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
	{"GET", "/", "Param1=value1&Param2=value2", SUITE_HEADERS, EMPTY,
	 "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
	{"POST", "/", "", SUITE_HEADERS, EMPTY, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
};

static const struct vector manual_vectors[] = {
	{"GET",
	 "/test.txt",
	 "",
	 {MANUAL_HOST, {"range", "bytes=0-9"}, {"x-amz-content-sha256", EMPTY}, MANUAL_DATE},
	 EMPTY,
	 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
	{"PUT",
	 "/test%24file.text",
	 "",
	 {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
	  MANUAL_HOST,
	  {"x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"},
	  MANUAL_DATE,
	  {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
	 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
	 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
	{"GET",
	 "/",
	 "lifecycle=",
	 {MANUAL_HOST, {"x-amz-content-sha256", EMPTY}, MANUAL_DATE},
	 EMPTY,
	 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
	{"GET",
	 "/",
	 "max-keys=2&prefix=J",
	 {MANUAL_HOST, {"x-amz-content-sha256", EMPTY}, MANUAL_DATE},
	 EMPTY,
	 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void assert_signature(const struct sigv4_credentials *keys, const struct vector *vector, const char *time)
{
	struct sigv4_request request = {vector->method,       vector->path, vector->query, vector->headers, 0,
					vector->payload_hash, time};
	struct text out = {0};
	const char *signature;

	while (request.header_count < 6 && vector->headers[request.header_count].name != NULL)
		request.header_count++;
	ck_assert_int_eq(sigv4_sign(keys, &request, &out), SKAFU_OK);
	signature = strstr(out.bytes, "Signature=");
	ck_assert_ptr_nonnull(signature);
	ck_assert_str_eq(signature + 10, vector->signature);
	text_free(&out);
}

START_TEST(published_signatures)
{
	for (size_t i = 0; i < sizeof suite_vectors / sizeof *suite_vectors; i++)
		assert_signature(&suite_keys, &suite_vectors[i], "20150830T123600Z");
	for (size_t i = 0; i < sizeof manual_vectors / sizeof *manual_vectors; i++)
		assert_signature(&manual_keys, &manual_vectors[i], "20130524T000000Z");
}
END_TEST

START_TEST(the_whole_header)
{
	static const struct sigv4_header headers[] = SUITE_HEADERS;
	struct sigv4_request request = {"GET", "/", "", headers, 2, EMPTY, "20150830T123600Z"};
	struct text out = {0};

	ck_assert_int_eq(sigv4_sign(&suite_keys, &request, &out), SKAFU_OK);
	ck_assert_str_eq(out.bytes,
			 "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
			 "SignedHeaders=host;x-amz-date, "
			 "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
	text_free(&out);
	request.time = "today";
	ck_assert_int_eq(sigv4_sign(&suite_keys, &request, &out), SKAFU_EINVAL);
	ck_assert_uint_eq(out.length, 0);
}
END_TEST

START_TEST(paths)
{
	struct text out = {0};

	ck_assert_int_eq(sigv4_encode_path("/b/a b+c$\xc3\xa9~._-%", &out), SKAFU_OK);
	ck_assert_str_eq(out.bytes, "/b/a%20b%2Bc%24%C3%A9~._-%25");
	text_free(&out);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sigv4");
	TCase *tcase = tcase_create("sigv4");

	tcase_add_test(tcase, published_signatures);
	tcase_add_test(tcase, the_whole_header);
	tcase_add_test(tcase, paths);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

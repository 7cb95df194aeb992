/*
 * webhook_test.c: signatures against published values, real payloads, and what is missing in them.
 */
#include "webhook.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "app/kit.h"
#include "hash.h"

START_TEST(published_hashes)
{
	/* RFC 6234's value for "abc", RFC 4231's test cases 2 and 6. */
	char key[131];
	static const char text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t hash[HASH_BYTES];
	char hex[HASH_TEXT_BYTES];

	memset(key, 0xaa, sizeof key);

	hash_sha256_text("abc", 3, hex);
	ck_assert_str_eq(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_hmac("Jefe", 4, "what do ya want for nothing?", 28, hash);
	hash_format(hash, hex);
	ck_assert_str_eq(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	hash_hmac(key, sizeof key, text, sizeof text - 1, hash);
	hash_format(hash, hex);
	ck_assert_str_eq(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	ck_assert_int_eq(hash_parse(hex, hash), 1);
	ck_assert_int_eq(hash_parse("60e4", hash), 0);
	hex[0] = 'g';
	ck_assert_int_eq(hash_parse(hex, hash), 0);
}
END_TEST

START_TEST(signatures)
{
	/* The example in GitHub's manual. */
	static const char good[] = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
	static const char secret[] = "It's a Secret to Everybody";
	char changed[sizeof good];

	kit_assert_ok(webhook_check(secret, "Hello, World!", 13, good, kit_error));
	kit_assert_error(webhook_check(secret, "Hello, World?", 13, good, kit_error), SKAFU_EACCESS);
	kit_assert_error(webhook_check("other", "Hello, World!", 13, good, kit_error), SKAFU_EACCESS);
	kit_assert_error(webhook_check("", "Hello, World!", 13, good, kit_error), SKAFU_EACCESS);
	kit_assert_error(webhook_check(NULL, "Hello, World!", 13, good, kit_error), SKAFU_EACCESS);
	kit_assert_error(webhook_check(secret, "Hello, World!", 13, NULL, kit_error), SKAFU_EACCESS);
	kit_assert_error(webhook_check(secret, "Hello, World!", 13, "sha1=00", kit_error), SKAFU_EACCESS);
	for (size_t i = 0; i < sizeof good - 1; i++) {
		memcpy(changed, good, sizeof good);
		changed[i] = changed[i] == '0' ? '1' : '0';
		kit_assert_error(webhook_check(secret, "Hello, World!", 13, changed, kit_error), SKAFU_EACCESS);
	}
}
END_TEST

static int32_t map(const char *event, const char *delivery, const char *body, struct webhook_event *out)
{
	return webhook_map(event, delivery, body, strlen(body), out, kit_error);
}

#define STATUS(state)                                                                                                \
	"{\"deployment_status\":{\"state\":\"" state "\",\"created_at\":\"2024-01-02T03:04:05Z\"},"                  \
	"\"deployment\":{\"id\":7,\"environment\":\"production\",\"sha\":\"abc\"},"                                  \
	"\"repository\":{\"full_name\":\"o/r\"},\"sender\":{\"login\":\"ada\"}}"

START_TEST(becomes_an_event)
{
	struct webhook_event event;
	struct webhook_event again;
	char time[SKAFU_TIME_TEXT_BYTES];

	kit_assert_ok(map("deployment_status", "d-1", STATUS("error"), &event));
	ck_assert_str_eq(event.type, "DeploymentFailed");
	ck_assert_str_eq(event.repository, "o/r");
	ck_assert_str_eq(event.data.bytes,
			 "{\"deploymentId\":7,\"environment\":\"production\",\"sha\":\"abc\",\"state\":\"error\","
			 "\"repository\":\"o/r\",\"sender\":\"ada\"}");
	skafu_time_format(event.time_ns, time);
	ck_assert_str_eq(time, "2024-01-02T03:04:05Z");
	/* The same delivery has the same id, another one another, and without one the content decides. */
	kit_assert_ok(map("deployment_status", "d-1", STATUS("success"), &again));
	ck_assert_str_eq(again.type, "DeploymentCompleted");
	ck_assert_mem_eq(again.id, event.id, sizeof event.id);
	webhook_free(&again);
	kit_assert_ok(map("deployment_status", "d-2", STATUS("failure"), &again));
	ck_assert_str_eq(again.type, "DeploymentFailed");
	ck_assert_mem_ne(again.id, event.id, sizeof event.id);
	webhook_free(&again);
	webhook_free(&event);
	kit_assert_ok(map("deployment_status", NULL, STATUS("error"), &event));
	kit_assert_ok(map("deployment_status", NULL, STATUS("error"), &again));
	ck_assert_mem_eq(again.id, event.id, sizeof event.id);
	webhook_free(&again);
	kit_assert_ok(map("deployment_status", "", STATUS("failure"), &again));
	ck_assert_mem_ne(again.id, event.id, sizeof event.id);
	webhook_free(&again);
	webhook_free(&event);
}
END_TEST

START_TEST(ignored_and_refused)
{
	static const char *const ignored[][2] = {
		{"star", "{}"},
		{"deployment_status", STATUS("in_progress")},
		{"deployment_status", STATUS("inactive")},
		{"repository", "{\"action\":\"renamed\"}"},
		{"push", "{\"ref\":\"refs/tags/v1\"}"},
		{"push", "{\"ref\":\"refs/heads/x\",\"deleted\":true}"},
		{"workflow_run", "{\"action\":\"in_progress\"}"},
	};
	static const struct {
		const char *event;
		const char *body;
		int32_t code;
		const char *says;
	} refused[] = {
		{"push", "", SKAFU_EJSON, "not a JSON object"},
		{"push", "[]", SKAFU_EJSON, "not a JSON object"},
		{"push", "{\"ref\":\"refs/heads/x\"}", SKAFU_EINVAL, "\"after\""},
		{"repository", "{\"action\":\"created\"}", SKAFU_EINVAL, "\"id\""},
		{"repository", "{\"action\":\"created\",\"repository\":7}", SKAFU_EINVAL, "\"id\""},
		{"deployment", "{\"deployment\":{\"id\":1,\"environment\":\"e\",\"sha\":\"s\"}}", SKAFU_EINVAL,
		 "\"full_name\""},
		{"workflow_run", "{\"action\":\"completed\",\"workflow_run\":{\"id\":[],\"head_sha\":{}}}",
		 SKAFU_EINVAL, "\"id\""},
	};
	struct webhook_event event;

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) {
		kit_assert_ok(map(ignored[i][0], "d", ignored[i][1], &event));
		ck_assert_ptr_null(event.type);
		ck_assert_ptr_nonnull(event.ignored);
		webhook_free(&event);
	}
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		kit_assert_error(map(refused[i].event, "d", refused[i].body, &event), refused[i].code);
		kit_assert_says(refused[i].says);
		ck_assert_ptr_null(event.type);
		webhook_free(&event);
	}
}
END_TEST

static unsigned count_of(const char *type, const char *const *types, const unsigned *counts, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (strcmp(types[i], type) == 0)
			return counts[i];
	}
	return 0;
}

START_TEST(real_payloads)
{
	static const char *const types[] = {"CodePushed",        "WorkflowTriggered",   "WorkflowCompleted",
					    "DeploymentStarted", "DeploymentCompleted", "DeploymentFailed",
					    "RepositoryCreated"};
	unsigned counts[7] = {0};
	unsigned ignored = 0;
	struct text data = {0};
	char *line;

	if (!kit_data("github-webhooks.jsonl.xz", &data)) {
		printf("the real payloads are not here\n");
		return;
	}
	for (line = strtok(data.bytes, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		cJSON *json = cJSON_Parse(line);
		char *body = cJSON_PrintUnformatted(cJSON_GetObjectItem(json, "payload"));
		struct webhook_event event;

		kit_assert_ok(map(cJSON_GetStringValue(cJSON_GetObjectItem(json, "event")), NULL, body, &event));
		ignored += event.type == NULL;
		for (size_t i = 0; i < 7 && event.type != NULL; i++)
			counts[i] += strcmp(types[i], event.type) == 0;
		if (event.type != NULL) {
			ck_assert_ptr_nonnull(strchr(event.repository, '/'));
			ck_assert_int_gt(event.time_ns, 0);
		}
		webhook_free(&event);
		cJSON_free(body);
		cJSON_Delete(json);
	}
	ck_assert_uint_eq(count_of("CodePushed", types, counts, 7), 2);
	ck_assert_uint_eq(count_of("WorkflowTriggered", types, counts, 7), 2);
	ck_assert_uint_eq(count_of("WorkflowCompleted", types, counts, 7), 2);
	ck_assert_uint_eq(count_of("DeploymentStarted", types, counts, 7), 3);
	ck_assert_uint_eq(count_of("DeploymentCompleted", types, counts, 7), 2);
	ck_assert_uint_eq(count_of("RepositoryCreated", types, counts, 7), 2);
	ck_assert_uint_eq(ignored, 98 - 13);
	text_free(&data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("webhook");
	TCase *tcase = tcase_create("webhook");

	tcase_add_checked_fixture(tcase, kit_begin, kit_end);
	tcase_add_test(tcase, published_hashes);
	tcase_add_test(tcase, signatures);
	tcase_add_test(tcase, becomes_an_event);
	tcase_add_test(tcase, ignored_and_refused);
	tcase_add_test(tcase, real_payloads);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

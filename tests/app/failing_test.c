/*
 * failing_test.c: the parts that touch memory and disk, while the n-th thing that they ask of the machine fails, for
 * every n: once and from then on, with EIO and with ENOSPC.
 *
 * Whatever fails, a project is there whole or not at all, a blob is what its name says, an event has all of its
 * fields, and a failure has a code and a sentence.
 */
#include "fault/failing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyser.h"
#include "app/kit.h"
#include "blob.h"
#include "files.h"
#include "render.h"
#include "webhook.h"

struct scene {
	int (*prepare)(struct scene *scene);
	int32_t (*act)(struct scene *scene);
	const char *(*check)(struct scene *scene, int32_t rc); /* NULL, or what is wrong */
	struct webhook_event event;
	struct text out;
	char name[BLOB_NAME_BYTES];
};

static int scene_prepare(void *user)
{
	struct scene *scene = user;

	text_free(&scene->out);
	webhook_free(&scene->event);
	scene->name[0] = '\0';
	return scene->prepare != NULL ? scene->prepare(scene) : 0;
}

static int scene_act(void *user)
{
	struct scene *scene = user;

	skafu_error_clear(kit_error);
	return scene->act(scene);
}

static int scene_check(void *user, const struct failing_case *which, int result, char *why, size_t room)
{
	struct scene *scene = user;
	const char *wrong = scene->check(scene, result);

	if (wrong == NULL && result != SKAFU_OK && skafu_error_code(kit_error) != result)
		wrong = "the error has another code";
	if (wrong == NULL && result != SKAFU_OK && !which->hit)
		wrong = "it failed on its own";
	if (wrong == NULL)
		return 0;
	snprintf(why, room, "%s: %d, %s", wrong, result, skafu_error_message(kit_error));
	return 1;
}

static void run(struct scene *scene)
{
	struct failing_report report = {0};
	struct failing_test test = {
		.root = kit_folder, .prepare = scene_prepare, .act = scene_act, .check = scene_check, .user = scene};

	ck_assert_msg(failing_run(&test, &report) == 0, "%s", report.first);
	/* Under a sanitizer memory does not fail, and some parts ask for nothing else. */
	ck_assert_uint_ge(report.runs, failing_has_malloc() ? 20 : 0);
	text_free(&scene->out);
	webhook_free(&scene->event);
}

/* ---- render ---- */

static const struct value items[] = {{"name", "order"}};
static const struct values values = {items, 1};

static int prepare_template(struct scene *scene)
{
	(void)scene;
	files_remove(kit_path("out"));
	kit_write("t/template.json",
		  "{\"name\":\"t\",\"version\":\"1.0.0\",\"description\":\"d\",\"test\":[\"true\"],"
		  "\"variables\":{\"name\":{\"description\":\"d\"}}}");
	kit_write("t/files/a/{{name.upper}}", "Hello {{name | pascal}}\n");
	kit_write("t/files/b", "{{#if name}}yes{{else}}no{{/if}}");
	return 0;
}

static int32_t act_render(struct scene *scene)
{
	(void)scene;
	return render_project(kit_path("t"), &values, kit_path("out"), NULL, NULL, kit_error);
}

static int is_content(const char *name, const char *expected)
{
	char *content = kit_read(name);
	int same = content != NULL && strcmp(content, expected) == 0;

	free(content);
	return same;
}

static const char *check_project(struct scene *scene, int32_t rc)
{
	int there = kit_exists("out");

	(void)scene;
	if (rc == SKAFU_OK && !there)
		return "it said that the project is there";
	if (there && (!is_content("out/a/ORDER", "Hello Order\n") || !is_content("out/b", "yes")))
		return "a part of the project is there";
	return NULL;
}

START_TEST(render_all_or_nothing)
{
	struct scene scene = {.prepare = prepare_template, .act = act_render, .check = check_project};

	run(&scene);
}
END_TEST

static int32_t act_validate(struct scene *scene)
{
	struct faults faults = {0};
	int32_t rc = render_validate(kit_path("t"), &faults, kit_error);

	(void)scene;
	/* Not being able to look is a failure or a fault, never a good template. */
	if (rc == SKAFU_OK)
		rc = faults_result(&faults, kit_error);
	faults_free(&faults);
	return rc;
}

static const char *check_code(struct scene *scene, int32_t rc)
{
	(void)scene;
	return rc > 0 ? "a positive result" : NULL;
}

START_TEST(validate_fails_cleanly)
{
	struct scene scene = {.prepare = prepare_template, .act = act_validate, .check = check_code};

	run(&scene);
}
END_TEST

/* ---- blobs ---- */

static int prepare_blobs(struct scene *scene)
{
	(void)scene;
	files_remove(kit_path("blobs"));
	files_remove(kit_path("copy"));
	kit_write("in/a", "one");
	kit_write("in/b/c", "two");
	return 0;
}

static int32_t act_blobs(struct scene *scene)
{
	struct blob_store *store = NULL;
	int32_t rc = blob_open(kit_path("blobs"), NULL, &store, kit_error);

	if (rc == SKAFU_OK)
		rc = blob_put_folder(store, kit_path("in"), scene->name, kit_error);
	if (rc == SKAFU_OK)
		rc = blob_get_folder(store, scene->name, kit_path("copy"), kit_error);
	blob_close(store);
	return rc;
}

/* Is every file that has the name of a blob the blob of that name? */
static const char *check_named(const struct file_list *list, struct blob_store *store)
{
	for (size_t i = 0; i < list->count; i++) {
		char name[BLOB_NAME_BYTES];

		if (strncmp(list->entries[i].path, "new/", 4) == 0)
			continue;
		snprintf(name, sizeof name, "%.2s%s", list->entries[i].path, list->entries[i].path + 3);
		if (!blob_has(store, name))
			return "a blob is not what its name says";
	}
	return NULL;
}

static const char *check_blobs(struct scene *scene, int32_t rc)
{
	static const struct file_limits limits = {1000, UINT64_MAX, 8, NULL};
	struct file_list list = {0};
	struct blob_store *store = NULL;
	const char *wrong = NULL;

	if (rc != SKAFU_OK && scene->name[0] == '\0' && !kit_exists("blobs"))
		return NULL;
	if (blob_open(kit_path("blobs"), NULL, &store, NULL) != SKAFU_OK ||
	    files_list(kit_path("blobs"), &limits, &list, NULL) != SKAFU_OK)
		wrong = "the store cannot be opened";
	if (wrong == NULL)
		wrong = check_named(&list, store);
	if (wrong == NULL && scene->name[0] != '\0' && !blob_has(store, scene->name))
		wrong = "a name was given out, and its blob is not there";
	if (wrong == NULL && kit_exists("copy") && (!is_content("copy/a", "one") || !is_content("copy/b/c", "two")))
		wrong = "a part of the folder is there";
	if (wrong == NULL && rc == SKAFU_OK && !kit_exists("copy"))
		wrong = "it said that the folder is there";
	files_list_free(&list);
	blob_close(store);
	return wrong;
}

START_TEST(blobs_are_what_they_are_called)
{
	struct scene scene = {.prepare = prepare_blobs, .act = act_blobs, .check = check_blobs};

	run(&scene);
}
END_TEST

/* ---- events and analyses ---- */

#define PUSH                                                                                                         \
	"{\"ref\":\"refs/heads/main\",\"after\":\"abc\",\"before\":\"def\",\"commits\":[{}],\"head_commit\":"        \
	"{\"message\":\"m\",\"timestamp\":\"2024-01-02T03:04:05+01:00\"},\"repository\":{\"full_name\":\"o/r\"},"    \
	"\"sender\":{\"login\":\"ada\"}}"

static int32_t act_webhook(struct scene *scene)
{
	return webhook_map("push", "d", PUSH, sizeof PUSH - 1, &scene->event, kit_error);
}

static const char *check_webhook(struct scene *scene, int32_t rc)
{
	if (rc == SKAFU_OK &&
	    (scene->event.type == NULL ||
	     strcmp(text_string(&scene->event.data),
		    "{\"ref\":\"refs/heads/main\",\"sha\":\"abc\",\"previousSha\":\"def\",\"message\":\"m\","
		    "\"commits\":1,\"repository\":\"o/r\",\"sender\":\"ada\"}") != 0))
		return "the event is not whole";
	return rc != SKAFU_OK && scene->event.type != NULL ? "a failure gave an event" : NULL;
}

START_TEST(webhooks_give_whole_events)
{
	struct scene scene = {.act = act_webhook, .check = check_webhook};

	run(&scene);
}
END_TEST

static int32_t act_analyse(struct scene *scene)
{
	struct analysis analysis;
	int32_t rc = analyser_run(kit_path("in"), &analysis, kit_error);

	if (rc != SKAFU_OK)
		return rc;
	rc = analysis_write(&analysis, ANALYSER_NAME, ANALYSER_NOTE, &scene->out, kit_error);
	analysis_free(&analysis);
	return rc;
}

static const char *check_analysis(struct scene *scene, int32_t rc)
{
	size_t rules = 0;

	for (const char *at = text_string(&scene->out); (at = strstr(at, "\"rule\":")) != NULL; at++)
		rules++;
	return rc == SKAFU_OK && rules != 4 ? "a finding is missing" : NULL;
}

START_TEST(analyses_are_whole)
{
	struct scene scene = {.prepare = prepare_blobs, .act = act_analyse, .check = check_analysis};

	run(&scene);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("failing");
	TCase *tcase = tcase_create("failing");

	/* Thousands of runs, each with its flushes: in memory they take seconds. */
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);

	tcase_add_checked_fixture(tcase, kit_begin, kit_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, render_all_or_nothing);
	tcase_add_test(tcase, validate_fails_cleanly);
	tcase_add_test(tcase, blobs_are_what_they_are_called);
	tcase_add_test(tcase, webhooks_give_whole_events);
	tcase_add_test(tcase, analyses_are_whole);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

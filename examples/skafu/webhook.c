/*
 * webhook.c: the signature, and one small function for each kind of delivery.
 */
#include "webhook.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "hash.h"

/* ---- the signature ---- */

int32_t webhook_check(const char *secret, const void *body, size_t length, const char *signature, skafu_error *error)
{
	uint8_t expected[HASH_BYTES];
	uint8_t given[HASH_BYTES];

	if (secret == NULL || secret[0] == '\0')
		return failed(error, SKAFU_EACCESS, "There is no secret to check webhooks with.");
	if (signature == NULL || strncmp(signature, "sha256=", 7) != 0 || !hash_parse(signature + 7, given))
		return failed(error, SKAFU_EACCESS, "The webhook has no signature.");
	hash_hmac(secret, strlen(secret), body, length, expected);
	if (!hash_equal(expected, given))
		return failed(error, SKAFU_EACCESS, "The signature of the webhook is not that of our secret.");
	return SKAFU_OK;
}

/* ---- fields ---- */

struct mapping {
	const cJSON *payload;
	struct webhook_event *event;
	cJSON *data;
	const char *missing; /* the first field that should be there */
	int no_memory;       /* for a field that is there */
};

static const cJSON *find(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static const char *text_of(const cJSON *object, const char *key)
{
	const char *text = cJSON_GetStringValue(find(object, key));

	return text != NULL ? text : "";
}

/* Copy a field, a text or a number, when it is there. */
static void copy(struct mapping *mapping, const cJSON *object, const char *key, const char *as)
{
	const cJSON *item = find(object, key);
	cJSON *copied;

	if (!cJSON_IsString(item) && !cJSON_IsNumber(item))
		return;
	copied = cJSON_Duplicate(item, 0);
	if (!cJSON_AddItemToObject(mapping->data, as, copied)) {
		cJSON_Delete(copied);
		mapping->no_memory = 1;
	}
}

static void add_number(struct mapping *mapping, const char *as, double number)
{
	if (cJSON_AddNumberToObject(mapping->data, as, number) == NULL)
		mapping->no_memory = 1;
}

static void add_truth(struct mapping *mapping, const char *as, int truth)
{
	if (cJSON_AddBoolToObject(mapping->data, as, truth) == NULL)
		mapping->no_memory = 1;
}

static void need(struct mapping *mapping, const cJSON *object, const char *key, const char *as)
{
	const cJSON *item = find(object, key);

	if (!cJSON_IsString(item) && !cJSON_IsNumber(item) && mapping->missing == NULL)
		mapping->missing = key;
	copy(mapping, object, key, as);
}

static void set_time(struct mapping *mapping, const cJSON *object, const char *key)
{
	int64_t time_ns;

	if (skafu_time_parse(text_of(object, key), &time_ns) == SKAFU_OK)
		mapping->event->time_ns = time_ns;
}

static void ignore(struct mapping *mapping, const char *why)
{
	mapping->event->ignored = why;
}

static int has_action(const struct mapping *mapping, const char *action)
{
	return strcmp(text_of(mapping->payload, "action"), action) == 0;
}

/* ---- kinds ---- */

static void map_push(struct mapping *mapping)
{
	const cJSON *commit = find(mapping->payload, "head_commit");

	if (strncmp(text_of(mapping->payload, "ref"), "refs/heads/", 11) != 0) {
		ignore(mapping, "a push of a tag");
		return;
	}
	if (cJSON_IsTrue(find(mapping->payload, "deleted"))) {
		ignore(mapping, "a branch was deleted");
		return;
	}
	mapping->event->type = "CodePushed";
	need(mapping, mapping->payload, "ref", "ref");
	need(mapping, mapping->payload, "after", "sha");
	copy(mapping, mapping->payload, "before", "previousSha");
	copy(mapping, commit, "message", "message");
	add_number(mapping, "commits", cJSON_GetArraySize(find(mapping->payload, "commits")));
	set_time(mapping, commit, "timestamp");
}

static void map_workflow_run(struct mapping *mapping)
{
	const cJSON *run = find(mapping->payload, "workflow_run");
	int completed = has_action(mapping, "completed");

	if (!completed && !has_action(mapping, "requested")) {
		ignore(mapping, "a run that goes on");
		return;
	}
	mapping->event->type = completed ? "WorkflowCompleted" : "WorkflowTriggered";
	need(mapping, run, "id", "runId");
	copy(mapping, run, "run_number", "runNumber");
	copy(mapping, find(mapping->payload, "workflow"), "name", "workflow");
	copy(mapping, run, "event", "trigger");
	need(mapping, run, "head_sha", "sha");
	copy(mapping, run, "head_branch", "branch");
	copy(mapping, run, "html_url", "url");
	if (completed)
		need(mapping, run, "conclusion", "conclusion");
	set_time(mapping, run, completed ? "updated_at" : "created_at");
}

static void copy_deployment(struct mapping *mapping)
{
	const cJSON *deployment = find(mapping->payload, "deployment");

	need(mapping, deployment, "id", "deploymentId");
	need(mapping, deployment, "environment", "environment");
	copy(mapping, deployment, "ref", "ref");
	need(mapping, deployment, "sha", "sha");
	copy(mapping, deployment, "task", "task");
}

static void map_deployment(struct mapping *mapping)
{
	mapping->event->type = "DeploymentStarted";
	copy_deployment(mapping);
	set_time(mapping, find(mapping->payload, "deployment"), "created_at");
}

static void map_deployment_status(struct mapping *mapping)
{
	const cJSON *status = find(mapping->payload, "deployment_status");
	const char *state = text_of(status, "state");

	if (strcmp(state, "success") == 0) {
		mapping->event->type = "DeploymentCompleted";
	} else if (strcmp(state, "failure") == 0 || strcmp(state, "error") == 0) {
		mapping->event->type = "DeploymentFailed";
	} else {
		ignore(mapping, "a deployment that goes on, or an old one that was replaced");
		return;
	}
	copy_deployment(mapping);
	need(mapping, status, "state", "state");
	copy(mapping, status, "description", "description");
	copy(mapping, status, "target_url", "url");
	set_time(mapping, status, "created_at");
}

static void map_repository(struct mapping *mapping)
{
	const cJSON *repository = find(mapping->payload, "repository");

	if (!has_action(mapping, "created")) {
		ignore(mapping, "a change of a repository that was there");
		return;
	}
	mapping->event->type = "RepositoryCreated";
	need(mapping, repository, "id", "repositoryId");
	need(mapping, repository, "clone_url", "cloneUrl");
	copy(mapping, repository, "html_url", "url");
	copy(mapping, repository, "default_branch", "defaultBranch");
	add_truth(mapping, "private", cJSON_IsTrue(find(repository, "private")));
	set_time(mapping, repository, "created_at");
}

static const struct {
	const char *event;
	void (*map)(struct mapping *mapping);
} kinds[] = {
	{"push", map_push},
	{"workflow_run", map_workflow_run},
	{"deployment", map_deployment},
	{"deployment_status", map_deployment_status},
	{"repository", map_repository},
};

/* ---- mapping ---- */

static void map_kind(struct mapping *mapping, const char *event)
{
	mapping->event->ignored = "nothing here wants this kind of delivery";
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].event, event) == 0) {
			mapping->event->ignored = NULL;
			kinds[i].map(mapping);
		}
	}
	if (mapping->event->type == NULL)
		return;
	need(mapping, find(mapping->payload, "repository"), "full_name", "repository");
	copy(mapping, find(mapping->payload, "sender"), "login", "sender");
	snprintf(mapping->event->repository, sizeof mapping->event->repository, "%s",
		 text_of(find(mapping->payload, "repository"), "full_name"));
}

static int32_t finish(struct mapping *mapping, const char *event, skafu_error *error)
{
	char *json;
	int32_t rc;

	if (mapping->event->type == NULL)
		return SKAFU_OK;
	if (mapping->missing != NULL) {
		mapping->event->type = NULL;
		return failed(error, SKAFU_EINVAL, "The webhook \"%.64s\" has no field \"%s\".", event,
			      mapping->missing);
	}
	json = mapping->no_memory ? NULL : cJSON_PrintUnformatted(mapping->data);
	rc = json == NULL ? SKAFU_ENOMEM : text_add_string(&mapping->event->data, json);
	cJSON_free(json);
	if (rc != SKAFU_OK)
		mapping->event->type = NULL;
	return failed_text(error, rc, "the event of a webhook");
}

int32_t webhook_map(const char *event, const char *delivery, const char *body, size_t length,
		    struct webhook_event *out_event, skafu_error *error)
{
	char hash[HASH_TEXT_BYTES];
	cJSON *payload;
	struct mapping mapping = {.event = out_event};
	int32_t rc;

	*out_event = (struct webhook_event){0};
	if (length > WEBHOOK_BYTES)
		return failed(error, SKAFU_ELIMIT, "The webhook has more than %zu bytes.", WEBHOOK_BYTES);
	payload = cJSON_ParseWithLength(body, length);
	if (!cJSON_IsObject(payload)) {
		cJSON_Delete(payload);
		return failed(error, SKAFU_EJSON, "The webhook \"%.64s\" is not a JSON object.", event);
	}
	if (delivery == NULL || delivery[0] == '\0') {
		hash_sha256_text(body, length, hash);
		delivery = hash;
	}
	rc = skafu_id_from_text("github", delivery, out_event->id);
	mapping.payload = payload;
	mapping.data = cJSON_CreateObject();
	if (rc != SKAFU_OK) {
		rc = failed(error, rc, "The webhook's delivery id is no text that can be an id.");
	} else {
		map_kind(&mapping, event);
		rc = finish(&mapping, event, error);
	}
	cJSON_Delete(mapping.data);
	cJSON_Delete(payload);
	return rc;
}

void webhook_free(struct webhook_event *event)
{
	text_free(&event->data);
}

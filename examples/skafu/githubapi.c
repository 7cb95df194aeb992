/*
 * githubapi.c: four calls of the REST API.
 */
#include "githubapi.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define GITHUBAPI_URL "https://api.github.com"

int githubapi_from_environment(struct githubapi *out_settings)
{
	const char *token = getenv("GITHUB_TOKEN");
	const char *owner = getenv("GITHUB_OWNER");

	*out_settings = (struct githubapi){token, getenv("GITHUB_API_URL"), owner, 0};
	if (owner != NULL && owner[0] == '\0')
		out_settings->owner = NULL;
	return token != NULL && token[0] != '\0';
}

/* ---- names ---- */

static int is_name(const char *name, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

	return length > 0 && length <= 100 && strspn(name, letters) >= length && strncmp(name, "..", length) != 0;
}

static int is_full_name(const char *full_name)
{
	size_t owner = strcspn(full_name, "/");

	return is_name(full_name, owner) && full_name[owner] == '/' &&
	       is_name(full_name + owner + 1, strlen(full_name + owner + 1));
}

/* ---- answers ---- */

static const cJSON *find(const cJSON *object, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(object, key);
}

static void take(const cJSON *object, const char *key, char *out, size_t size)
{
	const char *text = cJSON_GetStringValue(find(object, key));

	snprintf(out, size, "%s", text != NULL ? text : "");
}

static int64_t number_of(const cJSON *object, const char *key)
{
	const cJSON *item = find(object, key);

	return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble < 9e15 ? (int64_t)item->valuedouble
											  : 0;
}

static int64_t header_number(const struct http_answer *answer, const char *name)
{
	char value[32];

	http_header(answer, name, value, sizeof value);
	return value[0] >= '0' && value[0] <= '9' ? strtoll(value, NULL, 10) : -1;
}

static struct githubapi_limit limit_of(const struct http_answer *answer)
{
	struct githubapi_limit limit = {header_number(answer, "x-ratelimit-remaining"), answer->retry_after_ms};
	int64_t reset = header_number(answer, "x-ratelimit-reset");
	int64_t now = skafu_time_now() / 1000000000;

	if (limit.remaining == 0 && limit.retry_after_ms < 0 && reset >= 0)
		limit.retry_after_ms = reset > now ? (reset - now) * 1000 : 0;
	return limit;
}

/* The message, and that of the first of the errors, which says what is wrong with which field. */
static void reason(const cJSON *json, char *out, size_t size)
{
	const cJSON *first = cJSON_GetArrayItem(find(json, "errors"), 0);
	char message[128];
	char detail[128];

	take(json, "message", message, sizeof message);
	take(first, "message", detail, sizeof detail);
	snprintf(out, size, "%s%s%s", message, detail[0] != '\0' ? ", " : "", detail);
}

static int32_t judge(const struct http_answer *answer, const cJSON *json, const struct githubapi_limit *limit,
		     skafu_error *error)
{
	char why[264];

	reason(json, why, sizeof why);
	if ((answer->status == 403 || answer->status == 429) && (limit->remaining == 0 || limit->retry_after_ms >= 0))
		return failed(error, SKAFU_EBUSY, "GitHub's rate limit is reached; it asks to wait %lld s.",
			      (long long)(limit->retry_after_ms < 0 ? 60 : limit->retry_after_ms / 1000));
	if (answer->status == 422 && strstr(why, "already exists") != NULL)
		return failed(error, SKAFU_EEXISTS, "GitHub has a repository of this name: %s.", why);
	return http_result(answer, "GitHub", why, error);
}

/* ---- calls ---- */

static int32_t send_call(const struct githubapi *settings, const char *method, const char *path, const char *body,
			 struct http_answer *answer, skafu_error *error)
{
	static const char *const headers[] = {"Accept: application/vnd.github+json",
					      "X-GitHub-Api-Version: 2022-11-28", "Content-Type: application/json",
					      NULL};
	char url[1024];
	char secret[512];
	struct http_request request = {.method = method, .url = url, .headers = headers, .secret_header = secret};

	*answer = (struct http_answer){.retry_after_ms = -1};
	if (settings->token == NULL || settings->token[0] == '\0' || strpbrk(settings->token, "\r\n") != NULL ||
	    (size_t)snprintf(secret, sizeof secret, "Authorization: Bearer %s", settings->token) >= sizeof secret)
		return failed(error, SKAFU_EACCESS, "There is no usable token; put one into GITHUB_TOKEN.");
	snprintf(url, sizeof url, "%s%s", settings->base_url != NULL ? settings->base_url : GITHUBAPI_URL, path);
	request.body = body;
	request.body_length = body != NULL ? strlen(body) : 0;
	request.timeout_ms = settings->timeout_ms;
	return http_call(&request, answer, error);
}

/* *out_json is to be deleted, also after a failure. */
static int32_t call(const struct githubapi *settings, const char *method, const char *path, const char *body,
		    cJSON **out_json, struct githubapi_limit *out_limit, skafu_error *error)
{
	struct http_answer answer;
	struct githubapi_limit limit;
	int32_t rc = send_call(settings, method, path, body, &answer, error);

	*out_json = cJSON_ParseWithLength(text_string(&answer.body), answer.body.length);
	limit = limit_of(&answer);
	if (out_limit != NULL)
		*out_limit = limit;
	if (rc == SKAFU_OK)
		rc = judge(&answer, *out_json, &limit, error);
	if (rc == SKAFU_OK && answer.status != 204 && !cJSON_IsObject(*out_json))
		rc = failed(error, SKAFU_EIO, "What GitHub answered is not a JSON object.");
	http_answer_free(&answer);
	return rc;
}

static int32_t take_repository(const cJSON *json, struct githubapi_repository *out, skafu_error *error)
{
	struct githubapi_repository repository = {.id = number_of(json, "id")};

	take(json, "full_name", repository.full_name, sizeof repository.full_name);
	take(json, "clone_url", repository.clone_url, sizeof repository.clone_url);
	take(json, "html_url", repository.html_url, sizeof repository.html_url);
	take(json, "default_branch", repository.default_branch, sizeof repository.default_branch);
	take(json, "description", repository.description, sizeof repository.description);
	repository.is_private = cJSON_IsTrue(find(json, "private"));
	if (repository.id == 0 || !is_full_name(repository.full_name) || repository.clone_url[0] == '\0')
		return failed(error, SKAFU_EIO, "What GitHub answered is not a repository.");
	*out = repository;
	return SKAFU_OK;
}

/* NULL without memory. */
static char *write_question(const char *name, const char *description, int is_private)
{
	cJSON *question = cJSON_CreateObject();
	char *body = NULL;

	if (cJSON_AddStringToObject(question, "name", name) != NULL &&
	    cJSON_AddStringToObject(question, "description", description) != NULL &&
	    cJSON_AddBoolToObject(question, "private", is_private) != NULL)
		body = cJSON_PrintUnformatted(question);
	cJSON_Delete(question);
	return body;
}

int32_t githubapi_create(const struct githubapi *settings, const char *name, const char *description, int is_private,
			 struct githubapi_repository *out_repository, struct githubapi_limit *out_limit,
			 skafu_error *error)
{
	char path[256] = "/user/repos";
	cJSON *json = NULL;
	char *body = write_question(name, description, is_private);
	int32_t rc;

	if (settings->owner != NULL)
		snprintf(path, sizeof path, "/orgs/%s/repos", settings->owner);
	if (!is_name(name, strlen(name)) ||
	    (settings->owner != NULL && !is_name(settings->owner, strlen(settings->owner))))
		rc = failed(error, SKAFU_EINVAL,
			    "A repository and its owner have names of letters, digits, '.', '-' and '_'.");
	else if (body == NULL)
		rc = failed(error, SKAFU_ENOMEM, "There is no memory for a request to GitHub.");
	else
		rc = call(settings, "POST", path, body, &json, out_limit, error);
	if (rc == SKAFU_OK)
		rc = take_repository(json, out_repository, error);
	cJSON_Delete(json);
	cJSON_free(body);
	return rc;
}

/* "/repos/OWNER/NAME" and what comes after it. */
static int32_t repository_path(const char *full_name, const char *rest, char *out, size_t size, skafu_error *error)
{
	if (!is_full_name(full_name))
		return failed(error, SKAFU_EINVAL, "\"%.200s\" is not of the form owner/name.", full_name);
	snprintf(out, size, "/repos/%s%s", full_name, rest);
	return SKAFU_OK;
}

int32_t githubapi_get(const struct githubapi *settings, const char *full_name,
		      struct githubapi_repository *out_repository, struct githubapi_limit *out_limit,
		      skafu_error *error)
{
	char path[512];
	cJSON *json = NULL;
	int32_t rc = repository_path(full_name, "", path, sizeof path, error);

	if (rc == SKAFU_OK)
		rc = call(settings, "GET", path, NULL, &json, out_limit, error);
	if (rc == SKAFU_OK)
		rc = take_repository(json, out_repository, error);
	cJSON_Delete(json);
	return rc;
}

int32_t githubapi_delete(const struct githubapi *settings, const char *full_name, struct githubapi_limit *out_limit,
			 skafu_error *error)
{
	char path[512];
	cJSON *json = NULL;
	int32_t rc = repository_path(full_name, "", path, sizeof path, error);

	if (rc == SKAFU_OK)
		rc = call(settings, "DELETE", path, NULL, &json, out_limit, error);
	cJSON_Delete(json);
	return rc == SKAFU_ENOTFOUND ? SKAFU_OK : rc;
}

static void take_run(const cJSON *json, struct githubapi_run *run)
{
	run->id = number_of(json, "id");
	take(json, "name", run->name, sizeof run->name);
	take(json, "event", run->event, sizeof run->event);
	take(json, "status", run->status, sizeof run->status);
	take(json, "conclusion", run->conclusion, sizeof run->conclusion);
	take(json, "head_sha", run->head_sha, sizeof run->head_sha);
	take(json, "html_url", run->html_url, sizeof run->html_url);
}

int32_t githubapi_runs(const struct githubapi *settings, const char *full_name, struct githubapi_run *out_runs,
		       size_t capacity, size_t *out_count, struct githubapi_limit *out_limit, skafu_error *error)
{
	char rest[64];
	char path[512];
	cJSON *json = NULL;
	const cJSON *item;
	size_t count = 0;
	int32_t rc;

	snprintf(rest, sizeof rest, "/actions/runs?per_page=%zu", capacity < 100 ? capacity : 100);
	rc = repository_path(full_name, rest, path, sizeof path, error);
	if (rc == SKAFU_OK)
		rc = call(settings, "GET", path, NULL, &json, out_limit, error);
	if (rc == SKAFU_OK && !cJSON_IsArray(find(json, "workflow_runs")))
		rc = failed(error, SKAFU_EIO, "What GitHub answered is not a list of workflow runs.");
	if (rc == SKAFU_OK) {
		cJSON_ArrayForEach(item, find(json, "workflow_runs"))
		{
			if (count < capacity)
				take_run(item, &out_runs[count++]);
		}
		*out_count = count;
	}
	cJSON_Delete(json);
	return rc;
}

/*
 * githubapi.h: repositories and workflow runs on GitHub.
 *
 * GITHUB_TOKEN is the key; GITHUB_API_URL replaces the address, and GITHUB_OWNER makes repositories belong to an
 * organisation and not to the token's user.  Files get there by localgit_push() to the repository's clone URL.
 */
#ifndef SKAFU_APP_GITHUBAPI_H
#define SKAFU_APP_GITHUBAPI_H

#include "text.h"

struct githubapi {
	const char *token;
	const char *base_url; /* NULL: the public one */
	const char *owner;    /* an organisation, or NULL: the token's user */
	uint32_t timeout_ms;  /* 0: that of http.h */
};

/* What the API said about its limits; SKAFU_EBUSY means that one is reached. */
struct githubapi_limit {
	int64_t remaining;      /* calls until the limit, -1: it did not say */
	int64_t retry_after_ms; /* how long to wait, -1: it did not say */
};

struct githubapi_repository {
	int64_t id;
	char full_name[201]; /* "owner/name" */
	char clone_url[512];
	char html_url[512];
	char default_branch[256];
	char description[256];
	int is_private;
};

struct githubapi_run {
	int64_t id;
	char name[128];
	char event[64];
	char status[32];     /* "queued", "in_progress", "completed" */
	char conclusion[32]; /* "success", "failure" ..., "" before the end */
	char head_sha[65];
	char html_url[512];
};

/* 1 when there is a token.  The texts belong to the environment. */
int githubapi_from_environment(struct githubapi *out_settings);

/*
 * The results are those of http_call() and http_result(), and: SKAFU_EBUSY for a rate limit, which GitHub reports as
 * 403 too; SKAFU_EEXISTS when the owner has a repository of this name; SKAFU_EINVAL for a name that cannot be one.
 * `out_limit` may be NULL.
 */
int32_t githubapi_create(const struct githubapi *settings, const char *name, const char *description, int is_private,
			 struct githubapi_repository *out_repository, struct githubapi_limit *out_limit,
			 skafu_error *error);
int32_t githubapi_get(const struct githubapi *settings, const char *full_name,
		      struct githubapi_repository *out_repository, struct githubapi_limit *out_limit,
		      skafu_error *error);

/* For compensation.  One that is not there is fine. */
int32_t githubapi_delete(const struct githubapi *settings, const char *full_name, struct githubapi_limit *out_limit,
			 skafu_error *error);

/* The latest workflow runs, the newest first, at most `capacity` (100). */
int32_t githubapi_runs(const struct githubapi *settings, const char *full_name, struct githubapi_run *out_runs,
		       size_t capacity, size_t *out_count, struct githubapi_limit *out_limit, skafu_error *error);

#endif

/*
 * localgit.c: git with an environment that holds nothing of the user's.
 */
#include "localgit.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "process.h"

#define LOCALGIT_VARIABLES 40
#define LOCALGIT_TIMEOUT_MS 120000

struct git {
	const char *folder;
	const char *variables[LOCALGIT_VARIABLES];
	size_t count;
	char author[300];
	char author_email[300];
	char author_date[64];
	char committer[300];
	char committer_email[300];
	char committer_date[64];
	char header[1024];
	struct text output;
	int status;
};

/* ---- the environment ---- */

static void add_variable(struct git *git, const char *variable)
{
	git->variables[git->count++] = variable;
}

static void set_environment(struct git *git)
{
	static const char *const fixed[] = {
		"HOME=/nonexistent",
		"LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_ALLOW_PROTOCOL=file:http:https",
		"GIT_CONFIG_KEY_0=core.hooksPath",
		"GIT_CONFIG_VALUE_0=/dev/null",
		"GIT_CONFIG_KEY_1=safe.directory", /* the folder may belong to another user, as in a container */
		"GIT_CONFIG_VALUE_1=*",
		"GIT_CONFIG_KEY_2=http.followRedirects",
		"GIT_CONFIG_VALUE_2=false",
		"GIT_CONFIG_KEY_3=core.autocrlf",
		"GIT_CONFIG_VALUE_3=false",
	};

	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		add_variable(git, fixed[i]);
}

static void set_author(struct git *git, const struct localgit_commit *commit)
{
	long long seconds = (long long)(commit->time_ns / 1000000000);

	snprintf(git->author, sizeof git->author, "GIT_AUTHOR_NAME=%s", commit->author);
	snprintf(git->author_email, sizeof git->author_email, "GIT_AUTHOR_EMAIL=%s", commit->email);
	snprintf(git->author_date, sizeof git->author_date, "GIT_AUTHOR_DATE=@%lld +0000", seconds);
	snprintf(git->committer, sizeof git->committer, "GIT_COMMITTER_NAME=%s", commit->author);
	snprintf(git->committer_email, sizeof git->committer_email, "GIT_COMMITTER_EMAIL=%s", commit->email);
	snprintf(git->committer_date, sizeof git->committer_date, "GIT_COMMITTER_DATE=@%lld +0000", seconds);
	add_variable(git, git->author);
	add_variable(git, git->author_email);
	add_variable(git, git->author_date);
	add_variable(git, git->committer);
	add_variable(git, git->committer_email);
	add_variable(git, git->committer_date);
}

static int32_t set_token(struct git *git, const char *token, skafu_error *error)
{
	static const char start[] = "GIT_CONFIG_VALUE_4=Authorization: Basic ";
	char user[512];
	size_t length = (size_t)snprintf(user, sizeof user, "x-access-token:%s", token);

	if (length >= sizeof user || strpbrk(token, "\r\n") != NULL)
		return failed(error, SKAFU_EACCESS, "The token for a push is not usable.");
	memcpy(git->header, start, sizeof start);
	sodium_bin2base64(git->header + sizeof start - 1, sizeof git->header - sizeof start, (unsigned char *)user,
			  length, sodium_base64_VARIANT_ORIGINAL);
	add_variable(git, "GIT_CONFIG_KEY_4=http.extraHeader");
	add_variable(git, git->header);
	return SKAFU_OK;
}

/* ---- running it ---- */

/* SKAFU_OK whenever git ran to its end; its status and output are in `git`. */
static int32_t run(struct git *git, const char *const *command, skafu_error *error)
{
	struct process process = {command, git->variables, git->folder, LOCALGIT_TIMEOUT_MS, 65536};
	size_t count = git->count;
	int32_t rc;

	add_variable(git, strstr(git->header, "Basic") != NULL ? "GIT_CONFIG_COUNT=5" : "GIT_CONFIG_COUNT=4");
	git->variables[git->count] = NULL;
	text_clear(&git->output);
	rc = process_run(&process, &git->output, &git->status, error);
	git->count = count;
	return rc;
}

/* The same, and a status other than 0 is a failure, explained by the last line that git said. */
static int32_t run_well(struct git *git, const char *const *command, skafu_error *error)
{
	int32_t rc = run(git, command, error);
	char *said = git->output.bytes;
	const char *line;

	if (rc != SKAFU_OK || git->status == 0)
		return rc;
	while (git->output.length > 0 && said[git->output.length - 1] == '\n')
		said[--git->output.length] = '\0';
	line = said != NULL && strrchr(said, '\n') != NULL ? strrchr(said, '\n') + 1 : text_string(&git->output);
	return failed(error, SKAFU_EIO, "git %s failed in %s: %.300s.", command[1], git->folder, line);
}

static void take_id(const struct git *git, char out_id[65])
{
	snprintf(out_id, LOCALGIT_ID_BYTES, "%.*s", (int)strcspn(text_string(&git->output), "\n"),
		 text_string(&git->output));
}

static const char *or_main(const char *branch)
{
	return branch != NULL ? branch : "main";
}

/* ---- the calls ---- */

int32_t localgit_create_bare(const char *folder, const char *branch, skafu_error *error)
{
	const char *const command[] = {
		"git", "init", "-q", "--bare", "--template=", "-b", or_main(branch), "--", folder, NULL};
	struct git git = {.folder = "."};
	int32_t rc;

	set_environment(&git);
	rc = run_well(&git, command, error);
	text_free(&git.output);
	return rc;
}

static int32_t existing_commit(struct git *git, char out_id[65], int *out_found, skafu_error *error)
{
	static const char *const head[] = {"git", "rev-parse", "--verify", "-q", "HEAD", NULL};
	static const char *const changes[] = {"git", "status", "--porcelain", NULL};
	int32_t rc = run(git, head, error);

	*out_found = rc == SKAFU_OK && git->status == 0;
	if (!*out_found)
		return rc;
	take_id(git, out_id);
	rc = run_well(git, changes, error);
	if (rc == SKAFU_OK && git->output.length > 0)
		rc = failed(error, SKAFU_EEXISTS, "%s has a commit already, and changes after it.", git->folder);
	return rc;
}

static int32_t make_commit(struct git *git, const char *message, char out_id[65], skafu_error *error)
{
	static const char *const add[] = {"git", "add", "--all", NULL};
	static const char *const head[] = {"git", "rev-parse", "--verify", "HEAD", NULL};
	const char *const commit[] = {"git", "commit", "-q", "--no-gpg-sign", "-m", message, NULL};
	int32_t rc = run_well(git, add, error);

	if (rc == SKAFU_OK)
		rc = run_well(git, commit, error);
	if (rc == SKAFU_OK)
		rc = run_well(git, head, error);
	if (rc == SKAFU_OK)
		take_id(git, out_id);
	return rc;
}

int32_t localgit_first_commit(const char *folder, const struct localgit_commit *commit, char out_id[65],
			      skafu_error *error)
{
	const char *const init[] = {"git", "init", "-q", "--template=", "-b", or_main(commit->branch), NULL};
	struct git git = {.folder = folder};
	int found = 0;
	int32_t rc;

	set_environment(&git);
	set_author(&git, commit);
	rc = run_well(&git, init, error);
	if (rc == SKAFU_OK)
		rc = existing_commit(&git, out_id, &found, error);
	if (rc == SKAFU_OK && !found)
		rc = make_commit(&git, commit->message != NULL ? commit->message : "Initial commit", out_id, error);
	text_free(&git.output);
	return rc;
}

int32_t localgit_push(const char *folder, const char *url, const char *branch, const char *token, skafu_error *error)
{
	char refs[512];
	const char *const command[] = {"git", "push", "-q", "--", url, refs, NULL};
	struct git git = {.folder = folder};
	int32_t rc = SKAFU_OK;

	snprintf(refs, sizeof refs, "refs/heads/%s:refs/heads/%s", or_main(branch), or_main(branch));
	if (url[0] == '-')
		return failed(error, SKAFU_EINVAL, "A URL cannot begin with '-'.");
	if (token != NULL && !http_is_private(url))
		return failed(error, SKAFU_EACCESS, "A token is not sent to %.200s without TLS; use https.", url);
	set_environment(&git);
	if (token != NULL)
		rc = set_token(&git, token, error);
	if (rc == SKAFU_OK)
		rc = run_well(&git, command, error);
	text_free(&git.output);
	return rc;
}

int32_t localgit_set_origin(const char *folder, const char *url, skafu_error *error)
{
	static const char *const look[] = {"git", "config", "--get", "remote.origin.url", NULL};
	const char *const command[] = {"git", "remote", "add", "--", "origin", url, NULL};
	struct git git = {.folder = folder};
	int32_t rc;

	set_environment(&git);
	rc = run(&git, look, error);
	if (rc == SKAFU_OK && git.status != 0)
		rc = run_well(&git, command, error);
	text_free(&git.output);
	return rc;
}

int32_t localgit_clone(const char *repository, const char *folder, skafu_error *error)
{
	const char *const command[] = {"git", "clone", "-q", "--template=", "--", repository, folder, NULL};
	struct git git = {.folder = "."};
	int32_t rc;

	set_environment(&git);
	rc = run_well(&git, command, error);
	text_free(&git.output);
	return rc;
}

int32_t localgit_tip(const char *repository, const char *branch, char out_id[65], skafu_error *error)
{
	char ref[512];
	const char *const command[] = {"git", "rev-parse", "--verify", "-q", ref, NULL};
	struct git git = {.folder = repository};
	int32_t rc;

	snprintf(ref, sizeof ref, "refs/heads/%s", or_main(branch));
	set_environment(&git);
	rc = run(&git, command, error);
	if (rc == SKAFU_OK && git.status != 0)
		rc = failed(error, SKAFU_ENOTFOUND, "%s has no branch %s.", repository, or_main(branch));
	if (rc == SKAFU_OK)
		take_id(&git, out_id);
	text_free(&git.output);
	return rc;
}

/*
 * render.c: validating a template and rendering it into a temporary folder.
 */
#include "render.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"

struct rendering {
	char content[4096]; /* the folder of the template's files */
	const struct manifest *manifest;
	struct values values;
	struct value items[MANIFEST_VARIABLES];
	struct file_list list;
	struct faults *faults;
	struct render_report report;
	skafu_error *error;
};

/* ---- the template ---- */

static const struct file_rule *rule_of(const struct rendering *rendering, const char *path)
{
	size_t count;
	const struct file_rule *rules = manifest_rules(rendering->manifest, &count);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(rules[i].path, path) == 0)
			return &rules[i];
	}
	return NULL;
}

static int is_verbatim(const struct file_rule *rule, const struct text *content)
{
	return (rule != NULL && rule->verbatim) || memchr(text_string(content), '\0', content->length) != NULL;
}

/* Only files and folders can be rendered, and a rule has to be about one of the files. */
static void check_list(struct rendering *rendering)
{
	size_t count;
	const struct file_rule *rules = manifest_rules(rendering->manifest, &count);

	if (rendering->list.count == 0)
		faults_add(rendering->faults, MANIFEST_CONTENT, 0, "there is no file in the folder");
	for (size_t i = 0; i < rendering->list.count; i++) {
		if (!S_ISREG(rendering->list.entries[i].mode))
			faults_add(rendering->faults, rendering->list.entries[i].path, 0,
				   "it is a link or no regular file");
	}
	for (size_t i = 0; i < count; i++) {
		size_t at = 0;

		while (at < rendering->list.count && strcmp(rendering->list.entries[at].path, rules[i].path) != 0)
			at++;
		if (at == rendering->list.count)
			faults_add(rendering->faults, MANIFEST_FILE, 0, "\"files\" names %s, which is not there",
				   rules[i].path);
	}
}

static int32_t list_content(struct rendering *rendering, const char *folder)
{
	static const struct file_limits limits = {RENDER_FILES, RENDER_BYTES, RENDER_DEPTH, NULL};
	struct stat status;
	int32_t rc;

	if ((size_t)snprintf(rendering->content, sizeof rendering->content, "%s/" MANIFEST_CONTENT, folder) >=
	    sizeof rendering->content)
		return failed(rendering->error, SKAFU_EINVAL, "The path of the template is too long.");
	if (lstat(rendering->content, &status) == 0 && S_ISLNK(status.st_mode)) {
		faults_add(rendering->faults, MANIFEST_CONTENT, 0, "it is a link, and may lead out of the template");
		return SKAFU_OK;
	}
	rc = files_list(rendering->content, &limits, &rendering->list, rendering->error);
	if (rc == SKAFU_ELIMIT || rc == SKAFU_ENOTFOUND || rc == SKAFU_EIO) {
		faults_add(rendering->faults, MANIFEST_CONTENT, 0, "%s",
			   rc == SKAFU_ELIMIT ? "it has too many files, bytes or folders in each other"
					      : "there is no such folder");
		return SKAFU_OK;
	}
	check_list(rendering);
	return rc;
}

/* ---- one file ---- */

static int has_empty_name(const char *path)
{
	size_t length = strlen(path);

	return length == 0 || path[0] == '/' || path[length - 1] == '/' || strstr(path, "//") != NULL;
}

/* The path in the project; "" when a condition in it does not hold, so that a name is empty. */
static void expand_path(struct rendering *rendering, const char *path, struct text *out)
{
	size_t before = rendering->faults->count;
	const char *fault;

	expand(path, strlen(path), &rendering->values, path, out, rendering->faults);
	if (strstr(path, "{{#if ") != NULL && has_empty_name(text_string(out))) {
		text_clear(out);
		return;
	}
	fault = files_path_fault(text_string(out));
	if (fault != NULL && rendering->faults->count == before)
		faults_add(rendering->faults, path, 0, "%s", fault);
}

static int32_t read_entry(struct rendering *rendering, const struct file_entry *entry, struct text *out)
{
	int32_t rc = files_read(rendering->content, entry->path, RENDER_FILE_BYTES, out, rendering->error);

	if (rc == SKAFU_ELIMIT) {
		faults_add(rendering->faults, entry->path, 0, "it has more than %zu bytes", RENDER_FILE_BYTES);
		rc = SKAFU_OK;
	}
	return rc;
}

static int32_t check_entry(struct rendering *rendering, const struct file_entry *entry)
{
	const struct file_rule *rule = rule_of(rendering, entry->path);
	struct text path = {0};
	struct text content = {0};
	int32_t rc = read_entry(rendering, entry, &content);

	expand_path(rendering, entry->path, &path);
	if (rule != NULL && rule->condition != NULL)
		expand_condition(rule->condition, &rendering->values, MANIFEST_FILE, 0, rendering->faults);
	if (rc == SKAFU_OK && !is_verbatim(rule, &content))
		expand(text_string(&content), content.length, &rendering->values, entry->path, NULL,
		       rendering->faults);
	text_free(&path);
	text_free(&content);
	return rc;
}

static int32_t write_entry(struct rendering *rendering, const struct file_entry *entry, const char *into)
{
	const struct file_rule *rule = rule_of(rendering, entry->path);
	struct text path = {0};
	struct text content = {0};
	struct text out = {.limit = RENDER_FILE_BYTES};
	int32_t rc = read_entry(rendering, entry, &content);
	int verbatim = is_verbatim(rule, &content);
	mode_t mode = (entry->mode & 0111) != 0 ? 0777 : 0666; /* the umask takes away what the user does not want */

	expand_path(rendering, entry->path, &path);
	if (rule != NULL && rule->condition != NULL &&
	    expand_condition(rule->condition, &rendering->values, MANIFEST_FILE, 0, rendering->faults) == 0)
		text_clear(&path);
	if (rc == SKAFU_OK && !verbatim)
		expand(text_string(&content), content.length, &rendering->values, entry->path, &out,
		       rendering->faults);
	if (rc == SKAFU_OK && rendering->faults->count == 0 && path.length == 0) {
		rendering->report.left_out++;
	} else if (rc == SKAFU_OK && rendering->faults->count == 0) {
		const struct text *result = verbatim ? &content : &out;

		rc = files_write(into, path.bytes, text_string(result), result->length, mode, rendering->error);
		rendering->report.files++;
		rendering->report.bytes += result->length;
		if (rc == SKAFU_EEXISTS)
			rc = failed(rendering->error, SKAFU_EINVAL, "Two files of the template become %s.",
				    path.bytes);
	}
	text_free(&path);
	text_free(&content);
	text_free(&out);
	return rc;
}

/* ---- the whole ---- */

int32_t render_validate(const char *folder, struct faults *faults, skafu_error *error)
{
	struct rendering rendering = {.faults = faults, .error = error};
	struct manifest *manifest;
	int32_t rc = manifest_read(folder, &manifest, faults, error);
	size_t count;
	const struct variable *variables;

	if (rc != SKAFU_OK || manifest == NULL)
		return rc;
	rendering.manifest = manifest;
	variables = manifest_variables(manifest, &count);
	for (size_t i = 0; i < count; i++) {
		const char *fallback = variables[i].fallback;

		/* A text that is safe in a path stands for what will be given. */
		rendering.items[i] = (struct value){variables[i].name, fallback != NULL ? fallback : "sample"};
	}
	rendering.values = (struct values){rendering.items, count};
	rc = list_content(&rendering, folder);
	for (size_t i = 0; i < rendering.list.count && rc == SKAFU_OK; i++) {
		if (S_ISREG(rendering.list.entries[i].mode))
			rc = check_entry(&rendering, &rendering.list.entries[i]);
	}
	files_list_free(&rendering.list);
	manifest_free(manifest);
	return rc;
}

static int32_t render_into(struct rendering *rendering, const char *folder, const char *target)
{
	char temporary[4096];
	int32_t rc = list_content(rendering, folder);

	if (rc == SKAFU_OK)
		rc = faults_result(rendering->faults, rendering->error);
	if (rc == SKAFU_OK)
		rc = files_make_temporary(target, temporary, sizeof temporary, rendering->error);
	if (rc != SKAFU_OK)
		return rc;
	for (size_t i = 0; i < rendering->list.count && rc == SKAFU_OK; i++) {
		rc = write_entry(rendering, &rendering->list.entries[i], temporary);
		if (rc == SKAFU_OK)
			rc = faults_result(rendering->faults, rendering->error);
	}
	if (rc == SKAFU_OK)
		rc = files_install(temporary, target, rendering->error);
	if (rc != SKAFU_OK)
		files_remove(temporary);
	return rc;
}

int32_t render_project(const char *folder, const struct values *values, const char *target,
		       struct render_report *out_report, struct faults *faults, skafu_error *error)
{
	struct faults own = {0};
	struct rendering rendering = {.faults = faults != NULL ? faults : &own, .error = error};
	struct manifest *manifest;
	int32_t rc = manifest_read(folder, &manifest, rendering.faults, error);

	if (rc == SKAFU_OK && manifest != NULL) {
		rendering.manifest = manifest;
		manifest_values(manifest, values, rendering.items, &rendering.values, rendering.faults);
	}
	if (rc == SKAFU_OK)
		rc = faults_result(rendering.faults, error);
	if (rc == SKAFU_OK)
		rc = render_into(&rendering, folder, target);
	if (rc == SKAFU_OK && out_report != NULL)
		*out_report = rendering.report;
	files_list_free(&rendering.list);
	manifest_free(manifest);
	faults_free(&own);
	return rc;
}

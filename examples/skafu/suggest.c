/*
 * suggest.c: from findings and answers to recommendations and code.
 */
#include "suggest.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"

void suggest_free(struct suggestion *suggestion)
{
	text_free(&suggestion->code);
	memset(suggestion, 0, sizeof *suggestion);
}

/* ---- offline ---- */

static void recommend(struct suggestion *suggestion, const struct finding *finding)
{
	struct recommendation *item;

	for (size_t i = 0; i < suggestion->count; i++)
		if (strcmp(suggestion->items[i].rule, finding->rule->name) == 0)
			return; /* once is enough; all places are in the analysis */
	if (suggestion->count == SUGGEST_RECOMMENDATIONS)
		return;
	item = &suggestion->items[suggestion->count++];
	item->rule = finding->rule->name;
	item->severity = severity_name(finding->rule->severity);
	snprintf(item->path, sizeof item->path, "%s", finding->path);
	snprintf(item->text, sizeof item->text, "%s", finding->rule->advice);
}

struct style {
	const char *language;
	const char *section; /* of .editorconfig */
};

static const struct style styles[] = {{"C", "[*.{c,h}]\nindent_style = tab\n"},
				      {"C++", "[*.{cc,cpp}]\nindent_style = tab\n"},
				      {"Go", "[*.go]\nindent_style = tab\n"},
				      {"Python", "[*.py]\nindent_style = space\nindent_size = 4\n"},
				      {"JavaScript", "[*.{js,mjs}]\nindent_style = space\nindent_size = 2\n"},
				      {"TypeScript", "[*.ts]\nindent_style = space\nindent_size = 2\n"},
				      {"Rust", "[*.rs]\nindent_style = space\nindent_size = 4\n"},
				      {"HTML", "[*.html]\nindent_style = space\nindent_size = 2\n"},
				      {"CSS", "[*.css]\nindent_style = space\nindent_size = 2\n"},
				      {"YAML", "[*.{yml,yaml}]\nindent_style = space\nindent_size = 2\n"}};

static int has_language(const struct analysis *analysis, const char *name)
{
	for (size_t i = 0; i < analysis->language_count; i++)
		if (strcmp(analysis->languages[i].name, name) == 0)
			return 1;
	return 0;
}

static int32_t write_editorconfig(const struct analysis *analysis, struct text *out)
{
	int32_t rc = text_add_string(out, "root = true\n\n[*]\ncharset = utf-8\nend_of_line = lf\n"
					  "insert_final_newline = true\ntrim_trailing_whitespace = true\n");

	for (size_t i = 0; rc == SKAFU_OK && i < sizeof styles / sizeof *styles; i++)
		if (has_language(analysis, styles[i].language))
			rc = text_add_format(out, "\n%s", styles[i].section);
	if (rc == SKAFU_OK)
		rc = text_add_string(out, "\n[Makefile]\nindent_style = tab\n");
	return rc;
}

int32_t suggest_offline(const struct analysis *analysis, struct suggestion *out_suggestion, skafu_error *error)
{
	memset(out_suggestion, 0, sizeof *out_suggestion);
	for (int severity = SEVERITY_CRITICAL; severity >= SEVERITY_INFO; severity--)
		for (size_t i = 0; i < analysis->kept; i++)
			if ((int)analysis->findings[i].rule->severity == severity)
				recommend(out_suggestion, &analysis->findings[i]);
	snprintf(out_suggestion->summary, sizeof out_suggestion->summary,
		 "%zu files, %zu lines; %zu critical findings, %zu warnings, %zu notes.", analysis->files,
		 analysis->lines, analysis->counts[SEVERITY_CRITICAL], analysis->counts[SEVERITY_WARNING],
		 analysis->counts[SEVERITY_INFO]);
	snprintf(out_suggestion->code_path, sizeof out_suggestion->code_path, ".editorconfig");
	return failed_text(error, write_editorconfig(analysis, &out_suggestion->code), "the suggested code");
}

/* ---- with a model ---- */

static int is_secret(const struct analysis *analysis, const char *path)
{
	for (size_t i = 0; i < analysis->kept; i++)
		if (analysis->findings[i].rule->severity == SEVERITY_CRITICAL &&
		    strcmp(analysis->findings[i].path, path) == 0)
			return 1;
	return 0;
}

static int32_t add_file(const char *folder, const struct file_entry *entry, struct text *out, skafu_error *error)
{
	struct text content = {.bytes = NULL};
	int32_t rc = files_read(folder, entry->path, SUGGEST_QUESTION_BYTES, &content, error);

	/* A NUL byte tells that it is no text. */
	if (rc == SKAFU_OK && content.length > 0 && memchr(content.bytes, '\0', content.length) == NULL)
		rc = failed_text(error, text_add_format(out, "\n=== %s\n%s", entry->path, content.bytes),
				 "the question");
	text_free(&content);
	return rc;
}

int32_t suggest_question(const char *folder, const struct analysis *analysis, struct text *out, skafu_error *error)
{
	static const char *const skip[] = {".git", "node_modules", "__pycache__", NULL};
	struct file_limits limits = {.files = 2000, .bytes = (uint64_t)64 << 20, .depth = 16, .skip = skip};
	struct file_list list = {.entries = NULL};
	int32_t rc = text_add_string(
		out, "Review this new project.  Answer with one line that sums it up; then at most five lines that "
		     "begin with \"- \", each a recommendation; then, if a file would help, one fenced block whose "
		     "opening ``` is followed by a space and the path of that file.  The files:\n");

	rc = failed_text(error, rc, "the question");
	if (rc == SKAFU_OK)
		rc = files_list(folder, &limits, &list, error);
	for (size_t i = 0; rc == SKAFU_OK && i < list.count; i++)
		if (S_ISREG(list.entries[i].mode) && !is_secret(analysis, list.entries[i].path) &&
		    list.entries[i].size + out->length < SUGGEST_QUESTION_BYTES)
			rc = add_file(folder, &list.entries[i], out, error);
	files_list_free(&list);
	return rc;
}

static void take_line(struct suggestion *suggestion, const char *line, size_t length)
{
	struct recommendation *item;

	if (length > 2 && strncmp(line, "- ", 2) == 0) {
		if (suggestion->count == SUGGEST_RECOMMENDATIONS)
			return;
		item = &suggestion->items[suggestion->count++];
		item->rule = "";
		item->severity = severity_name(SEVERITY_INFO);
		snprintf(item->text, sizeof item->text, "%.*s", (int)length - 2, line + 2);
	} else if (length > 0 && suggestion->summary[0] == '\0') {
		snprintf(suggestion->summary, sizeof suggestion->summary, "%.*s", (int)length, line);
	}
}

/* Begin or end of the block of code.  A path that leads out of the project makes no code. */
static int fence(struct suggestion *suggestion, const char *line, size_t length, int is_inside)
{
	size_t name = 3 + strcspn(line + 3, " \n");

	if (is_inside || suggestion->code_path[0] != '\0')
		return 0;
	if (name < length)
		snprintf(suggestion->code_path, sizeof suggestion->code_path, "%.*s", (int)(length - name - 1),
			 line + name + 1);
	if (files_path_fault(suggestion->code_path) != NULL)
		suggestion->code_path[0] = '\0';
	return 1;
}

int32_t suggest_from_answer(const char *answer, struct suggestion *out_suggestion, skafu_error *error)
{
	int is_inside = 0;
	int32_t rc = SKAFU_OK;

	memset(out_suggestion, 0, sizeof *out_suggestion);
	for (const char *line = answer, *next; rc == SKAFU_OK && *line != '\0'; line = next) {
		size_t length = strcspn(line, "\n");

		next = line + length + (line[length] != '\0');
		if (strncmp(line, "```", 3) == 0)
			is_inside = fence(out_suggestion, line, length, is_inside);
		else if (is_inside)
			rc = text_add(&out_suggestion->code, line, (size_t)(next - line));
		else
			take_line(out_suggestion, line, length);
	}
	if (out_suggestion->code_path[0] == '\0')
		text_clear(&out_suggestion->code);
	return failed_text(error, rc, "the suggested code");
}

/*
 * analyser.c: from files to findings.
 */
#include "analyser.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "files.h"
#include "scan.h"

/* ---- rules ---- */

#define RULE(id, rule_name, level, what_to_do)                                                                       \
	static const struct analysis_rule id = {rule_name, SEVERITY_##level, what_to_do}

RULE(no_licence, "no-licence", WARNING, "Add a LICENSE file, so that others know what they may do.");
RULE(odd_licence, "unknown-licence", INFO, "Use the unchanged text of a well-known licence.");
RULE(open_licence, "unfinished-licence", WARNING, "Fill in the year and the holder of the copyright.");
RULE(no_readme, "no-readme", WARNING, "Add a README that says what this is and how to build and test it.");
RULE(short_readme, "short-readme", INFO, "Say in the README what this is and how to build and test it.");
RULE(no_tests, "no-tests", WARNING, "Add tests, and one command that runs them.");
RULE(no_ci, "no-ci", WARNING, "Run the tests for every push, for example with .github/workflows/ci.yml.");
RULE(no_ignore, "no-gitignore", INFO, "Add a .gitignore for what the build makes.");
RULE(secret, "secret", CRITICAL, "Withdraw the secret where it was issued, then take it out of the history.");
RULE(password, "password", WARNING, "Read it from the environment or a secret store.");
RULE(env_file, "env-file", CRITICAL, "Take the file out, name it in .gitignore, and keep an example without values.");
RULE(key_file, "key-file", CRITICAL, "Withdraw the key and take the file out of the history.");
RULE(conflict, "conflict", CRITICAL, "Resolve the conflict and take git's marks out.");
RULE(large_file, "large-file", WARNING, "Keep large files outside the repository or in Git LFS.");
RULE(generated, "generated-file", WARNING, "Take the file out and name it in .gitignore.");
RULE(loose_version, "loose-version", WARNING, "Pin the exact version, so that a build can be repeated.");
RULE(loose_image, "loose-image", WARNING, "Give the image a version tag or a digest.");
RULE(loose_action, "loose-action", WARNING, "Pin the action to a version or a commit.");
RULE(no_lock, "no-lock", WARNING, "Commit the lock file of the package manager.");
RULE(piped, "piped-download", WARNING, "Download, check a hash, then run.");
RULE(many_marks, "unfinished-work", WARNING, "Finish what is marked, or turn the marks into issues.");
RULE(some_marks, "marks", INFO, "Turn the marks into issues.");
RULE(not_executable, "not-executable", INFO, "Make the script executable (chmod +x), or take its first line out.");
RULE(odd_executable, "odd-executable", INFO, "Take the right to execute away (chmod -x).");
RULE(link_file, "link", INFO, "Use a file: links do not survive archives and other systems.");

/* ---- names ---- */

static const struct {
	const char *ending;
	const char *language;
	int is_code;
} languages[] = {
	{".c", "C", 1},           {".h", "C", 1},           {".cc", "C++", 1},
	{".cpp", "C++", 1},       {".hpp", "C++", 1},       {".go", "Go", 1},
	{".py", "Python", 1},     {".js", "JavaScript", 1}, {".mjs", "JavaScript", 1},
	{".ts", "TypeScript", 1}, {".rs", "Rust", 1},       {".java", "Java", 1},
	{".rb", "Ruby", 1},       {".sh", "Shell", 1},      {".html", "HTML", 0},
	{".css", "CSS", 0},       {".md", "Markdown", 0},   {".json", "JSON", 0},
	{".yml", "YAML", 0},      {".yaml", "YAML", 0},     {".toml", "TOML", 0},
	{".sql", "SQL", 1},
};

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int ends_in(const char *text, const char *ending)
{
	size_t length = strlen(text);
	size_t end = strlen(ending);

	return length > end && strcasecmp(text + length - end, ending) == 0;
}

static int is_one_of(const char *text, const char *const *words)
{
	while (*words != NULL && strcasecmp(*words, text) != 0)
		words++;
	return *words != NULL;
}

static int has_folder(const char *path, const char *const *names)
{
	char copy[1024];
	char *rest = copy;
	char *slash;

	snprintf(copy, sizeof copy, "%s", path);
	while ((slash = strchr(rest, '/')) != NULL) {
		*slash = '\0';
		if (is_one_of(rest, names))
			return 1;
		rest = slash + 1;
	}
	return 0;
}

static int is_test(const char *path)
{
	static const char *const folders[] = {"test", "tests", "__tests__", "spec", NULL};
	const char *base = base_of(path);

	return has_folder(path, folders) || strncmp(base, "test_", 5) == 0 || strncmp(base, "check.", 6) == 0 ||
	       strstr(base, "_test.") != NULL || strstr(base, ".test.") != NULL || strstr(base, ".spec.") != NULL;
}

static int is_ci(const char *path)
{
	static const char *const files[] = {".gitlab-ci.yml",      ".circleci/config.yml", "Jenkinsfile",
					    "azure-pipelines.yml", ".travis.yml",          NULL};

	return strncmp(path, ".github/workflows/", 18) == 0 || strncmp(path, ".ci/", 4) == 0 ||
	       is_one_of(path, files);
}

static int is_root_named(const char *path, const char *prefix)
{
	return strchr(path, '/') == NULL && strncasecmp(path, prefix, strlen(prefix)) == 0;
}

/* ---- one file ---- */

struct looking {
	struct analysis *analysis;
	const char *path;
	int has_licence;
	int has_readme;
	int has_tests;
	int has_ci;
	int has_ignore;
	int has_code;
	int has_node_lock;
	size_t loose_node_line; /* the first one with a range in package.json */
	int has_go_sum;
	int needs_go_sum;
	size_t marks;
	char first_mark[256];
	size_t first_mark_line;
};

static void look_at_licence(struct looking *looking, const char *text)
{
	static const struct {
		const char *name;
		const char *phrase;
	} known[] = {{"MIT", "Permission is hereby granted, free of charge"},
		     {"ISC", "Permission to use, copy, modify, and/or distribute"},
		     {"Apache-2.0", "Apache License"},
		     {"AGPL-3.0", "GNU AFFERO GENERAL PUBLIC LICENSE"},
		     {"LGPL", "GNU LESSER GENERAL PUBLIC LICENSE"},
		     {"GPL", "GNU GENERAL PUBLIC LICENSE"},
		     {"MPL-2.0", "Mozilla Public License"},
		     {"BSD", "Redistribution and use in source and binary forms"},
		     {"Unlicense", "This is free and unencumbered software"}};

	looking->has_licence = 1;
	for (size_t i = 0; i < sizeof known / sizeof *known && looking->analysis->licence[0] == '\0'; i++) {
		if (strstr(text, known[i].phrase) != NULL)
			looking->analysis->licence = known[i].name;
	}
	if (looking->analysis->licence[0] == '\0')
		analysis_add(looking->analysis, &odd_licence, looking->path, 0,
			     "the licence is not one of the well-known");
	if (strstr(text, "[year]") != NULL || strstr(text, "<year>") != NULL || strstr(text, "[fullname]") != NULL)
		analysis_add(looking->analysis, &open_licence, looking->path, 0, "the licence has places to fill in");
}

static void look_at_versions(struct looking *looking, const char *line, size_t number)
{
	struct analysis *analysis = looking->analysis;
	const char *base = base_of(looking->path);

	if (strncmp(base, "requirements", 12) == 0 && ends_in(base, ".txt") && scan_loose_requirement(line))
		analysis_add(analysis, &loose_version, looking->path, number, "a package without its exact version");
	if (strcmp(base, "package.json") == 0 && scan_loose_dependency(line) && looking->loose_node_line == 0)
		looking->loose_node_line = number;
	if (strcmp(base, "go.mod") == 0 && strncmp(line, "require", 7) == 0)
		looking->needs_go_sum = 1;
	if (strncmp(base, "Dockerfile", 10) == 0 && scan_loose_image(line))
		analysis_add(analysis, &loose_image, looking->path, number, "an image without a version");
	if (is_ci(looking->path) && scan_loose_action(line))
		analysis_add(analysis, &loose_action, looking->path, number, "an action from a branch");
}

static void look_at_line(struct looking *looking, const char *line, size_t number)
{
	struct analysis *analysis = looking->analysis;
	const char *kind = scan_secret(line);
	int marks = scan_marks(line);

	if (kind != NULL)
		analysis_add(analysis, &secret, looking->path, number, "%s", kind);
	else if (scan_password(line) && !is_test(looking->path))
		analysis_add(analysis, &password, looking->path, number, "a password or key written into the file");
	if (scan_conflict(line))
		analysis_add(analysis, &conflict, looking->path, number, "a conflict that was not resolved");
	if (scan_piped_download(line))
		analysis_add(analysis, &piped, looking->path, number, "a download that a shell runs at once");
	if (marks > 0 && looking->marks == 0) {
		snprintf(looking->first_mark, sizeof looking->first_mark, "%s", looking->path);
		looking->first_mark_line = number;
	}
	looking->marks += (size_t)marks;
	look_at_versions(looking, line, number);
}

/* Cuts the text into its lines; the number of them. */
static size_t look_at_lines(struct looking *looking, char *text)
{
	size_t count = 0;
	char *end;

	for (char *line = text; line != NULL && *line != '\0'; line = end != NULL ? end + 1 : NULL) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end = '\0';
		look_at_line(looking, line, ++count);
	}
	return count;
}

static void look_at_language(struct looking *looking, size_t lines)
{
	for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
		if (ends_in(looking->path, languages[i].ending)) {
			analysis_count_language(looking->analysis, languages[i].language, lines);
			looking->has_code = looking->has_code || languages[i].is_code;
		}
	}
}

static void look_at_rights(struct looking *looking, const struct text *content, mode_t mode)
{
	const char *bytes = text_string(content);
	int is_script = strncmp(bytes, "#!", 2) == 0;
	int is_program = content->length >= 4 && memcmp(bytes,
							"\x7f"
							"ELF",
							4) == 0;

	if (is_script && (mode & 0111) == 0)
		analysis_add(looking->analysis, &not_executable, looking->path, 1,
			     "a script that cannot be executed");
	if (!is_script && !is_program && (mode & 0111) != 0)
		analysis_add(looking->analysis, &odd_executable, looking->path, 0,
			     "executable, but neither script nor program");
}

static void look_at_content(struct looking *looking, struct text *content, mode_t mode)
{
	size_t lines;

	look_at_rights(looking, content, mode);
	if (memchr(text_string(content), '\0', content->length) != NULL)
		return;
	if (is_root_named(looking->path, "LICEN") || is_root_named(looking->path, "COPYING"))
		look_at_licence(looking, text_string(content));
	if (is_root_named(looking->path, "README")) {
		looking->has_readme = 1;
		if (content->length < 200)
			analysis_add(looking->analysis, &short_readme, looking->path, 0, "the README has %zu bytes",
				     content->length);
	}
	lines = content->bytes != NULL ? look_at_lines(looking, content->bytes) : 0;
	looking->analysis->lines += lines;
	look_at_language(looking, lines);
}

/* What the name alone says. */
static void look_at_name(struct looking *looking, const struct file_entry *entry)
{
	static const char *const made[] = {".o", ".pyc", ".class", ".so", ".a", ".exe", NULL};
	static const char *const key_names[] = {"id_rsa", "id_ed25519", "id_ecdsa", NULL};
	static const char *const caches[] = {"__pycache__", "node_modules", NULL};
	const char *base = base_of(entry->path);
	const char *dot = strrchr(base, '.');

	looking->has_tests = looking->has_tests || is_test(entry->path);
	looking->has_ci = looking->has_ci || is_ci(entry->path);
	looking->has_ignore = looking->has_ignore || strcmp(entry->path, ".gitignore") == 0;
	looking->has_go_sum = looking->has_go_sum || strcmp(base, "go.sum") == 0;
	looking->has_node_lock = looking->has_node_lock || strcmp(base, "package-lock.json") == 0 ||
				 strcmp(base, "yarn.lock") == 0 || strcmp(base, "pnpm-lock.yaml") == 0;
	if (strncmp(base, ".env", 4) == 0 && (base[4] == '\0' || base[4] == '.') && strstr(base, "example") == NULL &&
	    strstr(base, "sample") == NULL)
		analysis_add(looking->analysis, &env_file, entry->path, 0,
			     "the settings of one place, often with secrets");
	if (is_one_of(base, key_names) || ends_in(base, ".p12") || ends_in(base, ".pfx") ||
	    ends_in(base, ".keystore"))
		analysis_add(looking->analysis, &key_file, entry->path, 0, "the name is that of a private key");
	if ((dot != NULL && is_one_of(dot, made)) || has_folder(entry->path, caches))
		analysis_add(looking->analysis, &generated, entry->path, 0, "made by a tool from other files");
}

static int32_t look_at_file(struct looking *looking, const char *folder, const struct file_entry *entry,
			    skafu_error *error)
{
	struct text content = {0};
	int32_t rc = SKAFU_OK;

	looking->path = entry->path;
	look_at_name(looking, entry);
	if (!S_ISREG(entry->mode)) {
		analysis_add(looking->analysis, &link_file, entry->path, 0, "a link or no regular file");
	} else if (entry->size > ANALYSER_LARGE_BYTES) {
		analysis_add(looking->analysis, &large_file, entry->path, 0, "%llu bytes",
			     (unsigned long long)entry->size);
	} else {
		rc = files_read(folder, entry->path, ANALYSER_LARGE_BYTES, &content, error);
		if (rc == SKAFU_OK)
			look_at_content(looking, &content, entry->mode);
	}
	text_free(&content);
	return rc;
}

/* ---- the whole ---- */

static void look_at_marks(struct looking *looking)
{
	size_t lines = looking->analysis->lines;

	if (looking->marks == 0)
		return;
	if (looking->marks > 3 && looking->marks * 100 > lines)
		analysis_add(looking->analysis, &many_marks, looking->first_mark, looking->first_mark_line,
			     "%zu marks of unfinished work in %zu lines, the first one here", looking->marks, lines);
	else
		analysis_add(looking->analysis, &some_marks, looking->first_mark, looking->first_mark_line,
			     "%zu marks of unfinished work, the first one here", looking->marks);
}

static void look_at_whole(struct looking *looking)
{
	struct analysis *analysis = looking->analysis;

	look_at_marks(looking);
	if (looking->loose_node_line > 0 && !looking->has_node_lock)
		analysis_add(analysis, &no_lock, "package.json", looking->loose_node_line,
			     "ranges of versions, and no lock file");
	if (looking->needs_go_sum && !looking->has_go_sum)
		analysis_add(analysis, &no_lock, "go.mod", 0, "modules are required, and there is no go.sum");
	if (!looking->has_licence)
		analysis_add(analysis, &no_licence, "", 0, "there is no licence");
	if (!looking->has_readme)
		analysis_add(analysis, &no_readme, "", 0, "there is no README");
	if (!looking->has_tests && looking->has_code)
		analysis_add(analysis, &no_tests, "", 0, "there is code, and no test");
	if (!looking->has_ci)
		analysis_add(analysis, &no_ci, "", 0, "nothing runs for a push");
	if (!looking->has_ignore)
		analysis_add(analysis, &no_ignore, "", 0, "there is no .gitignore");
}

int32_t analyser_run(const char *folder, struct analysis *out_analysis, skafu_error *error)
{
	static const char *const skip[] = {".git", ".hg", ".svn", ".venv", NULL};
	static const struct file_limits limits = {ANALYSER_FILES, UINT64_MAX, 64, skip};
	struct analysis analysis = {.licence = ""};
	struct looking looking = {.analysis = &analysis};
	struct file_list list = {0};
	int32_t rc = files_list(folder, &limits, &list, error);

	for (size_t i = 0; i < list.count && rc == SKAFU_OK; i++)
		rc = look_at_file(&looking, folder, &list.entries[i], error);
	if (rc == SKAFU_OK)
		look_at_whole(&looking);
	if (rc == SKAFU_OK && analysis.no_memory)
		rc = failed(error, SKAFU_ENOMEM, "There is no memory for the findings in %s.", folder);
	if (rc == SKAFU_OK) {
		analysis.files = list.count;
		analysis.bytes = list.bytes;
		*out_analysis = analysis;
	} else {
		analysis_free(&analysis);
	}
	files_list_free(&list);
	return rc;
}

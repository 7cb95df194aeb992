/*
 * manifest.h: what a template says about itself, in its template.json.
 *
 *   {
 *     "name": "c-library", "version": "1.0.0", "description": "one sentence",
 *     "variables": {
 *       "name":    {"description": "...", "pattern": "^[a-z][a-z0-9-]*$"},           no default: has to be given
 *       "port":    {"type": "integer", "default": 8080},
 *       "ci":      {"type": "boolean", "default": true},
 *       "license": {"type": "choice", "choices": ["MIT", "Apache-2.0"], "default": "MIT"}
 *     },
 *     "files": [{"path": ".github/workflows/ci.yml", "if": "ci"}, {"path": "logo.svg", "verbatim": true}],
 *     "test": ["make", "check"]
 *   }
 *
 * The content is in the folder files/ beside it.  "files" holds only what is special; every other file is rendered.
 * A value is one line of at most 256 bytes, and never has a control character in it.
 */
#ifndef SKAFU_APP_MANIFEST_H
#define SKAFU_APP_MANIFEST_H

#include "expand.h"

#define MANIFEST_FILE "template.json"
#define MANIFEST_CONTENT "files"
#define MANIFEST_VARIABLES 32

enum variable_type { VARIABLE_STRING, VARIABLE_INTEGER, VARIABLE_BOOLEAN, VARIABLE_CHOICE };

struct variable {
	const char *name;
	const char *description; /* "" when there is none */
	const char *pattern;     /* of pattern.h, or NULL */
	const char *fallback;    /* NULL: has to be given */
	enum variable_type type;
};

struct file_rule {
	const char *path;      /* as in the template, not expanded */
	const char *condition; /* NULL: always */
	int verbatim;
};

struct manifest; /* owns every text below */

/* Read and check the manifest of a folder.  What is wrong is added to the faults, and *out_manifest is written when
 * it can be used in spite of them (for checking the files too), else NULL. */
int32_t manifest_read(const char *folder, struct manifest **out_manifest, struct faults *faults, skafu_error *error);
void manifest_free(struct manifest *manifest); /* NULL is fine */

const char *manifest_name(const struct manifest *manifest);
const char *manifest_version(const struct manifest *manifest);
const char *manifest_description(const struct manifest *manifest);
const struct variable *manifest_variables(const struct manifest *manifest, size_t *out_count);
const struct file_rule *manifest_rules(const struct manifest *manifest, size_t *out_count);

/* The command that tests a rendered project, ended by NULL. */
const char *const *manifest_test(const struct manifest *manifest);

/* The values of all variables: those given, checked, and the defaults of the others.  `out_items` has room for
 * MANIFEST_VARIABLES; the texts are borrowed from the manifest and the caller.  Faults as above. */
void manifest_values(const struct manifest *manifest, const struct values *given, struct value *out_items,
		     struct values *out_values, struct faults *faults);

#endif

/*
 * manifest.c: template.json, read with every fault that it has.
 */
#include "manifest.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "pattern.h"

#define MANIFEST_BYTES 65536
#define MANIFEST_RULES 200
#define MANIFEST_WORDS 16
#define MANIFEST_VALUE_BYTES 256

struct manifest {
	cJSON *json; /* the texts below point into it */
	const char *name;
	const char *version;
	const char *description;
	struct variable variables[MANIFEST_VARIABLES];
	const cJSON *choices[MANIFEST_VARIABLES];
	char numbers[MANIFEST_VARIABLES][32]; /* defaults that are numbers */
	size_t variable_count;
	struct file_rule rules[MANIFEST_RULES];
	size_t rule_count;
	const char *test[MANIFEST_WORDS + 1];
};

/* ---- values ---- */

static int is_choice(const cJSON *choices, const char *text)
{
	const cJSON *choice;

	cJSON_ArrayForEach(choice, choices)
	{
		if (cJSON_IsString(choice) && strcmp(choice->valuestring, text) == 0)
			return 1;
	}
	return 0;
}

static int is_integer(const char *text)
{
	size_t length = strlen(text + (text[0] == '-'));

	return length >= 1 && length <= 18 && strspn(text + (text[0] == '-'), "0123456789") == length;
}

static int has_control(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return 1;
	}
	return 0;
}

static void check_value(const struct manifest *manifest, size_t index, const char *text, struct faults *faults)
{
	const struct variable *variable = &manifest->variables[index];
	const char *name = variable->name;

	if (strlen(text) > MANIFEST_VALUE_BYTES)
		faults_add(faults, name, 0, "the value has more than %d bytes", MANIFEST_VALUE_BYTES);
	else if (has_control(text))
		faults_add(faults, name, 0, "the value has a control character in it");
	else if (variable->type == VARIABLE_INTEGER && !is_integer(text))
		faults_add(faults, name, 0, "\"%s\" is not a whole number", text);
	else if (variable->type == VARIABLE_BOOLEAN && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		faults_add(faults, name, 0, "\"%s\" is neither true nor false", text);
	else if (variable->type == VARIABLE_CHOICE && !is_choice(manifest->choices[index], text))
		faults_add(faults, name, 0, "\"%s\" is not one of the choices", text);
	else if (variable->pattern != NULL && !pattern_matches(variable->pattern, text))
		faults_add(faults, name, 0, "\"%s\" does not match %s", text, variable->pattern);
}

void manifest_values(const struct manifest *manifest, const struct values *given, struct value *out_items,
		     struct values *out_values, struct faults *faults)
{
	struct values all = {out_items, manifest->variable_count};

	for (size_t i = 0; i < manifest->variable_count; i++) {
		const struct variable *variable = &manifest->variables[i];
		const char *text = values_find(given, variable->name);

		if (text == NULL)
			text = variable->fallback;
		if (text == NULL)
			faults_add(faults, variable->name, 0, "the template needs a value for it");
		else
			check_value(manifest, i, text, faults);
		out_items[i] = (struct value){variable->name, text != NULL ? text : ""};
	}
	for (size_t i = 0; i < given->count; i++) {
		if (values_find(&all, given->items[i].name) == NULL)
			faults_add(faults, given->items[i].name, 0, "the template has no such variable");
	}
	*out_values = all;
}

/* ---- reading ---- */

static const char *read_text(const cJSON *object, const char *key, int needed, struct faults *faults)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	if (cJSON_IsString(item) && item->valuestring[0] != '\0' && !has_control(item->valuestring))
		return item->valuestring;
	if (item != NULL || needed)
		faults_add(faults, MANIFEST_FILE, 0, "\"%s\" is not a text of one line", key);
	return NULL;
}

static void check_keys(const cJSON *object, const char *const *known, const char *where, struct faults *faults)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, object)
	{
		const char *const *key = known;

		while (*key != NULL && strcmp(*key, item->string) != 0)
			key++;
		if (*key == NULL)
			faults_add(faults, MANIFEST_FILE, 0, "nothing is known about \"%s\" in %s", item->string,
				   where);
	}
}

static void read_type(struct variable *variable, const cJSON *choices, const char *type, struct faults *faults)
{
	static const char *const types[] = {"string", "integer", "boolean", "choice"};
	size_t found = 0;

	while (type != NULL && found < 4 && strcmp(types[found], type) != 0)
		found++;
	if (found == 4)
		faults_add(faults, MANIFEST_FILE, 0, "\"%s\" of the variable \"%s\" is no type", type,
			   variable->name);
	else
		variable->type = (enum variable_type)found;
	if ((variable->type == VARIABLE_CHOICE) != (cJSON_GetArraySize(choices) > 0))
		faults_add(faults, MANIFEST_FILE, 0,
			   "the variable \"%s\" needs \"choices\" exactly when it is a choice", variable->name);
}

static void read_default(struct manifest *manifest, size_t index, const cJSON *item, struct faults *faults)
{
	struct variable *variable = &manifest->variables[index];

	if (cJSON_IsString(item)) {
		variable->fallback = item->valuestring;
	} else if (cJSON_IsBool(item)) {
		variable->fallback = cJSON_IsTrue(item) ? "true" : "false";
	} else if (cJSON_IsNumber(item)) {
		snprintf(manifest->numbers[index], sizeof manifest->numbers[index], "%.17g", item->valuedouble);
		variable->fallback = manifest->numbers[index];
	} else if (item != NULL) {
		faults_add(faults, MANIFEST_FILE, 0, "the default of \"%s\" is no text, number, true or false",
			   variable->name);
	}
	if (variable->fallback != NULL)
		check_value(manifest, index, variable->fallback, faults);
}

static void read_variable(struct manifest *manifest, const cJSON *item, struct faults *faults)
{
	static const char *const known[] = {"type", "description", "default", "pattern", "choices", NULL};
	size_t index = manifest->variable_count++;
	struct variable *variable = &manifest->variables[index];

	*variable = (struct variable){.name = item->string, .description = ""};
	if (strspn(item->string, "abcdefghijklmnopqrstuvwxyz_0123456789") != strlen(item->string) ||
	    item->string[0] == '\0' || strcmp(item->string, "else") == 0 || strcmp(item->string, "end") == 0)
		faults_add(faults, MANIFEST_FILE, 0, "\"%s\" cannot be the name of a variable", item->string);
	if (!cJSON_IsObject(item)) {
		faults_add(faults, MANIFEST_FILE, 0, "the variable \"%s\" is not an object", item->string);
		return;
	}
	check_keys(item, known, item->string, faults);
	manifest->choices[index] = cJSON_GetObjectItemCaseSensitive(item, "choices");
	read_type(variable, manifest->choices[index], read_text(item, "type", 0, faults), faults);
	variable->description = read_text(item, "description", 1, faults);
	if (variable->description == NULL)
		variable->description = "";
	variable->pattern = read_text(item, "pattern", 0, faults);
	if (variable->pattern != NULL && !pattern_is_good(variable->pattern)) {
		faults_add(faults, MANIFEST_FILE, 0, "the pattern of \"%s\" is malformed or not allowed",
			   item->string);
		variable->pattern = NULL;
	}
	read_default(manifest, index, cJSON_GetObjectItemCaseSensitive(item, "default"), faults);
}

static void read_variables(struct manifest *manifest, struct faults *faults)
{
	const cJSON *variables = cJSON_GetObjectItemCaseSensitive(manifest->json, "variables");
	const cJSON *item;

	if (!cJSON_IsObject(variables)) {
		faults_add(faults, MANIFEST_FILE, 0, "\"variables\" is not an object");
		return;
	}
	if (cJSON_GetArraySize(variables) > MANIFEST_VARIABLES) {
		faults_add(faults, MANIFEST_FILE, 0, "there are more than %d variables", MANIFEST_VARIABLES);
		return;
	}
	cJSON_ArrayForEach(item, variables)
	{
		for (size_t i = 0; i < manifest->variable_count; i++) {
			if (strcmp(manifest->variables[i].name, item->string) == 0)
				faults_add(faults, MANIFEST_FILE, 0, "the variable \"%s\" is there twice",
					   item->string);
		}
		read_variable(manifest, item, faults);
	}
}

static void read_rules(struct manifest *manifest, struct faults *faults)
{
	static const char *const known[] = {"path", "if", "verbatim", NULL};
	const cJSON *rules = cJSON_GetObjectItemCaseSensitive(manifest->json, "files");
	const cJSON *item;

	if (rules != NULL && (!cJSON_IsArray(rules) || cJSON_GetArraySize(rules) > MANIFEST_RULES)) {
		faults_add(faults, MANIFEST_FILE, 0, "\"files\" is not an array of at most %d", MANIFEST_RULES);
		return;
	}
	cJSON_ArrayForEach(item, rules)
	{
		struct file_rule rule = {0};

		check_keys(item, known, "files", faults);
		rule.path = read_text(item, "path", 1, faults);
		rule.condition = read_text(item, "if", 0, faults);
		rule.verbatim = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "verbatim"));
		if (rule.path != NULL)
			manifest->rules[manifest->rule_count++] = rule;
	}
}

static void read_test(struct manifest *manifest, struct faults *faults)
{
	const cJSON *test = cJSON_GetObjectItemCaseSensitive(manifest->json, "test");
	const cJSON *word;
	size_t count = 0;

	if (!cJSON_IsArray(test) || cJSON_GetArraySize(test) < 1 || cJSON_GetArraySize(test) > MANIFEST_WORDS) {
		faults_add(faults, MANIFEST_FILE, 0, "\"test\" is not a command of 1 to %d words", MANIFEST_WORDS);
		return;
	}
	cJSON_ArrayForEach(word, test)
	{
		if (cJSON_IsString(word) && word->valuestring[0] != '\0')
			manifest->test[count++] = word->valuestring;
		else
			faults_add(faults, MANIFEST_FILE, 0, "a word of \"test\" is no text, or empty");
	}
}

static void read_manifest(struct manifest *manifest, struct faults *faults)
{
	static const char *const known[] = {"name", "version", "description", "variables", "files", "test", NULL};
	const char *text;

	check_keys(manifest->json, known, MANIFEST_FILE, faults);
	text = read_text(manifest->json, "name", 1, faults);
	manifest->name = text != NULL ? text : "";
	if (text != NULL &&
	    (strlen(text) > 64 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(text)))
		faults_add(faults, MANIFEST_FILE, 0, "\"name\" is not 1 to 64 of a-z, 0-9 and -");
	text = read_text(manifest->json, "version", 1, faults);
	manifest->version = text != NULL ? text : "";
	if (text != NULL && !pattern_matches("^[0-9]{1,9}[.][0-9]{1,9}[.][0-9]{1,9}$", text))
		faults_add(faults, MANIFEST_FILE, 0, "\"version\" is not of the form 1.2.3");
	text = read_text(manifest->json, "description", 1, faults);
	manifest->description = text != NULL ? text : "";
	read_variables(manifest, faults);
	read_rules(manifest, faults);
	read_test(manifest, faults);
}

int32_t manifest_read(const char *folder, struct manifest **out_manifest, struct faults *faults, skafu_error *error)
{
	struct text content = {0};
	struct manifest *manifest = calloc(1, sizeof *manifest);
	int32_t rc;

	*out_manifest = NULL;
	if (manifest == NULL)
		return failed(error, SKAFU_ENOMEM, "There is no memory for the manifest of %s.", folder);
	rc = files_read(folder, MANIFEST_FILE, MANIFEST_BYTES, &content, error);
	if (rc == SKAFU_ENOTFOUND || rc == SKAFU_ELIMIT || rc == SKAFU_EINVAL) {
		faults_add(faults, MANIFEST_FILE, 0, "it is missing, no file, or has more than %d bytes",
			   MANIFEST_BYTES);
		rc = SKAFU_OK;
	} else if (rc == SKAFU_OK) {
		manifest->json = cJSON_ParseWithLengthOpts(text_string(&content), content.length + 1, NULL, 1);
		if (cJSON_IsObject(manifest->json))
			read_manifest(manifest, faults);
		else
			faults_add(faults, MANIFEST_FILE, 0, "it is not a JSON object");
	}
	text_free(&content);
	if (rc != SKAFU_OK || !cJSON_IsObject(manifest->json)) {
		manifest_free(manifest);
		return rc;
	}
	*out_manifest = manifest;
	return SKAFU_OK;
}

void manifest_free(struct manifest *manifest)
{
	if (manifest == NULL)
		return;
	cJSON_Delete(manifest->json);
	free(manifest);
}

/* ---- what it says ---- */

const char *manifest_name(const struct manifest *manifest)
{
	return manifest->name;
}

const char *manifest_version(const struct manifest *manifest)
{
	return manifest->version;
}

const char *manifest_description(const struct manifest *manifest)
{
	return manifest->description;
}

const struct variable *manifest_variables(const struct manifest *manifest, size_t *out_count)
{
	*out_count = manifest->variable_count;
	return manifest->variables;
}

const struct file_rule *manifest_rules(const struct manifest *manifest, size_t *out_count)
{
	*out_count = manifest->rule_count;
	return manifest->rules;
}

const char *const *manifest_test(const struct manifest *manifest)
{
	return manifest->test;
}

/*
 * analysis.c: the list of findings.
 */
#include "analysis.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void analysis_add(struct analysis *analysis, const struct analysis_rule *rule, const char *path, size_t line,
		  const char *format, ...)
{
	struct finding *finding;
	va_list args;

	analysis->counts[rule->severity]++;
	if (analysis->findings == NULL)
		analysis->findings = calloc(ANALYSIS_FINDINGS, sizeof *analysis->findings);
	if (analysis->findings == NULL || analysis->kept == ANALYSIS_FINDINGS)
		return;
	finding = &analysis->findings[analysis->kept++];
	finding->rule = rule;
	finding->line = line;
	snprintf(finding->path, sizeof finding->path, "%s", path);
	va_start(args, format);
	vsnprintf(finding->text, sizeof finding->text, format, args);
	va_end(args);
}

void analysis_count_language(struct analysis *analysis, const char *name, size_t lines)
{
	size_t i = 0;

	while (i < analysis->language_count && strcmp(analysis->languages[i].name, name) != 0)
		i++;
	if (i == ANALYSIS_LANGUAGES)
		return;
	if (i == analysis->language_count)
		analysis->languages[analysis->language_count++].name = name;
	analysis->languages[i].files++;
	analysis->languages[i].lines += lines;
}

void analysis_free(struct analysis *analysis)
{
	free(analysis->findings);
	*analysis = (struct analysis){.licence = ""};
}

unsigned analysis_score(const struct analysis *analysis)
{
	size_t lost = analysis->counts[SEVERITY_CRITICAL] * 25 + analysis->counts[SEVERITY_WARNING] * 8 +
		      analysis->counts[SEVERITY_INFO] * 2;

	return lost >= 100 ? 0 : (unsigned)(100 - lost);
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {"INFO", "WARNING", "CRITICAL"};

	return names[severity];
}

static void write_languages(const struct analysis *analysis, cJSON *json)
{
	cJSON *array = cJSON_AddArrayToObject(json, "languages");

	for (size_t i = 0; i < analysis->language_count; i++) {
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "name", analysis->languages[i].name);
		cJSON_AddNumberToObject(item, "files", (double)analysis->languages[i].files);
		cJSON_AddNumberToObject(item, "lines", (double)analysis->languages[i].lines);
		cJSON_AddItemToArray(array, item);
	}
}

static void write_findings(const struct analysis *analysis, cJSON *json)
{
	cJSON *array = cJSON_AddArrayToObject(json, "findings");

	for (size_t i = 0; i < analysis->kept; i++) {
		const struct finding *finding = &analysis->findings[i];
		cJSON *item = cJSON_CreateObject();

		cJSON_AddStringToObject(item, "rule", finding->rule->name);
		cJSON_AddStringToObject(item, "severity", severity_name(finding->rule->severity));
		if (finding->path[0] != '\0')
			cJSON_AddStringToObject(item, "path", finding->path);
		if (finding->line > 0)
			cJSON_AddNumberToObject(item, "line", (double)finding->line);
		cJSON_AddStringToObject(item, "finding", finding->text);
		cJSON_AddStringToObject(item, "recommendation", finding->rule->advice);
		cJSON_AddItemToArray(array, item);
	}
}

int32_t analysis_write(const struct analysis *analysis, const char *analyser, const char *note, struct text *out_json,
		       skafu_error *error)
{
	cJSON *json = cJSON_CreateObject();
	char *text;
	int32_t rc;

	cJSON_AddStringToObject(json, "analyser", analyser);
	cJSON_AddStringToObject(json, "note", note);
	cJSON_AddNumberToObject(json, "score", analysis_score(analysis));
	cJSON_AddNumberToObject(json, "files", (double)analysis->files);
	cJSON_AddNumberToObject(json, "lines", (double)analysis->lines);
	cJSON_AddNumberToObject(json, "bytes", (double)analysis->bytes);
	cJSON_AddStringToObject(json, "licence", analysis->licence);
	for (int i = SEVERITY_CRITICAL; i >= SEVERITY_INFO; i--) {
		static const char *const keys[] = {"infos", "warnings", "criticals"};

		cJSON_AddNumberToObject(json, keys[i], (double)analysis->counts[i]);
	}
	write_languages(analysis, json);
	write_findings(analysis, json);
	text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	rc = text == NULL ? SKAFU_ENOMEM : text_add_string(out_json, text);
	cJSON_free(text);
	return failed_text(error, rc, "an analysis");
}

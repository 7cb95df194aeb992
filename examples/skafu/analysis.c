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
	analysis->no_memory |= analysis->findings == NULL;
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

/* The members of one object; `whole` is 0 as soon as memory was missing for one. */
struct writer {
	cJSON *object;
	int whole;
};

static void put_text(struct writer *writer, const char *key, const char *text)
{
	writer->whole &= cJSON_AddStringToObject(writer->object, key, text) != NULL;
}

static void put_number(struct writer *writer, const char *key, double number)
{
	writer->whole &= cJSON_AddNumberToObject(writer->object, key, number) != NULL;
}

/* Takes the object over, into the array. */
static int put_object(cJSON *array, struct writer *writer)
{
	if (cJSON_AddItemToArray(array, writer->object))
		return writer->whole;
	cJSON_Delete(writer->object);
	return 0;
}

static int write_languages(const struct analysis *analysis, cJSON *json)
{
	cJSON *array = cJSON_AddArrayToObject(json, "languages");
	int whole = array != NULL;

	for (size_t i = 0; i < analysis->language_count; i++) {
		struct writer writer = {cJSON_CreateObject(), 1};

		put_text(&writer, "name", analysis->languages[i].name);
		put_number(&writer, "files", (double)analysis->languages[i].files);
		put_number(&writer, "lines", (double)analysis->languages[i].lines);
		whole &= put_object(array, &writer);
	}
	return whole;
}

static int write_findings(const struct analysis *analysis, cJSON *json)
{
	cJSON *array = cJSON_AddArrayToObject(json, "findings");
	int whole = array != NULL;

	for (size_t i = 0; i < analysis->kept; i++) {
		const struct finding *finding = &analysis->findings[i];
		struct writer writer = {cJSON_CreateObject(), 1};

		put_text(&writer, "rule", finding->rule->name);
		put_text(&writer, "severity", severity_name(finding->rule->severity));
		if (finding->path[0] != '\0')
			put_text(&writer, "path", finding->path);
		if (finding->line > 0)
			put_number(&writer, "line", (double)finding->line);
		put_text(&writer, "finding", finding->text);
		put_text(&writer, "recommendation", finding->rule->advice);
		whole &= put_object(array, &writer);
	}
	return whole;
}

int32_t analysis_write(const struct analysis *analysis, const char *analyser, const char *note, struct text *out_json,
		       skafu_error *error)
{
	struct writer writer = {cJSON_CreateObject(), 1};
	char *text = NULL;
	int32_t rc;

	put_text(&writer, "analyser", analyser);
	put_text(&writer, "note", note);
	put_number(&writer, "score", analysis_score(analysis));
	put_number(&writer, "files", (double)analysis->files);
	put_number(&writer, "lines", (double)analysis->lines);
	put_number(&writer, "bytes", (double)analysis->bytes);
	put_text(&writer, "licence", analysis->licence);
	put_number(&writer, "criticals", (double)analysis->counts[SEVERITY_CRITICAL]);
	put_number(&writer, "warnings", (double)analysis->counts[SEVERITY_WARNING]);
	put_number(&writer, "infos", (double)analysis->counts[SEVERITY_INFO]);
	writer.whole &= write_languages(analysis, writer.object);
	writer.whole &= write_findings(analysis, writer.object);
	if (writer.whole)
		text = cJSON_PrintUnformatted(writer.object);
	cJSON_Delete(writer.object);
	rc = text == NULL ? SKAFU_ENOMEM : text_add_string(out_json, text);
	cJSON_free(text);
	return failed_text(error, rc, "an analysis");
}

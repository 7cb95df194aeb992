/*
 * describe.c: a sentence for each type, with members of the data in braces.
 */
#include "describe.h"

#include <stdio.h>
#include <string.h>

#include <skafu_model.h>

static const struct sentence {
	const char *type;
	const char *text;
} sentences[] = {
	{"CreateProject", "{name} from {template}"},
	{"SelectTemplate", "{template} for {project}"},
	{"DeployProject", "{project}"},
	{"RetireRepository", "{repository}"},
	{"DiscardRendering", "{into}"},
	{"UploadTemplate", "{template} {version}"},
	{"DeleteTemplate", "{template}"},
	{"AnalyseFolder", "{folder}"},
	{"ProjectCreated", "{name} from {template}, into {into}"},
	{"ProjectConfigured", "{name} is ready: {into}"},
	{"ProjectFailed", "{name}: {message}"},
	{"ProjectExpired", "the deadline has passed"},
	{"TemplateUploaded", "{template} {version}"},
	{"TemplateValidated", "{template} {version} can be used"},
	{"TemplateInvalidated", "{template} {version}: {faultCount} faults, the first: {faults/0/text}"},
	{"TemplateSelected", "{template} {version}"},
	{"TemplateRendered", "{files} files, {bytes} bytes"},
	{"TemplateRenderingFailed", "{message}"},
	{"TemplateDeleted", "{template}"},
	{"RenderingDiscarded", "{into} is taken away"},
	{"AIAnalysisRequested", "by the {analyser} analyser"},
	{"AIAnalysisCompleted", "{score} of 100 ({analyser}): {summary}"},
	{"RecommendationGenerated", "{text}"},
	{"CodeGenerated", "{path}, {bytes} bytes, as a suggestion"},
	{"AILimitReached", "{message}"},
	{"RepositoryCreated", "{repository}"},
	{"RepositoryFailed", "{message}"},
	{"RepositoryRetired", "{repository} is removed"},
	{"DeploymentStarted", "first commit to {repository}"},
	{"DeploymentCompleted", "{commit} is on {branch}"},
	{"DeploymentFailed", "{message}"},
	{"WorkflowTriggered", "{workflow} of {commit}"},
	{"WorkflowCompleted", "{workflow}: {conclusion}"},
	{"CodePushed", "{ref}"},
	{"MetricCollected", "{metric} = {value} {unit}"},
	{"ThresholdBreached", "{metric} = {value}, at most {threshold}"},
	{"ThresholdRestored", "{metric} = {value}"},
	{"AlertTriggered", "{message}"},
	{"AlertCleared", "{message}"},
	{"DashboardUpdated",
	 "{projectsConfigured} of {projectsCreated} projects configured, {openAlerts} open alerts"},
	{"SystemHealthCheck", "{status}"},
	{"ErrorOccurred", "{errorCode}: {errorMessage}"},
};

static const char *sentence_of(const skafu_record *record)
{
	if (record->kind == SKAFU_KIND_OUTCOME)
		return "{decision} {code}";
	for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++)
		if (strcmp(sentences[i].type, record->type) == 0)
			return sentences[i].text;
	return "";
}

/* A member's text without its quotes, or its number as it is written; control characters become blanks. */
static size_t put_member(const skafu_record *record, const char *name, size_t length, char *out, size_t size)
{
	char pointer[64];
	const char *member;
	size_t member_length;

	snprintf(pointer, sizeof pointer, "/%.*s", (int)length, name);
	if (skafu_json_text(record->data, record->data_length, pointer, size, out, NULL) != SKAFU_OK) {
		if (skafu_json_find(record->data, record->data_length, pointer, &member, &member_length, NULL) !=
		    SKAFU_OK)
			member_length = 0;
		snprintf(out, size, "%.*s", (int)member_length, member_length > 0 ? member : "");
	}
	for (char *at = out; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = ' ';
	return strlen(out);
}

void describe(const skafu_record *record, char *out, size_t size)
{
	const char *at = sentence_of(record);
	size_t used = 0;

	out[0] = '\0';
	while (*at != '\0' && used + 1 < size) {
		const char *end = *at == '{' ? strchr(at, '}') : NULL;

		if (end != NULL) {
			used += put_member(record, at + 1, (size_t)(end - at - 1), out + used, size - used);
			at = end + 1;
		} else {
			out[used++] = *at++;
			out[used] = '\0';
		}
	}
}

const char *describe_kind(const skafu_record *record)
{
	static const char *const kinds[] = {"", "event", "command", "error", "outcome"};

	return record->kind < 5 ? kinds[record->kind] : "";
}

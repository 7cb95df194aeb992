/*
 * ai.c: ai-integration.  Every project is looked at when its files are there.
 *
 *   ProjectCreated --> AIAnalysisRequested
 *   AnalyseFolder      AIAnalysisRequested, with a folder that is there already
 *   TemplateRendered, or AIAnalysisRequested with a folder
 *       --> AIAnalysisCompleted, RecommendationGenerated for each, CodeGenerated, AILimitReached when the API says so
 *
 * The offline analyser finds the facts.  With a key a model is asked for its opinion too; when it cannot be had, the
 * analysis is completed without it and says why, since nobody's project should wait for it.
 */
#include "domains.h"

#include <stdio.h>
#include <string.h>

#include "analyser.h"
#include "suggest.h"

static const char *const events[] = {"AIAnalysisRequested", "AIAnalysisCompleted", "RecommendationGenerated",
				     "CodeGenerated",       "AILimitReached",      NULL};

struct inquiry {
	const struct world *world;
	const skafu_record *event;
	skafu_turn *turn;
	char folder[1024];
	char project[64];
	char stream[320];
	struct analysis analysis;
	struct suggestion suggestion;
	struct anthropic_answer answer;
	const char *analyser;
	char degraded[300]; /* why there is no opinion of a model; "" */
};

/* ---- requests ---- */

static const char *analyser_of(const struct world *world)
{
	return world->has_anthropic ? "anthropic" : ANALYSER_NAME;
}

static int32_t request(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};
	char project[64];
	char stream[320];

	record_get(event, "/name", project, sizeof project);
	json_open(&data, NULL, '{');
	json_text(&data, "project", project);
	json_text(&data, "analyser", analyser_of(user));
	json_close(&data, '}');
	return domain_emit(turn, "AIAnalysisRequested", domain_stream(stream, "analysis", project), project, &data,
			   error);
}

static int32_t folder_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
			     skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};

	(void)user;
	(void)state;
	json_raw(&data, NULL, command->data, command->data_length);
	return domain_emit(turn, "AIAnalysisRequested", NULL, NULL, &data, error);
}

/* ---- what was found, as events ---- */

static int32_t emit(struct inquiry *inquiry, const char *type, struct json *data, skafu_error *error)
{
	return domain_emit(inquiry->turn, type, inquiry->stream, inquiry->project, data, error);
}

static int32_t tell_recommendation(struct inquiry *inquiry, const struct recommendation *item, skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};

	json_open(&data, NULL, '{');
	json_text(&data, "project", inquiry->project);
	json_text(&data, "analyser", inquiry->analyser);
	json_text(&data, "rule", item->rule);
	json_text(&data, "severity", item->severity);
	json_text(&data, "path", item->path);
	json_text(&data, "text", item->text);
	json_close(&data, '}');
	return emit(inquiry, "RecommendationGenerated", &data, error);
}

static int32_t tell_code(struct inquiry *inquiry, skafu_error *error)
{
	const struct text *code = &inquiry->suggestion.code;
	struct json data = {.rc = SKAFU_OK};
	char blob[BLOB_NAME_BYTES];
	int32_t rc;

	if (code->length == 0)
		return SKAFU_OK;
	rc = blob_put(inquiry->world->blobs, code->bytes, code->length, blob, error);
	if (rc != SKAFU_OK)
		return rc;
	json_open(&data, NULL, '{');
	json_text(&data, "project", inquiry->project);
	json_text(&data, "analyser", inquiry->analyser);
	json_text(&data, "path", inquiry->suggestion.code_path);
	json_text(&data, "blob", blob);
	json_number(&data, "bytes", (int64_t)code->length);
	json_close(&data, '}');
	return emit(inquiry, "CodeGenerated", &data, error);
}

static int32_t tell_limit(struct inquiry *inquiry, skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};

	json_open(&data, NULL, '{');
	json_text(&data, "project", inquiry->project);
	json_text(&data, "errorType", inquiry->answer.error_type);
	json_number(&data, "retryAfterMs", inquiry->answer.retry_after_ms);
	json_text(&data, "message", inquiry->degraded);
	json_close(&data, '}');
	return emit(inquiry, "AILimitReached", &data, error);
}

static void add_facts(struct json *data, const struct analysis *analysis)
{
	json_number(data, "score", analysis_score(analysis));
	json_number(data, "files", (int64_t)analysis->files);
	json_number(data, "lines", (int64_t)analysis->lines);
	json_text(data, "licence", analysis->licence != NULL ? analysis->licence : "");
	json_open(data, "findings", '{');
	for (int i = SEVERITY_INFO; i <= SEVERITY_CRITICAL; i++)
		json_number(data, severity_name((enum severity)i), (int64_t)analysis->counts[i]);
	json_close(data, '}');
	json_open(data, "languages", '[');
	for (size_t i = 0; i < analysis->language_count; i++)
		json_text(data, NULL, analysis->languages[i].name);
	json_close(data, ']');
}

static int32_t tell_completed(struct inquiry *inquiry, skafu_error *error)
{
	struct json data = {.rc = SKAFU_OK};

	json_open(&data, NULL, '{');
	json_text(&data, "project", inquiry->project);
	json_text(&data, "folder", inquiry->folder);
	json_text(&data, "analyser", inquiry->analyser);
	json_text(&data, "note",
		  strcmp(inquiry->analyser, ANALYSER_NAME) == 0 ? ANALYSER_NOTE : inquiry->answer.model);
	json_text(&data, "summary", inquiry->suggestion.summary);
	add_facts(&data, &inquiry->analysis);
	if (inquiry->degraded[0] != '\0')
		json_text(&data, "degraded", inquiry->degraded);
	json_close(&data, '}');
	return emit(inquiry, "AIAnalysisCompleted", &data, error);
}

static int32_t tell(struct inquiry *inquiry, skafu_error *error)
{
	int32_t rc = inquiry->answer.limit_reached ? tell_limit(inquiry, error) : SKAFU_OK;

	if (rc == SKAFU_OK)
		rc = tell_completed(inquiry, error);
	for (size_t i = 0; rc == SKAFU_OK && i < inquiry->suggestion.count; i++)
		rc = tell_recommendation(inquiry, &inquiry->suggestion.items[i], error);
	return rc == SKAFU_OK ? tell_code(inquiry, error) : rc;
}

/* ---- the analysis ---- */

/* The opinion of a model; what goes wrong with it becomes the reason why there is none. */
static int32_t ask_model(struct inquiry *inquiry, skafu_error *error)
{
	struct anthropic_question question = {.system = "You review small software projects, briefly and exactly."};
	struct text text = {.limit = 2 * SUGGEST_QUESTION_BYTES};
	int32_t rc = suggest_question(inquiry->folder, &inquiry->analysis, &text, error);

	question.text = text_string(&text);
	if (rc == SKAFU_OK)
		rc = anthropic_ask(&inquiry->world->anthropic, &question, &inquiry->answer, error);
	text_free(&text);
	return rc == SKAFU_OK ? suggest_from_answer(text_string(&inquiry->answer.text), &inquiry->suggestion, error)
			      : rc;
}

static int32_t analyse(struct inquiry *inquiry, skafu_error *error)
{
	int32_t rc = analyser_run(inquiry->folder, &inquiry->analysis, error);

	inquiry->analyser = ANALYSER_NAME;
	if (rc != SKAFU_OK)
		return rc;
	if (inquiry->world->has_anthropic && ask_model(inquiry, error) == SKAFU_OK) {
		inquiry->analyser = "anthropic";
		return SKAFU_OK;
	}
	if (inquiry->world->has_anthropic)
		snprintf(inquiry->degraded, sizeof inquiry->degraded, "%.290s", skafu_error_message(error));
	suggest_free(&inquiry->suggestion);
	return suggest_offline(&inquiry->analysis, &inquiry->suggestion, error);
}

static int32_t look(struct inquiry *inquiry, skafu_error *error)
{
	uint8_t key[16];
	int32_t rc = skafu_effect(inquiry->turn, "analysis", key, error);

	if (rc != 1)
		return rc;
	domain_stream(inquiry->stream, "analysis",
		      inquiry->project[0] != '\0' ? inquiry->project : inquiry->event->correlation);
	rc = analyse(inquiry, error);
	if (rc == SKAFU_OK)
		rc = tell(inquiry, error);
	analysis_free(&inquiry->analysis);
	suggest_free(&inquiry->suggestion);
	anthropic_answer_free(&inquiry->answer);
	return rc;
}

static int32_t react(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	struct inquiry inquiry = {.world = user, .event = event, .turn = turn};
	int is_rendered = strcmp(event->type, "TemplateRendered") == 0;

	record_get(event, is_rendered ? "/into" : "/folder", inquiry.folder, sizeof inquiry.folder);
	record_get(event, "/project", inquiry.project, sizeof inquiry.project);
	/* A request for a project waits for its files: TemplateRendered says where they are. */
	return inquiry.folder[0] != '\0' ? look(&inquiry, error) : SKAFU_OK;
}

/* ---- the definition ---- */

static const struct domain_decider deciders[] = {
	{.name = "analysis", .commands = {"AnalyseFolder"}, .decide = folder_decide}, {.name = NULL}};

static const struct domain_reaction reactions[] = {
	{.name = "analysis-request", .types = {"ProjectCreated"}, .react = request},
	{.name = "analysis", .types = {"TemplateRendered", "AIAnalysisRequested"}, .react = react},
	{.name = NULL}};

int32_t ai_define(skafu_model *model, const struct world *world, skafu_error *error)
{
	static const struct domain domain = {
		.name = AI_DOMAIN, .events = events, .deciders = deciders, .reactions = reactions};

	return domain_define(model, &domain, world, error);
}

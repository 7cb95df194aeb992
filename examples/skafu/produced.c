/*
 * produced.c: which part of the application produces which type of event.  A test lets all of it happen and compares.
 */
#include "domains.h"

const char *const domain_views[] = {"projects", "templates", "dashboard", NULL};

const struct produced produced[] = {
	{"ProjectCreated", PROJECT_DOMAIN, "the command CreateProject, when the name is free", 1},
	{"ProjectConfigured", PROJECT_DOMAIN, "the process project-creation, after the first commit", 1},
	{"ProjectFailed", PROJECT_DOMAIN, "the process project-creation, before it undoes what was made", 0},
	{"ProjectExpired", PROJECT_DOMAIN, "a timer of the process project-creation", 0},
	{"TemplateUploaded", TEMPLATE_DOMAIN, "the command UploadTemplate (skafu templates add)", 1},
	{"TemplateValidated", TEMPLATE_DOMAIN, "the reaction template-validation", 1},
	{"TemplateInvalidated", TEMPLATE_DOMAIN, "the reaction template-validation, with all faults", 1},
	{"TemplateSelected", TEMPLATE_DOMAIN, "the command SelectTemplate, sent for ProjectCreated", 1},
	{"TemplateRendered", TEMPLATE_DOMAIN, "the reaction template-rendering, when the files are there", 1},
	{"TemplateRenderingFailed", TEMPLATE_DOMAIN, "the same, when they cannot be made", 0},
	{"TemplateDeleted", TEMPLATE_DOMAIN, "the command DeleteTemplate", 1},
	{"RenderingDiscarded", TEMPLATE_DOMAIN, "the command DiscardRendering, a compensation", 0},
	{"AIAnalysisRequested", AI_DOMAIN, "the reaction analysis-request; the command AnalyseFolder", 1},
	{"AIAnalysisCompleted", AI_DOMAIN, "the reaction analysis, by a model or offline", 1},
	{"RecommendationGenerated", AI_DOMAIN, "the same, for each finding that has an advice", 1},
	{"CodeGenerated", AI_DOMAIN, "the same: an .editorconfig offline, or what the model suggests", 1},
	{"AILimitReached", AI_DOMAIN, "the same, when the API answers 429 or 529", 1},
	{"RepositoryCreated", GITHUB_DOMAIN, "the reaction repository-creation; a webhook", 1},
	{"RepositoryFailed", GITHUB_DOMAIN, "the reaction repository-creation", 0},
	{"RepositoryRetired", GITHUB_DOMAIN, "the command RetireRepository, a compensation", 0},
	{"DeploymentStarted", GITHUB_DOMAIN, "the command DeployProject; a webhook", 1},
	{"DeploymentCompleted", GITHUB_DOMAIN, "the reaction deployment, after the push; a webhook", 1},
	{"DeploymentFailed", GITHUB_DOMAIN, "the reaction deployment; a webhook", 1},
	{"WorkflowTriggered", GITHUB_DOMAIN, "the reaction workflow-trigger (create --check); a webhook", 1},
	{"WorkflowCompleted", GITHUB_DOMAIN, "the reaction workflow-run, after the test; a webhook", 0},
	{"CodePushed", GITHUB_DOMAIN, "a webhook", 0},
	{"MetricCollected", OBSERVABILITY_DOMAIN, "the command CollectMetrics; the reaction measuring", 1},
	{"ThresholdBreached", OBSERVABILITY_DOMAIN, "the reaction thresholds; an alarm of the watch", 1},
	{"ThresholdRestored", OBSERVABILITY_DOMAIN, "an alarm of the watch that is over", 0},
	{"AlertTriggered", OBSERVABILITY_DOMAIN, "the process alerts, once for each figure", 1},
	{"AlertCleared", OBSERVABILITY_DOMAIN, "the process alerts", 0},
	{"DashboardUpdated", OBSERVABILITY_DOMAIN, "the command UpdateDashboard, at intervals", 1},
	{"SystemHealthCheck", OBSERVABILITY_DOMAIN, "the command ReportHealth, at intervals", 1},
	{"ErrorOccurred", "any", "the error bus: refusals, failures, handlers that give up", 1},
};
const size_t produced_count = sizeof produced / sizeof *produced;

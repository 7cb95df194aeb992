/*
 * domains.h: the five domains.  Each is one file that knows events and commands, and no function of another.
 *
 *   project-management    project.c         decides about names, follows each creation to its end
 *   template-management   template.c        keeps templates, renders projects
 *   ai-integration        ai.c              looks at what was rendered
 *   github-integration    github.c          repositories, first commits, workflows, deliveries of webhooks
 *   observability         observability.c   figures, thresholds, alerts, health
 *
 * Where every event type comes from is said in the table of produced.c, which a test compares with a real run.
 */
#ifndef SKAFU_APP_DOMAINS_H
#define SKAFU_APP_DOMAINS_H

#include "domain.h"

#define PROJECT_DOMAIN "project-management"
#define TEMPLATE_DOMAIN "template-management"
#define AI_DOMAIN "ai-integration"
#define GITHUB_DOMAIN "github-integration"
#define OBSERVABILITY_DOMAIN "observability"

int32_t project_define(skafu_model *model, const struct world *world, skafu_error *error);
int32_t template_define(skafu_model *model, const struct world *world, skafu_error *error);
int32_t ai_define(skafu_model *model, const struct world *world, skafu_error *error);
int32_t github_define(skafu_model *model, const struct world *world, skafu_error *error);
int32_t observability_define(skafu_model *model, const struct world *world, skafu_error *error);

/* The views, for whoever wants to know about all of them; ended by NULL. */
extern const char *const domain_views[];

/* What produces an event type. */
struct produced {
	const char *type;
	const char *domain;
	const char *by;
	int is_of_document; /* named in the architecture's document, else one that the application needs besides */
};
extern const struct produced produced[];
extern const size_t produced_count;

#endif

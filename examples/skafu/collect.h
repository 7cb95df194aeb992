/*
 * collect.h: the figures of the running system, as commands to observability.
 */
#ifndef SKAFU_APP_COLLECT_H
#define SKAFU_APP_COLLECT_H

#include "app.h"

/* MetricCollected for each figure, SystemHealthCheck, DashboardUpdated; all of one correlation. */
int32_t collect(struct app *app, skafu_error *error);

/* The health as JSON {"status": "ok" or "degraded", "checks": [...]}. */
int32_t collect_health(struct app *app, struct text *out_json, skafu_error *error);

#endif

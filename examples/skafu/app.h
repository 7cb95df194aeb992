/*
 * app.h: the application put together: the log, the five domains over it, the engine that runs them, the watch.
 *
 * Reading needs no engine.  app_tend() is what the host does between the steps of its engine: failures of domains go
 * to the error bus, alarms of the watch to observability.
 */
#ifndef SKAFU_APP_APP_H
#define SKAFU_APP_APP_H

#include <skafu_run.h>
#include <skafu_watch.h>

#include "s3.h"
#include "world.h"

#define APP_ENGINE 0x1u /* with engine and watch; makes the home when there is none */

#define APP_PATIENCE_NS UINT64_C(30000000000) /* for what nobody has to wait for outside this machine */

#define APP_ALARMS 32 /* that wait for the next app_tend(); what is more is counted by the watch's metrics */

struct app_alarm {
	char name[96];
	char message[256];
	double value;
	double threshold;
	int raised;
	uint32_t severity;
};

struct app {
	char home[768];
	struct world world;
	struct s3 s3;
	struct blob_remote remote;
	skafu_store *store;
	skafu_model *model;
	skafu_engine *engine;
	skafu_watch *watch;
	skafu_subscription *failures;
	struct app_alarm alarms[APP_ALARMS];
	size_t alarm_count;
};

/* home: absolute or not.  Without APP_ENGINE the home must be there.  What was opened is closed on failure. */
int32_t app_open(struct app *app, const char *home, uint32_t flags, skafu_error *error);
void app_close(struct app *app);

/* A correlation that people can type: "req-" and 12 digits. */
void app_correlation(char out[32]);

struct app_request {
	const char *function; /* for the error bus: "create-project" */
	const char *user;     /* may be NULL */
	const char *correlation;
};

/* Report a refusal of a command on the error bus, in the schema of the document. */
int32_t app_report(struct app *app, const struct app_request *request, const char *source,
		   const skafu_outcome *outcome, skafu_error *error);

/* Send a command, let it be decided, and report a refusal. */
int32_t app_execute(struct app *app, const struct app_request *request, const char *domain,
		    const skafu_command *command, skafu_outcome **out_outcome, skafu_error *error);

int32_t app_tend(struct app *app, skafu_error *error);

/* Let the engine come to rest, with everything that app_tend() gives it to do. */
int32_t app_settle(struct app *app, uint64_t timeout_ns, skafu_error *error);

#endif

/*
 * webhook.h: what GitHub tells us, checked and turned into events of the application.
 *
 * A delivery is believed only when its signature is that of the secret we share.  Its event id comes from the
 * delivery's own id, so a delivery that is repeated is recorded once.
 *
 *   push, of commits on a branch        CodePushed
 *   workflow_run requested              WorkflowTriggered
 *   workflow_run completed              WorkflowCompleted
 *   deployment                          DeploymentStarted
 *   deployment_status success           DeploymentCompleted
 *   deployment_status failure, error    DeploymentFailed
 *   repository created                  RepositoryCreated
 */
#ifndef SKAFU_APP_WEBHOOK_H
#define SKAFU_APP_WEBHOOK_H

#include "text.h"

#define WEBHOOK_BYTES ((size_t)25 << 20) /* GitHub's own limit */

struct webhook_event {
	const char *type;    /* static; NULL when nothing comes from this delivery ... */
	const char *ignored; /* ... and why not */
	uint8_t id[SKAFU_ID_BYTES];
	int64_t time_ns;      /* when it happened, 0: the payload does not say */
	char repository[256]; /* "owner/name" */
	struct text data;     /* JSON */
};

/* Is this the body's X-Hub-Signature-256 under the secret?  SKAFU_EACCESS when not, and without a secret. */
int32_t webhook_check(const char *secret, const void *body, size_t length, const char *signature, skafu_error *error);

/*
 * Map a body by its X-GitHub-Event; `delivery` is its X-GitHub-Delivery, or NULL: then the hash of the body takes its
 * place.  SKAFU_EJSON: no JSON object; SKAFU_EINVAL: a field that the event needs is missing.  Free it in any case.
 */
int32_t webhook_map(const char *event, const char *delivery, const char *body, size_t length,
		    struct webhook_event *out_event, skafu_error *error);
void webhook_free(struct webhook_event *event);

#endif

/*
 * world.h: what the domains may use of the world outside the log.
 *
 * Only handlers of effects look at it: deciders and processes decide upon events alone.
 */
#ifndef SKAFU_APP_WORLD_H
#define SKAFU_APP_WORLD_H

#include "anthropic.h"
#include "blob.h"
#include "githubapi.h"

struct world {
	const char *home;         /* absolute: "log", "blobs", "repositories", "work", "discarded" are in it */
	struct blob_store *blobs; /* templates, rendered projects, generated code */
	int has_anthropic;        /* else the offline analyser */
	struct anthropic anthropic;
	int has_github; /* else bare repositories on this machine */
	struct githubapi github;
	const char *alert_url; /* where alerts are posted to; NULL: nowhere */
	void (*alert)(void *user, const char *sentence);
	void *alert_user;
};

#endif

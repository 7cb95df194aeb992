/*
 * deliver.h: a delivery of GitHub into the log, from a file or from the gateway.
 */
#ifndef SKAFU_APP_DELIVER_H
#define SKAFU_APP_DELIVER_H

#include "app.h"

struct delivery {
	const char *event; /* X-GitHub-Event */
	const char *id;    /* X-GitHub-Delivery, or NULL */
	const char *body;
	size_t length;
};

struct delivered {
	const char *type;    /* of the event; NULL: nothing came of it ... */
	const char *ignored; /* ... and why */
	int was_there;       /* it was recorded before */
	uint64_t sequence;
};

/* The signature was checked by then. */
int32_t deliver(struct app *app, const struct delivery *delivery, struct delivered *out_delivered,
		skafu_error *error);

#endif

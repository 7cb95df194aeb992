/*
 * domain.h: a domain as a table, and the few things that all domains do with events.
 *
 * A domain knows types of events and commands and nothing of the other domains' code.  Every event about a project
 * has the tag "project:NAME".  Lists end with an entry without a name.
 */
#ifndef SKAFU_APP_DOMAIN_H
#define SKAFU_APP_DOMAIN_H

#include <skafu_run.h>

#include "json.h"
#include "world.h"

#define DOMAIN_TYPES 24

struct domain_decider {
	const char *name;
	const char *commands[5];
	size_t state_bytes; /* 0: it decides upon the command alone */
	skafu_evolve_fn evolve;
	skafu_decide_fn decide;
	skafu_scope_fn scope; /* NULL: the stream of the command */
};

/* Its user pointer is the struct world. */
struct domain_reaction {
	const char *name;
	const char *types[5];
	skafu_react_fn react;
};

/* A projection, which keeps a rebuilt version beside the one in use until it was compared. */
struct domain_view {
	const char *name;
	const char *types[DOMAIN_TYPES];
	skafu_each_fn each;
};

struct domain {
	const char *name;
	const char *const *events;
	const struct domain_decider *deciders;
	const struct domain_reaction *reactions;
	const struct domain_view *views;
};

int32_t domain_define(skafu_model *model, const struct domain *domain, const struct world *world, skafu_error *error);

/* A member of a record's data as text, "" without one. */
const char *record_get(const skafu_record *record, const char *pointer, char *out, size_t size);

/* Emit an event with these data, which are freed.  stream NULL: the command's; project NULL: about none. */
int32_t domain_emit(skafu_turn *turn, const char *type, const char *stream, const char *project, struct json *data,
		    skafu_error *error);

/* A command with these data, which the caller frees afterwards. */
skafu_command domain_command(const char *type, const char *stream, const struct json *data);

/* Send it, and free the data. */
int32_t domain_send(skafu_turn *turn, const char *type, const char *stream, struct json *data, skafu_error *error);

/* Copy texts of the record's data, each under its own name; those that are not there become "". */
void domain_copy(struct json *data, const skafu_record *record, const char *const *names);

/* A new file or folder of this effect in the folder "work" of the home; what a crash left there is removed. */
void domain_scratch(const struct world *world, const uint8_t key[16], const char *what, char *out, size_t size);

/* "kind/name" in a buffer of 320 bytes. */
const char *domain_stream(char *out, const char *kind, const char *name);

/* Is it past the time that the data name as "deadline"?  Then what they ask for is not wanted any more. */
int domain_is_late(const skafu_record *record);

#endif

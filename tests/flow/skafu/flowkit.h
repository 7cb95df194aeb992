/*
 * flowkit.h: the whole application in a folder of the test, and questions about what its log holds.
 *
 * flow_begin() and flow_end() go into a checked fixture.  Templates are those of the repository.  No key is in the
 * environment unless a test puts one there, before flow_open().
 */
#ifndef TESTS_FLOW_SKAFU_FLOWKIT_H
#define TESTS_FLOW_SKAFU_FLOWKIT_H

#include "app.h"
#include "app/kit.h"
#include "domains.h"

extern struct app flow; /* of the test that runs */

void flow_begin(void);
void flow_end(void);
void flow_open(void);
void flow_close(void);

/* The same log with an engine that runs only these consumers. */
void flow_only(const char *const *consumers, size_t count);

/* Let everything be done that can be done. */
void flow_settle(void);

/* Upload a template of the repository, or a folder of the test; the type of event that came of it. */
const char *flow_template(const char *name);
const char *flow_template_folder(const char *folder, const char *name, const char *version);

/* CreateProject into the folder "projects" of the test; its correlation in a static buffer, "" when refused. */
const char *flow_create(const char *name, const char *template, const char *variables, int64_t patience_ns);

/* Give an event to the log as if its domain had emitted it. */
void flow_append(const char *type, const char *domain, const char *correlation, const char *project,
		 const char *data);

/* How many events (kind SKAFU_KIND_) of a type there are, in a correlation (NULL: anywhere). */
int flow_count(uint32_t kind, const char *type, const char *correlation);
#define flow_events(type, correlation) flow_count(SKAFU_KIND_EVENT, type, correlation)

/* A member of the data of the last one, "" without one; in a static buffer. */
const char *flow_member(uint32_t kind, const char *type, const char *correlation, const char *pointer);

/* Is a text anywhere in the exported log? */
int flow_log_has(const char *text);

#endif

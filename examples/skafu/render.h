/*
 * render.h: a project from a template, all of it or nothing.
 *
 * The project is written into a folder beside its target and gets its name with one rename at the end, after it is on
 * disk: whoever sees the target sees all of it, and a target with anything in it stays as it is.  A template is not
 * trusted: links are refused, every path is checked after its expansion, and files, bytes and depth have limits.
 */
#ifndef SKAFU_APP_RENDER_H
#define SKAFU_APP_RENDER_H

#include "manifest.h"

#define RENDER_FILES 1000
#define RENDER_FILE_BYTES ((size_t)8 << 20) /* before and after the expansion */
#define RENDER_BYTES ((uint64_t)32 << 20)   /* of a template */
#define RENDER_DEPTH 16

struct render_report {
	size_t files;
	uint64_t bytes;
	size_t left_out; /* by conditions */
};

/* Everything that is wrong with a template, in whatever way its conditions come out.  SKAFU_OK with faults means that
 * the template is invalid; other results mean that it could not be looked at. */
int32_t render_validate(const char *folder, struct faults *faults, skafu_error *error);

/* SKAFU_EINVAL when the template or a value has faults (the first is in the error, all are in `faults`, which may be
 * NULL), SKAFU_EEXISTS when the target is there and not an empty folder. */
int32_t render_project(const char *folder, const struct values *values, const char *target,
		       struct render_report *out_report, struct faults *faults, skafu_error *error);

#endif

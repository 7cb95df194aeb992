/*
 * analysis.h: what an analyser found in a folder, and the same as JSON.
 *
 * At most ANALYSIS_FINDINGS findings are kept and the others counted.  The content of a secret never gets into one.
 */
#ifndef SKAFU_APP_ANALYSIS_H
#define SKAFU_APP_ANALYSIS_H

#include "text.h"

#define ANALYSIS_FINDINGS 500
#define ANALYSIS_LANGUAGES 24

enum severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };

/* What a rule is about and what to do; all of them are constants of the analyser. */
struct analysis_rule {
	const char *name; /* "no-licence" */
	enum severity severity;
	const char *advice;
};

struct finding {
	const struct analysis_rule *rule;
	char path[256]; /* "" when it is about the whole folder */
	size_t line;    /* from 1; 0 when it is about the whole file */
	char text[200];
};

struct language {
	const char *name;
	size_t files;
	size_t lines;
};

struct analysis {
	struct finding *findings; /* those about a file in the order of the paths, then those about the whole */
	size_t kept;
	int no_memory;    /* for a finding: then the analysis is not to be used */
	size_t counts[3]; /* of each severity, the ones that were not kept too */
	size_t files;
	size_t lines; /* of text files */
	uint64_t bytes;
	const char *licence; /* "MIT" ..., "" when it was not recognised */
	struct language languages[ANALYSIS_LANGUAGES];
	size_t language_count;
};

void analysis_add(struct analysis *analysis, const struct analysis_rule *rule, const char *path, size_t line,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));
void analysis_count_language(struct analysis *analysis, const char *name, size_t lines);
void analysis_free(struct analysis *analysis);

/* 100 without findings; each takes away according to its severity. */
unsigned analysis_score(const struct analysis *analysis);

const char *severity_name(enum severity severity); /* "INFO", "WARNING", "CRITICAL" */

/* Add {"analyser": NAME, "note": NOTE, "score": ..., "languages": [...], "findings": [...]}. */
int32_t analysis_write(const struct analysis *analysis, const char *analyser, const char *note, struct text *out_json,
		       skafu_error *error);

#endif

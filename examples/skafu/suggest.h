/*
 * suggest.h: what comes of an analysis besides figures: recommendations, and code.
 *
 * Offline, recommendations are the advice of the rules that found something, and the code is an .editorconfig for the
 * languages that were found.  A model is asked for both in a fixed form, and its answer is taken apart here.  Code is
 * only ever suggested: it goes into the blobs, and a person decides.
 */
#ifndef SKAFU_APP_SUGGEST_H
#define SKAFU_APP_SUGGEST_H

#include "analysis.h"

#define SUGGEST_RECOMMENDATIONS 5
#define SUGGEST_QUESTION_BYTES ((size_t)48 << 10)

struct recommendation {
	const char *rule; /* "" when a model says it */
	const char *severity;
	char path[256];
	char text[400];
};

struct suggestion {
	struct recommendation items[SUGGEST_RECOMMENDATIONS];
	size_t count;
	char summary[600];
	char code_path[256]; /* "" when there is no code */
	struct text code;
};

void suggest_free(struct suggestion *suggestion);

/* From the findings, the worst first. */
int32_t suggest_offline(const struct analysis *analysis, struct suggestion *out_suggestion, skafu_error *error);

/* The question about a folder: its small text files, but none in which something secret was found. */
int32_t suggest_question(const char *folder, const struct analysis *analysis, struct text *out, skafu_error *error);

/* From an answer: lines "- ..." are recommendations, the first fenced block is code for the path after its ```, and
 * the first other line is the summary. */
int32_t suggest_from_answer(const char *answer, struct suggestion *out_suggestion, skafu_error *error);

#endif

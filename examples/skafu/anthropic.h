/*
 * anthropic.h: questions to a model over the Messages API.
 *
 * Needs a key in ANTHROPIC_API_KEY.  The key is sent to the API in its header and is never part of an answer, an
 * error or a log.  ANTHROPIC_BASE_URL and ANTHROPIC_MODEL replace the address and the model.
 */
#ifndef SKAFU_APP_ANTHROPIC_H
#define SKAFU_APP_ANTHROPIC_H

#include "text.h"

struct anthropic {
	const char *key;
	const char *base_url; /* NULL: the public one */
	const char *model;    /* NULL: a default */
	uint32_t timeout_ms;  /* 0: 120,000 */
};

struct anthropic_question {
	const char *system; /* may be NULL */
	const char *text;
	uint32_t max_tokens; /* 0: 2,048 */
	/* With it the answer is streamed: it gets each piece of the text.  Another result than 0 ends the call. */
	int32_t (*on_text)(void *user, const char *text, size_t length);
	void *user;
};

struct anthropic_answer {
	struct text text;
	char id[64];
	char model[64];
	char stop_reason[32]; /* "end_turn", "max_tokens", "refusal" ... */
	int64_t input_tokens;
	int64_t output_tokens;
	int limit_reached;      /* the call failed because of a rate limit or an overloaded API ... */
	int64_t retry_after_ms; /* ... which asked to wait so long, -1: it did not say */
	char error_type[64];    /* "rate_limit_error" ..., "" without one */
};

/* 1 when there is a key.  The texts of the settings belong to the environment. */
int anthropic_from_environment(struct anthropic *out_settings);

/*
 * SKAFU_EBUSY with limit_reached set: 429, 529, or an overload in the middle of a stream; SKAFU_ETIMEOUT; SKAFU_EIO:
 * the API failed or broke off, and what came of the text until then is in the answer; SKAFU_EACCESS: the key is not
 * accepted; SKAFU_EINVAL: the question is not.  Free the answer in any case.
 */
int32_t anthropic_ask(const struct anthropic *settings, const struct anthropic_question *question,
		      struct anthropic_answer *out_answer, skafu_error *error);
void anthropic_answer_free(struct anthropic_answer *answer);

#endif

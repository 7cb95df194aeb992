/*
 * json.h: the strict JSON validator that stands in front of every payload, and the one place that reads JSON trees.
 *
 * The syntax is exactly that of RFC 8259 with: UTF-8 only and no byte order mark; no lone or broken surrogate escape;
 * nesting and size up to the limits.  What lies beyond the syntax is a rule of its own: no NUL in an object's names,
 * no name twice in one object (compared after unescaping).  The store never leaves that rule out.  The validator
 * builds no tree and uses constant stack: it is safe in a thread with 64 KiB.
 */
#ifndef SKAFU__CODEC_JSON_H
#define SKAFU__CODEC_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"
#include "skafu_base.h"

#define SKAFU__JSON_DEPTH_MAX 64

struct skafu__json_fault {
	size_t offset;      /* in bytes, where the fault was seen */
	const char *reason; /* static: "a name appears twice in one object" */
};

/* By the store's rules: 0; SKAFU_EJSON with *fault filled in; SKAFU_ENOMEM (an object with very many names needs
 * memory for a while).
 * depth_max counts open objects and arrays, so 0 lets only a bare number, string or word pass; more than
 * SKAFU__JSON_DEPTH_MAX means SKAFU__JSON_DEPTH_MAX.  fault may be NULL. */
int32_t skafu__json_check(const struct skafu__sys *sys, const void *text, size_t length, uint32_t depth_max,
			  struct skafu__json_fault *fault);

/* Rules beyond the syntax: a fault of theirs is valid JSON all the same. */
#define SKAFU__JSON_RULE_NAMES 0x1u /* no name twice in one object, no NUL in a name */
#define SKAFU__JSON_RULES_OF_THE_STORE SKAFU__JSON_RULE_NAMES

/* The same under other rules than the store's: 0 is the syntax alone. */
int32_t skafu__json_check_by(const struct skafu__sys *sys, const void *text, size_t length, uint32_t depth_max,
			     uint32_t rules, struct skafu__json_fault *fault);

/* For tests: the same, but only the bits of hash_mask are kept of the hash of a name, so that names collide. */
int32_t skafu__json_check_weak(const struct skafu__sys *sys, const void *text, size_t length, uint32_t hash_mask,
			       struct skafu__json_fault *fault);

/* How many bytes from the start of text stand for themselves in a JSON string and are ASCII: it stops at a quote, a
 * backslash, a control character, a byte above 0x7F, or the end. */
size_t skafu__json_plain_span(const void *text, size_t length);

/* The form for processors without SSE2, for tests to compare with. */
size_t skafu__json_plain_span_portable(const void *text, size_t length);

/* Past the blanks of JSON: the place of the first other byte from `from` on, or `length`; `from` if it is beyond. */
size_t skafu__json_skip_blanks(const char *text, size_t from, size_t length);

/* The length, 2 to 4, of the well-formed UTF-8 sequence above U+007F that text begins with; 0 when there is none. */
size_t skafu__json_utf8_step(const void *text, size_t length);

/* The length of all such sequences, one behind the other, that text begins with. */
size_t skafu__json_utf8_span(const void *text, size_t length);

#endif

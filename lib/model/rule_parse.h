/*
 * rule_parse.h: a rule's pattern, read and checked, before anything of it goes into a set.
 */
#ifndef SKAFU__MODEL_RULE_PARSE_H
#define SKAFU__MODEL_RULE_PARSE_H

#include "base/buf.h"
#include "model/rule.h"

/* One name of a path; `parent` is NONE for a name at the top. */
struct skafu__draft_path {
	uint32_t parent;
	uint32_t depth; /* from 1 */
	uint32_t at;    /* in bytes */
	uint32_t length;
};

/* An exact value (kind up to NULL) or a test; all offsets are into bytes. */
struct skafu__draft_atom {
	uint32_t kind;
	uint32_t at;
	uint32_t length;
	uint32_t upper_at;
	uint32_t upper_length;
	uint32_t anchor_at; /* of a WILDCARD: a text that all that matches has, where anchor_form says */
	uint32_t anchor_length;
	uint8_t open;
	uint8_t anchor_form;
	uint16_t reserved;
};

struct skafu__draft_group {
	uint32_t from; /* in wanted, or in unwanted when negated */
	uint32_t count;
	uint32_t negated;
};

struct skafu__draft_field {
	uint32_t path;
	uint32_t groups_from;
	uint32_t group_count;
	uint32_t atoms; /* of all groups */
	uint8_t absent;
	uint8_t present;
	uint16_t reserved;
};

/* The alternatives of a pattern: for each its number of fields, then these. */
struct skafu__draft_choices {
	struct skafu__buf words; /* uint32_t */
	uint32_t count;
};

struct skafu__draft {
	const struct skafu__sys *sys;
	struct skafu__buf bytes;
	struct skafu__buf paths;
	struct skafu__buf wanted;
	struct skafu__buf unwanted;
	struct skafu__buf groups;
	struct skafu__buf fields;
	struct skafu__draft_choices choices;
};

void skafu__draft_init(struct skafu__draft *draft, const struct skafu__sys *sys);
void skafu__draft_done(struct skafu__draft *draft);

/* 0; SKAFU_EPATTERN, where the message says at which byte and field; SKAFU_ENOMEM. */
int32_t skafu__draft_parse(struct skafu__draft *draft, const char *pattern, size_t length, skafu_error *error);

#endif

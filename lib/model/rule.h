/*
 * rule.h: a set of compiled rules: what the parser writes, the index is made of and the match reads.
 *
 * A pattern becomes one or more alternatives ($or is multiplied out).  An alternative is a list of terms that must
 * all hold; a term is a path and what may stand there.  Paths are nodes of one trie for all rules, node 0 the event
 * itself.  Exact values and the texts of prefixes are interned by (path, kind, bytes): a value of an event is
 * looked up once, whatever the number of rules.
 */
#ifndef SKAFU__MODEL_RULE_H
#define SKAFU__MODEL_RULE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/hash.h"
#include "model/rule_search.h"
#include "skafu_model.h"

#define SKAFU__RULE_NONE UINT32_MAX
#define SKAFU__RULE_PATTERN_BYTES_MAX 65536u
#define SKAFU__RULE_DEPTH_MAX 32u       /* names in a path */
#define SKAFU__RULE_FIELDS_MAX 1000u    /* fields with values in one pattern */
#define SKAFU__RULE_CHOICES_MAX 1000u   /* alternatives of one pattern */
#define SKAFU__RULE_TERMS_MAX 32768u    /* terms in all alternatives of one pattern */
#define SKAFU__RULE_RULES_MAX 1000000u  /* in a set */
#define SKAFU__RULE_EVENT_BYTES_MAX (64u << 20)

/* Forms of a text that are compared: any of these bits. */
#define SKAFU__RULE_FOLDED 1u
#define SKAFU__RULE_REVERSED 2u
#define SKAFU__RULE_FORMS 4u
#define SKAFU__RULE_INSIDE 4u /* in the place of a form: a literal anywhere in the plain text */

/* What a value is, what an exact condition wants, and (below FORM) the classes of interned texts. */
enum skafu__rule_kind {
	SKAFU__RULE_TEXT = 1,
	SKAFU__RULE_FOLD, /* a text without regard to case */
	SKAFU__RULE_NUMBER,
	SKAFU__RULE_TRUE,
	SKAFU__RULE_FALSE,
	SKAFU__RULE_NULL,
	SKAFU__RULE_WILDCARD,
	SKAFU__RULE_RANGE,  /* of keys (rule_key.h) */
	SKAFU__RULE_FORM = 16 /* + form: a prefix of this form of a text */
};

/* What must be made of a value at a path before its conditions can be judged. */
#define SKAFU__RULE_NEED_FORM(form) (1u << (form))
#define SKAFU__RULE_NEED_TEXT 0x10u
#define SKAFU__RULE_NEED_FOLD 0x20u
#define SKAFU__RULE_NEED_NUMBER 0x40u
#define SKAFU__RULE_NEED_ADDRESS 0x80u
#define SKAFU__RULE_NEED_WORD 0x100u /* true, false, null */

/* A condition that is no exact value.  Bytes lie in skafu_rules.bytes. */
struct skafu__rule_test {
	uint32_t kind;   /* WILDCARD, RANGE or FORM + form */
	uint32_t id;     /* of a FORM: the interned text; of a WILDCARD: that of a literal in it, or NONE */
	uint32_t at;     /* text, compiled wildcard, or lower bound */
	uint32_t length;
	uint32_t upper_at; /* of a RANGE */
	uint32_t upper_length;
	uint8_t open; /* of a RANGE: 1 without its lower bound, 2 without its upper one */
	uint8_t anchor_form; /* of the literal of a WILDCARD: 0, REVERSED or INSIDE */
	uint16_t reserved;
};

/* Any of these exact values (ids, ascending) or tests; with `negated`: a value that is none of these. */
struct skafu__rule_group {
	uint32_t ids_from;
	uint32_t id_count;
	uint32_t tests_from;
	uint32_t test_count;
	uint32_t negated;
};

/* Any of the groups must hold. */
struct skafu__rule_term {
	uint32_t path;
	uint32_t groups_from;
	uint32_t group_count;
	uint8_t absent;  /* or no value is there */
	uint8_t present; /* or any value is there */
	uint16_t reserved;
};

struct skafu__rule_choice {
	uint64_t seen; /* the match that made it a candidate last */
	uint32_t rule;
	uint32_t terms_from; /* in skafu_rules.lists, ordered by path so that common beginnings lie together */
	uint32_t term_count;
	uint32_t held; /* a term that is known to hold, or NONE; of the match `seen` */
};

struct skafu__rule_span {
	uint32_t from;
	uint32_t count;
};

struct skafu__rule_path {
	uint64_t fired; /* the match that met a value here last */
	uint32_t parent;
	uint32_t depth;
	uint32_t terms;    /* that end here; also of rules that were refused for lack of memory */
	uint32_t children;
	uint32_t needs;
	uint32_t ranges; /* for the choice of the index: how many terms with ranges, */
	uint32_t broad;  /* or with conditions that no index can serve */
	struct skafu__rule_span form[SKAFU__RULE_FORMS]; /* in the index */
	struct skafu__rule_span range;
	struct skafu__rule_span present;
	uint32_t inside; /* root of the search for literals, or NONE */
	uint32_t reserved;
};

/* An interned text. */
struct skafu__rule_id {
	uint64_t fired; /* of a literal: the match in which it was found last */
	uint32_t uses;  /* in terms of alternatives */
	uint32_t reserved;
	struct skafu__rule_span entries;
};

/* A hash table from (owner, kind, bytes) to 0, 1, 2 ... */
struct skafu__rule_item {
	uint64_t hash;
	uint32_t owner;
	uint32_t kind;
	uint32_t at; /* in skafu_rules.bytes */
	uint32_t length;
};

struct skafu__rule_table {
	uint32_t *slots;
	size_t slot_count; /* 0 or a power of two, at most half full */
	struct skafu__buf items;
};

/* What the index knows: alternatives by one of their terms.  rule_index.c. */
struct skafu__rule_entry {
	uint32_t choice;
	uint32_t term; /* that holds when the entry is hit, or NONE when that must be looked at */
	uint32_t path;
	uint32_t kind;
	uint32_t key; /* exact value or FORM: the id; RANGE: the test */
	uint32_t link; /* FORM: the id of the longest text that this one begins with; RANGE: see rule_index.c */
};

/* The event in hand: rule_event.c. */
struct skafu__rule_value {
	uint32_t kind;
	uint32_t ids[2]; /* exact, without regard to case; NONE when no rule knows it */
	uint32_t key_at; /* in scratch */
	uint32_t key_length;
	struct skafu__rule_span form[SKAFU__RULE_FORMS]; /* in scratch */
};

enum skafu__rule_shape {
	SKAFU__RULE_OBJECT = 1,
	SKAFU__RULE_ARRAY,
	SKAFU__RULE_VALUE
};

struct skafu__rule_node {
	uint32_t path;
	uint32_t shape;
	uint32_t value;
	uint32_t first; /* child */
	uint32_t last;
	uint32_t next; /* sibling */
	uint32_t wholes; /* of an array: objects and arrays in it */
};

#define SKAFU__RULE_ENVELOPE 18

struct skafu_rules {
	const struct skafu__sys *sys;
	uint8_t hash_key[SKAFU__HASH_KEY_BYTES];
	uint32_t rule_count;
	uint32_t indexed;  /* alternatives that the index knows; the others are all looked at */
	uint32_t always;   /* where the entries begin that are candidates for every event */
	uint32_t idle;     /* matches since a rule was added, while the index does not know it */
	uint32_t envelope[SKAFU__RULE_ENVELOPE]; /* paths of the exported fields, NONE when no rule asks */
	struct skafu__rule_table names;          /* owner: parent path; path number i + 1 has name i */
	struct skafu__rule_table texts;          /* owner: path; the numbers are ids */
	struct skafu__buf bytes;
	struct skafu__buf paths;   /* of struct skafu__rule_path, and so on */
	struct skafu__buf ids;
	struct skafu__buf choices;
	struct skafu__buf lists;   /* uint32_t: terms of alternatives */
	struct skafu__buf terms;
	struct skafu__buf groups;
	struct skafu__buf values;  /* uint32_t: ids of groups */
	struct skafu__buf tests;
	struct skafu__buf entries;
	struct skafu__rule_search search;

	uint64_t round; /* of the match in hand */
	int several;    /* an array of the event has more than one object or array in it */
	struct skafu__buf scratch;
	struct skafu__buf nodes;
	struct skafu__buf event_values;
	struct skafu__buf candidates; /* uint32_t, room for all alternatives */
	struct skafu__buf matched;    /* uint32_t, room for all rules */
	struct skafu__buf rule_seen;  /* uint64_t: the match in which a rule matched last */
};

/* Element `index` of a buffer that holds elements of one type. */
static inline struct skafu__rule_path *skafu__rule_path(const struct skafu_rules *set, uint32_t index)
{
	return (struct skafu__rule_path *)(void *)set->paths.bytes + index;
}

static inline struct skafu__rule_id *skafu__rule_id(const struct skafu_rules *set, uint32_t index)
{
	return (struct skafu__rule_id *)(void *)set->ids.bytes + index;
}

static inline struct skafu__rule_choice *skafu__rule_choice(const struct skafu_rules *set, uint32_t index)
{
	return (struct skafu__rule_choice *)(void *)set->choices.bytes + index;
}

static inline const uint32_t *skafu__rule_list(const struct skafu_rules *set, uint32_t index)
{
	return (const uint32_t *)(const void *)set->lists.bytes + index;
}

static inline struct skafu__rule_term *skafu__rule_term(const struct skafu_rules *set, uint32_t index)
{
	return (struct skafu__rule_term *)(void *)set->terms.bytes + index;
}

static inline struct skafu__rule_group *skafu__rule_group(const struct skafu_rules *set, uint32_t index)
{
	return (struct skafu__rule_group *)(void *)set->groups.bytes + index;
}

static inline const uint32_t *skafu__rule_values(const struct skafu_rules *set, uint32_t index)
{
	return (const uint32_t *)(const void *)set->values.bytes + index;
}

static inline struct skafu__rule_test *skafu__rule_test(const struct skafu_rules *set, uint32_t index)
{
	return (struct skafu__rule_test *)(void *)set->tests.bytes + index;
}

static inline struct skafu__rule_entry *skafu__rule_entry(const struct skafu_rules *set, uint32_t index)
{
	return (struct skafu__rule_entry *)(void *)set->entries.bytes + index;
}

static inline struct skafu__rule_node *skafu__rule_node(const struct skafu_rules *set, uint32_t index)
{
	return (struct skafu__rule_node *)(void *)set->nodes.bytes + index;
}

static inline const struct skafu__rule_value *skafu__rule_value(const struct skafu_rules *set, uint32_t index)
{
	return (const struct skafu__rule_value *)(const void *)set->event_values.bytes + index;
}

static inline const struct skafu__rule_item *skafu__rule_text(const struct skafu_rules *set, uint32_t id)
{
	return (const struct skafu__rule_item *)(const void *)set->texts.items.bytes + id;
}

static inline uint32_t skafu__rule_choice_count(const struct skafu_rules *set)
{
	return (uint32_t)(set->choices.length / sizeof(struct skafu__rule_choice));
}

#endif

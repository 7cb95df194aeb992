/*
 * rule_event.h: an event as rules see it: a tree of the objects, arrays and values at paths that some rule asks for.
 */
#ifndef SKAFU__MODEL_RULE_EVENT_H
#define SKAFU__MODEL_RULE_EVENT_H

#include "model/rule.h"

/* The names of the exported fields, in the order of skafu_rules.envelope. */
extern const char *const skafu__rule_envelope[SKAFU__RULE_ENVELOPE];

/* Take the event in; each value fires as it is met.  Node 0 is the event.  0, SKAFU_EJSON, or SKAFU_ENOMEM. */
int32_t skafu__rule_take_record(struct skafu_rules *set, const skafu_record *record);

/* The text has passed skafu__json_check(). */
int32_t skafu__rule_take_json(struct skafu_rules *set, const uint8_t *text, size_t length);

#endif

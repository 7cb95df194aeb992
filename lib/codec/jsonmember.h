/*
 * jsonmember.h: the members of one JSON object, one after another, each strictly checked.
 *
 * For an object that carries whole documents in its members: each value may be as deep as a document may be, which
 * the check of the object as one text would refuse.  Accepted is what skafu__json_check() accepts, but for two things
 * that are left to the caller: depth is counted from each value, and a name may come twice.
 */
#ifndef SKAFU__CODEC_JSONMEMBER_H
#define SKAFU__CODEC_JSONMEMBER_H

#include <stddef.h>
#include <stdint.h>

#include "base/sys.h"
#include "codec/json.h"

struct skafu__json_member {
	const char *name; /* raw, between its quotes */
	size_t name_length;
	const char *value; /* raw, with quotes or brackets */
	size_t value_length;
	size_t offset; /* of the value in the text */
};

struct skafu__json_members {
	const struct skafu__sys *sys;
	const char *text;
	size_t length;
	size_t at;
	uint32_t depth_max; /* of a value */
	uint32_t count;     /* members that were given */
	struct skafu__json_fault fault;
};

void skafu__json_members_init(struct skafu__json_members *members, const struct skafu__sys *sys, const void *text,
			      size_t length, uint32_t depth_max);

/* 1 and a member, 0 after the last when nothing but blanks follows the object, SKAFU_EJSON with members->fault filled
 * in, SKAFU_ENOMEM. */
int32_t skafu__json_members_next(struct skafu__json_members *members, struct skafu__json_member *out);

/* Where the value that begins at `at` ends, by its quotes and brackets alone: the text is not checked. */
size_t skafu__json_value_end(const char *text, size_t length, size_t at);

#endif

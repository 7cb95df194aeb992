/*
 * jsondiff.h: where two JSON documents mean different things.
 *
 * By meaning: members in any order, numbers by their exact value (1, 1.0 and 10e-1 are the same), texts after their
 * escapes; elements of arrays in order.  Both documents have passed the strict check of the library.
 */
#ifndef SKAFU__TEST_JSONDIFF_H
#define SKAFU__TEST_JSONDIFF_H

#include <stddef.h>

#include "test/wording.h"

#define SKAFU__KIT_DIFFERENCES_MAX 16u

/* How many places differ (no more than the maximum are looked for); a line for each goes to the text, with the JSON
 * pointer of the place.  some_members: further members of the outermost object are fine. */
unsigned skafu__kit_json_diff(struct skafu__kit_text *text, const void *expected, size_t expected_length,
			      const void *found, size_t found_length, int some_members);

#endif

/*
 * expand.h: the language of the templates.
 *
 *   {{name}}                          the value of a variable
 *   {{name | snake | upper}}          through filters, see filter.h
 *   {{name.snake.upper}}              the same, for names of files
 *   {{#if x}}a{{else}}b{{/if}}        also !x, license == "MIT", license != "MIT"; nested up to 16 deep
 *   {{"{{"}}                          the text between the quotes, for what would be a tag
 *   ${{ github.ref }}                 copied as it is, because workflow files are full of it
 *
 * {{end}} is another word for {{/if}}, for names of files, where no '/' can be.  A line that holds nothing but
 * {{#if}}, {{else}} or {{/if}} leaves no empty line behind.  A value is never expanded again.  A variable is true
 * unless it is empty, "false" or "0".
 */
#ifndef SKAFU_APP_EXPAND_H
#define SKAFU_APP_EXPAND_H

#include "faults.h"

struct value {
	const char *name;
	const char *text;
};

struct values {
	const struct value *items;
	size_t count;
};

/* NULL when there is no such variable. */
const char *values_find(const struct values *values, const char *name);

/* Add the expansion to `out` and every fault to `faults`, under the name `where`; the result is to be used only when
 * no fault was added.  With `out` NULL both branches of every condition are checked and nothing is written. */
void expand(const char *source, size_t length, const struct values *values, const char *where, struct text *out,
	    struct faults *faults);

/* Is this condition ("tests", "!tests", "license == \"MIT\"") true?  0, 1, or SKAFU_EINVAL with a fault added. */
int32_t expand_condition(const char *condition, const struct values *values, const char *where, size_t line,
			 struct faults *faults);

#endif

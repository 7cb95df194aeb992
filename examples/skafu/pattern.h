/*
 * pattern.h: regular expressions of templates, which come from strangers.
 *
 * A subset of the extended ones: characters, ".", "[a-z_]", "[^,]", "\." for a character as it is, groups, "|", "?",
 * "*", "+"; "{2}", "{2,}" and "{2,5}" after a character or a bracket (up to 255); "^" at the begin and "$" at the end
 * of the whole, for all its branches.  Bytes match, not characters.
 *
 * Matching takes time in proportion to the text, and no memory, whatever the pattern.  regcomp() of the C library
 * takes both without a limit, and glibc's frees a block twice when memory is short.
 */
#ifndef SKAFU_APP_PATTERN_H
#define SKAFU_APP_PATTERN_H

/* 1 when the pattern is well-formed and small enough. */
int pattern_is_good(const char *pattern);

/* 1 when it is good and the text matches, anywhere unless there are "^" and "$". */
int pattern_matches(const char *pattern, const char *text);

#endif

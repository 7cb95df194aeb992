/*
 * jsonquick.h: a quick yes for JSON texts as events have them.
 *
 * It knows the same grammar as json.h and answers "good" or "I can not tell": for what is bad, and for what is rare
 * (names with escapes, very many names, a text that is no object or array), the validator is asked, which says why.
 */
#ifndef SKAFU__CODEC_JSONQUICK_H
#define SKAFU__CODEC_JSONQUICK_H

#include <stddef.h>
#include <stdint.h>

/* 1 when the text is good by the rules of the store; 0 when that is not known. */
int skafu__jsonquick(const void *text, size_t length, uint32_t depth_max);

#endif

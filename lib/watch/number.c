#include "watch/number.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_EXACT_MAX 9007199254740992.0 /* up to here a double holds every integer */

/* The host's locale may have another mark than a point, of several bytes. */
static void number_fix_point(char *text)
{
	char *to = text;
	int marked = 0;
	for (const char *at = text; *at; at++) {
		if ((*at >= '0' && *at <= '9') || *at == '-' || *at == '+' || *at == 'e')
			*to++ = *at;
		else if (!marked++)
			*to++ = '.';
	}
	*to = '\0';
}

static void number_format(double value, int digits, char out[32])
{
	snprintf(out, 32, "%.*g", digits, value);
}

int32_t skafu__number_put(struct skafu__buf *out, double value)
{
	char text[32];
	if (value >= -NUMBER_EXACT_MAX && value <= NUMBER_EXACT_MAX && (double)(int64_t)value == value) {
		snprintf(text, sizeof text, "%lld", (long long)value);
		return skafu__buf_put_text(out, text);
	}
	for (int digits = 15; digits <= 17; digits++) {
		number_format(value, digits, text);
		if (strtod(text, NULL) == value)
			break;
	}
	number_fix_point(text);
	return skafu__buf_put_text(out, text);
}

void skafu__number_short(double value, char out[32])
{
	number_format(value, 6, out);
	number_fix_point(out);
}

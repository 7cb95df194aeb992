/*
 * json_fuzz.c: any bytes through the validator; what passes must be walked to its end, its strings go there and back,
 * and its numbers have an order; what does not pass must not bring the walk down either.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"
#include "codec/jsonpath.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
	if (!condition)
		abort();
}

static int sign(int order)
{
	return (order > 0) - (order < 0);
}

static void fuzz_string(const struct skafu__sys *sys, const uint8_t *raw, size_t length)
{
	struct skafu__buf plain;
	struct skafu__buf quoted;
	struct skafu__buf again;
	skafu__buf_init(&plain, sys, SIZE_MAX);
	skafu__buf_init(&quoted, sys, SIZE_MAX);
	skafu__buf_init(&again, sys, SIZE_MAX);
	demand(skafu__json_unescape(&plain, raw, length) == 0 && plain.length <= length);
	demand(skafu__json_quote(&quoted, plain.bytes, plain.length) == 0);
	demand(skafu__json_check(sys, quoted.bytes, quoted.length, 0, NULL) == 0);
	demand(skafu__json_unescape(&again, quoted.bytes + 1, quoted.length - 2) == 0);
	demand(again.length == plain.length);
	demand(plain.length == 0 || memcmp(again.bytes, plain.bytes, plain.length) == 0);
	skafu__buf_done(&plain);
	skafu__buf_done(&quoted);
	skafu__buf_done(&again);
}

static void fuzz_numbers(const uint8_t *text, const struct skafu__json_token *a, const struct skafu__json_token *b)
{
	int order = skafu__json_number_compare(text + a->offset, a->length, text + b->offset, b->length);
	int back = skafu__json_number_compare(text + b->offset, b->length, text + a->offset, a->length);
	demand(sign(order) == -sign(back));
	demand(skafu__json_number_compare(text + b->offset, b->length, text + b->offset, b->length) == 0);
}

static int32_t fuzz_walk(const struct skafu__sys *sys, const uint8_t *text, size_t length, int checked)
{
	struct skafu__json_walk walk;
	struct skafu__json_token token;
	struct skafu__json_token number = {0};
	size_t tokens = 0;
	int32_t code;
	skafu__json_walk_init(&walk, text, length);
	while ((code = skafu__json_next(&walk, &token)) == 1) {
		demand(token.offset <= length && token.length <= length - token.offset && tokens++ < length);
		if (token.kind == SKAFU__JSON_NUMBER) {
			fuzz_numbers(text, number.length ? &number : &token, &token);
			number = token;
		}
		if (checked && (token.kind == SKAFU__JSON_NAME || token.kind == SKAFU__JSON_STRING))
			fuzz_string(sys, text + token.offset, token.length);
	}
	return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct skafu__sys *sys = skafu__sys_current();
	struct skafu__json_fault fault = {SIZE_MAX, NULL};
	int32_t code = skafu__json_check(sys, data, size, SKAFU__JSON_DEPTH_MAX, &fault);
	demand(code == 0 || (code == SKAFU_EJSON && fault.reason && fault.offset <= size));
	/* The rules beyond the syntax only take away. */
	demand(code != 0 || skafu__json_check_by(sys, data, size, SKAFU__JSON_DEPTH_MAX, 0, NULL) == 0);
	/* The quick yes, which was said to the text above if it could be, is the validator's own. */
	int32_t slowly = skafu__json_check_by(sys, data, size, SKAFU__JSON_DEPTH_MAX, SKAFU__JSON_RULES_OF_THE_STORE,
					      NULL);
	demand(slowly == code);
	demand((skafu__json_check_weak(sys, data, size, 0, NULL) == 0) == (code == 0));
	demand(skafu__json_plain_span(data, size) == skafu__json_plain_span_portable(data, size));
	int32_t walked = fuzz_walk(sys, data, size, code == 0);
	demand(code != 0 || walked == 0);
	return 0;
}

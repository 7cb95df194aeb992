/*
 * test_{{name | snake}}.c: the queue against what it should hold.
 */
#include "{{name | snake}}.h"

#include <stdio.h>
#include <string.h>

static int failures;

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			printf("%s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
			failures++; \
		} \
	} while (0)

static void first_in_first_out(void)
{
	struct {{name | snake}} *queue = {{name | snake}}_new(8);
	char out[8];

	CHECK({{name | snake}}_put(queue, "abcdef", 6) == 0);
	CHECK({{name | snake}}_take(queue, out, 4) == 4 && memcmp(out, "abcd", 4) == 0);
	CHECK({{name | snake}}_put(queue, "ghijk", 5) == 0); /* goes round the end */
	CHECK({{name | snake}}_length(queue) == 7);
	CHECK({{name | snake}}_take(queue, out, 8) == 7 && memcmp(out, "efghijk", 7) == 0);
	CHECK({{name | snake}}_take(queue, out, 8) == 0);
	{{name | snake}}_free(queue);
}

static void full_means_nothing_is_put(void)
{
	struct {{name | snake}} *queue = {{name | snake}}_new(4);

	CHECK({{name | snake}}_put(queue, "abc", 3) == 0);
	CHECK({{name | snake}}_put(queue, "de", 2) == -1);
	CHECK({{name | snake}}_length(queue) == 3);
	CHECK({{name | snake}}_put(queue, "d", 1) == 0);
	CHECK({{name | snake}}_put(queue, "", 0) == 0);
	{{name | snake}}_free(queue);
	CHECK({{name | snake}}_new(0) == NULL);
	{{name | snake}}_free(NULL);
}

int main(void)
{
	first_in_first_out();
	full_means_nothing_is_put();
	puts(failures == 0 ? "all tests passed" : "tests failed");
	return failures != 0;
}

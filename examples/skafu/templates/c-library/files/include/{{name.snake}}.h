/*
 * {{name | snake}}.h: a queue of bytes with a fixed capacity.
 *
 * One thread at a time may use a queue.
 */
#ifndef {{name | snake | upper}}_H
#define {{name | snake | upper}}_H

#include <stddef.h>

#if defined(__GNUC__)
#define {{name | snake | upper}}_API __attribute__((visibility("default")))
#else
#define {{name | snake | upper}}_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct {{name | snake}};

/* A queue for up to `capacity` bytes; NULL without memory or for a capacity of 0. */
{{name | snake | upper}}_API struct {{name | snake}} *{{name | snake}}_new(size_t capacity);
{{name | snake | upper}}_API void {{name | snake}}_free(struct {{name | snake}} *queue);

/* Put bytes at the end, all of them or none: 0, or -1 when there is no room. */
{{name | snake | upper}}_API int {{name | snake}}_put(struct {{name | snake}} *queue, const void *bytes,
	size_t length);

/* Take up to `length` bytes from the front; how many there were. */
{{name | snake | upper}}_API size_t {{name | snake}}_take(struct {{name | snake}} *queue, void *bytes, size_t length);

{{name | snake | upper}}_API size_t {{name | snake}}_length(const struct {{name | snake}} *queue);

#ifdef __cplusplus
}
#endif
#endif

/*
 * {{name | snake}}.c: a ring in one block of memory.
 */
#include "{{name | snake}}.h"

#include <stdlib.h>
#include <string.h>

struct {{name | snake}} {
	size_t capacity;
	size_t first; /* place of the oldest byte */
	size_t length;
	unsigned char bytes[];
};

struct {{name | snake}} *{{name | snake}}_new(size_t capacity)
{
	struct {{name | snake}} *queue;

	if (capacity == 0 || capacity > (size_t)-1 / 2)
		return NULL;
	queue = calloc(1, sizeof *queue + capacity);
	if (queue != NULL)
		queue->capacity = capacity;
	return queue;
}

void {{name | snake}}_free(struct {{name | snake}} *queue)
{
	free(queue);
}

int {{name | snake}}_put(struct {{name | snake}} *queue, const void *bytes, size_t length)
{
	size_t place = (queue->first + queue->length) % queue->capacity;
	size_t until_end = queue->capacity - place;
	size_t head = length < until_end ? length : until_end;

	if (length > queue->capacity - queue->length)
		return -1;
	if (length == 0)
		return 0;
	memcpy(queue->bytes + place, bytes, head);
	memcpy(queue->bytes, (const unsigned char *)bytes + head, length - head);
	queue->length += length;
	return 0;
}

size_t {{name | snake}}_take(struct {{name | snake}} *queue, void *bytes, size_t length)
{
	size_t until_end = queue->capacity - queue->first;
	size_t head;

	if (length > queue->length)
		length = queue->length;
	if (length == 0)
		return 0;
	head = length < until_end ? length : until_end;
	memcpy(bytes, queue->bytes + queue->first, head);
	memcpy((unsigned char *)bytes + head, queue->bytes, length - head);
	queue->first = (queue->first + length) % queue->capacity;
	queue->length -= length;
	return length;
}

size_t {{name | snake}}_length(const struct {{name | snake}} *queue)
{
	return queue->length;
}

/*
 * request.h: from the bytes of a request to the bytes of its answer, without a socket.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stddef.h>

#define REQUEST_BYTES 4096 /* of a request's head; longer ones are refused */
#define ANSWER_BYTES 1024

/* Is the head of the request complete, which means that it can be answered? */
int request_is_complete(const char *bytes, size_t length);

/* Write the answer as a string into `answer`, which has ANSWER_BYTES; its length. */
size_t request_answer(const char *bytes, size_t length, char *answer);

#endif

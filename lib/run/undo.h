/*
 * undo.h: a command in bytes, as a process remembers how to undo what it did.
 *
 *    0  u8   1, the form            1  u8   flags: 1 << n, member n is given; 128: expires
 *    2  u16  tags                   4  i64  expires
 *   12  ...  members in order: type, domain, stream, content type, key, correlation, each u8 length and text with its
 *            NUL; the tags likewise; u32 length of data, u32 length of metadata; data; metadata
 *
 * Ids and the cause of the command are not kept: it gets those of the moment when it is sent.
 */
#ifndef SKAFU__RUN_UNDO_H
#define SKAFU__RUN_UNDO_H

#include <stdint.h>

#include "base/buf.h"
#include "skafu_run.h"

struct skafu__undo {
	skafu_command command; /* its bytes are those that were decoded */
	const char *tags[255];
};

/* The command was checked, so that its texts have at most 255 bytes. */
int32_t skafu__undo_encode(const skafu_command *command, struct skafu__buf *out);
int skafu__undo_decode(const void *bytes, size_t length, struct skafu__undo *out); /* 0: it is none */

#endif

/*
 * log.c: the host's log sink, or silence.
 *
 * Invariant: what the sink gets is one line.  Texts may quote names and file contents of strangers, so every control
 * character becomes a space before the host sees it.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define LOG_LINE_BYTES 1024

static void log_flatten(char *line, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)line[i];

		if (byte < 0x20 || byte == 0x7f)
			line[i] = ' ';
	}
}

void skafu__log(const struct skafu__log *log, int32_t level, const char *format, ...)
{
	char line[LOG_LINE_BYTES];
	va_list arguments;
	size_t length;
	int wanted;

	if (!log || !log->write)
		return;
	va_start(arguments, format);
	wanted = vsnprintf(line, sizeof line, format, arguments);
	va_end(arguments);
	if (wanted < 0)
		return;
	length = (size_t)wanted;
	if (length >= sizeof line)
		length = skafu__utf8_trim(line, sizeof line - 1);
	while (length > 0 && line[length - 1] == '\n')
		length--;
	log_flatten(line, length);
	line[length] = '\0';
	log->write(log->user, level, line);
}

void skafu__log_done(struct skafu__log *log)
{
	skafu_free_fn free_user;

	if (!log)
		return;
	free_user = log->free_user;
	log->write = NULL;
	log->free_user = NULL;
	if (free_user)
		free_user(log->user);
	log->user = NULL;
}

/*
 * error.c: the error object: made by the host, filled in by the library.
 *
 * Invariant: a message is always NUL-terminated, at most 1,023 bytes, and never ends within a character.  Messages
 * are built aside first, since a caller may pass the old message of the same object as an argument.
 */
#undef SKAFU__ANALYSED /* the functions themselves are here */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/sys.h"
#include "base/text.h"

#define ERROR_MESSAGE_BYTES (sizeof((struct skafu_error *)0)->message)

/* An object that skafu_error_new() made.  It keeps its own way to be released: the table may be gone by then. */
struct error_owned {
	struct skafu_error error; /* first, so that its address is the object's */
	void *user;
	void (*release)(void *user, void *block);
};

int32_t skafu_error_new(skafu_error **out_error)
{
	const struct skafu__sys *sys = skafu__sys_current();
	struct error_owned *owned;

	if (!out_error)
		return SKAFU_EINVAL;
	owned = skafu__alloc(sys, sizeof *owned);
	if (!owned)
		return SKAFU_ENOMEM;
	memset(owned, 0, sizeof *owned);
	owned->user = sys->user;
	owned->release = sys->release;
	*out_error = &owned->error;
	return SKAFU_OK;
}

void skafu_error_free(skafu_error *error)
{
	struct error_owned *owned = (struct error_owned *)(void *)error;

	if (owned)
		owned->release(owned->user, owned);
}

/* Everything but the message. */
static void error_reset(struct skafu_error *error, int32_t code)
{
	error->code = code;
	error->os = 0;
	error->sequence = 0;
	error->version = 0;
	error->condition = 0;
	error->item = 0;
	error->batch = 0;
	error->is_hosts = 0;
	error->pid = 0;
}

/* The message may be the object's own. */
static void error_fill(struct skafu_error *error, int32_t code, const char *message)
{
	size_t length = skafu__utf8_cut(message, strnlen(message, ERROR_MESSAGE_BYTES), ERROR_MESSAGE_BYTES - 1);

	memmove(error->message, message, length);
	error->message[length] = '\0';
	error_reset(error, code);
}

/* Format, cut at a character. */
static void error_format(char *out, size_t bytes, const char *format, va_list arguments)
{
	int wanted = vsnprintf(out, bytes, format, arguments);
	size_t length = strnlen(out, bytes);

	if (wanted < 0)
		length = 0;
	else if ((size_t)wanted >= bytes)
		length = skafu__utf8_trim(out, length);
	out[length] = '\0';
}

void skafu_error_clear(skafu_error *error)
{
	if (error)
		error_fill(error, SKAFU_OK, "");
}

void skafu_error_set(skafu_error *error, int32_t code, const char *message)
{
	if (error)
		error_fill(error, code, message ? message : skafu_result_text(code));
}

int32_t skafu__fail(skafu_error *error, int32_t code, const char *format, ...)
{
	char aside[ERROR_MESSAGE_BYTES];
	va_list arguments;

	if (!error)
		return code;
	va_start(arguments, format);
	error_format(aside, sizeof aside, format, arguments);
	va_end(arguments);
	error_fill(error, code, aside);
	return code;
}

int32_t skafu__fail_memory(skafu_error *error)
{
	return skafu__fail(error, SKAFU_ENOMEM, "Out of memory; release some, or raise the limit, and call again.");
}

/* ---- system calls -------------------------------------------------------------------------------------------- */

/* Own words, because those of libc follow the locale of the host and its thread. */
struct error_word {
	int errno_value;
	int32_t code;
	const char *text;
};

static const struct error_word error_words[] = {
	{ENOSPC, SKAFU_ENOSPACE, "no space is left on the device"},
	{EDQUOT, SKAFU_ENOSPACE, "the disk quota is used up"},
	{EFBIG, SKAFU_ENOSPACE, "the file would be larger than the system or a limit allows"},
	{EACCES, SKAFU_EACCESS, "permission denied"},
	{EPERM, SKAFU_EACCESS, "the operation is not permitted"},
	{EROFS, SKAFU_EREADONLY, "the file system is read-only"},
	{ENOENT, SKAFU_ENOTFOUND, "there is no such file or directory"},
	{ENOTDIR, SKAFU_ENOTFOUND, "a part of the path is not a directory"},
	{EEXIST, SKAFU_EEXISTS, "the file exists already"},
	{ENOTEMPTY, SKAFU_EEXISTS, "the directory is not empty"},
	{ENOMEM, SKAFU_ENOMEM, "out of memory"},
	{EIO, SKAFU_EIO, "input/output error"},
	{EAGAIN, SKAFU_EIO, "the resource is not available now"},
	{EBADF, SKAFU_EIO, "the file descriptor is not open"},
	{EBUSY, SKAFU_EIO, "the device or file is busy"},
	{EDEADLK, SKAFU_EIO, "waiting would be a deadlock"},
	{EFAULT, SKAFU_EIO, "a bad address was given"},
	{EINTR, SKAFU_EIO, "the call was interrupted"},
	{EINVAL, SKAFU_EIO, "the system does not accept an argument"},
	{EISDIR, SKAFU_EIO, "it is a directory"},
	{ELOOP, SKAFU_EIO, "there are too many symbolic links"},
	{EMFILE, SKAFU_EIO, "the process has too many open files"},
	{ENAMETOOLONG, SKAFU_EIO, "the file name is too long"},
	{ENFILE, SKAFU_EIO, "the system has too many open files"},
	{ENODEV, SKAFU_EIO, "there is no such device"},
	{ENOLCK, SKAFU_EIO, "the system has no more locks"},
	{ENOSYS, SKAFU_EIO, "the system does not have this call"},
	{ENXIO, SKAFU_EIO, "there is no such device or address"},
	{EOPNOTSUPP, SKAFU_EIO, "the operation is not supported"},
	{EOVERFLOW, SKAFU_EIO, "a value is too large"},
	{EPIPE, SKAFU_EIO, "the other side is closed"},
	{ESPIPE, SKAFU_EIO, "the file cannot be positioned"},
	{ESTALE, SKAFU_EIO, "the file handle is stale"},
	{ETIMEDOUT, SKAFU_EIO, "the time is over"},
	{ETXTBSY, SKAFU_EIO, "the file is being executed"},
	{EXDEV, SKAFU_EIO, "the two paths are on different file systems"},
};

static const struct error_word *error_word_of(int errno_value)
{
	static const struct error_word unknown = {0, SKAFU_EIO, "the system call failed"};

	for (size_t i = 0; i < sizeof error_words / sizeof *error_words; i++) {
		if (error_words[i].errno_value == errno_value)
			return &error_words[i];
	}
	return &unknown;
}

int32_t skafu__fail_os(skafu_error *error, int errno_value, const char *format, ...)
{
	const struct error_word *word = error_word_of(errno_value);
	char aside[ERROR_MESSAGE_BYTES - 100]; /* the words must fit behind a `what` of any length */
	va_list arguments;

	if (!error)
		return word->code;
	va_start(arguments, format);
	error_format(aside, sizeof aside, format, arguments);
	va_end(arguments);
	skafu__fail(error, word->code, "%s: %s (errno %d)", aside, word->text, errno_value);
	error->os = errno_value;
	return word->code;
}

/* ---- particulars --------------------------------------------------------------------------------------------- */

void skafu__error_set_sequence(skafu_error *error, uint64_t sequence)
{
	if (error)
		error->sequence = sequence;
}

void skafu__error_set_version(skafu_error *error, uint64_t version)
{
	if (error)
		error->version = version;
}

void skafu__error_set_condition(skafu_error *error, uint32_t condition)
{
	if (error)
		error->condition = condition;
}

void skafu__error_set_item(skafu_error *error, uint32_t item)
{
	if (error)
		error->item = item;
}

void skafu__error_set_batch(skafu_error *error, uint32_t batch)
{
	if (error)
		error->batch = batch;
}

void skafu__error_set_pid(skafu_error *error, int64_t pid)
{
	if (error)
		error->pid = pid;
}

void skafu__error_set_hosts(skafu_error *error)
{
	if (error)
		error->is_hosts = 1;
}

int32_t skafu__error_copy(skafu_error *to, const skafu_error *from, int32_t code)
{
	if (!to || to == from || code >= 0)
		return code;
	if (!from || from->code >= 0) {
		error_fill(to, code, skafu_result_text(code));
		return code;
	}
	*to = *from;
	to->code = code;
	return code;
}

/* ---- what the host reads ------------------------------------------------------------------------------------- */

int32_t skafu_error_code(const skafu_error *error)
{
	return error ? error->code : SKAFU_OK;
}

const char *skafu_error_message(const skafu_error *error)
{
	return error ? error->message : "";
}

int32_t skafu_error_os(const skafu_error *error)
{
	return error ? error->os : 0;
}

uint64_t skafu_error_sequence(const skafu_error *error)
{
	return error ? error->sequence : 0;
}

uint64_t skafu_error_version(const skafu_error *error)
{
	return error ? error->version : 0;
}

uint32_t skafu_error_condition(const skafu_error *error)
{
	return error ? error->condition : 0;
}

uint32_t skafu_error_item(const skafu_error *error)
{
	return error ? error->item : 0;
}

uint32_t skafu_error_batch(const skafu_error *error)
{
	return error ? error->batch : 0;
}

int64_t skafu_error_pid(const skafu_error *error)
{
	return error ? error->pid : 0;
}

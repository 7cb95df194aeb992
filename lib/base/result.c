/*
 * result.c: the result codes in words, and which libskafu is loaded.
 *
 * Invariant: every code of skafu_base.h has a line here; a test reads the header and compares.
 */
#include "skafu_base.h"

#include <stddef.h>

uint32_t skafu_version(void)
{
	return SKAFU_VERSION_MAJOR << 16 | SKAFU_VERSION_MINOR << 8 | SKAFU_VERSION_PATCH;
}

const char *skafu_version_text(void)
{
	return SKAFU_VERSION_STRING;
}

struct result_line {
	int32_t code;
	const char *name;
	const char *text;
};

static const struct result_line result_lines[] = {
	{SKAFU_OK, "SKAFU_OK", "Success."},
	{SKAFU_EINVAL, "SKAFU_EINVAL", "An argument is missing, out of range, or contradicts another."},
	{SKAFU_ELIMIT, "SKAFU_ELIMIT", "An input is larger than its limit."},
	{SKAFU_EUTF8, "SKAFU_EUTF8", "A text is not valid UTF-8, or holds a control character."},
	{SKAFU_EJSON, "SKAFU_EJSON", "A payload declared as JSON is not strict JSON."},
	{SKAFU_EOPTION, "SKAFU_EOPTION",
	 "An options struct has no size, or sets something that this version does not know."},
	{SKAFU_EMISUSE, "SKAFU_EMISUSE", "The state of the object forbids this use of it."},
	{SKAFU_EFORK, "SKAFU_EFORK", "The object was made before a fork; open the store again in this process."},
	{SKAFU_EOPENED, "SKAFU_EOPENED", "The store is open in this process already, with other options."},
	{SKAFU_EDEFINITION, "SKAFU_EDEFINITION",
	 "A definition exists twice, is incomplete, or differs from the one before."},
	{SKAFU_EPATTERN, "SKAFU_EPATTERN", "The pattern of a rule is malformed."},
	{SKAFU_EUNSUPPORTED, "SKAFU_EUNSUPPORTED", "This store or platform cannot do that."},
	{SKAFU_ECONFLICT, "SKAFU_ECONFLICT", "A stream is not at the version that the append expects."},
	{SKAFU_EMATCH, "SKAFU_EMATCH", "An event matches a query that must match nothing."},
	{SKAFU_EROW, "SKAFU_EROW", "A row is not what the append expects."},
	{SKAFU_EDUPLICATE, "SKAFU_EDUPLICATE", "An event id is in the log already, under another commit."},
	{SKAFU_ECOMMIT, "SKAFU_ECOMMIT", "The commit id is in the log already, with other content."},
	{SKAFU_EDELETED, "SKAFU_EDELETED", "The stream has been deleted for good."},
	{SKAFU_EBUSY, "SKAFU_EBUSY", "Another writer holds the store; try again."},
	{SKAFU_ETIMEOUT, "SKAFU_ETIMEOUT", "The deadline passed while waiting; try again."},
	{SKAFU_EINTERRUPTED, "SKAFU_EINTERRUPTED", "The wait was ended from another thread."},
	{SKAFU_ENOSPACE, "SKAFU_ENOSPACE", "The disk or the quota is full; make room and try again."},
	{SKAFU_EIO, "SKAFU_EIO", "The operating system could not read or write."},
	{SKAFU_EUNKNOWN, "SKAFU_EUNKNOWN",
	 "A write failed after it may have taken effect; ask for the status of the commit."},
	{SKAFU_EPOISONED, "SKAFU_EPOISONED",
	 "The outcome of an earlier write is unknown; close the store everywhere and open it again."},
	{SKAFU_EREADONLY, "SKAFU_EREADONLY",
	 "The store, its directory or its file system does not allow writing."},
	{SKAFU_ENOTFOUND, "SKAFU_ENOTFOUND", "There is no such thing."},
	{SKAFU_EEXISTS, "SKAFU_EEXISTS", "There is one already."},
	{SKAFU_EFILESYSTEM, "SKAFU_EFILESYSTEM", "The file system cannot carry a store; use a local one."},
	{SKAFU_EFULL, "SKAFU_EFULL",
	 "The store reached the size limit that it was opened with; open it with a larger one."},
	{SKAFU_EACCESS, "SKAFU_EACCESS", "The operating system denies access."},
	{SKAFU_EDAMAGED, "SKAFU_EDAMAGED", "Stored data is damaged: a checksum or a structure is wrong."},
	{SKAFU_EFOREIGN, "SKAFU_EFOREIGN", "The file is not a libskafu store."},
	{SKAFU_ENEWER, "SKAFU_ENEWER",
	 "The data was written by a newer version, with features that this one does not know."},
	{SKAFU_ESTALE, "SKAFU_ESTALE", "The store was restored to an earlier point than the caller has seen."},
	{SKAFU_EGONE, "SKAFU_EGONE", "The content was erased, or its key destroyed."},
	{SKAFU_ENOMEM, "SKAFU_ENOMEM", "Out of memory, or over a memory ceiling of the store."},
	{SKAFU_EINTERNAL, "SKAFU_EINTERNAL", "A fault in libskafu; please report it with the message."},
	{SKAFU_EHOST, "SKAFU_EHOST", "The host's own failure, passed through a callback."},
	{SKAFU_EABSENT, "SKAFU_EABSENT", "The callback asks to be treated as if it had not been given."},
};

static const struct result_line *result_line_of(int32_t code)
{
	static const struct result_line unknown = {0, "SKAFU_E?",
						   "A failure that this version of the library does not know."};
	static const struct result_line success = {0, "SKAFU_E?", "Success."};

	for (size_t i = 0; i < sizeof result_lines / sizeof *result_lines; i++) {
		if (result_lines[i].code == code)
			return &result_lines[i];
	}
	return code > 0 ? &success : &unknown;
}

const char *skafu_result_name(int32_t code)
{
	return result_line_of(code)->name;
}

const char *skafu_result_text(int32_t code)
{
	return result_line_of(code)->text;
}

int32_t skafu_result_is_retriable(int32_t code)
{
	return code == SKAFU_EBUSY || code == SKAFU_ETIMEOUT || code == SKAFU_EINTERRUPTED;
}

int32_t skafu_result_is_conflict(int32_t code)
{
	return code <= SKAFU_ECONFLICT && code >= SKAFU_EDELETED;
}

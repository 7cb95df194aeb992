/*
 * opts.c: the rule of sized options structs.
 *
 * Invariant: no byte past the size that the caller stated is read, and a size that can only be garbage is refused
 * before it is believed.
 */
#include "base/opts.h"

#include <string.h>

#include "base/error.h"

/* How much larger a struct of a future version may be.  A size beyond it is uninitialised memory. */
#define OPTS_SURPLUS_MAX 4096

static int32_t opts_check_size(uint32_t size, size_t known_bytes, const char *what, skafu_error *error)
{
	if (size == 0)
		return skafu__fail(error, SKAFU_EOPTION,
				   "The %s has no size; set its member size to the sizeof of the struct.", what);
	/* Every such struct begins with a uint32_t, so the compiler rounds its size to a multiple of 4. */
	if (size % sizeof size != 0 || size > known_bytes + OPTS_SURPLUS_MAX)
		return skafu__fail(error, SKAFU_EOPTION,
				   "The %s states a size of %u bytes, which cannot be right; set it to its sizeof.",
				   what, (unsigned)size);
	return SKAFU_OK;
}

int32_t skafu__opts_read(void *known, size_t known_bytes, const void *given, const char *what, skafu_error *error)
{
	uint32_t known_size = (uint32_t)known_bytes;
	uint32_t size = 0;
	size_t copied;
	int32_t result;

	if (given) {
		memcpy(&size, given, sizeof size);
		result = opts_check_size(size, known_bytes, what, error);
		if (result < 0)
			return result;
	}
	for (size_t i = known_bytes; i < size; i++) {
		if (((const uint8_t *)given)[i] != 0)
			return skafu__fail(error, SKAFU_EOPTION,
					   "The %s sets something at byte %zu that this version of the library does "
					   "not know; load a newer library, or leave it zero.", what, i);
	}
	copied = size < known_bytes ? size : known_bytes;
	memset(known, 0, known_bytes);
	if (copied > 0)
		memcpy(known, given, copied);
	memcpy(known, &known_size, sizeof known_size);
	return SKAFU_OK;
}

int32_t skafu__opts_flags(uint32_t flags, uint32_t allowed, const char *what, skafu_error *error)
{
	uint32_t unknown = flags & ~allowed;

	if (unknown == 0)
		return SKAFU_OK;
	return skafu__fail(error, SKAFU_EOPTION, "The %s has the unknown flag 0x%x; leave it out.", what,
			   (unsigned)(unknown & (~unknown + 1)));
}

int32_t skafu__opts_write(void *out, const void *value, size_t value_bytes, const char *what, skafu_error *error)
{
	uint32_t size;

	memcpy(&size, out, sizeof size);
	if (size < 8 || size > value_bytes)
		return skafu__fail(error, SKAFU_EOPTION, "The size in %s is not its sizeof; set it before the call.",
				   what);
	memcpy((uint8_t *)out + sizeof size, (const uint8_t *)value + sizeof size, size - sizeof size);
	return SKAFU_OK;
}

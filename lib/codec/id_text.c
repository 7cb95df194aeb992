/*
 * id_text.c: the identifier of a text id that another system chose.
 *
 * Frozen: BLAKE2b-128 over source and id (see hash.h for the framing), with the bits of UUID version 8 set.  The same
 * input must give the same id for ever, since duplicates are found by it.
 */
#include "skafu_base.h"

#include <string.h>

#include "base/ident.h"
#include "codec/hash.h"

int32_t skafu_id_from_text(const char *source, const char *foreign_id, uint8_t out_id[16])
{
	struct skafu__part parts[2];

	if (!source || !foreign_id || foreign_id[0] == '\0' || !out_id)
		return SKAFU_EINVAL;
	parts[0] = (struct skafu__part){source, strlen(source)};
	parts[1] = (struct skafu__part){foreign_id, strlen(foreign_id)};
	skafu__blake2b(out_id, SKAFU_ID_BYTES, parts, 2);
	skafu__ident_stamp_v8(out_id);
	return SKAFU_OK;
}

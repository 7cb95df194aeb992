#include "codec/sealed.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/crc32c.h"
#include "skafu_base.h"

void skafu__sealed_write(uint8_t *to, const void *key, size_t key_length, const void *value, size_t length)
{
	skafu__store_u32(to, skafu__crc32c(skafu__crc32c(0, key, key_length), value, length));
	if (length != 0)
		memcpy(to + SKAFU__SEALED_HEAD_BYTES, value, length);
}

int32_t skafu__sealed_read(const void *key, size_t key_length, const void *bytes, size_t bytes_length,
			   const uint8_t **out_value, size_t *out_length)
{
	if (bytes_length < SKAFU__SEALED_HEAD_BYTES)
		return SKAFU_EDAMAGED;
	const uint8_t *value = (const uint8_t *)bytes + SKAFU__SEALED_HEAD_BYTES;
	size_t length = bytes_length - SKAFU__SEALED_HEAD_BYTES;
	if (skafu__load_u32(bytes) != skafu__crc32c(skafu__crc32c(0, key, key_length), value, length))
		return SKAFU_EDAMAGED;
	*out_value = value;
	*out_length = length;
	return 0;
}

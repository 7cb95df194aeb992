#include "store/state.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/crc32c.h"

#define STATE_FORMAT_VERSION 1u
#define STATE_PAGE_BYTES 4096u
#define STATE_INDEX_MAGIC 0x58494b53u
#define STATE_INDEX_VERSION 1u

static const char state_magic[8] = {'S', 'K', 'A', 'F', 'U', 'L', 'O', 'G'};

void skafu__format_encode(const struct skafu__format *format, uint8_t out[SKAFU__FORMAT_BYTES])
{
	memset(out, 0, SKAFU__FORMAT_BYTES);
	memcpy(out, state_magic, sizeof state_magic);
	skafu__store_u32(out + 8, STATE_FORMAT_VERSION);
	skafu__store_u32(out + 12, STATE_PAGE_BYTES);
	skafu__store_u64(out + 16, format->features_compatible);
	int says_fan_in = format->fan_in != 0 && format->fan_in != SKAFU__FAN_IN_UNSAID;
	skafu__store_u64(out + 24, format->features_read_only | (says_fan_in ? SKAFU__FEATURE_FAN_IN : 0));
	skafu__store_u64(out + 32, format->features_incompatible);
	memcpy(out + 40, format->birth, 16);
	memcpy(out + 56, format->incarnation, 16);
	memcpy(out + 72, format->hash_key, 16);
	skafu__store_u64(out + 88, (uint64_t)format->created_ns);
	skafu__store_u32(out + 104, says_fan_in ? format->fan_in : 0);
	skafu__store_u32(out + 108, skafu__crc32c(0, out, 108));
}

static void state_format_load(const uint8_t *bytes, struct skafu__format *out)
{
	out->features_compatible = skafu__load_u64(bytes + 16);
	out->features_read_only = skafu__load_u64(bytes + 24);
	out->features_incompatible = skafu__load_u64(bytes + 32);
	memcpy(out->birth, bytes + 40, 16);
	memcpy(out->incarnation, bytes + 56, 16);
	memcpy(out->hash_key, bytes + 72, 16);
	out->created_ns = (int64_t)skafu__load_u64(bytes + 88);
	out->fan_in = skafu__load_u32(bytes + 104);
	if (out->fan_in == 0)
		out->fan_in = SKAFU__FAN_IN_UNSAID;
}

int32_t skafu__format_decode(const void *bytes, size_t length, struct skafu__format *out, int *out_read_only,
			     skafu_error *error)
{
	const uint8_t *at = bytes;
	if (length < 12 || memcmp(at, state_magic, sizeof state_magic) != 0)
		return skafu__fail(error, SKAFU_EFOREIGN, "the file is an LMDB file but not a libskafu store");
	if (skafu__load_u32(at + 8) != STATE_FORMAT_VERSION)
		return skafu__fail(error, SKAFU_ENEWER, "the store has format version %u and this library knows "
				   "version %u; use a newer libskafu", skafu__load_u32(at + 8), STATE_FORMAT_VERSION);
	if (length != SKAFU__FORMAT_BYTES || skafu__load_u32(at + 108) != skafu__crc32c(0, at, 108))
		return skafu__fail(error, SKAFU_EDAMAGED,
				   "the format record of the store is damaged; restore a backup "
				   "or salvage it");
	if (skafu__load_u32(at + 12) != STATE_PAGE_BYTES)
		return skafu__fail(error, SKAFU_EUNSUPPORTED,
				   "the store has pages of %u bytes and this library needs "
				   "%u",
				   skafu__load_u32(at + 12), STATE_PAGE_BYTES);
	struct skafu__format format;
	state_format_load(at, &format);
	if (format.features_incompatible != 0)
		return skafu__fail(error, SKAFU_ENEWER, "the store uses features 0x%llx that this library does not "
				   "know; use a newer libskafu", (unsigned long long)format.features_incompatible);
	if (format.fan_in < SKAFU__FAN_IN_MIN || format.fan_in > SKAFU__FAN_IN_MAX)
		return skafu__fail(error, SKAFU_EDAMAGED, "the format record of the store says that %u runs are "
				   "merged into one; restore a backup or salvage it", format.fan_in);
	*out = format;
	*out_read_only = (format.features_read_only & ~SKAFU__FEATURE_FAN_IN) != 0;
	return 0;
}

void skafu__index_state_encode(const struct skafu__index_state *state, uint8_t out[SKAFU__INDEX_BYTES])
{
	memset(out, 0, SKAFU__INDEX_BYTES);
	skafu__store_u32(out, STATE_INDEX_MAGIC);
	skafu__store_u32(out + 4, STATE_INDEX_VERSION);
	skafu__store_u64(out + 8, state->sequence);
	skafu__store_u64(out + 16, state->commit);
	skafu__store_u64(out + 24, state->generation);
	skafu__store_u64(out + 32, state->folds);
	skafu__store_u64(out + 40, state->chained_commit);
	memcpy(out + 48, state->chain, SKAFU__CHAIN_BYTES);
	skafu__store_u64(out + 80, state->chained_sequence);
	skafu__store_u64(out + 88, state->epoch);
	skafu__store_u64(out + 96, state->cleared_count);
	skafu__store_u64(out + 104, state->cleared_commit);
	skafu__store_u64(out + 112, state->cleared_sequence);
	skafu__store_u32(out + 124, skafu__crc32c(0, out, 124));
}

int32_t skafu__index_state_decode(const void *bytes, size_t length, struct skafu__index_state *out,
				  skafu_error *error)
{
	const uint8_t *at = bytes;
	if (length != SKAFU__INDEX_BYTES || skafu__load_u32(at) != STATE_INDEX_MAGIC ||
	    skafu__load_u32(at + 4) != STATE_INDEX_VERSION || skafu__load_u32(at + 124) != skafu__crc32c(0, at, 124))
		return skafu__fail(error, SKAFU_EDAMAGED,
				   "the index record of the store is damaged; reindex the store");
	out->sequence = skafu__load_u64(at + 8);
	out->commit = skafu__load_u64(at + 16);
	out->generation = skafu__load_u64(at + 24);
	out->folds = skafu__load_u64(at + 32);
	out->chained_commit = skafu__load_u64(at + 40);
	memcpy(out->chain, at + 48, SKAFU__CHAIN_BYTES);
	out->chained_sequence = skafu__load_u64(at + 80);
	out->epoch = skafu__load_u64(at + 88);
	out->cleared_count = skafu__load_u64(at + 96);
	out->cleared_commit = skafu__load_u64(at + 104);
	out->cleared_sequence = skafu__load_u64(at + 112);
	return 0;
}

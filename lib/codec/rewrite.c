#include "codec/rewrite.h"

#include <string.h>

#include "base/bytes.h"

void skafu__rewrite_init(struct skafu__rewrite *rewrite, const struct skafu__sys *sys)
{
	skafu__buf_init(&rewrite->records, sys, SIZE_MAX / 2);
	skafu__buf_init(&rewrite->ends, sys, SIZE_MAX / 2);
}

void skafu__rewrite_done(struct skafu__rewrite *rewrite)
{
	skafu__buf_done(&rewrite->records);
	skafu__buf_done(&rewrite->ends);
}

void skafu__rewrite_begin(struct skafu__rewrite *rewrite)
{
	skafu__buf_clear(&rewrite->records);
	skafu__buf_clear(&rewrite->ends);
}

static int32_t rewrite_count(struct skafu__rewrite *rewrite)
{
	if (rewrite->records.failed)
		return rewrite->records.failed;
	return skafu__buf_put_u32(&rewrite->ends, (uint32_t)rewrite->records.length);
}

int32_t skafu__rewrite_keep(struct skafu__rewrite *rewrite, const uint8_t *bytes, uint32_t size)
{
	skafu__buf_put(&rewrite->records, bytes, size);
	return rewrite_count(rewrite);
}

static int32_t rewrite_encode(struct skafu__rewrite *rewrite, const struct skafu__record *record, uint64_t sequence)
{
	size_t before = rewrite->records.length;
	if (skafu__record_encode(&rewrite->records, record, NULL, NULL) == 0)
		skafu__record_seal(rewrite->records.bytes + before, (uint32_t)(rewrite->records.length - before),
				   sequence);
	return rewrite_count(rewrite);
}

int32_t skafu__rewrite_erase(struct skafu__rewrite *rewrite, const struct skafu__record *record, uint64_t sequence)
{
	uint8_t digest[SKAFU__DIGEST_BYTES];
	struct skafu__record erased = *record;
	skafu__record_digest(record, digest);
	erased.flags |= SKAFU__RECORD_ERASED;
	erased.data = digest;
	erased.data_length = sizeof digest;
	return rewrite_encode(rewrite, &erased, sequence);
}

int32_t skafu__rewrite_lose(struct skafu__rewrite *rewrite, uint64_t sequence)
{
	static const uint8_t none[16];
	struct skafu__record lost = {.kind = SKAFU__KIND_LOST, .id = none, .causation = none, .stream = "",
				     .correlation = "", .tags = ""};
	return rewrite_encode(rewrite, &lost, sequence);
}

static uint8_t *rewrite_put(uint8_t *to, const void *bytes, size_t length)
{
	if (length != 0)
		memcpy(to, bytes, length);
	return to + length;
}

int32_t skafu__rewrite_end(const struct skafu__rewrite *rewrite, const struct skafu__commit_head *head,
			   const struct skafu__rewrite_part *names, const struct skafu__rewrite_part *rows,
			   struct skafu__buf *out)
{
	size_t offset = SKAFU__COMMIT_HEADER_BYTES + rewrite->ends.length + names->length + rows->length;
	size_t size = offset + rewrite->records.length;
	struct skafu__commit_head made = *head;
	if (size > UINT32_MAX)
		return SKAFU_ELIMIT;
	uint8_t *start = skafu__buf_reserve(out, size);
	if (!start)
		return out->failed;
	made.size = (uint32_t)size;
	made.records_offset = (uint32_t)offset;
	made.record_count = (uint32_t)(rewrite->ends.length / 4);
	made.name_count = names->count;
	made.row_count = rows->count;
	skafu__commit_write_head(start, &made);
	uint8_t *to = start + SKAFU__COMMIT_HEADER_BYTES;
	to = rewrite_put(to, rewrite->ends.bytes, rewrite->ends.length);
	to = rewrite_put(to, names->bytes, names->length);
	to = rewrite_put(to, rows->bytes, rows->length);
	rewrite_put(to, rewrite->records.bytes, rewrite->records.length);
	skafu__commit_seal(start);
	skafu__buf_commit(out, size);
	return 0;
}

void skafu__rewrite_parts(const struct skafu__commit *commit, struct skafu__rewrite_part *out_names,
			  struct skafu__rewrite_part *out_rows)
{
	const uint8_t *end = commit->bytes + commit->records_offset;
	*out_names = (struct skafu__rewrite_part){commit->names, (size_t)(commit->rows - commit->names),
						  commit->name_count};
	*out_rows = (struct skafu__rewrite_part){commit->rows, (size_t)(end - commit->rows), commit->row_count};
}

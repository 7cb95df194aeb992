#include "codec/commit.h"

#include <string.h>

#include "base/bytes.h"
#include "codec/crc32c.h"

enum { COMMIT_AT_CRC = 4, COMMIT_AT_HEAD_CRC = 68 };

static void commit_load_head(const uint8_t *bytes, struct skafu__commit *out)
{
	out->bytes = bytes;
	out->size = skafu__load_u32(bytes);
	out->record_count = skafu__load_u32(bytes + 12);
	out->number = skafu__load_u64(bytes + 16);
	out->first_sequence = skafu__load_u64(bytes + 24);
	out->recorded_ns = (int64_t)skafu__load_u64(bytes + 32);
	out->id = bytes + 40;
	out->records_offset = skafu__load_u32(bytes + 56);
	out->row_count = skafu__load_u32(bytes + 60);
	out->name_count = skafu__load_u32(bytes + 64);
	out->ends = bytes + SKAFU__COMMIT_HEADER_BYTES;
	out->names = out->ends + (size_t)out->record_count * 4;
	out->rows = NULL;
}

int32_t skafu__commit_peek(const uint8_t bytes[SKAFU__COMMIT_HEADER_BYTES], struct skafu__commit *out)
{
	if (skafu__load_u32(bytes + 8) != SKAFU__COMMIT_MAGIC)
		return SKAFU_EDAMAGED;
	if (skafu__load_u32(bytes + COMMIT_AT_HEAD_CRC) != skafu__crc32c(0, bytes + 8, COMMIT_AT_HEAD_CRC - 8))
		return SKAFU_EDAMAGED;
	commit_load_head(bytes, out);
	return out->number == 0 || out->first_sequence == 0 ? SKAFU_EDAMAGED : 0;
}

int32_t skafu__commit_decode_quick(const uint8_t *bytes, size_t length, struct skafu__commit *out)
{
	if (length < SKAFU__COMMIT_HEADER_BYTES || skafu__commit_peek(bytes, out) != 0)
		return SKAFU_EDAMAGED;
	if (out->size > length || out->records_offset > out->size)
		return SKAFU_EDAMAGED;
	if (SKAFU__COMMIT_HEADER_BYTES + (uint64_t)out->record_count * 4 > out->records_offset)
		return SKAFU_EDAMAGED;
	return 0;
}

uint32_t skafu__commit_size_before(const uint8_t *bytes, size_t length, uint64_t sequence)
{
	if (length < SKAFU__COMMIT_HEADER_BYTES)
		return 0;
	uint32_t size = skafu__load_u32(bytes);
	uint64_t end = skafu__load_u64(bytes + 24) + skafu__load_u32(bytes + 12);
	if (end > sequence || size < SKAFU__COMMIT_HEADER_BYTES || size > length)
		return 0;
	return size;
}

static int commit_names_are_whole(struct skafu__reader *reader, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *head = skafu__reader_take(reader, SKAFU__NAME_HEADER_BYTES);
		if (!head || head[0] == 0 || head[0] >= SKAFU__NAME_SETS || head[1] == 0)
			return 0;
		const uint8_t *name = skafu__reader_take(reader, head[1] + 1u);
		if (!name || name[head[1]] != 0 || memchr(name, 0, head[1]))
			return 0;
	}
	return 1;
}

static int commit_rows_are_whole(struct skafu__reader *reader, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *head = skafu__reader_take(reader, SKAFU__ROW_HEADER_BYTES);
		if (!head || (head[4] != SKAFU__ROW_PUT && head[4] != SKAFU__ROW_DELETE) || head[5] == 0)
			return 0;
		if (!skafu__reader_take(reader, head[5]) || !skafu__reader_take(reader, skafu__load_u32(head + 8)))
			return 0;
	}
	return 1;
}

static int commit_ends_are_whole(const struct skafu__commit *commit)
{
	uint32_t before = 0;
	for (uint32_t i = 0; i < commit->record_count; i++) {
		uint32_t end = skafu__load_u32(commit->ends + (size_t)i * 4);
		if (end < before || end - before < SKAFU__RECORD_HEADER_BYTES)
			return 0;
		before = end;
	}
	return before == commit->size - commit->records_offset;
}

int32_t skafu__commit_decode(const uint8_t *bytes, size_t length, struct skafu__commit *out)
{
	struct skafu__commit commit;
	if (skafu__commit_decode_quick(bytes, length, &commit) != 0)
		return SKAFU_EDAMAGED;
	if (skafu__load_u32(bytes + COMMIT_AT_CRC) != skafu__crc32c(0, bytes + 8, commit.records_offset - 8))
		return SKAFU_EDAMAGED;
	struct skafu__reader reader;
	skafu__reader_init(&reader, commit.names, (size_t)(bytes + commit.records_offset - commit.names));
	if (!commit_names_are_whole(&reader, commit.name_count))
		return SKAFU_EDAMAGED;
	commit.rows = reader.at;
	if (!commit_rows_are_whole(&reader, commit.row_count) || skafu__reader_left(&reader) != 0)
		return SKAFU_EDAMAGED;
	if (!commit_ends_are_whole(&commit))
		return SKAFU_EDAMAGED;
	*out = commit;
	return 0;
}

int32_t skafu__commit_place(const struct skafu__commit *commit, uint32_t index, const uint8_t **out_bytes,
			    uint32_t *out_size)
{
	uint32_t from = index ? skafu__load_u32(commit->ends + (size_t)(index - 1) * 4) : 0;
	uint32_t to = skafu__load_u32(commit->ends + (size_t)index * 4);
	uint32_t room = commit->size - commit->records_offset;
	if (from > to || to > room || to - from < SKAFU__RECORD_HEADER_BYTES)
		return SKAFU_EDAMAGED;
	*out_bytes = commit->bytes + commit->records_offset + from;
	*out_size = to - from;
	return 0;
}

int32_t skafu__commit_record_at(const uint8_t *bytes, uint32_t size, uint64_t sequence, enum skafu__check check,
				struct skafu__record *out)
{
	if (skafu__load_u32(bytes) != size)
		return SKAFU_EDAMAGED;
	if (check == SKAFU__CHECK_ALL && !skafu__record_is_intact(bytes, size, sequence))
		return SKAFU_EDAMAGED;
	return check == SKAFU__CHECK_LENGTHS ? skafu__record_decode_own(bytes, size, out)
					     : skafu__record_decode(bytes, size, out);
}

int32_t skafu__commit_record_copy(const uint8_t *bytes, uint32_t size, uint64_t sequence, uint8_t *to,
				  struct skafu__record *out)
{
	if (skafu__load_u32(bytes) != size || !skafu__record_copy_is_intact(to, bytes, size, sequence))
		return SKAFU_EDAMAGED;
	return skafu__record_decode(to, size, out);
}

int32_t skafu__commit_record(const struct skafu__commit *commit, uint32_t index, enum skafu__check check,
			     struct skafu__record *out)
{
	const uint8_t *bytes;
	uint32_t size;
	int32_t rc = skafu__commit_place(commit, index, &bytes, &size);
	return rc ? rc : skafu__commit_record_at(bytes, size, commit->first_sequence + index, check, out);
}

void skafu__commit_next_name(const uint8_t **at, struct skafu__name_def *out)
{
	const uint8_t *head = *at;
	out->set = head[0];
	out->length = head[1];
	out->id = skafu__load_u32(head + 4);
	out->owner = skafu__load_u32(head + 8);
	out->name = (const char *)head + SKAFU__NAME_HEADER_BYTES;
	*at = head + skafu__name_def_bytes(out);
}

void skafu__commit_next_row(const uint8_t **at, struct skafu__row_op *out)
{
	const uint8_t *head = *at;
	out->table = skafu__load_u32(head);
	out->operation = head[4];
	out->key_length = head[5];
	out->value_length = skafu__load_u32(head + 8);
	out->key = head + SKAFU__ROW_HEADER_BYTES;
	out->value = out->key + out->key_length;
	*at = head + skafu__row_op_bytes(out);
}

size_t skafu__name_def_bytes(const struct skafu__name_def *name)
{
	return SKAFU__NAME_HEADER_BYTES + name->length + 1u;
}

size_t skafu__row_op_bytes(const struct skafu__row_op *row)
{
	return SKAFU__ROW_HEADER_BYTES + row->key_length + (size_t)row->value_length;
}

uint8_t *skafu__name_def_write(uint8_t *to, const struct skafu__name_def *name)
{
	to[0] = name->set;
	to[1] = name->length;
	skafu__store_u16(to + 2, 0);
	skafu__store_u32(to + 4, name->id);
	skafu__store_u32(to + 8, name->owner);
	memcpy(to + SKAFU__NAME_HEADER_BYTES, name->name, name->length);
	to[SKAFU__NAME_HEADER_BYTES + name->length] = 0;
	return to + skafu__name_def_bytes(name);
}

uint8_t *skafu__row_op_write(uint8_t *to, const struct skafu__row_op *row)
{
	skafu__store_u32(to, row->table);
	to[4] = row->operation;
	to[5] = row->key_length;
	skafu__store_u16(to + 6, 0);
	skafu__store_u32(to + 8, row->value_length);
	memcpy(to + SKAFU__ROW_HEADER_BYTES, row->key, row->key_length);
	if (row->value_length)
		memcpy(to + SKAFU__ROW_HEADER_BYTES + row->key_length, row->value, row->value_length);
	return to + skafu__row_op_bytes(row);
}

void skafu__commit_write_head(uint8_t *to, const struct skafu__commit_head *head)
{
	skafu__store_u32(to, head->size);
	skafu__store_u32(to + 4, 0);
	skafu__store_u32(to + 8, SKAFU__COMMIT_MAGIC);
	skafu__store_u32(to + 12, head->record_count);
	skafu__store_u64(to + 16, head->number);
	skafu__store_u64(to + 24, head->first_sequence);
	skafu__store_u64(to + 32, (uint64_t)head->recorded_ns);
	memcpy(to + 40, head->id, 16);
	skafu__store_u32(to + 56, head->records_offset);
	skafu__store_u32(to + 60, head->row_count);
	skafu__store_u32(to + 64, head->name_count);
	skafu__store_u32(to + COMMIT_AT_HEAD_CRC, skafu__crc32c(0, to + 8, COMMIT_AT_HEAD_CRC - 8));
}

void skafu__commit_seal(uint8_t *bytes)
{
	skafu__store_u32(bytes + COMMIT_AT_CRC, skafu__crc32c(0, bytes + 8, skafu__load_u32(bytes + 56) - 8));
}

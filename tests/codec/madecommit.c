#include "codec/madecommit.h"

#include <string.h>

#include "base/bytes.h"

const uint8_t made_id[16] = {0xc0, 1, 2, 3};

const struct skafu__name_def made_names[MADE_NAMES] = {
	{SKAFU__NAME_DOMAIN, 6, 1, 0, "domain"},
	{SKAFU__NAME_TYPE, 4, 1, 1, "Type"},
	{SKAFU__NAME_TABLE, 5, 1, 0, "table"},
};

const struct skafu__row_op made_rows[MADE_ROWS] = {
	{1, SKAFU__ROW_PUT, 3, 5, (const uint8_t *)"key", (const uint8_t *)"value"},
	{1, SKAFU__ROW_DELETE, 4, 0, (const uint8_t *)"gone", NULL},
};

struct skafu__record made_record(uint32_t index)
{
	static const uint8_t ids[MADE_RECORDS][16] = {{1}, {2}, {3}};
	struct skafu__record record = {.kind = index == 2 ? 2 : 1, .event_version = 1 << 16, .type = 1, .source = 1,
				       .content_type = 1, .stream_version = index == 2 ? 0 : index + 1,
				       .time_ns = 100 + index, .id = ids[index], .causation = ids[0],
				       .stream = index == 0 ? "s1" : index == 1 ? "s2" : "",
				       .stream_length = index == 2 ? 0 : 2, .correlation = "cor",
				       .correlation_length = 3, .data = (const uint8_t *)"{}", .data_length = 2};

	if (index == 0) {
		record.tags = "t:1\0t:2";
		record.tags_length = 8;
		record.tag_count = 2;
	}
	return record;
}

uint32_t made_commit(struct skafu__buf *buf)
{
	struct skafu__buf records;
	uint32_t ends[MADE_RECORDS];
	struct skafu__commit_head head = {.record_count = MADE_RECORDS, .row_count = MADE_ROWS,
					  .name_count = MADE_NAMES, .number = MADE_NUMBER,
					  .first_sequence = MADE_SEQUENCE, .recorded_ns = MADE_RECORDED,
					  .id = made_id};
	uint8_t *to;
	uint8_t *at;

	skafu__buf_init(&records, skafu__sys_current(), 1 << 20);
	for (uint32_t i = 0; i < MADE_RECORDS; i++) {
		struct skafu__record record = made_record(i);
		size_t before = records.length;

		skafu__record_encode(&records, &record, NULL, NULL);
		ends[i] = (uint32_t)records.length;
		skafu__record_seal(records.bytes + before, (uint32_t)(records.length - before), MADE_SEQUENCE + i);
	}
	head.records_offset = SKAFU__COMMIT_HEADER_BYTES + MADE_RECORDS * 4;
	for (uint32_t i = 0; i < MADE_NAMES; i++)
		head.records_offset += (uint32_t)skafu__name_def_bytes(&made_names[i]);
	for (uint32_t i = 0; i < MADE_ROWS; i++)
		head.records_offset += (uint32_t)skafu__row_op_bytes(&made_rows[i]);
	head.size = head.records_offset + (uint32_t)records.length;
	to = skafu__buf_reserve(buf, head.size);
	if (!to)
		return 0;
	skafu__commit_write_head(to, &head);
	at = to + SKAFU__COMMIT_HEADER_BYTES;
	for (uint32_t i = 0; i < MADE_RECORDS; i++, at += 4)
		skafu__store_u32(at, ends[i]);
	for (uint32_t i = 0; i < MADE_NAMES; i++)
		at = skafu__name_def_write(at, &made_names[i]);
	for (uint32_t i = 0; i < MADE_ROWS; i++)
		at = skafu__row_op_write(at, &made_rows[i]);
	memcpy(at, records.bytes, records.length);
	skafu__commit_seal(to);
	skafu__buf_commit(buf, head.size);
	skafu__buf_done(&records);
	return head.size;
}

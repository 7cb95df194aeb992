#include "store/salvage_commit.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#define SALVAGE_COMMIT_BYTES_MAX (32u << 20) /* twice what an append allows */
#define SALVAGE_NAMES_AHEAD_MAX 65536u	     /* that may have been lost in one go */
#define SALVAGE_CRC_ROUNDS 4u		     /* how often the bytes of a commit may be summed up in the search */

static void salvage_copy_init(struct skafu__salvage_copy *copy, const struct skafu__sys *sys)
{
	skafu__buf_init(&copy->bytes, sys, SIZE_MAX / 2);
	skafu__buf_init(&copy->records, sys, SIZE_MAX / 2);
}

static void salvage_copy_done(struct skafu__salvage_copy *copy)
{
	skafu__buf_done(&copy->bytes);
	skafu__buf_done(&copy->records);
}

void skafu__salvage_commit_init(struct skafu__salvage_commit *salvage, const struct skafu__sys *sys,
				const struct skafu__salvage_find *find)
{
	memset(salvage, 0, sizeof *salvage);
	salvage->sys = sys;
	salvage->find = find;
	salvage->bytes_left = 16 * find->file_bytes + (UINT64_C(64) << 20);
	skafu__names_init(&salvage->names, sys, 0);
	skafu__rewrite_init(&salvage->rewrite, sys);
	salvage_copy_init(&salvage->copy, sys);
	salvage_copy_init(&salvage->other, sys);
	skafu__buf_init(&salvage->fill, sys, SIZE_MAX / 2);
}

void skafu__salvage_commit_done(struct skafu__salvage_commit *salvage)
{
	skafu__names_done(&salvage->names);
	skafu__rewrite_done(&salvage->rewrite);
	salvage_copy_done(&salvage->copy);
	salvage_copy_done(&salvage->other);
	skafu__buf_done(&salvage->fill);
}

/* ---- load ---------------------------------------------------------------------------------------------------- */

/* 1 when all of it was read.  What lies beyond the end of the file is not there. */
static int32_t salvage_read(struct skafu__salvage_commit *salvage, uint64_t offset, uint64_t length)
{
	uint64_t there = salvage->find->file_bytes - offset;
	if (length > there)
		length = there;
	if (length > SALVAGE_COMMIT_BYTES_MAX || length > salvage->bytes_left)
		return 0;
	salvage->bytes_left -= length;
	skafu__buf_clear(&salvage->copy.bytes);
	uint8_t *to = skafu__buf_reserve(&salvage->copy.bytes, (size_t)length);
	if (!to)
		return SKAFU_ENOMEM;
	ssize_t got = skafu__salvage_find_read(salvage->find, to, (size_t)length, offset);
	skafu__buf_commit(&salvage->copy.bytes, got > 0 ? (size_t)got : 0);
	return got > 0;
}

static uint32_t salvage_end(const struct skafu__salvage_commit *salvage, uint32_t index)
{
	return skafu__load_u32(salvage->copy.bytes.bytes + SKAFU__COMMIT_HEADER_BYTES + (size_t)index * 4);
}

/* The size that the last end of a record gives, which the checksum of the front covers. */
static uint64_t salvage_told_size(const struct skafu__salvage_commit *salvage,
				  const struct skafu__salvage_place *place)
{
	return place->records_offset +
	       (uint64_t)(place->record_count ? salvage_end(salvage, place->record_count - 1) : 0);
}

/* Read front and records.  The size in the front is covered by no checksum; of the two the larger one that can be. */
static int32_t salvage_read_commit(struct skafu__salvage_commit *salvage, const struct skafu__salvage_place *place)
{
	uint64_t front = place->records_offset;
	if (SKAFU__COMMIT_HEADER_BYTES + (uint64_t)place->record_count * 4 > front)
		return 0;
	int32_t rc = salvage_read(salvage, place->offset, front);
	if (rc != 1 || salvage->copy.bytes.length < front)
		return rc < 0 ? rc : 0;
	uint64_t size = skafu__load_u32(salvage->copy.bytes.bytes);
	uint64_t end = salvage_told_size(salvage, place);
	if (end != size && (size < front || size > SALVAGE_COMMIT_BYTES_MAX ||
			    (end > size && end <= SALVAGE_COMMIT_BYTES_MAX)))
		size = end;
	if (size > SALVAGE_COMMIT_BYTES_MAX)
		size = SALVAGE_COMMIT_BYTES_MAX;
	return salvage_read(salvage, place->offset, size);
}

/* 1 when record `index` lies there.  *budget bounds the bytes that are summed up. */
static int salvage_is_record(const struct skafu__salvage_commit *salvage, uint64_t at, uint32_t index,
			     uint64_t *budget)
{
	struct skafu__record record;
	const struct skafu__buf *bytes = &salvage->copy.bytes;
	if (at + SKAFU__RECORD_HEADER_BYTES > bytes->length)
		return 0;
	uint32_t size = skafu__load_u32(bytes->bytes + at);
	if (size < SKAFU__RECORD_HEADER_BYTES || size > bytes->length - at || size > *budget)
		return 0;
	*budget -= size;
	return skafu__record_is_intact(bytes->bytes + at, size, salvage->copy.commit.first_sequence + index) &&
	       skafu__record_decode(bytes->bytes + at, size, &record) == 0;
}

/* Each record lies behind the one before, or where the table of ends says. */
static int32_t salvage_find_records(struct skafu__salvage_commit *salvage)
{
	struct skafu__salvage_copy *copy = &salvage->copy;
	uint64_t at = copy->commit.records_offset;
	uint64_t budget = SALVAGE_CRC_ROUNDS * (uint64_t)copy->bytes.length;
	skafu__buf_clear(&copy->records);
	copy->lost = 0;
	for (uint32_t i = 0; i < copy->commit.record_count; i++) {
		uint64_t told = copy->commit.records_offset + (uint64_t)(i ? salvage_end(salvage, i - 1) : 0);
		struct skafu__salvage_record record = {0};
		int is_there = salvage_is_record(salvage, at, i, &budget);
		if (!is_there && told > at && salvage_is_record(salvage, told, i, &budget)) {
			is_there = 1;
			at = told;
		}
		if (is_there) {
			record.at = (uint32_t)at;
			record.size = skafu__load_u32(copy->bytes.bytes + at);
			at += record.size;
		} else if (copy->commit.records_offset + (uint64_t)salvage_end(salvage, i) > at) {
			at = copy->commit.records_offset + (uint64_t)salvage_end(salvage, i);
		}
		copy->lost += record.size == 0;
		if (skafu__buf_put(&copy->records, &record, sizeof record) != 0)
			return SKAFU_ENOMEM;
	}
	return 1;
}

/* With its size put right, if only that was wrong. */
static void salvage_decode_front(struct skafu__salvage_commit *salvage, const struct skafu__salvage_place *place)
{
	struct skafu__salvage_copy *copy = &salvage->copy;
	uint8_t *bytes = copy->bytes.bytes;
	const uint64_t sizes[] = {skafu__load_u32(bytes), salvage_told_size(salvage, place), copy->bytes.length};
	for (size_t i = 0; i < 3; i++) {
		skafu__store_u32(bytes, (uint32_t)sizes[i]);
		copy->front_is_whole = sizes[i] <= copy->bytes.length &&
				       skafu__commit_decode(bytes, copy->bytes.length, &copy->commit) == 0;
		if (copy->front_is_whole)
			return;
	}
	skafu__store_u32(bytes, (uint32_t)sizes[0]);
}

int32_t skafu__salvage_commit_load(struct skafu__salvage_commit *salvage, const struct skafu__salvage_place *place)
{
	salvage->copy.is_mended = 0;
	int32_t rc = salvage_read_commit(salvage, place);
	if (rc != 1 || salvage->copy.bytes.length < place->records_offset)
		return rc < 0 ? rc : 0;
	/* It was the same when the place was found, unless somebody writes to the file. */
	struct skafu__commit *commit = &salvage->copy.commit;
	if (skafu__commit_peek(salvage->copy.bytes.bytes, commit) != 0 || commit->number != place->number ||
	    commit->record_count != place->record_count || commit->records_offset != place->records_offset)
		return 0;
	salvage_decode_front(salvage, place);
	return salvage_find_records(salvage);
}

/* ---- mend ---------------------------------------------------------------------------------------------------- */

static void salvage_swap(struct skafu__salvage_commit *salvage)
{
	struct skafu__salvage_copy copy = salvage->copy;
	salvage->copy = salvage->other;
	salvage->other = copy;
}

/* The size before it has no checksum.  The head has one, but it is no proof against who makes two of the same. */
static int salvage_is_same_commit(const struct skafu__salvage_copy *a, const struct skafu__salvage_copy *b)
{
	return memcmp(a->bytes.bytes + 8, b->bytes.bytes + 8, SKAFU__COMMIT_HEADER_BYTES - 8) == 0;
}

/* The bytes may have moved. */
static void salvage_look_again(struct skafu__salvage_copy *copy)
{
	const struct skafu__buf *bytes = &copy->bytes;
	if (!copy->front_is_whole)
		(void)skafu__commit_peek(bytes->bytes, &copy->commit);
	else if (skafu__commit_decode(bytes->bytes, bytes->length, &copy->commit) != 0)
		copy->front_is_whole = 0;
}

/* Records that the copy has lost and the other one has. */
static int32_t salvage_take_records(struct skafu__salvage_copy *copy, const struct skafu__salvage_copy *other)
{
	struct skafu__salvage_record *records = (void *)copy->records.bytes;
	const struct skafu__salvage_record *others = (const void *)other->records.bytes;
	for (uint32_t i = 0; i < copy->commit.record_count; i++) {
		if (records[i].size != 0 || others[i].size == 0)
			continue;
		struct skafu__salvage_record record = {(uint32_t)copy->bytes.length, others[i].size};
		if (skafu__buf_put(&copy->bytes, other->bytes.bytes + others[i].at, record.size) != 0)
			return SKAFU_ENOMEM;
		records[i] = record;
		copy->lost--;
		copy->is_mended = 1;
	}
	salvage_look_again(copy);
	return 0;
}

int32_t skafu__salvage_commit_mend(struct skafu__salvage_commit *salvage, const struct skafu__salvage_place *place)
{
	salvage_swap(salvage);
	int32_t rc = skafu__salvage_commit_load(salvage, place);
	int is_same = rc == 1 && salvage_is_same_commit(&salvage->copy, &salvage->other);
	/* The front stays what it was, unless only the other one is whole. */
	if (!is_same || salvage->other.front_is_whole || !salvage->copy.front_is_whole)
		salvage_swap(salvage);
	if (!is_same)
		return rc < 0 ? rc : 0;
	return salvage_take_records(&salvage->copy, &salvage->other);
}

int skafu__salvage_commit_record(const struct skafu__salvage_commit *salvage, uint32_t index,
				 struct skafu__record *out)
{
	const struct skafu__salvage_record *record = (const void *)salvage->copy.records.bytes;
	return record[index].size != 0 &&
	       skafu__record_decode(salvage->copy.bytes.bytes + record[index].at, record[index].size, out) == 0;
}

/* ---- names --------------------------------------------------------------------------------------------------- */

static int32_t salvage_define(struct skafu__salvage_commit *salvage, const struct skafu__name_def *name)
{
	int32_t rc = skafu__names_define(&salvage->names, name);
	if (rc == SKAFU_EDAMAGED || rc == SKAFU_ELIMIT)
		return 0;
	uint8_t *to = rc == 0 ? skafu__buf_reserve(&salvage->fill, skafu__name_def_bytes(name)) : NULL;
	if (!to)
		return SKAFU_ENOMEM;
	skafu__name_def_write(to, name);
	skafu__buf_commit(&salvage->fill, skafu__name_def_bytes(name));
	salvage->fill_count++;
	return 1;
}

/* Have all names of a set up to an id: from the table of names, else under a name that says that it was lost.  A type
 * needs its domain.  1, 0 when that cannot be. */
static int32_t salvage_need(struct skafu__salvage_commit *salvage, uint8_t set, uint32_t id, uint32_t owner)
{
	char text[64];
	if (id == 0 || (id > salvage->names.counts[set] && id - salvage->names.counts[set] > SALVAGE_NAMES_AHEAD_MAX))
		return 0;
	while (salvage->names.counts[set] < id) {
		uint32_t next = salvage->names.counts[set] + 1;
		struct skafu__name_def name;
		if (!skafu__salvage_find_name(salvage->find, set, next, &name)) {
			int length = snprintf(text, sizeof text, "lost-name-%u-%u", set, next);
			name = (struct skafu__name_def){.set = set, .length = (uint8_t)length, .id = next,
							.owner = set == SKAFU__NAME_TYPE ? owner : 0, .name = text};
		}
		int32_t rc = set == SKAFU__NAME_TYPE ? salvage_need(salvage, SKAFU__NAME_DOMAIN, name.owner, 0) : 1;
		if (rc == 1)
			rc = salvage_define(salvage, &name);
		if (rc != 1)
			return rc;
		salvage->filled = 1;
	}
	return 1;
}

static int32_t salvage_own_names(struct skafu__salvage_commit *salvage)
{
	const uint8_t *at = salvage->copy.commit.names;
	for (uint32_t i = 0; i < salvage->copy.commit.name_count; i++) {
		struct skafu__name_def name;
		skafu__commit_next_name(&at, &name);
		int32_t rc = name.id != 0;
		if (name.id > 1)
			rc = salvage_need(salvage, name.set, name.id - 1, name.owner ? name.owner : 1);
		if (rc == 1 && name.set == SKAFU__NAME_TYPE)
			rc = salvage_need(salvage, SKAFU__NAME_DOMAIN, name.owner, 0);
		if (rc == 1)
			rc = salvage_define(salvage, &name);
		if (rc != 1)
			return rc;
	}
	return 1;
}

static int32_t salvage_names_of_rows(struct skafu__salvage_commit *salvage)
{
	const uint8_t *at = salvage->copy.commit.rows;
	int32_t rc = 1;
	for (uint32_t i = 0; rc == 1 && i < salvage->copy.commit.row_count; i++) {
		struct skafu__row_op row;
		skafu__commit_next_row(&at, &row);
		rc = salvage_need(salvage, SKAFU__NAME_TABLE, row.table, 0);
	}
	return rc;
}

static int32_t salvage_names_of_record(struct skafu__salvage_commit *salvage, const struct skafu__record *record)
{
	if (record->kind == SKAFU__KIND_LOST)
		return 1;
	int32_t rc = salvage_need(salvage, SKAFU__NAME_DOMAIN, record->source, 0);
	if (rc == 1)
		rc = salvage_need(salvage, skafu__type_set(record->kind), record->type, record->source);
	return rc == 1 ? salvage_need(salvage, SKAFU__NAME_CONTENT_TYPE, record->content_type, 0) : rc;
}

static int32_t salvage_names(struct skafu__salvage_commit *salvage)
{
	skafu__buf_clear(&salvage->fill);
	salvage->fill_count = 0;
	salvage->filled = 0;
	int32_t rc = salvage->copy.front_is_whole ? salvage_own_names(salvage) : 1;
	if (rc == 1 && salvage->copy.front_is_whole)
		rc = salvage_names_of_rows(salvage);
	for (uint32_t i = 0; rc == 1 && i < salvage->copy.commit.record_count; i++) {
		struct skafu__record record;
		if (skafu__salvage_commit_record(salvage, i, &record))
			rc = salvage_names_of_record(salvage, &record);
	}
	return rc;
}

/* ---- write --------------------------------------------------------------------------------------------------- */

static int32_t salvage_rewrite(struct skafu__salvage_commit *salvage, struct skafu__buf *out)
{
	const struct skafu__commit *commit = &salvage->copy.commit;
	const struct skafu__salvage_record *records = (const void *)salvage->copy.records.bytes;
	struct skafu__rewrite_part own = {0};
	struct skafu__rewrite_part rows = {0};
	struct skafu__rewrite_part names = {salvage->fill.bytes, salvage->fill.length, salvage->fill_count};
	struct skafu__commit_head head = {.number = commit->number, .first_sequence = commit->first_sequence,
					  .recorded_ns = commit->recorded_ns, .id = commit->id};
	skafu__rewrite_begin(&salvage->rewrite);
	for (uint32_t i = 0; i < commit->record_count; i++) {
		int32_t rc = records[i].size ? skafu__rewrite_keep(&salvage->rewrite,
								   salvage->copy.bytes.bytes + records[i].at,
								   records[i].size)
					     : skafu__rewrite_lose(&salvage->rewrite, commit->first_sequence + i);
		if (rc != 0)
			return SKAFU_ENOMEM;
	}
	if (salvage->copy.front_is_whole)
		skafu__rewrite_parts(commit, &own, &rows);
	return skafu__rewrite_end(&salvage->rewrite, &head, &names, &rows, out) ? SKAFU_ENOMEM : 1;
}

int32_t skafu__salvage_commit_write(struct skafu__salvage_commit *salvage, struct skafu__buf *out)
{
	uint32_t counts[SKAFU__NAME_SETS];
	memcpy(counts, salvage->names.counts, sizeof counts);
	int32_t rc = salvage_names(salvage);
	if (rc != 1) {
		skafu__names_truncate(&salvage->names, counts);
		return rc;
	}
	if (!salvage->copy.front_is_whole || salvage->copy.lost != 0 || salvage->filled || salvage->copy.is_mended)
		return salvage_rewrite(salvage, out);
	return skafu__buf_put(out, salvage->copy.bytes.bytes, salvage->copy.commit.size) ? SKAFU_ENOMEM : 1;
}

int32_t skafu__salvage_commit_write_lost(struct skafu__salvage_commit *salvage, const struct skafu__commit_head *head,
					 uint32_t count, struct skafu__buf *out)
{
	struct skafu__rewrite_part none = {0};
	skafu__rewrite_begin(&salvage->rewrite);
	for (uint32_t i = 0; i < count; i++)
		if (skafu__rewrite_lose(&salvage->rewrite, head->first_sequence + i) != 0)
			return SKAFU_ENOMEM;
	return skafu__rewrite_end(&salvage->rewrite, head, &none, &none, out) ? SKAFU_ENOMEM : 0;
}

/*
 * manifest.c: writes, checks and searches the lists of runs and segments; manifest.h has the layout.
 *
 * Invariant: the same rules judge what is written and what is read, so nothing is stored that would be refused later.
 */
#include "codec/manifest.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/crc32c.h"
#include "codec/index_head.h"

#define MANIFEST_ROOT_MAGIC "SKRT"
#define MANIFEST_PART_MAGIC "SKRM"

/* ---- rules --------------------------------------------------------------------------------------------------- */

/* What is wrong with a run, or NULL. */
static const char *manifest_judge_run(const struct skafu__manifest_run *run)
{
	if (run->first_sequence > run->last_sequence || run->last_sequence > SKAFU__POSITION_MAX)
		return "a run with an impossible range";
	if (run->entry_count < run->segment_count || (run->segment_count == 0 && run->entry_count != 0))
		return "a run with an impossible number of entries";
	if (run->part_count < 1 || (run->part_count > 1 && run->part_count > run->segment_count))
		return "a run with an impossible number of parts";
	return NULL;
}

/* What is wrong with a run that follows another one in the root, or NULL. */
static const char *manifest_judge_runs(const struct skafu__manifest_run *before,
	const struct skafu__manifest_run *run)
{
	if (run->dimension < before->dimension
		|| (run->dimension == before->dimension && run->first_sequence <= before->last_sequence))
		return "runs out of order";
	return NULL;
}

static const char *manifest_judge_segment(const struct skafu__segment_info *segment)
{
	if (segment->bytes < SKAFU__SEGMENT_HEAD_BYTES || segment->bytes > SKAFU__SEGMENT_BYTES_MAX
		|| segment->entry_count == 0 || segment->entry_count > segment->bytes)
		return "a segment of an impossible size";
	if (segment->first_key > segment->last_key
		|| (segment->first_key == segment->last_key && segment->first_position > segment->last_position)
		|| segment->first_position > SKAFU__POSITION_MAX || segment->last_position > SKAFU__POSITION_MAX
		|| segment->last_extra > segment->last_extra_max)
		return "a segment with impossible limits";
	return NULL;
}

/* Two neighbours may share a key, and a position too, where postings differ in nothing but the extra. */
static const char *manifest_judge_segments(const struct skafu__segment_info *before,
	const struct skafu__segment_info *segment)
{
	if (segment->first_key < before->last_key
		|| (segment->first_key == before->last_key && segment->first_position < before->last_position))
		return "segments out of order";
	return NULL;
}

static int32_t manifest_refuse(skafu_error *error, const char *what)
{
	return skafu__fail(error, SKAFU_EINVAL, "A manifest of the index would list %s; please report this.", what);
}

static int32_t manifest_damaged(skafu_error *error, const char *what)
{
	return skafu__fail(error, SKAFU_EDAMAGED, "A manifest of the index has %s; reindex the store.", what);
}

/* ---- root ---------------------------------------------------------------------------------------------------- */

static size_t manifest_root_at(uint32_t index)
{
	return SKAFU__MANIFEST_ROOT_HEAD_BYTES + (size_t)index * SKAFU__MANIFEST_RUN_BYTES;
}

size_t skafu__manifest_root_bytes(uint32_t run_count)
{
	if (run_count > (UINT32_MAX - SKAFU__MANIFEST_ROOT_HEAD_BYTES) / SKAFU__MANIFEST_RUN_BYTES)
		return 0;
	return SKAFU__MANIFEST_ROOT_HEAD_BYTES + (size_t)run_count * SKAFU__MANIFEST_RUN_BYTES;
}

static void manifest_write_run(uint8_t *row, const struct skafu__manifest_run *run)
{
	row[0] = run->dimension;
	row[1] = run->level;
	skafu__store_u16(row + 2, 0);
	skafu__store_u32(row + 4, run->run);
	skafu__store_u64(row + 8, run->first_sequence);
	skafu__store_u64(row + 16, run->last_sequence);
	skafu__store_u64(row + 24, run->entry_count);
	skafu__store_u32(row + 32, run->segment_count);
	skafu__store_u32(row + 36, run->part_count);
	skafu__store_u32(row + 40, run->crc);
	skafu__store_u32(row + 44, 0);
}

int32_t skafu__manifest_root_encode(void *out, const struct skafu__manifest_run *runs, uint32_t run_count,
	skafu_error *error)
{
	size_t bytes = skafu__manifest_root_bytes(run_count);
	uint32_t i;

	if (bytes == 0)
		return manifest_refuse(error, "too many runs");
	for (i = 0; i < run_count; i++) {
		const char *wrong = manifest_judge_run(&runs[i]);

		if (!wrong && i > 0)
			wrong = manifest_judge_runs(&runs[i - 1], &runs[i]);
		if (wrong)
			return manifest_refuse(error, wrong);
	}
	memset(out, 0, SKAFU__MANIFEST_ROOT_HEAD_BYTES);
	skafu__store_u32((uint8_t *)out + 16, run_count);
	for (i = 0; i < run_count; i++)
		manifest_write_run((uint8_t *)out + manifest_root_at(i), &runs[i]);
	skafu__index_seal(out, bytes, MANIFEST_ROOT_MAGIC);
	return SKAFU_OK;
}

static void manifest_read_run(const uint8_t *row, struct skafu__manifest_run *out_run)
{
	out_run->dimension = row[0];
	out_run->level = row[1];
	out_run->run = skafu__load_u32(row + 4);
	out_run->first_sequence = skafu__load_u64(row + 8);
	out_run->last_sequence = skafu__load_u64(row + 16);
	out_run->entry_count = skafu__load_u64(row + 24);
	out_run->segment_count = skafu__load_u32(row + 32);
	out_run->part_count = skafu__load_u32(row + 36);
	out_run->crc = skafu__load_u32(row + 40);
}

void skafu__manifest_root_run(const struct skafu__manifest_root *root, uint32_t index,
	struct skafu__manifest_run *out_run)
{
	manifest_read_run(root->bytes + manifest_root_at(index), out_run);
}

static int32_t manifest_check_root(const struct skafu__manifest_root *root, skafu_error *error)
{
	struct skafu__manifest_run before = {0};
	struct skafu__manifest_run run = {0};
	uint32_t i;

	for (i = 0; i < root->run_count; i++) {
		const uint8_t *row = root->bytes + manifest_root_at(i);
		const char *wrong;

		before = run;
		manifest_read_run(row, &run);
		wrong = manifest_judge_run(&run);
		if (!wrong && i > 0)
			wrong = manifest_judge_runs(&before, &run);
		if (!wrong && (skafu__load_u16(row + 2) != 0 || skafu__load_u32(row + 44) != 0))
			wrong = "a run with fields that do not exist";
		if (wrong)
			return manifest_damaged(error, wrong);
	}
	return SKAFU_OK;
}

int32_t skafu__manifest_root_open(struct skafu__manifest_root *root, const void *bytes, size_t length, unsigned flags,
	skafu_error *error)
{
	struct skafu__manifest_root opened;
	const uint8_t *at = bytes;
	int32_t result = skafu__index_check(bytes, length, MANIFEST_ROOT_MAGIC, flags & SKAFU__MANIFEST_TRUSTED,
		error);

	if (result < 0)
		return result;
	if (length < SKAFU__MANIFEST_ROOT_HEAD_BYTES || at[5] || at[6] || at[7] || skafu__load_u32(at + 20) != 0)
		return manifest_damaged(error, "a head that does not exist");
	opened.bytes = at;
	opened.run_count = skafu__load_u32(at + 16);
	if (skafu__manifest_root_bytes(opened.run_count) != length)
		return manifest_damaged(error, "another number of runs than its length");
	result = manifest_check_root(&opened, error);
	if (result < 0)
		return result;
	*root = opened;
	return SKAFU_OK;
}

void skafu__manifest_root_dimension(const struct skafu__manifest_root *root, uint8_t dimension, uint32_t *out_begin,
	uint32_t *out_end)
{
	const uint8_t *rows = root->bytes + SKAFU__MANIFEST_ROOT_HEAD_BYTES;
	uint32_t begin = 0;
	uint32_t end;

	while (begin < root->run_count && rows[(size_t)begin * SKAFU__MANIFEST_RUN_BYTES] < dimension)
		begin++;
	end = begin;
	while (end < root->run_count && rows[(size_t)end * SKAFU__MANIFEST_RUN_BYTES] == dimension)
		end++;
	*out_begin = begin;
	*out_end = end;
}

/* ---- parts: write -------------------------------------------------------------------------------------------- */

uint32_t skafu__manifest_part_rows(size_t bytes_max)
{
	size_t rows;

	if (bytes_max < SKAFU__MANIFEST_PART_BYTES_MIN)
		return 0;
	rows = (bytes_max - SKAFU__MANIFEST_HEAD_BYTES) / SKAFU__MANIFEST_ROW_BYTES;
	return rows > UINT16_MAX ? UINT16_MAX : (uint32_t)rows;
}

uint32_t skafu__manifest_part_count(uint32_t segment_count, size_t bytes_max)
{
	uint32_t rows = skafu__manifest_part_rows(bytes_max);

	return rows && segment_count ? (segment_count - 1) / rows + 1 : 1;
}

/* How many segments part `part` lists; 0 beyond the last one. */
static uint32_t manifest_part_length(uint32_t segment_count, uint32_t part, uint32_t rows)
{
	uint64_t first = (uint64_t)part * rows;

	if (first >= segment_count)
		return 0;
	return segment_count - first < rows ? (uint32_t)(segment_count - first) : rows;
}

size_t skafu__manifest_part_bytes(uint32_t segment_count, uint32_t part, size_t bytes_max)
{
	uint32_t rows = skafu__manifest_part_rows(bytes_max);

	return SKAFU__MANIFEST_HEAD_BYTES
		+ (size_t)manifest_part_length(segment_count, part, rows) * SKAFU__MANIFEST_ROW_BYTES;
}

static const char *manifest_judge_list(const struct skafu__segment_info *segments, uint32_t count)
{
	const char *wrong = NULL;
	uint32_t i;

	for (i = 0; i < count && !wrong; i++) {
		wrong = manifest_judge_segment(&segments[i]);
		if (!wrong && i > 0)
			wrong = manifest_judge_segments(&segments[i - 1], &segments[i]);
	}
	return wrong;
}

static void manifest_write_segment(uint8_t *row, const struct skafu__segment_info *segment)
{
	skafu__store_u32(row, segment->number);
	skafu__store_u32(row + 4, segment->bytes);
	skafu__store_u32(row + 8, segment->crc);
	skafu__store_u32(row + 12, segment->entry_count);
	skafu__store_u64(row + 16, segment->first_key);
	skafu__store_u64(row + 24, segment->first_position);
	skafu__store_u64(row + 32, segment->last_key);
	skafu__store_u64(row + 40, segment->last_position);
	skafu__store_u64(row + 48, segment->last_extra);
	skafu__store_u64(row + 56, segment->last_extra_max);
}

static void manifest_write_part_head(uint8_t *at, const struct skafu__manifest_run *run, uint32_t part,
	uint32_t first, uint32_t count)
{
	at[5] = run->dimension;
	at[6] = run->level;
	at[7] = 0;
	skafu__store_u32(at + 16, run->run);
	skafu__store_u32(at + 20, part);
	skafu__store_u32(at + 24, run->part_count);
	skafu__store_u32(at + 28, run->segment_count);
	skafu__store_u32(at + 32, first);
	skafu__store_u32(at + 36, count);
	skafu__store_u64(at + 40, run->first_sequence);
	skafu__store_u64(at + 48, run->last_sequence);
	skafu__store_u64(at + 56, run->entry_count);
}

int32_t skafu__manifest_part_encode(void *out, const struct skafu__manifest_run *run,
	const struct skafu__segment_info *segments, uint32_t part, size_t bytes_max, uint32_t *out_crc,
	skafu_error *error)
{
	uint32_t rows = skafu__manifest_part_rows(bytes_max);
	uint32_t count = manifest_part_length(run->segment_count, part, rows);
	uint8_t *at = out;
	uint32_t parts = skafu__manifest_part_count(run->segment_count, bytes_max);
	const char *wrong = manifest_judge_run(run);
	uint32_t i;

	if (rows == 0)
		return skafu__fail(error, SKAFU_EINVAL, "A part of a manifest needs at least %d bytes.",
			SKAFU__MANIFEST_PART_BYTES_MIN);
	if (!wrong && (part >= parts || run->part_count != parts))
		wrong = "a run with another number of parts";
	if (!wrong && count)
		wrong = manifest_judge_list(segments + (size_t)part * rows, count);
	if (wrong)
		return manifest_refuse(error, wrong);
	manifest_write_part_head(at, run, part, count ? part * rows : 0, count);
	for (i = 0; i < count; i++)
		manifest_write_segment(at + SKAFU__MANIFEST_HEAD_BYTES + (size_t)i * SKAFU__MANIFEST_ROW_BYTES,
			&segments[(size_t)part * rows + i]);
	*out_crc = skafu__index_seal(at, skafu__manifest_part_bytes(run->segment_count, part, bytes_max),
		MANIFEST_PART_MAGIC);
	return SKAFU_OK;
}

uint32_t skafu__manifest_parts_crc(uint32_t crc, uint32_t part_crc)
{
	uint8_t bytes[4];

	skafu__store_u32(bytes, part_crc);
	return skafu__crc32c(crc, bytes, sizeof bytes);
}

/* ---- parts: read --------------------------------------------------------------------------------------------- */

static const uint8_t *manifest_part_row(const struct skafu__manifest_part *part, uint32_t index)
{
	return part->bytes + SKAFU__MANIFEST_HEAD_BYTES + (size_t)index * SKAFU__MANIFEST_ROW_BYTES;
}

static void manifest_read_segment(const uint8_t *row, struct skafu__segment_info *out_segment)
{
	out_segment->number = skafu__load_u32(row);
	out_segment->bytes = skafu__load_u32(row + 4);
	out_segment->crc = skafu__load_u32(row + 8);
	out_segment->entry_count = skafu__load_u32(row + 12);
	out_segment->first_key = skafu__load_u64(row + 16);
	out_segment->first_position = skafu__load_u64(row + 24);
	out_segment->last_key = skafu__load_u64(row + 32);
	out_segment->last_position = skafu__load_u64(row + 40);
	out_segment->last_extra = skafu__load_u64(row + 48);
	out_segment->last_extra_max = skafu__load_u64(row + 56);
}

static void manifest_read_part_head(const uint8_t *at, struct skafu__manifest_part *out_part)
{
	memset(out_part, 0, sizeof *out_part);
	out_part->bytes = at;
	out_part->run.dimension = at[5];
	out_part->run.level = at[6];
	out_part->run.run = skafu__load_u32(at + 16);
	out_part->part = skafu__load_u32(at + 20);
	out_part->run.part_count = skafu__load_u32(at + 24);
	out_part->run.segment_count = skafu__load_u32(at + 28);
	out_part->first_index = skafu__load_u32(at + 32);
	out_part->segment_count = skafu__load_u32(at + 36);
	out_part->run.first_sequence = skafu__load_u64(at + 40);
	out_part->run.last_sequence = skafu__load_u64(at + 48);
	out_part->run.entry_count = skafu__load_u64(at + 56);
	out_part->crc = skafu__load_u32(at + 8);
}

/* The place of a part within its run: all parts but the last are equally long. */
static const char *manifest_judge_place(const struct skafu__manifest_part *part)
{
	const struct skafu__manifest_run *run = &part->run;
	uint64_t end = (uint64_t)part->first_index + part->segment_count;
	int last = part->part == run->part_count - 1;

	if (part->part >= run->part_count)
		return "a part beyond the last one";
	if (end > run->segment_count || last != (end == run->segment_count))
		return "a part at an impossible place";
	if ((part->part == 0 || !last) && part->first_index != (uint64_t)part->part * part->segment_count)
		return "a part at an impossible place";
	if (part->part != 0 && last
		&& (part->first_index % part->part != 0 || part->segment_count > part->first_index / part->part))
		return "a part at an impossible place";
	if (part->segment_count == 0 && run->segment_count != 0)
		return "a part without segments";
	return NULL;
}

/* The rows, and their sum. */
static const char *manifest_judge_rows(struct skafu__manifest_part *part)
{
	struct skafu__segment_info before = {0};
	struct skafu__segment_info segment = {0};
	uint32_t i;

	for (i = 0; i < part->segment_count; i++) {
		const char *wrong;

		before = segment;
		manifest_read_segment(manifest_part_row(part, i), &segment);
		wrong = manifest_judge_segment(&segment);
		if (!wrong && i > 0)
			wrong = manifest_judge_segments(&before, &segment);
		if (wrong)
			return wrong;
		part->entry_count += segment.entry_count;
	}
	return NULL;
}

int32_t skafu__manifest_part_open(struct skafu__manifest_part *part, const void *bytes, size_t length, unsigned flags,
	skafu_error *error)
{
	struct skafu__manifest_part opened;
	const char *wrong;
	int32_t result = skafu__index_check(bytes, length, MANIFEST_PART_MAGIC, flags & SKAFU__MANIFEST_TRUSTED,
		error);

	if (result < 0)
		return result;
	if (length < SKAFU__MANIFEST_HEAD_BYTES || ((const uint8_t *)bytes)[7] != 0)
		return manifest_damaged(error, "a head that does not exist");
	manifest_read_part_head(bytes, &opened);
	if (opened.segment_count != (length - SKAFU__MANIFEST_HEAD_BYTES) / SKAFU__MANIFEST_ROW_BYTES
		|| (length - SKAFU__MANIFEST_HEAD_BYTES) % SKAFU__MANIFEST_ROW_BYTES != 0)
		return manifest_damaged(error, "another number of segments than its length");
	wrong = manifest_judge_run(&opened.run);
	if (!wrong)
		wrong = manifest_judge_place(&opened);
	if (!wrong)
		wrong = manifest_judge_rows(&opened);
	if (wrong)
		return manifest_damaged(error, wrong);
	*part = opened;
	return SKAFU_OK;
}

/* ---- runs ---------------------------------------------------------------------------------------------------- */

static int manifest_same_run(const struct skafu__manifest_run *a, const struct skafu__manifest_run *b)
{
	return a->dimension == b->dimension && a->level == b->level && a->run == b->run
		&& a->first_sequence == b->first_sequence && a->last_sequence == b->last_sequence
		&& a->entry_count == b->entry_count && a->segment_count == b->segment_count
		&& a->part_count == b->part_count;
}

int32_t skafu__manifest_run_check(const struct skafu__manifest_run *run, const struct skafu__manifest_part *parts,
	skafu_error *error)
{
	struct skafu__segment_info before;
	struct skafu__segment_info first;
	uint64_t entry_count = 0;
	uint32_t crc = 0;
	uint32_t index = 0;
	uint32_t i;

	for (i = 0; i < run->part_count; i++) {
		if (!manifest_same_run(run, &parts[i].run) || parts[i].part != i || parts[i].first_index != index)
			return manifest_damaged(error, "parts of another run");
		if (i > 0) {
			manifest_read_segment(manifest_part_row(&parts[i - 1], parts[i - 1].segment_count - 1),
				&before);
			manifest_read_segment(manifest_part_row(&parts[i], 0), &first);
			if (manifest_judge_segments(&before, &first))
				return manifest_damaged(error, "parts out of order");
		}
		index += parts[i].segment_count;
		entry_count += parts[i].entry_count;
		crc = skafu__manifest_parts_crc(crc, parts[i].crc);
	}
	if (entry_count != run->entry_count || index != run->segment_count)
		return manifest_damaged(error, "another number of entries than its segments");
	if (crc != run->crc)
		return manifest_damaged(error, "parts of an earlier or later state of a run");
	return SKAFU_OK;
}

static const uint8_t *manifest_run_row(const struct skafu__manifest_part *parts, uint32_t index)
{
	uint32_t part = parts[0].segment_count ? index / parts[0].segment_count : 0;

	return manifest_part_row(&parts[part], index - parts[part].first_index);
}

void skafu__manifest_run_segment(const struct skafu__manifest_part *parts, uint32_t index,
	struct skafu__segment_info *out_segment)
{
	manifest_read_segment(manifest_run_row(parts, index), out_segment);
}

/* Whether a pair of key and position, stored at `at`, is below another one. */
static int manifest_is_below(const uint8_t *at, uint64_t key, uint64_t position)
{
	uint64_t here = skafu__load_u64(at);

	return here < key || (here == key && skafu__load_u64(at + 8) < position);
}

/* The first segment whose limit at byte `field` of the row is not below key and position. */
static uint32_t manifest_bound(const struct skafu__manifest_part *parts, size_t field, uint64_t key,
	uint64_t position)
{
	uint32_t begin = 0;
	uint32_t end = parts[0].run.segment_count;

	while (begin < end) {
		uint32_t middle = begin + (end - begin) / 2;

		if (manifest_is_below(manifest_run_row(parts, middle) + field, key, position))
			begin = middle + 1;
		else
			end = middle;
	}
	return begin;
}

void skafu__manifest_run_find(const struct skafu__manifest_part *parts, uint64_t key, uint64_t position,
	uint32_t *out_begin, uint32_t *out_end)
{
	enum { first_at = 16, last_at = 32 };
	uint32_t begin = manifest_bound(parts, last_at, key, position);
	uint32_t end = manifest_bound(parts, first_at, key, UINT64_MAX);

	*out_begin = begin;
	*out_end = end < begin ? begin : end;
}

uint32_t skafu__manifest_run_find_extra(const struct skafu__manifest_part *parts, uint64_t extra, uint32_t begin,
	uint32_t end)
{
	enum { extra_max_at = 56 };

	/* All but the last of these segments end with the key, so their largest extra is one of it. */
	while (begin + 1 < end && skafu__load_u64(manifest_run_row(parts, begin) + extra_max_at) < extra)
		begin++;
	return begin;
}

#include "store/published.h"

#include "base/bytes.h"
#include "codec/record.h"
#include "store/batch.h"
#include "store/store.h"

/* The name of a record's source as the batch has it. */
static const char *published_source(const skafu_batch *batch, const uint8_t *record)
{
	uint32_t name = skafu__load_u32(record + SKAFU__RECORD_AT_SOURCE) & ~SKAFU__NAME_IS_LOCAL;
	return skafu__batch_name_text(batch, name);
}

/* How long after it happened an error was recorded; 0 when nobody said when it happened. */
static int64_t published_delay(const skafu_batch *batch, uint32_t index, const skafu_appended *outcome)
{
	const uint8_t *record = batch->records.bytes + batch->index[index].at;
	if (!(batch->index[index].flags & SKAFU__BATCH_TIME_GIVEN))
		return 0;
	int64_t time = (int64_t)skafu__load_u64(record + SKAFU__RECORD_AT_TIME);
	int64_t delay;
	if (__builtin_sub_overflow(outcome->recorded_ns, time, &delay) || delay < 0)
		return 0;
	return delay;
}

static int published_is_alike(const skafu_batch *batch, const uint8_t *a, const uint8_t *b)
{
	return a[SKAFU__RECORD_AT_KIND] == b[SKAFU__RECORD_AT_KIND] &&
	       a[SKAFU__RECORD_AT_SEVERITY] == b[SKAFU__RECORD_AT_SEVERITY] &&
	       a[SKAFU__RECORD_AT_KIND] != SKAFU_KIND_ERROR && /* each has a delay of its own */
	       published_source(batch, a) == published_source(batch, b);
}

static uint32_t published_run(const skafu_batch *batch, uint32_t from)
{
	const uint8_t *first = batch->records.bytes + batch->index[from].at;
	uint32_t to = from + 1;
	while (to < batch->record_count &&
	       published_is_alike(batch, first, batch->records.bytes + batch->index[to].at))
		to++;
	return to;
}

void skafu__published_report(skafu_store *store, const skafu_batch *batch, const skafu_appended *outcome)
{
	if (!skafu__probe_is_on(&store->probe) || (outcome->flags & SKAFU_APPENDED_RETRY))
		return;
	for (uint32_t at = 0; at < batch->record_count;) {
		const uint8_t *record = batch->records.bytes + batch->index[at].at;
		uint32_t next = published_run(batch, at);
		struct skafu__probe_event event = {.kind = SKAFU__PROBE_PUBLISHED, .count = next - at,
						   .record_kind = record[SKAFU__RECORD_AT_KIND],
						   .severity = record[SKAFU__RECORD_AT_SEVERITY],
						   .domain = published_source(batch, record)};
		if (event.record_kind == SKAFU_KIND_ERROR)
			event.value = published_delay(batch, at, outcome);
		skafu__probe_tell(&store->probe, &event);
		at = next;
	}
}

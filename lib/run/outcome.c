#include "run/outcome.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"

#define OUTCOME_DATA_BYTES_MAX 65536u
#define OUTCOME_CODE_BYTES_MAX 256u
#define OUTCOME_MESSAGE_BYTES_MAX 4096u
#define OUTCOME_QUOTED_BYTES_MAX (OUTCOME_MESSAGE_BYTES_MAX * 6 + 3)

/* ---- writing ------------------------------------------------------------------------------------------------- */

static int32_t outcome_put_text(struct skafu__buf *out, const char *text, skafu_error *error)
{
	uint8_t *room = skafu__buf_reserve(out, OUTCOME_QUOTED_BYTES_MAX);
	if (!room)
		return skafu__fail_memory(error);
	int32_t rc = skafu_json_quote(text, OUTCOME_QUOTED_BYTES_MAX, (char *)room, error);
	if (rc == 0)
		skafu__buf_commit(out, strlen((char *)room));
	return rc;
}

static int32_t outcome_write(struct skafu__buf *out, const struct skafu__told *told, skafu_error *error)
{
	const struct skafu__answer *answer = told->answer;
	int is_accepted = answer->decision == SKAFU_DECISION_ACCEPTED;
	skafu__buf_printf(out, "{\"decision\":\"%s\",\"code\":", is_accepted ? "accepted" : "refused");
	int32_t rc = outcome_put_text(out, answer->code, error);
	skafu__buf_put_text(out, ",\"message\":");
	if (rc == 0)
		rc = outcome_put_text(out, answer->message, error);
	skafu__buf_printf(out, ",\"events\":%u,\"streamVersion\":%" PRIu64 ",\"attempts\":%u,\"repeated\":%s}",
			  answer->event_count, answer->stream_version, told->attempts,
			  told->is_repeated ? "true" : "false");
	if (rc == 0 && out->failed)
		rc = skafu__fail_memory(error);
	return rc;
}

int32_t skafu__outcome_put(skafu_model *model, const skafu_record *command, const struct skafu__told *told,
			   skafu_batch *batch, skafu_error *error)
{
	struct skafu__buf data;
	skafu__buf_init(&data, &model->sys, OUTCOME_DATA_BYTES_MAX);
	int32_t rc = outcome_write(&data, told, error);
	skafu_new_record record = {.size = sizeof record, .kind = SKAFU_KIND_OUTCOME, .type = command->type,
				   .stream = command->stream[0] ? command->stream : NULL, .source = command->source,
				   .data = data.bytes, .data_length = data.length, .causation = command->id,
				   .correlation = command->correlation, .hops = command->hops + 1};
	if (rc == 0)
		rc = skafu_batch_add(batch, &record, error);
	skafu__buf_done(&data);
	return rc;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

struct outcome_texts {
	char decision[16];
	char code[OUTCOME_CODE_BYTES_MAX];
	char message[OUTCOME_MESSAGE_BYTES_MAX];
};

static int32_t outcome_number(const skafu_record *record, const char *pointer, uint64_t *out, skafu_error *error)
{
	int64_t number = 0;
	int32_t rc = skafu_json_int64(record->data, record->data_length, pointer, &number, error);
	if (rc == 0 && number < 0)
		rc = SKAFU_EINVAL;
	*out = (uint64_t)number;
	return rc;
}

static int32_t outcome_parse(const skafu_record *record, struct outcome_texts *texts, struct skafu__answer *answer,
			     uint64_t *attempts, skafu_error *error)
{
	uint64_t events = 0;
	const void *data = record->data;
	size_t length = record->data_length;
	int32_t rc = skafu_json_text(data, length, "/decision", sizeof texts->decision, texts->decision, error);
	if (rc == 0)
		rc = skafu_json_text(data, length, "/code", sizeof texts->code, texts->code, error);
	if (rc == 0)
		rc = skafu_json_text(data, length, "/message", sizeof texts->message, texts->message, error);
	if (rc == 0)
		rc = outcome_number(record, "/events", &events, error);
	if (rc == 0)
		rc = outcome_number(record, "/streamVersion", &answer->stream_version, error);
	if (rc == 0)
		rc = outcome_number(record, "/attempts", attempts, error);
	if (rc != 0)
		return rc;
	int is_accepted = strcmp(texts->decision, "accepted") == 0;
	if ((!is_accepted && strcmp(texts->decision, "refused") != 0) || events >= record->sequence)
		return SKAFU_EINVAL;
	answer->decision = is_accepted ? SKAFU_DECISION_ACCEPTED : SKAFU_DECISION_REFUSED;
	answer->event_count = (uint32_t)events;
	answer->code = texts->code;
	answer->message = texts->message;
	answer->command = record->causation;
	answer->correlation = record->correlation;
	return 0;
}

/* 1 when the events are in the commit of the first decision, 0 when not. */
static int32_t outcome_is_repeated(const skafu_record *record, skafu_error *error)
{
	const char *member = NULL;
	size_t length = 0;
	int32_t rc = skafu_json_find(record->data, record->data_length, "/repeated", &member, &length, error);
	if (rc == SKAFU_ENOMEM)
		return rc;
	return rc == 0 && length == 4; /* true */
}

/* The events lie right before the outcome, in its commit. */
static void outcome_place(const skafu_record *record, uint64_t attempts, int is_repeated, skafu_outcome *outcome)
{
	outcome->attempts = (uint32_t)attempts;
	outcome->commit = is_repeated ? 0 : record->commit;
	if (is_repeated)
		outcome->flags |= SKAFU_OUTCOME_REPEATED;
	if (is_repeated || outcome->event_count == 0)
		return;
	outcome->first_sequence = record->sequence - outcome->event_count;
	outcome->last_sequence = record->sequence - 1;
}

int32_t skafu_outcome_read(const skafu_record *record, skafu_outcome **out_outcome, skafu_error *error)
{
	struct outcome_texts texts;
	struct skafu__answer answer = {0};
	uint64_t attempts = 0;
	if (!record || !out_outcome)
		return skafu__fail(error, SKAFU_EINVAL, "the record or the place for the outcome is NULL");
	if (record->kind != SKAFU_KIND_OUTCOME)
		return skafu__fail(error, SKAFU_EINVAL, "record %llu is no outcome of a command",
				   (unsigned long long)record->sequence);
	int32_t rc = outcome_parse(record, &texts, &answer, &attempts, error);
	if (rc != 0 && rc != SKAFU_ENOMEM)
		return skafu__fail(error, SKAFU_EINVAL, "record %llu is an outcome that this library did not write",
				   (unsigned long long)record->sequence);
	int32_t repeated = rc ? rc : outcome_is_repeated(record, error);
	if (repeated < 0)
		return repeated;
	rc = skafu__outcome_make(skafu__sys_current(), &answer, out_outcome, error);
	if (rc == 0)
		outcome_place(record, attempts, repeated, *out_outcome);
	return rc;
}

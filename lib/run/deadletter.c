#include "run/deadletter.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/hash.h"
#include "model/model.h"
#include "run/errorbus.h"
#include "store/store.h" /* the log sink */

#define DEADLETTER_FORM 1u
#define DEADLETTER_HEADER_BYTES 40u
#define DEADLETTER_MESSAGE_BYTES_MAX 1023u
#define DEADLETTER_ROW_BYTES_MAX 8192u
#define DEADLETTER_HOPS_MAX 255u
#define PARKED_FORM 1u
#define PARKED_HEADER_BYTES 10u
#define PARKED_ROW_BYTES_MAX 512u

const char skafu__deadletter_table[] = "skafu.dead";
const char skafu__parked_table[] = "skafu.parked";

/* ---- letters --------------------------------------------------------------------------------------------------- */

static void deadletter_hash(const char *purpose, const char *text, uint8_t out[16])
{
	const struct skafu__part parts[] = {{purpose, strlen(purpose)}, {text, strlen(text)}};
	skafu__blake2b(out, 16, parts, 2);
}

void skafu__deadletter_key(const char *consumer, const char *partition_key, uint64_t sequence,
			   uint8_t out[SKAFU__DEADLETTER_KEY_BYTES])
{
	uint8_t of_consumer[16];
	deadletter_hash("skafu dead consumer 1", consumer, of_consumer);
	memcpy(out, of_consumer, SKAFU__DEADLETTER_CONSUMER_BYTES);
	deadletter_hash("skafu dead key 1", partition_key, out + SKAFU__DEADLETTER_CONSUMER_BYTES);
	skafu__store_u64_be(out + SKAFU__PARKED_KEY_BYTES, sequence);
}

static void deadletter_put_text(struct skafu__buf *out, const char *text, size_t bytes_max)
{
	size_t length = skafu__utf8_cut(text, strnlen(text, bytes_max + 1), bytes_max);
	skafu__buf_put(out, text, length);
	skafu__buf_put_u8(out, 0);
}

static int32_t deadletter_encode(struct skafu__buf *out, const struct skafu__deadletter *letter)
{
	skafu__buf_put_u8(out, DEADLETTER_FORM);
	skafu__buf_put_u8(out, letter->is_parked_behind != 0);
	skafu__buf_put_u16(out, 0);
	skafu__buf_put_u32(out, letter->attempts);
	skafu__buf_put_u32(out, (uint32_t)letter->code);
	skafu__buf_put_u32(out, 0);
	skafu__buf_put_u64(out, letter->sequence);
	skafu__buf_put_u64(out, (uint64_t)letter->first_ns);
	skafu__buf_put_u64(out, (uint64_t)letter->last_ns);
	deadletter_put_text(out, letter->consumer, 255);
	deadletter_put_text(out, letter->partition_key, 255);
	deadletter_put_text(out, letter->type, 255);
	deadletter_put_text(out, letter->correlation, 255);
	deadletter_put_text(out, letter->message, DEADLETTER_MESSAGE_BYTES_MAX);
	return out->failed;
}

int32_t skafu__deadletter_put(skafu_batch *batch, const struct skafu__sys *sys,
			      const struct skafu__deadletter *letter, skafu_error *error)
{
	struct skafu__buf value;
	skafu__buf_init(&value, sys, DEADLETTER_ROW_BYTES_MAX);
	int32_t rc = deadletter_encode(&value, letter) ? skafu__fail_memory(error) : 0;
	if (rc == 0)
		rc = skafu_batch_put_row(batch, skafu__deadletter_table, letter->key, sizeof letter->key, value.bytes,
					 value.length, error);
	skafu__buf_done(&value);
	return rc;
}

/* A text with its NUL, or NULL when the NUL is not there. */
static const char *deadletter_take_text(struct skafu__reader *reader)
{
	size_t left = skafu__reader_left(reader);
	const uint8_t *end = left ? memchr(reader->at, 0, left) : NULL;
	if (!end) {
		reader->failed = 1;
		return NULL;
	}
	return (const char *)skafu__reader_take(reader, (size_t)(end - reader->at) + 1);
}

int32_t skafu__deadletter_decode(const skafu_row *row, struct skafu__deadletter *out, skafu_error *error)
{
	struct skafu__reader reader;
	struct skafu__deadletter letter = {0};
	skafu__reader_init(&reader, row->value, row->value_length);
	int is_form = skafu__reader_u8(&reader) == DEADLETTER_FORM && row->key_length == sizeof letter.key;
	letter.is_parked_behind = skafu__reader_u8(&reader);
	skafu__reader_u16(&reader);
	letter.attempts = skafu__reader_u32(&reader);
	letter.code = (int32_t)skafu__reader_u32(&reader);
	skafu__reader_u32(&reader);
	letter.sequence = skafu__reader_u64(&reader);
	letter.first_ns = (int64_t)skafu__reader_u64(&reader);
	letter.last_ns = (int64_t)skafu__reader_u64(&reader);
	letter.consumer = deadletter_take_text(&reader);
	letter.partition_key = deadletter_take_text(&reader);
	letter.type = deadletter_take_text(&reader);
	letter.correlation = deadletter_take_text(&reader);
	letter.message = deadletter_take_text(&reader);
	if (!is_form || reader.failed || skafu__reader_left(&reader) != 0)
		return skafu__fail(error, SKAFU_EDAMAGED, "a dead letter in the table %s is not as this library "
				   "writes them", skafu__deadletter_table);
	memcpy(letter.key, row->key, sizeof letter.key);
	*out = letter;
	return 0;
}

int32_t skafu__deadletter_is_there(skafu_store *store, const uint8_t key[SKAFU__DEADLETTER_KEY_BYTES],
				   skafu_error *error)
{
	struct skafu_error own = {0};
	void *value = NULL;
	size_t length = 0;
	int32_t rc = skafu_row_get(store, skafu__deadletter_table, key, SKAFU__DEADLETTER_KEY_BYTES, &value, &length,
				   &own);
	skafu_bytes_free(value);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	return rc == 0 ? 1 : skafu__error_copy(error, &own, rc);
}

int32_t skafu__deadletter_rows_of_key(skafu_store *store, const void *key, uint64_t limit, skafu_rows **out_rows,
				      skafu_error *error)
{
	uint8_t to[SKAFU__DEADLETTER_KEY_BYTES + 1]; /* longer than any key, so above all of them */
	memset(to, 0xff, sizeof to);
	memcpy(to, key, SKAFU__PARKED_KEY_BYTES);
	const skafu_key_range range = {.size = sizeof range, .from = key, .from_length = SKAFU__PARKED_KEY_BYTES,
				       .to = to, .to_length = sizeof to};
	return skafu_rows_open(store, skafu__deadletter_table, &range, limit, out_rows, error);
}

int32_t skafu__deadletter_count(skafu_store *store, const char *consumer, uint64_t *out_count, skafu_error *error)
{
	uint8_t from[SKAFU__DEADLETTER_KEY_BYTES], to[SKAFU__DEADLETTER_KEY_BYTES];
	const skafu_row *row;
	skafu_rows *rows = NULL;
	uint64_t count = 0;
	skafu__deadletter_key(consumer, "", 0, from);
	memcpy(to, from, sizeof to);
	memset(to + SKAFU__DEADLETTER_CONSUMER_BYTES, 0xff, sizeof to - SKAFU__DEADLETTER_CONSUMER_BYTES);
	skafu_key_range range = {.size = sizeof range, .from = from, .from_length = SKAFU__DEADLETTER_CONSUMER_BYTES,
				 .to = to, .to_length = sizeof to};
	int32_t rc = skafu_rows_open(store, skafu__deadletter_table, &range, SKAFU_NO_LIMIT, &rows, error);
	while (rc == 0 && (rc = skafu_rows_next(rows, &row, error)) == 1) {
		count++;
		rc = 0;
	}
	skafu_rows_free(rows);
	if (rc == 0)
		*out_count = count;
	return rc;
}

/* ---- markers --------------------------------------------------------------------------------------------------- */

static int32_t parked_decode(struct skafu__parked *parked, skafu_error *error)
{
	struct skafu__reader reader;
	skafu__reader_init(&reader, parked->bytes, parked->length);
	int is_form = skafu__reader_u8(&reader) == PARKED_FORM;
	parked->goes_on = skafu__reader_u8(&reader);
	parked->count = skafu__reader_u64(&reader);
	if (!is_form || reader.failed || parked->count == 0)
		return skafu__fail(error, SKAFU_EDAMAGED, "a marker in the table %s is not as this library writes "
				   "them", skafu__parked_table);
	parked->is_there = 1;
	return 1;
}

int32_t skafu__parked_get(skafu_store *store, const uint8_t key[SKAFU__PARKED_KEY_BYTES], struct skafu__parked *out,
			  skafu_error *error)
{
	struct skafu_error own = {0};
	memset(out, 0, sizeof *out);
	int32_t rc = skafu_row_get(store, skafu__parked_table, key, SKAFU__PARKED_KEY_BYTES, &out->bytes,
				   &out->length, &own);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__error_copy(error, &own, rc);
	rc = parked_decode(out, error);
	if (rc < 0)
		skafu__parked_done(out);
	return rc;
}

void skafu__parked_done(struct skafu__parked *parked)
{
	skafu_bytes_free(parked->bytes);
	memset(parked, 0, sizeof *parked);
}

static size_t parked_encode(uint8_t out[PARKED_ROW_BYTES_MAX], const char *consumer, uint64_t count,
			    uint32_t goes_on)
{
	size_t length = strnlen(consumer, PARKED_ROW_BYTES_MAX - PARKED_HEADER_BYTES - 1);
	out[0] = PARKED_FORM;
	out[1] = goes_on != 0;
	skafu__store_u64(out + 2, count);
	memcpy(out + PARKED_HEADER_BYTES, consumer, length);
	out[PARKED_HEADER_BYTES + length] = 0;
	return PARKED_HEADER_BYTES + length + 1;
}

int32_t skafu__parked_change(skafu_batch *batch, const uint8_t key[SKAFU__PARKED_KEY_BYTES],
			     const struct skafu__parked *parked, const char *consumer, uint64_t count,
			     uint32_t goes_on, skafu_error *error)
{
	uint8_t value[PARKED_ROW_BYTES_MAX];
	int32_t rc = parked->is_there
			     ? skafu_batch_expect_row(batch, skafu__parked_table, key, SKAFU__PARKED_KEY_BYTES,
						      parked->bytes, parked->length, error)
			     : skafu_batch_expect_no_row(batch, skafu__parked_table, key, SKAFU__PARKED_KEY_BYTES,
							 error);
	if (rc != 0)
		return rc;
	if (count == 0)
		return skafu_batch_delete_row(batch, skafu__parked_table, key, SKAFU__PARKED_KEY_BYTES, error);
	size_t length = parked_encode(value, consumer, count, goes_on);
	return skafu_batch_put_row(batch, skafu__parked_table, key, SKAFU__PARKED_KEY_BYTES, value, length, error);
}

/* ---- what a consumer sets aside -------------------------------------------------------------------------------- */

struct deadletter_error {
	struct skafu__error_fields fields;
	char code[32];
	char user_id[256];
	char trace[600];
};

/* The library's own codes have names; a host's have numbers. */
static void deadletter_code(int32_t code, char out[32])
{
	const char *name = skafu_result_name(code);
	if (strcmp(name, "SKAFU_E?") == 0)
		snprintf(out, 32, "HANDLER_%ld", (long)code);
	else
		snprintf(out, 32, "%s", name);
}

static void deadletter_describe(const struct skafu__consumer *consumer, const struct skafu__failure *failure,
				struct deadletter_error *out)
{
	const skafu_record *input = failure->input;
	memset(out, 0, sizeof *out);
	deadletter_code(failure->code, out->code);
	if (input->metadata_length == 0 ||
	    skafu_json_text(input->metadata, input->metadata_length, "/userId", sizeof out->user_id, out->user_id,
			    NULL) != 0)
		out->user_id[0] = '\0';
	snprintf(out->trace, sizeof out->trace, "at %s: record %llu (%s), attempt %u", consumer->name,
		 (unsigned long long)input->sequence, input->type, (unsigned)failure->attempts);
	out->fields = (struct skafu__error_fields){
		.hops = input->hops < DEADLETTER_HOPS_MAX ? input->hops + 1 : DEADLETTER_HOPS_MAX,
		.source = consumer->domain, .code = out->code, .message = failure->message,
		.service = consumer->domain, .function = consumer->name, .user_id = out->user_id,
		.stack_trace = out->trace, .correlation = input->correlation, .causation = input->id};
}

/* Why it was given up decides whether trying again makes sense.  Who fails on errors makes no more of them: that had
 * no end. */
static int32_t deadletter_put_error(struct skafu__consumer *consumer, const struct skafu__failure *failure,
				    skafu_batch *batch, skafu_error *error)
{
	struct deadletter_error described;
	struct skafu__errorbus *bus = NULL;
	if (failure->input->kind == SKAFU_KIND_ERROR)
		return 0;
	int32_t rc = skafu__errorbus_of(consumer->model, &bus, error);
	if (rc != 0)
		return rc;
	deadletter_describe(consumer, failure, &described);
	described.fields.severity = consumer->retry.then == SKAFU_THEN_HALT ? SKAFU_SEVERITY_CRITICAL
									    : SKAFU_SEVERITY_ERROR;
	described.fields.can_retry = failure->attempts >= consumer->retry.attempts_max;
	if (!skafu__errorbus_admit(bus, &described.fields))
		return 0;
	struct skafu__errorrecord_copy *copy = skafu__errorrecord_copy_new(&consumer->model->sys, &described.fields);
	if (!copy)
		return skafu__fail_memory(error);
	rc = skafu__errorrecord_add(batch, &consumer->model->sys, &copy->fields, error);
	skafu__free(&consumer->model->sys, copy);
	return rc;
}

static int32_t deadletter_put_letter(struct skafu__consumer *consumer, const struct skafu__failure *failure,
				     skafu_batch *batch, uint8_t out_key[SKAFU__DEADLETTER_KEY_BYTES],
				     skafu_error *error)
{
	struct skafu__deadletter letter = {
		.attempts = failure->attempts, .is_parked_behind = failure->is_parked_behind, .code = failure->code,
		.sequence = failure->input->sequence, .first_ns = failure->first_ns, .last_ns = failure->last_ns,
		.consumer = consumer->name, .partition_key = failure->key, .type = failure->input->type,
		.correlation = failure->input->correlation, .message = failure->message ? failure->message : ""};
	skafu__deadletter_key(consumer->name, failure->key, letter.sequence, letter.key);
	memcpy(out_key, letter.key, sizeof letter.key);
	return skafu__deadletter_put(batch, &consumer->model->sys, &letter, error);
}

/* A letter that is there already (a rewind handled its input again) counts once. */
static int32_t deadletter_mark(struct skafu__consumer *consumer, const uint8_t key[SKAFU__DEADLETTER_KEY_BYTES],
			       skafu_batch *batch, skafu_error *error)
{
	struct skafu__parked parked;
	int32_t is_there = skafu__deadletter_is_there(consumer->store, key, error);
	if (is_there < 0)
		return is_there;
	int32_t rc = skafu__parked_get(consumer->store, key, &parked, error);
	if (rc >= 0)
		rc = skafu__parked_change(batch, key, &parked, consumer->name, parked.count + !is_there,
					  parked.goes_on, error);
	skafu__parked_done(&parked);
	return rc;
}

static int32_t deadletter_give_up(struct skafu__consumer *consumer, const struct skafu__failure *failure,
				  skafu_batch *batch, skafu_error *error)
{
	uint8_t key[SKAFU__DEADLETTER_KEY_BYTES];
	int32_t rc = failure->is_parked_behind ? 0 : deadletter_put_error(consumer, failure, batch, error);
	/* A consumer that halts has not passed its input: it is tried anew when the consumer is resumed. */
	if (rc != 0 || consumer->is_volatile || consumer->retry.then == SKAFU_THEN_HALT)
		return rc;
	rc = deadletter_put_letter(consumer, failure, batch, key, error);
	if (rc == 0 && consumer->retry.then == SKAFU_THEN_PARK_KEY)
		rc = deadletter_mark(consumer, key, batch, error);
	return rc;
}

static int32_t deadletter_is_parked(struct skafu__consumer *consumer, const char *key_text, skafu_error *error)
{
	uint8_t key[SKAFU__DEADLETTER_KEY_BYTES];
	struct skafu__parked parked;
	skafu__deadletter_key(consumer->name, key_text, 0, key);
	int32_t rc = skafu__parked_get(consumer->store, key, &parked, error);
	skafu__parked_done(&parked);
	return rc;
}

static int32_t deadletter_expect(struct skafu__consumer *consumer, const char *key_text, skafu_batch *batch,
				 skafu_error *error)
{
	uint8_t key[SKAFU__DEADLETTER_KEY_BYTES];
	skafu__deadletter_key(consumer->name, key_text, 0, key);
	return skafu_batch_expect_no_row(batch, skafu__parked_table, key, SKAFU__PARKED_KEY_BYTES, error);
}

/* An attempt that will be repeated is a warning. */
static void deadletter_failed(struct skafu__consumer *consumer, const struct skafu__failure *failure)
{
	struct deadletter_error described;
	struct skafu__errorbus *bus = NULL;
	if (failure->input->kind == SKAFU_KIND_ERROR) {
		skafu__log(&consumer->store->log, SKAFU_LOG_WARNING,
			   "consumer %s failed on the error record %llu: %s", consumer->name,
			   (unsigned long long)failure->input->sequence, failure->message);
		return;
	}
	if (skafu__errorbus_of(consumer->model, &bus, NULL) != 0)
		return;
	deadletter_describe(consumer, failure, &described);
	described.fields.severity = SKAFU_SEVERITY_WARNING;
	described.fields.can_retry = 1;
	skafu__errorbus_report(bus, &described.fields, NULL);
}

const struct skafu__aside *skafu__deadletter_aside(void)
{
	static const struct skafu__aside aside = {.give_up = deadletter_give_up, .is_parked = deadletter_is_parked,
						  .expect = deadletter_expect, .failed = deadletter_failed};
	return &aside;
}

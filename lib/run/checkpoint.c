#include "run/checkpoint.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

#define CHECKPOINT_FORM 1u
#define CHECKPOINT_HEADER_BYTES 40u
#define CHECKPOINT_KEY_BYTES_MAX (SKAFU__CONSUMER_NAME_BYTES_MAX + 3u)

const char skafu__consumer_table[] = "skafu.consumers";
const char skafu__checkpoint_table[] = "skafu.checkpoints";

/* ---- consumers ----------------------------------------------------------------------------------------------- */

static void checkpoint_take_text(struct skafu__reader *reader, size_t length, char *out)
{
	const uint8_t *text = skafu__reader_take(reader, length);
	if (text)
		memcpy(out, text, length);
	out[text ? length : 0] = '\0';
}

static void checkpoint_read_row(struct skafu__reader *reader, struct skafu__consumer_row *out)
{
	out->kind = skafu__reader_u8(reader);
	out->state = skafu__reader_u8(reader);
	out->partition_by = skafu__reader_u8(reader);
	out->partitions = skafu__reader_u16(reader);
	size_t domain_length = skafu__reader_u8(reader);
	size_t tag_length = skafu__reader_u8(reader);
	out->start = skafu__reader_u64(reader);
	out->generation = skafu__reader_u64(reader);
	out->halt_sequence = skafu__reader_u64(reader);
	out->halt_code = (int32_t)skafu__reader_u32(reader);
	size_t message_length = skafu__reader_u16(reader);
	skafu__reader_u16(reader);
	checkpoint_take_text(reader, domain_length, out->domain);
	checkpoint_take_text(reader, tag_length, out->partition_tag);
	if (message_length > SKAFU__CONSUMER_MESSAGE_BYTES_MAX)
		reader->failed = 1;
	else
		checkpoint_take_text(reader, message_length, out->message);
}

int32_t skafu__consumer_row_decode(const uint8_t *value, size_t length, struct skafu__consumer_row *out,
				   skafu_error *error)
{
	struct skafu__consumer_row row = {0};
	struct skafu__reader reader;
	skafu__reader_init(&reader, value, length);
	if (skafu__reader_u8(&reader) != CHECKPOINT_FORM)
		return skafu__fail(error, SKAFU_ENEWER, "what the store remembers of a consumer is in a form that "
				   "this version of the library does not know");
	checkpoint_read_row(&reader, &row);
	if (reader.failed || skafu__reader_left(&reader) != 0 || length > SKAFU__CONSUMER_ROW_BYTES_MAX ||
	    row.partitions == 0 || row.state < SKAFU_CONSUMER_RUNNING || row.state > SKAFU_CONSUMER_HALTED)
		return skafu__fail(error, SKAFU_EDAMAGED, "what the store remembers of a consumer is damaged; verify "
				   "the store");
	*out = row;
	return 0;
}

/* A row that is there: its value, or the code. */
static int32_t checkpoint_get(skafu_store *store, const char *table, const void *key, size_t key_length,
			      void **out_value, size_t *out_length, skafu_error *error)
{
	struct skafu_error own = {0};
	int32_t rc = skafu_row_get(store, table, key, key_length, out_value, out_length, &own);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	return rc == 0 ? 1 : skafu__error_copy(error, &own, rc);
}

int32_t skafu__consumer_row_get(skafu_store *store, const char *name, struct skafu__consumer_row *out,
				struct skafu__consumer_bytes *out_bytes, skafu_error *error)
{
	void *value = NULL;
	size_t length = 0;
	int32_t rc = checkpoint_get(store, skafu__consumer_table, name, strlen(name), &value, &length, error);
	if (rc == 1) {
		int32_t bad = skafu__consumer_row_decode(value, length, out, error);
		rc = bad ? bad : 1;
	}
	if (rc == 1 && out_bytes) {
		out_bytes->length = (uint32_t)length;
		memcpy(out_bytes->bytes, value, length);
	}
	if (rc == 0 && out_bytes)
		out_bytes->length = 0;
	skafu_bytes_free(value);
	return rc;
}

static size_t checkpoint_put_text(uint8_t *at, const char *text, size_t length)
{
	memcpy(at, text, length);
	return length;
}

void skafu__consumer_row_encode(const struct skafu__consumer_row *row, struct skafu__consumer_bytes *out)
{
	uint8_t *b = out->bytes;
	size_t domain_length = strlen(row->domain);
	size_t tag_length = strlen(row->partition_tag);
	size_t message_length = strlen(row->message);
	size_t at = CHECKPOINT_HEADER_BYTES;
	memset(b, 0, CHECKPOINT_HEADER_BYTES);
	b[0] = CHECKPOINT_FORM;
	b[1] = (uint8_t)row->kind;
	b[2] = (uint8_t)row->state;
	b[3] = (uint8_t)row->partition_by;
	skafu__store_u16(b + 4, (uint16_t)row->partitions);
	b[6] = (uint8_t)domain_length;
	b[7] = (uint8_t)tag_length;
	skafu__store_u64(b + 8, row->start);
	skafu__store_u64(b + 16, row->generation);
	skafu__store_u64(b + 24, row->halt_sequence);
	skafu__store_u32(b + 32, (uint32_t)row->halt_code);
	skafu__store_u16(b + 36, (uint16_t)message_length);
	at += checkpoint_put_text(b + at, row->domain, domain_length);
	at += checkpoint_put_text(b + at, row->partition_tag, tag_length);
	at += checkpoint_put_text(b + at, row->message, message_length);
	out->length = (uint32_t)at;
}

int32_t skafu__consumer_row_put(skafu_batch *batch, const char *name, const struct skafu__consumer_row *row,
				skafu_error *error)
{
	struct skafu__consumer_bytes bytes = {.length = 0};
	skafu__consumer_row_encode(row, &bytes);
	return skafu_batch_put_row(batch, skafu__consumer_table, name, strlen(name), bytes.bytes, bytes.length,
				   error);
}

int32_t skafu__consumer_row_expect(skafu_batch *batch, const char *name, const struct skafu__consumer_bytes *bytes,
				   skafu_error *error)
{
	size_t length = strlen(name);
	if (bytes->length == 0)
		return skafu_batch_expect_no_row(batch, skafu__consumer_table, name, length, error);
	return skafu_batch_expect_row(batch, skafu__consumer_table, name, length, bytes->bytes, bytes->length, error);
}

int32_t skafu__consumer_row_delete(skafu_batch *batch, const char *name, skafu_error *error)
{
	return skafu_batch_delete_row(batch, skafu__consumer_table, name, strlen(name), error);
}

/* ---- checkpoints --------------------------------------------------------------------------------------------- */

static size_t checkpoint_key(const char *name, uint32_t partition, uint8_t out[CHECKPOINT_KEY_BYTES_MAX])
{
	size_t length = strnlen(name, SKAFU__CONSUMER_NAME_BYTES_MAX);
	memcpy(out, name, length);
	out[length] = 0;
	out[length + 1] = (uint8_t)(partition >> 8);
	out[length + 2] = (uint8_t)partition;
	return length + 3;
}

static void checkpoint_encode(const struct skafu__checkpoint *checkpoint, uint8_t out[SKAFU__CHECKPOINT_BYTES])
{
	out[0] = CHECKPOINT_FORM;
	skafu__store_u64(out + 1, checkpoint->sequence);
	skafu__store_u64(out + 9, checkpoint->mark);
}

static int32_t checkpoint_decode(const char *name, const uint8_t *value, size_t length, struct skafu__checkpoint *out,
				 skafu_error *error)
{
	if (length < 1 || value[0] != CHECKPOINT_FORM)
		return skafu__fail(error, SKAFU_ENEWER,
				   "the checkpoint of consumer %s is in a form that this version "
				   "of the library does not know",
				   name);
	if (length != SKAFU__CHECKPOINT_BYTES)
		return skafu__fail(error, SKAFU_EDAMAGED,
				   "the checkpoint of consumer %s is damaged; verify the store", name);
	*out = (struct skafu__checkpoint){.is_there = 1, .sequence = skafu__load_u64(value + 1),
					  .mark = skafu__load_u64(value + 9)};
	return 0;
}

int32_t skafu__checkpoint_get(skafu_store *store, const char *name, uint32_t partition, struct skafu__checkpoint *out,
			      skafu_error *error)
{
	uint8_t key[CHECKPOINT_KEY_BYTES_MAX];
	void *value = NULL;
	size_t length = 0;
	size_t key_length = checkpoint_key(name, partition, key);
	int32_t rc = checkpoint_get(store, skafu__checkpoint_table, key, key_length, &value, &length, error);
	if (rc == 1) {
		int32_t bad = checkpoint_decode(name, value, length, out, error);
		rc = bad ? bad : 1;
	}
	skafu_bytes_free(value);
	return rc;
}

int32_t skafu__checkpoint_put(skafu_batch *batch, const char *name, uint32_t partition,
			      const struct skafu__checkpoint *checkpoint, skafu_error *error)
{
	uint8_t key[CHECKPOINT_KEY_BYTES_MAX];
	uint8_t value[SKAFU__CHECKPOINT_BYTES];
	checkpoint_encode(checkpoint, value);
	return skafu_batch_put_row(batch, skafu__checkpoint_table, key, checkpoint_key(name, partition, key), value,
				   sizeof value, error);
}

int32_t skafu__checkpoint_expect(skafu_batch *batch, const char *name, uint32_t partition,
				 const struct skafu__checkpoint *checkpoint, skafu_error *error)
{
	uint8_t key[CHECKPOINT_KEY_BYTES_MAX];
	uint8_t value[SKAFU__CHECKPOINT_BYTES];
	size_t key_length = checkpoint_key(name, partition, key);
	if (!checkpoint->is_there)
		return skafu_batch_expect_no_row(batch, skafu__checkpoint_table, key, key_length, error);
	checkpoint_encode(checkpoint, value);
	return skafu_batch_expect_row(batch, skafu__checkpoint_table, key, key_length, value, sizeof value, error);
}

int32_t skafu__checkpoint_delete(skafu_batch *batch, const char *name, uint32_t partition, skafu_error *error)
{
	uint8_t key[CHECKPOINT_KEY_BYTES_MAX];
	return skafu_batch_delete_row(batch, skafu__checkpoint_table, key, checkpoint_key(name, partition, key),
				      error);
}

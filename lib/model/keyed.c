#include "model/keyed.h"

#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/ident.h"
#include "codec/hash.h"

#define KEYED_FORM 1u
#define KEYED_HEADER_BYTES 32u
#define KEYED_BYTES_MAX 65536u

static const char keyed_table[] = "skafu.keys";

void skafu__keyed_id(const char *domain, const char *key, uint8_t out[16])
{
	static const char purpose[] = "skafu command key 1";
	const struct skafu__part parts[] = {{purpose, sizeof purpose}, {domain, strlen(domain)}, {key, strlen(key)}};
	skafu__blake2b(out, 16, parts, 3);
	skafu__ident_stamp_v8(out);
}

/* ---- outcomes -------------------------------------------------------------------------------------------------- */

/* It keeps its own way to be released: the model may be gone by then. */
struct keyed_outcome {
	skafu_outcome outcome; /* first, so that its address is the object's */
	void *user;
	void (*release)(void *user, void *block);
	uint8_t command[16];
	char texts[];
};

static const char *keyed_put_text(char **at, const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *here = *at;
	memcpy(here, text, bytes);
	*at += bytes;
	return here;
}

int32_t skafu__outcome_make(const struct skafu__sys *sys, const struct skafu__answer *answer,
			    skafu_outcome **out_outcome, skafu_error *error)
{
	size_t bytes = strlen(answer->code) + strlen(answer->message) + strlen(answer->correlation) + 3;
	struct keyed_outcome *made = skafu__alloc(sys, sizeof *made + bytes);
	if (!made) {
		skafu__fail_memory(error);
		return SKAFU_ENOMEM;
	}
	memset(made, 0, sizeof *made);
	char *at = made->texts;
	made->user = sys->user;
	made->release = sys->release;
	memcpy(made->command, answer->command, 16);
	made->outcome.size = sizeof made->outcome;
	made->outcome.decision = answer->decision;
	made->outcome.event_count = answer->event_count;
	made->outcome.stream_version = answer->stream_version;
	made->outcome.command = made->command;
	made->outcome.code = keyed_put_text(&at, answer->code);
	made->outcome.message = keyed_put_text(&at, answer->message);
	made->outcome.correlation = keyed_put_text(&at, answer->correlation);
	*out_outcome = &made->outcome;
	return 0;
}

void skafu_outcome_free(skafu_outcome *outcome)
{
	struct keyed_outcome *made = (struct keyed_outcome *)(void *)outcome;
	if (made)
		made->release(made->user, made);
}

/* ---- the row --------------------------------------------------------------------------------------------------- */

static int32_t keyed_encode(struct skafu__buf *out, const uint8_t *commit, const struct skafu__answer *answer)
{
	skafu__buf_put_u8(out, KEYED_FORM);
	skafu__buf_put_u8(out, (uint8_t)answer->decision);
	skafu__buf_put_u8(out, answer->last_is_own != 0);
	skafu__buf_put_u8(out, commit != NULL);
	skafu__buf_put_u32(out, answer->event_count);
	skafu__buf_put_u64(out, answer->stream_version);
	skafu__buf_put(out, answer->command, 16);
	skafu__buf_put(out, answer->code, strlen(answer->code) + 1);
	skafu__buf_put(out, answer->message, strlen(answer->message) + 1);
	skafu__buf_put(out, answer->correlation, strlen(answer->correlation) + 1);
	return skafu__buf_put(out, commit, commit ? 16 : 0);
}

int32_t skafu__keyed_put(skafu_batch *batch, const struct skafu__sys *sys, const uint8_t id[16],
			 const uint8_t *commit, const struct skafu__answer *answer, skafu_error *error)
{
	struct skafu__buf value;
	skafu__buf_init(&value, sys, KEYED_BYTES_MAX);
	int32_t rc = keyed_encode(&value, commit, answer) ? skafu__fail_memory(error) : 0;
	if (rc == 0)
		rc = skafu_batch_set_id(batch, commit ? commit : id, error);
	if (rc == 0)
		rc = skafu_batch_expect_no_row(batch, keyed_table, id, 16, error);
	if (rc == 0)
		rc = skafu_batch_put_row(batch, keyed_table, id, 16, value.bytes, value.length, error);
	skafu__buf_done(&value);
	return rc;
}

/* A text of the row, or NULL when its NUL is not there. */
static const char *keyed_take_text(struct skafu__reader *reader)
{
	const uint8_t *end = memchr(reader->at, 0, skafu__reader_left(reader));
	if (!end)
		return NULL;
	return (const char *)skafu__reader_take(reader, (size_t)(end - reader->at) + 1);
}

/* The id of the commit is lent from the value when it is in there, else *commit stays as it is. */
static int32_t keyed_decode(const uint8_t *value, size_t length, struct skafu__answer *out, const uint8_t **commit,
			    skafu_error *error)
{
	struct skafu__reader reader;
	skafu__reader_init(&reader, value, length);
	if (length < KEYED_HEADER_BYTES + 3 || skafu__reader_u8(&reader) != KEYED_FORM)
		return skafu__fail(error, SKAFU_ENEWER, "the answer that is kept for this key is in a form that this "
				   "version of the library does not know");
	out->decision = skafu__reader_u8(&reader);
	out->last_is_own = skafu__reader_u8(&reader);
	int has_commit = skafu__reader_u8(&reader) != 0;
	out->event_count = skafu__reader_u32(&reader);
	out->stream_version = skafu__reader_u64(&reader);
	out->command = skafu__reader_take(&reader, 16);
	out->code = keyed_take_text(&reader);
	out->message = out->code ? keyed_take_text(&reader) : NULL;
	out->correlation = out->message ? keyed_take_text(&reader) : NULL;
	if (out->correlation && has_commit)
		*commit = skafu__reader_take(&reader, 16);
	if (out->correlation && *commit)
		return 0;
	skafu__fail(error, SKAFU_EDAMAGED, "the answer that is kept for this key is damaged; verify the store");
	return SKAFU_EDAMAGED;
}

/* The places are not in the row, which is part of the commit that they are places of. */
static int32_t keyed_add_places(skafu_store *store, const uint8_t id[16], const struct skafu__answer *answer,
				skafu_outcome *outcome, skafu_error *error)
{
	skafu_appended places = {.size = sizeof places};
	int32_t rc = skafu_commit_status(store, id, &places, error);
	if (rc != 0)
		return rc;
	outcome->flags = SKAFU_OUTCOME_REPEATED;
	outcome->commit = places.commit;
	if (answer->event_count != 0 && places.first_sequence != 0) { /* behind the events may be an outcome */
		outcome->first_sequence = places.first_sequence;
		outcome->last_sequence = places.first_sequence + answer->event_count - 1;
	}
	if (outcome->stream_version == 0 && answer->last_is_own)
		outcome->stream_version = places.stream_version;
	return 0;
}

int32_t skafu__keyed_get(skafu_store *store, const struct skafu__sys *sys, const uint8_t id[16],
			 skafu_outcome **out_outcome, skafu_error *error)
{
	void *value = NULL;
	size_t length = 0;
	struct skafu_error own = {0};
	struct skafu__answer answer = {0};
	skafu_outcome *outcome = NULL;
	const uint8_t *commit = id;
	int32_t rc = skafu_row_get(store, keyed_table, id, 16, &value, &length, &own);
	if (rc == SKAFU_ENOTFOUND)
		return 0;
	if (rc != 0)
		return skafu__error_copy(error, &own, rc);
	rc = keyed_decode(value, length, &answer, &commit, error);
	if (rc == 0)
		rc = skafu__outcome_make(sys, &answer, &outcome, error);
	if (rc == 0)
		rc = keyed_add_places(store, commit, &answer, outcome, error);
	skafu_bytes_free(value);
	if (rc != 0) {
		skafu_outcome_free(outcome);
		return rc;
	}
	*out_outcome = outcome;
	return 1;
}

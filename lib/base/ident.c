/*
 * ident.c: time-ordered identifiers, and the text form of all identifiers.
 *
 * Layout of a version 7 id, most significant byte first:
 *   0..5    milliseconds since 1970, of the last tick of the clock: up to 10 ms ago
 *   6..7    version 7 in the top 4 bits, then the top 12 bits of the counter
 *   8..9    variant 10 in the top 2 bits, then the low 14 bits of the counter
 *   10..15  random
 * The counter starts at a random value below half its range in each new millisecond and counts up within it.  When it
 * runs out, the millisecond goes on ahead of the clock; it never goes back.
 */
#include "base/ident.h"

#include <string.h>

#include "base/bytes.h"
#include "skafu_base.h"

#define IDENT_COUNTER_BITS 26
#define IDENT_COUNTER_END (UINT32_C(1) << IDENT_COUNTER_BITS)
#define IDENT_BYTES_EACH 10 /* randomness for one id: 6, and 4 for a new start of the counter */

void skafu__ident_init(struct skafu__ident *ident, skafu__ident_spread_fn spread)
{
	skafu__forklock_init(&ident->lock);
	ident->spread = spread;
	ident->last_ms = 0;
	ident->counter = 0;
	ident->random_at = sizeof ident->random;
}

void skafu__ident_done(struct skafu__ident *ident)
{
	if (!ident)
		return;
	skafu__forklock_done(&ident->lock);
	memset(ident->random, 0, sizeof ident->random);
	ident->random_at = sizeof ident->random;
}

/* A seed is used once, and forgotten: it gives away all ids that are made of it. */
static int32_t ident_refill(struct skafu__ident *ident, const struct skafu__sys *sys)
{
	uint8_t seed[SKAFU__IDENT_SEED_BYTES];
	int failed = ident->spread ? sys->random(seed, sizeof seed)
				   : sys->random(ident->random, sizeof ident->random);
	if (failed)
		return SKAFU_EIO;
	if (ident->spread)
		ident->spread(seed, ident->random, sizeof ident->random);
	explicit_bzero(seed, sizeof seed);
	ident->random_at = 0;
	return SKAFU_OK;
}

static void ident_restart(struct skafu__ident *ident, uint64_t ms)
{
	ident->last_ms = ms;
	ident->counter = skafu__load_u32(ident->random + ident->random_at) & (IDENT_COUNTER_END / 2 - 1);
	ident->random_at += 4;
}

/* One id at the time ms, or later when the generator is further already. */
static int32_t ident_next(struct skafu__ident *ident, const struct skafu__sys *sys, uint64_t ms, uint8_t *out)
{
	if (ident->random_at > sizeof ident->random - IDENT_BYTES_EACH && ident_refill(ident, sys) < 0)
		return SKAFU_EIO;
	if (ms > ident->last_ms)
		ident_restart(ident, ms);
	else if (++ident->counter >= IDENT_COUNTER_END)
		ident_restart(ident, ident->last_ms + 1);
	skafu__store_u64_be(out, ident->last_ms << 16 | UINT64_C(0x7000) | ident->counter >> 14);
	out[8] = (uint8_t)(0x80 | (ident->counter >> 8 & 0x3f));
	out[9] = (uint8_t)ident->counter;
	memcpy(out + 10, ident->random + ident->random_at, 6);
	ident->random_at += 6;
	return SKAFU_OK;
}

static uint64_t ident_now_ms(const struct skafu__sys *sys)
{
	int64_t now_ns = sys->wall_tick_ns();
	return now_ns > 0 ? (uint64_t)now_ns / 1000000 : 0;
}

static int32_t ident_new_at(struct skafu__ident *ident, const struct skafu__sys *sys, uint64_t ms, uint8_t *out,
			    size_t count)
{
	int32_t result = SKAFU_OK;

	if (skafu__forklock_take(&ident->lock)) /* the randomness is the parent's too */
		ident->random_at = sizeof ident->random;
	for (size_t i = 0; i < count && result == SKAFU_OK; i++)
		result = ident_next(ident, sys, ms, out + i * SKAFU_ID_BYTES);
	skafu__forklock_release(&ident->lock);
	return result;
}

int32_t skafu__ident_new(struct skafu__ident *ident, const struct skafu__sys *sys, uint8_t *out, size_t count)
{
	return ident_new_at(ident, sys, ident_now_ms(sys), out, count);
}

/* ---- stocks -------------------------------------------------------------------------------------------------- */

void skafu__ident_stock_clear(struct skafu__ident_stock *stock)
{
	stock->at = 0;
	stock->count = 0;
}

/* As many again as there were: whoever needs one does not pay for sixteen. */
int32_t skafu__ident_take(struct skafu__ident *ident, struct skafu__ident_stock *stock, const struct skafu__sys *sys,
			  uint8_t out[16])
{
	uint64_t ms = ident_now_ms(sys);
	if (stock->at == stock->count || stock->ms != ms) {
		uint32_t count = stock->count == 0 ? 1 : stock->count * 2;
		if (count > SKAFU__IDENT_STOCK_MAX)
			count = SKAFU__IDENT_STOCK_MAX;
		int32_t rc = ident_new_at(ident, sys, ms, stock->ids[0], count);
		if (rc < 0) {
			skafu__ident_stock_clear(stock);
			return rc;
		}
		stock->ms = ms;
		stock->at = 0;
		stock->count = count;
	}
	memcpy(out, stock->ids[stock->at++], SKAFU_ID_BYTES);
	return SKAFU_OK;
}

void skafu__ident_stamp_v8(uint8_t id[16])
{
	id[6] = (uint8_t)((id[6] & 0x0f) | 0x80);
	id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
}

/* ---- public -------------------------------------------------------------------------------------------------- */

/* The generator of the process: mutable, because the ids of one process ascend. */
static struct skafu__ident ident_of_process = {
	.lock = SKAFU__FORKLOCK_INITIALIZER,
	.random_at = sizeof ident_of_process.random,
};

int32_t skafu_id_new(uint8_t out_id[16])
{
	uint8_t id[SKAFU_ID_BYTES];
	int32_t result;

	if (!out_id)
		return SKAFU_EINVAL;
	result = skafu__ident_new(&ident_of_process, skafu__sys_current(), id, 1);
	if (result == SKAFU_OK)
		memcpy(out_id, id, sizeof id);
	return result;
}

static int ident_dash_at(size_t position)
{
	return position == 8 || position == 13 || position == 18 || position == 23;
}

void skafu_id_format(const uint8_t id[16], char out_text[37])
{
	static const char digits[] = "0123456789abcdef";
	size_t at = 0;

	if (!id || !out_text)
		return;
	for (size_t i = 0; i < SKAFU_ID_BYTES; i++) {
		if (ident_dash_at(at))
			out_text[at++] = '-';
		out_text[at++] = digits[id[i] >> 4];
		out_text[at++] = digits[id[i] & 0x0f];
	}
	out_text[at] = '\0';
}

static int ident_digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	if (character >= 'A' && character <= 'F')
		return character - 'A' + 10;
	return -1;
}

int32_t skafu_id_parse(const char *text, uint8_t out_id[16])
{
	uint8_t id[SKAFU_ID_BYTES];
	size_t at = 0;

	if (!text || !out_id)
		return SKAFU_EINVAL;
	for (size_t i = 0; i < SKAFU_ID_BYTES; i++) {
		int high;
		int low;

		if (ident_dash_at(at) && text[at++] != '-')
			return SKAFU_EINVAL;
		high = ident_digit(text[at]);
		if (high < 0) /* also the NUL: what follows it is not read */
			return SKAFU_EINVAL;
		low = ident_digit(text[at + 1]);
		if (low < 0)
			return SKAFU_EINVAL;
		id[i] = (uint8_t)(high << 4 | low);
		at += 2;
	}
	if (text[at] != '\0')
		return SKAFU_EINVAL;
	memcpy(out_id, id, sizeof id);
	return SKAFU_OK;
}

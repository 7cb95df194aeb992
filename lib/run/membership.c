#include "run/membership.h"

#include <string.h>

#include "base/error.h"
#include "codec/hash.h"
#include "run/bell.h"
#include "store/store.h"

#define MEMBERSHIP_SLOTS 1024u
#define MEMBERSHIP_MEMBERS_MAX 256u
#define MEMBERSHIP_INTERVAL_NS INT64_C(100000000)

static uint64_t membership_base(const skafu_store *store, const char *name)
{
	const uint64_t numbers = SKAFU__PARTITIONS_MAX + MEMBERSHIP_SLOTS;
	uint64_t hash = skafu__hash64(store->format.hash_key, name, strlen(name));
	return hash % ((UINT64_C(1) << SKAFU__CLAIM_BITS) / numbers) * numbers;
}

uint32_t skafu__membership_count(skafu_store *store, const char *name, int64_t *out_pid)
{
	return skafu__claim_count(&store->claims, membership_base(store, name) + SKAFU__PARTITIONS_MAX,
				  MEMBERSHIP_MEMBERS_MAX, out_pid);
}

static int32_t membership_join(struct skafu__consumer *consumer, skafu_error *error)
{
	struct skafu__claims *claims = &consumer->store->claims;
	consumer->claim_base = membership_base(consumer->store, consumer->name);
	for (uint32_t slot = 0; slot < MEMBERSHIP_MEMBERS_MAX; slot++) {
		int32_t rc = skafu__claim_try(claims, consumer->claim_base + SKAFU__PARTITIONS_MAX + slot, error);
		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		consumer->is_member = 1;
		consumer->member_slot = slot;
		atomic_fetch_add(&consumer->figures->serving, 1u);
		skafu__bell_wake_all(consumer->store); /* the others have to give some back */
		return 0;
	}
	return skafu__fail(error, SKAFU_ELIMIT, "consumer %s is served by %u others already", consumer->name,
			   MEMBERSHIP_MEMBERS_MAX);
}

/* ---- partitions ---------------------------------------------------------------------------------------------- */

static int32_t membership_claim(struct skafu__consumer *consumer, struct skafu__partition *partition,
				skafu_error *error)
{
	struct skafu__claims *claims = &consumer->store->claims;
	int32_t rc = skafu__claim_try(claims, consumer->claim_base + partition->number, error);
	if (rc <= 0)
		return rc;
	memset(&partition->durable, 0, sizeof partition->durable);
	partition->is_blocked = 0;
	partition->repeats = 0;
	partition->failing = 0;
	partition->attempts = 0;
	rc = skafu__consumer_reload(consumer, partition, error);
	if (rc != 0) {
		skafu__claim_release(claims, consumer->claim_base + partition->number);
		return rc;
	}
	partition->is_claimed = 1;
	consumer->claimed++;
	return 1;
}

static void membership_give(struct skafu__consumer *consumer, struct skafu__partition *partition)
{
	skafu__claim_release(&consumer->store->claims, consumer->claim_base + partition->number);
	partition->is_claimed = 0;
	consumer->claimed--;
}

/* Free ones up to the share; members begin in different places, so that they do not run after the same. */
static int32_t membership_take(struct skafu__consumer *consumer, uint32_t share, skafu_error *error)
{
	uint32_t count = consumer->partition_count;
	uint32_t first = consumer->member_slot * share;
	int32_t rc = 0;
	for (uint32_t i = 0; rc >= 0 && i < count && consumer->claimed < share; i++) {
		struct skafu__partition *partition = &consumer->partitions[(first + i) % count];
		if (!partition->is_claimed)
			rc = membership_claim(consumer, partition, error);
	}
	return rc < 0 ? rc : 0;
}

static int32_t membership_shrink(struct skafu__consumer *consumer, uint32_t share, skafu_error *error)
{
	uint32_t count = consumer->partition_count;
	uint32_t first = consumer->member_slot * share;
	int32_t rc = skafu__consumer_flush(consumer, error);
	if (rc != 0)
		return rc;
	for (uint32_t i = count; i > 0 && consumer->claimed > share; i--) {
		struct skafu__partition *partition = &consumer->partitions[(first + i - 1) % count];
		if (partition->is_claimed)
			membership_give(consumer, partition);
	}
	skafu__bell_wake_all(consumer->store);
	return 0;
}

static int32_t membership_share_out(struct skafu__consumer *consumer, skafu_error *error)
{
	uint32_t members = skafu__claim_count(&consumer->store->claims, consumer->claim_base + SKAFU__PARTITIONS_MAX,
					      MEMBERSHIP_MEMBERS_MAX, NULL);
	uint32_t share =
		members < 2 ? consumer->partition_count : (consumer->partition_count + members - 1) / members;
	if (consumer->claimed > share)
		return membership_shrink(consumer, share, error);
	return consumer->claimed < share ? membership_take(consumer, share, error) : 0;
}

int32_t skafu__membership_balance(struct skafu__consumer *consumer, skafu_error *error)
{
	int64_t now = consumer->store->sys.monotonic_ns();
	int32_t rc = 0;
	if (consumer->is_volatile)
		return 0;
	if (consumer->is_member && now - consumer->balanced_ns < MEMBERSHIP_INTERVAL_NS) {
		consumer->is_balance_due = 1;
		return 0;
	}
	if (!consumer->is_member)
		rc = membership_join(consumer, error);
	if (rc == 0)
		rc = membership_share_out(consumer, error);
	/* What failed half-way leaves partitions that nobody serves: the next look goes on with it. */
	consumer->balanced_ns = rc == 0 ? now : now - MEMBERSHIP_INTERVAL_NS;
	consumer->is_balance_due = rc != 0;
	return rc;
}

int64_t skafu__membership_due_ns(const struct skafu__consumer *consumer)
{
	return consumer->is_balance_due ? consumer->balanced_ns + MEMBERSHIP_INTERVAL_NS : INT64_MAX;
}

void skafu__membership_leave(struct skafu__consumer *consumer)
{
	if (!consumer->is_member)
		return;
	for (uint32_t i = 0; i < consumer->partition_count; i++)
		if (consumer->partitions[i].is_claimed)
			membership_give(consumer, &consumer->partitions[i]);
	skafu__claim_release(&consumer->store->claims,
			     consumer->claim_base + SKAFU__PARTITIONS_MAX + consumer->member_slot);
	consumer->is_member = 0;
	consumer->is_balance_due = 0;
	atomic_fetch_sub(&consumer->figures->serving, 1u);
	skafu__bell_wake_all(consumer->store);
}

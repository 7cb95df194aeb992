/*
 * published_test.c: what listeners are told about appends: commits, their records by domain and kind, refusals.
 */
#include "store/published.h"

#include <stdio.h>
#include <string.h>

#include "base/probe.h"
#include "store/tempstore.h"

static char heard[1000];
static uint32_t commits;
static uint32_t refusals;
static int64_t delay;

static void hear(void *user, const struct skafu__probe_event *event)
{
	size_t length = strlen(heard);

	(void)user;
	if (event->kind == SKAFU__PROBE_COMMIT) {
		ck_assert_int_ge(event->value, 0);
		commits += (uint32_t)event->count;
	} else if (event->kind == SKAFU__PROBE_REFUSED) {
		ck_assert_int_gt(event->value, 0);
		refusals++;
	} else if (event->kind == SKAFU__PROBE_PUBLISHED) {
		snprintf(heard + length, sizeof heard - length, "%s/%u/%u:%llu ", event->domain, event->record_kind,
			 event->severity, (unsigned long long)event->count);
		delay = event->value;
	}
}

static skafu_store *listened(void)
{
	skafu_store *store = memory_store();

	heard[0] = '\0';
	commits = refusals = 0;
	ck_assert_int_eq(skafu__probe_listen(&store->probe, hear, NULL), 0);
	return store;
}

static void add_of(skafu_batch *batch, uint32_t kind, const char *source, const char *type)
{
	skafu_new_record record = event_of(kind == SKAFU_KIND_EVENT ? "s" : NULL, type);

	record.kind = kind;
	record.source = source;
	record.severity = kind == SKAFU_KIND_ERROR ? SKAFU_SEVERITY_CRITICAL : 0;
	went(skafu_batch_add(batch, &record, fault));
}

START_TEST(runs_of_what_is_alike)
{
	skafu_store *store = listened();
	skafu_batch *batch = batch_of(store);

	for (int i = 0; i < 5; i++)
		add_of(batch, SKAFU_KIND_EVENT, "sales", i % 2 ? "Sold" : "Paid");
	add_of(batch, SKAFU_KIND_EVENT, "mail", "Sent");
	add_of(batch, SKAFU_KIND_COMMAND, "mail", "Send");
	add_of(batch, SKAFU_KIND_COMMAND, "mail", "Send");
	add_of(batch, SKAFU_KIND_EVENT, "sales", "Sold");
	appended_by(store, batch);
	ck_assert_str_eq(heard, "sales/1/0:5 mail/1/0:1 mail/2/0:2 sales/1/0:1 ");
	ck_assert_uint_eq(commits, 1);
	append_row(store, "t", "k", "v");
	ck_assert_uint_eq(commits, 2);
	skafu_store_close(store);
}
END_TEST

START_TEST(errors_one_by_one_with_their_delay)
{
	skafu_store *store = listened();
	skafu_batch *batch = batch_of(store);
	skafu_new_record record = event_of(NULL, "ErrorOccurred");

	add_of(batch, SKAFU_KIND_ERROR, "sales", "ErrorOccurred");
	add_of(batch, SKAFU_KIND_ERROR, "sales", "ErrorOccurred");
	appended_by(store, batch);
	ck_assert_str_eq(heard, "sales/3/3:1 sales/3/3:1 ");
	ck_assert_int_eq(delay, 0);
	record.kind = SKAFU_KIND_ERROR;
	record.source = "sales";
	record.severity = SKAFU_SEVERITY_WARNING;
	record.flags = SKAFU_RECORD_TIME;
	record.time_ns = skafu_time_now() - 5000000000;
	batch = batch_of(store);
	went(skafu_batch_add(batch, &record, fault));
	appended_by(store, batch);
	ck_assert(delay >= 5000000000 && delay < 25000000000);
	record.time_ns = skafu_time_now() + 5000000000; /* a clock ahead is no delay below 0 */
	batch = batch_of(store);
	went(skafu_batch_add(batch, &record, fault));
	appended_by(store, batch);
	ck_assert_int_eq(delay, 0);
	skafu_store_close(store);
}
END_TEST

START_TEST(neither_retries_nor_refusals)
{
	skafu_store *store = listened();
	skafu_batch *batch = batch_of(store), *second = batch_of(store);
	skafu_batch *both[2];
	int32_t results[2];

	add_of(batch, SKAFU_KIND_EVENT, "sales", "Sold");
	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	heard[0] = '\0';
	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_str_eq(heard, "");
	skafu_batch_clear(batch);
	add_of(batch, SKAFU_KIND_EVENT, "sales", "Sold");
	went(skafu_batch_expect_stream(batch, "s", SKAFU_EXPECT_EXACT, 7, fault));
	add_of(second, SKAFU_KIND_EVENT, "mail", "Sent");
	both[0] = batch;
	both[1] = second;
	ck_assert_int_eq(skafu_append_many(store, both, 2, SKAFU_WAIT_FOREVER, results, NULL, fault),
			 SKAFU_ECONFLICT);
	ck_assert_str_eq(heard, "mail/1/0:1 ");
	ck_assert_uint_eq(refusals, 1);
	skafu_batch_free(batch);
	skafu_batch_free(second);
	skafu_store_close(store);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, runs_of_what_is_alike);
	tcase_add_test(tests, errors_one_by_one_with_their_delay);
	tcase_add_test(tests, neither_retries_nor_refusals);
}

int main(void)
{
	return tempstore_main("published", add);
}

/*
 * stats_test.c: the figures of a store, and sizes of the struct that are smaller than today's.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "store/tempstore.h"

START_TEST(figures_follow_what_is_done)
{
	struct tempstore temp;
	skafu_store_stats stats = {.size = sizeof stats};
	uint64_t used;

	tempstore_new(&temp);
	went(skafu_store_stats_get(temp.store, &stats, fault));
	ck_assert(stats.head == 0 && stats.commits == 0 && stats.appends == 0 && stats.flushes == 0);
	ck_assert_uint_gt(stats.file_bytes, 0);
	ck_assert_uint_le(stats.file_bytes_used, stats.file_bytes + 65536);
	used = stats.file_bytes_used;
	for (int i = 0; i < 20; i++)
		append_event(temp.store, "s", "T", NULL);
	append_row(temp.store, "t", "k", "v");
	went(skafu_store_stats_get(temp.store, &stats, fault));
	ck_assert(stats.head == 20 && stats.commits == 21 && stats.appends == 21 && stats.flushes == 21);
	ck_assert_uint_gt(stats.file_bytes_used, used);
	ck_assert(stats.overlay_bytes > 0 && stats.cache_bytes > 0);
	tempstore_reopen(&temp);
	went(skafu_store_stats_get(temp.store, &stats, fault));
	ck_assert(stats.head == 20 && stats.commits == 21);
	ck_assert_uint_eq(stats.appends, 0); /* of this process since it opened the store */
	tempstore_done(&temp);
}
END_TEST

START_TEST(older_hosts_get_what_they_know)
{
	skafu_store *store = memory_store();
	skafu_store_stats stats;

	append_event(store, "s", "T", NULL);
	memset(&stats, 0xee, sizeof stats);
	stats.size = offsetof(skafu_store_stats, commits);
	went(skafu_store_stats_get(store, &stats, fault));
	ck_assert_uint_eq(stats.head, 1);
	ck_assert_uint_eq(stats.size, offsetof(skafu_store_stats, commits));
	ck_assert_uint_eq(stats.commits, UINT64_C(0xeeeeeeeeeeeeeeee));
	skafu_store_close(store);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	skafu_store *store = memory_store();
	skafu_store_stats stats = {.size = 0};

	refused(SKAFU_EOPTION, skafu_store_stats_get(store, &stats, fault));
	refused(SKAFU_EOPTION, skafu_store_stats_get(store, NULL, fault));
	stats.size = sizeof stats;
	refused(SKAFU_EINVAL, skafu_store_stats_get(NULL, &stats, fault));
	skafu_store_close(store);
}
END_TEST

static uint64_t overlay_most(uint64_t bytes_max, const char *tags)
{
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE, .overlay_bytes_max = bytes_max,
				 .fold_records = 1000000, .tags_max = 255};
	skafu_store_stats stats = {.size = sizeof stats};
	struct tempstore temp;
	uint64_t most = 0;
	char stream[20];

	tempstore_make(&temp);
	without_syncs();
	tempstore_open(&temp, &opts);
	for (int i = 0; i < 3000; i++) {
		snprintf(stream, sizeof stream, "stream-%d", i);
		append_event(temp.store, stream, "T", tags);
		if (i % 50 == 0)
			append_row(temp.store, "table", stream, "some value");
		went(skafu_store_stats_get(temp.store, &stats, fault));
		if (stats.overlay_bytes > most)
			most = stats.overlay_bytes;
	}
	tempstore_done(&temp);
	return most;
}

START_TEST(the_memory_of_the_overlay_is_bounded)
{
	char tags[900] = "t0";

	for (int i = 1; i < 60; i++)
		snprintf(tags + strlen(tags), sizeof tags - strlen(tags), " t:%d", i);
	ck_assert_uint_le(overlay_most(1u << 20, "a:1 b:2 c:3"), 1u << 20);
	ck_assert_uint_le(overlay_most(1u << 16, NULL), 1u << 16);
	ck_assert_uint_le(overlay_most(1u << 20, tags), 1u << 20);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, figures_follow_what_is_done);
	tcase_add_test(tests, older_hosts_get_what_they_know);
	tcase_add_test(tests, the_memory_of_the_overlay_is_bounded);
	tcase_add_test(tests, bad_calls_are_refused);
}

int main(void)
{
	return tempstore_main("stats", add);
}

/*
 * replaycopy_test.c: records in another store: as they were, masked, upcast, twice, and not as they should be.
 */
#include "run/replaycopy.h"

#include <check.h>
#include <string.h>

#include "run/replaykit.h"

static struct replaykit kit;

static void setup(void)
{
	replaykit_open(&kit);
}

static void teardown(void)
{
	replaykit_close(&kit);
}

static const char masked[] = "{\"masked\":true}";

static int32_t hide(void *user, const skafu_record *record, skafu_upcast *out, skafu_error *error)
{
	(void)user;
	if (strcmp(record->type, "Reserved") == 0)
		return 0;
	return skafu_upcast_add(out, record->type, record->event_version, masked, sizeof masked - 1, error);
}

static int32_t fails(void *user, const skafu_record *record, skafu_upcast *out, skafu_error *error)
{
	(void)user;
	(void)record;
	(void)out;
	skafu_error_set(error, SKAFU_EHOST, "no key");
	return SKAFU_EHOST;
}

static void ends(const skafu_replay_opts *opts, uint32_t state, int32_t code)
{
	replaykit_replay(&kit, opts);
	ck_assert_uint_eq(replaykit_info(&kit).state, state);
	ck_assert_int_eq(replaykit_info(&kit).code, code);
}

START_TEST(records_are_as_they_were)
{
	skafu_store *other = memory_store();
	skafu_replay_opts opts = replaykit_opts(NULL, 0);
	skafu_diff diff = {.size = sizeof diff};

	opts.target_store = other;
	for (int i = 0; i < 2; i++) { /* again: all is there */
		ends(&opts, SKAFU_REPLAY_DONE, 0);
		ck_assert_uint_eq(replaykit_info(&kit).succeeded, 3 * REPLAYKIT_ORDERS);
		went(skafu_store_diff(kit.base.store, other, SKAFU_DIFF_RECORDS, NULL, NULL, &diff, fault));
		ck_assert_uint_eq(diff.sequence, 0);
		ck_assert_uint_eq(diff.other_head, 3 * REPLAYKIT_ORDERS);
	}
	skafu_store_close(other);
}
END_TEST

START_TEST(what_is_there_already_is_passed)
{
	skafu_store *other = memory_store();
	skafu_replay_opts opts = replaykit_opts(NULL, 0);

	opts.target_store = other;
	opts.from = 100;
	opts.to = 120;
	ends(&opts, SKAFU_REPLAY_DONE, 0);
	ck_assert_uint_eq(kit_count(other, SKAFU_KIND_EVENT, NULL), 21);
	opts.from = 1;
	opts.to = 0;
	ends(&opts, SKAFU_REPLAY_DONE, 0);
	ck_assert_uint_eq(kit_count(other, SKAFU_KIND_EVENT, NULL), 3 * REPLAYKIT_ORDERS);
	skafu_store_close(other);
}
END_TEST

START_TEST(a_mask_hides)
{
	skafu_store *other = memory_store();
	skafu_replay_opts opts = replaykit_opts(NULL, 0);
	skafu_record *record = NULL;

	opts.target_store = other;
	opts.mask = hide;
	opts.user = &kit.base;
	opts.free_user = kit_freed;
	ends(&opts, SKAFU_REPLAY_DONE, 0);
	ck_assert_uint_eq(kit.base.freed, 1);
	ck_assert_uint_eq(kit_count(other, SKAFU_KIND_EVENT, NULL), 2 * REPLAYKIT_ORDERS);
	ck_assert_uint_eq(kit_count(other, SKAFU_KIND_EVENT, "Reserved"), 0);
	went(skafu_get(other, 1, &record, fault));
	ck_assert_uint_eq(record->data_length, sizeof masked - 1);
	skafu_record_free(record);
	/* The same ids with other contents. */
	opts.mask = NULL;
	opts.free_user = NULL;
	ends(&opts, SKAFU_REPLAY_FAILED, SKAFU_EDUPLICATE);
	ck_assert_uint_gt(strlen(replaykit_info(&kit).message), 10);
	skafu_store_close(other);
}
END_TEST

START_TEST(a_mask_that_fails_ends_it)
{
	skafu_store *other = memory_store();
	skafu_replay_opts opts = replaykit_opts(NULL, 0);

	opts.target_store = other;
	opts.mask = fails;
	ends(&opts, SKAFU_REPLAY_FAILED, SKAFU_EHOST);
	ck_assert_str_eq(replaykit_info(&kit).message, "no key");
	ck_assert_uint_eq(kit_count(other, SKAFU_KIND_EVENT, NULL), 0);
	skafu_store_close(other);
}
END_TEST

START_TEST(a_dry_run_leaves_it_empty)
{
	skafu_store *other = memory_store();
	skafu_replay_opts opts = replaykit_opts(NULL, SKAFU_REPLAY_DRY_RUN);

	opts.target_store = other;
	opts.mask = hide;
	ends(&opts, SKAFU_REPLAY_DONE, 0);
	ck_assert_uint_eq(replaykit_info(&kit).succeeded, 3 * REPLAYKIT_ORDERS);
	ck_assert_uint_eq(kit_count(other, SKAFU_KIND_EVENT, NULL), 0);
	skafu_store_close(other);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, records_are_as_they_were);
	tcase_add_test(tests, what_is_there_already_is_passed);
	tcase_add_test(tests, a_mask_hides);
	tcase_add_test(tests, a_mask_that_fails_ends_it);
	tcase_add_test(tests, a_dry_run_leaves_it_empty);
}

int main(void)
{
	return tempstore_main("replaycopy", add);
}

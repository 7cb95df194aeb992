/*
 * batchnames_test.c: numbers of names over many fillings of a batch, against a list; what is taken back; memory that
 * runs out; and that the log gets no name that its commit does not use.
 */
#include "store/batchnames.h"

#include <stdio.h>
#include <string.h>

#include "base/failing.h"
#include "store/batch.h"
#include "store/tempstore.h"

#define TEXTS_MAX (1u << 20)

static struct skafu__batchnames names;

static void begin(const struct skafu__sys *sys)
{
	skafu__batchnames_init(&names, sys, 7, TEXTS_MAX);
}

static uint32_t put(uint8_t set, const char *text)
{
	uint32_t number = UINT32_MAX;

	ck_assert_int_eq(skafu__batchnames_put(&names, set, text, strlen(text), &number), 0);
	ck_assert_str_eq(skafu__batchnames_text(&names, number), text);
	ck_assert_uint_eq(names.list[number].set, set);
	return number;
}

START_TEST(numbers_stay_and_use_does_not)
{
	begin(skafu__sys_current());
	uint32_t shop = put(SKAFU__NAME_DOMAIN, "shop");
	uint32_t sold = put(SKAFU__NAME_TYPE, "Sold");

	ck_assert(!skafu__batchnames_is_used(&names, shop) && !skafu__batchnames_is_used(&names, sold));
	skafu__batchnames_use(&names, sold, shop | SKAFU__NAME_IS_LOCAL);
	ck_assert(!skafu__batchnames_is_used(&names, shop) && skafu__batchnames_is_used(&names, sold));
	ck_assert_uint_eq(names.list[sold].owner, shop | SKAFU__NAME_IS_LOCAL);
	skafu__batchnames_clear(&names);
	ck_assert(!skafu__batchnames_is_used(&names, sold));
	ck_assert_uint_eq(put(SKAFU__NAME_TYPE, "Sold"), sold);
	ck_assert_uint_ne(put(SKAFU__NAME_TABLE, "Sold"), sold);
	ck_assert_uint_eq(names.count, 3);
	skafu__batchnames_done(&names);
}
END_TEST

START_TEST(a_place_is_known_by_what_stands_there)
{
	static char place[16] = "Sold";

	begin(skafu__sys_current());
	ck_assert_uint_eq(skafu__batchnames_recall(&names, SKAFU__NAME_TYPE, place), 0);
	ck_assert_uint_eq(skafu__batchnames_recall(&names, SKAFU__NAME_TYPE, NULL), 0);
	uint32_t sold = put(SKAFU__NAME_TYPE, place);
	skafu__batchnames_note(&names, place, sold);
	ck_assert_uint_eq(skafu__batchnames_recall(&names, SKAFU__NAME_TYPE, place), sold + 1);
	ck_assert_uint_eq(skafu__batchnames_recall(&names, SKAFU__NAME_TABLE, place), 0);
	skafu__batchnames_clear(&names);
	ck_assert_uint_eq(skafu__batchnames_recall(&names, SKAFU__NAME_TYPE, place), sold + 1);
	strcpy(place, "Sol");
	ck_assert_uint_eq(skafu__batchnames_recall(&names, SKAFU__NAME_TYPE, place), 0);
	strcpy(place, "Sold\n");
	ck_assert_uint_eq(skafu__batchnames_recall(&names, SKAFU__NAME_TYPE, place), 0);
	strcpy(place, "Sold");
	skafu__batchnames_cut(&names, sold);
	ck_assert_uint_eq(skafu__batchnames_recall(&names, SKAFU__NAME_TYPE, place), 0);
	skafu__batchnames_done(&names);
}
END_TEST

START_TEST(too_many_names_do_not_stay)
{
	char text[16];

	begin(skafu__sys_current());
	for (int more = 0; more < 2; more++) {
		for (uint32_t i = 0; i < SKAFU__BATCHNAMES_KEPT_MAX + (uint32_t)more; i++) {
			snprintf(text, sizeof text, "n%u", i);
			ck_assert_uint_eq(put(SKAFU__NAME_TYPE, text), i);
		}
		skafu__batchnames_clear(&names);
		ck_assert_uint_eq(names.count, more ? 0 : SKAFU__BATCHNAMES_KEPT_MAX);
	}
	ck_assert_uint_eq(names.texts.length, 0);
	ck_assert_uint_eq(put(SKAFU__NAME_TYPE, "n7"), 0);
	ck_assert(!skafu__batchnames_is_used(&names, 0));
	names.filling = UINT32_MAX;
	skafu__batchnames_use(&names, 0, 0);
	skafu__batchnames_clear(&names);
	ck_assert_uint_eq(names.count, 0);
	ck_assert_uint_eq(put(SKAFU__NAME_TYPE, "n7"), 0);
	ck_assert(!skafu__batchnames_is_used(&names, 0));
	skafu__batchnames_done(&names);
}
END_TEST

START_TEST(what_is_cut_or_renewed_is_not_found_by_its_number)
{
	uint32_t renewed = 0;

	begin(skafu__sys_current());
	uint32_t sold = put(SKAFU__NAME_TYPE, "Sold");
	put(SKAFU__NAME_DOMAIN, "shop");
	size_t texts = names.texts.length;
	ck_assert_int_eq(skafu__batchnames_renew(&names, sold, &renewed), 0);
	ck_assert_uint_eq(renewed, 2);
	ck_assert_uint_eq(put(SKAFU__NAME_TYPE, "Sold"), 2);
	skafu__batchnames_cut(&names, 2);
	ck_assert_uint_eq(names.texts.length, texts);
	ck_assert_uint_eq(put(SKAFU__NAME_TYPE, "Sold"), 2);
	skafu__batchnames_cut(&names, 0); /* both numbers it had go, and nobody misses them */
	ck_assert_uint_eq(names.count + names.texts.length, 0);
	ck_assert_uint_eq(put(SKAFU__NAME_DOMAIN, "shop"), 0);
	skafu__batchnames_done(&names);
}
END_TEST

START_TEST(memory_that_runs_out_changes_nothing)
{
	struct failing failing;
	char text[64];

	for (long allowed = 0; allowed < 12; allowed++) {
		uint32_t number = UINT32_MAX;
		uint32_t count = 0;
		int32_t rc = 0;
		failing_init(&failing);
		failing.left = allowed;
		begin(&failing.sys);
		while (rc == 0 && count < 1000) {
			snprintf(text, sizeof text, "a name that is long enough %u", count);
			rc = skafu__batchnames_put(&names, SKAFU__NAME_TYPE, text, strlen(text), &number);
			count += rc == 0;
		}
		ck_assert_int_eq(rc, SKAFU_ENOMEM);
		ck_assert_uint_eq(names.count, count);
		failing.left = -1;
		ck_assert_uint_eq(put(SKAFU__NAME_TYPE, text), count);
		skafu__batchnames_done(&names);
	}
}
END_TEST

/* ---- in a batch ---------------------------------------------------------------------------------------------- */

static void add_from(skafu_batch *batch, const char *type, const char *source)
{
	skafu_new_record record = event_of("s", type);

	record.source = source;
	went(skafu_batch_add(batch, &record, fault));
}

START_TEST(the_log_gets_the_names_that_are_used)
{
	skafu_store *store = memory_store();
	skafu_batch *batch = batch_of(store);
	const struct skafu__names *known = &store->names;

	add_from(batch, "Sold", "shop");
	went(skafu_batch_put_row(batch, "rows", "k", 1, "v", 1, fault));
	skafu_batch_clear(batch);
	add_from(batch, "Paid", "bank"); /* what was cleared was never appended */
	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_uint_eq(known->counts[SKAFU__NAME_TYPE], 1);
	ck_assert_uint_eq(known->counts[SKAFU__NAME_DOMAIN], 1);
	ck_assert_uint_eq(known->counts[SKAFU__NAME_TABLE], 0);
	ck_assert_uint_eq(skafu__names_find(known, SKAFU__NAME_TYPE, "Paid", 4), 1);
	skafu_batch_clear(batch);
	add_from(batch, "Sold", "bank"); /* it was the shop's in a batch that was cleared, and is the bank's now */
	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_clear(batch);
	add_from(batch, "Sold", "shop");
	refused(SKAFU_EDEFINITION, skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_uint_eq(known->counts[SKAFU__NAME_DOMAIN], 1);
	skafu_batch_clear(batch);
	add_from(batch, "Sold", "bank");
	add_from(batch, "Gone", "shop");
	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_uint_eq(known->counts[SKAFU__NAME_TYPE], 3);
	skafu_batch_free(batch);
	skafu_store_close(store);
}
END_TEST

static void add_numbered(skafu_batch *batch, uint32_t first, uint32_t count)
{
	char type[256];

	for (uint32_t i = first; i < first + count; i++) {
		snprintf(type, sizeof type, "%0255u", i);
		add_from(batch, type, "shop");
	}
}

/* Names that stay take no room from those that come. */
START_TEST(a_filling_has_all_the_room)
{
	skafu_store_opts opts = {.size = sizeof opts, .batch_bytes_max = 4096};
	skafu_store *store = NULL;

	went(skafu_store_open_memory(&opts, &store, fault));
	skafu_batch *batch = batch_of(store);
	for (uint32_t filling = 0; filling < 100; filling++) {
		add_numbered(batch, filling * 7, 7);
		went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
		skafu_batch_clear(batch);
	}
	ck_assert_uint_eq(store->names.counts[SKAFU__NAME_TYPE], 700);
	skafu_batch_free(batch);
	skafu_store_close(store);
}
END_TEST

/* The ids that a refused append gave out are another's afterwards. */
START_TEST(an_id_from_before_is_compared)
{
	skafu_store *store = memory_store();
	skafu_batch *batch = batch_of(store);
	const struct skafu__names *known = &store->names;
	skafu_batch *other = batch_of(store);

	add_from(other, "Sold", "bank");
	went(skafu_append(store, other, SKAFU_WAIT_FOREVER, NULL, fault));
	add_from(batch, "Ours", "shop");
	add_from(batch, "Sold", "shop");
	refused(SKAFU_EDEFINITION, skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_uint_eq(batch->names.list[1].id, 2); /* Ours */
	skafu_batch_clear(other);
	add_from(other, "Else", "post");
	went(skafu_append(store, other, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_uint_eq(skafu__names_find(known, SKAFU__NAME_TYPE, "Else", 4), 2);
	skafu_batch_clear(batch);
	add_from(batch, "Ours", "shop");
	went(skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	ck_assert_uint_eq(skafu__names_find(known, SKAFU__NAME_TYPE, "Ours", 4), 3);
	ck_assert_uint_eq(batch->names.list[1].id, 3);
	skafu_batch_free(batch);
	skafu_batch_free(other);
	skafu_store_close(store);
}
END_TEST

/* A type that another domain had before stands behind the domain that has it now, in the commit, too. */
START_TEST(a_type_changes_its_domain_between_fillings)
{
	struct tempstore temp;
	tempstore_new(&temp);
	skafu_batch *batch = batch_of(temp.store);

	add_from(batch, "Sold", "shop");
	skafu_batch_clear(batch);
	add_from(batch, "Paid", "bank");
	add_from(batch, "Sold", "bank");
	skafu_new_record record = event_of("s", "Sold");
	record.source = "shop";
	refused(SKAFU_EDEFINITION, skafu_batch_add(batch, &record, fault));
	went(skafu_append(temp.store, batch, SKAFU_WAIT_FOREVER, NULL, fault));
	skafu_batch_free(batch);
	tempstore_reopen(&temp);
	const struct skafu__names *known = &temp.store->names;
	uint32_t bank = skafu__names_find(known, SKAFU__NAME_DOMAIN, "bank", 4);
	uint32_t sold = skafu__names_find(known, SKAFU__NAME_TYPE, "Sold", 4);
	ck_assert_uint_ne(bank, 0);
	ck_assert_uint_eq(skafu__names_owner(known, SKAFU__NAME_TYPE, sold), bank);
	ck_assert_uint_eq(skafu__names_find(known, SKAFU__NAME_DOMAIN, "shop", 4), 0);
	tempstore_done(&temp);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, numbers_stay_and_use_does_not);
	tcase_add_test(tests, a_place_is_known_by_what_stands_there);
	tcase_add_test(tests, too_many_names_do_not_stay);
	tcase_add_test(tests, what_is_cut_or_renewed_is_not_found_by_its_number);
	tcase_add_test(tests, memory_that_runs_out_changes_nothing);
	tcase_add_test(tests, the_log_gets_the_names_that_are_used);
	tcase_add_test(tests, a_filling_has_all_the_room);
	tcase_add_test(tests, an_id_from_before_is_compared);
	tcase_add_test(tests, a_type_changes_its_domain_between_fillings);
}

int main(void)
{
	return tempstore_main("batchnames", add);
}

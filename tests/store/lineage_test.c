/*
 * lineage_test.c: a copy says what it was copied from and how far, truthfully; and whoever saw more than a store has
 * is told.
 */
#include "store/lineage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

static struct tempstore temp;

static const char *place(const char *name)
{
	static char paths[4][320];
	static unsigned at;
	snprintf(paths[at % 4], sizeof paths[0], "%s/%s", temp.directory, name);
	return paths[at++ % 4];
}

static void set_up(void)
{
	tempstore_new(&temp);
	for (int i = 0; i < 20; i++)
		append_event(temp.store, "s", "T", NULL);
}

static void tear_down(void)
{
	tempstore_done(&temp);
}

static skafu_store *opened(const char *name)
{
	skafu_store *store;
	went(skafu_store_open(place(name), NULL, &store, fault));
	return store;
}

static skafu_lineage lineage_of(skafu_store *store, uint32_t index)
{
	skafu_lineage lineage = {.size = sizeof lineage};
	went(skafu_store_lineage(store, index, &lineage, fault));
	return lineage;
}

static void knows(skafu_store *store, skafu_store *parent, uint32_t index, uint64_t sequence)
{
	uint8_t id[16];
	skafu_lineage lineage = lineage_of(store, index);
	went(skafu_store_birth(parent, id, fault));
	ck_assert_mem_eq(lineage.birth, id, 16);
	went(skafu_store_incarnation(parent, id, fault));
	ck_assert_mem_eq(lineage.incarnation, id, 16);
	ck_assert_uint_eq(lineage.sequence, sequence);
	went(skafu_store_check_position(store, id, sequence, fault));
	refused(SKAFU_ESTALE, skafu_store_check_position(store, id, sequence + 1, fault));
	ck_assert_uint_eq(skafu_error_sequence(fault), sequence);
	char text[SKAFU_ID_TEXT_BYTES];
	skafu_id_format(id, text);
	message_names(text);
	went(skafu_store_incarnation(store, id, fault));
	skafu_id_format(id, text);
	message_names(text);
}

START_TEST(a_store_of_its_own_has_none)
{
	skafu_lineage lineage = {.size = sizeof lineage};
	uint8_t id[16];
	refused(SKAFU_ENOTFOUND, skafu_store_lineage(temp.store, 0, &lineage, fault));
	went(skafu_store_incarnation(temp.store, id, fault));
	went(skafu_store_check_position(temp.store, id, 20, fault));
	refused(SKAFU_ESTALE, skafu_store_check_position(temp.store, id, 21, fault));
	id[0] ^= 1;
	went(skafu_store_check_position(temp.store, id, 0, fault));
	refused(SKAFU_ESTALE, skafu_store_check_position(temp.store, id, 1, fault));
	refused(SKAFU_EINVAL, skafu_store_check_position(temp.store, NULL, 1, fault));
	refused(SKAFU_EINVAL, skafu_store_check_position(NULL, id, 1, fault));
	refused(SKAFU_EINVAL, skafu_store_lineage(temp.store, 0, NULL, fault));
}
END_TEST

START_TEST(a_backup_knows_how_far_it_goes)
{
	went(skafu_store_backup(temp.store, place("copy"), 7, NULL, NULL, fault));
	skafu_store *copy = opened("copy");
	knows(copy, temp.store, 0, 7);
	went(skafu_store_backup(temp.store, place("copy"), 0, NULL, NULL, fault));
	knows(copy, temp.store, 0, 20);
	/* The chain is the one that this store has itself. */
	skafu_lineage lineage = lineage_of(copy, 0);
	skafu_store *fresh;
	went(skafu_store_backup(temp.store, place("fresh"), 0, NULL, NULL, fault));
	fresh = opened("fresh");
	skafu_lineage other = lineage_of(fresh, 0);
	ck_assert_mem_eq(lineage.chain, other.chain, 32);
	ck_assert_uint_eq(lineage.commit, 20);
	skafu_store_close(fresh);
	skafu_store_close(copy);
}
END_TEST

START_TEST(a_restored_store_tells_who_is_ahead)
{
	uint8_t original[16];
	went(skafu_store_backup(temp.store, place("copy"), 0, NULL, NULL, fault));
	for (int i = 0; i < 5; i++)
		append_event(temp.store, "s", "T", NULL);
	skafu_store *copy = opened("copy");
	went(skafu_store_backup(copy, place("restored"), 15, NULL, NULL, fault));
	skafu_store *restored = opened("restored");
	knows(restored, copy, 0, 15);
	knows(restored, temp.store, 1, 15);
	for (int i = 0; i < 20; i++)
		append_event(restored, "s", "T", NULL); /* further than the original ever was, but other events */
	went(skafu_store_incarnation(temp.store, original, fault));
	refused(SKAFU_ESTALE, skafu_store_check_position(restored, original, 16, fault));
	went(skafu_store_check_position(restored, original, 15, fault));
	skafu_store_close(restored);
	skafu_store_close(copy);
}
END_TEST

START_TEST(a_fork_is_another_store)
{
	uint8_t mine[16];
	uint8_t its[16];
	skafu_verify_report report = {.size = sizeof report};
	went(skafu_store_fork(temp.store, place("fork"), 10, NULL, NULL, fault));
	skafu_store *fork = opened("fork");
	knows(fork, temp.store, 0, 10);
	ck_assert_uint_eq(head_of(fork), 10);
	went(skafu_store_birth(temp.store, mine, fault));
	went(skafu_store_birth(fork, its, fault));
	ck_assert_mem_ne(mine, its, 16);
	went(skafu_store_fork(temp.store, place("fork"), 12, NULL, NULL, fault)); /* nobody has written to it yet */
	knows(fork, temp.store, 0, 12);
	append_event(fork, "s", "Other", NULL);
	refused(SKAFU_EEXISTS, skafu_store_fork(temp.store, place("fork"), 0, NULL, NULL, fault));
	refused(SKAFU_EEXISTS, skafu_store_backup(temp.store, place("fork"), 0, NULL, NULL, fault));
	knows(fork, temp.store, 0, 12);
	went(skafu_store_verify(fork, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	refused(SKAFU_EINVAL, skafu_store_fork(temp.store, temp.path, 0, NULL, NULL, fault));
	refused(SKAFU_EINVAL, skafu_store_fork(NULL, place("x"), 0, NULL, NULL, fault));
	went(skafu_store_backup(temp.store, place("copy"), 0, NULL, NULL, fault));
	refused(SKAFU_EEXISTS, skafu_store_fork(temp.store, place("copy"), 0, NULL, NULL, fault));
	went(skafu_store_reindex(fork, fault));
	knows(fork, temp.store, 0, 12); /* it is not derived */
	skafu_store_close(fork);
}
END_TEST

static int32_t stop(void *user, uint64_t done, uint64_t total)
{
	(void)user;
	(void)total;
	return done > 0;
}

START_TEST(what_was_stopped_knows_how_far_it_came)
{
	refused(SKAFU_EINTERRUPTED, skafu_store_fork(temp.store, place("fork"), 0, stop, NULL, fault));
	skafu_store *fork = opened("fork");
	knows(fork, temp.store, 0, head_of(fork));
	skafu_store_close(fork);
}
END_TEST

START_TEST(generations_are_bounded)
{
	skafu_store *store = temp.store;
	for (uint32_t i = 0; i < SKAFU__LINEAGE_MAX + 3; i++) {
		char name[32];
		skafu_lineage lineage = {.size = sizeof lineage};
		snprintf(name, sizeof name, "g%u", i);
		went(skafu_store_fork(store, place(name), 0, NULL, NULL, fault));
		if (store != temp.store)
			skafu_store_close(store);
		store = opened(name);
		uint32_t count = 0;
		while (skafu_store_lineage(store, count, &lineage, fault) == 0)
			count++;
		ck_assert_uint_eq(count, i + 1 < SKAFU__LINEAGE_MAX ? i + 1 : SKAFU__LINEAGE_MAX);
	}
	skafu_store_close(store);
}
END_TEST

START_TEST(damage_is_found)
{
	static struct skafu__lineage lineage = {.count = 2};
	static struct skafu__lineage again;
	uint8_t bytes[SKAFU__LINEAGE_BYTES_MAX];
	lineage.entries[1].sequence = 77;
	lineage.entries[1].made_ns = -5;
	size_t length = skafu__lineage_encode(&lineage, bytes);
	ck_assert_int_eq(skafu__lineage_decode(bytes, length, &again, fault), 0);
	ck_assert_uint_eq(again.entries[1].sequence, 77);
	ck_assert_int_eq(again.entries[1].made_ns, -5);
	for (size_t i = 0; i < length; i++) {
		bytes[i] ^= 0x10;
		ck_assert_int_eq(skafu__lineage_decode(bytes, length, &again, fault), SKAFU_EDAMAGED);
		bytes[i] ^= 0x10;
		ck_assert_int_eq(skafu__lineage_decode(bytes, i, &again, fault), SKAFU_EDAMAGED);
	}
}
END_TEST

static void spoil(skafu_store *store)
{
	uint8_t bytes[40] = "SKLN, but not one";
	MDB_val key = {7, (void *)(uintptr_t)"lineage"};
	MDB_val value = {sizeof bytes, bytes};
	MDB_txn *txn;

	went(skafu__env_write_begin(&store->env, &txn, fault));
	ck_assert_int_eq(mdb_put(txn, store->env.tables[SKAFU__TABLE_META], &key, &value, 0), 0);
	went(skafu__env_write_commit(&store->env, txn, fault));
}

/* The message says that another copy helps. */
START_TEST(a_damaged_one_keeps_nobody_from_a_copy)
{
	skafu_lineage lineage = {.size = sizeof lineage};
	skafu_store *copy;
	skafu_store *next;

	went(skafu_store_backup(temp.store, place("copy"), 0, NULL, NULL, fault));
	copy = opened("copy");
	spoil(copy);
	refused(SKAFU_EDAMAGED, skafu_store_lineage(copy, 0, &lineage, fault));
	went(skafu_store_backup(copy, place("next"), 0, NULL, NULL, fault));
	next = opened("next");
	knows(next, copy, 0, 20);
	refused(SKAFU_ENOTFOUND, skafu_store_lineage(next, 1, &lineage, fault));
	append_event(temp.store, "s", "T", NULL);
	went(skafu_store_backup(temp.store, place("copy"), 0, NULL, NULL, fault)); /* which mends it */
	knows(copy, temp.store, 0, 21);
	skafu_store_close(next);
	skafu_store_close(copy);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, a_store_of_its_own_has_none);
	tcase_add_test(tests, a_backup_knows_how_far_it_goes);
	tcase_add_test(tests, a_restored_store_tells_who_is_ahead);
	tcase_add_test(tests, a_fork_is_another_store);
	tcase_add_test(tests, what_was_stopped_knows_how_far_it_came);
	tcase_add_test(tests, generations_are_bounded);
	tcase_add_test(tests, damage_is_found);
	tcase_add_test(tests, a_damaged_one_keeps_nobody_from_a_copy);
}

int main(void)
{
	return tempstore_main("lineage", add);
}

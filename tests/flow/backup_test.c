/*
 * backup_test.c: a backup made while three processes append 100,000 records is whole and a beginning of the log, each
 * time it is continued; and so is what is restored from it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/tempstore.h"

#define WRITERS 3
#define RECORDS 100000
#define BATCH 25

static struct tempstore temp;
static char copy_path[320];
static char restored_path[320];

static int write_share(int writer)
{
	skafu_store *store;
	skafu_batch *batch;
	char stream[32];
	if (skafu_store_open(temp.path, NULL, &store, NULL) != 0 || skafu_batch_new(store, &batch, NULL) != 0)
		return 1;
	for (int i = 0; i < RECORDS / WRITERS / BATCH; i++) {
		skafu_batch_clear(batch);
		for (int k = 0; k < BATCH; k++) {
			snprintf(stream, sizeof stream, "stream-%d-%d", writer, k);
			skafu_new_record record = event_of(stream, "Written");
			if (skafu_batch_add(batch, &record, NULL) != 0)
				return 2;
		}
		if (skafu_batch_put_row(batch, "rows", stream, strlen(stream), &i, sizeof i, NULL) != 0 ||
		    skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL) != 0)
			return 3;
	}
	skafu_batch_free(batch);
	skafu_store_close(store);
	return 0;
}

/* The copy is whole, and all of it is a beginning of the store. */
static void check_prefix(skafu_store *store, const char *path)
{
	skafu_store *copy;
	skafu_diff diff = {.size = sizeof diff};
	skafu_verify_report report = {.size = sizeof report};
	went(skafu_store_open(path, NULL, &copy, fault));
	went(skafu_store_verify(copy, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	went(skafu_store_diff(store, copy, 0, NULL, NULL, &diff, fault));
	ck_assert_uint_eq(diff.sequence, 0);
	ck_assert_uint_eq(diff.same_up_to, diff.other_head);
	skafu_store_close(copy);
}

START_TEST(beside_three_processes)
{
	pid_t children[WRITERS];
	int status;
	int backups = 0;
	int alive = WRITERS;
	tempstore_new(&temp);
	snprintf(copy_path, sizeof copy_path, "%s/copy", temp.directory);
	snprintf(restored_path, sizeof restored_path, "%s/restored", temp.directory);
	tempstore_close(&temp);
	for (int i = 0; i < WRITERS; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(write_share(i));
	}
	tempstore_reopen(&temp);
	while (alive > 0) {
		went(skafu_store_backup(temp.store, copy_path, 0, NULL, NULL, fault));
		if (backups++ % 8 == 0)
			check_prefix(temp.store, copy_path);
		pid_t gone = waitpid(-1, &status, WNOHANG);
		if (gone > 0) {
			ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
			alive--;
		}
	}
	printf("%d backups beside %d writers\n", backups, WRITERS);
	went(skafu_store_backup(temp.store, copy_path, 0, NULL, NULL, fault));
	check_prefix(temp.store, copy_path);
	ck_assert_uint_eq(head_of(temp.store), RECORDS / WRITERS / BATCH * WRITERS * BATCH);
	skafu_store *copy;
	went(skafu_store_open(copy_path, NULL, &copy, fault));
	ck_assert_uint_eq(head_of(copy), head_of(temp.store));
	went(skafu_store_backup(copy, restored_path, 70000, NULL, NULL, fault));
	skafu_store_close(copy);
	check_prefix(temp.store, restored_path);
	tempstore_done(&temp);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, beside_three_processes);
}

int main(void)
{
	return tempstore_main("backup while others write", add);
}

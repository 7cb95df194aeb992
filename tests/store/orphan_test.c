/*
 * orphan_test.c: the commit of a writer that was killed before LMDB showed it is found, once, if it is there.
 */
#include "store/orphan.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault/actors.h"
#include "fault/hooks.h"
#include "store/store.h"
#include "util/suite.h"

static char scratch[256];
static char path[300];

static int die_when_written(enum hooks_point point, int after)
{
	if (point == HOOKS_META && after)
		raise(SIGKILL);
	return 0;
}

static void write_and_die(void *user)
{
	skafu_store *store = NULL;

	(void)user;
	if (actors_open(path, NULL, &store, NULL) != 0)
		actors_fail("opening");
	hooks_set(die_when_written);
	actors_append(store, 0, 1, ACTORS_SECOND, NULL, NULL);
	actors_fail("alive");
}

START_TEST(an_orphan_is_adopted_once)
{
	uint64_t head = 0;
	uint8_t id[16];
	skafu_store *store = NULL;
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};

	actors_scratch(scratch, "orphan", 1);
	snprintf(path, sizeof path, "%s/store", scratch);
	ck_assert_int_eq(skafu_store_open(path, &opts, &store, NULL), 0);
	ck_assert_int_eq(skafu__orphan_adopt(store), 0);
	ck_assert_int_eq(actors_join(actors_spawn(write_and_die, NULL), 10 * ACTORS_SECOND), 128 + SIGKILL);
	ck_assert_int_eq(skafu_store_head(store, &head, NULL), 0);
	ck_assert_uint_eq(head, 0); /* durable, and not shown */
	actors_commit_id(0, 1, id);
	if (_i) /* asking for it, and not the function itself */
		ck_assert_int_eq(skafu_commit_status(store, id, NULL, NULL), 0);
	else
		ck_assert_int_eq(skafu__orphan_adopt(store), 1);
	ck_assert_int_eq(skafu__orphan_adopt(store), 0);
	ck_assert_int_eq(skafu_store_head(store, &head, NULL), 0);
	ck_assert_uint_eq(head, actors_events(0, 1));
	skafu_store_close(store);
	actors_scratch_gone(scratch);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("orphan");
	TCase *tests = tcase_create("orphan");

	tcase_add_loop_test(tests, an_orphan_is_adopted_once, 0, 2);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

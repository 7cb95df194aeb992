/*
 * metafail_test.c: trap 3 of LMDB: the write of the meta page, or a sync, fails, and the commit may be there or not.
 *
 * Each write and each sync of one append fails with EIO, having been done or not.  Then: the outcome is unknown, no
 * process writes any more, the exclusive reopen syncs and verifies, the status of the commit is definite from there
 * on, a retry gives one commit, and the store goes on.  The log of all that, reopen included, is enumerated: whatever
 * disk state a power cut leaves, nothing that was promised is gone, nor there what was said not to be.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault/crashset.h"
#include "fault/crashstates.h"
#include "fault/iotrace.h"
#include "fault/skafumodel.h"
#include "fault/statedir.h"
#include "store/store.h"
#include "util/suite.h"

#define NOW_NS INT64_C(1700000000000000000)
#define CALLS_MAX 12 /* no append makes more writes or syncs */
#define STATES_MAX 20000

/* What the log is marked with. */
enum {
	MARK_CREATE = 1,
	MARK_FIRST,  /* an append that succeeds */
	MARK_FAILED, /* one that does not; acknowledged when its status says that it is there */
	MARK_DENIED, /* never begun; acknowledged when the status says that it is not there */
	MARK_RETRY,
	MARK_LAST
};

struct scene {
	char scratch[256], dir[300], path[320];
	struct skafumodel *model;
	skafu_store *store;
	int found; /* by the status after the reopen */
	struct crash_tally *tally;
};

static struct scene scene;

static void setup(void)
{
	char where[300];

	memset(&scene, 0, sizeof(scene));
	statedir_scratch(scene.scratch, "metafail");
	snprintf(scene.dir, sizeof(scene.dir), "%s/record", scene.scratch);
	snprintf(scene.path, sizeof(scene.path), "%s/store", scene.dir);
	snprintf(where, sizeof(where), "%s/where", scene.scratch);
	ck_assert_int_eq(mkdir(where, 0700), 0);
	scene.tally = crashset_shared(sizeof(*scene.tally));
}

static void teardown(void)
{
	iolog_free(iotrace_stop());
	skafu__sys_override(NULL);
	skafu__tuning_override(NULL);
	crashset_unshare(scene.tally, sizeof(*scene.tally));
	statedir_scratch_gone(scene.scratch);
}

static skafu_store *store_open(const char *path, uint32_t flags)
{
	const skafu_store_opts opts = {.size = sizeof(opts), .flags = flags, .readers_max = 8};
	skafu_store *store = NULL;
	int32_t rc = skafu_store_open(path, &opts, &store, NULL);

	return rc == 0 ? store : NULL;
}

static skafu_batch *batch_new(skafu_store *store)
{
	skafu_batch *batch = NULL;

	ck_assert_int_eq(skafu_batch_new(store, &batch, NULL), 0);
	return batch;
}

/* The model's next commit. */
static int32_t append_next(void)
{
	skafu_batch *batch = batch_new(scene.store);
	int32_t rc;

	ck_assert_int_eq(skafumodel_record(scene.model, batch, SKAFUMODEL_OWN_ID), 0);
	ck_assert_int_eq(skafumodel_record(scene.model, batch, SKAFUMODEL_OWN_ID), 0);
	ck_assert_int_eq(skafumodel_seal(scene.model, batch), 0);
	rc = skafu_append(scene.store, batch, 0, NULL, NULL);
	skafu_batch_free(batch);
	return rc;
}

static int32_t append_stray(skafu_store *store)
{
	const skafu_new_record record = {.size = sizeof(record), .stream = "stray", .type = "Stray"};
	skafu_batch *batch;
	int32_t rc = skafu_batch_new(store, &batch, NULL);

	if (rc == 0)
		rc = skafu_batch_add(batch, &record, NULL);
	if (rc == 0)
		rc = skafu_append(store, batch, 0, NULL, NULL);
	skafu_batch_free(batch);
	return rc;
}

/* Another process, that opens the store now. */
static int stranger_is_refused(void)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		skafu_store *store = store_open(scene.path, 0);
		int32_t rc = store ? append_stray(store) : SKAFU_EINTERNAL;

		skafu_store_close(store);
		_exit(rc == SKAFU_EPOISONED ? 0 : 1);
	}
	ck_assert_int_gt(child, 0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void scene_begin(void)
{
	const struct skafu__tuning tuning = {.map_bytes = 1 << 20, .linger_off = 1};

	statedir_scratch_gone(scene.dir);
	ck_assert_int_eq(mkdir(scene.dir, 0700), 0);
	skafu__tuning_override(&tuning);
	skafumodel_machine(1, NOW_NS);
	scene.model = skafumodel_new(7);
	ck_assert_ptr_nonnull(scene.model);
	iotrace_start(scene.dir);
	iotrace_mark(IOLOG_BEGIN, MARK_CREATE);
	scene.store = store_open(scene.path, SKAFU_STORE_CREATE);
	ck_assert_ptr_nonnull(scene.store);
	iotrace_mark(IOLOG_ACK, MARK_CREATE);
	iotrace_mark(IOLOG_BEGIN, MARK_FIRST);
	ck_assert_int_eq(append_next(), 0);
	iotrace_mark(IOLOG_ACK, MARK_FIRST);
}

/* 0 when the append makes fewer such calls. */
static int scene_fail(const struct iotrace_fault *fault)
{
	uint64_t failures;
	int32_t rc;

	iotrace_mark(IOLOG_BEGIN, MARK_FAILED);
	iotrace_fail(fault);
	rc = append_next();
	failures = iotrace_failures();
	iotrace_fail(NULL);
	if (failures == 0) {
		ck_assert_int_eq(rc, 0);
		return 0;
	}
	ck_assert_msg(rc == SKAFU_EUNKNOWN, "call %u: %s", (unsigned)fault->nth, skafu_result_name(rc));
	return 1;
}

static void scene_poisoned(void)
{
	ck_assert_int_eq(append_stray(scene.store), SKAFU_EPOISONED);
	ck_assert(stranger_is_refused());
	skafu_store_close(scene.store);
	/* The first who has it alone makes it whole. */
	scene.store = store_open(scene.path, 0);
	ck_assert_ptr_nonnull(scene.store);
}

static void scene_status(void)
{
	skafu_appended outcome = {.size = sizeof(outcome)};
	uint8_t id[16];
	int32_t rc;

	skafumodel_commit_id(scene.model, 2, id);
	rc = skafu_commit_status(scene.store, id, &outcome, NULL);
	ck_assert(rc == 0 || rc == SKAFU_ENOTFOUND);
	scene.found = rc == 0;
	if (scene.found)
		ck_assert(skafumodel_outcome_is(scene.model, 2, outcome.flags, &outcome));
	iotrace_mark(IOLOG_ACK, scene.found ? MARK_FAILED : MARK_DENIED);
}

/* The host tries the same again: one commit, whatever had become of the first attempt. */
static void scene_retry(void)
{
	skafu_appended outcome = {.size = sizeof(outcome)};
	skafu_batch *batch = batch_new(scene.store);

	iotrace_mark(IOLOG_BEGIN, MARK_RETRY);
	ck_assert_int_eq(skafumodel_again(scene.model, 2, batch), 0);
	ck_assert_int_eq(skafu_append(scene.store, batch, 0, &outcome, NULL), 0);
	ck_assert(skafumodel_outcome_is(scene.model, 2, scene.found ? SKAFU_APPENDED_RETRY : 0, &outcome));
	skafu_batch_free(batch);
	iotrace_mark(IOLOG_ACK, MARK_RETRY);
	iotrace_mark(IOLOG_BEGIN, MARK_LAST);
	ck_assert_int_eq(append_next(), 0);
	iotrace_mark(IOLOG_ACK, MARK_LAST);
}

/* What was said to be there. */
static uint64_t commits_least(uint64_t acked)
{
	static const uint64_t least[] = {0, 0, 1, 2, 1, 2, 3};

	return least[acked];
}

/* What may be there: not what was said not to be. */
static uint64_t commits_most(uint64_t acked, uint64_t begun)
{
	static const uint64_t most[] = {0, 0, 1, 2, 2, 2, 3};

	return acked == MARK_DENIED && begun == MARK_FAILED ? 1 : most[begun];
}

static enum crash_verdict state_verify(void *user, const char *dir, const struct crash_point *point)
{
	enum crash_verdict verdict;
	skafu_store *store;
	char path[400];

	(void)user;
	snprintf(path, sizeof(path), "%s/store", dir);
	skafumodel_machine(99, NOW_NS + 1000000000);
	store = store_open(path, 0);
	if (!store)
		return CRASH_CORRUPT;
	verdict = skafumodel_check(scene.model, store, commits_least(point->acked),
				   commits_most(point->acked, point->begun));
	skafu_store_close(store);
	return verdict;
}

static void scene_enumerate(struct iolog *log, const char *label)
{
	struct crashstates_options options = {.exhaustive_max = 6, .states_max = STATES_MAX,
					      .verify = state_verify, .tally = scene.tally,
					      .label = label};
	char where[300];
	size_t i;

	for (i = 0; i < log->op_count && options.from_op == 0; i++) {
		if (log->ops[i].kind == IOLOG_ACK && log->ops[i].offset == MARK_FIRST)
			options.from_op = i;
	}
	snprintf(where, sizeof(where), "%s/where", scene.scratch);
	options.set = crashset_new(STATES_MAX);
	crashstates_run_forked(log, where, &options);
	crashset_free(options.set);
}

static void scene_end(void)
{
	skafu_store_close(scene.store);
	scene.store = NULL;
}

static const char *const how_names[] = {"not done", "done", "short", "done and not undone"};
static const enum iotrace_how hows[] = {IOTRACE_NOT_DONE, IOTRACE_DONE, IOTRACE_DONE_ONCE};

/* One scene for each call that the append makes. */
static void run_all(unsigned class_bit, enum iotrace_how how)
{
	struct iotrace_fault fault = {.classes = class_bit, .from_then_on = how == IOTRACE_DONE_ONCE, .how = how,
				      .error = EIO};
	unsigned found = 0, denied = 0;
	char label[60];

	for (fault.nth = 1; fault.nth < CALLS_MAX; fault.nth++) {
		struct iolog *log;
		int failed;

		scene_begin();
		failed = scene_fail(&fault);
		if (failed) {
			scene_poisoned();
			scene_status();
			scene_retry();
		}
		scene_end();
		log = iotrace_stop();
		snprintf(label, sizeof(label), "%s %u, %s", iotrace_class_name(class_bit), (unsigned)fault.nth,
			 how_names[how]);
		if (failed) {
			crashstates_validate(log, label);
			scene_enumerate(log, label);
			found += scene.found != 0;
			denied += scene.found == 0;
		}
		iolog_free(log);
		skafumodel_free(scene.model);
		if (!failed)
			break;
	}
	printf("%s, %s: %u calls failed, the commit was there %u times, %llu states\n", iotrace_class_name(class_bit),
	       how_names[how], found + denied, found,
	       (unsigned long long)scene.tally->states);
	/* LMDB writes the old page over one that it could not write, if that is possible. */
	ck_assert_int_eq(found > 0, class_bit == IOTRACE_WRITE && how == IOTRACE_DONE_ONCE);
	ck_assert_uint_ge(fault.nth, 2);
	ck_assert_uint_lt(fault.nth, CALLS_MAX);
	ck_assert_uint_gt(scene.tally->states, 100);
	ck_assert_msg(!crash_tally_bad(scene.tally), "%s", scene.tally->first);
}

START_TEST(a_failing_write_leaves_an_unknown_outcome)
{
	run_all(IOTRACE_WRITE, hows[_i]);
}
END_TEST

START_TEST(a_failing_sync_leaves_an_unknown_outcome)
{
	run_all(IOTRACE_SYNC, hows[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metafail");
	TCase *tests = tcase_create("metafail");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, a_failing_write_leaves_an_unknown_outcome, 0, 3);
	tcase_add_loop_test(tests, a_failing_sync_leaves_an_unknown_outcome, 0, 3);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

/*
 * processes_test.c: several processes work on one store, and are killed, stopped and failed while they do.
 *
 * Protected: nothing that was acknowledged is lost, nothing happens twice, sequences and versions are dense, no
 * reader ever sees the head fall, nobody waits longer than it allowed, and a write of unknown outcome stops all.
 */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/sys.h"
#include "fault/actors.h"
#include "fault/hooks.h"
#include "skafu_store.h"
#include "store/store.h"
#include "util/suite.h"

#define WRITERS 3u
#define CREW (WRITERS + 2u) /* and two readers */
#define NUMBERS_MAX 60000u  /* commits of one writer */
#define KILLS 320u
#define KILLS_SECONDS 40
#define MASSACRE_EACH 20u /* one kill of so many takes everybody, so that openers die as well */
#define LATE_NS (50 * ACTORS_MS)

static char scratch[256];
static char path[300];

static void setup(void)
{
	actors_scratch(scratch, "processes", 0);
	snprintf(path, sizeof path, "%s/store", scratch);
	skafu__tuning_override(NULL);
	actors_forgive();
}

static void teardown(void)
{
	skafu__tuning_override(NULL);
	skafu__sys_override(NULL);
	hooks_set(NULL);
	actors_scratch_gone(scratch);
}

static skafu_store *open_here(void)
{
	skafu_store *store = NULL;
	struct skafu_error error = {0};
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};

	ck_assert_msg(actors_open(path, &opts, &store, &error) == 0, "open: %s", error.message);
	return store;
}

static void make_store(void)
{
	skafu_store_close(open_here());
}

/* ---- kills --------------------------------------------------------------------------------------------------- */

struct ack {
	uint64_t first;
	uint64_t last;
	uint64_t version;
};

/* What a writer told us, and what a reader saw.  Written by the actor of the slot and read by its successor. */
struct writer_slot {
	_Atomic uint64_t acked;
	_Atomic uint64_t found;  /* unknown outcomes that turned out to be in the log */
	_Atomic uint64_t absent; /* and those that did not */
	struct ack acks[NUMBERS_MAX + 1];
};

struct reader_slot {
	_Atomic uint64_t seen;
	_Atomic uint64_t head;
	_Atomic uint64_t versions[WRITERS + 1];
};

struct crew {
	struct writer_slot writers[WRITERS];
	struct reader_slot readers[CREW - WRITERS];
};

static struct crew *crew;

static skafu_store *crew_open(void)
{
	skafu_store *store = NULL;
	struct skafu_error error = {0};
	skafu_store_opts opts = {.size = sizeof opts, .fold_records = 100};
	int32_t rc = actors_open(path, &opts, &store, &error);

	if (rc != 0)
		actors_fail("opening: %s: %s", skafu_result_name(rc), error.message);
	return store;
}

/* The first commit of an actor may be the last of its predecessor, which died before it could say so. */
static void crew_write_one(skafu_store *store, skafu_batch *batch, uint32_t writer, int is_first)
{
	struct writer_slot *slot = &crew->writers[writer];
	uint64_t number = atomic_load(&slot->acked) + 1;
	char stream[32];
	uint8_t id[16];
	struct skafu_error error = {0};
	skafu_appended before = {.size = sizeof before};
	skafu_appended done = {.size = sizeof done};
	int32_t known = SKAFU_ENOTFOUND;

	actors_commit_id(writer, number, id);
	if (is_first)
		known = skafu_commit_status(store, id, &before, &error);
	if (known != 0 && known != SKAFU_ENOTFOUND)
		actors_fail("status: %s: %s", skafu_result_name(known), error.message);
	snprintf(stream, sizeof stream, "own-%" PRIu32, writer);
	int32_t rc = actors_fill(batch, writer, number, &error);
	if (rc == 0)
		rc = skafu_batch_expect_stream(batch, stream, SKAFU_EXPECT_EXACT, number - 1, &error);
	if (rc == 0)
		rc = skafu_append(store, batch, 10 * ACTORS_SECOND, &done, &error);
	if (rc != 0)
		actors_fail("writer %u, commit %" PRIu64 ": %s: %s", writer, number, skafu_result_name(rc),
			    error.message);
	if (!(done.flags & SKAFU_APPENDED_RETRY) != (known != 0))
		actors_fail("writer %u, commit %" PRIu64 ": status said %s, append said flags %u", writer, number,
			    skafu_result_name(known), done.flags);
	if (known == 0 && (before.first_sequence != done.first_sequence || before.commit != done.commit))
		actors_fail("writer %u, commit %" PRIu64 ": status and retry name different places", writer, number);
	if (is_first)
		atomic_fetch_add(known == 0 ? &slot->found : &slot->absent, 1u);
	slot->acks[number] = (struct ack){done.first_sequence, done.last_sequence, done.stream_version};
	atomic_store(&slot->acked, number);
}

static void crew_writer(uint32_t writer)
{
	skafu_store *store = crew_open();
	skafu_batch *batch = NULL;
	uint64_t state = (uint64_t)getpid();
	int is_first = 1;

	if (skafu_batch_new(store, &batch, NULL) != 0)
		actors_fail("no batch");
	while (atomic_load(&crew->writers[writer].acked) < NUMBERS_MAX) {
		crew_write_one(store, batch, writer, is_first);
		is_first = 0;
		if (actors_random(&state) % 4 == 0)
			actors_nap((int64_t)(actors_random(&state) % 8) * ACTORS_MS);
	}
	pause();
}

/* The index of a record's stream among those that readers follow. */
static uint32_t crew_stream(const skafu_record *record)
{
	uint32_t own = WRITERS;

	if (sscanf(record->stream, "own-%" SCNu32, &own) == 1 && own < WRITERS)
		return own;
	return WRITERS;
}

static void crew_see(struct reader_slot *slot, const skafu_record *record, int64_t *recorded)
{
	uint32_t stream = crew_stream(record);
	uint64_t version = atomic_load(&slot->versions[stream]);
	uint64_t seen = atomic_load(&slot->seen);

	if (record->sequence != seen + 1)
		actors_fail("reader: sequence %" PRIu64 " after %" PRIu64, record->sequence, seen);
	/* A predecessor may have died between the two stores below. */
	if (record->stream_version != version + 1 && record->stream_version != version)
		actors_fail("reader: version %" PRIu64 " of %s after %" PRIu64, record->stream_version,
			    record->stream, version);
	if (record->recorded_ns < *recorded)
		actors_fail("reader: recorded time falls at %" PRIu64, record->sequence);
	*recorded = record->recorded_ns;
	atomic_store(&slot->versions[stream], record->stream_version);
	atomic_store(&slot->seen, record->sequence);
}

static void crew_read_rest(skafu_store *store, struct reader_slot *slot, int64_t *recorded)
{
	skafu_cursor *cursor = NULL;
	struct skafu_error error = {0};
	const skafu_record *record;
	skafu_read_opts opts = {.size = sizeof opts, .from = atomic_load(&slot->seen) + 1};
	int32_t rc = skafu_read(store, NULL, 1000, &opts, &cursor, &error);

	if (rc != 0)
		actors_fail("reading from %" PRIu64 ": %s: %s", opts.from, skafu_result_name(rc), error.message);
	while ((rc = skafu_cursor_next(cursor, &record, &error)) == 1)
		crew_see(slot, record, recorded);
	if (rc != 0)
		actors_fail("reading: %s: %s", skafu_result_name(rc), error.message);
	skafu_cursor_free(cursor);
}

static void crew_reader(struct reader_slot *slot)
{
	skafu_store *store = crew_open();
	struct skafu_error error = {0};
	int64_t recorded = INT64_MIN;

	for (;;) {
		uint64_t head = 0;
		int32_t rc = skafu_store_wait(store, atomic_load(&slot->seen), 20 * ACTORS_MS, &head, &error);
		if (rc == SKAFU_ETIMEOUT)
			rc = skafu_store_head(store, &head, &error);
		if (rc != 0)
			actors_fail("waiting: %s: %s", skafu_result_name(rc), error.message);
		if (head < atomic_load(&slot->head) || head < atomic_load(&slot->seen))
			actors_fail("reader: head %" PRIu64 " after %" PRIu64, head, atomic_load(&slot->head));
		atomic_store(&slot->head, head);
		crew_read_rest(store, slot, &recorded);
	}
}

static void crew_run(void *user)
{
	uint32_t place = *(const uint32_t *)user;

	if (place < WRITERS)
		crew_writer(place);
	else
		crew_reader(&crew->readers[place - WRITERS]);
}

static void crew_replace(pid_t *pids, uint32_t place)
{
	int status = 0;

	kill(pids[place], SIGKILL);
	ck_assert_int_eq(waitpid(pids[place], &status, 0), pids[place]);
	ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "actor %u ended by itself: %s", place,
		      actors_failure() ? actors_failure() : "without a word");
}

/* The whole log, against what was acknowledged. */
struct audit {
	uint64_t next[WRITERS];       /* number of the commit that a writer's next record belongs to */
	uint32_t index[WRITERS];      /* and its place in it */
	uint64_t versions[WRITERS + 1];
	uint64_t sequence;
};

static void audit_record(struct audit *audit, const skafu_record *record)
{
	uint32_t writer = 0;
	uint32_t index = 0;
	uint64_t number = 0;

	ck_assert_uint_eq(record->sequence, ++audit->sequence);
	ck_assert(actors_parse(record, &writer, &number, &index) && writer < WRITERS);
	ck_assert_msg(number == audit->next[writer] && index == audit->index[writer],
		      "sequence %" PRIu64 " is commit %" PRIu64 " event %u of writer %u, not %" PRIu64 " event %u",
		      record->sequence, number, index, writer, audit->next[writer], audit->index[writer]);
	ck_assert_uint_eq(record->stream_version, ++audit->versions[crew_stream(record)]);
	const struct ack *ack = &crew->writers[writer].acks[number];
	if (number <= atomic_load(&crew->writers[writer].acked)) {
		ck_assert_uint_eq(record->sequence, ack->first + index);
		if (index + 1 == actors_events(writer, number)) {
			ck_assert_uint_eq(ack->last, record->sequence);
			ck_assert_uint_eq(ack->version, record->stream_version);
		}
	}
	if (++audit->index[writer] == actors_events(writer, number)) {
		audit->index[writer] = 0;
		audit->next[writer]++;
	}
}

static uint64_t audit_log(skafu_store *store)
{
	struct audit audit = {.next = {1, 1, 1}};
	skafu_cursor *cursor = NULL;
	const skafu_record *record;
	struct skafu_error error = {0};
	uint64_t head = 0;
	int32_t rc;

	ck_assert_int_eq(skafu_read(store, NULL, SKAFU_NO_LIMIT, NULL, &cursor, NULL), 0);
	while ((rc = skafu_cursor_next(cursor, &record, &error)) == 1)
		audit_record(&audit, record);
	ck_assert_msg(rc == 0, "%s", error.message);
	skafu_cursor_free(cursor);
	ck_assert_int_eq(skafu_store_head(store, &head, NULL), 0);
	ck_assert_uint_eq(audit.sequence, head);
	for (uint32_t i = 0; i < WRITERS; i++) {
		uint64_t acked = atomic_load(&crew->writers[i].acked);
		uint64_t version = 0;
		char stream[32];
		ck_assert_uint_eq(audit.index[i], 0); /* whole commits only */
		ck_assert_msg(audit.next[i] - 1 == acked || audit.next[i] - 1 == acked + 1,
			      "writer %u: %" PRIu64 " in the log, %" PRIu64 " acknowledged", i, audit.next[i] - 1,
			      acked);
		snprintf(stream, sizeof stream, "own-%" PRIu32, i);
		ck_assert_int_eq(skafu_stream_version(store, stream, &version, NULL), 0);
		ck_assert_uint_eq(version, audit.versions[i]);
	}
	return head;
}

START_TEST(kills_lose_and_repeat_nothing)
{
	const struct skafu__tuning tuning = {.journal_bytes = 65536, .journal_after = 1};
	uint64_t state = actors_seed("kills");
	uint32_t places[CREW];
	pid_t pids[CREW];
	uint32_t kills = 0;
	uint64_t found = 0;
	uint64_t absent = 0;
	int64_t until = actors_now_ns() + KILLS_SECONDS * ACTORS_SECOND;

	skafu__tuning_override(&tuning);
	crew = actors_share(sizeof *crew);
	make_store();
	for (uint32_t i = 0; i < CREW; i++) {
		places[i] = i;
		pids[i] = actors_spawn(crew_run, &places[i]);
	}
	while (kills < KILLS && actors_now_ns() < until) {
		uint32_t place = (uint32_t)(actors_random(&state) % CREW);
		int all = actors_random(&state) % MASSACRE_EACH == 0;
		actors_nap((int64_t)(actors_random(&state) % 120) * ACTORS_MS);
		for (uint32_t i = 0; i < CREW; i++) {
			if (!all && i != place)
				continue;
			crew_replace(pids, i);
			pids[i] = actors_spawn(crew_run, &places[i]);
			kills++;
		}
	}
	for (uint32_t i = 0; i < CREW; i++)
		crew_replace(pids, i);
	skafu_store *store = open_here();
	uint64_t head = audit_log(store);
	for (uint32_t i = WRITERS; i < CREW; i++)
		ck_assert_uint_le(atomic_load(&crew->readers[i - WRITERS].seen), head);
	ck_assert_int_eq(actors_append(store, 7, 1, ACTORS_SECOND, NULL, NULL), 0);
	skafu_store_close(store);
	for (uint32_t i = 0; i < WRITERS; i++) {
		found += crew->writers[i].found;
		absent += crew->writers[i].absent;
	}
	printf("%u kills, %" PRIu64 " records, %" PRIu64 " unknown outcomes found done, %" PRIu64
	       " not: 0 lost, 0 twice\n", kills, head, found, absent);
	ck_assert_uint_ge(kills, 300);
	ck_assert_uint_gt(head, 1000);
}
END_TEST

/* ---- stopped inside a write ---------------------------------------------------------------------------------- */

enum { STAGE_READY = 1, STAGE_INSIDE = 2, STAGE_DONE = 3 };

struct stage {
	_Atomic uint32_t at;
	_Atomic int64_t moment_ns;
	_Atomic int32_t code;
	enum hooks_point point;
	int after;
	int what; /* the signal to itself, or the errno to report */
};

static struct stage *stage;

static int stage_hook(enum hooks_point point, int after)
{
	if (point != stage->point || after != stage->after || atomic_load(&stage->at) != STAGE_READY)
		return 0;
	atomic_store(&stage->moment_ns, actors_now_ns());
	atomic_store(&stage->at, STAGE_INSIDE);
	raise(stage->what);
	return 0;
}

/* Append commits of writer 0, and be hit inside the second. */
static void stage_writer(void *user)
{
	skafu_store *store = crew_open();
	struct skafu_error error = {0};

	(void)user;
	if (actors_append(store, 0, 1, ACTORS_SECOND, NULL, &error) != 0)
		actors_fail("append 1: %s", error.message);
	hooks_set(stage_hook);
	atomic_store(&stage->at, STAGE_READY);
	atomic_store(&stage->code, actors_append(store, 0, 2, ACTORS_SECOND, NULL, &error));
	atomic_store(&stage->at, STAGE_DONE);
	if (stage->code != 0)
		actors_fail("append 2: %s", error.message);
	pause();
}

static int process_is_stopped(pid_t pid)
{
	int64_t until = actors_now_ns() + 5 * ACTORS_SECOND;
	int status = 0;

	while (actors_now_ns() < until) {
		if (waitpid(pid, &status, WUNTRACED | WNOHANG) == pid)
			return WIFSTOPPED(status);
		actors_nap(ACTORS_MS);
	}
	return 0;
}

static void assert_kept_out(skafu_store *store, int64_t timeout_ns, pid_t holder)
{
	skafu_error *error = NULL;
	ck_assert_int_eq(skafu_error_new(&error), 0);
	int64_t before = actors_now_ns();
	int32_t rc = actors_append(store, 1, 1, (uint64_t)timeout_ns, NULL, error);
	int64_t took = actors_now_ns() - before;

	ck_assert_msg(rc == SKAFU_EBUSY, "%s: %s", skafu_result_name(rc), skafu_error_message(error));
	ck_assert_int_eq(skafu_error_pid(error), holder);
	ck_assert_msg(took >= timeout_ns && took <= timeout_ns + LATE_NS * actors_slack(),
		      "allowed %" PRId64 " us, took %" PRId64 " us", timeout_ns / 1000, took / 1000);
	skafu_error_free(error);
}

START_TEST(a_stopped_writer_holds_nobody_beyond_the_deadline)
{
	static const struct {
		enum hooks_point point;
		int after;
	} places[] = {{HOOKS_PAGES, 0}, {HOOKS_SYNC, 0}, {HOOKS_SYNC, 1}, {HOOKS_META, 0}, {HOOKS_META, 1}};
	uint64_t head = 0;
	uint64_t begun = 0;

	make_store();
	skafu_store *store = open_here();
	stage = actors_share(sizeof *stage);
	stage->point = places[_i].point;
	stage->after = places[_i].after;
	stage->what = SIGSTOP;
	pid_t pid = actors_spawn(stage_writer, NULL);
	ck_assert_msg(process_is_stopped(pid), "%s", actors_failure() ? actors_failure() : "not stopped");
	ck_assert_int_eq(skafu_store_head(store, &begun, NULL), 0); /* readers go on */
	assert_kept_out(store, 0, pid);
	assert_kept_out(store, 20 * ACTORS_MS, pid);
	assert_kept_out(store, 150 * ACTORS_MS, pid);
	ck_assert_int_eq(skafu_store_wait(store, begun, 30 * ACTORS_MS, NULL, NULL), SKAFU_ETIMEOUT);
	kill(pid, SIGCONT);
	ck_assert_int_eq(actors_append(store, 1, 1, 5 * ACTORS_SECOND, NULL, NULL), 0);
	ck_assert(actors_await(&stage->at, STAGE_DONE, 5 * ACTORS_SECOND));
	ck_assert_int_eq(stage->code, 0);
	ck_assert_int_eq(skafu_store_head(store, &head, NULL), 0);
	ck_assert_uint_eq(head, actors_events(0, 1) + actors_events(0, 2) + actors_events(1, 1));
	actors_kill(pid);
	skafu_store_close(store);
}
END_TEST

/* ---- outcomes unknown ---------------------------------------------------------------------------------------- */

static int fault_hook(enum hooks_point point, int after)
{
	return point == stage->point && after == stage->after ? stage->what : 0;
}

/* One write fails half way; then wait to be told to close. */
static void fault_writer(void *user)
{
	skafu_store *store = crew_open();
	struct skafu_error error = {0};

	(void)user;
	if (actors_append(store, 0, 1, ACTORS_SECOND, NULL, &error) != 0)
		actors_fail("append 1: %s", error.message);
	hooks_set(fault_hook);
	atomic_store(&stage->code, actors_append(store, 0, 2, ACTORS_SECOND, NULL, &error));
	hooks_set(NULL);
	atomic_store(&stage->at, STAGE_INSIDE);
	if (!actors_await(&stage->at, STAGE_DONE, 10 * ACTORS_SECOND))
		actors_fail("nobody told the writer to close");
	skafu_store_close(store);
}

static void assert_poisoned(skafu_store *store)
{
	struct skafu_error error = {0};
	uint64_t head = 0;

	ck_assert_int_eq(actors_append(store, 1, 2, ACTORS_SECOND, NULL, &error), SKAFU_EPOISONED);
	ck_assert_int_eq(skafu_store_head(store, &head, &error), 0);
}

/* Another process that comes now must be refused too. */
static void late_comer(void *user)
{
	skafu_store *store = crew_open();

	(void)user;
	if (actors_append(store, 2, 1, ACTORS_SECOND, NULL, NULL) != SKAFU_EPOISONED)
		actors_fail("a late comer could write");
	skafu_store_close(store);
}

START_TEST(an_unknown_outcome_stops_everybody_until_an_exclusive_reopen)
{
	static const struct {
		enum hooks_point point;
		int after;
		int what;
	} faults[] = {{HOOKS_SYNC, 0, EIO},   {HOOKS_SYNC, 1, EIO},    {HOOKS_META, 0, EIO},
		      {HOOKS_META, 1, EIO},   {HOOKS_META, 0, ENOSPC}, {HOOKS_META, 1, ENOSPC}};
	uint8_t id[16];
	skafu_appended known = {.size = sizeof known};
	skafu_appended again = {.size = sizeof again};

	make_store();
	skafu_store *store = open_here();
	ck_assert_int_eq(actors_append(store, 1, 1, ACTORS_SECOND, NULL, NULL), 0);
	stage = actors_share(sizeof *stage);
	stage->point = faults[_i].point;
	stage->after = faults[_i].after;
	stage->what = faults[_i].what;
	pid_t pid = actors_spawn(fault_writer, NULL);
	ck_assert(actors_await(&stage->at, STAGE_INSIDE, 5 * ACTORS_SECOND));
	ck_assert_msg(stage->code == SKAFU_EUNKNOWN, "%s", skafu_result_name(stage->code));
	assert_poisoned(store);
	ck_assert_int_eq(actors_join(actors_spawn(late_comer, NULL), 5 * ACTORS_SECOND), 0);
	atomic_store(&stage->at, STAGE_DONE);
	ck_assert_int_eq(actors_join(pid, 5 * ACTORS_SECOND), 0);
	assert_poisoned(store); /* one is left that has it open */
	skafu_store_close(store);

	store = open_here();
	actors_commit_id(0, 2, id);
	int32_t status = skafu_commit_status(store, id, &known, NULL);
	ck_assert(status == 0 || status == SKAFU_ENOTFOUND);
	ck_assert_int_eq(actors_append(store, 0, 2, ACTORS_SECOND, &again, NULL), 0);
	ck_assert_int_eq((again.flags & SKAFU_APPENDED_RETRY) != 0, status == 0);
	ck_assert_uint_eq(again.stream_version != 0, 1);
	ck_assert_int_eq(actors_append(store, 1, 2, ACTORS_SECOND, NULL, NULL), 0);
	skafu_store_close(store);
}
END_TEST

/* ---- killed between commit and wake -------------------------------------------------------------------------- */

#define WAKE_ROUNDS 20u
#define WAKE_USUAL_NS (20 * ACTORS_MS)
#define WAKE_WORST_NS (200 * ACTORS_MS) /* the machine may be busy with something else */

struct sleeper {
	_Atomic uint32_t asleep;
	_Atomic uint32_t woke;
	_Atomic int64_t moment_ns;
	int through_fd;
};

static struct sleeper *sleeper;

static void sleeper_poll(skafu_store *store, uint64_t after)
{
	skafu_waiter *waiter = NULL;

	if (skafu_waiter_new(store, &waiter, NULL) != 0)
		actors_fail("no waiter");
	struct pollfd event = {.fd = skafu_waiter_fd(waiter), .events = POLLIN};
	int32_t armed = skafu_waiter_arm(waiter, after, NULL);
	atomic_store(&sleeper->asleep, 1u);
	while (armed == 0) {
		if (poll(&event, 1, 5000) != 1)
			break;
		skafu_waiter_clear(waiter, NULL);
		armed = skafu_waiter_arm(waiter, after, NULL);
	}
	atomic_store(&sleeper->moment_ns, actors_now_ns());
	if (armed != 1)
		actors_fail("the descriptor of the waiter did not tell of the commit of a killed writer");
	skafu_waiter_free(waiter);
}

static void sleeper_run(void *user)
{
	skafu_store *store = crew_open();
	uint64_t after = *(const uint64_t *)user;
	struct skafu_error error = {0};

	if (sleeper->through_fd) {
		sleeper_poll(store, after);
	} else {
		atomic_store(&sleeper->asleep, 1u);
		int32_t rc = skafu_store_wait(store, after, 5 * ACTORS_SECOND, NULL, &error);
		atomic_store(&sleeper->moment_ns, actors_now_ns());
		if (rc != 0)
			actors_fail("waiting: %s", error.message);
	}
	atomic_store(&sleeper->woke, 1u);
	skafu_store_close(store);
}

static int64_t wake_round(int through_fd)
{
	uint64_t after = actors_events(0, 1);

	stage->at = 0;
	sleeper->asleep = 0;
	sleeper->woke = 0;
	sleeper->through_fd = through_fd;
	snprintf(path, sizeof path, "%s/store-%" PRId64, scratch, actors_now_ns());
	make_store();
	skafu_store *store = open_here(); /* keeps the store open, so that nobody makes the control page anew */
	pid_t waiting = actors_spawn(sleeper_run, &after);
	ck_assert(actors_await(&sleeper->asleep, 1, 5 * ACTORS_SECOND));
	pid_t writing = actors_spawn(stage_writer, NULL);
	ck_assert_int_eq(actors_join(writing, 10 * ACTORS_SECOND), 128 + SIGKILL);
	int code = actors_join(waiting, 10 * ACTORS_SECOND);
	ck_assert_msg(code == 0, "%s", actors_failure() ? actors_failure() : "the sleeper did not wake");
	skafu_store_close(store);
	return sleeper->moment_ns - stage->moment_ns;
}

static int compare_times(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a;
	int64_t right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

START_TEST(a_writer_killed_between_commit_and_wake_delays_nobody)
{
	int64_t times[WAKE_ROUNDS];

	crew = NULL;
	stage = actors_share(sizeof *stage);
	sleeper = actors_share(sizeof *sleeper);
	stage->point = HOOKS_META;
	stage->after = 1; /* the commit is there, and nobody was told */
	stage->what = SIGKILL;
	for (uint32_t i = 0; i < WAKE_ROUNDS; i++)
		times[i] = wake_round(_i);
	qsort(times, WAKE_ROUNDS, sizeof *times, compare_times);
	printf("killed between commit and wake, %s: median %.1f ms, longest %.1f ms\n", _i ? "descriptor" : "sleep",
	       (double)times[WAKE_ROUNDS / 2] / 1e6, (double)times[WAKE_ROUNDS - 1] / 1e6);
	ck_assert_int_le(times[WAKE_ROUNDS / 2], WAKE_USUAL_NS * actors_slack());
	ck_assert_int_le(times[WAKE_ROUNDS - 1], WAKE_WORST_NS * actors_slack());
}
END_TEST

/* ---- killed while opening ------------------------------------------------------------------------------------ */

static struct skafu__sys stopping_sys;

/* The first opener reads the file before LMDB does; there it stops. */
static ssize_t stopping_pread(int fd, void *buffer, size_t bytes, off_t offset)
{
	if (atomic_load(&stage->at) == STAGE_READY) {
		atomic_store(&stage->at, STAGE_INSIDE);
		raise(SIGSTOP);
	}
	return syscall(SYS_pread64, fd, buffer, bytes, offset);
}

static void opener_stopped(void *user)
{
	(void)user;
	stopping_sys = *skafu__sys_current();
	stopping_sys.pread = stopping_pread;
	skafu__sys_override(&stopping_sys);
	atomic_store(&stage->at, STAGE_READY);
	skafu_store_close(crew_open());
}

static void opener_next(void *user)
{
	int32_t expected = *(const int32_t *)user;
	skafu_store *store = NULL;
	struct skafu_error error = {0};
	skafu_store_opts opts = {.size = sizeof opts};
	int32_t rc = actors_open(path, &opts, &store, &error);

	if (rc != expected)
		actors_fail("the next opener got %s: %s", skafu_result_name(rc), error.message);
	if (rc == 0 && actors_append(store, 1, 1, ACTORS_SECOND, NULL, &error) != 0)
		actors_fail("the next opener could not write: %s", error.message);
	skafu_store_close(store);
}

static void damage_log(void)
{
	char name[320];
	static const char zeros[3 * 4096];

	snprintf(name, sizeof name, "%s/log", path);
	FILE *file = fopen(name, "r+");
	ck_assert_ptr_nonnull(file);
	fseek(file, 2 * 4096, SEEK_SET);
	ck_assert_uint_eq(fwrite(zeros, 1, sizeof zeros, file), sizeof zeros);
	fclose(file);
}

/* _i: 0 a sound file, 1 a damaged one, which nobody may map unseen only because the first opener died. */
START_TEST(a_first_opener_killed_while_it_looks_is_replaced_by_the_next)
{
	int32_t expected = _i ? SKAFU_EDAMAGED : 0;
	pid_t next[2];

	make_store();
	if (_i)
		damage_log();
	stage = actors_share(sizeof *stage);
	pid_t first = actors_spawn(opener_stopped, NULL);
	ck_assert(process_is_stopped(first));
	next[0] = actors_spawn(opener_next, &expected);
	next[1] = actors_spawn(opener_next, &expected);
	actors_nap(60 * ACTORS_MS); /* both wait for the first */
	actors_kill(first);
	for (int i = 0; i < 2; i++) {
		int code = actors_join(next[i], 10 * ACTORS_SECOND);
		ck_assert_msg(code == 0, "exit %d: %s", code, actors_failure() ? actors_failure() : "without a word");
	}
	if (!_i) {
		skafu_store *store = open_here();
		uint64_t head = 0;
		ck_assert_int_eq(skafu_store_head(store, &head, NULL), 0);
		ck_assert_uint_eq(head, actors_events(1, 1));
		skafu_store_close(store);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("processes");
	TCase *tests = tcase_create("processes");

	setvbuf(stdout, NULL, _IOLBF, 0);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, a_stopped_writer_holds_nobody_beyond_the_deadline, 0, 5);
	tcase_add_loop_test(tests, an_unknown_outcome_stops_everybody_until_an_exclusive_reopen, 0, 6);
	tcase_add_loop_test(tests, a_writer_killed_between_commit_and_wake_delays_nobody, 0, 2);
	tcase_add_loop_test(tests, a_first_opener_killed_while_it_looks_is_replaced_by_the_next, 0, 2);
	tcase_add_test(tests, kills_lose_and_repeat_nothing);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

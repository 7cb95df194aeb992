/*
 * crash.c: `make crash`.  Every short workload and many long ones, every disk state that a power cut could leave of
 * them, every state opened and verified; and planted faults, to show that a fault would be found.
 *
 * Environment: SKAFU_CRASH_STATES (how many different states are wanted, default 1,000,000), SKAFU_CRASH_SECONDS
 * (when to stop at the latest, default 119), SKAFU_CRASH_PROCESSES (default 2), SKAFU_CRASH_SUBJECT (a name),
 * SKAFU_TEST_SEED.  The short sequences must be complete when the time is over, else the run has failed.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault/crash_subject.h"
#include "fault/crashset.h"
#include "fault/crashstates.h"
#include "fault/iotrace.h"
#include "fault/statedir.h"
#include "fault/subject_lmdb.h"
#if __has_include("fault/subject_skafu.h")
#include "fault/subject_skafu.h"
#define SUBJECTS {&crash_subject_skafu, &crash_subject_lmdb}
#else
#define SUBJECTS {&crash_subject_lmdb}
#endif

#define SHORT_MAX 4
#define LONG_OPS_MAX 200
#define GROUPS (SHORT_MAX + 2) /* by number of operations after the creation, and the long ones */
#define GROUP_LONG (SHORT_MAX + 1)
#define LONG_STATES_MAX 20000
#define EXHAUSTIVE_GROUP 2 /* from so many operations on, too much is unsynced for all its subsets */
#define EXHAUSTIVE_FEW 4
#define RANDOM_FEW 2
#define CRASHES_MAX 20 /* of one workload */
#define HANG_SECONDS 20
#define PLANT_WORKLOADS 5
#define PLANT_OPS 8

struct workload {
	size_t ops[LONG_OPS_MAX];
	size_t count;
	uint64_t seed;
	size_t group;
};

/* What one process works on, as its successor finds it when it died. */
enum lane_phase { LANE_FREE, LANE_RECORDS, LANE_VERIFIES };

struct lane {
	_Atomic enum lane_phase phase;
	struct workload work;
	unsigned crashes; /* of this workload */
};

/* Shared by the processes of one subject. */
struct board {
	_Atomic uint64_t next_short, next_long;
	_Atomic uint64_t workloads[GROUPS];
	struct crash_tally tallies[GROUPS];
};

struct plan {
	const struct crash_subject *subject;
	struct board *board;
	struct crashset *set;
	char scratch[256];
	uint64_t seed;
	uint64_t states_wanted;
	double deadline;
	unsigned processes;
};

struct verifying {
	const struct crash_subject *subject;
	const struct workload *workload;
	void *run;
};

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint64_t number_from_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static uint64_t mix(uint64_t value)
{
	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

/* ---- one workload -------------------------------------------------------------------------------------------- */

static enum crash_verdict workload_verify(void *user, const char *dir, const struct crash_point *point)
{
	const struct verifying *v = user;

	return v->subject->verify(v->run, dir, point->acked, point->begun);
}

/* What is promised depends on the acknowledged operations only, so workloads with a common beginning share states. */
static uint64_t workload_context(void *user, uint64_t acked)
{
	const struct verifying *v = user;
	uint64_t hash = mix(v->workload->seed + 1), i;

	for (i = 1; i < acked; i++)
		hash = mix(hash + v->workload->ops[i - 1] + 1);
	return acked ? hash : 0;
}

static void workload_label(const struct crash_subject *subject, const struct workload *w, char *out, size_t room)
{
	size_t i, at;

	at = (size_t)snprintf(out, room, "%s, seed %llu: create", subject->name, (unsigned long long)w->seed);
	for (i = 0; i < w->count && at + 24 < room; i++)
		at += (size_t)snprintf(out + at, room - at, " %.20s", subject->ops[w->ops[i]]);
}

/* Run it under the recorder.  The subject's run is left closed, to verify with.  A fault is planted once the store
 * stands. */
static struct iolog *workload_record(const struct crash_subject *subject, const struct workload *w, const char *dir,
				     enum iolog_plant plant, void **out_run)
{
	struct iolog *log;
	char label[300];
	void *run;
	size_t i;

	workload_label(subject, w, label, sizeof(label));
	if (mkdir(dir, 0700) != 0)
		iolog_die("cannot make %s", dir);
	run = subject->start(dir, w->seed);
	if (run && plant == IOLOG_PLANT_META_FIRST && subject->no_journal)
		subject->no_journal(run);
	iotrace_start(dir);
	iotrace_mark(IOLOG_BEGIN, 1);
	if (!run || subject->create(run) != 0)
		iolog_die("%s: creation failed", label);
	iotrace_mark(IOLOG_ACK, 1);
	iotrace_plant(plant);
	for (i = 0; i < w->count; i++) {
		iotrace_mark(IOLOG_BEGIN, i + 2);
		if (subject->perform(run, w->ops[i]) != 0)
			iolog_die("%s: operation %zu failed", label, i + 1);
		iotrace_mark(IOLOG_ACK, i + 2);
	}
	subject->close(run);
	log = iotrace_stop();
	crashstates_validate(log, label);
	statedir_scratch_gone(dir);
	*out_run = run;
	return log;
}

/* The place in the log where operation n begins. */
static size_t log_begin_of(const struct iolog *log, uint64_t n)
{
	size_t i;

	for (i = 0; i < log->op_count; i++) {
		if (log->ops[i].kind == IOLOG_BEGIN && log->ops[i].offset == n)
			return i;
	}
	return 0;
}

static void workload_run(const struct plan *plan, struct lane *lane, const char *where)
{
	const struct workload *w = &lane->work;
	struct crashstates_options options;
	struct verifying v = {plan->subject, w, NULL};
	struct iolog *log;
	char label[300], dir[400];

	snprintf(dir, sizeof(dir), "%s/record", where);
	workload_label(plan->subject, w, label, sizeof(label));
	log = workload_record(plan->subject, w, dir, IOLOG_PLANTS, &v.run);
	lane->phase = LANE_VERIFIES;
	memset(&options, 0, sizeof(options));
	options.from_op = w->group == 0 ? 0 : log_begin_of(log, w->group == GROUP_LONG ? 2 : w->count + 1);
	options.seed = w->seed;
	options.exhaustive_max = w->group >= EXHAUSTIVE_GROUP ? EXHAUSTIVE_FEW : 0;
	options.random_count = w->group >= EXHAUSTIVE_GROUP ? RANDOM_FEW : 0;
	options.states_max = w->group == GROUP_LONG ? LONG_STATES_MAX : 0;
	options.hang_seconds = HANG_SECONDS;
	options.until_ns = w->group == GROUP_LONG ? (int64_t)(plan->deadline * 1e9) : 0;
	options.verify = workload_verify;
	options.context = workload_context;
	options.user = &v;
	options.set = plan->set;
	options.tally = &plan->board->tallies[w->group];
	options.label = label;
	crashstates_run(log, where, &options);
	alarm(0);
	lane->phase = LANE_FREE;
	atomic_fetch_add(&plan->board->workloads[w->group], 1);
	plan->subject->free(v.run);
	iolog_free(log);
}

/* ---- which workloads ----------------------------------------------------------------------------------------- */

static size_t short_max(const struct crash_subject *subject)
{
	return subject->short_max && subject->short_max <= SHORT_MAX ? subject->short_max : 3;
}

static uint64_t short_count(const struct crash_subject *subject, size_t length)
{
	uint64_t count = 1;

	while (length--)
		count *= subject->op_count;
	return count;
}

/* The number-th short sequence, shorter ones first.  0 when there are no more. */
static int short_workload(const struct plan *plan, uint64_t number, struct workload *w)
{
	size_t length, i;

	for (length = 0; length <= short_max(plan->subject); length++) {
		uint64_t count = short_count(plan->subject, length);

		if (number < count) {
			w->count = w->group = length;
			w->seed = plan->seed;
			for (i = length; i-- > 0; number /= plan->subject->op_count)
				w->ops[i] = (size_t)(number % plan->subject->op_count);
			return 1;
		}
		number -= count;
	}
	return 0;
}

static void long_workload(const struct plan *plan, uint64_t number, size_t count, struct workload *w)
{
	size_t i;

	w->seed = mix(plan->seed + number * 2 + 1);
	w->group = GROUP_LONG;
	w->count = count;
	for (i = 0; i < count; i++)
		w->ops[i] = (size_t)(mix(w->seed + i * 0x9e3779b97f4a7c15u) % plan->subject->op_count);
}

static uint64_t board_states(const struct board *board)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < GROUPS; i++)
		sum += board->tallies[i].states;
	return sum;
}

/* The next workload of a lane; 0 when there is nothing left to do. */
static int lane_next(const struct plan *plan, struct lane *lane)
{
	size_t count = plan->subject->long_count ? plan->subject->long_count : 40;

	if (now_s() >= plan->deadline)
		return 0;
	lane->crashes = 0;
	if (short_workload(plan, atomic_fetch_add(&plan->board->next_short, 1), &lane->work))
		return 1;
	if (board_states(plan->board) >= plan->states_wanted)
		return 0;
	long_workload(plan, atomic_fetch_add(&plan->board->next_long, 1), count, &lane->work);
	return 1;
}

/* A process that may die of a state.  It first ends the workload that its predecessor died of: the states that were
 * looked at are known, so it goes on behind the fatal one. */
static void lane_run(const struct plan *plan, struct lane *lane, const char *where)
{
	crashstates_may_die();
	while (lane->phase == LANE_VERIFIES || lane_next(plan, lane)) {
		char dir[400];

		snprintf(dir, sizeof(dir), "%s/record", where);
		statedir_scratch_gone(dir);
		lane->phase = LANE_RECORDS;
		workload_run(plan, lane, where);
	}
	_exit(0);
}

/* What became of a lane's process: 1 when another one has to go on. */
static int lane_ended(const struct plan *plan, struct lane *lane, int status)
{
	struct crash_tally *tally = &plan->board->tallies[lane->work.group];
	char label[300];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	workload_label(plan->subject, &lane->work, label, sizeof(label));
	if (lane->phase != LANE_VERIFIES) {
		printf("%s: the recording process failed (status %#x)\n", label, (unsigned)status);
		fflush(stdout);
		_exit(1);
	}
	crash_tally_died(tally, label, status);
	if (++lane->crashes >= CRASHES_MAX)
		lane->phase = LANE_FREE;
	return tally->crashed < CRASHES_MAX * 10;
}

static void worker(const struct plan *plan, unsigned index)
{
	struct lane *lane = crashset_shared(sizeof(*lane));
	char where[300];
	int status = 0;

	snprintf(where, sizeof(where), "%s/%u", plan->scratch, index);
	if (mkdir(where, 0700) != 0)
		iolog_die("cannot make %s", where);
	do {
		pid_t child;

		fflush(NULL);
		child = fork();
		if (child == 0)
			lane_run(plan, lane, where);
		if (child < 0 || waitpid(child, &status, 0) != child)
			iolog_die("cannot start or await a verifying process");
	} while (lane_ended(plan, lane, status));
	_exit(0);
}

/* 0 when all workers ended well. */
static int workers_run(const struct plan *plan)
{
	int status, bad = 0;
	unsigned i;

	fflush(NULL);
	for (i = 0; i < plan->processes; i++) {
		pid_t child = fork();

		if (child == 0)
			worker(plan, i);
		if (child < 0)
			iolog_die("cannot start a process");
	}
	while (wait(&status) > 0 || errno == EINTR) {
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			bad = 1;
	}
	if (bad)
		printf("%s: a process that records workloads has failed\n", plan->subject->name);
	return bad;
}

/* ---- teeth --------------------------------------------------------------------------------------------------- */

static int plant_found(const struct plan *plan, enum iolog_plant plant, uint64_t attempt)
{
	struct crash_tally *tally = crashset_shared(sizeof(*tally));
	struct crashset *set = crashset_new(LONG_STATES_MAX);
	struct crashstates_options options;
	struct verifying v = {plan->subject, NULL, NULL};
	struct workload w;
	struct iolog *log;
	char dir[400];
	int found;

	snprintf(dir, sizeof(dir), "%s/record", plan->scratch);
	long_workload(plan, attempt + 1000000, PLANT_OPS, &w);
	v.workload = &w;
	log = workload_record(plan->subject, &w, dir, plant, &v.run);
	memset(&options, 0, sizeof(options));
	options.from_op = log_begin_of(log, 2);
	options.states_max = LONG_STATES_MAX;
	options.until_bad = 1;
	options.verify = workload_verify;
	options.user = &v;
	options.set = set;
	options.tally = tally;
	options.label = iolog_plant_name(plant);
	crashstates_run_forked(log, plan->scratch, &options);
	found = crash_tally_bad(tally);
	if (found && attempt == 0)
		printf("planted \"%s\": found after %llu states (%s)\n", iolog_plant_name(plant),
		       (unsigned long long)tally->states, tally->first);
	else if (!found)
		printf("planted \"%s\": NOT FOUND in %llu states of workload %llu\n", iolog_plant_name(plant),
		       (unsigned long long)tally->states, (unsigned long long)attempt);
	plan->subject->free(v.run);
	iolog_free(log);
	crashset_free(set);
	crashset_unshare(tally, sizeof(*tally));
	return found;
}

/* Each fault that the subject can have must be found in every workload.  0 when they were. */
static int teeth(const struct plan *plan)
{
	unsigned plant, plants = plan->subject->no_journal ? IOLOG_PLANTS : IOLOG_PLANT_SIDE_FILE, found = 0;
	uint64_t attempt, missed;

	for (plant = 0; plant < plants; plant++) {
		for (attempt = missed = 0; attempt < PLANT_WORKLOADS; attempt++)
			missed += !plant_found(plan, (enum iolog_plant)plant, attempt);
		found += missed == 0;
	}
	printf("teeth: %u of %u\n", found, plants);
	return found != plants;
}

/* ---- report -------------------------------------------------------------------------------------------------- */

static void group_name(size_t group, char *out, size_t room)
{
	if (group == 0)
		snprintf(out, room, "creation");
	else if (group == GROUP_LONG)
		snprintf(out, room, "long seeded sequences");
	else
		snprintf(out, room, "all sequences of %zu", group);
}

/* Adds to the sums; 1 when a group is incomplete. */
static int report(const struct plan *plan, uint64_t *states, uint64_t *lost, uint64_t *corrupt)
{
	int incomplete = 0;
	char name[40];
	size_t i;

	for (i = 0; i < GROUPS; i++) {
		const struct crash_tally *t = &plan->board->tallies[i];
		uint64_t done = plan->board->workloads[i];
		int cut = i <= short_max(plan->subject) && done != short_count(plan->subject, i);

		if (!done && !cut)
			continue;
		group_name(i, name, sizeof(name));
		printf("%s, %s: %llu workloads%s, %llu states, %llu lost, %llu corrupt", plan->subject->name, name,
		       (unsigned long long)done, cut ? " (NOT COMPLETE)" : "", (unsigned long long)t->states,
		       (unsigned long long)t->lost, (unsigned long long)(t->corrupt + t->crashed));
		printf(t->crashed ? " (%llu of them killed the verifier)\n" : "\n", (unsigned long long)t->crashed);
		if (t->first[0])
			printf("  first: %s\n", t->first);
		incomplete |= cut;
		*states += t->states;
		*lost += t->lost;
		*corrupt += t->corrupt + t->crashed;
	}
	return incomplete;
}

static int subject_wanted(const struct crash_subject *subject)
{
	const char *name = getenv("SKAFU_CRASH_SUBJECT");

	return subject && (!name || !*name || strcmp(name, subject->name) == 0);
}

/* LMDB asks for 2 MiB of zeros at each open: never from the heap, where libc would clear them by hand.  What is less,
 * the heap keeps, also the 1 MiB that LMDB asks for besides: giving it back and asking for it again with each state
 * costs more than all else. */
static void allocator_tune(void)
{
	mallopt(M_MMAP_THRESHOLD, 2 << 20);
	mallopt(M_TRIM_THRESHOLD, (2 << 20) - (1 << 17));
	mallopt(M_TOP_PAD, 1 << 18);
}

int main(void)
{
	const struct crash_subject *subjects[] = SUBJECTS;
	uint64_t states = 0, lost = 0, corrupt = 0, wanted = number_from_env("SKAFU_CRASH_STATES", 1000000);
	double start = now_s(), deadline = start + (double)number_from_env("SKAFU_CRASH_SECONDS", 119);
	int bad = 0, used = 0;
	struct plan plan;
	size_t i;

	allocator_tune();
	memset(&plan, 0, sizeof(plan));
	plan.seed = number_from_env("SKAFU_TEST_SEED", 1);
	plan.processes = (unsigned)number_from_env("SKAFU_CRASH_PROCESSES", 2);
	printf("crash states: seed %llu, %u processes\n", (unsigned long long)plan.seed, plan.processes);
	for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]) && !used; i++) {
		if (!subject_wanted(subjects[i]))
			continue;
		used = 1;
		plan.subject = subjects[i];
		plan.states_wanted = wanted;
		plan.deadline = deadline;
		plan.set = crashset_new(wanted * 2 + 100000);
		plan.board = crashset_shared(sizeof(*plan.board));
		statedir_scratch(plan.scratch, "crash");
		bad |= teeth(&plan);
		bad |= workers_run(&plan);
		bad |= report(&plan, &states, &lost, &corrupt);
		statedir_scratch_gone(plan.scratch);
	}
	printf("%.1f s, %.0f states/s\n", now_s() - start, (double)states / (now_s() - start));
	printf("%llu states, %llu lost, %llu corrupt\n", (unsigned long long)states, (unsigned long long)lost,
	       (unsigned long long)corrupt);
	return bad || !used || !states || lost || corrupt;
}

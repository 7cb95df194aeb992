/*
 * crashstates.c: which of the possible disk states are tried, and what happens with them.  The model is in
 * crashmodel.c, the directory in statedir.c.
 *
 * New states arise only where an atom becomes pending (then: those that contain it) and where an acknowledgement
 * makes more of the same states a promise (then: all of them).
 */
#include "fault/crashstates.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault/crashmodel.h"
#include "fault/mapkeep.h"
#include "fault/statedir.h"

#define NO_ATOM SIZE_MAX
#define TORN_FREE_MAX 5 /* with more free atoms than that, tearing is combined with none and all of them only */
#define CRASHES_MAX 20
#define HANG_SECONDS 20

struct enumeration {
	const struct iolog *log;
	const struct crashstates_options *options;
	struct crashmodel *model;
	struct statedir *dir;
	struct crash_point point;
	uint64_t random;
	uint64_t done; /* states of this log */
	unsigned char *choose;
	size_t choose_room;
	size_t *free_atoms;
	size_t free_count, free_room;
	int stop;
};

/* ---- validation ---------------------------------------------------------------------------------------------- */

/* The content of one object after all operations; *size bytes of *out. */
static void final_content(const struct iolog *log, uint32_t object, unsigned char **out, uint64_t *size)
{
	const struct iolog_object *file = &log->objects[object];
	unsigned char *bytes = iolog_need((size_t)file->size_max + 1);
	size_t i;

	if (file->start_size)
		memcpy(bytes, file->start, file->start_size);
	*size = file->start_size;
	for (i = 0; i < log->op_count; i++) {
		const struct iolog_op *op = &log->ops[i];

		if (op->object != object)
			continue;
		if (op->kind == IOLOG_TRUNCATE) {
			if (op->offset < *size)
				memset(bytes + op->offset, 0, (size_t)(*size - op->offset));
			*size = op->offset;
		} else if (op->kind == IOLOG_WRITE) {
			memcpy(bytes + op->offset, op->bytes, op->length);
			if (*size < op->offset + op->length)
				*size = op->offset + op->length;
		}
	}
	*out = bytes;
}

static int same_file(const struct iolog *log, uint32_t object, const struct iolog_object *there, const char *name,
		     char *why, size_t room)
{
	unsigned char *bytes;
	uint64_t size, i;
	int same;

	final_content(log, object, &bytes, &size);
	same = size == there->start_size;
	if (!same)
		snprintf(why, room, "%.100s has %zu bytes, the log says %llu", name, there->start_size,
			 (unsigned long long)size);
	for (i = 0; same && !log->objects[object].mapped && i < size; i++) {
		same = bytes[i] == there->start[i];
		if (!same)
			snprintf(why, room, "%.100s differs from the log at byte %llu", name, (unsigned long long)i);
	}
	free(bytes);
	return same;
}

static int same_directory(const struct iolog *log, uint32_t ours, const struct iolog *real, uint32_t theirs,
			  char *why, size_t room)
{
	size_t i;

	for (i = 0; i < real->start.count; i++) {
		const struct iolog_entry *entry = &real->start.at[i];

		if (entry->parent == theirs && iolog_lookup(&log->now, ours, entry->name) == IOLOG_NONE) {
			snprintf(why, room, "%.100s is there, the log does not know it", entry->name);
			return 0;
		}
	}
	for (i = 0; i < log->now.count; i++) {
		const struct iolog_entry *entry = &log->now.at[i];
		uint32_t there;

		if (entry->parent != ours)
			continue;
		there = iolog_lookup(&real->start, theirs, entry->name);
		if (there == IOLOG_NONE) {
			snprintf(why, room, "%.100s is not there, the log says it is", entry->name);
			return 0;
		}
		if (log->objects[entry->object].directory
			    ? !same_directory(log, entry->object, real, there, why, room)
			    : !same_file(log, entry->object, &real->objects[there], entry->name, why, room))
			return 0;
	}
	return 1;
}

int crashstates_matches(const struct iolog *log, char *why, size_t room)
{
	struct iolog *real;
	int same;

	if (log->broken[0]) {
		snprintf(why, room, "%s", log->broken);
		return 0;
	}
	real = iolog_new(log->root);
	same = same_directory(log, 0, real, 0, why, room);
	iolog_free(real);
	return same;
}

void crashstates_validate(const struct iolog *log, const char *label)
{
	char why[256];

	if (!crashstates_matches(log, why, sizeof(why)))
		iolog_die("the recorder missed something in %s: %s", label ? label : "a log", why);
}

/* ---- one state ----------------------------------------------------------------------------------------------- */

static uint64_t random_next(struct enumeration *run)
{
	uint64_t value = run->random += 0x9e3779b97f4a7c15u;

	value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
	value = (value ^ value >> 27) * 0x94d049bb133111ebu;
	return value ^ value >> 31;
}

/* The mask of each pending atom, a star for those that are there in any case. */
static void describe_choice(const struct enumeration *run, char *out, size_t room)
{
	size_t i, at = 0, count = crashmodel_pending(run->model);

	out[0] = '\0';
	for (i = 0; i < count && at + 4 < room; i++) {
		const char *comma = i + 1 < count ? "," : "";

		if (crashmodel_forced(run->model, i))
			at += (size_t)snprintf(out + at, room - at, "*%s", comma);
		else
			at += (size_t)snprintf(out + at, room - at, "%x%s", run->choose[i], comma);
	}
}

static void describe_bad(const struct enumeration *run, const char *what)
{
	struct crash_tally *tally = run->options->tally;
	char op[200], choice[160];

	if (atomic_exchange(&tally->described, 1))
		return;
	iolog_describe(run->log, run->point.op, op, sizeof(op));
	describe_choice(run, choice, sizeof(choice));
	snprintf(tally->first, sizeof(tally->first), "%s: %s; power cut at %s; acked %llu, begun %llu; choice %s",
		 run->options->label ? run->options->label : "?", what, op, (unsigned long long)run->point.acked,
		 (unsigned long long)run->point.begun, choice);
}

/* The content of mapped files changes every few states only: giving them back their size each time costs the most. */
static void verify_selected(struct enumeration *run)
{
	const struct statedir_want *wants;
	size_t count = crashmodel_wants(run->model, run->done / 8, &wants);
	enum crash_verdict verdict;

	statedir_show(run->dir, wants, count);
	verdict = run->options->verify(run->options->user, ".", &run->point);
	if (verdict == CRASH_FINE)
		return;
	atomic_fetch_add(verdict == CRASH_LOST ? &run->options->tally->lost : &run->options->tally->corrupt, 1);
	describe_bad(run, verdict == CRASH_LOST ? "lost" : "corrupt");
	run->stop |= run->options->until_bad;
}

static int64_t clock_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void try_grown(struct enumeration *run, int grown, int *gap)
{
	const struct crashstates_options *options = run->options;
	uint64_t context = options->context ? options->context(options->user, run->point.acked) : run->point.acked;

	run->point.state = crashmodel_select(run->model, run->choose, grown, gap);
	if (!crashset_add(options->set, run->point.state ^ context * 0xd6e8feb86659fd93u))
		return;
	atomic_fetch_add(&options->tally->states, 1);
	run->done++;
	if (run->done % 64 == 1) {
		if (options->hang_seconds)
			alarm(options->hang_seconds);
		run->stop |= options->until_ns && clock_now_ns() >= options->until_ns;
	}
	verify_selected(run);
	if (options->states_max && run->done >= options->states_max)
		run->stop = 1;
}

static void try_choice(struct enumeration *run)
{
	int gap;

	if (run->stop)
		return;
	try_grown(run, 0, &gap);
	if (gap && !run->stop)
		try_grown(run, 1, NULL);
}

/* ---- which states -------------------------------------------------------------------------------------------- */

static unsigned full_mask(const struct enumeration *run, size_t atom)
{
	return (1u << crashmodel_sectors(run->model, atom)) - 1;
}

static void choose_none(struct enumeration *run)
{
	memset(run->choose, 0, crashmodel_pending(run->model));
}

static void choose_free(struct enumeration *run, size_t n, int there)
{
	size_t atom = run->free_atoms[n];

	run->choose[atom] = there ? (unsigned char)full_mask(run, atom) : 0;
}

/* The current choice of the free atoms, with the last one whole and, if asked for, torn from either end. */
static void try_last(struct enumeration *run, size_t last, int torn)
{
	unsigned full, sectors, cut;

	if (last == NO_ATOM) {
		try_choice(run);
		return;
	}
	full = full_mask(run, last);
	sectors = crashmodel_sectors(run->model, last);
	run->choose[last] = (unsigned char)full;
	try_choice(run);
	for (cut = 1; torn && cut < sectors; cut++) {
		run->choose[last] = (unsigned char)((1u << cut) - 1);
		try_choice(run);
		run->choose[last] = (unsigned char)(full & ~((1u << cut) - 1));
		try_choice(run);
	}
}

static void try_subsets(struct enumeration *run, size_t last)
{
	size_t subset, n, all = ((size_t)1 << run->free_count) - 1;

	for (subset = 0; subset <= all && !run->stop; subset++) {
		choose_none(run);
		for (n = 0; n < run->free_count; n++)
			choose_free(run, n, (int)(subset >> n & 1));
		try_last(run, last, run->free_count <= TORN_FREE_MAX || subset == 0 || subset == all);
	}
}

/* Too many for all subsets: prefixes, one alone, all but one. */
static void try_typical(struct enumeration *run, size_t last)
{
	size_t n, i, step = run->free_count / 64 + 1;

	for (n = 0; n <= run->free_count && !run->stop; n += step) {
		choose_none(run);
		for (i = 0; i < n; i++)
			choose_free(run, i, 1);
		try_last(run, last, n == 0 || n + step > run->free_count);
		if (n == run->free_count)
			break;
		choose_none(run);
		choose_free(run, n, 1);
		try_last(run, last, 0);
		for (i = 0; i < run->free_count; i++)
			choose_free(run, i, i != n);
		try_last(run, last, 0);
	}
}

static void try_random(struct enumeration *run, size_t last)
{
	unsigned i, count = run->options->random_count ? run->options->random_count : 8;
	size_t n;

	if (run->free_count + (last != NO_ATOM) == 0)
		return;
	for (i = 0; i < count && !run->stop; i++) {
		choose_none(run);
		for (n = 0; n < run->free_count; n++) {
			size_t atom = run->free_atoms[n];

			run->choose[atom] = (unsigned char)(random_next(run) & full_mask(run, atom));
		}
		if (last != NO_ATOM)
			run->choose[last] = (unsigned char)(random_next(run) & full_mask(run, last));
		try_choice(run);
	}
}

/* All states of what is pending that contain the last atom; all states when there is none. */
static void try_pending(struct enumeration *run, size_t last)
{
	unsigned exhaustive = run->options->exhaustive_max ? run->options->exhaustive_max : 10;
	size_t i, count = crashmodel_pending(run->model);

	run->choose = iolog_grow(run->choose, &run->choose_room, count + 1, 1);
	run->free_atoms = iolog_grow(run->free_atoms, &run->free_room, count + 1, sizeof(*run->free_atoms));
	run->free_count = 0;
	for (i = 0; i < count; i++) {
		if (i != last && !crashmodel_forced(run->model, i))
			run->free_atoms[run->free_count++] = i;
	}
	if (run->free_count <= exhaustive)
		try_subsets(run, last);
	else
		try_typical(run, last);
	try_random(run, last);
}

static void step(struct enumeration *run, size_t op)
{
	size_t part, parts = crashmodel_parts(run->model, op);
	int wanted = op >= run->options->from_op;

	run->point.op = op;
	for (part = 0; part < parts && !run->stop; part++) {
		crashmodel_add(run->model, op, part);
		if (wanted)
			try_pending(run, crashmodel_pending(run->model) - 1);
	}
	crashmodel_settle(run->model, op);
	if (run->log->ops[op].kind == IOLOG_BEGIN) {
		run->point.begun = run->log->ops[op].offset;
	} else if (run->log->ops[op].kind == IOLOG_ACK) {
		run->point.acked = run->log->ops[op].offset;
		if (wanted)
			try_pending(run, NO_ATOM);
	}
}

/* A verifier opens files all the time, and the kernel walks down the whole of each path: short ones are faster. */
static int directory_enter(const char *path)
{
	int before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (before < 0 || chdir(path) != 0)
		iolog_die("cannot enter %s", path);
	return before;
}

static void directory_leave(int before)
{
	if (fchdir(before) != 0)
		iolog_die("cannot go back to the directory of before");
	close(before);
}

void crashstates_run(const struct iolog *log, const char *where, const struct crashstates_options *options)
{
	uint64_t *sizes = iolog_need(log->object_count * sizeof(*sizes));
	struct enumeration run;
	int before;
	size_t i;

	for (i = 0; i < log->object_count; i++)
		sizes[i] = log->objects[i].size_max;
	memset(&run, 0, sizeof(run));
	run.log = log;
	run.options = options;
	run.model = crashmodel_new(log);
	run.dir = statedir_new(where, log->object_count, sizes);
	before = directory_enter(statedir_path(run.dir));
	mapkeep_start();
	run.point.log = log;
	run.random = options->seed;
	if (options->from_op == 0) /* before anything was done */
		try_pending(&run, NO_ATOM);
	for (i = 0; i < log->op_count && !run.stop; i++)
		step(&run, i);
	mapkeep_stop();
	directory_leave(before);
	statedir_free(run.dir);
	crashmodel_free(run.model);
	free(run.choose);
	free(run.free_atoms);
	free(sizes);
}

/* ---- in a child ---------------------------------------------------------------------------------------------- */

void crashstates_may_die(void)
{
	struct rlimit none = {0, 0};
	int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);

	setrlimit(RLIMIT_CORE, &none);
	signal(SIGALRM, SIG_DFL); /* the test library's handler would kill the whole group of processes */
	if (quiet >= 0)
		dup2(quiet, STDERR_FILENO);
}

static void child_run(const struct iolog *log, const char *where, const struct crashstates_options *options)
{
	struct crashstates_options guarded = *options;

	crashstates_may_die();
	if (!guarded.hang_seconds)
		guarded.hang_seconds = HANG_SECONDS;
	crashstates_run(log, where, &guarded);
	_exit(0);
}

/* A sanitizer turns the signal into an exit code. */
void crash_tally_died(struct crash_tally *tally, const char *label, int status)
{
	const char *how = "ended by itself";

	if (!label)
		label = "?";
	if (WIFEXITED(status) && WEXITSTATUS(status) == IOLOG_DIED)
		iolog_die("%s: the harness failed in a verifying process", label);
	if (WIFSIGNALED(status))
		how = WTERMSIG(status) == SIGALRM ? "hung" : strsignal(WTERMSIG(status));
	atomic_fetch_add(&tally->crashed, 1);
	if (!atomic_exchange(&tally->described, 1))
		snprintf(tally->first, sizeof(tally->first), "%.400s: the verifier died: %s", label, how);
}

void crashstates_run_forked(const struct iolog *log, const char *where, const struct crashstates_options *options)
{
	struct crash_tally *tally = options->tally;
	unsigned crashes = 0;
	int status;

	while (crashes < CRASHES_MAX) {
		pid_t child;

		fflush(NULL);
		child = fork();
		if (child == 0)
			child_run(log, where, options);
		if (child < 0 || waitpid(child, &status, 0) != child)
			iolog_die("cannot start or await a verifying process");
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return;
		crashes++;
		crash_tally_died(tally, options->label, status);
		if (options->until_bad)
			return;
	}
}

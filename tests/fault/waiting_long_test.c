/*
 * waiting_long_test.c: ten million steps of sleepers and committers that are killed anywhere, and ten idle seconds.
 *
 * The simulation calls skafu__control_* as wait.c and writer.c do, with a clock, a futex and a commit of its own, and
 * lets one actor at a time do one step.  Whoever is killed leaves the page as it is.  Invariant: a live sleeper that
 * has not seen a commit sees it within the bound of control.h, 10 ms, and another 10 for the step that it was in.
 *
 * With real threads a machine with other work stalls everybody.  A control thread that only sleeps tells how long:
 * what the library keeps anybody waiting is what is more than that.
 */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sys.h"
#include "fault/actors.h"
#include "fault/idle.h"
#include "skafu_store.h"
#include "store/control.h"
#include "util/suite.h"

#define STEPS_DEFAULT UINT64_C(10000000)
#define SLEEPERS 4u
#define BOUND_NS (20 * ACTORS_MS)
#define STEP_NS 500
#define THREADS 3u
#define STALL_NS (10 * ACTORS_MS)
#define STRESS_NS (8 * ACTORS_SECOND)
#define IDLE_NS (10 * ACTORS_SECOND)

enum sim_state { SIM_AWAY, SIM_ANNOUNCED, SIM_WORD, SIM_LOOKED, SIM_ASLEEP };
enum sim_plant {
	PLANT_NONE,
	PLANT_NO_FIRST_WAKE,
	PLANT_NO_SHORT_SLEEP,
	PLANT_NO_ADOPTION,
	PLANT_NO_ANNOUNCE,
	PLANTS
};

struct sim_sleeper {
	enum sim_state state;
	uint32_t word;
	uint64_t after;
	int64_t wakes_at; /* while asleep: when by itself; INT64_MAX: never */
};

enum sim_commit { COMMIT_OUT, COMMIT_BEGUN, COMMIT_WRITTEN, COMMIT_SHOWN };

static struct sim {
	struct skafu__control control;
	struct skafu__sys sys;
	struct sim_sleeper sleepers[SLEEPERS];
	uint32_t sleeping; /* which one calls futex_wait now */
	enum sim_commit commit;
	int alive;      /* the committer */
	int dies_now;   /* in its next wake-up */
	int nested;     /* a step inside a wake-up */
	uint64_t head;  /* on disk */
	uint64_t shown; /* to readers: behind when the writer died in between */
	int64_t committed_ns;
	int64_t now_ns;
	uint64_t random;
	enum sim_plant plant;
	uint64_t kills;
	uint64_t seen;
	int64_t longest_ns;
	int stalled;
} sim;

static uint32_t sim_below(uint32_t limit)
{
	return (uint32_t)(actors_random(&sim.random) % limit);
}

static int64_t sim_monotonic(void)
{
	return sim.now_ns;
}

/* Noted, not slept: the sleeper is asleep until a wake-up or its time. */
static int sim_futex_wait(uint32_t *word, uint32_t expected, int64_t timeout_ns)
{
	struct sim_sleeper *sleeper = &sim.sleepers[sim.sleeping];

	if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) {
		errno = EAGAIN;
		return -1;
	}
	if (sim.plant == PLANT_NO_SHORT_SLEEP)
		timeout_ns = -1;
	sleeper->state = SIM_ASLEEP;
	sleeper->wakes_at = timeout_ns < 0 ? INT64_MAX : sim.now_ns + timeout_ns;
	return 0;
}

static void sim_sleeper_step(uint32_t place);

/* Between the change of the word and the wake-up anything may happen, death included. */
static int sim_futex_wake(uint32_t *word, int how_many)
{
	(void)word;
	(void)how_many;
	if (sim.dies_now)
		return 0;
	sim.nested++;
	for (uint32_t i = sim_below(3); sim.nested == 1 && i > 0; i--)
		sim_sleeper_step(sim_below(SLEEPERS));
	sim.nested--;
	for (uint32_t i = 0; i < SLEEPERS; i++)
		if (sim.sleepers[i].state == SIM_ASLEEP)
			sim.sleepers[i].state = SIM_ANNOUNCED;
	return (int)SLEEPERS;
}

/* As skafu__orphan_adopt(): the lock of a live committer is that of this process, which the kernel does not tell. */
static int sim_adopt(void)
{
	if (sim.plant == PLANT_NO_ADOPTION || sim.alive || !skafu__control_is_orphaned(&sim.control))
		return 0;
	sim.shown = sim.head;
	skafu__control_end_commit(&sim.control);
	return 1;
}

static void sim_look(struct sim_sleeper *sleeper)
{
	if (sim.shown <= sleeper->after) {
		sleeper->state = SIM_LOOKED;
		return;
	}
	int64_t took = sim.now_ns - sim.committed_ns;
	sim.seen++;
	if (sim.shown == sleeper->after + 1 && took > sim.longest_ns)
		sim.longest_ns = took;
	sleeper->after = sim.shown;
	sleeper->state = SIM_AWAY;
	if (sim.plant != PLANT_NO_ANNOUNCE)
		skafu__control_withdraw_sleeper(&sim.control);
}

static void sim_sleeper_step(uint32_t place)
{
	struct sim_sleeper *sleeper = &sim.sleepers[place];

	switch (sleeper->state) {
	case SIM_AWAY:
		if (sim.plant != PLANT_NO_ANNOUNCE)
			skafu__control_announce_sleeper(&sim.control);
		sleeper->state = SIM_ANNOUNCED;
		break;
	case SIM_ANNOUNCED:
		sleeper->word = skafu__control_word(&sim.control);
		sleeper->state = SIM_WORD;
		break;
	case SIM_WORD:
		sim_look(sleeper);
		break;
	case SIM_LOOKED:
		sleeper->state = SIM_ANNOUNCED; /* unless futex_wait says that it sleeps */
		if (sim_adopt())
			break;
		sim.sleeping = place;
		skafu__control_sleep(&sim.control, sleeper->word, INT64_MAX);
		break;
	case SIM_ASLEEP:
		if (sleeper->wakes_at <= sim.now_ns || sim_below(5000) == 0) /* also without a reason */
			sleeper->state = SIM_ANNOUNCED;
		break;
	}
}

/* The page keeps what the dead one had announced. */
static void sim_sleeper_dies(uint32_t place)
{
	sim.sleepers[place].state = SIM_AWAY;
	sim.sleepers[place].after = sim.head; /* a new one, which wants what comes from now on */
	sim.kills++;
}

static void sim_begin(void)
{
	sim.shown = sim.head; /* who takes the lock repairs what a dead one left */
	if (sim.plant != PLANT_NO_FIRST_WAKE)
		skafu__control_begin_commit(&sim.control);
	sim.commit = COMMIT_BEGUN;
}

static void sim_committer_step(void)
{
	switch (sim.commit) {
	case COMMIT_OUT:
		sim_begin();
		break;
	case COMMIT_BEGUN:
		sim.head++;
		sim.committed_ns = sim.now_ns;
		sim.commit = COMMIT_WRITTEN;
		break;
	case COMMIT_WRITTEN:
		sim.shown = sim.head;
		sim.commit = COMMIT_SHOWN;
		break;
	case COMMIT_SHOWN:
		skafu__control_end_commit(&sim.control);
		sim.commit = COMMIT_OUT;
		break;
	}
}

/* Dies before its next step, or in the middle of it: the word is changed and nobody woken. */
static void sim_committer_dies(void)
{
	sim.dies_now = sim_below(2) == 0;
	if (sim.dies_now && (sim.commit == COMMIT_OUT || sim.commit == COMMIT_SHOWN))
		sim_committer_step();
	sim.dies_now = 0;
	sim.commit = COMMIT_OUT;
	sim.alive = 0;
	sim.kills++;
}

/* Nobody commits until all live sleepers have seen what there is, or it has taken too long. */
static int sim_all_have_seen(void)
{
	for (uint32_t i = 0; i < SLEEPERS; i++)
		if (sim.sleepers[i].after < sim.head)
			return 0;
	return 1;
}

/* Nobody can go on before the first of those asleep wakes by itself: time passes. */
static void sim_pass_time(void)
{
	int64_t first = INT64_MAX;

	for (uint32_t i = 0; i < SLEEPERS; i++) {
		if (sim.sleepers[i].state != SIM_ASLEEP)
			return;
		if (sim.sleepers[i].wakes_at < first)
			first = sim.sleepers[i].wakes_at;
	}
	if (first == INT64_MAX)
		sim.stalled = !sim_all_have_seen();
	else if (first > sim.now_ns)
		sim.now_ns = first;
}

static void sim_check(void)
{
	if (!sim.stalled && !sim_all_have_seen() && sim.now_ns - sim.committed_ns > BOUND_NS)
		sim.stalled = 1;
}

static void sim_step(void)
{
	uint32_t dice = sim_below(100);

	sim.now_ns += STEP_NS;
	if (dice < 2)
		sim_sleeper_dies(sim_below(SLEEPERS));
	else if (dice < 3)
		skafu__control_wake_all(&sim.control);
	else if (dice < 80)
		sim_sleeper_step(sim_below(SLEEPERS));
	else if (sim.alive && dice < 82)
		sim_committer_dies();
	else if (sim.alive && (sim.commit != COMMIT_OUT || sim_all_have_seen()))
		sim_committer_step();
	else if (!sim.alive && sim_all_have_seen())
		sim.alive = 1;
	if (sim.commit == COMMIT_OUT)
		sim_pass_time();
	sim_check();
}

static char scratch[256];

static void sim_open(enum sim_plant plant, uint64_t seed)
{
	memset(&sim, 0, sizeof sim);
	ck_assert_int_eq(skafu__sys_init(&sim.sys, NULL), 0);
	sim.sys.futex_wait = sim_futex_wait;
	sim.sys.futex_wake = sim_futex_wake;
	sim.sys.monotonic_ns = sim_monotonic;
	sim.random = seed;
	sim.plant = plant;
	sim.alive = 1;
	ck_assert_int_eq(skafu__control_open(&sim.control, &sim.sys, scratch, NULL), 0);
	ck_assert_int_eq(skafu__control_admit_others(&sim.control, NULL), 0);
}

static void setup(void)
{
	actors_forgive();
	actors_scratch(scratch, "waiting-long", 1);
	sim.control.fd = -1;
	sim.control.wake_fd = -1;
}

static void teardown(void)
{
	skafu__control_close(&sim.control);
	actors_scratch_gone(scratch);
}

START_TEST(no_order_of_steps_and_deaths_stalls_a_sleeper)
{
	const char *wanted = getenv("SKAFU_TEST_STEPS");
	uint64_t steps = wanted && *wanted ? strtoull(wanted, NULL, 0) : STEPS_DEFAULT;
	uint64_t seed = actors_seed("waiting protocol");
	uint64_t i;

	sim_open(PLANT_NONE, seed);
	for (i = 0; i < steps && !sim.stalled; i++)
		sim_step();
	printf("%" PRIu64 " steps, %" PRIu64 " commits, %" PRIu64 " killed, %" PRIu64 " seen, longest %.3f ms\n",
	       i, sim.head, sim.kills, sim.seen, (double)sim.longest_ns / 1e6);
	ck_assert_msg(!sim.stalled, "a sleeper stalls at step %" PRIu64 " of seed %" PRIu64, i, seed);
	ck_assert_uint_gt(sim.head, steps / 1000);
	ck_assert_int_le(sim.longest_ns, BOUND_NS);
}
END_TEST

/* The simulation has teeth: leave out any part of the protocol, and it finds the stall. */
START_TEST(each_part_of_the_protocol_is_needed)
{
	uint64_t i;

	sim_open((enum sim_plant)_i, 7);
	for (i = 0; i < 2000000 && !sim.stalled; i++)
		sim_step();
	ck_assert_msg(sim.stalled, "plant %d is not found", _i);
	printf("plant %d found after %" PRIu64 " steps\n", _i, i);
}
END_TEST

/* ---- the same with threads and the kernel's futex ------------------------------------------------------------ */

static struct stress {
	struct skafu__control control;
	_Atomic uint64_t head;
	_Atomic uint64_t seen[THREADS];
	_Atomic uint32_t stop;
} stress;

static void *stress_sleep(void *user)
{
	_Atomic uint64_t *seen = user;

	while (!atomic_load(&stress.stop)) {
		skafu__control_announce_sleeper(&stress.control);
		while (!atomic_load(&stress.stop)) {
			uint32_t word = skafu__control_word(&stress.control);
			if (atomic_load(&stress.head) > atomic_load(seen))
				break;
			skafu__control_sleep(&stress.control, word, INT64_MAX);
		}
		skafu__control_withdraw_sleeper(&stress.control);
		atomic_store(seen, atomic_load(&stress.head));
	}
	return NULL;
}

static void *stress_interrupt(void *user)
{
	(void)user;
	while (!atomic_load(&stress.stop))
		skafu__control_wake_all(&stress.control);
	return NULL;
}

/* How late a thread gets the processor that does nothing but ask for it each half millisecond. */
static void *stress_control(void *user)
{
	_Atomic int64_t *latest = user;
	int64_t due = actors_now_ns();

	while (!atomic_load(&stress.stop)) {
		due += ACTORS_MS / 2;
		if (due > actors_now_ns())
			actors_nap(due - actors_now_ns());
		int64_t late = actors_now_ns() - due;
		if (late > atomic_load(latest))
			atomic_store(latest, late);
		due = actors_now_ns();
	}
	return NULL;
}

static int64_t stress_round(void)
{
	int64_t before = actors_now_ns();

	skafu__control_begin_commit(&stress.control);
	atomic_fetch_add(&stress.head, 1u);
	skafu__control_end_commit(&stress.control);
	uint64_t head = atomic_load(&stress.head);
	for (uint32_t i = 0; i < THREADS; i++)
		while (atomic_load(&stress.seen[i]) < head && actors_now_ns() - before < 5 * ACTORS_SECOND)
			usleep(20);
	return actors_now_ns() - before;
}

/* _i: 0 alone, 1 while somebody interrupts all the time, which may neither lose nor repeat a value of the word. */
START_TEST(threads_never_sleep_through_a_commit)
{
	struct skafu__sys sys;
	pthread_t threads[THREADS];
	pthread_t interrupter;
	pthread_t control;
	_Atomic int64_t latest = 0;
	uint64_t stalls = 0;
	int64_t until = actors_now_ns() + STRESS_NS / 2;
	int64_t longest = 0;
	uint64_t rounds = 0;

	memset(&stress, 0, sizeof stress);
	ck_assert_int_eq(skafu__sys_init(&sys, NULL), 0);
	ck_assert_int_eq(skafu__control_open_private(&stress.control, &sys, NULL), 0);
	for (uint32_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, stress_sleep, &stress.seen[i]), 0);
	ck_assert_int_eq(pthread_create(&control, NULL, stress_control, &latest), 0);
	if (_i)
		ck_assert_int_eq(pthread_create(&interrupter, NULL, stress_interrupt, NULL), 0);
	for (; actors_now_ns() < until; rounds++) {
		int64_t took = stress_round();
		stalls += took > STALL_NS;
		if (took > longest)
			longest = took;
	}
	atomic_store(&stress.stop, 1u);
	skafu__control_wake_all(&stress.control);
	if (_i)
		pthread_join(interrupter, NULL);
	for (uint32_t i = 0; i < THREADS; i++) {
		skafu__control_wake_all(&stress.control);
		pthread_join(threads[i], NULL);
	}
	pthread_join(control, NULL);
	skafu__control_close(&stress.control);
	printf("%" PRIu64 " commits to %u threads%s, longest %.3f ms, %" PRIu64 " above 10 ms; the control thread "
	       "was up to %.3f ms late\n", rounds, THREADS, _i ? ", interrupted" : "", (double)longest / 1e6, stalls,
	       (double)latest / 1e6);
	/* Each of the threads may lose the processor once in a round as the control thread did. */
	ck_assert_int_lt(longest, STALL_NS + (THREADS + 2) * latest);
}
END_TEST

/* ---- idle ---------------------------------------------------------------------------------------------------- */

START_TEST(ten_seconds_of_waiting_run_nothing)
{
	char path[300];
	char why[200];
	skafu_store *store = NULL;
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};
	struct idle_waiter *waiter = actors_share(sizeof *waiter);
	skafu_appended done = {.size = sizeof done};

	snprintf(path, sizeof path, "%s/store", scratch);
	ck_assert_int_eq(skafu_store_open(path, &opts, &store, NULL), 0);
	ck_assert_int_eq(actors_append(store, 0, 1, ACTORS_SECOND, &done, NULL), 0);
	waiter->path = path;
	waiter->after = done.last_sequence;
	waiter->through_fd = _i;
	pid_t pid = idle_spawn(waiter);
	ck_assert_int_gt(pid, 0);
	ck_assert(idle_settled(pid));
	ck_assert_msg(idle_runs(pid, IDLE_NS, why, sizeof why) == 0, "%s", why);
	printf("idle for 10 s, %s: %s, so no system call\n", _i ? "descriptor" : "sleep", why);
	actors_kill(pid);
	skafu_store_close(store);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("waiting-long");
	TCase *tests = tcase_create("waiting-long");

	setvbuf(stdout, NULL, _IOLBF, 0);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, no_order_of_steps_and_deaths_stalls_a_sleeper);
	tcase_add_loop_test(tests, each_part_of_the_protocol_is_needed, PLANT_NONE + 1, PLANTS);
	tcase_add_loop_test(tests, threads_never_sleep_through_a_commit, 0, 2);
	tcase_add_loop_test(tests, ten_seconds_of_waiting_run_nothing, 0, 2);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

/*
 * membership_test.c: two processes share the partitions of a consumer in about equal parts, and the one that is left
 * has all of them soon after the other was killed, also while nothing is appended.
 */
#include "run/membership.h"

#include <check.h>
#include <string.h>

#include "fault/actors.h"
#include "run/kit.h"

struct shared {
	_Atomic uint32_t claimed[2];
	_Atomic uint32_t over;
};

static struct kit kit;
static struct shared *shared;

/* Sleeps like any engine; only the partitions that it has are told. */
static void serve(uint32_t member)
{
	static const char *const ordered[] = {"Ordered"};
	skafu_source source = kit_source(ordered, 1);
	struct kit mine = {0};
	uint64_t wait_ns;

	if (actors_open(kit.temp.path, NULL, &mine.store, fault) != 0 ||
	    skafu_model_open(mine.store, NULL, &mine.model, fault) != 0)
		actors_fail("no store");
	kit_domains(mine.model, &mine);
	kit_add_reaction(&mine, "reserve", &source, NULL, kit_reserve);
	kit_engine(&mine);
	while (!atomic_load(&shared->over)) {
		int32_t rc = skafu_engine_run(mine.engine, 10000000, fault);
		if (rc != SKAFU_ETIMEOUT)
			actors_fail("%d: %s", rc, skafu_error_message(fault));
		atomic_store(&shared->claimed[member], kit_consumer(&mine, "reserve")->claimed);
	}
	skafu_engine_timeout(mine.engine, &wait_ns, fault);
	skafu_engine_close(mine.engine);
	skafu_model_close(mine.model);
	skafu_store_close(mine.store);
}

static void first(void *user)
{
	(void)user;
	serve(0);
}

static void second(void *user)
{
	(void)user;
	serve(1);
}

static int have(uint32_t a, uint32_t b)
{
	int64_t until = actors_now_ns() + 5 * ACTORS_SECOND * actors_slack();

	while (atomic_load(&shared->claimed[0]) != a || atomic_load(&shared->claimed[1]) != b) {
		if (actors_now_ns() > until || actors_failure())
			return 0;
		actors_nap(ACTORS_MS);
	}
	return 1;
}

START_TEST(shared_and_taken_over)
{
	pid_t pids[2];
	int64_t before;

	shared = actors_share(sizeof *shared);
	kit_open_files(&kit);
	pids[0] = actors_spawn(first, NULL);
	ck_assert_int_eq(have(16, 0), 1);
	pids[1] = actors_spawn(second, NULL);
	ck_assert_int_eq(have(8, 8), 1);
	ck_assert_uint_eq(skafu__membership_count(kit.store, "reserve", NULL), 2);
	actors_kill(pids[0]);
	before = actors_now_ns();
	ck_assert_int_eq(have(8, 16), 1); /* what the dead one said last stays */
	ck_assert_int_lt(actors_now_ns() - before, ACTORS_SECOND * actors_slack());
	ck_assert_uint_eq(skafu__membership_count(kit.store, "reserve", NULL), 1);
	kit_orders(&kit, 100, 100);
	for (int i = 0; i < 5000 && kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved") < 100; i++)
		actors_nap(ACTORS_MS);
	ck_assert_uint_eq(kit_count(kit.store, SKAFU_KIND_EVENT, "Reserved"), 100);
	atomic_store(&shared->over, 1u);
	ck_assert_int_eq(actors_join(pids[1], 10 * ACTORS_SECOND), 0);
	ck_assert_ptr_null(actors_failure());
	ck_assert_uint_eq(skafu__membership_count(kit.store, "reserve", NULL), 0);
	kit_close(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, shared_and_taken_over);
}

int main(void)
{
	return tempstore_main("membership", add);
}

/*
 * chain_test.c: a step of the hash chain takes the time that it is given and no more, but links a commit each time;
 * and the chain is the same whatever the steps were.
 */
#include "store/chain.h"

#include <string.h>

#include "store/store.h"
#include "store/tempstore.h"
#include "store/writelock.h"

#define COMMITS 40
#define TICK_NS UINT64_C(1000000)

static struct tempstore temp;
static int64_t (*real_ns)(void);
static int64_t flown_ns;

/* Each look at the clock takes a tick. */
static int64_t ticking_ns(void)
{
	flown_ns += (int64_t)TICK_NS;
	return real_ns() + flown_ns;
}

static void fill(void)
{
	for (int i = 0; i < COMMITS; i++) {
		skafu_batch *batch = batch_of(temp.store);

		add_event(batch, "s", "Happened", NULL);
		appended_by(temp.store, batch);
	}
}

static void setup(void)
{
	tempstore_new(&temp);
	fill();
	real_ns = temp.store->sys.monotonic_ns;
	temp.store->sys.monotonic_ns = ticking_ns;
}

static void teardown(void)
{
	tempstore_done(&temp);
}

static struct skafu__index_state index_now(void)
{
	struct skafu__view view;

	went(skafu__view_open(temp.store, &view, fault));
	skafu__view_close(&view);
	return view.index;
}

static uint64_t chained_by(uint64_t walk_ns, int32_t expected)
{
	uint64_t before = index_now().chained_commit;

	ck_assert_int_eq(skafu__chain_step(temp.store, walk_ns, INT64_MAX, fault), expected);
	return index_now().chained_commit - before;
}

START_TEST(a_step_takes_the_time_it_is_given)
{
	uint64_t few = chained_by(3 * TICK_NS, 1);
	uint64_t more = chained_by(9 * TICK_NS, 1);

	/* The clock runs by itself, too. */
	ck_assert_uint_ge(few, 1);
	ck_assert_uint_le(few, 4);
	ck_assert_uint_le(more, 10);
	ck_assert_uint_eq(chained_by(SKAFU_WAIT_FOREVER, 0), COMMITS - few - more);
	ck_assert_uint_eq(chained_by(SKAFU_WAIT_FOREVER, 0), 0);
}
END_TEST

START_TEST(the_steps_do_not_matter)
{
	struct skafu__index_state whole;
	skafu_verify_report report = {.size = sizeof report};

	for (uint64_t i = 0; i < COMMITS - 1; i++)
		ck_assert_uint_eq(chained_by(0, 1), 1);
	ck_assert_int_ge(skafu__chain_step(temp.store, 0, INT64_MAX, fault), 0);
	whole = index_now();
	ck_assert_uint_eq(whole.chained_commit, COMMITS);
	went(skafu_store_verify(temp.store, SKAFU_VERIFY_CHAIN, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	ck_assert_uint_eq(report.chained_up_to, COMMITS);
}
END_TEST

/* Who writes all the time costs a step its work, and nothing else. */
START_TEST(others_may_write_at_that_moment)
{
	ck_assert_int_eq(skafu__writelock_take(temp.store, INT64_MAX, fault), 0);
	refused(SKAFU_EBUSY, skafu__chain_step(temp.store, TICK_NS, real_ns(), fault));
	skafu__writelock_release(temp.store);
	ck_assert_uint_eq(index_now().chained_commit, 0);
	ck_assert_uint_eq(chained_by(SKAFU_WAIT_FOREVER, 0), COMMITS);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_step_takes_the_time_it_is_given);
	tcase_add_test(tests, the_steps_do_not_matter);
	tcase_add_test(tests, others_may_write_at_that_moment);
}

int main(void)
{
	return tempstore_main("chain", add);
}

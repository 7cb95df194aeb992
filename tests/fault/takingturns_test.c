/*
 * takingturns_test.c: which commits reach the disk through the journal, when other processes are about, and some of
 * them die: nothing takes the place of an acknowledged commit, and a power cut takes none.
 */
#include "store/flush.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/deadstore.h"

/* ---- several processes --------------------------------------------------------------------------------------- */

/* One writes a frame and is gone before LMDB has the commit; the other one, which may have looked before, goes on. */
static void dead_frame(int other_looked, uint32_t own_commits, uint32_t others_commits)
{
	struct worker dying = worker_with(own_commits);
	struct worker other = worker_at_store();

	if (other_looked)
		ck_assert_int_eq(tell(&other, DO_REFUSED, 0), SKAFU_ECONFLICT);
	int32_t rc = attempt(&dying, DO_DIE_AFTER_FRAME);

	ck_assert(rc == DIED || (rc == 0 && other_looked && own_commits > 1)); /* it had to go the long way */
	worker_gone(&dying);
	if (others_commits != 0)
		tried = 0; /* it may not come any more */
	appends(&other, others_commits);
	worker_gone(&other);
	is_whole();
	is_whole();
}

START_TEST(a_dead_frame_takes_nobodys_place)
{
	for (uint32_t own = 1; own < 4; own++)
		for (uint32_t others = 0; others < 4; others++) {
			dead_frame(_i, own, others);
			begin_anew();
		}
}
END_TEST

/* Without a close, and with the power; what was acknowledged is there, and a new store is begun. */
static void both_end(struct worker *one, struct worker *other, uint32_t metas)
{
	worker_gone(other);
	worker_gone(one);
	cut_power(metas);
	is_whole();
	goes_on(2);
	begin_anew();
}

/* Who looked, and was refused, has made the frames void; whoever wrote them has to notice. */
START_TEST(a_refusal_of_another_process_costs_nothing)
{
	for (uint32_t commits = 1; commits < 6; commits++) {
		struct worker one = worker_with(commits);
		struct worker other = worker_at_store();

		ck_assert_int_eq(tell(&other, DO_REFUSED, 0), SKAFU_ECONFLICT);
		appends(&one, 2);
		ck_assert_int_eq(tell(&other, DO_REFUSED, 0), SKAFU_ECONFLICT);
		appends(&one, 1);
		both_end(&one, &other, META_BASE);
	}
}
END_TEST

/* It has flushed what they hold before. */
START_TEST(what_another_process_made_void_is_on_the_disk)
{
	for (uint32_t commits = 1; commits < 6; commits++) {
		struct worker one = worker_with(commits);
		struct worker other = worker_at_store();

		ck_assert_int_eq(tell(&other, DO_REFUSED, 0), SKAFU_ECONFLICT);
		ck_assert_uint_eq(live_frames(), 0);
		both_end(&one, &other, (uint32_t)_i);
	}
}
END_TEST

/* Two take turns, and one is killed in the middle of an append. */
static void take_turns(uint32_t each, uint32_t call)
{
	struct worker workers[2] = {worker_at_store(), worker_at_store()};
	uint32_t dying = call & 1;

	for (uint32_t turn = 0; turn < 6; turn++)
		appends(&workers[turn & 1], each);
	ck_assert_int_eq(tell(&workers[dying], DO_DIE_AT, call), 0);
	for (uint32_t i = 0; i < 4 && tried == 0; i++)
		attempt(&workers[dying], DO_APPEND);
	if (call & 2) {
		if (tell(&workers[!dying], DO_HEAD, 0) == (int32_t)expected_count + 1)
			expected[expected_count++] = tried;
		else if (tried && attempt(&workers[!dying], DO_APPEND) == 0) {
			/* the dead one's came before, or never */
			int32_t head = tell(&workers[!dying], DO_HEAD, 0);

			if (head == (int32_t)expected_count + 1) {
				expected[expected_count] = expected[expected_count - 1];
				expected[expected_count - 1] = last_number - 1;
				expected_count++;
			}
		}
		tried = 0;
	}
	worker_gone(&workers[!dying]);
	worker_gone(&workers[dying]);
	is_whole();
}

START_TEST(two_take_turns)
{
	static const uint32_t each[] = {1, 2, 5};

	for (uint32_t call = 1; call < 20; call++) {
		take_turns(each[_i], call);
		begin_anew();
	}
}
END_TEST

/* One call of a worker fails: what is refused is not there, what is unknown may be. */
static int a_call_fails(uint32_t call, uint32_t error_number, uint32_t metas)
{
	struct worker worker = worker_with(2);
	uint32_t failures = 0;
	int32_t rc = 0;

	ck_assert_int_eq(tell(&worker, DO_FAIL_AT, error_number << 16 | call), 0);
	for (uint32_t i = 0; i < 9 && (rc == 0 || rc == SKAFU_ENOSPACE); i++) {
		rc = attempt(&worker, DO_APPEND);
		failures += rc != 0;
		/* SKAFU_EIO: what was in frames could not be flushed, and nothing was tried. */
		ck_assert_msg(rc == 0 || rc == SKAFU_EUNKNOWN || rc == SKAFU_ENOSPACE || rc == SKAFU_EIO, "%s",
			      skafu_result_name(rc));
		if (rc == SKAFU_ENOSPACE || rc == SKAFU_EIO)
			tried = 0;
	}
	ck_assert_uint_le(failures, 1);
	worker_gone(&worker);
	cut_power(metas);
	is_whole();
	goes_on(2);
	return failures != 0;
}

START_TEST(a_failing_call_of_an_append)
{
	static const uint32_t errors[] = {EIO, ENOSPC};
	uint32_t failures = 0;

	for (uint32_t call = 1; call < 40; call++) {
		failures += (uint32_t)a_call_fails(call, errors[_i], call % METAS);
		begin_anew();
	}
	ck_assert_uint_gt(failures, 5);
}
END_TEST

static void at_random(struct worker *workers, uint32_t count)
{
	for (uint32_t step = 0; step < 25; step++) {
		struct worker *worker = &workers[random_below(count)];

		switch (random_below(8)) {
		case 0:
			ck_assert_int_eq(tell(worker, DO_REFUSED, 0), SKAFU_ECONFLICT);
			break;
		case 1:
			worker_gone(worker);
			*worker = worker_at_store();
			break;
		case 2:
			worker_closes(worker);
			*worker = worker_at_store();
			break;
		default:
			appends(worker, 1 + random_below(4));
		}
		ck_assert_int_eq(tell(worker, DO_HEAD, 0), (int32_t)expected_count);
	}
}

/* Whatever they do, a power cut at the end takes nothing. */
START_TEST(several_at_random)
{
	seeded("several_at_random");
	for (uint32_t round = 0; round < 8; round++) {
		struct worker workers[3] = {worker_at_store(), worker_at_store(), worker_at_store()};

		at_random(workers, 3);
		for (uint32_t i = 0; i < 3; i++)
			worker_gone(&workers[i]);
		cut_power(random_below(METAS));
		is_whole();
		begin_anew();
	}
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_checked_fixture(tests, dead_set_up, dead_tear_down);
	tcase_add_loop_test(tests, a_dead_frame_takes_nobodys_place, 0, 2);
	tcase_add_test(tests, a_refusal_of_another_process_costs_nothing);
	tcase_add_loop_test(tests, what_another_process_made_void_is_on_the_disk, 0, METAS);
	tcase_add_loop_test(tests, two_take_turns, 0, 3);
	tcase_add_loop_test(tests, a_failing_call_of_an_append, 0, 2);
	tcase_add_test(tests, several_at_random);
}

int main(void)
{
	return dead_main("taking turns", add_tests);
}

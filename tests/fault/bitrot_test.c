/*
 * bitrot_test.c: the share of the bit rot campaign that fits into every run of the tests; bitrot_long_test has the
 * rest.  SKAFU_TEST_SEED repeats a run.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fault/bitrot.h"
#include "store/tempstore.h"

#define RUNS 2000u
#define SECONDS 6.0 /* of each kind */

START_TEST(no_damage_gives_a_wrong_answer)
{
	struct bitrot_report report;

	seeded("bitrot_test");
	bitrot_run((enum bitrot_kind)_i, _i == BITROT_RANDOM ? 100 : RUNS, SECONDS, random_u64(), &report);
	printf("kind %d: %" PRIu64 " runs, %" PRIu64 " refused, %" PRIu64 " with errors, %" PRIu64
	       " unharmed, %" PRIu64 " salvaged\n",
	       _i, report.runs, report.refused, report.errors, report.unharmed, report.salvaged);
	ck_assert_uint_gt(report.runs, 0);
	ck_assert_msg(report.wrong == 0 && report.crashes == 0 && report.slow == 0,
		      "%" PRIu64 " wrong, %" PRIu64 " crashes, %" PRIu64 " slow: %s", report.wrong, report.crashes,
		      report.slow, report.first);
}
END_TEST

/* Teeth: were checksums not looked at, this is how it would be noticed. */
START_TEST(a_forged_checksum_is_noticed)
{
	struct bitrot_report report;

	bitrot_run(BITROT_FORGED, 1, SECONDS, 1, &report);
	ck_assert_uint_eq(report.wrong, 1);
	ck_assert_ptr_nonnull(strstr(report.first, "a payload"));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_loop_test(tests, no_damage_gives_a_wrong_answer, 0, BITROT_FORGED);
	tcase_add_test(tests, a_forged_checksum_is_noticed);
}

int main(void)
{
	return tempstore_main("bitrot", add);
}

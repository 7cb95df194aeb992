/*
 * bitrot_long_test.c: the whole bit rot campaign: 13,000 runs of each kind of damage.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>

#include "fault/bitrot.h"
#include "store/tempstore.h"

START_TEST(no_damage_gives_a_wrong_answer)
{
	struct bitrot_report report;

	seeded("bitrot_long_test");
	bitrot_run((enum bitrot_kind)_i, 13000, 600, random_u64(), &report);
	printf("kind %d: %" PRIu64 " runs, %" PRIu64 " refused, %" PRIu64 " with errors, %" PRIu64
	       " unharmed, %" PRIu64 " salvaged\n",
	       _i, report.runs, report.refused, report.errors, report.unharmed, report.salvaged);
	ck_assert_msg(report.wrong == 0 && report.crashes == 0 && report.slow == 0,
		      "%" PRIu64 " wrong, %" PRIu64 " crashes, %" PRIu64 " slow: %s", report.wrong, report.crashes,
		      report.slow, report.first);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_loop_test(tests, no_damage_gives_a_wrong_answer, 0, BITROT_RANDOM);
}

int main(void)
{
	return tempstore_main("bitrot_long", add);
}

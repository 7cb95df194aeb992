/*
 * probe_test.c: who listens is called, who has left is not, also while others report.
 */
#include "base/probe.h"

#include <check.h>
#include <pthread.h>
#include <string.h>

#include "skafu_base.h"
#include "util/suite.h"

struct ear {
	uint64_t count;
	_Atomic uint32_t heard;
	_Atomic uint32_t gone; /* set once it has left: it must hear nothing from then on */
	_Atomic uint32_t late;
};

static void hear(void *user, const struct skafu__probe_event *event)
{
	struct ear *ear = user;

	ear->heard++;
	ear->late += ear->gone;
	if (event->name && strcmp(event->name, "counted") == 0)
		ear->count += event->count;
}

static void hear_too(void *user, const struct skafu__probe_event *event)
{
	hear(user, event);
}

static void hear_third(void *user, const struct skafu__probe_event *event)
{
	hear(user, event);
}

static void hear_fourth(void *user, const struct skafu__probe_event *event)
{
	hear(user, event);
}

static void hear_fifth(void *user, const struct skafu__probe_event *event)
{
	hear(user, event);
}

START_TEST(listeners_come_and_go)
{
	struct skafu__probe probe = {0};
	struct ear a = {0}, b = {0};

	ck_assert(!skafu__probe_is_on(&probe));
	skafu__probe_report(&probe, SKAFU__PROBE_COMMIT, 1, 1, "counted");
	skafu__probe_leave(&probe, hear);
	ck_assert_int_eq(skafu__probe_listen(&probe, hear, &a), 0);
	ck_assert_int_eq(skafu__probe_listen(&probe, hear, &b), SKAFU_EEXISTS);
	ck_assert_int_eq(skafu__probe_listen(&probe, hear_too, &b), 0);
	ck_assert(skafu__probe_is_on(&probe));
	skafu__probe_report(&probe, SKAFU__PROBE_COMMIT, 3, 1, "counted");
	ck_assert(a.heard == 1 && b.heard == 1 && a.count == 3);
	skafu__probe_leave(&probe, hear);
	skafu__probe_report(&probe, SKAFU__PROBE_COMMIT, 4, 1, "counted");
	ck_assert(a.heard == 1 && b.heard == 2 && b.count == 7);
	ck_assert_int_eq(skafu__probe_listen(&probe, hear, &a), 0);
	ck_assert_int_eq(skafu__probe_listen(&probe, hear_third, &a), 0);
	ck_assert_int_eq(skafu__probe_listen(&probe, hear_fourth, &a), 0);
	ck_assert_int_eq(skafu__probe_listen(&probe, hear_fifth, &a), SKAFU_ELIMIT);
	skafu__probe_report(&probe, SKAFU__PROBE_FOLD, 1, 1, NULL);
	ck_assert(a.heard == 4 && b.heard == 3);
}
END_TEST

struct crowd {
	struct skafu__probe probe;
	_Atomic uint32_t stop;
};

static void *report_on(void *user)
{
	struct crowd *crowd = user;

	while (!crowd->stop)
		skafu__probe_report(&crowd->probe, SKAFU__PROBE_HANDLED, 1, 1, NULL);
	return NULL;
}

START_TEST(leaving_waits_for_who_is_inside)
{
	static struct crowd crowd;
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, report_on, &crowd), 0);
	for (int i = 0; i < 2000; i++) {
		struct ear ear = {0}; /* on the stack: a late call would write into what is something else by then */

		ck_assert_int_eq(skafu__probe_listen(&crowd.probe, hear, &ear), 0);
		while (i % 100 == 0 && ear.heard == 0)
			;
		skafu__probe_leave(&crowd.probe, hear);
		ear.gone = 1;
		skafu__probe_report(&crowd.probe, SKAFU__PROBE_HANDLED, 1, 1, NULL);
		ck_assert_uint_eq(ear.late, 0);
	}
	crowd.stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("probe");
	TCase *tests = tcase_create("all");

	tcase_add_test(tests, listeners_come_and_go);
	tcase_add_test(tests, leaving_waits_for_who_is_inside);
	tcase_set_timeout(tests, 60);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

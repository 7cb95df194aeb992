/*
 * processlist_test.c: the list of instances: by process, by state, in pages, with the next timer.
 */
#include "skafu_run.h"

#include <stdio.h>
#include <string.h>

#include "run/instance.h"
#include "run/prockit.h"

static struct prockit kit;

static void make(void)
{
	prockit_open(&kit);
}

static void drop(void)
{
	prockit_close(&kit);
}

static uint32_t count(const char *name, uint32_t states, uint64_t limit)
{
	skafu_process_list *list = NULL;
	const skafu_process_info *info;
	char last[300] = "";
	uint32_t got = 0;
	int32_t rc;

	went(skafu_process_list_open(kit.kit.store, name, states, limit, &list, fault));
	while ((rc = skafu_process_list_next(list, &info, fault)) == 1) {
		char key[300];
		snprintf(key, sizeof key, "%s %s", info->name, info->instance);
		ck_assert_int_gt(strcmp(key, last), 0);
		strcpy(last, key);
		ck_assert_str_eq(info->message, "");
		got++;
	}
	ck_assert_int_eq(rc, 0);
	skafu_process_list_free(list);
	return got;
}

START_TEST(by_name_and_state)
{
	skafu_process_def def = prockit_def(&kit, 1);
	char stream[20];

	prockit_define(&kit, 1, NULL);
	def.name = "pp";
	went(skafu_model_add_process(kit.kit.model, &def, fault));
	for (int i = 0; i < 130; i++) {
		snprintf(stream, sizeof stream, "s%d", i);
		prockit_tell(&kit, "Ordered", stream, i % 10 == 0 ? "e" : NULL);
	}
	prockit_run(&kit);
	ck_assert_uint_eq(count(NULL, 0, SKAFU_NO_LIMIT), 260);
	ck_assert_uint_eq(count("p", 0, SKAFU_NO_LIMIT), 130);
	ck_assert_uint_eq(count("pp", 1u << SKAFU_PROCESS_COMPLETED, SKAFU_NO_LIMIT), 13);
	ck_assert_uint_eq(count("p", 1u << SKAFU_PROCESS_RUNNING, SKAFU_NO_LIMIT), 117);
	ck_assert_uint_eq(count("p", 1u << SKAFU_PROCESS_ASIDE, SKAFU_NO_LIMIT), 0);
	ck_assert_uint_eq(count("p", 0, 128), 128);
	ck_assert_uint_eq(count("p", 0, 0), 0);
	ck_assert_uint_eq(count("none", 0, 10), 0);
}
END_TEST

START_TEST(what_it_says)
{
	skafu_process_list *list = NULL;
	const skafu_process_info *info;

	prockit_define(&kit, 1, NULL);
	kit.due = INT64_C(9000000000000000000);
	uint64_t first = prockit_tell(&kit, "Ordered", "a", "T");
	kit.due--;
	prockit_tell(&kit, "Paid", "a", NULL);
	prockit_run(&kit);
	uint64_t last = prockit_tell(&kit, "Paid", "a", "t");
	prockit_run(&kit);
	went(skafu_process_list_open(kit.kit.store, "p", 0, 10, &list, fault));
	ck_assert_int_eq(skafu_process_list_next(list, &info, fault), 1);
	ck_assert_uint_eq(info->size, sizeof *info);
	ck_assert_uint_eq(info->first_sequence, first);
	ck_assert_uint_eq(info->last_sequence, last);
	ck_assert_uint_eq(info->steps, 3);
	ck_assert_int_eq(info->next_timer_ns, kit.due);
	ck_assert_uint_eq(strlen(info->correlation), 36);
	skafu_process_list_free(list);
	kit.due = 1;
	prockit_tell(&kit, "Paid", "a", "t");
	prockit_run(&kit);
	went(skafu_process_list_open(kit.kit.store, "p", 0, 10, &list, fault));
	ck_assert_int_eq(skafu_process_list_next(list, &info, fault), 1);
	ck_assert_int_gt(info->next_timer_ns, 1);
	skafu_process_list_free(list);
}
END_TEST

START_TEST(bad_arguments)
{
	skafu_process_list *list = NULL;
	const skafu_process_info *info;

	refused(SKAFU_EINVAL, skafu_process_list_open(NULL, "p", 0, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_process_list_open(kit.kit.store, "", 0, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_process_list_open(kit.kit.store, "p", 1, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_process_list_open(kit.kit.store, "p", 1u << 6, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_process_list_open(kit.kit.store, "p", 0, 1, NULL, fault));
	refused(SKAFU_EINVAL, skafu_process_list_next(NULL, &info, fault));
	went(skafu_process_list_open(kit.kit.store, NULL, 0, 1, &list, fault));
	refused(SKAFU_EINVAL, skafu_process_list_next(list, NULL, fault));
	skafu_process_list_free(list);
	skafu_process_list_free(NULL);
}
END_TEST

START_TEST(damaged_rows)
{
	skafu_process_list *list = NULL;
	const skafu_process_info *info;

	append_row(kit.kit.store, skafu__process_table, "no NUL", "x");
	went(skafu_process_list_open(kit.kit.store, NULL, 0, 1, &list, fault));
	refused(SKAFU_EDAMAGED, skafu_process_list_next(list, &info, fault));
	ck_assert_int_eq(skafu_process_list_next(list, &info, fault), 0);
	skafu_process_list_free(list);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, by_name_and_state);
	tcase_add_test(tests, what_it_says);
	tcase_add_test(tests, bad_arguments);
	tcase_add_test(tests, damaged_rows);
}

int main(void)
{
	return tempstore_main("processlist", add);
}

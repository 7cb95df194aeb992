/*
 * rule_search_test.c: what the search finds in random texts of two letters, compared with strstr; memory that runs
 * out.
 */
#include "model/rule_search.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/failing.h"
#include "model/rule.h"
#include "model/rule_table.h"
#include "model/rulekit.h"
#include "util/suite.h"

#define LITERALS 40

static uint64_t random_state;

static unsigned below(unsigned limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 11) % limit);
}

static void random_text(char *text, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		text[i] = "ab"[below(2)];
	text[length] = '\0';
}

/* Half of the literals go under each of two roots. */
static void search_round(void)
{
	char literals[LITERALS][8];
	uint32_t ids[LITERALS];
	uint32_t roots[2];
	char text[32];
	struct skafu__rule_search search;
	skafu_rules *rules;
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	skafu__rule_search_init(&search, rules);
	ck_assert_int_eq(skafu__rule_search_reserve(&search, sizeof literals, 2), 0);
	roots[0] = skafu__rule_search_root(&search);
	roots[1] = skafu__rule_search_root(&search);
	for (unsigned i = 0; i < LITERALS; i++) {
		random_text(literals[i], 1 + below(6));
		struct skafu__rule_item item = {.owner = i % 2, .length = (uint32_t)strlen(literals[i])};
		const uint8_t *bytes = (const uint8_t *)literals[i];
		ck_assert_int_eq(skafu__rule_intern(rules, &rules->texts, &item, bytes, &ids[i]), 0);
		skafu__rule_search_add(&search, roots[i % 2], rules, ids[i]);
	}
	ck_assert_int_eq(skafu__rule_search_link(&search), 0);
	for (unsigned run = 0; run < 20; run++) {
		uint8_t found[LITERALS] = {0};
		uint32_t state = roots[run % 2];
		random_text(text, below(25));
		for (const char *at = text; *at; at++) {
			state = skafu__rule_search_step(&search, state, (uint8_t)*at);
			for (uint32_t to = state; to != SKAFU__RULE_NONE;) {
				uint32_t id = skafu__rule_search_found(&search, to, &to);
				if (id == SKAFU__RULE_NONE)
					break;
				found[id] = 1;
			}
		}
		for (unsigned i = run % 2; i < LITERALS; i += 2)
			ck_assert_msg(found[ids[i]] == (strstr(text, literals[i]) != NULL), "%s in %s: %d",
				      literals[i], text, found[ids[i]]);
	}
	skafu__rule_search_done(&search);
	skafu_rules_free(rules);
}

START_TEST(the_search_finds_what_is_there)
{
	const char *given = getenv("SKAFU_TEST_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u;
	printf("rule_search_test: SKAFU_TEST_SEED=%llu\n", (unsigned long long)seed);
	random_state = seed | 1;
	for (int round = 0; round < 60; round++)
		search_round();
}
END_TEST

START_TEST(a_lack_of_memory_is_said)
{
	static struct failing failing;
	struct skafu__rule_search search;
	skafu_rules *rules;
	failing_init(&failing);
	skafu__sys_override(&failing.sys);
	ck_assert_int_eq(skafu_rules_new(&rules, NULL), 0);
	long live = failing.live;
	skafu__rule_search_init(&search, rules);
	ck_assert_int_eq(skafu__rule_search_reserve(&search, 0, 0), 0);
	ck_assert_int_eq(skafu__rule_search_link(&search), 0);
	for (long left = 0; left < 3; left++) {
		failing.left = left;
		int32_t code = skafu__rule_search_reserve(&search, 100, 1);
		ck_assert_int_eq(code, left < 2 ? SKAFU_ENOMEM : 0);
		if (left == 2) {
			skafu__rule_search_root(&search);
			ck_assert_int_eq(skafu__rule_search_link(&search), SKAFU_ENOMEM);
		}
		failing.left = -1;
		skafu__rule_search_done(&search);
		ck_assert_int_eq(failing.live, live);
		skafu__rule_search_init(&search, rules);
	}
	skafu_rules_free(rules);
	ck_assert_int_eq(failing.live, 0);
	skafu__sys_override(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rule_search");
	TCase *literals = tcase_create("literals");
	tcase_add_test(literals, the_search_finds_what_is_there);
	tcase_add_test(literals, a_lack_of_memory_is_said);
	suite_add_tcase(suite, literals);
	return suite_run(suite);
}

/*
 * name_test.c: which names a host may give to a consumer.
 */
#include "run/name.h"

#include <check.h>
#include <string.h>

#include "run/checkpoint.h"
#include "run/kit.h"

static struct kit kit;

static void make(void)
{
	kit_open(&kit);
	kit_add_reaction(&kit, "reserve", NULL, NULL, kit_reserve);
}

static void drop(void)
{
	kit_close(&kit);
}

static int32_t check(const char *name, const char *kind)
{
	return skafu__run_name_check(kit.model, name, kind, fault);
}

START_TEST(the_room_of_the_library)
{
	refused(SKAFU_EDEFINITION, check("domain:shop", "reaction"));
	message_names("domain:shop");
	refused(SKAFU_EDEFINITION, check("skafu.errors", "reaction"));
	message_names("skafu.errors");
	went(check("domain", "reaction"));
	went(check("skafu", "reaction"));
	went(check("my-skafu.errors", "reaction"));
}
END_TEST

START_TEST(what_is_no_name)
{
	char name[SKAFU__CONSUMER_NAME_BYTES_MAX + 2];

	memset(name, 'n', sizeof name);
	name[SKAFU__CONSUMER_NAME_BYTES_MAX + 1] = '\0';
	refused(SKAFU_ELIMIT, check(name, "reaction"));
	name[SKAFU__CONSUMER_NAME_BYTES_MAX] = '\0';
	went(check(name, "reaction"));
	refused(SKAFU_EINVAL, check(NULL, "reaction"));
	refused(SKAFU_EINVAL, check("", "reaction"));
	refused(SKAFU_EUTF8, check("a\xff", "reaction"));
	refused(SKAFU_EUTF8, check("a\nb", "reaction"));
}
END_TEST

START_TEST(another_kind_has_it)
{
	refused(SKAFU_EDEFINITION, check("reserve", "projection"));
	message_names("reaction reserve");
	refused(SKAFU_EDEFINITION, check("reserve", "process"));
	went(check("reserve", "reaction")); /* the registry of the kind sees to it */
	went(check("other", "process"));
	went(skafu__run_name_check(NULL, "reserve", "process", fault));
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, the_room_of_the_library);
	tcase_add_test(tests, what_is_no_name);
	tcase_add_test(tests, another_kind_has_it);
}

int main(void)
{
	return tempstore_main("name", add);
}

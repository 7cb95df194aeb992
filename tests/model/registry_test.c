/*
 * registry_test.c: what is refused when it is defined, and with which sentence.
 */
#include "model/registry.h"

#include <check.h>
#include <string.h>

#include "base/failing.h"
#include "model/fixture.h"
#include "model/model.h"
#include "util/suite.h"

static struct fixture bank;

static void open_bank(void)
{
	fixture_open(&bank);
}

static void close_bank(void)
{
	fixture_close(&bank);
}

static void refused(int32_t rc, int32_t code, const char *words)
{
	ck_assert_int_eq(rc, code);
	if (!strstr(bank.error.message, words))
		ck_abort_msg("\"%s\" is not in: %s", words, bank.error.message);
}

START_TEST(domains)
{
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "bank", &bank.error), 0);
	refused(skafu_model_add_domain(bank.model, "bank", &bank.error), SKAFU_EDEFINITION, "bank is defined "
		"already");
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "", NULL), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "a\nb", NULL), SKAFU_EUTF8);
	ck_assert_int_eq(skafu_model_add_domain(NULL, "x", NULL), SKAFU_EINVAL);
	ck_assert_str_eq(skafu__registry_domain(&bank.model->registry, "bank")->name, "bank");
	ck_assert_ptr_null(skafu__registry_domain(&bank.model->registry, "bankx"));
}
END_TEST

START_TEST(event_types)
{
	skafu_event_def def = {.size = sizeof def, .domain = "bank", .type = "Opened", .user = &bank,
			       .free_user = fixture_freed};

	refused(skafu_model_add_event(bank.model, &def, &bank.error), SKAFU_EDEFINITION, "add the domain first");
	ck_assert_uint_eq(bank.freed, 1); /* released before the refusal returned */
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "bank", NULL), 0);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "shop", NULL), 0);
	ck_assert_int_eq(skafu_model_add_event(bank.model, &def, NULL), 0);
	ck_assert_uint_eq(skafu__registry_type(&bank.model->registry, "Opened")->version, 1u << 16);
	refused(skafu_model_add_event(bank.model, &def, &bank.error), SKAFU_EDEFINITION, "defined already");
	def.domain = "shop";
	refused(skafu_model_add_event(bank.model, &def, &bank.error), SKAFU_EDEFINITION, "belongs to domain bank");
	ck_assert_uint_eq(bank.freed, 3);
	def.type = "Sold";
	def.event_version = 7;
	refused(skafu_model_add_event(bank.model, &def, &bank.error), SKAFU_EDEFINITION, "begin with 1.0");
	def.event_version = 0;
	def.subject_prefix = "person:";
	refused(skafu_model_add_event(bank.model, &def, &bank.error), SKAFU_EUNSUPPORTED, "sealed");
	def.subject_prefix = NULL;
	def.type = NULL;
	ck_assert_int_eq(skafu_model_add_event(bank.model, &def, NULL), SKAFU_EINVAL);
	def.type = "Sold";
	def.size = 0;
	refused(skafu_model_add_event(bank.model, &def, &bank.error), SKAFU_EOPTION, "size");
	def.size = 3;
	ck_assert_int_eq(skafu_model_add_event(bank.model, &def, NULL), SKAFU_EOPTION);
	ck_assert_uint_eq(bank.freed, 6); /* nothing can be believed of a struct without a size */
	skafu_model_close(bank.model);
	bank.model = NULL;
	ck_assert_uint_eq(bank.freed, 7);
}
END_TEST

START_TEST(a_model_in_use_is_closed_for_definitions)
{
	fixture_define_bank(&bank, 0);
	skafu_outcome_free(fixture_execute(&bank, "Open", "a", 0));
	refused(skafu_model_add_domain(bank.model, "shop", &bank.error), SKAFU_EMISUSE, "define everything first");
	skafu_event_def def = {.size = sizeof def, .domain = "bank", .type = "Late"};
	ck_assert_int_eq(skafu_model_add_event(bank.model, &def, NULL), SKAFU_EMISUSE);
}
END_TEST

START_TEST(the_store_remembers_whose_a_type_is)
{
	fixture_append(&bank, "a", "Opened", 0, "{}");
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "shop", NULL), 0);
	skafu_event_def def = {.size = sizeof def, .domain = "shop", .type = "Opened"};
	ck_assert_int_eq(skafu_model_add_event(bank.model, &def, NULL), 0);
	refused(skafu_model_freeze(bank.model, &bank.error), SKAFU_EDEFINITION, "belongs to domain bank in this "
		"store");
	ck_assert_ptr_nonnull(strstr(bank.error.message, "domain shop"));
	fixture_reopen_model(&bank);
	fixture_define_bank(&bank, 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
}
END_TEST

START_TEST(without_memory)
{
	struct failing failing;
	int32_t rc = SKAFU_ENOMEM;

	failing_init(&failing);
	for (long left = 0; rc != 0; left++) {
		struct skafu__registry registry;
		struct skafu__type *type = NULL;

		failing.left = left;
		skafu__registry_init(&registry, &failing.sys);
		rc = skafu__registry_make_type(&registry, "Opened", &type, NULL);
		ck_assert(rc == 0 || rc == SKAFU_ENOMEM);
		ck_assert_int_eq(type == NULL, rc != 0);
		ck_assert(skafu__registry_type(&registry, "Opened") == type);
		skafu__registry_done(&registry);
		ck_assert_int_eq(failing.live, 0);
		ck_assert_int_lt(left, 20);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("registry");
	TCase *tests = tcase_create("registry");

	tcase_add_checked_fixture(tests, open_bank, close_bank);
	tcase_add_test(tests, domains);
	tcase_add_test(tests, event_types);
	tcase_add_test(tests, a_model_in_use_is_closed_for_definitions);
	tcase_add_test(tests, the_store_remembers_whose_a_type_is);
	tcase_add_test(tests, without_memory);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

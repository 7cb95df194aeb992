/*
 * projection_test.c: what is refused of a definition, what its fingerprint notices, which stored types it asks for.
 */
#include "model/projection.h"

#include <check.h>
#include <string.h>

#include "model/viewkit.h"
#include "util/suite.h"

static struct fixture bank;
static struct viewkit kit;

static void begin(void)
{
	memset(&kit, 0, sizeof kit);
	fixture_open(&bank);
	viewkit_define_events(&bank);
}

static void end(void)
{
	fixture_close(&bank);
}

static void refused(const skafu_projection_def *def, int32_t code, const char *words)
{
	uint32_t freed = kit.freed;

	ck_assert_int_eq(skafu_model_add_projection(bank.model, def, &bank.error), code);
	if (!strstr(bank.error.message, words))
		ck_abort_msg("\"%s\" is not in: %s", words, bank.error.message);
	ck_assert_uint_eq(kit.freed, freed + 1);
}

START_TEST(refused_alone)
{
	struct viewkit other = {.form = VIEWKIT_FOLD};
	skafu_projection_def def = viewkit_def(&kit);
	skafu_projection_def fold = viewkit_def(&other);

	def.name = NULL;
	refused(&def, SKAFU_EINVAL, "name");
	def = viewkit_def(&kit);
	def.domain = "none";
	refused(&def, SKAFU_EDEFINITION, "none");
	def = viewkit_def(&kit);
	def.batch = NULL;
	def.key = fold.key;
	refused(&def, SKAFU_EDEFINITION, "several");
	def.each = NULL;
	refused(&def, SKAFU_EDEFINITION, "key and fold");
	def.key = NULL;
	refused(&def, SKAFU_EDEFINITION, "no handler");
	def = viewkit_def(&kit);
	def.flags = 0x100;
	refused(&def, SKAFU_EOPTION, "flag");
	def = viewkit_def(&kit);
	def.batch_max = 1000001;
	refused(&def, SKAFU_EDEFINITION, "batches");
	def = viewkit_def(&kit);
	def.rule = "{\"eventType\":";
	refused(&def, SKAFU_EPATTERN, "");
	def = viewkit_def(&kit);
	def.type_count = 1;
	refused(&def, SKAFU_EDEFINITION, "types is NULL");
	viewkit_add(&bank, &kit, 1);
	def = viewkit_def(&kit);
	refused(&def, SKAFU_EDEFINITION, "already");
}
END_TEST

START_TEST(unknown_type)
{
	static const char *const types[] = {"Deposited", "Deposted"};
	skafu_projection_def def = viewkit_def(&kit);

	def.types = types;
	def.type_count = 2;
	ck_assert_int_eq(skafu_model_add_projection(bank.model, &def, &bank.error), 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), SKAFU_EDEFINITION);
	ck_assert_ptr_nonnull(strstr(bank.error.message, "Deposted"));
	fixture_event(&bank, "Deposted");
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
	def = viewkit_def(&kit);
	def.name = "late";
	refused(&def, SKAFU_EMISUSE, "in use");
}
END_TEST

static void fingerprint_of(const skafu_projection_def *def, uint8_t out[16])
{
	fixture_reopen_model(&bank);
	viewkit_define_events(&bank);
	ck_assert_int_eq(skafu_model_add_projection(bank.model, def, &bank.error), 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
	memcpy(out, skafu__projection_first(bank.model)->fingerprint, 16);
	ck_assert_ptr_null(skafu__projection_next(skafu__projection_first(bank.model)));
	ck_assert_str_eq(skafu__projection_name(skafu__projection_find(bank.model, "balances")), "balances");
}

START_TEST(fingerprints)
{
	static const char *const types[] = {"Deposited", "Withdrawn"};
	static const char *const turned[] = {"Withdrawn", "Deposited"};
	skafu_projection_def def = viewkit_def(&kit);
	uint8_t first[16], next[16];

	fingerprint_of(&def, first);
	def.batch_max = 7;
	fingerprint_of(&def, next);
	ck_assert_int_eq(memcmp(first, next, 16), 0);
	def.version = 0; /* is 1 */
	fingerprint_of(&def, next);
	ck_assert_int_eq(memcmp(first, next, 16), 0);
	def.version = 2;
	fingerprint_of(&def, next);
	ck_assert_int_ne(memcmp(first, next, 16), 0);
	def = viewkit_def(&kit);
	def.rule = "{\"eventType\":[\"Deposited\"]}";
	fingerprint_of(&def, next);
	ck_assert_int_ne(memcmp(first, next, 16), 0);
	def = viewkit_def(&kit);
	def.types = types;
	def.type_count = 2;
	fingerprint_of(&def, first);
	def.types = turned;
	fingerprint_of(&def, next);
	ck_assert_int_eq(memcmp(first, next, 16), 0);
	def.type_count = 1;
	fingerprint_of(&def, next);
	ck_assert_int_ne(memcmp(first, next, 16), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("projection");
	TCase *tests = tcase_create("projection");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, refused_alone);
	tcase_add_test(tests, unknown_type);
	tcase_add_test(tests, fingerprints);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

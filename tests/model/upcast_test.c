/*
 * upcast_test.c: what is refused of upcasters, what handlers see through them, what the fingerprint notices.
 */
#include "model/upcast.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "model/fixture.h"
#include "model/model.h"
#include "util/suite.h"

#define V1 (1u << 16)
#define V2 (2u << 16)
#define V3 (3u << 16)

static struct fixture bank;

static void open_bank(void)
{
	fixture_open(&bank);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "bank", NULL), 0);
}

static void close_bank(void)
{
	fixture_close(&bank);
}

static void event(const char *type, uint32_t version)
{
	skafu_event_def def = {.size = sizeof def, .domain = "bank", .type = type, .event_version = version};

	ck_assert_int_eq(skafu_model_add_event(bank.model, &def, &bank.error), 0);
}

/* Adds every form that it may, each with the data of the stored record and its own number. */
static int32_t pass_on(void *user, const skafu_record *stored, skafu_upcast *out, skafu_error *error)
{
	const skafu_upcaster_def *def = user;
	char data[64];
	int32_t rc = 0;

	for (uint32_t i = 0; rc == 0 && i < def->to_count; i++) {
		int length = snprintf(data, sizeof data, "{\"from\":%u,\"number\":%u}", stored->event_version >> 16,
				      i);

		rc = skafu_upcast_add(out, def->to_types[i], def->to_versions[i], data, (size_t)length, error);
	}
	return rc;
}

static skafu_upcaster_def defs[8];
static int def_count;

static int32_t upcaster(const char *type, uint32_t from, const char *const *types, const uint32_t *versions,
			uint32_t count)
{
	skafu_upcaster_def *def = &defs[def_count++ % 8];

	*def = (skafu_upcaster_def){.size = sizeof *def, .from_version = from, .to_count = count, .type = type,
				    .to_types = types, .to_versions = versions, .upcast = count ? pass_on : NULL};
	def->user = def;
	return skafu_model_add_upcaster(bank.model, def, &bank.error);
}

static int32_t simple(const char *type, uint32_t from, const char *to, uint32_t version)
{
	static const char *types[8][1];
	static uint32_t versions[8][1];
	static int next;
	int at = next++ % 8;

	types[at][0] = to;
	versions[at][0] = version;
	return upcaster(type, from, types[at], versions[at], 1);
}

static void refused(int32_t rc, int32_t code, const char *words)
{
	ck_assert_int_eq(rc, code);
	if (!strstr(bank.error.message, words))
		ck_abort_msg("\"%s\" is not in: %s", words, bank.error.message);
}

START_TEST(refused_alone)
{
	skafu_upcaster_def def = {.size = sizeof def, .from_version = V1, .to_count = 1, .type = "A", .user = &bank,
				  .free_user = fixture_freed};
	const char *types[] = {"A"};
	uint32_t versions[] = {V1};

	refused(skafu_model_add_upcaster(bank.model, &def, &bank.error), SKAFU_EDEFINITION, "to_types");
	def.to_types = types;
	def.to_versions = versions;
	refused(skafu_model_add_upcaster(bank.model, &def, &bank.error), SKAFU_EDEFINITION, "no function");
	def.upcast = pass_on;
	refused(skafu_model_add_upcaster(bank.model, &def, &bank.error), SKAFU_EDEFINITION, "not newer");
	versions[0] = V2;
	def.from_version = 5;
	refused(skafu_model_add_upcaster(bank.model, &def, &bank.error), SKAFU_EDEFINITION, "begin with 1.0");
	def.from_version = V1;
	versions[0] = 5;
	refused(skafu_model_add_upcaster(bank.model, &def, &bank.error), SKAFU_EDEFINITION, "begin with 1.0");
	versions[0] = V2;
	def.to_count = 65;
	refused(skafu_model_add_upcaster(bank.model, &def, &bank.error), SKAFU_ELIMIT, "at most 64");
	def.to_count = 1;
	def.type = NULL;
	ck_assert_int_eq(skafu_model_add_upcaster(bank.model, &def, NULL), SKAFU_EINVAL);
	ck_assert_uint_eq(bank.freed, 7);
	def.size = 1;
	ck_assert_int_eq(skafu_model_add_upcaster(bank.model, &def, NULL), SKAFU_EOPTION);
	ck_assert_int_eq(simple("A", V1, "A", V2), 0);
	refused(simple("A", V1, "A", V3), SKAFU_EDEFINITION, "already");
}
END_TEST

START_TEST(refused_as_a_whole)
{
	ck_assert_int_eq(simple("A", V1, "A", V2), 0);
	refused(skafu_model_freeze(bank.model, &bank.error), SKAFU_EDEFINITION, "no defined event type");
	event("A", V3);
	refused(skafu_model_freeze(bank.model, &bank.error), SKAFU_EDEFINITION, "gap");
	ck_assert_int_eq(simple("A", V2, "A", V3), 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
	fixture_reopen_model(&bank);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "bank", NULL), 0);
	event("A", V3);
	ck_assert_int_eq(simple("A", V1, "A", V3), 0); /* leaps over 2 */
	refused(skafu_model_freeze(bank.model, &bank.error), SKAFU_EDEFINITION, "none of version 2");
	fixture_reopen_model(&bank);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "bank", NULL), 0);
	event("A", V1);
	ck_assert_int_eq(simple("A", V1, "A", V2), 0);
	refused(skafu_model_freeze(bank.model, &bank.error), SKAFU_EDEFINITION, "the newest");
}
END_TEST

START_TEST(cycles)
{
	event("A", V2);
	event("B", V2);
	ck_assert_int_eq(simple("A", V1, "B", V1), 0);
	ck_assert_int_eq(simple("B", V1, "A", V1), 0);
	refused(skafu_model_freeze(bank.model, &bank.error), SKAFU_EDEFINITION, "cycle");
	refused(skafu_model_freeze(bank.model, &bank.error), SKAFU_EDEFINITION, "cycle"); /* and again */
}
END_TEST

/* ---- the lens -------------------------------------------------------------------------------------------------- */

static skafu_record *stored(const char *type, uint32_t version, const char *data)
{
	skafu_record *record = NULL;
	uint64_t head;

	fixture_append(&bank, "s", type, version, data);
	ck_assert_int_eq(skafu_store_head(bank.store, &head, NULL), 0);
	ck_assert_int_eq(skafu_get(bank.store, head, &record, NULL), 0);
	return record;
}

START_TEST(one_to_many_to_none)
{
	static const char *const parts[] = {"B", "A", "C"};
	static const uint32_t versions[] = {V1, V2, V1};
	struct skafu__lens lens;
	skafu_record *record = stored("A", V1, "{\"x\":1}");

	event("A", V3);
	event("B", V1);
	ck_assert_int_eq(upcaster("A", V1, parts, versions, 3), 0);
	ck_assert_int_eq(simple("A", V2, "A", V3), 0);
	ck_assert_int_eq(upcaster("C", V1, NULL, NULL, 0), 0); /* hides what is no more */
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
	skafu__lens_init(&lens, &bank.model->registry);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(skafu__lens_look(&lens, record, &bank.error), 2);
		ck_assert_str_eq(lens.shown[0]->type, "B");
		ck_assert_str_eq(lens.shown[1]->type, "A");
		ck_assert_uint_eq(lens.shown[1]->event_version, V3);
		ck_assert_ptr_eq(lens.shown[0]->type, skafu__registry_type(&bank.model->registry, "B")->name);
		ck_assert(memcmp(lens.shown[0]->data, "{\"from\":1,\"number\":0}", 21) == 0);
		ck_assert(memcmp(lens.shown[1]->data, "{\"from\":2,\"number\":0}", 21) == 0);
		for (uint32_t n = 0; n < 2; n++) {
			ck_assert_uint_eq(lens.shown[n]->reserved, n);
			ck_assert_uint_eq(lens.shown[n]->sequence, record->sequence);
			ck_assert_uint_eq(lens.shown[n]->stream_version, record->stream_version);
		}
	}
	ck_assert(memcmp(record->data, "{\"x\":1}", 7) == 0);
	skafu_record_free(record);
	record = stored("Foreign", V1, "{}"); /* of nobody here: as it is */
	ck_assert_int_eq(skafu__lens_look(&lens, record, NULL), 1);
	ck_assert_ptr_eq(lens.shown[0], record);
	skafu_record_free(record);
	skafu__lens_done(&lens);
}
END_TEST

START_TEST(versions_that_nobody_knows)
{
	struct skafu__lens lens;
	skafu_record *old = stored("A", V1, "{}");
	skafu_record *minor = stored("A", V2, "{}");
	skafu_record *newer = stored("A", V2 + 2, "{}");

	event("A", V2 + 1);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
	skafu__lens_init(&lens, &bank.model->registry);
	refused(skafu__lens_look(&lens, old, &bank.error), SKAFU_EDEFINITION, "no upcaster leads");
	ck_assert_uint_eq(bank.error.sequence, 1);
	ck_assert_int_eq(skafu__lens_look(&lens, minor, &bank.error), 1);
	refused(skafu__lens_look(&lens, newer, &bank.error), SKAFU_ENEWER, "run a newer program");
	skafu__lens_done(&lens);
	skafu_record_free(old);
	skafu_record_free(minor);
	skafu_record_free(newer);
}
END_TEST

/* ---- functions that do wrong ----------------------------------------------------------------------------------- */

static int what_wrong;

static int32_t wrong(void *user, const skafu_record *record, skafu_upcast *out, skafu_error *error)
{
	(void)user;
	(void)record;
	if (what_wrong == 0)
		skafu_upcast_add(out, "A", V3, "{}", 2, error); /* not named; and the failure is not passed on */
	if (what_wrong == 1)
		skafu_upcast_add(out, "A", V2, "{,}", 3, error);
	if (what_wrong == 2)
		return SKAFU_EHOST;
	if (what_wrong == 3)
		for (int i = 0; i < 5000; i++)
			skafu_upcast_add(out, "A", V2, NULL, 0, error);
	if (what_wrong == 4)
		return skafu_upcast_add(out, "A", V2, NULL, 0, error); /* an empty object */
	if (what_wrong == 5)
		skafu_upcast_add(out, NULL, V2, NULL, 0, error);
	return 0;
}

START_TEST(functions_that_do_wrong)
{
	static const int32_t codes[] = {SKAFU_EDEFINITION, SKAFU_EJSON, SKAFU_EHOST, SKAFU_ELIMIT, 1, 0};
	static const char *const types[] = {"A"};
	static const uint32_t versions[] = {V2};
	skafu_upcaster_def def = {.size = sizeof def, .from_version = V1, .to_count = 1, .type = "A", .upcast = wrong,
				  .to_types = types, .to_versions = versions};
	struct skafu__lens lens;
	skafu_record *record = stored("A", V1, "{}");

	event("A", V2);
	ck_assert_int_eq(skafu_model_add_upcaster(bank.model, &def, NULL), 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
	skafu__lens_init(&lens, &bank.model->registry);
	for (what_wrong = 0; what_wrong < 6; what_wrong++) {
		bank.error.code = 0;
		ck_assert_int_eq(skafu__lens_look(&lens, record, &bank.error), codes[what_wrong]);
		if (codes[what_wrong] < 0)
			ck_assert_int_eq(bank.error.code, codes[what_wrong]);
	}
	skafu__lens_done(&lens);
	skafu_record_free(record);
}
END_TEST

/* ---- fingerprints ---------------------------------------------------------------------------------------------- */

static void take(uint32_t order, uint32_t revision, const char *type, uint8_t out[16])
{
	static const char *const to[] = {"A"};
	static const uint32_t versions[] = {V2};
	skafu_upcaster_def a = {.size = sizeof a, .from_version = V1, .to_count = 1, .type = "A", .upcast = pass_on,
				.to_types = to, .to_versions = versions, .revision = revision};
	skafu_upcaster_def b = {.size = sizeof b, .from_version = V1, .type = "B"};

	fixture_reopen_model(&bank);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "bank", NULL), 0);
	event("A", V2);
	ck_assert_int_eq(skafu_model_add_upcaster(bank.model, order ? &a : &b, NULL), 0);
	ck_assert_int_eq(skafu_model_add_upcaster(bank.model, order ? &b : &a, NULL), 0);
	ck_assert_int_eq(skafu_model_freeze(bank.model, &bank.error), 0);
	ck_assert_int_eq(skafu__upcast_fingerprint(&bank.model->registry, &type, type != NULL, out, NULL), 0);
}

START_TEST(fingerprints)
{
	uint8_t all[16], other_order[16], revised[16], of_a[16], of_b[16], of_b_revised[16];

	take(0, 0, NULL, all);
	take(1, 0, NULL, other_order);
	take(1, 1, NULL, revised);
	take(0, 0, "A", of_a);
	take(0, 0, "B", of_b);
	take(0, 1, "B", of_b_revised);
	ck_assert(memcmp(all, other_order, 16) == 0);
	ck_assert(memcmp(all, revised, 16) != 0);
	ck_assert(memcmp(all, of_a, 16) != 0);
	ck_assert(memcmp(of_b, of_b_revised, 16) == 0); /* nothing of A leads to B */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upcast");
	TCase *tests = tcase_create("upcast");

	tcase_add_checked_fixture(tests, open_bank, close_bank);
	tcase_add_test(tests, refused_alone);
	tcase_add_test(tests, refused_as_a_whole);
	tcase_add_test(tests, cycles);
	tcase_add_test(tests, one_to_many_to_none);
	tcase_add_test(tests, versions_that_nobody_knows);
	tcase_add_test(tests, functions_that_do_wrong);
	tcase_add_test(tests, fingerprints);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

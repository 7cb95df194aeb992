/*
 * glass_test.c: a host's cursor through the upcasters: many forms, none, batches, limits, what is refused.
 */
#include "skafu_model.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "model/fixture.h"
#include "util/suite.h"

#define V2 (2u << 16)

static struct fixture bank;
static int failing;

/* A split record becomes two deposits; one that is gone is hidden. */
static int32_t split(void *user, const skafu_record *stored, skafu_upcast *out, skafu_error *error)
{
	int32_t rc;

	(void)user;
	if (failing) {
		skafu_error_set(error, SKAFU_EHOST, "not today");
		return SKAFU_EHOST;
	}
	rc = skafu_upcast_add(out, "Deposited", V2, stored->data, stored->data_length, error);
	return rc ? rc : skafu_upcast_add(out, "Deposited", V2, "{\"half\":2}", 10, error);
}

static void begin(void)
{
	static const char *const types[] = {"Deposited", "Deposited"};
	static const uint32_t versions[] = {V2, V2};
	skafu_upcaster_def gone = {.size = sizeof gone, .type = "Gone", .from_version = 1u << 16};
	skafu_upcaster_def def = {.size = sizeof def, .type = "Split", .from_version = 1u << 16, .to_count = 1,
				  .to_types = types, .to_versions = versions, .upcast = split};
	skafu_event_def event = {.size = sizeof event, .domain = "bank", .type = "Deposited", .event_version = V2};

	failing = 0;
	fixture_open(&bank);
	ck_assert_int_eq(skafu_model_add_domain(bank.model, "bank", NULL), 0);
	ck_assert_int_eq(skafu_model_add_event(bank.model, &event, &bank.error), 0);
	ck_assert_int_eq(skafu_model_add_upcaster(bank.model, &gone, &bank.error), 0);
	ck_assert_int_eq(skafu_model_add_upcaster(bank.model, &def, &bank.error), 0);
	fixture_append(&bank, "a", "Deposited", V2, "{\"n\":1}");
	fixture_append(&bank, "a", "Gone", 0, "{}");
	fixture_append(&bank, "a", "Split", 0, "{\"half\":1}");
	fixture_append(&bank, "a", "Deposited", V2, "{\"n\":4}");
}

static void end(void)
{
	fixture_close(&bank);
}

static skafu_cursor *cursor_of(uint64_t limit)
{
	skafu_cursor *cursor = NULL;

	ck_assert_int_eq(skafu_read(bank.store, NULL, limit, NULL, &cursor, &bank.error), 0);
	return cursor;
}

static const char *text_of(skafu_cursor *cursor)
{
	static char text[400];
	const skafu_record *record;

	text[0] = 0;
	while (skafu_cursor_next(cursor, &record, &bank.error) == 1)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%d.%u %s %.*s; ", (int)record->sequence,
			 record->reserved, record->type, (int)record->data_length, (const char *)record->data);
	return text;
}

START_TEST(as_handlers_see_them)
{
	skafu_cursor *cursor = cursor_of(SKAFU_NO_LIMIT);

	ck_assert_int_eq(skafu_model_upcast(bank.model, cursor, &bank.error), 0);
	ck_assert_str_eq(text_of(cursor), "1.0 Deposited {\"n\":1}; 3.0 Deposited {\"half\":1}; "
					  "3.1 Deposited {\"half\":2}; 4.0 Deposited {\"n\":4}; ");
	skafu_cursor_free(cursor);
	cursor = cursor_of(3); /* stored records */
	ck_assert_int_eq(skafu_model_upcast(bank.model, cursor, &bank.error), 0);
	ck_assert_str_eq(text_of(cursor), "1.0 Deposited {\"n\":1}; 3.0 Deposited {\"half\":1}; "
					  "3.1 Deposited {\"half\":2}; ");
	skafu_cursor_free(cursor);
	cursor = cursor_of(SKAFU_NO_LIMIT);
	ck_assert_str_eq(text_of(cursor), "1.0 Deposited {\"n\":1}; 2.0 Gone {}; 3.0 Split {\"half\":1}; "
					  "4.0 Deposited {\"n\":4}; ");
	skafu_cursor_free(cursor);
}
END_TEST

START_TEST(batches)
{
	skafu_cursor *cursor = cursor_of(SKAFU_NO_LIMIT);
	const skafu_record *const *records;
	uint32_t seen = 0;
	int32_t rc;

	ck_assert_int_eq(skafu_model_upcast(bank.model, cursor, &bank.error), 0);
	while ((rc = skafu_cursor_next_batch(cursor, 10, &records, &bank.error)) > 0)
		for (int32_t i = 0; i < rc; i++, seen++)
			ck_assert_str_eq(records[i]->type, "Deposited");
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(seen, 4);
	skafu_cursor_free(cursor);
}
END_TEST

/* A step that failed can be tried again. */
START_TEST(failing_upcasters)
{
	skafu_cursor *cursor = cursor_of(SKAFU_NO_LIMIT);
	const skafu_record *record;

	ck_assert_int_eq(skafu_model_upcast(bank.model, cursor, &bank.error), 0);
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, &bank.error), 1);
	failing = 1;
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, &bank.error), SKAFU_EHOST);
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, &bank.error), SKAFU_EHOST);
	failing = 0;
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, &bank.error), 1);
	ck_assert_uint_eq(record->sequence, 3);
	skafu_cursor_free(cursor);
}
END_TEST

START_TEST(refusals)
{
	skafu_cursor *cursor = cursor_of(SKAFU_NO_LIMIT);
	const skafu_record *record;
	struct fixture other;

	ck_assert_int_eq(skafu_model_upcast(NULL, cursor, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_model_upcast(bank.model, NULL, &bank.error), SKAFU_EINVAL);
	fixture_open(&other);
	ck_assert_int_eq(skafu_model_upcast(other.model, cursor, &bank.error), SKAFU_EMISUSE);
	fixture_close(&other);
	ck_assert_int_eq(skafu_model_upcast(bank.model, cursor, &bank.error), 0);
	ck_assert_int_eq(skafu_model_upcast(bank.model, cursor, &bank.error), SKAFU_EMISUSE);
	skafu_model_close(bank.model); /* the cursor keeps it */
	bank.model = NULL;
	ck_assert_int_eq(skafu_cursor_next(cursor, NULL, &bank.error), SKAFU_EINVAL);
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, &bank.error), 1);
	skafu_cursor_free(cursor);
	cursor = cursor_of(SKAFU_NO_LIMIT);
	ck_assert_int_eq(skafu_cursor_next(cursor, &record, &bank.error), 1);
	skafu_cursor_free(cursor);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("glass");
	TCase *tests = tcase_create("glass");

	tcase_set_timeout(tests, 120);
	tcase_add_checked_fixture(tests, begin, end);
	tcase_add_test(tests, as_handlers_see_them);
	tcase_add_test(tests, batches);
	tcase_add_test(tests, failing_upcasters);
	tcase_add_test(tests, refusals);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}

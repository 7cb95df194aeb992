/*
 * recordview_test.c: the public form of a record: filled in, moved, copied.
 */
#include "store/recordview.h"

#include <string.h>

#include "base/failing.h"
#include "codec/madecommit.h"
#include "store/tempstore.h"

static struct skafu__names names;
static struct skafu__buf buf;
static struct skafu__record record;

static void make(void)
{
	struct skafu__record given = made_record(0);
	static const struct skafu__name_def defs[] = {
		{SKAFU__NAME_TYPE, 4, 1, 1, "Type"},
		{SKAFU__NAME_DOMAIN, 6, 1, 0, "domain"},
		{SKAFU__NAME_CONTENT_TYPE, 3, 1, 0, "a/b"},
	};

	given.metadata = (const uint8_t *)"{\"m\":1}";
	given.metadata_length = 7;
	skafu__names_init(&names, skafu__sys_current(), 1);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(skafu__names_define(&names, &defs[i]), 0);
	skafu__buf_init(&buf, skafu__sys_current(), 1 << 20);
	ck_assert_int_eq(skafu__record_encode(&buf, &given, NULL, NULL), 0);
	ck_assert_int_eq(skafu__record_decode(buf.bytes, buf.length, &record), 0);
}

static void drop(void)
{
	skafu__names_done(&names);
	skafu__buf_done(&buf);
}

static void compare(const skafu_record *view)
{
	ck_assert_str_eq(view->type, "Type");
	ck_assert_str_eq(view->source, "domain");
	ck_assert_str_eq(view->content_type, "a/b");
	ck_assert_str_eq(view->stream, "s1");
	ck_assert_str_eq(view->correlation, "cor");
	ck_assert_str_eq(skafu_record_tag(view, 0), "t:1");
	ck_assert_str_eq(skafu_record_tag(view, 1), "t:2");
	ck_assert_ptr_null(skafu_record_tag(view, 2));
	ck_assert_ptr_null(skafu_record_tag(view, UINT32_MAX));
	ck_assert(view->data_length == 2 && memcmp(view->data, "{}", 2) == 0);
	ck_assert(view->metadata_length == 7 && memcmp(view->metadata, "{\"m\":1}", 7) == 0);
	ck_assert(view->id[0] == 1 && view->causation[0] == 1 && view->time_ns == 100);
	ck_assert(view->kind == SKAFU_KIND_EVENT && view->stream_version == 1 && view->event_version == 1 << 16);
	ck_assert(view->size == sizeof *view && view->tag_count == 2 && view->reserved == 0);
}

START_TEST(fill)
{
	skafu_record view = {0};

	went(skafu__recordview_fill(&view, &record, &names, fault));
	compare(&view);
	ck_assert(view.data > buf.bytes && view.data < buf.bytes + buf.length);
}
END_TEST

START_TEST(unknown_names_are_refused)
{
	skafu_record view = {0};

	record.type = 99;
	record.source = 0;
	record.content_type = UINT32_MAX;
	refused(SKAFU_EDAMAGED, skafu__recordview_fill(&view, &record, &names, fault));
	message_names("reindex");
}
END_TEST

START_TEST(copies_stand_alone)
{
	skafu_record view = {0};
	skafu_record *copy = NULL;
	skafu_record *second = NULL;

	went(skafu__recordview_fill(&view, &record, &names, fault));
	view.sequence = 5;
	view.commit = 6;
	view.recorded_ns = 7;
	went(skafu_record_copy(&view, &copy, fault));
	memset(buf.bytes, 0xee, buf.length);
	compare(copy);
	ck_assert(copy->sequence == 5 && copy->commit == 6 && copy->recorded_ns == 7);
	went(skafu_record_copy(copy, &second, fault));
	skafu_record_free(copy);
	compare(second);
	skafu_record_free(second);
	skafu_record_free(NULL);
}
END_TEST

START_TEST(bad_calls_and_no_memory)
{
	struct failing failing;
	skafu_record view = {0};
	skafu_record *copy = NULL;

	went(skafu__recordview_fill(&view, &record, &names, fault));
	refused(SKAFU_EINVAL, skafu_record_copy(NULL, &copy, fault));
	refused(SKAFU_EINVAL, skafu_record_copy(&view, NULL, fault));
	ck_assert_ptr_null(skafu_record_tag(NULL, 0));
	failing_init(&failing);
	failing.left = 0;
	skafu__sys_override(&failing.sys);
	refused(SKAFU_ENOMEM, skafu_record_copy(&view, &copy, fault));
	skafu__sys_override(NULL);
	ck_assert(!copy && failing.live == 0);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, fill);
	tcase_add_test(tests, unknown_names_are_refused);
	tcase_add_test(tests, copies_stand_alone);
	tcase_add_test(tests, bad_calls_and_no_memory);
}

int main(void)
{
	return tempstore_main("recordview", add);
}

/*
 * import_test.c: importing again adds nothing, also when it was cut off anywhere, in other pieces or other batches; a
 * bad line is named and ends the import or is set aside; a failure that is no line's fault loses nothing.
 */
#include "store/anyrecords.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sys.h"
#include "store/tempstore.h"

static skafu_import_info info;

static int32_t import_text(skafu_store *store, uint32_t flags, const char *text)
{
	skafu_import_opts opts = {.size = sizeof opts, .flags = flags, .batch_records = 3};
	return anyrecords_import(store, &opts, text, strlen(text), 7, &info);
}

START_TEST(again_adds_nothing)
{
	skafu_store *store = memory_store();
	skafu_store *other = memory_store();
	size_t length;
	seeded("import again");
	anyrecords_append(store, 400);
	char *text = anyrecords_export(store, SKAFU_FORM_LINES, &length);
	skafu_import_opts opts = {.size = sizeof opts, .batch_records = 50};
	size_t cut = length / 2;
	while (text[cut - 1] == '\n' || text[cut] == '\n')
		cut--;
	refused(SKAFU_EJSON, anyrecords_import(other, &opts, text, cut, 1000, &info)); /* the last line is cut */
	ck_assert_uint_gt(info.added, 100);
	uint64_t before = info.added;
	opts.batch_records = 37; /* so that its commits are others */
	went(anyrecords_import(other, &opts, text, length, 777, &info));
	ck_assert_uint_eq(info.present, before);
	ck_assert_uint_eq(info.added, 400 - before);
	for (uint32_t batch = 1; batch < 500; batch = batch * 3 + 1) {
		opts.batch_records = batch;
		went(anyrecords_import(other, &opts, text, length, length, &info));
		ck_assert_uint_eq(info.added, 0);
		ck_assert_uint_eq(info.present, 400);
	}
	/* And into where it comes from. */
	went(anyrecords_import(store, &opts, text, length, length, &info));
	ck_assert_uint_eq(info.present, 400);
	ck_assert_uint_eq(head_of(other), 400);
	free(text);
	skafu_store_close(store);
	skafu_store_close(other);
}
END_TEST

static const char bad_lines[] = "{\"eventType\":\"T\",\"streamId\":\"a\"}\n"
				"\n"
				"nonsense\n"
				"{\"eventType\":\"T\",\"streamId\":\"b\"}\n"
				"{\"eventType\":\"T\",\"streamId\":\"b\","
					       "\"source\":\"other\"}\n" /* the type is of `default` */
				"{\"eventType\":\"T\",\"streamId\":\"c\"}";

START_TEST(a_bad_line_ends_the_import)
{
	skafu_store *store = memory_store();
	ck_assert_int_eq(import_text(store, 0, bad_lines), SKAFU_EJSON);
	message_names("line 3:");
	ck_assert_uint_eq(info.bad_line, 3);
	ck_assert_uint_eq(info.added, 1);
	ck_assert_uint_eq(head_of(store), 1);
	skafu_store_close(store);
}
END_TEST

START_TEST(an_ended_import_says_so_again)
{
	skafu_store *store = memory_store();
	skafu_import *importing;
	went(skafu_import_open(store, NULL, &importing, fault));
	refused(SKAFU_EJSON, skafu_import_feed(importing, "x\n", 2, 0, fault));
	refused(SKAFU_EJSON, skafu_import_feed(importing, "{}\n", 3, 0, fault));
	refused(SKAFU_EJSON, skafu_import_finish(importing, 0, fault));
	message_names("line 1:");
	skafu_import_free(importing);
	skafu_store_close(store);
}
END_TEST

START_TEST(bad_lines_are_set_aside)
{
	skafu_store *store = memory_store();
	skafu_import *importing;
	const skafu_import_bad *bad;
	skafu_import_opts opts = {.size = sizeof opts, .flags = SKAFU_IMPORT_SET_ASIDE};
	info.size = sizeof info;
	went(skafu_import_open(store, &opts, &importing, fault));
	went(skafu_import_feed(importing, bad_lines, strlen(bad_lines), 0, fault));
	ck_assert_int_eq(skafu_import_bad_next(importing, &bad, fault), 1);
	ck_assert_uint_eq(bad->line, 3);
	ck_assert_int_eq(bad->code, SKAFU_EJSON);
	ck_assert_uint_eq(bad->text_length, 8);
	ck_assert_mem_eq(bad->text, "nonsense", 8);
	ck_assert_ptr_nonnull(strstr(bad->reason, "object"));
	ck_assert_int_eq(skafu_import_bad_next(importing, &bad, fault), 0);
	went(skafu_import_finish(importing, 0, fault)); /* only the store can tell about the other line */
	ck_assert_int_eq(skafu_import_bad_next(importing, &bad, fault), 1);
	ck_assert_uint_eq(bad->line, 5);
	ck_assert_int_eq(bad->code, SKAFU_EDEFINITION);
	ck_assert_int_eq(skafu_import_bad_next(importing, &bad, fault), 0);
	went(skafu_import_info_get(importing, &info, fault));
	ck_assert_uint_eq(info.lines, 6);
	ck_assert_uint_eq(info.settled, 6);
	ck_assert_uint_eq(info.added, 3);
	ck_assert_uint_eq(info.bad, 2);
	skafu_import_free(importing);
	ck_assert_uint_eq(head_of(store), 3);
	skafu_store_close(store);
}
END_TEST

START_TEST(what_only_the_store_refuses_is_named)
{
	/* The type belongs to another domain: the batch is refused as a whole, and one line of it is to blame. */
	skafu_store *store = memory_store();
	char text[4096];
	int at = 0;
	static const char owner[] = "{\"eventType\":\"Owned\",\"streamId\":\"s\",\"source\":\"owner\"}";
	went(anyrecords_import(store, NULL, owner, strlen(owner), 57, &info));
	for (int i = 1; i <= 20; i++)
		at += snprintf(text + at, sizeof text - (size_t)at, "{\"eventType\":\"%s\",\"streamId\":\"s\","
			       "\"source\":\"thief\"}\n",
			       i == 13 ? "Owned" : "Mine");
	ck_assert_int_eq(anyrecords_import(store, NULL, text, (size_t)at, 4096, &info), SKAFU_EDEFINITION);
	message_names("line 13:");
	ck_assert_uint_eq(info.added, 12);
	skafu_import_opts opts = {.size = sizeof opts, .flags = SKAFU_IMPORT_SET_ASIDE};
	went(anyrecords_import(store, &opts, text, (size_t)at, 4096, &info));
	ck_assert_uint_eq(info.bad, 1);
	ck_assert_uint_eq(info.bad_line, 13);
	ck_assert_uint_eq(info.present, 12);
	ck_assert_uint_eq(info.added, 7);
	skafu_store_close(store);
}
END_TEST

#define ID "\"eventId\":\"018f3344-5566-7088-99aa-bbccddeeff01\""

START_TEST(the_same_id_must_say_the_same)
{
	skafu_store *store = memory_store();
	went(import_text(store, 0, "{" ID ",\"eventType\":\"T\",\"streamId\":\"s\",\"data\":{\"a\": 1}}\n"
				   "{" ID ",\"eventType\":\"T\",\"streamId\":\"s\",\"data\":{\"a\": 1}}\n"));
	ck_assert_uint_eq(info.added, 1);
	ck_assert_uint_eq(info.present, 1);
	static const char *const others[] = {
		"{" ID ",\"eventType\":\"T\",\"streamId\":\"s\",\"data\":{\"a\":1}}", /* bytes, not values */
		"{" ID ",\"eventType\":\"T\",\"streamId\":\"s\"}",
		"{" ID ",\"eventType\":\"U\",\"streamId\":\"s\",\"data\":{\"a\": 1}}",
		"{" ID ",\"eventType\":\"T\",\"streamId\":\"t\",\"data\":{\"a\": 1}}",
		"{" ID ",\"eventType\":\"T\",\"streamId\":\"s\",\"data\":{\"a\": 1},\"tags\":[\"x\"]}",
		"{" ID ",\"eventType\":\"T\",\"streamId\":\"s\",\"data\":{\"a\": 1},\"metadata\":{}}",
		"{" ID ",\"eventType\":\"T\",\"streamId\":\"s\",\"data\":{\"a\": 1},\"correlationId\":\"x\"}",
		"{" ID ",\"eventType\":\"T\",\"streamId\":\"s\",\"data\":{\"a\": 1},\"hops\":1}",
		"{" ID ",\"eventType\":\"T\",\"streamId\":\"s\",\"data\":{\"a\": 1},\"eventVersion\":\"1.1\"}",
		"{" ID ",\"eventType\":\"T\",\"streamId\":\"s\",\"data\":{\"a\": 1},"
			       "\"timestamp\":\"2020-01-01T00:00:00Z\"}",
		"{" ID ",\"eventType\":\"T\",\"streamId\":\"s\",\"data\":{\"a\": 1},\"recordKind\":\"command\"}"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		int32_t rc = import_text(store, 0, others[i]);
		ck_assert_msg(rc == SKAFU_EDUPLICATE || rc == SKAFU_ECOMMIT, "%s: %d", others[i], rc);
		message_names("line 1:");
	}
	ck_assert_uint_eq(head_of(store), 1);
	skafu_store_close(store);
}
END_TEST

START_TEST(places_are_kept_or_refused)
{
	skafu_store *store = memory_store();
	static const char first[] = "{\"eventType\":\"T\",\"streamId\":\"s\",\"sequenceNumber\":1,"
		       "\"streamVersion\":1}\n";
	static const char *const wrong[] = {
		"{\"eventType\":\"T\",\"streamId\":\"x\",\"sequenceNumber\":3,\"streamVersion\":1}", /* a hole */
		"{\"eventType\":\"T\",\"streamId\":\"x\",\"sequenceNumber\":1,\"streamVersion\":1}", /* taken */
		"{\"eventType\":\"T\",\"streamId\":\"s\",\"sequenceNumber\":2,\"streamVersion\":3}",
		"{\"eventType\":\"T\",\"streamId\":\"s\",\"sequenceNumber\":2}",
		"{\"eventType\":\"T\",\"streamId\":\"s\",\"streamVersion\":2}",
		("{\"eventType\":\"T\",\"streamId\":\"s\",\"sequenceNumber\":2,\"streamVersion\":2}\n"
		 "{\"eventType\":\"T\",\"streamId\":\"s\",\"sequenceNumber\":3,\"streamVersion\":2}\n")};
	went(import_text(store, SKAFU_IMPORT_SAME_PLACES, first));
	went(import_text(store, SKAFU_IMPORT_SAME_PLACES, first));
	ck_assert_uint_eq(info.present, 1);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		int32_t rc = import_text(store, SKAFU_IMPORT_SAME_PLACES, wrong[i]);
		ck_assert_msg(rc < 0, "%s", wrong[i]);
		message_names(i == 5 ? "line 2:" : "line 1:");
		ck_assert_uint_eq(head_of(store), i == 5 ? 2 : 1);
	}
	skafu_store_close(store);
}
END_TEST

START_TEST(long_lines)
{
	skafu_store *store = memory_store();
	skafu_import_opts opts = {.size = sizeof opts, .line_bytes_max = 60};
	static const char text[] = "{\"eventType\":\"T\",\"streamId\":\"s\"}\n"
				   "{\"eventType\":\"T\",\"streamId\":\"s\","
					       "\"data\":\"0123456789012345678901234567890\"}\n"
				   "{\"eventType\":\"T\",\"streamId\":\"s\"}\n";
	ck_assert_int_eq(anyrecords_import(store, &opts, text, strlen(text), 5, &info), SKAFU_ELIMIT);
	message_names("line 2:");
	opts.flags = SKAFU_IMPORT_SET_ASIDE;
	went(anyrecords_import(store, &opts, text, strlen(text), 5, &info));
	ck_assert_uint_eq(info.present, 1);
	ck_assert_uint_eq(info.added, 1);
	ck_assert_uint_eq(info.bad, 1);
	skafu_store_close(store);
}
END_TEST

START_TEST(a_broken_array_ends_it_always)
{
	skafu_store *store = memory_store();
	skafu_import_opts opts = {.size = sizeof opts, .form = SKAFU_FORM_CLOUDEVENTS_ARRAY,
		       .flags = SKAFU_IMPORT_SET_ASIDE};
	static const char text[] = "[{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"s\","
		       "\"type\":\"t\"}, {\"x\":1}, 5]";
	ck_assert_int_eq(anyrecords_import(store, &opts, text, strlen(text), 3, &info), SKAFU_EJSON);
	message_names("after element 2:");
	ck_assert_uint_eq(info.added, 1);
	ck_assert_uint_eq(info.bad, 2);
	skafu_store_close(store);
}
END_TEST

START_TEST(ids_follow_from_the_text_and_its_origin)
{
	skafu_store *store = memory_store();
	static const char text[] = "{\"eventType\":\"T\",\"streamId\":\"s\"}\n{\"eventType\":\"T\","
		       "\"streamId\":\"s\"}\n";
	static const char other_ends[] = "{\"eventType\":\"T\",\"streamId\":\"s\"}\r\n{\"eventType\":\"T\","
		       "\"streamId\":\"s\"}";
	skafu_import_opts opts = {.size = sizeof opts, .origin = "monday"};
	went(anyrecords_import(store, &opts, text, strlen(text), 9, &info));
	ck_assert_uint_eq(info.added, 2);
	went(anyrecords_import(store, &opts, other_ends, strlen(other_ends), 9, &info));
	ck_assert_uint_eq(info.present, 2);
	opts.origin = "tuesday";
	went(anyrecords_import(store, &opts, text, strlen(text), 9, &info));
	ck_assert_uint_eq(info.added, 2);
	skafu_store_close(store);
}
END_TEST

/* ---- kills --------------------------------------------------------------------------------------------------- */

struct killed {
	const char *path;
	const char *text;
	size_t length;
};

static int import_in_child(void *user)
{
	const struct killed *job = user;
	skafu_store *store;
	skafu_import *importing;
	skafu_import_opts opts = {.size = sizeof opts, .batch_records = 2};
	if (skafu_store_open(job->path, NULL, &store, NULL) != 0 || skafu_import_open(store, &opts, &importing,
		       NULL) != 0)
		return 1;
	for (size_t at = 0; at < job->length; at += 100)
		if (skafu_import_feed(importing, job->text + at, job->length - at < 100 ? job->length - at : 100,
				      SKAFU_WAIT_FOREVER, NULL) != 0)
			return 2;
	return skafu_import_finish(importing, SKAFU_WAIT_FOREVER, NULL) == 0 ? 0 : 3;
}

START_TEST(killed_anywhere_and_done_again)
{
	struct tempstore temp;
	skafu_store *source = memory_store();
	struct killed job;
	char *text;
	size_t length;
	int kills = 0;
	seeded("import killed");
	tempstore_new(&temp);
	tempstore_close(&temp);
	anyrecords_append(source, 500);
	text = anyrecords_export(source, SKAFU_FORM_LINES, &length);
	job = (struct killed){temp.path, text, length};
	for (int i = 0; i < 12; i++) {
		int status;
		pid_t child = fork();
		if (child == 0)
			_exit(import_in_child(&job));
		usleep(random_below(12000));
		kill(child, SIGKILL);
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		kills += WIFSIGNALED(status);
	}
	tempstore_reopen(&temp);
	skafu_import_opts opts = {.size = sizeof opts, .batch_records = 64};
	went(anyrecords_import(temp.store, &opts, text, length, 4096, &info));
	ck_assert_uint_eq(info.added + info.present, 500);
	size_t again_length;
	char *again = anyrecords_export(temp.store, SKAFU_FORM_LINES, &again_length);
	ck_assert_str_eq(text, again);
	ck_assert_int_gt(kills, 0);
	printf("%d of 12 were killed, the last import added %llu\n", kills, (unsigned long long)info.added);
	free(text);
	free(again);
	skafu_store_close(source);
	tempstore_done(&temp);
}
END_TEST

/* ---- failures that are no line's fault ------------------------------------------------------------------------- */

static uint64_t allocations_left;

static void *stingy_allocate(void *user, size_t bytes)
{
	(void)user;
	return allocations_left && allocations_left-- > 0 ? malloc(bytes) : NULL;
}

static void *stingy_reallocate(void *user, void *block, size_t bytes)
{
	(void)user;
	return allocations_left && allocations_left-- > 0 ? realloc(block, bytes) : NULL;
}

static void stingy_release(void *user, void *block)
{
	(void)user;
	free(block);
}

/* An import whose n-th allocation fails: the calls are repeated as the header says, and nothing is lost. */
static void import_stingily(const char *text, size_t length, uint64_t after)
{
	skafu_allocator stingy = {.size = sizeof stingy, .allocate = stingy_allocate, .reallocate = stingy_reallocate,
				  .release = stingy_release};
	skafu_store_opts opts = {.size = sizeof opts, .allocator = &stingy};
	skafu_import_opts import_opts = {.size = sizeof import_opts, .batch_records = 16};
	skafu_store *store;
	skafu_import *importing;
	int32_t rc;
	allocations_left = UINT64_MAX;
	went(skafu_store_open_memory(&opts, &store, fault));
	went(skafu_import_open(store, &import_opts, &importing, fault));
	allocations_left = after;
	for (size_t at = 0; at < length; at += 512) {
		size_t some = length - at < 512 ? length - at : 512;
		while ((rc = skafu_import_feed(importing, text + at, some, 0, fault)) == SKAFU_ENOMEM) {
			allocations_left = UINT64_MAX;
			rc = skafu_import_feed(importing, "", 0, 0, fault);
			went(rc);
			/* Were the bytes taken?  Only the figures can tell. */
			info.size = sizeof info;
			went(skafu_import_info_get(importing, &info, fault));
			if (info.bytes == at + some)
				break;
		}
		went(rc);
	}
	if (skafu_import_finish(importing, 0, fault) == SKAFU_ENOMEM) {
		allocations_left = UINT64_MAX;
		went(skafu_import_finish(importing, 0, fault));
	}
	skafu_import_free(importing);
	allocations_left = UINT64_MAX;
	size_t again_length;
	char *again = anyrecords_export(store, SKAFU_FORM_LINES, &again_length);
	ck_assert_str_eq(text, again);
	free(again);
	skafu_store_close(store);
}

START_TEST(no_memory_loses_nothing)
{
	skafu_store *source = memory_store();
	size_t length;
	seeded("import without memory");
	anyrecords_append(source, 60);
	char *text = anyrecords_export(source, SKAFU_FORM_LINES, &length);
	for (uint64_t after = 0; after < 400; after++)
		import_stingily(text, length, after);
	free(text);
	skafu_store_close(source);
}
END_TEST

static void erase_every_third(skafu_store *store, uint64_t count)
{
	for (uint64_t i = 1; i <= count; i += 3) {
		skafu_batch *batch = batch_of(store);
		went(skafu_batch_erase(batch, i, fault));
		appended_by(store, batch);
	}
}

static void is_whole(skafu_store *store)
{
	skafu_verify_report report = {.size = sizeof report};
	while (skafu_store_maintain(store, SKAFU_WAIT_FOREVER, fault) == 1)
		;
	went(skafu_store_verify(store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
}

/* Payloads that were erased are so in the copy, and nothing brings them back or takes more away. */
START_TEST(erased_payloads)
{
	uint32_t form = SKAFU_FORM_LINES + (uint32_t)_i;
	skafu_store *store = memory_store();
	skafu_store *untouched = memory_store();
	skafu_store *other = memory_store();
	skafu_import_opts opts = {.size = sizeof opts, .form = form, .batch_records = 20};
	skafu_record *record;
	size_t length;
	size_t again_length;
	seeded("import erased");
	anyrecords_append(store, 120);
	char *whole = anyrecords_export(store, form, &length);
	went(anyrecords_import(untouched, &opts, whole, length, length, &info));
	erase_every_third(store, 120);
	char *text = anyrecords_export(store, form, &length);
	went(anyrecords_import(other, &opts, text, length, 777, &info));
	ck_assert_uint_eq(info.added, 120);
	went(skafu_get(other, 4, &record, fault));
	ck_assert(record->flags & SKAFU_RECORD_ERASED && record->data_length == 0);
	skafu_record_free(record);
	char *again = anyrecords_export(other, form, &again_length);
	ck_assert_uint_eq(again_length, length);
	ck_assert_mem_eq(again, text, length);
	is_whole(other);
	opts.batch_records = 7;
	went(anyrecords_import(other, &opts, text, length, length, &info));
	ck_assert_uint_eq(info.present, 120);
	went(anyrecords_import(other, &opts, whole, strlen(whole), length, &info));
	ck_assert_uint_eq(info.present, 120);
	free(again);
	again = anyrecords_export(other, form, &again_length);
	ck_assert_str_eq(again, text);
	free(again);
	went(anyrecords_import(untouched, &opts, text, length, length, &info));
	ck_assert_uint_eq(info.present, 120);
	again = anyrecords_export(untouched, form, &again_length);
	ck_assert_str_eq(again, whole);
	free(again);
	free(text);
	free(whole);
	skafu_store_close(store);
	skafu_store_close(untouched);
	skafu_store_close(other);
}
END_TEST

START_TEST(what_is_erased_is_said_clearly)
{
	skafu_store *store = memory_store();
	refused(SKAFU_EINVAL, import_text(store, 0, "{\"eventType\":\"T\",\"streamId\":\"a\",\"data\":{},"
						    "\"dataErased\":true}"));
	message_names("dataErased");
	refused(SKAFU_EINVAL, import_text(store, 0, "{\"eventType\":\"T\",\"streamId\":\"a\",\"dataErased\":false}"));
	refused(SKAFU_EINVAL, import_text(store, 0, "{\"eventType\":\"T\",\"streamId\":\"a\",\"dataErased\":1}"));
	ck_assert_uint_eq(head_of(store), 0);
	went(import_text(store, 0, "{\"eventType\":\"T\",\"streamId\":\"a\",\"dataErased\":null,\"data\":1}"));
	ck_assert_uint_eq(head_of(store), 1);
	skafu_store_close(store);
}
END_TEST

START_TEST(mistakes_are_refused)
{
	struct tempstore temp;
	skafu_import *importing;
	skafu_import_info small = {.size = 4};
	const skafu_import_bad *bad;
	skafu_import_opts opts = {.size = sizeof opts, .form = 4};
	tempstore_new(&temp);
	refused(SKAFU_EOPTION, skafu_import_open(temp.store, &opts, &importing, fault));
	opts = (skafu_import_opts){.size = sizeof opts, .flags = 4};
	refused(SKAFU_EOPTION, skafu_import_open(temp.store, &opts, &importing, fault));
	opts = (skafu_import_opts){.size = sizeof opts, .line_bytes_max = 15};
	refused(SKAFU_EINVAL, skafu_import_open(temp.store, &opts, &importing, fault));
	opts = (skafu_import_opts){.size = sizeof opts, .batch_records = 100001};
	refused(SKAFU_EINVAL, skafu_import_open(temp.store, &opts, &importing, fault));
	refused(SKAFU_EINVAL, skafu_import_open(NULL, NULL, &importing, fault));
	refused(SKAFU_EINVAL, skafu_import_open(temp.store, NULL, NULL, fault));
	went(skafu_import_open(temp.store, NULL, &importing, fault));
	refused(SKAFU_EINVAL, skafu_import_feed(importing, NULL, 1, 0, fault));
	refused(SKAFU_EINVAL, skafu_import_feed(NULL, "", 0, 0, fault));
	refused(SKAFU_EINVAL, skafu_import_finish(NULL, 0, fault));
	refused(SKAFU_EINVAL, skafu_import_info_get(NULL, &info, fault));
	refused(SKAFU_EOPTION, skafu_import_info_get(importing, &small, fault));
	refused(SKAFU_EINVAL, skafu_import_bad_next(importing, NULL, fault));
	refused(SKAFU_EINVAL, skafu_import_bad_next(NULL, &bad, fault));
	went(skafu_import_finish(importing, 0, fault));
	went(skafu_import_finish(importing, 0, fault));
	refused(SKAFU_EMISUSE, skafu_import_feed(importing, "", 0, 0, fault));
	skafu_import_free(importing);
	skafu_import_free(NULL);
	tempstore_close(&temp);
	skafu_store_opts read_only = {.size = sizeof read_only, .flags = SKAFU_STORE_READONLY};
	tempstore_open(&temp, &read_only);
	refused(SKAFU_EREADONLY, skafu_import_open(temp.store, NULL, &importing, fault));
	tempstore_done(&temp);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, again_adds_nothing);
	tcase_add_test(tests, a_bad_line_ends_the_import);
	tcase_add_test(tests, an_ended_import_says_so_again);
	tcase_add_test(tests, bad_lines_are_set_aside);
	tcase_add_test(tests, what_only_the_store_refuses_is_named);
	tcase_add_test(tests, the_same_id_must_say_the_same);
	tcase_add_test(tests, places_are_kept_or_refused);
	tcase_add_test(tests, long_lines);
	tcase_add_test(tests, a_broken_array_ends_it_always);
	tcase_add_test(tests, ids_follow_from_the_text_and_its_origin);
	tcase_add_test(tests, killed_anywhere_and_done_again);
	tcase_add_test(tests, no_memory_loses_nothing);
	tcase_add_loop_test(tests, erased_payloads, 0, 3);
	tcase_add_test(tests, what_is_erased_is_said_clearly);
	tcase_add_test(tests, mistakes_are_refused);
}

int main(void)
{
	return tempstore_main("import", add);
}

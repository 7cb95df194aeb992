/*
 * register_test.c: what a store remembers of a consumer's definition: made once, compared from then on, and each
 * difference refused with both values.
 */
#include "run/register.h"

#include <check.h>
#include <string.h>

#include "base/trouble.h"
#include "run/kit.h"

static struct kit kit;
static struct skafu__consumer *consumer;
static skafu_source source;
static struct skafu__consumer_def def;

static void reset(void)
{
	source = (skafu_source){.size = sizeof source, .partitions = 4, .partition_by = SKAFU_PARTITION_TAG,
				.partition_tag = "customer:"};
	def = (struct skafu__consumer_def){.name = "c", .domain = "stock", .kind = SKAFU_CONSUMER_KIND_REACTION,
					   .source = &source};
}

static void make(void)
{
	kit_open(&kit);
	reset();
}

static void drop(void)
{
	kit_close(&kit);
}

static int32_t open_one(void)
{
	consumer = NULL;
	return skafu__consumer_new(kit.model, &def, &consumer, fault);
}

static struct skafu__consumer_row row_of(const char *name)
{
	struct skafu__consumer_row row = {0};

	ck_assert_int_eq(skafu__consumer_row_get(kit.store, name, &row, NULL, fault), 1);
	return row;
}

/* Opening it and the check alone refuse alike. */
static void differs(const char *was, const char *is)
{
	refused(SKAFU_EDEFINITION, open_one());
	message_names(was);
	message_names(is);
	refused(SKAFU_EDEFINITION, skafu__consumer_check(kit.model, &def, fault));
	message_names(was);
	message_names(is);
	reset();
}

START_TEST(made_once)
{
	kit_orders(&kit, 3, 1);
	went(skafu__consumer_check(kit.model, &def, fault));
	ck_assert_int_eq(skafu__consumer_row_get(kit.store, "c", &(struct skafu__consumer_row){0}, NULL, fault), 0);
	source.start = SKAFU_START_NOW;
	went(open_one());
	skafu__consumer_free(consumer);
	struct skafu__consumer_row row = row_of("c");
	ck_assert_uint_eq(row.kind, SKAFU_CONSUMER_KIND_REACTION);
	ck_assert_uint_eq(row.state, SKAFU_CONSUMER_RUNNING);
	ck_assert_uint_eq(row.partitions, 4);
	ck_assert_uint_eq(row.partition_by, SKAFU_PARTITION_TAG);
	ck_assert_uint_eq(row.start, 3);
	ck_assert_str_eq(row.domain, "stock");
	ck_assert_str_eq(row.partition_tag, "customer:");
	/* Where it starts is decided: another answer now is no difference. */
	kit_orders(&kit, 3, 1);
	source.start = SKAFU_START_AFTER;
	source.start_after = 1;
	went(open_one());
	ck_assert_uint_eq(consumer->row.start, 3);
	skafu__consumer_free(consumer);
	ck_assert_uint_eq(row_of("c").generation, row.generation);
}
END_TEST

START_TEST(starts_after)
{
	source.start = SKAFU_START_AFTER;
	source.start_after = 7;
	went(open_one());
	skafu__consumer_free(consumer);
	ck_assert_uint_eq(row_of("c").start, 7);
}
END_TEST

START_TEST(each_difference_is_named)
{
	went(open_one());
	skafu__consumer_free(consumer);
	def.kind = SKAFU_CONSUMER_KIND_PROCESS;
	differs("reaction", "process");
	def.kind = SKAFU_CONSUMER_KIND_DECIDER + 1;
	differs("reaction", "a consumer");
	def.domain = "shop";
	differs("\"stock\"", "\"shop\"");
	def.domain = NULL;
	differs("\"stock\"", "\"\"");
	source.partitions = 5;
	differs("4 partitions", "with 5");
	source.partition_tag = "order:";
	differs("tag customer:", "tag order:");
	source.partition_by = SKAFU_PARTITION_CORRELATION;
	source.partition_tag = NULL;
	differs("tag customer:", "correlation");
	source.partition_by = SKAFU_PARTITION_STREAM;
	source.partition_tag = NULL;
	differs("tag customer:", "stream");
	went(open_one());
	skafu__consumer_free(consumer);
}
END_TEST

START_TEST(a_volatile_one_leaves_nothing)
{
	def.is_volatile = 1;
	def.name = NULL;
	uint64_t head = head_of(kit.store);
	went(open_one());
	ck_assert_uint_eq(consumer->row.partitions, 4);
	skafu__consumer_free(consumer);
	ck_assert_uint_eq(head_of(kit.store), head);
}
END_TEST

static int32_t define(void *user)
{
	int32_t rc = skafu__consumer_check(kit.model, &def, fault);

	(void)user;
	if (rc != 0)
		return rc;
	rc = open_one();
	if (rc != 0)
		ck_assert_ptr_null(consumer);
	trouble_set(TROUBLE_MEMORY, -1);
	skafu__consumer_free(consumer);
	return rc;
}

START_TEST(whatever_is_missing)
{
	kit_close(&kit);
	trouble_put();
	kit_open(&kit);
	source.start = SKAFU_START_NOW;
	ck_assert_uint_gt(trouble_each((enum trouble_what)_i, define, NULL), 0);
	ck_assert_uint_eq(row_of("c").partitions, 4);
	kit_close(&kit);
	trouble_remove();
	kit_open(&kit);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, make, drop);
	tcase_add_test(tests, made_once);
	tcase_add_test(tests, starts_after);
	tcase_add_test(tests, each_difference_is_named);
	tcase_add_test(tests, a_volatile_one_leaves_nothing);
	tcase_add_loop_test(tests, whatever_is_missing, 0, TROUBLE_WHATS);
}

int main(void)
{
	return tempstore_main("register", add);
}

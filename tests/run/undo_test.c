/*
 * undo_test.c: a command in bytes: there and back, and bytes that are none.
 */
#include "run/undo.h"

#include <stdlib.h>
#include <string.h>

#include "store/tempstore.h"

static const char *const tags[] = {"a:1", "b:2"};
static struct skafu__buf bytes;
static struct skafu__undo undo;

static void encode(const skafu_command *command)
{
	skafu__buf_init(&bytes, skafu__sys_current(), SIZE_MAX / 2);
	ck_assert_int_eq(skafu__undo_encode(command, &bytes), 0);
}

static skafu_command everything(void)
{
	return (skafu_command){.size = sizeof(skafu_command), .flags = SKAFU_COMMAND_EXPIRES, .type = "Release",
			       .domain = "stock", .stream = "s", .data = "1", .data_length = 1, .content_type = "x/y",
			       .metadata = "{}", .metadata_length = 2, .tags = tags, .tag_count = 2, .key = "k",
			       .correlation = "c", .expires_ns = -3};
}

START_TEST(there_and_back)
{
	skafu_command command = everything();
	skafu_command least = {.size = sizeof least, .type = "Release"};

	encode(&command);
	ck_assert(skafu__undo_decode(bytes.bytes, bytes.length, &undo));
	ck_assert_str_eq(undo.command.type, "Release");
	ck_assert_str_eq(undo.command.domain, "stock");
	ck_assert_str_eq(undo.command.stream, "s");
	ck_assert_str_eq(undo.command.content_type, "x/y");
	ck_assert_str_eq(undo.command.key, "k");
	ck_assert_str_eq(undo.command.correlation, "c");
	ck_assert_str_eq(undo.command.tags[1], "b:2");
	ck_assert_uint_eq(undo.command.data_length, 1);
	ck_assert_uint_eq(undo.command.metadata_length, 2);
	ck_assert_uint_eq(undo.command.flags, SKAFU_COMMAND_EXPIRES);
	ck_assert_int_eq(undo.command.expires_ns, -3);
	skafu__buf_done(&bytes);
	encode(&least);
	ck_assert(skafu__undo_decode(bytes.bytes, bytes.length, &undo));
	ck_assert_ptr_null(undo.command.stream);
	ck_assert_ptr_null(undo.command.data);
	ck_assert_uint_eq(undo.command.flags, 0);
	skafu__buf_done(&bytes);
}
END_TEST

START_TEST(bytes_that_are_none)
{
	skafu_command command = everything();

	seeded("undo");
	encode(&command);
	for (size_t length = 0; length < bytes.length; length++) {
		uint8_t *cut = malloc(length ? length : 1);
		memcpy(cut, bytes.bytes, length);
		ck_assert(!skafu__undo_decode(cut, length, &undo));
		free(cut);
	}
	for (int i = 0; i < 20000; i++) {
		uint8_t *bent = malloc(bytes.length);
		memcpy(bent, bytes.bytes, bytes.length);
		for (uint32_t n = random_below(4) + 1; n > 0; n--)
			bent[random_below((uint32_t)bytes.length)] = (uint8_t)random_u64();
		if (skafu__undo_decode(bent, bytes.length, &undo))
			ck_assert_uint_lt(strlen(undo.command.type), bytes.length);
		free(bent);
	}
	skafu__buf_done(&bytes);
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_test(tests, there_and_back);
	tcase_add_test(tests, bytes_that_are_none);
}

int main(void)
{
	return tempstore_main("undo", add);
}

/*
 * blob_test.c: content in, the same content out, or an error that says why not.
 */
#include "blob.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/kit.h"

static struct blob_store *store;

static void begin(void)
{
	kit_begin();
	kit_assert_ok(blob_open(kit_path("blobs"), NULL, &store, kit_error));
}

static void end(void)
{
	blob_close(store);
	kit_end();
}

static const char *file_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "blobs/%.2s/%s", name, name + 2);
	return path;
}

START_TEST(keeps_content_once)
{
	char name[BLOB_NAME_BYTES];
	char again[BLOB_NAME_BYTES];
	struct text bytes = {0};

	kit_assert_ok(blob_put(store, "abc", 3, name, kit_error));
	ck_assert_str_eq(name, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	kit_assert_ok(blob_put(store, "abc", 3, again, kit_error));
	ck_assert_str_eq(name, again);
	kit_assert_ok(blob_get(store, name, &bytes, kit_error));
	ck_assert_str_eq(bytes.bytes, "abc");
	ck_assert_uint_eq(kit_count("blobs/new"), 0);
	ck_assert_int_eq(blob_has(store, name), 1);
	kit_assert_ok(blob_put(store, "", 0, again, kit_error));
	kit_assert_ok(blob_get(store, again, &bytes, kit_error));
	ck_assert_uint_eq(bytes.length, 3);
	kit_assert_ok(blob_delete(store, name, kit_error));
	ck_assert_int_eq(blob_has(store, name), 0);
	kit_assert_error(blob_get(store, name, &bytes, kit_error), SKAFU_ENOTFOUND);
	kit_assert_error(blob_delete(store, name, kit_error), SKAFU_ENOTFOUND);
	text_free(&bytes);
}
END_TEST

START_TEST(damage_is_seen_and_repaired)
{
	char name[BLOB_NAME_BYTES];
	struct text bytes = {0};

	text_add_string(&bytes, "before ");
	kit_assert_ok(blob_put(store, "some content", 12, name, kit_error));
	kit_write(file_of(name), "some Content");
	kit_assert_error(blob_get(store, name, &bytes, kit_error), SKAFU_EDAMAGED);
	kit_assert_says(name);
	ck_assert_uint_eq(bytes.length, 7);
	ck_assert_int_eq(blob_has(store, name), 0);
	kit_assert_ok(blob_put(store, "some content", 12, name, kit_error));
	kit_assert_ok(blob_get(store, name, &bytes, kit_error));
	ck_assert_str_eq(bytes.bytes, "before some content");
	text_free(&bytes);
}
END_TEST

START_TEST(names_are_not_paths)
{
	static const char *const bad[] = {"",
					  "../x",
					  "new",
					  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
					  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015adad",
					  "../816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"};
	struct text bytes = {0};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		kit_assert_error(blob_get(store, bad[i], &bytes, kit_error), SKAFU_EINVAL);
		kit_assert_error(blob_delete(store, bad[i], kit_error), SKAFU_EINVAL);
		ck_assert_int_eq(blob_has(store, bad[i]), 0);
	}
}
END_TEST

START_TEST(folders)
{
	char name[BLOB_NAME_BYTES];
	char again[BLOB_NAME_BYTES];
	struct stat status;
	char *content;

	kit_write("in/b/{{name}}", "one");
	kit_write("in/a", "two");
	kit_write_bytes("in/run.sh", "#!/bin/sh", 9, 0755);
	kit_assert_ok(blob_put_folder(store, kit_path("in"), name, kit_error));
	kit_assert_ok(blob_get_folder(store, name, kit_path("out"), kit_error));
	content = kit_read("out/b/{{name}}");
	ck_assert_str_eq(content, "one");
	free(content);
	ck_assert_int_eq(stat(kit_path("out/run.sh"), &status), 0);
	ck_assert_uint_ne(status.st_mode & 0100, 0);
	ck_assert_int_eq(stat(kit_path("out/a"), &status), 0);
	ck_assert_uint_eq(status.st_mode & 0111, 0);
	kit_assert_ok(blob_put_folder(store, kit_path("out"), again, kit_error));
	ck_assert_str_eq(name, again);
	kit_assert_error(blob_get_folder(store, name, kit_path("out"), kit_error), SKAFU_EEXISTS);
	ck_assert_int_eq(symlink("a", kit_path("in/link")), 0);
	kit_assert_error(blob_put_folder(store, kit_path("in"), again, kit_error), SKAFU_EINVAL);
	ck_assert_uint_eq(kit_count(""), 3);
}
END_TEST

START_TEST(hostile_listings)
{
	static const char *const bad[] = {
		"no folder",
		"skafu-folder 1\n- x",
		"skafu-folder 1\n- %s 3 ../evil\n",
		"skafu-folder 1\n- %s 3 /evil\n",
		"skafu-folder 1\n- %s 3 .git/hooks/x\n",
		"skafu-folder 1\n- %s 3 good\n- %s 3 good\n",
		"skafu-folder 1\n- %s 3 good\n- %s 3 good/inside\n",
		"skafu-folder 1\n- %s 3 good",
		"skafu-folder 1\nl %s 3 good\n",
		"skafu-folder 1\n- %s x good\n",
		"skafu-folder 1\n- ../../../../../../../../../../../../../../../../etc/passwd000000000 3 good\n",
		"skafu-folder 1\n- 0000000000000000000000000000000000000000000000000000000000000000 3 good\n",
	};
	char inner[BLOB_NAME_BYTES];
	char name[BLOB_NAME_BYTES];

	kit_assert_ok(blob_put(store, "abc", 3, inner, kit_error));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct text listing = {0};

		for (const char *at = bad[i]; *at != '\0'; at++) {
			if (at[0] == '%' && at[1] == 's')
				text_add_string(&listing, inner), at++;
			else
				text_add(&listing, at, 1);
		}
		kit_assert_ok(blob_put(store, listing.bytes, listing.length, name, kit_error));
		ck_assert_int_lt(blob_get_folder(store, name, kit_path("out"), kit_error), 0);
		ck_assert_uint_eq(kit_count(""), 1); /* nothing beside the blobs */
		text_free(&listing);
	}
}
END_TEST

/* ---- a remote ---- */

struct far {
	char name[BLOB_NAME_BYTES];
	struct text bytes;
	int puts;
	int gets;
};

static int32_t far_put(void *user, const char *name, const void *bytes, size_t length, skafu_error *error)
{
	struct far *far = user;

	(void)error;
	far->puts++;
	snprintf(far->name, sizeof far->name, "%s", name);
	text_clear(&far->bytes);
	return text_add(&far->bytes, bytes, length);
}

static int32_t far_get(void *user, const char *name, struct text *out_bytes, skafu_error *error)
{
	struct far *far = user;

	far->gets++;
	if (strcmp(name, far->name) != 0)
		return failed(error, SKAFU_ENOTFOUND, "Far away there is no %s.", name);
	return text_add(out_bytes, far->bytes.bytes, far->bytes.length);
}

START_TEST(asks_the_remote_for_what_is_missing)
{
	struct far far = {0};
	struct blob_remote remote = {&far, far_put, far_get};
	struct blob_store *both;
	struct text bytes = {0};
	char name[BLOB_NAME_BYTES];

	kit_assert_ok(blob_open(kit_path("blobs"), &remote, &both, kit_error));
	kit_assert_ok(blob_put(both, "abc", 3, name, kit_error));
	ck_assert_int_eq(far.puts, 1);
	kit_assert_ok(blob_get(both, name, &bytes, kit_error));
	ck_assert_int_eq(far.gets, 0);
	kit_assert_ok(blob_delete(both, name, kit_error));
	kit_assert_ok(blob_get(both, name, &bytes, kit_error));
	kit_assert_ok(blob_get(both, name, &bytes, kit_error)); /* it is here again */
	ck_assert_int_eq(far.gets, 1);
	ck_assert_str_eq(bytes.bytes, "abcabcabc");
	kit_write(file_of(name), "damaged");
	kit_assert_ok(blob_get(both, name, &bytes, kit_error)); /* repaired from there */
	kit_assert_ok(blob_delete(both, name, kit_error));
	text_add_string(&far.bytes, "!");
	kit_assert_error(blob_get(both, name, &bytes, kit_error), SKAFU_EDAMAGED);
	ck_assert_int_eq(blob_has(both, name), 0);
	far.name[0] = 'x';
	kit_assert_error(blob_get(both, name, &bytes, kit_error), SKAFU_ENOTFOUND);
	kit_assert_says("Far away");
	blob_close(both);
	text_free(&far.bytes);
	text_free(&bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("blob");
	TCase *tcase = tcase_create("blob");

	tcase_add_checked_fixture(tcase, begin, end);
	tcase_add_test(tcase, keeps_content_once);
	tcase_add_test(tcase, damage_is_seen_and_repaired);
	tcase_add_test(tcase, names_are_not_paths);
	tcase_add_test(tcase, folders);
	tcase_add_test(tcase, hostile_listings);
	tcase_add_test(tcase, asks_the_remote_for_what_is_missing);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}

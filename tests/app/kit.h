/*
 * kit.h: what the tests of the application share: a folder of their own, small files, the sentence of an error.
 *
 * kit_begin() and kit_end() go into a checked fixture.  Nothing is written outside the folder, and no address but
 * those of the loopback interface is ever asked.
 */
#ifndef TESTS_APP_KIT_H
#define TESTS_APP_KIT_H

#include <check.h>
#include <skafu_base.h>

#include "text.h"
#include "util/suite.h"

extern char kit_folder[256];   /* of the test that runs */
extern skafu_error *kit_error; /* of the last call that was given it */

void kit_begin(void);
void kit_end(void);

/* A path in the folder; eight of them are good at a time. */
const char *kit_path(const char *name);

/* Make a file below the folder, with the folders above it. */
void kit_write(const char *name, const char *content);
void kit_write_bytes(const char *name, const void *bytes, size_t length, unsigned mode);

/* The content of a file below the folder, to be freed; NULL when there is none. */
char *kit_read(const char *name);
int kit_exists(const char *name);

/* How many names are in a folder below the test's own. */
size_t kit_count(const char *name);

/* One of the data files beside the checkout, unpacked; 0 when it is not there. */
int kit_data(const char *name, struct text *out);

void kit_assert_code(int32_t rc, int32_t code, const char *file, int line);
#define kit_assert_ok(call) kit_assert_code((call), SKAFU_OK, __FILE__, __LINE__)
#define kit_assert_error(call, code) kit_assert_code((call), (code), __FILE__, __LINE__)
void kit_assert_says(const char *part);

#endif

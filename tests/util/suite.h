/*
 * suite.h: how the main() of a test runs its suite.
 */
#ifndef TESTS_UTIL_SUITE_H
#define TESTS_UTIL_SUITE_H

#include <check.h>

/* Run all tests of the suite, in this process, and free it.  What main() returns: 0, or 1 when one failed. */
int suite_run(Suite *suite);

#endif

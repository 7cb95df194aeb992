/*
 * subject_skafu.h: a libskafu store, for crash.c and for the tests of a store whose disk fails.
 */
#ifndef TESTS_FAULT_SUBJECT_SKAFU_H
#define TESTS_FAULT_SUBJECT_SKAFU_H

#include "fault/crash_subject.h"

extern const struct crash_subject crash_subject_skafu;

#endif

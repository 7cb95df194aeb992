/*
 * subject_lmdb.h: a small careful store on raw LMDB, to prove the fault harness on something that is known.
 */
#ifndef TESTS_FAULT_SUBJECT_LMDB_H
#define TESTS_FAULT_SUBJECT_LMDB_H

#include "fault/crash_subject.h"

extern const struct crash_subject crash_subject_lmdb;

#endif

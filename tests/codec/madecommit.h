/*
 * madecommit.h: a commit made by hand for the tests of what reads one: three records, two rows, three names.
 */
#ifndef SKAFU_TESTS_CODEC_MADECOMMIT_H
#define SKAFU_TESTS_CODEC_MADECOMMIT_H

#include "codec/commit.h"

#define MADE_NUMBER 5u
#define MADE_SEQUENCE 11u
#define MADE_RECORDED (-7)
#define MADE_RECORDS 3u
#define MADE_ROWS 2u
#define MADE_NAMES 3u

extern const uint8_t made_id[16];
extern const struct skafu__name_def made_names[MADE_NAMES];
extern const struct skafu__row_op made_rows[MADE_ROWS];

/* The record at an index: an event of stream s1 with two tags, an event of s2 without, a command. */
struct skafu__record made_record(uint32_t index);

/* The commit, sealed, appended to the buffer; its size. */
uint32_t made_commit(struct skafu__buf *buf);

#endif

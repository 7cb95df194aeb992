/*
 * matching.h: does a record say what is expected of it?  Only what is given is compared, and each difference is said.
 */
#ifndef SKAFU__TEST_MATCHING_H
#define SKAFU__TEST_MATCHING_H

#include "skafu_run.h"
#include "test/wording.h"

/* How many differences there are; a line for each goes to the text. */
unsigned skafu__kit_match_record(struct skafu__kit_text *text, const skafu_new_record *expected,
				 const skafu_record *found);

/* The same for what only a command has: key and expiry. */
unsigned skafu__kit_match_command(struct skafu__kit_text *text, const skafu_command *expected,
				  const skafu_record *found);

/* A command as the record that it would be. */
void skafu__kit_command_record(const skafu_command *command, skafu_new_record *out);

/* A line about a record: what it is and what it says. */
void skafu__kit_say_record(struct skafu__kit_text *text, const skafu_record *record);
void skafu__kit_say_expected(struct skafu__kit_text *text, const skafu_new_record *record);

#endif

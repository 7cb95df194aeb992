/*
 * analyser.h: the analyser that needs no model and no network.
 *
 * It reads every file of a folder and applies rules: licence, README, tests, CI, secrets, versions that are not
 * pinned, large and generated files, conflicts, notes of unfinished work, rights.  It says of itself that it is the
 * offline one: what it finds are facts about files, not an opinion about the code.
 */
#ifndef SKAFU_APP_ANALYSER_H
#define SKAFU_APP_ANALYSER_H

#include "analysis.h"

#define ANALYSER_NAME "offline"
#define ANALYSER_NOTE "Made offline by fixed rules over the files; no model was asked."

#define ANALYSER_FILES 20000
#define ANALYSER_LARGE_BYTES ((uint64_t)1 << 20) /* larger files are named and not read */

/* The folders .git, .hg, .svn and .venv are left out.  SKAFU_ELIMIT when there are too many files. */
int32_t analyser_run(const char *folder, struct analysis *out_analysis, skafu_error *error);

#endif

/*
 * scan.h: what one line of a file may give away.
 *
 * Pure functions from a line to a word about it; the analyser knows the files around them.  None returns a part of
 * the line that may be secret.
 */
#ifndef SKAFU_APP_SCAN_H
#define SKAFU_APP_SCAN_H

/* What kind of secret is in the line ("an AWS access key"), or NULL, by forms that hardly anything else has. */
const char *scan_secret(const char *line);

/* Is a text that is no placeholder given to a name like password, secret, token or api_key? */
int scan_password(const char *line);

/* Is it a line that git writes into a file with a conflict? */
int scan_conflict(const char *line);

/* How many notes of unfinished work are in the line: words in capitals that programmers use for it. */
int scan_marks(const char *line);

/* Is it a download that a shell runs at once? */
int scan_piped_download(const char *line);

/* A line of requirements.txt that names a package without its exact version. */
int scan_loose_requirement(const char *line);

/* A line of package.json that gives a range for a version: "^1.2.0", "~1.2", "*", "latest", ">=1". */
int scan_loose_dependency(const char *line);

/* A FROM line of a Dockerfile whose image has neither a tag other than latest nor a digest. */
int scan_loose_image(const char *line);

/* A step of a workflow that uses an action by the name of a branch. */
int scan_loose_action(const char *line);

#endif

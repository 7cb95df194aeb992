/*
 * skafumodel.h: what a libskafu store must hold, kept beside it, so that any later state of it can be judged.
 *
 * Everything that a test appends passes here: the model invents records and rows from a seed, puts them into a batch,
 * and remembers what reading them must give.  Commits are numbered as the store numbers them, so the content after
 * any number of commits is known, and a store of a crash state is compared with the content after as many commits as
 * it says it has: by sequence, stream, correlation, tag, type, domain, kind, record id, commit id, and row by row.
 *
 * skafumodel_machine() fixes clock and randomness of the library, so that equal operations give equal bytes on disk.
 */
#ifndef TESTS_FAULT_SKAFUMODEL_H
#define TESTS_FAULT_SKAFUMODEL_H

#include <stdint.h>

#include "fault/crashstates.h"
#include "skafu_store.h"

#define SKAFUMODEL_STREAMS 4
#define SKAFUMODEL_TAGS 3
#define SKAFUMODEL_TABLES 2
#define SKAFUMODEL_KEYS 4

struct skafumodel;

/* Clock and randomness of every store from now on; the clock moves only by this call. */
void skafumodel_machine(uint64_t seed, int64_t now_ns);

/* NULL when there is no memory. */
struct skafumodel *skafumodel_new(uint64_t seed);
void skafumodel_free(struct skafumodel *model);

/* A number from the seed and how much the model holds; differs for each purpose. */
uint64_t skafumodel_choice(const struct skafumodel *model, uint64_t purpose);

/* How a record is to be; 0 is an event of the usual size, with an id of the host's or the library's as it comes. */
#define SKAFUMODEL_LARGE 0x1u  /* more than two pages */
#define SKAFUMODEL_OWN_ID 0x2u /* the host gives the id */
#define SKAFUMODEL_COMMAND 0x4u

/* Put something into a batch, which the model then counts on: all batches of the model must succeed, in the order in
 * which they were sealed.  0, or what the library said. */
int32_t skafumodel_record(struct skafumodel *model, skafu_batch *batch, unsigned how);
int32_t skafumodel_put_row(struct skafumodel *model, skafu_batch *batch, size_t table, size_t key, int expect);
int32_t skafumodel_delete_row(struct skafumodel *model, skafu_batch *batch, size_t table, size_t key, int expect);

/* Erase the payload of a record of an earlier commit; nothing when there is none, or when it is erased already. */
int32_t skafumodel_erase(struct skafumodel *model, skafu_batch *batch);

/* The batch is complete: it is the model's next commit. */
int32_t skafumodel_seal(struct skafumodel *model, skafu_batch *batch);

/* Fill another batch with what commit number `commit` was made of; the records must have had ids of the host. */
int32_t skafumodel_again(const struct skafumodel *model, uint64_t commit, skafu_batch *batch);

/* Is this what the append of that commit must have returned?  flags: SKAFU_APPENDED_ */
int skafumodel_outcome_is(const struct skafumodel *model, uint64_t commit, uint32_t flags,
			  const skafu_appended *outcome);

const char *skafumodel_stream(size_t stream);
const char *skafumodel_tag(size_t tag);
uint64_t skafumodel_version(const struct skafumodel *model, size_t stream); /* when all commits are there */
uint64_t skafumodel_head(const struct skafumodel *model);
uint64_t skafumodel_commits(const struct skafumodel *model);
void skafumodel_commit_id(const struct skafumodel *model, uint64_t commit, uint8_t id[16]);

/*
 * Compare the store with the model after as many commits as the store has, which must be least .. most, append one
 * more commit and read it.  A large model is read whole by sequence and in turns by the indexes, a small one by all.
 */
enum crash_verdict skafumodel_check(struct skafumodel *model, skafu_store *store, uint64_t least, uint64_t most);

/* What the last check that was not fine stumbled over. */
const char *skafumodel_why(void);

#endif

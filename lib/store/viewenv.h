/*
 * viewenv.h: the second environment, beside the log: rows that projections make, and how far each has come.
 *
 * It is a cache.  Whatever is wrong with its files (damaged, of another store, of another format, deleted while they
 * are open), they are thrown away and made anew; that costs time and changes no answer.  A file is looked at before
 * it is mapped, as the log is.  Files that were replaced are noticed at the next transaction, by device and inode.
 *
 * Locks: `gate` shared for as long as a transaction of this process is open, exclusively to open, close or grow the
 * map; `write_lock` among the threads and a byte of the control file among the processes, before a write transaction
 * begins.  None of the log's locks is taken in here, and no function of the host runs while one of these is held.
 *
 * Tables:
 *   meta        "format" -> header (below); "next" -> u32 generation that is given next
 *   projection  name -> struct skafu__viewplace                          viewmark.h
 *   generation  u32 big endian -> struct skafu__viewmark                 viewmark.h
 *   row         u32 big endian generation, u8 table, key -> value         viewrow.h
 * Every value but the header is sealed: a CRC32C over key and value goes before it (codec/sealed.h).
 *
 * Header, little endian:
 *    0  8   "SKAFUVW2"
 *    8  16  birth id of the store
 *   24  16  incarnation of the store: a restored log gets other views
 *   40  u32 CRC32C of bytes 0 to 39
 */
#ifndef SKAFU__STORE_VIEWENV_H
#define SKAFU__STORE_VIEWENV_H

#include <lmdb.h>
#include <stdint.h>

#include "skafu_store.h"

enum skafu__view_table { SKAFU__VIEW_META, SKAFU__VIEW_PROJECTION, SKAFU__VIEW_GENERATION, SKAFU__VIEW_ROW };

struct skafu__views;

/* The views of a store, made by the first who asks; they live as long as the store.  bytes_max (0: as the store's) is
 * the limit of the file in this process, as the first asks. */
int32_t skafu__viewenv_of(skafu_store *store, uint64_t bytes_max, struct skafu__views **out_views,
			  skafu_error *error);

/* Views of nobody else, in files without a name; to be freed by the caller, before the store. */
int32_t skafu__viewenv_private(skafu_store *store, uint64_t bytes_max, struct skafu__views **out_views,
			       skafu_error *error);
void skafu__viewenv_free(struct skafu__views *views); /* NULL is fine */

/* A transaction.  Begins and ends within one function; runs no function of the host. */
struct skafu__viewtxn {
	struct skafu__views *views;
	MDB_txn *txn;
	MDB_cursor *rows; /* opened by the first who needs it */
	int writes;
	int damaged; /* something in it was: the files go when it ends */
	struct skafu__viewtxn *first; /* that it is beside of: it has the gate; NULL: this one has */
};

/* SKAFU_ENOTFOUND: the store is for reading only, and there are no views. */
int32_t skafu__viewenv_read(struct skafu__views *views, struct skafu__viewtxn *out_txn, skafu_error *error);

/* A second reading transaction of the thread, which ends before the first: it must neither wait for the gate that the
 * first one holds nor open other files.  1: the map has grown; end the first one and begin again. */
int32_t skafu__viewenv_read_beside(struct skafu__viewtxn *first, struct skafu__viewtxn *out_txn, skafu_error *error);

/* SKAFU_EBUSY, naming the holder, when the deadline passes; SKAFU_EREADONLY. */
int32_t skafu__viewenv_write(struct skafu__views *views, int64_t deadline, struct skafu__viewtxn *out_txn,
			     skafu_error *error);

/* Ends the transaction, whatever comes of it.  When it cannot be told what was written the files are thrown away. */
int32_t skafu__viewenv_commit(struct skafu__viewtxn *txn, skafu_error *error);
void skafu__viewenv_end(struct skafu__viewtxn *txn); /* nothing is written */

/* Translate LMDB's failure of a call in a transaction; remembers damage. */
int32_t skafu__viewenv_fail(struct skafu__viewtxn *txn, int mdb_rc, skafu_error *error);
int32_t skafu__viewenv_damaged(struct skafu__viewtxn *txn, skafu_error *error);

/* The value of a key of a table, unsealed: 1, or 0 when there is none.  Valid while the transaction is. */
int32_t skafu__viewenv_get(struct skafu__viewtxn *txn, enum skafu__view_table table, const void *key,
			   size_t key_length, const uint8_t **out_value, size_t *out_length, skafu_error *error);
int32_t skafu__viewenv_put(struct skafu__viewtxn *txn, enum skafu__view_table table, const void *key,
			   size_t key_length, const void *value, size_t length, skafu_error *error);
int32_t skafu__viewenv_delete(struct skafu__viewtxn *txn, enum skafu__view_table table, const void *key,
			      size_t key_length, skafu_error *error);

MDB_dbi skafu__viewenv_table(const struct skafu__views *views, enum skafu__view_table table);

/* 1 when a process has these views open now. */
int skafu__viewenv_process_lives(const struct skafu__views *views, int64_t pid);

/* The store that they belong to. */
skafu_store *skafu__viewenv_store(const struct skafu__views *views);

#endif

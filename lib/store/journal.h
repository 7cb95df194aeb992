/*
 * journal.h: the file in which a small commit reaches the disk with one flush, before the log's own pages do.
 *
 * LMDB flushes twice for a commit.  So a commit that only adds chunks is written here first, into bytes that are on
 * the disk already (no size and no block changes, so one fdatasync is enough); then LMDB commits it without a flush.
 * Every so often a commit goes the long way, and the log is whole on the disk by itself again: its base.  After a
 * power cut the log is taken back to its last base, and what the journal holds is put again.
 *
 * The frames over one base are a generation.  One process at a time writes one, under the lock of the writers.
 *
 * Invariants.  A frame is on the disk before LMDB writes anything of its transaction.  A frame over base X counts
 * only while no page of snapshot X can be used anew (flush.h holds a reader there).  A log whose newest transaction
 * is newer than every frame needs none of them.  Frames never reach over the end of the file, and share no page.
 *
 * The file `journal`, little endian: frames, each at a multiple of 4,096 bytes, in order from 0, zeros between.  It
 * always begins with one, if only a void one, but while it is being made.
 *    0  u32  magic "SKJ1"          4  u32  CRC32C of bytes 8 to 63
 *    8  u64  base transaction     16  u64  transaction that the frame is of
 *   24  u32  index, from 0        28  u32  bytes of the body, from byte 64 on
 *   32  u32  CRC32C of the body   36  u32  the same of the frame before; 0 in the first
 *   40  u32  CRC32C of two pages of the base: the root of the main table, and that of the table with the format
 *            record, which tells one store from another
 *   44  u32  entries              48  u64  a random number, the same in all frames of a generation: what a stranger
 *   56   8   zero                           has appended cannot pass for a frame
 *   A frame of no entries, index 0, stands for nothing: the frames over its base are void.
 *   body: in the first frame the first 512 bytes of the base's meta page; then the entries
 *   entry: u32 key bytes, u32 value bytes, key, value: of the chunk table
 */
#ifndef SKAFU__STORE_JOURNAL_H
#define SKAFU__STORE_JOURNAL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/sys.h"
#include "skafu_base.h"
#include "store/page.h"

#define SKAFU__JOURNAL_BYTES (1u << 20) /* no frame is ever behind that */
#define SKAFU__JOURNAL_FRAME_BYTES_MAX (SKAFU__JOURNAL_BYTES / 4) /* what is larger costs more to write twice */
#define SKAFU__JOURNAL_PAGE_BYTES 4096u
#define SKAFU__JOURNAL_HEAD_BYTES 64u
#define SKAFU__JOURNAL_META_BYTES 512u
#define SKAFU__JOURNAL_ENTRY_BYTES 8u

struct skafu__journal {
	const struct skafu__sys *sys;
	char *directory;
	char *path;
	int fd;         /* -1: not open */
	uint32_t bytes; /* of the file; 0: there is none, and none is made */
	int is_ready;   /* as large as it has to be, and its name and its zeros on the disk */
	struct skafu__buf frame; /* that is being gathered: room for the head, then the body */
	uint32_t entries;
	int is_too_large;
	/* The generation that this process writes; last_txn 0: none. */
	uint64_t base_txn;
	uint64_t last_txn;
	uint64_t next_at;
	uint32_t next_index;
	uint32_t last_crc;
	uint64_t last_at;         /* of the frame that can be taken back */
	uint32_t last_crc_before;
	uint32_t base_crc;
	uint64_t nonce;
	uint8_t meta[SKAFU__JOURNAL_META_BYTES];
};

void skafu__journal_init(struct skafu__journal *journal, const struct skafu__sys *sys);
void skafu__journal_done(struct skafu__journal *journal);

/* From now on of the store in this directory; SKAFU_ENOMEM. */
int32_t skafu__journal_attach(struct skafu__journal *journal, const char *directory, uint32_t bytes);

/* Open the file, or make it, and have all of it on the disk: 1 ready, 0 not, and it is not asked for again. */
int skafu__journal_prepare(struct skafu__journal *journal);

/* 1 when there is such a file. */
int skafu__journal_exists(struct skafu__journal *journal);

/* When its name leads to another file than the one that is open, or to none, that one is let go.  Not for every
 * commit: where times are asked for, some kernels make the next write change them, and the next flush write them. */
void skafu__journal_look_again(struct skafu__journal *journal);

/* Gather the entries of a transaction.  What does not fit makes skafu__journal_fits() say no. */
void skafu__journal_clear(struct skafu__journal *journal);
void skafu__journal_gather(struct skafu__journal *journal, const void *key, size_t key_length, const void *value,
			   size_t length);

/* 1 when what was gathered has room as the next frame; for a generation that is to be begun, as its first. */
int skafu__journal_fits(const struct skafu__journal *journal);

/* Begin a generation over the snapshot that is on the disk, read from the log: 1, or 0 when it is not that of txn. */
int skafu__journal_begin(struct skafu__journal *journal, int log_fd, uint64_t txn);
int skafu__journal_is_begun(const struct skafu__journal *journal);
void skafu__journal_end(struct skafu__journal *journal);

/*
 * Write what was gathered as the frame of a transaction, and flush.  0; 1: nothing of it is there, the transaction
 * has to go the long way; SKAFU_EUNKNOWN: it may be on the disk or not.
 */
int32_t skafu__journal_write(struct skafu__journal *journal, uint64_t txn, skafu_error *error);

/* LMDB has refused the transaction of the frame that was written last: take the frame away, or SKAFU_EUNKNOWN. */
int32_t skafu__journal_take_back(struct skafu__journal *journal, skafu_error *error);

/* 1 when the file begins with a frame, which others may have written and need; -1 when it cannot be read. */
int skafu__journal_has_frames(struct skafu__journal *journal);

/* 1 when the frames of the generation that this process writes are still there; others may have called them void. */
int skafu__journal_is_as_left(struct skafu__journal *journal);

/* 1 when the file begins with a frame over this base, or a newer one; -1 when it cannot be read. */
int skafu__journal_is_over(struct skafu__journal *journal, uint64_t txn);

/* Call the frames that are there void; the log is on the disk without them.  SKAFU_EUNKNOWN. */
int32_t skafu__journal_discard(struct skafu__journal *journal, skafu_error *error);

/* Overwrite all of the file, in which no frame counts, so that nothing can be read in it; 0 or -1. */
int skafu__journal_wipe(struct skafu__journal *journal);

/* The head of a frame, decoded: 1 when it is one. */
struct skafu__journal_head {
	uint64_t base_txn;
	uint64_t txn;
	uint32_t index;
	uint32_t bytes;
	uint32_t crc;
	uint32_t crc_before;
	uint32_t base_crc;
	uint32_t entries;
	uint64_t nonce;
};
int skafu__journal_head_read(const uint8_t *bytes, struct skafu__journal_head *out);

/* The CRC over the two pages of a base, read from the log: 1, or 0 when they are not what a store has. */
int skafu__journal_base_crc(const struct skafu__sys *sys, int log_fd, const struct skafu__page_meta *base,
			    uint32_t *out);

/* Where the next frame begins behind one at `at`. */
uint64_t skafu__journal_behind(uint64_t at, const struct skafu__journal_head *head);

#endif

#include "store/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/crc32c.h"
#include "store/journal.h"
#include "store/page.h"


struct recover {
	const struct skafu__sys *sys;
	int log_fd;
	int journal_fd;
	uint8_t *bytes; /* the journal */
	uint64_t length;
	uint64_t log_txn; /* of the log's newest meta page; 0 when neither is whole */
	uint32_t metas;   /* that are whole */
	struct skafu__journal_head first;
	uint64_t last_txn; /* of the chain of frames that begins at 0; 0: there is none */
	uint64_t end;      /* of the chain */
};

/* ---- reading ------------------------------------------------------------------------------------------------- */

/* The head at a place, when it is one of the first one's generation, whether its body is whole or not. */
static int recover_head(const struct recover *recover, uint64_t at, struct skafu__journal_head *out)
{
	return at + SKAFU__JOURNAL_PAGE_BYTES <= recover->length &&
	       skafu__journal_head_read(recover->bytes + at, out) && out->base_txn == recover->first.base_txn &&
	       out->nonce == recover->first.nonce;
}

/* The frame at a place, head and body checked: 1, or 0. */
static int recover_frame(const struct recover *recover, uint64_t at, struct skafu__journal_head *out)
{
	if (!recover_head(recover, at, out) || out->bytes > recover->length - at - SKAFU__JOURNAL_HEAD_BYTES)
		return 0;
	return skafu__crc32c(0, recover->bytes + at + SKAFU__JOURNAL_HEAD_BYTES, out->bytes) == out->crc;
}

/* The entries of a frame that checks out; 0 when they do not fill it. */
static int recover_entries(const struct recover *recover, uint64_t at, const struct skafu__journal_head *head,
			   struct skafu__buf *out)
{
	size_t before = head->index == 0 ? SKAFU__JOURNAL_META_BYTES : 0;
	const uint8_t *from = recover->bytes + at + SKAFU__JOURNAL_HEAD_BYTES + before;
	if (head->bytes < before)
		return 0;
	size_t length = head->bytes - before;
	struct skafu__buf whole = {.bytes = (uint8_t *)(uintptr_t)from, .length = length};
	struct skafu__recover_entry entry;
	size_t end = 0;
	uint32_t count = 0;
	while (skafu__recover_next(&whole, &end, &entry))
		count++;
	if (end != length || count != head->entries)
		return 0;
	(void)skafu__buf_put(out, from, length); /* a failure sticks */
	return 1;
}

int skafu__recover_next(const struct skafu__buf *entries, size_t *at, struct skafu__recover_entry *out)
{
	if (entries->length - *at < SKAFU__JOURNAL_ENTRY_BYTES)
		return 0;
	const uint8_t *entry = entries->bytes + *at;
	size_t left = entries->length - *at - SKAFU__JOURNAL_ENTRY_BYTES;
	out->key_length = skafu__load_u32(entry);
	out->length = skafu__load_u32(entry + 4);
	if (out->key_length == 0 || out->key_length > SKAFU__PAGE_KEY_MAX || out->key_length > left ||
	    out->length > left - out->key_length)
		return 0;
	out->key = entry + SKAFU__JOURNAL_ENTRY_BYTES;
	out->value = out->key + out->key_length;
	*at += SKAFU__JOURNAL_ENTRY_BYTES + out->key_length + out->length;
	return 1;
}

static int32_t recover_load(struct recover *recover, skafu_error *error)
{
	struct stat status;
	if (recover->sys->fstat(recover->journal_fd, &status) != 0)
		return skafu__fail_os(error, errno, "looking at the journal");
	uint64_t size = (uint64_t)status.st_size;
	recover->length = size < SKAFU__JOURNAL_BYTES ? size : SKAFU__JOURNAL_BYTES; /* no frame is behind */
	if (recover->length < SKAFU__JOURNAL_PAGE_BYTES) {
		recover->length = 0;
		return 0;
	}
	recover->bytes = skafu__alloc(recover->sys, (size_t)recover->length);
	if (!recover->bytes)
		return skafu__fail_memory(error);
	ssize_t got = skafu__read_at(recover->sys, recover->journal_fd, recover->bytes, (size_t)recover->length, 0);
	if (got < 0)
		return skafu__fail_os(error, errno, "reading the journal");
	recover->length = (uint64_t)got;
	return 0;
}

static void recover_read_log_txn(struct recover *recover)
{
	for (uint64_t place = 0; place < 2; place++) {
		uint8_t page[SKAFU__PAGE_BYTES];
		struct skafu__page_meta meta;
		if (skafu__read_at(recover->sys, recover->log_fd, page, sizeof page, (off_t)(place * sizeof page)) !=
			    sizeof page ||
		    skafu__page_meta_frame(page, place, &meta) != NULL)
			continue;
		recover->metas++;
		if (meta.txn > recover->log_txn)
			recover->log_txn = meta.txn;
	}
}

/* ---- judging ------------------------------------------------------------------------------------------------- */

static int32_t recover_is_damaged(const char *what, skafu_error *error)
{
	return skafu__fail(error, SKAFU_EDAMAGED, "%s; the last commits are in it, so restore a backup, or salvage "
			   "what is whole", what);
}

/* The first head is that of no frame.  A file that was never written to says nothing; otherwise it depends on what is
 * behind. */
static int32_t recover_without_first(const struct recover *recover, skafu_error *error)
{
	for (uint64_t at = 0; at + SKAFU__JOURNAL_PAGE_BYTES <= recover->length; at += SKAFU__JOURNAL_PAGE_BYTES) {
		struct skafu__journal_head head;
		if (skafu__journal_head_read(recover->bytes + at, &head) && head.txn >= recover->log_txn)
			return recover_is_damaged("the first frame of the journal is damaged", error);
	}
	return 0;
}

/* The newest transaction that such a head names. */
static uint64_t recover_newest(const struct recover *recover)
{
	uint64_t newest = 0;
	for (uint64_t at = 0; at + SKAFU__JOURNAL_PAGE_BYTES <= recover->length; at += SKAFU__JOURNAL_PAGE_BYTES) {
		struct skafu__journal_head head;
		if (recover_head(recover, at, &head) && head.txn > newest)
			newest = head.txn;
	}
	return newest;
}

/* Frames of the same generation behind the end of the chain were flushed after what the chain breaks at. */
static int recover_chain_goes_on(const struct recover *recover, uint64_t at, uint32_t index)
{
	struct skafu__journal_head head;
	if (recover_head(recover, at, &head) && head.index == index && head.txn <= recover->log_txn)
		return 1; /* the log has its transaction, which LMDB began to write after the frame was whole */
	for (; at + SKAFU__JOURNAL_PAGE_BYTES <= recover->length; at += SKAFU__JOURNAL_PAGE_BYTES)
		if (recover_head(recover, at, &head) && head.index > index)
			return 1;
	return 0;
}

/* Follow the frames, and gather their entries. */
static int32_t recover_chain(struct recover *recover, struct skafu__buf *out, skafu_error *error)
{
	struct skafu__journal_head head;
	uint64_t at = 0;
	uint32_t index = 0;
	uint32_t crc = 0;
	while (recover_frame(recover, at, &head) && head.index == index && head.crc_before == crc &&
	       head.txn == recover->first.base_txn + index + 1) {
		if (!recover_entries(recover, at, &head, out))
			return recover_is_damaged("a frame of the journal is not what it says", error);
		recover->last_txn = head.txn;
		crc = head.crc;
		at = skafu__journal_behind(at, &head);
		index++;
	}
	recover->end = at;
	if (out->failed)
		return skafu__fail_memory(error);
	if (recover_chain_goes_on(recover, at, index))
		return recover_is_damaged("a frame of the journal is damaged", error);
	return 0;
}

/* 1: the frames are needed, 0: not. */
static int32_t recover_judge(struct recover *recover, struct skafu__buf *out, skafu_error *error)
{
	recover_read_log_txn(recover);
	if (recover->length == 0)
		return 0;
	if (!skafu__journal_head_read(recover->bytes, &recover->first) || recover->first.index != 0)
		return recover_without_first(recover, error);
	/* Frames that the log does not need may be overwritten in part. */
	if (recover->first.entries == 0 || recover->log_txn > recover_newest(recover))
		return 0;
	int32_t rc = recover_chain(recover, out, error);
	if (rc == 0 && recover->metas == 1 && recover->log_txn == recover->last_txn)
		return skafu__fail(error, SKAFU_EDAMAGED, "a meta page of the log is damaged, which may have been "
				   "that of a commit behind those in the journal; restore a backup, or salvage "
				   "what is whole");
	return rc ? rc : recover->log_txn <= recover->last_txn;
}

/* ---- taking the log back ------------------------------------------------------------------------------------- */

/* The pages that everything else hangs on are still what they were: the frames belong to this log. */
static int32_t recover_check_base(const struct recover *recover, const uint8_t *meta_bytes, skafu_error *error)
{
	uint8_t page[SKAFU__PAGE_BYTES] = {0};
	struct skafu__page_meta meta;
	memcpy(page, meta_bytes, SKAFU__JOURNAL_META_BYTES);
	if (skafu__page_meta(page, recover->first.base_txn & 1, &meta) != NULL ||
	    meta.txn != recover->first.base_txn)
		return recover_is_damaged("the journal holds no base that a log could be taken back to", error);
	uint32_t crc;
	if (!skafu__journal_base_crc(recover->sys, recover->log_fd, &meta, &crc) || crc != recover->first.base_crc)
		return skafu__fail(error, SKAFU_EDAMAGED, "the journal is that of another log, or the log is "
				   "damaged; if the log was copied here without it, remove the journal, else "
				   "restore a backup, or salvage what is whole");
	return 0;
}

/* Both meta pages say what the base said, under numbers that no frame is newer than: whoever is interrupted here
 * comes to the same again, and what is put next is newer than all frames. */
static int32_t recover_write_metas(const struct recover *recover, const uint8_t *meta_bytes, skafu_error *error)
{
	uint8_t sector[SKAFU__JOURNAL_META_BYTES];
	memcpy(sector, meta_bytes, sizeof sector);
	for (uint64_t txn = recover->last_txn - 1; txn <= recover->last_txn; txn++) {
		skafu__store_u64(sector, txn & 1);
		skafu__store_u64(sector + 144, txn);
		if (skafu__write_at(recover->sys, recover->log_fd, sector, sizeof sector,
				    (off_t)((txn & 1) * SKAFU__PAGE_BYTES)) != 0)
			return skafu__fail_os(error, errno, "taking the log back to its last base");
	}
	if (recover->sys->fdatasync(recover->log_fd) != 0)
		return skafu__fail_os(error, errno, "taking the log back to its last base");
	return 0;
}

/* The head of a frame that was being written when all ended goes, since the log will reach its number without it. */
static int32_t recover_cut(const struct recover *recover, skafu_error *error)
{
	static const uint8_t zeros[SKAFU__JOURNAL_HEAD_BYTES];
	struct skafu__journal_head head;
	if (!recover_head(recover, recover->end, &head))
		return 0;
	if (skafu__write_at(recover->sys, recover->journal_fd, zeros, sizeof zeros, (off_t)recover->end) != 0 ||
	    recover->sys->fdatasync(recover->journal_fd) != 0)
		return skafu__fail_os(error, errno, "cutting the end off the journal");
	return 0;
}

static int32_t recover_take_back(const struct recover *recover, skafu_error *error)
{
	const uint8_t *meta = recover->bytes + SKAFU__JOURNAL_HEAD_BYTES;
	int32_t rc = recover_check_base(recover, meta, error);
	if (rc == 0)
		rc = recover_cut(recover, error);
	return rc ? rc : recover_write_metas(recover, meta, error);
}

/* ---- files --------------------------------------------------------------------------------------------------- */

/* A sync that failed leaves pages marked clean that the disk never got: only reading them anew tells. */
int32_t skafu__recover_reread(const struct skafu__sys *sys, int fd, skafu_error *error)
{
	if (sys->fdatasync(fd) != 0)
		return skafu__fail_os(error, errno, "syncing after a write that failed");
	(void)sys->forget(fd);
	return 0;
}

/* For writing, or for reading alone where that is all there is. */
static int recover_open_best(const struct skafu__sys *sys, const char *directory, const char *name,
			     int *is_read_only)
{
	const int flags = O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	int fd = skafu__open_in(sys, directory, name, O_RDWR | flags);
	if (fd >= 0 || (errno != EACCES && errno != EROFS && errno != EPERM))
		return fd;
	*is_read_only = 1;
	return skafu__open_in(sys, directory, name, O_RDONLY | flags);
}

static int32_t recover_files(struct recover *recover, int reread, int is_read_only, struct skafu__buf *out,
			     skafu_error *error)
{
	int32_t rc = reread ? skafu__recover_reread(recover->sys, recover->journal_fd, error) : 0;
	if (rc == 0 && reread)
		rc = skafu__recover_reread(recover->sys, recover->log_fd, error);
	if (rc == 0)
		rc = recover_load(recover, error);
	if (rc == 0)
		rc = recover_judge(recover, out, error);
	if (rc != 1)
		skafu__buf_clear(out);
	if (rc == 1 && is_read_only)
		return skafu__fail(error, SKAFU_EREADONLY, "the last commits are in the journal and have to be put "
				   "into the log, which cannot be written here; open the store once where it can");
	return rc == 1 ? recover_take_back(recover, error) : rc;
}

int32_t skafu__recover(const struct skafu__sys *sys, const char *directory, int reread, struct skafu__buf *out,
		       skafu_error *error)
{
	struct recover recover = {.sys = sys, .log_fd = -1};
	int is_read_only = 0;
	int32_t rc = 0;
	recover.journal_fd = recover_open_best(sys, directory, "journal", &is_read_only);
	if (recover.journal_fd < 0)
		return errno == ENOENT ? 0 : skafu__fail_os(error, errno, "opening the journal");
	recover.log_fd = recover_open_best(sys, directory, "log", &is_read_only);
	if (recover.log_fd < 0)
		rc = skafu__fail_os(error, errno, "opening the log");
	if (rc == 0)
		rc = recover_files(&recover, reread, is_read_only, out, error);
	skafu__free(sys, recover.bytes);
	if (recover.log_fd >= 0)
		sys->close(recover.log_fd);
	sys->close(recover.journal_fd);
	return rc;
}

int32_t skafu__recover_all(const struct skafu__sys *sys, int journal_fd, struct skafu__buf *out, skafu_error *error)
{
	struct recover recover = {.sys = sys, .journal_fd = journal_fd};
	struct skafu__journal_head head;
	uint64_t at = 0;
	int32_t rc = recover_load(&recover, error);
	int may_count = rc == 0 && recover.length != 0 && skafu__journal_head_read(recover.bytes, &recover.first) &&
			recover.first.entries != 0;
	while (may_count && at < recover.length) {
		int is_whole = recover_frame(&recover, at, &head) && recover_entries(&recover, at, &head, out);
		at = is_whole ? skafu__journal_behind(at, &head) : at + SKAFU__JOURNAL_PAGE_BYTES;
	}
	if (rc == 0 && out->failed)
		rc = skafu__fail_memory(error);
	skafu__free(sys, recover.bytes);
	return rc;
}

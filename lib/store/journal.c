#include "store/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "codec/crc32c.h"

#define JOURNAL_MAGIC UINT32_C(0x314a4b53) /* "SKJ1" */
#define JOURNAL_CHECKED_FROM 8u
#define JOURNAL_ZEROS_BYTES 65536u

/* ---- life ---------------------------------------------------------------------------------------------------- */

void skafu__journal_init(struct skafu__journal *journal, const struct skafu__sys *sys)
{
	memset(journal, 0, sizeof *journal);
	journal->sys = sys;
	journal->fd = -1;
	skafu__buf_init(&journal->frame, sys, SIZE_MAX / 2);
}

void skafu__journal_done(struct skafu__journal *journal)
{
	if (journal->fd >= 0)
		journal->sys->close(journal->fd);
	skafu__free(journal->sys, journal->directory);
	skafu__free(journal->sys, journal->path);
	skafu__buf_done(&journal->frame);
	skafu__journal_init(journal, journal->sys);
}

int32_t skafu__journal_attach(struct skafu__journal *journal, const char *directory, uint32_t bytes)
{
	size_t room = strlen(directory) + sizeof "/journal";
	journal->directory = skafu__strdup(journal->sys, directory);
	journal->path = skafu__alloc(journal->sys, room);
	if (!journal->directory || !journal->path)
		return SKAFU_ENOMEM;
	snprintf(journal->path, room, "%s/journal", directory);
	journal->bytes = bytes < SKAFU__JOURNAL_PAGE_BYTES ? 0 : bytes;
	if (journal->bytes > SKAFU__JOURNAL_BYTES)
		journal->bytes = SKAFU__JOURNAL_BYTES;
	skafu__journal_clear(journal);
	return 0;
}

/* ---- heads --------------------------------------------------------------------------------------------------- */

int skafu__journal_head_read(const uint8_t *bytes, struct skafu__journal_head *out)
{
	if (skafu__load_u32(bytes) != JOURNAL_MAGIC ||
	    skafu__load_u32(bytes + 4) != skafu__crc32c(0, bytes + JOURNAL_CHECKED_FROM,
							SKAFU__JOURNAL_HEAD_BYTES - JOURNAL_CHECKED_FROM))
		return 0;
	out->base_txn = skafu__load_u64(bytes + 8);
	out->txn = skafu__load_u64(bytes + 16);
	out->index = skafu__load_u32(bytes + 24);
	out->bytes = skafu__load_u32(bytes + 28);
	out->crc = skafu__load_u32(bytes + 32);
	out->crc_before = skafu__load_u32(bytes + 36);
	out->base_crc = skafu__load_u32(bytes + 40);
	out->entries = skafu__load_u32(bytes + 44);
	out->nonce = skafu__load_u64(bytes + 48);
	return 1;
}

static void journal_head_write(const struct skafu__journal_head *head, uint8_t out[SKAFU__JOURNAL_HEAD_BYTES])
{
	memset(out, 0, SKAFU__JOURNAL_HEAD_BYTES);
	skafu__store_u32(out, JOURNAL_MAGIC);
	skafu__store_u64(out + 8, head->base_txn);
	skafu__store_u64(out + 16, head->txn);
	skafu__store_u32(out + 24, head->index);
	skafu__store_u32(out + 28, head->bytes);
	skafu__store_u32(out + 32, head->crc);
	skafu__store_u32(out + 36, head->crc_before);
	skafu__store_u32(out + 40, head->base_crc);
	skafu__store_u32(out + 44, head->entries);
	skafu__store_u64(out + 48, head->nonce);
	skafu__store_u32(out + 4, skafu__crc32c(0, out + JOURNAL_CHECKED_FROM,
						SKAFU__JOURNAL_HEAD_BYTES - JOURNAL_CHECKED_FROM));
}

/* The first page says that no frame of this base counts.  A file whose first page says nothing could be taken for a
 * damaged one, by what lies behind. */
static int journal_write_void(const struct skafu__journal *journal, uint64_t base_txn, uint64_t nonce)
{
	uint8_t page[SKAFU__JOURNAL_PAGE_BYTES] = {0};
	const struct skafu__journal_head none = {.base_txn = base_txn, .txn = base_txn, .nonce = nonce};
	journal_head_write(&none, page);
	if (skafu__write_at(journal->sys, journal->fd, page, sizeof page, 0) != 0)
		return -1;
	return journal->sys->fdatasync(journal->fd);
}

/* ---- the file ------------------------------------------------------------------------------------------------ */

static int journal_open(struct skafu__journal *journal, int flags)
{
	struct stat status;
	if (journal->fd >= 0)
		return 1;
	int fd = journal->sys->open(journal->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0640);
	if (fd < 0)
		return 0;
	if (journal->sys->fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		journal->sys->close(fd);
		errno = EINVAL; /* there is something, which the callers tell from nothing */
		return 0;
	}
	journal->fd = fd;
	return 1;
}

int skafu__journal_exists(struct skafu__journal *journal)
{
	return journal_open(journal, 0);
}

void skafu__journal_look_again(struct skafu__journal *journal)
{
	struct stat named;
	struct stat opened;
	if (journal->fd < 0 ||
	    (journal->sys->stat(journal->path, &named) == 0 && journal->sys->fstat(journal->fd, &opened) == 0 &&
	     named.st_dev == opened.st_dev && named.st_ino == opened.st_ino))
		return;
	journal->sys->close(journal->fd);
	journal->fd = -1;
	journal->is_ready = 0;
}

static int journal_fill(const struct skafu__journal *journal, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[JOURNAL_ZEROS_BYTES];
	while (from < to) {
		size_t bytes = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
		if (skafu__write_at(journal->sys, journal->fd, zeros, bytes, (off_t)from) != 0)
			return -1;
		from += bytes;
	}
	return journal->sys->fdatasync(journal->fd);
}

static int journal_sync_name(const struct skafu__journal *journal)
{
	int directory = journal->sys->open(journal->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (directory < 0)
		return -1;
	int rc = journal->sys->fsync(directory);
	journal->sys->close(directory);
	return rc;
}

/* What is behind the end of a shorter file is made of zeros that are really there.  A disk that is too full for them
 * gets back what they took. */
static int journal_make(struct skafu__journal *journal)
{
	struct stat status;
	if (!journal_open(journal, O_CREAT) || journal->sys->fstat(journal->fd, &status) != 0)
		return 0;
	uint64_t size = (uint64_t)status.st_size / SKAFU__JOURNAL_PAGE_BYTES * SKAFU__JOURNAL_PAGE_BYTES;
	if (size < journal->bytes && (journal_fill(journal, size, journal->bytes) != 0 ||
				      (size == 0 && journal_write_void(journal, 0, 0) != 0))) {
		(void)journal->sys->ftruncate(journal->fd, status.st_size);
		return 0;
	}
	return journal_sync_name(journal) == 0;
}

int skafu__journal_prepare(struct skafu__journal *journal)
{
	if (journal->is_ready || journal->bytes == 0)
		return journal->is_ready;
	journal->is_ready = journal_make(journal);
	if (!journal->is_ready)
		journal->bytes = 0;
	return journal->is_ready;
}

/* ---- gathering ----------------------------------------------------------------------------------------------- */

/* The front is always kept free for the longer one, so that a generation may end or begin meanwhile. */
void skafu__journal_clear(struct skafu__journal *journal)
{
	static const uint8_t front[SKAFU__JOURNAL_HEAD_BYTES + SKAFU__JOURNAL_META_BYTES];
	skafu__buf_clear(&journal->frame);
	journal->entries = 0;
	journal->is_too_large = journal->bytes == 0 || skafu__buf_put(&journal->frame, front, sizeof front) != 0;
}

static size_t journal_frame_max(const struct skafu__journal *journal)
{
	size_t half = journal->bytes / 2;
	return half < SKAFU__JOURNAL_FRAME_BYTES_MAX ? half : SKAFU__JOURNAL_FRAME_BYTES_MAX;
}

void skafu__journal_gather(struct skafu__journal *journal, const void *key, size_t key_length, const void *value,
			   size_t length)
{
	if (journal->is_too_large || length > journal->bytes ||
	    journal->frame.length + SKAFU__JOURNAL_ENTRY_BYTES + key_length + length > journal_frame_max(journal)) {
		journal->is_too_large = 1;
		return;
	}
	skafu__buf_put_u32(&journal->frame, (uint32_t)key_length);
	skafu__buf_put_u32(&journal->frame, (uint32_t)length);
	skafu__buf_put(&journal->frame, key, key_length);
	skafu__buf_put(&journal->frame, value, length);
	journal->is_too_large = journal->frame.failed != 0;
	journal->entries++;
}

static size_t journal_whole_pages(size_t bytes)
{
	return (bytes + SKAFU__JOURNAL_PAGE_BYTES - 1) / SKAFU__JOURNAL_PAGE_BYTES * SKAFU__JOURNAL_PAGE_BYTES;
}

int skafu__journal_fits(const struct skafu__journal *journal)
{
	if (journal->is_too_large || journal->entries == 0)
		return 0;
	uint64_t at = skafu__journal_is_begun(journal) ? journal->next_at : 0;
	return at + journal_whole_pages(journal->frame.length) <= journal->bytes;
}

/* ---- generations --------------------------------------------------------------------------------------------- */

static int journal_read_page(const struct skafu__sys *sys, int log_fd, uint64_t number, uint8_t *page)
{
	return number != SKAFU__PAGE_NONE &&
	       skafu__read_at(sys, log_fd, page, SKAFU__PAGE_BYTES, (off_t)(number * SKAFU__PAGE_BYTES)) ==
		       SKAFU__PAGE_BYTES;
}

/* The root of the table "meta", of which the main table has a record; SKAFU__PAGE_NONE when it has not. */
static uint64_t journal_meta_root(const uint8_t *main_root)
{
	struct skafu__page_node node;
	struct skafu__page_table table = {.root = SKAFU__PAGE_NONE};
	for (uint32_t i = 0; i < skafu__page_count(main_root); i++)
		if (skafu__page_node(main_root, SKAFU__PAGE_LEAF, i, &node) == NULL && node.key_bytes == 4 &&
		    memcmp(node.key, "meta", 4) == 0 && node.flags == SKAFU__NODE_TABLE)
			skafu__page_table(node.value, &table);
	return table.root;
}

int skafu__journal_base_crc(const struct skafu__sys *sys, int log_fd, const struct skafu__page_meta *base,
			    uint32_t *out)
{
	uint8_t page[SKAFU__PAGE_BYTES];
	if (!journal_read_page(sys, log_fd, base->main.root, page))
		return 0;
	uint32_t crc = skafu__crc32c(0, page, sizeof page);
	if (!journal_read_page(sys, log_fd, journal_meta_root(page), page))
		return 0;
	*out = skafu__crc32c(crc, page, sizeof page);
	return 1;
}

int skafu__journal_begin(struct skafu__journal *journal, int log_fd, uint64_t txn)
{
	uint8_t page[SKAFU__PAGE_BYTES];
	struct skafu__page_meta meta;
	const struct skafu__sys *sys = journal->sys;
	if (skafu__read_at(sys, log_fd, page, sizeof page, (off_t)((txn & 1) * sizeof page)) != sizeof page ||
	    skafu__page_meta(page, txn & 1, &meta) != NULL || meta.txn != txn)
		return 0;
	memcpy(journal->meta, page, sizeof journal->meta);
	if (!skafu__journal_base_crc(sys, log_fd, &meta, &journal->base_crc) ||
	    sys->random(&journal->nonce, sizeof journal->nonce) != 0)
		return 0;
	journal->base_txn = journal->last_txn = txn;
	journal->next_at = 0;
	journal->next_index = 0;
	journal->last_crc = 0;
	return 1;
}

int skafu__journal_is_begun(const struct skafu__journal *journal)
{
	return journal->last_txn != 0;
}

void skafu__journal_end(struct skafu__journal *journal)
{
	journal->base_txn = journal->last_txn = 0;
}

/* ---- frames -------------------------------------------------------------------------------------------------- */

uint64_t skafu__journal_behind(uint64_t at, const struct skafu__journal_head *head)
{
	return at + journal_whole_pages((size_t)SKAFU__JOURNAL_HEAD_BYTES + head->bytes);
}

static int32_t journal_is_unknown(const char *what, skafu_error *error)
{
	return skafu__fail(error, SKAFU_EUNKNOWN, "%s the journal failed (%s) and may have taken effect; close the "
			   "store in all processes, open it again and ask for the commit's status", what,
			   strerror(errno));
}

/* Nothing is left of the head of the frame at next_at, on the disk. */
static int journal_erase(const struct skafu__journal *journal)
{
	static const uint8_t zeros[SKAFU__JOURNAL_PAGE_BYTES];
	if (journal->next_at == 0)
		return journal_write_void(journal, journal->base_txn, journal->nonce);
	if (skafu__write_at(journal->sys, journal->fd, zeros, sizeof zeros, (off_t)journal->next_at) != 0)
		return -1;
	return journal->sys->fdatasync(journal->fd);
}

/* Lay the head, and before the first entries the base, into the front that was kept free.  *out_at is where the frame
 * begins in the buffer; behind it zeros fill the last page. */
static int journal_seal(struct skafu__journal *journal, uint64_t txn, size_t *out_at, uint32_t *out_crc)
{
	size_t at = SKAFU__JOURNAL_META_BYTES;
	if (journal->next_index == 0) {
		memcpy(journal->frame.bytes + SKAFU__JOURNAL_HEAD_BYTES, journal->meta, sizeof journal->meta);
		at = 0;
	}
	size_t length = journal->frame.length - at;
	size_t padding = journal_whole_pages(length) - length;
	uint8_t *behind = skafu__buf_reserve(&journal->frame, padding);
	if (!behind)
		return -1;
	memset(behind, 0, padding);
	uint8_t *frame = journal->frame.bytes + at;
	struct skafu__journal_head head = {.base_txn = journal->base_txn, .txn = txn, .index = journal->next_index,
					   .bytes = (uint32_t)(length - SKAFU__JOURNAL_HEAD_BYTES),
					   .crc_before = journal->last_crc, .base_crc = journal->base_crc,
					   .entries = journal->entries, .nonce = journal->nonce};
	head.crc = skafu__crc32c(0, frame + SKAFU__JOURNAL_HEAD_BYTES, head.bytes);
	journal_head_write(&head, frame);
	*out_at = at;
	*out_crc = head.crc;
	return 0;
}

int32_t skafu__journal_write(struct skafu__journal *journal, uint64_t txn, skafu_error *error)
{
	size_t at;
	uint32_t crc;
	if (journal_seal(journal, txn, &at, &crc) != 0)
		return 1;
	size_t bytes = journal_whole_pages(journal->frame.length - at);
	if (skafu__write_at(journal->sys, journal->fd, journal->frame.bytes + at, bytes,
			    (off_t)journal->next_at) != 0)
		return journal_erase(journal) == 0 ? 1 : journal_is_unknown("writing", error);
	if (journal->sys->fdatasync(journal->fd) != 0)
		return journal_is_unknown("flushing", error);
	journal->last_crc_before = journal->last_crc;
	journal->last_at = journal->next_at;
	journal->last_crc = crc;
	journal->last_txn = txn;
	journal->next_at += bytes;
	journal->next_index++;
	return 0;
}

int32_t skafu__journal_take_back(struct skafu__journal *journal, skafu_error *error)
{
	journal->next_at = journal->last_at;
	journal->last_crc = journal->last_crc_before;
	journal->next_index--;
	journal->last_txn--;
	return journal_erase(journal) == 0 ? 0 : journal_is_unknown("taking a commit out of", error);
}

/* ---- what others wrote --------------------------------------------------------------------------------------- */

static int journal_first_head(struct skafu__journal *journal, struct skafu__journal_head *out)
{
	uint8_t bytes[SKAFU__JOURNAL_HEAD_BYTES];
	if (!journal_open(journal, 0))
		return errno == ENOENT ? 0 : -1;
	ssize_t got = skafu__read_at(journal->sys, journal->fd, bytes, sizeof bytes, 0);
	if (got < 0)
		return -1;
	return got == (ssize_t)sizeof bytes && skafu__journal_head_read(bytes, out);
}

int skafu__journal_has_frames(struct skafu__journal *journal)
{
	struct skafu__journal_head head;
	int rc = journal->path ? journal_first_head(journal, &head) : 0;
	return rc == 1 ? head.entries != 0 : rc;
}

int skafu__journal_is_as_left(struct skafu__journal *journal)
{
	struct skafu__journal_head head;
	return journal->next_index == 0 || (journal_first_head(journal, &head) == 1 && head.entries != 0 &&
					    head.base_txn == journal->base_txn);
}

int skafu__journal_is_over(struct skafu__journal *journal, uint64_t txn)
{
	struct skafu__journal_head head;
	int rc = journal_first_head(journal, &head);
	return rc == 1 ? head.entries != 0 && head.base_txn >= txn : rc;
}

int32_t skafu__journal_discard(struct skafu__journal *journal, skafu_error *error)
{
	struct skafu__journal_head head;
	skafu__journal_end(journal);
	if (journal_first_head(journal, &head) != 1)
		return journal_is_unknown("reading", error);
	if (journal_write_void(journal, head.base_txn, head.nonce) != 0)
		return journal_is_unknown("emptying", error);
	return 0;
}

int skafu__journal_wipe(struct skafu__journal *journal)
{
	struct stat status;
	struct skafu__journal_head head = {0};
	int rc = journal_first_head(journal, &head);
	if (rc < 0 || journal->fd < 0)
		return rc;
	if (journal->sys->fstat(journal->fd, &status) != 0 ||
	    journal_write_void(journal, head.base_txn, head.nonce) != 0)
		return -1;
	uint64_t end = (uint64_t)status.st_size;
	if (end > SKAFU__JOURNAL_BYTES)
		end = SKAFU__JOURNAL_BYTES;
	return journal_fill(journal, SKAFU__JOURNAL_PAGE_BYTES, end);
}

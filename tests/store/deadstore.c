#include "store/deadstore.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault/hooks.h"
#include "store/page.h"
#include "store/recover.h"

#define JOURNAL_BYTES 16384u

struct tempstore temp;
uint32_t expected[COMMITS_MAX]; /* numbers of the acknowledged commits, in order */
uint32_t expected_count;
uint32_t last_number;
uint32_t tried; /* the number of an append whose outcome is unknown; 0: none */

int dead_main(const char *name, void (*add)(TCase *tests))
{
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	return tempstore_main(name, add);
}

/* ---- images of files ----------------------------------------------------------------------------------------- */

struct image log_images[IMAGES_MAX]; /* after each order that may have changed it */
uint32_t log_image_count;
uint32_t durable; /* which of them the disk is known to have: the log was flushed then */

struct image image_of(const char *name)
{
	struct image image = {NULL, 0};
	struct stat status;

	if (stat(tempstore_file(&temp, name), &status) != 0)
		return image;
	image.length = (size_t)status.st_size;
	image.bytes = malloc(image.length + 1);
	ck_assert_ptr_nonnull(image.bytes);
	ck_assert_uint_eq(file_read(tempstore_file(&temp, name), image.bytes, image.length), image.length);
	return image;
}

void image_free(struct image *image)
{
	free(image->bytes);
	memset(image, 0, sizeof *image);
}

static struct image image_twin(const struct image *from)
{
	struct image twin = {malloc(from->length + 1), from->length};

	ck_assert_ptr_nonnull(twin.bytes);
	memcpy(twin.bytes, from->bytes, from->length);
	return twin;
}

void put_back(const char *name, const struct image *image)
{
	if (image->bytes)
		file_write(tempstore_file(&temp, name), image->bytes, image->length);
	else
		unlink(tempstore_file(&temp, name));
}

int is_same_image(const char *name, const struct image *before)
{
	struct image now = image_of(name);
	int same = now.length == before->length && memcmp(now.bytes, before->bytes, now.length) == 0;

	image_free(&now);
	return same;
}

static void forget_images(void)
{
	while (log_image_count > 0)
		image_free(&log_images[--log_image_count]);
}

static uint64_t txn_of(const struct image *log)
{
	struct skafu__page_meta meta;
	uint64_t newest = 0;

	for (uint64_t place = 0; place < 2; place++)
		if (skafu__page_meta(log->bytes + place * PAGE, place, &meta) == NULL && meta.txn > newest)
			newest = meta.txn;
	return newest;
}

/* How many frames there are that the log is not newer than. */
uint32_t live_frames(void)
{
	struct image journal = image_of("journal");
	struct image log = image_of("log");
	struct skafu__journal_head first = {0};
	struct skafu__journal_head head;
	uint64_t at = 0;
	uint32_t count = 0;

	while (at + PAGE <= journal.length && skafu__journal_head_read(journal.bytes + at, &head) &&
	       head.entries != 0 && head.index == count && (count == 0 || head.base_txn == first.base_txn)) {
		if (count++ == 0)
			first = head;
		at = skafu__journal_behind(at, &head);
	}
	if (count != 0 && txn_of(&log) > first.base_txn + count)
		count = 0;
	image_free(&journal);
	image_free(&log);
	return count;
}

static void remember_log(int is_flushed)
{
	if (log_image_count == IMAGES_MAX) { /* the one on the disk is kept */
		struct image kept = log_images[durable];

		memset(&log_images[durable], 0, sizeof kept);
		forget_images();
		log_images[log_image_count++] = kept;
		durable = 0;
	}
	log_images[log_image_count] = image_of("log");
	if (is_flushed)
		durable = log_image_count;
	log_image_count++;
}

void remember_log_alone(void)
{
	forget_images();
	remember_log(1);
}

/* ---- what is appended ---------------------------------------------------------------------------------------- */

uint32_t payload_bytes(uint32_t number)
{
	uint32_t mixed = number * 2654435761u;

	return (mixed >> 28) < 4 ? 3000 + (mixed >> 8) % 2500 : (mixed >> 8) % 300;
}

/* Of a number follow type, stream and payload, so that each shows what it is. */
static int32_t append_number(skafu_store *store, uint32_t number, int is_refused)
{
	char type[32];
	char stream[32];
	char data[8192];
	skafu_batch *batch = NULL;
	skafu_new_record record;
	int32_t rc = skafu_batch_new(store, &batch, NULL);

	snprintf(type, sizeof type, "T%u", number);
	snprintf(stream, sizeof stream, "s%u", number % 5);
	record = event_of(stream, type);
	memset(data, 'a' + (int)(number % 26), sizeof data);
	record.data_length = payload_bytes(number) + 2;
	data[0] = data[record.data_length - 1] = '"';
	record.data = data;
	if (rc == 0)
		rc = skafu_batch_add(batch, &record, NULL);
	if (rc == 0 && is_refused)
		rc = skafu_batch_expect_stream(batch, "nobody", SKAFU_EXPECT_EXISTS, 0, NULL);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, NULL);
	skafu_batch_free(batch);
	return rc;
}

/* ---- workers: processes that do what they are told ------------------------------------------------------------ */

struct order {
	uint32_t what;
	uint32_t number;
};

struct answer {
	int32_t rc;
	uint32_t flushes; /* of the log, by LMDB */
};

static int dies_after_frame;
static int is_own_sync; /* a call of the library, and not of LMDB */
static uint32_t flushes;
static uint32_t calls_to_live; /* 0: not counted */
static int call_error; /* 0: the process ends at the call */
static struct skafu__sys worker_sys;

static int sync_of_name(int fd)
{
	is_own_sync = 1;
	int rc = fsync(fd);
	is_own_sync = 0;
	return rc;
}

static int sync_and_die(int fd)
{
	struct stat own;
	struct stat journal;
	is_own_sync = 1;
	int rc = fdatasync(fd);
	is_own_sync = 0;

	if (dies_after_frame && fstat(fd, &own) == 0 && stat(tempstore_file(&temp, "journal"), &journal) == 0 &&
	    own.st_ino == journal.st_ino)
		_exit(0);
	return rc;
}

static int end_at_call(enum hooks_point point, int after)
{
	flushes += point == HOOKS_SYNC && after && !is_own_sync;
	if (calls_to_live == 0 || --calls_to_live != 0)
		return 0;
	if (call_error == 0)
		_exit(0);
	return call_error;
}

static int32_t worker_open(skafu_store **store)
{
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_CREATE};

	return skafu_store_open(temp.path, &opts, store, NULL);
}

static int32_t worker_do(skafu_store **store, const struct order *order)
{
	uint64_t head = 0;

	switch (order->what) {
	case DO_OPEN:
		return worker_open(store);
	case DO_CLOSE:
		skafu_store_close(*store);
		*store = NULL;
		return 0;
	case DO_HEAD:
		return skafu_store_head(*store, &head, NULL) == 0 ? (int32_t)head : -1;
	case DO_DIE_AFTER_FRAME:
		dies_after_frame = 1;
		return append_number(*store, order->number, 0);
	case DO_DIE_AT:
		calls_to_live = order->number;
		return 0;
	case DO_FAIL_AT:
		calls_to_live = order->number & 0xffff;
		call_error = (int)(order->number >> 16);
		return 0;
	default:
		return append_number(*store, order->number, order->what == DO_REFUSED);
	}
}

static void worker_run(int channel)
{
	skafu_store *store = NULL;
	struct order order;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker_sys = *skafu__sys_current();
	worker_sys.fdatasync = sync_and_die;
	worker_sys.fsync = sync_of_name;
	skafu__sys_override(&worker_sys);
	hooks_set(end_at_call);
	while (read(channel, &order, sizeof order) == (ssize_t)sizeof order) {
		struct answer answer = {0};

		flushes = 0;
		answer.rc = worker_do(&store, &order);
		answer.flushes = flushes;
		if (write(channel, &answer, sizeof answer) != (ssize_t)sizeof answer)
			break;
	}
	_exit(0);
}

/* The log is remembered as it is afterwards. */
int32_t tell(const struct worker *worker, uint32_t what, uint32_t number)
{
	struct order order = {what, number};
	struct answer answer;

	if (send(worker->channel, &order, sizeof order, MSG_NOSIGNAL) != (ssize_t)sizeof order ||
	    recv(worker->channel, &answer, sizeof answer, 0) != (ssize_t)sizeof answer)
		return DIED;
	if (what != DO_HEAD && what != DO_DIE_AT && what != DO_FAIL_AT)
		remember_log(answer.flushes != 0);
	return answer.rc;
}

struct worker worker_start(void)
{
	struct worker worker;
	int ends[2];

	fflush(stdout);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	worker.pid = fork();
	ck_assert_int_ge(worker.pid, 0);
	if (worker.pid == 0) {
		close(ends[0]);
		worker_run(ends[1]);
	}
	close(ends[1]);
	worker.channel = ends[0];
	return worker;
}

struct worker worker_at_store(void)
{
	struct worker worker = worker_start();

	ck_assert_int_eq(tell(&worker, DO_OPEN, 0), 0);
	return worker;
}

/* It ends without closing: the kernel lets its locks go, as with a kill. */
void worker_gone(struct worker *worker)
{
	kill(worker->pid, SIGKILL);
	waitpid(worker->pid, NULL, 0);
	close(worker->channel);
}

void worker_closes(struct worker *worker)
{
	ck_assert_int_eq(tell(worker, DO_CLOSE, 0), 0);
	worker_gone(worker);
}

/* An append that may end with its process. */
int32_t attempt(const struct worker *worker, uint32_t what)
{
	int32_t rc = tell(worker, what, ++last_number);

	if (rc == 0)
		expected[expected_count++] = last_number;
	else
		tried = last_number;
	ck_assert_uint_lt(expected_count, COMMITS_MAX);
	return rc;
}

void appends(const struct worker *worker, uint32_t count)
{
	for (; count > 0; count--)
		ck_assert_int_eq(attempt(worker, DO_APPEND), 0);
}

/* ---- what is there ------------------------------------------------------------------------------------------- */

void has_number(skafu_store *store, uint64_t sequence, uint32_t number)
{
	char type[32];
	skafu_record *record;

	snprintf(type, sizeof type, "T%u", number);
	went(skafu_get(store, sequence, &record, fault));
	ck_assert_msg(strcmp(record->type, type) == 0, "at %u there is %s, not %s", (unsigned)sequence, record->type,
		      type);
	ck_assert_uint_eq(record->data_length, payload_bytes(number) + 2);
	skafu_record_free(record);
}

static void verifies(skafu_store *store)
{
	skafu_verify_report report = {.size = sizeof report};

	went(skafu_store_verify(store, SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN, NULL, NULL, &report, fault));
	ck_assert_uint_eq(report.faults, 0);
	ck_assert_uint_eq(report.commits, expected_count);
}

/* All that was acknowledged, in order, and nothing else but perhaps the one that was tried last. */
static void holds_all(skafu_store *store)
{
	uint64_t head = head_of(store);

	if (tried != 0 && head == expected_count + 1u)
		expected[expected_count++] = tried;
	tried = 0;
	ck_assert_uint_eq(head, expected_count);
	for (uint32_t i = 0; i < expected_count; i++)
		has_number(store, i + 1u, expected[i]);
	verifies(store);
}

void is_whole(void)
{
	tempstore_open(&temp, NULL);
	holds_all(temp.store);
	tempstore_close(&temp);
}

/* Nothing is put again by who opens next. */
void needs_nothing(void)
{
	struct skafu__buf entries;

	skafu__buf_init(&entries, skafu__sys_current(), SIZE_MAX / 2);
	went(skafu__recover(skafu__sys_current(), temp.path, 0, &entries, fault));
	ck_assert_uint_eq(entries.length, 0);
	skafu__buf_done(&entries);
}

/* It goes on: others can append, die again, and all of it is there. */
void goes_on(uint32_t commits)
{
	struct worker worker = worker_at_store();

	appends(&worker, commits);
	worker_gone(&worker);
	is_whole();
	is_whole();
}

/* ---- set up -------------------------------------------------------------------------------------------------- */

static void tune(void)
{
	struct skafu__tuning tuning = {.journal_bytes = JOURNAL_BYTES, .journal_after = 1};

	skafu__tuning_override(&tuning);
}

void dead_set_up(void)
{
	tempstore_make(&temp);
	tune();
	expected_count = last_number = tried = 0;
}

void dead_tear_down(void)
{
	forget_images();
	tempstore_done(&temp);
	skafu__tuning_override(NULL);
	skafu__sys_override(NULL);
}

void begin_anew(void)
{
	dead_tear_down();
	dead_set_up();
}

/* A store with something in its list of free pages, and a worker that has made so many commits since it opened. */
struct worker worker_with(uint32_t commits)
{
	struct worker worker = worker_at_store();

	appends(&worker, 2);
	worker_closes(&worker);
	worker = worker_at_store();
	remember_log_alone();
	appends(&worker, commits);
	return worker;
}

/* A dead store with frames that count: `frames` of them. */
void dead_store(uint32_t frames)
{
	struct worker worker = worker_with(1 + frames);

	worker_gone(&worker);
	ck_assert_uint_eq(live_frames(), frames);
}

/* The newest log, with garbage wherever it differs from what was flushed last. */
static struct image torn_log(uint32_t metas)
{
	const struct image *base = &log_images[durable];
	struct image torn = image_twin(&log_images[log_image_count - 1]);

	for (size_t at = 2 * PAGE; at < torn.length; at += PAGE)
		if (at >= base->length || memcmp(torn.bytes + at, base->bytes + at, PAGE) != 0)
			memset(torn.bytes + at, 0xee, PAGE);
	if (metas == META_BASE)
		memcpy(torn.bytes, base->bytes, 2 * PAGE);
	else if (metas == META_GARBAGE)
		memset(torn.bytes, 0xee, 2 * PAGE);
	else if (metas == META_MIXED)
		memcpy(torn.bytes, base->bytes, PAGE);
	return torn;
}

void cut_power(uint32_t metas)
{
	struct image torn = torn_log(live_frames() != 0 ? metas : META_BASE);

	put_back("log", &torn);
	image_free(&torn);
}

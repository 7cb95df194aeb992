/*
 * crashstates_test.c: for small logs whose crash states are known by hand, exactly these come; a verifier may change
 * the directory or die; planted faults are found on raw LMDB, and nothing is found where nothing is wrong.
 *
 * A state is written as its files in order of their names, "name=" and a letter for each sector ('.' for zeros), and
 * the number of acknowledged operations: "f=ab g= @1".
 */
#include "fault/crashstates.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault/iotrace.h"
#include "fault/statedir.h"
#include "fault/subject_lmdb.h"
#include "util/suite.h"

#define STATES_MAX 5000
#define TEXT_MAX 120

static char scratch[256], dir[300], where[300];
static char (*seen)[TEXT_MAX];
static size_t seen_count;
static struct crashstates_options options;
static struct iolog *log_now;

static void setup(void)
{
	statedir_scratch(scratch, "crashstates");
	snprintf(dir, sizeof(dir), "%s/log", scratch);
	snprintf(where, sizeof(where), "%s/where", scratch);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_int_eq(mkdir(where, 0700), 0);
	seen = calloc(STATES_MAX, sizeof(*seen));
	ck_assert_ptr_nonnull(seen);
	seen_count = 0;
	memset(&options, 0, sizeof(options));
	options.set = crashset_new(100000);
	options.tally = crashset_shared(sizeof(*options.tally));
	log_now = NULL;
}

static void teardown(void)
{
	iolog_free(iotrace_stop());
	iolog_free(log_now);
	free(seen);
	crashset_free(options.set);
	crashset_unshare(options.tally, sizeof(*options.tally));
	statedir_scratch_gone(scratch);
}

/* ---- states as text ------------------------------------------------------------------------------------------ */

static void file_text(const char *path, char *out, size_t room)
{
	char sector[512];
	size_t at = 0;
	ssize_t got;
	int fd = open(path, O_RDONLY);

	while ((got = read(fd, sector, sizeof(sector))) > 0 && at + 8 < room) {
		if (memcmp(sector, sector + 1, (size_t)got - 1) != 0)
			ck_abort_msg("a sector is torn in %s", path);
		out[at++] = sector[0] ? sector[0] : '.';
		if (got < (ssize_t)sizeof(sector))
			at += (size_t)snprintf(out + at, room - at, "(%zd)", got);
	}
	out[at] = '\0';
	close(fd);
}

static void directory_text(const char *path, const char *prefix, char *out, size_t room)
{
	struct dirent **list;
	char below[600], name[300];
	int i, count = scandir(path, &list, NULL, alphasort);

	for (i = 0; i < count; i++) {
		size_t at = strlen(out);

		snprintf(below, sizeof(below), "%.300s/%.255s", path, list[i]->d_name);
		snprintf(name, sizeof(name), "%s%s", prefix, list[i]->d_name);
		if (list[i]->d_type == DT_DIR && list[i]->d_name[0] != '.') {
			snprintf(out + at, room - at, "%s/ ", name);
			strcat(name, "/");
			directory_text(below, name, out, room);
		} else if (list[i]->d_type != DT_DIR) {
			at += (size_t)snprintf(out + at, room - at, "%s=", name);
			file_text(below, out + at, room - at - 1);
			strcat(out, " ");
		}
		free(list[i]);
	}
	free(list);
}

static enum crash_verdict collect(void *user, const char *state, const struct crash_point *point)
{
	char *text = seen[seen_count++];

	(void)user;
	if (seen_count >= STATES_MAX)
		ck_abort_msg("too many states");
	directory_text(state, "", text, TEXT_MAX - 10);
	snprintf(text + strlen(text), 10, "@%d", (int)point->acked);
	return CRASH_FINE;
}

static int is_seen(const char *text)
{
	size_t i;

	for (i = 0; i < seen_count; i++) {
		if (strcmp(seen[i], text) == 0)
			return 1;
	}
	return 0;
}

static void enumerate(void)
{
	if (!options.verify)
		options.verify = collect;
	options.label = "test";
	crashstates_run(log_now, where, &options);
}

/* The states of the log are these, none twice, no other. */
static void expect(const char *first, ...)
{
	const char *text;
	size_t expected = 0, i;
	va_list args;

	enumerate();
	va_start(args, first);
	for (text = first; text; text = va_arg(args, const char *)) {
		ck_assert_msg(is_seen(text), "missing: %s", text);
		expected++;
	}
	va_end(args);
	for (i = 0; seen_count != expected && i < seen_count; i++)
		printf("state: %s\n", seen[i]);
	ck_assert_uint_eq(seen_count, expected);
	ck_assert_uint_eq(options.tally->states, expected);
}

/* ---- logs by hand -------------------------------------------------------------------------------------------- */

/* A file that is there before, one sector a letter. */
static void before(const char *name, const char *letters)
{
	char path[600];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	for (; *letters; letters++) {
		char sector[512];

		memset(sector, *letters == '.' ? 0 : *letters, sizeof(sector));
		ck_assert_int_eq(write(fd, sector, sizeof(sector)), sizeof(sector));
	}
	close(fd);
}

static void begin_log(void)
{
	log_now = iolog_new(dir);
}

static uint32_t object(const char *name)
{
	return iolog_lookup(&log_now->now, 0, name);
}

static void put(uint32_t file, size_t sector, const char *letters)
{
	unsigned char bytes[64 * 512];
	size_t i;

	for (i = 0; letters[i]; i++)
		memset(bytes + i * 512, letters[i], 512);
	iolog_write(log_now, file, sector * 512, bytes, i * 512);
}

static void put_durable(uint32_t file, size_t sector, const char *letters)
{
	put(file, sector, letters);
	log_now->ops[log_now->op_count - 1].durable = 1;
}

static void sync_object(uint32_t file)
{
	iolog_add(log_now, IOLOG_SYNC, file);
}

static void ack(uint64_t n)
{
	iolog_mark(log_now, IOLOG_ACK, n);
}

START_TEST(one_write_one_sync)
{
	before("f", "a");
	begin_log();
	put(object("f"), 0, "b");
	sync_object(object("f"));
	ack(1);
	expect("f=a @0", "f=b @0", "f=b @1", NULL);
}
END_TEST

START_TEST(without_the_sync_the_ack_promises_too_much)
{
	before("f", "a");
	begin_log();
	put(object("f"), 0, "b");
	ack(1);
	expect("f=a @0", "f=b @0", "f=a @1", "f=b @1", NULL);
}
END_TEST

START_TEST(the_last_write_tears_at_sectors)
{
	before("f", "aaa");
	begin_log();
	put(object("f"), 0, "bbb");
	options.random_count = 60; /* prefixes and suffixes come by themselves, the odd ones out of these */
	expect("f=aaa @0", "f=bbb @0", "f=baa @0", "f=bba @0", "f=aab @0", "f=abb @0", "f=aba @0", "f=bab @0", NULL);
}
END_TEST

START_TEST(two_writes_in_any_order)
{
	before("f", "aaaaaaaaa");
	begin_log();
	put(object("f"), 0, "b");
	put(object("f"), 8, "c");
	sync_object(object("f"));
	put(object("f"), 0, "d");
	expect("f=aaaaaaaaa @0", "f=baaaaaaaa @0", "f=aaaaaaaac @0", "f=baaaaaaac @0", "f=daaaaaaac @0", NULL);
}
END_TEST

START_TEST(the_same_place_twice)
{
	before("f", "a");
	begin_log();
	put(object("f"), 0, "b");
	put(object("f"), 0, "c");
	expect("f=a @0", "f=b @0", "f=c @0", NULL);
}
END_TEST

START_TEST(a_growing_file)
{
	before("f", "a");
	begin_log();
	put(object("f"), 2, "b");
	/* Not at all; size without content; all.  The gap is never anything but zeros. */
	expect("f=a @0", "f=a.. @0", "f=a.b @0", NULL);
}
END_TEST

START_TEST(a_cut_and_a_write)
{
	before("f", "ab");
	begin_log();
	iolog_truncate(log_now, object("f"), 512);
	put(object("f"), 1, "c");
	/* Cut or not, written or not; cut, and size as if written. */
	expect("f=ab @0", "f=a @0", "f=ac @0", "f=a. @0", NULL);
}
END_TEST

/* It makes itself safe, but not the write before it, which lies partly under it. */
START_TEST(a_syncing_write_over_a_plain_one)
{
	before("f", "aa");
	begin_log();
	put(object("f"), 0, "bb");
	put_durable(object("f"), 1, "c");
	ack(1);
	expect("f=aa @0", "f=ba @0", "f=ab @0", "f=bb @0", "f=ac @0", "f=bc @0", "f=ac @1", "f=bc @1", NULL);
}
END_TEST

START_TEST(a_sync_is_for_one_file)
{
	before("f", "a");
	before("g", "a");
	begin_log();
	put(object("f"), 0, "b");
	sync_object(object("g"));
	ack(1);
	expect("f=a g=a @0", "f=b g=a @0", "f=a g=a @1", "f=b g=a @1", NULL);
}
END_TEST

START_TEST(parts_of_a_sector)
{
	unsigned char half[256];

	before("f", "a");
	begin_log();
	memset(half, 'a', sizeof(half));
	iolog_write(log_now, object("f"), 100, half, sizeof(half)); /* changes nothing: the same state */
	iolog_write(log_now, object("f"), 512, half, sizeof(half));
	sync_object(object("f"));
	expect("f=a @0", "f=a.(256) @0", "f=aa(256) @0", NULL);
}
END_TEST

/* ---- names --------------------------------------------------------------------------------------------------- */

START_TEST(a_name_needs_its_directory)
{
	uint32_t file;

	begin_log();
	file = iolog_create(log_now, 0, "f", 0);
	put(file, 0, "a");
	sync_object(file);
	ack(1);
	sync_object(0);
	ack(2);
	expect("@0", "f= @0", "f=. @0", "f=a @0", "@1", "f=a @1", "f=a @2", NULL);
}
END_TEST

START_TEST(replace_by_rename)
{
	uint32_t file;

	before("f", "a");
	begin_log();
	file = iolog_create(log_now, 0, "n", 0);
	put(file, 0, "b");
	sync_object(file);
	sync_object(0);
	ack(1);
	iolog_move(log_now, 0, "n", 0, "f");
	ack(2);
	sync_object(0);
	ack(3);
	expect("f=a @0", "f=a n= @0", "f=a n=. @0", "f=a n=b @0", "f=a n=b @1", "f=b @1", "f=a n=b @2", "f=b @2",
	       "f=b @3", NULL);
}
END_TEST

/* The classical mistake: the new name can be there before the content. */
START_TEST(rename_without_sync)
{
	uint32_t file;

	before("f", "a");
	begin_log();
	file = iolog_create(log_now, 0, "n", 0);
	put(file, 0, "b");
	iolog_move(log_now, 0, "n", 0, "f");
	enumerate();
	ck_assert(is_seen("f= @0"));
	ck_assert(is_seen("f=. @0"));
	ck_assert(is_seen("f=b @0"));
	ck_assert(is_seen("f=a @0"));
	ck_assert(!is_seen("@0")); /* a rename never leaves nothing */
}
END_TEST

START_TEST(directories_and_removal)
{
	uint32_t sub;

	before("f", "a");
	begin_log();
	sub = iolog_create(log_now, 0, "d", 1);
	iolog_create(log_now, sub, "g", 0);
	sync_object(sub); /* g is safe in d, but d itself is not */
	iolog_remove(log_now, 0, "f");
	ack(1);
	sync_object(0);
	ack(2);
	expect("f=a @0", "d/ f=a @0", "d/ d/g= f=a @0", "@0", "d/ d/g= @0", "f=a @1", "d/ d/g= f=a @1", "@1",
	       "d/ d/g= @1", "d/ d/g= @2", NULL);
}
END_TEST

/* ---- many ---------------------------------------------------------------------------------------------------- */

START_TEST(all_subsets_up_to_the_bound)
{
	size_t i;

	before("f", "");
	begin_log();
	for (i = 0; i < 11; i++) {
		put(object("f"), i * 8, "x");
		log_now->objects[object("f")].start_size = 0;
	}
	options.exhaustive_max = 10;
	options.states_max = 0;
	seen_count = 0;
	options.verify = collect;
	/* Each of the 11 pages or not, and the files whose last page is missing also at their full size. */
	crashstates_run(log_now, where, &options);
	ck_assert_uint_ge(seen_count, 2048);
	ck_assert_uint_eq(seen_count, options.tally->states);
}
END_TEST

START_TEST(too_many_are_sampled)
{
	size_t i;

	before("f", "................................................................................");
	begin_log();
	for (i = 0; i < 10; i++)
		put(object("f"), i * 8, "x");
	options.exhaustive_max = 3;
	options.random_count = 4;
	enumerate();
	ck_assert_uint_ge(seen_count, 11 + 10 + 9); /* prefixes, singles, all but one */
	ck_assert_uint_lt(seen_count, 300);
	ck_assert(is_seen("f=................................................................................ @0"));
	ck_assert(is_seen("f=x.......x.......x.......x.......x.......x.......x.......x.......x.......x....... @0"));
	ck_assert(is_seen("f=x.......x.......x.......x...............x.......x.......x.......x.......x....... @0"));
	ck_assert(is_seen("f=................................................x............................... @0"));
}
END_TEST

/* The same seed gives the same states. */
START_TEST(seeds_replay)
{
	uint64_t states;
	size_t i;

	before("f", "................................................................................");
	begin_log();
	for (i = 0; i < 10; i++)
		put(object("f"), i * 8, "xxxx");
	options.exhaustive_max = 2;
	options.random_count = 50;
	options.seed = 5;
	enumerate();
	states = options.tally->states;
	enumerate();
	ck_assert_uint_eq(options.tally->states, states);
	options.seed = 6;
	enumerate();
	ck_assert_uint_gt(options.tally->states, states);
}
END_TEST

START_TEST(mapped_files_vary)
{
	static const char *const variants[] = {"f=", "f= l=", "f= l=..", "f= l=mm"};
	size_t found[4] = {0, 0, 0, 0}, i, j;
	uint32_t lock;

	before("f", "");
	begin_log();
	lock = iolog_create(log_now, 0, "l", 0);
	log_now->objects[lock].mapped = 1;
	iolog_truncate(log_now, lock, 1024);
	put(lock, 0, "mm");
	for (i = 0; i < 6; i++)
		put(object("f"), i * 8, "x");
	enumerate();
	for (i = 0; i < seen_count; i++) {
		for (j = 0; j < 4; j++) {
			const char *l = strstr(seen[i], "l=");
			const char *wanted = strstr(variants[j], "l=");

			found[j] += wanted ? l && strncmp(l, wanted, strlen(wanted)) == 0 : !l;
		}
	}
	for (j = 0; j < 4; j++)
		ck_assert_uint_gt(found[j], 0);
}
END_TEST

/* ---- verifiers that misbehave -------------------------------------------------------------------------------- */

/* Every state is shown right although the last one was left in ruins. */
static enum crash_verdict ruin(void *user, const char *state, const struct crash_point *point)
{
	char path[400], other[400];
	int fd;

	collect(user, state, point);
	snprintf(path, sizeof(path), "%s/f", state);
	snprintf(other, sizeof(other), "%s/n", state);
	switch (seen_count % 5) {
	case 0:
		unlink(path);
		break;
	case 1:
		rename(other, path);
		break;
	case 2:
		fd = open(path, O_RDWR | O_CREAT, 0600);
		ck_assert_int_eq(write(fd, "ruin", 4), 4);
		ck_assert_int_eq(ftruncate(fd, 100000), 0);
		close(fd);
		break;
	case 3:
		unlink(path);
		mkdir(path, 0700);
		snprintf(path, sizeof(path), "%s/f/below", state);
		close(open(path, O_CREAT | O_WRONLY, 0600));
		break;
	default:
		fd = open(path, O_RDWR);
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		close(fd);
	}
	return CRASH_FINE;
}

START_TEST(the_verifier_may_change_everything)
{
	uint32_t file;

	before("f", "a");
	begin_log();
	file = iolog_create(log_now, 0, "n", 0);
	put(file, 0, "b");
	sync_object(file);
	sync_object(0);
	ack(1);
	iolog_move(log_now, 0, "n", 0, "f");
	ack(2);
	options.verify = ruin;
	expect("f=a @0", "f=a n= @0", "f=a n=. @0", "f=a n=b @0", "f=a n=b @1", "f=b @1", "f=a n=b @2", "f=b @2",
	       NULL);
}
END_TEST

static enum crash_verdict die_of_c(void *user, const char *state, const struct crash_point *point)
{
	char text[TEXT_MAX] = "";

	(void)user;
	(void)point;
	directory_text(state, "", text, sizeof(text));
	if (strchr(text, 'c'))
		abort();
	return strchr(text, 'b') ? CRASH_LOST : CRASH_FINE;
}

START_TEST(a_verifier_that_dies_is_counted)
{
	before("f", "a");
	begin_log();
	put(object("f"), 0, "b");
	put(object("f"), 1, "c"); /* with it: ac, bc; without it, but with its size: a. b. */
	options.verify = die_of_c;
	options.label = "test";
	crashstates_run_forked(log_now, where, &options);
	ck_assert_uint_eq(options.tally->states, 6);
	ck_assert_uint_eq(options.tally->crashed, 2);
	ck_assert_uint_eq(options.tally->lost, 2);
	ck_assert_uint_eq(options.tally->corrupt, 0);
	ck_assert_ptr_nonnull(strstr(options.tally->first, "test"));
}
END_TEST

static enum crash_verdict hang_on_b(void *user, const char *state, const struct crash_point *point)
{
	char text[TEXT_MAX] = "";

	(void)user;
	(void)point;
	directory_text(state, "", text, sizeof(text));
	while (strchr(text, 'b'))
		pause();
	return CRASH_FINE;
}

START_TEST(a_verifier_that_hangs_is_counted)
{
	before("f", "a");
	begin_log();
	put(object("f"), 0, "b");
	options.verify = hang_on_b;
	options.hang_seconds = 1;
	crashstates_run_forked(log_now, where, &options);
	ck_assert_uint_eq(options.tally->crashed, 1);
	ck_assert_ptr_nonnull(strstr(options.tally->first, "hung"));
}
END_TEST

/* ---- raw LMDB ------------------------------------------------------------------------------------------------ */

static enum crash_verdict lmdb_verify(void *user, const char *state, const struct crash_point *point)
{
	return crash_subject_lmdb.verify(user, state, point->acked, point->begun);
}

/* A workload of every operation; the log stays in log_now. */
static void *lmdb_record(void)
{
	const struct crash_subject *subject = &crash_subject_lmdb;
	void *run = subject->start(dir, 3);
	size_t i;

	iotrace_start(dir);
	iotrace_mark(IOLOG_BEGIN, 1);
	ck_assert_int_eq(subject->create(run), 0);
	iotrace_mark(IOLOG_ACK, 1);
	for (i = 0; i < subject->op_count; i++) {
		iotrace_mark(IOLOG_BEGIN, i + 2);
		ck_assert_int_eq(subject->perform(run, i), 0);
		iotrace_mark(IOLOG_ACK, i + 2);
	}
	subject->close(run);
	log_now = iotrace_stop();
	crashstates_validate(log_now, "lmdb");
	options.verify = lmdb_verify;
	options.user = run;
	options.states_max = 3000;
	return run;
}

START_TEST(lmdb_survives)
{
	void *run = lmdb_record();

	crashstates_run_forked(log_now, where, &options);
	ck_assert_msg(!crash_tally_bad(options.tally), "%s", options.tally->first);
	ck_assert_uint_gt(options.tally->states, 300);
	crash_subject_lmdb.free(run);
}
END_TEST

START_TEST(planted_faults_are_found)
{
	void *run = lmdb_record();

	iolog_plant(log_now, (enum iolog_plant)_i);
	options.until_bad = 1;
	crashstates_run_forked(log_now, where, &options);
	ck_assert_msg(crash_tally_bad(options.tally), "%s not found", iolog_plant_name((enum iolog_plant)_i));
	crash_subject_lmdb.free(run);
}
END_TEST

/* The plants must not change what is there in the end, or the enumeration would be right for the wrong reason. */
START_TEST(planted_faults_only_reorder)
{
	void *run = lmdb_record();
	char why[256] = "";

	iolog_plant(log_now, (enum iolog_plant)_i);
	ck_assert_msg(crashstates_matches(log_now, why, sizeof(why)), "%s", why);
	crash_subject_lmdb.free(run);
}
END_TEST

static void add_by_hand(TCase *hand)
{
	tcase_add_test(hand, one_write_one_sync);
	tcase_add_test(hand, without_the_sync_the_ack_promises_too_much);
	tcase_add_test(hand, the_last_write_tears_at_sectors);
	tcase_add_test(hand, two_writes_in_any_order);
	tcase_add_test(hand, the_same_place_twice);
	tcase_add_test(hand, a_growing_file);
	tcase_add_test(hand, a_cut_and_a_write);
	tcase_add_test(hand, a_syncing_write_over_a_plain_one);
	tcase_add_test(hand, a_sync_is_for_one_file);
	tcase_add_test(hand, parts_of_a_sector);
	tcase_add_test(hand, a_name_needs_its_directory);
	tcase_add_test(hand, replace_by_rename);
	tcase_add_test(hand, rename_without_sync);
	tcase_add_test(hand, directories_and_removal);
	tcase_add_test(hand, all_subsets_up_to_the_bound);
	tcase_add_test(hand, too_many_are_sampled);
	tcase_add_test(hand, seeds_replay);
	tcase_add_test(hand, mapped_files_vary);
	tcase_add_test(hand, the_verifier_may_change_everything);
	tcase_add_test(hand, a_verifier_that_dies_is_counted);
	tcase_add_test(hand, a_verifier_that_hangs_is_counted);
}

int main(void)
{
	Suite *suite = suite_create("crashstates");
	TCase *hand = tcase_create("by hand"), *lmdb = tcase_create("lmdb");

	tcase_add_checked_fixture(hand, setup, teardown);
	add_by_hand(hand);
	suite_add_tcase(suite, hand);
	tcase_add_checked_fixture(lmdb, setup, teardown);
	tcase_add_test(lmdb, lmdb_survives);
	tcase_add_loop_test(lmdb, planted_faults_are_found, 0, IOLOG_PLANT_SIDE_FILE);
	tcase_add_loop_test(lmdb, planted_faults_only_reorder, 0, IOLOG_PLANT_SIDE_FILE);
	suite_add_tcase(suite, lmdb);
	return suite_run(suite);
}

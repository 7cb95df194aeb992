/*
 * skafuctl_test.c: the operator's tool through its command line: what it prints, its exit status, and that it works
 * beside the owner of the store, ends when it is interrupted, and is quiet when its reader goes.
 *
 * Skipped when the tool was not built ($BUILD/skafuctl).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skafu_run.h"
#include "store/anyrecords.h"
#include "store/tempstore.h"

static char tool[512];
static struct tempstore temp;
static char output[65536];

/* Run a command line in which %T is the tool, %S the store and %D the directory; the exit status. */
static int run(const char *line)
{
	char command[4096];
	int at = snprintf(command, sizeof command, "{ ");
	for (const char *from = line; *from; from++) {
		const char *with = *from != '%'	 ? NULL
				   : from[1] == 'T' ? tool
				   : from[1] == 'S' ? temp.path
				   : from[1] == 'D' ? temp.directory
						    : NULL;
		if (with)
			at += snprintf(command + at, sizeof command - (size_t)at, "%s", with);
		else
			command[at++] = *from;
		from += with != NULL;
	}
	snprintf(command + at, sizeof command - (size_t)at, "; } 2>&1");
	FILE *pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	size_t length = fread(output, 1, sizeof output - 1, pipe);
	output[length] = 0;
	int status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

#define gives(status, line, text) gives_at(__LINE__, (status), (line), (text))
static void gives_at(int at, int status, const char *line, const char *text)
{
	int got = run(line);
	ck_assert_msg(got == status && strstr(output, text), "line %d: %s gave %d: %.2000s", at, line, got, output);
}

static void set_up(void)
{
	tempstore_new(&temp);
	append_event(temp.store, "order-1", "Placed", "a b");
	append_event(temp.store, "order-2", "Placed", "a");
	append_event(temp.store, "order-1", "Paid", "b");
	skafu_batch *batch = batch_of(temp.store);
	add_kind(batch, SKAFU_KIND_ERROR, "Failed");
	appended_by(temp.store, batch);
}

static void tear_down(void)
{
	tempstore_done(&temp);
}

static int lines(void)
{
	int count = 0;
	for (const char *at = output; *at; at++)
		count += *at == '\n';
	return count;
}

START_TEST(it_teaches)
{
	gives(0, "%T --help", "usage: skafuctl");
	gives(0, "%T help import", "--set-aside");
	gives(0, "%T import --help", "Importing again adds nothing");
	gives(0, "%T --version", skafu_version_text());
	gives(2, "%T", "usage:");
	gives(2, "%T nonsense %S", "there is no command nonsense");
	gives(2, "%T cat", "usage: skafuctl cat STORE");
	gives(2, "%T cat %S x", "x is no number");
	gives(2, "%T cat %S -1", "-1 is no option");
	gives(2, "%T cat %S --what", "--what is no option");
	gives(2, "%T cat %S 1 2 3", "3 is one argument too many");
	gives(2, "%T trace %S", "usage: skafuctl trace STORE CORRELATION");
	gives(2, "%T export %S --form xml", "xml is no form");
	gives(1, "%T cat %D/none", "SKAFU_ENOTFOUND");
}
END_TEST

START_TEST(it_looks)
{
	gives(0, "%T stat %S", "head           4");
	gives(0, "%T --json stat %S", "\"head\":4,");
	gives(0, "%T cat %S", "\"sequenceNumber\":1,");
	ck_assert_int_eq(lines(), 4);
	gives(0, "%T cat %S 2 3", "\"sequenceNumber\":3,");
	ck_assert_int_eq(lines(), 2);
	gives(0, "%T cat %S --type Paid", "\"sequenceNumber\":3,");
	ck_assert_int_eq(lines(), 1);
	gives(0, "%T cat %S --tag a --tag b", "\"sequenceNumber\":1,");
	ck_assert_int_eq(lines(), 1);
	gives(0, "%T cat %S --reverse --limit 1", "\"sequenceNumber\":4,");
	ck_assert_int_eq(lines(), 1);
	gives(0, "%T tail %S 2", "\"sequenceNumber\":3,");
	ck_assert_int_eq(lines(), 2);
	gives(0, "%T grep %S '{\"eventType\":[{\"prefix\":\"P\"}],\"streamId\":[\"order-1\"]}'",
	      "\"sequenceNumber\":3,");
	ck_assert_int_eq(lines(), 2);
	gives(0, "%T grep %S '{\"recordKind\":[\"error\"]}'", "\"sequenceNumber\":4,");
	gives(1, "%T grep %S '{\"eventType\":[\"None\"]}'", "");
	ck_assert_str_eq(output, "");
	gives(2, "%T grep %S '{'", "the rule");
	gives(0, "%T stream %S order-1", "\"streamVersion\":2");
	gives(0, "%T streams %S order-1", "order-1");
	ck_assert_int_eq(lines(), 1);
	gives(0, "%T --json streams %S", "{\"stream\":\"order-1\",\"version\":2,");
	gives(0, "%T --json types %S", "\"type\":\"Placed\",\"count\":2,");
	ck_assert_int_eq(lines(), 3);
}
END_TEST

START_TEST(it_traces)
{
	uint8_t cause[16];
	skafu_batch *batch = batch_of(temp.store);
	skafu_new_record record = event_of("t", "First");
	record.correlation = "story";
	went(skafu_batch_add(batch, &record, fault));
	ck_assert_int_eq(skafu_batch_record_id(batch, 0, cause), 0);
	record.type = "Second";
	record.causation = cause;
	went(skafu_batch_add(batch, &record, fault));
	went(skafu_batch_add(batch, &record, fault));
	appended_by(temp.store, batch);
	gives(0, "%T --json trace %S story", "{\"depth\":1,\"record\":{");
	ck_assert_int_eq(lines(), 3);
	ck_assert_int_eq(strncmp(output, "{\"depth\":0,", 11), 0);
	gives(0, "%T trace %S story", "    Second"); /* indented */
	gives(0, "%T trace %S nobody", "");
}
END_TEST

START_TEST(it_keeps_copies)
{
	gives(0, "%T verify %S", "0 faults");
	gives(0, "%T backup %S %D/copy 2", "");
	gives(0, "%T diff %S %D/copy", "equal up to record 2, where the second ends");
	gives(0, "%T backup %S %D/copy", "");
	gives(0, "%T diff %S %D/copy", "equal up to record 4\n");
	gives(0, "%T restore %D/copy %D/restored 3", "");
	gives(1, "%T restore %D/copy %D/restored", "is there already");
	gives(0, "%T stat %D/restored", "copied from");
	gives(0, "%T fork %S %D/fork 3", "");
	gives(0, "echo '{\"eventType\":\"Other\",\"streamId\":\"s\"}' | %T import %D/fork", "1 records added");
	gives(3, "%T diff %S %D/fork", "they part at record 4");
	gives(3, "%T --json diff %S %D/fork --records", "{\"sequence\":4,\"commit\":0,\"sameUpTo\":3,");
	gives(0, "%T maintain %S", "");
	gives(0, "%T reindex %D/copy", "");
	gives(0, "%T verify %D/copy", "0 faults");
	gives(0, "%T salvage %D/copy %D/salvaged", "0 losses");
	gives(0, "%T diff %D/copy %D/salvaged", "equal up to record 4\n");
}
END_TEST

START_TEST(it_exchanges)
{
	anyrecords_append(temp.store, 300);
	gives(0, "%T export %S %D/a.jsonl && %T import %D/other %D/a.jsonl", "304 records added");
	gives(0, "%T import %D/other %D/a.jsonl", "0 records added, 304 present");
	gives(0, "%T export %D/other | cmp - %D/a.jsonl", "");
	gives(0, "%T diff %S %D/other --records", "equal up to record 304\n");
	gives(0, "%T export %S --form array | %T import %D/third --form array --same-places", "304 records added");
	gives(0, "%T export %D/third | cmp - %D/a.jsonl", "");
	gives(0, "%T export %S --from 2 --to 3 --form cloudevents", "\"specversion\":\"1.0\"");
	ck_assert_int_eq(lines(), 2);
	gives(1, "echo nonsense | %T import %D/other", "line 1: this is not strict JSON");
	gives(3, "echo nonsense | %T import %D/other --set-aside %D/bad", "1 bad");
	gives(0, "cat %D/bad", "nonsense\n");
	gives(1, "%T import %D/other %D/missing", "No such file");
}
END_TEST

START_TEST(it_follows_and_ends_when_interrupted)
{
	char command[1024];
	char line[4096];
	snprintf(command, sizeof command, "exec %s tail -f %s 1", tool, temp.path);
	int ends[2];
	ck_assert_int_eq(pipe(ends), 0);
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	FILE *pipe = fdopen(ends[0], "r");
	ck_assert_ptr_nonnull(fgets(line, sizeof line, pipe));
	ck_assert_ptr_nonnull(strstr(line, "\"sequenceNumber\":4,"));
	append_event(temp.store, "new", "Came", NULL); /* the owner goes on */
	ck_assert_ptr_nonnull(fgets(line, sizeof line, pipe));
	ck_assert_ptr_nonnull(strstr(line, "\"eventType\":\"Came\""));
	int status;
	kill(child, SIGINT);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	fclose(pipe);
}
END_TEST

START_TEST(it_is_quiet_when_its_reader_goes)
{
	anyrecords_append(temp.store, 3000);
	gives(0, "(%T cat %S; echo status $? >&2) | head -n 1", "status 0\n");
	ck_assert_int_eq(lines(), 2);
	gives(0, "(%T export %S; echo status $? >&2) | head -n 1", "status 0\n");
	ck_assert_int_eq(lines(), 2);
}
END_TEST

/* ---- who follows ---- */

/* A model in this process, which leaves a consumer, an error, a dead letter and a timer behind. */
static int32_t refuse(void *user, const skafu_record *event, skafu_turn *turn, skafu_error *error)
{
	(void)user;
	(void)event;
	(void)turn;
	skafu_error_set(error, SKAFU_EHOST, "the printer is on fire");
	return SKAFU_EHOST;
}

static void leave_traces(void)
{
	const char *const types[] = {"Paid"};
	const skafu_source source = {.size = sizeof source, .types = types, .type_count = 1};
	const skafu_retry_policy retry = {.size = sizeof retry, .attempts_max = 1};
	skafu_event_def event = {.size = sizeof event, .domain = "default", .type = "Paid"};
	skafu_reaction_def def = {.size = sizeof def, .domain = "default", .name = "printer", .source = &source,
				  .retry = &retry, .react = refuse};
	skafu_new_record late = {.size = sizeof late, .type = "Late", .stream = "order-1"};
	skafu_model *model = NULL;
	skafu_engine *engine = NULL;
	skafu_batch *batch = batch_of(temp.store);
	went(skafu_batch_set_timer(batch, "reminder", INT64_C(4000000000000000000), &late, fault));
	appended_by(temp.store, batch);
	went(skafu_model_open(temp.store, NULL, &model, fault));
	went(skafu_model_add_domain(model, "default", fault));
	went(skafu_model_add_event(model, &event, fault));
	event.type = "Placed";
	went(skafu_model_add_event(model, &event, fault));
	went(skafu_model_add_reaction(model, &def, fault));
	went(skafu_engine_open(model, NULL, &engine, fault));
	went(skafu_engine_drain(engine, UINT64_C(10000000000), fault));
	skafu_engine_close(engine);
	skafu_model_close(model);
}

START_TEST(who_follows_and_what_went_wrong)
{
	leave_traces();
	gives(0, "%T consumers %S", "printer");
	gives(0, "%T --json consumers %S", "\"kind\":\"reaction\"");
	gives(3, "%T deadletters %S", "the printer is on fire");
	gives(3, "%T --json deadletters %S printer", "\"consumer\":\"printer\"");
	gives(0, "%T deadletters %S nobody", "");
	gives(0, "%T timers %S", "reminder");
	gives(0, "%T errors %S", "SKAFU_EHOST");
	gives(0, "%T --json errors %S --by source", "\"source\":\"default\"");
	gives(2, "%T errors %S --by moon", "not by moon");
	gives(0, "%T processes %S", "");
}
END_TEST

START_TEST(consumers_are_changed)
{
	leave_traces();
	gives(0, "%T consumers %S pause printer", "");
	gives(0, "%T consumers %S", "paused");
	gives(0, "%T consumers %S resume printer", "");
	gives(0, "%T consumers %S rewind printer 1", "");
	gives(1, "%T consumers %S pause nobody", "nobody");
	gives(2, "%T consumers %S fly printer", "not fly");
	gives(2, "%T consumers %S pause", "usage");
	gives(0, "%T consumers %S remove printer", "");
}
END_TEST

START_TEST(a_replay_into_another_store)
{
	gives(0, "%T replay %S %D/copy", "done");
	gives(0, "%T replay %S %D/copy", "done");
	gives(0, "%T diff %S %D/copy --records", "equal");
	gives(0, "%T replay %S", "done");
	gives(1, "%T replay %S %S", "give another one");
}
END_TEST

static void add(TCase *tests)
{
	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_add_test(tests, who_follows_and_what_went_wrong);
	tcase_add_test(tests, consumers_are_changed);
	tcase_add_test(tests, a_replay_into_another_store);
	tcase_add_test(tests, it_teaches);
	tcase_add_test(tests, it_looks);
	tcase_add_test(tests, it_traces);
	tcase_add_test(tests, it_keeps_copies);
	tcase_add_test(tests, it_exchanges);
	tcase_add_test(tests, it_follows_and_ends_when_interrupted);
	tcase_add_test(tests, it_is_quiet_when_its_reader_goes);
}

int main(void)
{
	const char *build = getenv("BUILD");
	snprintf(tool, sizeof tool, "%s/skafuctl", build ? build : "build");
	if (access(tool, X_OK) != 0) {
		printf("%s is not built\n", tool);
		return 77;
	}
	return tempstore_main("skafuctl", add);
}

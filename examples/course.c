/*
 * Lesson 2: a rule that spans several entities, without a lock and without a saga.
 *
 * A course has room for 2 students, and a student may take 2 courses.  Which stream should guard that?  None does:
 * the decision reads the events that it depends upon with a query, and appends on condition that no new event
 * matches that query since.  This is a dynamic consistency boundary (dcb.events).  It is all in skafu_store.h.
 *
 * Usage: course [directory]      Run it on a new directory to see every case.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <skafu.h>

#define SEATS 2   /* of a course */
#define COURSES 2 /* of a student */

/* What somebody knows when they decide. */
typedef struct decision {
	char course[32];     /* tags: "course:c" and "student:s" */
	char student[32];
	skafu_query *query; /* the events that matter */
	uint64_t head;      /* read up to here */
	int taken;          /* seats of the course */
	int taking;         /* courses of the student */
	int already;        /* 1: this student takes this course */
} decision;

static int has_tag(const skafu_record *record, const char *tag)
{
	for (uint32_t i = 0; i < record->tag_count; i++)
		if (strcmp(skafu_record_tag(record, i), tag) == 0)
			return 1;
	return 0;
}

/* Item 1: subscriptions to this course.  Item 2: subscriptions of this student. */
static int32_t ask(decision *d, skafu_error *error)
{
	const char *tags[] = {d->course, d->student};
	int32_t rc = skafu_query_new(&d->query, error);

	for (size_t i = 0; rc == 0 && i < 2; i++) {
		rc = skafu_query_add_item(d->query, error);
		if (rc == 0)
			rc = skafu_query_add_type(d->query, "StudentSubscribed", error);
		if (rc == 0)
			rc = skafu_query_add_tag(d->query, tags[i], error);
	}
	return rc;
}

/* Read what the decision depends upon; can be done again after a conflict. */
static int32_t look(skafu_store *store, decision *d, skafu_error *error)
{
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	int32_t rc = skafu_read(store, d->query, SKAFU_NO_LIMIT, NULL, &cursor, error);

	if (rc < 0)
		return rc;
	d->head = skafu_cursor_head(cursor);
	d->taken = d->taking = d->already = 0;
	while ((rc = skafu_cursor_next(cursor, &record, error)) > 0) {
		int course = has_tag(record, d->course), student = has_tag(record, d->student);

		d->taken += course;
		d->taking += student;
		d->already |= course && student;
	}
	skafu_cursor_free(cursor);
	return rc;
}

/* The rule: NULL, or why not. */
static const char *refusal(const decision *d)
{
	if (d->already)
		return "takes the course already";
	if (d->taken >= SEATS)
		return "the course is full";
	return d->taking >= COURSES ? "the student takes enough courses" : NULL;
}

/* Write the decision down, if nothing that it depends upon has happened meanwhile. */
static int32_t subscribe(skafu_store *store, const decision *d, skafu_error *error)
{
	const char *const tags[] = {d->course, d->student};
	skafu_new_record event = {.size = sizeof(event), .type = "StudentSubscribed", .tags = tags, .tag_count = 2};
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(store, &batch, error);

	event.stream = d->course;
	if (rc == 0)
		rc = skafu_batch_add(batch, &event, error);
	if (rc == 0)
		rc = skafu_batch_expect_no_match(batch, d->query, d->head, error);
	if (rc == 0)
		rc = skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, error);
	skafu_batch_free(batch);
	return rc;
}

/* Decide upon what was read; when somebody was faster, say so, read again, decide again. */
static int32_t decide(skafu_store *store, decision *d, skafu_error *error)
{
	int32_t rc = 0;

	for (int attempt = 1; attempt <= 5; attempt++) {
		const char *why_not = refusal(d);

		if (why_not) {
			printf("%s %s: no, %s\n", d->student, d->course, why_not);
			return 0;
		}
		rc = subscribe(store, d, error);
		if (rc == 0)
			printf("%s %s: yes\n", d->student, d->course);
		if (rc != SKAFU_EMATCH)
			return rc;
		printf("%s %s: conflict: event %" PRIu64 " came after %" PRIu64 " and matches item %" PRIu32 "\n",
			d->student, d->course, skafu_error_sequence(error), d->head, skafu_error_item(error));
		rc = look(store, d, error);
		if (rc < 0)
			return rc;
	}
	skafu_error_set(error, SKAFU_EMATCH, "somebody was faster five times");
	return SKAFU_EMATCH;
}

static int32_t begin(skafu_store *store, decision *d, const char *student, const char *course, skafu_error *error)
{
	int32_t rc;

	snprintf(d->student, sizeof(d->student), "student:%s", student);
	snprintf(d->course, sizeof(d->course), "course:%s", course);
	rc = ask(d, error);
	return rc == 0 ? look(store, d, error) : rc;
}

static int32_t one(skafu_store *store, const char *student, const char *course, skafu_error *error)
{
	decision d = {.query = NULL};
	int32_t rc = begin(store, &d, student, course, error);

	if (rc == 0)
		rc = decide(store, &d, error);
	skafu_query_free(d.query);
	return rc;
}

/* Two students see the last seat at the same time.  Both decide rightly upon what they saw; one is too late.  A third
 * decision beside theirs, for another course and student, shares no event with them and meets no conflict. */
static int32_t race(skafu_store *store, skafu_error *error)
{
	decision a = {.query = NULL}, b = {.query = NULL}, c = {.query = NULL};
	int32_t rc = begin(store, &a, "berta", "music", error);

	if (rc == 0)
		rc = begin(store, &b, "carl", "music", error);
	if (rc == 0)
		rc = begin(store, &c, "dora", "law", error);
	if (rc == 0)
		rc = decide(store, &a, error);
	if (rc == 0)
		rc = decide(store, &b, error);
	if (rc == 0)
		rc = decide(store, &c, error);
	skafu_query_free(a.query);
	skafu_query_free(b.query);
	skafu_query_free(c.query);
	return rc;
}

int main(int argc, char **argv)
{
	skafu_store_opts opts = {.size = sizeof(opts), .flags = SKAFU_STORE_CREATE};
	skafu_error *error = NULL;
	skafu_store *store = NULL;
	int32_t rc = skafu_error_new(&error);

	if (rc == 0)
		rc = skafu_store_open(argc > 1 ? argv[1] : "course.skafu", &opts, &store, error);
	if (rc == 0)
		rc = one(store, "anna", "music", error);
	if (rc == 0)
		rc = race(store, error);
	if (rc == 0)
		rc = one(store, "anna", "law", error);
	if (rc == 0)
		rc = one(store, "anna", "art", error);
	if (rc < 0)
		fprintf(stderr, "course: %s\n", skafu_error_message(error));
	skafu_store_close(store);
	skafu_error_free(error);
	return rc < 0;
}

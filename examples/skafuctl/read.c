/*
 * read.c: printing records: cat, tail, stream, grep.
 */
#include "ctl.h"

#include <inttypes.h>
#include <string.h>

#include "skafu_model.h"

/* ---- a record ---- */

static int print_json(const struct ctl *ctl, const skafu_record *record)
{
	char *text;
	size_t length;
	if (skafu_record_to_json(record, &text, &length, ctl->error) != 0)
		return ctl_fail(ctl, "printing a record");
	int failed = fwrite(text, 1, length, stdout) != length || putchar('\n') == EOF;
	skafu_text_free(text);
	return failed ? -1 : CTL_FINE;
}

void ctl_record(const struct ctl *ctl, const skafu_record *record, uint32_t depth)
{
	static const char *const kinds[] = {"", "", "command ", "error ", "outcome "};
	char time[SKAFU_TIME_TEXT_BYTES];
	skafu_time_format(record->time_ns, time);
	printf("%s%8" PRIu64 "%s  %s%-24.24s%s  %*s%s%s%s%s  %s", ctl_colour(ctl, "bold"), record->sequence,
	       ctl_colour(ctl, "off"), ctl_colour(ctl, "dim"), time, ctl_colour(ctl, "off"), (int)depth * 2, "",
	       record->kind == SKAFU_KIND_ERROR ? ctl_colour(ctl, "red") : ctl_colour(ctl, "green"),
	       record->kind <= SKAFU_KIND_OUTCOME ? kinds[record->kind] : "", record->type, ctl_colour(ctl, "off"),
	       record->stream);
	if (record->stream_version)
		printf(" %s@%" PRIu64 "%s", ctl_colour(ctl, "dim"), record->stream_version, ctl_colour(ctl, "off"));
}

/* A line on a terminal: the payload as far as it helps. */
static int print_line(const struct ctl *ctl, const skafu_record *record)
{
	uint32_t shown = record->data_length < 100 ? record->data_length : 100;
	ctl_record(ctl, record, 0);
	if (record->flags & SKAFU_RECORD_IS_JSON) {
		putchar(' ');
		putchar(' ');
		for (uint32_t i = 0; i < shown; i++)
			putchar(record->data[i] < 0x20 ? ' ' : record->data[i]);
		fputs(shown < record->data_length ? "...\n" : "\n", stdout);
	} else {
		printf("  (%u bytes of %s)\n", record->data_length, record->content_type);
	}
	return ferror(stdout) ? -1 : CTL_FINE;
}

/* CTL_FINE, a status, or -1 when standard output does not take more. */
static int print_record(const struct ctl *ctl, const skafu_record *record)
{
	return ctl->json || ctl->is_plain ? print_json(ctl, record) : print_line(ctl, record);
}

int ctl_records(struct ctl *ctl, skafu_cursor *cursor, uint64_t *last)
{
	const skafu_record *record;
	int status = CTL_FINE;
	int32_t rc;
	while (status == CTL_FINE && !ctl_stopped() && (rc = skafu_cursor_next(cursor, &record, ctl->error)) != 0) {
		if (rc < 0)
			status = ctl_fail(ctl, "reading");
		else
			status = print_record(ctl, record);
		if (rc > 0 && last)
			*last = record->sequence;
	}
	skafu_cursor_free(cursor);
	if (status == -1)
		return ctl_fail_file("writing");
	return status == CTL_FINE && ctl_stopped() ? CTL_STOPPED : status;
}

/* ---- cat ---- */

static int cat_query(struct ctl *ctl, skafu_query **out)
{
	const char *type = NULL;
	const char *tag = NULL;
	*out = NULL;
	int has_type = ctl_option(ctl, "--type", &type);
	int has_tag = ctl_option(ctl, "--tag", &tag);
	if (!has_type && !has_tag)
		return CTL_FINE;
	if (skafu_query_new(out, ctl->error) != 0 || skafu_query_add_item(*out, ctl->error) != 0)
		return ctl_fail(ctl, "making the query");
	while (has_type) {
		if (skafu_query_add_type(*out, type, ctl->error) != 0)
			return ctl_fail(ctl, "making the query");
		has_type = ctl_option(ctl, "--type", &type);
	}
	while (has_tag) {
		if (skafu_query_add_tag(*out, tag, ctl->error) != 0)
			return ctl_fail(ctl, "making the query");
		has_tag = ctl_option(ctl, "--tag", &tag);
	}
	return CTL_FINE;
}

/* FROM and TO, after `skip` other arguments. */
static int read_range(const struct ctl *ctl, int skip, skafu_read_opts *opts)
{
	int status = ctl_no_more(ctl, skip + 2);
	if (status == CTL_FINE && ctl->argc > skip)
		status = ctl_number(ctl->argv[skip], &opts->from);
	if (status == CTL_FINE && ctl->argc > skip + 1)
		status = ctl_number(ctl->argv[skip + 1], &opts->to);
	return status;
}

int ctl_cat(struct ctl *ctl)
{
	uint64_t limit = SKAFU_NO_LIMIT;
	skafu_query *query = NULL;
	skafu_cursor *cursor;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	if (ctl_option(ctl, "--reverse", NULL))
		opts.flags |= SKAFU_READ_BACKWARD;
	int status = ctl_number_option(ctl, "--limit", &limit);
	if (status == CTL_FINE)
		status = cat_query(ctl, &query);
	if (query)
		opts.kinds = SKAFU_KINDS_EVENTS;
	if (status == CTL_FINE)
		status = read_range(ctl, 0, &opts);
	if (status == CTL_FINE && skafu_read(ctl->store, query, limit, &opts, &cursor, ctl->error) != 0)
		status = ctl_fail(ctl, "reading");
	else if (status == CTL_FINE)
		status = ctl_records(ctl, cursor, NULL);
	skafu_query_free(query);
	return status;
}

int ctl_stream(struct ctl *ctl)
{
	skafu_cursor *cursor;
	int status = ctl_no_more(ctl, 1);
	if (status != CTL_FINE)
		return status;
	if (skafu_read_stream(ctl->store, ctl->argv[0], SKAFU_NO_LIMIT, NULL, &cursor, ctl->error) != 0)
		return ctl_fail(ctl, "reading the stream");
	return ctl_records(ctl, cursor, NULL);
}

/* ---- tail ---- */

static int tail_from(struct ctl *ctl, uint64_t from, uint64_t *last)
{
	skafu_cursor *cursor;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL, .from = from};
	if (skafu_read(ctl->store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, ctl->error) != 0)
		return ctl_fail(ctl, "reading");
	uint64_t head = skafu_cursor_head(cursor);
	int status = ctl_records(ctl, cursor, last);
	if (*last < head && status == CTL_FINE && !ferror(stdout))
		*last = head;
	return status;
}

static int tail_follow(struct ctl *ctl, uint64_t last)
{
	int status = CTL_FINE;
	while (status == CTL_FINE && !ctl_stopped() && fflush(stdout) == 0) {
		/* A signal that comes just before the wait does not end it, hence not for ever. */
		int32_t rc = skafu_store_wait(ctl->store, last, UINT64_C(500000000), NULL, ctl->error);
		if (rc != 0 && rc != SKAFU_EINTERRUPTED && rc != SKAFU_ETIMEOUT)
			return ctl_fail(ctl, "waiting");
		if (rc == 0)
			status = tail_from(ctl, last + 1, &last);
	}
	return status == CTL_STOPPED ? CTL_FINE : status; /* being interrupted is how it ends */
}

int ctl_tail(struct ctl *ctl)
{
	uint64_t head;
	uint64_t count = 10;
	int following = ctl_option(ctl, "-f", NULL);
	int status = ctl_no_more(ctl, 1);
	if (status == CTL_FINE && ctl->argc > 0)
		status = ctl_number(ctl->argv[0], &count);
	if (status != CTL_FINE)
		return status;
	if (skafu_store_head(ctl->store, &head, ctl->error) != 0)
		return ctl_fail(ctl, "reading the head");
	uint64_t last = head > count ? head - count : 0;
	if (head != last)
		status = tail_from(ctl, last + 1, &last);
	return status == CTL_FINE && following ? tail_follow(ctl, last) : status;
}

/* ---- grep ---- */

static int grep_records(struct ctl *ctl, skafu_rules *rules, skafu_cursor *cursor)
{
	const skafu_record *record;
	int found = 0;
	int status = CTL_FINE;
	int32_t rc = 0;
	while (status == CTL_FINE && !ctl_stopped() && (rc = skafu_cursor_next(cursor, &record, ctl->error)) == 1) {
		rc = skafu_rules_match(rules, record, NULL, 0, ctl->error);
		if (rc < 0)
			break;
		if (rc > 0)
			status = print_record(ctl, record);
		found |= rc > 0;
	}
	if (rc < 0)
		return ctl_fail(ctl, "matching");
	if (status == -1)
		return ctl_fail_file("writing");
	if (ctl_stopped())
		return CTL_STOPPED;
	return status == CTL_FINE && !found ? CTL_FAILED : status;
}

int ctl_grep(struct ctl *ctl)
{
	skafu_rules *rules = NULL;
	skafu_cursor *cursor = NULL;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	int status = read_range(ctl, 1, &opts);
	if (status != CTL_FINE)
		return status;
	if (skafu_rules_new(&rules, ctl->error) != 0)
		return ctl_fail(ctl, "making the rule");
	if (skafu_rules_add(rules, ctl->argv[0], strlen(ctl->argv[0]), NULL, ctl->error) != 0) {
		ctl_fail(ctl, "the rule");
		status = CTL_USAGE;
	} else if (skafu_read(ctl->store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, ctl->error) != 0) {
		status = ctl_fail(ctl, "reading");
	} else {
		status = grep_records(ctl, rules, cursor);
	}
	skafu_cursor_free(cursor);
	skafu_rules_free(rules);
	return status;
}

/*
 * care.c: keeping a store: verify, maintain, reindex, salvage, backup, restore, fork, diff.
 */
#include "ctl.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

static int32_t tell_fault(void *user, uint64_t done, uint64_t total, const char *fault)
{
	const struct ctl *ctl = user;
	if (!fault) {
		ctl_progress("verifying", done, total);
		return ctl_stopped();
	}
	ctl_progress_end();
	if (ctl->json) {
		printf("{\"fault\":");
		ctl_quote(fault);
		printf("}\n");
	} else {
		printf("%sfault:%s %s\n", ctl_colour(ctl, "red"), ctl_colour(ctl, "off"), fault);
	}
	return ctl_stopped();
}

int ctl_verify(struct ctl *ctl)
{
	skafu_verify_report report = {.size = sizeof report};
	uint32_t flags = SKAFU_VERIFY_INDEX | SKAFU_VERIFY_CHAIN;
	int status = ctl_no_more(ctl, 0);
	if (status != CTL_FINE)
		return status;
	if (skafu_store_verify(ctl->store, flags, tell_fault, ctl, &report, ctl->error) != 0)
		return ctl_fail(ctl, "verifying");
	ctl_progress_end();
	printf(ctl->json ? "{\"commits\":%" PRIu64 ",\"records\":%" PRIu64 ",\"indexEntries\":%" PRIu64
			   ",\"faults\":%" PRIu64 "}\n"
			 : "%" PRIu64 " commits, %" PRIu64 " records, %" PRIu64 " index entries: %" PRIu64
			   " faults\n",
	       report.commits, report.records, report.index_entries, report.faults);
	return report.faults ? CTL_FOUND : CTL_FINE;
}

int ctl_maintain(struct ctl *ctl)
{
	int32_t rc;
	int status = ctl_no_more(ctl, 0);
	if (status != CTL_FINE)
		return status;
	do
		rc = skafu_store_maintain(ctl->store, UINT64_C(1000000000), ctl->error);
	while (rc == 1 && !ctl_stopped());
	if (rc < 0)
		return ctl_fail(ctl, "maintaining");
	return rc == 1 ? CTL_STOPPED : CTL_FINE;
}

int ctl_reindex(struct ctl *ctl)
{
	int status = ctl_no_more(ctl, 0);
	if (status != CTL_FINE)
		return status;
	return skafu_store_reindex(ctl->store, ctl->error) == 0 ? CTL_FINE : ctl_fail(ctl, "reindexing");
}

/* ---- salvage ---- */

static int32_t tell_loss(void *user, uint64_t done, uint64_t total, const char *loss)
{
	const struct ctl *ctl = user;
	if (!loss) {
		ctl_progress("salvaging", done, total);
		return ctl_stopped();
	}
	ctl_progress_end();
	if (ctl->json) {
		printf("{\"loss\":");
		ctl_quote(loss);
		printf("}\n");
	} else {
		printf("%slost:%s %s\n", ctl_colour(ctl, "red"), ctl_colour(ctl, "off"), loss);
	}
	return ctl_stopped();
}

int ctl_salvage(struct ctl *ctl)
{
	skafu_salvage_report report = {.size = sizeof report};
	int status = ctl_no_more(ctl, 1);
	if (status != CTL_FINE)
		return status;
	if (skafu_store_salvage(ctl->path, ctl->argv[0], tell_loss, ctl, &report, ctl->error) != 0)
		return ctl_fail(ctl, "salvaging");
	ctl_progress_end();
	printf(ctl->json ? "{\"commits\":%" PRIu64 ",\"records\":%" PRIu64 ",\"losses\":%" PRIu64 "}\n"
			 : "%" PRIu64 " commits, %" PRIu64 " records came out: %" PRIu64 " losses\n",
	       report.commits, report.records, report.losses);
	return report.losses ? CTL_FOUND : CTL_FINE;
}

/* ---- copies ---- */

typedef int32_t (*copy_fn)(skafu_store *, const char *, uint64_t, skafu_progress_fn, void *, skafu_error *);

static int copy_to(struct ctl *ctl, copy_fn copy, const char *what)
{
	uint64_t up_to = 0;
	int status = ctl_no_more(ctl, 2);
	if (status == CTL_FINE && ctl->argc > 1)
		status = ctl_number(ctl->argv[1], &up_to);
	if (status != CTL_FINE)
		return status;
	char word[] = "copying";
	return copy(ctl->store, ctl->argv[0], up_to, ctl_tell, word, ctl->error) == 0 ? CTL_FINE
										      : ctl_fail(ctl, what);
}

int ctl_backup(struct ctl *ctl)
{
	return copy_to(ctl, skafu_store_backup, "backing up");
}

int ctl_restore(struct ctl *ctl)
{
	struct stat status;
	if (stat(ctl->argv[0], &status) == 0) {
		fprintf(stderr, "skafuctl: %s is there already; restore to another place\n", ctl->argv[0]);
		return CTL_FAILED;
	}
	return copy_to(ctl, skafu_store_backup, "restoring");
}

int ctl_fork(struct ctl *ctl)
{
	return copy_to(ctl, skafu_store_fork, "forking");
}

/* ---- diff ---- */

static int print_diff(const struct ctl *ctl, const skafu_diff *diff)
{
	int is_equal = diff->sequence == 0 && diff->head == diff->other_head && diff->same_up_to == diff->head;
	if (ctl->json)
		printf("{\"sequence\":%" PRIu64 ",\"commit\":%" PRIu64 ",\"sameUpTo\":%" PRIu64 ",\"head\":%" PRIu64
		       ",\"otherHead\":%" PRIu64 "}\n",
		       diff->sequence, diff->commit, diff->same_up_to, diff->head, diff->other_head);
	else if (diff->sequence != 0)
		printf("they part at record %" PRIu64 "; heads are %" PRIu64 " and %" PRIu64 "\n", diff->sequence,
		       diff->head, diff->other_head);
	else if (is_equal)
		printf("equal up to record %" PRIu64 "\n", diff->head);
	else
		printf("equal up to record %" PRIu64 ", where the %s ends; the other goes on to %" PRIu64 "\n",
		       diff->same_up_to, diff->head < diff->other_head ? "first" : "second",
		       diff->head < diff->other_head ? diff->other_head : diff->head);
	return diff->sequence ? CTL_FOUND : CTL_FINE;
}

int ctl_diff(struct ctl *ctl)
{
	skafu_store *other;
	skafu_diff diff = {.size = sizeof diff};
	skafu_store_opts opts = {.size = sizeof opts, .flags = SKAFU_STORE_READONLY};
	uint32_t flags = ctl_option(ctl, "--records", NULL) ? SKAFU_DIFF_RECORDS : 0;
	char word[] = "comparing";
	int status = ctl_no_more(ctl, 1);
	if (status != CTL_FINE)
		return status;
	if (ctl->argc < 1)
		return ctl_usage("name the other store");
	if (skafu_store_open(ctl->argv[0], &opts, &other, ctl->error) != 0)
		return ctl_fail(ctl, ctl->argv[0]);
	if (skafu_store_diff(ctl->store, other, flags, ctl_tell, word, &diff, ctl->error) != 0)
		status = ctl_fail(ctl, "comparing");
	ctl_progress_end();
	skafu_store_close(other);
	return status == CTL_FINE ? print_diff(ctl, &diff) : status;
}

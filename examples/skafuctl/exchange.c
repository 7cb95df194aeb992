/*
 * exchange.c: records as text: export, import.
 */
#include "ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define PIECE_BYTES 65536

/* ---- export ---- */

static int export_to(struct ctl *ctl, skafu_export *exporting, FILE *file)
{
	const char *text;
	size_t length;
	int32_t rc = 0;
	skafu_export_info info = {.size = sizeof info};
	while (!ctl_stopped() && (rc = skafu_export_next(exporting, &text, &length, ctl->error)) == 1) {
		if (fwrite(text, 1, length, file) != length)
			return ctl_fail_file("writing");
		if (skafu_export_info_get(exporting, &info, ctl->error) == 0)
			ctl_progress("exporting", info.sequence, info.to);
	}
	ctl_progress_end();
	if (rc < 0)
		return ctl_fail(ctl, "exporting");
	if (fflush(file) != 0)
		return ctl_fail_file("writing");
	return ctl_stopped() ? CTL_STOPPED : CTL_FINE;
}

int ctl_export(struct ctl *ctl)
{
	skafu_export *exporting;
	skafu_export_opts opts = {.size = sizeof opts};
	int status = ctl_form_option(ctl, &opts.form);
	if (status == CTL_FINE)
		status = ctl_number_option(ctl, "--from", &opts.from);
	if (status == CTL_FINE)
		status = ctl_number_option(ctl, "--to", &opts.to);
	if (status == CTL_FINE)
		status = ctl_no_more(ctl, 1);
	if (status != CTL_FINE)
		return status;
	FILE *file = ctl->argc > 0 && strcmp(ctl->argv[0], "-") != 0 ? fopen(ctl->argv[0], "w") : stdout;
	if (!file)
		return ctl_fail_file(ctl->argv[0]);
	if (skafu_export_open(ctl->store, NULL, &opts, &exporting, ctl->error) != 0) {
		status = ctl_fail(ctl, "exporting");
	} else {
		status = export_to(ctl, exporting, file);
		skafu_export_free(exporting);
	}
	if (file != stdout && fclose(file) != 0 && status == CTL_FINE)
		status = ctl_fail_file(ctl->argv[0]);
	return status;
}

/* ---- import ---- */

struct job {
	FILE *file;
	FILE *aside;
	uint64_t bytes; /* of the file, 0 when it is none */
};

/* Write down what was set aside by the last call. */
static int import_aside(struct ctl *ctl, skafu_import *importing, const struct job *job)
{
	const skafu_import_bad *bad;
	while (job->aside && skafu_import_bad_next(importing, &bad, ctl->error) == 1) {
		ctl_progress_end();
		fprintf(stderr, "skafuctl: line %" PRIu64 ": %s\n", bad->line, bad->reason);
		if (fwrite(bad->text, 1, bad->text_length, job->aside) != bad->text_length ||
		    fputc('\n', job->aside) == EOF)
			return ctl_fail_file("writing what is set aside");
	}
	return CTL_FINE;
}

/* A failure that is no line's fault can be overcome: another writer holds the store. */
static int import_feed(struct ctl *ctl, skafu_import *importing, const struct job *job, const char *piece,
		       size_t length)
{
	uint64_t second = UINT64_C(1000000000);
	int32_t rc = skafu_import_feed(importing, piece, length, second, ctl->error);
	int status = import_aside(ctl, importing, job);
	while (status == CTL_FINE && rc == SKAFU_EBUSY && !ctl_stopped()) {
		rc = skafu_import_feed(importing, "", 0, second, ctl->error);
		status = import_aside(ctl, importing, job);
	}
	if (status != CTL_FINE)
		return status;
	return rc == 0 ? CTL_FINE : ctl_fail(ctl, "importing");
}

static int import_all(struct ctl *ctl, skafu_import *importing, const struct job *job)
{
	static char piece[PIECE_BYTES];
	size_t length;
	uint64_t done = 0;
	int status = CTL_FINE;
	while (status == CTL_FINE && !ctl_stopped() && (length = fread(piece, 1, sizeof piece, job->file)) > 0) {
		status = import_feed(ctl, importing, job, piece, length);
		done += length;
		ctl_progress("importing", done, job->bytes);
	}
	if (status == CTL_FINE && ferror(job->file) && !ctl_stopped())
		status = ctl_fail_file("reading");
	if (status != CTL_FINE || ctl_stopped())
		return status == CTL_FINE ? CTL_STOPPED : status;
	int32_t rc;
	do {
		rc = skafu_import_finish(importing, UINT64_C(1000000000), ctl->error);
		status = import_aside(ctl, importing, job);
	} while (rc == SKAFU_EBUSY && status == CTL_FINE && !ctl_stopped());
	if (rc != 0)
		return ctl_fail(ctl, "importing");
	return status;
}

static int import_report(struct ctl *ctl, skafu_import *importing, int status)
{
	skafu_import_info info = {.size = sizeof info};
	ctl_progress_end();
	if (skafu_import_info_get(importing, &info, ctl->error) != 0)
		return ctl_fail(ctl, "reading the figures");
	printf(ctl->json ? "{\"lines\":%" PRIu64 ",\"added\":%" PRIu64 ",\"present\":%" PRIu64 ",\"bad\":%" PRIu64
			   "}\n"
			 : "%" PRIu64 " lines: %" PRIu64 " records added, %" PRIu64 " present already, %" PRIu64
			   " bad\n",
	       info.lines, info.added, info.present, info.bad);
	return status == CTL_FINE && info.bad ? CTL_FOUND : status;
}

static int import_run(struct ctl *ctl, const skafu_import_opts *opts, struct job *job)
{
	struct stat about;
	skafu_import *importing;
	if (fstat(fileno(job->file), &about) == 0 && S_ISREG(about.st_mode))
		job->bytes = (uint64_t)about.st_size;
	if (skafu_import_open(ctl->store, opts, &importing, ctl->error) != 0)
		return ctl_fail(ctl, "importing");
	int status = import_report(ctl, importing, import_all(ctl, importing, job));
	skafu_import_free(importing);
	return status;
}

int ctl_import(struct ctl *ctl)
{
	struct job job = {.file = stdin};
	FILE *opened = NULL;
	const char *aside = NULL;
	skafu_import_opts opts = {.size = sizeof opts};
	int status = ctl_form_option(ctl, &opts.form);
	ctl_option(ctl, "--set-aside", &aside);
	int has_origin = ctl_option(ctl, "--origin", &opts.origin);
	opts.flags = (aside ? SKAFU_IMPORT_SET_ASIDE : 0) |
		     (ctl_option(ctl, "--same-places", NULL) ? SKAFU_IMPORT_SAME_PLACES : 0);
	if (status == CTL_FINE)
		status = ctl_no_more(ctl, 1);
	if (status != CTL_FINE)
		return status;
	if (ctl->argc > 0 && strcmp(ctl->argv[0], "-") != 0) {
		const char *slash = strrchr(ctl->argv[0], '/');
		opened = fopen(ctl->argv[0], "r");
		if (!opened)
			return ctl_fail_file(ctl->argv[0]);
		job.file = opened;
		if (!has_origin)
			opts.origin = slash ? slash + 1 : ctl->argv[0];
	}
	if (aside)
		job.aside = fopen(aside, "w");
	status = aside && !job.aside ? ctl_fail_file(aside) : import_run(ctl, &opts, &job);
	if (job.aside && fclose(job.aside) != 0 && status == CTL_FINE)
		status = ctl_fail_file(aside);
	if (opened)
		fclose(opened);
	return status;
}

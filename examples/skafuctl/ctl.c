/*
 * ctl.c: options, messages, colours, progress, signals.
 */
#include "ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the command line ---- */

int ctl_usage(const char *format, ...)
{
	va_list list;
	fprintf(stderr, "skafuctl: ");
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fprintf(stderr, "\n");
	return CTL_USAGE;
}

int ctl_option(struct ctl *ctl, const char *name, const char **out_value)
{
	for (int i = 0; i < ctl->argc && strcmp(ctl->argv[i], "--") != 0; i++) {
		int taken = out_value ? 2 : 1;
		if (strcmp(ctl->argv[i], name) != 0 || i + taken > ctl->argc)
			continue;
		if (out_value)
			*out_value = ctl->argv[i + 1];
		memmove(&ctl->argv[i], &ctl->argv[i + taken], (size_t)(ctl->argc - i - taken) * sizeof *ctl->argv);
		ctl->argc -= taken;
		return 1;
	}
	return 0;
}

int ctl_number(const char *text, uint64_t *out)
{
	char *end;
	if (!text)
		return CTL_FINE;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);
	if (errno != 0 || *end != 0 || *text < '0' || *text > '9')
		return ctl_usage("%s is no number", text);
	*out = value;
	return CTL_FINE;
}

int ctl_number_option(struct ctl *ctl, const char *name, uint64_t *out)
{
	const char *text = NULL;
	return ctl_option(ctl, name, &text) ? ctl_number(text, out) : CTL_FINE;
}

int ctl_no_more(const struct ctl *ctl, int most)
{
	for (int i = 0; i < ctl->argc; i++)
		if (ctl->argv[i][0] == '-' && ctl->argv[i][1] != 0)
			return ctl_usage("%s is no option of this command, or lacks its value", ctl->argv[i]);
	if (ctl->argc > most)
		return ctl_usage("%s is one argument too many", ctl->argv[most]);
	return CTL_FINE;
}

int ctl_form_option(struct ctl *ctl, uint32_t *out_form)
{
	static const char *const names[] = {"lines", "cloudevents", "array"};
	const char *name = "lines";
	ctl_option(ctl, "--form", &name);
	for (uint32_t i = 0; i < 3; i++)
		if (strcmp(name, names[i]) == 0) {
			*out_form = SKAFU_FORM_LINES + i;
			return CTL_FINE;
		}
	return ctl_usage("%s is no form; say lines, cloudevents or array", name);
}

/* ---- output ---- */

int ctl_fail(const struct ctl *ctl, const char *what)
{
	ctl_progress_end();
	if (ctl_stopped() && skafu_error_code(ctl->error) == SKAFU_EINTERRUPTED) {
		fprintf(stderr, "skafuctl: %s: %s\n", what, skafu_error_message(ctl->error));
		return CTL_STOPPED;
	}
	fprintf(stderr, "skafuctl: %s: %s (%s)\n", what, skafu_error_message(ctl->error),
		skafu_result_name(skafu_error_code(ctl->error)));
	return CTL_FAILED;
}

static int reader_is_gone;

int ctl_fail_file(const char *what)
{
	if (errno == EPIPE) {
		reader_is_gone = 1; /* it has seen enough */
		return CTL_FINE;
	}
	ctl_progress_end();
	fprintf(stderr, "skafuctl: %s: %s\n", what, strerror(errno));
	return CTL_FAILED;
}

int ctl_written(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CTL_FINE;
	return errno ? ctl_fail_file("writing") : reader_is_gone ? CTL_FINE : CTL_FAILED;
}

const char *ctl_colour(const struct ctl *ctl, const char *name)
{
	static const char *const names[][2] = {{"off", "\033[0m"},  {"bold", "\033[1m"},   {"dim", "\033[2m"},
					       {"red", "\033[31m"}, {"green", "\033[32m"}, {"yellow", "\033[33m"},
					       {"blue", "\033[34m"}};
	for (size_t i = 0; ctl->colours && i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i][0], name) == 0)
			return names[i][1];
	return "";
}

void ctl_quote(const char *text)
{
	putchar('"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		if ((unsigned char)*text < 0x20)
			printf("\\u%04x", (unsigned)(unsigned char)*text);
		else
			putchar(*text);
	}
	putchar('"');
}

/* ---- progress ---- */

static int progress_is_drawn;

void ctl_progress(const char *what, uint64_t done, uint64_t total)
{
	static const char bar[] = "##############################";
	int filled = total ? (int)(done >= total ? 30 : done * 30 / total) : 0;
	if (!isatty(STDERR_FILENO))
		return;
	progress_is_drawn = 1;
	if (total)
		fprintf(stderr, "\r%s [%-30.*s] %3d%% %" PRIu64 "\033[K", what, filled, bar, filled * 100 / 30, done);
	else
		fprintf(stderr, "\r%s %" PRIu64 "\033[K", what, done);
}

void ctl_progress_end(void)
{
	if (progress_is_drawn)
		fputs("\r\033[K", stderr);
	progress_is_drawn = 0;
}

int32_t ctl_tell(void *user, uint64_t done, uint64_t total)
{
	ctl_progress(user, done, total);
	return ctl_stopped();
}

/* ---- signals ---- */

static volatile sig_atomic_t stop_asked;
static skafu_store *stop_store;

static void on_stop(int number)
{
	(void)number;
	stop_asked = 1;
	if (stop_store)
		skafu_store_interrupt(stop_store);
}

void ctl_signals(skafu_store *store)
{
	struct sigaction action = {.sa_handler = on_stop,
				   .sa_flags = (int)SA_RESETHAND}; /* the second time it is final */
	stop_store = store;
	if (!store)
		return;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

int ctl_stopped(void)
{
	return stop_asked;
}

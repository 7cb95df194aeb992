/*
 * process.c: posix_spawn, poll, waitpid.
 *
 * The child leads a process group, so that killing the group reaches what it started.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESS_VARIABLES 64
#define PROCESS_TIMEOUT_MS 60000
#define PROCESS_OUTPUT_BYTES ((size_t)1 << 20)

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none;
	sigset_t all;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setpgroup(attributes, 0);
	posix_spawnattr_setsigmask(attributes, &none);
	posix_spawnattr_setsigdefault(attributes, &all);
	return posix_spawnattr_setflags(attributes,
					POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static int set_actions(posix_spawn_file_actions_t *actions, const char *folder, int output)
{
	int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, output, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, output, 2);
	if (rc == 0 && folder != NULL)
		rc = posix_spawn_file_actions_addchdir_np(actions, folder);
	return rc;
}

/* PATH, then the caller's variables. */
static void set_environment(const char *const *wanted, char *path, size_t path_size, char **environment)
{
	const char *known = getenv("PATH");
	size_t count = 0;

	snprintf(path, path_size, "PATH=%s", known != NULL ? known : "/usr/local/bin:/usr/bin:/bin");
	environment[count++] = path;
	for (; wanted != NULL && *wanted != NULL && count < PROCESS_VARIABLES; wanted++)
		environment[count++] = (char *)(uintptr_t)*wanted;
	environment[count] = NULL;
}

static int start(const struct process *process, int output, pid_t *out_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char path[4096];
	char *environment[PROCESS_VARIABLES + 1];
	int rc;

	set_environment(process->environment, path, sizeof path, environment);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	rc = set_actions(&actions, process->folder, output);
	if (rc == 0)
		rc = set_attributes(&attributes);
	if (rc == 0)
		rc = posix_spawnp(out_pid, process->command[0], &actions, &attributes,
				  (char *const *)(uintptr_t)process->command, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

/* Read until the output ends: 0, or SKAFU_ETIMEOUT. */
static int32_t collect(int input, size_t limit, int64_t deadline, struct text *output)
{
	size_t before = output->length;
	char block[16384];
	struct pollfd poll_input = {.fd = input, .events = POLLIN};

	for (;;) {
		int64_t left = deadline - now_ms();
		size_t room = limit - (output->length - before);
		ssize_t got;

		if (left <= 0)
			return SKAFU_ETIMEOUT;
		if (poll(&poll_input, 1, (int)left) <= 0)
			continue;
		got = read(input, block, sizeof block);
		if (got == 0)
			return SKAFU_OK;
		if (got > 0)
			text_add(output, block,
				 (size_t)got < room ? (size_t)got : room); /* without memory it is cut */
	}
}

static int wait_for(pid_t pid, int64_t deadline)
{
	struct timespec pause = {0, 2000000};
	int status = 0;

	/* Its output is closed, so it ends now unless it wants to stay without one. */
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (now_ms() > deadline)
			kill(-pid, SIGKILL);
		nanosleep(&pause, NULL);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int32_t process_run(const struct process *process, struct text *out_output, int *out_status, skafu_error *error)
{
	uint32_t timeout_ms = process->timeout_ms != 0 ? process->timeout_ms : PROCESS_TIMEOUT_MS;
	int64_t deadline = now_ms() + timeout_ms;
	int ends[2];
	pid_t pid;
	int32_t rc;
	int os_error;
	int status;

	for (size_t i = 0; process->environment != NULL && process->environment[i] != NULL; i++) {
		if (i + 2 > PROCESS_VARIABLES)
			return failed(error, SKAFU_EINVAL, "The environment of %s has too many variables.",
				      process->command[0]);
	}
	if (pipe2(ends, O_CLOEXEC) != 0)
		return failed_os(error, errno, "A pipe for %s cannot be made", process->command[0]);
	os_error = start(process, ends[1], &pid);
	close(ends[1]);
	if (os_error != 0) {
		close(ends[0]);
		return failed_os(error, os_error, "%s cannot be started", process->command[0]);
	}
	rc = collect(ends[0], process->output_bytes != 0 ? process->output_bytes : PROCESS_OUTPUT_BYTES, deadline,
		     out_output);
	if (rc != SKAFU_OK)
		kill(-pid, SIGKILL);
	close(ends[0]);
	status = wait_for(pid, deadline);
	if (rc != SKAFU_OK || now_ms() > deadline)
		return failed(error, SKAFU_ETIMEOUT, "%s was not over after %u ms and was killed.",
			      process->command[0], timeout_ms);
	*out_status = status;
	return SKAFU_OK;
}

/*
 * program.c: running it.
 */
#include "flow/skafu/program.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/kit.h"

char program_output[1 << 17];
static char program[900];

int program_find(void)
{
	const char *build = getenv("BUILD");
	char path[1024];

	if (realpath(build != NULL ? build : "build", program) == NULL)
		return 0;
	snprintf(path, sizeof path, "%s/examples", program);
	snprintf(program, sizeof program, "%.890s", path);
	snprintf(path, sizeof path, "%.890s/skafu", program);
	return access(path, X_OK) == 0;
}

int program_run(const char *line)
{
	char command[4096];
	size_t length;
	int status;
	FILE *pipe;

	snprintf(command, sizeof command, "cd '%s' && export PATH='%s':$PATH SKAFU_HOME='%s/home'; { %s; } 2>&1",
		 kit_folder, program, kit_folder, line);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	length = fread(program_output, 1, sizeof program_output - 1, pipe);
	program_output[length] = '\0';
	status = pclose(pipe);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int program_start(const char *const *words)
{
	char path[1024];
	char home[512];
	pid_t pid;

	snprintf(path, sizeof path, "%s/skafu", program);
	snprintf(home, sizeof home, "%s/home", kit_folder);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		setenv("SKAFU_HOME", home, 1);
		if (chdir(kit_folder) == 0)
			execv(path, (char *const *)(uintptr_t)words);
		_exit(127);
	}
	return (int)pid;
}

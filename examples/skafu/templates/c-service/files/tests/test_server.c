/*
 * test_server.c: a real server on a free port of the loopback interface, asked over a socket and then ended.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.h"

static int ask(uint16_t port, const char *request, char *answer, size_t size)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t length = 0;
	ssize_t got;

	inet_pton(AF_INET, "127.0.0.1", &name.sin_addr);
	if (fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof name) != 0)
		return -1;
	/* In two pieces, as a network may deliver it. */
	send(fd, request, 3, 0);
	send(fd, request + 3, strlen(request) - 3, 0);
	while (length < size - 1 && (got = recv(fd, answer + length, size - 1 - length, 0)) > 0)
		length += (size_t)got;
	answer[length] = '\0';
	close(fd);
	return 0;
}

int main(void)
{
	char answer[2048] = "";
	uint16_t port = 0;
	int listener = server_listen("127.0.0.1", 0, &port);
	int status = -1;
	pid_t child = fork();
	int ok;

	if (child == 0)
		_exit(server_run(listener) == 0 ? 0 : 1);
	ok = child > 0 && listener >= 0 &&
	     ask(port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", answer, sizeof answer) == 0 &&
	     strstr(answer, "200 OK") != NULL && strstr(answer, "{\"status\":\"ok\"}") != NULL;
	if (!ok)
		printf("got: %s\n", answer);
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
	ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
	puts(ok ? "served and ended" : "tests failed");
	return !ok;
}

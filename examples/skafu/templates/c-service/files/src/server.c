/*
 * server.c: one thread and poll(); every connection has its own small buffer.
 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "request.h"

#define CONNECTIONS 64
#define SILENT_SECONDS 5

struct connection {
	time_t since;
	size_t length;
	char bytes[REQUEST_BYTES];
};

static volatile sig_atomic_t server_stop;

static void server_on_signal(int number)
{
	(void)number;
	server_stop = 1;
}

int server_listen(const char *address, uint16_t port, uint16_t *out_port)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t length = sizeof name;
	int on = 1;
	int fd;

	if (inet_pton(AF_INET, address, &name.sin_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (struct sockaddr *)&name, length) != 0 || listen(fd, 64) != 0 ||
	    fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || getsockname(fd, (struct sockaddr *)&name, &length) != 0) {
		close(fd);
		return -1;
	}
	*out_port = ntohs(name.sin_port);
	return fd;
}

/* Answers are far smaller than a socket's buffer, so what cannot be sent at once belongs to nobody any more. */
static void connection_answer(int fd, const char *bytes, size_t length)
{
	char answer[ANSWER_BYTES];
	size_t size = request_answer(bytes, length, answer);

	if (send(fd, answer, size, MSG_NOSIGNAL) >= 0)
		shutdown(fd, SHUT_WR);
}

/* 1 while the connection is to stay open. */
static int connection_read(int fd, struct connection *connection)
{
	size_t room = sizeof connection->bytes - connection->length;
	ssize_t got = recv(fd, connection->bytes + connection->length, room, 0);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	connection->length += (size_t)got;
	if (request_is_complete(connection->bytes, connection->length)) {
		connection_answer(fd, connection->bytes, connection->length);
		return 0;
	}
	return got > 0 && connection->length < sizeof connection->bytes;
}

static void server_accept(int listener, struct pollfd *polls, struct connection *connections, time_t now)
{
	int fd = accept(listener, NULL, NULL);
	size_t free_place = 1;

	if (fd < 0)
		return;
	while (free_place <= CONNECTIONS && polls[free_place].fd >= 0)
		free_place++;
	if (free_place > CONNECTIONS || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		close(fd);
		return;
	}
	polls[free_place] = (struct pollfd){.fd = fd, .events = POLLIN};
	connections[free_place].length = 0;
	connections[free_place].since = now;
}

static void server_turn(struct pollfd *polls, struct connection *connections, time_t now)
{
	for (size_t i = 1; i <= CONNECTIONS; i++) {
		int stays = 1;

		if (polls[i].fd < 0)
			continue;
		if (polls[i].revents != 0)
			stays = connection_read(polls[i].fd, &connections[i]);
		if (!stays || now - connections[i].since > SILENT_SECONDS) {
			close(polls[i].fd);
			polls[i].fd = -1;
		}
	}
	if (polls[0].revents != 0)
		server_accept(polls[0].fd, polls, connections, now);
}

int server_run(int listener)
{
	static struct connection connections[CONNECTIONS + 1];
	struct pollfd polls[CONNECTIONS + 1];
	struct sigaction action;

	memset(&action, 0, sizeof action);
	action.sa_handler = server_on_signal;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	polls[0] = (struct pollfd){.fd = listener, .events = POLLIN};
	for (size_t i = 1; i <= CONNECTIONS; i++)
		polls[i] = (struct pollfd){.fd = -1};
	while (!server_stop) {
		if (poll(polls, CONNECTIONS + 1, 1000) < 0 && errno != EINTR)
			return -1;
		if (!server_stop)
			server_turn(polls, connections, time(NULL));
	}
	for (size_t i = 1; i <= CONNECTIONS; i++) {
		if (polls[i].fd >= 0)
			close(polls[i].fd);
	}
	return 0;
}

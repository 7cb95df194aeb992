/*
 * loopback.c: sockets, and a small part of HTTP/1.1 from the server's side.
 */
#include "app/loopback.h"

#include <arpa/inet.h>
#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct loopback {
	int listener;
	unsigned port;
	loopback_fn answer;
	void *user;
	pthread_t thread;
	atomic_int stopping;
	char url[2048];
};

static void pause_ms(unsigned ms)
{
	struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};

	nanosleep(&time, NULL);
}

/* ---- reading ---- */

const char *loopback_header(const struct loopback_request *request, const char *name)
{
	static _Thread_local char value[4096];
	size_t length = strlen(name);

	value[0] = '\0';
	for (const char *line = text_string(&request->head); line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncasecmp(line, name, length) == 0 && line[length] == ':') {
			line += length + 1;
			line += strspn(line, " ");
			snprintf(value, sizeof value, "%.*s", (int)strcspn(line, "\r\n"), line);
			break;
		}
	}
	return value;
}

static int read_request(int fd, struct loopback_request *request)
{
	struct text all = {0};
	char block[65536];
	const char *end = NULL;
	size_t wanted = 0;

	while (end == NULL || all.length < wanted) {
		ssize_t got = recv(fd, block, sizeof block, 0);

		if (got <= 0 || text_add(&all, block, (size_t)got) != SKAFU_OK)
			break;
		end = strstr(all.bytes, "\r\n\r\n");
		if (end != NULL && request->head.length == 0) {
			text_add(&request->head, all.bytes, (size_t)(end - all.bytes) + 2);
			wanted = request->head.length + 2 +
				 strtoul(loopback_header(request, "content-length"), NULL, 10);
		}
	}
	if (request->head.length > 0 && all.length >= wanted) {
		text_add(&request->body, all.bytes + request->head.length + 2, wanted - request->head.length - 2);
		sscanf(request->head.bytes, "%15s %1023s", request->method, request->target);
	}
	text_free(&all);
	return request->method[0] != '\0';
}

/* ---- answering ---- */

void loopback_say(struct loopback_answer *answer, int status, const char *headers, const char *body, size_t length)
{
	text_add_format(&answer->bytes, "HTTP/1.1 %d Said\r\n%sContent-Length: %zu\r\nConnection: close\r\n\r\n",
			status, headers, length);
	text_add(&answer->bytes, body, length);
}

static void send_answer(struct loopback *loopback, int fd, const struct loopback_answer *answer)
{
	size_t piece = answer->piece != 0 ? answer->piece : answer->bytes.length;
	struct linger linger = {1, 0};
	struct pollfd gone = {.fd = fd, .events = POLLIN};

	pause_ms(answer->delay_ms);
	for (size_t at = 0; at < answer->bytes.length; at += piece) {
		size_t length = answer->bytes.length - at < piece ? answer->bytes.length - at : piece;

		if (at > 0)
			pause_ms(answer->pause_ms);
		if (send(fd, answer->bytes.bytes + at, length, MSG_NOSIGNAL) < 0)
			break;
	}
	while (answer->hang && !atomic_load(&loopback->stopping) && poll(&gone, 1, 10) == 0)
		continue;
	if (answer->reset) {
		pause_ms(30); /* let the client read what was sent */
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	}
}

static void serve(struct loopback *loopback, int fd)
{
	struct loopback_request request = {0};
	struct loopback_answer answer = {0};

	if (read_request(fd, &request)) {
		loopback->answer(loopback->user, &request, &answer);
		send_answer(loopback, fd, &answer);
	}
	close(fd);
	text_free(&request.head);
	text_free(&request.body);
	text_free(&answer.bytes);
}

static void *run(void *user)
{
	struct loopback *loopback = user;
	struct pollfd listener = {.fd = loopback->listener, .events = POLLIN};

	while (!atomic_load(&loopback->stopping)) {
		int fd;

		if (poll(&listener, 1, 10) <= 0)
			continue;
		fd = accept(loopback->listener, NULL, NULL);
		if (fd >= 0)
			serve(loopback, fd);
	}
	return NULL;
}

struct loopback *loopback_start(loopback_fn answer, void *user)
{
	struct loopback *loopback = calloc(1, sizeof *loopback);
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof name;

	ck_assert_ptr_nonnull(loopback);
	loopback->answer = answer;
	loopback->user = user;
	loopback->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(loopback->listener, (struct sockaddr *)&name, length), 0);
	ck_assert_int_eq(listen(loopback->listener, 16), 0);
	ck_assert_int_eq(getsockname(loopback->listener, (struct sockaddr *)&name, &length), 0);
	loopback->port = ntohs(name.sin_port);
	ck_assert_int_eq(pthread_create(&loopback->thread, NULL, run, loopback), 0);
	return loopback;
}

void loopback_stop(struct loopback *loopback)
{
	atomic_store(&loopback->stopping, 1);
	pthread_join(loopback->thread, NULL);
	close(loopback->listener);
	free(loopback);
}

const char *loopback_url(struct loopback *loopback, const char *path)
{
	snprintf(loopback->url, sizeof loopback->url, "http://127.0.0.1:%u%s", loopback->port, path);
	return loopback->url;
}

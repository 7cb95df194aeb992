/*
 * main.c: {{name}} [ADDRESS [PORT]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server.h"

int main(int argc, char **argv)
{
	const char *address = argc > 1 ? argv[1] : "127.0.0.1";
	long wanted = argc > 2 ? strtol(argv[2], NULL, 10) : {{port}};
	uint16_t port;
	int listener;

	if (wanted < 0 || wanted > 65535) {
		fprintf(stderr, "usage: %s [ADDRESS [PORT]]\n", argv[0]);
		return 2;
	}
	listener = server_listen(address, (uint16_t)wanted, &port);
	if (listener < 0) {
		perror("{{name}}: cannot listen");
		return 1;
	}
	printf("{{name}} listens on %s:%u\n", address, (unsigned)port);
	fflush(stdout);
	if (server_run(listener) != 0) {
		perror("{{name}}");
		return 1;
	}
	close(listener);
	return 0;
}

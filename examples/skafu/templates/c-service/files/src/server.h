/*
 * server.h: a listening socket and the loop that serves it.
 */
#ifndef SERVER_H
#define SERVER_H

#include <stdint.h>

/* Listen on an IPv4 address; port 0 takes a free one.  The socket and its port, or -1 with errno. */
int server_listen(const char *address, uint16_t port, uint16_t *out_port);

/* Serve until SIGTERM or SIGINT arrives.  0, or -1 with errno. */
int server_run(int listener);

#endif

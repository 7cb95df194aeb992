/*
 * gateway.h: the HTTP side of `skafu serve`, on the loopback interface only.
 *
 * Each connection has a thread of libmicrohttpd.  They execute commands and read views; the engine is stepped by the
 * thread that owns it, elsewhere.
 */
#ifndef SKAFU_APP_GATEWAY_H
#define SKAFU_APP_GATEWAY_H

#include "app.h"

struct gateway;

/* Listen on a port of 127.0.0.1; 0: any free one.  SKAFU_EIO when it cannot be had. */
int32_t gateway_start(struct app *app, uint16_t port, struct gateway **out_gateway, skafu_error *error);
uint16_t gateway_port(const struct gateway *gateway);

/* Streams end, answers under way are given, then it is closed. */
void gateway_stop(struct gateway *gateway);

/* The page at "/". */
extern const char gateway_page[];

#endif

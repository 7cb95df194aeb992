/*
 * do_serve.c: the engine in this thread, the gateway in its own, figures at intervals.
 */
#include "cli.h"

#include <stdio.h>

#include "collect.h"
#include "gateway.h"

#define SERVE_TURN_NS UINT64_C(500000000)

/* Until the user wants it to end.  A failure of a turn is said and tried again: a service does not die of a full
 * disk, it works again when there is room. */
static int serve(struct cli *cli, uint64_t interval_s)
{
	int64_t next_ns = 0;

	while (!cli_stopped()) {
		int32_t rc = skafu_engine_run(cli->app.engine, SERVE_TURN_NS, cli->error);

		if (rc == SKAFU_ETIMEOUT || rc == SKAFU_EINTERRUPTED)
			rc = SKAFU_OK;
		if (rc == SKAFU_OK)
			rc = app_tend(&cli->app, cli->error);
		if (rc == SKAFU_OK && skafu_time_now() >= next_ns) {
			next_ns = skafu_time_now() + (int64_t)interval_s * 1000000000;
			rc = collect(&cli->app, cli->error);
		}
		if (rc != SKAFU_OK && !cli_stopped())
			fprintf(stderr, "skafu: %s\n", skafu_error_message(cli->error));
		if (rc != SKAFU_OK)
			skafu_store_wait(cli->app.store, UINT64_MAX - 1, SERVE_TURN_NS, NULL, NULL);
	}
	return CLI_FINE;
}

int do_serve(struct cli *cli)
{
	struct gateway *gateway = NULL;
	uint64_t port = 8750;
	uint64_t interval_s = 15;
	int status = cli_number(cli, "--port", &port);

	if (status == CLI_FINE)
		status = cli_number(cli, "--interval", &interval_s);
	if (status != CLI_FINE || cli->argc > 0 || port > 65535 || interval_s == 0 || interval_s > 86400)
		return cli_usage("usage: skafu serve [--port N] [--interval SECONDS]");
	if (cli_follow(cli, NULL, cli->error) != SKAFU_OK ||
	    gateway_start(&cli->app, (uint16_t)port, &gateway, cli->error) != SKAFU_OK)
		return cli_fail(cli, "serving");
	fprintf(stderr, "skafu: http://127.0.0.1:%u/ shows the events; interrupt it to end\n", gateway_port(gateway));
	status = serve(cli, interval_s);
	gateway_stop(gateway);
	fprintf(stderr, "skafu: ended; what is left to do goes on with the next start\n");
	return status;
}

/*
 * do_replay.c: replay: history through handlers again, or into another store.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>

#define REPLAY_STEP 512
#define REPLAY_PAUSE_NS UINT64_C(50000000)

static const char *state_of(uint32_t state)
{
	static const char *const states[] = {"", "running", "paused", "done", "cancelled", "failed"};

	return state < sizeof states / sizeof *states ? states[state] : "";
}

static void print_session(const struct cli *cli, const skafu_replay_info *info)
{
	char id[SKAFU_ID_TEXT_BYTES];

	skafu_id_format(info->id, id);
	printf(cli->json ? "{\"session\":\"%s\",\"state\":\"%s\",\"seen\":%" PRIu64 ",\"total\":%" PRIu64
			   ",\"matched\":%" PRIu64 ",\"succeeded\":%" PRIu64 ",\"failed\":%" PRIu64 "}\n"
			 : "%s  %-9s %" PRIu64 " of %" PRIu64 " records seen, %" PRIu64 " matched, %" PRIu64
			   " succeeded, %" PRIu64 " failed\n",
	       id, state_of(info->state), info->done, info->total, info->matched, info->succeeded, info->failed);
}

static int list(struct cli *cli)
{
	const skafu_replay_info *info;
	skafu_replay_list *list = NULL;
	int32_t rc = skafu_replay_list_open(cli->app.store, 100, &list, cli->error);

	while (rc >= 0 && (rc = skafu_replay_list_next(list, &info, cli->error)) == 1)
		print_session(cli, info);
	skafu_replay_list_free(list);
	return rc < 0 ? cli_fail(cli, "listing replays") : CLI_FINE;
}

/* Until it is over.  Interrupted, it goes on with the next engine that runs. */
static int32_t carry_on(struct cli *cli, const uint8_t id[16], skafu_replay_info *info)
{
	int32_t rc = SKAFU_OK;

	while (rc >= 0 && !cli_stopped()) {
		rc = skafu_engine_step(cli->app.engine, REPLAY_STEP, cli->error);
		if (rc >= 0 && skafu_replay_info_get(cli->app.store, id, info, cli->error) != SKAFU_OK)
			return skafu_error_code(cli->error);
		if (rc < 0 || info->state != SKAFU_REPLAY_RUNNING)
			return rc < 0 ? rc : SKAFU_OK;
		if (rc == 0 && skafu_engine_run(cli->app.engine, REPLAY_PAUSE_NS, NULL) == SKAFU_EINTERRUPTED)
			break;
		cli_doing(cli, "replaying");
	}
	return rc < 0 ? rc : SKAFU_OK;
}

static int replay(struct cli *cli, const skafu_replay_opts *opts)
{
	skafu_replay_info info = {.size = sizeof info};
	uint8_t id[16];
	int32_t rc = skafu_replay_start(cli->app.engine, opts, id, cli->error);

	if (rc == SKAFU_OK)
		rc = carry_on(cli, id, &info);
	if (rc != SKAFU_OK)
		return cli_fail(cli, "replaying");
	print_session(cli, &info);
	if (cli_stopped())
		return CLI_STOPPED;
	return info.state == SKAFU_REPLAY_DONE && info.failed == 0 ? CLI_FINE : CLI_FAILED;
}

static int take_options(struct cli *cli, skafu_replay_opts *opts)
{
	int status = cli_number(cli, "--from", &opts->from);

	if (status == CLI_FINE)
		status = cli_number(cli, "--to", &opts->to);
	if (status == CLI_FINE)
		status = cli_number(cli, "--rate", &opts->rate_max);
	cli_option(cli, "--rule", &opts->rule);
	opts->flags |= cli_option(cli, "--dry-run", NULL) ? SKAFU_REPLAY_DRY_RUN : 0;
	opts->flags |= cli_option(cli, "--reemit", NULL) ? SKAFU_REPLAY_REEMIT : 0;
	return status;
}

int do_replay(struct cli *cli)
{
	skafu_store_opts store = {.size = sizeof store, .flags = SKAFU_STORE_CREATE};
	skafu_replay_opts opts = {.size = sizeof opts};
	const char *copy_to = NULL;
	int is_list = cli_option(cli, "--list", NULL);
	int has_copy = cli_option(cli, "--copy-to", &copy_to);
	int status = take_options(cli, &opts);

	if (status != CLI_FINE)
		return status;
	if (is_list)
		return list(cli);
	if ((cli->argc == 0) != has_copy)
		return cli_usage("usage: skafu replay TARGET... | --copy-to DIR | --list");
	opts.targets = (const char *const *)(uintptr_t)cli->argv;
	opts.target_count = (size_t)cli->argc;
	if (has_copy && skafu_store_open(copy_to, &store, &opts.target_store, cli->error) != SKAFU_OK)
		return cli_fail(cli, copy_to);
	status = replay(cli, &opts);
	skafu_store_close(opts.target_store);
	return status;
}

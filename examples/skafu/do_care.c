/*
 * do_care.c: rebuild: make the views anew from the log, and show that they come out the same.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdio.h>

#include "domains.h"

static int32_t print_difference(void *user, const skafu_difference *difference)
{
	static const char *const kinds[] = {"", "missing", "added", "changed"};

	(void)user;
	printf("  %s: %s/%.*s\n", kinds[difference->kind & 3], difference->table, (int)difference->key_length,
	       (const char *)difference->key);
	return 0;
}

/* Built beside the one in use, compared row by row at the same sequence, and put in its place when they are equal. */
static int32_t rebuild(struct cli *cli, const char *name, uint64_t *out_differences)
{
	skafu_projection_info info = {.size = sizeof info};
	int32_t rc = skafu_projection_rebuild(cli->app.model, name, cli->error);

	while (rc == SKAFU_OK && (rc = skafu_projection_step(cli->app.model, name, 10000, cli->error)) == 1)
		rc = SKAFU_OK;
	if (rc == SKAFU_OK)
		rc = skafu_projection_compare(cli->app.model, name, print_difference, NULL, out_differences,
					      cli->error);
	if (rc == SKAFU_OK)
		rc = skafu_projection_promote(cli->app.model, name, SKAFU_NO_LIMIT, cli->error);
	if (rc == SKAFU_OK)
		rc = skafu_projection_info_get(cli->app.model, name, &info, cli->error);
	if (rc == SKAFU_OK)
		printf(cli->json ? "{\"view\":\"%s\",\"rows\":%" PRIu64 ",\"sequence\":%" PRIu64
				   ",\"differences\":%" PRIu64 "}\n"
				 : "%-10s %" PRIu64 " rows from %" PRIu64 " records, %" PRIu64 " differences\n",
		       name, info.rows, info.sequence, *out_differences);
	return rc;
}

int do_rebuild(struct cli *cli)
{
	uint64_t differences = 0;
	uint64_t sum = 0;
	skafu_view *view = NULL;

	for (size_t i = 0; domain_views[i] != NULL; i++) {
		int32_t rc = cli_view(cli, domain_views[i], 0, &view);

		skafu_view_close(view);
		view = NULL;
		if (rc == SKAFU_OK)
			rc = rebuild(cli, domain_views[i], &differences);
		if (rc != SKAFU_OK)
			return cli_fail(cli, domain_views[i]);
		sum += differences;
	}
	return sum == 0 ? CLI_FINE : CLI_FAILED;
}

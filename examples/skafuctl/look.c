/*
 * look.c: what is in a store: stat, streams, types, trace.
 */
#include "ctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- stat ---- */

struct figure {
	const char *name; /* in JSON; shown as it is */
	uint64_t value;
};

static void print_figures(const struct ctl *ctl, const struct figure *figures, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ctl->json)
			printf(",\"%s\":%" PRIu64, figures[i].name, figures[i].value);
		else
			printf("%-14s %" PRIu64 "\n", figures[i].name, figures[i].value);
}

static void print_id(const struct ctl *ctl, const char *name, const uint8_t id[16], int is_first)
{
	char text[SKAFU_ID_TEXT_BYTES];
	skafu_id_format(id, text);
	if (ctl->json)
		printf("%s\"%s\":\"%s\"", is_first ? "{" : ",", name, text);
	else
		printf("%-14s %s\n", name, text);
}

static void print_lineage(struct ctl *ctl)
{
	skafu_lineage lineage = {.size = sizeof lineage};
	if (ctl->json)
		printf(",\"lineage\":[");
	for (uint32_t i = 0; skafu_store_lineage(ctl->store, i, &lineage, ctl->error) == 0; i++) {
		char birth[SKAFU_ID_TEXT_BYTES];
		char incarnation[SKAFU_ID_TEXT_BYTES];
		skafu_id_format(lineage.birth, birth);
		skafu_id_format(lineage.incarnation, incarnation);
		if (ctl->json)
			printf("%s{\"birth\":\"%s\",\"incarnation\":\"%s\",\"sequence\":%" PRIu64 "}", i ? "," : "",
			       birth, incarnation, lineage.sequence);
		else
			printf("%-14s %s, incarnation %s, up to %" PRIu64 "\n", i ? "" : "copied from", birth,
			       incarnation, lineage.sequence);
	}
	if (ctl->json)
		printf("]}\n");
}

int ctl_stat(struct ctl *ctl)
{
	uint8_t birth[16];
	uint8_t incarnation[16];
	skafu_store_stats stats = {.size = sizeof stats};
	int status = ctl_no_more(ctl, 0);
	if (status != CTL_FINE)
		return status;
	if (skafu_store_stats_get(ctl->store, &stats, ctl->error) != 0 ||
	    skafu_store_birth(ctl->store, birth, ctl->error) != 0 ||
	    skafu_store_incarnation(ctl->store, incarnation, ctl->error) != 0)
		return ctl_fail(ctl, "reading the figures");
	const struct figure figures[] = {{"head", stats.head},
					 {"commits", stats.commits},
					 {"indexedUpTo", stats.indexed_up_to},
					 {"chainedUpTo", stats.chained_up_to},
					 {"fileBytes", stats.file_bytes},
					 {"usedBytes", stats.file_bytes_used},
					 {"runs", stats.index_runs},
					 {"segments", stats.index_segments},
					 {"entries", stats.index_entries}};
	print_id(ctl, "birth", birth, 1);
	print_id(ctl, "incarnation", incarnation, 0);
	print_figures(ctl, figures, sizeof figures / sizeof *figures);
	print_lineage(ctl);
	return CTL_FINE;
}

/* ---- streams ---- */

static void print_stream(const struct ctl *ctl, const skafu_stream_info *info)
{
	char time[SKAFU_TIME_TEXT_BYTES];
	skafu_time_format(info->last_recorded_ns, time);
	if (ctl->json) {
		printf("{\"stream\":");
		ctl_quote(info->name);
		printf(",\"version\":%" PRIu64 ",\"lastSequence\":%" PRIu64 ",\"lastRecorded\":\"%s\"}\n",
		       info->version, info->last_sequence, time);
		return;
	}
	printf("%10" PRIu64 "  %-30s  %s\n", info->version, time, info->name);
}

int ctl_streams(struct ctl *ctl)
{
	const skafu_stream_info *info;
	skafu_stream_list *list;
	int status = ctl_no_more(ctl, 1);
	if (status != CTL_FINE)
		return status;
	if (skafu_stream_list_open(ctl->store, ctl->argc > 0 ? ctl->argv[0] : "", SKAFU_NO_LIMIT, &list,
				   ctl->error) != 0)
		return ctl_fail(ctl, "listing streams");
	if (!ctl->json && !ctl->is_plain)
		printf("%s%10s  %-30s  %s%s\n", ctl_colour(ctl, "bold"), "version", "last recorded", "stream",
		       ctl_colour(ctl, "off"));
	int32_t rc = 0;
	while (!ctl_stopped() && !ferror(stdout) && (rc = skafu_stream_list_next(list, &info, ctl->error)) == 1)
		print_stream(ctl, info);
	skafu_stream_list_free(list);
	if (ctl_stopped())
		return CTL_STOPPED;
	return rc < 0 ? ctl_fail(ctl, "listing streams") : CTL_FINE;
}

/* ---- types ---- */

struct type {
	char *name;
	char *domain;
	uint64_t count;
	uint64_t last;
	uint32_t kind;
};

struct types {
	struct type *items; /* by kind, domain and name */
	size_t count;
	size_t recent; /* index of the one that was found last */
};

static int type_compare(const struct type *type, const skafu_record *record)
{
	if (type->kind != record->kind)
		return type->kind < record->kind ? -1 : 1;
	int order = strcmp(type->domain, record->source);
	return order ? order : strcmp(type->name, record->type);
}

/* The place of the type: found when *out_found. */
static size_t types_find(const struct types *types, const skafu_record *record, int *out_found)
{
	size_t low = 0;
	size_t high = types->count;
	*out_found = 1;
	if (types->recent < types->count && type_compare(&types->items[types->recent], record) == 0)
		return types->recent;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = type_compare(&types->items[middle], record);
		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*out_found = 0;
	return low;
}

static int types_add(struct types *types, const skafu_record *record)
{
	int found;
	size_t at = types_find(types, record, &found);
	if (!found) {
		struct type type = {
			.name = strdup(record->type), .domain = strdup(record->source), .kind = record->kind};
		struct type *grown = realloc(types->items, (types->count + 1) * sizeof *grown);
		if (grown)
			types->items = grown;
		if (!grown || !type.name || !type.domain) {
			free(type.name);
			free(type.domain);
			fprintf(stderr, "skafuctl: out of memory\n");
			return CTL_FAILED;
		}
		memmove(&grown[at + 1], &grown[at], (types->count - at) * sizeof *grown);
		grown[at] = type;
		types->count++;
	}
	types->items[at].count++;
	types->items[at].last = record->sequence;
	types->recent = at;
	return CTL_FINE;
}

static void print_type(const struct ctl *ctl, const struct type *type)
{
	static const char *const kinds[] = {"", "event", "command", "error", "outcome"};
	const char *kind = type->kind <= SKAFU_KIND_OUTCOME ? kinds[type->kind] : "";
	if (ctl->json) {
		printf("{\"kind\":\"%s\",\"domain\":", kind);
		ctl_quote(type->domain);
		printf(",\"type\":");
		ctl_quote(type->name);
		printf(",\"count\":%" PRIu64 ",\"lastSequence\":%" PRIu64 "}\n", type->count, type->last);
		return;
	}
	printf("%10" PRIu64 "  %10" PRIu64 "  %-8s %-20s %s\n", type->count, type->last, kind, type->domain,
	       type->name);
}

int ctl_types(struct ctl *ctl)
{
	const skafu_record *record;
	skafu_cursor *cursor;
	struct types types = {0};
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	int32_t rc = 0;
	int status = ctl_no_more(ctl, 0);
	if (status != CTL_FINE)
		return status;
	if (skafu_read(ctl->store, NULL, SKAFU_NO_LIMIT, &opts, &cursor, ctl->error) != 0)
		return ctl_fail(ctl, "reading");
	while (status == CTL_FINE && !ctl_stopped() && (rc = skafu_cursor_next(cursor, &record, ctl->error)) == 1) {
		status = types_add(&types, record);
		if (record->sequence % 65536 == 0)
			ctl_progress("reading", record->sequence, skafu_cursor_head(cursor));
	}
	skafu_cursor_free(cursor);
	ctl_progress_end();
	if (rc < 0)
		status = ctl_fail(ctl, "reading");
	if (ctl_stopped())
		status = CTL_STOPPED;
	if (status == CTL_FINE && !ctl->json && !ctl->is_plain)
		printf("%s%10s  %10s  %-8s %-20s %s%s\n", ctl_colour(ctl, "bold"), "count", "last", "kind", "domain",
		       "type", ctl_colour(ctl, "off"));
	for (size_t i = 0; i < types.count; i++) {
		if (status == CTL_FINE)
			print_type(ctl, &types.items[i]);
		free(types.items[i].name);
		free(types.items[i].domain);
	}
	free(types.items);
	return status;
}

/* ---- trace ---- */

#define TRACE_NONE SIZE_MAX
#define TRACE_RECORDS_MAX 1000000u

struct trace_node {
	skafu_record *record;
	size_t parent;
	size_t first; /* child */
	size_t last;
	size_t next; /* sibling */
	uint32_t depth;
	uint32_t reserved;
};

struct trace {
	struct trace_node *nodes;
	size_t *by_id; /* indices of nodes, in the order of their ids */
	size_t count;
};

static const struct trace *trace_sorted; /* for the comparison of qsort */

static int trace_order(const void *a, const void *b)
{
	return memcmp(trace_sorted->nodes[*(const size_t *)a].record->id,
		      trace_sorted->nodes[*(const size_t *)b].record->id, SKAFU_ID_BYTES);
}

static size_t trace_find(const struct trace *trace, const uint8_t id[16])
{
	size_t low = 0;
	size_t high = trace->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(trace->nodes[trace->by_id[middle]].record->id, id, SKAFU_ID_BYTES);
		if (order == 0)
			return trace->by_id[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return TRACE_NONE;
}

/* Hang every record under its cause.  A cause that comes later is none: only so there can be no circle. */
static int trace_link(struct trace *trace)
{
	trace->by_id = malloc((trace->count + 1) * sizeof *trace->by_id);
	if (!trace->by_id)
		return CTL_FAILED;
	for (size_t i = 0; i < trace->count; i++)
		trace->by_id[i] = i;
	trace_sorted = trace;
	qsort(trace->by_id, trace->count, sizeof *trace->by_id, trace_order);
	trace_sorted = NULL;
	for (size_t i = 0; i < trace->count; i++) {
		struct trace_node *node = &trace->nodes[i];
		size_t parent = trace_find(trace, node->record->causation);
		if (parent == TRACE_NONE || parent >= i)
			continue;
		node->parent = parent;
		node->depth = trace->nodes[parent].depth + 1;
		if (trace->nodes[parent].first == TRACE_NONE)
			trace->nodes[parent].first = i;
		else
			trace->nodes[trace->nodes[parent].last].next = i;
		trace->nodes[parent].last = i;
	}
	return CTL_FINE;
}

static void print_node(const struct ctl *ctl, const struct trace_node *node)
{
	if (!ctl->json) {
		ctl_record(ctl, node->record, node->depth < 40 ? node->depth : 40);
		putchar('\n');
		return;
	}
	char *text;
	size_t length;
	if (skafu_record_to_json(node->record, &text, &length, ctl->error) != 0)
		return;
	printf("{\"depth\":%u,\"record\":%s}\n", node->depth, text);
	skafu_text_free(text);
}

/* One tree, without recursion: a chain of causes may be as long as the log. */
static void print_tree(const struct ctl *ctl, const struct trace *trace, size_t root)
{
	size_t at = root;
	while (at != TRACE_NONE && !ctl_stopped() && !ferror(stdout)) {
		const struct trace_node *node = &trace->nodes[at];
		print_node(ctl, node);
		if (node->first != TRACE_NONE) {
			at = node->first;
			continue;
		}
		while (at != root && trace->nodes[at].next == TRACE_NONE)
			at = trace->nodes[at].parent;
		at = at == root ? TRACE_NONE : trace->nodes[at].next;
	}
}

static int trace_load(struct ctl *ctl, struct trace *trace, skafu_cursor *cursor)
{
	const skafu_record *record;
	size_t room = 0;
	int32_t rc = 0;
	while (!ctl_stopped() && (rc = skafu_cursor_next(cursor, &record, ctl->error)) == 1) {
		if (trace->count == room) {
			room = room ? room * 2 : 64;
			struct trace_node *grown = realloc(trace->nodes, room * sizeof *grown);
			if (!grown) {
				fprintf(stderr, "skafuctl: out of memory\n");
				return CTL_FAILED;
			}
			trace->nodes = grown;
		}
		struct trace_node node = {NULL, TRACE_NONE, TRACE_NONE, TRACE_NONE, TRACE_NONE, 0, 0};
		rc = skafu_record_copy(record, &node.record, ctl->error);
		if (rc != 0)
			break;
		trace->nodes[trace->count++] = node;
	}
	return rc < 0 ? ctl_fail(ctl, "reading") : ctl_stopped() ? CTL_STOPPED : CTL_FINE;
}

int ctl_trace(struct ctl *ctl)
{
	struct trace trace = {0};
	skafu_cursor *cursor;
	skafu_read_opts opts = {.size = sizeof opts, .kinds = SKAFU_KINDS_ALL};
	int status = ctl_no_more(ctl, 1);
	if (status != CTL_FINE)
		return status;
	if (skafu_read_correlation(ctl->store, ctl->argv[0], TRACE_RECORDS_MAX, &opts, &cursor, ctl->error) != 0)
		return ctl_fail(ctl, "reading");
	status = trace_load(ctl, &trace, cursor);
	skafu_cursor_free(cursor);
	if (status == CTL_FINE)
		status = trace_link(&trace);
	for (size_t i = 0; status == CTL_FINE && i < trace.count; i++)
		if (trace.nodes[i].parent == TRACE_NONE)
			print_tree(ctl, &trace, i);
	for (size_t i = 0; i < trace.count; i++)
		skafu_record_free(trace.nodes[i].record);
	free(trace.nodes);
	free(trace.by_id);
	return status;
}

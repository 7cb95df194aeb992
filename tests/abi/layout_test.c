/*
 * layout_test.c: the places of the members of every public struct, frozen.
 *
 * A sized struct may only grow at its end.  A line that is here stays for ever; what is appended gets a line, and the
 * last member says that nothing stands behind it.  The compiler checks; the program is there to be counted.  The
 * numbers are those of a platform with pointers of 8 bytes.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "skafu_base.h"
#if __has_include("skafu_store.h")
#include "skafu_store.h"
#endif

/* The member is at the offset; the struct ends at `bytes`. */
#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
#define ENDS(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size")

#if UINTPTR_MAX == UINT64_MAX

AT(skafu_allocator, size, 0);
AT(skafu_allocator, reserved, 4);
AT(skafu_allocator, user, 8);
AT(skafu_allocator, allocate, 16);
AT(skafu_allocator, reallocate, 24);
AT(skafu_allocator, release, 32);
ENDS(skafu_allocator, 40);

#ifdef SKAFU_STORE_H
AT(skafu_store_opts, size, 0);
AT(skafu_store_opts, flags, 4);
AT(skafu_store_opts, allocator, 8);
AT(skafu_store_opts, log, 16);
AT(skafu_store_opts, log_user, 24);
AT(skafu_store_opts, log_free, 32);
AT(skafu_store_opts, store_bytes_max, 40);
AT(skafu_store_opts, name_bytes_max, 48);
AT(skafu_store_opts, tags_max, 52);
AT(skafu_store_opts, payload_bytes_max, 56);
AT(skafu_store_opts, batch_bytes_max, 60);
AT(skafu_store_opts, json_depth_max, 64);
AT(skafu_store_opts, readers_max, 68);
AT(skafu_store_opts, overlay_bytes_max, 72);
AT(skafu_store_opts, cache_bytes_max, 80);
AT(skafu_store_opts, fold_records, 88);
AT(skafu_store_opts, reserved, 92);
ENDS(skafu_store_opts, 96);

AT(skafu_store_stats, size, 0);
AT(skafu_store_stats, reserved, 4);
AT(skafu_store_stats, head, 8);
AT(skafu_store_stats, commits, 16);
AT(skafu_store_stats, indexed_up_to, 24);
AT(skafu_store_stats, chained_up_to, 32);
AT(skafu_store_stats, file_bytes, 40);
AT(skafu_store_stats, file_bytes_used, 48);
AT(skafu_store_stats, overlay_bytes, 56);
AT(skafu_store_stats, cache_bytes, 64);
AT(skafu_store_stats, index_runs, 72);
AT(skafu_store_stats, index_segments, 80);
AT(skafu_store_stats, index_entries, 88);
AT(skafu_store_stats, appends, 96);
AT(skafu_store_stats, flushes, 104);
AT(skafu_store_stats, folds, 112);
AT(skafu_store_stats, merges, 120);
ENDS(skafu_store_stats, 128);

AT(skafu_new_record, size, 0);
AT(skafu_new_record, flags, 4);
AT(skafu_new_record, kind, 8);
AT(skafu_new_record, event_version, 12);
AT(skafu_new_record, stream, 16);
AT(skafu_new_record, type, 24);
AT(skafu_new_record, source, 32);
AT(skafu_new_record, content_type, 40);
AT(skafu_new_record, data, 48);
AT(skafu_new_record, data_length, 56);
AT(skafu_new_record, metadata, 64);
AT(skafu_new_record, metadata_length, 72);
AT(skafu_new_record, tags, 80);
AT(skafu_new_record, tag_count, 88);
AT(skafu_new_record, id, 96);
AT(skafu_new_record, causation, 104);
AT(skafu_new_record, correlation, 112);
AT(skafu_new_record, time_ns, 120);
AT(skafu_new_record, severity, 128);
AT(skafu_new_record, hops, 132);
ENDS(skafu_new_record, 136);

AT(skafu_appended, size, 0);
AT(skafu_appended, flags, 4);
AT(skafu_appended, commit, 8);
AT(skafu_appended, first_sequence, 16);
AT(skafu_appended, last_sequence, 24);
AT(skafu_appended, stream_version, 32);
AT(skafu_appended, recorded_ns, 40);
ENDS(skafu_appended, 48);

AT(skafu_record, size, 0);
AT(skafu_record, kind, 4);
AT(skafu_record, flags, 8);
AT(skafu_record, event_version, 12);
AT(skafu_record, sequence, 16);
AT(skafu_record, commit, 24);
AT(skafu_record, stream_version, 32);
AT(skafu_record, time_ns, 40);
AT(skafu_record, recorded_ns, 48);
AT(skafu_record, id, 56);
AT(skafu_record, causation, 64);
AT(skafu_record, stream, 72);
AT(skafu_record, type, 80);
AT(skafu_record, source, 88);
AT(skafu_record, correlation, 96);
AT(skafu_record, content_type, 104);
AT(skafu_record, tags, 112);
AT(skafu_record, data, 120);
AT(skafu_record, metadata, 128);
AT(skafu_record, data_length, 136);
AT(skafu_record, metadata_length, 140);
AT(skafu_record, tag_count, 144);
AT(skafu_record, severity, 148);
AT(skafu_record, hops, 152);
AT(skafu_record, reserved, 156);
ENDS(skafu_record, 160);

AT(skafu_read_opts, size, 0);
AT(skafu_read_opts, flags, 4);
AT(skafu_read_opts, kinds, 8);
AT(skafu_read_opts, reserved, 12);
AT(skafu_read_opts, from, 16);
AT(skafu_read_opts, to, 24);
AT(skafu_read_opts, recorded_from_ns, 32);
AT(skafu_read_opts, recorded_to_ns, 40);
ENDS(skafu_read_opts, 48);

AT(skafu_stream_info, size, 0);
AT(skafu_stream_info, reserved, 4);
AT(skafu_stream_info, name, 8);
AT(skafu_stream_info, version, 16);
AT(skafu_stream_info, last_sequence, 24);
AT(skafu_stream_info, last_recorded_ns, 32);
ENDS(skafu_stream_info, 40);

AT(skafu_row, size, 0);
AT(skafu_row, reserved, 4);
AT(skafu_row, key, 8);
AT(skafu_row, key_length, 16);
AT(skafu_row, value, 24);
AT(skafu_row, value_length, 32);
ENDS(skafu_row, 40);

AT(skafu_key_range, size, 0);
AT(skafu_key_range, reserved, 4);
AT(skafu_key_range, from, 8);
AT(skafu_key_range, from_length, 16);
AT(skafu_key_range, to, 24);
AT(skafu_key_range, to_length, 32);
ENDS(skafu_key_range, 40);

AT(skafu_verify_report, size, 0);
AT(skafu_verify_report, reserved, 4);
AT(skafu_verify_report, commits, 8);
AT(skafu_verify_report, records, 16);
AT(skafu_verify_report, rows, 24);
AT(skafu_verify_report, index_entries, 32);
AT(skafu_verify_report, chained_up_to, 40);
AT(skafu_verify_report, faults, 48);
ENDS(skafu_verify_report, 56);

AT(skafu_lineage, size, 0);
AT(skafu_lineage, reserved, 4);
AT(skafu_lineage, birth, 8);
AT(skafu_lineage, incarnation, 24);
AT(skafu_lineage, sequence, 40);
AT(skafu_lineage, commit, 48);
AT(skafu_lineage, chain, 56);
AT(skafu_lineage, made_ns, 88);
ENDS(skafu_lineage, 96);

AT(skafu_diff, size, 0);
AT(skafu_diff, reserved, 4);
AT(skafu_diff, sequence, 8);
AT(skafu_diff, commit, 16);
AT(skafu_diff, same_up_to, 24);
AT(skafu_diff, head, 32);
AT(skafu_diff, other_head, 40);
ENDS(skafu_diff, 48);

AT(skafu_export_opts, size, 0);
AT(skafu_export_opts, form, 4);
AT(skafu_export_opts, kinds, 8);
AT(skafu_export_opts, reserved, 12);
AT(skafu_export_opts, from, 16);
AT(skafu_export_opts, to, 24);
ENDS(skafu_export_opts, 32);

AT(skafu_export_info, size, 0);
AT(skafu_export_info, reserved, 4);
AT(skafu_export_info, records, 8);
AT(skafu_export_info, sequence, 16);
AT(skafu_export_info, to, 24);
ENDS(skafu_export_info, 32);

AT(skafu_import_opts, size, 0);
AT(skafu_import_opts, flags, 4);
AT(skafu_import_opts, form, 8);
AT(skafu_import_opts, line_bytes_max, 12);
AT(skafu_import_opts, batch_records, 16);
AT(skafu_import_opts, reserved, 20);
AT(skafu_import_opts, origin, 24);
ENDS(skafu_import_opts, 32);

AT(skafu_import_info, size, 0);
AT(skafu_import_info, reserved, 4);
AT(skafu_import_info, lines, 8);
AT(skafu_import_info, settled, 16);
AT(skafu_import_info, added, 24);
AT(skafu_import_info, present, 32);
AT(skafu_import_info, bad, 40);
AT(skafu_import_info, bad_line, 48);
AT(skafu_import_info, bytes, 56);
ENDS(skafu_import_info, 64);

AT(skafu_import_bad, size, 0);
AT(skafu_import_bad, code, 4);
AT(skafu_import_bad, line, 8);
AT(skafu_import_bad, reason, 16);
AT(skafu_import_bad, text, 24);
AT(skafu_import_bad, text_length, 32);
ENDS(skafu_import_bad, 40);
#endif

#endif

int main(void)
{
	puts("the offsets were checked by the compiler");
	return 0;
}

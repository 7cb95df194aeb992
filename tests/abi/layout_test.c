/*
 * layout_test.c: the places of the members of every public struct, frozen.
 *
 * A sized struct may only grow at its end.  A line that is here stays for ever; what is appended gets a line, and the
 * last member says that nothing stands behind it.  The compiler checks; the program is there to be counted.  The
 * numbers are those of a platform with pointers of 8 bytes.  That no struct is missing, tests/shape/layout.sh says.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "skafu.h"
#include "skafu_test.h"

/* The member is at the offset; the struct ends at `bytes`. */
#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #type "." #member " has moved")
#define ENDS(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " has another size")

#if UINTPTR_MAX == UINT64_MAX

/* ---- skafu_base.h ---------------------------------------------------------------------------------------------- */

AT(skafu_allocator, size, 0);
AT(skafu_allocator, reserved, 4);
AT(skafu_allocator, user, 8);
AT(skafu_allocator, allocate, 16);
AT(skafu_allocator, reallocate, 24);
AT(skafu_allocator, release, 32);
ENDS(skafu_allocator, 40);

/* ---- skafu_store.h --------------------------------------------------------------------------------------------- */

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

AT(skafu_salvage_report, size, 0);
AT(skafu_salvage_report, reserved, 4);
AT(skafu_salvage_report, commits, 8);
AT(skafu_salvage_report, records, 16);
AT(skafu_salvage_report, last_commit, 24);
AT(skafu_salvage_report, commits_lost, 32);
AT(skafu_salvage_report, records_lost, 40);
AT(skafu_salvage_report, fronts_lost, 48);
AT(skafu_salvage_report, streams, 56);
AT(skafu_salvage_report, stream_gaps, 64);
AT(skafu_salvage_report, chained_up_to, 72);
AT(skafu_salvage_report, losses, 80);
ENDS(skafu_salvage_report, 88);

/* ---- skafu_model.h --------------------------------------------------------------------------------------------- */

AT(skafu_model_opts, size, 0);
AT(skafu_model_opts, flags, 4);
AT(skafu_model_opts, cache_bytes_max, 8);
AT(skafu_model_opts, edit_bytes_max, 16);
AT(skafu_model_opts, views_bytes_max, 24);
ENDS(skafu_model_opts, 32);

AT(skafu_event_def, size, 0);
AT(skafu_event_def, event_version, 4);
AT(skafu_event_def, domain, 8);
AT(skafu_event_def, type, 16);
AT(skafu_event_def, subject_prefix, 24);
AT(skafu_event_def, check, 32);
AT(skafu_event_def, user, 40);
AT(skafu_event_def, free_user, 48);
ENDS(skafu_event_def, 56);

AT(skafu_upcaster_def, size, 0);
AT(skafu_upcaster_def, from_version, 4);
AT(skafu_upcaster_def, revision, 8);
AT(skafu_upcaster_def, to_count, 12);
AT(skafu_upcaster_def, type, 16);
AT(skafu_upcaster_def, to_types, 24);
AT(skafu_upcaster_def, to_versions, 32);
AT(skafu_upcaster_def, upcast, 40);
AT(skafu_upcaster_def, user, 48);
AT(skafu_upcaster_def, free_user, 56);
ENDS(skafu_upcaster_def, 64);

AT(skafu_state_def, size, 0);
AT(skafu_state_def, version, 4);
AT(skafu_state_def, bytes, 8);
AT(skafu_state_def, init, 16);
AT(skafu_state_def, make, 24);
AT(skafu_state_def, drop, 32);
AT(skafu_state_def, copy, 40);
AT(skafu_state_def, save, 48);
AT(skafu_state_def, load, 56);
ENDS(skafu_state_def, 64);

AT(skafu_command, size, 0);
AT(skafu_command, flags, 4);
AT(skafu_command, type, 8);
AT(skafu_command, domain, 16);
AT(skafu_command, stream, 24);
AT(skafu_command, data, 32);
AT(skafu_command, data_length, 40);
AT(skafu_command, content_type, 48);
AT(skafu_command, metadata, 56);
AT(skafu_command, metadata_length, 64);
AT(skafu_command, tags, 72);
AT(skafu_command, tag_count, 80);
AT(skafu_command, key, 88);
AT(skafu_command, id, 96);
AT(skafu_command, causation, 104);
AT(skafu_command, correlation, 112);
AT(skafu_command, expires_ns, 120);
ENDS(skafu_command, 128);

AT(skafu_decider_def, size, 0);
AT(skafu_decider_def, snapshot_every, 4);
AT(skafu_decider_def, domain, 8);
AT(skafu_decider_def, name, 16);
AT(skafu_decider_def, commands, 24);
AT(skafu_decider_def, command_count, 32);
AT(skafu_decider_def, state, 40);
AT(skafu_decider_def, evolve, 48);
AT(skafu_decider_def, decide, 56);
AT(skafu_decider_def, scope, 64);
AT(skafu_decider_def, user, 72);
AT(skafu_decider_def, free_user, 80);
ENDS(skafu_decider_def, 88);

AT(skafu_outcome, size, 0);
AT(skafu_outcome, flags, 4);
AT(skafu_outcome, decision, 8);
AT(skafu_outcome, attempts, 12);
AT(skafu_outcome, commit, 16);
AT(skafu_outcome, first_sequence, 24);
AT(skafu_outcome, last_sequence, 32);
AT(skafu_outcome, stream_version, 40);
AT(skafu_outcome, code, 48);
AT(skafu_outcome, message, 56);
AT(skafu_outcome, correlation, 64);
AT(skafu_outcome, command, 72);
AT(skafu_outcome, event_count, 80);
AT(skafu_outcome, wait_result, 84);
ENDS(skafu_outcome, 88);

AT(skafu_execute_opts, size, 0);
AT(skafu_execute_opts, attempts_max, 4);
AT(skafu_execute_opts, wait_views, 8);
AT(skafu_execute_opts, wait_view_count, 16);
ENDS(skafu_execute_opts, 24);

AT(skafu_fold, size, 0);
AT(skafu_fold, event_count, 4);
AT(skafu_fold, key, 8);
AT(skafu_fold, key_length, 16);
AT(skafu_fold, value, 24);
AT(skafu_fold, value_length, 32);
AT(skafu_fold, events, 40);
ENDS(skafu_fold, 48);

AT(skafu_projection_def, size, 0);
AT(skafu_projection_def, flags, 4);
AT(skafu_projection_def, version, 8);
AT(skafu_projection_def, batch_max, 12);
AT(skafu_projection_def, domain, 16);
AT(skafu_projection_def, name, 24);
AT(skafu_projection_def, types, 32);
AT(skafu_projection_def, type_count, 40);
AT(skafu_projection_def, rule, 48);
AT(skafu_projection_def, each, 56);
AT(skafu_projection_def, batch, 64);
AT(skafu_projection_def, key, 72);
AT(skafu_projection_def, fold, 80);
AT(skafu_projection_def, user, 88);
AT(skafu_projection_def, free_user, 96);
ENDS(skafu_projection_def, 104);

AT(skafu_difference, size, 0);
AT(skafu_difference, kind, 4);
AT(skafu_difference, table, 8);
AT(skafu_difference, key, 16);
AT(skafu_difference, key_length, 24);
AT(skafu_difference, live_value, 32);
AT(skafu_difference, live_length, 40);
AT(skafu_difference, shadow_value, 48);
AT(skafu_difference, shadow_length, 56);
ENDS(skafu_difference, 64);

AT(skafu_projection_info, size, 0);
AT(skafu_projection_info, state, 4);
AT(skafu_projection_info, version, 8);
AT(skafu_projection_info, shadow_version, 12);
AT(skafu_projection_info, sequence, 16);
AT(skafu_projection_info, shadow_sequence, 24);
AT(skafu_projection_info, head, 32);
AT(skafu_projection_info, rows, 40);
AT(skafu_projection_info, lag, 48);
AT(skafu_projection_info, pid, 56);
ENDS(skafu_projection_info, 64);

/* ---- skafu_run.h ----------------------------------------------------------------------------------------------- */

AT(skafu_retry_policy, size, 0);
AT(skafu_retry_policy, attempts_max, 4);
AT(skafu_retry_policy, backoff, 8);
AT(skafu_retry_policy, then, 12);
AT(skafu_retry_policy, delay_ns, 16);
AT(skafu_retry_policy, delay_ns_max, 24);
AT(skafu_retry_policy, jitter_percent, 32);
AT(skafu_retry_policy, reserved, 36);
AT(skafu_retry_policy, worth, 40);
ENDS(skafu_retry_policy, 48);

AT(skafu_source, size, 0);
AT(skafu_source, flags, 4);
AT(skafu_source, types, 8);
AT(skafu_source, type_count, 16);
AT(skafu_source, rule, 24);
AT(skafu_source, start, 32);
AT(skafu_source, partitions, 36);
AT(skafu_source, start_after, 40);
AT(skafu_source, kinds, 48);
AT(skafu_source, partition_by, 52);
AT(skafu_source, partition_tag, 56);
ENDS(skafu_source, 64);

AT(skafu_subscription_opts, size, 0);
AT(skafu_subscription_opts, flags, 4);
AT(skafu_subscription_opts, source, 8);
AT(skafu_subscription_opts, retry, 16);
AT(skafu_subscription_opts, open_max, 24);
AT(skafu_subscription_opts, reserved, 28);
ENDS(skafu_subscription_opts, 32);

AT(skafu_reaction_def, size, 0);
AT(skafu_reaction_def, flags, 4);
AT(skafu_reaction_def, domain, 8);
AT(skafu_reaction_def, name, 16);
AT(skafu_reaction_def, source, 24);
AT(skafu_reaction_def, retry, 32);
AT(skafu_reaction_def, react, 40);
AT(skafu_reaction_def, user, 48);
AT(skafu_reaction_def, free_user, 56);
ENDS(skafu_reaction_def, 64);

AT(skafu_timer_info, size, 0);
AT(skafu_timer_info, reserved, 4);
AT(skafu_timer_info, due_ns, 8);
AT(skafu_timer_info, owner, 16);
AT(skafu_timer_info, instance, 24);
AT(skafu_timer_info, name, 32);
AT(skafu_timer_info, type, 40);
ENDS(skafu_timer_info, 48);

AT(skafu_process_def, size, 0);
AT(skafu_process_def, version, 4);
AT(skafu_process_def, domain, 8);
AT(skafu_process_def, name, 16);
AT(skafu_process_def, source, 24);
AT(skafu_process_def, state, 32);
AT(skafu_process_def, route, 40);
AT(skafu_process_def, evolve, 48);
AT(skafu_process_def, act, 56);
AT(skafu_process_def, retry, 64);
AT(skafu_process_def, user, 72);
AT(skafu_process_def, free_user, 80);
ENDS(skafu_process_def, 88);

AT(skafu_process_info, size, 0);
AT(skafu_process_info, state, 4);
AT(skafu_process_info, version, 8);
AT(skafu_process_info, steps, 12);
AT(skafu_process_info, first_sequence, 16);
AT(skafu_process_info, last_sequence, 24);
AT(skafu_process_info, next_timer_ns, 32);
AT(skafu_process_info, name, 40);
AT(skafu_process_info, instance, 48);
AT(skafu_process_info, correlation, 56);
AT(skafu_process_info, code, 64);
AT(skafu_process_info, message, 72);
ENDS(skafu_process_info, 80);

AT(skafu_engine_opts, size, 0);
AT(skafu_engine_opts, hops_max, 4);
AT(skafu_engine_opts, consumers, 8);
AT(skafu_engine_opts, consumer_count, 16);
ENDS(skafu_engine_opts, 24);

AT(skafu_engine_stats, size, 0);
AT(skafu_engine_stats, consumers, 4);
AT(skafu_engine_stats, steps, 8);
AT(skafu_engine_stats, published, 16);
AT(skafu_engine_stats, delivered, 24);
AT(skafu_engine_stats, emitted, 32);
AT(skafu_engine_stats, failures, 40);
AT(skafu_engine_stats, dead_letters, 48);
AT(skafu_engine_stats, timers_fired, 56);
AT(skafu_engine_stats, timers_pending, 64);
AT(skafu_engine_stats, errors_waiting, 72);
AT(skafu_engine_stats, errors_lost, 80);
AT(skafu_engine_stats, cross_domain_p50_ns, 88);
AT(skafu_engine_stats, cross_domain_p95_ns, 96);
AT(skafu_engine_stats, cross_domain_p99_ns, 104);
ENDS(skafu_engine_stats, 112);

AT(skafu_consumer_info, size, 0);
AT(skafu_consumer_info, kind, 4);
AT(skafu_consumer_info, state, 8);
AT(skafu_consumer_info, partitions, 12);
AT(skafu_consumer_info, name, 16);
AT(skafu_consumer_info, domain, 24);
AT(skafu_consumer_info, sequence, 32);
AT(skafu_consumer_info, lag, 40);
AT(skafu_consumer_info, delivered, 48);
AT(skafu_consumer_info, failures, 56);
AT(skafu_consumer_info, dead_letters, 64);
AT(skafu_consumer_info, handle_p50_ns, 72);
AT(skafu_consumer_info, handle_p95_ns, 80);
AT(skafu_consumer_info, handle_p99_ns, 88);
AT(skafu_consumer_info, publish_p50_ns, 96);
AT(skafu_consumer_info, publish_p95_ns, 104);
AT(skafu_consumer_info, publish_p99_ns, 112);
AT(skafu_consumer_info, pid, 120);
ENDS(skafu_consumer_info, 128);

AT(skafu_dead_letter, size, 0);
AT(skafu_dead_letter, attempts, 4);
AT(skafu_dead_letter, sequence, 8);
AT(skafu_dead_letter, first_ns, 16);
AT(skafu_dead_letter, last_ns, 24);
AT(skafu_dead_letter, consumer, 32);
AT(skafu_dead_letter, key, 40);
AT(skafu_dead_letter, type, 48);
AT(skafu_dead_letter, correlation, 56);
AT(skafu_dead_letter, message, 64);
AT(skafu_dead_letter, code, 72);
AT(skafu_dead_letter, parked_behind, 76);
ENDS(skafu_dead_letter, 80);

AT(skafu_dead_letter_filter, size, 0);
AT(skafu_dead_letter_filter, reserved, 4);
AT(skafu_dead_letter_filter, consumer, 8);
AT(skafu_dead_letter_filter, key, 16);
AT(skafu_dead_letter_filter, type, 24);
AT(skafu_dead_letter_filter, sequence, 32);
ENDS(skafu_dead_letter_filter, 40);

AT(skafu_error_report_def, size, 0);
AT(skafu_error_report_def, severity, 4);
AT(skafu_error_report_def, source, 8);
AT(skafu_error_report_def, code, 16);
AT(skafu_error_report_def, message, 24);
AT(skafu_error_report_def, service, 32);
AT(skafu_error_report_def, function, 40);
AT(skafu_error_report_def, user_id, 48);
AT(skafu_error_report_def, stack_trace, 56);
AT(skafu_error_report_def, correlation, 64);
AT(skafu_error_report_def, causation, 72);
AT(skafu_error_report_def, can_retry, 80);
AT(skafu_error_report_def, reserved, 84);
ENDS(skafu_error_report_def, 88);

AT(skafu_error_summary, size, 0);
AT(skafu_error_summary, reserved, 4);
AT(skafu_error_summary, value, 8);
AT(skafu_error_summary, warnings, 16);
AT(skafu_error_summary, errors, 24);
AT(skafu_error_summary, criticals, 32);
AT(skafu_error_summary, first_sequence, 40);
AT(skafu_error_summary, last_sequence, 48);
AT(skafu_error_summary, first_ns, 56);
AT(skafu_error_summary, last_ns, 64);
ENDS(skafu_error_summary, 72);

AT(skafu_replay_opts, size, 0);
AT(skafu_replay_opts, flags, 4);
AT(skafu_replay_opts, from, 8);
AT(skafu_replay_opts, to, 16);
AT(skafu_replay_opts, recorded_from_ns, 24);
AT(skafu_replay_opts, recorded_to_ns, 32);
AT(skafu_replay_opts, rule, 40);
AT(skafu_replay_opts, targets, 48);
AT(skafu_replay_opts, target_count, 56);
AT(skafu_replay_opts, target_store, 64);
AT(skafu_replay_opts, mask, 72);
AT(skafu_replay_opts, user, 80);
AT(skafu_replay_opts, free_user, 88);
AT(skafu_replay_opts, rate_max, 96);
ENDS(skafu_replay_opts, 104);

AT(skafu_replay_info, size, 0);
AT(skafu_replay_info, state, 4);
AT(skafu_replay_info, id, 8);
AT(skafu_replay_info, done, 24);
AT(skafu_replay_info, total, 32);
AT(skafu_replay_info, sequence, 40);
AT(skafu_replay_info, matched, 48);
AT(skafu_replay_info, succeeded, 56);
AT(skafu_replay_info, failed, 64);
AT(skafu_replay_info, rate, 72);
AT(skafu_replay_info, remaining_ns, 80);
AT(skafu_replay_info, started_ns, 88);
AT(skafu_replay_info, ended_ns, 96);
AT(skafu_replay_info, code, 104);
AT(skafu_replay_info, reserved, 108);
AT(skafu_replay_info, message, 112);
ENDS(skafu_replay_info, 368);

/* ---- skafu_watch.h --------------------------------------------------------------------------------------------- */

AT(skafu_watch_opts, size, 0);
AT(skafu_watch_opts, series_max, 4);
AT(skafu_watch_opts, spans_max, 8);
AT(skafu_watch_opts, unsampled_percent, 12);
AT(skafu_watch_opts, service, 16);
ENDS(skafu_watch_opts, 24);

AT(skafu_alarm_def, size, 0);
AT(skafu_alarm_def, severity, 4);
AT(skafu_alarm_def, name, 8);
AT(skafu_alarm_def, metric, 16);
AT(skafu_alarm_def, labels, 24);
AT(skafu_alarm_def, statistic, 32);
AT(skafu_alarm_def, direction, 36);
AT(skafu_alarm_def, raise_at, 40);
AT(skafu_alarm_def, clear_at, 48);
AT(skafu_alarm_def, raise_after_ns, 56);
AT(skafu_alarm_def, clear_after_ns, 64);
ENDS(skafu_alarm_def, 72);

AT(skafu_alarm_info, size, 0);
AT(skafu_alarm_info, raised, 4);
AT(skafu_alarm_info, severity, 8);
AT(skafu_alarm_info, reserved, 12);
AT(skafu_alarm_info, name, 16);
AT(skafu_alarm_info, labels, 24);
AT(skafu_alarm_info, value, 32);
AT(skafu_alarm_info, threshold, 40);
AT(skafu_alarm_info, since_ns, 48);
AT(skafu_alarm_info, message, 56);
ENDS(skafu_alarm_info, 64);

AT(skafu_trace_context, size, 0);
AT(skafu_trace_context, flags, 4);
AT(skafu_trace_context, trace_id, 8);
AT(skafu_trace_context, span_id, 24);
ENDS(skafu_trace_context, 32);

/* ---- skafu_test.h ---------------------------------------------------------------------------------------------- */

AT(skafu_scenario_opts, size, 0);
AT(skafu_scenario_opts, flags, 4);
AT(skafu_scenario_opts, path, 8);
AT(skafu_scenario_opts, start_ns, 16);
AT(skafu_scenario_opts, seed, 24);
ENDS(skafu_scenario_opts, 32);

#endif

int main(void)
{
	puts("the offsets were checked by the compiler");
	return 0;
}

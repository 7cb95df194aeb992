"""The C interface as Python sees it: structs and functions of libskafu that this package uses.

A line of STRUCTS, with what is indented below it, is a struct: its name without skafu_, then its members by type.  A line of FUNCTIONS is a function:
result, name without skafu_, parameters.  `error` is the last parameter of what can explain a failure.  The numbers of
the constants are asked of the library that is loaded, so they are nowhere in this package.
"""
import ctypes

TYPES = {
    "u32": ctypes.c_uint32, "i32": ctypes.c_int32, "u64": ctypes.c_uint64, "i64": ctypes.c_int64,
    "len": ctypes.c_size_t, "f64": ctypes.c_double, "ptr": ctypes.c_void_p, "text": ctypes.c_char_p,
    "id": ctypes.c_uint8 * 16, "error": ctypes.c_void_p, "void": None,
}

STRUCTS = """
store_opts: u32 size flags; ptr allocator log log_user log_free; u64 store_bytes_max; u32 name_bytes_max tags_max
  payload_bytes_max batch_bytes_max json_depth_max readers_max; u64 overlay_bytes_max cache_bytes_max; u32
  fold_records reserved
store_stats: u32 size reserved; u64 head commits indexed_up_to chained_up_to file_bytes file_bytes_used
  overlay_bytes cache_bytes index_runs index_segments index_entries appends flushes folds merges
new_record: u32 size flags kind event_version; text stream type source content_type; ptr data; len data_length; ptr
  metadata; len metadata_length; ptr tags; len tag_count; ptr id causation; text correlation; i64 time_ns; u32
  severity hops
appended: u32 size flags; u64 commit first_sequence last_sequence stream_version; i64 recorded_ns
record: u32 size kind flags event_version; u64 sequence commit stream_version; i64 time_ns recorded_ns; ptr id
  causation; text stream type source correlation content_type; ptr tags data metadata; u32 data_length
  metadata_length tag_count severity hops reserved
read_opts: u32 size flags kinds reserved; u64 from to; i64 recorded_from_ns recorded_to_ns
stream_info: u32 size reserved; text name; u64 version last_sequence; i64 last_recorded_ns
row: u32 size reserved; ptr key; len key_length; ptr value; len value_length
key_range: u32 size reserved; ptr from; len from_length; ptr to; len to_length
verify_report: u32 size reserved; u64 commits records rows index_entries chained_up_to faults
event_def: u32 size event_version; text domain type subject_prefix; ptr check user free_user
upcaster_def: u32 size from_version revision to_count; text type; ptr to_types to_versions upcast user free_user
state_def: u32 size version; len bytes; ptr init make drop copy save load
command: u32 size flags; text type domain stream; ptr data; len data_length; text content_type; ptr metadata; len
  metadata_length; ptr tags; len tag_count; text key; ptr id causation; text correlation; i64 expires_ns
decider_def: u32 size snapshot_every; text domain name; ptr commands; len command_count; ptr state evolve decide
  scope user free_user
outcome: u32 size flags decision attempts; u64 commit first_sequence last_sequence stream_version; text code message
  correlation; ptr command; u32 event_count; i32 wait_result
execute_opts: u32 size attempts_max; ptr wait_views; len wait_view_count
projection_def: u32 size flags version batch_max; text domain name; ptr types; len type_count; text rule; ptr each
  batch key fold user free_user
fold: u32 size event_count; ptr key; len key_length; ptr value; len value_length; ptr events
projection_info: u32 size state version shadow_version; u64 sequence shadow_sequence head rows lag; i64 pid
retry_policy: u32 size attempts_max backoff then; u64 delay_ns delay_ns_max; u32 jitter_percent reserved; ptr worth
source: u32 size flags; ptr types; len type_count; text rule; u32 start partitions; u64 start_after; u32 kinds
  partition_by; text partition_tag
subscription_opts: u32 size flags; ptr source retry; u32 open_max reserved
reaction_def: u32 size flags; text domain name; ptr source retry react user free_user
timer_info: u32 size reserved; i64 due_ns; text owner instance name type
process_def: u32 size version; text domain name; ptr source state route evolve act retry user free_user
process_info: u32 size state version steps; u64 first_sequence last_sequence; i64 next_timer_ns; text name instance
  correlation code message
engine_opts: u32 size hops_max; ptr consumers; len consumer_count
engine_stats: u32 size consumers; u64 steps published delivered emitted failures dead_letters timers_fired
  timers_pending errors_waiting errors_lost cross_domain_p50_ns cross_domain_p95_ns cross_domain_p99_ns
dead_letter: u32 size attempts; u64 sequence; i64 first_ns last_ns; text consumer key type correlation message; i32
  code; u32 parked_behind
watch_opts: u32 size series_max spans_max unsampled_percent; text service
"""

FUNCTIONS = """
text version_text ()
text result_name (i32)
i32 result_is_conflict (i32)
i32 result_is_retriable (i32)
i32 constant (text, ptr)
i32 error_new (ptr)
void error_free (ptr)
text error_message (ptr)
i32 error_os (ptr)
u64 error_sequence (ptr)
u64 error_version (ptr)
u32 error_condition (ptr)
u32 error_item (ptr)
u32 error_batch (ptr)
i64 error_pid (ptr)
void error_set (ptr, i32, text)
i32 store_open (text, ptr, ptr, error)
i32 store_create (text, ptr, ptr, error)
i32 store_open_memory (ptr, ptr, error)
void store_close (ptr)
i32 store_head (ptr, ptr, error)
i32 store_stats_get (ptr, ptr, error)
i32 store_wait (ptr, u64, u64, ptr, error)
void store_interrupt (ptr)
i32 store_maintain (ptr, u64, error)
i32 store_verify (ptr, u32, ptr, ptr, ptr, error)
i32 store_backup (ptr, text, u64, ptr, ptr, error)
i32 batch_new (ptr, ptr, error)
void batch_free (ptr)
void batch_clear (ptr)
i32 batch_add (ptr, ptr, error)
u32 batch_count (ptr)
i32 batch_record_id (ptr, u32, ptr)
i32 batch_set_id (ptr, ptr, error)
i32 batch_expect_stream (ptr, text, u32, u64, error)
i32 batch_expect_no_match (ptr, ptr, u64, error)
i32 batch_put_row (ptr, text, ptr, len, ptr, len, error)
i32 batch_delete_row (ptr, text, ptr, len, error)
i32 batch_expect_row (ptr, text, ptr, len, ptr, len, error)
i32 batch_expect_no_row (ptr, text, ptr, len, error)
i32 batch_set_timer (ptr, text, i64, ptr, error)
i32 batch_cancel_timer (ptr, text, error)
i32 append (ptr, ptr, u64, ptr, error)
i32 append_many (ptr, ptr, u32, u64, ptr, ptr, error)
i32 query_new (ptr, error)
void query_free (ptr)
i32 query_add_item (ptr, error)
i32 query_add_type (ptr, text, error)
i32 query_add_tag (ptr, text, error)
i32 read (ptr, ptr, u64, ptr, ptr, error)
i32 read_stream (ptr, text, u64, ptr, ptr, error)
i32 read_correlation (ptr, text, u64, ptr, ptr, error)
i32 read_domain (ptr, text, u64, ptr, ptr, error)
i32 cursor_next_batch (ptr, u32, ptr, error)
u64 cursor_head (ptr)
void cursor_free (ptr)
i32 get (ptr, u64, ptr, error)
i32 get_by_id (ptr, ptr, ptr, error)
void record_free (ptr)
i32 record_to_json (ptr, ptr, ptr, error)
void text_free (ptr)
i32 stream_version (ptr, text, ptr, error)
i32 stream_list_open (ptr, text, u64, ptr, error)
i32 stream_list_next (ptr, ptr, error)
void stream_list_free (ptr)
i32 row_get (ptr, text, ptr, len, ptr, ptr, error)
void bytes_free (ptr)
i32 rows_open (ptr, text, ptr, u64, ptr, error)
i32 rows_next (ptr, ptr, error)
void rows_free (ptr)
i32 waiter_new (ptr, ptr, error)
i32 waiter_fd (ptr)
i32 waiter_arm (ptr, u64, error)
i32 waiter_clear (ptr, error)
void waiter_free (ptr)
i32 model_open (ptr, ptr, ptr, error)
void model_close (ptr)
i32 model_freeze (ptr, error)
i32 model_add_domain (ptr, text, error)
i32 model_add_event (ptr, ptr, error)
i32 model_add_upcaster (ptr, ptr, error)
i32 model_add_decider (ptr, ptr, error)
i32 model_add_projection (ptr, ptr, error)
i32 model_add_reaction (ptr, ptr, error)
i32 model_add_process (ptr, ptr, error)
i32 model_execute (ptr, ptr, u64, ptr, ptr, error)
void outcome_free (ptr)
i32 outcome_read (ptr, ptr, error)
i32 state_load (ptr, ptr, u64, ptr, error)
ptr state_data (ptr)
u64 state_sequence (ptr)
void state_free (ptr)
i32 upcast_add (ptr, text, u32, ptr, len, error)
i32 writer_put (ptr, ptr, len, error)
i32 turn_emit (ptr, ptr, error)
i32 turn_refuse (ptr, text, text, error)
i64 turn_now (ptr)
i32 turn_send (ptr, ptr, error)
i32 turn_set_timer (ptr, text, i64, ptr, error)
i32 turn_cancel_timer (ptr, text, error)
i32 turn_undo_with (ptr, ptr, error)
i32 turn_compensate (ptr, text, text, error)
i32 turn_complete (ptr, error)
i32 effect (ptr, text, ptr, error)
i32 edit_get (ptr, text, ptr, len, ptr, ptr, error)
i32 edit_put (ptr, text, ptr, len, ptr, len, error)
i32 edit_delete (ptr, text, ptr, len, error)
i32 edit_count (ptr, text, ptr, len, i64, error)
i32 edit_key (ptr, ptr, len, error)
i32 count_value (ptr, len, ptr, error)
i32 projection_step (ptr, text, u32, error)
i32 projection_rebuild (ptr, text, error)
i32 projection_info_get (ptr, text, ptr, error)
i32 view_open (ptr, text, u64, u64, ptr, error)
void view_close (ptr)
i32 view_refresh (ptr, u32, u64, u64, ptr, error)
i32 view_get (ptr, text, ptr, len, ptr, ptr, error)
i32 view_rows (ptr, text, ptr, u64, ptr, error)
i32 view_prefix (ptr, text, ptr, len, u64, ptr, error)
i32 rules_new (ptr, error)
void rules_free (ptr)
i32 rules_add (ptr, ptr, len, ptr, error)
i32 rules_match_json (ptr, ptr, len, ptr, u32, error)
i32 subscription_open (ptr, text, ptr, ptr, error)
void subscription_close (ptr)
i32 subscription_next (ptr, u32, u64, ptr, error)
i32 subscription_ack (ptr, u64, error)
i32 subscription_ack_in (ptr, u64, ptr, error)
i32 subscription_fail (ptr, u64, i32, text, error)
i32 engine_open (ptr, ptr, ptr, error)
void engine_close (ptr)
i32 engine_subscribe (ptr, text, ptr, ptr, ptr, ptr, error)
i32 engine_fd (ptr)
i32 engine_timeout (ptr, ptr, error)
i32 engine_step (ptr, u32, error)
i32 engine_run (ptr, u64, error)
void engine_stop (ptr)
i32 engine_drain (ptr, u64, error)
i32 engine_send (ptr, ptr, u64, ptr, error)
i32 engine_execute (ptr, ptr, u64, ptr, error)
i32 engine_await (ptr, text, text, u64, ptr, error)
i32 engine_stats_get (ptr, ptr, error)
i32 timer_list_open (ptr, i64, u64, ptr, error)
i32 timer_list_next (ptr, ptr, error)
void timer_list_free (ptr)
i32 process_list_open (ptr, text, u32, u64, ptr, error)
i32 process_list_next (ptr, ptr, error)
void process_list_free (ptr)
i32 dead_letter_list_open (ptr, ptr, u64, ptr, error)
i32 dead_letter_list_next (ptr, ptr, error)
void dead_letter_list_free (ptr)
i32 watch_open (ptr, ptr, ptr, error)
void watch_close (ptr)
i32 metric_add (ptr, text, text, f64, error)
i32 metrics_prometheus (ptr, ptr, ptr, error)
"""


class Sized(ctypes.Structure):
    """A struct that says first how large its maker believes it to be; what is not given is zero, the default."""

    def __init__(self, **members):
        super().__init__(size=ctypes.sizeof(self), **members)


def _struct(line):
    name, members = line.split(":")
    fields = []
    for group in members.split(";"):
        kind, *names = group.split()
        fields += [(member, TYPES[kind]) for member in names]
    title = "".join(word.capitalize() for word in name.split("_"))
    return name, type(title, (Sized,), {"_fields_": fields})


def _function(line):
    result, name, parameters = line.split(" ", 2)
    return name, TYPES[result], [TYPES[kind] for kind in parameters.strip("()").split(", ") if kind]


structs = dict(_struct(line) for line in STRUCTS.replace("\n  ", " ").strip().splitlines())


def declare(library):
    """Give the functions of a loaded library their types; returns them by their names without skafu_."""
    functions = {}
    for line in FUNCTIONS.strip().splitlines():
        name, result, parameters = _function(line)
        function = getattr(library, "skafu_" + name)
        function.restype, function.argtypes = result, parameters
        functions[name] = function
    return functions

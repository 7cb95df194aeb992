//! The C interface: the part of the headers of libskafu that this crate uses, declared by hand.
//!
//! A struct starts as zeros with its size in front: whatever is not set is the default.

use std::ffi::{c_char, c_void};

pub type Handle = *mut c_void;
pub type Text = *const c_char;
pub type FreeFn = unsafe extern "C" fn(Handle);

/// A struct that says first how large its maker believes it to be.
macro_rules! sized {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[repr(C)]
        #[derive(Clone, Copy)]
        #[allow(dead_code)]
        pub struct $name { pub size: u32, $(pub $field: $type),* }
        #[allow(dead_code)]
        impl $name {
            pub fn new() -> Self {
                // Safety: every member is a number, a raw pointer or an optional function.
                let mut made: Self = unsafe { std::mem::zeroed() };
                made.size = std::mem::size_of::<Self>() as u32;
                made
            }
        }
    };
}

sized!(StoreOpts {
    flags: u32, allocator: Handle, log: Handle, log_user: Handle, log_free: Handle, store_bytes_max: u64,
    name_bytes_max: u32, tags_max: u32, payload_bytes_max: u32, batch_bytes_max: u32, json_depth_max: u32,
    readers_max: u32, overlay_bytes_max: u64, cache_bytes_max: u64, fold_records: u32, reserved: u32,
});
sized!(NewRecord {
    flags: u32, kind: u32, event_version: u32, stream: Text, type_: Text, source: Text, content_type: Text,
    data: *const c_void, data_length: usize, metadata: *const c_void, metadata_length: usize, tags: *const Text,
    tag_count: usize, id: *const u8, causation: *const u8, correlation: Text, time_ns: i64, severity: u32, hops: u32,
});
sized!(Appended {
    flags: u32, commit: u64, first_sequence: u64, last_sequence: u64, stream_version: u64, recorded_ns: i64,
});
sized!(Record {
    kind: u32, flags: u32, event_version: u32, sequence: u64, commit: u64, stream_version: u64, time_ns: i64,
    recorded_ns: i64, id: *const u8, causation: *const u8, stream: Text, type_: Text, source: Text,
    correlation: Text, content_type: Text, tags: Text, data: *const u8, metadata: *const u8, data_length: u32,
    metadata_length: u32, tag_count: u32, severity: u32, hops: u32, reserved: u32,
});
sized!(ReadOpts {
    flags: u32, kinds: u32, reserved: u32, from: u64, to: u64, recorded_from_ns: i64, recorded_to_ns: i64,
});
sized!(EventDef {
    event_version: u32, domain: Text, type_: Text, subject_prefix: Text, check: Handle, user: Handle,
    free_user: Option<FreeFn>,
});
sized!(StateDef {
    version: u32, bytes: usize,
    init: Handle,
    make: Option<unsafe extern "C" fn(Handle, *mut Handle, Handle) -> i32>,
    drop: Option<unsafe extern "C" fn(Handle, Handle)>,
    copy: Option<unsafe extern "C" fn(Handle, Handle, *mut Handle, Handle) -> i32>,
    save: Handle, load: Handle,
});
sized!(Command {
    flags: u32, type_: Text, domain: Text, stream: Text, data: *const u8, data_length: usize, content_type: Text,
    metadata: *const c_void, metadata_length: usize, tags: *const Text, tag_count: usize, key: Text, id: *const u8,
    causation: *const u8, correlation: Text, expires_ns: i64,
});
pub type EvolveFn = unsafe extern "C" fn(Handle, Handle, *const Record, Handle) -> i32;
pub type DecideFn = unsafe extern "C" fn(Handle, *const Command, Handle, Handle, Handle) -> i32;
pub type EventFn = unsafe extern "C" fn(Handle, *const Record, Handle, Handle) -> i32;
sized!(DeciderDef {
    snapshot_every: u32, domain: Text, name: Text, commands: *const Text, command_count: usize,
    state: *const StateDef, evolve: Option<EvolveFn>, decide: Option<DecideFn>, scope: Handle, user: Handle,
    free_user: Option<FreeFn>,
});
sized!(Outcome {
    flags: u32, decision: u32, attempts: u32, commit: u64, first_sequence: u64, last_sequence: u64,
    stream_version: u64, code: Text, message: Text, correlation: Text, command: *const u8, event_count: u32,
    wait_result: i32,
});
sized!(ProjectionDef {
    flags: u32, version: u32, batch_max: u32, domain: Text, name: Text, types: *const Text, type_count: usize,
    rule: Text, each: Option<EventFn>, batch: Handle, key: Handle, fold: Handle, user: Handle,
    free_user: Option<FreeFn>,
});
sized!(ReactionDef {
    flags: u32, domain: Text, name: Text, source: Handle, retry: Handle, react: Option<EventFn>, user: Handle,
    free_user: Option<FreeFn>,
});

extern "C" {
    pub fn skafu_constant(name: Text, out: *mut i64) -> i32;
    pub fn skafu_result_name(code: i32) -> Text;
    pub fn skafu_result_is_conflict(code: i32) -> i32;
    pub fn skafu_error_new(out: *mut Handle) -> i32;
    pub fn skafu_error_free(error: Handle);
    pub fn skafu_error_message(error: Handle) -> Text;
    pub fn skafu_error_sequence(error: Handle) -> u64;
    pub fn skafu_error_version(error: Handle) -> u64;
    pub fn skafu_error_condition(error: Handle) -> u32;
    pub fn skafu_error_pid(error: Handle) -> i64;
    pub fn skafu_error_set(error: Handle, code: i32, message: Text);

    pub fn skafu_store_open(path: Text, opts: *const StoreOpts, out: *mut Handle, error: Handle) -> i32;
    pub fn skafu_store_open_memory(opts: *const StoreOpts, out: *mut Handle, error: Handle) -> i32;
    pub fn skafu_store_close(store: Handle);
    pub fn skafu_store_head(store: Handle, out: *mut u64, error: Handle) -> i32;
    pub fn skafu_store_wait(store: Handle, after: u64, timeout: u64, out: *mut u64, error: Handle) -> i32;
    pub fn skafu_store_interrupt(store: Handle);
    pub fn skafu_batch_new(store: Handle, out: *mut Handle, error: Handle) -> i32;
    pub fn skafu_batch_free(batch: Handle);
    pub fn skafu_batch_add(batch: Handle, record: *const NewRecord, error: Handle) -> i32;
    pub fn skafu_batch_expect_stream(batch: Handle, stream: Text, what: u32, version: u64, error: Handle) -> i32;
    pub fn skafu_batch_expect_no_match(batch: Handle, query: Handle, after: u64, error: Handle) -> i32;
    pub fn skafu_batch_put_row(
        batch: Handle, table: Text, key: *const u8, key_length: usize, value: *const u8, length: usize, error: Handle,
    ) -> i32;
    pub fn skafu_append(store: Handle, batch: Handle, timeout: u64, out: *mut Appended, error: Handle) -> i32;
    pub fn skafu_query_new(out: *mut Handle, error: Handle) -> i32;
    pub fn skafu_query_free(query: Handle);
    pub fn skafu_query_add_item(query: Handle, error: Handle) -> i32;
    pub fn skafu_query_add_type(query: Handle, name: Text, error: Handle) -> i32;
    pub fn skafu_query_add_tag(query: Handle, tag: Text, error: Handle) -> i32;
    pub fn skafu_read(
        store: Handle, query: Handle, limit: u64, opts: *const ReadOpts, out: *mut Handle, error: Handle,
    ) -> i32;
    pub fn skafu_read_stream(
        store: Handle, stream: Text, limit: u64, opts: *const ReadOpts, out: *mut Handle, error: Handle,
    ) -> i32;
    pub fn skafu_cursor_next(cursor: Handle, out: *mut *const Record, error: Handle) -> i32;
    pub fn skafu_cursor_head(cursor: Handle) -> u64;
    pub fn skafu_cursor_free(cursor: Handle);
    pub fn skafu_row_get(
        store: Handle, table: Text, key: *const u8, length: usize, out: *mut Handle, out_length: *mut usize,
        error: Handle,
    ) -> i32;
    pub fn skafu_bytes_free(bytes: Handle);

    pub fn skafu_json_int64(json: *const u8, length: usize, pointer: Text, out: *mut i64, error: Handle) -> i32;
    pub fn skafu_model_open(store: Handle, opts: Handle, out: *mut Handle, error: Handle) -> i32;
    pub fn skafu_model_close(model: Handle);
    pub fn skafu_model_add_domain(model: Handle, domain: Text, error: Handle) -> i32;
    pub fn skafu_model_add_event(model: Handle, def: *const EventDef, error: Handle) -> i32;
    pub fn skafu_model_add_decider(model: Handle, def: *const DeciderDef, error: Handle) -> i32;
    pub fn skafu_model_add_projection(model: Handle, def: *const ProjectionDef, error: Handle) -> i32;
    pub fn skafu_model_add_reaction(model: Handle, def: *const ReactionDef, error: Handle) -> i32;
    pub fn skafu_model_execute(
        model: Handle, command: *const Command, timeout: u64, opts: Handle, out: *mut *mut Outcome, error: Handle,
    ) -> i32;
    pub fn skafu_outcome_free(outcome: *mut Outcome);
    pub fn skafu_turn_emit(turn: Handle, event: *const NewRecord, error: Handle) -> i32;
    pub fn skafu_turn_refuse(turn: Handle, code: Text, message: Text, error: Handle) -> i32;
    pub fn skafu_edit_put(
        edit: Handle, table: Text, key: *const u8, key_length: usize, value: *const u8, length: usize, error: Handle,
    ) -> i32;
    pub fn skafu_edit_get(
        edit: Handle, table: Text, key: *const u8, key_length: usize, out: *mut Handle, out_length: *mut usize,
        error: Handle,
    ) -> i32;
    pub fn skafu_edit_delete(edit: Handle, table: Text, key: *const u8, key_length: usize, error: Handle) -> i32;
    pub fn skafu_edit_count(
        edit: Handle, table: Text, key: *const u8, key_length: usize, delta: i64, error: Handle,
    ) -> i32;
    pub fn skafu_count_value(value: *const u8, length: usize, out: *mut i64, error: Handle) -> i32;
    pub fn skafu_view_open(
        model: Handle, projection: Text, at: u64, timeout: u64, out: *mut Handle, error: Handle,
    ) -> i32;
    pub fn skafu_view_close(view: Handle);
    pub fn skafu_view_refresh(
        view: Handle, freshness: u32, sequence: u64, timeout: u64, out: *mut u64, error: Handle,
    ) -> i32;
    pub fn skafu_view_get(
        view: Handle, table: Text, key: *const u8, length: usize, out: *mut Handle, out_length: *mut usize,
        error: Handle,
    ) -> i32;
    pub fn skafu_subscription_open(
        model: Handle, name: Text, opts: Handle, out: *mut Handle, error: Handle,
    ) -> i32;
    pub fn skafu_subscription_close(subscription: Handle);
    pub fn skafu_subscription_next(
        subscription: Handle, max: u32, timeout: u64, out: *mut *const *const Record, error: Handle,
    ) -> i32;
    pub fn skafu_subscription_ack(subscription: Handle, sequence: u64, error: Handle) -> i32;
    pub fn skafu_subscription_ack_in(subscription: Handle, sequence: u64, batch: Handle, error: Handle) -> i32;
    pub fn skafu_subscription_fail(
        subscription: Handle, sequence: u64, code: i32, message: Text, error: Handle,
    ) -> i32;
    pub fn skafu_engine_open(model: Handle, opts: Handle, out: *mut Handle, error: Handle) -> i32;
    pub fn skafu_engine_close(engine: Handle);
    pub fn skafu_engine_step(engine: Handle, inputs: u32, error: Handle) -> i32;
    pub fn skafu_engine_drain(engine: Handle, timeout: u64, error: Handle) -> i32;
}

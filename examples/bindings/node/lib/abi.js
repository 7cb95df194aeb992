// The C interface as JavaScript sees it: structs and functions of libskafu that this package uses.
//
// A struct is its members by type, in the order of the header.  `error` is the last parameter of what can explain a
// failure.  The numbers of the constants are asked of the library that is loaded.
import koffi from 'koffi';

const TYPES = {
	u32: 'uint32_t', i32: 'int32_t', u64: 'uint64_t', i64: 'int64_t', len: 'size_t', ptr: 'void *', text: 'const char *',
	texts: 'const char **', void: 'void', out: koffi.out(koffi.pointer('void *')), error: 'void *',
	number: koffi.out(koffi.pointer('uint64_t')), signed: koffi.out(koffi.pointer('int64_t')),
	length: koffi.out(koffi.pointer('size_t')),
};

function struct(name, members) {
	const fields = { size: 'uint32_t' };
	for (const group of members.split(';')) {
		const [kind, ...names] = group.trim().split(/\s+/);
		for (const field of names)
			fields[field] = TYPES[kind];
	}
	return koffi.struct('skafu_' + name, fields);
}

export const structs = Object.fromEntries(Object.entries({
	store_opts: `u32 flags; ptr allocator log log_user log_free; u64 store_bytes_max; u32 name_bytes_max tags_max
		payload_bytes_max batch_bytes_max json_depth_max readers_max; u64 overlay_bytes_max cache_bytes_max;
		u32 fold_records reserved`,
	new_record: `u32 flags kind event_version; text stream type source content_type; ptr data; len data_length;
		ptr metadata; len metadata_length; texts tags; len tag_count; ptr id causation; text correlation; i64 time_ns;
		u32 severity hops`,
	appended: 'u32 flags; u64 commit first_sequence last_sequence stream_version; i64 recorded_ns',
	record: `u32 kind flags event_version; u64 sequence commit stream_version; i64 time_ns recorded_ns; ptr id causation;
		text stream type source correlation content_type; ptr tags data metadata; u32 data_length metadata_length
		tag_count severity hops reserved`,
	read_opts: 'u32 flags kinds reserved; u64 from to; i64 recorded_from_ns recorded_to_ns',
	event_def: 'u32 event_version; text domain type subject_prefix; ptr check user free_user',
	state_def: 'u32 version; len bytes; ptr init make drop copy save load',
	command: `u32 flags; text type domain stream; ptr data; len data_length; text content_type; ptr metadata;
		len metadata_length; texts tags; len tag_count; text key; ptr id causation; text correlation; i64 expires_ns`,
	decider_def: `u32 snapshot_every; text domain name; texts commands; len command_count; ptr state evolve decide scope
		user free_user`,
	outcome: `u32 flags decision attempts; u64 commit first_sequence last_sequence stream_version; text code message
		correlation; ptr command; u32 event_count; i32 wait_result`,
	projection_def: `u32 flags version batch_max; text domain name; texts types; len type_count; text rule; ptr each batch
		key fold user free_user`,
	reaction_def: 'u32 flags; text domain name; ptr source retry react user free_user',
	subscription_opts: 'u32 flags; ptr source retry; u32 open_max reserved',
}).map(([name, members]) => [name, struct(name, members)]));

// What the functions take in and fill in as whole structs.
for (const name of ['store_opts', 'new_record', 'read_opts', 'event_def', 'command', 'decider_def', 'projection_def',
	'reaction_def', 'subscription_opts'])
	TYPES['&' + name] = koffi.pointer(structs[name]);
TYPES['=appended'] = koffi.inout(koffi.pointer(structs.appended));

const FUNCTIONS = `
text version_text ()
text result_name (i32)
i32 constant (text, signed)
i32 error_new (out)
void error_free (ptr)
text error_message (ptr)
u64 error_sequence (ptr)
u64 error_version (ptr)
u32 error_condition (ptr)
void error_set (ptr, i32, text)
i32 store_open (text, &store_opts, out, error)
i32 store_open_memory (ptr, out, error)
void store_close (ptr)
i32 store_head (ptr, number, error)
i32 batch_new (ptr, out, error)
void batch_free (ptr)
i32 batch_add (ptr, &new_record, error)
i32 batch_expect_stream (ptr, text, u32, u64, error)
i32 batch_expect_no_match (ptr, ptr, u64, error)
i32 batch_put_row (ptr, text, ptr, len, ptr, len, error)
i32 append (ptr, ptr, u64, =appended, error)
i32 query_new (out, error)
void query_free (ptr)
i32 query_add_item (ptr, error)
i32 query_add_type (ptr, text, error)
i32 query_add_tag (ptr, text, error)
i32 read (ptr, ptr, u64, &read_opts, out, error)
i32 read_stream (ptr, text, u64, &read_opts, out, error)
u64 cursor_head (ptr)
i32 cursor_next (ptr, out, error)
void cursor_free (ptr)
i32 row_get (ptr, text, ptr, len, out, length, error)
void bytes_free (ptr)
i32 waiter_new (ptr, out, error)
i32 waiter_fd (ptr)
i32 waiter_arm (ptr, u64, error)
i32 waiter_clear (ptr, error)
void waiter_free (ptr)
i32 model_open (ptr, ptr, out, error)
void model_close (ptr)
i32 model_add_domain (ptr, text, error)
i32 model_add_event (ptr, &event_def, error)
i32 model_add_decider (ptr, &decider_def, error)
i32 model_add_projection (ptr, &projection_def, error)
i32 model_add_reaction (ptr, &reaction_def, error)
i32 model_execute (ptr, &command, u64, ptr, out, error)
void outcome_free (ptr)
i32 writer_put (ptr, ptr, len, error)
i32 turn_emit (ptr, &new_record, error)
i32 turn_refuse (ptr, text, text, error)
i32 edit_get (ptr, text, ptr, len, out, length, error)
i32 edit_put (ptr, text, ptr, len, ptr, len, error)
i32 edit_delete (ptr, text, ptr, len, error)
i32 edit_count (ptr, text, ptr, len, i64, error)
i32 count_value (ptr, len, signed, error)
i32 view_open (ptr, text, u64, u64, out, error)
void view_close (ptr)
i32 view_refresh (ptr, u32, u64, u64, number, error)
i32 view_get (ptr, text, ptr, len, out, length, error)
i32 subscription_open (ptr, text, &subscription_opts, out, error)
void subscription_close (ptr)
i32 subscription_next (ptr, u32, u64, out, error)
i32 subscription_ack (ptr, u64, error)
i32 subscription_ack_in (ptr, u64, ptr, error)
i32 subscription_fail (ptr, u64, i32, text, error)
i32 engine_open (ptr, ptr, out, error)
void engine_close (ptr)
i32 engine_fd (ptr)
i32 engine_timeout (ptr, number, error)
i32 engine_step (ptr, u32, error)
i32 engine_drain (ptr, u64, error)
`;

const library = koffi.load(process.env.SKAFU_LIBRARY ?? 'libskafu.so.0');

export const C = {};
for (const line of FUNCTIONS.trim().split('\n')) {
	const [, result, name, parameters] = /^(\w+) (\w+) \((.*)\)$/.exec(line);
	const types = parameters ? parameters.split(', ').map(kind => TYPES[kind]) : [];
	C[name] = library.func('skafu_' + name, TYPES[result], types);
}

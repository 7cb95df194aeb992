// Records as they are read, and structs of events and commands to be.
import koffi from 'koffi';
import { structs } from './abi.js';
import { bytes, constant, copyOf, sized, text } from './library.js';

/**
 * A copy of a record that the library lends.  Sequences and versions are numbers: they count from 1 and stay below 2^53.
 * Times are nanoseconds and do not: they are BigInt.
 */
export function recordAt(address) {
	const lent = koffi.decode(address, structs.record);
	const data = copyOf(lent.data, lent.data_length);
	const tags = [];
	for (let at = lent.tags, i = 0; i < lent.tag_count; i++) {
		tags.push(koffi.decode.string(at));
		at += BigInt(Buffer.byteLength(tags[i]) + 1);
	}
	return {
		sequence: Number(lent.sequence), kind: lent.kind, stream: lent.stream,
		streamVersion: Number(lent.stream_version), type: lent.type, source: lent.source, tags, data,
		id: copyOf(lent.id, 16).toString('hex'), correlation: lent.correlation, timeNs: BigInt(lent.time_ns),
		recordedNs: BigInt(lent.recorded_ns), flags: lent.flags,
		json: () => data.length ? JSON.parse(data) : undefined,
	};
}

function common(value) {
	const data = bytes(value.data);
	return {
		type: text(value.type), stream: text(value.stream), correlation: text(value.correlation), data,
		data_length: data?.length ?? 0, tags: (value.tags ?? []).map(text), tag_count: value.tags?.length ?? 0,
	};
}

/** {type, stream, data, tags, source, correlation, timeNs} */
export function eventStruct(event) {
	const made = sized('new_record', { ...common(event), source: text(event.source) });
	if (event.timeNs !== undefined)
		Object.assign(made, { flags: constant('RECORD_TIME'), time_ns: BigInt(event.timeNs) });
	return made;
}

/** {type, stream, data, key, domain, tags, correlation} */
export function commandStruct(command) {
	return sized('command', { ...common(command), key: text(command.key), domain: text(command.domain) });
}

export function commandAt(address) {
	const lent = koffi.decode(address, structs.command);
	const data = copyOf(lent.data, lent.data_length);
	return {
		type: lent.type, stream: lent.stream, key: lent.key, domain: lent.domain, correlation: lent.correlation, data,
		json: () => data.length ? JSON.parse(data) : undefined,
	};
}

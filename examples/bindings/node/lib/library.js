// Calls that throw or reject, objects that release themselves, bytes on their way in and out.
import koffi from 'koffi';
import { C, structs } from './abi.js';

export const FOREVER = 2n ** 64n - 1n;
export const NO_LIMIT = FOREVER;

const constants = new Map();

/** The value of SKAFU_<name> in the library that is loaded. */
export function constant(name) {
	if (!constants.has(name)) {
		const value = [0];
		if (C.constant('SKAFU_' + name, value) < 0)
			throw new RangeError(`libskafu has no constant SKAFU_${name}`);
		constants.set(name, Number(value[0]));
	}
	return constants.get(name);
}

/** code, name ("SKAFU_ECONFLICT"), sequence, version and condition; cause: what a function of the host threw. */
export class SkafuError extends Error {
	constructor(code, error, cause) {
		super(C.error_message(error), cause ? { cause } : undefined);
		this.name = C.result_name(code);
		this.code = code;
		this.sequence = Number(C.error_sequence(error));
		this.version = Number(C.error_version(error));
		this.condition = C.error_condition(error);
	}
}

// Error objects that no call is using.  A call from within a callback, and one that runs in another thread, has its own.
const idle = [];

function take() {
	const out = [null];
	if (idle.length)
		return idle.pop();
	if (C.error_new(out) < 0)
		throw new Error('there is no memory for an error object');
	return out[0];
}

// What a callback threw waits for the call that ran the callback.
export const thrown = { depth: 0, last: undefined };

/** Call a function whose last parameter is the error object. */
export function call(name, ...parameters) {
	const error = take();
	thrown.depth++;
	let code;
	try {
		code = C[name](...parameters, error);
	} finally {
		thrown.depth--;
		idle.push(error);
	}
	const cause = thrown.last;
	if (thrown.depth === 0)
		thrown.last = undefined;
	if (code < 0)
		throw new SkafuError(code, error, code === constant('EHOST') ? cause : undefined);
	return code;
}

/** The same in another thread: a promise.  For what waits for the disk and calls nothing back. */
export function callAsync(name, ...parameters) {
	const error = take();
	return new Promise((resolve, reject) => {
		C[name].async(...parameters, error, (failure, code) => {
			idle.push(error);
			if (failure)
				reject(failure);
			else if (code < 0)
				reject(new SkafuError(code, error));
			else
				resolve(code);
		});
	});
}

/** Call a function that hands out an object. */
export function produce(name, ...parameters) {
	const out = [null];
	call(name, ...parameters, out);
	return out[0];
}

// The collector never runs this inside a callback of the library: finalizers are tasks of the event loop.
const forgotten = new FinalizationRegistry(({ free, handle }) => C[free](handle));

/** Something of the library's with a function that releases it. */
export class Handle {
	#free;
	#handle;

	constructor(free, handle) {
		this.#free = free;
		this.#handle = handle;
		forgotten.register(this, { free, handle }, this);
	}

	get handle() {
		if (this.#handle === null)
			throw new Error(`this ${this.constructor.name} is closed`);
		return this.#handle;
	}

	close() {
		if (this.#handle === null)
			return;
		const handle = this.#handle;
		this.#handle = null;
		forgotten.unregister(this);
		C[this.#free](handle);
	}
}

/** A text for the library, which takes a NUL for its end. */
export function text(value) {
	if (value === undefined || value === null)
		return null;
	if (String(value).includes('\0'))
		throw new TypeError('a text for libskafu must not hold a NUL');
	return String(value);
}

/** Bytes: buffers as they are, strings in UTF-8, anything else as JSON.  null: none. */
export function bytes(value) {
	if (value === undefined || value === null)
		return null;
	if (value instanceof Uint8Array)
		return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
	return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
}

/** Pointer and length, as two parameters; a pointer is given also where the length is 0. */
export function span(value) {
	const raw = bytes(value) ?? Buffer.alloc(0);
	return [raw.length ? raw : Buffer.alloc(1), raw.length];
}

/** A copy of bytes of the library's. */
export function copyOf(address, length) {
	return length ? Buffer.from(koffi.decode(address, koffi.array('uint8_t', Number(length), 'Typed'))) : Buffer.alloc(0);
}

/** Call a function that hands out bytes; a copy of them. */
export function taken(name, ...parameters) {
	const start = [null], length = [0];
	call(name, ...parameters, start, length);
	try {
		return copyOf(start[0], length[0]);
	} finally {
		C.bytes_free(start[0]);
	}
}

/** A struct that says how large we believe it to be. */
export function sized(name, members = {}) {
	return { ...zero(name), ...members, size: koffi.sizeof(structs[name]) };
}

const zeros = new Map();

function zero(name) {
	if (!zeros.has(name)) {
		const members = Object.values(structs[name].members);
		zeros.set(name, Object.fromEntries(members.map(({ name: field, type }) =>
			[field, /Pointer|String/.test(type.primitive) ? null : 0])));
	}
	return zeros.get(name);
}

export function milliseconds(value) {
	return value === undefined ? FOREVER : BigInt(Math.max(0, Math.round(value * 1e6)));
}

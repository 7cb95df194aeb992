// Deciders, projections and reactions in JavaScript.
//
// There is one C function for each kind of callback, registered when this module is loaded and never released.  Its user
// pointer is no pointer but a number, under which `table` holds the definition; free_user takes it out.  States are numbers
// of the same sort.  These calls run in the main thread, inside a call of the host; nothing is thrown out of them.
import koffi from 'koffi';
import { C, structs } from './abi.js';
import {
	FOREVER, Handle, SkafuError, call, constant, copyOf, milliseconds, produce, sized, span, taken, text, thrown,
} from './library.js';
import { readable } from './poll.js';
import { commandAt, commandStruct, eventStruct, recordAt } from './record.js';
import { Subscription } from './subscription.js';

export const table = new Map();
let last = 0n;

function put(thing) {
	table.set(++last, thing);
	return last;
}

/** A C function of type i32 (void *user, pointers or lengths ..., skafu_error *). */
function guarded(name, parameters, body) {
	const proto = koffi.proto('skafu_js_' + name, 'int32_t', ['void *', ...parameters, 'void *']);
	return koffi.register((user, ...rest) => {
		const error = rest.pop();
		try {
			return body(table.get(user), ...rest) ?? 0;
		} catch (exception) {
			thrown.last = exception;
			const code = exception instanceof SkafuError ? exception.code : constant('EHOST');
			C.error_set(error, code, String(exception?.message ?? exception).replaceAll('\0', '?'));
			return code;
		}
	}, koffi.pointer(proto));
}

function releasing(name, parameters, body) {
	return koffi.register(body, koffi.pointer(koffi.proto('skafu_js_' + name, 'void', parameters)));
}

/** What a handler is given is good inside the handler only. */
class Lent {
	#handle;

	constructor(handle) {
		this.#handle = handle;
	}

	get handle() {
		if (this.#handle === null)
			throw new Error(`a ${this.constructor.name} is good only inside the handler that was given it`);
		return this.#handle;
	}

	static lend(handle, use) {
		const lent = new this(handle);
		try {
			const result = use(lent);
			if (typeof result?.then === 'function')
				throw new TypeError('a handler must not be async: it has to be done when it returns');
		} finally {
			lent.#handle = null;
		}
	}
}

export class Turn extends Lent {
	emit(event) {
		call('turn_emit', this.handle, eventStruct(event));
	}

	refuse(code, message) {
		call('turn_refuse', this.handle, text(code), text(message));
	}
}

export class Edit extends Lent {
	get(key) {
		const start = [null], length = [0];
		return call('edit_get', this.handle, null, ...span(key), start, length) ? copyOf(start[0], length[0]) : undefined;
	}

	put(key, value) {
		call('edit_put', this.handle, null, ...span(key), ...span(value));
	}

	delete(key) {
		call('edit_delete', this.handle, null, ...span(key));
	}

	count(key, delta = 1) {
		call('edit_count', this.handle, null, ...span(key), delta);
	}
}

const keep = (out, value) => koffi.encode(out, 'void *', put({ value }));

const callbacks = {
	free: releasing('free', ['void *'], user => void table.delete(user)),
	make: guarded('make', ['void *'], (definition, out) => keep(out, definition.initial())),
	drop: releasing('drop', ['void *', 'void *'], (_user, state) => void table.delete(state)),
	copy: guarded('copy', ['void *', 'void *'], (definition, state, out) =>
		keep(out, (definition.copy ?? structuredClone)(table.get(state).value))),
	save: guarded('save', ['void *', 'void *'], (_definition, state, writer) =>
		void call('writer_put', writer, ...span(JSON.stringify(table.get(state).value)))),
	load: guarded('load', ['void *', 'size_t', 'void *'], (_definition, start, length, out) =>
		keep(out, JSON.parse(copyOf(start, length)))),
	evolve: guarded('evolve', ['void *', 'void *'], (definition, state, event) => {
		const slot = table.get(state);
		const value = definition.evolve(slot.value, recordAt(event));
		if (value !== undefined)
			slot.value = value;
	}),
	decide: guarded('decide', ['void *', 'void *', 'void *'], (definition, command, state, turn) =>
		Turn.lend(turn, lent => definition.decide(commandAt(command), table.get(state)?.value, lent))),
	each: guarded('each', ['void *', 'void *'], (handler, event, edit) =>
		Edit.lend(edit, lent => handler(recordAt(event), lent))),
	react: guarded('react', ['void *', 'void *'], (handler, event, turn) =>
		Turn.lend(turn, lent => handler(recordAt(event), lent))),
};

/** The definitions of this process over one store.  Define first, then use. */
export class Model extends Handle {
	constructor(store) {
		super('model_close', produce('model_open', store.handle, null));
		this.store = store;
	}

	#add(name, definition, struct) {
		// From here on the number is the library's: it calls free_user once, also when it refuses.
		call(name, this.handle, { ...struct, user: put(definition), free_user: callbacks.free });
	}

	/** A domain and the types of its events. */
	domain(name, events = []) {
		call('model_add_domain', this.handle, text(name));
		for (const type of events)
			call('model_add_event', this.handle, sized('event_def', { domain: text(name), type: text(type) }));
	}

	/** definition: {initial(), evolve(state, event), decide(command, state, turn)} */
	decider(domain, name, commands, definition, { version = 1, snapshotEvery = 0 } = {}) {
		const { make, drop, copy, save, load, evolve, decide } = callbacks;
		const state = Buffer.alloc(koffi.sizeof(structs.state_def));
		koffi.encode(state, structs.state_def, sized('state_def', { version, make, drop, copy, save, load }));
		this.#add('model_add_decider', definition, sized('decider_def', {
			domain: text(domain), name: text(name), commands: commands.map(text), command_count: commands.length,
			snapshot_every: snapshotEvery, state, evolve, decide,
		}));
	}

	/** each(event, edit) */
	projection(domain, name, each, { types = [], version = 1 } = {}) {
		this.#add('model_add_projection', each, sized('projection_def', {
			domain: text(domain), name: text(name), types: types.map(text), type_count: types.length, version,
			each: callbacks.each,
		}));
	}

	/** react(event, turn) */
	reaction(domain, name, react) {
		this.#add('model_add_reaction', react,
			sized('reaction_def', { domain: text(domain), name: text(name), react: callbacks.react }));
	}

	/** Decide a command and append what it emits.  A refusal is an answer: look at `accepted`. */
	execute(command, ms) {
		const address = produce('model_execute', this.handle, commandStruct(command), milliseconds(ms), null);
		try {
			const lent = koffi.decode(address, structs.outcome);
			return {
				accepted: lent.decision === constant('DECISION_ACCEPTED'), code: lent.code, message: lent.message,
				repeated: (lent.flags & constant('OUTCOME_REPEATED')) !== 0, correlation: lent.correlation,
				lastSequence: Number(lent.last_sequence), streamVersion: Number(lent.stream_version),
			};
		} finally {
			C.outcome_free(address);
		}
	}

	view(projection) {
		return new View(this, projection);
	}

	/** Follow the log under a durable name: for await (const record of model.subscription('mailer')). */
	subscription(name, options) {
		return new Subscription(this, name, options);
	}
}

/** What a projection made. */
export class View extends Handle {
	constructor(model, projection) {
		super('view_close', produce('view_open', model.handle, text(projection), 0, FOREVER));
	}

	refresh() {
		const reached = [0];
		call('view_refresh', this.handle, constant('FRESH_HEAD'), 0, FOREVER, reached);
		return Number(reached[0]);
	}

	get(key) {
		return taken('view_get', this.handle, null, ...span(key));
	}

	/** The number in a row that edit.count() keeps, a BigInt. */
	count(key) {
		const count = [0];
		call('count_value', ...span(this.get(key)), count);
		return BigInt(count[0]);
	}
}

/** Does the work of a model's consumers. */
export class Engine extends Handle {
	constructor(model) {
		super('engine_close', produce('engine_open', model.handle, null));
	}

	/** True when there is more to do. */
	step(inputs = 256) {
		return call('engine_step', this.handle, inputs) === 1;
	}

	drain(ms) {
		call('engine_drain', this.handle, milliseconds(ms));
	}

	/** Step in turns of the loop until the signal is aborted; close the engine after it has resolved. */
	async serve(signal) {
		const wait = [0];
		while (!signal.aborted) {
			if (this.step()) {
				await new Promise(setImmediate);
				continue;
			}
			call('engine_timeout', this.handle, wait);
			const ms = BigInt(wait[0]) === FOREVER ? undefined : Math.min(Math.ceil(Number(wait[0]) / 1e6), 2 ** 31 - 1);
			await readable(C.engine_fd(this.handle), ms, signal);
		}
	}
}

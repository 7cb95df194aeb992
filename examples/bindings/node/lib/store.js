// The log: open, append, read, follow.
import { C } from './abi.js';
import { FOREVER, Handle, NO_LIMIT, call, callAsync, constant, produce, sized, span, taken, text } from './library.js';
import { readable } from './poll.js';
import { eventStruct, recordAt } from './record.js';

/** Which events: items are OR'd, the types of one OR'd, its tags AND'd. */
export class Query extends Handle {
	constructor(...items) {
		super('query_free', produce('query_new'));
		for (const { types = [], tags = [] } of items) {
			call('query_add_item', this.handle);
			types.forEach(type => call('query_add_type', this.handle, text(type)));
			tags.forEach(tag => call('query_add_tag', this.handle, text(tag)));
		}
	}
}

/** What becomes one commit. */
export class Batch extends Handle {
	constructor(store) {
		super('batch_free', produce('batch_new', store.handle));
	}

	add(event) {
		call('batch_add', this.handle, eventStruct(event));
		return this;
	}

	expectVersion(stream, version) {
		call('batch_expect_stream', this.handle, text(stream), constant('EXPECT_EXACT'), version);
		return this;
	}

	expectNoMatch(query, after = 0) {
		call('batch_expect_no_match', this.handle, query.handle, after);
		return this;
	}

	putRow(table, key, value) {
		call('batch_put_row', this.handle, text(table), ...span(key), ...span(value));
		return this;
	}
}

/** An iterator of records.  head: the `after` of an append that decides upon what was read. */
export class Cursor extends Handle {
	constructor(handle) {
		super('cursor_free', handle);
		this.head = Number(C.cursor_head(handle));
	}

	*[Symbol.iterator]() {
		const out = [null];
		try {
			while (call('cursor_next', this.handle, out) > 0)
				yield recordAt(out[0]);
		} finally {
			this.close();
		}
	}
}

/** A descriptor that is readable when there are records later than a place. */
export class Waiter extends Handle {
	constructor(store) {
		super('waiter_free', produce('waiter_new', store.handle));
	}

	/** Resolves when there is a record later than `after`, when the time is over, or when the signal says so. */
	async later(after, ms, signal) {
		if (call('waiter_arm', this.handle, after) !== 0)
			return;
		await readable(C.waiter_fd(this.handle), ms, signal);
		call('waiter_clear', this.handle);
	}
}

export class Store extends Handle {
	/** The store in a directory, made when there is none; without a path one that vanishes with its handle. */
	constructor(path, { create = true } = {}) {
		super('store_close', path === undefined
			? produce('store_open_memory', null)
			: produce('store_open', text(path), sized('store_opts', { flags: create ? constant('STORE_CREATE') : 0 })));
	}

	batch() {
		return new Batch(this);
	}

	/** Append a batch, or events as one commit.  Resolves when it is on disk; the loop goes on meanwhile. */
	async append(...what) {
		const batch = what[0] instanceof Batch ? what[0] : this.batch();
		const place = sized('appended');
		try {
			if (batch !== what[0])
				what.forEach(event => batch.add(event));
			await callAsync('append', this.handle, batch.handle, FOREVER, place);
		} finally {
			if (batch !== what[0])
				batch.close();
		}
		return {
			commit: Number(place.commit), firstSequence: Number(place.first_sequence),
			lastSequence: Number(place.last_sequence), streamVersion: Number(place.stream_version),
		};
	}

	/** {query, stream, from, limit}: a cursor over what is there now. */
	read({ query, stream, from = 0, limit = NO_LIMIT } = {}) {
		const opts = sized('read_opts', { from });
		return new Cursor(stream === undefined
			? produce('read', this.handle, query?.handle ?? null, limit, opts)
			: produce('read_stream', this.handle, text(stream), limit, opts));
	}

	/** Every record later than `after`, now and as they come: for await (const record of store.follow()). */
	async *follow({ after = 0, query, signal } = {}) {
		const waiter = new Waiter(this);
		try {
			while (!signal?.aborted) {
				const cursor = this.read({ query, from: after + 1 });
				yield* cursor;
				after = Math.max(after, cursor.head);
				await waiter.later(after, undefined, signal);
			}
		} finally {
			waiter.close();
		}
	}

	get head() {
		const head = [0];
		call('store_head', this.handle, head);
		return Number(head[0]);
	}

	row(table, key) {
		return taken('row_get', this.handle, text(table), ...span(key));
	}
}

// Durable subscriptions: the log under a name, from history into the present.
//
// The library's own wait would hold a thread.  Here it is asked without waiting, and a waiter's descriptor says when to ask
// again.  Some of what falls due makes nothing readable: a delayed retry, the share of a member that died.  Hence ASK_MS.
import koffi from 'koffi';
import { Handle, call, constant, produce, sized, text } from './library.js';
import { recordAt } from './record.js';
import { Waiter } from './store.js';

const ASK_MS = 500;

/** Subscriptions of one name, in any process, share the log; what was not acknowledged comes again. */
export class Subscription extends Handle {
	#store;
	#waiter;

	/** volatile: nothing is kept, no name is needed.  openMax: records handed out and not acknowledged. */
	constructor(model, name, { volatile = false, openMax = 0 } = {}) {
		const flags = volatile ? constant('SUBSCRIPTION_VOLATILE') : 0;
		super('subscription_close', produce('subscription_open', model.handle, text(name),
			sized('subscription_opts', { flags, open_max: openMax })));
		this.#store = model.store;
	}

	/** Up to so many records that are there now. */
	poll(max = 256) {
		const out = [null];
		const count = call('subscription_next', this.handle, max, 0, out);
		return count ? koffi.decode(out[0], koffi.array('void *', count)).map(recordAt) : [];
	}

	/** The same as a promise: it waits for the first one.  Resolves to none when the time is over or the signal says so. */
	async next(max = 256, { ms = Infinity, signal } = {}) {
		const end = performance.now() + ms;
		for (;;) {
			const head = this.#store.head;
			const records = this.poll(max);
			const left = end - performance.now();
			if (records.length || left <= 0 || signal?.aborted)
				return records;
			this.#waiter ??= new Waiter(this.#store); // a store in memory has no descriptor: poll() is for it
			await this.#waiter.later(head, Math.min(left, ASK_MS), signal);
		}
	}

	/** All that was handed out up to this record, or sequence, is done. */
	ack(record) {
		call('subscription_ack', this.handle, record.sequence ?? record);
	}

	/** The same in a batch: output and checkpoint become one commit. */
	ackIn(record, batch) {
		call('subscription_ack_in', this.handle, record.sequence ?? record, batch.handle);
	}

	/** It could not be handled: it comes again, later, until it is set aside. */
	fail(record, message, code = constant('EHOST')) {
		call('subscription_fail', this.handle, record.sequence ?? record, code, text(message));
	}

	/** for await (const record of subscription): what the loop has come past is acknowledged, what it ends in is not. */
	async *[Symbol.asyncIterator]() {
		for (;;) {
			let done;
			try {
				for (const record of await this.next()) {
					yield record;
					done = record;
				}
			} finally {
				if (done)
					this.ack(done);
			}
		}
	}

	close() {
		this.#waiter?.close();
		super.close();
	}
}

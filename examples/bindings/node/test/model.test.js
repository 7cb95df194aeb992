// A decider, a projection and a reaction in JavaScript.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { Engine, Model, Store } from '../lib/index.js';
import { table } from '../lib/model.js';

const account = {
	initial: () => ({ balance: 0, history: [] }),
	evolve(state, event) {
		state.balance += event.json().amount;
		state.history.push(event.sequence);
	},
	decide(command, state, turn) {
		const { amount } = command.json();
		if (state.balance + amount < 0)
			return turn.refuse('overdrawn', 'There is not enough money in the account.');
		return turn.emit({ type: 'Moved', data: { amount } });
	},
};

function bank(store, decider = account, options = {}) {
	const model = new Model(store);
	model.domain('bank', ['Moved', 'Noticed']);
	model.decider('bank', 'account', ['Move'], decider, options);
	model.projection('bank', 'balances', (event, edit) => edit.count(event.stream, event.json().amount),
		{ types: ['Moved'] });
	return model;
}

const move = (model, amount, more) => model.execute({ type: 'Move', stream: 'anna', data: { amount }, ...more });

test('decide and project', () => {
	const store = new Store();
	const model = bank(store, account, { snapshotEvery: 2 });
	assert.equal(move(model, 100).accepted, true);
	assert.equal(move(model, -30).streamVersion, 2);
	const { accepted, code } = move(model, -5000);
	assert.deepEqual({ accepted, code }, { accepted: false, code: 'overdrawn' });
	assert.equal(move(model, 1, { key: 'k' }).repeated, false);
	assert.equal(move(model, 1, { key: 'k' }).repeated, true);
	const view = model.view('balances');
	assert.equal(view.refresh(), 3);
	assert.equal(view.count('anna'), 71n);
	view.close();
	model.close();
	assert.equal(move(bank(store), -71).accepted, true);
	store.close();
});

test('what a handler throws is carried through', () => {
	const store = new Store();
	const broken = { ...account, decide() { throw new RangeError('no luck'); } };
	const model = bank(store, broken);
	assert.throws(() => move(model, 1), error => error.name === 'SKAFU_EHOST' && /no luck/.test(error.message) &&
		error.cause instanceof RangeError);
	model.close();
	const slow = bank(store, { ...account, async decide() {} });
	assert.throws(() => move(slow, 1), /must not be async/);
	slow.close();
	const bad = bank(store, { ...account, decide: (command, state, turn) => turn.emit({ type: 'Moved', data: '{' }) });
	assert.throws(() => move(bad, 1), { name: 'SKAFU_EJSON' });
	bad.close();
	assert.equal(store.head, 0);
	store.close();
});

test('a turn is good in its handler only', () => {
	const store = new Store();
	let kept;
	const model = bank(store, { ...account, decide(command, state, turn) { kept = turn; } });
	move(model, 1);
	assert.throws(() => kept.emit({ type: 'Moved' }), /inside the handler/);
	model.close();
	store.close();
});

test('definitions and states are released', () => {
	const before = table.size;
	const store = new Store();
	const model = bank(store);
	move(model, 1);
	assert.ok(table.size > before);
	model.close();
	assert.equal(table.size, before);
	const empty = new Model(store);
	assert.throws(() => empty.decider('nowhere', 'd', ['C'], account), { name: 'SKAFU_EDEFINITION' });
	assert.equal(table.size, before);
	empty.close();
	store.close();
});

test('an engine serves in the loop', async () => {
	const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'skafu-'));
	const store = new Store(path.join(directory, 's'));
	const model = bank(store);
	model.reaction('bank', 'notice', (event, turn) => {
		if (event.type === 'Moved')
			turn.emit({ type: 'Noticed', stream: 'notices' });
	});
	const engine = new Engine(model);
	const stop = new AbortController();
	const serving = engine.serve(stop.signal);
	setTimeout(() => move(model, 5), 30);
	for await (const record of store.follow())
		if (record.type === 'Noticed')
			break;
	stop.abort();
	await serving;
	engine.drain(1000);
	assert.equal([...store.read({ stream: 'notices' })].length, 1);
	engine.close();
	model.close();
	store.close();
	fs.rmSync(directory, { recursive: true });
});

test('a subscription goes on where it was', async () => {
	const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'skafu-'));
	const store = new Store(path.join(directory, 's'));
	const model = bank(store);
	let mailer = model.subscription('mailer');
	assert.deepEqual(mailer.poll(), []);
	[1, 2, 3].forEach(amount => move(model, amount));
	const seen = [];
	for await (const record of mailer) {
		seen.push(record.json().amount);
		if (seen.length === 2)
			break; // the second is not acknowledged
	}
	mailer.close();
	mailer = model.subscription('mailer');
	assert.deepEqual((await mailer.next()).map(record => record.json().amount), [2, 3]);
	const batch = store.batch().putRow('mail', 'last', '3');
	mailer.ackIn(3, batch);
	await store.append(batch);
	assert.equal(store.row('mail', 'last').toString(), '3');
	assert.deepEqual(await mailer.next(1, { ms: 20 }), []);
	mailer.close();
	model.close();
	store.close();
	fs.rmSync(directory, { recursive: true });
});

test('a subscription waits for what comes, and stops at the signal', async () => {
	const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'skafu-'));
	const store = new Store(path.join(directory, 's'));
	const model = bank(store);
	const mailer = model.subscription('mailer');
	setTimeout(() => move(model, 4), 30);
	const [record] = await mailer.next();
	assert.equal(record.json().amount, 4);
	mailer.fail(record, 'no luck');
	const [again] = await mailer.next();
	assert.equal(again.sequence, record.sequence);
	mailer.ack(again);
	const stop = new AbortController();
	setTimeout(() => stop.abort(), 30);
	assert.deepEqual(await mailer.next(1, { signal: stop.signal }), []);
	mailer.close();
	model.close();
	store.close();
	fs.rmSync(directory, { recursive: true });
});

test('a projection reads and deletes what it wrote', () => {
	const store = new Store();
	const model = new Model(store);
	model.domain('bank', ['Opened', 'Closed']);
	model.projection('bank', 'open', (event, edit) => {
		if (event.type === 'Closed')
			return edit.delete(event.stream);
		return edit.put(event.stream, JSON.stringify({ before: edit.get(event.stream)?.toString() ?? null }));
	});
	model.decider('bank', 'desk', ['Say'], {
		initial: () => null, evolve() {}, decide: (command, _state, turn) => turn.emit({ type: command.json().type }),
	});
	['Opened', 'Closed'].forEach(type => model.execute({ type: 'Say', stream: 'anna', data: { type } }));
	model.execute({ type: 'Say', stream: 'ben', data: { type: 'Opened' } });
	const view = model.view('open');
	view.refresh();
	assert.deepEqual(JSON.parse(view.get('ben')), { before: null });
	assert.throws(() => view.get('anna'), { name: 'SKAFU_ENOTFOUND' });
	view.close();
	model.close();
	store.close();
});

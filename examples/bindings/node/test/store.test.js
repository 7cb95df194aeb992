// The log from JavaScript.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { Query, Store, constant, version } from '../lib/index.js';

test('what is appended is read', async () => {
	const store = new Store();
	const place = await store.append({ type: 'Paid', stream: 'anna', data: { amount: 30, to: 'Ärzte' }, tags: ['a:1', 'ü:2'] });
	assert.deepEqual(place, { commit: 1, firstSequence: 1, lastSequence: 1, streamVersion: 1 });
	const [record] = store.read({ stream: 'anna' });
	assert.deepEqual(record.json(), { amount: 30, to: 'Ärzte' });
	assert.deepEqual(record.tags, ['a:1', 'ü:2']);
	assert.equal(typeof record.timeNs, 'bigint');
	assert.equal(record.type, 'Paid');
	assert.match(version(), /^\d+\.\d+\.\d+$/);
	store.close();
	store.close();
	assert.throws(() => store.head, /closed/);
});

test('payloads keep what a number of JavaScript cannot', async () => {
	const store = new Store();
	const data = '{"n":9007199254740993}';
	await store.append({ type: 'A', stream: 'a', data, timeNs: 2n ** 62n });
	const [record] = store.read();
	assert.equal(record.data.toString(), data);
	assert.equal(record.timeNs, 2n ** 62n);
	store.close();
});

test('refusals have particulars', async () => {
	const store = new Store();
	await store.append({ type: 'Opened', stream: 'anna' });
	await assert.rejects(store.append(store.batch().add({ type: 'Paid', stream: 'anna' }).expectVersion('anna', 0)),
		{ name: 'SKAFU_ECONFLICT', version: 1, condition: 1 });
	const query = new Query({ types: ['Opened'] });
	await assert.rejects(store.append(store.batch().add({ type: 'Opened', stream: 'ben' }).expectNoMatch(query)),
		{ name: 'SKAFU_EMATCH', sequence: 1 });
	assert.deepEqual([...store.read({ query })].map(r => r.stream), ['anna']);
	await assert.rejects(store.append({ type: 'A', stream: 'a', data: '{' }), { code: constant('EJSON') });
	await assert.rejects(store.append({ type: 'A', stream: 'a\0b' }), TypeError);
	assert.throws(() => constant('NO_SUCH'), RangeError);
	store.close();
});

test('rows change with the commit', async () => {
	const store = new Store();
	await store.append(store.batch().putRow('t', 'k', Buffer.from('v\0')).putRow('t', 'e', ''));
	assert.deepEqual(store.row('t', 'k'), Buffer.from('v\0'));
	assert.equal(store.row('t', 'e').length, 0);
	assert.throws(() => store.row('t', 'x'), { name: 'SKAFU_ENOTFOUND' });
	store.close();
});

test('appends at once', async () => {
	const store = new Store();
	await Promise.all(Array.from({ length: 50 }, (_, i) => store.append({ type: 'A', stream: 's' + i })));
	assert.equal(store.head, 50);
	store.close();
});

test('follow yields what is there and what comes', async () => {
	const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'skafu-'));
	const store = new Store(path.join(directory, 's'));
	const other = new AbortController();
	const idle = (async () => {
		for await (const record of store.follow({ signal: other.signal, after: 100 }))
			assert.fail(record.type);
	})();
	const seen = [];
	await store.append({ type: 'A', stream: 'a' });
	setTimeout(() => store.append({ type: 'B', stream: 'a' }), 20);
	setTimeout(() => store.append({ type: 'C', stream: 'a' }), 60);
	for await (const record of store.follow()) {
		seen.push(record.type);
		if (seen.length === 3)
			break;
	}
	assert.deepEqual(seen, ['A', 'B', 'C']);
	other.abort();
	await idle;
	store.close();
	fs.rmSync(directory, { recursive: true });
});

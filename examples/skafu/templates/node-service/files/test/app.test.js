import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { makeServer } from '../src/app.js';

const server = makeServer();

before(() => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve)));
after(() => new Promise((resolve) => server.close(resolve)));

function ask(method, path) {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: server.address().port, method, path, agent: false };
    const request = http.request(options, (response) => {
      let body = '';
      response.on('data', (part) => { body += part; });
      response.on('end', () => resolve({ status: response.statusCode, value: JSON.parse(body) }));
    });
    request.on('error', reject);
    request.end();
  });
}

test('health', async () => {
  assert.deepEqual(await ask('GET', '/healthz'), { status: 200, value: { status: 'ok' } });
});

test('counters count on their own', async () => {
  assert.deepEqual((await ask('GET', '/counters/tea')).value, { name: 'tea', value: 0 });
  await ask('POST', '/counters/tea');
  assert.deepEqual((await ask('POST', '/counters/tea?x=1')).value, { name: 'tea', value: 2 });
  assert.deepEqual((await ask('GET', '/counters/milk')).value, { name: 'milk', value: 0 });
});

test('what is not there and what is not allowed', async () => {
  assert.equal((await ask('GET', '/')).status, 404);
  assert.equal((await ask('GET', '/counters/UPPER')).status, 404);
  assert.equal((await ask('GET', '/counters/../healthz')).status, 404);
  assert.equal((await ask('DELETE', '/counters/tea')).status, 405);
});

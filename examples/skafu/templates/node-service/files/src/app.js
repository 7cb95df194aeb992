// The service without a port: counters in memory, and a server that answers for them.
import http from 'node:http';

const COUNTER = /^\/counters\/([a-z][a-z0-9-]{0,31})$/;
const MAX_COUNTERS = 10000;

function answer(response, status, value) {
  const body = JSON.stringify(value);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

function counter(request, response, counters, name) {
  const value = counters.get(name) ?? 0;
  if (request.method === 'GET') {
    answer(response, 200, { name, value });
  } else if (request.method !== 'POST') {
    answer(response, 405, { error: 'only GET and POST' });
  } else if (!counters.has(name) && counters.size >= MAX_COUNTERS) {
    answer(response, 507, { error: 'there are too many counters' });
  } else {
    counters.set(name, value + 1);
    answer(response, 200, { name, value: value + 1 });
  }
}

export function makeServer() {
  const counters = new Map();
  const server = http.createServer((request, response) => {
    request.resume(); // bodies are not looked at
    const path = request.url.split('?', 1)[0];
    const found = COUNTER.exec(path);
    if (path === '/healthz') answer(response, 200, { status: 'ok' });
    else if (found) counter(request, response, counters, found[1]);
    else answer(response, 404, { error: 'there is no such page' });
  });
  server.requestTimeout = 5000;
  return server;
}

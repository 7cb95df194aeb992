import { makeServer } from './app.js';

const server = makeServer();
const stop = () => {
  server.close();
  server.closeIdleConnections();
};

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
server.listen(Number(process.env.PORT ?? {{port}}), process.env.HOST ?? '127.0.0.1', () => {
  const { address, port } = server.address();
  console.log(`{{name}} listens on ${address}:${port}`);
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

// The upstream of all variants: 946 bytes of JSON, nothing else.
const body = JSON.stringify({ rows: 'x'.repeat(935) });
const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

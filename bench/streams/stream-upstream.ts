import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/*
 * What streams are measured with: `GET /items` answers one kilobyte, `GET /events` is a stream of events that ends
 * when all are told to, and so is what a POST is answered, `GET /bytes/N` sends so many bytes, and what is sent to `PUT /bytes` is counted and thrown away.
 */
const items = JSON.stringify({ rows: 'x'.repeat(1_013) });
const chunk = Buffer.alloc(64 * 1024, 'symbolon');
// As a tool's call is answered that tells how far it is; to who is no MCP client any text would do.
const next = {
  jsonrpc: '2.0',
  method: 'notifications/message',
  params: { level: 'info', data: 1 },
};
const last = { jsonrpc: '2.0', id: 1, result: { resultType: 'complete', content: [] } };
const streams = new Set<ServerResponse>();

const server = createServer((request, response) => {
  const { method, url = '' } = request;
  if (method === 'PUT') {
    let received = 0;
    request.on('data', (part: Buffer) => (received += part.length));
    request.on('end', () => answer(response, JSON.stringify({ received })));
    return;
  }
  request.resume();
  if (url === '/events' || method === 'POST') return open(response);
  if (url.startsWith('/bytes/')) return send(response, Number(url.slice('/bytes/'.length)));
  answer(response, items);
});

function answer(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}

function open(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  // A stream of events may be silent at first: its head must arrive all the same.
  response.flushHeaders();
  streams.add(response);
  response.once('close', () => streams.delete(response));
}

function send(response: ServerResponse, bytes: number): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes });
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
      left -= part.length;
      if (!response.write(part)) return void response.once('drain', more);
    }
    response.end();
  };
  more();
}

/** What the bench tells this process to do with all streams that are open. */
export type StreamOrder = 'event' | 'end';

process.on('message', (order: StreamOrder) => {
  for (const stream of streams)
    if (order === 'end') stream.end(`data: ${JSON.stringify(last)}\n\n`);
    else stream.write(`data: ${JSON.stringify(next)}\n\n`);
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

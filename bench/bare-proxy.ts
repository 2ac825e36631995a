import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, type Dispatcher } from 'undici';

/*
 * The yardstick: the least that a proxy in Node can do. It verifies nothing, filters nothing, logs nothing, bounds
 * nothing; it swaps one header and copies the answer. A body is sent on as the bytes that it came in: handed on
 * as a stream it costs half as much again.
 */
const [origin = '', token = ''] = process.argv.slice(2);
const authorization = `Bearer ${token}`;
const agent = new Agent();

class Copy implements Dispatcher.DispatchHandler {
  constructor(private readonly response: ServerResponse) {}

  onRequestStart(): void {}

  onResponseStart(_controller: unknown, status: number, headers: IncomingMessage['headers']): void {
    this.response.writeHead(status, headers);
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.response.write(chunk);
  }

  onResponseEnd(): void {
    this.response.end();
  }

  onResponseError(): void {
    this.response.destroy();
  }
}

function send(request: IncomingMessage, response: ServerResponse, body: Buffer | null): void {
  const { host: _host, connection: _connection, ...headers } = request.headers;
  headers.authorization = authorization;
  const method = request.method as Dispatcher.HttpMethod;
  const path = request.url ?? '/';
  agent.dispatch({ origin, path, method, headers, body }, new Copy(response));
}

const server = createServer((request, response) => {
  if (request.headers['content-length'] === undefined) return send(request, response, null);
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () =>
    send(request, response, parts.length === 1 ? (parts[0] ?? null) : Buffer.concat(parts)),
  );
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.on('disconnect', () => process.exit());

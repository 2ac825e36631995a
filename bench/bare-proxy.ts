import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, type Dispatcher } from 'undici';

/*
 * The yardstick: the least that a proxy in Node can do. It verifies nothing, filters nothing, logs nothing;
 * it swaps one header and copies the answer.
 */
const origin = process.argv[2] ?? '';
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

const server = createServer((request, response) => {
  const { host: _host, connection: _connection, ...headers } = request.headers;
  headers.authorization = 'Bearer upstream-token';
  agent.dispatch({ origin, path: request.url ?? '/', method: 'GET', headers }, new Copy(response));
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));

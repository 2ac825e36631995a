import type { Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { afterEach, expect, test } from 'vitest';
import { askedAgain } from './asked-again.js';

const dispatcher = new Agent();
let server: Server;
let asked: number;

afterEach(() => void server.close());

/** The first questions are answered as `failures` say, the others with 200. */
async function start(failures: ((response: ServerResponse) => void)[]): Promise<string> {
  asked = 0;
  server = createServer((_request, response) => {
    const fail = failures[asked];
    asked += 1;
    if (fail) return fail(response);
    response.end('done');
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const reset = (response: ServerResponse) => void response.socket?.resetAndDestroy();
const closing = (response: ServerResponse) => void response.writeHead(503).end();
const busy = (response: ServerResponse) =>
  void response.writeHead(503, { 'retry-after': '5' }).end();

test.each([
  ['one connection that was closed', [reset]],
  ['two of them', [reset, reset]],
  ['a load balancer that has nobody for a moment', [reset, closing, closing]],
])('R6, %s is asked again', async (_name, failures) => {
  const url = await start(failures);
  const answer = await askedAgain(() => request(url, { dispatcher }));
  expect(await answer.body.text()).toBe('done');
  expect(asked).toBe(failures.length + 1);
});

test('who says when to come back is not asked before', async () => {
  const url = await start([busy]);
  const answer = await askedAgain(() => request(url, { dispatcher }));
  await answer.body.dump();
  expect(answer.statusCode).toBe(503);
  expect(asked).toBe(1);
});

test('nobody there is told after four questions', async () => {
  const url = await start([reset, reset, reset, reset]);
  await expect(askedAgain(() => request(url, { dispatcher }))).rejects.toThrow();
  expect(asked).toBe(4);
});

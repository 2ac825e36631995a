import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { Agent, request } from 'undici';
import { drainConnections } from './drain-connections.js';

let server: Server;
let agent: Agent;

afterEach(async () => {
  await agent.destroy();
  server.closeAllConnections();
});

/** Answers after `ms`. */
async function start(ms: number): Promise<string> {
  agent = new Agent({ connections: 1 });
  server = createServer((_request, response) => void setTimeout(() => response.end('done'), ms));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('R6, a connection that is kept open is answered once more and told to end', async () => {
  const url = await start(50);
  const drain = drainConnections(server);
  const before = request(url, { dispatcher: agent });
  await new Promise<void>((resolve) => void server.once('request', () => resolve()));
  const drained = drain.begin(sleep(10_000));
  const first = await before;
  expect(await first.body.text()).toBe('done');
  const second = await request(url, { dispatcher: agent });
  expect(second.headers['connection']).toBe('close');
  expect(await second.body.text()).toBe('done');
  await drained;
  await expect(request(url, { dispatcher: agent })).rejects.toThrow('ECONNREFUSED');
});

test('one who never ends is not waited for', async () => {
  const url = await start(60_000);
  const drain = drainConnections(server);
  request(url, { dispatcher: agent }).catch(() => undefined);
  await new Promise<void>((resolve) => void server.once('request', () => resolve()));
  await drain.begin(sleep(50));
  expect(server.listening).toBe(false);
});

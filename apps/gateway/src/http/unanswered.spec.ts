import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '#lib/testing/free-port';
import { until } from '#lib/testing/until';
import { startGatewayFixture, upstreamOf, type GatewayFixture } from '../gateway-fixture.js';

let fixture: GatewayFixture;
let deadPort: number;
/** What comes over each connection, and what is done about it. */
let scripted: Server;
let requests: string[];
let script: (socket: Socket, count: number) => void;
const none = { credential: { type: 'none' } } as const;

beforeAll(async () => {
  deadPort = await freePort();
  scripted = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      requests.push(String(chunk).split('\r\n', 1)[0] ?? '');
      script(socket, requests.length);
    });
  });
  await new Promise<void>((resolve) => void scripted.listen(0, '127.0.0.1', resolve));
  const { port } = scripted.address() as { port: number };
  fixture = await startGatewayFixture({
    upstreams: (origin) => [
      upstreamOf('dead', `http://127.0.0.1:${deadPort}`, none),
      upstreamOf('broken', origin, none),
      ...['get', 'post', 'twice', 'busy', 'later', 'half', 'put'].map((slug) =>
        upstreamOf(slug, `http://127.0.0.1:${port}`, none),
      ),
    ],
  });
});
afterAll(async () => {
  await fixture.stop();
  scripted.close();
});
beforeEach(() => {
  requests = [];
});

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const token = await fixture.token(path.split('/').slice(0, 3).join('/'));
  return fetch(`${fixture.origin}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${token}` },
  });
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood';

describe('a call without an answer', () => {
  test.each(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT'])(
    '%s is sent once more where the connection broke before the first byte',
    async (method) => {
      script = (socket, count) => (count === 1 ? socket.resetAndDestroy() : socket.write(ok));
      const body = method === 'PUT' ? { body: 'short' } : {};
      expect((await call('/http/get', { method, ...body })).status).toBe(200);
      expect(requests.length).toBeGreaterThanOrEqual(2);
      expect(requests.every((line) => line.startsWith(`${method} `) || line === 'short')).toBe(
        true,
      );
    },
  );

  test.each(['POST', 'PATCH'])(
    '%s is never sent twice, with an Idempotency-Key or without',
    async (method) => {
      script = (socket) => socket.resetAndDestroy();
      const token = await fixture.token('/http/post');
      const headers = { authorization: `Bearer ${token}`, 'idempotency-key': 'k' };
      const answer = await fetch(`${fixture.origin}/http/post`, { method, headers });
      expect(answer.status).toBe(502);
      expect(requests).toHaveLength(1);
    },
  );

  test('it is sent once more, not more often', async () => {
    script = (socket) => socket.resetAndDestroy();
    expect((await call('/http/twice')).status).toBe(502);
    expect(requests).toHaveLength(2);
  });

  test('nor where a part of the answer has come', async () => {
    script = (socket) => void socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
    await expect(call('/http/half').then((answer) => answer.text())).rejects.toThrow();
    expect(requests).toHaveLength(1);
  });

  test('a body that was streamed is not sent twice', async () => {
    script = (socket) => socket.resetAndDestroy();
    const body = Buffer.alloc(100_000);
    expect((await call('/http/put', { method: 'PUT', body })).status).toBe(502);
    expect(requests.filter((line) => line.startsWith('PUT '))).toHaveLength(1);
  });
});

describe('an answer that asks to come again', () => {
  test('503 with Retry-After of a second at most is asked again, for a read', async () => {
    script = (socket, count) =>
      void socket.write(
        count === 1
          ? 'HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
          : ok,
      );
    expect((await call('/http/busy')).status).toBe(200);
    expect(requests).toHaveLength(2);
    requests = [];
    const posted = await call('/http/busy', { method: 'POST' });
    expect(posted.status).toBe(503);
    expect(requests).toHaveLength(1);
  });

  test('a longer one is the caller’s to wait for', async () => {
    script = (socket) =>
      void socket.write('HTTP/1.1 503 Busy\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n');
    const answer = await call('/http/later');
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('30');
    expect(requests).toHaveLength(1);
  });
});

describe('an upstream that does not answer', () => {
  test('is left alone after a few calls, with a clear 503, and called again when it is back', async () => {
    const statuses: number[] = [];
    let held: Response | undefined;
    for (let i = 0; i < 6 && held === undefined; i += 1) {
      const answer = await call('/http/dead');
      statuses.push(answer.status);
      if (answer.status === 503) held = answer;
    }
    expect(statuses.slice(0, -1).every((status) => status === 502)).toBe(true);
    expect(Number(held?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await held?.json()).toMatchObject({ type: 'urn:symbolon:temporarily-unavailable' });
    expect(fixture.log.some((line) => line.includes('"circuit.opened"'))).toBe(true);
    const back = createServer((socket) => void socket.on('data', () => socket.write(ok)));
    back.listen(deadPort, '127.0.0.1');
    await once(back, 'listening');
    const answers = async (): Promise<boolean> => (await call('/http/dead')).status === 200;
    expect(await until(answers, { seconds: 10, everyMs: 200 })).toBe(true);
    expect((await call('/http/dead')).status).toBe(200);
    expect(fixture.log.some((line) => line.includes('"circuit.closed"'))).toBe(true);
    back.close();
  });

  test('the application’s own errors hold nobody back', async () => {
    fixture.serve = (_request, response) => void response.writeHead(500).end();
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await call('/http/broken')).status),
    );
    expect(new Set(statuses)).toEqual(new Set([500]));
  });

  test('callers who leave hold nobody back either', async () => {
    const { hostname, port } = new URL(fixture.origin);
    const token = await fixture.token('/http/broken');
    let waiting = 0;
    fixture.serve = () => void (waiting += 1);
    for (let i = 1; i <= 10; i += 1) {
      const socket = connect(Number(port), hostname);
      socket.write(
        `GET /http/broken HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
      expect(await until(() => waiting === i, { seconds: 5, everyMs: 5 })).toBe(true);
      socket.destroy();
    }
    fixture.serve = (_request, response) => void response.end('alive');
    expect((await call('/http/broken')).status).toBe(200);
  });
});

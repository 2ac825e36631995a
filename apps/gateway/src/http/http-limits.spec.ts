import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Writable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '#lib/testing/until';
import { startGatewayFixture, upstreamOf, type GatewayFixture } from '../gateway-fixture.js';

let fixture: GatewayFixture;
const none = { credential: { type: 'none' } } as const;

beforeAll(async () => {
  fixture = await startGatewayFixture({
    upstreams: (origin) => [
      upstreamOf('rated', origin, { ...none, limits: { personPerMinute: 2 } }),
      upstreamOf('streams', origin, { ...none, limits: { personStreams: 1 } }),
      upstreamOf('sized', origin, { ...none, limits: { bodyBytes: 1000, headerBytes: 2000 } }),
      upstreamOf('large', origin, { ...none, limits: { bodyBytes: 300_000_000 } }),
    ],
  });
});
afterAll(() => fixture.stop());
beforeEach(() => {
  fixture.seen.length = 0;
  fixture.serve = (_request, response) => void response.writeHead(200).end('hello');
});

function tokenOf(path: string, sub = 'alice'): Promise<string> {
  return fixture.token(path.split('/').slice(0, 3).join('/'), { sub });
}

async function call(path: string, init: RequestInit = {}, sub = 'alice'): Promise<Response> {
  const headers = {
    ...(init.headers as object),
    authorization: `Bearer ${await tokenOf(path, sub)}`,
  };
  return fetch(`${fixture.origin}${path}`, { ...init, headers });
}

async function openStream(path: string) {
  const request = httpRequest(`${fixture.origin}${path}`, {
    headers: { authorization: `Bearer ${await tokenOf(path)}` },
  });
  request.on('error', () => undefined).end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { response, close: () => request.destroy() };
}

describe('rates', () => {
  test('answers say what is left; beyond it 429 with Retry-After and the RateLimit fields', async () => {
    const first = await call('/http/rated');
    expect(first.headers.get('ratelimit-policy')).toBe('"person";q=2;w=60');
    expect(first.headers.get('ratelimit')).toMatch(/^"person";r=1;t=\d+$/);
    await call('/http/rated');
    const refused = await call('/http/rated');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('ratelimit')).toMatch(/^"person";r=0;t=\d+$/);
    expect(await refused.json()).toMatchObject({ type: 'urn:symbolon:too-many-requests' });
    expect(fixture.seen).toHaveLength(2);
    expect((await call('/http/rated', {}, 'bob')).status).toBe(200);
  });
});

describe('row 30, stream exhaustion at one upstream', () => {
  test('event streams are counted; ordinary calls go on, and an ended stream makes room', async () => {
    fixture.serve = ({ url }, response) => {
      if (url !== '/events') return void response.end('hello');
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      response.write(': open\n\n');
    };
    const first = await openStream('/http/streams/events');
    expect((await call('/http/streams/x')).status).toBe(200);
    const refused = await call('/http/streams/events');
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('5');
    first.close();
    let second = await openStream('/http/streams/events');
    const opened = async (): Promise<boolean> => {
      if (second.response.statusCode === 200) return true;
      second = await openStream('/http/streams/events');
      return false;
    };
    expect(await until(opened, { seconds: 5 })).toBe(true);
    second.close();
  });

  test('what asks for an event stream only is refused before the upstream hears of it', async () => {
    fixture.serve = (_request, response) =>
      void response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': open\n\n');
    const first = await openStream('/http/streams/events');
    const before = fixture.seen.length;
    const refused = await call('/http/streams/events', {
      headers: { accept: 'text/event-stream' },
    });
    expect(refused.status).toBe(429);
    expect(fixture.seen).toHaveLength(before);
    first.close();
  });
});

describe('sizes', () => {
  test('a body that is announced too large is 413 before the upstream hears of it', async () => {
    const refused = await call('/http/sized', { method: 'POST', body: 'x'.repeat(1001) });
    expect(refused.status).toBe(413);
    expect(await refused.json()).toMatchObject({ type: 'urn:symbolon:too-large' });
    expect(fixture.seen).toHaveLength(0);
    expect((await call('/http/sized', { method: 'POST', body: 'x'.repeat(1000) })).status).toBe(
      200,
    );
  });

  test('row 23, a chunked body is cut off: the caller gets 413, the upstream never a whole request', async () => {
    let upstreamEnd: string | undefined;
    fixture.serve = (request, response) => {
      request.resume();
      request.on('end', () => (upstreamEnd = 'whole'));
      request.on('error', () => undefined);
      request.on('close', () => {
        upstreamEnd ??= 'cut off';
        response.destroy();
      });
    };
    const { hostname, port } = new URL(fixture.origin);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.on('error', () => undefined);
    socket.write(
      [
        'POST /http/sized HTTP/1.1',
        'Host: gateway',
        `Authorization: Bearer ${await tokenOf('/http/sized')}`,
        'Transfer-Encoding: chunked\r\n\r\n',
      ].join('\r\n'),
    );
    const chunk = `1f4\r\n${'x'.repeat(500)}\r\n`;
    socket.write(chunk.repeat(2));
    expect(await until(() => fixture.seen.length === 1, { seconds: 2 })).toBe(true);
    socket.write(chunk);
    expect(await until(() => text.includes('urn:symbolon:too-large'), { seconds: 5 })).toBe(true);
    expect(text).toMatch(/^HTTP\/1\.1 413 /);
    expect(await until(() => upstreamEnd !== undefined, { seconds: 5 })).toBe(true);
    expect(upstreamEnd).toBe('cut off');
    socket.write('0\r\n\r\n');
    socket.destroy();
  });

  test('header fields that are too large are 431', async () => {
    const refused = await call('/http/sized', { headers: { 'x-thing': 'x'.repeat(2000) } });
    expect(refused.status).toBe(431);
    expect(await refused.json()).toMatchObject({ type: 'urn:symbolon:headers-too-large' });
    expect((await call('/http/sized', { headers: { 'x-thing': 'x'.repeat(200) } })).status).toBe(
      200,
    );
    expect(fixture.seen).toHaveLength(1);
  });
});

describe('long bodies', () => {
  const size = 200_000_000;

  const piece = Buffer.alloc(1 << 20);

  /** As fast as the other side reads. */
  async function pour(into: Writable): Promise<void> {
    for (let left = size; left > 0; left -= piece.length)
      if (!into.write(piece.subarray(0, Math.min(piece.length, left)))) await once(into, 'drain');
    into.end();
  }

  test('two hundred megabytes stream up and down in flat memory', async () => {
    let received = 0;
    fixture.serve = async (request, response) => {
      request.on('data', (chunk: Buffer) => (received += chunk.length));
      await once(request, 'end');
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      await pour(response);
    };
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
    const headers = { authorization: `Bearer ${await tokenOf('/http/large')}` };
    const request = httpRequest(`${fixture.origin}/http/large`, { method: 'POST', headers });
    const answer = once(request, 'response');
    await pour(request);
    const [response] = (await answer) as [IncomingMessage];
    let answered = 0;
    response.on('data', (chunk: Buffer) => (answered += chunk.length));
    await once(response, 'end');
    clearInterval(watch);
    expect([received, answered]).toEqual([size, size]);
    // Client, gateway and upstream are in this process; what is kept anywhere would show twice over.
    expect(most - before).toBeLessThan(size * 0.75);
  }, 60_000);
});

import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { request as undiciRequest } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '#lib/testing/free-port';
import { Outbound, type OutboundOptions } from './outbound.js';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

function outbound(options: Partial<OutboundOptions> = {}): Outbound {
  const made = new Outbound({ mode: 'development', allow: [], ...options });
  closers.push(() => made.close());
  return made;
}

async function serve(
  listener: RequestListener,
): Promise<{ port: number; url: string; server: Server }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(
    () => server.closeAllConnections(),
    () => server.close(),
  );
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://127.0.0.1:${port}`, server };
}

const resolvesTo =
  (...addresses: string[]) =>
  () =>
    Promise.resolve(addresses);

describe('a request', () => {
  test('carries method, headers and body, asks for identity, and returns the whole answer', async () => {
    const { url } = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (body: string) => {
        response.writeHead(201, { 'x-two': ['a', 'b'] });
        response.end(
          [request.method, request.headers['x-one'], request.headers['accept-encoding'], body].join(
            ' ',
          ),
        );
      });
    });
    const answer = await outbound().request(`${url}/x`, {
      method: 'POST',
      headers: { 'x-one': '1', 'Accept-Encoding': 'gzip' },
      body: 'hello',
    });
    expect(answer.status).toBe(201);
    expect(answer.headers['x-two']).toEqual(['a', 'b']);
    expect(answer.body.toString()).toBe('POST 1 identity hello');
  });

  test('reuses its connection and resolves once per connection, not once per request', async () => {
    let lookups = 0;
    let connections = 0;
    const { port, server } = await serve((_request, response) => response.end('ok'));
    server.on('connection', () => (connections += 1));
    const made = outbound({ resolve: () => ((lookups += 1), Promise.resolve(['127.0.0.1'])) });
    for (let i = 0; i < 20; i += 1) await made.request(`http://api.example:${port}/`);
    expect(connections).toBeLessThanOrEqual(2);
    expect(lookups).toBe(connections);
  });

  test('in production reaches a private address that the operator named, by the address that was checked', async () => {
    const { port } = await serve((request, response) => response.end(request.headers.host));
    const allow = [`http://idp.internal:${port}`];
    const made = outbound({ mode: 'production', allow, resolve: resolvesTo('127.0.0.1') });
    expect((await made.request(`http://idp.internal:${port}/`)).body.toString()).toBe(
      `idp.internal:${port}`,
    );
    expect(await made.checkAddress(`http://idp.internal:${port}/`)).toBeUndefined();
  });
});

describe('row 33, SSRF by admin URLs', () => {
  test.each([
    ['one public and one private A record', ['8.8.8.8', '127.0.0.1']],
    ['loopback', ['127.0.0.1']],
    ['mapped loopback', ['::ffff:127.0.0.1']],
    ['NAT64 of metadata', ['64:ff9b::a9fe:a9fe']],
    ['metadata', ['169.254.169.254']],
  ])('a host resolving to %s is refused before any connection', async (_name, addresses) => {
    let connections = 0;
    const { port, server } = await serve((_request, response) => response.end());
    server.on('connection', () => (connections += 1));
    const made = outbound({ mode: 'production', resolve: resolvesTo(...addresses) });
    const url = `https://evil.example:${port}/`;
    expect((await made.checkAddress(url))?.code).toMatch(/^(special|forbidden)-address$/);
    await expect(made.request(url)).rejects.toMatchObject({
      name: 'OutboundError',
      code: 'refused-address',
    });
    await expect(undiciRequest(url, { dispatcher: made.dispatcher })).rejects.toMatchObject({
      code: 'refused-address',
    });
    expect(connections).toBe(0);
  });

  test('DNS rebinding: a name that was public when checked and private when called is refused at the socket', async () => {
    const answers = [['93.184.215.14'], ['127.0.0.1']];
    const made = outbound({
      mode: 'production',
      resolve: () => Promise.resolve(answers.shift() ?? ['127.0.0.1']),
    });
    expect(await made.checkAddress('https://rebind.example/')).toBeUndefined();
    await expect(made.request('https://rebind.example/')).rejects.toMatchObject({
      code: 'refused-address',
    });
  });

  test('the streaming dispatcher refuses address literals, for which no lookup ever runs', async () => {
    const { url } = await serve((_request, response) => response.end());
    const made = outbound({ mode: 'production' });
    await expect(undiciRequest(url, { dispatcher: made.dispatcher })).rejects.toMatchObject({
      code: 'refused-address',
    });
    for (const literal of [
      'https://127.1',
      'https://2130706433',
      'https://[::ffff:7f00:1]',
      'https://10.0.0.1',
    ]) {
      await expect(undiciRequest(literal, { dispatcher: made.dispatcher })).rejects.toMatchObject({
        code: 'refused-address',
      });
    }
  });

  test('302 to metadata: a redirect is an answer and is never followed', async () => {
    let calls = 0;
    const { url } = await serve((_request, response) => {
      calls += 1;
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end();
    });
    const made = outbound();
    expect((await made.request(url)).status).toBe(302);
    expect((await made.fetch(url, { redirect: 'follow' })).status).toBe(302);
    expect(calls).toBe(2);
  });

  test('a host that does not resolve is unreachable and says so', async () => {
    const made = outbound({
      resolve: () => Promise.reject(Object.assign(new Error('x'), { code: 'ENOTFOUND' })),
    });
    expect((await made.checkAddress('https://nowhere.example'))?.code).toBe('unresolvable');
    await expect(made.request('https://nowhere.example')).rejects.toMatchObject({
      code: 'unreachable',
    });
  });
});

describe('row 36, hostile answers', () => {
  test('a gzip bomb is refused unread and memory stays flat', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
    const { url } = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
    );
    const made = outbound();
    const before = process.memoryUsage().rss;
    await expect(made.request(url)).rejects.toMatchObject({ code: 'encoded' });
    await expect(made.fetch(url)).rejects.toMatchObject({ code: 'encoded' });
    expect(process.memoryUsage().rss - before).toBeLessThan(50 * 1024 * 1024);
  });

  test.each([
    ['announced', true],
    ['endless', false],
  ])('an answer of more than the cap is refused, %s', async (_name, announced) => {
    const { url } = await serve((_request, response) => {
      response
        .on('error', () => undefined)
        .writeHead(200, announced ? { 'content-length': String(1024 * 1024 + 1) } : {});
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
        response.once('drain', write);
      };
      if (announced) response.end(Buffer.alloc(1024 * 1024 + 1));
      else write();
    });
    await expect(outbound().request(url)).rejects.toMatchObject({ code: 'too-large' });
  });

  test('exactly the cap is accepted', async () => {
    const { url } = await serve((_request, response) => response.end(Buffer.alloc(1000)));
    expect((await outbound().request(url, { maxBytes: 1000 })).body.length).toBe(1000);
    await expect(outbound().request(url, { maxBytes: 999 })).rejects.toMatchObject({
      code: 'too-large',
    });
  });

  test('a slow drip ends at the deadline, however often a byte comes', async () => {
    const { url } = await serve((_request, response) => {
      const drip = setInterval(() => response.write('.'), 20);
      response.on('close', () => clearInterval(drip));
    });
    await expect(outbound().request(url, { timeoutMs: 300 })).rejects.toMatchObject({
      code: 'timeout',
    });
  });

  test('a server that never answers ends at the deadline, and so does a resolver', async () => {
    const { url } = await serve(() => undefined);
    await expect(outbound().request(url, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'timeout',
    });
    const startedAt = performance.now();
    const stuck = outbound({ resolve: () => new Promise(() => undefined) });
    const failure = stuck.request('https://stuck.example', { timeoutMs: 100 });
    await expect(failure).rejects.toMatchObject({ code: 'timeout' });
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test('100 kB of headers are too large', async () => {
    const { url } = await serve((_request, response) =>
      response.writeHead(200, { 'x-big': 'x'.repeat(100_000) }).end(),
    );
    await expect(outbound().request(url)).rejects.toMatchObject({ code: 'too-large' });
  });

  test.each([
    ['garbage', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 'malformed'],
    ['a reset in the middle', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc', 'interrupted'],
  ])(
    '%s is a typed error whose message holds nothing of the request',
    async (_name, bytes, code) => {
      const server = createTcpServer((socket) =>
        socket.on('error', () => undefined).once('data', () => socket.end(bytes)),
      );
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closers.push(() => server.close());
      const { port } = server.address() as AddressInfo;
      const failure = outbound().request(`http://127.0.0.1:${port}/?code=hush`, {
        headers: { authorization: 'Bearer hush' },
      });
      await expect(failure).rejects.toMatchObject({ code });
      await expect(failure).rejects.not.toThrow('hush');
    },
  );

  test('no connection is told apart from a broken one: nothing was sent', async () => {
    const port = await freePort();
    await expect(outbound().request(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'unreachable',
    });
  });

  test('plain HTTP behind https is untrusted', async () => {
    const { port } = await serve((_request, response) => response.end());
    await expect(outbound().request(`https://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'untrusted',
    });
  });

  test("the caller's own signal ends the request with the caller's reason", async () => {
    const { url } = await serve(() => undefined);
    const abort = new AbortController();
    const failure = outbound().request(url, { signal: abort.signal });
    abort.abort(new Error('gone'));
    await expect(failure).rejects.toThrow('gone');
  });
});

describe('fetch', () => {
  test('is a fetch: form bodies, Response, repeated headers', async () => {
    const { url } = await serve((request, response) => {
      request.setEncoding('utf8').on('data', (body: string) => {
        response.writeHead(200, {
          'content-type': 'application/json',
          'set-cookie': ['a=1', 'b=2'],
        });
        response.end(JSON.stringify({ type: request.headers['content-type'], body }));
      });
    });
    const response = await outbound().fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ a: 'b c' }),
    });
    expect(response).toBeInstanceOf(Response);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await response.json()).toEqual({
      type: 'application/x-www-form-urlencoded;charset=UTF-8',
      body: 'a=b+c',
    });
  });

  test('knows answers without a body', async () => {
    const { url } = await serve((_request, response) => response.writeHead(204).end());
    const response = await outbound().fetch(new URL(url), { redirect: 'manual' });
    expect([response.status, response.body]).toEqual([204, null]);
  });

  test('refuses what request refuses', async () => {
    await expect(outbound().fetch('http://169.254.169.254/')).rejects.toMatchObject({
      code: 'refused-address',
    });
  });
});

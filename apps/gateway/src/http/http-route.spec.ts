import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGatewayFixture, tokenAnswer, type GatewayFixture } from '../gateway-fixture.js';

let fixture: GatewayFixture;
let bearer: string;

beforeAll(async () => {
  fixture = await startGatewayFixture();
  bearer = await fixture.token();
});
afterAll(() => fixture.stop());
beforeEach(() => {
  fixture.seen.length = 0;
  fixture.vault.exchanges.length = 0;
  fixture.vault.answer = () => tokenAnswer('upstream-token-1');
  fixture.serve = (_request, response) =>
    void response.writeHead(200, { 'content-type': 'text/plain' }).end('hello');
  // Forgets what an earlier test borrowed.
  fixture.vault.publish({
    type: 'consent',
    issuer: 'corporate',
    subject: 'alice',
    application: 'cli',
    consumer: 'gateway',
    upstream: 'reports',
    state: 'removed',
  });
  return sleep(30);
});

function call(
  path: string,
  init: RequestInit & { token?: string; duplex?: 'half' } = {},
): Promise<Response> {
  const headers = {
    authorization: `Bearer ${init.token ?? bearer}`,
    ...(init.headers as Record<string, string>),
  };
  return fetch(`${fixture.origin}${path}`, { ...init, headers, redirect: 'manual' });
}

async function problemOf(response: Response): Promise<Record<string, unknown>> {
  return (await response.json()) as Record<string, unknown>;
}

/** Opens a call and hands over the response as soon as its head is there. */
async function openStream(
  path: string,
): Promise<{ response: IncomingMessage; destroy: () => void }> {
  const request = httpRequest(`${fixture.origin}${path}`, {
    headers: { authorization: `Bearer ${bearer}` },
  });
  request.end();
  request.on('error', () => undefined);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { response, destroy: () => request.destroy() };
}

describe('a call with the borrowed token', () => {
  test('reaches the upstream under its base path, with the person’s upstream token and nothing of the caller’s', async () => {
    const response = await call('/http/reports/v1/items%2Fone?a=%20b&c');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('hello');
    expect(fixture.seen).toHaveLength(1);
    expect(fixture.seen[0]).toMatchObject({ method: 'GET', url: '/api/v1/items%2Fone?a=%20b&c' });
    expect(fixture.seen[0]?.headers.authorization).toBe('Bearer upstream-token-1');
    const form = fixture.vault.exchanges[0];
    expect(form?.get('subject_token')).toBe(bearer);
    expect(form?.get('audience')).toBe('reports');
    expect(form?.get('scope')).toBe('read');
  });

  test('borrows once for many calls', async () => {
    for (let i = 0; i < 5; i += 1) await (await call('/http/reports')).arrayBuffer();
    expect(fixture.vault.exchanges).toHaveLength(1);
    expect(fixture.seen.map(({ url }) => url)).toEqual(Array.from({ length: 5 }, () => '/api'));
  });

  test('asks the vault once for calls that come together', async () => {
    fixture.vault.answer = () => ({ ...tokenAnswer('together'), delayMs: 100 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => call('/http/reports')));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(fixture.vault.exchanges).toHaveLength(1);
  });

  test('needs no vault where the upstream takes no credential', async () => {
    const response = await call('/http/open/x', { token: await fixture.token('/http/open') });
    expect(response.status).toBe(200);
    expect(fixture.vault.exchanges).toHaveLength(0);
    expect(fixture.seen[0]?.headers.authorization).toBeUndefined();
  });

  test('sends bodies of any method, short and long, as they are', async () => {
    const received: string[] = [];
    fixture.serve = async (request, response) => {
      let size = 0;
      for await (const chunk of request) size += (chunk as Buffer).length;
      received.push(`${request.method} ${size}`);
      response.end();
    };
    await call('/http/reports', { method: 'POST', body: 'x'.repeat(1000) });
    await call('/http/reports', { method: 'PUT', body: Buffer.alloc(3_000_000, 'y') });
    await call('/http/reports', { method: 'PROPFIND' });
    const chunks = new Response('streamed in chunks').body;
    await call('/http/reports', { method: 'PATCH', body: chunks, duplex: 'half' });
    expect(received).toEqual(['POST 1000', 'PUT 3000000', 'PROPFIND 0', 'PATCH 18']);
  });

  test('writes one access line that names who, through what and where, and no token or path', async () => {
    await (await call('/http/reports/secret-path?q=1')).arrayBuffer();
    await sleep(20);
    const lines = fixture.log.filter((line) => line.includes('"http.call"'));
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      issuer: 'corporate',
      subject: 'alice',
      application: 'cli',
      upstream: 'reports',
      grantId: 'grant-1',
      status: 200,
    });
    expect(lines.join('')).not.toContain('secret-path');
    expect(fixture.log.join('')).not.toContain(bearer);
    expect(fixture.log.join('')).not.toContain('upstream-token-1');
  });

  test('row 40, log leaks: a refused caller leaves a line that says why, and nothing of the token', async () => {
    const bad = `${bearer.slice(0, -4)}AAAA`;
    const refused = await call('/http/reports', { headers: { authorization: `Bearer ${bad}` } });
    expect(refused.status).toBe(401);
    const line = fixture.log.find((entry) => entry.includes('"caller.refused"'));
    expect(JSON.parse(line ?? '')).toMatchObject({ status: 401, code: 'invalid-token' });
    expect(fixture.log.join('')).not.toContain(bad.slice(-40));
  });
});

describe('streams', () => {
  test('the head of a silent event stream passes at once, and events as they come', async () => {
    let send: (text: string) => void = () => undefined;
    fixture.serve = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      send = (text) => void response.write(text);
    };
    const started = performance.now();
    const { response, destroy } = await openStream('/http/reports/events');
    expect(performance.now() - started).toBeLessThan(1000);
    expect(response.headers['content-type']).toBe('text/event-stream');
    send('data: one\n\n');
    expect(String((await once(response, 'data'))[0])).toBe('data: one\n\n');
    destroy();
  });

  test('the upstream call is aborted when its client goes', async () => {
    const gone = new Promise<void>((resolve) => {
      fixture.serve = (_request, response) => {
        response.writeHead(200).write('begin');
        response.on('close', () => resolve());
      };
    });
    const { response, destroy } = await openStream('/http/reports/long');
    await once(response, 'data');
    destroy();
    await gone;
  });

  test('the upstream call is aborted when its client goes before there is an answer', async () => {
    let arrived: () => void = () => undefined;
    const asked = new Promise<void>((resolve) => (arrived = resolve));
    const gone = new Promise<void>((resolve) => {
      fixture.serve = (_request, response) => {
        response.on('close', () => resolve());
        arrived();
      };
    });
    const request = httpRequest(`${fixture.origin}/http/reports`, {
      headers: { authorization: `Bearer ${bearer}` },
    });
    request.on('error', () => undefined).end();
    await asked;
    request.destroy();
    await gone;
  });

  test('a slow reader slows the upstream down instead of filling memory', async () => {
    let sent = 0;
    fixture.serve = (_request, response) => {
      response.writeHead(200);
      const chunk = Buffer.alloc(64 * 1024);
      const write = () => {
        while (sent < 200_000_000 && !response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', write);
        }
        response.end();
      };
      write();
    };
    const { response, destroy } = await openStream('/http/reports/big');
    response.pause();
    await sleep(500);
    expect(sent).toBeLessThan(50_000_000);
    destroy();
  });

  test('a revoked grant ends its open streams', async () => {
    fixture.vault.answer = () => tokenAnswer('to-be-revoked', { grant_id: 'grant-2' });
    fixture.serve = (_request, response) => void response.writeHead(200).write('begin');
    const { response } = await openStream('/http/reports/long');
    await once(response, 'data');
    response.on('error', () => undefined);
    const ended = new Promise((resolve) => response.once('close', resolve));
    const person = { issuer: 'corporate', subject: 'alice' };
    fixture.vault.publish({
      type: 'grant',
      ...person,
      grantId: 'grant-2',
      version: 1,
      status: 'revoked',
    });
    await ended;
    expect(response.complete).toBe(false);
  });
});

describe('row 30, stream exhaustion', () => {
  test('one person’s open calls are bounded; as they end, others may follow', async () => {
    const waiting: (() => void)[] = [];
    fixture.serve = (_request, response) => void waiting.push(() => void response.end('done'));
    const calls = Array.from({ length: 130 }, () => call('/http/reports'));
    while (waiting.length < 128) await sleep(5);
    for (const finish of waiting) finish();
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 429)).toHaveLength(2);
    fixture.serve = (_request, response) => void response.end();
    expect((await call('/http/reports')).status).toBe(200);
  });
});

describe('row 20, token passthrough', () => {
  test('the caller’s token reaches the upstream in no header, whatever its name', async () => {
    const response = await call('/http/reports', {
      headers: {
        'x-thing': `see ${bearer}`,
        'x-forwarded-access-token': bearer,
        'x-auth-request': bearer,
        'user-agent': bearer,
      },
    });
    expect(response.status).toBe(200);
    expect(JSON.stringify(fixture.seen)).not.toContain(bearer);
  });

  test('nor where the upstream takes no credential', async () => {
    const token = await fixture.token('/http/open');
    await call('/http/open', {
      token,
      headers: { cookie: 'a=b', 'proxy-authorization': `Bearer ${token}` },
    });
    expect(JSON.stringify(fixture.seen)).not.toContain(token);
    expect(fixture.seen[0]?.headers).not.toHaveProperty('cookie');
  });

  test('TRACE is refused: an upstream that answers it would show the borrowed token', async () => {
    const answer = await raw([
      'TRACE /http/reports HTTP/1.1',
      'Host: gateway',
      `Authorization: Bearer ${bearer}`,
      'Connection: close',
    ]);
    expect(answer).toMatch(/^HTTP\/1\.1 405/);
    expect(fixture.seen).toHaveLength(0);
  });

  test('a token in the URL is refused', async () => {
    const response = await call(`/http/reports?access_token=${bearer}`);
    expect(response.status).toBe(400);
    expect(fixture.seen).toHaveLength(0);
  });
});

describe('row 21, hop-by-hop headers', () => {
  test('neither they, nor what Connection names, nor underscore variants, nor forwarding headers pass', async () => {
    const lines = [
      'GET /http/reports HTTP/1.1',
      'Host: gateway',
      `Authorization: Bearer ${bearer}`,
      'Connection: close, X-Hop, prefer',
      'X-Hop: 1',
      'Prefer: respond-async',
      'Keep-Alive: 5',
      'TE: trailers',
      'X_Real_IP: 6.6.6.6',
      'Content_Type: x',
      'X-Forwarded-For: 6.6.6.6',
      'X-Original-URL: /admin',
      'X-HTTP-Method-Override: DELETE',
      'Forwarded: for=6.6.6.6',
      'Proxy: evil',
      'X-Roles: admin',
      'X-User-Group: admin',
      'X-Principal: eve',
      'X-Impersonate: eve',
      'X-On-Behalf-Of: eve',
      'X-Acting-As: eve',
      'X-Request-Kind: kept',
      'If-None-Match: "kept"',
    ];
    const answer = await raw(lines);
    expect(answer).toMatch(/^HTTP\/1\.1 200/);
    const names = fixture.seen[0]?.rawHeaders
      .filter((_, i) => i % 2 === 0)
      .map((name) => name.toLowerCase());
    expect(names?.sort()).toEqual([
      'authorization',
      'connection',
      'host',
      'if-none-match',
      'x-request-kind',
    ]);
    expect(fixture.seen[0]?.headers.host).toBe(new URL(fixture.upstream.origin).host);
  });
});

describe('row 22, what an upstream may say to the caller', () => {
  test('cookies, challenges, CORS grants and server tricks do not pass; ordinary headers do', async () => {
    fixture.serve = (_request, response) =>
      void response
        .writeHead(403, {
          'set-cookie': ['a=b', 'c=d'],
          'www-authenticate': 'Bearer realm="upstream"',
          'access-control-allow-origin': '*',
          'strict-transport-security': 'max-age=1',
          'clear-site-data': '"*"',
          'x-accel-redirect': '/etc',
          'x-session-token': 's',
          'content-type': 'application/json',
          'x-ratelimit-remaining': '3',
          etag: '"1"',
          link: ['<a>; rel=next', '<b>; rel=prev'],
        })
        .end('{}');
    const response = await call('/http/reports');
    expect(response.status).toBe(403);
    const names = [...response.headers.keys()].filter(
      (name) => !['date', 'connection', 'keep-alive', 'transfer-encoding'].includes(name),
    );
    expect(names.sort()).toEqual(['content-type', 'etag', 'link', 'x-ratelimit-remaining']);
    expect(response.headers.get('link')).toBe('<a>; rel=next, <b>; rel=prev');
  });

  test.each([
    ['/api/next?x=1', '/http/reports/next?x=1'],
    ['next', '/http/reports/next'],
  ])('a redirect within the upstream leads through the gateway: %s', async (location, expected) => {
    fixture.serve = (_request, response) => void response.writeHead(302, { location }).end();
    const response = await call('/http/reports/first');
    expect(response.status).toBe(302);
    expect(response.headers.get('location')).toBe(`${fixture.origin}${expected}`);
  });

  test.each([
    'https://evil.example/',
    '//evil.example/x',
    '/other',
    '/api-other/x',
    '/api/../admin',
  ])('a redirect elsewhere is refused: %s', async (location) => {
    fixture.serve = (_request, response) => void response.writeHead(307, { location }).end();
    const response = await call('/http/reports/first');
    expect(response.status).toBe(502);
    expect(response.headers.get('location')).toBeNull();
    expect(await problemOf(response)).toMatchObject({ type: 'urn:symbolon:upstream-invalid' });
  });
});

describe('row 39, an upstream that refuses the token', () => {
  test('one forced refresh and one replay with the body', async () => {
    const bodies: string[] = [];
    fixture.vault.answer = (form) =>
      tokenAnswer(form.has('rejected_token_sha256') ? 'second' : 'first');
    fixture.serve = async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      bodies.push(`${request.headers.authorization} ${body}`);
      response.writeHead(request.headers.authorization === 'Bearer second' ? 200 : 401).end('done');
    };
    const response = await call('/http/reports', { method: 'POST', body: 'order' });
    expect(response.status).toBe(200);
    expect(bodies).toEqual(['Bearer first order', 'Bearer second order']);
    expect(fixture.vault.exchanges[1]?.get('rejected_token_sha256')).toMatch(/^[\w-]{43}$/);
  });

  test('a 401 loop ends after one replay with a clear error and no challenge of the upstream', async () => {
    let count = 0;
    fixture.vault.answer = () => tokenAnswer(`token-${(count += 1)}`);
    fixture.serve = (_request, response) =>
      void response.writeHead(401, { 'www-authenticate': 'Bearer' }).end();
    const response = await call('/http/reports');
    expect(response.status).toBe(502);
    expect(response.headers.get('www-authenticate')).toBeNull();
    expect(await problemOf(response)).toMatchObject({
      type: 'urn:symbolon:upstream-rejected-credential',
    });
    expect(fixture.seen).toHaveLength(2);
  });

  test('a streamed body is not replayed: the caller is told to send it again', async () => {
    fixture.vault.answer = (form) =>
      tokenAnswer(form.has('rejected_token_sha256') ? 'second' : 'first');
    fixture.serve = (_request, response) => void response.writeHead(401).end();
    const response = await call('/http/reports', { method: 'POST', body: Buffer.alloc(100_000) });
    expect(response.status).toBe(502);
    expect(fixture.seen).toHaveLength(1);
    expect((await problemOf(response)).detail).toContain('send the request again');
  });
});

describe('where there is no token', () => {
  test('a person must connect: 403 with the link and the interaction', async () => {
    fixture.vault.answer = () => ({
      status: 400,
      body: {
        error: 'interaction_required',
        error_description: 'x',
        message: 'Connect Reports first.',
        interaction_uri: 'https://vault.example/connect/abc',
        interaction_id: 'int-1',
        expires_in: 600,
      },
    });
    const response = await call('/http/reports');
    expect(response.status).toBe(403);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(await problemOf(response)).toMatchObject({
      type: 'urn:symbolon:interaction-required',
      detail: 'Connect Reports first.',
      interaction_uri: 'https://vault.example/connect/abc',
      interaction_id: 'int-1',
    });
  });

  test.each([
    [
      { status: 503, headers: { 'retry-after': '7' }, body: { error: 'temporarily_unavailable' } },
      503,
    ],
    [{ status: 400, body: { error: 'invalid_target' } }, 403],
    [{ status: 400, body: { error: 'invalid_request' } }, 401],
    [{ status: 500, body: 'oops' }, 503],
  ])('the vault’s answer becomes ours: %j', async (answer, status) => {
    fixture.vault.answer = () => answer;
    const response = await call('/http/reports');
    expect(response.status).toBe(status);
    if (answer.status === 503) expect(response.headers.get('retry-after')).toBe('7');
    if (status === 401)
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(fixture.seen).toHaveLength(0);
  });

  test('an upstream that cannot be reached is 502, one that does not answer 504', async () => {
    fixture.serve = (request) => void request.socket.destroy();
    expect((await call('/http/reports')).status).toBe(502);
  });
});

/** One request byte by byte; answers everything until the connection ends. */
async function raw(lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(fixture.origin);
  const socket = connect(Number(port), hostname);
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

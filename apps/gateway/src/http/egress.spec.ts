import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startGatewayFixture, upstreamOf, type GatewayFixture } from '../gateway-fixture.js';

let fixture: GatewayFixture;
const none = { credential: { type: 'none' } } as const;

beforeAll(async () => {
  fixture = await startGatewayFixture({
    upstreams: (origin) => [
      upstreamOf('reading', `${origin}/api`, { ...none, egress: { methods: ['GET', 'HEAD'] } }),
      upstreamOf('paths', `${origin}/api`, {
        ...none,
        egress: { paths: ['/v1/items/*', '/v1/files/**'] },
      }),
      upstreamOf('named', `${origin}/api`, {
        ...none,
        egress: {
          requestHeaders: ['accept', 'x-tenant', 'destination', 'authorization', 'x-forwarded-for'],
          responseHeaders: ['etag', 'server', 'set-cookie', 'www-authenticate', 'x-session-token'],
        },
      }),
      upstreamOf('open', origin, none),
    ],
  });
});
afterAll(() => fixture.stop());
beforeEach(() => {
  fixture.seen.length = 0;
  fixture.serve = (_request, response) => void response.writeHead(200).end('hello');
});

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const token = await fixture.token(path.split('/').slice(0, 3).join('/'));
  const headers = { ...(init.headers as object), authorization: `Bearer ${token}` };
  return fetch(`${fixture.origin}${path}`, { ...init, headers });
}

describe('methods', () => {
  test('those that are listed pass; of others the answer names them, and the upstream hears nothing', async () => {
    expect((await call('/http/reading/x')).status).toBe(200);
    expect((await call('/http/reading/x', { method: 'HEAD' })).status).toBe(200);
    fixture.seen.length = 0;
    const refused = await call('/http/reading/x', { method: 'DELETE' });
    expect(refused.status).toBe(405);
    expect(refused.headers.get('allow')).toBe('GET, HEAD');
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
    expect(await refused.json()).toMatchObject({
      type: 'urn:symbolon:method-not-allowed',
      allowedMethods: ['GET', 'HEAD'],
    });
    expect(fixture.seen).toHaveLength(0);
  });

  test('a header that overrides the method overrides nothing', async () => {
    await call('/http/reading/x', { headers: { 'x-http-method-override': 'DELETE' } });
    expect(fixture.seen[0]?.method).toBe('GET');
    expect(fixture.seen[0]?.headers).not.toHaveProperty('x-http-method-override');
  });
});

describe('paths', () => {
  test.each(['/v1/items/7?expand=all', '/v1/files', '/v1/files/a/b'])('%s passes', async (path) => {
    expect((await call(`/http/paths${path}`)).status).toBe(200);
    expect(fixture.seen[0]?.url).toBe(`/api${path}`);
  });

  test.each([
    '',
    '/',
    '/v1/items',
    '/v1/items/7/owner',
    '/v1/items/7%2Fowner',
    '/v1/items/7%252Fowner',
    '/v2/files',
    '/v1/filesystem',
    '/admin?x=/v1/files/',
  ])('row 23, a path that is not listed is refused: %s', async (path) => {
    const refused = await call(`/http/paths${path}`);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      type: 'urn:symbolon:forbidden',
      allowedPaths: ['/v1/items/*', '/v1/files/**'],
    });
    expect(fixture.seen).toHaveLength(0);
  });
});

describe('headers', () => {
  test('row 20, only listed request headers pass, and never those that no caller may send', async () => {
    await call('/http/named', {
      method: 'POST',
      body: '{}',
      headers: {
        'content-type': 'application/json',
        accept: 'text/csv',
        'accept-language': 'el',
        'x-tenant': 'one',
        destination: '/elsewhere',
        'x-forwarded-for': '6.6.6.6',
        'user-agent': 'evil',
      },
    });
    const names = fixture.seen[0]?.rawHeaders
      .filter((_, i) => i % 2 === 0)
      .map((name) => name.toLowerCase());
    expect(names?.sort()).toEqual([
      'accept',
      'connection',
      'content-length',
      'content-type',
      'destination',
      'host',
      'x-tenant',
    ]);
  });

  test('row 22, only listed response headers come back, and never what speaks for the gateway', async () => {
    fixture.serve = (_request, response) =>
      void response
        .writeHead(200, {
          'content-type': 'text/csv',
          etag: '"1"',
          server: 'upstream/1',
          'cache-control': 'no-store',
          'x-rate': '1',
          'set-cookie': 'a=b',
          'www-authenticate': 'Bearer',
          'x-session-token': 's',
          'access-control-allow-origin': '*',
        })
        .end('a,b');
    const response = await call('/http/named');
    const names = [...response.headers.keys()].filter(
      (name) => !['date', 'connection', 'keep-alive', 'transfer-encoding'].includes(name),
    );
    expect(names.sort()).toEqual(['content-type', 'etag', 'server']);
  });
});

test('where nothing is ruled everything passes as before', async () => {
  expect((await call('/http/open/any/path', { method: 'DELETE' })).status).toBe(200);
});

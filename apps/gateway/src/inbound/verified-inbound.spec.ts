import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  issuerOf,
  startGatewayFixture,
  upstreamOf,
  type GatewayFixture,
} from '../gateway-fixture.js';

let fixture: GatewayFixture;
let bearer: string;

beforeAll(async () => {
  fixture = await startGatewayFixture({
    environment: { SYMBOLON_GATEWAY_ORIGINS: 'https://app.example' },
    upstreams: (origin) => [
      upstreamOf('open', origin, { credential: { type: 'none' } }),
      upstreamOf('scoped', origin, {
        credential: { type: 'none' },
        access: { scopes: ['reports:read', 'symbolon'], claims: {} },
      }),
      upstreamOf('staff', origin, {
        credential: { type: 'none' },
        access: { scopes: [], claims: { '/realm_access/roles': { includes: 'engineer' } } },
      }),
      upstreamOf('tools', origin, { type: 'mcp' }),
      upstreamOf('hidden', origin, {
        type: 'mcp',
        access: { scopes: [], claims: { team: { equals: 'x' } } },
      }),
    ],
    snapshot: {
      applications: [{ issuer: 'corporate', clientId: 'bad-app', name: 'Bad', trust: 'blocked' }],
    },
  });
  bearer = await fixture.token('/http/open');
});
afterAll(() => fixture.stop());

function call(
  path: string,
  token?: string,
  headers: Record<string, string> = {},
  init: RequestInit = {},
): Promise<Response> {
  const authorization = token === undefined ? undefined : { authorization: `Bearer ${token}` };
  const sent: Record<string, string> = { ...authorization, ...headers };
  return fetch(`${fixture.origin}${path}`, { ...init, headers: sent });
}

/** One request byte by byte; its status line. */
async function raw(
  target: string,
  headers: readonly string[] = ['Host: gateway'],
): Promise<number> {
  const { hostname, port } = new URL(fixture.origin);
  const socket = connect(Number(port), hostname);
  socket.write(
    `GET ${target} HTTP/1.1\r\n${[...headers, `Authorization: Bearer ${bearer}`].join('\r\n')}\r\n\r\n`,
  );
  const [head] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(String(head))?.[1]);
}

describe('row 23, traversal, absolute form, smuggling', () => {
  test.each([
    '/mcp/../admin',
    '/http/open/../x',
    '/http/open/..',
    '/http/open/%2e%2e/x',
    '/http/open/%2E./x',
    '/http/open/..%2fx',
    '/http/open/a%5c..%5cb',
    '/http/open/..;a=b/x',
    '/http/open/a\\b',
    '/http/open/%00',
    '/http/open/%zz',
    '/http/%6fpen/x',
    '/%68ttp/open',
    '/mcp/%2e%2e',
    '//x',
    '/http/open//x',
    'http://evil/x',
    'http://evil/http/open',
    '/http/open#x',
    '*',
  ])('%s is 400', async (target) => {
    expect(await raw(target)).toBe(400);
    expect(fixture.seen).toHaveLength(0);
  });

  test('two Hosts are 400, and so is none', async () => {
    expect(await raw('/http/open', ['Host: a', 'Host: b'])).toBe(400);
    expect(await raw('/http/open', [])).toBe(400);
  });

  test('Content-Length and Transfer-Encoding together are 400', async () => {
    expect(
      await raw('/http/open', ['Host: a', 'Content-Length: 5', 'Transfer-Encoding: chunked']),
    ).toBe(400);
  });

  test('three thousand headers are refused, not cut off', async () => {
    const many = Array.from({ length: 3000 }, () => 'a:b');
    expect(await raw('/http/open', ['Host: a', ...many])).toBe(400);
  });

  test('an encoded slash in a name is none of these', async () => {
    expect(await raw('/http/open/group%2Fproject/a.b/..c')).toBe(200);
    fixture.seen.length = 0;
  });
});

describe('row 20, two Authorization headers', () => {
  test('are 400, whatever they hold', async () => {
    expect(await raw('/http/open', ['Host: a', 'Authorization: Bearer other'])).toBe(400);
    expect(await raw('/http/open', ['Host: a', 'AUTHORIZATION: Basic eDp5'])).toBe(400);
    expect(fixture.seen).toHaveLength(0);
  });
});

describe('row 24, bad Origin', () => {
  test.each(['https://evil.example', 'null', 'https://app.example.evil', 'http://app.example'])(
    '%s is 403',
    async (origin) => {
      expect(await raw('/http/open', ['Host: a', `Origin: ${origin}`])).toBe(403);
      expect(await raw('/mcp/tools', ['Host: a', `Origin: ${origin}`])).toBe(403);
    },
  );

  test('an allowed origin may call and read the answer', async () => {
    const response = await call('/http/open', bearer, { origin: 'https://app.example' });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example');
    const preflight = await call(
      '/http/open',
      undefined,
      { origin: 'https://app.example', 'access-control-request-method': 'PUT' },
      { method: 'OPTIONS' },
    );
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([
      204,
      'PUT',
    ]);
  });
});

describe('the protected resource metadata', () => {
  test.each(['', '/mcp', '/mcp/tools', '/http/open', '/http/no-such-thing'])(
    'of %s can be read from any origin',
    async (path) => {
      const response = await call(`/.well-known/oauth-protected-resource${path}`, undefined, {
        origin: 'https://any.example',
      });
      expect(response.status).toBe(200);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(await response.json()).toMatchObject({
        resource: `${fixture.origin}${path}`,
        authorization_servers: [fixture.issuer.issuer],
        scopes_supported: ['symbolon'],
      });
    },
  );

  test('of what can be no resource is 404', async () => {
    expect((await call('/.well-known/oauth-protected-resource/admin')).status).toBe(404);
  });

  test('row 16, host poisoning: a forwarded host changes nothing', async () => {
    const response = await call('/http/open', undefined, { 'x-forwarded-host': 'evil.example' });
    expect(response.headers.get('www-authenticate')).toContain(
      `resource_metadata="${fixture.origin}/`,
    );
  });
});

describe('a caller', () => {
  test('without a token is told where to get one, and with which scope', async () => {
    const response = await call('/http/open');
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${fixture.origin}/.well-known/oauth-protected-resource/http/open", scope="symbolon"`,
    );
  });

  test.each([
    ['Basic', 'Basic YTpi'],
    ['an empty bearer', 'Bearer '],
    ['garbage', 'Bearer a b'],
    ['no JWT', 'Bearer abc'],
  ])('with %s is told that the token is not valid', async (_name, authorization) => {
    const response = await call('/http/open', undefined, { authorization });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  test('with a token in the query only is unauthenticated', async () => {
    expect((await call(`/http/open?access_token=${bearer}`)).status).toBe(401);
  });

  test('row 27, audience: a token for another route is refused, one for the whole gateway is good', async () => {
    expect((await call('/http/scoped', bearer)).status).toBe(401);
    expect((await call('/mcp', bearer)).status).toBe(401);
    expect((await call('/http/open', await fixture.token(''))).status).toBe(200);
  });

  test('row 27, an ID token is refused', async () => {
    const about = {
      subject: 'alice',
      clientId: 'cli',
      claims: { aud: `${fixture.origin}/http/open` },
    };
    expect((await call('/http/open', await fixture.issuer.idToken(about))).status).toBe(401);
  });

  test('hears of an unknown service only after authentication', async () => {
    expect((await call('/http/nothing')).status).toBe(401);
    expect((await call('/http/nothing', await fixture.token(''))).status).toBe(404);
    expect((await call('/http/tools', await fixture.token(''))).status).toBe(404);
  });

  test('without a scope is told all that the call needs', async () => {
    const response = await call(
      '/http/scoped',
      await fixture.token('/http/scoped', { scope: 'symbolon' }),
    );
    expect(response.status).toBe(403);
    const challenge = response.headers.get('www-authenticate') ?? '';
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('scope="symbolon reports:read"');
    const enough = await fixture.token('/http/scoped', { scope: 'symbolon reports:read' });
    expect((await call('/http/scoped', enough)).status).toBe(200);
  });

  test('without the claim is refused, and no scope is offered', async () => {
    const response = await call('/http/staff', await fixture.token('/http/staff'));
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([403, null]);
    const staff = await fixture.token('/http/staff', { realm_access: { roles: ['engineer'] } });
    expect((await call('/http/staff', staff)).status).toBe(200);
  });

  test('through a blocked application is refused', async () => {
    const token = await fixture.token('/http/open', { client_id: 'bad-app' });
    expect((await call('/http/open', token)).status).toBe(403);
  });

  test('that was verified before is looked at again when the configuration changes', async () => {
    expect((await call('/http/open', bearer)).status).toBe(200);
    const upstreams = [
      upstreamOf('open', fixture.upstream.origin, { credential: { type: 'none' } }),
    ];
    const issuers = [issuerOf(fixture.issuer, { unknownApplications: 'refuse' })];
    fixture.vault.configure({ issuers, applications: [], upstreams });
    for (let i = 0; i < 100 && (await call('/http/open', bearer)).status === 200; i += 1)
      await sleep(10);
    expect((await call('/http/open', bearer)).status).toBe(403);
    fixture.vault.configure({ issuers: [], applications: [], upstreams });
    for (let i = 0; i < 100 && (await call('/http/open', bearer)).status === 403; i += 1)
      await sleep(10);
    expect((await call('/http/open', bearer)).status).toBe(401);
  });
});

describe('/mcp', () => {
  beforeAll(async () => {
    const { origin } = fixture.upstream;
    fixture.vault.configure({
      issuers: [issuerOf(fixture.issuer)],
      applications: [],
      upstreams: [
        upstreamOf('tools', origin, { type: 'mcp' }),
        upstreamOf('hidden', origin, {
          type: 'mcp',
          access: { scopes: [], claims: { team: { equals: 'x' } } },
        }),
        upstreamOf('open', origin, { credential: { type: 'none' } }),
      ],
    });
    for (let i = 0; i < 100 && !(await told()).includes('tools_'); i += 1) await sleep(10);
  });

  const told = async (): Promise<string> => {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    };
    const body = JSON.stringify({ jsonrpc: '2.0', id: 7, method: 'initialize', params });
    const headers = { 'content-type': 'application/json' };
    const token = await fixture.token('/mcp');
    return (await call('/mcp', token, headers, { method: 'POST', body })).text();
  };

  test('challenges, and tells an admitted caller of the upstreams that are theirs', async () => {
    expect((await call('/mcp')).headers.get('www-authenticate')).toContain(
      '/oauth-protected-resource/mcp"',
    );
    expect(JSON.parse(await told())).toMatchObject({
      id: 7,
      result: { serverInfo: { name: 'symbolon' }, capabilities: { tools: { listChanged: true } } },
    });
    expect(await told()).not.toContain('hidden_');
    expect(await told()).not.toContain('open_');
  });

  test('every other path is a 404 problem', async () => {
    const response = await call('/admin', bearer);
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  });
});

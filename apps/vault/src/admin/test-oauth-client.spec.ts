import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import { altered } from '#lib/testing/scripted-answer';
import { AdminFixture } from './admin-fixture.js';

let vault: AdminFixture;
let server: ScriptableAuthorizationServer;

beforeAll(async () => {
  vault = await AdminFixture.start();
  server = await ScriptableAuthorizationServer.start();
});
afterEach(() => server.always('token', undefined));
afterAll(async () => {
  await server.stop();
  await vault.stop();
});

async function testOf(more: object) {
  const body = {
    name: 'Upstream',
    issuer: server.issuer,
    clientId: 'symbolon',
    clientSecret: 'canary secret:&',
    scopes: ['openid', 'offline_access'],
    ...more,
  };
  const put = await vault.ask('PUT', '/admin/v1/oauth-clients/one', { body });
  if (put.status >= 300) throw new Error(put.text);
  const { body: answer } = await vault.ask('POST', '/admin/v1/oauth-clients/one/test');
  const statuses = answer.checks.map((line: { check: string; status: string }) => [
    line.check,
    line.status,
  ]);
  return { statuses: Object.fromEntries(statuses) as Record<string, string>, answer };
}

const status = async () =>
  (await vault.ask('GET', '/admin/v1/oauth-clients/one')).body.status as string;

describe('the test of an oauth client', () => {
  it('goes through what can be tried without a person', async () => {
    const { statuses, answer } = await testOf({});
    expect(statuses).toMatchObject({
      registration: 'pass',
      metadata: 'pass',
      endpoints: 'pass',
      pkce: 'pass',
      'client-authentication': 'pass',
      'redirect-uri': 'pass',
      consent: 'needs-user',
    });
    expect(JSON.stringify(answer)).not.toContain('canary');
    expect(await status()).toBe('ready');
  });

  it('sees that the client secret is refused, and shows it as failing', async () => {
    server.always('token', (response) => {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end('{"error":"invalid_client"}');
    });
    const { statuses } = await testOf({});
    expect(statuses['client-authentication']).toBe('fail');
    expect(await status()).toBe('failing');
  });

  it('never repeats what an authorization server writes', async () => {
    server.always('token', (response) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end('{"error":"<script>alert(1)</script>","error_description":"canary"}');
    });
    const { statuses, answer } = await testOf({});
    expect(statuses['client-authentication']).toBe('needs-user');
    expect(JSON.stringify(answer)).not.toMatch(/canary|script/);
  });

  it('stops at a draft with what to register', async () => {
    const { statuses, answer } = await testOf({ clientId: undefined, clientSecret: null });
    expect(statuses).toMatchObject({ registration: 'fail', metadata: 'pass' });
    expect(statuses).not.toHaveProperty('client-authentication');
    expect(answer.checks[0].fix).toContain('redirectUri');
    expect(await status()).toBe('draft');
  });

  it('says which address does not answer', async () => {
    const endpoints = { authorization: 'http://127.0.0.1:9/a', token: 'http://127.0.0.1:9/t' };
    const { statuses } = await testOf({ issuer: undefined, endpoints });
    expect(statuses).toMatchObject({ registration: 'pass', endpoints: 'fail' });
  });

  it.each([
    ['a scope that is not listed', { scopes_supported: ['openid'] }, {}, 'scopes', 'needs-user'],
    ['scopes that are', { scopes_supported: ['openid', 'offline_access'] }, {}, 'scopes', 'pass'],
    ['PKCE without S256', { code_challenge_methods_supported: ['plain'] }, {}, 'pkce', 'fail'],
    ['no revocation', { revocation_endpoint: undefined }, {}, 'revocation', 'needs-user'],
    [
      'no pushed requests, although they are wanted',
      {},
      { pushedAuthorization: 'always' },
      'pushed-authorization',
      'fail',
    ],
    [
      'pushed requests demanded, although they are not wanted',
      { require_pushed_authorization_requests: true },
      { pushedAuthorization: 'never' },
      'pushed-authorization',
      'fail',
    ],
    [
      'DPoP that fits',
      { dpop_signing_alg_values_supported: ['ES256'] },
      { dpop: 'always' },
      'dpop',
      'pass',
    ],
    [
      'DPoP with another algorithm, although it is demanded',
      { dpop_signing_alg_values_supported: ['Ed25519'] },
      { dpop: 'always' },
      'dpop',
      'fail',
    ],
    ['no DPoP, although it is demanded', {}, { dpop: 'always' }, 'dpop', 'fail'],
    [
      'nothing about iss',
      { authorization_response_iss_parameter_supported: undefined },
      {},
      'iss-parameter',
      'pass',
    ],
  ])('sees in the metadata: %s', async (_what, members, more, check, expected) => {
    server.always('discovery', altered(members));
    try {
      // Another name each time: metadata is remembered for as long as the oauth client is not changed.
      const { statuses, answer } = await testOf({ ...more, name: _what });
      expect(statuses[check]).toBe(expected);
      const line = answer.checks.find((one: { check: string }) => one.check === check);
      expect(line.detail).toMatch(/[.]$/);
      expect(line.fix === undefined).toBe(expected === 'pass');
    } finally {
      server.always('discovery', undefined);
    }
  });

  it('of a client that signs, looks for its keys at their public address', async () => {
    const { statuses, answer } = await testOf({ clientAuth: 'private_key_jwt' });
    expect(statuses).toMatchObject({
      'signing-keys': 'needs-user',
      'client-authentication': 'pass',
    });
    expect(JSON.stringify(answer)).toContain(
      'https://vault.example.com/oauth-clients/one/jwks.json',
    );
  });

  it('says of a refused key what to register', async () => {
    server.always('token', (response) => {
      response.writeHead(401, { 'content-type': 'application/json' });
      response.end('{"error":"invalid_client"}');
    });
    const { answer } = await testOf({ clientAuth: 'private_key_jwt' });
    const line = answer.checks.find(
      (one: { check: string }) => one.check === 'client-authentication',
    );
    expect(line).toMatchObject({ status: 'fail', fix: expect.stringContaining('signingKeysUri') });
  });
});

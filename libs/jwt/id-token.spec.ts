import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestVerifier } from '#lib/testing/test-verifier';
import type { TokenVerifier } from './token-verifier.js';

const { good, gateway } = TestVerifier;

let bench: TestVerifier;

beforeAll(async () => {
  bench = await TestVerifier.start();
});

afterAll(() => bench.stop());

describe('row 27, audience and ID tokens', () => {
  test.each([
    ['other', 'https://other.example'],
    ['array of others', ['https://other.example', 'account']],
    ['Keycloak without an audience mapper', 'account'],
    ['another upstream of the same gateway', `${gateway}/mcp/reports`],
    ['the route with a slash', `${gateway}/mcp/snow/`],
  ])('aud %s is refused', async (_name, aud) => {
    expect(await bench.reasonFor(await bench.sign({ ...good, aud }))).toBe('audience');
  });

  const listed = (): TokenVerifier =>
    bench.verifier(bench.trust({ audiences: ['inspector', 'api://symbolon'] }));
  const idToken = { iss: good.iss, sub: 'alice', aud: 'inspector', iat: good.iat, exp: good.exp };

  test.each([
    ['with at_hash', { ...idToken, azp: 'inspector', at_hash: 'x' }],
    ['with c_hash', { ...idToken, azp: 'inspector', c_hash: 'x' }],
    ['with a nonce', { ...idToken, azp: 'inspector', nonce: 'n' }],
    ['with azp alone', { ...idToken, azp: 'inspector' }],
    [
      'with a list of audiences',
      { ...idToken, aud: ['inspector', 'api://symbolon'], azp: 'inspector' },
    ],
    [
      'with azp of the phone and aud of the server, as Google has',
      { ...idToken, azp: 'phone-app' },
    ],
    [
      "for our audience, by Keycloak's mapper",
      { ...idToken, aud: ['inspector', gateway], typ: 'ID', azp: 'inspector', at_hash: 'x' },
    ],
    ['typ ID with scopes', { ...idToken, typ: 'ID', azp: 'inspector', scope: 'openid' }],
    ['of Cognito', { ...idToken, token_use: 'id', client_id: 'inspector', scope: 'x' }],
    ['with client_id and nonce', { ...idToken, aud: gateway, client_id: 'inspector', nonce: 'n' }],
    ['without anything else', idToken],
    ['with its client as client_id', { ...idToken, client_id: 'inspector' }],
    ['with at_hash and scopes', { ...idToken, azp: 'inspector', at_hash: 'x', scope: 'openid' }],
  ])('an ID token whose audience an admin listed is refused: %s', async (_name, claims) => {
    expect(await bench.reasonFor(await bench.sign(claims, { typ: 'JWT' }), listed())).toBe(
      'id-token',
    );
  });

  test('an ID token is refused where clientClaim names a claim that it has', async () => {
    const byAud = bench.verifier(bench.trust({ audiences: ['inspector'], clientClaim: 'aud' }));
    expect(await bench.reasonFor(await bench.sign(idToken, { typ: 'JWT' }), byAud)).toBe(
      'id-token',
    );
    const byTenant = bench.verifier(bench.trust({ audiences: ['inspector'], clientClaim: 'tid' }));
    expect(
      await bench.reasonFor(
        await bench.sign({ ...idToken, tid: 'tenant' }, { typ: 'JWT' }),
        byTenant,
      ),
    ).toBe('id-token');
  });

  test.each(['Refresh', 'Offline', 'Logout'])("Keycloak's typ %s is refused", async (typ) => {
    expect(await bench.reasonFor(await bench.sign({ ...good, typ }, { typ: 'JWT' }))).toBe(
      'id-token',
    );
  });

  test.each([
    ['Keycloak', { typ: 'Bearer', azp: 'inspector', client_id: undefined, scope: 'openid' }],
    [
      'older Keycloak, which copies the nonce',
      { typ: 'Bearer', azp: 'inspector', client_id: undefined, nonce: 'n' },
    ],
    [
      'Entra v2 of an app that calls itself',
      {
        aud: 'api://symbolon',
        azp: 'api://symbolon',
        client_id: undefined,
        scope: undefined,
        scp: 'access',
      },
    ],
    ['Okta', { cid: 'inspector', client_id: undefined, scope: undefined, scp: ['a', 'b'] }],
    ['client_id and a foreign audience, no scopes', { scope: undefined }],
  ])('an access token of type JWT is accepted: %s', async (_name, claims) => {
    expect(await bench.reasonFor(await bench.sign({ ...good, ...claims }, { typ: 'JWT' }))).toBe(
      'ok',
    );
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type GatewayFixture,
  issuerOf,
  startGatewayFixture,
  upstreamOf,
} from '../gateway-fixture.js';

let fixture: GatewayFixture;

/** An issuer that marks no access token by its type, and whose admin listed the client itself as an audience. */
beforeAll(async () => {
  const open = { credential: { type: 'none' } } as const;
  fixture = await startGatewayFixture({
    upstreams: (origin) => [upstreamOf('open', origin, open), upstreamOf('other', origin, open)],
  });
  const { origin } = fixture.upstream;
  fixture.vault.configure({
    issuers: [issuerOf(fixture.issuer, { tokenTypes: ['at+jwt', 'JWT'], audiences: ['cli'] })],
    applications: [],
    upstreams: [upstreamOf('open', origin, open), upstreamOf('other', origin, open)],
  });
  const token = await accessToken({ aud: 'cli' });
  for (let i = 0; i < 300 && (await call('/http/open', token)) !== 200; i += 1) await sleep(10);
});
afterAll(() => fixture.stop());

async function call(path: string, token: string): Promise<number> {
  const headers = { authorization: `Bearer ${token}` };
  return (await fetch(`${fixture.origin}${path}`, { headers })).status;
}

const now = () => Math.floor(Date.now() / 1000);

/** An access token whose header says no more than that it is a JWT. */
function accessToken(claims: Readonly<Record<string, unknown>>): Promise<string> {
  const { issuer } = fixture.issuer;
  const base = { iss: issuer, sub: 'alice', iat: now(), exp: now() + 300, azp: 'cli' };
  return fixture.issuer.sign({ ...base, scope: 'openid', ...claims }, { typ: 'JWT' });
}

describe('row 27, a token for somebody else', () => {
  test.each([
    ['with the audience of its client', () => ({})],
    ['with the audience of the route', () => ({ aud: `${fixture.origin}/http/open` })],
    ['with at_hash', () => ({ at_hash: 'x' })],
  ])('an ID token is refused where only its claims betray it: %s', async (_case, claims) => {
    const about = { subject: 'alice', clientId: 'cli', claims: { azp: 'cli', ...claims() } };
    expect(await call('/http/open', await fixture.issuer.idToken(about))).toBe(401);
    expect(await call('/http/open', await accessToken({ aud: 'cli' }))).toBe(200);
    expect(fixture.seen.length).toBeGreaterThan(0);
  });

  test('a token admitted at its own route is refused at another', async () => {
    const token = await accessToken({ aud: `${fixture.origin}/http/open` });
    expect(await call('/http/open', token)).toBe(200);
    expect(await call('/http/other', token)).toBe(401);
    expect(await call('/mcp', token)).toBe(401);
    expect(await call('/http/open', token)).toBe(200);
  });
});

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type GatewayFixture,
  issuerOf,
  startGatewayFixture,
  upstreamOf,
} from '../gateway-fixture.js';

const vault = 'https://vault.example';
let fixture: GatewayFixture;

beforeAll(async () => {
  fixture = await startGatewayFixture({ upstreams: () => [] });
  const { origin } = fixture.upstream;
  fixture.vault.configure({
    issuers: [issuerOf(fixture.issuer)],
    applications: [],
    upstreams: [
      upstreamOf('first', origin, { consentAtSignIn: true }),
      upstreamOf('tools', origin, { type: 'mcp', consentAtSignIn: true }),
      upstreamOf('other', origin),
    ],
    signIn: { issuer: vault },
  });
  for (let i = 0; i < 100 && (await servers('/http/first'))[0] !== vault; i += 1) await sleep(10);
});
afterAll(() => fixture.stop());

async function servers(resource: string): Promise<string[]> {
  const path = `/.well-known/oauth-protected-resource${resource}`;
  const answer = (await (await fetch(`${fixture.origin}${path}`)).json()) as {
    authorization_servers: string[];
  };
  return answer.authorization_servers;
}

test('where people consent as they sign in the vault comes first, and the corporate issuers stay', async () => {
  const both = [vault, fixture.issuer.issuer];
  expect([await servers('/http/first'), await servers('/mcp/tools')]).toEqual([both, both]);
});

test.each(['', '/mcp', '/http/other', '/mcp/first', '/http/tools', '/mcp/nothing'])(
  'of %j nothing changes',
  async (resource) => {
    expect(await servers(resource)).toEqual([fixture.issuer.issuer]);
  },
);

test('a corporate token is good there as before', async () => {
  const authorization = `Bearer ${await fixture.token('/http/first')}`;
  const { status } = await fetch(`${fixture.origin}/http/first`, { headers: { authorization } });
  expect(status).not.toBe(401);
});

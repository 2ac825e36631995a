import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { DualEraUpstream } from './dual-era-fixture.js';
import { startGateway, type GatewayOptions, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';
import { RawClient, toolPolicy } from './policy-fixture.js';

const people = {
  alice: { scopes: ['mcp'], claims: { roles: ['admin'] } },
  bob: { scopes: ['mcp', 'write'], claims: {} },
};
const tools = toolPolicy({
  echo: { scopes: ['write'] },
  slow: { claims: { roles: { includes: 'admin' } } },
});
let upstream: DualEraUpstream;
let vault: PersonVault;
let gateway: TestGateway;

beforeEach(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  vault = new PersonVault();
  for (const person of ['alice', 'bob']) vault.grant(person);
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

async function serve(
  registered: Partial<UpstreamConfig>,
  options: GatewayOptions = {},
): Promise<void> {
  gateway = await startGateway(upstream.url, vault, { people, upstream: registered, ...options });
}

const calls = () => upstream.seen.filter(({ body }) => body.includes('"tools/call"')).length;

describe.each(['modern', 'legacy'] as const)('tool policy, %s', (era) => {
  const client = (bearer: string | undefined) => new RawClient(gateway, era, bearer);

  it('a missing scope is one 403 that names all scopes of the call', async () => {
    await serve({ tools, access: { scopes: ['mcp'], claims: {} } });
    const { status, headers, body } = await client('alice.app').call('echo', { text: 'x' });
    expect(status).toBe(403);
    expect(headers.get('www-authenticate')).toBe(
      'Bearer error="insufficient_scope", scope="base mcp write", resource_metadata="http://x"',
    );
    expect(body).toMatchObject({ id: 7, error: { data: { problem: 'insufficient-scope' } } });
    expect(calls()).toBe(0);
    const served = await client('bob.app').call('echo', { text: 'x' });
    expect(served.body.result?.['content']).toMatchObject([{ text: 'x' }]);
  });

  it('a claim that is missing is a 403 that does not say which', async () => {
    await serve({ tools });
    const { status, body } = await client('bob.app').call('slow');
    expect(status).toBe(403);
    expect(body).toMatchObject({ id: 7, error: { data: { problem: 'forbidden' } } });
    expect(JSON.stringify(body)).not.toMatch(/roles|admin|claim/);
  });

  it('a tool that no rule names may be denied', async () => {
    await serve({ tools: toolPolicy({ whoami: {} }, 'deny') });
    expect((await client('bob.app').call('echo', { text: 'x' })).status).toBe(403);
    expect((await client('bob.app').call('whoami')).body.result).toBeDefined();
  });

  it('a list leaves out what no sign-in and no scope would open', async () => {
    await serve({ tools: toolPolicy({ ...tools.rules, whoami: { hidden: true } }) });
    expect(await client('alice.app').tools()).toEqual(['echo', 'slow']);
    expect(await client('bob.app').tools()).toEqual(['echo']);
  });
});

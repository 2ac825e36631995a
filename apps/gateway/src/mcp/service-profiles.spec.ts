import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { DualEraUpstream } from './dual-era-fixture.js';
import { startGateway, type GatewayOptions, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';
import { RawClient, toolPolicy } from './policy-fixture.js';

let upstream: DualEraUpstream;
let vault: PersonVault;
let gateway: TestGateway;

beforeEach(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  vault = new PersonVault();
  for (const purpose of ['discovery', 'public'] as const)
    vault.services.set(purpose, {
      kind: 'credential',
      header: ['authorization', `Bearer up:${purpose}:0`],
      grantId: undefined,
      revocation: undefined,
    });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

async function serve(
  registered: Partial<UpstreamConfig>,
  options: GatewayOptions = {},
): Promise<void> {
  gateway = await startGateway(upstream.url, vault, { upstream: registered, ...options });
}

const asked = (method: string) =>
  upstream.seen.filter(({ body }) => body.includes(`"${method}"`)).map(({ headers }) => headers);
const whole = ['whoami', 'echo', 'slow'];

describe.each(['modern', 'legacy'] as const)('before consent, %s', (era) => {
  const client = (bearer = 'alice.app') => new RawClient(gateway, era, bearer);

  it('lists come by the credential for lists, the same for everybody, and are kept', async () => {
    await serve({ discovery: true });
    for (const bearer of ['alice.app', 'bob.app'])
      expect(await client(bearer).tools()).toEqual(whole);
    expect(asked('tools/list').map(({ authorization }) => authorization)).toEqual([
      'Bearer up:discovery:0',
    ]);
    const { body } = await client().ask('prompts/list');
    expect(body.result).toMatchObject({ prompts: [{ name: 'hello' }] });
    const list = await client().ask('tools/list');
    if (era === 'modern')
      expect(list.body.result).toMatchObject({ ttlMs: 0, cacheScope: 'private' });
    expect(vault.links).toBe(0);
  });

  it('are thinned out for each caller', async () => {
    await serve(
      { discovery: true, tools: toolPolicy({ echo: { claims: { a: { equals: 1 } } } }) },
      { people: { bob: { claims: { a: 1 } } } },
    );
    expect(await client().tools()).toEqual(['whoami', 'slow']);
    expect(await client('bob.app').tools()).toEqual(whole);
  });

  it('a call never bears the credential for lists: it asks the person', async () => {
    await serve({ discovery: true });
    await client().call('whoami');
    expect(vault.links).toBe(1);
    expect(asked('tools/call')).toEqual([]);
  });

  it('cache poisoning: what one client says of itself is not what the others are shown by', async () => {
    await serve({ discovery: true });
    const odd = client();
    odd.rewrite = (body) => body.replace('"params":{', '"params":{"x":"canary",');
    await odd.tools();
    expect(JSON.stringify(upstream.seen)).not.toContain('canary');
  });

  it('where the server refuses it the connect tool stands in, and no person is asked', async () => {
    await serve({ discovery: true });
    upstream.refused.add('up:discovery:0');
    expect(await client().tools()).toEqual(['connect_demo']);
    vault.services.delete('discovery');
    expect(await client('bob.app').tools()).toEqual(['connect_demo']);
    expect([vault.links, vault.replaced]).toEqual([0, 0]);
  });

  it('after consent lists are the person’s own', async () => {
    await serve({ discovery: true });
    const alice = client();
    await alice.tools();
    vault.grant('alice');
    await alice.tools();
    expect(asked('tools/list').at(-1)?.authorization).toMatch(/^Bearer up:alice/);
    const bob = client('bob.app');
    expect(await bob.tools()).toEqual(whole);
    expect(asked('tools/list')).toHaveLength(2);
  });

  it('the public credential shows tools where there is none for lists', async () => {
    await serve({ public: true });
    expect(await client().tools()).toEqual(whole);
    expect((await client().ask('prompts/list')).body.result).toMatchObject({ prompts: [] });
  });
});

it('a handshake before consent says what the server can do', async () => {
  await serve({ discovery: true });
  const alice = new RawClient(gateway, 'legacy', 'alice.app');
  const params = { protocolVersion: '2025-06-18', capabilities: {} };
  const { body } = await alice.post(
    JSON.stringify({
      ...{ jsonrpc: '2.0', id: 1, method: 'initialize' },
      params: { ...params, clientInfo: { name: 'x', version: '1' } },
    }),
  );
  expect(body.result).toMatchObject({
    protocolVersion: '2025-06-18',
    serverInfo: { name: 'demo', version: '1.0.0' },
    capabilities: { tools: { listChanged: true }, logging: {} },
  });
});

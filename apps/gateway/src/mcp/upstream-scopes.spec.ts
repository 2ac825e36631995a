import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DualEraUpstream } from './dual-era-fixture.js';
import { startGateway, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';
import { RawClient, toolPolicy } from './policy-fixture.js';

const tools = toolPolicy({ echo: { upstreamScopes: ['files.write'] } });
let upstream: DualEraUpstream;
let vault: PersonVault;
let gateway: TestGateway;

beforeEach(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  vault = new PersonVault();
  vault.grant('alice');
  gateway = await startGateway(upstream.url, vault, { upstream: { tools }, holdMs: 5000 });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

const sent = (text: string) => upstream.seen.filter(({ body }) => body.includes(text));
const args = { text: 'x' };

describe.each(['modern', 'legacy'] as const)('a tool that needs more of the grant, %s', (era) => {
  const client = () => new RawClient(gateway, era, 'alice.app');

  it('pauses its first call for the union; other tools are served meanwhile', async () => {
    const alice = client();
    const paused = await alice.call('echo', args);
    expect(paused.body.result?.['resultType'] ?? paused.body.error?.code).toBe(
      era === 'modern' ? 'input_required' : -32042,
    );
    expect(vault.requests.at(-1)).toMatchObject({
      interaction: 'create',
      scopes: ['files.write'],
    });
    expect(sent('"echo"')).toEqual([]);
    expect((await alice.call('whoami')).body.result).toBeDefined();
    expect(vault.requests.at(-1)?.scopes).toBeUndefined();
    vault.consent();
    expect((await alice.call('echo', args)).body.result?.['content']).toMatchObject([args]);
    expect(sent('"echo"')[0]?.headers.authorization).toContain('+files.write');
    expect(vault.links).toBe(1);
  });

  it('that nobody offers is a 403', async () => {
    vault.notOffered.add('files.write');
    const { status, body } = await client().call('echo', args);
    expect([status, body.error?.data?.problem]).toEqual([403, 'forbidden']);
    expect(sent('"echo"')).toEqual([]);
  });

  it('a list needs none of it', async () => {
    expect(await client().tools()).toContain('echo');
    expect(vault.requests.some(({ scopes }) => scopes !== undefined)).toBe(false);
  });
});

it('a held retry goes on with the wider grant only, revision 2026-07-28', async () => {
  const alice = new RawClient(gateway, 'modern', 'alice.app');
  const { body } = await alice.call('echo', args);
  const requestState = body.result?.['requestState'];
  const inputResponses = { consent: { action: 'accept' } };
  const params = { name: 'echo', arguments: args, requestState, inputResponses };
  const held = alice.ask('tools/call', params);
  await expect
    .poll(() => vault.requests.at(-1))
    .toMatchObject({ interaction: 'none', scopes: ['files.write'] });
  expect(sent('"echo"')).toEqual([]);
  vault.consent();
  expect((await held).body.result?.['content']).toMatchObject([args]);
  expect(sent('"echo"')[0]?.headers.authorization).toContain('+files.write');
});

it('a public tool asks nobody for more of a grant', async () => {
  await gateway.close();
  vault.services.set('public', {
    kind: 'credential',
    header: ['authorization', 'Bearer up:public:0'],
    grantId: undefined,
    revocation: undefined,
  });
  const open = toolPolicy({ echo: { public: true, upstreamScopes: ['files.write'] } });
  gateway = await startGateway(upstream.url, vault, { upstream: { tools: open, public: true } });
  const { body } = await new RawClient(gateway, 'modern', 'alice.app').call('echo', args);
  expect(body.result?.['content']).toMatchObject([args]);
  expect(sent('"echo"')[0]?.headers.authorization).toBe('Bearer up:public:0');
  expect(vault.links).toBe(0);
});

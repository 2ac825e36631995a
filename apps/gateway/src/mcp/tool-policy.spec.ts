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

  it('hidden-tool probing: what is hidden answers exactly as what does not exist', async () => {
    await serve({ tools: toolPolicy({ whoami: { hidden: true } }) });
    const hidden = await client('alice.app').call('whoami');
    const unknown = await client('alice.app').call('whoamI2');
    expect(hidden.text.replaceAll('whoami', '?')).toBe(unknown.text.replaceAll('whoamI2', '?'));
    expect([hidden.status, hidden.headers.get('content-type')]).toEqual([
      unknown.status,
      unknown.headers.get('content-type'),
    ]);
    expect(hidden.text).toContain('Tool whoami not found');
    expect(upstream.seen.filter(({ body }) => body.includes('"name":"whoami"'))).toEqual([]);
    expect(JSON.stringify(upstream.seen.map(({ headers }) => headers))).not.toContain('whoami');
  });

  it('hidden-tool probing: where unknown tools are denied, so is a hidden one', async () => {
    await serve({ tools: toolPolicy({ whoami: { hidden: true } }, 'deny') });
    const answers = [];
    for (const name of ['whoami', 'nothing']) {
      const { status, body } = await client('alice.app').call(name);
      answers.push([status, body.error?.code, body.error?.message, body.error?.data?.problem]);
    }
    expect(answers[0]).toEqual(answers[1]);
    expect(upstream.seen.filter(({ body }) => body.includes('tools/call'))).toEqual([]);
  });

  it.each([
    ['another case', 'ECHO'],
    ['full-width letters', 'ｅｃｈｏ'],
    ['an accent', 'éCho'],
    ['a character that cannot be seen', 'ec\u200Bho'],
    ['space around it', ' echo\t'],
  ])('rule evasion: %s does not get round a rule', async (_how, name) => {
    await serve({ tools });
    const header = { 'mcp-name': `=?base64?${Buffer.from(name).toString('base64')}?=` };
    const one = client('alice.app');
    one.names = () => header;
    expect((await one.call(name, { text: 'x' })).status).toBe(403);
    expect(calls()).toBe(0);
  });

  it('rule evasion: a name that stands twice, escaped or not, is refused', async () => {
    await serve({ tools });
    for (const second of ['"name":"echo"', '"na\\u006de":"echo"']) {
      const one = client('alice.app');
      one.rewrite = (body) => body.replace('"name":"whoami"', `"name":"whoami",${second}`);
      expect((await one.call('whoami')).status).toBe(400);
    }
    expect(calls()).toBe(0);
  });

  it('rule evasion: an Mcp-Name that says something else is refused', async () => {
    await serve({ tools });
    const one = client('alice.app');
    one.names = () => ({ 'mcp-name': 'whoami' });
    const { status, body } = await one.call('echo', { text: 'x' });
    expect([status, body.error?.code]).toEqual([400, -32020]);
    expect(calls()).toBe(0);
  });

  it.each([[['echo']], [{ toString: 'echo' }], [7], [null]])(
    'rule evasion: the name %j is no string, and is refused',
    async (name) => {
      await serve({ tools });
      const { status, body } = await client('alice.app').ask('tools/call', { name });
      expect([status, body.error?.code]).toEqual([400, -32602]);
      expect(calls()).toBe(0);
    },
  );

  it('an escaped name is the name that it spells', async () => {
    await serve({ tools });
    const one = client('alice.app');
    one.rewrite = (body) => body.replace('"name":"echo"', '"name":"ech\\u006f"');
    expect((await one.call('echo', { text: 'x' })).status).toBe(403);
  });

  it('what was changed by the server waits for an administrator, listed nowhere', async () => {
    await serve({ heldTools: ['whoami'] });
    const { status, body } = await client('alice.app').call('whoami');
    expect([status, body.error?.message]).toEqual([
      403,
      'This tool was changed by the server and waits for an administrator.',
    ]);
    expect(await client('alice.app').tools()).toEqual(['echo', 'slow']);
  });

  it('every refusal is one line without arguments, and is told to the audit', async () => {
    const told: unknown[] = [];
    await serve({ tools }, { decisions: { denied: (one) => void told.push(one) } });
    await client('bob.app').call('slow', { secret: 'canary' });
    await client('alice.app').call('echo', { secret: 'canary' });
    const lines = gateway.lines.filter(({ event }) => event === 'tool.refused');
    const [issuer, application, up] = ['corporate', 'app', 'demo'];
    const of = { issuer, application, upstream: up, requestId: expect.any(String) };
    expect(lines).toMatchObject([
      { ...of, subject: 'bob', tool: 'slow', rule: 'slow', because: 'claims' },
      { ...of, subject: 'alice', tool: 'echo', rule: 'echo', because: 'insufficient-scope' },
    ]);
    expect(told).toMatchObject([
      { caller: { subject: 'bob' }, tool: 'slow', because: 'claims' },
      { caller: { subject: 'alice' }, tool: 'echo', because: 'insufficient-scope' },
    ]);
    expect(JSON.stringify([gateway.lines, told])).not.toContain('canary');
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { RawClient, toolPolicy } from '../mcp/policy-fixture.js';
import { mcpUpstream, soon, startJoined, type Joined } from './joined-gateway-fixture.js';
import { ScriptedUpstream, type ScriptedCall } from './scripted-upstream-fixture.js';

const open: Partial<UpstreamConfig> = {
  tools: toolPolicy({
    open: { public: true },
    guarded: { scopes: ['write'] },
    secret: { hidden: true },
  }),
  public: true,
  access: { scopes: ['mcp'], claims: {} },
};
const people = { alice: { scopes: ['mcp', 'write'] }, bob: { scopes: [] } };
const names = ['open', 'guarded', 'secret'];
let modern: ScriptedUpstream;
let legacy: ScriptedUpstream;
let closed: ScriptedUpstream;
let joined: Joined;

const whose = ({ headers }: ScriptedCall) => ({
  content: [{ type: 'text', text: headers.authorization }],
});

beforeEach(async () => {
  modern = await ScriptedUpstream.start('modern', names);
  legacy = await ScriptedUpstream.start('legacy', names);
  closed = await ScriptedUpstream.start('modern', ['own']);
  for (const one of [modern, legacy, closed]) one.on.set('tools/call', whose);
  joined = await startJoined(
    [
      mcpUpstream('closed', closed.url),
      mcpUpstream('modern', modern.url, open),
      mcpUpstream('legacy', legacy.url, open),
    ],
    { people },
  );
  joined.vault.services.set('public', {
    kind: 'credential',
    header: ['authorization', 'Bearer up:public'],
    grantId: undefined,
    revocation: undefined,
  });
});

afterEach(async () => {
  await joined.close();
  await Promise.all([modern, legacy, closed].map((one) => one.stop()));
});

describe.each(['modern', 'legacy'] as const)('without a token, %s', (era) => {
  const client = (bearer?: string) => new RawClient(joined, era, bearer);
  const all = () => [...modern.seen, ...legacy.seen];

  it('public tools are served with the public credential', async () => {
    const anybody = client();
    for (const name of ['modern_open', 'legacy_open'])
      expect((await anybody.call(name)).text).toContain('Bearer up:public');
    expect(joined.vault.requests).toEqual([]);
    expect(joined.vault.links).toBe(0);
    const logged = () => joined.lines.find(({ tool }) => tool === 'legacy_open');
    await soon(() => logged() !== undefined);
    const line = logged();
    expect(line).toMatchObject({ tool: 'legacy_open', upstream: 'legacy', status: 200 });
    expect(line).not.toHaveProperty('subject');
  });

  it('lists hold what is public and what signing in would open, of upstreams that admit guests', async () => {
    // Somebody's own list is there already, and stays theirs.
    joined.vault.grant('alice', 'app', 'modern');
    modern.tools = [...names, 'only-for-alice'];
    await client('alice.app').tools();
    modern.tools = names;
    expect(await client().tools()).toEqual([
      'legacy_open',
      'legacy_guarded',
      'modern_open',
      'modern_guarded',
      'symbolon_sign_in',
    ]);
    for (const method of ['prompts/list', 'resources/list', 'resources/templates/list'])
      expect((await client().ask(method)).text).toContain('":[]');
    expect(closed.seen).toEqual([]);
  });

  it.each([
    ['a protected tool', 'tools/call', { name: 'modern_guarded' }, 'base mcp write'],
    ['the tool to sign in', 'tools/call', { name: 'symbolon_sign_in' }, 'base'],
    ['a tool of another upstream', 'tools/call', { name: 'closed_own' }, 'base'],
    ['what connects one', 'tools/call', { name: 'connect_modern' }, 'base mcp'],
    ['a resource', 'resources/read', { uri: 'symbolon+modern:note://1' }, 'base'],
    ['a prompt', 'prompts/get', { name: 'modern_hello' }, 'base'],
    ['a stream', 'subscriptions/listen', { notifications: {} }, 'base'],
    ['tasks', 'tasks/list', {}, 'base'],
  ])('the first use of %s is asked to sign in', async (_what, method, params, scope) => {
    const { status, headers, body } = await client().ask(method, params);
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe(
      `Bearer scope="${scope}", resource_metadata="http://x"`,
    );
    expect(body.id).toBe(7);
    expect(all().filter((one) => one.method === method)).toEqual([]);
  });

  it('a hidden tool is answered as one that nobody has, and a token that does not count is 401', async () => {
    const [hidden, unknown] = [
      await client().call('modern_secret'),
      await client().call('modern_x'),
    ];
    expect([hidden.status, hidden.text.replaceAll(/"requestId":"[^"]*"/g, '')]).toEqual([
      unknown.status,
      unknown.text.replaceAll(/"requestId":"[^"]*"/g, ''),
    ]);
    expect((await client('nonsense').call('modern_open')).status).toBe(401);
  });

  it('who signs in goes on in the same session, as themselves', async () => {
    joined.vault.grant('alice', 'app', 'modern');
    const one = client();
    await one.tools();
    one.bearer = 'alice.app';
    expect((await one.call('modern_open')).text).toContain('Bearer up:alice');
    expect((await one.call('symbolon_sign_in')).text).toContain('You are signed in');
    expect(await one.tools()).toContain('connect_closed');
  });

  it('who signed in but may not use an upstream is a guest there', async () => {
    const bob = client('bob.app');
    expect(await bob.tools()).toEqual([
      ...['connect_closed', 'legacy_open', 'legacy_guarded', 'modern_open', 'modern_guarded'],
    ]);
    expect((await bob.call('legacy_open')).text).toContain('Bearer up:public');
    const { status, headers } = await bob.call('legacy_guarded');
    expect([status, headers.get('www-authenticate')]).toEqual([
      403,
      'Bearer error="insufficient_scope", scope="base mcp write", resource_metadata="http://x"',
    ]);
  });
});

describe('nobody in particular', () => {
  it('shares no session at a legacy upstream with anybody else', async () => {
    const anybody = new RawClient(joined, 'modern', undefined);
    for (let i = 0; i < 2; i += 1) await anybody.call('legacy_open');
    const sessions = legacy.seen
      .filter(({ method }) => method === 'tools/call')
      .map(({ headers }) => headers['mcp-session-id']);
    expect(new Set(sessions).size).toBe(2);
    await soon(() => legacy.sessions.size === 0);
  });

  it('is asked nothing, whatever a legacy upstream tries', async () => {
    legacy.on.set('tools/call', async ({ ask }) => ({
      content: [{ type: 'text', text: JSON.stringify(await ask('elicitation/create', {})) }],
    }));
    const { text } = await new RawClient(joined, 'modern', undefined).call('legacy_open');
    expect(text).toContain('refused');
  });

  it('is nobody where no upstream admits guests', async () => {
    joined.configure([mcpUpstream('closed', closed.url)]);
    expect((await new RawClient(joined, 'legacy', undefined).ask('tools/list')).status).toBe(401);
  });
});

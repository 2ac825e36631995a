import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { DualEraUpstream } from './dual-era-fixture.js';
import { startGateway, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';
import { RawClient, toolPolicy } from './policy-fixture.js';

const tools = toolPolicy({
  whoami: { public: true },
  echo: { scopes: ['write'] },
  slow: { claims: { team: { equals: 'data' } } },
});
const people = { alice: { scopes: ['mcp', 'write'] } };
const registered: Partial<UpstreamConfig> = {
  tools,
  public: true,
  access: { scopes: ['mcp'], claims: {} },
};
let upstream: DualEraUpstream;
let vault: PersonVault;
let gateway: TestGateway;

beforeEach(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  vault = new PersonVault();
  vault.services.set('public', {
    kind: 'credential',
    header: ['authorization', 'Bearer up:public:0'],
    grantId: undefined,
    revocation: undefined,
  });
  gateway = await startGateway(upstream.url, vault, { people, upstream: registered });
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

async function serve(changes: Partial<UpstreamConfig>): Promise<void> {
  await gateway.close();
  gateway = await startGateway(upstream.url, vault, {
    people,
    upstream: { ...registered, ...changes },
  });
}

const said = ({ body }: { body: { result?: Record<string, never> } }): unknown =>
  (body.result?.['content'] as { text: string }[] | undefined)?.[0]?.text;

describe.each(['modern', 'legacy'] as const)('without a token, %s', (era) => {
  const client = (bearer?: string) => new RawClient(gateway, era, bearer);

  it('public tools are served with the public credential', async () => {
    const anybody = client();
    expect(said(await anybody.call('whoami'))).toBe('public');
    expect(vault.requests).toEqual([]);
    const line = gateway.lines.findLast(({ event }) => event === 'mcp.call');
    expect(line).toMatchObject({ tool: 'whoami', status: 200 });
    expect(line).not.toHaveProperty('subject');
  });

  it('lists show what is public and what signing in would open', async () => {
    expect(await client().tools()).toEqual(['whoami', 'echo', 'slow']);
  });

  it('the first protected call is asked to sign in, for all that it needs', async () => {
    const { status, headers, body } = await client().call('echo', { text: 'x' });
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe(
      'Bearer scope="base mcp write", resource_metadata="http://x"',
    );
    expect(body.id).toBe(7);
    expect(gateway.lines.filter(({ event }) => event === 'tool.refused')).toEqual([]);
  });

  it('a token that does not count is 401, never anonymous', async () => {
    for (const bearer of ['nonsense', '']) {
      const { status } = await client(bearer).call('whoami');
      expect(status).toBe(401);
    }
    expect(upstream.seen).toEqual([]);
  });

  it.each([
    ['prompts/list', { prompts: [] }],
    ['resources/list', { resources: [] }],
    ['resources/templates/list', { resourceTemplates: [] }],
  ])('%s is empty', async (method, expected) => {
    const { body } = await client().ask(method);
    expect(body.result).toMatchObject(expected);
    expect(upstream.seen.filter((one) => one.body.includes(method))).toEqual([]);
  });

  it.each([
    ['prompts/get', { name: 'hello' }],
    ['resources/read', { uri: 'note://one' }],
    ['resources/subscribe', { uri: 'note://one' }],
    ['completion/complete', { ref: { type: 'ref/prompt', name: 'hello' } }],
    ['tasks/get', { taskId: 'one' }],
    ['tasks/list', {}],
    ['subscriptions/listen', { notifications: { toolsListChanged: true } }],
    ['vendor/own', {}],
  ])('nothing else is open: %s asks to sign in', async (method, params) => {
    const { status, headers } = await client().ask(method, params);
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toContain('scope="base mcp"');
    expect(upstream.seen.filter(({ body }) => body.includes(method))).toEqual([]);
  });

  it('without a public credential nobody is anonymous', async () => {
    await serve({ public: false });
    expect((await client().post('{}')).status).toBe(401);
  });

  it('where no tool is public nobody is anonymous', async () => {
    await serve({ tools: toolPolicy({ whoami: { public: true, hidden: true } }) });
    expect((await client().post('{}')).status).toBe(401);
  });

  it('a public credential that cannot be had is an error, not a sign-in', async () => {
    vault.services.set('public', { kind: 'unavailable', retryAfterSeconds: 3, detail: 'Away.' });
    const one = client();
    one.session = era === 'legacy' ? '' : undefined;
    const { status } = await one.ask(era === 'legacy' ? 'initialize' : 'tools/call', {
      ...{ name: 'whoami', protocolVersion: '2025-11-25', capabilities: {} },
      clientInfo: { name: 'x', version: '1' },
    });
    expect(status).toBe(503);
  });

  it('an upstream that refuses the public credential is an error, and no person is asked', async () => {
    const one = client();
    await one.tools();
    upstream.refused.add('up:public:0');
    const { body } = await one.call('whoami');
    expect(body.error?.data?.problem).toBe('upstream-rejected-credential');
    expect([vault.replaced, vault.links]).toEqual([0, 0]);
  });
});

describe.each(['modern', 'legacy'] as const)('who has signed in, %s', (era) => {
  const client = (bearer?: string) => new RawClient(gateway, era, bearer);

  it('calls a public tool as themselves where they are connected', async () => {
    vault.grant('alice');
    expect(said(await client('alice.app').call('whoami'))).toBe('alice');
    expect(vault.serviceRequests).toEqual([]);
  });

  it('calls a public tool with the public credential where they are not, and is asked for nothing', async () => {
    expect(said(await client('alice.app').call('whoami'))).toBe('public');
    expect([vault.links, vault.interactions.size]).toEqual([0, 0]);
  });

  it('is still asked to connect by a tool that is not public', async () => {
    await client('alice.app').call('echo', { text: 'x' });
    expect(vault.links).toBe(1);
  });

  it('goes on with the same client after signing in', async () => {
    const one = client();
    expect(said(await one.call('whoami'))).toBe('public');
    expect((await one.call('echo', { text: 'x' })).status).toBe(401);
    vault.grant('alice');
    one.bearer = 'alice.app';
    expect(said(await one.call('echo', { text: 'x' }))).toBe('x');
    expect(said(await one.call('whoami'))).toBe('alice');
  });
});

describe('an anonymous session', () => {
  const client = (bearer?: string) => new RawClient(gateway, 'legacy', bearer);

  it('session theft: a session of somebody is 404 without their token', async () => {
    vault.grant('alice');
    const alice = client('alice.app');
    await alice.tools();
    const thief = client();
    thief.session = alice.session;
    expect((await thief.call('whoami')).status).toBe(404);
  });

  it('session fixation: two people with one anonymous id meet nowhere', async () => {
    vault.grant('alice');
    vault.grant('bob');
    const anybody = client();
    await anybody.tools();
    const people = ['alice.app', 'bob.app', 'alice.other'].map((bearer) => {
      const one = client(bearer);
      one.session = anybody.session;
      return one;
    });
    vault.grant('alice', 'other');
    for (const one of people) await one.call('whoami');
    const sessions = upstream.seen
      .filter(({ body }) => body.includes('tools/call'))
      .map(({ headers }) => headers['mcp-session-id']);
    expect(new Set(sessions).size).toBe(3);
    // What one of them ends is not ended for the others.
    const [alice, bob] = people;
    const ended = await fetch(gateway.url, {
      method: 'DELETE',
      headers: { authorization: 'Bearer bob.app', 'mcp-session-id': anybody.session ?? '' },
    });
    expect(ended.status).toBe(204);
    expect((await bob?.call('whoami'))?.status).toBe(404);
    expect(said((await alice?.call('whoami')) ?? { body: {} })).toBe('alice');
  });

  it('has no GET stream, and none is asked to sign in for it', async () => {
    const anybody = client();
    await anybody.tools();
    const { status, headers } = await fetch(gateway.url, {
      headers: { accept: 'text/event-stream', 'mcp-session-id': anybody.session ?? '' },
    });
    expect([status, headers.get('allow')]).toEqual([405, 'POST, DELETE']);
  });

  it('is ended here alone', async () => {
    const anybody = client();
    await anybody.tools();
    await fetch(gateway.url, {
      method: 'DELETE',
      headers: { 'mcp-session-id': anybody.session ?? '' },
    });
    expect((await anybody.call('whoami')).status).toBe(404);
    expect(vault.endedSessions).toEqual([]);
  });

  it('serves a real client from the first public call to the challenge', async () => {
    const real = new Client({ name: 'real', version: '1' });
    const transport = new StreamableHTTPClientTransport(new URL(gateway.url));
    await real.connect(transport as Parameters<Client['connect']>[0]);
    expect((await real.listTools()).tools.map(({ name }) => name)).toContain('whoami');
    const served = await real.callTool({ name: 'whoami' });
    expect(served.content).toMatchObject([{ text: 'public' }]);
    await expect(real.callTool({ name: 'echo', arguments: { text: 'x' } })).rejects.toThrow();
    await real.close();
  });
});

/** A server that looks at no token. */
function plainServer(body: string) {
  const { id, method } = JSON.parse(body);
  const handshake = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} };
  const result = method === 'initialize' ? handshake : { content: [] };
  return id === undefined
    ? { status: 202, headers: {}, body: '' }
    : {
        status: 200,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id, result }),
      };
}

describe('an upstream that takes no credential', () => {
  it.each(['modern', 'legacy'] as const)('serves public tools as it is, %s', async (era) => {
    upstream.odd = plainServer;
    await serve({ public: false, credential: { type: 'none' } });
    const one = new RawClient(gateway, era, undefined);
    expect((await one.call('whoami')).body.result).toEqual({ content: [] });
    expect((await one.call('echo')).status).toBe(401);
    expect([...vault.requests, ...vault.serviceRequests]).toEqual([]);
  });
});

it('flood: calls without a token are bounded by where they come from, and nobody else is', async () => {
  const one = new RawClient(gateway, 'modern', undefined);
  upstream.silent = true;
  const open = Array.from({ length: 16 }, () => one.call('whoami').catch(() => undefined));
  await expect.poll(() => upstream.seen.length).toBe(16);
  const { status, headers } = await one.call('whoami');
  expect([status, headers.get('retry-after')]).toEqual([429, '1']);
  const alice = new RawClient(gateway, 'modern', 'alice.app');
  expect((await alice.ask('prompts/list')).status).toBe(200);
  await gateway.close();
  await Promise.all(open);
});

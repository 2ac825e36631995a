import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import { issuerOf, startGatewayFixture, tokenAnswer, upstreamOf } from '../gateway-fixture.js';
import type { GatewayFixture } from '../gateway-fixture.js';
import { DualEraUpstream } from './dual-era-fixture.js';
import { RawClient, toolPolicy } from './policy-fixture.js';

// The gateway as it runs: its own verification of tokens, its own challenges, a vault over HTTP.
let upstream: DualEraUpstream;
let fixture: GatewayFixture;
let upstreams: UpstreamConfig[];

beforeAll(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  const tools = toolPolicy({
    whoami: { public: true },
    echo: { scopes: ['write', 'offline_access'] },
    slow: { claims: { '/realm/roles': { includes: 'admin' } } },
  });
  const demo = upstreamOf('demo', upstream.url, {
    type: 'mcp',
    access: { scopes: ['mcp'], claims: {} },
    tools,
    public: true,
  });
  const strict = {
    ...demo,
    slug: 'strict',
    access: { scopes: [], claims: { team: { equals: 'x' } } },
  };
  const closed = { ...demo, slug: 'closed', public: false };
  upstreams = [demo, strict, closed];
  fixture = await startGatewayFixture({ upstreams: () => upstreams });
  fixture.vault.answer = (form) =>
    form.get('grant_type') === 'client_credentials'
      ? tokenAnswer('up:public:0', { grant_id: undefined, grant_version: undefined })
      : tokenAnswer('up:alice:0');
});
afterAll(async () => {
  await fixture.stop();
  await upstream.close();
});

const at = (slug: string) => ({ url: `${fixture.origin}/mcp/${slug}` });
const tokenFor = (slug: string, scope: string, claims = {}) =>
  fixture.token(`/mcp/${slug}`, { scope, ...claims });
const metadata = (slug: string) =>
  `resource_metadata="${fixture.origin}/.well-known/oauth-protected-resource/mcp/${slug}"`;
const said = ({ body }: { body: { result?: Record<string, never> } }): unknown =>
  (body.result?.['content'] as { text: string }[] | undefined)?.[0]?.text;

describe.each(['modern', 'legacy'] as const)('policy at the gateway, %s', (era) => {
  const client = (slug: string, bearer?: string) => new RawClient(at(slug), era, bearer);

  it('step-up: one 403 names the base scopes, those of the access and those of the rule', async () => {
    const one = client('demo', await tokenFor('demo', 'symbolon mcp'));
    const { status, headers, body } = await one.call('echo', { text: 'x' });
    expect(status).toBe(403);
    expect(headers.get('www-authenticate')).toBe(
      `Bearer error="insufficient_scope", ${metadata('demo')}, scope="symbolon mcp write"`,
    );
    expect(body).toMatchObject({ id: 7, error: { data: { problem: 'insufficient-scope' } } });
  });

  it('sign-in: the first protected call is challenged for all that it needs', async () => {
    const one = client('demo');
    expect(said(await one.call('whoami'))).toBe('public');
    const { status, headers } = await one.call('echo', { text: 'x' });
    expect([status, headers.get('www-authenticate')]).toEqual([
      401,
      `Bearer ${metadata('demo')}, scope="symbolon mcp write"`,
    ]);
    one.bearer = await tokenFor('demo', 'symbolon mcp write offline_access');
    expect(said(await one.call('echo', { text: 'x' }))).toBe('x');
  });

  it('a token that does not count is 401 with its error, never anonymous', async () => {
    const expired = await fixture.issuer.accessToken({
      ...{ subject: 'alice', clientId: 'cli', audience: at('demo').url, expiresIn: -60 },
    });
    const foreign = await tokenFor('closed', 'symbolon mcp');
    for (const bearer of [expired, foreign, 'x.y.z', 'basic']) {
      const { status, headers } = await client('demo', bearer).call('whoami');
      expect([status, headers.get('www-authenticate')]).toEqual([
        401,
        expect.stringContaining('error="invalid_token"'),
      ]);
    }
  });

  it('who lacks the access of an upstream still has its public tools, and no more', async () => {
    const lacking = client('demo', await tokenFor('demo', 'symbolon'));
    expect(said(await lacking.call('whoami'))).toBe('public');
    expect(await lacking.tools()).toEqual(['whoami', 'echo']);
    expect((await lacking.ask('prompts/list')).body.result).toMatchObject({ prompts: [] });
    const read = await lacking.ask('resources/read', { uri: 'note://one' });
    expect([read.status, read.headers.get('www-authenticate')]).toEqual([
      403,
      `Bearer error="insufficient_scope", ${metadata('demo')}, scope="symbolon mcp"`,
    ]);
    const stranger = client('strict', await tokenFor('strict', 'symbolon'));
    expect(said(await stranger.call('whoami'))).toBe('public');
    expect(await stranger.tools()).toEqual(['whoami']);
    const refused = await stranger.call('echo', { text: 'x' });
    expect([refused.status, refused.body.error?.data?.problem]).toEqual([403, 'forbidden']);
  });

  it('without a public credential the access of the upstream guards everything', async () => {
    expect((await client('closed').call('whoami')).status).toBe(401);
    const lacking = client('closed', await tokenFor('closed', 'symbolon'));
    expect((await lacking.call('whoami')).status).toBe(403);
  });

  it('claims in lists of lists decide', async () => {
    const scope = 'symbolon mcp';
    const admin = await tokenFor('demo', scope, { realm: { roles: ['admin', 'x'] } });
    expect(await client('demo', admin).tools()).toContain('slow');
    const user = await tokenFor('demo', scope, { realm: { roles: 'administrator' } });
    expect(await client('demo', user).tools()).not.toContain('slow');
    expect((await client('demo', user).call('slow')).status).toBe(403);
  });
});

it('a broader scope of the issuer counts for a narrower one', async () => {
  const token = () => tokenFor('demo', 'symbolon mcp write:all offline_access');
  const call = async () =>
    new RawClient(at('demo'), 'modern', await token()).call('echo', { text: 'x' });
  expect((await call()).status).toBe(403);
  const scopeHierarchy = { 'write:all': ['write'] };
  const issuers = [issuerOf(fixture.issuer, { scopeHierarchy })];
  fixture.vault.configure({ issuers, applications: [], upstreams });
  await expect.poll(async () => said(await call())).toBe('x');
});

it('what is refused is one line of the log, and is told to the vault', async () => {
  const one = new RawClient(at('demo'), 'modern', await tokenFor('demo', 'symbolon mcp'));
  await one.call('slow', { canary: 'canary-argument' });
  const line = fixture.log.find(
    (text) => text.includes('"tool.refused"') && text.includes('"slow"'),
  );
  expect(JSON.parse(line ?? '{}')).toMatchObject({
    event: 'tool.refused',
    ...{ issuer: 'corporate', subject: 'alice', application: 'cli', upstream: 'demo' },
    ...{ tool: 'slow', rule: 'slow', because: 'claims' },
  });
  const told = () => JSON.stringify(fixture.vault.reports);
  await expect.poll(told, { timeout: 10_000 }).toContain('"tool":"slow"');
  expect(fixture.log.join('') + told()).not.toContain('canary-argument');
});

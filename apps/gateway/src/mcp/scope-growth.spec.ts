import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DualEraUpstream } from './dual-era-fixture.js';
import { startGateway, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';

const modern = '2026-07-28';
const legacy = '2025-11-25';
let upstream: DualEraUpstream;
let vault: PersonVault;
let gateway: TestGateway;

beforeEach(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  vault = new PersonVault();
  vault.grant('alice');
  gateway = await startGateway(upstream.url, vault, { holdMs: 5000 });
  needs('write');
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

/** What the upstream's tools need, or whatever `method` says. */
function needs(scope: string, method = 'tools/call', always = false): void {
  upstream.odd = (body) => {
    const token = upstream.seen.at(-1)?.headers.authorization ?? '';
    if (!body.includes(`"${method}"`) || (token.includes(`+${scope}`) && !always)) return undefined;
    const challenge = `Bearer error="insufficient_scope", scope="${scope}"`;
    return { status: 403, headers: { 'www-authenticate': challenge }, body: '' };
  };
}

const meta = {
  'io.modelcontextprotocol/protocolVersion': modern,
  'io.modelcontextprotocol/clientCapabilities': { elicitation: { url: {} } },
};

async function post(
  message: { method: string; params: Record<string, unknown> },
  headers: Record<string, string>,
) {
  const answer = await fetch(gateway.url, {
    method: 'POST',
    headers: {
      authorization: 'Bearer alice.app',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, ...message }),
  });
  const text = await answer.text();
  const data = /^data: (\{.*)$/m.exec(text)?.[1] ?? text;
  return { status: answer.status, headers: answer.headers, body: JSON.parse(data) };
}

function modernly(method: string, params: Record<string, unknown>) {
  const headers: Record<string, string> = { 'mcp-protocol-version': modern, 'mcp-method': method };
  if (typeof params['name'] === 'string') headers['mcp-name'] = params['name'];
  return post({ method, params: { ...params, _meta: meta } }, headers);
}

async function legacySession(): Promise<string> {
  const params = {
    protocolVersion: legacy,
    capabilities: { elicitation: { url: {} } },
    clientInfo: { name: 'legacy', version: '1' },
  };
  const opened = await post({ method: 'initialize', params }, {});
  expect(opened.status).toBe(200);
  return opened.headers.get('mcp-session-id') ?? '';
}

async function legacyCall(method = 'tools/call', session?: string) {
  const id = session ?? (await legacySession());
  const headers = { 'mcp-protocol-version': legacy, 'mcp-session-id': id };
  return post({ method, params: method === 'tools/call' ? { name: 'whoami' } : {} }, headers);
}

const modernCall = (more: Record<string, unknown> = {}) =>
  modernly('tools/call', { name: 'whoami', ...more });
const accept = { inputResponses: { consent: { action: 'accept' } } };
const calls = () => upstream.seen.filter(({ body }) => body.includes('"tools/call"')).length;

describe('insufficient_scope of an upstream, revision 2026-07-28', () => {
  it('pauses the call for the union; the retry is held until the person agrees, and is sent once more', async () => {
    const paused = await modernCall();
    expect(paused.body.result.resultType).toBe('input_required');
    expect(vault.requests.at(-1)).toMatchObject({ interaction: 'create', scopes: ['write'] });
    const { requestState } = paused.body.result;
    const held = modernCall({ requestState, ...accept });
    await expect
      .poll(() => vault.requests.at(-1))
      .toMatchObject({ interaction: 'none', scopes: ['write'] });
    vault.consent();
    expect((await held).body.result.content[0].text).toBe('alice');
    expect([vault.links, calls()]).toEqual([1, 2]);
    expect((await modernCall()).body.result.content[0].text).toBe('alice');
  });

  it('is one request, however often it comes', async () => {
    await Promise.all([modernCall(), modernCall(), modernCall()]);
    expect(vault.interactions.size).toBe(1);
  });

  it('after consent an upstream that wants the same again gets a clear 403 and no loop', async () => {
    await modernCall();
    vault.consent();
    needs('write', 'tools/call', true);
    for (let round = 0; round < 3; round += 1) {
      const { status, body } = await modernCall();
      expect([status, body.error.data.problem]).toEqual([403, 'insufficient-scope']);
      expect(body.error.message).toContain('"write", which was asked for already');
    }
    expect([vault.links, vault.interactions.size]).toEqual([1, 1]);
  });

  it('a decline leaves the connection as it was', async () => {
    const { requestState } = (await modernCall()).body.result;
    const declined = { inputResponses: { consent: { action: 'decline' } } };
    expect((await modernCall({ requestState, ...declined })).body.result.isError).toBe(true);
    upstream.odd = undefined;
    expect((await modernCall()).body.result.content[0].text).toBe('alice');
  });
});

describe('insufficient_scope of an upstream, revision 2025-11-25', () => {
  it('is -32042 with the link for the union; after consent the same session is served', async () => {
    const session = await legacySession();
    const paused = await legacyCall('tools/call', session);
    expect(paused.body.error.code).toBe(-32042);
    expect(vault.requests.at(-1)).toMatchObject({ scopes: ['write'] });
    vault.consent();
    const served = await legacyCall('tools/call', session);
    expect(served.body.result.content[0].text).toBe('alice');
    expect(vault.links).toBe(1);
  });

  it('after consent an upstream that wants the same again gets a clear 403 and no loop', async () => {
    const session = await legacySession();
    await legacyCall('tools/call', session);
    vault.consent();
    needs('write', 'tools/call', true);
    for (let round = 0; round < 3; round += 1) {
      const { status, body } = await legacyCall('tools/call', session);
      expect([status, body.error.data.problem]).toEqual([403, 'insufficient-scope']);
    }
    expect(vault.links).toBe(1);
  });

  it('at the handshake: the client is let in, and its first call asks', async () => {
    needs('write', 'initialize');
    const session = await legacySession();
    expect((await legacyCall('tools/call', session)).body.error.code).toBe(-32042);
    vault.consent();
    const served = await legacyCall('tools/call', session);
    expect(served.body.result.content[0].text).toBe('alice');
  });
});

describe.each([
  ['2026-07-28', (method: string) => modernly(method, {})],
  ['2025-11-25', (method: string) => legacyCall(method)],
])('without anybody asked, revision %s', (_revision, ask) => {
  it('a list, which cannot pause, is a clear 403', async () => {
    needs('write', 'tools/list');
    const { status, body } = await ask('tools/list');
    expect([status, body.error.data.problem]).toEqual([403, 'insufficient-scope']);
    expect(vault.links).toBe(0);
  });
});

it.each([
  ['2026-07-28', () => modernCall()],
  ['2025-11-25', () => legacyCall()],
])('a scope that nobody listed is a clear 403, revision %s', async (_revision, ask) => {
  vault.notOffered.add('write');
  const { status, body } = await ask();
  expect([status, body.error.data.problem]).toEqual([403, 'insufficient-scope']);
  expect(body.error.message).toContain('an administrator has to allow it');
  expect(vault.links).toBe(0);
});

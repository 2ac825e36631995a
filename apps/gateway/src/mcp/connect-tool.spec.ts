import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DualEraUpstream } from './dual-era-fixture.js';
import { startGateway, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';

let upstream: DualEraUpstream;
let vault: PersonVault;
let gateway: TestGateway;

beforeEach(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  vault = new PersonVault();
  vault.grant('alice');
  gateway = await startGateway(upstream.url, vault);
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

const capabilities = { elicitation: { url: {} } };
const name = 'connect_demo';
const nothing = (): unknown => undefined;

async function post(message: object, headers: Record<string, string>) {
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
  const { result, error } = JSON.parse(/^data: (\{.*)$/m.exec(text)?.[1] ?? text);
  return { status: answer.status, session: answer.headers.get('mcp-session-id'), result, error };
}

function connectModern(first = nothing) {
  first();
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': capabilities,
  };
  const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call' };
  const message = { method: 'tools/call', params: { name, _meta } };
  return post(message, { ...headers, 'mcp-name': name });
}

async function connectLegacy(first = nothing) {
  const clientInfo = { name: 'legacy', version: '1' };
  const params = { protocolVersion: '2025-11-25', capabilities, clientInfo };
  const { session } = await post({ method: 'initialize', params }, {});
  first();
  const headers = { 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': session ?? '' };
  return post({ method: 'tools/call', params: { name } }, headers);
}

describe.each([
  ['2026-07-28', connectModern, { result: { resultType: 'input_required' } }],
  ['2025-11-25', connectLegacy, { error: { code: -32042 } }],
])('connect_<slug>, revision %s', (_revision, connect, paused) => {
  it('is answered once the upstream has taken the token', async () => {
    const { result } = await connect();
    expect(result).toMatchObject({ content: [{ text: expect.stringContaining('is connected') }] });
    expect(upstream.seen.at(-1)?.body).toContain('"tools/list"');
    expect(upstream.seen.at(-1)?.headers.authorization).toBe('Bearer up:alice:0');
  });

  it('with a stored token that the upstream has begun to refuse it leads to the link', async () => {
    await connect();
    upstream.refused.add('up:alice:0');
    vault.replace = (request) => {
      vault.revoke('alice');
      return Promise.resolve(vault.borrow(request));
    };
    expect(await connect()).toMatchObject(paused);
    expect(vault.links).toBe(1);
    upstream.refused.clear();
    vault.consent();
    expect((await connect()).result.isError).toBe(false);
  });

  it.each([
    ['refuses every token', () => [0, 1, 2].map((n) => upstream.refused.add(`up:alice:${n}`))],
    ['is no MCP server', () => (upstream.odd = page)],
  ])('of an upstream that %s says so', async (_what, harm) => {
    const { status, error } = await connect(harm);
    expect([status, error?.data?.problem]).toEqual([502, expect.stringMatching(/^upstream-/)]);
  });
});

const page = () => ({ status: 500, headers: { 'content-type': 'text/html' }, body: '<p>' });

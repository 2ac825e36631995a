import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ProofCheck } from '#lib/testing/proof-check';
import {
  startGatewayFixture,
  tokenAnswer,
  upstreamOf,
  type GatewayFixture,
} from '../gateway-fixture.js';

const version = '2026-07-28';
let fixture: GatewayFixture;
let resource: ProofCheck;
let answer: Record<string, unknown>;
let person = 0;

beforeAll(async () => {
  fixture = await startGatewayFixture({
    upstreams: (origin) => [upstreamOf('demo', `${origin}/mcp`, { type: 'mcp' })],
  });
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const thumbprint = await calculateJwkThumbprint(jwk);
  resource = new ProofCheck(fixture.upstream.origin, () => thumbprint);
  const dpop = { jwk, required: true };
  const headers = { 'Notion-Version': '2025-09-03', 'X-Tenant-Id': 't-1' };
  answer = { token_type: 'DPoP', dpop, headers };
  fixture.vault.answer = () => tokenAnswer('bound', answer);
  fixture.serve = async (request, response) => {
    request.resume();
    const challenge = await resource.challenge(request);
    if (resource.nonce !== undefined) response.setHeader('dpop-nonce', resource.nonce);
    if (challenge !== undefined)
      return void response.writeHead(401, { 'www-authenticate': challenge }).end();
    response.setHeader('content-type', 'application/json');
    const result = { content: [{ type: 'text', text: 'served' }], resultType: 'complete' };
    response.end(JSON.stringify({ jsonrpc: '2.0', id: 1, result }));
  };
});
afterAll(() => fixture.stop());
beforeEach(() => {
  person += 1;
  resource.nonce = undefined;
  fixture.seen.length = 0;
});

async function call(): Promise<Response> {
  const token = await fixture.token('/mcp/demo', { sub: `person-${person}` });
  const meta = {
    'io.modelcontextprotocol/protocolVersion': version,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': { name: 'spec', version: '1' },
  };
  const params = { name: 'anything', arguments: {}, _meta: meta };
  return fetch(`${fixture.origin}/mcp/demo`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      'mcp-protocol-version': version,
      'mcp-method': 'tools/call',
      'mcp-name': 'anything',
      dpop: 'the-callers-proof',
      'x-tenant-id': 'another',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
  });
}

test('an MCP call proves the key of its token, with a nonce where one is demanded', async () => {
  resource.nonce = 'mcp-nonce';
  const first = await call();
  expect(await first.text()).toContain('served');
  expect(first.headers.get('dpop-nonce')).toBeNull();
  expect(fixture.seen).toHaveLength(2);
  expect(await (await call()).text()).toContain('served');
  expect(fixture.seen).toHaveLength(3);
  expect(fixture.seen[2]?.headers.authorization).toBe('DPoP bound');
  expect(JSON.stringify(fixture.seen)).not.toContain('the-callers-proof');
});

test('an MCP call bears what the API wants beside the token, and the caller cannot say otherwise', async () => {
  expect(await (await call()).text()).toContain('served');
  expect(fixture.seen[0]?.headers).toMatchObject({
    'notion-version': '2025-09-03',
    'x-tenant-id': 't-1',
  });
});

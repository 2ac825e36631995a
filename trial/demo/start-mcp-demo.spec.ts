import { randomBytes } from 'node:crypto';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort } from '#lib/testing/free-port';
import type { LocalServer } from '#lib/testing/local-server';
import { TestIssuer } from '#lib/testing/test-issuer';
import { controlHeader } from '#lib/testing/trial-control';
import { startMcpDemo } from './start-mcp-demo.js';

const controlToken = randomBytes(32).toString('base64url');

let upstream: TestIssuer;
let corporate: TestIssuer;
let server: LocalServer;
let resource: string;

beforeEach(async () => {
  [upstream, corporate] = await Promise.all([TestIssuer.start(), TestIssuer.start()]);
  const port = await freePort();
  resource = `http://127.0.0.1:${port}/mcp`;
  const { issuer } = upstream;
  server = await startMcpDemo({ kind: 'mcp', port, resource, issuer, controlToken });
});
afterEach(() => Promise.all([upstream.stop(), corporate.stop(), server.stop()]));

function tokenOf(issuer: TestIssuer, who: string, audience = resource): Promise<string> {
  const scope = 'warehouse:read query:run';
  const claims = { upn: `${who}@upstream` };
  return issuer.accessToken({ subject: who, clientId: 'vault', audience, scope, claims });
}

function bearer(token: string) {
  return { requestInit: { headers: { authorization: `Bearer ${token}` } } };
}

async function modernClient(token: string): Promise<Client> {
  const client = new Client(
    { name: 'test', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  await client.connect(new StreamableHTTPClientTransport(new URL(resource), bearer(token)));
  return client;
}

async function legacyClient(token: string): Promise<LegacyClient> {
  const client = new LegacyClient({ name: 'test', version: '1' });
  await client.connect(new LegacyTransport(new URL(resource), bearer(token)));
  return client;
}

function post(token: string | undefined): Promise<Response> {
  return fetch(resource, {
    method: 'POST',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    body: '{}',
  });
}

test('in the modern era each person gets their own account, role and rows', async () => {
  const alice = await modernClient(await tokenOf(upstream, 'alice'));
  const whoami = await alice.callTool({ name: 'whoami', arguments: {} });
  expect(whoami.structuredContent).toMatchObject({
    account: 'ALICE',
    role: 'ANALYST',
    tokenFingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
  });
  const bob = await modernClient(await tokenOf(upstream, 'bob'));
  const query = await bob.callTool({ name: 'run_query', arguments: { sql: 'SELECT 1' } });
  expect(query.structuredContent).toMatchObject({ role: 'FINANCE' });
  expect(JSON.stringify(query.structuredContent)).toContain('revenue');
  await Promise.all([alice.close(), bob.close()]);
});

test('in the legacy era there are sessions, which belong to one person', async () => {
  const transport = new LegacyTransport(
    new URL(resource),
    bearer(await tokenOf(upstream, 'alice')),
  );
  const alice = new LegacyClient({ name: 'test', version: '1' });
  await alice.connect(transport);
  expect((await alice.listTools()).tools.map(({ name }) => name)).toContain('list_warehouses');
  const list = await alice.callTool({ name: 'list_warehouses', arguments: {} });
  expect(list.structuredContent).toEqual({ warehouses: ['ANALYTICS_WH', 'SANDBOX_WH'] });
  const stolen = await fetch(resource, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await tokenOf(upstream, 'bob')}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-session-id': transport.sessionId ?? '',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }),
  });
  expect(stolen.status).toBe(404);
  await alice.close();
});

test.each([
  ['modern', modernClient],
  ['legacy', legacyClient],
])('progress streams in the %s era', async (_era, connect) => {
  const client = await connect(await tokenOf(upstream, 'alice'));
  const seen: number[] = [];
  const options = { onprogress: ({ progress }: { progress: number }) => void seen.push(progress) };
  const call = { name: 'slow_progress', arguments: { steps: 3, stepMs: 5 } };
  if (client instanceof Client) await client.callTool(call, options);
  else await client.callTool(call, undefined, options);
  expect(seen).toEqual([1, 2, 3]);
  await client.close();
});

test('a token of the corporate issuer, or for another audience, is refused with a challenge', async () => {
  const other = await tokenOf(upstream, 'alice', 'http://127.0.0.1:1/mcp');
  const idToken = await upstream.idToken({ subject: 'alice', clientId: resource });
  for (const token of [await tokenOf(corporate, 'alice'), other, idToken]) {
    const answer = await post(token);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
  }
  const anonymous = await post(undefined);
  expect(anonymous.headers.get('www-authenticate')).toBe(
    `Bearer resource_metadata="${server.origin}/.well-known/oauth-protected-resource/mcp", DPoP algs="ES256"`,
  );
});

test('an expired token stays refused, a new one works, and all that came is on record', async () => {
  const token = await tokenOf(upstream, 'alice');
  const client = await modernClient(token);
  await client.callTool({ name: 'whoami', arguments: {} });
  const headers = { [controlHeader]: controlToken };
  await fetch(`${server.origin}/trial/expire`, { method: 'POST', headers });
  expect((await post(token)).status).toBe(401);
  expect((await post(await tokenOf(upstream, 'alice'))).status).not.toBe(401);
  const received = await (await fetch(`${server.origin}/trial/received`, { headers })).text();
  expect(received).toContain(token);
  await client.close();
});

import { afterEach, beforeEach, expect, it } from 'vitest';
import { DualEraUpstream } from './dual-era-fixture.js';
import { startGateway, type TestGateway } from './mcp-gateway-fixture.js';
import { PersonVault } from './person-vault-fixture.js';

let upstream: DualEraUpstream;
let gateway: TestGateway;

beforeEach(async () => {
  upstream = new DualEraUpstream();
  await upstream.listen();
  const vault = new PersonVault();
  vault.grant('alice');
  gateway = await startGateway(upstream.url, vault);
});
afterEach(async () => {
  await gateway.close();
  await upstream.close();
});

it('subscriptions/listen for tasks is the server’s own: its ids, its acknowledgement, its notifications', async () => {
  const _meta = { 'io.modelcontextprotocol/subscriptionId': 'sub' };
  const told = [
    {
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: { taskIds: ['t1'] }, _meta },
    },
    {
      method: 'notifications/tasks',
      params: { taskId: 't1', status: 'completed', result: { content: [] }, _meta },
    },
  ].map((message) => `data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
  upstream.odd = () => ({
    ...{ status: 200, headers: { 'content-type': 'text/event-stream' }, body: told.join('') },
  });
  const declared = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
  const sent = JSON.stringify({
    ...{ jsonrpc: '2.0', id: 'sub', method: 'subscriptions/listen' },
    params: {
      notifications: { taskIds: ['t1', 't2'] },
      _meta: {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': declared,
      },
    },
  });
  const answer = await fetch(gateway.url, {
    method: 'POST',
    headers: {
      authorization: 'Bearer alice.app',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'subscriptions/listen',
    },
    body: sent,
  });
  expect(await answer.text()).toBe(told.join(''));
  expect(upstream.seen.map(({ body }) => body)).toEqual([sent]);
});

import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startGatewayFixture, tokenAnswer, type GatewayFixture } from '../gateway-fixture.js';

let fixture: GatewayFixture;
let person = 0;

beforeAll(async () => {
  fixture = await startGatewayFixture();
});
afterAll(() => fixture.stop());
beforeEach(() => {
  person += 1;
  fixture.seen.length = 0;
});

async function called(extra: Record<string, string>, given: Record<string, string> = {}) {
  fixture.vault.answer = () => tokenAnswer('upstream-token', { headers: extra });
  const token = await fixture.token('/http/reports', { sub: `person-${person}` });
  const headers = { authorization: `Bearer ${token}`, ...given };
  const answer = await fetch(`${fixture.origin}/http/reports/x`, { headers });
  expect(answer.status).toBe(200);
  return fixture.seen[0];
}

test('what the API wants beside the token goes out with each request', async () => {
  const seen = await called({ 'Notion-Version': '2025-09-03', 'Xero-Tenant-Id': 't-1' });
  expect(seen?.headers).toMatchObject({
    authorization: 'Bearer upstream-token',
    'notion-version': '2025-09-03',
    'xero-tenant-id': 't-1',
  });
});

test('row 20, token passthrough: a caller cannot put another tenant beside the token', async () => {
  const seen = await called({ 'X-Tenant': 'mine' }, { 'x-tenant': 'theirs' });
  const names = seen?.rawHeaders.filter((_value, at) => at % 2 === 0) ?? [];
  expect(names.filter((name) => name.toLowerCase() === 'x-tenant')).toHaveLength(1);
  expect(seen?.headers['x-tenant']).toBe('mine');
});

test.each([
  ['authorization', 'Bearer other'],
  ['Cookie', 'a=b'],
  ['Host', 'evil.example'],
  ['Connection', 'upgrade'],
  ['Transfer-Encoding', 'chunked'],
  ['Content-Length', '5'],
  ['DPoP', 'proof'],
  ['X-Forwarded-For', '10.0.0.1'],
  ['Mcp-Session-Id', 'x'],
  ['X-Split', 'a\r\nx-injected: b'],
  ['X_Under', 'score'],
])('row 21, hop-by-hop: %s is not set, whatever the vault says', async (name, value) => {
  const seen = await called({ [name]: value, 'X-Fine': 'yes' });
  expect(seen?.headers).toMatchObject({ authorization: 'Bearer upstream-token', 'x-fine': 'yes' });
  expect(seen?.headers['x-injected']).toBeUndefined();
  expect(seen?.rawHeaders).not.toContain(value);
});

import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SynchronisedClock } from '#lib/clock/clock';
import { TestClock } from '#lib/testing/test-clock';
import { UpstreamLimits } from '../limits/upstream-limits.js';
import {
  mcpUpstream,
  postModern,
  soon,
  startJoined,
  type Joined,
} from './joined-gateway-fixture.js';
import { ScriptedUpstream } from './scripted-upstream-fixture.js';

let upstream: ScriptedUpstream;
let joined: Joined;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start('modern', ['do']);
  upstream.on.set('tools/call', () => ({ content: [] }));
  joined = await startJoined([mcpUpstream('a', upstream.url, { limits: { bodyBytes: 600 } })], {
    limits: new UpstreamLimits(new SynchronisedClock()),
  });
  joined.vault.grant('alice', 'app', 'a');
});

afterEach(async () => {
  await joined.close();
  await upstream.stop();
});

/** Without Content-Length: nobody knows how much is to come. */
function chunked(params: object): Promise<{ status: number | undefined; text: string }> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { ...params, _meta } };
  return new Promise((resolve, reject) => {
    const sent = request(joined.url, {
      method: 'POST',
      headers: {
        authorization: 'Bearer alice.app',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'a_do',
      },
    });
    sent.on('error', reject);
    sent.on('response', (answer) => {
      void text(answer).then((body) => resolve({ status: answer.statusCode, text: body }), reject);
    });
    sent.write(JSON.stringify(message));
    sent.end();
  });
}

describe('the limits of an upstream at the joined endpoint', () => {
  test('hold for a body that comes in chunks', async () => {
    expect((await chunked({ name: 'a_do', arguments: {} })).status).toBe(200);
    const large = await chunked({ name: 'a_do', arguments: { text: 'x'.repeat(600) } });
    expect(large.status).toBe(413);
    expect(large.text).toContain('"problem":"too-large"');
    expect(upstream.methods().filter((method) => method === 'tools/call')).toHaveLength(1);
  });

  test('hold a message of the upstream too: a longer one is 502, which says the number', async () => {
    const limits = { messageBytes: 2_000 };
    joined.configure([mcpUpstream('a', upstream.url, { limits })]);
    const call = () => postModern(joined.url, 'alice.app', 'tools/call', { name: 'a_do' });
    for (const streams of [false, true]) {
      upstream.on.set('tools/call', ({ notify }) => {
        if (streams) notify('notifications/message', { level: 'info', data: 'soon' });
        return { content: [{ type: 'text', text: 'x'.repeat(2_000) }] };
      });
      const { status, body } = await call();
      expect(status).toBe(streams ? 200 : 502);
      expect(body.error).toMatchObject({
        message: 'A answered with a message of more than the 2000 bytes that are taken of it here.',
        data: { problem: 'upstream-invalid' },
      });
    }
    upstream.on.set('tools/call', () => ({ content: [{ type: 'text', text: 'short' }] }));
    expect((await call()).body.result).toMatchObject({ content: [{ text: 'short' }] });
  });

  test('count what a person asks, not what is asked behind their back', async () => {
    // The minute of the limits never ends.
    const [clock, limits] = [new TestClock(), new UpstreamLimits(new TestClock())];
    await joined.close();
    const config = mcpUpstream('a', upstream.url, { limits: { personPerMinute: 2 } });
    joined = await startJoined([config], { limits, clock });
    joined.vault.grant('alice', 'app', 'a');
    await soon(async () => {
      await postModern(joined.url, 'alice.app', 'tools/list', {});
      clock.advance(6);
      return upstream.methods().filter((method) => method === 'tools/list').length >= 4;
    });
    const call = () => postModern(joined.url, 'alice.app', 'tools/call', { name: 'a_do' });
    expect([(await call()).status, (await call()).status]).toEqual([200, 429]);
  });

  test('an upstream that is given a rest says when to come again', async () => {
    await postModern(joined.url, 'alice.app', 'tools/call', { name: 'a_do' });
    upstream.broken = 503;
    for (let i = 0; i < 5; i += 1)
      await postModern(joined.url, 'alice.app', 'tools/call', { name: 'a_do' });
    const { status, headers } = await postModern(joined.url, 'alice.app', 'tools/call', {
      name: 'a_do',
    });
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  });
});

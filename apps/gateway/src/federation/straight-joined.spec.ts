import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readBody, startLocalServer, type LocalServer } from '#lib/testing/local-server';
import {
  connectLegacy,
  mcpUpstream,
  postModern,
  soon,
  startJoined,
  type Joined,
} from './joined-gateway-fixture.js';

interface Message {
  readonly id: string;
  readonly method: string;
  readonly params: { readonly _meta?: { readonly progressToken?: string } };
}
type Answering = (message: Message, response: ServerResponse, request: IncomingMessage) => unknown;

const json = { 'content-type': 'application/json' };
const events = { 'content-type': 'text/event-stream' };
const complete = { resultType: 'complete', content: [{ type: 'text', text: 'good' }] };
let upstream: LocalServer;
let joined: Joined;
let calls: Message[];
let answering: Answering;

const result = (id: unknown, value: unknown): string =>
  JSON.stringify({ jsonrpc: '2.0', id, result: value });

/** What the upstream is, is known by the first call: from the second on all is at hand. */
beforeEach(async () => {
  calls = [];
  answering = ({ id }, response) => response.writeHead(200, json).end(result(id, complete));
  upstream = await startLocalServer(async (request, response) => {
    const message = JSON.parse(await readBody(request)) as Message;
    if (message.method === 'server/discover')
      return void response
        .writeHead(200, json)
        .end(result(message.id, { supportedVersions: ['2026-07-28'], capabilities: {} }));
    if (message.method !== 'tools/call') return void response.writeHead(405).end();
    calls.push(message);
    answering(message, response, request);
  });
  joined = await startJoined([mcpUpstream('one', upstream.origin, { timeoutMs: 300 })]);
  joined.vault.grant('alice', 'app', 'one');
  await call();
});
afterEach(async () => {
  await joined.close();
  await upstream.stop();
});

const call = (params: Record<string, unknown> = {}) =>
  postModern(joined.url, 'alice.app', 'tools/call', { name: 'one_echo', ...params });

describe('a joined call with all at hand', () => {
  test('has an id of the gateway’s own at the upstream, and numbers as they are written', async () => {
    const exact = '{"resultType":"complete","content":[],"structuredContent":{"n":1e400,"m":1.10}}';
    answering = ({ id }, response) =>
      response.writeHead(200, json).end(`{"jsonrpc":"2.0","id":"${id}","result":${exact}}`);
    const answer = await call({ arguments: {} });
    expect(answer.text).toBe(`{"jsonrpc":"2.0","id":1,"result":${exact}}`);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
  });

  test('takes an answer of any length, with a length of its own or without', async () => {
    const text = 'x'.repeat(200_000);
    for (const hasLength of [true, false]) {
      answering = ({ id }, response) => {
        const body = result(id, { ...complete, structuredContent: { text } });
        const length = hasLength ? { 'content-length': body.length } : {};
        response.writeHead(200, { ...json, ...length }).end(body);
      };
      expect((await call()).body.result?.['structuredContent']).toEqual({ text });
    }
    expect(calls).toHaveLength(3);
  });

  test('hands an error on, and is not asked again', async () => {
    answering = ({ id }, response) =>
      response
        .writeHead(200, json)
        .end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32_050, message: 'No.' } }));
    expect((await call()).body.error).toEqual({ code: -32_050, message: 'No.' });
    expect(calls).toHaveLength(2);
  });

  test('is a stream where the upstream makes one, with the client’s own progress token', async () => {
    answering = ({ id, params }, response) => {
      const { progressToken } = params._meta ?? {};
      const progress = { method: 'notifications/progress', params: { progressToken, progress: 1 } };
      response.writeHead(200, events).write(`data: ${JSON.stringify(progress)}\n\n`);
      response.end(`data: ${result(id, complete)}\n\n`);
    };
    const client = await connectLegacy(joined.url, 'alice.app');
    let progress = 0;
    const onprogress = () => void (progress += 1);
    await client.callTool({ name: 'one_echo' }, undefined, { onprogress });
    expect([progress, calls.length]).toEqual([1, 2]);
    await client.close();
  });

  test('is sent once more with another token where the first is refused', async () => {
    answering = (message, response) => {
      answering = ({ id }, second) => second.writeHead(200, json).end(result(id, complete));
      response.writeHead(401).end(message.id);
    };
    expect((await call()).body.result?.['content']).toEqual(complete.content);
    expect([joined.vault.replaced, calls.length]).toEqual([1, 3]);
  });

  test('that answers another request, or stops in the middle, is no MCP', async () => {
    answering = (_message, response) => response.writeHead(200, json).end(result('9', complete));
    expect((await call()).status).toBe(502);
    let cut: Promise<unknown> | undefined;
    answering = (_message, response) => {
      cut = once(response, 'close');
      response.writeHead(200, json).write('{');
    };
    expect((await call()).status).toBe(502);
    await cut;
  });

  test('ends at the upstream when a modern client leaves', async () => {
    let cut: Promise<unknown> | undefined;
    answering = (_message, response) => {
      cut = once(response, 'close');
    };
    const client = await startedThenLeft();
    expect(client).toBe('AbortError');
    await cut;
  });

  test('ends at the upstream when an earlier client cancels', async () => {
    const client = await connectLegacy(joined.url, 'alice.app');
    let cut = false;
    answering = (_message, response) => void response.once('close', () => (cut = true));
    const cancel = new AbortController();
    const calling = client.callTool({ name: 'one_echo' }, undefined, { signal: cancel.signal });
    await soon(() => calls.length === 2);
    cancel.abort();
    await expect(calling).rejects.toThrow();
    await soon(() => cut);
    await client.close();
  });

  test('ends with the grant (R3)', async () => {
    answering = () => joined.vault.revoke('alice', 'app', 'one');
    const { status, body } = await call();
    expect(status).toBeLessThan(500);
    expect(body.error?.message).toContain('was disconnected during this call');
  });
});

describe('what is remembered of the configuration', () => {
  test('goes with it: a prefix, a rule, an upstream that is gone', async () => {
    const policy = { default: 'deny' as const, rules: {} };
    joined.configure([mcpUpstream('one', upstream.origin, { prefix: 'uno_' })]);
    expect((await call()).body.error?.message).toBe('Unknown tool: one_echo');
    expect((await call({ name: 'uno_echo' })).status).toBe(200);
    joined.configure([mcpUpstream('one', upstream.origin, { tools: policy })]);
    expect((await call()).status).toBe(403);
    joined.configure([]);
    expect((await call()).body.error?.message).toBe('Unknown tool: one_echo');
  });

  test('a consent that ends is missed by the next call', async () => {
    joined.vault.revoke('alice', 'app', 'one');
    expect((await call()).text).toContain('https://vault.example/connect/');
    expect(calls).toHaveLength(1);
  });
});

async function startedThenLeft(): Promise<string> {
  const leaving = new AbortController();
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const calling = fetch(joined.url, {
    method: 'POST',
    signal: leaving.signal,
    headers: {
      ...json,
      authorization: 'Bearer alice.app',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': 'one_echo',
    },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'one_echo', _meta },
    }),
  });
  await soon(() => calls.length === 2);
  leaving.abort();
  return calling.then(
    () => 'answered',
    (error: unknown) => (error instanceof Error ? error.name : ''),
  );
}

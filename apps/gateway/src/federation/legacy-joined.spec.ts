import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  connectLegacy,
  mcpUpstream,
  soon,
  startJoined,
  type Joined,
} from './joined-gateway-fixture.js';
import { ScriptedUpstream } from './scripted-upstream-fixture.js';

type Json = Record<string, unknown>;

let old: ScriptedUpstream;
let other: ScriptedUpstream;
let joined: Joined;
let clients: Client[];

beforeEach(async () => {
  old = await ScriptedUpstream.start('legacy', ['ask']);
  other = await ScriptedUpstream.start('legacy', ['ask']);
  joined = await startJoined([mcpUpstream('old', old.url), mcpUpstream('other', other.url)]);
  for (const slug of ['old', 'other']) joined.vault.grant('alice', 'app', slug);
  clients = [];
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close().catch(() => undefined)));
  await joined.close();
  await Promise.all([old.stop(), other.stop()]);
});

async function connect(
  ...args: Parameters<typeof connectLegacy> extends [string, string, ...infer R] ? R : never
) {
  const client = await connectLegacy(joined.url, 'alice.app', ...args);
  clients.push(client);
  return client;
}

const asks = { capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } } };

describe('a legacy client of the joined endpoint', () => {
  test('a stream that the upstream ends on purpose is resumed where it ended, and the client sees one answer', async () => {
    old.on.set('tools/call', async ({ notify, breakOff, params }) => {
      await breakOff();
      notify('notifications/progress', {
        ...{ progress: 1, progressToken: (params['_meta'] as Json)['progressToken'] },
      });
      await breakOff();
      return { content: [{ type: 'text', text: 'at last' }] };
    });
    const progress: unknown[] = [];
    const client = await connect();
    const options = { onprogress: (one: unknown) => void progress.push(one) };
    const { content } = await client.callTool({ name: 'old_ask' }, undefined, options);
    expect(content).toEqual([{ type: 'text', text: 'at last' }]);
    expect(progress).toEqual([{ progress: 1 }]);
    expect(old.methods().filter((method) => method === 'tools/call')).toHaveLength(1);
  });

  test('a question that the upstream withdraws is withdrawn at the client', async () => {
    old.on.set('tools/call', async ({ ask, notify }) => {
      const params = { message: 'name?', requestedSchema: { type: 'object', properties: {} } };
      void ask('elicitation/create', params, 'question-1');
      await asked;
      notify('notifications/cancelled', { requestId: 'another' });
      notify('notifications/cancelled', { requestId: 'question-1', reason: 'never mind' });
      await withdrawn;
      return { content: [] };
    });
    let [wasAsked, wasWithdrawn]: ((value?: unknown) => void)[] = [];
    const asked = new Promise((resolve) => (wasAsked = resolve));
    const withdrawn = new Promise((resolve) => (wasWithdrawn = resolve));
    const client = await connect(asks, (one) =>
      one.setRequestHandler(ElicitRequestSchema, async (_request, { signal }) => {
        signal.addEventListener('abort', () => wasWithdrawn?.(signal.reason));
        wasAsked?.();
        await withdrawn;
        return { action: 'cancel' };
      }),
    );
    expect(await client.callTool({ name: 'old_ask' })).toEqual({ content: [] });
    expect(await withdrawn).toBe('never mind');
  });

  test('lists and calls legacy upstreams in sessions of their own', async () => {
    for (const upstream of [old, other])
      upstream.on.set('tools/call', ({ params }) => ({
        content: [{ type: 'text', text: `${String(params['name'])} of ${upstream.url}` }],
      }));
    const client = await connect();
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
      'old_ask',
      'other_ask',
    ]);
    expect(await client.callTool({ name: 'other_ask' })).toEqual({
      content: [{ type: 'text', text: `ask of ${other.url}` }],
    });
    expect([old.sessions.size, other.sessions.size]).toEqual([1, 1]);
    await (client.transport as unknown as { terminateSession(): Promise<void> }).terminateSession();
    await soon(() => old.sessions.size + other.sessions.size === 0);
  });

  test('is asked by its upstreams: sampling, elicitation, roots', async () => {
    old.on.set('tools/call', async ({ ask }) => ({
      content: [],
      structuredContent: {
        sampled: await ask('sampling/createMessage', { messages: [], maxTokens: 1 }),
        elicited: await ask('elicitation/create', {
          message: 'name?',
          requestedSchema: { type: 'object', properties: {} },
        }),
        roots: await ask('roots/list', {}),
      },
    }));
    const client = await connect(asks, (one) => {
      one.setRequestHandler(CreateMessageRequestSchema, () => ({
        model: 'm',
        role: 'assistant',
        content: { type: 'text', text: 'sampled' },
      }));
      one.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { a: 'b' } }));
      one.setRequestHandler(ListRootsRequestSchema, () => ({ roots: [{ uri: 'file:///x' }] }));
    });
    const result = await client.callTool({ name: 'old_ask' });
    expect(result.structuredContent).toMatchObject({
      sampled: { content: { text: 'sampled' } },
      elicited: { action: 'accept', content: { a: 'b' } },
      roots: { roots: [{ uri: 'file:///x' }] },
    });
  });

  test('declares to its upstreams what it declared here and nothing more', async () => {
    await (await connect(asks)).listTools();
    const initialize = old.seen.find(({ method }) => method === 'initialize');
    expect(initialize?.params).toMatchObject({
      capabilities: asks.capabilities,
      clientInfo: { name: 'legacy-test' },
    });
    expect(JSON.stringify(initialize)).not.toContain('alice.app');
  });

  test('progress, log messages and cancellation are passed on', async () => {
    let cancelled = false;
    old.on.set('logging/setLevel', () => ({}));
    old.on.set('tools/call', async (call) => {
      const { progressToken } = call.params['_meta'] as { progressToken: string };
      call.notify('notifications/message', { level: 'warning', data: 'working' });
      call.notify('notifications/message', { level: 'debug', data: 'noise' });
      call.notify('notifications/progress', { progressToken, progress: 0.5 });
      await call.cancelled;
      cancelled = true;
      return { content: [] };
    });
    const logs: unknown[] = [];
    const client = await connect();
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      logs.push(params.data);
    });
    await client.setLoggingLevel('info');
    const stop = new AbortController();
    const progress: number[] = [];
    const call = client.callTool({ name: 'old_ask' }, undefined, {
      signal: stop.signal,
      onprogress: (one) => {
        progress.push(one.progress);
        stop.abort('enough');
      },
    });
    await expect(call).rejects.toThrow();
    await soon(() => cancelled);
    expect([logs, progress]).toEqual([['working'], [0.5]]);
    const told = old.seen.find(({ method }) => method === 'notifications/cancelled');
    expect(told?.params).toMatchObject({ reason: expect.stringContaining('enough') as string });
    expect(old.seen.find(({ method }) => method === 'logging/setLevel')?.params).toEqual({
      level: 'info',
    });
  });

  test('hears of changed lists and updated resources on its stream', async () => {
    old.on.set('resources/subscribe', () => ({}));
    const client = await connect();
    let changes = 0;
    const updated: string[] = [];
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
      changes += 1;
    });
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => {
      updated.push(params.uri);
    });
    expect((await client.listTools()).tools).toHaveLength(2);
    await client.subscribeResource({ uri: 'symbolon+old:note://1' });
    await soon(() => old.openStreams === 1);
    old.announce('notifications/resources/updated', { uri: 'note://2' });
    old.announce('notifications/resources/updated', { uri: 'note://1' });
    old.tools = ['ask', 'more'];
    old.announce('notifications/tools/list_changed');
    await soon(() => changes > 0 && updated.length > 0);
    expect(updated).toEqual(['symbolon+old:note://1']);
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).toEqual(['old_ask', 'old_more', 'other_ask']);
    expect(old.seen.find(({ method }) => method === 'resources/subscribe')?.params).toEqual({
      uri: 'note://1',
    });
  });

  test('a session survives a restart of the gateway and of the upstream', async () => {
    old.on.set('tools/call', () => ({ content: [] }));
    const client = await connect();
    await client.callTool({ name: 'old_ask' });
    const replica = await startJoined([mcpUpstream('old', old.url)], {
      sealer: joined.sealer,
      vault: joined.vault,
    });
    const sessionId = (client.transport as unknown as { sessionId: string }).sessionId;
    old.sessions.clear();
    const call = (token: string) =>
      fetch(replica.url, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-session-id': sessionId,
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name: 'old_ask' },
        }),
      });
    expect(await (await call('alice.app')).json()).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: { content: [] },
    });
    expect((await call('bob.app')).status).toBe(404);
    expect((await call('alice.other')).status).toBe(404);
    await client.callTool({ name: 'old_ask' });
    expect(old.methods().filter((method) => method === 'initialize')).toHaveLength(3);
    await replica.close();
  });

  test('session replay: an id of one upstream’s own endpoint is none here', async () => {
    const session = { issuer: 'corporate', subject: 'alice', application: 'app' };
    const foreign = joined.sealer.seal('legacy-session', '/mcp/old', session);
    const response = await fetch(joined.url, {
      method: 'GET',
      headers: {
        authorization: 'Bearer alice.app',
        'mcp-session-id': foreign,
        accept: 'text/event-stream',
      },
    });
    expect(response.status).toBe(404);
  });

  test('server requests: an answer of another session answers nothing', async () => {
    let asked: ((id: string) => void) | undefined;
    const id = new Promise<string>((resolve) => {
      asked = resolve;
    });
    let answer: unknown;
    old.on.set('tools/call', async ({ ask }) => {
      answer = await ask('roots/list', {});
      return { content: [] };
    });
    const client = await connect(asks, (one) => {
      one.setRequestHandler(ListRootsRequestSchema, async (_request, { requestId }) => {
        asked?.(String(requestId));
        await released;
        return { roots: [] };
      });
    });
    let release: (() => void) | undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const call = client.callTool({ name: 'old_ask' });
    const thief = await connect(asks);
    await fetch(joined.url, {
      method: 'POST',
      headers: {
        authorization: 'Bearer alice.app',
        'content-type': 'application/json',
        'mcp-session-id': (thief.transport as unknown as { sessionId: string }).sessionId,
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: await id,
        result: { roots: [{ uri: 'file:///evil' }] },
      }),
    });
    release?.();
    await call;
    expect(answer).toEqual({ roots: [] });
  });
});

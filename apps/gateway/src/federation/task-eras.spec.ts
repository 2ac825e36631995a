import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CallToolResultSchema, ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  connectLegacy,
  listenModern,
  mcpUpstream,
  postModern,
  soon,
  startJoined,
  type Joined,
} from './joined-gateway-fixture.js';
import { ScriptedUpstream } from './scripted-upstream-fixture.js';

type Json = Record<string, unknown>;

const capabilities = {
  elicitation: { form: {} },
  extensions: { 'io.modelcontextprotocol/tasks': {} },
};
const related = 'io.modelcontextprotocol/related-task';
const times = { createdAt: '2026-01-01T00:00:00Z', lastUpdatedAt: '2026-01-01T00:00:00Z' };
let upstream: ScriptedUpstream;
let joined: Joined;

async function start(era: 'modern' | 'legacy'): Promise<void> {
  upstream = await ScriptedUpstream.start(era, ['work']);
  joined = await startJoined([mcpUpstream('one', upstream.url)]);
  joined.vault.grant('alice', 'app', 'one');
}

afterEach(async () => {
  await joined.close();
  await upstream.stop();
});

describe('a legacy server’s tasks for a modern client', () => {
  let status: string;
  let finish: (result: unknown) => void;
  let answered: unknown;

  beforeEach(async () => {
    await start('legacy');
    status = 'working';
    answered = undefined;
    const ended = new Promise((resolve) => {
      finish = resolve;
    });
    const task = () => ({ taskId: 't1', ttl: 60_000, pollInterval: 5, ...times, status });
    upstream.capabilities = { tools: {}, tasks: { requests: { tools: { call: {} } } } };
    upstream.on.set('tools/call', ({ params }) =>
      params['task'] === undefined
        ? { error: { code: -32_601, message: 'As a task only.' } }
        : { task: task(), _meta: { [related]: { taskId: 't1' } } },
    );
    upstream.on.set('tasks/get', ({ params }) =>
      params['taskId'] === 't1' ? task() : { error: { code: -32_602, message: 'No such task.' } },
    );
    upstream.on.set('tasks/cancel', () => ({ error: { code: -32_602, message: 'It is over.' } }));
    upstream.on.set('tasks/result', async ({ ask }) => {
      const _meta = { [related]: { taskId: 't1' } };
      if (status === 'input_required') {
        const question = { message: 'name?', requestedSchema: { type: 'object' }, _meta };
        answered = await ask('elicitation/create', question);
        status = 'working';
      }
      const result = (await ended) as Json;
      return 'error' in result ? result : { ...result, _meta };
    });
  });

  async function ask(method: string, params: Json, declared: Json = capabilities) {
    const more = { capabilities: declared };
    const { status: code, body } = await postModern(joined.url, 'alice.app', method, params, more);
    return { code, error: body.error, result: body.result ?? {} };
  }

  async function begin(): Promise<string> {
    const { result } = await ask('tools/call', { name: 'one_work' });
    expect(result).toMatchObject({ resultType: 'task', status: 'working', ttlMs: 60_000 });
    expect(result).toMatchObject({
      pollIntervalMs: 5,
      taskId: expect.stringMatching(/^one:.*:t1$/),
    });
    expect(result).not.toHaveProperty('ttl');
    return String(result['taskId']);
  }

  test('a tool that is a task only becomes one; its result is part of the task', async () => {
    const taskId = await begin();
    expect((await ask('tasks/get', { taskId })).result).toMatchObject({
      ...{ taskId, status: 'working', resultType: 'complete', ttlMs: 60_000 },
    });
    status = 'completed';
    finish({ content: [{ type: 'resource_link', uri: 'note://1', name: 'n' }] });
    const { result } = await ask('tasks/get', { taskId });
    expect(result).toMatchObject({ taskId, status: 'completed' });
    expect(result['result']).toEqual({
      content: [{ type: 'resource_link', uri: 'symbolon+one:note://1', name: 'n' }],
    });
  });

  test('what the task asks is asked by tasks/get under one key, and answered by tasks/update', async () => {
    const taskId = await begin();
    status = 'input_required';
    const { inputRequests } = (await ask('tasks/get', { taskId })).result;
    const key = Object.keys(inputRequests as Json).join();
    expect((inputRequests as Json)[key]).toEqual({
      method: 'elicitation/create',
      params: { message: 'name?', requestedSchema: { type: 'object' } },
    });
    const again = (await ask('tasks/get', { taskId })).result['inputRequests'] as Json;
    expect(Object.keys(again)).toEqual([key]);
    const inputResponses = { [key]: { action: 'accept', content: { a: 'b' } }, other: {} };
    expect((await ask('tasks/update', { taskId, inputResponses })).result).toMatchObject({
      resultType: 'complete',
    });
    await soon(() => answered !== undefined);
    expect(answered).toEqual({
      ...{ action: 'accept', content: { a: 'b' } },
      _meta: { [related]: { taskId: 't1' } },
    });
    expect((await ask('tasks/get', { taskId })).result['status']).toBe('working');
    finish({ content: [] });
    expect(upstream.methods().filter((method) => method === 'tasks/result')).toHaveLength(1);
  });

  test('a question on the session’s own stream is the task’s too, and one that is about no task is refused', async () => {
    const taskId = await begin();
    const stop = new AbortController();
    await listenModern(joined.url, 'alice.app', {}, { capabilities, stop });
    await soon(() => upstream.openStreams > 0);
    upstream.on.set('tasks/result', () => new Promise(() => undefined));
    expect(await upstream.inquire('elicitation/create', { message: 'whose?' })).toEqual({
      refused: true,
    });
    const _meta = { [related]: { taskId: 't1' } };
    const told = upstream.inquire('elicitation/create', { message: 'name?', _meta });
    await soon(async () => {
      const { inputRequests } = (await ask('tasks/get', { taskId })).result;
      const [key] = Object.keys((inputRequests ?? {}) as Json);
      if (key === undefined) return false;
      await ask('tasks/update', { taskId, inputResponses: { [key]: { action: 'decline' } } });
      return true;
    });
    expect(await told).toMatchObject({ action: 'decline' });
    stop.abort();
  });

  test.each([
    ['a tool that failed', { content: [], isError: true }, { status: 'completed' }],
    [
      'a request that failed',
      { error: { code: -32_603, message: 'broken' } },
      { status: 'failed', error: { code: -32_603, message: 'broken' } },
    ],
  ])('%s is told apart', async (_what, result, shown) => {
    const taskId = await begin();
    status = 'failed';
    finish(result);
    expect((await ask('tasks/get', { taskId })).result).toMatchObject(shown);
  });

  test('cancelling is an intent: it is acknowledged where it comes too late, and not for what is unknown', async () => {
    const taskId = await begin();
    expect((await ask('tasks/cancel', { taskId })).result).toEqual({ resultType: 'complete' });
    upstream.on.set('tasks/get', () => ({ error: { code: -32_602, message: 'No such task.' } }));
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
      expect((await ask(method, { taskId })).error?.message).toBe('No such task.');
  });

  test('a client that has not declared tasks is told that it takes them', async () => {
    const { code, error } = await ask('tools/call', { name: 'one_work' }, {});
    expect([code, error]).toMatchObject([
      400,
      { code: -32_021, data: { requiredCapabilities: { extensions: capabilities.extensions } } },
    ]);
  });

  test('a tool that is listed as a task only is called as nothing else', async () => {
    const execution = { taskSupport: 'required' };
    upstream.on.set('tools/list', () => ({
      tools: [{ name: 'work', inputSchema: {}, execution }],
    }));
    await begin();
    const calls = upstream.seen.filter(({ method }) => method === 'tools/call');
    expect(calls.map(({ params }) => params['task'])).toEqual([{}]);
  });

  test('a server without tasks says in its own words what it does not have', async () => {
    upstream.capabilities = { tools: {} };
    const { error } = await ask('tools/call', { name: 'one_work' });
    expect(error).toMatchObject({ code: -32_601, message: 'As a task only.' });
  });
});

describe('a modern server’s tasks for a legacy client', () => {
  let client: Client;
  let task: Json;

  beforeEach(async () => {
    await start('modern');
    const common = { taskId: 't1', ttlMs: null, pollIntervalMs: 10, ...times };
    const wants = { name: { method: 'elicitation/create', params: question } };
    task = { status: 'input_required', inputRequests: wants };
    upstream.on.set('tools/call', ({ params }) =>
      JSON.stringify(params['_meta']).includes('io.modelcontextprotocol/tasks')
        ? { ...common, resultType: 'task', status: 'working' }
        : {
            error: { code: -32_021, message: 'A task.', data: { requiredCapabilities: required } },
          },
    );
    upstream.on.set('tasks/get', () => ({ ...common, ...task, resultType: 'complete' }));
    upstream.on.set('tasks/cancel', () => ({ resultType: 'complete' }));
    upstream.on.set('tasks/update', ({ params }) => {
      const structuredContent = params['inputResponses'];
      task = { status: 'completed', result: { content: [], structuredContent } };
      return { resultType: 'complete' };
    });
    client = await connectLegacy(joined.url, 'alice.app', { capabilities: { elicitation: {} } });
    client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: {} }));
  });
  afterEach(() => client.close());

  const required = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
  const question = { message: 'name?', requestedSchema: { type: 'object', properties: {} } };

  test('a call that is a task only is followed to its end, its questions asked on the way', async () => {
    expect(await client.callTool({ name: 'one_work' })).toMatchObject({
      structuredContent: { name: { action: 'accept', content: {} } },
    });
  });

  test.each([
    ['failed', { error: { code: -32_603, message: 'broken' } }, 'broken'],
    ['cancelled', { statusMessage: 'by hand' }, 'The task was cancelled: by hand'],
  ])('one that %s is an error', async (status, more, message) => {
    task = { status, ...more };
    await expect(client.callTool({ name: 'one_work' })).rejects.toThrow(message);
  });

  test('a call that is cancelled cancels its task', async () => {
    task = { status: 'working' };
    const stop = new AbortController();
    const call = client.callTool({ name: 'one_work' }, undefined, { signal: stop.signal });
    const ended = call.catch((error: unknown) => error);
    await soon(() => upstream.methods().includes('tasks/get'));
    stop.abort();
    await ended;
    await soon(() => upstream.methods().includes('tasks/cancel'));
    expect(upstream.seen.find(({ method }) => method === 'tasks/cancel')?.params).toMatchObject({
      taskId: 't1',
    });
  });

  test('its tools are no tasks to the client, and say so where they are called as one', async () => {
    const execution = { taskSupport: 'optional' };
    upstream.on.set('tools/list', () => ({
      resultType: 'complete',
      tools: [{ name: 'work', inputSchema: { type: 'object' }, execution }],
    }));
    expect((await client.listTools()).tools).toEqual([
      { name: 'one_work', inputSchema: { type: 'object' } },
    ]);
    const params = { name: 'one_work', task: { ttl: 1 } };
    const refused = client.request({ method: 'tools/call', params }, CallToolResultSchema);
    await expect(refused).rejects.toThrow(/cannot be called as a task/);
    expect(upstream.methods()).not.toContain('tools/call');
  });
});

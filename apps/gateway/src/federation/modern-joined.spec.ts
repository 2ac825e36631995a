import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  connectModern,
  mcpUpstream,
  postModern,
  startJoined,
  type Joined,
} from './joined-gateway-fixture.js';
import { ScriptedUpstream } from './scripted-upstream-fixture.js';

let a: ScriptedUpstream;
let b: ScriptedUpstream;
let joined: Joined;

beforeEach(async () => {
  a = await ScriptedUpstream.start('modern', ['search', 'read']);
  b = await ScriptedUpstream.start('modern', ['search']);
  joined = await startJoined([
    mcpUpstream('wiki', b.url, { prefix: 'w.' }),
    mcpUpstream('git', a.url),
  ]);
  joined.vault.grant('alice', 'app', 'git');
  joined.vault.grant('alice', 'app', 'wiki');
});

afterEach(async () => {
  await joined.close();
  await Promise.all([a.stop(), b.stop()]);
});

const list = async (method = 'tools/list', params = {}) =>
  (await postModern(joined.url, 'alice.app', method, params)).body.result ?? {};
const names = (result: Record<string, unknown>, member = 'tools') =>
  (result[member] as { name: string }[]).map(({ name }) => name);

describe('a modern client of the joined endpoint', () => {
  test('sees all tools with prefixes, in the order of the slugs, privately', async () => {
    const result = await list();
    expect(names(result)).toEqual(['git_search', 'git_read', 'w.search']);
    expect(result).toMatchObject({ resultType: 'complete', cacheScope: 'private', ttlMs: 0 });
    expect(await list()).toEqual(result);
    expect(a.methods().filter((method) => method === 'tools/list')).toHaveLength(1);
  });

  test('calls a tool at its own upstream under its own name', async () => {
    a.on.set('tools/call', ({ params, headers }) => ({
      content: [{ type: 'text', text: `${String(params['name'])} ${String(headers['mcp-name'])}` }],
      resultType: 'complete',
    }));
    const client = await connectModern(joined.url, 'alice.app');
    expect(await client.callTool({ name: 'git_search', arguments: {} })).toMatchObject({
      content: [{ text: 'search search' }],
    });
    expect(b.methods()).not.toContain('tools/call');
    expect(a.seen.find(({ method }) => method === 'tools/call')?.headers.authorization).toBe(
      'Bearer up:alice:0',
    );
    await client.close();
  });

  test('numbers beyond 2^53 survive in arguments and results', async () => {
    let seen = '';
    a.on.set('tools/call', ({ text }) => {
      seen = text;
      return '{"content":[],"structuredContent":{"n":9007199254740993,"f":1.0},"resultType":"complete"}';
    });
    const raw = (text: string) => text.replace('"BIG"', '18446744073709551615');
    const params = { name: 'git_search', arguments: { n: 'BIG' } };
    const answer = await postModern(joined.url, 'alice.app', 'tools/call', params, { raw });
    expect(answer.text).toContain('"n":9007199254740993,"f":1.0');
    expect(seen).toContain('"n":18446744073709551615');
  });

  test('a result of eight megabytes arrives whole', async () => {
    const blob = 'QUJD'.repeat(2_000_000);
    a.on.set('tools/call', ({ notify }) => {
      notify('notifications/progress', { progressToken: 'x', progress: 1 });
      return { content: [{ type: 'image', data: blob, mimeType: 'image/png' }] };
    });
    const answer = await postModern(joined.url, 'alice.app', 'tools/call', { name: 'git_read' });
    expect(answer.body.result?.['content']).toEqual([
      { type: 'image', data: blob, mimeType: 'image/png' },
    ]);
  });

  test('reads resources by joined URIs, wherever an upstream names one', async () => {
    a.on.set('resources/list', () => ({ resources: [{ uri: 'note://1', name: 'one' }] }));
    a.on.set('resources/templates/list', () => ({
      resourceTemplates: [{ uriTemplate: 'note://{id}', name: 'any' }],
    }));
    a.on.set('resources/read', ({ params }) => ({
      contents: [{ uri: params['uri'], text: 'hello' }],
    }));
    a.on.set('tools/call', () => ({
      content: [
        { type: 'resource_link', uri: 'note://1', name: 'one' },
        { type: 'resource', resource: { uri: 'note://2', text: 'x' } },
      ],
    }));
    expect(await list('resources/list')).toMatchObject({
      resources: [{ uri: 'symbolon+git:note://1' }],
    });
    expect(await list('resources/templates/list')).toMatchObject({
      resourceTemplates: [{ uriTemplate: 'symbolon+git:note://{id}' }],
    });
    expect(await list('resources/read', { uri: 'symbolon+git:note://7' })).toMatchObject({
      contents: [{ uri: 'symbolon+git:note://7', text: 'hello' }],
      ttlMs: 0,
    });
    expect(await list('tools/call', { name: 'git_search' })).toMatchObject({
      content: [{ uri: 'symbolon+git:note://1' }, { resource: { uri: 'symbolon+git:note://2' } }],
    });
  });

  test('prompts and completions go to the upstream that they name', async () => {
    a.on.set('prompts/list', () => ({ prompts: [{ name: 'sum' }] }));
    a.on.set('prompts/get', ({ params }) => ({
      messages: [{ role: 'user', content: { type: 'text', text: params['name'] } }],
    }));
    a.on.set('completion/complete', ({ params }) => ({
      completion: { values: [JSON.stringify(params['ref'])] },
    }));
    expect(names(await list('prompts/list'), 'prompts')).toEqual(['git_sum']);
    expect(await list('prompts/get', { name: 'git_sum' })).toMatchObject({
      messages: [{ content: { text: 'sum' } }],
    });
    const completed = await list('completion/complete', {
      ref: { type: 'ref/prompt', name: 'git_sum' },
      argument: { name: 'x', value: '' },
    });
    expect(completed).toMatchObject({
      completion: { values: ['{"type":"ref/prompt","name":"sum"}'] },
    });
    const located = await list('completion/complete', {
      ref: { type: 'ref/resource', uri: 'symbolon+git:note://{id}' },
      argument: { name: 'id', value: '' },
    });
    expect(located).toMatchObject({
      completion: { values: ['{"type":"ref/resource","uri":"note://{id}"}'] },
    });
  });

  test('pages of several upstreams are one list with one cursor', async () => {
    const paged = (prefix: string) => (call: { params: Record<string, unknown> }) =>
      call.params['cursor'] === `${prefix}2`
        ? { tools: [{ name: `${prefix}-two`, inputSchema: {} }] }
        : { tools: [{ name: `${prefix}-one`, inputSchema: {} }], nextCursor: `${prefix}2` };
    a.on.set('tools/list', paged('a'));
    b.on.set('tools/list', paged('b'));
    const first = await list();
    expect(names(first)).toEqual(['git_a-one', 'w.b-one']);
    const second = await list('tools/list', { cursor: first['nextCursor'] });
    expect(names(second)).toEqual(['git_a-two', 'w.b-two']);
    expect(second['nextCursor']).toBeUndefined();
  });

  test('cursor replay: of another person or another list leads nowhere', async () => {
    a.on.set('tools/list', () => ({ tools: [], nextCursor: 'more' }));
    const cursor = (await list())['nextCursor'];
    for (const [token, method] of [
      ['bob.app', 'tools/list'],
      ['alice.other', 'tools/list'],
      ['alice.app', 'prompts/list'],
    ] as const) {
      const refused = await postModern(joined.url, token, method, { cursor });
      expect(refused.body.error?.code).toBe(-32_602);
    }
    const made = await postModern(joined.url, 'alice.app', 'tools/list', { cursor: 'more' });
    expect(made.body.error?.code).toBe(-32_602);
    expect(a.seen.filter(({ params }) => params['cursor'] !== undefined)).toEqual([]);
  });

  test('progress comes back under the client’s own token', async () => {
    a.on.set('tools/call', ({ params, notify }) => {
      const { progressToken } = params['_meta'] as { progressToken: string };
      notify('notifications/progress', { progressToken, progress: 1, total: 2 });
      notify('notifications/progress', { progressToken: 'of somebody else', progress: 9 });
      return { content: [{ type: 'text', text: progressToken }] };
    });
    const client = await connectModern(joined.url, 'alice.app');
    const heard: number[] = [];
    const result = await client.callTool(
      { name: 'git_search', arguments: {} },
      { onprogress: ({ progress }) => void heard.push(progress) },
    );
    expect(heard).toEqual([1]);
    expect(result).toMatchObject({
      content: [{ text: expect.stringMatching(/^.{12}:\d+$/) as string }],
    });
    await client.close();
  });

  test('leaving cancels at the upstream', async () => {
    let cancelled: Promise<void> | undefined;
    const started = new Promise<void>((resolve) => {
      a.on.set('tools/call', async (call) => {
        cancelled = call.cancelled;
        resolve();
        await call.cancelled;
        return { content: [] };
      });
    });
    const client = await connectModern(joined.url, 'alice.app');
    const stop = new AbortController();
    const call = client.callTool({ name: 'git_search', arguments: {} }, { signal: stop.signal });
    await started;
    stop.abort();
    await expect(call).rejects.toThrow();
    await cancelled;
    await client.close();
  });

  test('a tool that nobody has, and one of an upstream that is not theirs, are the same', async () => {
    joined.configure([
      mcpUpstream('git', a.url, { access: { scopes: [], claims: { team: { equals: 'x' } } } }),
      mcpUpstream('wiki', b.url, { prefix: 'w.' }),
    ]);
    expect(names(await list())).toEqual(['w.search']);
    const hidden = await postModern(joined.url, 'alice.app', 'tools/call', { name: 'git_search' });
    const none = await postModern(joined.url, 'alice.app', 'tools/call', { name: 'none_search' });
    expect(hidden.body.error).toEqual({ code: -32_602, message: 'Unknown tool: git_search' });
    expect(none.body.error).toEqual({ code: -32_602, message: 'Unknown tool: none_search' });
    expect(a.methods()).toEqual([]);
  });

  test('an unknown method is 404, and discovery says what there is', async () => {
    const unknown = await postModern(joined.url, 'alice.app', 'tasks/what', {});
    expect([unknown.status, unknown.body.error?.code]).toEqual([404, -32_601]);
    const client = await connectModern(joined.url, 'alice.app');
    expect(client.getInstructions()).toContain('names begin with "w."');
    await client.close();
  });
});

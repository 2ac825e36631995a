import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  connectLegacy,
  connectModern,
  mcpUpstream,
  postModern,
  soon,
  startJoined,
  type Joined,
} from './joined-gateway-fixture.js';
import { ScriptedUpstream } from './scripted-upstream-fixture.js';

let old: ScriptedUpstream;
let modern: ScriptedUpstream;
let joined: Joined;

beforeEach(async () => {
  old = await ScriptedUpstream.start('legacy', ['ask']);
  modern = await ScriptedUpstream.start('modern', ['ask']);
  joined = await startJoined([mcpUpstream('new', modern.url), mcpUpstream('old', old.url)]);
  for (const slug of ['old', 'new'])
    for (const person of ['alice', 'bob']) joined.vault.grant(person, 'app', slug);
});

afterEach(async () => {
  await joined.close();
  await Promise.all([old.stop(), modern.stop()]);
});

const form = { message: 'name?', requestedSchema: { type: 'object', properties: {} } };

describe('a legacy client at a modern upstream', () => {
  test('is asked what the upstream requires as input, and the call goes on with the answers', async () => {
    modern.on.set('tools/call', ({ params }) =>
      params['inputResponses'] === undefined
        ? {
            resultType: 'input_required',
            inputRequests: {
              who: { method: 'elicitation/create', params: form },
              model: { method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } },
            },
            requestState: 'theirs',
          }
        : {
            resultType: 'complete',
            content: [],
            structuredContent: {
              responses: params['inputResponses'],
              state: params['requestState'],
            },
          },
    );
    const options = { capabilities: { elicitation: {}, sampling: {} } };
    const client = await connectLegacy(joined.url, 'alice.app', options, (one) => {
      one.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { n: 'A' } }));
      one.setRequestHandler(CreateMessageRequestSchema, () => ({
        model: 'm',
        role: 'assistant',
        content: { type: 'text', text: 'hi' },
      }));
    });
    const result = await client.callTool({ name: 'new_ask' });
    expect(result).toEqual({
      content: [],
      structuredContent: {
        responses: {
          who: { action: 'accept', content: { n: 'A' } },
          model: { model: 'm', role: 'assistant', content: { type: 'text', text: 'hi' } },
        },
        state: 'theirs',
      },
    });
    const meta = modern.seen.find(({ method }) => method === 'tools/call')?.params['_meta'];
    expect(meta).toMatchObject({
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': options.capabilities,
    });
    await client.close();
  });

  test('hears of its changed lists, gets plain results and the level that it set', async () => {
    modern.on.set('tools/call', ({ params, notify }) => {
      notify('notifications/message', { level: 'error', data: 'x' });
      return { resultType: 'complete', content: [], structuredContent: params['_meta'] };
    });
    const client = await connectLegacy(joined.url, 'alice.app');
    let changes = 0;
    client.fallbackNotificationHandler = async ({ method }) => {
      if (method === 'notifications/tools/list_changed') changes += 1;
    };
    await client.setLoggingLevel('error');
    const { structuredContent } = await client.callTool({ name: 'new_ask' });
    expect(structuredContent).toMatchObject({ 'io.modelcontextprotocol/logLevel': 'error' });
    await soon(() => modern.openStreams === 1);
    modern.announce('notifications/tools/list_changed');
    await soon(() => changes === 1);
    await client.close();
  });

  test('subscribes to a resource that the upstream hears of in its own way', async () => {
    const client = await connectLegacy(joined.url, 'alice.app');
    const updated: unknown[] = [];
    client.fallbackNotificationHandler = async ({ method, params }) => {
      if (method === 'notifications/resources/updated') updated.push(params);
    };
    await client.subscribeResource({ uri: 'symbolon+new:note://1' });
    const listens = () => modern.seen.filter(({ method }) => method === 'subscriptions/listen');
    await soon(() => JSON.stringify(listens().at(-1)?.params ?? {}).includes('note://1'));
    await soon(() => modern.openStreams === 1);
    modern.announce('notifications/resources/updated', { uri: 'note://1', _meta: { theirs: 1 } });
    await soon(() => updated.length === 1);
    expect(updated).toEqual([{ uri: 'symbolon+new:note://1' }]);
    await client.close();
  });
});

describe('a modern client at a legacy upstream', () => {
  test('answers what the server asks in rounds, and the open call goes on', async () => {
    old.on.set('tools/call', async ({ ask }) => ({
      content: [],
      structuredContent: [await ask('elicitation/create', form), await ask('roots/list', {})],
    }));
    const client = await connectModern(joined.url, 'alice.app', {
      capabilities: { elicitation: { form: {} }, roots: {} },
    });
    client.setRequestHandler('elicitation/create', () => ({
      action: 'accept',
      content: { n: 'A' },
    }));
    client.setRequestHandler('roots/list', () => ({ roots: [{ uri: 'file:///x' }] }));
    const result = await client.callTool({ name: 'old_ask', arguments: {} });
    expect(result).toMatchObject({
      structuredContent: [
        { action: 'accept', content: { n: 'A' } },
        { roots: [{ uri: 'file:///x' }] },
      ],
    });
    expect(old.methods().filter((method) => method === 'tools/call')).toHaveLength(1);
    const initialize = old.seen.find(({ method }) => method === 'initialize');
    expect(initialize?.params).toMatchObject({
      protocolVersion: '2025-11-25',
      capabilities: { elicitation: { form: {} }, roots: {} },
    });
    await client.close();
  });

  test('gets the links of -32042 as input that is required, and is called again after it', async () => {
    let calls = 0;
    old.on.set('tools/call', () => {
      calls += 1;
      if (calls > 1) return { content: [{ type: 'text', text: 'done' }] };
      const one = { mode: 'url', elicitationId: 'e', url: 'https://up.example/x', message: 'Go.' };
      return { error: { code: -32_042, message: 'Go.', data: { elicitations: [one] } } };
    });
    const urls: unknown[] = [];
    const client = await connectModern(joined.url, 'alice.app', {
      capabilities: { elicitation: { url: {} } },
    });
    client.setRequestHandler('elicitation/create', ({ params }) => {
      urls.push(params);
      return { action: 'accept' };
    });
    expect(await client.callTool({ name: 'old_ask', arguments: {} })).toMatchObject({
      content: [{ text: 'done' }],
    });
    expect(urls).toEqual([{ mode: 'url', url: 'https://up.example/x', message: 'Go.' }]);
    await client.close();
  });

  test('sees modern results and errors', async () => {
    old.on.set('resources/read', () => ({ error: { code: -32_002, message: 'Not found.' } }));
    old.on.set('prompts/list', () => ({ prompts: [{ name: 'p' }] }));
    const missing = await postModern(joined.url, 'alice.app', 'resources/read', {
      uri: 'symbolon+old:note://1',
    });
    expect(missing.body.error?.code).toBe(-32_602);
    const prompts = await postModern(joined.url, 'alice.app', 'prompts/list', {});
    expect(prompts.body.result).toMatchObject({
      prompts: [{ name: 'old_p' }],
      resultType: 'complete',
      cacheScope: 'private',
    });
  });

  test('hears of changed lists through its subscription', async () => {
    const client = await connectModern(joined.url, 'alice.app');
    let changes = 0;
    client.setNotificationHandler('notifications/tools/list_changed', () => {
      changes += 1;
    });
    const subscription = await client.listen({ toolsListChanged: true });
    await soon(() => old.openStreams === 1 && modern.openStreams === 1);
    old.announce('notifications/tools/list_changed');
    await soon(() => changes === 1);
    modern.announce('notifications/prompts/list_changed');
    modern.announce('notifications/tools/list_changed');
    await soon(() => changes === 2);
    await subscription.close();
    await client.close();
  });
});

describe('the state of a paused call', () => {
  const required = { elicitation: { form: {} } };
  const ask = async (token: string, params: Record<string, unknown>, name = 'new_ask') =>
    postModern(joined.url, token, 'tools/call', { name, ...params }, { capabilities: required });

  beforeEach(() => {
    modern.on.set('tools/call', ({ params }) =>
      params['requestState'] === undefined
        ? {
            resultType: 'input_required',
            inputRequests: { who: { method: 'elicitation/create', params: form } },
            requestState: 'secret of the upstream',
          }
        : {
            resultType: 'complete',
            content: [{ type: 'text', text: params['requestState'] }],
          },
    );
    old.on.set('tools/call', async ({ ask: question }) => {
      await question('elicitation/create', form);
      return { content: [] };
    });
  });

  test('is sealed, and goes back to the upstream as it came', async () => {
    const { result } = (await ask('alice.app', {})).body;
    expect(result).toMatchObject({ resultType: 'input_required', inputRequests: { who: {} } });
    expect(String(result?.['requestState'])).not.toContain('secret');
    const inputResponses = { who: { action: 'accept', content: {} } };
    const again = await ask('alice.app', {
      inputResponses,
      requestState: result?.['requestState'],
    });
    expect(again.body.result).toMatchObject({ content: [{ text: 'secret of the upstream' }] });
  });

  test.each([
    ['new_ask', 'by another person', 'bob.app', {}, 'new_ask'],
    ['new_ask', 'by another application', 'alice.other', {}, 'new_ask'],
    ['new_ask', 'for other arguments', 'alice.app', { arguments: { x: 1 } }, 'new_ask'],
    ['new_ask', 'at another upstream', 'alice.app', {}, 'old_ask'],
    ['old_ask', 'at another upstream', 'alice.app', {}, 'new_ask'],
    ['old_ask', 'by another person', 'bob.app', {}, 'old_ask'],
  ])(
    'row 19, state replay: of %s %s is refused and nothing is called',
    async (first, _how, token, more, second) => {
      const { result } = (await ask('alice.app', {}, first)).body;
      const before = old.seen.length + modern.seen.length;
      const { requestState } = result ?? {};
      const replayed = await ask(token, { ...more, requestState, inputResponses: {} }, second);
      expect([replayed.status, replayed.body.error?.code]).toEqual([400, -32_602]);
      expect(old.seen.length + modern.seen.length).toBe(before);
    },
  );

  test('row 19, state forgery: an upstream’s own state is not taken from a client', async () => {
    const forged = await ask('alice.app', { requestState: 'secret of the upstream' });
    expect([forged.status, forged.body.error?.code]).toEqual([400, -32_602]);
  });

  test('row 19, state replay: an answer counts once', async () => {
    const { result } = (await ask('alice.app', {}, 'old_ask')).body;
    const { requestState } = result ?? {};
    const inputResponses = { 'request-0': { action: 'accept', content: {} } };
    const params = { requestState, inputResponses };
    expect((await ask('alice.app', params, 'old_ask')).body.result).toMatchObject({ content: [] });
    expect((await ask('alice.app', params, 'old_ask')).status).toBe(400);
  });
});

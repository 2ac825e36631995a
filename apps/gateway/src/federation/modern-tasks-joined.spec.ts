import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  listenModern,
  mcpUpstream,
  postModern,
  soon,
  startJoined,
  type Joined,
} from './joined-gateway-fixture.js';
import { ScriptedUpstream } from './scripted-upstream-fixture.js';

type Json = Record<string, unknown>;

const capabilities = { extensions: { 'io.modelcontextprotocol/tasks': {} } };
const times = { createdAt: '2026-01-01T00:00:00Z', lastUpdatedAt: '2026-01-01T00:00:00Z' };
let one: ScriptedUpstream;
let two: ScriptedUpstream;
let joined: Joined;

/** A server that hands out one task, the same as the other does, and is done once it was given an answer. */
function runTask(upstream: ScriptedUpstream, of: string): void {
  let answered: unknown;
  const task = { taskId: 't1', ttlMs: 60_000, ...times };
  const wants = { name: { method: 'elicitation/create', params: { message: 'name?' } } };
  upstream.on.set('tools/call', () => ({ ...task, resultType: 'task', status: 'working' }));
  upstream.on.set('tasks/update', ({ params }) => {
    answered = params['inputResponses'];
    return { resultType: 'complete' };
  });
  upstream.on.set('tasks/cancel', () => ({ resultType: 'complete' }));
  upstream.on.set('tasks/get', () => {
    const got = { ...task, resultType: 'complete' };
    if (answered === undefined) return { ...got, status: 'input_required', inputRequests: wants };
    const content = [{ type: 'resource_link', uri: 'note://1', name: JSON.stringify(answered) }];
    return { ...got, status: 'completed', result: { content, structuredContent: { of } } };
  });
}

beforeEach(async () => {
  [one, two] = await Promise.all([
    ScriptedUpstream.start('modern', ['work']),
    ScriptedUpstream.start('modern', ['work']),
  ]);
  runTask(one, 'one');
  runTask(two, 'two');
  joined = await startJoined([mcpUpstream('one', one.url), mcpUpstream('two', two.url)]);
  for (const slug of ['one', 'two'])
    for (const person of ['alice', 'mallory']) joined.vault.grant(person, 'app', slug);
});

afterEach(async () => {
  await joined.close();
  await Promise.all([one.stop(), two.stop()]);
});

async function ask(method: string, params: Json, person = 'alice', declared: Json = capabilities) {
  const more = { capabilities: declared };
  const { status, body } = await postModern(joined.url, `${person}.app`, method, params, more);
  return { status, error: body.error, result: body.result ?? {} };
}

describe('tasks of 2026-07-28 (SEP-2663) at the joined endpoint', () => {
  test('are offered, handed out under ids of their own, and run where they were begun', async () => {
    const { result } = await ask('server/discover', {});
    expect(result['capabilities']).toMatchObject(capabilities);
    const [begun, other] = [
      (await ask('tools/call', { name: 'two_work' })).result,
      (await ask('tools/call', { name: 'one_work' })).result,
    ];
    expect(begun).toMatchObject({ resultType: 'task', status: 'working' });
    const taskId = String(begun['taskId']);
    expect(taskId).toMatch(/^two:.+:t1$/);
    expect(other['taskId']).not.toBe(taskId);
    expect((await ask('tasks/get', { taskId })).result).toMatchObject({
      ...{ taskId, status: 'input_required', resultType: 'complete' },
      inputRequests: { name: { method: 'elicitation/create' } },
    });
    const inputResponses = { name: { action: 'accept', content: { name: 'Alice' } } };
    expect((await ask('tasks/update', { taskId, inputResponses })).status).toBe(200);
    expect((await ask('tasks/get', { taskId })).result).toMatchObject({
      ...{ taskId, status: 'completed' },
      result: {
        content: [{ uri: 'symbolon+two:note://1', name: JSON.stringify(inputResponses) }],
        structuredContent: { of: 'two' },
      },
    });
    expect((await ask('tasks/cancel', { taskId })).result).toMatchObject({
      resultType: 'complete',
    });
    const about = two.seen.filter(({ method }) => method.startsWith('tasks/'));
    expect(
      new Set(about.map(({ params, headers }) => [params['taskId'], headers['mcp-name']].join())),
    ).toEqual(new Set(['t1,t1']));
    expect(one.methods()).not.toContain('tasks/get');
  });

  test('task ids: another person’s, another upstream’s or a guessed one leads nowhere', async () => {
    const taskId = String((await ask('tools/call', { name: 'one_work' })).result['taskId']);
    for (const [person, id] of [
      ['mallory', taskId],
      ['alice', taskId.replace('one:', 'two:')],
      ['alice', 't1'],
    ] as const)
      for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
        expect((await ask(method, { taskId: id }, person)).error?.code).toBe(-32_602);
    expect(
      [...one.methods(), ...two.methods()].filter((method) => method.startsWith('tasks/')),
    ).toEqual([]);
  });

  test('are for clients that declare them with the request', async () => {
    const taskId = String((await ask('tools/call', { name: 'one_work' })).result['taskId']);
    const { status, error } = await ask('tasks/get', { taskId }, 'alice', {});
    expect([status, error]).toMatchObject([
      400,
      { code: -32_021, data: { requiredCapabilities: capabilities } },
    ]);
  });
});

describe('news of tasks, by subscriptions/listen', () => {
  const listened: AbortController[] = [];
  afterEach(() => {
    for (const one of listened.splice(0)) one.abort();
  });

  function listen(taskIds: readonly string[], declared: Json = capabilities) {
    const stop = new AbortController();
    listened.push(stop);
    const notifications = { taskIds, toolsListChanged: true };
    return listenModern(joined.url, 'alice.app', notifications, { capabilities: declared, stop });
  }

  test('ids pass both ways, under the subscription’s own, and carry the result', async () => {
    const taskId = String((await ask('tools/call', { name: 'two_work' })).result['taskId']);
    const { events } = await listen([taskId, 'two:AAAAAAAAAAAAAAAAAAAAAA:t1', 't1']);
    await soon(() => events.length > 0 && one.openStreams > 0);
    expect(events[0]?.params).toMatchObject({
      notifications: { taskIds: [taskId], toolsListChanged: true },
      _meta: { 'io.modelcontextprotocol/subscriptionId': 'sub' },
    });
    const asked = [two, one].map(
      ({ seen }) => seen.findLast(({ method }) => method === 'subscriptions/listen')?.params,
    );
    expect(asked).toMatchObject([{ notifications: { taskIds: ['t1'] } }, { notifications: {} }]);
    const result = { content: [{ type: 'resource_link', uri: 'note://1', name: 'n' }] };
    for (const upstream of [one, two])
      upstream.announce('notifications/tasks', { taskId: 't1', status: 'completed', result });
    two.announce('notifications/tasks', { taskId: 'of another subscription' });
    two.announce('notifications/tools/list_changed');
    await soon(() => events.length > 2);
    expect(events.slice(1).map(({ method }) => method)).toEqual([
      'notifications/tasks',
      'notifications/tools/list_changed',
    ]);
    expect(events[1]?.params).toMatchObject({
      ...{ taskId, status: 'completed' },
      result: { content: [{ uri: 'symbolon+two:note://1' }] },
      _meta: { 'io.modelcontextprotocol/subscriptionId': 'sub' },
    });
  });

  test('are promised only where the server promises them, and other news still come', async () => {
    const taskId = String((await ask('tools/call', { name: 'two_work' })).result['taskId']);
    two.knows = ({ taskIds }) => taskIds === undefined;
    const { events } = await listen([taskId]);
    await soon(() => events.length > 0 && two.openStreams > 0);
    expect(events[0]?.params['notifications']).toEqual({ toolsListChanged: true });
    two.announce('notifications/tasks', { taskId: 't1', status: 'completed' });
    two.announce('notifications/tools/list_changed');
    await soon(() => events.length > 1);
    expect(events.map(({ method }) => method).slice(1)).toEqual([
      'notifications/tools/list_changed',
    ]);
  });

  test('that came while the server was away are asked for', async () => {
    const taskId = String((await ask('tools/call', { name: 'two_work' })).result['taskId']);
    const { events } = await listen([taskId]);
    await soon(() => events.length > 0);
    two.hangUp();
    const told = () => events.find(({ method }) => method === 'notifications/tasks');
    await soon(() => told() !== undefined);
    expect(told()?.params).toMatchObject({ taskId, status: 'input_required' });
  });

  test('are for clients that declare them', async () => {
    const { response } = await listen(['t1'], {});
    expect(response.status).toBe(400);
  });
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  CallToolResultSchema,
  ElicitRequestSchema,
  TaskStatusNotificationSchema,
  type Task,
} from '@modelcontextprotocol/sdk/types.js';
import {
  connectLegacy,
  mcpUpstream,
  soon,
  startJoined,
  type Joined,
} from './joined-gateway-fixture.js';
import { ScriptedUpstream } from './scripted-upstream-fixture.js';

const related = 'io.modelcontextprotocol/related-task';
const task = (taskId: unknown, status: string) => ({
  ...{ taskId, status, ttl: 60_000, pollInterval: 5 },
  ...{ createdAt: '2026-01-01T00:00:00Z', lastUpdatedAt: '2026-01-01T00:00:00Z' },
});

let one: ScriptedUpstream;
let two: ScriptedUpstream;
let plain: ScriptedUpstream;
let joined: Joined;
let clients: Client[];

/** Tasks that are done once their result was asked for. */
function runTasks(upstream: ScriptedUpstream): void {
  upstream.capabilities = {
    tools: {},
    tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } },
  };
  upstream.on.set('tools/list', () => ({
    tools: [
      { name: 'work', inputSchema: { type: 'object' }, execution: { taskSupport: 'required' } },
    ],
  }));
  upstream.on.set('tools/call', ({ params }) => ({ task: task('t1', 'working'), seen: params }));
  upstream.on.set('tasks/get', ({ params }) => task(params['taskId'], 'input_required'));
  upstream.on.set('tasks/cancel', ({ params }) => task(params['taskId'], 'cancelled'));
  upstream.on.set('tasks/list', ({ params }) =>
    params['cursor'] === undefined
      ? { tasks: [task('t1', 'working')], nextCursor: 'more' }
      : { tasks: [task('t2', 'working')] },
  );
  upstream.on.set('tasks/result', async ({ params, ask }) => {
    const _meta = { [related]: { taskId: params['taskId'] } };
    const answered = await ask('elicitation/create', {
      ...{ message: 'name?', requestedSchema: { type: 'object', properties: {} }, _meta },
    });
    return { content: [], structuredContent: { answered, url: upstream.url }, _meta };
  });
}

beforeEach(async () => {
  [one, two, plain] = await Promise.all([
    ScriptedUpstream.start('legacy'),
    ScriptedUpstream.start('legacy'),
    ScriptedUpstream.start('legacy', ['do']),
  ]);
  for (const upstream of [one, two]) runTasks(upstream);
  joined = await startJoined([
    mcpUpstream('one', one.url),
    mcpUpstream('two', two.url),
    mcpUpstream('plain', plain.url),
  ]);
  for (const slug of ['one', 'two', 'plain'])
    for (const person of ['alice', 'mallory']) joined.vault.grant(person, 'app', slug);
  clients = [];
});

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close().catch(() => undefined)));
  await joined.close();
  await Promise.all([one, two, plain].map((upstream) => upstream.stop()));
});

async function connect(
  token: string,
  prepare: (client: Client) => void = () => undefined,
): Promise<Client> {
  const capabilities = { elicitation: {}, tasks: { requests: { elicitation: { create: {} } } } };
  const client = await connectLegacy(joined.url, token, { capabilities }, prepare);
  clients.push(client);
  return client;
}

async function start(client: Client, name: string): Promise<Task> {
  await client.listTools();
  const stream = client.experimental.tasks.callToolStream({ name }, CallToolResultSchema, {
    task: { ttl: 60_000 },
  });
  for await (const message of stream) if (message.type === 'taskCreated') return message.task;
  throw new Error('no task');
}

describe('tasks of legacy upstreams at the joined endpoint', () => {
  test('run where they were begun: progress, questions, result, cancellation', async () => {
    const about: unknown[] = [];
    const statuses: unknown[] = [];
    const client = await connect('alice.app', (own) => {
      own.setRequestHandler(ElicitRequestSchema, ({ params }) => {
        about.push(params._meta?.[related]);
        return { action: 'accept', content: { a: 'b' }, _meta: params._meta };
      });
      own.setNotificationHandler(TaskStatusNotificationSchema, ({ params }) => {
        statuses.push(params.taskId);
      });
    });
    const begun = await start(client, 'two_work');
    expect(begun.taskId).toMatch(/^two:.*:t1$/);
    const { tasks } = client.experimental;
    expect(await tasks.getTask(begun.taskId)).toMatchObject({
      ...{ taskId: begun.taskId, status: 'input_required' },
    });
    const result = await tasks.getTaskResult(begun.taskId, CallToolResultSchema);
    expect(result).toMatchObject({
      structuredContent: {
        url: two.url,
        answered: { action: 'accept', _meta: { [related]: { taskId: 't1' } } },
      },
      _meta: { [related]: { taskId: begun.taskId } },
    });
    expect(about).toEqual([{ taskId: begun.taskId }]);
    await soon(() => two.openStreams > 0);
    two.announce('notifications/tasks/status', task('t1', 'completed'));
    await soon(() => statuses.length > 0);
    expect(statuses).toEqual([begun.taskId]);
    expect(await tasks.cancelTask(begun.taskId)).toMatchObject({ taskId: begun.taskId });
    expect(one.methods().filter((method) => /^tasks|call/.test(method))).toEqual([]);
    expect(two.seen.find(({ method }) => method === 'tools/call')?.params['task']).toEqual({
      ttl: 60_000,
    });
  });

  test('are listed together, page by page, from those that list them', async () => {
    const client = await connect('alice.app');
    const listed = async (cursor?: string) => {
      const { tasks, nextCursor } = await client.experimental.tasks.listTasks(cursor);
      return { nextCursor, ids: tasks.map(({ taskId }) => taskId.replace(/:.*:/, ' ')) };
    };
    const first = await listed();
    expect(first.ids).toEqual(['one t1', 'two t1']);
    const second = await listed(first.nextCursor);
    expect(second).toEqual({ nextCursor: undefined, ids: ['one t2', 'two t2'] });
    expect(plain.methods()).not.toContain('tasks/list');
  });

  test('task ids: another person’s, another upstream’s or a guessed one leads nowhere', async () => {
    const { taskId } = await start(await connect('alice.app'), 'one_work');
    const mallory = await connect('mallory.app');
    const alice = await connect('alice.app');
    const foreign = [
      [mallory, taskId],
      [alice, taskId.replace('one:', 'two:')],
      [alice, 't1'],
      [alice, `${taskId}0`],
    ] as const;
    for (const [client, id] of foreign)
      await expect(client.experimental.tasks.getTask(id)).rejects.toThrow(/Not found/);
    expect([...one.methods(), ...two.methods()]).not.toContain('tasks/get');
  });

  test('a server that asks for the client’s own tasks is told of none', async () => {
    let answered: unknown;
    plain.on.set('tools/call', async ({ ask }) => {
      answered = await ask('tasks/list', {});
      return { content: [] };
    });
    await (await connect('alice.app')).callTool({ name: 'plain_do' });
    expect(answered).toEqual({ refused: true });
    const initialize = plain.seen.find(({ method }) => method === 'initialize');
    expect(initialize?.params['capabilities']).toEqual({ elicitation: {} });
  });
});

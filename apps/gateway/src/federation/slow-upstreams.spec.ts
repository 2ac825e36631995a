import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  connectModern,
  mcpUpstream,
  postModern,
  soon,
  startJoined,
  type Joined,
} from './joined-gateway-fixture.js';
import { ScriptedUpstream } from './scripted-upstream-fixture.js';

let good: ScriptedUpstream;
let bad: ScriptedUpstream;
let joined: Joined;

beforeEach(async () => {
  good = await ScriptedUpstream.start('modern', ['one']);
  bad = await ScriptedUpstream.start('modern', ['two']);
  joined = await start(10_000);
});

async function start(listDeadlineMs: number): Promise<Joined> {
  const started = await startJoined([mcpUpstream('bad', bad.url), mcpUpstream('good', good.url)], {
    listDeadlineMs,
  });
  for (const slug of ['good', 'bad']) started.vault.grant('alice', 'app', slug);
  return started;
}

/** The other upstream is known already, so only the silent one can miss the deadline. */
async function impatient(): Promise<void> {
  await joined.close();
  joined = await start(150);
  const goodOne = mcpUpstream('good', good.url);
  joined.configure([goodOne]);
  await soon(async () => (await list()).names.length === 1);
  joined.configure([mcpUpstream('bad', bad.url), goodOne]);
}

afterEach(async () => {
  await joined.close();
  await Promise.all([good.stop(), bad.stop()]);
});

const list = async () => {
  const { result = {} } = (await postModern(joined.url, 'alice.app', 'tools/list', {})).body;
  const tools = result['tools'] as { name: string }[];
  return { names: tools.map(({ name }) => name), marked: result['_meta'], ttlMs: result['ttlMs'] };
};

describe('an upstream that does not answer', () => {
  test('is marked, and the others are listed', async () => {
    await impatient();
    bad.silent = true;
    expect(await list()).toEqual({
      names: ['good_one'],
      marked: { 'dev.symbolon/unavailable': ['bad'] },
      ttlMs: 0,
    });
  });

  test('that comes late is announced to who listens', async () => {
    await impatient();
    let answer: (() => void) | undefined;
    const answered = new Promise<void>((resolve) => {
      answer = resolve;
    });
    bad.on.set('tools/list', async () => {
      await answered;
      return { tools: [{ name: 'two', inputSchema: { type: 'object' } }] };
    });
    const client = await connectModern(joined.url, 'alice.app');
    let changes = 0;
    client.setNotificationHandler('notifications/tools/list_changed', () => {
      changes += 1;
    });
    await client.listen({ toolsListChanged: true });
    expect((await list()).names).toEqual(['good_one']);
    answer?.();
    await soon(() => changes > 0);
    expect((await list()).names).toEqual(['bad_two', 'good_one']);
    await client.close();
  });

  test('that comes back is announced to who listens', async () => {
    bad.broken = 503;
    const client = await connectModern(joined.url, 'alice.app');
    let changes = 0;
    client.setNotificationHandler('notifications/tools/list_changed', () => {
      changes += 1;
    });
    await client.listen({ toolsListChanged: true });
    expect((await list()).marked).toEqual({ 'dev.symbolon/unavailable': ['bad'] });
    bad.broken = undefined;
    await soon(() => changes > 0);
    expect((await list()).names).toEqual(['bad_two', 'good_one']);
    await client.close();
  });

  test('that was listed before is shown as it was', async () => {
    expect((await list()).names).toEqual(['bad_two', 'good_one']);
    bad.broken = 500;
    const changed = mcpUpstream('bad', bad.url, { timeoutMs: 4000 });
    joined.configure([changed, mcpUpstream('good', good.url)]);
    expect(await list()).toMatchObject({
      names: ['bad_two', 'good_one'],
      marked: { 'dev.symbolon/unavailable': ['bad'] },
    });
  });
});

describe('the error of one upstream', () => {
  test.each([
    ['a page', 500],
    ['a redirect', 302],
  ])('that answers %s is no error of another, and says nothing of it', async (_what, status) => {
    bad.broken = status;
    good.on.set('tools/call', () => ({ content: [] }));
    const call = (name: string) => postModern(joined.url, 'alice.app', 'tools/call', { name });
    const failed = await call('bad_two');
    expect(failed.body.error).toBeDefined();
    expect(failed.text).not.toContain(bad.url);
    expect(failed.text).not.toContain('<p>');
    expect((await call('good_one')).body.result).toMatchObject({ content: [] });
    expect((await list()).names).toEqual(['good_one']);
  });

  test('is the caller’s as the upstream put it', async () => {
    bad.on.set('tools/call', () => ({
      error: { code: -32_603, message: 'db is down', data: { x: 1 } },
    }));
    const { body } = await postModern(joined.url, 'alice.app', 'tools/call', { name: 'bad_two' });
    expect(body.error).toEqual({ code: -32_603, message: 'db is down', data: { x: 1 } });
  });
});

test('twenty upstreams of fifty tools are one list, asked for once', async () => {
  const fifty = Array.from({ length: 50 }, (_, i) => `tool-${i}`);
  const all = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      ScriptedUpstream.start(i % 2 === 0 ? 'modern' : 'legacy', fifty),
    ),
  );
  const slug = (i: number) => `s${String(i).padStart(2, '0')}`;
  const many = await startJoined(
    all.map(({ url }, i) => mcpUpstream(slug(i), url)),
    { listDeadlineMs: 10_000 },
  );
  for (const i of all.keys()) many.vault.grant('alice', 'app', slug(i));
  const names = async () => {
    const { result = {} } = (await postModern(many.url, 'alice.app', 'tools/list', {})).body;
    return (result['tools'] as { name: string }[]).map(({ name }) => name);
  };
  const expected = all.flatMap((_, i) => fifty.map((name) => `${slug(i)}_${name}`));
  expect(await names()).toEqual(expected);
  for (let i = 0; i < 20; i += 1) expect(await names()).toEqual(expected);
  for (const upstream of all)
    expect(upstream.methods().filter((method) => method === 'tools/list')).toHaveLength(1);
  await many.close();
  await Promise.all(all.map((upstream) => upstream.stop()));
});

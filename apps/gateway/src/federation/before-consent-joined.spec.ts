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

let git: ScriptedUpstream;
let wiki: ScriptedUpstream;
let joined: Joined;

beforeEach(async () => {
  git = await ScriptedUpstream.start('modern', ['search']);
  wiki = await ScriptedUpstream.start('legacy', ['find']);
  joined = await startJoined([mcpUpstream('git', git.url), mcpUpstream('wiki', wiki.url)]);
  joined.vault.grant('alice', 'app', 'wiki');
  for (const upstream of [git, wiki])
    upstream.on.set('tools/call', () => ({ content: [{ type: 'text', text: 'done' }] }));
});

afterEach(async () => {
  await joined.close();
  await Promise.all([git.stop(), wiki.stop()]);
});

const namesOf = (result: { tools: { name: string }[] }) => result.tools.map(({ name }) => name);
const call = (params: Record<string, unknown>, capabilities = {}) =>
  postModern(joined.url, 'alice.app', 'tools/call', params, { capabilities });
const byUrl = { elicitation: { url: {} } };

describe('an upstream before consent', () => {
  test('shows one tool to connect it, and its own after consent, which the subscription tells', async () => {
    const client = await connectModern(joined.url, 'alice.app');
    let changes = 0;
    client.setNotificationHandler('notifications/tools/list_changed', () => {
      changes += 1;
    });
    await client.listen({ toolsListChanged: true });
    expect(namesOf(await client.listTools())).toEqual(['connect_git', 'wiki_find']);
    expect(git.seen).toEqual([]);
    const paused = await call({ name: 'connect_git' }, byUrl);
    expect(paused.body.result).toMatchObject({ resultType: 'input_required' });
    joined.vault.consent();
    await soon(() => changes > 0);
    expect(namesOf(await client.listTools())).toEqual(['git_search', 'wiki_find']);
    expect((await call({ name: 'connect_git' })).body.result).toMatchObject({
      content: [{ text: expect.stringContaining('is connected') as string }],
    });
    await client.close();
  });

  test('shows what its discovery credential sees, and nothing is called with that', async () => {
    joined.vault.services.set('discovery', {
      kind: 'credential',
      header: ['authorization', 'Bearer up:discovery'],
      grantId: undefined,
      revocation: undefined,
    });
    joined.configure([mcpUpstream('git', git.url, { discovery: true })]);
    const { result } = (await postModern(joined.url, 'alice.app', 'tools/list', {})).body;
    expect(namesOf(result as never)).toEqual(['git_search']);
    expect((await call({ name: 'git_search' }, byUrl)).body.result).toMatchObject({
      resultType: 'input_required',
    });
    const used = git.seen.filter(({ headers }) => headers.authorization === 'Bearer up:discovery');
    expect(used.map(({ method }) => method)).toEqual(['server/discover', 'tools/list']);
    expect(git.methods()).not.toContain('tools/call');
  });

  test('after a disconnect it shows what this person saw last, and nobody else sees that', async () => {
    joined.vault.grant('alice', 'app', 'git');
    const list = async (token: string) =>
      namesOf((await postModern(joined.url, token, 'tools/list', {})).body.result as never);
    expect(await list('alice.app')).toEqual(['git_search', 'wiki_find']);
    joined.vault.revoke('alice', 'app', 'git');
    expect(await list('alice.app')).toEqual(['git_search', 'wiki_find']);
    expect(await list('bob.app')).toEqual(['connect_git', 'connect_wiki']);
    expect(await list('alice.other')).toEqual(['connect_git', 'connect_wiki']);
  });

  test('a call pauses, is held, and ends with its result once the person has agreed', async () => {
    const client = await connectModern(joined.url, 'alice.app', { capabilities: byUrl });
    const urls: string[] = [];
    client.setRequestHandler('elicitation/create', ({ params }) => {
      urls.push('url' in params ? String(params.url) : '');
      setTimeout(() => joined.vault.consent(), 50);
      return { action: 'accept' };
    });
    expect(await client.callTool({ name: 'git_search', arguments: {} })).toMatchObject({
      content: [{ text: 'done' }],
    });
    expect(urls).toEqual([expect.stringMatching(/^https:\/\/vault\.example\/connect\//)]);
    await client.close();
  });

  test('declining ends the call, and nothing is called', async () => {
    const client = await connectModern(joined.url, 'alice.app', { capabilities: byUrl });
    client.setRequestHandler('elicitation/create', () => ({ action: 'decline' }));
    expect(await client.callTool({ name: 'git_search', arguments: {} })).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('was not connected') as string }],
    });
    expect(git.methods()).not.toContain('tools/call');
    await client.close();
  });

  test('a client without elicitation gets the link in a tool result', async () => {
    expect((await call({ name: 'git_search' })).body.result).toMatchObject({
      isError: true,
      content: [{ text: expect.stringContaining('https://vault.example/connect/') as string }],
    });
  });

  test('a legacy client gets -32042, then its completion and the changed lists, on its own stream only', async () => {
    const client = await connectLegacy(joined.url, 'alice.app', { capabilities: byUrl });
    const other = await connectLegacy(joined.url, 'alice.app', { capabilities: byUrl });
    const heard: string[] = [];
    const overheard: string[] = [];
    client.fallbackNotificationHandler = async ({ method, params }) => {
      heard.push(`${method} ${JSON.stringify(params ?? {})}`);
    };
    other.fallbackNotificationHandler = async ({ method }) => {
      overheard.push(method);
    };
    const refused: unknown = await client
      .callTool({ name: 'git_search' })
      .catch((error: unknown) => error);
    const { code, data } = refused as {
      code: number;
      data: { elicitations: { elicitationId: string }[] };
    };
    expect(code).toBe(-32_042);
    joined.vault.consent();
    const completion = `notifications/elicitation/complete ${JSON.stringify({ elicitationId: data.elicitations[0]?.elicitationId })}`;
    await soon(() => heard.includes(completion));
    await soon(() => heard.some((one) => one.startsWith('notifications/tools/list_changed')));
    await soon(() => overheard.includes('notifications/tools/list_changed'));
    expect(overheard).not.toContain('notifications/elicitation/complete');
    expect(namesOf(await client.listTools())).toEqual(['git_search', 'wiki_find']);
    expect(await client.callTool({ name: 'git_search' })).toMatchObject({
      content: [{ text: 'done' }],
    });
    await client.close();
    await other.close();
  });
});

test('an upstream that is registered later is announced', async () => {
  const { url } = wiki;
  joined.configure([mcpUpstream('git', git.url)]);
  const client = await connectModern(joined.url, 'alice.app');
  let changes = 0;
  client.setNotificationHandler('notifications/tools/list_changed', () => {
    changes += 1;
  });
  await client.listen({ toolsListChanged: true });
  joined.configure([mcpUpstream('git', git.url)]);
  joined.configure([mcpUpstream('git', git.url), mcpUpstream('wiki', url, { prefix: 'w-' })]);
  await soon(() => changes > 0);
  expect(namesOf(await client.listTools())).toEqual(['connect_git', 'w-find']);
  await client.close();
});

test('a token that the upstream refuses is asked for anew by what is called, not by what is listed', async () => {
  const { vault } = joined;
  vault.grant('alice', 'app', 'wiki');
  vault.replace = async (request) => {
    vault.revoke('alice', 'app', 'wiki');
    const answer = await vault.borrow(request);
    vault.grant('alice', 'app', 'wiki');
    return answer;
  };
  wiki.broken = 401;
  const { result } = (await postModern(joined.url, 'alice.app', 'tools/list', {})).body;
  expect(namesOf(result as never)).toContain('connect_wiki');
  expect(vault.links).toBe(0);
  const capabilities = { elicitation: { url: {} } };
  for (const name of ['connect_wiki', 'wiki_find']) {
    const { body } = await postModern(
      joined.url,
      'alice.app',
      'tools/call',
      { name },
      { capabilities },
    );
    expect(body.result).toMatchObject({ resultType: 'input_required' });
  }
  expect(vault.links).toBe(2);
});

describe('what the policy says', () => {
  const rule = { public: false, scopes: [], claims: {}, upstreamScopes: [], hidden: false };

  test('hides, refuses and asks for scopes per tool, by the tool’s own name', async () => {
    const tools = {
      default: 'allow' as const,
      rules: { find: { ...rule, scopes: ['wiki.find'] }, secret: { ...rule, hidden: true } },
    };
    wiki.tools = ['find', 'secret', 'free'];
    joined.configure([mcpUpstream('wiki', wiki.url, { tools })]);
    const { result } = (await postModern(joined.url, 'alice.app', 'tools/list', {})).body;
    expect(namesOf(result as never)).toEqual(['wiki_find', 'wiki_free']);
    const stepUp = await call({ name: 'wiki_find' });
    expect([stepUp.status, stepUp.body.error?.code]).toEqual([403, -32_000]);
    await call({ name: 'wiki_secret' });
    expect((await call({ name: 'wiki_free' })).body.result).toMatchObject({
      content: [{ text: 'done' }],
    });
    const called = wiki.seen.filter(({ method }) => method === 'tools/call');
    // In place of what is hidden, its server is asked for what it does not have.
    expect(called.map(({ params }) => params['name'])).toEqual([
      expect.stringMatching(/^t[0-9a-f]{32}$/),
      'free',
    ]);
  });

  test('an upstream whose scope is missing stays visible, and is not called as this person', async () => {
    joined.configure([mcpUpstream('wiki', wiki.url, { access: { scopes: ['wiki'], claims: {} } })]);
    const { result } = (await postModern(joined.url, 'alice.app', 'tools/list', {})).body;
    expect(namesOf(result as never)).toEqual(['connect_wiki']);
    expect((await call({ name: 'connect_wiki' })).status).toBe(403);
    expect((await call({ name: 'wiki_find' })).status).toBe(403);
    const read = await postModern(joined.url, 'alice.app', 'resources/read', {
      uri: 'symbolon+wiki:x:1',
    });
    expect(read.status).toBe(403);
    expect(wiki.seen).toEqual([]);
  });

  test('a public tool takes no consent', async () => {
    joined.configure([
      mcpUpstream('git', git.url, {
        public: true,
        tools: { default: 'allow', rules: { search: { ...rule, public: true } } },
      }),
    ]);
    joined.vault.services.set('public', {
      kind: 'credential',
      header: ['authorization', 'Bearer up:public'],
      grantId: undefined,
      revocation: undefined,
    });
    expect((await call({ name: 'git_search' })).body.result).toMatchObject({
      content: [{ text: 'done' }],
    });
    expect(git.seen.at(-1)?.headers.authorization).toBe('Bearer up:public');
  });
});

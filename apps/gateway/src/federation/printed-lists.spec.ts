import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toolPolicy } from '../mcp/policy-fixture.js';
import { mcpUpstream, postModern, startJoined, type Joined } from './joined-gateway-fixture.js';
import { Names } from './names.js';
import { PrintedLists } from './printed-lists.js';
import { ScriptedUpstream } from './scripted-upstream-fixture.js';

const names = new Names([]);
const from = { names, sources: [], who: undefined };

describe('printed lists', () => {
  test('are found again as long as nothing has changed', () => {
    const lists = new PrintedLists();
    const bytes = Buffer.from('{}');
    lists.keep('alice', from, bytes);
    expect(lists.find('alice', { ...from, sources: [] })).toBe(bytes);
    expect(lists.find('bob', from)).toBeUndefined();
    expect(lists.find('alice', { ...from, names: new Names([]) })).toBeUndefined();
    const who = { scopes: ['a'], claims: {} };
    expect(lists.find('alice', { ...from, who })).toBeUndefined();
    lists.keep('alice', { ...from, who }, bytes);
    expect(lists.find('alice', { ...from, who: { scopes: ['a'], claims: {} } })).toBe(bytes);
    expect(lists.find('alice', { ...from, who: { scopes: [], claims: {} } })).toBeUndefined();
  });

  test('are few: the oldest goes first', () => {
    const lists = new PrintedLists();
    const large = Buffer.alloc(40 * 1024 * 1024);
    lists.keep('alice', from, large);
    lists.keep('alice', from, large);
    // Never compared byte by byte.
    const has = (person: string) => lists.find(person, from) === large;
    expect(has('alice')).toBe(true);
    lists.keep('bob', from, large);
    expect([has('alice'), has('bob')]).toEqual([false, true]);
  });
});

describe('a list that was printed once', () => {
  const people = { alice: { scopes: ['write'] } };
  let upstream: ScriptedUpstream;
  let joined: Joined;

  beforeEach(async () => {
    upstream = await ScriptedUpstream.start('modern', ['read', 'secret']);
    const tools = toolPolicy({ secret: { claims: { team: { equals: 'data' } } } });
    joined = await startJoined([mcpUpstream('a', upstream.url, { tools })], { people });
    for (const person of ['alice', 'bob']) joined.vault.grant(person, 'app', 'a');
  });

  afterEach(async () => {
    await joined.close();
    await upstream.stop();
  });

  const list = async (token: string) => {
    const { body } = await postModern(joined.url, token, 'tools/list', {});
    const { tools = [] } = body.result ?? {};
    return (tools as { name: string }[]).map(({ name }) => name);
  };

  test('another token of the same person sees what that token may use', async () => {
    expect(await list('alice.app')).toEqual(['a_read']);
    Object.assign(people.alice, { claims: { team: 'data' } });
    expect(await list('alice.app')).toEqual(['a_read', 'a_secret']);
    Object.assign(people.alice, { claims: {} });
    expect(await list('alice.app')).toEqual(['a_read']);
    expect(upstream.methods().filter((method) => method === 'tools/list')).toHaveLength(1);
  });

  test('changed rules change it', async () => {
    expect(await list('bob.app')).toEqual(['a_read']);
    const tools = toolPolicy({ read: { hidden: true } });
    joined.configure([mcpUpstream('a', upstream.url, { tools })]);
    expect(await list('bob.app')).toEqual(['a_secret']);
  });
});

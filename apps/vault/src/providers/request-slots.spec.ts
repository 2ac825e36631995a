import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FreshDatabase, freshDatabase } from '#lib/testing/postgres-fresh-database';
import { PostgresAdvisoryLocks } from '../database/postgres-advisory-locks.js';
import { backgroundShare, RequestSlots, type Slot } from './request-slots.js';

let fresh: FreshDatabase;
let locks: PostgresAdvisoryLocks[];
let here: RequestSlots;
let there: RequestSlots;

beforeAll(async () => {
  fresh = await freshDatabase();
  locks = [new PostgresAdvisoryLocks(fresh.url), new PostgresAdvisoryLocks(fresh.url)];
  [here, there] = locks.map((each) => new RequestSlots(each)) as [RequestSlots, RequestSlots];
});
afterAll(async () => {
  await Promise.all(locks.map((each) => each.close()));
  await fresh.drop();
});

const given = (slots: readonly (Slot | undefined)[]) =>
  slots.filter((slot): slot is Slot => slot !== undefined);
const releaseAll = (slots: readonly Slot[]) => Promise.all(slots.map((slot) => slot.release()));

test('R7, no herd: of 40 that ask at two replicas as many have a slot as the provider allows', async () => {
  const room = { id: 'busy', limit: 10 };
  const asked = Array.from({ length: 40 }, (_, i) => (i % 2 ? here : there).take(room, 300));
  const slots = given(await Promise.all(asked));
  expect(slots).toHaveLength(10);
  await releaseAll(slots);
});

test('one that is given back goes to who waits longest here, and then elsewhere', async () => {
  const room = { id: 'single', limit: 1 };
  const slot = await here.take(room, 0);
  const order: string[] = [];
  const waitFor = async (name: string, slots: RequestSlots) => {
    const own = await slots.take(room, 5_000);
    order.push(own ? name : 'nothing');
    await own?.release();
  };
  const waiting = [waitFor('first', here)];
  await expect.poll(() => here.isAwaited('single')).toBe(true);
  waiting.push(waitFor('second', here), waitFor('elsewhere', there));
  await slot?.release();
  await Promise.all(waiting);
  expect(order.slice(0, 2)).toEqual(['first', 'second']);
  expect(order).toHaveLength(3);
  expect(order).toContain('elsewhere');
});

test('background work has three quarters at most, over all replicas; the rest is for people', async () => {
  const room = { id: 'shared', limit: 8 };
  const taken = [...(await here.takeFree(room, 8)), ...(await there.takeFree(room, 8))];
  expect(taken).toHaveLength(6);
  const people = given([await here.take(room, 0), await there.take(room, 0)]);
  expect(people).toHaveLength(2);
  expect(await here.take(room, 0)).toBeUndefined();
  await releaseAll([...taken, ...people]);
  expect([1, 2, 3, 100].map(backgroundShare)).toEqual([1, 1, 2, 75]);
});

test('a provider without room holds up no other', async () => {
  const hung = { id: 'hung', limit: 2 };
  const slots = given([await here.take(hung, 0), await here.take(hung, 0)]);
  const waiting = here.take(hung, 5_000);
  const other = await here.take({ id: 'other', limit: 2 }, 0);
  expect(other).toBeDefined();
  await releaseAll([...slots, ...given([other])]);
  await releaseAll(given([await waiting]));
});

test('what a process held that died is free at once', async () => {
  const room = { id: 'orphaned', limit: 3 };
  const dying = new PostgresAdvisoryLocks(fresh.url);
  expect(await new RequestSlots(dying).takeFree(room, 3)).toHaveLength(2);
  expect(await here.takeFree(room, 3)).toHaveLength(0);
  await dying.close();
  await expect.poll(async () => (await here.takeFree(room, 1)).length).toBe(1);
});

test('a request that finds no room is a failure that passes, and its slot comes back whatever it did', async () => {
  const room = { id: 'failing', limit: 1 };
  await expect(here.run(room, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await here.run(room, () => Promise.resolve('done'))).toBe('done');
});

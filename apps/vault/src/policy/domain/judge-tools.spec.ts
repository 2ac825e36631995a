import { describe, expect, it } from 'vitest';
import { type Inventory, judgeTools, type KnownTool, mostNames } from './judge-tools.js';

const print = (name: string, fingerprint: string) => ({ name, fingerprint });
const tool = (name: string, fingerprint: string, state: KnownTool['state'] = 'approved') => ({
  name,
  fingerprint,
  state,
});
const inventory = (tools: KnownTool[], more: Partial<Inventory> = {}): Inventory => ({
  tools,
  names: new Set(tools.map(({ name }) => name)).size,
  fresh: false,
  ...more,
});

describe('what becomes of the tools that a server lists', () => {
  it('those of a new upstream are taken as they are', () => {
    const seen = judgeTools(inventory([], { fresh: true }), [print('a', '1')], 'hold');
    expect(seen).toMatchObject({
      held: [],
      newNames: [],
      added: [{ name: 'a', state: 'approved' }],
    });
  });

  it('what is known is only seen again', () => {
    const seen = judgeTools(inventory([tool('a', '1')]), [print('a', '1')], 'hold');
    expect(seen).toMatchObject({ seenAgain: [{ name: 'a' }], added: [], held: [] });
  });

  it.each([
    ['alert', 'changed', []],
    ['hold', 'held', ['a', 'b']],
  ] as const)('%s: a changed and an added one are %s', (mode, state, held) => {
    const prints = [print('a', '2'), print('b', '1')];
    expect(judgeTools(inventory([tool('a', '1')]), prints, mode)).toMatchObject({
      added: [
        { name: 'a', fingerprint: '2', state, previous: '1' },
        { name: 'b', state, previous: undefined },
      ],
      changedNames: ['a'],
      newNames: ['b'],
      held,
      heldNow: held,
    });
  });

  it('a name that waits already is not told of again', () => {
    const known = [tool('a', '1'), tool('a', '2', 'held')];
    const seen = judgeTools(inventory(known), [print('a', '3'), print('a', '1')], 'hold');
    expect(seen).toMatchObject({ changedNames: [], held: ['a'], heldNow: [] });
    expect(seen.added).toMatchObject([{ fingerprint: '3', previous: '2' }]);
  });

  it('flood of names: beyond 2,000 there is no room, and it is said', () => {
    const full = inventory([tool('a', '1')], { names: mostNames });
    expect(judgeTools(full, [print('b', '1'), print('a', '1')], 'hold')).toMatchObject({
      added: [],
      overflow: ['b'],
      seenAgain: [{ name: 'a' }],
    });
  });

  it('flood of descriptions: of a name 16 are kept, approved ones last to go', () => {
    const approved = tool('a', 'good');
    const waiting = Array.from({ length: 15 }, (_, n) => tool('a', `w${n}`, 'held'));
    const prints = Array.from({ length: 40 }, (_, n) => print('a', `n${n}`));
    const seen = judgeTools(inventory([approved, ...waiting]), prints, 'hold');
    expect(seen.evicted.map(({ fingerprint }) => fingerprint)).toEqual(
      waiting.map(({ fingerprint }) => fingerprint),
    );
    expect(seen.added).toHaveLength(15);
  });

  it('sixteen approved ones make room for one that waits', () => {
    const known = Array.from({ length: 16 }, (_, n) => tool('a', `g${n}`));
    const seen = judgeTools(inventory(known), [print('a', 'new')], 'hold');
    expect(seen).toMatchObject({ evicted: [{ fingerprint: 'g0' }], held: ['a'] });
  });
});

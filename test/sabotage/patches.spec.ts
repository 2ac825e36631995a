import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { patches } from './patches.js';
import { placeOf } from './place-of.js';
import { judgeBaseline, judgeSabotage } from './verdict.js';

test('every sabotage has a name of its own', () => {
  expect(new Set(patches.map(({ name }) => name)).size).toBe(patches.length);
});

test.each(patches)('$name: applies to exactly one place, and changes it', async (patch) => {
  const { text, patched } = await placeOf(process.cwd(), patch);
  expect(patched).not.toBe(text);
  expect(patched.split('\n')).toHaveLength(text.split('\n').length);
  expect(existsSync(patch.spec)).toBe(true);
});

test('a patch that no longer applies is told by its name', async () => {
  const [patch] = patches;
  if (patch === undefined) throw new Error('there is no patch');
  await expect(placeOf(process.cwd(), { ...patch, find: 'gone for good' })).rejects.toThrow(
    `“${patch.name}” applies 0 times`,
  );
});

describe('a verdict', () => {
  const named = { spec: 'a.spec.ts', test: 'refuses' };
  const ran = (passed: boolean, ...messages: string[]) => ({
    results: [{ spec: 'a.spec.ts', fullName: 'row 1 refuses Bob', passed, messages }],
    broken: [],
  });
  const nothing = { results: [], broken: [] };
  const broken = { results: [], broken: ['a.spec.ts: Cannot find module'] };

  test('of the unharmed tree asks for a green test', () => {
    expect(judgeBaseline(named, ran(true)).passed).toBe(true);
    for (const run of [ran(false, 'AssertionError: expected 1 to be 2'), nothing, broken])
      expect(judgeBaseline(named, run).passed).toBe(false);
  });

  test.each([
    ['an assertion', ran(false, 'AssertionError: expected 200 to be 403'), true],
    ['a green test', ran(true), false],
    ['a syntax error', ran(false, 'SyntaxError: Unexpected token'), false],
    ['a file that does not load', broken, false],
    ['a test that did not run', nothing, false],
  ])('of the patched tree: %s', (_case, run, passed) => {
    expect(judgeSabotage(named, run).passed).toBe(passed);
  });
});

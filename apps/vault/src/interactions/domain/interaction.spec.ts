import { describe, expect, test } from 'vitest';
import { growScopes, statusAfter, statusesBefore, statusNow } from './interaction.js';
import type { InteractionStatus } from './interaction.js';

describe('steps', () => {
  test.each([
    ['pending', 'complete', 'completed'],
    ['pending', 'hold', 'confirming'],
    ['pending', 'decline', 'declined'],
    ['pending', 'reopen', undefined],
    ['confirming', 'complete', 'completed'],
    ['confirming', 'reopen', 'pending'],
    ['confirming', 'hold', undefined],
    ['completed', 'decline', undefined],
    ['declined', 'complete', undefined],
    ['expired', 'complete', undefined],
  ] as const)('%s, %s: %s', (status, step, after) => {
    expect(statusAfter(status, step)).toBe(after);
  });

  test('what has ended stays ended', () => {
    for (const step of ['hold', 'reopen', 'complete', 'decline', 'expire'] as const)
      expect(statusesBefore(step)).not.toContain('completed');
  });
});

test.each([
  ['pending', 1, 'pending'],
  ['pending', 0, 'expired'],
  ['confirming', -1, 'expired'],
  ['completed', -1000, 'completed'],
  ['declined', -1000, 'declined'],
] as const)('%s with %i seconds left is %s', (stored, left, now) => {
  expect(statusNow(stored as InteractionStatus, left)).toBe(now);
});

test.each([
  [['a'], ['a'], ['a'], false],
  [['a', 'b'], ['b'], ['a', 'b'], false],
  [['b'], ['a', 'b'], ['a', 'b'], true],
  [[], [], [], false],
])('%j asked for %j shows %j, grown: %s', (held, asked, scopes, grown) => {
  expect(growScopes(held, asked)).toEqual({ scopes, grown });
});

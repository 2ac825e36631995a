import { describe, expect, test } from 'vitest';
import { afterFailure, type CircuitState, isOpen } from './provider-circuit.js';

function failedTimes(times: number): CircuitState {
  let state: CircuitState | undefined;
  for (let n = 0; n < times; n += 1)
    state = afterFailure(state && { ...state, pausedFor: 0 }, undefined, 0.5);
  if (state === undefined) throw new Error('At least once.');
  return state;
}

describe('a provider that fails', () => {
  test('once or twice is not paused', () => {
    expect(failedTimes(1)).toEqual({ failures: 1, pausedFor: 0 });
    expect(isOpen(failedTimes(2))).toBe(false);
  });

  test('three times in a row is paused, longer each time, for five minutes at most', () => {
    expect([3, 4, 5, 6].map((times) => failedTimes(times).pausedFor)).toEqual([1, 2, 4, 8]);
    expect(failedTimes(40).pausedFor).toBe(300);
    expect(isOpen(failedTimes(3))).toBe(true);
  });

  test('with many requests at once has failed once', () => {
    const paused = afterFailure(failedTimes(2), undefined, 0.5);
    const after = Array.from({ length: 9 }).reduce<CircuitState>(
      (state) => afterFailure(state, undefined, 0.5),
      paused,
    );
    expect(after).toEqual(paused);
  });

  test('and says for how long is left alone for so long at least, from the first time on', () => {
    for (const chance of [0, 0.5, 1]) {
      const { pausedFor } = afterFailure(undefined, 40, chance);
      expect(pausedFor).toBeGreaterThanOrEqual(40);
      expect(pausedFor).toBeLessThanOrEqual(44);
    }
    expect(isOpen(afterFailure(undefined, 40, 0))).toBe(true);
  });

  test('and asks for less than it did is left alone as long as it had asked for', () => {
    expect(afterFailure({ failures: 3, pausedFor: 90 }, 10, 0).pausedFor).toBe(90);
  });
});

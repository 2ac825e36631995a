import { expect, it } from 'vitest';
import { retryAfterSeconds, secondsUntilRetry } from './retry-schedule.js';

const day = 24 * 60 * 60;

it('goes on for about three days and then gives up', () => {
  let total = 0;
  let attempts = 1;
  for (let wait = secondsUntilRetry(attempts, undefined, 0.5); wait !== undefined;) {
    total += wait;
    attempts += 1;
    wait = secondsUntilRetry(attempts, undefined, 0.5);
  }
  expect(attempts).toBe(10);
  expect(total / day).toBeGreaterThan(3);
  expect(total / day).toBeLessThan(3.5);
});

it('spreads attempts, and none comes before the time that was asked for', () => {
  expect(secondsUntilRetry(2, undefined, 0)).toBe(270);
  expect(secondsUntilRetry(2, undefined, 1)).toBe(330);
  for (const chance of [0, 0.5, 1])
    expect(secondsUntilRetry(1, 600, chance)).toBeGreaterThanOrEqual(600);
  expect(secondsUntilRetry(3, 10, 0.5)).toBe(1800);
});

it.each([
  ['120', 120],
  ['Thu, 01 Jan 1970 00:20:00 GMT', 200],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['999999999', day],
  ['2030', 2030],
  ['soon', undefined],
  ['-5', undefined],
  [undefined, undefined],
])('reads Retry-After %s', (value, seconds) => {
  expect(retryAfterSeconds(value, 1000)).toBe(seconds);
});

import { beforeEach, describe, expect, test } from 'vitest';
import { CircuitBreaker } from './circuit-breaker.js';
import { CircuitBreakers } from './circuit-breakers.js';

const clock = { now: 0, monotonicMs: () => clock.now };
let states: string[];
let breaker: CircuitBreaker;

beforeEach(() => {
  clock.now = 1_000;
  states = [];
  breaker = new CircuitBreaker(clock, (state) => states.push(state));
});

function fail(times: number): void {
  for (let i = 0; i < times; i += 1) {
    breaker.enter();
    breaker.failed();
  }
}

describe('a circuit', () => {
  test('opens after five calls in a row without an answer, and says how long it holds calls back', () => {
    fail(4);
    expect(breaker.enter()).toBe(0);
    breaker.failed();
    expect(breaker.enter()).toBe(1);
    expect(states).toEqual(['open']);
  });

  test.each([502, 503, 504])('%i in a row is no answer', (status) => {
    for (let i = 0; i < 5; i += 1) breaker.answered(status);
    expect(breaker.enter()).toBeGreaterThan(0);
  });

  test.each([200, 204, 301, 400, 401, 404, 429, 500, 501])(
    '%i is the application’s own: it counts as alive',
    (status) => {
      fail(4);
      breaker.answered(status);
      fail(4);
      expect(breaker.enter()).toBe(0);
      for (let i = 0; i < 100; i += 1) breaker.answered(status);
      expect(breaker.enter()).toBe(0);
      expect(states).toEqual([]);
    },
  );

  test('lets one call through per pause; its answer closes the circuit', () => {
    fail(5);
    clock.now += 1_000;
    expect(breaker.enter()).toBe(0);
    expect(breaker.enter()).toBeGreaterThan(0);
    breaker.answered(200);
    expect([breaker.enter(), breaker.enter()]).toEqual([0, 0]);
    expect(states).toEqual(['open', 'closed']);
  });

  test('doubles its pause with each call that fails, up to half a minute', () => {
    fail(5);
    const pauses: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      const pause = breaker.enter();
      pauses.push(pause);
      clock.now += pause * 1000;
      expect(breaker.enter()).toBe(0);
      breaker.failed();
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30]);
    expect(states).toEqual(['open']);
  });

  test('calls that were on their way when it opened do not lengthen its pause', () => {
    fail(5);
    for (let i = 0; i < 200; i += 1) breaker.failed();
    expect(breaker.enter()).toBe(1);
  });

  test('a client that leaves a trial call lets another one look at once; a trial that never ends blocks nobody for ever', () => {
    fail(5);
    clock.now += 1_000;
    breaker.enter();
    breaker.abandoned();
    expect(breaker.enter()).toBe(0);
    clock.now += 1_000;
    expect(breaker.enter()).toBe(0);
  });

  test('works from the first millisecond of a process', () => {
    clock.now = 0;
    fail(5);
    expect(breaker.enter()).toBe(1);
  });
});

describe('the circuits of a gateway', () => {
  test('are kept while an upstream’s address stays, and forgotten with it', () => {
    const heard: string[] = [];
    const breakers = new CircuitBreakers(clock, (slug, state) => heard.push(`${slug} ${state}`));
    const reports = { slug: 'reports', url: 'https://a.example' };
    const first = breakers.of(reports);
    for (let i = 0; i < 5; i += 1) first.failed();
    expect(breakers.of(reports)).toBe(first);
    expect(breakers.of({ ...reports, url: 'https://b.example' }).enter()).toBe(0);
    breakers.keep(new Set());
    expect(heard).toEqual(['reports open', 'reports closed', 'reports closed']);
  });
});

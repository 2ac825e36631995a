import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { OpenCall } from './open-call.js';
import { SuspendedCalls } from './suspended-calls.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const call = (cancelled: unknown[]) => ({
  person: 'alice',
  open: { cancel: async (reason: unknown) => void cancelled.push(reason) } as unknown as OpenCall,
  asked: new Map(),
});

test('a call that nobody answers is cancelled after ten minutes', () => {
  const [calls, cancelled] = [new SuspendedCalls(), [] as unknown[]];
  const handle = calls.suspend(call(cancelled)) ?? '';
  vi.advanceTimersByTime(10 * 60_000 - 1);
  expect(cancelled).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(cancelled).toEqual(['nobody answered']);
  expect(calls.take(handle, 'alice')).toBeUndefined();
});

test('a call is taken up once, by its person only, and sixteen of a person wait at most', () => {
  const [calls, cancelled] = [new SuspendedCalls(), [] as unknown[]];
  const handles = Array.from({ length: 17 }, () => calls.suspend(call(cancelled)));
  expect(handles.indexOf(undefined)).toBe(16);
  const [handle = ''] = handles;
  expect(calls.take(handle, 'mallory')).toBeUndefined();
  expect(calls.take(handle, 'alice')).toBeDefined();
  expect(calls.take(handle, 'alice')).toBeUndefined();
});

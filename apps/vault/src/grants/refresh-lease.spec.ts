import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { LivenessLock } from '../database/postgres-advisory-locks.js';
import { leaseSeconds, takeoverSeconds } from './domain/lease.js';
import { RefreshLease } from './refresh-lease.js';

class FakeLock implements LivenessLock {
  lost = false;
  released = false;
  #listener: () => void = () => undefined;

  onLost(listener: () => void): void {
    this.#listener = listener;
    if (this.lost) listener();
  }

  lose(): void {
    this.lost = true;
    this.#listener();
  }

  release(): Promise<void> {
    this.released = true;
    return Promise.resolve();
  }
}

const never = () => Promise.resolve(undefined);

test('R2, a holder that is cut off gives up before the lease is over', async () => {
  const lock = new FakeLock();
  const lease = new RefreshLease(lock, { retake: never, ms: 400 });
  const startedMs = performance.now();
  lock.lose();
  expect(lease.signal.aborted).toBe(false);
  await new Promise((resolve) => void lease.signal.addEventListener('abort', resolve));
  expect(performance.now() - startedMs).toBeLessThan(400);
});

test('R2, one that is cut off later gives up at once, even while the database does not answer', async () => {
  const lock = new FakeLock();
  const retake = () => new Promise<undefined>(() => undefined);
  const lease = new RefreshLease(lock, { retake, ms: 250 });
  await sleep(60);
  lock.lose();
  await expect.poll(() => lease.signal.aborted, { timeout: 100, interval: 5 }).toBe(true);
  await lease.end();
});

test('a lock that is taken again lets the request go on, and is released at the end', async () => {
  const lock = new FakeLock();
  const again = new FakeLock();
  const lease = new RefreshLease(lock, { retake: () => Promise.resolve(again), ms: 300 });
  lock.lose();
  await sleep(400);
  expect(lease.signal.aborted).toBe(false);
  expect(lease.wasLost).toBe(true);
  await lease.end();
  expect(again.released).toBe(true);
  expect(lock.released).toBe(false);
});

test('what is lost after the end is no loss', async () => {
  const lock = new FakeLock();
  const lease = new RefreshLease(lock, { retake: never, ms: 300 });
  await lease.end();
  lock.lose();
  expect(lease.wasLost).toBe(false);
  expect(lease.signal.aborted).toBe(false);
});

test.each([
  ['nothing is known of', undefined, 0.75],
  ['two seconds', 2, 0.75],
  ['one second', 1, 0.5],
  ['an hour', 3_600, 0.75],
  ['none', 0, 10.5],
])('the lease where the grace is %s', (_name, grace, seconds) => {
  expect(leaseSeconds(grace)).toBe(seconds);
  expect(takeoverSeconds(grace)).toBeLessThan(seconds);
});

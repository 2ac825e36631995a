import { setTimeout as sleep } from 'node:timers/promises';

/** What `promise` comes to within `ms`; undefined where it fails or takes longer. */
export async function inTime<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const ended = new AbortController();
  const late = sleep(Math.max(0, ms), undefined, { signal: ended.signal }).catch(() => undefined);
  const first = await Promise.race([promise.catch(() => undefined), late]);
  ended.abort();
  return first;
}

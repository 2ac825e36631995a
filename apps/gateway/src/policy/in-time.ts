import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves when the work has, or after `ms`, whichever comes first; the work goes on. */
export async function inTime(work: Promise<unknown>, ms: number): Promise<void> {
  const ended = new AbortController();
  const late = sleep(ms, undefined, { signal: ended.signal }).catch(() => undefined);
  await Promise.race([work, late]);
  ended.abort();
}

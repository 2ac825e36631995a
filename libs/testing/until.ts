import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves once it is so, or when the time is over: true or false. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  { seconds, everyMs = 50 }: { readonly seconds: number; readonly everyMs?: number },
): Promise<boolean> {
  const end = performance.now() + seconds * 1000;
  while (!(await isSo())) {
    if (performance.now() > end) return false;
    await sleep(everyMs);
  }
  return true;
}

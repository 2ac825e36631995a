import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

const mebibyte = 2 ** 20;

/**
 * How much of what a heap keeps may be added to it before V8 collects all of it, in per cent; 0 leaves that to V8, which
 * lets a heap double and more. Where a process keeps little, collecting it often would cost a third of its time. It begins
 * well before much is kept: V8 decides when to collect next as it collects, so what is said here counts from the time after.
 */
export function growthPercent(keptBytes: number): number {
  if (keptBytes < 48 * mebibyte) return 0;
  return keptBytes < 96 * mebibyte ? 50 : 20;
}

/** A process that keeps much for many people holds what it keeps, and a fifth more. What it keeps is what a full collection leaves. */
export function boundHeapGrowth(): void {
  let percent = 0;
  new PerformanceObserver((list) => {
    if (!list.getEntries().some(isFull)) return;
    const next = growthPercent(getHeapStatistics().used_heap_size);
    if (next === percent) return;
    percent = next;
    setFlagsFromString(`--heap-growing-percent=${percent}`);
  }).observe({ entryTypes: ['gc'] });
}

/** Node's types leave out what its documentation says of such entries. */
function isFull(
  entry: PerformanceEntry & { readonly detail?: { readonly kind: number } },
): boolean {
  return entry.detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}

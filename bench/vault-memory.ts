import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultStack } from '../test/faults/stack/fault-stack.js';

/** Resident bytes of each vault process. */
export function vaultMemory(stack: FaultStack): Promise<readonly number[]> {
  return Promise.all(
    stack.vaults.map(async ({ process: vault }) => {
      const port = vault.options.env['SYMBOLON_METRICS_PORT'];
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return Number(/^process_resident_memory_bytes\S* (\S+)$/m.exec(text)?.[1]);
    }),
  );
}

/** The most that each had until `stop`. */
export function watchMemory(stack: FaultStack): { stop(): Promise<readonly number[]> } {
  let stopped = false;
  const watching = (async () => {
    let peak: readonly number[] = [];
    while (!stopped) {
      const now = await vaultMemory(stack);
      peak = now.map((bytes, i) => Math.max(bytes, peak[i] ?? 0));
      await sleep(500);
    }
    return peak;
  })();
  return {
    stop: () => {
      stopped = true;
      return watching;
    },
  };
}

export function megabytes(bytes: readonly number[]): string {
  return bytes.map((each) => `${(each / 2 ** 20).toFixed(0)} MiB`).join(', ');
}

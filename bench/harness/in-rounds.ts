import type { Effort } from './bench-case.js';

/** As many rounds as the effort says, fewer where the next would not fit into the budget; one at least. */
export async function inRounds(
  { rounds, budgetSeconds }: Effort,
  startedMs: number,
  round: (index: number) => Promise<void>,
): Promise<void> {
  const endsMs = startedMs + budgetSeconds * 1000;
  for (let index = 0; index < rounds; index += 1) {
    const beganMs = performance.now();
    await round(index);
    const now = performance.now();
    if (now + (now - beganMs) > endsMs) return;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultStack } from './fault-stack.js';
import type { Person } from '#lib/testing/stack-person';

export interface SeenUnderLoad {
  readonly calls: number;
  readonly failed: number;
  /** The first few. */
  readonly failures: readonly string[];
  readonly statuses: ReadonlySet<number>;
  /** From the last answer that served a person to the next one, where something failed in between. */
  readonly longestGapMs: number;
}

export interface Load {
  stop(): Promise<SeenUnderLoad>;
}

/** So many people, each calling by turns of the gateways, one call after the other. */
export async function startLoad(
  stack: FaultStack,
  { people: count, pauseMs = 20 }: { readonly people: number; readonly pauseMs?: number },
): Promise<Load> {
  const people = Array.from({ length: count }, (_, i) => stack.person(`person-${i}`));
  for (const person of people)
    if ((await person.exchange()).kind !== 'token') await person.connect();
  const seen = { calls: 0, failures: [] as string[], statuses: new Set<number>(), gaps: [0] };
  let stopped = false;
  const loops = people.map(async (person) => {
    let servedAt = performance.now();
    let isGap = false;
    for (let turn = 0; !stopped; turn += 1) {
      const status = await statusOf(person, turn % stack.gateways.length);
      seen.calls += 1;
      seen.statuses.add(status);
      if (status !== 200) {
        isGap = true;
        seen.failures.push(`${status} for ${person.name}`);
      } else {
        if (isGap) seen.gaps.push(performance.now() - servedAt);
        isGap = false;
        servedAt = performance.now();
      }
      await sleep(pauseMs);
    }
  });
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      const { calls, failures, statuses, gaps } = seen;
      return {
        calls,
        failed: failures.length,
        failures,
        statuses,
        longestGapMs: Math.max(...gaps),
      };
    },
  };
}

/** 0: no answer at all. */
async function statusOf(person: Person, gateway: number): Promise<number> {
  try {
    const answer = await person.call('tool-0', gateway);
    await answer.body?.cancel();
    return answer.status;
  } catch {
    return 0;
  }
}

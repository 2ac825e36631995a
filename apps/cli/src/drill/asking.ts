import type { Person } from '#lib/testing/stack-person';
import type { Tally } from '#lib/testing/tally';
import { until } from '#lib/testing/until';
import type { DrillStack } from './drill-stack.js';

export type Said = 'token' | 'unavailable' | 'interaction';

/** One call of a person, by turns at the gateways and the vaults. Never throws: no answer is `unavailable`. */
export async function answerFor(stack: DrillStack, person: Person, turn: number): Promise<Said> {
  const gateways = stack.gateways.length;
  const place = turn % (gateways + stack.target.vaults.length);
  try {
    if (place >= gateways) return saidBy((await person.exchange(stack.tool, place)).kind);
    const answer = await person.call(stack.tool, place);
    await answer.body?.cancel();
    if (answer.status === 200) return 'token';
    return answer.status === 403 ? 'interaction' : 'unavailable';
  } catch {
    return 'unavailable';
  }
}

function saidBy(kind: string): Said {
  return kind === 'token' || kind === 'interaction' ? kind : 'unavailable';
}

/** Everybody is served again by themselves; who is not, is lost. */
export async function recovered(
  tally: Tally,
  stack: DrillStack,
  people: readonly Person[],
): Promise<void> {
  const startedMs = performance.now();
  await Promise.all(
    people.map(async (person, i) => {
      const isServed = async () => (await answerFor(stack, person, i)) === 'token';
      if (!(await until(isServed, { seconds: 90, everyMs: 200 }))) tally.lose(person.name);
    }),
  );
  tally.note('all served again after, s', (performance.now() - startedMs) / 1_000);
}

import { setTimeout as sleep } from 'node:timers/promises';
import { hang } from '#lib/testing/scripted-answer';
import type { Person } from '#lib/testing/stack-person';
import { percentile, Tally } from '#lib/testing/tally';
import { until } from '#lib/testing/until';
import { recovered } from './asking.js';
import type { DrillExperiment } from './drill-experiment.js';
import type { DrillStack } from './drill-stack.js';

const hung = 20;
const readers = 4;
const reads = 500;

/** Twenty refreshes hang; whoever has a valid token must not notice. */
export const hungProvider: DrillExperiment = {
  promise: 'R9',
  title: 'A hung provider does not slow reads',
  run: async (stack) => {
    const tally = new Tally();
    const lucky = await stack.connected(readers, 3_600);
    const unlucky = await stack.connected(hung, 1);
    await sleep(1_100);
    stack.provider.always('token', hang);
    const waiting = unlucky.map((person, i) => person.exchange(stack.tool, i));
    const { families } = stack.provider;
    const hangs = await until(() => families.inFlight > 0, { seconds: 10 });
    tally.hold(hangs, 'no refresh hangs at all');
    tally.faults = hung;
    const times = (await Promise.all(lucky.map((person) => readsOf(tally, stack, person)))).flat();
    tally.operations = times.length;
    tally.note('reads p50, ms', percentile(times, 0.5));
    tally.within('reads p99', percentile(times, 0.99), 50);
    const outcomes = await Promise.all(waiting);
    stack.provider.always('token', undefined);
    const asked = outcomes.filter(({ kind }) => kind === 'interaction').length;
    tally.hold(asked === 0, `${asked} people were asked to consent because the provider hung`);
    await recovered(tally, stack, unlucky);
    return tally.outcome();
  },
};

async function readsOf(tally: Tally, stack: DrillStack, person: Person): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < reads / readers; i += 1) {
    const startedMs = performance.now();
    const { kind } = await person.exchange(stack.tool, i);
    times.push(performance.now() - startedMs);
    if (kind !== 'token') tally.lose(`a read of a stored token: ${kind}`);
  }
  return times;
}

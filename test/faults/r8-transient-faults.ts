import * as answers from '#lib/testing/scripted-answer';
import type { ScriptedAnswer } from '#lib/testing/scripted-answer';
import type { Experiment } from './experiment.js';
import type { FaultStack } from './stack/fault-stack.js';
import type { Person } from '#lib/testing/stack-person';
import { until } from '#lib/testing/until';
import { Tally } from '#lib/testing/tally';

/** Whatever a provider, or what stands before it, may say that is no refusal of the refresh token. */
const faults: readonly (readonly [string, ScriptedAnswer])[] = [
  ['500', answers.status(500)],
  ['502', answers.status(502)],
  ['503 with Retry-After', answers.status(503, {}, { 'retry-after': '1' })],
  ['429', answers.tooManyRequests()],
  ['429 with Retry-After', answers.tooManyRequests(1)],
  ['garbage', answers.garbage],
  ['HTML', answers.html],
  ['half a response', answers.halfResponse],
  ['dropped after rotating', answers.dropAfterWork],
  ['dropped before', answers.dropBeforeWork],
  ['no access_token', answers.altered({ access_token: undefined })],
  ['invalid_client', answers.status(401, { error: 'invalid_client' })],
  ['400 without a word', answers.status(400)],
];

/** Each fault hits all grants at once; then the provider recovers, and so must each grant, by itself. */
export const transientFaults: Experiment = {
  promise: 'R8',
  title: 'Transient faults destroy nothing',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const [vaults, people, rounds] = scale === 'full' ? [2, 20, 2] : [1, 3, 1];
    const stack = await laboratory.stack({ vaults });
    try {
      const everybody = await stack.connected(people);
      const all = Array.from({ length: rounds }, () => [...faults]).flat();
      for (const [name, fault] of all) {
        await hit(tally, stack, everybody, name, fault);
        // The pause after a fault is waited for at full scale only: after invalid_client it is half a minute.
        if (scale === 'short') await forgetPauses(stack);
        await recovered(tally, everybody, name);
      }
      const asked = await stack.count(`audit_event WHERE action = 'interaction.opened'`);
      tally.note('people asked again', asked - people);
      tally.hold(asked === people, `${asked - people} people were asked to consent again`);
      return tally.outcome();
    } finally {
      await stack.stop();
    }
  },
};

async function hit(
  tally: Tally,
  stack: FaultStack,
  everybody: readonly Person[],
  name: string,
  fault: ScriptedAnswer,
): Promise<void> {
  await forgetPauses(stack);
  const { provider } = stack;
  const before = provider.count('token', 'refresh_token');
  // Until everybody is answered: who is told to wait asks nothing, and finds no fault left for later.
  provider.always('token', fault);
  await stack.expire(false);
  const hits = await Promise.all(everybody.map((person, i) => person.exchange('tool-0', i)));
  provider.always('token', undefined);
  tally.faults += provider.count('token', 'refresh_token') - before;
  const asked = hits.filter(({ kind }) => kind === 'interaction').length;
  tally.hold(asked === 0, `${name}: ${asked} people were asked to consent`);
}

async function recovered(tally: Tally, everybody: readonly Person[], name: string): Promise<void> {
  for (const person of everybody) {
    tally.operations += 1;
    const isServed = async () => (await person.exchange()).kind === 'token';
    if (!(await until(isServed, { seconds: 45 }))) tally.lose(`${person.name} after ${name}`);
  }
}

async function forgetPauses(stack: FaultStack): Promise<void> {
  await stack.sql(`UPDATE user_grant SET refresh_paused_until = NULL, refresh_failures = 0`);
}

import { setTimeout as sleep } from 'node:timers/promises';
import { slow } from '#lib/testing/scripted-answer';
import type { Person } from '#lib/testing/stack-person';
import { Tally } from '#lib/testing/tally';
import { until } from '#lib/testing/until';
import type { DrillExperiment } from './drill-experiment.js';
import type { DrillStack } from './drill-stack.js';

const atOnce = 4;

/** Revoked by an administrator while its refresh is in flight: it never comes back, here or at the provider. */
export const revokeRaces: DrillExperiment = {
  promise: 'R3',
  title: 'Revoked is unusable',
  run: async (stack, { races }) => {
    const tally = new Tally();
    const { families } = stack.provider;
    const before = families.all.length;
    const people: Person[] = [];
    stack.provider.always('token', slow(15));
    stack.provider.accessTokenTtl = 1;
    const raceOn = async (): Promise<void> => {
      while (people.length < races) {
        const person = stack.newcomer();
        people.push(person);
        await race(stack, person);
        tally.faults += 1;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, raceOn));
    stack.provider.always('token', undefined);
    for (const [i, person] of people.entries()) {
      tally.operations += 1;
      const { kind } = await person.exchange(stack.tool, i);
      if (kind !== 'interaction') tally.lose(`a revoked grant answers ${kind}`);
    }
    const alive = () => families.all.slice(before).filter(({ revoked }) => !revoked).length;
    await until(() => alive() === 0, { seconds: 30 });
    tally.note('left alive at the provider', alive());
    tally.hold(alive() === 0, `${alive()} refresh tokens were left alive at the provider`);
    return tally.outcome();
  },
};

async function race(stack: DrillStack, person: Person): Promise<void> {
  await person.connect(stack.tool);
  await sleep(1_050);
  const refreshing = person.exchange(stack.tool, 0);
  await sleep(Math.random() * 45);
  const listed = await stack.admin('GET', `grants?subject=${person.name}`);
  const { items } = (await listed.json()) as { items: { id: string }[] };
  const answer = await stack.admin('DELETE', `grants/${items[0]?.id}`);
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`the grant of ${person.name} was not revoked: ${answer.status}`);
  await refreshing;
}

import { setTimeout as sleep } from 'node:timers/promises';
import { slow } from '#lib/testing/scripted-answer';
import type { Experiment, Ground } from './experiment.js';
import { fresh } from './stack/fault-stack.js';
import type { FaultStack } from './stack/fault-stack.js';
import type { Person } from '#lib/testing/stack-person';
import { until } from '#lib/testing/until';
import { Tally } from '#lib/testing/tally';

/** kill -9 of Postgres while people consent, tokens are refreshed and grants are revoked. */
export const postgresKilled: Experiment = {
  promise: 'R11',
  title: 'A killed Postgres loses nothing',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const [rounds, count] = scale === 'full' ? [25, 10] : [1, 4];
    const stack = await laboratory.stack({ vaults: 2 });
    try {
      const people = await stack.connected(count);
      for (let round = 0; round < rounds; round += 1)
        await oneRound(tally, laboratory, stack, people);
      return tally.outcome();
    } finally {
      await stack.stop();
    }
  },
};

async function oneRound(
  tally: Tally,
  laboratory: Ground,
  stack: FaultStack,
  people: readonly Person[],
): Promise<void> {
  const [leaver, ...newcomers] = ['leaver', 'new', 'new', 'new'].map((name) =>
    stack.person(fresh(name)),
  ) as [Person, ...Person[]];
  await leaver.connect();
  stack.provider.always('token', slow(Math.random() * 100));
  await stack.expire(true);
  const connected = newcomers.map((person) => acknowledged(person.connect()));
  const revoked = acknowledged(stack.revoke(leaver.name));
  const refreshed = people.map((person, i) => person.exchange('tool-0', i));
  await sleep(Math.random() * 300);
  await laboratory.killDatabase();
  tally.faults += 1;
  await sleep(500 + Math.random() * 1_500);
  const startedMs = performance.now();
  await laboratory.startDatabase();
  tally.atMost('recovery', (await recovered(stack, people[0] as Person)) - startedMs, 30_000);
  await Promise.all(refreshed);
  for (const [i, person] of newcomers.entries())
    if (await connected[i]) await mustBe('token', tally, person, 'a consent');
  if (await revoked) await mustBe('interaction', tally, leaver, 'a revocation');
  for (const person of people) await mustBe('token', tally, person, 'a refreshed grant');
}

function acknowledged(work: Promise<void>): Promise<boolean> {
  return work.then(
    () => true,
    () => false,
  );
}

/** When every vault was ready and gave tokens again. */
async function recovered(stack: FaultStack, person: Person): Promise<number> {
  for (const [i, { url }] of stack.vaults.entries()) {
    const isReady = async () => {
      const answer = await fetch(`${url}/readyz`).catch(() => undefined);
      await answer?.body?.cancel();
      return answer?.status === 200 && (await person.exchange('tool-0', i)).kind === 'token';
    };
    await until(isReady, { seconds: 60 });
  }
  return performance.now();
}

async function mustBe(
  kind: 'token' | 'interaction',
  tally: Tally,
  person: Person,
  what: string,
): Promise<void> {
  tally.operations += 1;
  let said = '';
  const isSo = async () => (said = (await person.exchange()).kind) === kind;
  if (!(await until(isSo, { seconds: 30, everyMs: 200 }))) tally.lose(`${what}: ${said}`);
}

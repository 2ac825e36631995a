import { setTimeout as sleep } from 'node:timers/promises';
import { slow } from '#lib/testing/scripted-answer';
import type { FaultStack } from './stack/fault-stack.js';
import type { Person } from '#lib/testing/stack-person';
import { KillRotation } from './stack/rotation.js';
import { until } from '#lib/testing/until';
import type { Tally } from '#lib/testing/tally';

interface Kills {
  readonly kills: number;
  /** Whose grants are all being refreshed when the vault dies. */
  readonly people: readonly Person[];
}

/** kill -9 of a vault in the middle of refreshes. Names those whose grant was lost; they are connected again. */
export async function killedRefreshes(
  tally: Tally,
  stack: FaultStack,
  { kills, people }: Kills,
): Promise<ReadonlySet<string>> {
  const rotation = new KillRotation(stack);
  const lost = new Set<string>();
  for (let round = 0; round < kills; round += 1) {
    const inFlight = await killDuring(stack, rotation, people, round);
    tally.faults += 1;
    for (const person of people) {
      tally.operations += 1;
      if (await worksAgain(person, round + 1)) continue;
      lost.add(`${person.name} in round ${round}`);
      tally.hold(inFlight.has(person), `${person.name}: lost without having been in flight`);
      await person.connect('tool-0', round + 1);
    }
  }
  await rotation.settled();
  tally.note('kills during refreshes', kills);
  return lost;
}

/** Whose refresh was under way when the vault died. */
async function killDuring(
  stack: FaultStack,
  rotation: KillRotation,
  people: readonly Person[],
  round: number,
): Promise<ReadonlySet<Person>> {
  const vault = await rotation.victim(round);
  stack.provider.always('token', slow(Math.random() * 100));
  await stack.expire(false);
  const inFlight = new Set(people);
  const asked = people.map(async (person) => {
    const { kind } = await person.exchange('tool-0', round);
    if (kind === 'token') inFlight.delete(person);
  });
  await sleep(Math.random() * 250);
  await rotation.kill(vault);
  await Promise.all(asked);
  stack.provider.always('token', undefined);
  return inFlight;
}

/** The background refresh of another vault may come before this asking, or after it. */
async function worksAgain(person: Person, vault: number): Promise<boolean> {
  let kind = '';
  await until(
    async () => {
      ({ kind } = await person.exchange('tool-0', vault));
      return kind === 'token' || kind === 'interaction';
    },
    { seconds: 40 },
  );
  return kind === 'token';
}

import { setTimeout as sleep } from 'node:timers/promises';
import { fresh } from './stack/fault-stack.js';
import type { FaultStack } from './stack/fault-stack.js';
import { KillRotation } from './stack/rotation.js';
import { comeBack } from '#lib/testing/stack-person';
import type { Person } from '#lib/testing/stack-person';
import { until } from '#lib/testing/until';
import type { Tally } from '#lib/testing/tally';

interface Counts {
  acknowledged: number;
  cutOff: number;
  /** Kills come at a random moment of so many milliseconds; it adapts, so that about half come too late. */
  spanMs: number;
}

/** kill -9 of the vault that two browsers have just come back to. */
export async function killedCallbacks(
  tally: Tally,
  stack: FaultStack,
  kills: number,
): Promise<void> {
  const rotation = new KillRotation(stack);
  const counts: Counts = { acknowledged: 0, cutOff: 0, spanMs: 250 };
  for (let round = 0; round < kills; round += 1)
    await killDuring(tally, { stack, rotation, counts, round });
  const bootMs = await rotation.settled();
  tally.note('kills during callbacks', kills);
  tally.note('callbacks acknowledged', counts.acknowledged);
  tally.note('callbacks cut off', counts.cutOff);
  tally.note('start of a vault, ms', bootMs.reduce((sum, ms) => sum + ms, 0) / bootMs.length);
}

interface Round {
  readonly stack: FaultStack;
  readonly rotation: KillRotation;
  readonly counts: Counts;
  readonly round: number;
}

async function killDuring(tally: Tally, { stack, rotation, counts, round }: Round): Promise<void> {
  const vault = await rotation.victim(round);
  const people = [stack.person(fresh('a')), stack.person(fresh('b'))];
  const returns = await Promise.all(
    people.map(async (person) => person.beforeReturn(await person.link('tool-0', round + 1))),
  );
  const told = returns.map((back) => comeBack(back, vault.url));
  await sleep(Math.random() * counts.spanMs);
  await rotation.kill(vault);
  tally.faults += 1;
  for (const [i, person] of people.entries()) {
    tally.operations += 1;
    const acknowledged = (await told[i]) === true;
    counts[acknowledged ? 'acknowledged' : 'cutOff'] += 1;
    counts.spanMs *= acknowledged ? 0.9 : 1.1;
    if (acknowledged) await mustWork(tally, person, round + 1);
    else await mayBeRepeated(tally, person, round + 1);
  }
}

async function mustWork(tally: Tally, person: Person, vault: number): Promise<void> {
  const { kind } = await person.exchange('tool-0', vault);
  if (kind !== 'token') tally.lose(`a consent that was acknowledged: ${kind}`);
}

/** Done or not done, never in between: the call works, or the person can do it once more. */
async function mayBeRepeated(tally: Tally, person: Person, vault: number): Promise<void> {
  const isServed = async () => (await person.exchange('tool-0', vault)).kind === 'token';
  if (await isServed()) return;
  await person.connect('tool-0', vault).catch(() => undefined);
  tally.hold(
    await until(isServed, { seconds: 5 }),
    'a consent that was cut off could not be given again',
  );
}

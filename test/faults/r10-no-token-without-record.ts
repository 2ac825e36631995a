import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment } from './experiment.js';
import type { FaultStack } from './stack/fault-stack.js';
import type { Person } from '#lib/testing/stack-person';
import { KillRotation } from './stack/rotation.js';
import { until } from '#lib/testing/until';
import { Tally } from '#lib/testing/tally';

// Whatever columns the table has: no row is accepted any more, old ones are not looked at.
const breakInserts = `ALTER TABLE audit_event ADD CONSTRAINT broken CHECK (false) NOT VALID`;
const mendInserts = `ALTER TABLE audit_event DROP CONSTRAINT broken`;

/** The audit log refuses to be written to, and vaults are killed while they hand out tokens. */
export const noTokenWithoutRecord: Experiment = {
  promise: 'R10',
  title: 'No token without an audit record',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const [rounds, kills] = scale === 'full' ? [25, 25] : [1, 1];
    const stack = await laboratory.stack({ vaults: 2 });
    try {
      const people = await stack.connected(4);
      const handedOut = { count: 0 };
      for (let round = 0; round < rounds; round += 1)
        await brokenInserts(tally, stack, people, handedOut);
      await killedWhileHandingOut(tally, stack, { people, handedOut, kills });
      const records = await stack.count(`audit_event WHERE action = 'token.exchanged'`);
      tally.operations += handedOut.count;
      tally.note('tokens handed out', handedOut.count);
      tally.note('records of them', records);
      for (let i = records; i < handedOut.count; i += 1) tally.lose('the record of a token');
      return tally.outcome();
    } finally {
      await stack.stop();
    }
  },
};

interface HandedOut {
  count: number;
}

async function brokenInserts(
  tally: Tally,
  stack: FaultStack,
  people: readonly Person[],
  handedOut: HandedOut,
): Promise<void> {
  await stack.sql(breakInserts);
  tally.faults += 1;
  const refused = await Promise.all(people.map((person, i) => person.exchange('tool-0', i)));
  const kinds = new Set(refused.map(({ kind }) => kind));
  tally.operations += refused.length;
  tally.hold(!kinds.has('token'), 'a token was handed out although no record could be written');
  tally.hold(kinds.size === 1 && kinds.has('unavailable'), `not 503: ${[...kinds].join(', ')}`);
  await stack.sql(mendInserts);
  for (const [i, person] of people.entries()) {
    const isServed = async () => (await person.exchange('tool-0', i)).kind === 'token';
    const served = await until(isServed, { seconds: 10 });
    if (served) handedOut.count += 1;
    else tally.lose(`${person.name} was not served once records could be written again`);
  }
}

interface Killing {
  readonly people: readonly Person[];
  readonly handedOut: HandedOut;
  readonly kills: number;
}

async function killedWhileHandingOut(
  tally: Tally,
  stack: FaultStack,
  { people, handedOut, kills }: Killing,
): Promise<void> {
  const rotation = new KillRotation(stack);
  for (let round = 0; round < kills; round += 1) {
    const vault = await rotation.victim(round);
    let dead = false;
    const loops = people.map(async (person) => {
      while (!dead)
        if ((await person.exchange('tool-0', round)).kind === 'token') handedOut.count += 1;
    });
    await sleep(100 + Math.random() * 200);
    await rotation.kill(vault);
    dead = true;
    tally.faults += 1;
    await Promise.all(loops);
  }
  await rotation.settled();
}

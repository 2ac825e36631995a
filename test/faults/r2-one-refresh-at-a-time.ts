import { setTimeout as sleep } from 'node:timers/promises';
import { slow } from '#lib/testing/scripted-answer';
import type { Experiment } from './experiment.js';
import type { FaultStack } from './stack/fault-stack.js';
import type { VaultNode } from './stack/nodes.js';
import type { Person } from '#lib/testing/stack-person';
import { until } from '#lib/testing/until';
import { Tally } from '#lib/testing/tally';

interface Trouble {
  readonly name: string;
  /** How long the provider takes; default 400 ms. */
  readonly answerMs?: number;
  /** Ends when the vault is well again. */
  readonly befall: (vault: VaultNode) => Promise<void>;
}

const troubles: readonly Trouble[] = [
  {
    name: 'SIGSTOP',
    befall: async ({ process }) => {
      process.pause();
      await sleep(1_500);
      process.resume();
    },
  },
  {
    name: 'kill -9',
    befall: async ({ process }) => {
      await process.kill();
      await process.start();
    },
  },
  {
    name: 'cut off from Postgres',
    befall: async ({ postgres }) => {
      postgres.cut();
      await sleep(1_500);
      postgres.mend();
    },
  },
  {
    // Longer than others wait for somebody who has lost the lock: the holder must give its request up.
    name: 'cut off from Postgres while the provider takes its time',
    answerMs: 1_600,
    befall: async ({ postgres }) => {
      postgres.cut();
      await sleep(1_500);
      postgres.mend();
    },
  },
  {
    name: 'packets to Postgres lost',
    befall: async ({ postgres }) => {
      postgres.freeze();
      await sleep(1_500);
      postgres.mend();
    },
  },
  {
    name: 'slow line to Postgres',
    befall: async ({ postgres }) => {
      postgres.delay(200);
      await sleep(1_500);
      postgres.mend();
    },
  },
];

const usualAnswerMs = 400;

/** A vault falls ill while it refreshes; the others, and callers everywhere, want the same grants. */
export const oneRefreshAtATime: Experiment = {
  promise: 'R2',
  title: 'One refresh in flight per grant',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const [vaults, people, rounds] = scale === 'full' ? [3, 30, 8] : [2, 6, 1];
    const rotation = { kind: 'grace', graceMs: 10_000 } as const;
    const stack = await laboratory.stack({ vaults, rotation });
    try {
      const everybody = await stack.connected(people);
      for (let round = 0; round < rounds * troubles.length; round += 1) {
        const trouble = troubles[round % troubles.length] as Trouble;
        await oneRound(tally, stack, everybody, trouble, round);
      }
      const { all } = stack.provider.families;
      const sum = (of: 'attempts' | 'overlaps' | 'reuses') =>
        all.reduce((total, family) => total + family[of], 0);
      tally.note('refreshes', sum('attempts'));
      tally.note('tried once more after a fault', sum('reuses'));
      tally.note('overlaps', sum('overlaps'));
      return tally.outcome();
    } finally {
      await stack.stop();
    }
  },
};

async function oneRound(
  tally: Tally,
  stack: FaultStack,
  everybody: readonly Person[],
  trouble: Trouble,
  round: number,
): Promise<void> {
  const { all } = stack.provider.families;
  const overlapsBefore = all.reduce((sum, { overlaps }) => sum + overlaps, 0);
  const { answerMs = usualAnswerMs } = trouble;
  stack.provider.always('token', slow(answerMs));
  const ill = round % stack.vaults.length;
  await stack.expire(true);
  // Half of the refreshes begin at the vault that falls ill.
  const asked = everybody.map((person, i) => person.exchange('tool-0', i % 2 === 0 ? ill : i));
  await sleep(answerMs / 2);
  const well = trouble.befall(stack.vaults[ill] as VaultNode);
  tally.faults += 1;
  // Everybody asks again, elsewhere, while the first attempt may still be under way.
  const again = everybody.map((person) => person.exchange('tool-0', ill + 1));
  await Promise.all([well, ...asked, ...again]);
  for (const person of everybody) {
    tally.operations += 1;
    const isServed = async () => (await person.exchange('tool-0', ill + 1)).kind === 'token';
    if (!(await until(isServed, { seconds: 30 }))) tally.lose(`${person.name}: ${trouble.name}`);
  }
  const overlaps = all.reduce((sum, family) => sum + family.overlaps, 0) - overlapsBefore;
  tally.hold(overlaps === 0, `${trouble.name}: ${overlaps} refreshes of one grant overlapped`);
}

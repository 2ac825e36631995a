import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment, Ground } from './experiment.js';
import type { FaultStack } from './stack/fault-stack.js';
import { startLoad } from './stack/load.js';
import { Tally } from '#lib/testing/tally';

/** Short lives, so that gateways borrow and vaults refresh all the time. */
const accessTokenTtl = 5;

/** Rolling restarts under load; and one replica alone, whose restart leaves a gap. */
export const restarts: Experiment = {
  promise: 'R6',
  title: 'Restarts are invisible',
  when: 'alone',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    await twoReplicas(tally, laboratory, scale === 'full' ? 10 : 1);
    // The gap with one is nothing but a time.
    if (scale === 'full') await oneReplica(tally, laboratory, 5);
    return tally.outcome();
  },
};

async function twoReplicas(tally: Tally, laboratory: Ground, rounds: number): Promise<void> {
  const stack = await laboratory.stack({ vaults: 2, gateways: 2, accessTokenTtl });
  try {
    const load = await startLoad(stack, { people: 10 });
    for (let round = 0; round < rounds; round += 1) {
      for (const { process } of stack.vaults) {
        await process.stop();
        await process.start();
        await sleep(500);
        tally.faults += 1;
      }
    }
    const seen = await load.stop();
    tally.operations += seen.calls;
    tally.note('calls during rolling restarts', seen.calls);
    tally.note('5xx with two replicas', seen.failed);
    for (const what of seen.failures) tally.lose(`a call during a rolling restart: ${what}`);
  } finally {
    await stack.stop();
  }
}

async function oneReplica(tally: Tally, laboratory: Ground, rounds: number): Promise<void> {
  const stack = await laboratory.stack({ vaults: 1, gateways: 1, accessTokenTtl });
  try {
    for (let round = 0; round < rounds; round += 1) {
      tally.atMost('gap with one replica', await gapOf(tally, stack), 3_000);
      tally.faults += 1;
    }
  } finally {
    await stack.stop();
  }
}

/** The longest time in which somebody was not served, milliseconds. */
async function gapOf(tally: Tally, stack: FaultStack): Promise<number> {
  const load = await startLoad(stack, { people: 5 });
  const [vault] = stack.vaults;
  await vault?.process.stop();
  await vault?.process.start();
  await sleep(2_000);
  const seen = await load.stop();
  tally.operations += seen.calls;
  tally.hold(!seen.statuses.has(403), 'somebody was asked to consent during a restart');
  return seen.longestGapMs;
}

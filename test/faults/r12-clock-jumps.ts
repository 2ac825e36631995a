import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment, Ground } from './experiment.js';
import type { FaultStack } from './stack/fault-stack.js';
import { clockJump } from './stack/nodes.js';
import { Tally } from '#lib/testing/tally';

const hourMs = 3_600_000;

/** Half of the processes an hour fast, half an hour slow: from the start, and by a jump while they work. */
export const clockJumps: Experiment = {
  promise: 'R12',
  title: 'Clocks an hour off do no harm',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const rounds = scale === 'full' ? 40 : 2;
    await withClocks(tally, laboratory, rounds, false);
    if (scale === 'full') await withClocks(tally, laboratory, rounds, true);
    return tally.outcome();
  },
};

async function withClocks(
  tally: Tally,
  laboratory: Ground,
  rounds: number,
  later: boolean,
): Promise<void> {
  const env = (name: string): Record<string, string> => ({
    SYMBOLON_TEST_WALL_JUMP_MS: String(name.endsWith('-0') ? hourMs : -hourMs),
    ...(later ? { SYMBOLON_TEST_JUMP_LATER: 'true' } : {}),
  });
  const stack = await laboratory.stack({ vaults: 2, gateways: 2, preload: clockJump, env });
  try {
    if (later) {
      await day(tally, stack, 'before', 1);
      for (const { process } of [...stack.vaults, ...stack.gateways]) process.jumpClock();
      await sleep(200);
    }
    tally.faults += stack.vaults.length + stack.gateways.length;
    await day(tally, stack, later ? 'jumped' : 'off', rounds);
  } finally {
    await stack.stop();
  }
}

/** What people do: connect, call, refresh when it is time and not before, revoke. */
async function day(tally: Tally, stack: FaultStack, name: string, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    const person = stack.person(`${name}-${round}`);
    await person.connect('tool-0', round);
    const family = stack.provider.families.all.at(-1);
    for (const gateway of [0, 1]) {
      const { status } = await person.call('tool-0', gateway);
      if (status !== 200) tally.lose(`a call by a gateway whose clock is off: ${status}`);
    }
    tally.hold(family?.attempts === 0, 'a token that had an hour to live was refreshed');
    await stack.expire(false);
    const { kind } = await person.exchange('tool-0', round);
    if (kind !== 'token') tally.lose(`a refresh by a vault whose clock is off: ${kind}`);
    tally.hold(family?.attempts === 1, `${family?.attempts} refreshes of a token that was over`);
    const again = await person.exchange('tool-0', round + 1);
    if (again.kind !== 'token') tally.lose(`a token of the other vault: ${again.kind}`);
    tally.hold(family?.attempts === 1, 'the other vault refreshed a token that was fresh');
    tally.operations += 5;
  }
}

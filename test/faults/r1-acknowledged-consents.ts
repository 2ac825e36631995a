import type { Experiment, Ground } from './experiment.js';
import { killedCallbacks } from './killed-callbacks.js';
import { killedRefreshes } from './killed-refreshes.js';
import { measuredGap } from './measured-gap.js';
import { Tally } from '#lib/testing/tally';

/** kill -9 while browsers come back from the provider, and while tokens are refreshed. */
export const acknowledgedConsents: Experiment = {
  promise: 'R1',
  title: 'An acknowledged consent survives',
  when: 'beside',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const full = scale === 'full';
    // How soon another vault takes over is for the full form to say: a busy machine decides nothing in the short one.
    const graceSeconds = full ? 2 : 20;
    const rotation = { kind: 'grace', graceMs: graceSeconds * 1000 } as const;
    const stack = await laboratory.stack({ vaults: full ? 3 : 2, rotation });
    try {
      const people = await stack.connected(full ? 10 : 4);
      await measuredGap(tally, stack, full ? 300 : 10);
      const lost = await killedRefreshes(tally, stack, { kills: full ? 150 : 2, people });
      for (const name of lost) tally.lose(`${name}, at a server with ${graceSeconds} s of grace`);
      await killedCallbacks(tally, stack, full ? 100 : 2);
    } finally {
      await stack.stop();
    }
    if (full) await againstStrictRotation(tally, laboratory);
    return tally.outcome();
  },
};

/** Not counted as lost: where a used refresh token ends the grant, nothing can save those in the gap. */
async function againstStrictRotation(tally: Tally, laboratory: Ground): Promise<void> {
  const stack = await laboratory.stack({ vaults: 3, rotation: { kind: 'strict' } });
  try {
    const kills = 20;
    const people = await stack.connected(10);
    const lost = await killedRefreshes(tally, stack, { kills, people });
    const refreshes = kills * people.length;
    tally.note(
      'lost with strict rotation',
      `${lost.size} of ${refreshes} refreshes in ${kills} kills`,
    );
  } finally {
    await stack.stop();
  }
}

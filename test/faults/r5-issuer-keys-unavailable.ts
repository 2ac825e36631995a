import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment } from './experiment.js';
import type { FaultStack } from './stack/fault-stack.js';
import { clockJump } from './stack/nodes.js';
import { until } from '#lib/testing/until';
import { Tally } from '#lib/testing/tally';

const jumpHours = 23;

/** The corporate issuer publishes nothing for a day: its known keys go on counting. */
export const issuerKeysUnavailable: Experiment = {
  promise: 'R5',
  title: 'An outage of the issuer is invisible',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const [replicas, seconds] = scale === 'full' ? [2, 30] : [1, 1];
    const stack = await laboratory.stack({
      vaults: replicas,
      gateways: replicas,
      preload: clockJump,
      env: () => ({
        SYMBOLON_TEST_MONOTONIC_JUMP_MS: String(jumpHours * 3_600_000),
        SYMBOLON_TEST_JUMP_LATER: 'true',
      }),
    });
    try {
      await stack.connected(3);
      // Both gateways and both vaults have seen the key.
      await calls(tally, stack, 0.5);
      stack.issuer.down = true;
      tally.faults += 1;
      await calls(tally, stack, seconds);
      for (const { process } of [...stack.vaults, ...stack.gateways]) process.jumpClock();
      tally.faults += stack.vaults.length + stack.gateways.length;
      // No machine's monotonic clock does that, so the time is learnt anew; only what is remembered has aged.
      for (const { vault } of stack.gateways) vault.cut();
      await sleep(1_500);
      for (const { vault } of stack.gateways) vault.mend();
      await Promise.all(
        stack.gateways.map((_, i) => until(() => serves(stack, i), { seconds: 20 })),
      );
      const fetches = stack.issuer.fetches.jwks;
      await calls(tally, stack, seconds);
      tally.note('age of the keys, h', jumpHours);
      tally.note('fetches that succeeded meanwhile', stack.issuer.fetches.jwks - fetches);
      return tally.outcome();
    } finally {
      await stack.stop();
    }
  },
};

async function serves(stack: FaultStack, gateway: number): Promise<boolean> {
  const answer = await stack.person('person-0').call('tool-0', gateway);
  await answer.body?.cancel();
  return answer.status === 200;
}

/** Each call with a token that nobody has seen before, so that its signature is checked anew. */
async function calls(tally: Tally, stack: FaultStack, seconds: number): Promise<void> {
  const overMs = performance.now() + seconds * 1_000;
  for (let round = 0; performance.now() < overMs; round += 1) {
    const person = stack.person(`person-${round % 3}`);
    const [call, exchange] = await Promise.all([
      person.call('tool-0', round % stack.gateways.length),
      person.exchange('tool-0', Math.floor(round / 2)),
    ]);
    await call.body?.cancel();
    tally.operations += 2;
    if (call.status !== 200) tally.lose(`a call: ${call.status}`);
    if (exchange.kind !== 'token') tally.lose(`an exchange: ${exchange.kind}`);
  }
}

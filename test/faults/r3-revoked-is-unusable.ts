import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment } from './experiment.js';
import { revokeRaces } from './revoke-races.js';
import type { FaultStack } from './stack/fault-stack.js';
import { openStream } from './stack/open-stream.js';
import { until } from '#lib/testing/until';
import { Tally } from '#lib/testing/tally';

const barMs = 5_000;
// Longer than the bar by far: what comes late is told from what never comes.
const patience = { seconds: 30, everyMs: 25 };

/** Revoked by an administrator: no gateway uses the token any more, whether it hears of it or not. */
export const revokedIsUnusable: Experiment = {
  promise: 'R3',
  title: 'Revoked is unusable within 5 s',
  when: 'alone',
  run: async (laboratory, scale) => {
    const tally = new Tally();
    const full = scale === 'full';
    const stack = await laboratory.stack({ vaults: 2, gateways: 2, eventCut: true });
    try {
      await repeated(full ? 10 : 1, async () => {
        const ms = await revoke(tally, stack);
        return tally.atMost('revoked, events heard', ms, barMs);
      });
      await repeated(full ? 10 : 1, async () => {
        tally.faults += stack.gateways.length;
        for (const { events } of stack.gateways) events?.cut();
        const ms = await revoke(tally, stack);
        for (const { events } of stack.gateways) events?.mend();
        await sleep(1_500);
        return tally.atMost('revoked, events cut', ms, barMs);
      });
      await revokeRaces(tally, stack, full ? 1_000 : 12);
      return tally.outcome();
    } finally {
      await stack.stop();
    }
  },
};

async function repeated(times: number, work: () => Promise<void>): Promise<void> {
  for (let time = 0; time < times; time += 1) await work();
}

/** Milliseconds until the last gateway refuses and the last open stream has ended. */
async function revoke(tally: Tally, stack: FaultStack): Promise<number> {
  const person = stack.person('person-0');
  if ((await person.exchange()).kind !== 'token') await person.connect();
  const gateways = stack.gateways.map((_, i) => i);
  const isServed = async (i: number) => (await person.call('tool-0', i)).status === 200;
  for (const i of gateways)
    tally.hold(await until(() => isServed(i), patience), `gateway ${i} did not serve at all`);
  const streams = await Promise.all(gateways.map((i) => openStream(person, i)));
  const startedMs = performance.now();
  await stack.revoke(person.name);
  const refusals = gateways.map((i) => until(async () => !(await isServed(i)), patience));
  const ends = streams.map((stream) => until(() => stream.ended, patience));
  const ended = await Promise.all([...refusals, ...ends]);
  tally.operations += ended.length;
  tally.hold(!ended.includes(false), 'a revoked token was still used after half a minute');
  for (const stream of streams) stream.close();
  return performance.now() - startedMs;
}

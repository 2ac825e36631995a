import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultStack } from '../../test/faults/stack/fault-stack.js';
import { Laboratory } from '../../test/faults/stack/laboratory.js';
import { MeasuredGateway } from '../cold/measured-gateway.js';
import type { BenchCase, CaseResult, Measurement } from '../harness/bench-case.js';
import { inRounds } from '../harness/in-rounds.js';
import { costOf } from '../harness/process-family.js';
import { median } from '../median.js';

const idleSeconds = 5;
const mostIdleMib = 120;
const mostRounds = 3;

export const processes: BenchCase = {
  name: 'processes',
  title: 'how long each process takes to be ready, and what it holds while nobody asks',
  async run(effort, progress): Promise<CaseResult> {
    const startedMs = performance.now();
    progress('starts a database');
    const laboratory = await Laboratory.open();
    try {
      const stack = await laboratory.stack({ vaults: 1 });
      const kinds = await kindsOf(stack);
      const rounds = Math.min(mostRounds, effort.rounds);
      await inRounds({ ...effort, rounds }, startedMs, async (round) => {
        progress(`round ${round + 1} of ${rounds}`);
        await measure(kinds);
      });
      await stack.stop();
      return resultOf(kinds);
    } finally {
      await laboratory.close();
    }
  },
};

interface Started {
  readonly pid?: number | undefined;
  /** From its spawning until it was ready. */
  readonly startSeconds: number;
  stop(): Promise<void>;
}

interface Kind {
  readonly name: string;
  readonly start: () => Promise<Started>;
  readonly startSeconds: number[];
  readonly idleMib: number[];
}

async function kindsOf({ vaults }: FaultStack): Promise<readonly Kind[]> {
  const vault = vaults[0]?.process;
  await vault?.stop();
  const kind = (name: string, start: Kind['start']): Kind => ({
    ...{ name, start, startSeconds: [], idleMib: [] },
  });
  const workers = { SYMBOLON_GATEWAY_WORKERS: '2' };
  return [
    kind('gateway', () => MeasuredGateway.start([], [])),
    kind('gateway, 2 workers and their supervisor', () => MeasuredGateway.start([], [], workers)),
    kind('vault', async () => {
      const startSeconds = ((await vault?.start()) ?? Number.NaN) / 1000;
      return { pid: vault?.pid, startSeconds, stop: async () => vault?.stop() };
    }),
  ];
}

/** One starts after the other; then all are idle at once. */
async function measure(kinds: readonly Kind[]): Promise<void> {
  const running: Started[] = [];
  try {
    for (const { start } of kinds) running.push(await start());
    await sleep(idleSeconds * 1000);
    for (const [i, { startSeconds, pid }] of running.entries()) {
      kinds[i]?.startSeconds.push(startSeconds);
      kinds[i]?.idleMib.push(costOf(pid).residentMiB);
    }
  } finally {
    await Promise.all(running.map((each) => each.stop()));
  }
}

function resultOf(kinds: readonly Kind[]): CaseResult {
  const measurements = kinds.map(({ name, startSeconds, idleMib }): Measurement => {
    const figures = {
      'ready after': { unit: 's', rounds: startSeconds },
      'RSS idle': { unit: 'MiB', rounds: idleMib },
    };
    return { subject: name, load: {}, figures, failures: 0 };
  });
  const promise = 'RSS of an idle gateway, MiB';
  const measured = median(kinds[0]?.idleMib ?? []);
  return {
    measurements,
    bars: [{ promise, measured, limit: { atMost: mostIdleMib } }],
    skipped: [{ subject: 'trial identity providers', why: 'no part of what runs in production' }],
  };
}

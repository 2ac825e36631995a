import { setTimeout as sleep } from 'node:timers/promises';
import { MeasuredGateway } from '../cold/measured-gateway.js';
import { residentMemory } from '../cold/process-memory.js';
import type { BenchCase, CaseResult, Effort } from '../harness/bench-case.js';
import { median } from '../median.js';

const idleSeconds = 5;
const mostIdleMib = 120;

export const processes: BenchCase = {
  name: 'processes',
  title: 'how long each process takes to be ready, and what it holds while nobody asks',
  run: async (effort, progress) => {
    return gateways(effort, progress);
  },
};

async function gateways(effort: Effort, progress: (line: string) => void): Promise<CaseResult> {
  const startSeconds: number[] = [];
  const idle: number[] = [];
  const lastStartMs = performance.now() + (effort.budgetSeconds - 2 * idleSeconds) * 1000;
  for (let round = 0; round < effort.rounds; round += 1) {
    if (round > 0 && performance.now() > lastStartMs) break;
    progress('gateway');
    const gateway = await MeasuredGateway.start([], []);
    try {
      await sleep(idleSeconds * 1000);
      startSeconds.push(gateway.startSeconds);
      idle.push(residentMemory(gateway.pid).now);
    } finally {
      await gateway.stop();
    }
  }
  return {
    measurements: [
      {
        subject: 'gateway',
        load: {},
        figures: {
          'ready after': { unit: 's', rounds: startSeconds },
          'RSS idle': { unit: 'MiB', rounds: idle },
        },
        failures: 0,
      },
    ],
    bars: [
      {
        promise: 'RSS of an idle gateway, MiB',
        measured: median(idle),
        limit: { atMost: mostIdleMib },
      },
    ],
    skipped: [
      { subject: 'vault', why: 'it needs a database, which this case does not start' },
      { subject: 'trial identity providers', why: 'no part of what runs in production' },
    ],
  };
}

import { ColdGateway } from '../cold/cold-gateway.js';
import { growingCrowd } from '../cold/crowd.js';
import type { BenchCase, CaseResult, Effort, Measurement } from '../harness/bench-case.js';
import { UpstreamProcess } from '../streams/upstream-process.js';

const mostMib = 300;
const leastBeyond = 0.8;

export const cold: BenchCase = {
  name: 'cold',
  title: 'what the first call of a person costs, and what a gateway holds of many',
  run: async (effort, progress) => {
    const upstream = await UpstreamProcess.start();
    const gateways: ColdGateway[] = [];
    try {
      for (const algorithm of ['RS256', 'ES256'] as const)
        gateways.push(await ColdGateway.start(algorithm, upstream));
      return await measured(gateways, upstream, effort, progress);
    } finally {
      for (const each of gateways) await each.stop();
      upstream.stop();
    }
  },
};

async function measured(
  gateways: readonly ColdGateway[],
  upstream: UpstreamProcess,
  effort: Effort,
  progress: (line: string) => void,
): Promise<CaseResult> {
  progress('first calls, RS256 and ES256');
  const first: Measurement[] = [];
  for (const each of gateways) first.push(...(await each.firstCalls(effort)));
  const sizes = effort.rounds > 1 ? [1_000, 10_000, 30_000, 100_000] : [500, 2_000];
  const people = sizes.at(-1);
  progress(`up to ${people} different people`);
  const crowd = await growingCrowd(sizes, upstream, effort);
  progress('another key, half a minute after the first at the earliest');
  const rotated = (await gateways.at(-1)?.rotation(effort.seconds)) ?? [];
  return {
    measurements: [...first, ...rotated, ...crowd.measurements],
    bars: [
      {
        promise: 'calls that fail while an issuer takes a new key',
        measured: rotated.at(-1)?.failures ?? Number.NaN,
        limit: { atMost: 0 },
      },
      {
        promise: `RSS of a gateway that ${people} people called, MiB`,
        measured: crowd.memory,
        limit: { atMost: mostMib },
      },
      {
        promise: 'rate beyond what the caches hold, of the rate before',
        measured: crowd.beyond,
        limit: { atLeast: leastBeyond },
      },
    ],
    skipped: [],
  };
}

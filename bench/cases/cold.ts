import { crowd } from '../cold/crowd.js';
import { firstAndRotation } from '../cold/first-and-rotation.js';
import { SigningIssuer } from '../cold/signing-issuer.js';
import type { BenchCase } from '../harness/bench-case.js';
import { UpstreamProcess } from '../streams/upstream-process.js';

const mostMib = 300;
const leastBeyond = 0.8;

export const cold: BenchCase = {
  name: 'cold',
  title: 'what the first call of a person costs, and what a gateway holds of many',
  run: async (effort, progress) => {
    const issuer = await SigningIssuer.start('ES256');
    const upstream = await UpstreamProcess.start();
    try {
      progress('first calls, RS256');
      const rs256 = await firstAndRotation('RS256', upstream, effort, false);
      progress('first calls, ES256; then, half a minute later, another key');
      const es256 = await firstAndRotation('ES256', upstream, effort, true);
      const people = effort.rounds > 1 ? 100_000 : 2_000;
      progress(`${people} different people`);
      const { measurements, memory, beyond } = await crowd(people, issuer, upstream, effort);
      const rotated = es256.at(-1);
      return {
        measurements: [...rs256, ...es256, ...measurements],
        bars: [
          {
            promise: 'calls that fail while an issuer takes a new key',
            measured: rotated?.failures ?? Number.NaN,
            limit: { atMost: 0 },
          },
          {
            promise: `RSS of a gateway that ${people} people called, MiB`,
            measured: memory,
            limit: { atMost: mostMib },
          },
          {
            promise: 'rate beyond what the caches hold, of the rate before',
            measured: beyond,
            limit: { atLeast: leastBeyond },
          },
        ],
        skipped: [],
      };
    } finally {
      upstream.stop();
      await issuer.stop();
    }
  },
};

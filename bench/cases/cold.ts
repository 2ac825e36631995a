import { crowd } from '../cold/crowd.js';
import { SigningIssuer } from '../cold/signing-issuer.js';
import type { BenchCase } from '../harness/bench-case.js';
import { UpstreamProcess } from '../streams/upstream-process.js';

const mostMib = 300;

export const cold: BenchCase = {
  name: 'cold',
  title: 'what the first call of a person costs, and what a gateway holds of many',
  run: async (effort, progress) => {
    const issuer = await SigningIssuer.start('ES256');
    const upstream = await UpstreamProcess.start();
    try {
      const people = effort.rounds > 1 ? 100_000 : 10_000;
      progress(`${people} different people`);
      const { measurements, memory } = await crowd(people, issuer, upstream, effort);
      return {
        measurements,
        bars: [
          {
            promise: `RSS of a gateway that ${people} people called, MiB`,
            measured: memory,
            limit: { atMost: mostMib },
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

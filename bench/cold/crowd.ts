import { setTimeout as sleep } from 'node:timers/promises';
import type { Effort, Measurement } from '../harness/bench-case.js';
import type { UpstreamProcess } from '../streams/upstream-process.js';
import { failed, firstCalls, type Seen } from './first-calls.js';
import { MeasuredGateway } from './measured-gateway.js';
import { residentMemory } from './process-memory.js';
import type { SigningIssuer } from './signing-issuer.js';

/** What became of a gateway that a crowd called, all people different. Memory in MiB. */
export interface Crowd {
  readonly measurements: readonly Measurement[];
  readonly people: number;
  readonly memory: number;
  /** Calls per second of newcomers beyond what the caches hold, of those before. */
  readonly beyond: number;
}

const connections = 32;
const settleMs = 2_000;

/** One gateway, each call another person's; then the same people again; then more than its caches hold. */
export async function crowd(
  people: number,
  issuer: SigningIssuer,
  upstream: UpstreamProcess,
  { seconds }: Effort,
): Promise<Crowd> {
  const gateway = await MeasuredGateway.start([issuer.config], [upstream.as('items', 'http')]);
  try {
    const audience = `${gateway.origin}/http/items`;
    const ask = (from: number, calls: number, forSeconds = Infinity) =>
      firstCalls({
        ...{ origin: gateway.origin, path: '/http/items/items', connections, calls },
        token: (nth) => issuer.token(`person-${from + nth}`, audience),
        seconds: forSeconds,
      });
    await ask(0, 100);
    await sleep(settleMs);
    const before = residentMemory(gateway.pid).now;
    const newcomers = await ask(100, people);
    await sleep(settleMs);
    const held = residentMemory(gateway.pid);
    const further = await ask(100 + people, people / 2, seconds * 5);
    await sleep(settleMs);
    const after = residentMemory(gateway.pid);
    return {
      people,
      memory: held.now,
      beyond: further.perSecond / newcomers.perSecond,
      measurements: [
        line(`${people} different people`, newcomers, {
          'RSS before': [before, 'MiB'],
          RSS: [held.now, 'MiB'],
          'RSS at most': [held.most, 'MiB'],
          'memory per person': [((held.now - before) * 2 ** 20) / people, 'B'],
        }),
        line(`${further.calls} more, beyond what is kept`, further, {
          'RSS before': [held.now, 'MiB'],
          RSS: [after.now, 'MiB'],
          'RSS at most': [after.most, 'MiB'],
        }),
      ],
    };
  } finally {
    await gateway.stop();
  }
}

function line(
  subject: string,
  seen: Seen,
  more: Readonly<Record<string, readonly [value: number, unit: string]>>,
): Measurement {
  const figures = Object.entries({
    throughput: [seen.perSecond, 'req/s'] as const,
    p50: [seen.p50, 'ms'] as const,
    p99: [seen.p99, 'ms'] as const,
    ...more,
  }).map(([name, [value, unit]]) => [name, { unit, rounds: [value] }] as const);
  return {
    subject,
    load: { connections },
    figures: Object.fromEntries(figures),
    failures: failed(seen),
  };
}

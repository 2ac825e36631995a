import type { Readable } from 'node:stream';
import { Agent } from 'undici';
import type { Measurement } from '../harness/bench-case.js';
import type { MeasuredGateway } from '../cold/measured-gateway.js';
import { residentMemory } from '../cold/process-memory.js';
import { setTimeout as sleep } from 'node:timers/promises';
import type { UpstreamProcess } from './upstream-process.js';

/** How a stream is asked for. */
export interface StreamRequest {
  readonly subject: string;
  readonly url: string;
  readonly method: 'GET' | 'POST';
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

const openedAtOnce = 64;
const settleMs = 1_000;

/** So many streams at once: how soon each has its head, how soon one event is with all, what one holds, how all end. */
export async function openStreams(
  count: number,
  asked: (nth: number) => StreamRequest,
  gateway: MeasuredGateway | undefined,
  upstream: UpstreamProcess,
): Promise<Measurement> {
  const agent = new Agent({ bodyTimeout: 0, headersTimeout: 30_000 });
  const heads: number[] = [];
  const streams: Readable[] = [];
  let failures = 0;
  let next = 0;
  const memoryBefore = residentMemory(gateway?.pid).now;
  const opener = async (): Promise<void> => {
    while (next < count) {
      const { url, method, headers, body } = asked(next++);
      const { origin, pathname: path } = new URL(url);
      const sentMs = performance.now();
      const answer = await agent.request({
        origin,
        path,
        method,
        headers,
        body: body ?? null,
      });
      heads.push(performance.now() - sentMs);
      if (answer.statusCode === 200) streams.push(answer.body);
      else {
        failures += 1;
        await answer.body.dump();
      }
    }
  };
  await Promise.all(Array.from({ length: openedAtOnce }, opener));
  await sleep(settleMs);
  const held = residentMemory(gateway?.pid).now - memoryBefore;
  const events = await eventThroughAll(streams, upstream);
  failures += await endAll(streams, upstream);
  await agent.close();
  return {
    subject: asked(0).subject,
    load: { streams: count },
    figures: {
      'head p50': { unit: 'ms', rounds: [at(heads, 0.5)] },
      'head p99': { unit: 'ms', rounds: [at(heads, 0.99)] },
      'event with half of them': { unit: 'ms', rounds: [at(events, 0.5)] },
      'event with all': { unit: 'ms', rounds: [at(events, 1)] },
      ...(gateway === undefined
        ? {}
        : { 'memory per stream': { unit: 'KiB', rounds: [(held * 1024) / count] } }),
    },
    failures,
  };
}

async function eventThroughAll(
  streams: readonly Readable[],
  upstream: UpstreamProcess,
): Promise<number[]> {
  const sentMs = performance.now();
  const arrived = streams.map(
    (stream) =>
      new Promise<number>((resolve) => {
        stream.once('data', () => resolve(performance.now() - sentMs));
      }),
  );
  upstream.order('event');
  return Promise.all(arrived);
}

/** How many were cut off instead. */
async function endAll(streams: readonly Readable[], upstream: UpstreamProcess): Promise<number> {
  const ends = streams.map(
    (stream) =>
      new Promise<number>((resolve) => {
        stream.resume();
        stream.once('end', () => resolve(0));
        stream.once('error', () => resolve(1));
      }),
  );
  upstream.order('end');
  return (await Promise.all(ends)).reduce((sum, one) => sum + one, 0);
}

function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;
}

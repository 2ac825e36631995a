import { Readable } from 'node:stream';
import { Agent, request } from 'undici';
import { residentMemory } from '../cold/process-memory.js';
import type { Measurement } from '../harness/bench-case.js';

/** Where a body goes, or comes from. */
export interface LargeBodies {
  readonly subject: string;
  /** Of the upstream's root, as this way leads to it. */
  readonly root: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Whose memory counts. */
  readonly pid: number | undefined;
}

const chunk = Buffer.alloc(64 * 1024, 'symbolon');
const mebibyte = 2 ** 20;
const lookEveryMs = 20;

/** One body each way, as fast as it goes; and by how much the process between grew at most. */
export async function largeBodies(
  { subject, root, headers, pid }: LargeBodies,
  bytes: number,
): Promise<readonly Measurement[]> {
  const dispatcher = new Agent({ bodyTimeout: 0, headersTimeout: 0 });
  const down = async (): Promise<number> => {
    const { body } = await request(`${root}/bytes/${bytes}`, { dispatcher, headers });
    let received = 0;
    for await (const part of body) received += (part as Buffer).length;
    return received;
  };
  const up = async (): Promise<number> => {
    const { body } = await request(`${root}/bytes`, {
      ...{ dispatcher, method: 'PUT', body: Readable.from(parts(bytes)) },
      headers: { ...headers, 'content-length': String(bytes) },
    });
    return ((await body.json()) as { received: number }).received;
  };
  const measured = [
    await measuredWay(`${subject}, down`, down, bytes, pid),
    await measuredWay(`${subject}, up`, up, bytes, pid),
  ];
  await dispatcher.close();
  return measured;
}

async function measuredWay(
  subject: string,
  way: () => Promise<number>,
  bytes: number,
  pid: number | undefined,
): Promise<Measurement> {
  const before = residentMemory(pid).now;
  let most = before;
  const looking = setInterval(() => (most = Math.max(most, residentMemory(pid).now)), lookEveryMs);
  const startedMs = performance.now();
  const received = await way().finally(() => clearInterval(looking));
  const seconds = (performance.now() - startedMs) / 1000;
  return {
    subject,
    load: { MiB: bytes / mebibyte },
    figures: {
      throughput: { unit: 'MiB/s', rounds: [bytes / mebibyte / seconds] },
      ...(pid === undefined ? {} : { 'RSS grew by': { unit: 'MiB', rounds: [most - before] } }),
    },
    failures: received === bytes ? 0 : 1,
  };
}

function* parts(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= chunk.length)
    yield left < chunk.length ? chunk.subarray(0, left) : chunk;
}

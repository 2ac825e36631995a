import { Pool } from 'undici';

export interface FirstCalls {
  readonly origin: string;
  readonly path: string;
  /** The nth caller's token; asked for just before it is sent, outside of what is measured. */
  readonly token: (nth: number) => string;
  readonly calls: number;
  readonly connections: number;
  /** No new call is begun after so long. */
  readonly seconds?: number;
}

/** What callers saw, in milliseconds. */
export interface Seen {
  readonly calls: number;
  readonly p50: number;
  readonly p99: number;
  readonly slowest: number;
  readonly perSecond: number;
  /** How many answers there were of each status other than 200; 0: no answer. */
  readonly failures: Readonly<Record<number, number>>;
}

/** Each connection sends its next call when the last is answered whole. */
export async function firstCalls(asked: FirstCalls): Promise<Seen> {
  const { origin, path, token, calls, connections, seconds = Infinity } = asked;
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const times: number[] = [];
  const failures: Record<number, number> = {};
  let next = 0;
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  const caller = async (): Promise<void> => {
    while (next < calls && performance.now() < untilMs) {
      const headers = { authorization: `Bearer ${token(next++)}` };
      const sentMs = performance.now();
      const status = await statusOf(pool, path, headers);
      times.push(performance.now() - sentMs);
      if (status !== 200) failures[status] = (failures[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, caller));
  const tookSeconds = (performance.now() - startedMs) / 1000;
  await pool.close();
  times.sort((one, other) => one - other);
  const at = (share: number) => times[Math.floor((times.length - 1) * share)] ?? Number.NaN;
  const perSecond = times.length / tookSeconds;
  return { calls: times.length, p50: at(0.5), p99: at(0.99), slowest: at(1), perSecond, failures };
}

export function failed({ failures }: Seen): number {
  return Object.values(failures).reduce((sum, each) => sum + each, 0);
}

function statusOf(
  pool: Pool,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  return pool.request({ path, method: 'GET', headers }).then(
    async ({ statusCode, body }) => {
      await body.dump();
      return statusCode;
    },
    () => 0,
  );
}

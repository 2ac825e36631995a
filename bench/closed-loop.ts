import { Agent, request, type IncomingMessage } from 'node:http';

export interface Asked {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What one caller after another saw, in milliseconds. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
  /** Answers other than 200, or with a JSON-RPC error. */
  readonly failures: number;
}

export interface Load {
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second over all connections; left out: as many as are answered. */
  readonly perSecond?: number;
}

/** So many connections, each sending its next request once the last is answered whole, and not before its time. */
export async function closedLoop(
  asked: readonly Asked[],
  { connections, seconds, perSecond = Infinity }: Load,
): Promise<Latencies> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const times: number[] = [];
  let failures = 0;
  let next = 0;
  const betweenMs = (1000 * connections) / perSecond;
  const until = performance.now() + seconds * 1000;
  const loop = async (): Promise<void> => {
    let started = performance.now() + betweenMs * Math.random();
    while (started < until) {
      const one = asked[next++ % asked.length] as Asked;
      await sleep(started - performance.now());
      started = performance.now();
      const ok = await answered(one, agent);
      times.push(performance.now() - started);
      if (!ok) failures += 1;
      started = Math.max(performance.now(), started + betweenMs);
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
  agent.destroy();
  times.sort((one, other) => one - other);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), perSecond: times.length / seconds, failures };
}

function sleep(ms: number): Promise<void> | undefined {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;
}

function answered({ url, headers, body }: Asked, agent: Agent): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers }, (response: IncomingMessage) => {
      let isError = false;
      response.on('data', (chunk: Buffer) => (isError ||= chunk.includes('"error":{')));
      response.on('end', () => resolve(response.statusCode === 200 && !isError));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

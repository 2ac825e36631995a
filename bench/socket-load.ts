import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Asked, Latencies, Load } from './closed-loop.js';

/*
 * The lightest that asks over HTTP/1.1 from this process: the requests are bytes before the first is sent, and of an
 * answer no more is read than its status and where it ends. What the generator takes, the measured cannot have.
 */

const headEnd = Buffer.from('\r\n\r\n');
const lastChunk = Buffer.from('\r\n0\r\n\r\n');

/** One answer as it comes in. */
class Answer {
  #parts: Buffer[] = [];
  #length = 0;
  /** Of the whole answer; undefined until its head is there, Infinity where it comes in chunks. */
  #end: number | undefined;
  #ok = false;

  /** Whether the answer is whole; undefined: not yet. */
  take(chunk: Buffer): boolean | undefined {
    this.#parts.push(chunk);
    this.#length += chunk.length;
    this.#end ??= this.#readHead();
    if (this.#end === undefined || this.#length < this.#end) {
      if (this.#end !== Infinity || !this.#endsInLastChunk()) return undefined;
    }
    const ok = this.#ok && !this.#parts.some((part) => part.includes('"error":{'));
    this.#parts = [];
    this.#length = 0;
    this.#end = undefined;
    return ok;
  }

  #readHead(): number | undefined {
    const bytes = this.#parts.length === 1 ? this.#parts[0] : Buffer.concat(this.#parts);
    const end = bytes?.indexOf(headEnd) ?? -1;
    if (bytes === undefined || end < 0) return undefined;
    const head = bytes.toString('latin1', 0, end);
    this.#ok = head.startsWith('HTTP/1.1 200');
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    return length === undefined ? Infinity : end + headEnd.length + Number(length);
  }

  #endsInLastChunk(): boolean {
    return Buffer.concat(this.#parts.slice(-2)).subarray(-lastChunk.length).equals(lastChunk);
  }
}

/** As `closedLoop`: so many connections, each asking again once it is answered. Answers other than 200 are failures. */
export async function socketLoad(
  asked: readonly Asked[],
  { connections, seconds }: Load,
): Promise<Latencies & { readonly answers: number }> {
  const requests = asked.map(bytesOf);
  const { hostname, port } = new URL(asked[0]?.url ?? '');
  const times: number[] = [];
  let failures = 0;
  let next = 0;
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1000;
  const run = async (): Promise<void> => {
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    await new Promise<void>((resolve, reject) => {
      const answer = new Answer();
      let askedMs = 0;
      const ask = (): void => {
        askedMs = performance.now();
        if (askedMs >= untilMs) return void endOf(socket, resolve);
        socket.write(requests[next++ % requests.length] as Buffer);
      };
      socket.on('data', (chunk: Buffer) => {
        const ok = answer.take(chunk);
        if (ok === undefined) return;
        times.push(performance.now() - askedMs);
        if (!ok) failures += 1;
        ask();
      });
      socket.once('error', reject);
      socket.once('close', () => reject(new Error(`${hostname}:${port} hung up`)));
      ask();
    });
  };
  await Promise.all(Array.from({ length: connections }, run));
  const elapsed = (performance.now() - startedMs) / 1000;
  times.sort((one, other) => one - other);
  const at = (share: number) => times[Math.floor(times.length * share)] ?? Number.NaN;
  const answers = times.length;
  return { p50: at(0.5), p99: at(0.99), perSecond: answers / elapsed, failures, answers };
}

function endOf(socket: Socket, resolve: () => void): void {
  socket.removeAllListeners('close');
  socket.destroy();
  resolve();
}

function bytesOf({ url, headers, body }: Asked): Buffer {
  const { host, pathname, search } = new URL(url);
  const lines = Object.entries({ host, ...headers, 'content-length': Buffer.byteLength(body) });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`POST ${pathname}${search} HTTP/1.1\r\n${head}\r\n${body}`);
}

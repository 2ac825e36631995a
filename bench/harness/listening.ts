import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process that listens. */
export interface Listening {
  readonly origin: string;
  readonly pid: number | undefined;
  stop(): void;
}

/** A program of bench/, such as `backend.js`, as a process of its own; it sends its port. */
export async function listening(file: string, ...args: string[]): Promise<Listening> {
  const child = fork(fileURLToPath(new URL(`../${file}`, import.meta.url)), args);
  const [port] = (await Promise.race([once(child, 'message'), endedEarly(child, file)])) as [
    number,
  ];
  return { origin: `http://127.0.0.1:${port}`, pid: child.pid, stop: () => void child.kill() };
}

async function endedEarly(child: ChildProcess, file: string): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number | null];
  throw new Error(`${file} ended with ${code}`);
}

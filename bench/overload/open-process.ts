import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Asked } from '../harness/asked.js';
import type { OpenFigures, OpenLoad } from './open-load.js';

/** Who asks in an open loop, in a process that does nothing else; one load, then it ends. */
export async function inOwnProcess(asked: readonly Asked[], load: OpenLoad): Promise<OpenFigures> {
  const child = fork(fileURLToPath(new URL('../open-loop.js', import.meta.url)));
  try {
    child.send({ asked, load });
    const [figures] = (await Promise.race([once(child, 'message'), endedEarly(child)])) as [
      OpenFigures,
    ];
    return figures;
  } finally {
    child.kill();
  }
}

async function endedEarly(child: ChildProcess): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number | null];
  throw new Error(`the open loop ended with ${code}`);
}

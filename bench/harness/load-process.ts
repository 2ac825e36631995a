import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Asked } from './asked.js';
import type { Load, LoadFigures } from './load.js';

export type LoadRequest =
  | { readonly as: string; readonly asked: readonly Asked[] }
  | { readonly of: string; readonly load: Load };

export type LoadReply =
  | { readonly kept: string }
  | { readonly figures: LoadFigures }
  | { readonly failed: string };

/** Who asks, in a process that does nothing else. One load at a time; for two at once there are two of these. */
export class LoadProcess {
  readonly #child: ChildProcess = fork(
    fileURLToPath(new URL('../load-generator.js', import.meta.url)),
  );
  readonly #kept = new Map<readonly Asked[], string>();

  /** The requests are asked in turn, over all connections, again and again. They are sent to the process once. */
  async run(asked: readonly Asked[], load: Load): Promise<LoadFigures> {
    let name = this.#kept.get(asked);
    if (name === undefined) {
      name = String(this.#kept.size);
      await this.#told({ as: name, asked });
      this.#kept.set(asked, name);
    }
    const reply = await this.#told({ of: name, load });
    if ('figures' in reply) return reply.figures;
    throw new Error(`${asked[0]?.url}: ${'failed' in reply ? reply.failed : 'no figures'}`);
  }

  stop(): void {
    this.#child.kill();
  }

  async #told(request: LoadRequest): Promise<LoadReply> {
    const over = new AbortController();
    const event = (name: string) => once(this.#child, name, { signal: over.signal });
    const ended = event('exit').then(() => ({ failed: 'the load generator ended' }));
    const answer = event('message').then(([reply]) => reply as LoadReply);
    this.#child.send(request);
    const reply = await Promise.race([answer, ended]);
    over.abort();
    await Promise.allSettled([answer, ended]);
    return reply;
  }
}

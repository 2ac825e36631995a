import { randomBytes } from 'node:crypto';
import type { OpenCall } from './open-call.js';
import type { ServerRequest } from './peer.js';

const lifeMs = 10 * 60_000;
const mostPerPerson = 16;
const most = 2_000;

export interface Suspended {
  readonly person: string;
  readonly open: OpenCall;
  /** What the upstream asked, by the key that the client answers under. */
  readonly asked: ReadonlyMap<string, ServerRequest>;
}

interface Kept extends Suspended {
  readonly timer: NodeJS.Timeout;
}

/**
 * Calls of modern clients that are open at legacy upstreams while the client is asked something: the upstream
 * holds its stream, and this replica holds the other end of it.
 */
export class SuspendedCalls {
  readonly #kept = new Map<string, Kept>();

  /** The handle that takes it up again, once; undefined where there are too many. */
  suspend(call: Suspended): string | undefined {
    const own = [...this.#kept.values()].filter(({ person }) => person === call.person);
    if (own.length >= mostPerPerson || this.#kept.size >= most) return undefined;
    const handle = randomBytes(16).toString('base64url');
    const timer = setTimeout(() => {
      this.#kept.delete(handle);
      void call.open.cancel('nobody answered');
    }, lifeMs);
    timer.unref();
    this.#kept.set(handle, { ...call, timer });
    return handle;
  }

  take(handle: string, person: string): Suspended | undefined {
    const kept = this.#kept.get(handle);
    if (kept === undefined || kept.person !== person) return undefined;
    clearTimeout(kept.timer);
    this.#kept.delete(handle);
    return kept;
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { BorrowedCredential } from '../credentials/credentials.js';
import { borrow } from './borrow.js';
import type { Consents } from './consents.js';
import type { EventStream } from './event-stream.js';
import { sharerOf, type McpCall, type McpDeps } from './mcp-call.js';

const firstPauseMs = 1000;
const longestPauseMs = 60_000;

/** What one attempt to merge the upstream's stream came to. */
export type Attempt = 'streamed' | 'failed' | 'never';

export interface Follow {
  readonly deps: McpDeps;
  readonly consents: Consents;
  readonly stream: EventStream;
  readonly signal: AbortSignal;
  readonly attempt: (credential: BorrowedCredential) => Promise<Attempt>;
}

/**
 * Keeps the upstream's stream merged into the client's: from the person's consent on, again after it broke,
 * until the client goes, its token no longer counts, or the upstream says that it has no such stream.
 */
export async function followUpstream(call: McpCall, follow: Follow): Promise<void> {
  let pauseMs = firstPauseMs;
  while (!follow.signal.aborted) {
    const attempt = await once(call, follow);
    if (attempt === 'never') return;
    pauseMs = attempt === 'streamed' ? firstPauseMs : Math.min(pauseMs * 2, longestPauseMs);
    if (attempt !== 'consented')
      await sleep(pauseMs, undefined, { signal: follow.signal }).catch(() => undefined);
  }
}

async function once(call: McpCall, follow: Follow): Promise<Attempt | 'consented'> {
  const { deps, consents, stream, signal, attempt } = follow;
  // Listen before asking: a consent in between is not missed.
  const round = new AbortController();
  const consented = consents.next(sharerOf(call), AbortSignal.any([signal, round.signal]));
  try {
    const credential = await borrow(deps, call, { interaction: 'none' });
    if (credential.kind === 'credential') return await attempt(credential);
    if (credential.kind === 'unavailable') return 'failed';
    if (credential.kind === 'interaction') {
      await consented;
      return 'consented';
    }
    stream.end();
    return 'never';
  } finally {
    round.abort();
  }
}

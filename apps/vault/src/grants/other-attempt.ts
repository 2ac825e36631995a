import { setTimeout as sleep } from 'node:timers/promises';
import type { Attempt, PostgresRefreshStore } from './postgres-refresh-store.js';

type Store = Pick<PostgresRefreshStore, 'read' | 'now'>;

const pollMs = 100;
// A holder that is cut off notices it, and gives its request up, in less.
const quietMs = 200;
// A refresh ends by its HTTP deadline of 10 s; what lasts longer is not waited for.
const requestMs = 12_000;

/** Before a refresh token is used whose last use was not finished: whether it is finished after all. */
export async function finishedMeanwhile(store: Store, attempt: Attempt): Promise<boolean> {
  return attempt.unfinishedSince !== undefined && changesWithin(store, attempt, quietMs);
}

/**
 * After `invalid_grant`: an attempt that was never finished is a crash, or a replica cut off from the database with
 * the answer in its hands; it is given the time that its HTTP deadline leaves it.
 */
export async function finishedByAnother(store: Store, attempt: Attempt): Promise<boolean> {
  const { unfinishedSince } = attempt;
  const ageMs =
    unfinishedSince === undefined ? requestMs : ((await store.now()) - unfinishedSince) * 1000;
  return changesWithin(store, attempt, Math.max(requestMs - ageMs, 0));
}

async function changesWithin(store: Store, { grant }: Attempt, ms: number): Promise<boolean> {
  const deadline = performance.now() + ms;
  for (;;) {
    const now = await store.read(grant);
    if (now?.tokenVersion !== grant.tokenVersion) return true;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await sleep(Math.min(pollMs, leftMs));
  }
}

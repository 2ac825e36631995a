import { setTimeout as sleep } from 'node:timers/promises';
import { changeRegistry } from './change-registry.js';
import { looksMeanwhile } from './cost-of-looking.js';
import { beginDue } from './fall-due.js';
import type { Scale } from './scale.js';
import { inWords } from './summary.js';
import { megabytes, watchMemory } from './vault-memory.js';
import type { FaultStack } from '../test/faults/stack/fault-stack.js';

export interface Herd {
  readonly due: number;
  readonly limit: number;
  readonly latencyMs: number;
}

/** So many grants fall due at once. Whether each was refreshed once, and never more were in flight than allowed. */
export async function herd(scale: Scale, { due, limit, latencyMs }: Herd): Promise<boolean> {
  const { stack, log, provider } = scale;
  await changeRegistry(stack, 'oauth-clients/provider', { maxConcurrentRequests: limit });
  await sleep(3_000);
  await log.sample(due > 5_000 ? 5 : 50);
  const before = await written(stack);
  provider.watch(latencyMs);
  const started = performance.now();
  await beginDue(stack, 'provider', due);
  const watching = watchMemory(stack);
  while (provider.refreshes < due) await sleep(50);
  const seconds = (performance.now() - started) / 1000;
  await sleep(3_000);
  const peak = await watching.stop();
  const after = await written(stack);
  const meanwhile = await looksMeanwhile(log);
  await log.sample(0);
  const share = Math.max(1, Math.floor(limit * 0.75));
  console.log(`
${due} grants due together, ${limit} requests allowed (${share} of them for the background), answered after ${latencyMs} ms
  time             ${seconds.toFixed(1)} s, ${(due / seconds).toFixed(0)} refreshes/s; the provider alone would allow ${((share * 1000) / latencyMs).toFixed(0)}/s
  most in flight   ${provider.most}
  refreshed twice  ${provider.twice} (refreshes that overlapped: ${provider.overlaps})
  claiming         ${inWords(meanwhile.claim)}
  a look meanwhile ${inWords(meanwhile.poll)}
  vaults' memory   at most ${megabytes(peak)}
  a refresh wrote  ${((after.wal - before.wal) / due / 1024).toFixed(1)} KiB of WAL, ${((after.audit - before.audit) / due).toFixed(0)} bytes of audit log`);
  return provider.twice === 0 && provider.overlaps === 0 && provider.most <= share;
}

const pauseSeconds = 6;
// Another vault hears of it with its next look.
const heardMs = 1_500;

/** In the midst of a herd the provider says Retry-After once. Whether both vaults left it alone for so long. */
export async function obeysRetryAfter(scale: Scale, due: number): Promise<boolean> {
  const { stack, provider } = scale;
  await changeRegistry(stack, 'oauth-clients/provider', { maxConcurrentRequests: 10 });
  await sleep(3_000);
  provider.watch(50);
  await beginDue(stack, 'provider', due);
  while (provider.refreshes < due / 4) await sleep(20);
  const refusedAt = provider.refuseOnce(pauseSeconds);
  while (provider.refreshes < due + 1) await sleep(50);
  const at = refusedAt() ?? Number.NaN;
  const after = provider.arrivals.filter((ms) => ms > at).map((ms) => ms - at);
  const early = after.filter((ms) => ms > heardMs && ms < pauseSeconds * 1000);
  const first = Math.min(...after.filter((ms) => ms > heardMs));
  console.log(`
${due} grants due together, one answer is 429 with Retry-After: ${pauseSeconds}
  before the other vault had heard   ${after.filter((ms) => ms <= heardMs).length} requests more, the last after ${(Math.max(0, ...after.filter((ms) => ms <= heardMs)) / 1000).toFixed(1)} s
  from then to the end of the pause  ${early.length}; asked again after ${(first / 1000).toFixed(1)} s, and all were refreshed`);
  return early.length === 0;
}

async function written(stack: FaultStack): Promise<{ wal: number; audit: number }> {
  const [row] = await stack.sql<{ wal: number; audit: number }>(
    `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS wal,
            (pg_total_relation_size('audit_event') + pg_total_relation_size('audit_seal'))::float8 AS audit`,
  );
  if (row === undefined) throw new Error('Postgres says nothing.');
  return row;
}

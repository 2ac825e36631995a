import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { hang } from '#lib/testing/scripted-answer';
import { ScriptableAuthorizationServer } from '#lib/testing/scriptable-authorization-server';
import type { FaultStack } from '../test/faults/stack/fault-stack.js';
import { Laboratory } from '../test/faults/stack/laboratory.js';
import type { Person } from '../test/faults/stack/person.js';
import { accessTokenBytes, fillGrants, refreshTokenBytes, sizesOf } from './fill-grants.js';
import { sealedGrants } from './sealed-grants.js';
import { StatementTimes, summary, type Times } from './statement-times.js';
import { WatchedProvider } from './watched-provider.js';

/*
 * A million grants, two vault processes, one Postgres and an authorization server, all on this machine: what a grant
 * takes on disk, what looking for due ones costs, and ten thousand that fall due together. Postgres is durable.
 */
const { values } = parseArgs({
  options: {
    grants: { type: 'string', default: '1000000' },
    due: { type: 'string', default: '10000' },
  },
});
const count = Number(values.grants);
const due = Number(values.due);
const hungGrants = 60;
const readers = 4;
const readsEach = 500;
const idleSeconds = 30;
const idlePoll = 'SELECT c.id AS "oauthClientId"';
const claim = 'WITH due AS (';

async function main(): Promise<void> {
  const laboratory = await Laboratory.open();
  try {
    const stack = await laboratory.stack({ vaults: 2, rotation: { kind: 'strict' } });
    try {
      await measure(stack, laboratory);
    } finally {
      await stack.stop();
    }
  } finally {
    await laboratory.close();
  }
}

async function measure(stack: FaultStack, laboratory: Laboratory): Promise<void> {
  await withoutLines(stack, laboratory);
  const people = await stack.connected(readers);
  await timed(`${due} grants with tokens of the provider`, () =>
    sealedGrants(stack, stack.provider, 'provider', due),
  );
  await timed(`${count} further grants filled in`, () => fillGrants(stack, count));
  await sizes(stack);
  await stack.sql('ALTER SYSTEM SET log_min_duration_statement = 0');
  await stack.sql('SELECT pg_reload_conf()');
  const statements = new StatementTimes(join(laboratory.folder, 'postgres', 'postgres.log'));
  await idle(stack, statements);
  const provider = new WatchedProvider(stack.provider);
  await herd(stack, { provider, statements, limit: 10, latencyMs: 50 });
  await herd(stack, { provider, statements, limit: 100, latencyMs: 5 });
  await besideHungProvider(stack, people, provider);
}

/** The lines that experiments cut would be most of what is measured. */
async function withoutLines(stack: FaultStack, laboratory: Laboratory): Promise<void> {
  const url = laboratory.databaseUrl(stack.ground.database);
  for (const { process: vault } of stack.vaults) {
    await vault.stop();
    await vault.start({ SYMBOLON_DATABASE_URL: url });
  }
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  console.log(`${what} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  return result;
}

async function sizes(stack: FaultStack): Promise<void> {
  console.log(
    `\nBytes a row, sealed tokens of ${refreshTokenBytes} (refresh) and ${accessTokenBytes} (access) bytes:`,
  );
  for (const { table, rows, heap, indexes } of await sizesOf(stack, [
    'user_grant',
    'access_token',
    'client_consent',
  ]))
    console.log(
      `  ${table.padEnd(15)} ${rows} rows  table ${(heap / rows).toFixed(0)}  indexes ${(indexes / rows).toFixed(0)}`,
    );
}

async function idle(stack: FaultStack, statements: StatementTimes): Promise<void> {
  await statements.reset();
  await sleep(idleSeconds * 1000);
  const times = await statements.of(idlePoll);
  console.log(`\nNothing due: a look of the due-scan ${inWords(times)}`);
  const grown = await memory(stack);
  console.log(`Memory of the vaults: ${grown.map(megabytes).join(', ')}`);
}

interface Herd {
  readonly provider: WatchedProvider;
  readonly statements: StatementTimes;
  readonly limit: number;
  readonly latencyMs: number;
}

/** All the grants with tokens of the provider fall due at once. */
async function herd(
  stack: FaultStack,
  { provider, statements, limit, latencyMs }: Herd,
): Promise<void> {
  await change(stack, 'oauth-clients/provider', { maxConcurrentRequests: limit });
  await sleep(3_000);
  await statements.reset();
  const before = await written(stack);
  provider.watch(latencyMs);
  const started = performance.now();
  await fallDue(stack, 'provider');
  const watching = watchMemory(stack);
  while (provider.refreshes < due) await sleep(50);
  const seconds = (performance.now() - started) / 1000;
  await sleep(3_000);
  const peak = await watching.stop();
  const after = await written(stack);
  const more = provider.refreshes - due;
  console.log(
    `\n${due} grants due together, ${limit} requests allowed, an answer after ${latencyMs} ms:`,
  );
  console.log(`  ${seconds.toFixed(1)} s, ${(due / seconds).toFixed(0)} refreshes/s`);
  console.log(
    `  most in flight ${provider.most}, refreshed twice ${more}, overlaps ${provider.overlaps}`,
  );
  console.log(`  claiming ${inWords(await statements.of(claim))}`);
  console.log(`  a look meanwhile ${inWords(await statements.of(idlePoll))}`);
  console.log(`  memory of the vaults at most ${peak.map(megabytes).join(', ')}`);
  console.log(
    `  a refresh wrote ${((after.wal - before.wal) / due / 1024).toFixed(1)} KiB of WAL, ${((after.audit - before.audit) / due).toFixed(0)} bytes of audit log`,
  );
  if (more !== 0 || provider.overlaps !== 0 || provider.most > limit) process.exitCode = 1;
}

/** A second provider never answers: what the people of the first notice. */
async function besideHungProvider(
  stack: FaultStack,
  people: readonly Person[],
  provider: WatchedProvider,
): Promise<void> {
  const hung = await ScriptableAuthorizationServer.start({ accessTokenTtl: 3_600 });
  try {
    await register(stack, hung);
    await sealedGrants(stack, hung, 'hung', hungGrants);
    const alone = await read(people);
    hung.always('token', hang);
    await fallDue(stack, 'hung');
    await sleep(3_000);
    provider.watch(50);
    await fallDue(stack, 'provider');
    const started = performance.now();
    const beside = await read(people);
    const rate = provider.refreshes / ((performance.now() - started) / 1000);
    console.log(`\nReads (exchanges of a stored token) ${inWords(alone)}`);
    console.log(
      `  beside a hung provider with ${hungGrants} grants due and ${due} others being refreshed ${inWords(beside)}, ${rate.toFixed(0)} refreshes/s`,
    );
  } finally {
    await hung.stop();
  }
}

async function read(people: readonly Person[]): Promise<Times> {
  const times: number[] = [];
  const readAll = async (person: Person): Promise<void> => {
    for (let n = 0; n < readsEach; n += 1) {
      const started = performance.now();
      const { kind } = await person.exchange();
      times.push(performance.now() - started);
      if (kind !== 'token') throw new Error(`a read of a stored token: ${kind}`);
    }
  };
  await Promise.all(people.map(readAll));
  return summary(times);
}

async function register(stack: FaultStack, hung: ScriptableAuthorizationServer): Promise<void> {
  await change(
    stack,
    'oauth-clients/hung',
    {
      ...{ slug: 'hung', name: 'Hung', issuer: hung.issuer, clientId: 'symbolon' },
      ...{ clientSecret: 'provider-secret', scopes: ['openid', 'offline_access', 'read'] },
    },
    'PUT',
  );
  await change(
    stack,
    'upstreams/hung-tool',
    {
      ...{ slug: 'hung-tool', name: 'Hung', type: 'http', url: `${stack.api.origin}/hung` },
      credential: { type: 'oauth', oauthClient: 'hung' },
    },
    'PUT',
  );
}

async function change(
  stack: FaultStack,
  path: string,
  body: object,
  method: 'PATCH' | 'PUT' = 'PATCH',
) {
  const answer = await fetch(`${stack.front.origin}/admin/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${stack.adminToken}`,
      'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  await answer.body?.cancel();
}

/** Those with tokens of the provider, not the noise. */
async function fallDue(stack: FaultStack, oauthClient: string): Promise<void> {
  await stack.sql(
    `UPDATE user_grant SET refresh_after = now()
      WHERE subject ~ ('^' || $1 || '-[0-9]+$') AND status = 'active'`,
    [oauthClient],
  );
}

async function written(stack: FaultStack): Promise<{ wal: number; audit: number }> {
  const [row] = await stack.sql<{ wal: number; audit: number }>(
    `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS wal,
            (pg_total_relation_size('audit_event') + pg_total_relation_size('audit_seal'))::float8 AS audit`,
  );
  if (row === undefined) throw new Error('Postgres says nothing.');
  return row;
}

/** Resident bytes of each vault process. */
function memory(stack: FaultStack): Promise<readonly number[]> {
  return Promise.all(
    stack.vaults.map(async ({ process: vault }) => {
      const port = vault.options.env['SYMBOLON_METRICS_PORT'];
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return Number(/^process_resident_memory_bytes\S* (\S+)$/m.exec(text)?.[1]);
    }),
  );
}

function watchMemory(stack: FaultStack): { stop(): Promise<readonly number[]> } {
  let stopped = false;
  const watching = (async () => {
    let peak: readonly number[] = [];
    while (!stopped) {
      const now = await memory(stack);
      peak = now.map((bytes, i) => Math.max(bytes, peak[i] ?? 0));
      await sleep(500);
    }
    return peak;
  })();
  return {
    stop: () => {
      stopped = true;
      return watching;
    },
  };
}

function inWords({ count: times, p50, p99, most }: Times): string {
  return `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, most ${most.toFixed(2)} ms (${times} times)`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

await main();

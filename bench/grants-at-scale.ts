import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FaultStack } from '../test/faults/stack/fault-stack.js';
import { Laboratory } from '../test/faults/stack/laboratory.js';
import { besideHungProvider } from './beside-hung-provider.js';
import { type CostOfLooking, costOfLooking } from './cost-of-looking.js';
import { accessTokenBytes, fillGrants, refreshTokenBytes, sizesOf } from './fill-grants.js';
import { herd, obeysRetryAfter } from './herds.js';
import { partitionUnderReads } from './partition-under-reads.js';
import type { Scale } from './scale.js';
import { sealedGrants } from './sealed-grants.js';
import { StatementLog } from './statement-log.js';
import { inWords } from './summary.js';
import { megabytes, vaultMemory } from './vault-memory.js';
import { WatchedProvider } from './watched-provider.js';

/*
 * A million grants, two vault processes, one Postgres and an authorization server, all on this machine: what a grant
 * takes on disk, what looking for due ones costs, ten thousand that fall due together, and partitions made under it.
 * Postgres is durable.
 */
const { values } = parseArgs({
  options: {
    grants: { type: 'string', default: '1000000' },
    due: { type: 'string', default: '10000' },
    partitions: { type: 'string', default: '16' },
  },
});
const count = Number(values.grants);
const due = Number(values.due);
const readers = 4;
const allowedMs = 1;

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
  const log = new StatementLog(stack, join(laboratory.folder, 'postgres', 'postgres.log'));
  await log.prepare();
  await withoutLines(stack, laboratory);
  const people = await stack.connected(readers);
  await timed(`${due} grants with tokens of the provider`, () =>
    sealedGrants(stack, stack.provider, 'provider', due),
  );
  const scale = { stack, log, people, provider: new WatchedProvider(stack.provider) };
  await growing(scale);
  await sizes(stack);
  console.log(`Memory of the vaults: ${megabytes(await vaultMemory(stack))}`);
  must(await herd(scale, { due, limit: 20, latencyMs: 50 }));
  must(await herd(scale, { due: due / 5, limit: 100, latencyMs: 5 }));
  must(await obeysRetryAfter(scale, due / 10));
  await besideHungProvider(scale, due / 10);
  await partitioned(scale, laboratory);
}

/** The lines that experiments cut would be most of what is measured. */
async function withoutLines(stack: FaultStack, laboratory: Laboratory): Promise<void> {
  const url = laboratory.vaultDatabaseUrl(stack.ground.database);
  for (const { process: vault } of stack.vaults) {
    await vault.stop();
    await vault.start({ SYMBOLON_DATABASE_URL: url });
  }
}

/** What looking costs at a hundredth, a tenth and all of them. */
async function growing(scale: Scale): Promise<void> {
  const costs: [number, CostOfLooking][] = [];
  let from = 0;
  for (const to of [count / 100, count / 10, count]) {
    const [first, next] = [from, to];
    await timed(`${to} others filled in`, () => fillGrants(scale.stack, first, next));
    costs.push([to + due, await costOfLooking(scale)]);
    from = to;
  }
  console.log('\nGrants    | a look with nothing due | taking on one that is due (ms in Postgres)');
  for (const [grants, { poll, claim }] of costs)
    console.log(`${String(grants).padEnd(9)} | ${inWords(poll)} | ${inWords(claim)}`);
  for (const scan of costs.at(-1)?.[1].scans ?? []) console.log(`  ${scan}`);
  must(costs.every(([, { poll }]) => poll.p50 < allowedMs));
  must(costs.every(([, { scans }]) => !scans.join().includes('the table')));
}

async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  const [load = 0] = loadavg();
  const seconds = (performance.now() - started) / 1000;
  console.log(`${what} in ${seconds.toFixed(1)} s (load ${load.toFixed(1)})`);
  return result;
}

async function sizes(stack: FaultStack): Promise<void> {
  const tables = await sizesOf(stack, ['user_grant', 'access_token', 'client_consent']);
  console.log(
    `\nBytes a row, sealed tokens of ${refreshTokenBytes} (refresh) and ${accessTokenBytes} (access) bytes:`,
  );
  for (const { table, rows, heap, indexes } of tables)
    console.log(
      `  ${table.padEnd(15)} ${rows} rows  table ${(heap / rows).toFixed(0)}  indexes ${(indexes / rows).toFixed(0)}`,
    );
  const all = tables.reduce((sum, { heap, indexes }) => sum + heap + indexes, 0);
  console.log(
    `  a grant with all that belongs to it: ${(all / (tables[0]?.rows ?? 1)).toFixed(0)}`,
  );
}

async function partitioned(scale: Scale, laboratory: Laboratory): Promise<void> {
  const url = laboratory.databaseUrl(scale.stack.ground.database);
  console.log('');
  await timed(`npm run migrate -- --partition-grants ${values.partitions}`, () =>
    partitionUnderReads(scale, url, values.partitions),
  );
  const { poll, claim, scans } = await costOfLooking(scale);
  console.log(`  a look with nothing due    ${inWords(poll)}`);
  console.log(`  taking on one that is due  ${inWords(claim)}`);
  must(!scans.join().includes('the table'));
  await sizes(scale.stack);
}

function must(holds: boolean): void {
  if (holds) return;
  console.log('  THIS DOES NOT HOLD');
  process.exitCode = 1;
}

await main();

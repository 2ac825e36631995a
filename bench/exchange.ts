import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { AppProcess } from '#lib/testing/app-process';
import { freePort } from '#lib/testing/free-port';
import { selectRate } from '#lib/testing/postgres-select-rate';
import type { FaultStack } from '../test/faults/stack/fault-stack.js';
import { Laboratory } from '../test/faults/stack/laboratory.js';
import type { Person } from '#lib/testing/stack-person';
import { median } from './median.js';

/*
 * RFC 8693 exchanges of a stored, valid token at one vault process, beside a bare `pg` select by key on the same
 * database in the same run. The load generator and Postgres share the machine with the vault.
 */
const rounds = 5;
const seconds = 4;
const connections = 64;
const people = 100;
const bar = 2_500;

async function main(): Promise<void> {
  const laboratory = await Laboratory.open();
  try {
    const stack = await laboratory.stack({ vaults: 1 });
    try {
      const connected = await stack.connected(people);
      await measure(stack, connected, laboratory.databaseUrl(stack.ground.database));
    } finally {
      await stack.stop();
    }
  } finally {
    await laboratory.close();
  }
}

async function measure(
  stack: FaultStack,
  connected: readonly Person[],
  databaseUrl: string,
): Promise<void> {
  const vault = await directVault(stack, databaseUrl);
  try {
    const grants = await stack.sql<{ id: string }>('SELECT id FROM user_grant');
    const ids = grants.map(({ id }) => id);
    const exchanges: number[] = [];
    const selects: number[] = [];
    let failures = await exchange(stack, vault.options.url, connected, () => undefined);
    for (let round = 0; round < rounds; round += 1) {
      selects.push(await selectRate(databaseUrl, ids, { connections, seconds }));
      failures += await exchange(stack, vault.options.url, connected, (rate) =>
        exchanges.push(rate),
      );
    }
    report(exchanges, selects, failures);
  } finally {
    await vault.kill();
  }
}

/** A vault without the line that experiments cut. */
async function directVault(stack: FaultStack, databaseUrl: string): Promise<AppProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...stack.vaults[0]?.process.options.env,
    SYMBOLON_DATABASE_URL: databaseUrl,
    SYMBOLON_VAULT_PORT: String(port),
    SYMBOLON_METRICS_PORT: String(await freePort()),
  };
  const main = fileURLToPath(new URL('../apps/vault/src/main.js', import.meta.url));
  const process = new AppProcess({ main, env, url, log: '/dev/null' });
  await process.start();
  await stack.vaults[0]?.process.stop();
  return process;
}

async function exchange(
  stack: FaultStack,
  url: string,
  connected: readonly Person[],
  count: (perSecond: number) => void,
): Promise<number> {
  const assertion = await stack.assertion();
  const requests = await Promise.all(
    connected.map(async (person) => ({
      method: 'POST' as const,
      path: '/oauth2/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: assertion,
        subject_token: await person.token,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        audience: 'tool-0',
        interaction: 'none',
      }).toString(),
    })),
  );
  const done = await autocannon({ url, connections, duration: seconds, requests });
  count(done.requests.average);
  return done.non2xx + done.errors;
}

function report(exchanges: readonly number[], selects: readonly number[], failures: number): void {
  const rate = median(exchanges);
  const ratio = median(exchanges.map((each, i) => each / (selects[i] ?? Number.NaN)));
  console.log(
    `${rounds} rounds of ${seconds} s, ${connections} connections, ${people} people, medians:`,
  );
  console.log(`bare pg select by key        ${median(selects).toFixed(0).padStart(7)} rows/s`);
  console.log(
    `one vault, RFC 8693 exchange ${rate.toFixed(0).padStart(7)} req/s  ${ratio.toFixed(2)} of the select  failures ${failures}`,
  );
  console.log(`The bar is ${bar} exchanges a second: ${rate >= bar ? 'met' : 'missed'}.`);
  if (failures > 0) process.exitCode = 1;
}

await main();

import { fork, spawn, type ChildProcess } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { exportJWK, generateKeyPair } from 'jose';
import { FakeVault } from '#lib/testing/fake-vault';
import { freePort } from '#lib/testing/free-port';
import { TestIssuer } from '#lib/testing/test-issuer';
import { median } from './median.js';

/*
 * `/http/{upstream}` with borrowed tokens at hand against a bare node:http + undici proxy and against the
 * upstream itself. Each round runs all of them and gives one ratio, so that a machine that slows down does
 * not decide; the median of the ratios counts. The load generator takes a core of its own and may be the
 * bottleneck; so CPU time per request stands beside it.
 */
const rounds = 9;
const secondsPerRun = 3;
const connections = 32;
const people = 200;
const bar = 0.7;

interface Variant {
  readonly name: string;
  readonly url: string;
  readonly pid: number | undefined;
  readonly perSecond: number[];
  readonly cpuMicros: number[];
  failures: number;
}

const children: ChildProcess[] = [];

async function child(
  file: string,
  ...args: string[]
): Promise<{ origin: string; pid: number | undefined }> {
  const started = fork(fileURLToPath(new URL(file, import.meta.url)), args);
  children.push(started);
  const [port] = (await once(started, 'message')) as [number];
  return { origin: `http://127.0.0.1:${port}`, pid: started.pid };
}

async function gateway(
  upstream: string,
  issuer: TestIssuer,
): Promise<{ origin: string; pid: number | undefined; vault: FakeVault }> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(privateKey);
  const vault = await FakeVault.start({
    gatewayId: 'bench',
    gatewayKey: createPublicKey({ key: jwk as Record<string, string>, format: 'jwk' }),
    snapshot: snapshot(upstream, issuer),
  });
  vault.answer = (form) => ({
    body: {
      access_token: 'upstream-token',
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
      expires_in: 3600,
      grant_id: form.get('subject_token')?.slice(-20),
      grant_version: 1,
    },
  });
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const started = spawn(
    process.execPath,
    [fileURLToPath(new URL('../apps/gateway/src/main.js', import.meta.url))],
    {
      // The access line of each call is written, to where it costs no disk.
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        SYMBOLON_MODE: 'development',
        SYMBOLON_GATEWAY_PUBLIC_URL: origin,
        SYMBOLON_GATEWAY_PORT: String(port),
        SYMBOLON_VAULT_URL: vault.url,
        SYMBOLON_GATEWAY_ID: 'bench',
        SYMBOLON_GATEWAY_KEY: JSON.stringify(jwk),
        SYMBOLON_METRICS_PORT: String(await freePort()),
      },
    },
  );
  children.push(started);
  await ready(origin);
  return { origin, pid: started.pid, vault };
}

function snapshot(upstream: string, issuer: TestIssuer) {
  return {
    issuers: [
      {
        slug: 'corporate',
        issuer: issuer.issuer,
        alsoIssuedAs: [],
        jwksUri: issuer.jwksUri,
        algorithms: ['RS256'],
        tokenTypes: ['at+jwt'],
        audiences: [],
        baseScopes: [],
        subjectClaim: 'sub',
        unknownApplications: 'ask' as const,
      },
    ],
    applications: [],
    upstreams: [
      {
        slug: 'backend',
        name: 'Backend',
        type: 'http' as const,
        url: upstream,
        access: { scopes: [], claims: {} },
        credential: { type: 'oauth' as const, scopes: ['read'] },
        inject: { header: 'authorization', scheme: 'Bearer' },
        discovery: false,
        timeoutMs: 10_000,
      },
    ],
  };
}

async function ready(origin: string): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const status = await fetch(`${origin}/readyz`).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('the gateway did not become ready');
}

/** User and system time of a process in microseconds; undefined where there is no /proc. */
function cpuMicros(pid: number | undefined): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return undefined;
  }
}

async function run(
  variant: Variant,
  tokens: readonly string[],
  duration: number,
  counted: boolean,
): Promise<void> {
  const requests = tokens.map((token) => ({
    method: 'GET' as const,
    headers: {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      'user-agent': 'bench',
    },
  }));
  const before = cpuMicros(variant.pid);
  const {
    requests: done,
    non2xx,
    errors,
  } = await autocannon({ url: variant.url, connections, duration, requests });
  const after = cpuMicros(variant.pid);
  variant.failures += non2xx + errors;
  if (!counted) return;
  variant.perSecond.push(done.average);
  if (before !== undefined && after !== undefined)
    variant.cpuMicros.push((after - before) / done.total);
}

function report(variants: readonly Variant[], bare: Variant): void {
  for (const { name, perSecond, cpuMicros: cpu, failures } of variants) {
    const rate = median(perSecond);
    const share = (rate / median(bare.perSecond)).toFixed(2);
    const cost = cpu.length === 0 ? 'unknown' : `${median(cpu).toFixed(1)} µs`;
    console.log(
      `${name.padEnd(28)} ${rate.toFixed(0).padStart(7)} req/s  ${share.padStart(5)} of bare  CPU ${cost}  failures ${failures}`,
    );
  }
}

async function main(): Promise<void> {
  const backend = await child('./backend.js');
  const bareProxy = await child('./bare-proxy.js', backend.origin);
  const issuer = await TestIssuer.start();
  const ours = await gateway(backend.origin, issuer);
  const audience = `${ours.origin}/http/backend`;
  const tokens = await Promise.all(
    Array.from({ length: people }, (_, i) =>
      issuer.accessToken({ subject: `person-${i}`, clientId: 'bench', audience, expiresIn: 3600 }),
    ),
  );
  const variant = (name: string, url: string, pid: number | undefined): Variant => ({
    name,
    url,
    pid,
    perSecond: [],
    cpuMicros: [],
    failures: 0,
  });
  const direct = variant('upstream directly', `${backend.origin}/items`, backend.pid);
  const bare = variant('bare node:http + undici', `${bareProxy.origin}/items`, bareProxy.pid);
  const gatewayRun = variant(
    'Symbolon /http/{upstream}',
    `${ours.origin}/http/backend/items`,
    ours.pid,
  );
  const variants = [direct, bare, gatewayRun];
  for (const each of variants) await run(each, tokens, 3, false);
  for (let round = 0; round < rounds; round += 1)
    for (const each of variants) await run(each, tokens, secondsPerRun, true);
  console.log(
    `${rounds} rounds of ${secondsPerRun} s, ${connections} connections, ${people} people, medians:`,
  );
  report(variants, bare);
  const ratios = gatewayRun.perSecond.map(
    (rate, round) => rate / (bare.perSecond[round] ?? Number.NaN),
  );
  const ratio = median(ratios);
  console.log(`Per round, of the bare proxy: ${ratios.map((each) => each.toFixed(2)).join(' ')}`);
  console.log(
    `The bar is ${bar} of the bare proxy: ${ratio.toFixed(2)}, ${ratio >= bar ? 'met' : 'missed'}.`,
  );
  process.exitCode = ratio >= bar && gatewayRun.failures === 0 ? 0 : 1;
  await Promise.all([ours.vault.stop(), issuer.stop()]);
}

try {
  await main();
} finally {
  for (const each of children) each.kill();
}

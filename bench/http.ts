import autocannon from 'autocannon';
import { cpuMicros } from './cpu-micros.js';
import { GatewayUnderLoad, personalUpstream } from './gateway-under-load.js';
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

async function main(stack: GatewayUnderLoad): Promise<void> {
  const backend = await stack.child('./backend.js');
  const bareProxy = await stack.child('./bare-proxy.js', backend.origin);
  const ours = await stack.gateway([personalUpstream('backend', 'http', backend.origin)]);
  const tokens = await stack.tokens(people, `${ours.origin}/http/backend`);
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
}

const stack = await GatewayUnderLoad.open();
try {
  await main(stack);
} finally {
  await stack.close();
}

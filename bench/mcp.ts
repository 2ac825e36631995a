import type { ToolPolicy } from '#lib/contract/tool-policy';
import { toolRule } from '#lib/contract/tool-policy';
import { closedLoop, type Asked, type Latencies } from './closed-loop.js';
import { cpuMicros } from './cpu-micros.js';
import { GatewayUnderLoad, type Listening, personalUpstream } from './gateway-under-load.js';
import { median } from './median.js';

/*
 * Calls of one tool through `/mcp/{upstream}` with borrowed tokens at hand, against the server itself; the same with
 * a policy of fifty rules; and the cached list of twenty servers with fifty tools each at `/mcp`. The rounds are
 * interleaved and the load generator shares the machine.
 */
const rounds = 7;
const load = { connections: 16, seconds: 2 };
const pace = 800;
const people = 50;
const servers = 20;
const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
};

const policy: ToolPolicy = {
  default: 'deny',
  rules: Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [
      i % 2 === 0 ? `main_${i}` : `main_${i}*`,
      toolRule.parse({ claims: { sub: { includes: 'nobody' } } }),
    ]).concat([['main_7', toolRule.parse({})]]),
  ),
};

function asked(url: string, token: string, method: string, name?: string): Asked {
  const params = {
    ...(name === undefined ? {} : { name, arguments: { id: 'x'.repeat(900) } }),
    _meta: meta,
  };
  return {
    url,
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      authorization: `Bearer ${token}`,
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(name === undefined ? {} : { 'mcp-name': name }),
    },
  };
}

interface Case {
  readonly name: string;
  readonly requests: readonly Asked[];
  /** Whose processor time counts. */
  readonly pid: number | undefined;
  readonly seen: Latencies[];
  /** The same at a fifth of what the gateway can do, so that nobody waits for a turn. */
  readonly paced: Latencies[];
  readonly cpuMicros: number[];
}

async function main(stack: GatewayUnderLoad): Promise<void> {
  const backend = await stack.child('./mcp-backend.js', 'main');
  const others = await Promise.all(
    Array.from({ length: servers }, (_, i) => stack.child('./mcp-backend.js', `server${i}`)),
  );
  const single = await stack.gateway([
    personalUpstream('open', 'mcp', backend.origin),
    personalUpstream('ruled', 'mcp', backend.origin, { tools: policy }),
  ]);
  const federated = await stack.gateway(
    others.map(({ origin }, i) => personalUpstream(`s${i}`, 'mcp', origin)),
  );
  const call = async (gateway: Listening, path: string) =>
    (await stack.tokens(people, gateway.origin)).map((token) =>
      asked(`${gateway.origin}${path}`, token, 'tools/call', 'main_7'),
    );
  const lists = (await stack.tokens(people, federated.origin)).map((token) =>
    asked(`${federated.origin}/mcp`, token, 'tools/list'),
  );
  const direct = [asked(backend.origin, 'none', 'tools/call', 'main_7')];
  const cases: Case[] = [
    { name: 'the server itself', requests: direct, ...counting(backend) },
    { name: '/mcp/{upstream}', requests: await call(single, '/mcp/open'), ...counting(single) },
    {
      name: '/mcp/{upstream}, 51 rules',
      requests: await call(single, '/mcp/ruled'),
      ...counting(single),
    },
    { name: `/mcp, list of ${servers} × 50`, requests: lists, ...counting(federated) },
  ];
  for (const one of cases) await closedLoop(one.requests, load);
  for (let round = 0; round < rounds; round += 1) for (const one of cases) await measure(one);
  report(cases);
}

const counting = ({ pid }: Listening) => ({ pid, seen: [], paced: [], cpuMicros: [] });

async function measure({ requests, pid, seen, paced, cpuMicros: cpu }: Case): Promise<void> {
  const before = cpuMicros(pid);
  const latencies = await closedLoop(requests, load);
  const after = cpuMicros(pid);
  seen.push(latencies);
  if (before !== undefined && after !== undefined)
    cpu.push((after - before) / (latencies.perSecond * load.seconds));
  paced.push(await closedLoop(requests, { ...load, perSecond: pace }));
}

function report(cases: readonly Case[]): void {
  console.log(
    `${rounds} rounds of ${load.seconds} s, ${load.connections} connections, ${people} people, medians:`,
  );
  for (const { name, seen, cpuMicros: cpu } of cases) {
    const of = (read: (one: Latencies) => number) => median(seen.map(read));
    const failures = seen.reduce((sum, one) => sum + one.failures, 0);
    console.log(
      `${name.padEnd(28)} p50 ${of((one) => one.p50)
        .toFixed(2)
        .padStart(6)} ms  p99 ${of((one) => one.p99)
        .toFixed(2)
        .padStart(6)} ms  ${of((one) => one.perSecond)
        .toFixed(0)
        .padStart(6)} req/s  CPU ${median(cpu).toFixed(0)} µs  failures ${failures}`,
    );
    if (failures > 0) process.exitCode = 1;
  }
  const [direct, open, ruled] = cases;
  const added = median(differences(open, direct));
  const unhurried = (one: Case | undefined) => median((one?.paced ?? []).map(({ p50 }) => p50));
  console.log(
    `At ${pace} requests a second: ${unhurried(direct).toFixed(2)} ms directly, ${unhurried(open).toFixed(2)} ms through /mcp/{upstream}, ${unhurried(ruled).toFixed(2)} ms with the rules.`,
  );
  const cost = median(ratios(ruled, open)) - 1;
  console.log(
    `Added by /mcp/{upstream} at the median: ${added.toFixed(2)} ms at full load, ${(unhurried(open) - unhurried(direct)).toFixed(2)} ms at that pace (bar: 1 ms).`,
  );
  console.log(
    `Added by the policy, of the time of a call: ${(cost * 100).toFixed(1)} % (bar: 5 %).`,
  );
}

function pairs(one: Case | undefined, other: Case | undefined): (readonly [number, number])[] {
  return (one?.seen ?? []).map(({ p50 }, i) => [p50, other?.seen[i]?.p50 ?? Number.NaN] as const);
}

const differences = (one: Case | undefined, other: Case | undefined) =>
  pairs(one, other).map(([a, b]) => a - b);
const ratios = (one: Case | undefined, other: Case | undefined) =>
  pairs(one, other).map(([a, b]) => a / b);

const stack = await GatewayUnderLoad.open();
try {
  await main(stack);
} finally {
  await stack.close();
}

import { GatewayUnderLoad } from '../harness/gateway-under-load.js';
import { personalUpstream } from '../harness/personal-upstream.js';
import type { Asked } from '../harness/asked.js';
import type { Bar, BenchCase, CaseResult, Effort } from '../harness/bench-case.js';
import { inRounds } from '../harness/in-rounds.js';
import { Lane, p50Of } from '../harness/lane.js';
import { type Listening, listening } from '../harness/listening.js';
import { LoadProcess } from '../harness/load-process.js';
import { median } from '../median.js';

const widths = [1, 5, 20];
const connections = 16;
const people = 20;
const listBarMs = 10;

type Method = 'tools/list' | 'tools/call';

interface Server extends Listening {
  readonly name: string;
}

export const federation: BenchCase = {
  name: 'federation',
  title:
    'the joined list and calls at /mcp over 1, 5 and 20 servers with 50 tools each, lists at hand, against one server itself',
  async run(effort, progress): Promise<CaseResult> {
    const startedMs = performance.now();
    const most = Math.max(...widths);
    progress(`starts ${most} servers and ${widths.length} gateways`);
    const stack = await GatewayUnderLoad.open();
    const servers = await Promise.all(Array.from({ length: most }, (_, i) => server(`server${i}`)));
    const generator = new LoadProcess();
    try {
      const lanes = await lanesOf(stack, servers, effort);
      progress('warms everybody up');
      for (const lane of lanes) await lane.warm(generator, warmSeconds(lane, effort));
      await inRounds(effort, startedMs, async (round) => {
        progress(`round ${round + 1} of ${effort.rounds}`);
        for (const lane of lanes) await lane.measure(generator);
      });
      return resultOf(lanes);
    } finally {
      generator.stop();
      for (const each of servers) each.stop();
      await stack.close();
    }
  },
};

/** Everybody's list is fetched from every server once. */
function warmSeconds({ entrant: { labels } }: Lane, { seconds }: Effort): number {
  const fetches = labels['method'] === 'tools/list' ? Number(labels['servers']) * people : 0;
  return seconds / 2 + fetches / 100;
}

async function server(name: string): Promise<Server> {
  return { ...(await listening('mcp-backend.js', name)), name };
}

async function lanesOf(
  stack: GatewayUnderLoad,
  servers: readonly Server[],
  { seconds }: Effort,
): Promise<readonly Lane[]> {
  const load = { connections, seconds: seconds / 2 };
  const lanes: Lane[] = [];
  const [one] = servers;
  if (one === undefined) return lanes;
  for (const method of ['tools/list', 'tools/call'] as const)
    lanes.push(
      new Lane({
        ...{ subject: 'the server itself', pid: one.pid, load },
        labels: { method, servers: 1, connections },
        asked: [asked(`${one.origin}/`, 'none', method, `${one.name}_7`)],
      }),
    );
  for (const width of widths) {
    const behind = servers.slice(0, width);
    const gateway = await stack.gateway(
      behind.map(({ origin }, i) => personalUpstream(`s${i}`, 'mcp', origin)),
    );
    const tokens = stack.tokens(people, gateway.origin);
    for (const method of ['tools/list', 'tools/call'] as const)
      lanes.push(
        new Lane({
          ...{ subject: 'Symbolon /mcp', pid: gateway.pid, load },
          labels: { method, servers: width, connections },
          asked: askedOf(`${gateway.origin}/mcp`, tokens, method, behind),
        }),
      );
  }
  return lanes;
}

/** Each person calls one server after another. */
function askedOf(
  url: string,
  tokens: readonly string[],
  method: Method,
  behind: readonly Server[],
): Asked[] {
  if (method === 'tools/list') return tokens.map((token) => asked(url, token, method, ''));
  return behind.flatMap(({ name }, i) =>
    tokens.map((token) => asked(url, token, method, `s${i}_${name}_7`)),
  );
}

function asked(url: string, token: string, method: Method, tool: string): Asked {
  const isCall = method === 'tools/call';
  const params = {
    ...(isCall ? { name: tool, arguments: { id: 'x'.repeat(900) } } : {}),
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'bench', version: '1' },
    },
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
      ...(isCall ? { 'mcp-name': tool } : {}),
    },
  };
}

function resultOf(lanes: readonly Lane[]): CaseResult {
  const ofMethod = (lane: Lane) => lane.entrant.labels['method'];
  const direct = lanes.slice(0, 2);
  const measurements = lanes.map((lane) =>
    lane.measurement(direct.find((one) => ofMethod(one) === ofMethod(lane))),
  );
  const widest = lanes.find(
    (lane) => lane.entrant.labels['servers'] === 20 && ofMethod(lane) === 'tools/list',
  );
  const bars: Bar[] = [
    {
      promise: `the cached list of 20 servers with 50 tools each, ${connections} connections: p50, ms`,
      measured: median((widest?.rounds ?? []).map(p50Of)),
      limit: { atMost: listBarMs },
    },
  ];
  return { measurements, bars, skipped: [] };
}

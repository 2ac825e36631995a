import type { UpstreamConfig } from '#lib/contract/config-snapshot';
import type { MeasuredGateway } from '../cold/measured-gateway.js';
import { GatewayUnderLoad } from '../harness/gateway-under-load.js';
import type { Asked } from '../harness/asked.js';
import type { BenchCase, CaseResult, Figure, Measurement } from '../harness/bench-case.js';
import { inRounds } from '../harness/in-rounds.js';
import { differences, Lane, ratios } from '../harness/lane.js';
import { LoadProcess } from '../harness/load-process.js';
import { toolCall } from '../harness/mcp-requests.js';
import { personalUpstream } from '../harness/personal-upstream.js';
import { fiftyOneRules } from '../harness/tool-rules.js';
import { upstreamRules } from '../harness/upstream-rules.js';
import { upstreamToken } from '../harness/upstream-token.js';

const people = 200;
const connections = 64;
const tool = 'main_7';

export const layers: BenchCase = {
  name: 'layers',
  title:
    'what each part of a call costs the gateway: the same call with one thing after another switched on by configuration, beside the bare proxy',
  async run(effort, progress): Promise<CaseResult> {
    const startedMs = performance.now();
    progress('starts the upstreams, the bare proxy and five gateways');
    const stack = await GatewayUnderLoad.open();
    const generator = new LoadProcess();
    try {
      const layered = await layersOf(stack, effort.seconds / 2);
      progress('warms everybody up');
      for (const { lane } of layered) await lane.warm(generator, effort.seconds / 2);
      await inRounds(effort, startedMs, async (round) => {
        progress(`round ${round + 1} of ${effort.rounds}`);
        for (const { lane } of layered) await lane.measure(generator);
      });
      const measurements = layered.map((layer) => measured(layer, layered[0]?.lane));
      return { measurements, bars: [], skipped: [] };
    } finally {
      generator.stop();
      await stack.close();
    }
  },
};

/** What is measured, and what it has all of but one thing. */
interface Layer {
  readonly lane: Lane;
  readonly upon?: Lane;
}

/** What is on in a whole process. `asSet` is a gateway as it starts without settings. */
const environments = {
  nothing: {
    ...{ SYMBOLON_LOG_LEVEL: 'warn', SYMBOLON_GATEWAY_SHED_DELAY_MS: '0' },
    SYMBOLON_GATEWAY_MAX_CALLS: '0',
  },
  line: { SYMBOLON_GATEWAY_SHED_DELAY_MS: '0', SYMBOLON_GATEWAY_MAX_CALLS: '0' },
  asSet: {},
};

const aTenth = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' };

const { access, limits, egress } = upstreamRules;
/** Each has what the one before it has. */
const upstreamSteps: readonly (readonly [subject: string, adds: Partial<UpstreamConfig>])[] = [
  ['+ rules for scope and claims', { access }],
  ['+ lists of methods, paths and headers', { egress }],
  ['+ limits per minute and of size', { limits }],
  ['+ a header for callers’ own tokens', { callerHeader: 'x-own-token' }],
];

async function layersOf(stack: GatewayUnderLoad, seconds: number): Promise<readonly Layer[]> {
  const api = await stack.child('backend.js');
  const server = await stack.child('mcp-backend.js', 'main');
  const bare = await stack.child('bare-proxy.js', api.origin, upstreamToken);
  const upstreams = [...httpUpstreams(api.origin), ...mcpUpstreams(server.origin)];
  const nothing = await stack.gateway(upstreams, environments.nothing);
  const line = await stack.gateway(upstreams, environments.line);
  const asSet = await stack.gateway(upstreams, environments.asSet);
  const sink = { OTEL_EXPORTER_OTLP_ENDPOINT: (await stack.child('trace-sink.js')).origin };
  const sampled = await stack.gateway(upstreams, { ...sink, ...aTenth });
  const traced = await stack.gateway(upstreams, sink);
  const lanes = new Lanes(stack, seconds);
  const started = lanes.http('Symbolon /http/{upstream}, as it starts', asSet, 'own');
  const message = lanes.mcp('/mcp/{upstream}, as it starts: a message is read', asSet, 'tools');
  const upwards = [
    lanes.bare('bare node:http + undici', bare),
    lanes.http('the token is verified', nothing, 'open'),
    lanes.http('+ each person’s own token', nothing, 'own'),
    lanes.http('+ a line for each call', line, 'own'),
    started,
    ...upstreamSteps.map(([subject], i) => lanes.http(subject, asSet, `step-${i}`)),
  ];
  return [
    ...upwards.map((lane, i) => ({ lane, upon: upwards[i - 1] })),
    { lane: lanes.http('as it starts, a span of each tenth call', sampled, 'own'), upon: started },
    { lane: lanes.http('as it starts, a span of each call', traced, 'own'), upon: started },
    { lane: message, upon: started },
    { lane: lanes.mcp('+ 51 rules for tools', asSet, 'ruled'), upon: message },
  ];
}

function httpUpstreams(origin: string): UpstreamConfig[] {
  const steps = upstreamSteps.map((_, i) => {
    const added = upstreamSteps.slice(0, i + 1).map(([, adds]) => adds);
    return personalUpstream(`step-${i}`, 'http', origin, Object.assign({}, ...added));
  });
  const open = personalUpstream('open', 'http', origin, { credential: { type: 'none' } });
  return [open, personalUpstream('own', 'http', origin), ...steps];
}

function mcpUpstreams(origin: string): UpstreamConfig[] {
  return [
    personalUpstream('tools', 'mcp', origin),
    personalUpstream('ruled', 'mcp', origin, { tools: fiftyOneRules(tool) }),
  ];
}

type Process = Pick<MeasuredGateway, 'origin' | 'pid'>;

class Lanes {
  constructor(
    private readonly stack: GatewayUnderLoad,
    private readonly seconds: number,
  ) {}

  bare(subject: string, { origin, pid }: Process): Lane {
    return this.#lane(subject, pid, postsOf(origin, this.stack.tokens(people, origin)));
  }

  http(subject: string, { origin, pid }: Process, slug: string): Lane {
    const tokens = this.stack.tokens(people, origin);
    return this.#lane(subject, pid, postsOf(`${origin}/http/${slug}`, tokens));
  }

  mcp(subject: string, { origin, pid }: Process, slug: string): Lane {
    const url = `${origin}/mcp/${slug}`;
    const tokens = this.stack.tokens(people, origin);
    return this.#lane(
      subject,
      pid,
      tokens.map((token) => toolCall({ url, token, tool })),
    );
  }

  #lane(subject: string, pid: number | undefined, asked: readonly Asked[]): Lane {
    const load = { connections, seconds: this.seconds };
    return new Lane({ subject, pid, asked, labels: { connections }, load });
  }
}

function postsOf(url: string, tokens: readonly string[]): Asked[] {
  const body = JSON.stringify({ note: 'y'.repeat(1013) });
  return tokens.map((token) => ({
    url: `${url}/items/1024`,
    body,
    headers: {
      ...{ authorization: `Bearer ${token}`, accept: 'application/json' },
      ...{ 'user-agent': 'bench', 'content-type': 'application/json' },
    },
  }));
}

function measured({ lane, upon }: Layer, bare: Lane | undefined): Measurement {
  const cpuOf = ({ cpuMicros }: Lane['rounds'][number]) => cpuMicros;
  const { throughput, 'CPU per request': cpu, ...others } = lane.measurement().figures;
  const of = (unit: string, rounds: readonly number[]): Figure => ({ unit, rounds });
  const figures = {
    'CPU per request': cpu,
    added: upon && of('µs', differences(lane, upon, cpuOf)),
    'CPU of bare': bare && lane !== bare ? of('×', ratios(lane, bare, cpuOf)) : undefined,
    ...{ throughput, p50: others['p50'] },
  };
  const known = Object.entries(figures).flatMap(([name, figure]) =>
    figure?.rounds.every(Number.isFinite) === true ? [[name, figure] as const] : [],
  );
  const { subject, labels: load } = lane.entrant;
  return { subject, load, figures: Object.fromEntries(known), failures: lane.failures };
}

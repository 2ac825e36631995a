import { MeasuredGateway } from '../cold/measured-gateway.js';
import { SigningIssuer } from '../cold/signing-issuer.js';
import type { Asked } from '../harness/asked.js';
import type { BenchCase, CaseResult, Figure, Measurement } from '../harness/bench-case.js';
import { inRounds } from '../harness/in-rounds.js';
import { Lane, rateOf, ratios } from '../harness/lane.js';
import { listening } from '../harness/listening.js';
import { LoadProcess } from '../harness/load-process.js';
import { openSession, toolCall } from '../harness/mcp-requests.js';
import { personalUpstream } from '../harness/personal-upstream.js';

const people = 200;
const connections = 64;
const counts = [1, 2] as const;

/** The same load on gateways of one worker and of more, the first being one. */
type Heat = readonly [one: Lane, ...more: Lane[]];

export const workers: BenchCase = {
  name: 'workers',
  title:
    'one gateway process against two workers and their supervisor; load and upstream are on the same cores, so read the cores too',
  async run(effort, progress) {
    const startedMs = performance.now();
    progress('starts an upstream of each kind and a gateway of each size');
    const running: { stop(): unknown }[] = [];
    const generator = new LoadProcess();
    try {
      const heats = await heatsOf(running, effort.seconds);
      for (const lane of heats.flat()) await lane.warm(generator, effort.seconds / 2);
      await inRounds(effort, startedMs, async (round) => {
        progress(`round ${round + 1} of ${effort.rounds}`);
        for (const lane of heats.flat()) await lane.measure(generator);
      });
      return resultOf(heats);
    } finally {
      generator.stop();
      await Promise.all(running.map((each) => each.stop()));
    }
  },
};

async function heatsOf(running: { stop(): unknown }[], seconds: number): Promise<readonly Heat[]> {
  const keep = <Started extends { stop(): unknown }>(started: Started): Started => {
    running.push(started);
    return started;
  };
  const api = keep(await listening('backend.js'));
  const server = keep(await listening('mcp-backend.js', 'main'));
  const issuer = keep(await SigningIssuer.start('ES256'));
  const upstreams = [
    personalUpstream('api', 'http', api.origin),
    personalUpstream('server', 'mcp', server.origin),
  ];
  const lanes: { readonly calls: Lane; readonly sessions: Lane }[] = [];
  for (const count of counts) {
    const environment = { SYMBOLON_GATEWAY_WORKERS: String(count) };
    const gateway = keep(await MeasuredGateway.start([issuer.config], upstreams, environment));
    const { origin, pid } = gateway;
    const tokens = Array.from({ length: people }, (_, i) => issuer.token(`person-${i}`, origin));
    const lane = (calls: string, asked: readonly Asked[]) =>
      new Lane({
        subject: count === 1 ? 'Symbolon, one process' : `Symbolon, ${count} workers`,
        ...{ pid, asked, labels: { calls, connections }, load: { connections, seconds } },
      });
    lanes.push({
      calls: lane('POST /http', postsOf(`${origin}/http/api/items/1024`, tokens)),
      sessions: lane('/mcp, legacy sessions', await sessionsOf(`${origin}/mcp/server`, tokens)),
    });
  }
  const [one, ...more] = lanes;
  if (one === undefined) return [];
  return [
    [one.calls, ...more.map(({ calls }) => calls)],
    [one.sessions, ...more.map(({ sessions }) => sessions)],
  ];
}

function postsOf(url: string, tokens: readonly string[]): Asked[] {
  const body = JSON.stringify({ note: 'y'.repeat(1013) });
  return tokens.map((token) => ({
    url,
    body,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
  }));
}

/** Any connection carries calls of any session: of two workers, every second call is passed on. */
function sessionsOf(url: string, tokens: readonly string[]): Promise<Asked[]> {
  return Promise.all(
    tokens.map(async (token) =>
      toolCall({ url, token, tool: 'main_7', session: await openSession(url, token) }),
    ),
  );
}

function resultOf(heats: readonly Heat[]): CaseResult {
  const measurements = heats.flatMap(([one, ...more]) => [
    measured(one),
    ...more.map((lane) => measured(lane, one)),
  ]);
  return { measurements, bars: [], skipped: [] };
}

function measured(lane: Lane, one?: Lane): Measurement {
  const measurement = lane.measurement();
  const cores = (read: (round: Lane['rounds'][number]) => number): Figure => ({
    unit: 'cores',
    rounds: lane.rounds.map((round) => (read(round) * round.perSecond) / 1e6),
  });
  const figures: Record<string, Figure> = {
    ...measurement.figures,
    ...(one === undefined
      ? {}
      : { 'of one process': { unit: '×', rounds: ratios(lane, one, rateOf) } }),
    'gateway uses': cores(({ cpuMicros }) => cpuMicros),
    'load uses': cores(({ generatorMicros }) => generatorMicros),
  };
  const known = Object.entries(figures).filter(([, { rounds }]) => rounds.every(Number.isFinite));
  return { ...measurement, figures: Object.fromEntries(known) };
}

import { residentMemory } from '../cold/process-memory.js';
import type { MeasuredGateway } from '../cold/measured-gateway.js';
import { GatewayUnderLoad } from '../harness/gateway-under-load.js';
import { personalUpstream } from '../harness/personal-upstream.js';
import type { Asked } from '../harness/asked.js';
import type { BenchCase, CaseResult, Figure } from '../harness/bench-case.js';
import { inRounds } from '../harness/in-rounds.js';
import { LoadProcess } from '../harness/load-process.js';
import { median } from '../median.js';
import type { OpenFigures } from '../overload/open-load.js';
import { inOwnProcess } from '../overload/open-process.js';

const people = 200;
/** Of the capacity that was measured in the same round. */
const factors = [2];
const connections = 2_000;
const body = JSON.stringify({ rows: 'x'.repeat(1_013) });
/** Of those who are let in, from the sending of their bytes, whatever is asked of the process. */
const mostP99Ms = 250;

export const overload: BenchCase = {
  name: 'overload',
  title: 'calls that come faster than they can be served, with load shedding and without',
  run: async (effort, progress) => {
    const startedMs = performance.now();
    const open = await GatewayUnderLoad.open();
    const generator = new LoadProcess();
    try {
      const entrants = await entrantsOf(open);
      const seconds = Math.max(1, effort.seconds);
      for (const entrant of entrants) await entrant.warm(generator);
      await inRounds({ ...effort, rounds: Math.min(3, effort.rounds) }, startedMs, async (i) => {
        for (const entrant of entrants) {
          progress(`round ${i + 1}, ${entrant.subject}`);
          for (const line of await entrant.round(generator, seconds)) progress(`  ${line}`);
        }
      });
      return resultOf(entrants);
    } finally {
      generator.stop();
      await open.close();
    }
  },
};

async function entrantsOf(open: GatewayUnderLoad): Promise<readonly Entrant[]> {
  const backend = await open.child('backend.js');
  const upstreams = [personalUpstream('reports', 'http', backend.origin)];
  const entrantOf = async (subject: string, environment = {}): Promise<Entrant> => {
    const gateway = await open.gateway(upstreams, environment);
    const tokens = open.tokens(people, gateway.origin);
    return new Entrant(subject, gateway, tokens);
  };
  return [
    await entrantOf('shedding as it is set'),
    await entrantOf('shedding switched off', { SYMBOLON_GATEWAY_SHED_DELAY_MS: '0' }),
  ];
}

interface Round extends OpenFigures {
  readonly capacity: number;
  readonly residentMiB: number;
}

class Entrant {
  readonly rounds = new Map<number, Round[]>(factors.map((factor) => [factor, []]));
  readonly #asked: readonly Asked[];

  constructor(
    readonly subject: string,
    private readonly gateway: MeasuredGateway,
    tokens: readonly string[],
  ) {
    const url = `${gateway.origin}/http/reports/items/1024`;
    this.#asked = tokens.map((token) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      return { url, headers, body };
    });
  }

  /** Code that is not warm yet would be taken for a small capacity. */
  async warm(generator: LoadProcess): Promise<void> {
    await generator.run(this.#asked, { connections: 64, seconds: 3 });
  }

  /** Answers what was answered, a line per load. */
  async round(generator: LoadProcess, seconds: number): Promise<readonly string[]> {
    const lines: string[] = [];
    const atCapacity = { connections: 64, seconds, warmUpSeconds: 1 };
    const { perSecond: capacity } = await generator.run(this.#asked, atCapacity);
    for (const [factor, rounds] of this.rounds) {
      const perSecond = Math.round(capacity * factor);
      const load = { perSecond, seconds: 2 * seconds, warmUpSeconds: 2, connections };
      const figures = await inOwnProcess(this.#asked, load);
      rounds.push({ ...figures, capacity, residentMiB: residentMemory(this.gateway.pid).now });
      lines.push(`${factor} × ${Math.round(capacity)}/s: ${JSON.stringify(figures.statuses)}`);
    }
    return lines;
  }
}

function resultOf(entrants: readonly Entrant[]): CaseResult {
  const measurements = entrants.flatMap((entrant) =>
    [...entrant.rounds].map(([factor, rounds]) => ({
      subject: entrant.subject,
      load: { 'of capacity': `${factor} ×`, connections },
      figures: figuresOf(rounds),
      failures: rounds.reduce((sum, { failures }) => sum + failures, 0),
    })),
  );
  const [shedding] = entrants;
  const bars = [...(shedding?.rounds ?? [])].map(([factor, rounds]) => ({
    promise: `p99 of the admitted calls at ${factor} × the capacity, from their sending, ms`,
    // Where nobody was admitted, nobody was in time.
    measured: median(rounds.map(({ fromSent: { p99 } }) => (Number.isNaN(p99) ? 60_000 : p99))),
    limit: { atMost: mostP99Ms },
  }));
  return { measurements, bars, skipped: [] };
}

function figuresOf(rounds: readonly Round[]): Readonly<Record<string, Figure>> {
  const figure = (unit: string, read: (round: Round) => number): Figure => ({
    unit,
    rounds: rounds.map(read),
  });
  return {
    capacity: figure('req/s', ({ capacity }) => capacity),
    offered: figure('req/s', ({ offeredPerSecond }) => offeredPerSecond),
    admitted: figure('req/s', ({ admittedPerSecond }) => admittedPerSecond),
    'admitted p50': figure('ms', ({ fromSent }) => fromSent.p50),
    'admitted p99': figure('ms', ({ fromSent }) => fromSent.p99),
    'p99 with the wait for a free connection': figure('ms', ({ fromDue }) => fromDue.p99),
    shed: figure('%', ({ shedShare }) => 100 * shedShare),
    unanswered: figure('%', ({ unansweredShare }) => 100 * unansweredShare),
    RSS: figure('MiB', ({ residentMiB }) => residentMiB),
  };
}

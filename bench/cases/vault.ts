import type { Bar, BenchCase, CaseResult, Effort, Measurement } from '../harness/bench-case.js';
import { inRounds } from '../harness/in-rounds.js';
import { Lane, rateOf, ratios } from '../harness/lane.js';
import { LoadProcess } from '../harness/load-process.js';
import { median } from '../median.js';
import { VaultUnderLoad } from '../vault/vault-under-load.js';

const people = 60;
const connections = [16, 64];

/** The subjects of one number of connections. */
interface Field {
  readonly connections: number;
  readonly row: Lane;
  readonly opened: Lane;
  readonly exchange: Lane;
}

export const vault: BenchCase = {
  name: 'vault',
  title:
    'RFC 8693 exchanges of a stored, valid token at one vault, against a bare select by key over HTTP on the same durable Postgres',
  async run(effort, progress): Promise<CaseResult> {
    const startedMs = performance.now();
    progress(`starts a vault, and ${people} people consent`);
    const load = await VaultUnderLoad.open(people);
    const generator = new LoadProcess();
    try {
      const race = await Race.of(load, effort);
      progress('warms everybody up');
      await race.warm(generator);
      await inRounds(effort, startedMs, async (round) => {
        progress(`exchanges, round ${round + 1} of ${effort.rounds}`);
        await race.round(generator);
      });
      return { measurements: race.measurements(), bars: race.bars(), skipped: [] };
    } finally {
      generator.stop();
      await load.close();
    }
  },
};

class Race {
  readonly #postgres = new Map<Lane, number[]>();

  private constructor(
    private readonly load: VaultUnderLoad,
    private readonly seconds: number,
    private readonly fields: readonly Field[],
  ) {}

  static async of(load: VaultUnderLoad, { seconds }: Effort): Promise<Race> {
    const [row, opened] = [await load.bare('sealed'), await load.bare('opened')];
    await load.renew();
    const fields = connections.map((count) => {
      const lane = (subject: string, who: Pick<Lane['entrant'], 'pid' | 'asked'>) => {
        const labels = { connections: count };
        return new Lane(Object.assign(who, { subject, labels, load: { ...labels, seconds } }));
      };
      return {
        connections: count,
        row: lane('bare node:http, one pg select by key', { ...row }),
        opened: lane('bare Fastify, the same and opened', { ...opened }),
        exchange: lane('Symbolon, RFC 8693 exchange', load.asking()),
      };
    });
    return new Race(load, seconds, fields);
  }

  async warm(generator: LoadProcess): Promise<void> {
    for (const lane of this.#lanes()) await lane.warm(generator, this.seconds);
  }

  async round(generator: LoadProcess): Promise<void> {
    await this.load.renew();
    for (const lane of this.#lanes()) {
      const before = this.load.postgresCpuMicros();
      await lane.measure(generator);
      const used = this.load.postgresCpuMicros() - before;
      const each = used / (lane.rounds.at(-1)?.answers ?? Number.NaN);
      this.#postgres.set(lane, [...(this.#postgres.get(lane) ?? []), each]);
    }
  }

  measurements(): Measurement[] {
    return this.fields.flatMap(({ row, opened, exchange }) =>
      [row, opened, exchange].map((lane) => this.#withPostgres(lane, lane.measurement(row))),
    );
  }

  bars(): Bar[] {
    return this.fields.map(({ connections: count, row, exchange }) => ({
      promise: `exchange of a bare pg select by key over HTTP, ${count} connections`,
      measured: median(ratios(exchange, row, rateOf)),
      limit: { atLeast: 0.5 },
    }));
  }

  #withPostgres(lane: Lane, measurement: Measurement): Measurement {
    const rounds = this.#postgres.get(lane) ?? [];
    if (!rounds.every(Number.isFinite)) return measurement;
    const figure = { unit: 'µs', rounds };
    return {
      ...measurement,
      figures: { ...measurement.figures, 'CPU of Postgres per request': figure },
    };
  }

  #lanes(): Lane[] {
    return this.fields.flatMap(({ row, opened, exchange }) => [row, opened, exchange]);
  }
}

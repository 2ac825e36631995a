import { setTimeout as sleep } from 'node:timers/promises';
import { changeRegistry } from '../change-registry.js';
import { type CostOfLooking, costOfLooking } from '../cost-of-looking.js';
import { cpuMicros } from '../cpu-micros.js';
import { beginDue } from '../fall-due.js';
import { fillGrants } from '../fill-grants.js';
import type { Asked } from '../harness/asked.js';
import type { BenchCase, CaseResult, Effort, Figure, Measurement } from '../harness/bench-case.js';
import { inRounds } from '../harness/in-rounds.js';
import { Lane, rateOf } from '../harness/lane.js';
import { LoadProcess } from '../harness/load-process.js';
import { sealedGrants } from '../sealed-grants.js';
import type { Times } from '../summary.js';
import { VaultUnderLoad } from '../vault/vault-under-load.js';
import { WatchedProvider } from '../watched-provider.js';

const grants = 100_000;
const mostDue = 1_000;
/** As many as a registration may allow, and what the vault's background takes of them. */
const limit = 100;
const share = 75;
const longestMs = 20_000;

export const refresh: BenchCase = {
  name: 'refresh',
  title: `what looking for due grants costs at ${grants.toLocaleString('en')} of them, and grants that fall due together against the provider's own token endpoint (a million grants: npm run bench:scale)`,
  async run(effort, progress): Promise<CaseResult> {
    const startedMs = performance.now();
    progress('starts a vault');
    const load = await VaultUnderLoad.open(2);
    const generator = new LoadProcess();
    try {
      const herd = await Herd.of(load, effort);
      progress(`fills in ${grants} grants`);
      await fillGrants(load.stack, 0, grants);
      progress('looks while nothing is due');
      const cost = await costOfLooking(herd, Math.ceil(3 * effort.seconds));
      await inRounds(effort, startedMs, async (round) => {
        progress(`${herd.due} grants fall due, round ${round + 1} of ${effort.rounds}`);
        await herd.round(generator);
      });
      return {
        measurements: [...lookingMeasurements(cost), ...herd.measurements()],
        bars: [
          {
            promise: `a look with nothing due at ${grants} grants, p50, ms in Postgres`,
            measured: cost.poll.p50,
            limit: { atMost: 1 },
          },
        ],
        skipped: [],
      };
    } finally {
      generator.stop();
      await load.close();
    }
  },
};

/** Grants with refresh tokens of the provider, which fall due together once in each round. */
class Herd {
  readonly #rates: number[] = [];
  readonly #cpu: number[] = [];
  /** Not refreshed in time. */
  #missing = 0;

  private constructor(
    private readonly load: VaultUnderLoad,
    readonly due: number,
    readonly provider: WatchedProvider,
    private readonly direct: Lane,
  ) {}

  static async of(load: VaultUnderLoad, { seconds }: Effort): Promise<Herd> {
    const { stack } = load;
    const due = Math.min(mostDue, Math.max(200, Math.round(150 * seconds)));
    await sealedGrants(stack, stack.provider, 'provider', due);
    await changeRegistry(stack, 'oauth-clients/provider', { maxConcurrentRequests: limit });
    const direct = new Lane({
      ...{ subject: "the provider's token endpoint itself", pid: undefined },
      labels: { connections: share },
      asked: tokenRequests(load),
      load: { connections: share, seconds },
    });
    return new Herd(load, due, new WatchedProvider(stack.provider), direct);
  }

  get stack() {
    return this.load.stack;
  }

  get log() {
    return this.load.log;
  }

  async round(generator: LoadProcess): Promise<void> {
    const { stack, provider } = this;
    provider.watch(0);
    // The requests of a round are the same ones: their refresh tokens must stay good.
    const { rotation } = stack.provider.families;
    stack.provider.families.rotation = { kind: 'same' };
    await this.direct.measure(generator);
    stack.provider.families.rotation = rotation;
    provider.watch(0);
    const before = cpuMicros(this.load.pid) ?? Number.NaN;
    await beginDue(stack, 'provider', this.due);
    const untilMs = performance.now() + longestMs;
    while (provider.refreshes < this.due && performance.now() < untilMs) await sleep(20);
    // The last are stored, or the next round's due time would be overwritten.
    await sleep(500);
    const refreshed = provider.refreshes;
    this.#missing += this.due - refreshed;
    const used = (cpuMicros(this.load.pid) ?? Number.NaN) - before;
    const [first = 0, last = 0] = [provider.arrivals[0], provider.arrivals.at(-1)];
    this.#rates.push(((refreshed - 1) * 1000) / (last - first));
    this.#cpu.push(used / refreshed);
  }

  measurements(): Measurement[] {
    const direct = this.direct.rounds.map(rateOf);
    const cpu: Record<string, Figure> = this.#cpu.every(Number.isFinite)
      ? { 'CPU per request': { unit: 'µs', rounds: this.#cpu } }
      : {};
    const refreshed: Measurement = {
      subject: `Symbolon, ${this.due} grants due together`,
      load: { connections: share },
      figures: {
        throughput: { unit: 'req/s', rounds: this.#rates },
        'of the provider': {
          unit: '×',
          rounds: this.#rates.map((rate, i) => rate / (direct[i] ?? Number.NaN)),
        },
        ...cpu,
      },
      failures: this.#missing,
    };
    return [this.direct.measurement(), refreshed];
  }
}

function tokenRequests({ stack: { provider } }: VaultUnderLoad): Asked[] {
  const about = { clientId: 'symbolon', scope: 'offline_access openid read' };
  return Array.from({ length: share }, (_, i) => {
    const family = provider.families.start({ subject: `direct-${i}`, ...about });
    const form = {
      grant_type: 'refresh_token',
      refresh_token: provider.families.issue(family),
      client_id: 'symbolon',
      client_secret: 'provider-secret',
    };
    return {
      url: `${provider.issuer}/token`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    };
  });
}

function lookingMeasurements({ poll, claim }: CostOfLooking): Measurement[] {
  const measurement = (subject: string, { p50, p99 }: Times): Measurement => ({
    subject,
    load: { grants },
    figures: { p50: { unit: 'ms', rounds: [p50] }, p99: { unit: 'ms', rounds: [p99] } },
    failures: 0,
  });
  return [
    measurement('a look with nothing due, in Postgres', poll),
    measurement('taking on one that is due, in Postgres', claim),
  ];
}

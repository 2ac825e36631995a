import { median } from '../median.js';
import type { Effort, Measurement } from './bench-case.js';
import { inRounds } from './in-rounds.js';
import type { Lane } from './lane.js';
import { LoadProcess } from './load-process.js';

/** Whoever was not at work begins slowly, because the processor has forgotten it: not counted. */
const startSeconds = 0.08;

/** Lanes under the same load, by name; `bare` is what the others' throughput is divided by. */
export interface Heat<Name extends string> {
  readonly lanes: ReadonlyMap<Name | 'bare', Lane>;
  /**
   * How often it goes round in each round, each time for a share of its time: who is compared is measured closely one after
   * the other, and often. 0: once, in the first round and in every second one.
   */
  readonly laps: number;
}

/** All heats in turn, again and again: whoever is compared is measured within the same half minute. */
export class Race<Name extends string> {
  constructor(private readonly heats: readonly Heat<Name>[]) {}

  async run(effort: Effort, startedMs: number, progress: (line: string) => void): Promise<void> {
    const generator = new LoadProcess();
    try {
      progress('warms everybody up');
      for (const { lanes, laps } of this.heats)
        for (const lane of lanes.values())
          await lane.warm(generator, effort.seconds * (laps > 2 ? 0.75 : 0.15));
      await inRounds(effort, startedMs, async (round) => {
        progress(`round ${round + 1} of ${effort.rounds}`);
        for (const [i, { lanes, laps }] of this.heats.entries()) {
          const now = laps > 0 ? laps : Number(round === 0 || (round + i) % 2 === 0);
          for (let lap = 0; lap < now; lap += 1) await goRound(generator, lanes, laps > 0);
        }
      });
    } finally {
      generator.stop();
    }
  }

  get measurements(): Measurement[] {
    return this.heats.flatMap(({ lanes }) =>
      [...lanes.values()].map((lane) =>
        // Who is paced answers as many as are asked for.
        lane.measurement(lane.entrant.load.perSecond === undefined ? lanes.get('bare') : undefined),
      ),
    );
  }
}

async function goRound(
  generator: LoadProcess,
  lanes: ReadonlyMap<string, Lane>,
  isShort: boolean,
): Promise<void> {
  for (const lane of lanes.values()) {
    if (isShort) await lane.warm(generator, startSeconds);
    await lane.measure(generator);
  }
}

/** The median over the rounds of a heat; undefined where one of the two was not measured. */
export function compared<Name extends string>(
  { lanes }: Heat<Name>,
  [one, other]: readonly [Name | 'bare', Name | 'bare'],
  by: (one: Lane, other: Lane) => readonly number[],
): number | undefined {
  const first = lanes.get(one);
  const second = lanes.get(other);
  return first && second && median(by(first, second));
}

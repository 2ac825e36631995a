import type { Clock } from '#lib/clock/clock';
import type { Use } from './use.js';
import type { CredentialAnswer } from './credentials.js';

/** One exchange under way. */
export interface Flight {
  readonly use: Use;
  readonly startedMs: number;
  /** The caller's token that it is made with. */
  token: string;
  /** Something it may have read was withdrawn since it started. */
  overtaken: boolean;
  answer: Promise<CredentialAnswer>;
}

// Without heartbeats, what an older flight will answer may already be known to be wrong elsewhere.
const joinableWhenStaleMs = 1000;

/** At most one exchange per key at a time; whoever else asks waits for its answer. */
export class Flights {
  readonly #byKey = new Map<string, Flight>();

  constructor(private readonly clock: Clock) {}

  join(key: string, fresh: boolean): Flight | undefined {
    const flight = this.#byKey.get(key);
    if (flight === undefined || fresh) return flight;
    return this.clock.monotonicMs() - flight.startedMs < joinableWhenStaleMs ? flight : undefined;
  }

  start(
    key: string,
    use: Use,
    fly: (flight: Flight) => Promise<CredentialAnswer>,
  ): Promise<CredentialAnswer> {
    const flight: Flight = {
      use,
      startedMs: this.clock.monotonicMs(),
      token: '',
      overtaken: false,
      answer: Promise.resolve({ kind: 'unavailable', retryAfterSeconds: 1, detail: 'not started' }),
    };
    this.#byKey.set(key, flight);
    flight.answer = fly(flight).finally(() => {
      if (this.#byKey.get(key) === flight) this.#byKey.delete(key);
    });
    return flight.answer;
  }

  /** Marks what `concerned` says: those flights ask once more. */
  overtake(concerned: (use: Use) => boolean): void {
    for (const flight of this.#byKey.values()) if (concerned(flight.use)) flight.overtaken = true;
  }
}

export interface RoundsOptions {
  /** Pause before the first round, at most, and after one that failed or said nothing. */
  readonly everyMs: number;
  readonly onError: (error: unknown) => void;
}

/**
 * Background work in rounds, one at a time. Each may say after how many milliseconds the next begins; pauses are
 * spread by a fifth, so that replicas do not keep in step.
 */
export class Rounds {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(
    private readonly round: () => Promise<number | void>,
    private readonly options: RoundsOptions,
  ) {}

  start(): void {
    this.#stopped = false;
    this.#next(this.options.everyMs * Math.random());
  }

  /** Resolves when the round under way has ended; no other begins. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  #next(ms: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => (this.#running = this.#go()), ms);
  }

  async #go(): Promise<void> {
    const { everyMs, onError } = this.options;
    let pauseMs: number | void = everyMs;
    try {
      pauseMs = await this.round();
    } catch (error) {
      onError(error);
    }
    this.#next((pauseMs ?? everyMs) * (0.8 + 0.4 * Math.random()));
  }
}

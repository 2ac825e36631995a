/** Somewhere that work waits its turn. */
export interface RequestLimit {
  run<T>(work: () => Promise<T>): Promise<T>;
}

/** For work whose caller has waited already. */
export const noLimit: RequestLimit = { run: (work) => work() };

/** At most `size` pieces of work at once; the rest wait in order of arrival. */
export class ConcurrencyLimit implements RequestLimit {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly size: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.size)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      // The place passes on directly, so that nobody can slip in between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}

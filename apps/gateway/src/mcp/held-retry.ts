const perKey = 8;
const perReplica = 1000;

/** Retries that wait for a person: few per person and upstream, a bounded number in all. */
export class HeldRetries {
  readonly #byKey = new Map<string, number>();
  #all = 0;

  /** Takes a place and answers how to leave it; undefined: there is none (answer 429). */
  enter(key: string): (() => void) | undefined {
    const held = this.#byKey.get(key) ?? 0;
    if (held >= perKey || this.#all >= perReplica) return undefined;
    this.#byKey.set(key, held + 1);
    this.#all += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#leave(key);
    };
  }

  #leave(key: string): void {
    const held = (this.#byKey.get(key) ?? 1) - 1;
    if (held === 0) this.#byKey.delete(key);
    else this.#byKey.set(key, held);
    this.#all -= 1;
  }
}

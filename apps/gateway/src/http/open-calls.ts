/** How many calls each person has open: one person’s streams must not use up the gateway (row 30). */
export class OpenCalls {
  readonly #open = new Map<string, number>();

  constructor(private readonly limit = 128) {}

  /** False where the person has too many open already; else `leave` must follow. */
  enter(person: string): boolean {
    const open = this.#open.get(person) ?? 0;
    if (open >= this.limit) return false;
    this.#open.set(person, open + 1);
    return true;
  }

  leave(person: string): void {
    const open = this.#open.get(person) ?? 0;
    if (open <= 1) this.#open.delete(person);
    else this.#open.set(person, open - 1);
  }
}

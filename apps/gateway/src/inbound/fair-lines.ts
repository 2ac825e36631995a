/** Who waits, in a line per origin; the lines are served in turn, so that a long one delays none but its own. */
export class FairLines<Item> {
  readonly #lines = new Map<string, Item[]>();
  #size = 0;

  constructor(private readonly most: { readonly inAll: number; readonly inLine: number }) {}

  get size(): number {
    return this.#size;
  }

  /** False where there is no room. */
  push(origin: string, item: Item): boolean {
    const line = this.#lines.get(origin) ?? [];
    if (this.#size >= this.most.inAll || line.length >= this.most.inLine) return false;
    line.push(item);
    this.#lines.set(origin, line);
    this.#size += 1;
    return true;
  }

  /** The first of the line whose turn it is. */
  shift(): Item | undefined {
    for (const [origin, line] of this.#lines) {
      const item = line.shift();
      // Behind all others, if there is more of it.
      this.#lines.delete(origin);
      if (line.length > 0) this.#lines.set(origin, line);
      this.#size -= 1;
      return item;
    }
    return undefined;
  }
}
